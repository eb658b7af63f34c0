mock_resource "azurerm_resource_group" {
  defaults = {
    id = "/subscriptions/6f1d0b0e-5a3c-4b8e-9d2f-7c1a4e5b6d70/resourceGroups/rg-acme-models"
  }
}

mock_resource "azurerm_cognitive_account" {
  defaults = {
    id = "/subscriptions/6f1d0b0e-5a3c-4b8e-9d2f-7c1a4e5b6d70/resourceGroups/rg-acme-models/providers/Microsoft.CognitiveServices/accounts/acme-models"
  }
}

mock_data "azurerm_client_config" {
  defaults = {
    subscription_id = "6f1d0b0e-5a3c-4b8e-9d2f-7c1a4e5b6d70"
  }
}

mock_data "azurerm_resource_group" {
  defaults = {
    location = "westeurope"
  }
}

mock_data "azurerm_cognitive_account" {
  defaults = {
    id                    = "/subscriptions/6f1d0b0e-5a3c-4b8e-9d2f-7c1a4e5b6d70/resourceGroups/rg-shared/providers/Microsoft.CognitiveServices/accounts/shared"
    kind                  = "OpenAI"
    location              = "swedencentral"
    custom_subdomain_name = "shared-models"
    identity              = []
  }
}
