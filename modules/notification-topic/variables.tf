variable "account_id" {
  description = "The account that owns the topic (12 digits); services publish on behalf of this account only."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "account_id must be 12 digits, in quotes so that leading zeros stay."
  }
}

variable "name" {
  description = "The topic's name, 1 to 256 letters, digits, hyphens and underscores."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{1,250}$", var.name))
    error_message = "A topic's name has 1 to 250 letters, digits, hyphens and underscores."
  }
}

variable "publisher_services" {
  description = "AWS services that may publish for this account, such as cloudwatch.amazonaws.com."
  type        = set(string)
  default     = ["cloudwatch.amazonaws.com"]
  nullable    = false

  validation {
    condition = length(var.publisher_services) > 0 && alltrue([
      for service in var.publisher_services : can(regex("^[a-z0-9.-]+\\.amazonaws\\.com$", service))
    ])
    error_message = "publisher_services needs at least one service principal, such as cloudwatch.amazonaws.com."
  }
}

variable "region" {
  description = "The topic's region."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region must look like eu-west-1."
  }
}

variable "subscribers" {
  description = "Who is told, by name: a protocol and its endpoint, and a filter: attributes of a message with the values that count, all of them (empty: every message). An e-mail address must be confirmed by its owner."
  type = map(object({
    protocol = string
    endpoint = string
    filter   = optional(map(set(string)), {})
  }))
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for subscriber in var.subscribers : contains(["email", "https", "lambda", "sqs"], subscriber.protocol)])
    error_message = "A subscriber's protocol is one of email, https, lambda, sqs."
  }

  # https://docs.aws.amazon.com/sns/latest/dg/subscription-filter-policy-constraints.html
  validation {
    condition = alltrue([
      for subscriber in var.subscribers : length(subscriber.filter) <= 5 && alltrue([for attribute, values in subscriber.filter : length(values) > 0 && can(regex("^[A-Za-z0-9_.-]+$", attribute))])
    ])
    error_message = "A subscriber's filter has 5 attributes at most, each with one value at least. Leave an attribute out to hear of all its values."
  }
}
