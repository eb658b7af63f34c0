################################################################################
# Account
################################################################################

variable "name" {
  description = "Name of the account. Letters, digits, hyphens, periods and underscores, 2 to 64 characters. Needed unless `account_id` is given."
  type        = string
  default     = null

  validation {
    condition     = var.account_id != null || var.name != null
    error_message = "name is needed to make an account. Write one, or give the id of an existing account as account_id."
  }

  validation {
    condition     = var.name == null ? true : can(regex("^[a-zA-Z0-9][a-zA-Z0-9_.-]{1,63}$", var.name))
    error_message = "name must have 2 to 64 characters, only letters, digits, hyphens, periods and underscores, and begin with a letter or a digit, for example \"acme-models\"."
  }
}

variable "account_id" {
  description = <<-EOT
    ARM id of an existing account of kind OpenAI or AIServices, in the azurerm provider's subscription. Nothing but deployments and diagnostic settings is made on it, and no setting of the account itself is changed: the inputs for them are not used.
    It must be known in the plan.
  EOT
  type        = string
  default     = null

  validation {
    condition     = var.account_id == null ? true : can(regex("(?i)^/subscriptions/[^/]+/resourceGroups/[^/]+/providers/Microsoft\\.CognitiveServices/accounts/[^/]+$", var.account_id))
    error_message = "account_id must be the ARM id of an account: \"/subscriptions/<subscription>/resourceGroups/<group>/providers/Microsoft.CognitiveServices/accounts/<name>\", as `az cognitiveservices account show --query id` prints it."
  }
}

variable "location" {
  description = "Azure region of the account, in its short form: `eastus`. Default: that of the resource group, where that exists already. Write it also where the same apply makes the resource group elsewhere."
  type        = string
  default     = null

  validation {
    condition     = var.location != null || var.account_id != null || !var.create_resource_group
    error_message = "location is needed to make a resource group and an account. Write a region, for example \"eastus\", or use an existing resource group by create_resource_group = false."
  }

  validation {
    condition     = var.location == null ? true : can(regex("^[a-z][a-z0-9]+$", var.location))
    error_message = "location must be a region in its short form, lower-case letters and digits without blanks: write \"eastus\", not \"East US\"."
  }
}

variable "resource_group_name" {
  description = "Resource group of the account. Default: `rg-<name>`."
  type        = string
  default     = null

  validation {
    condition     = var.resource_group_name == null ? true : can(regex("^[-a-zA-Z0-9._()]{0,89}[-a-zA-Z0-9_()]$", var.resource_group_name))
    error_message = "resource_group_name must have 1 to 90 characters, only letters, digits, hyphens, periods, underscores and parentheses, and not end with a period."
  }
}

variable "create_resource_group" {
  description = "Make the resource group. Set to `false` to use an existing one."
  type        = bool
  default     = true
  nullable    = false
}

variable "kind" {
  description = "Kind of the account: `OpenAI`, or `AIServices` for models of other makers as well. One can be turned into the other in place."
  type        = string
  default     = "OpenAI"
  nullable    = false

  validation {
    condition     = contains(["OpenAI", "AIServices"], var.kind)
    error_message = "kind must be \"OpenAI\" or \"AIServices\"."
  }
}

variable "sku_name" {
  description = "Pricing tier of the account. `S0` charges by use."
  type        = string
  default     = "S0"
  nullable    = false

  validation {
    condition     = can(regex("^[A-Z]{1,2}[0-9]?$", var.sku_name))
    error_message = "sku_name must be a pricing tier of Azure AI accounts, as a rule \"S0\"."
  }
}

variable "custom_subdomain_name" {
  description = "Custom subdomain of the account: its host name is `<custom_subdomain_name>.openai.azure.com`. Lower-case letters, digits and hyphens, 2 to 63 characters, unique in all of Azure. It cannot be changed later: another one makes another account. Default: `name`."
  type        = string
  default     = null

  validation {
    condition     = var.custom_subdomain_name == null ? true : can(regex("^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])$", var.custom_subdomain_name))
    error_message = "custom_subdomain_name must have 2 to 63 characters, only lower-case letters, digits and hyphens, and neither begin nor end with a hyphen: write \"acme-models\" for acme-models.openai.azure.com."
  }

  validation {
    condition     = var.account_id != null || var.custom_subdomain_name != null || var.name == null ? true : can(regex("^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])$", var.name))
    error_message = "custom_subdomain_name is needed, since this name cannot serve as one: it must have 2 to 63 characters, only lower-case letters, digits and hyphens, and neither begin nor end with a hyphen."
  }
}

