################################################################################
# The link as a whole
################################################################################

output "status" {
  description = "`ready` when proxies are in service, the connection is established and all workspaces are bound; else the first that is missing: `waiting_for_proxies`, `waiting_for_connection`, `waiting_for_workspaces`."
  value       = local.status
}

output "status_reason" {
  description = "What is missing, in words; empty when `status` is `ready`."
  value       = local.status_reason
}

output "hostnames" {
  description = "Host names that the workspaces reach over the link: those of the Azure OpenAI account, then those of `additional_upstreams`."
  value       = local.linked_hostnames
}

output "region" {
  description = "AWS region of the link, the same for endpoint service, network connectivity configuration and workspaces."
  value       = local.region

  # The databricks module checks an existing endpoint service by itself; one to be made has no name in the plan yet.
  precondition {
    condition     = !local.makes_egress || module.databricks.region == local.region
    error_message = "The workspaces of workspace_ids are in the AWS region ${module.databricks.region}, and the AWS provider of this module works in ${local.region}: a private endpoint reaches services of its own region only. Give the module AWS and crosscloudlink providers of ${module.databricks.region}."
  }
}

################################################################################
# AWS
################################################################################

output "public_ips" {
  description = "Addresses from which the queries arrive at Azure. Their number is known at plan."
  value       = local.public_ips
}

output "eip_addresses" {
  description = "Those addresses by allocation id; empty with an existing endpoint service."
  value       = local.makes_egress ? module.egress[0].eip_addresses : {}
}

output "eip_pool_name" {
  description = "Name of the pool of Elastic IPs: the value of their tag `crosscloudlink:eip-pool`. Null with an existing endpoint service, as all that follows here on the fleet."
  value       = local.makes_egress ? module.egress[0].eip_pool_name : null
}

output "endpoint_service_name" {
  description = "Name of the endpoint service that the private endpoint rule names."
  value       = local.endpoint_service_name
}

output "endpoint_service_id" {
  description = "Id of the endpoint service (`vpce-svc-…`)."
  value       = local.makes_egress ? module.egress[0].endpoint_service_id : split(".", var.endpoint_service_name)[4]
}

output "proxy_status" {
  description = "What the proxies are waiting for; `in_service` when nothing."
  value       = local.proxy_status
}

output "proxy_status_reason" {
  description = "Why the proxies are not all in service, in words; empty when they are."
  value       = local.proxy_status_reason
}

output "in_service_count" {
  description = "Number of proxies in service with an admitted address."
  value       = local.makes_egress ? module.egress[0].in_service_count : null
}

output "pending_public_ips" {
  description = "Addresses of the pool that the firewall does not list yet: no proxy gets one of these."
  value       = local.makes_egress ? module.egress[0].pending_public_ips : []
}

output "assigner_function_name" {
  description = "Lambda function that gives the proxies their addresses. Invoked with `{\"report\":true}` it tells what each address is doing, and with `{\"reconcile\":true}` it looks over the fleet at once."
  value       = local.makes_egress ? module.egress[0].assigner_function_name : null
}

output "autoscaling_group_name" {
  description = "Name of the proxies' Auto Scaling group; its activity history tells why an instance does not start."
  value       = local.makes_egress ? module.egress[0].autoscaling_group_name : null
}

output "target_group_arn" {
  description = "ARN of the load balancer's target group; its target health tells which proxies answer."
  value       = local.makes_egress ? module.egress[0].target_group_arn : null
}

output "nlb_arn" {
  description = "ARN of the load balancer."
  value       = local.makes_egress ? module.egress[0].nlb_arn : null
}

output "vpc_id" {
  description = "Id of the proxies' VPC."
  value       = local.makes_egress ? module.egress[0].vpc_id : null
}

output "dashboard_name" {
  description = "Name of the CloudWatch dashboard; null with `create_dashboard = false`."
  value       = local.makes_egress ? module.egress[0].dashboard_name : null
}

output "alarm_arns" {
  description = "ARNs of the alarms by what they watch."
  value       = local.makes_egress ? module.egress[0].alarm_arns : {}
}

output "proxy_log_group_name" {
  description = "Log group with one JSON line for each connection; null with `create_proxy_log_group = false`."
  value       = local.makes_egress ? module.egress[0].proxy_log_group_name : null
}

output "haproxy_cfg" {
  description = "Configuration of the proxies, for review."
  value       = local.makes_egress ? module.egress[0].haproxy_cfg : null
}

################################################################################
# Azure
################################################################################

output "account_id" {
  description = "Resource id of the Azure OpenAI account."
  value       = local.account_id
}

output "resource_group_name" {
  description = "Resource group of the account."
  value       = split("/", local.account_id)[4]
}

output "endpoint" {
  description = "Base URL of the account, for a serving endpoint: `https://<subdomain>.openai.azure.com/`."
  value       = "https://${local.hostnames[0]}/"
}

output "deployment_names" {
  description = "Names of the model deployments that are made here."
  value       = local.uses_azure_module ? module.azure_openai[0].deployment_names : []
}

output "admitted_public_ips" {
  description = "Addresses of the proxies that the account's firewall was seen to list."
  value       = crosscloudlink_aoai_ip_firewall.this.admitted_public_ips
}

output "unmanaged_ip_rules" {
  description = "Firewall entries of the account that belong to others; they are never changed."
  value       = crosscloudlink_aoai_ip_firewall.this.unmanaged_ip_rules
}

################################################################################
# Databricks
################################################################################

output "network_connectivity_config_id" {
  description = "Id of the network connectivity configuration (NCC)."
  value       = module.databricks.network_connectivity_config_id
}

output "private_endpoint_rule_id" {
  description = "Id of the private endpoint rule."
  value       = module.databricks.private_endpoint_rule_id
}

output "vpc_endpoint_id" {
  description = "VPC endpoint of Databricks (`vpce-…`) that the endpoint service sees; with `accept_connection = false` the one that the other team is to accept."
  value       = module.databricks.vpc_endpoint_id
}

output "connection_state" {
  description = "State of the rule in Databricks: `ESTABLISHED` when it works."
  value       = module.databricks.connection_state
}

output "network_policy_id" {
  description = "Id of the workspaces' network policy; null when it is not touched."
  value       = module.databricks.network_policy_id
}

output "workspaces" {
  description = "By workspace id: `status` (`bound`, or what it waits for), `status_reason`, and what a destroy puts back: `restore_network_connectivity_config_id` and `restore_network_policy_id`."
  value       = module.databricks.workspaces
}
