# Every stock resource and data source of the Azure provider that the modules use, once. `revision`
# changes what a user changes later on: tags, a deployment's capacity, its upgrade option.

terraform {
  required_providers {
    azurerm = {
      source  = "hashicorp/azurerm"
      version = ">= 4.62, < 6"
    }
  }
}

variable "revision" {
  type    = number
  default = 1
}

variable "log_analytics_workspace_id" {
  type = string
}

variable "user_assigned_identity_id" {
  type = string
}

locals {
  tags = { team = "ai", revision = tostring(var.revision) }
}

# What is the default up to 4.x, and asks the most of the cloud.
provider "azurerm" {
  features {}
  resource_provider_registrations = "legacy"
}

data "azurerm_client_config" "this" {}

data "azurerm_subscription" "this" {}

resource "azurerm_resource_group" "this" {
  name     = "rg-contract"
  location = "East US"
  tags     = local.tags
}

data "azurerm_resource_group" "this" {
  name = azurerm_resource_group.this.name
}

resource "azurerm_cognitive_account" "openai" {
  name                  = "contract-openai"
  resource_group_name   = azurerm_resource_group.this.name
  location              = azurerm_resource_group.this.location
  kind                  = "OpenAI"
  sku_name              = "S0"
  custom_subdomain_name = "contract-openai"
  local_auth_enabled    = false
  tags                  = local.tags

  network_acls {
    default_action = "Deny"
    bypass         = "None"
  }

  identity {
    type = "SystemAssigned"
  }

  lifecycle {
    ignore_changes = [network_acls]
  }
}

resource "azurerm_cognitive_account" "ai_services" {
  name                  = "contract-foundry"
  resource_group_name   = azurerm_resource_group.this.name
  location              = azurerm_resource_group.this.location
  kind                  = "AIServices"
  sku_name              = "S0"
  custom_subdomain_name = "contract-foundry"
  local_auth_enabled    = var.revision == 1

  network_acls {
    default_action = "Deny"
    bypass         = "AzureServices"
    ip_rules       = ["52.94.76.0/24", "52.95.110.1"]
  }

  identity {
    type         = "SystemAssigned, UserAssigned"
    identity_ids = [var.user_assigned_identity_id]
  }

  lifecycle {
    ignore_changes = [network_acls]
  }
}

# Nothing orders these: only the provider's own lock keeps one from meeting the other.
resource "azurerm_cognitive_deployment" "openai" {
  for_each             = { chat = "gpt-4o", mini = "gpt-4o-mini", spare = "gpt-4.1" }
  name                 = each.key
  cognitive_account_id = azurerm_cognitive_account.openai.id

  model {
    format  = "OpenAI"
    name    = each.value
    version = { gpt-4o = "2024-11-20", gpt-4o-mini = "2024-07-18", "gpt-4.1" = "2025-04-14" }[each.value]
  }

  sku {
    name     = "GlobalStandard"
    capacity = 10 * var.revision
  }

  rai_policy_name        = each.key == "spare" ? "Microsoft.Default" : null
  version_upgrade_option = var.revision == 1 ? "OnceCurrentVersionExpired" : "NoAutoUpgrade"
}

# Azure gives a model without a version its default one, which the provider then wants to take away.
resource "azurerm_cognitive_deployment" "unversioned" {
  name                 = "embeddings"
  cognitive_account_id = azurerm_cognitive_account.ai_services.id

  model {
    format = "OpenAI"
    name   = "text-embedding-3-small"
  }

  sku {
    name = "Standard"
  }

  lifecycle {
    ignore_changes = [model[0].version]
  }
}

resource "azurerm_monitor_diagnostic_setting" "groups" {
  name                       = "groups"
  target_resource_id         = azurerm_cognitive_account.openai.id
  log_analytics_workspace_id = var.log_analytics_workspace_id

  enabled_log {
    category_group = "allLogs"
  }

  enabled_metric {
    category = "AllMetrics"
  }
}

resource "azurerm_monitor_diagnostic_setting" "categories" {
  name                           = "categories"
  target_resource_id             = azurerm_cognitive_account.ai_services.id
  log_analytics_workspace_id     = var.log_analytics_workspace_id
  log_analytics_destination_type = "Dedicated"

  dynamic "enabled_log" {
    for_each = var.revision == 1 ? ["Audit"] : ["Audit", "RequestResponse"]
    content {
      category = enabled_log.value
    }
  }
}

data "azurerm_cognitive_account" "this" {
  name                = azurerm_cognitive_account.ai_services.name
  resource_group_name = azurerm_cognitive_account.ai_services.resource_group_name
}
