mock_provider "azurerm" {
  source          = "./tests/mocks"
  override_during = plan
}

mock_provider "crosscloudlink" {
  source          = "./tests/mocks"
  override_during = plan
}

variables {
  name     = "acme-models"
  location = "eastus"
}

run "account_is_closed_from_its_first_moment" {
  command = plan

  assert {
    condition     = azurerm_cognitive_account.this[0].network_acls[0].default_action == "Deny" && azurerm_cognitive_account.this[0].network_acls[0].bypass == "None"
    error_message = "Nobody may call the account before the firewall lists them."
  }

  assert {
    condition     = azurerm_cognitive_account.this[0].public_network_access_enabled && azurerm_cognitive_account.this[0].local_auth_enabled
    error_message = "Public access must be on, or the entries are without effect; keys are on unless turned off."
  }

  assert {
    condition     = azurerm_cognitive_account.this[0].kind == "OpenAI" && azurerm_cognitive_account.this[0].sku_name == "S0" && azurerm_cognitive_account.this[0].custom_subdomain_name == "acme-models"
    error_message = "Without further input the account is of kind OpenAI, with its name as subdomain."
  }

  assert {
    condition     = length(azurerm_cognitive_account.this[0].identity) == 0 && output.principal_id == null
    error_message = "Without further input the account has no identity."
  }
}

run "group_is_named_after_the_account" {
  command = plan

  assert {
    condition     = azurerm_resource_group.this[0].name == "rg-acme-models" && azurerm_resource_group.this[0].location == "eastus" && azurerm_cognitive_account.this[0].resource_group_name == "rg-acme-models"
    error_message = "The account must lie in a resource group of its own."
  }

  assert {
    condition     = data.crosscloudlink_aoai_account_availability.this[0].resource_group_name == "rg-acme-models" && data.crosscloudlink_aoai_account_availability.this[0].custom_subdomain_name == "acme-models"
    error_message = "Azure must be asked for what is going to be made."
  }
}

run "hosts_are_known_in_the_plan" {
  command = plan

  assert {
    condition     = output.hostname == "acme-models.openai.azure.com" && output.hostnames == ["acme-models.openai.azure.com"] && output.endpoint == "https://acme-models.openai.azure.com/"
    error_message = "An account of kind OpenAI has one host name."
  }
}

run "ai_services" {
  command = plan

  variables {
    kind                  = "AIServices"
    name                  = "Acme.Models"
    custom_subdomain_name = "acme"
  }

  assert {
    condition     = output.hostnames == ["acme.openai.azure.com", "acme.cognitiveservices.azure.com", "acme.services.ai.azure.com"]
    error_message = "An account of kind AIServices answers under three domains."
  }

  assert {
    condition     = azurerm_cognitive_account.this[0].kind == "AIServices" && output.kind == "AIServices" && output.account_name == "Acme.Models"
    error_message = "The kind and the name must be those asked for."
  }
}

run "deployments" {
  command = plan

  variables {
    deployments = {
      chat  = { model_name = "gpt-4o", model_version = "2024-11-20", capacity = 50, rai_policy_name = "strict", dynamic_throttling_enabled = true }
      embed = { model_name = "text-embedding-3-large", sku_name = "Standard" }
    }
  }

  assert {
    condition = (
      azurerm_cognitive_deployment.this["chat"].model[0].name == "gpt-4o" &&
      azurerm_cognitive_deployment.this["chat"].model[0].version == "2024-11-20" &&
      azurerm_cognitive_deployment.this["chat"].sku[0].name == "GlobalStandard" &&
      azurerm_cognitive_deployment.this["chat"].sku[0].capacity == 50 &&
      azurerm_cognitive_deployment.this["chat"].rai_policy_name == "strict" &&
      azurerm_cognitive_deployment.this["chat"].dynamic_throttling_enabled
    )
    error_message = "A deployment must be what was asked for."
  }

  assert {
    condition     = azurerm_cognitive_deployment.this["chat"].version_upgrade_option == "OnceCurrentVersionExpired"
    error_message = "Azure must not move away from a version that is written before it has to."
  }

  assert {
    condition = (
      azurerm_cognitive_deployment.unpinned["embed"].model[0].version == null &&
      azurerm_cognitive_deployment.unpinned["embed"].version_upgrade_option == "OnceNewDefaultVersionAvailable" &&
      azurerm_cognitive_deployment.unpinned["embed"].sku[0].name == "Standard" &&
      azurerm_cognitive_deployment.unpinned["embed"].sku[0].capacity == 1
    )
    error_message = "A deployment without a version is Azure's to upgrade."
  }

  assert {
    condition     = length(azurerm_cognitive_deployment.this) == 1 && length(azurerm_cognitive_deployment.unpinned) == 1 && join(" ", output.deployment_names) == "chat embed" && join(" ", keys(output.deployment_ids)) == "chat embed"
    error_message = "Each deployment is made once, and the outputs name both."
  }
}

