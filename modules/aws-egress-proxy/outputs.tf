################################################################################
# For Databricks
################################################################################

output "endpoint_service_id" {
  description = "Id of the endpoint service (`vpce-svc-…`), for `crosscloudlink_databricks_private_endpoint_approval`."
  value       = aws_vpc_endpoint_service.this.id
}

output "endpoint_service_name" {
  description = "Name of the endpoint service (`com.amazonaws.vpce.<region>.vpce-svc-…`): what the Databricks administrator writes into the private endpoint rule."
  value       = aws_vpc_endpoint_service.this.service_name
}

output "endpoint_service_arn" {
  description = "ARN of the endpoint service."
  value       = aws_vpc_endpoint_service.this.arn
}

output "domain_names" {
  description = "Domain names that the Databricks administrator writes into the private endpoint rule: the upstream host names."
  value       = var.upstream_hostnames
}

output "databricks_principal_arns" {
  description = "Principals that may connect to the endpoint service."
  value       = local.databricks_principal_arns
}

################################################################################
# For the firewalls
################################################################################

output "public_ips" {
  description = "Addresses of the pool, for the firewalls' `ip_rules`. Their number is known at plan, they themselves only after the pool is made."
  value       = crosscloudlink_eip_pool.this.public_ips
}

output "cidr_blocks" {
  description = "The same addresses as /32 ranges."
  value       = crosscloudlink_eip_pool.this.cidr_blocks
}

output "pending_public_ips" {
  description = "Addresses of the pool that not all firewalls list yet. No proxy gets one of these."
  value       = crosscloudlink_eip_admission.this.pending_public_ips
}

output "unlisted_public_ips" {
  description = "By firewall, the addresses of the pool that it has yet to list; empty when all is listed."
  value       = crosscloudlink_eip_admission.this.unlisted_public_ips
}

################################################################################
# Addresses
################################################################################

output "eip_pool_name" {
  description = "Name of the pool, and value of the tag `crosscloudlink:eip-pool` on its Elastic IPs and on the proxies' network interfaces."
  value       = crosscloudlink_eip_pool.this.name
}

output "eip_allocation_ids" {
  description = "Allocation ids of the pool's Elastic IPs."
  value       = crosscloudlink_eip_pool.this.allocation_ids
}

output "eip_addresses" {
  description = "Addresses of the pool by allocation id."
  value       = crosscloudlink_eip_pool.this.addresses
}

output "admitted_allocation_ids" {
  description = "Allocation ids that all firewalls admit and proxies may therefore use."
  value       = crosscloudlink_eip_admission.this.admitted_allocation_ids
}

################################################################################
# Fleet
################################################################################

output "status" {
  description = "What the fleet is doing: `in_service`, or what it waits for; `no_proxies` when there are to be none, with `min_size = 0`."
  value       = local.empty_fleet ? "no_proxies" : crosscloudlink_lifecycle_eip_assigner.this.status
}

output "status_reason" {
  description = "Why the fleet is not fully in service, in words; empty when it is."
  value       = local.empty_fleet ? "No proxy has been started: min_size is 0. Raise it once the firewall lists the addresses of public_ips." : crosscloudlink_lifecycle_eip_assigner.this.status_reason
}

output "in_service_count" {
  description = "Number of proxies in service with an admitted address of the pool."
  value       = crosscloudlink_lifecycle_eip_assigner.this.in_service_count
}

output "autoscaling_group_arn" {
  description = "ARN of the Auto Scaling group."
  value       = aws_autoscaling_group.proxy.arn
}

output "autoscaling_group_name" {
  description = "Name of the Auto Scaling group."
  value       = aws_autoscaling_group.proxy.name
}

output "launch_template_id" {
  description = "Id of the launch template."
  value       = aws_launch_template.proxy.id
}

output "assigner_function_name" {
  description = "Name of the Lambda function that gives the proxies their addresses. Invoked with `{\"report\":true}` it tells what each address is doing."
  value       = crosscloudlink_lifecycle_eip_assigner.this.function_name
}

output "assigner_policy_json" {
  description = "Permissions of that function's role."
  value       = crosscloudlink_lifecycle_eip_assigner.this.policy_json
}

output "haproxy_cfg" {
  description = "Configuration of the proxies, for review and for checks with `haproxy -c`."
  value       = local.haproxy_cfg
}

################################################################################
# Load balancer and network
################################################################################

output "nlb_arn" {
  description = "ARN of the load balancer."
  value       = aws_lb.this.arn
}

output "nlb_security_group_id" {
  description = "Id of the load balancer's security group."
  value       = aws_security_group.nlb.id
}

output "target_group_arn" {
  description = "ARN of the target group."
  value       = aws_lb_target_group.proxy.arn
}

output "proxy_security_group_id" {
  description = "Id of the proxies' security group."
  value       = aws_security_group.proxy.id
}

output "vpc_id" {
  description = "Id of the VPC."
  value       = local.vpc_id
}

output "public_subnet_ids" {
  description = "Ids of the proxies' subnets."
  value       = local.public_subnet_ids
}

output "private_subnet_ids" {
  description = "Ids of the load balancer's subnets."
  value       = local.private_subnet_ids
}
