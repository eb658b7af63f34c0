################################################################################
# Network connectivity configuration and rule
################################################################################

output "network_connectivity_config_id" {
  description = "Id of the network connectivity configuration (NCC)."
  value       = local.ncc_id
}

output "private_endpoint_rule_id" {
  description = "Id of the private endpoint rule."
  value       = local.rule_id
}

output "vpc_endpoint_id" {
  description = "Id of the VPC endpoint that Databricks made for the rule: what the owner of the endpoint service accepts."
  value       = local.vpc_endpoint_id
}

output "connection_state" {
  description = "State of the rule, for example `PENDING` or `ESTABLISHED`."
  value       = local.connection_state
}

output "approval_status" {
  description = "How far the approval has come: `established`, or what it waits for. Null with `accept_connection = false`."
  value       = one(crosscloudlink_databricks_private_endpoint_approval.this[*].status)
}

output "domain_names" {
  description = "Host names that the rule leads to."
  value       = var.domain_names
}

output "region" {
  description = "AWS region of NCC, endpoint service and workspaces."
  value       = local.region != null ? local.region : split(".", var.endpoint_service_name != null ? var.endpoint_service_name : local.existing_rule.endpoint_service)[3]
}

################################################################################
# Policy and workspaces
################################################################################

output "network_policy_id" {
  description = "Id of the network policy of the workspaces. Null if theirs is not touched."
  value       = local.network_policy_id
}

output "workspaces" {
  description = "By workspace id: `status` (`bound`, or what it waits for), `status_reason`, and what a destroy puts back, `restore_network_connectivity_config_id` and `restore_network_policy_id`."
  value = {
    for id, network in crosscloudlink_databricks_workspace_network.this : id => {
      status                                 = network.status
      status_reason                          = network.status_reason
      restore_network_connectivity_config_id = network.restore_network_connectivity_config_id
      restore_network_policy_id              = network.restore_network_policy_id
    }
  }
}