run "identities" {
  command = plan

  variables {
    managed_identities = {
      system_assigned            = true
      user_assigned_resource_ids = ["/subscriptions/6f1d0b0e-5a3c-4b8e-9d2f-7c1a4e5b6d70/resourceGroups/rg-ids/providers/Microsoft.ManagedIdentity/userAssignedIdentities/models"]
    }
  }

  assert {
    condition     = azurerm_cognitive_account.this[0].identity[0].type == "SystemAssigned, UserAssigned" && length(azurerm_cognitive_account.this[0].identity[0].identity_ids) == 1
    error_message = "Both kinds of identity must be assigned."
  }
}

run "user_assigned_identity_alone" {
  command = plan

  variables {
    managed_identities = {
      user_assigned_resource_ids = ["/subscriptions/6f1d0b0e-5a3c-4b8e-9d2f-7c1a4e5b6d70/resourceGroups/rg-ids/providers/Microsoft.ManagedIdentity/userAssignedIdentities/models"]
    }
  }

  assert {
    condition     = azurerm_cognitive_account.this[0].identity[0].type == "UserAssigned"
    error_message = "An account needs no identity of its own."
  }
}

run "diagnostics" {
  command = plan

  variables {
    diagnostic_settings = {
      all = {
        workspace_resource_id = "/subscriptions/6f1d0b0e-5a3c-4b8e-9d2f-7c1a4e5b6d70/resourceGroups/rg-logs/providers/Microsoft.OperationalInsights/workspaces/logs"
      }
      audit = {
        name                        = "to-storage"
        log_categories              = ["Audit", "RequestResponse"]
        metric_categories           = []
        storage_account_resource_id = "/subscriptions/6f1d0b0e-5a3c-4b8e-9d2f-7c1a4e5b6d70/resourceGroups/rg-logs/providers/Microsoft.Storage/storageAccounts/logs"
      }
      metrics = {
        log_groups                               = []
        event_hub_authorization_rule_resource_id = "/subscriptions/6f1d0b0e-5a3c-4b8e-9d2f-7c1a4e5b6d70/resourceGroups/rg-logs/providers/Microsoft.EventHub/namespaces/logs/authorizationRules/send"
        event_hub_name                           = "models"
      }
    }
  }

  assert {
    condition = (
      azurerm_monitor_diagnostic_setting.this["all"].name == "diag-acme-models-all" &&
      [for log in azurerm_monitor_diagnostic_setting.this["all"].enabled_log : log.category_group] == ["allLogs"] &&
      [for metric in azurerm_monitor_diagnostic_setting.this["all"].enabled_metric : metric.category] == ["AllMetrics"]
    )
    error_message = "Without further input a setting takes all logs and all metrics."
  }

  assert {
    condition = (
      azurerm_monitor_diagnostic_setting.this["audit"].name == "to-storage" &&
      toset([for log in azurerm_monitor_diagnostic_setting.this["audit"].enabled_log : log.category]) == toset(["Audit", "RequestResponse"]) &&
      length(azurerm_monitor_diagnostic_setting.this["audit"].enabled_metric) == 0
    )
    error_message = "Categories that are written take the place of the group of all."
  }

  assert {
    condition     = length(azurerm_monitor_diagnostic_setting.this["metrics"].enabled_log) == 0 && length(azurerm_monitor_diagnostic_setting.this["metrics"].enabled_metric) == 1
    error_message = "A setting can do without logs."
  }
}

run "access" {
  command = plan

  variables {
    local_auth_enabled            = false
    public_network_access_enabled = false
    network_acls_bypass           = "AzureServices"
    tags                          = { team = "models" }
  }

  assert {
    condition = (
      !azurerm_cognitive_account.this[0].local_auth_enabled &&
      !azurerm_cognitive_account.this[0].public_network_access_enabled &&
      azurerm_cognitive_account.this[0].network_acls[0].bypass == "AzureServices" &&
      azurerm_cognitive_account.this[0].network_acls[0].default_action == "Deny"
    )
    error_message = "What is closed further must be closed."
  }

  assert {
    condition     = azurerm_cognitive_account.this[0].tags["team"] == "models" && azurerm_resource_group.this[0].tags["team"] == "models"
    error_message = "Account and group must be tagged."
  }
}

# An identity without the right to ask gets nulls; that must stop nobody.
run "azure_does_not_tell" {
  command = plan

  override_data {
    target = data.crosscloudlink_aoai_account_availability.this
    values = {
      account_exists      = false
      subdomain_available = null
      soft_deleted        = null
      reason              = ""
    }
  }

  assert {
    condition     = length(azurerm_cognitive_account.this) == 1
    error_message = "The account must be planned."
  }
}
