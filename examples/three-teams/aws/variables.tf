################################################################################
# From the other teams
################################################################################

variable "hostnames" {
  description = "From the Azure team: `hostnames`. The subdomain is the Azure team's choice, so it can be told before the account is made."
  type        = list(string)
  default     = null

  validation {
    condition     = try(length(var.hostnames) > 0, false)
    error_message = "hostnames is missing: the host names of the Azure OpenAI account, which the proxies forward to. It is the output hostnames of the Azure team's state (examples/three-teams/azure), for example [\"acme.openai.azure.com\"]; that state can be applied first, without anything of this one."
  }

  validation {
    condition     = var.hostnames == null ? true : alltrue([for host in var.hostnames : can(regex("^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\\.)+[a-z]{2,63}$", host))])
    error_message = "hostnames must be plain host names in lower case, without scheme, port, path or wildcard: write \"acme.openai.azure.com\", not \"https://acme.openai.azure.com/\"."
  }
}

variable "firewall" {
  description = <<-EOT
    From the Azure team: `firewall`, what the account's firewall lists by now. Left out as long as there is nothing: then no proxy is started.
    `admitted_public_ips` are the proxies' addresses that it lists, `effective_ip_rules` all of its entries, whoever's they are; `on_destroy` is what becomes of the proxies' entries when the Azure team destroys them.
  EOT
  type = object({
    admitted_public_ips = set(string)
    effective_ip_rules  = optional(set(string), [])
    on_destroy          = optional(string)
  })
  default  = { admitted_public_ips = [] }
  nullable = false

  validation {
    condition     = alltrue([for ip in var.firewall.admitted_public_ips : can(cidrnetmask("${ip}/32"))])
    error_message = "admitted_public_ips of firewall must hold single IPv4 addresses, as the output firewall of the Azure team's state (examples/three-teams/azure) shows them."
  }
}

variable "vpc_endpoint_id" {
  description = "From the Databricks team: `vpc_endpoint_id`, the VPC endpoint whose connection is to be accepted. Null as long as there is none."
  type        = string
  default     = null

  validation {
    condition     = var.vpc_endpoint_id == null ? true : can(regex("^vpce-[0-9a-f]+$", var.vpc_endpoint_id))
    error_message = "vpc_endpoint_id must be the id of a VPC endpoint (vpce-…, and not that of an endpoint service, vpce-svc-…), as the output vpc_endpoint_id of the Databricks team's state (examples/three-teams/databricks) shows it."
  }
}

################################################################################
# Own
################################################################################

variable "name" {
  description = "Prefix of every name that is given here."
  type        = string
  default     = "openai-link"
}

variable "region" {
  description = "AWS region of the Databricks workspaces. Default: that of the environment (AWS_REGION)."
  type        = string
  default     = null
}

variable "architecture" {
  description = "Processor of the proxies and of the Lambda function: `arm64` or `x86_64`."
  type        = string
  default     = "arm64"
}

variable "min_size" {
  description = "Smallest number of proxies. Fewer are started while the firewall lists fewer addresses."
  type        = number
  default     = 2

  validation {
    condition     = var.min_size >= 1 && floor(var.min_size) == var.min_size
    error_message = "min_size must be a whole number, 1 or more. No proxy is started anyhow before firewall is given."
  }
}

variable "max_size" {
  description = "Largest number of proxies, and number of Elastic IPs."
  type        = number
  default     = 2

  validation {
    condition     = var.max_size >= var.min_size && floor(var.max_size) == var.max_size
    error_message = "max_size must be a whole number, not smaller than min_size."
  }
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
  description = "Tags for everything that is made here."
  type        = map(string)
  default     = {}
}
