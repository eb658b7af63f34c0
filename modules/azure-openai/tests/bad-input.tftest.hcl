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

run "no_name" {
  command = plan

  variables {
    name = null
  }

  expect_failures = [var.name]
}

run "name_too_short" {
  command = plan

  variables {
    name                  = "a"
    custom_subdomain_name = "acme"
  }

  expect_failures = [var.name]
}

run "name_begins_with_a_hyphen" {
  command = plan

  variables {
    name                  = "-acme"
    custom_subdomain_name = "acme"
  }

  expect_failures = [var.name]
}

run "name_is_no_subdomain" {
  command = plan

  variables {
    name = "Acme.Models"
  }

  expect_failures = [var.custom_subdomain_name]
}

run "subdomain_in_upper_case" {
  command = plan

  variables {
    custom_subdomain_name = "Acme"
  }

  expect_failures = [var.custom_subdomain_name]
}

run "subdomain_is_a_host_name" {
  command = plan

  variables {
    custom_subdomain_name = "acme.openai.azure.com"
  }

  expect_failures = [var.custom_subdomain_name]
}

run "subdomain_ends_with_a_hyphen" {
  command = plan

  variables {
    custom_subdomain_name = "acme-"
  }

  expect_failures = [var.custom_subdomain_name]
}

run "subdomain_too_long" {
  command = plan

  variables {
    custom_subdomain_name = "a123456789012345678901234567890123456789012345678901234567890123"
  }

  expect_failures = [var.custom_subdomain_name]
}

run "no_location" {
  command = plan

  variables {
    location = null
  }

  expect_failures = [var.location]
}

run "location_in_words" {
  command = plan

  variables {
    location = "East US"
  }

  expect_failures = [var.location]
}

run "group_ends_with_a_period" {
  command = plan

  variables {
    resource_group_name = "rg."
  }

  expect_failures = [var.resource_group_name]
}

run "group_with_a_slash" {
  command = plan

  variables {
    resource_group_name = "rg/models"
  }

  expect_failures = [var.resource_group_name]
}

run "kind_unknown" {
  command = plan

  variables {
    kind = "FormRecognizer"
  }

  expect_failures = [var.kind]
}

run "sku_unknown" {
  command = plan

  variables {
    sku_name = "Standard"
  }

  expect_failures = [var.sku_name]
}

run "bypass_unknown" {
  command = plan

  variables {
    network_acls_bypass = "All"
  }

  expect_failures = [var.network_acls_bypass]
}

run "account_is_a_name" {
  command = plan

  variables {
    account_id = "acme-models"
  }

  expect_failures = [var.account_id]
}

run "account_is_a_deployment" {
  command = plan

  variables {
    account_id = "/subscriptions/6f1d0b0e-5a3c-4b8e-9d2f-7c1a4e5b6d70/resourceGroups/rg/providers/Microsoft.CognitiveServices/accounts/acme/deployments/chat"
  }

  expect_failures = [var.account_id]
}

run "tag_with_a_slash" {
  command = plan

  variables {
    tags = { "a/b" = "c" }
  }

  expect_failures = [var.tags]
}

run "identity_is_a_name" {
  command = plan

  variables {
    managed_identities = { user_assigned_resource_ids = ["models"] }
  }

  expect_failures = [var.managed_identities]
}

run "deployment_name_too_short" {
  command = plan

  variables {
    deployments = { c = { model_name = "gpt-4o" } }
  }

  expect_failures = [var.deployments]
}

run "deployment_name_with_a_blank" {
  command = plan

  variables {
    deployments = { "gpt 4o" = { model_name = "gpt-4o" } }
  }

  expect_failures = [var.deployments]
}

run "deployment_names_differ_in_case" {
  command = plan

  variables {
    deployments = { chat = { model_name = "gpt-4o" }, Chat = { model_name = "gpt-4o" } }
  }

  expect_failures = [var.deployments]
}

run "model_name_blank" {
  command = plan

  variables {
    deployments = { chat = { model_name = " " } }
  }

  expect_failures = [var.deployments]
}

