# Rule, approval, policy and binding, each unless an existing one is given.

# A rule leads workspaces that are bound to an existing NCC to the endpoint service at once, so it comes after the
# proxies, too. terraform_data, because depends_on for all of the module would keep its data sources out of the plan.
resource "terraform_data" "served_endpoint_service" {
  count = local.makes_egress ? 1 : 0

  input = module.egress[0].endpoint_service_name

  lifecycle {
    precondition {
      condition     = local.proxy_status == "in_service"
      error_message = "The proxies are not in service (${local.proxy_status}: ${local.proxy_status_reason}), so Databricks is not led to them. Nothing is lost: bring them into service and apply again."
    }
  }
}

module "databricks" {
  source = "../databricks-serverless-link"

  name                  = var.name
  workspace_ids         = var.workspace_ids
  databricks_account_id = var.databricks_account_id
  # That of the workspaces; output "region" compares it with that of the endpoint service.
  region = length(var.workspace_ids) > 0 ? null : local.region

  endpoint_service_name          = local.makes_egress ? terraform_data.served_endpoint_service[0].output : var.endpoint_service_name
  domain_names                   = local.linked_hostnames
  network_connectivity_config_id = var.network_connectivity_config_id
  private_endpoint_rule_id       = var.private_endpoint_rule_id

  accept_connection   = var.accept_connection
  wait_for_acceptance = var.wait_for_acceptance
  approval_timeout    = var.approval_timeout
  # No workspace is bound to proxies that do not answer.
  proxy_status = local.proxy_status

  create_network_policy         = var.create_network_policy
  network_policy_id             = var.network_policy_id
  allowed_internet_destinations = var.allowed_internet_destinations
  allowed_storage_destinations  = var.allowed_storage_destinations
  enforcement_mode              = var.enforcement_mode

  restore_network_connectivity_config_id = var.restore_network_connectivity_config_id
  restore_network_policy_id              = var.restore_network_policy_id
}
