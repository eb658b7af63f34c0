# All of the link in one apply: the Azure OpenAI account with its deployments and its firewall, the proxies in AWS,
# and the network configuration and policy of the Databricks workspaces. Only the workspaces exist before.
#
# Credentials come from the environment, in each cloud's ordinary way.

provider "aws" {
  region = var.region
}

provider "azurerm" {
  features {}

  # Nothing is registered on the way: that would need rights on the whole subscription.
  resource_provider_registrations = "none"
}

# The account's own console: DATABRICKS_HOST, DATABRICKS_ACCOUNT_ID and an OAuth credential.
provider "databricks" {}

provider "crosscloudlink" {
  aws = {
    region = var.region
  }
}

module "link" {
  source = "../../modules/reference-deployment"

  name = var.name
  tags = var.tags

  azure_openai_name = var.azure_openai_name
  azure_location    = var.azure_location
  deployments       = var.deployments

  vpc_cidr            = var.vpc_cidr
  min_size            = var.min_size
  max_size            = var.max_size
  architecture        = var.architecture
  alarm_actions       = var.alarm_actions
  deletion_protection = var.deletion_protection

  workspace_ids                 = var.databricks_workspace_ids
  allowed_internet_destinations = var.allowed_internet_destinations
  enforcement_mode              = var.enforcement_mode
  approval_timeout              = var.approval_timeout

  restore_network_connectivity_config_id = var.restore_network_connectivity_config_id
}
