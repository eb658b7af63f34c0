################################################################################
# From the other teams
################################################################################

variable "proxy_public_ips" {
  description = "From the AWS team: `public_ips`. Empty as long as there are none: then the account admits nobody."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for ip in var.proxy_public_ips : can(cidrnetmask("${ip}/32"))])
    error_message = "proxy_public_ips must hold single IPv4 addresses, as the output public_ips of the AWS team's state (examples/three-teams/aws) shows them."
  }
}

################################################################################
# Own
################################################################################

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

  validation {
    condition     = can(regex("^[a-z][a-z0-9]+$", var.azure_location))
    error_message = "azure_location must be a region in its short form: write \"eastus\", not \"East US\"."
  }
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

variable "tags" {
  description = "Tags for everything that is made here."
  type        = map(string)
  default     = {}
}
