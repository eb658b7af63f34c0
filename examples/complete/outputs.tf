output "status" {
  description = "`ready`, or what the link is waiting for."
  value       = module.link.status
}

output "status_reason" {
  description = "What is missing, in words; empty when nothing is."
  value       = module.link.status_reason
}

output "endpoint" {
  description = "Base URL of the Azure OpenAI account, for the serving endpoint in Databricks."
  value       = module.link.endpoint
}

output "hostnames" {
  description = "Host names that the workspaces reach over the link."
  value       = module.link.hostnames
}

output "deployment_names" {
  description = "Model deployments of the account."
  value       = module.link.deployment_names
}

output "account_id" {
  description = "Resource id of the Azure OpenAI account."
  value       = module.link.account_id
}

output "public_ips" {
  description = "Addresses from which the queries arrive at Azure: all that the account's firewall admits."
  value       = module.link.public_ips
}

output "endpoint_service_name" {
  description = "Endpoint service of the private endpoint rule."
  value       = module.link.endpoint_service_name
}

output "vpc_endpoint_id" {
  description = "The VPC endpoint of Databricks that was accepted."
  value       = module.link.vpc_endpoint_id
}

output "network_connectivity_config_id" {
  description = "Network connectivity configuration that the workspaces are bound to."
  value       = module.link.network_connectivity_config_id
}

output "network_policy_id" {
  description = "Network policy of the workspaces."
  value       = module.link.network_policy_id
}

output "workspaces" {
  description = "The workspaces' status, and what a destroy gives them back."
  value       = module.link.workspaces
}

output "proxy_status" {
  description = "What the proxies are waiting for; `in_service` when nothing."
  value       = module.link.proxy_status
}

output "eip_pool_name" {
  description = "Name of the pool of Elastic IPs: the value of their tag `crosscloudlink:eip-pool`."
  value       = module.link.eip_pool_name
}

output "autoscaling_group_name" {
  description = "Name of the proxies' Auto Scaling group."
  value       = module.link.autoscaling_group_name
}

output "assigner_function_name" {
  description = "Lambda function that gives the proxies their addresses."
  value       = module.link.assigner_function_name
}

output "dashboard_name" {
  description = "CloudWatch dashboard of the proxies."
  value       = module.link.dashboard_name
}
