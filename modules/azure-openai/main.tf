# Resource group → account, closed from its first moment → deployments (deployments.tf)
#                                                         → whoever uses the output account_id.

locals {
  create_account        = var.account_id == null
  create_resource_group = local.create_account && var.create_resource_group

  # /subscriptions/SUBSCRIPTION/resourceGroups/GROUP/providers/Microsoft.CognitiveServices/accounts/NAME
  existing = local.create_account ? null : zipmap(
    ["subscription_id", "resource_group_name", "name"],
    regex("(?i)^/subscriptions/([^/]+)/resourceGroups/([^/]+)/providers/Microsoft\\.CognitiveServices/accounts/([^/]+)$", var.account_id),
  )

  name                  = local.create_account ? var.name : local.existing.name
  resource_group_name   = local.create_account ? coalesce(var.resource_group_name, "rg-${local.name}") : local.existing.resource_group_name
  location              = local.create_account ? try(coalesce(var.location, one(data.azurerm_resource_group.existing[*].location)), null) : data.azurerm_cognitive_account.existing[0].location
  kind                  = local.create_account ? var.kind : data.azurerm_cognitive_account.existing[0].kind
  custom_subdomain_name = local.create_account ? coalesce(var.custom_subdomain_name, local.name) : data.azurerm_cognitive_account.existing[0].custom_subdomain_name

  account_id = local.create_account ? one(azurerm_cognitive_account.this[*].id) : data.azurerm_cognitive_account.existing[0].id
  identity   = one(local.create_account ? azurerm_cognitive_account.this[*].identity : data.azurerm_cognitive_account.existing[*].identity)

  # The same account answers under each; the first is what OpenAI's clients are told.
  domains = concat(["openai.azure.com"], local.kind == "AIServices" ? ["cognitiveservices.azure.com", "services.ai.azure.com"] : [])

  identity_type = join(", ", concat(
    var.managed_identities.system_assigned ? ["SystemAssigned"] : [],
    length(var.managed_identities.user_assigned_resource_ids) > 0 ? ["UserAssigned"] : [],
  ))
}

################################################################################
# Account of its own
################################################################################

resource "azurerm_resource_group" "this" {
  count = local.create_resource_group ? 1 : 0

  name     = local.resource_group_name
  location = local.location
  tags     = var.tags
}

# Read for its location alone, so that a group that this very apply makes does no harm where the location is given.
data "azurerm_resource_group" "existing" {
  count = local.create_account && !var.create_resource_group && var.location == null ? 1 : 0

  name = local.resource_group_name
}

# It refers to names, not to resources: the answer is there in the plan, before anything exists.
data "crosscloudlink_aoai_account_availability" "this" {
  count = local.create_account ? 1 : 0

  name                  = local.name
  resource_group_name   = local.resource_group_name
  location              = local.location
  custom_subdomain_name = local.custom_subdomain_name
}

resource "azurerm_cognitive_account" "this" {
  count = local.create_account ? 1 : 0

  name                          = local.name
  resource_group_name           = local.create_resource_group ? azurerm_resource_group.this[0].name : local.resource_group_name
  location                      = local.location
  kind                          = var.kind
  sku_name                      = var.sku_name
  custom_subdomain_name         = local.custom_subdomain_name
  local_auth_enabled            = var.local_auth_enabled
  public_network_access_enabled = var.public_network_access_enabled
  tags                          = var.tags

  network_acls {
    default_action = "Deny"
    bypass         = var.network_acls_bypass
  }

  dynamic "identity" {
    for_each = local.identity_type == "" ? [] : [local.identity_type]

    content {
      type         = identity.value
      identity_ids = var.managed_identities.user_assigned_resource_ids
    }
  }

  lifecycle {
    # The entries belong to others. azurerm sends them with every update of the account, as it last read them.
    ignore_changes = [network_acls[0].ip_rules, network_acls[0].virtual_network_rules]

    # A null is what Azure would not tell for want of a right: it decides itself in the apply.
    precondition {
      condition     = data.crosscloudlink_aoai_account_availability.this[0].soft_deleted != true
      error_message = <<-EOT
        The account "${local.name}" was deleted, and Azure still keeps it with its name and subdomain. Get rid of it for good by
          az cognitiveservices account purge --location ${local.location} --resource-group ${local.resource_group_name} --name ${local.name}
        or bring it back by
          az cognitiveservices account recover --location ${local.location} --resource-group ${local.resource_group_name} --name ${local.name}
        and import it, or give its id as account_id. Another name (and custom_subdomain_name) needs neither.
      EOT
    }

    # A deleted account holds its subdomain; the message above says what to do.
    precondition {
      condition = (
        data.crosscloudlink_aoai_account_availability.this[0].subdomain_available != false ||
        data.crosscloudlink_aoai_account_availability.this[0].soft_deleted == true
      )
      error_message = "The subdomain \"${local.custom_subdomain_name}\" is taken. ${try(format("Azure says: %s ", coalesce(data.crosscloudlink_aoai_account_availability.this[0].reason)), "")}Subdomains are unique in all of Azure: write another custom_subdomain_name, for example \"${local.custom_subdomain_name}-${local.location}\"."
    }
  }
}

################################################################################
# Existing account
################################################################################

data "azurerm_client_config" "current" {
  count = local.create_account ? 0 : 1
}

data "azurerm_cognitive_account" "existing" {
  count = local.create_account ? 0 : 1

  name                = local.name
  resource_group_name = local.resource_group_name

  lifecycle {
    precondition {
      condition     = lower(local.existing.subscription_id) == lower(data.azurerm_client_config.current[0].subscription_id)
      error_message = "account_id is in the subscription ${local.existing.subscription_id}, the azurerm provider of this module in ${data.azurerm_client_config.current[0].subscription_id}. Pass the module a provider of the account's subscription."
    }

    postcondition {
      condition     = contains(["OpenAI", "AIServices"], self.kind)
      error_message = "The account of account_id is of kind ${self.kind}; only those of kind OpenAI or AIServices serve models under openai.azure.com."
    }

    postcondition {
      condition     = try(length(self.custom_subdomain_name) > 0, false)
      error_message = "The account of account_id has no custom subdomain, so it can have no firewall entries, and no host name of its own to call. Set custom_subdomain_name where the account is managed; it cannot be changed later."
    }
  }
}
