# Azure takes one operation on an account at a time. azurerm holds a lock by the account's id while it makes,
# changes or deletes a deployment, so these go one after another.

locals {
  account_deployments = {
    for name, deployment in var.deployments : name => merge(deployment, {
      version_upgrade_option = coalesce(
        deployment.version_upgrade_option,
        deployment.model_version == null ? "OnceNewDefaultVersionAvailable" : "OnceCurrentVersionExpired",
      )
    })
  }

  deployments = merge(azurerm_cognitive_deployment.this, azurerm_cognitive_deployment.unpinned)
}

resource "azurerm_cognitive_deployment" "this" {
  for_each = { for name, deployment in local.account_deployments : name => deployment if deployment.model_version != null }

  name                       = each.key
  cognitive_account_id       = local.account_id
  rai_policy_name            = each.value.rai_policy_name
  version_upgrade_option     = each.value.version_upgrade_option
  dynamic_throttling_enabled = each.value.dynamic_throttling_enabled

  model {
    format  = each.value.model_format
    name    = each.value.model_name
    version = each.value.model_version
  }

  sku {
    name     = each.value.sku_name
    capacity = each.value.capacity
  }
}

# Azure chooses the version of these, and moves on to newer ones. azurerm has no other word for that than to look away.
resource "azurerm_cognitive_deployment" "unpinned" {
  for_each = { for name, deployment in local.account_deployments : name => deployment if deployment.model_version == null }

  name                       = each.key
  cognitive_account_id       = local.account_id
  rai_policy_name            = each.value.rai_policy_name
  version_upgrade_option     = each.value.version_upgrade_option
  dynamic_throttling_enabled = each.value.dynamic_throttling_enabled

  model {
    format = each.value.model_format
    name   = each.value.model_name
  }

  sku {
    name     = each.value.sku_name
    capacity = each.value.capacity
  }

  lifecycle {
    ignore_changes = [model[0].version]
  }

  # So that Terraform deletes a deployment on this side before it makes the same one, pinned, on the other, and vice versa.
  depends_on = [azurerm_cognitive_deployment.this]
}
