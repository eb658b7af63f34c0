mock_provider "azurerm" {
  source          = "./tests/mocks"
  override_during = plan
}

mock_provider "crosscloudlink" {
  source          = "./tests/mocks"
  override_during = plan
}

run "account" {
  command = plan

  variables {
    account_id = "/subscriptions/6F1D0B0E-5a3c-4b8e-9d2f-7c1a4e5b6d70/resourcegroups/rg-shared/providers/microsoft.cognitiveservices/accounts/shared"
    deployments = {
      chat  = { model_name = "gpt-4o", model_version = "2024-11-20" }
      embed = { model_name = "text-embedding-3-large" }
    }
    diagnostic_settings = {
      all = {
        workspace_resource_id = "/subscriptions/6f1d0b0e-5a3c-4b8e-9d2f-7c1a4e5b6d70/resourceGroups/rg-logs/providers/Microsoft.OperationalInsights/workspaces/logs"
      }
    }
  }

  assert {
    condition     = length(azurerm_cognitive_account.this) == 0 && length(azurerm_resource_group.this) == 0 && length(data.crosscloudlink_aoai_account_availability.this) == 0
    error_message = "Nothing of an existing account may be made or asked for."
  }

  assert {
    condition     = data.azurerm_cognitive_account.existing[0].name == "shared" && data.azurerm_cognitive_account.existing[0].resource_group_name == "rg-shared"
    error_message = "The id must be understood whatever its spelling."
  }

  assert {
    condition = alltrue([for id in [output.account_id, azurerm_cognitive_deployment.this["chat"].cognitive_account_id, azurerm_cognitive_deployment.unpinned["embed"].cognitive_account_id, azurerm_monitor_diagnostic_setting.this["all"].target_resource_id] :
      id == "/subscriptions/6f1d0b0e-5a3c-4b8e-9d2f-7c1a4e5b6d70/resourceGroups/rg-shared/providers/Microsoft.CognitiveServices/accounts/shared"
    ])
    error_message = "All must use the id in the spelling that azurerm takes."
  }

  assert {
    condition = (
      output.hostname == "shared-models.openai.azure.com" &&
      output.custom_subdomain_name == "shared-models" &&
      output.kind == "OpenAI" &&
      output.location == "swedencentral" &&
      output.resource_group_name == "rg-shared" &&
      output.account_name == "shared" &&
      output.principal_id == null
    )
    error_message = "The outputs must tell what the account is."
  }
}

run "account_of_another_subscription" {
  command = plan

  variables {
    account_id = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-shared/providers/Microsoft.CognitiveServices/accounts/shared"
  }

  expect_failures = [data.azurerm_cognitive_account.existing]
}

run "account_without_subdomain" {
  command = plan

  variables {
    account_id = "/subscriptions/6f1d0b0e-5a3c-4b8e-9d2f-7c1a4e5b6d70/resourceGroups/rg-shared/providers/Microsoft.CognitiveServices/accounts/shared"
  }

  override_data {
    target = data.azurerm_cognitive_account.existing
    values = {
      kind                  = "OpenAI"
      custom_subdomain_name = ""
    }
  }

  expect_failures = [data.azurerm_cognitive_account.existing]
}

run "account_of_another_kind" {
  command = plan

  variables {
    account_id = "/subscriptions/6f1d0b0e-5a3c-4b8e-9d2f-7c1a4e5b6d70/resourceGroups/rg-shared/providers/Microsoft.CognitiveServices/accounts/shared"
  }

  override_data {
    target = data.azurerm_cognitive_account.existing
    values = {
      kind                  = "FormRecognizer"
      custom_subdomain_name = "shared-models"
    }
  }

  expect_failures = [data.azurerm_cognitive_account.existing]
}

run "resource_group_gives_the_location" {
  command = plan

  variables {
    name                  = "acme-models"
    resource_group_name   = "rg-shared"
    create_resource_group = false
  }

  assert {
    condition     = length(azurerm_resource_group.this) == 0 && azurerm_cognitive_account.this[0].resource_group_name == "rg-shared" && azurerm_cognitive_account.this[0].location == "westeurope" && output.location == "westeurope"
    error_message = "The account must lie in the given group, and where the group is."
  }
}

# The group may be made by the same apply: it is not read where the location is given.
run "resource_group_elsewhere" {
  command = plan

  variables {
    name                  = "acme-models"
    location              = "swedencentral"
    resource_group_name   = "rg-shared"
    create_resource_group = false
  }

  assert {
    condition     = length(data.azurerm_resource_group.existing) == 0 && azurerm_cognitive_account.this[0].location == "swedencentral"
    error_message = "A location that is given must do."
  }
}
