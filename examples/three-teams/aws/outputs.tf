################################################################################
# For the Azure team
################################################################################

output "public_ips" {
  description = "For the Azure team's `proxy_public_ips`: addresses from which the queries arrive."
  value       = module.egress.public_ips
}

################################################################################
# For the Databricks team
################################################################################

output "endpoint_service_name" {
  description = "For the Databricks team's `endpoint_service_name`."
  value       = module.egress.endpoint_service_name
}

output "domain_names" {
  description = "For the Databricks team's `domain_names`."
  value       = module.egress.domain_names
}

################################################################################
# For this team
################################################################################

output "next_steps" {
  description = "What to hand to whom, and what to wait for, until the link works; empty when this state is done."
  value = concat(
    length(module.egress.pending_public_ips) == 0 ? [] : [
      "Give the Azure team the output public_ips, for proxy_public_ips of examples/three-teams/azure. When it has applied, write its output firewall into firewall here and apply.",
    ],
    var.vpc_endpoint_id != null ? [] : [
      "Give the Databricks team the outputs endpoint_service_name and domain_names, for the variables of these names in examples/three-teams/databricks. When it has applied, write its output vpc_endpoint_id into vpc_endpoint_id here and apply.",
    ],
    var.vpc_endpoint_id == null || local.min_size > 0 ? [] : [
      "The connection of ${var.vpc_endpoint_id} is not accepted yet, because no proxy is in service: firewall of the Azure team is missing. Databricks gives a connection up that nobody accepts within 14 days.",
    ],
    [for approval in crosscloudlink_databricks_private_endpoint_approval.this :
      "The connection of ${approval.vpc_endpoint_id} is ${approval.status}: ask the Databricks team for its output vpc_endpoint_id, write it here and apply."
      if contains(["rule_unusable", "connection_unusable"], approval.status)
    ],
  )
}

output "proxy_status" {
  description = "What the proxies are waiting for; `in_service` when nothing, `no_proxies` before the firewall admits any."
  value       = module.egress.status
}

output "proxy_status_reason" {
  description = "Why the proxies are not in service, in words; empty when they are."
  value       = module.egress.status_reason
}

output "approval_status" {
  description = "How far the connection has come: `approved` when it is accepted; null before."
  value       = one(crosscloudlink_databricks_private_endpoint_approval.this[*].status)
}

output "pending_public_ips" {
  description = "Addresses that the firewall does not list yet; no proxy gets one of these."
  value       = module.egress.pending_public_ips
}

output "eip_pool_name" {
  description = "Name of the pool of Elastic IPs: the value of their tag `crosscloudlink:eip-pool`."
  value       = module.egress.eip_pool_name
}

output "autoscaling_group_name" {
  description = "Name of the proxies' Auto Scaling group."
  value       = module.egress.autoscaling_group_name
}

output "assigner_function_name" {
  description = "Lambda function that gives the proxies their addresses."
  value       = module.egress.assigner_function_name
}

output "dashboard_name" {
  description = "CloudWatch dashboard of the proxies."
  value       = module.egress.dashboard_name
}