run "model_version_blank" {
  command = plan

  variables {
    deployments = { chat = { model_name = "gpt-4o", model_version = "" } }
  }

  expect_failures = [var.deployments]
}

run "deployment_sku_unknown" {
  command = plan

  variables {
    deployments = { chat = { model_name = "gpt-4o", sku_name = "S0" } }
  }

  expect_failures = [var.deployments]
}

run "no_capacity" {
  command = plan

  variables {
    deployments = { chat = { model_name = "gpt-4o", capacity = 0 } }
  }

  expect_failures = [var.deployments]
}

run "half_a_capacity" {
  command = plan

  variables {
    deployments = { chat = { model_name = "gpt-4o", capacity = 1.5 } }
  }

  expect_failures = [var.deployments]
}

run "upgrade_option_unknown" {
  command = plan

  variables {
    deployments = { chat = { model_name = "gpt-4o", version_upgrade_option = "Never" } }
  }

  expect_failures = [var.deployments]
}

run "diagnostics_without_destination" {
  command = plan

  variables {
    diagnostic_settings = { all = {} }
  }

  expect_failures = [var.diagnostic_settings]
}

run "diagnostics_without_category" {
  command = plan

  variables {
    diagnostic_settings = { all = {
      log_groups            = []
      metric_categories     = []
      workspace_resource_id = "/subscriptions/6f1d0b0e-5a3c-4b8e-9d2f-7c1a4e5b6d70/resourceGroups/rg-logs/providers/Microsoft.OperationalInsights/workspaces/logs"
    } }
  }

  expect_failures = [var.diagnostic_settings]
}

run "diagnostics_with_groups_and_categories" {
  command = plan

  variables {
    diagnostic_settings = { all = {
      log_groups            = ["allLogs"]
      log_categories        = ["Audit"]
      workspace_resource_id = "/subscriptions/6f1d0b0e-5a3c-4b8e-9d2f-7c1a4e5b6d70/resourceGroups/rg-logs/providers/Microsoft.OperationalInsights/workspaces/logs"
    } }
  }

  expect_failures = [var.diagnostic_settings]
}

run "diagnostics_destination_type_unknown" {
  command = plan

  variables {
    diagnostic_settings = { all = {
      log_analytics_destination_type = "Shared"
      workspace_resource_id          = "/subscriptions/6f1d0b0e-5a3c-4b8e-9d2f-7c1a4e5b6d70/resourceGroups/rg-logs/providers/Microsoft.OperationalInsights/workspaces/logs"
    } }
  }

  expect_failures = [var.diagnostic_settings]
}

run "diagnostics_hub_without_rule" {
  command = plan

  variables {
    diagnostic_settings = { all = {
      event_hub_name        = "models"
      workspace_resource_id = "/subscriptions/6f1d0b0e-5a3c-4b8e-9d2f-7c1a4e5b6d70/resourceGroups/rg-logs/providers/Microsoft.OperationalInsights/workspaces/logs"
    } }
  }

  expect_failures = [var.diagnostic_settings]
}

run "diagnostics_name_with_a_slash" {
  command = plan

  variables {
    diagnostic_settings = { "a/b" = {
      workspace_resource_id = "/subscriptions/6f1d0b0e-5a3c-4b8e-9d2f-7c1a4e5b6d70/resourceGroups/rg-logs/providers/Microsoft.OperationalInsights/workspaces/logs"
    } }
  }

  expect_failures = [var.diagnostic_settings]
}

run "subdomain_taken" {
  command = plan

  override_data {
    target = data.crosscloudlink_aoai_account_availability.this
    values = {
      account_exists      = false
      subdomain_available = false
      soft_deleted        = false
      reason              = "Sub domain name 'acme-models' is already used."
    }
  }

  expect_failures = [azurerm_cognitive_account.this]
}

run "account_soft_deleted" {
  command = plan

  override_data {
    target = data.crosscloudlink_aoai_account_availability.this
    values = {
      account_exists      = false
      subdomain_available = false
      soft_deleted        = true
      reason              = "Sub domain name 'acme-models' is already used."
    }
  }

  expect_failures = [azurerm_cognitive_account.this]
}
