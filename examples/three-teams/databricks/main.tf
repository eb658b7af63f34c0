# The Databricks team's state: network connectivity configuration (NCC), private endpoint rule, network policy, and
# the workspaces' binding to them. It needs Databricks account credentials and no others. The AWS team accepts the
# connection; until then nothing is changed on the workspaces, and every plan shows an update.

# The account's own console: DATABRICKS_HOST, DATABRICKS_ACCOUNT_ID and an OAuth credential.
provider "databricks" {}

provider "crosscloudlink" {}

module "databricks" {
  source = "../../../modules/databricks-serverless-link"

  name          = var.name
  workspace_ids = var.databricks_workspace_ids

  endpoint_service_name = var.endpoint_service_name
  domain_names          = var.domain_names

  accept_connection   = false
  wait_for_acceptance = var.wait_for_acceptance

  allowed_internet_destinations = var.allowed_internet_destinations
  enforcement_mode              = var.enforcement_mode

  restore_network_connectivity_config_id = var.restore_network_connectivity_config_id
}
