# The account with its deployments, unless azure_openai_account_id names one that exists, and in either case the
# firewall entries for the proxies.

module "azure_openai" {
  count  = local.uses_azure_module ? 1 : 0
  source = "../azure-openai"

  name                  = var.azure_openai_name
  account_id            = var.azure_openai_account_id
  location              = var.azure_location
  resource_group_name   = var.resource_group_name
  create_resource_group = var.create_resource_group

  kind                  = var.kind
  sku_name              = var.sku_name
  custom_subdomain_name = var.custom_subdomain_name
  deployments           = var.deployments

  # The proxies come from public addresses. The firewall refuses all others.
  public_network_access_enabled = true
  network_acls_bypass           = var.network_acls_bypass
  local_auth_enabled            = var.local_auth_enabled
  managed_identities            = var.managed_identities

  diagnostic_settings = var.diagnostic_settings
  tags                = coalesce(var.azure_tags, var.tags)
}

# Only after the deployments: Azure takes one operation on an account at a time, and azurerm does not wait for ours.
# The account's id is handed over when they are done.
resource "crosscloudlink_aoai_ip_firewall" "this" {
  account_id = local.account_id
  ip_rules   = local.public_ips

  lifecycle {
    postcondition {
      condition     = try(startswith(local.hostnames[0], "${lower(self.custom_subdomain)}."), true)
      error_message = "The first of azure_openai_hostnames is ${local.hostnames[0]}, but the subdomain of the account is ${self.custom_subdomain}: the proxies would forward to another account than the one whose firewall admits them."
    }
  }
}
