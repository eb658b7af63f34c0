variable "name" {
  description = "Prefix of every name that is given in AWS, and name of what is made in Databricks."
  type        = string
  default     = "openai-link"
}

variable "region" {
  description = "AWS region of the Databricks workspaces; everything in AWS is made there. Default: that of the environment (AWS_REGION)."
  type        = string
  default     = null
}

variable "azure_openai_name" {
  description = "Name of the Azure OpenAI account to make, and its subdomain: `<name>.openai.azure.com`. Lower-case letters, digits and hyphens; unique in all of Azure."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{0,61}[a-z0-9]$", var.azure_openai_name))
    error_message = "azure_openai_name must have 2 to 63 lower-case letters, digits and hyphens, and begin and end with a letter or a digit, for example \"acme-models\"."
  }
}

variable "azure_location" {
  description = "Azure region of the account, for example `eastus`."
  type        = string
}

variable "deployments" {
  description = "Model deployments of the account, by name; `capacity` is in thousands of tokens per minute."
  type = map(object({
    model_name    = string
    model_version = optional(string)
    sku_name      = optional(string, "GlobalStandard")
    capacity      = optional(number, 1)
  }))
  default = {
    chat = {
      model_name = "gpt-4o"
      capacity   = 10
    }
  }
}

variable "databricks_workspace_ids" {
  description = "Ids of the Databricks workspaces to connect: numbers, as in their URLs after `o=`."
  type        = set(number)

  validation {
    condition     = length(var.databricks_workspace_ids) > 0
    error_message = "databricks_workspace_ids must name at least one workspace, for example [1234567890123456]."
  }
}

variable "allowed_internet_destinations" {
  description = "Further host names that the workspaces' serverless workloads may reach. The account's is allowed by itself, and nothing else on the internet is."
  type        = list(string)
  default     = []
}

variable "enforcement_mode" {
  description = "`ENFORCED`, or `DRY_RUN` to log for a while what the network policy would refuse."
  type        = string
  default     = "ENFORCED"

  validation {
    condition     = contains(["ENFORCED", "DRY_RUN"], var.enforcement_mode)
    error_message = "enforcement_mode must be \"ENFORCED\" or \"DRY_RUN\"."
  }
}

variable "approval_timeout" {
  description = "How long an apply waits for the connection between the clouds, for example `60m`."
  type        = string
  default     = "60m"
}

variable "restore_network_connectivity_config_id" {
  description = "Network connectivity configuration that a destroy binds the workspaces to. Needed only for workspaces that have none today."
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

  validation {
    condition     = var.min_size >= 1 && floor(var.min_size) == var.min_size
    error_message = "min_size must be a whole number, 1 or more; 2 or more keep the link up while a proxy is replaced."
  }
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
  description = "Tags for everything in AWS and Azure."
  type        = map(string)
  default     = {}
}
