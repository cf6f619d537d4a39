variable "account_id" {
  description = "The account of the boundary (12 digits)."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "account_id must be 12 digits, in quotes so that leading zeros stay."
  }
}

variable "artifact_bucket" {
  description = "Bucket that workloads write captured requests and training outputs to."
  type        = string
  nullable    = false
}

variable "bounds" {
  description = "Whom the boundary bounds: `workload`, roles of containers, functions and callers; `queue`, roles of the training queue's functions; `deployment`, roles of people and pipelines."
  type        = string
  nullable    = false

  validation {
    condition     = contains(["workload", "queue", "deployment"], var.bounds)
    error_message = "bounds must be workload, queue or deployment."
  }
}

variable "environment" {
  description = "The environment's name; with the project it is the prefix of every role."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9](-?[a-z0-9])*$", var.environment))
    error_message = "environment takes lower-case letters, digits and single hyphens."
  }
}

variable "organization_id" {
  description = "For `deployment`: the AWS organization outside of which nothing is touched; null bounds nothing."
  type        = string
  default     = null

  validation {
    condition     = var.organization_id == null || can(regex("^o-[a-z0-9]{10,32}$", var.organization_id))
    error_message = "organization_id looks like o-a1b2c3d4e5, or is null."
  }
}

variable "project" {
  description = "The project's name; with the environment it is the prefix of every role."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9](-?[a-z0-9])*$", var.project))
    error_message = "project takes lower-case letters, digits and single hyphens."
  }
}

variable "region" {
  description = "The region that workloads run in."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region must look like eu-west-1."
  }
}
