# The Azure team's state: account, deployments, and the firewall entries for the AWS team's proxies. It needs Azure
# credentials and no others.

provider "azurerm" {
  features {}

  # Nothing is registered on the way: that would need rights on the whole subscription.
  resource_provider_registrations = "none"
}

provider "crosscloudlink" {}

module "azure_openai" {
  source = "../../../modules/azure-openai"

  name        = var.azure_openai_name
  location    = var.azure_location
  deployments = var.deployments
  tags        = var.tags
}

# After the deployments: the module hands the account's id over when they are done.
resource "crosscloudlink_aoai_ip_firewall" "this" {
  count = length(var.proxy_public_ips) > 0 ? 1 : 0

  account_id = module.azure_openai.account_id
  ip_rules   = var.proxy_public_ips
}
