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
}

variable "azure_openai_hostname" {
  description = "Host name of the account's own subdomain, for example `acme.openai.azure.com`."
  type        = string
}

variable "network_connectivity_config_id" {
  description = "Id of the Databricks network connectivity configuration (NCC) that the workspace is bound to."
  type        = string
}

variable "wait_for_rule" {
  description = "Wait during the apply until the Databricks administrator has added the private endpoint rule."
  type        = bool
  default     = true
}

variable "ami_id" {
  description = "Image of the proxies. Default: the latest Amazon Linux 2023, which has nginx among its packages."
  type        = string
  default     = null
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

variable "deletion_protection" {
  description = "Refuse to destroy the Elastic IPs. Apply `false` before a destroy."
  type        = bool
  default     = true
}