variable "tags" {
  description = "Tags for the account, and for the resource group where the module makes it."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = length(var.tags) <= 50 && alltrue([for key, value in var.tags : length(key) <= 512 && length(value) <= 256 && !can(regex("[<>%&\\\\?/]", key))])
    error_message = "tags must be 50 at most, with keys of 512 characters at most and without any of < > % & \\ ? /, and values of 256 at most."
  }
}

################################################################################
# Access
################################################################################

variable "local_auth_enabled" {
  description = "Let callers use the account's API keys. With `false` they need a token of Microsoft Entra ID and a role on the account, and azurerm keeps no keys in the state."
  type        = bool
  default     = true
  nullable    = false
}

variable "public_network_access_enabled" {
  description = "Let callers in from the addresses that the firewall lists. With `false` private endpoints are the only way in, and the entries, those of the link included, are without effect."
  type        = bool
  default     = true
  nullable    = false
}

variable "network_acls_bypass" {
  description = "Who passes the firewall without an entry: `None`, or `AzureServices` for those of Azure that Microsoft trusts (with a role on the account)."
  type        = string
  default     = "None"
  nullable    = false

  validation {
    condition     = contains(["None", "AzureServices"], var.network_acls_bypass)
    error_message = "network_acls_bypass must be \"None\" or \"AzureServices\"."
  }
}

variable "managed_identities" {
  description = "Identities of the account itself: whether it has one of its own, and the ARM ids of user-assigned ones."
  type = object({
    system_assigned            = optional(bool, false)
    user_assigned_resource_ids = optional(set(string), [])
  })
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for id in var.managed_identities.user_assigned_resource_ids : can(regex("(?i)^/subscriptions/[^/]+/resourceGroups/[^/]+/providers/Microsoft\\.ManagedIdentity/userAssignedIdentities/[^/]+$", id))])
    error_message = "managed_identities.user_assigned_resource_ids must be ARM ids of user-assigned identities: \"/subscriptions/<subscription>/resourceGroups/<group>/providers/Microsoft.ManagedIdentity/userAssignedIdentities/<name>\"."
  }
}

################################################################################
# Deployments
################################################################################

variable "deployments" {
  description = <<-EOT
    Deployments of models, by name (2 to 64 letters, digits, hyphens, periods and underscores).
    `model_name`: the model, for example `gpt-4o`.
    `model_version`: its version, for example `2024-11-20`. Without one Azure takes its default version, and the module looks away when Azure moves on. To add or remove the version of a deployment later makes the deployment anew.
    `model_format`: maker of the model. Default: `OpenAI`.
    `sku_name`: `Standard`, `GlobalStandard`, `DataZoneStandard`, `GlobalBatch`, `DataZoneBatch`, `ProvisionedManaged`, `GlobalProvisionedManaged` or `DataZoneProvisionedManaged`. Default: `GlobalStandard`.
    `capacity`: thousands of tokens per minute, or provisioned throughput units. Default: 1.
    `rai_policy_name`: content filter. Default: Azure's.
    `version_upgrade_option`: `OnceNewDefaultVersionAvailable`, `OnceCurrentVersionExpired` or `NoAutoUpgrade`. Default: the second where a version is written, else the first.
    `dynamic_throttling_enabled`: let requests over the limit pass while there is capacity to spare.
  EOT
  type = map(object({
    model_name                 = string
    model_version              = optional(string)
    model_format               = optional(string, "OpenAI")
    sku_name                   = optional(string, "GlobalStandard")
    capacity                   = optional(number, 1)
    rai_policy_name            = optional(string)
    version_upgrade_option     = optional(string)
    dynamic_throttling_enabled = optional(bool)
  }))
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for name in keys(var.deployments) : can(regex("^[a-zA-Z0-9._-]{2,64}$", name))])
    error_message = "deployments must be named by 2 to 64 letters, digits, hyphens, periods and underscores, for example \"gpt-4o\"."
  }

  validation {
    condition     = length(distinct([for name in keys(var.deployments) : lower(name)])) == length(var.deployments)
    error_message = "deployments must have names that differ in more than upper and lower case: to Azure they are the same."
  }

  validation {
    condition = alltrue([for deployment in values(var.deployments) : alltrue([
      for text in [deployment.model_name, deployment.model_format, deployment.model_version, deployment.rai_policy_name] : try(trimspace(text) != "", true)
    ])])
    error_message = "deployments: model_name, model_format, model_version and rai_policy_name must not be blank. Leave out what should be Azure's default."
  }

  validation {
    condition = alltrue([for deployment in values(var.deployments) : contains([
      "Standard", "GlobalStandard", "DataZoneStandard", "GlobalBatch", "DataZoneBatch",
      "ProvisionedManaged", "GlobalProvisionedManaged", "DataZoneProvisionedManaged",
    ], deployment.sku_name)])
    error_message = "deployments: sku_name must be Standard, GlobalStandard, DataZoneStandard, GlobalBatch, DataZoneBatch, ProvisionedManaged, GlobalProvisionedManaged or DataZoneProvisionedManaged."
  }

  validation {
    condition     = alltrue([for deployment in values(var.deployments) : deployment.capacity >= 1 && floor(deployment.capacity) == deployment.capacity])
    error_message = "deployments: capacity must be a whole number, 1 or more: thousands of tokens per minute, or provisioned throughput units."
  }

  validation {
    condition = alltrue([for deployment in values(var.deployments) : deployment.version_upgrade_option == null ? true : contains(
      ["OnceNewDefaultVersionAvailable", "OnceCurrentVersionExpired", "NoAutoUpgrade"], deployment.version_upgrade_option,
    )])
    error_message = "deployments: version_upgrade_option must be OnceNewDefaultVersionAvailable, OnceCurrentVersionExpired or NoAutoUpgrade."
  }
}

