variable "dashboard" {
  description = "Whether to make a CloudWatch dashboard with the endpoint's name."
  type        = bool
  default     = true
  nullable    = false
}

variable "name" {
  description = "Endpoint name; every model, config, alarm and policy name begins with it."
  type        = string
  nullable    = false

  validation {
    # SageMaker writes ARNs of endpoints in lower case: another name would not match the policies made from it.
    condition     = can(regex("^[a-z0-9](-?[a-z0-9])*$", var.name)) && length(var.name) <= 63
    error_message = "endpoint ${var.name}: a name has 1 to 63 lower-case letters, digits and single hyphens, and this one has ${length(var.name)} characters. Rename the endpoint."
  }
}

variable "notification_topic_arns" {
  description = "SNS topics that hear of alarms."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.notification_topic_arns : can(regex("^arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:.+$", arn))])
    error_message = "endpoint ${var.name}: notification_topic_arns takes ARNs of SNS topics; correct ${join(", ", [for arn in var.notification_topic_arns : arn if !can(regex("^arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:.+$", arn))])}."
  }
}

variable "region" {
  description = "Region of the endpoint, for the dashboard's charts."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "endpoint ${var.name}: region ${var.region} is not a region. Write it as eu-west-1."
  }
}
