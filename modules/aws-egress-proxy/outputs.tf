################################################################################
# For Databricks
################################################################################

output "endpoint_service_id" {
  description = "Id of the endpoint service (`vpce-svc-…`), for `crosscloudlink_databricks_private_endpoint_approval`."
  value       = local.endpoint_service.id
}

output "endpoint_service_name" {
  description = "Name of the endpoint service (`com.amazonaws.vpce.<region>.vpce-svc-…`): what the Databricks administrator writes into the private endpoint rule."
  value       = local.endpoint_service.name
}

output "endpoint_service_arn" {
  description = "ARN of the endpoint service."
  value       = local.endpoint_service.arn
}

output "domain_names" {
  description = "Domain names that the Databricks administrator writes into the private endpoint rule: the upstream host names."
  value       = local.upstream_hostnames
}

output "databricks_principal_arns" {
  description = "Principals that may connect to the endpoint service; with one of your own, those that it must let connect."
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

output "nat_gateway_ids" {
  description = "Ids of the NAT gateways by zone; empty in mode `eip_pool`."
  value       = { for az, gateway in aws_nat_gateway.this : az => gateway.id }
}

output "nat_gateway_public_ips" {
  description = "Address by zone that the zone's proxies leave from; empty in mode `eip_pool`."
  value       = { for az, gateway in aws_nat_gateway.this : az => gateway.public_ip }
}

################################################################################
# Fleet
################################################################################

output "status" {
  description = "What the fleet is doing: `in_service`, or what it waits for; `no_proxies` when there are to be none, with `min_size = 0`. In mode `nat_gateway` `started` once the NAT gateways are there: Auto Scaling starts the proxies, and nobody but the health checks looks after them."
  value       = local.empty_fleet ? "no_proxies" : local.behind_nat ? "started" : one(crosscloudlink_lifecycle_eip_assigner.this[*].status)
}

output "status_reason" {
  description = "Why the fleet is not fully in service, in words; empty when it is."
  value       = local.empty_fleet ? "No proxy has been started: min_size is 0. Raise it once the firewall lists the addresses of public_ips." : local.behind_nat ? "" : one(crosscloudlink_lifecycle_eip_assigner.this[*].status_reason)
}

output "in_service_count" {
  description = "Number of proxies in service with an admitted address of the pool. `null` in mode `nat_gateway`, where only the health checks know it (metric `HealthyHostCount` of the target group)."
  value       = one(crosscloudlink_lifecycle_eip_assigner.this[*].in_service_count)
}

output "autoscaling_group_arn" {
  description = "ARN of the Auto Scaling group."
  value       = local.autoscaling_group_arn
}

output "autoscaling_group_name" {
  description = "Name of the Auto Scaling group."
  value       = local.autoscaling_group_name
}

output "launch_template_id" {
  description = "Id of the launch template."
  value       = aws_launch_template.proxy.id
}

output "assigner_function_name" {
  description = "Name of the Lambda function that gives the proxies their addresses. Invoked with `{\"report\":true}` it tells what each address is doing. `null` in mode `nat_gateway`."
  value       = one(crosscloudlink_lifecycle_eip_assigner.this[*].function_name)
}

output "assigner_policy_json" {
  description = "Permissions of that function's role. `null` in mode `nat_gateway`."
  value       = one(crosscloudlink_lifecycle_eip_assigner.this[*].policy_json)
}

output "user_data_inputs" {
  description = "What `user_data` of your own has to know: names and ports. It depends on nothing that is made here, so that `user_data` may be written with it."
  value = {
    region                 = local.region
    autoscaling_group_name = local.group_name
    lifecycle_hook_name    = local.ready_hook_name
    upstream_hostnames     = local.upstream_hostnames
    proxy_port             = local.proxy_port
    health_port            = var.health_port
    status_port            = var.status_port
    tunnel_timeout         = var.tunnel_timeout
  }
}

output "instance_profile_arn" {
  description = "ARN of the proxies' instance profile."
  value       = local.instance_profile_arn
}

output "proxy_policy_json" {
  description = "Permissions that the proxies' role needs, for a role of your own."
  value       = local.proxy_policy_json
}

output "max_connections" {
  description = "Connections that one proxy carries at a time."
  value       = local.max_connections
}

output "user_data" {
  description = "User data of the proxies, for review. In the launch template it is compressed."
  value       = local.user_data
}

output "haproxy_cfg" {
  description = "Configuration of the proxies, for review and for checks with `haproxy -c`. `null` with `user_data` of your own."
  value       = local.haproxy_cfg
}

################################################################################
# Load balancer and network
################################################################################

output "nlb_arn" {
  description = "ARN of the load balancer."
  value       = local.nlb_arn
}

output "nlb_security_group_id" {
  description = "Id of the load balancer's security group."
  value       = local.nlb_security_group_id
}

output "target_group_arn" {
  description = "ARN of the target group."
  value       = aws_lb_target_group.proxy.arn
}

output "status_target_group_arn" {
  description = "ARN of the target group of the status port, if there is one."
  value       = one(aws_lb_target_group.status[*].arn)
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
  description = "Ids of the proxies' subnets; in mode `nat_gateway`, of the NAT gateways'."
  value       = local.public_subnet_ids
}

output "private_subnet_ids" {
  description = "Ids of the load balancer's subnets; in mode `nat_gateway`, of the proxies' as well."
  value       = local.private_subnet_ids
}

################################################################################
# Dashboard, alarms and log
################################################################################

output "dashboard_name" {
  description = "Name of the CloudWatch dashboard; `null` without one."
  value       = one(aws_cloudwatch_dashboard.this[*].dashboard_name)
}

output "alarm_arns" {
  description = "ARNs of the CloudWatch alarms by their keys, which before a dot are the runbook's anchors."
  value       = { for key, alarm in aws_cloudwatch_metric_alarm.this : key => alarm.arn }
}

output "proxy_log_group_name" {
  description = "Log group with one line a connection; `null` without one."
  value       = one(aws_cloudwatch_log_group.proxy[*].name)
}

output "cloudwatch_agent_config" {
  description = "Configuration of the proxies' CloudWatch agent; `null` without log and metrics."
  value       = local.cloudwatch_agent_config
}