################################################################################
# Diagnostics
################################################################################

variable "diagnostic_settings" {
  description = <<-EOT
    Diagnostic settings of the account, by a key of your choice, in the shape of Azure Verified Modules.
    `name`: default `diag-<name of the account>-<key>`.
    `log_categories` (`Audit`, `RequestResponse`, `Trace`) or `log_groups` (`allLogs`, `audit`), not both. Default: all logs.
    `metric_categories`: default all metrics.
    At least one destination: `workspace_resource_id`, `storage_account_resource_id`, `event_hub_authorization_rule_resource_id` (with `event_hub_name`, or the name is Azure's choice), `marketplace_partner_resource_id`.
    `log_analytics_destination_type`: `Dedicated` or `AzureDiagnostics`. Default: Azure's choice.
  EOT
  type = map(object({
    name                                     = optional(string)
    log_categories                           = optional(set(string), [])
    log_groups                               = optional(set(string))
    metric_categories                        = optional(set(string), ["AllMetrics"])
    log_analytics_destination_type           = optional(string)
    workspace_resource_id                    = optional(string)
    storage_account_resource_id              = optional(string)
    event_hub_authorization_rule_resource_id = optional(string)
    event_hub_name                           = optional(string)
    marketplace_partner_resource_id          = optional(string)
  }))
  default  = {}
  nullable = false

  validation {
    condition = alltrue([for setting in values(var.diagnostic_settings) : anytrue([
      setting.workspace_resource_id != null,
      setting.storage_account_resource_id != null,
      setting.event_hub_authorization_rule_resource_id != null,
      setting.marketplace_partner_resource_id != null,
    ])])
    error_message = "diagnostic_settings: each needs a destination: workspace_resource_id, storage_account_resource_id, event_hub_authorization_rule_resource_id or marketplace_partner_resource_id."
  }

  validation {
    condition = alltrue([for setting in values(var.diagnostic_settings) :
      setting.log_groups == null || length(setting.log_categories) + length(setting.metric_categories) + length(coalesce(setting.log_groups, [])) > 0
    ])
    error_message = "diagnostic_settings: each needs a category: write at least one of log_groups, log_categories and metric_categories that is not empty."
  }

  validation {
    condition     = alltrue([for setting in values(var.diagnostic_settings) : length(setting.log_categories) == 0 || length(coalesce(setting.log_groups, [])) == 0])
    error_message = "diagnostic_settings: Azure takes log_categories or log_groups in one setting, not both. Leave one of them out."
  }

  validation {
    condition     = alltrue([for setting in values(var.diagnostic_settings) : setting.log_analytics_destination_type == null ? true : contains(["Dedicated", "AzureDiagnostics"], setting.log_analytics_destination_type)])
    error_message = "diagnostic_settings: log_analytics_destination_type must be \"Dedicated\" or \"AzureDiagnostics\"."
  }

  validation {
    condition     = alltrue([for setting in values(var.diagnostic_settings) : setting.event_hub_name == null || setting.event_hub_authorization_rule_resource_id != null])
    error_message = "diagnostic_settings: event_hub_name goes with event_hub_authorization_rule_resource_id."
  }

  validation {
    condition     = alltrue([for key, setting in var.diagnostic_settings : can(regex("^[^<>*%&:\\\\?+/]{1,260}$", coalesce(setting.name, "diag-${key}")))])
    error_message = "diagnostic_settings: a name must have 1 to 260 characters, without any of < > * % & : \\ ? + /. Without a name, the key is part of it."
  }
}
