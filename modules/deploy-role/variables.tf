variable "access" {
  description = "What the role is for: `plan` reads, `deploy-foundation` and `deploy-serving` apply one root each, `promote` is the glue's, `approve` decides about releases, `break-glass` records that gates are passed, `prune` removes what is no longer needed, `train` submits jobs. The table below says what each may do."
  type        = string
  nullable    = false

  validation {
    condition     = contains(["plan", "deploy-foundation", "deploy-serving", "promote", "approve", "break-glass", "prune", "train"], var.access)
    error_message = "access must be one of plan, deploy-foundation, deploy-serving, promote, approve, break-glass, prune, train."
  }
}

variable "account_id" {
  description = "The account of the role (12 digits)."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "account_id must be 12 digits, in quotes so that leading zeros stay."
  }
}

variable "approval_by_others" {
  description = "For `promote`: whether what it registers waits for an approval that it cannot give itself."
  type        = bool
  default     = false
  nullable    = false
}

variable "boundary_arn" {
  description = "Permissions boundary of the role: the `deployment` one of modules/role-boundary."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:aws:iam::[0-9]{12}:policy/.+$", var.boundary_arn))
    error_message = "boundary_arn must be the ARN of an IAM policy of this account."
  }
}

variable "environment" {
  description = "The environment's name; with the project it is the prefix of all names."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9](-?[a-z0-9])*$", var.environment))
    error_message = "environment takes lower-case letters, digits and single hyphens."
  }
}

variable "identity_providers" {
  description = "Pipelines that may assume the role, by name: an OpenID Connect provider of this account, its host and path, the audience, and the subjects. A subject names one repository or project; `*` may stand only after it."
  type = map(object({
    arn      = string
    host     = string
    audience = string
    subjects = set(string)
  }))
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for provider in var.identity_providers : length(provider.subjects) > 0 && provider.audience != ""])
    error_message = "Each of identity_providers needs an audience and at least one subject; without a subject every pipeline of the provider could assume the role."
  }

  # GitHub Actions: repo:<owner>/<repository>:<what>. CircleCI: org/<id>/project/<id>/user/<id>. Others: no wildcard.
  validation {
    condition = alltrue(flatten([
      for provider in var.identity_providers : [
        for subject in provider.subjects : anytrue([
          !can(regex("[*?]", subject)),
          can(regex("^repo:[^*?/:]+/[^*?/:]+:[^*?:]+(:.*)?$", subject)),
          can(regex("^org/[0-9a-f-]{36}/project/[0-9a-f-]{36}/user/", subject)),
        ])
      ]
    ]))
    error_message = "A subject must name one repository or project: repo:<owner>/<repository>:environment:<name>, or org/<id>/project/<id>/user/*. A wildcard in the owner, repository or project, or for all that a repository runs, is refused."
  }

  validation {
    condition     = alltrue([for provider in var.identity_providers : can(regex("^arn:aws:iam::[0-9]{12}:oidc-provider/.+$", provider.arn)) && endswith(provider.arn, ":oidc-provider/${provider.host}")])
    error_message = "arn of identity_providers must be arn:aws:iam::<account>:oidc-provider/<host>, with the host given beside it."
  }
}

variable "operator_arns" {
  description = "Principals that may assume the role, as exact ARNs. Empty means the account's own root: its administrators decide by IAM; `approve` and `break-glass` need names."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.operator_arns : can(regex("^arn:aws:(iam|sts)::[0-9]{12}:[a-z-]+/[^*?]+$", arn))])
    error_message = "operator_arns takes exact ARNs of roles or users, without wildcards."
  }
}

variable "organization_id" {
  description = "The AWS organization that people must come from; null asks for none. Pipelines come from their identity provider, which is in no organization."
  type        = string
  default     = null

  validation {
    condition     = var.organization_id == null || can(regex("^o-[a-z0-9]{10,32}$", var.organization_id))
    error_message = "organization_id looks like o-a1b2c3d4e5, or is null."
  }
}

variable "project" {
  description = "The project's name; with the environment it is the prefix of all names."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9](-?[a-z0-9])*$", var.project))
    error_message = "project takes lower-case letters, digits and single hyphens."
  }
}

variable "promotes_from" {
  description = "For `promote`: the environment whose releases the role reads; null means that releases are made here, and then the role may push images."
  type = object({
    name       = string
    account_id = string
    region     = string
  })
  default = null
}

variable "queue_boundary_arn" {
  description = "The boundary that the roles of the training queue's functions must carry: the `queue` one of modules/role-boundary. Null means that the environment has no training queue."
  type        = string
  default     = null

  validation {
    condition     = var.queue_boundary_arn == null || can(regex("^arn:aws:iam::[0-9]{12}:policy/.+$", var.queue_boundary_arn))
    error_message = "queue_boundary_arn must be the ARN of an IAM policy of this account, or null where there is no training queue."
  }
}

variable "region" {
  description = "The region that the role works in."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region must look like eu-west-1."
  }
}

variable "workload_boundary_arn" {
  description = "The boundary that every role made by this role must carry: the `workload` one of modules/role-boundary."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:aws:iam::[0-9]{12}:policy/.+$", var.workload_boundary_arn))
    error_message = "workload_boundary_arn must be the ARN of an IAM policy of this account."
  }
}
