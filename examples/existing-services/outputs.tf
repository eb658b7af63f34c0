output "endpoint_service_name" {
  description = "For the Databricks administrator: the endpoint service of the private endpoint rule."
  value       = module.egress.endpoint_service_name
}

output "domain_names" {
  description = "For the Databricks administrator: the domain names of the private endpoint rule."
  value       = module.egress.domain_names
}

output "public_ips" {
  description = "Addresses from which the queries arrive at Azure."
  value       = module.egress.public_ips
}

output "approval_status" {
  description = "What the connection is waiting for; `established` when nothing."
  value       = crosscloudlink_databricks_private_endpoint_approval.this.status
}

output "vpc_endpoint_id" {
  description = "The VPC endpoint of Databricks that was accepted."
  value       = crosscloudlink_databricks_private_endpoint_approval.this.vpc_endpoint_id
}

output "proxy_status" {
  description = "What the proxies are waiting for; `in_service` when nothing."
  value       = module.egress.status
}

output "autoscaling_group_name" {
  description = "Name of the proxies' Auto Scaling group."
  value       = module.egress.autoscaling_group_name
}

output "assigner_function_name" {
  description = "Lambda function that gives the proxies their addresses."
  value       = module.egress.assigner_function_name
}

output "eip_pool_name" {
  description = "Name of the pool of Elastic IPs: the value of their tag `crosscloudlink:eip-pool`."
  value       = module.egress.eip_pool_name
}

output "dashboard_name" {
  description = "CloudWatch dashboard of the proxies."
  value       = module.egress.dashboard_name
}
