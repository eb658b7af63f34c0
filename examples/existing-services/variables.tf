variable "name" {
  description = "Prefix of every name that is given here."
  type        = string
  default     = "openai-link"
}

variable "region" {
  description = "AWS region of the Databricks workspace; the proxies must be in the same. Default: that of the environment (AWS_REGION)."
  type        = string
  default     = null
}

variable "azure_openai_account_id" {
  description = "Azure resource id of the Azure OpenAI account: `/subscriptions/…/resourceGroups/…/providers/Microsoft.CognitiveServices/accounts/…`."
  type        = string

  validation {
    condition     = can(regex("(?i)^/subscriptions/[0-9a-f-]{36}/resourceGroups/[^/]+/providers/Microsoft\\.CognitiveServices/accounts/[^/]+$", var.azure_openai_account_id))
    error_message = "azure_openai_account_id must be the whole resource id of the account, as `az cognitiveservices account show --query id` prints it."
  }
}

variable "azure_openai_hostname" {
  description = "Host name of the account's own subdomain, for example `acme.openai.azure.com`."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]*(\\.[a-z0-9-]+)+$", var.azure_openai_hostname))
    error_message = "azure_openai_hostname must be a host name in lower case without scheme or path: write \"acme.openai.azure.com\", not \"https://acme.openai.azure.com/\"."
  }
}

variable "network_connectivity_config_id" {
  description = "Id of the Databricks network connectivity configuration (NCC) that the workspace is bound to."
  type        = string
}

variable "wait_for_rule" {
  description = "Wait during the apply until the Databricks administrator has added the private endpoint rule. With `false` the apply ends without it, and a later one accepts the connection: for HCP Terraform, which shows outputs only after an apply."
  type        = bool
  default     = true
}

variable "approval_timeout" {
  description = "How long an apply waits for the rule and the connection, for example `60m`."
  type        = string
  default     = "60m"
}

variable "architecture" {
  description = "Processor of the proxies and of the Lambda function: `arm64` or `x86_64`."
  type        = string
  default     = "arm64"
}

variable "min_size" {
  description = "Smallest number of proxies."
  type        = number
  default     = 2
}

variable "max_size" {
  description = "Largest number of proxies, and number of Elastic IPs."
  type        = number
  default     = 2
}

variable "vpc_cidr" {
  description = "IPv4 range of the VPC that is made for the proxies."
  type        = string
  default     = "10.64.0.0/22"
}

variable "azs" {
  description = "Availability zones of the proxies. Default: the first three of the region."
  type        = list(string)
  default     = null
}

variable "alarm_actions" {
  description = "What the alarms start, for example the ARN of an SNS topic. Without any, they show on the dashboard alone."
  type        = list(string)
  default     = []
}

variable "deletion_protection" {
  description = "Refuse to destroy the Elastic IPs. Apply `false` before a destroy."
  type        = bool
  default     = true
}

variable "tags" {
  description = "Tags for everything in AWS."
  type        = map(string)
  default     = {}
}
