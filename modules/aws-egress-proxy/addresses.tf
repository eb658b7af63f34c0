# pool → (the caller's firewalls) → admission → assigner; on destroy the other way round. In mode nat_gateway (nat.tf)
# NAT gateways are in the assigner's place.

locals {
  # Of other people's entries, only those that matter: their changes are none of the admission's.
  firewalls = { for name, firewall in var.firewalls : name => merge(firewall, {
    effective_ip_rules = setintersection(firewall.effective_ip_rules, crosscloudlink_eip_pool.this.retired_public_ips)
  }) }

  # The assigner calls a group that has all of its no instances complete.
  empty_fleet = local.behind_nat ? var.min_size == 0 : alltrue([
    for assigner in crosscloudlink_lifecycle_eip_assigner.this : assigner.status == "in_service" && assigner.in_service_count == 0
  ])
}

resource "crosscloudlink_eip_pool" "this" {
  name                    = local.pool_name
  size                    = local.pool_size
  existing_allocation_ids = var.existing_allocation_ids
  public_ipv4_pool        = var.public_ipv4_pool
  retire                  = var.retire_allocation_ids
  slots                   = local.behind_nat ? local.nat_azs : null
  require_admission       = true
  deletion_protection     = var.deletion_protection
  tags                    = var.tags

  lifecycle {
    precondition {
      condition     = local.pool_size >= length(local.nat_azs)
      error_message = "eip_pool_size is ${local.pool_size}, and in mode nat_gateway each of the ${length(local.nat_azs)} zones needs an address of its own: ${join(", ", local.nat_azs)}. Raise eip_pool_size, leave it out, or name fewer azs."
    }
  }
}

resource "crosscloudlink_eip_admission" "this" {
  pool_name = crosscloudlink_eip_pool.this.name
  firewalls = local.firewalls

  lifecycle {
    # The admission looks at the addresses that there are; this at those that the same apply would add.
    precondition {
      condition     = alltrue([for firewall in var.firewalls : firewall.on_destroy != "keep"]) || local.pool_size <= try(length(var.existing_allocation_ids), 0)
      error_message = "A firewall in firewalls has on_destroy = \"keep\", but the pool is to have ${local.pool_size} addresses, of which ${try(length(var.existing_allocation_ids), 0)} are your own (existing_allocation_ids). The others go back to AWS in time, and whoever gets them would be let in. Set on_destroy = \"remove_entries\" on that firewall, or give as many existing_allocation_ids as the pool is to have."
    }
  }
}

resource "crosscloudlink_lifecycle_eip_assigner" "this" {
  count = local.behind_nat ? 0 : 1

  name                   = var.name
  auto_scaling_group_arn = one(aws_autoscaling_group.proxy[*].arn)
  pool_name              = crosscloudlink_eip_admission.this.pool_name
  pool_size              = crosscloudlink_eip_pool.this.size

  min_size         = var.min_size
  max_size         = var.max_size
  desired_capacity = var.desired_capacity

  # Known in the plan, unlike the group, so that a pool that is too small is refused there.
  max_healthy_percentage = local.max_healthy_percentage
  rebalance_margin       = local.rebalances ? local.rebalance_margin : 0

  architecture             = var.architecture
  heartbeat_timeout        = var.heartbeat_timeout
  log_retention_in_days    = var.log_retention_in_days
  permissions_boundary_arn = var.permissions_boundary_arn
  role_arn                 = var.assigner_role_arn
  failure_destination_arn  = var.failure_destination_arn
  tags                     = var.tags

  # What an instance needs while it boots and before it may take traffic; on destroy all of it outlives the fleet.
  depends_on = [
    aws_route.internet,
    aws_route_table_association.public,
    aws_vpc_endpoint.s3,
    aws_vpc_security_group_egress_rule.proxy_https,
    aws_vpc_security_group_ingress_rule.proxy_from_nlb,
    aws_vpc_security_group_ingress_rule.proxy_health,
    aws_vpc_security_group_egress_rule.nlb_to_proxies,
    aws_vpc_security_group_egress_rule.nlb_to_health,
    aws_vpc_security_group_ingress_rule.proxy_status,
    aws_vpc_security_group_egress_rule.nlb_to_status,
    aws_lb_listener.tls,
    aws_lb_listener.status,
    aws_autoscaling_lifecycle_hook.ready,
    aws_iam_role_policy.proxy,
    aws_iam_role_policy_attachment.session_manager,
    aws_cloudwatch_log_group.proxy,
  ]

  lifecycle {
    postcondition {
      condition     = !var.require_in_service || self.in_service_count >= var.min_size
      error_message = <<-EOT
        Only ${self.in_service_count} of at least ${var.min_size} proxies are in service (${self.status}: ${self.status_reason}).
        Nothing is lost: the next apply goes on from here. Look at
          - the activity history of the Auto Scaling group ${var.name}-proxy: does it launch instances?
          - the log of the function ${self.function_name}: why did an instance get no address?
          - the output unlisted_public_ips: which firewall has yet to list which addresses.
        Set require_in_service = false if another team's firewall admits the addresses later.
      EOT
    }
  }
}
