data "crosscloudlink_aoai_account_availability" "openai" {
  name                  = "acme-models"
  resource_group_name   = "ai"
  location              = "eastus"
  custom_subdomain_name = "acme-models"
}

# An account that cannot be made is refused in the plan, not in the middle of an apply.
resource "azurerm_cognitive_account" "openai" {
  name                  = data.crosscloudlink_aoai_account_availability.openai.name
  resource_group_name   = data.crosscloudlink_aoai_account_availability.openai.resource_group_name
  location              = data.crosscloudlink_aoai_account_availability.openai.location
  custom_subdomain_name = data.crosscloudlink_aoai_account_availability.openai.custom_subdomain_name
  kind                  = "OpenAI"
  sku_name              = "S0"

  lifecycle {
    precondition {
      condition     = data.crosscloudlink_aoai_account_availability.openai.subdomain_available != false
      error_message = "Choose another custom_subdomain_name. Azure says: ${data.crosscloudlink_aoai_account_availability.openai.reason}"
    }
    precondition {
      condition     = data.crosscloudlink_aoai_account_availability.openai.soft_deleted != true
      error_message = "An account of this name was deleted and not purged. Purge it (az resource delete --ids \"${coalesce(data.crosscloudlink_aoai_account_availability.openai.deleted_account_id, "-")}\"), or choose another name."
    }
  }
}
