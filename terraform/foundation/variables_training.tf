variable "training_package" {
  description = "Path of the training queue's functions; null is what `make build` makes."
  type        = string
  default     = null
}

variable "training_templates" {
  description = "Folder of the job templates that training_queue.schedules name; null is environments/<environment>/training of this repository."
  type        = string
  default     = null
}
