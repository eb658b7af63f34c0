################################################################################
# For the AWS team
################################################################################

output "vpc_endpoint_id" {
  description = "For the AWS team's `vpc_endpoint_id`: the VPC endpoint that Databricks made for the rule."
  value       = module.databricks.vpc_endpoint_id
}

################################################################################
# For this team
################################################################################

output "next_steps" {
  description = "What to hand to whom, and what to wait for, until the link works; empty when this state is done."
  value = concat(
    module.databricks.connection_state == "ESTABLISHED" ? [] : contains(["CREATING", "PENDING"], module.databricks.connection_state) ? [
      "Give the AWS team the output vpc_endpoint_id, for vpc_endpoint_id of examples/three-teams/aws. It accepts the connection once proxies are in service; apply here again when it has applied.",
      ] : [
      "The private endpoint rule is ${module.databricks.connection_state}, and never becomes usable again: replace it (terraform apply -replace on the rule), and give the AWS team the new vpc_endpoint_id.",
    ],
    module.databricks.connection_state != "ESTABLISHED" ? [] : [for id, workspace in module.databricks.workspaces :
      "Apply again: workspace ${id} is ${workspace.status}. ${workspace.status_reason}" if workspace.status != "bound"
    ],
  )
}

output "workspaces" {
  description = "The workspaces' status, and what a destroy gives them back."
  value       = module.databricks.workspaces
}

output "connection_state" {
  description = "State of the private endpoint rule: `ESTABLISHED` when the AWS team has accepted the connection."
  value       = module.databricks.connection_state
}

output "network_connectivity_config_id" {
  description = "Network connectivity configuration of the workspaces."
  value       = module.databricks.network_connectivity_config_id
}

output "private_endpoint_rule_id" {
  description = "Private endpoint rule."
  value       = module.databricks.private_endpoint_rule_id
}

output "network_policy_id" {
  description = "Network policy of the workspaces."
  value       = module.databricks.network_policy_id
}
