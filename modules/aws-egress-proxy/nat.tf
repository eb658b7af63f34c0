# Mode nat_gateway: a NAT gateway in each zone on one address of the pool, in place of an address on each proxy.
# pool → (the caller's firewalls) → admission → NAT gateways → routes → proxies; on destroy the other way round.

locals {
  behind_nat = var.egress_mode == "nat_gateway"

  # In an existing VPC azs says which of the subnets and route tables are whose.
  nat_azs = !local.behind_nat ? [] : var.create_vpc ? local.azs : coalesce(var.azs, [])

  nat_zones = { for index, az in local.nat_azs : az => {
    public_subnet_id  = local.public_subnet_ids[index]
    private_subnet_id = local.private_subnet_ids[index]
    private_zone      = var.create_vpc ? az : data.aws_subnet.private[index].availability_zone
    route_table_id    = var.create_vpc ? one([aws_route_table.nat[az].id]) : var.private_route_table_ids[index]
  } }

  # Without proxies there is nothing to let out, and perhaps no firewall yet that lists the addresses.
  nat_gateways = var.min_size == 0 ? {} : local.nat_zones

  # The one group that there is.
  autoscaling_group_arn  = one(concat(aws_autoscaling_group.proxy[*].arn, aws_autoscaling_group.behind_nat[*].arn))
  autoscaling_group_name = one(concat(aws_autoscaling_group.proxy[*].name, aws_autoscaling_group.behind_nat[*].name))
}

data "aws_subnet" "nat" {
  for_each = var.create_vpc ? {} : local.nat_zones

  id = each.value.public_subnet_id

  lifecycle {
    postcondition {
      condition     = self.availability_zone == each.key
      error_message = "${each.value.public_subnet_id} of public_subnet_ids is in ${self.availability_zone}, and azs says ${each.key} at that place. The lists public_subnet_ids, private_subnet_ids and private_route_table_ids must be in the order of azs."
    }
  }
}

resource "aws_nat_gateway" "this" {
  for_each = local.nat_gateways

  allocation_id     = crosscloudlink_eip_pool.this.slot_allocation_ids[each.key]
  subnet_id         = each.value.public_subnet_id
  connectivity_type = "public"

  tags = merge(var.tags, { Name = "${var.name}-${each.key}" })

  # On destroy the gateways go before their addresses are withdrawn, and before their way to the internet.
  depends_on = [
    crosscloudlink_eip_admission.this,
    aws_route.internet,
    aws_route_table_association.public,
    data.aws_subnet.nat,
  ]

  lifecycle {
    # A gateway keeps its address for life. The next one serves before the last one goes.
    create_before_destroy = true

    precondition {
      condition     = var.create_vpc || each.value.private_zone == each.key
      error_message = "${each.value.private_subnet_id} of private_subnet_ids is in ${each.value.private_zone}, and azs says ${each.key} at that place: its proxies would leave through another zone's NAT gateway. The lists public_subnet_ids, private_subnet_ids and private_route_table_ids must be in the order of azs."
    }

    precondition {
      condition = contains(
        crosscloudlink_eip_admission.this.admitted_allocation_ids,
        crosscloudlink_eip_pool.this.slot_allocation_ids[each.key],
      )
      error_message = <<-EOT
        The NAT gateway of ${each.key} may not use ${lookup(crosscloudlink_eip_pool.this.addresses, crosscloudlink_eip_pool.this.slot_allocation_ids[each.key], "its address")} yet: not all firewalls list it. No NAT gateway was made or changed for it.
        Still to be listed, by firewall: ${join("; ", [for name, ips in crosscloudlink_eip_admission.this.unlisted_public_ips : "${name}: ${join(", ", ips)}"])}.
        Apply again once the firewalls list the output public_ips. With min_size = 0 everything but NAT gateways and proxies is made until then.
      EOT
    }
  }
}

resource "aws_route" "nat" {
  for_each = local.nat_gateways

  route_table_id         = each.value.route_table_id
  destination_cidr_block = "0.0.0.0/0"
  nat_gateway_id         = aws_nat_gateway.this[each.key].id
}

# Owns its sizes, unlike the group of the other mode: no proxy waits for anything but its own start.
resource "aws_autoscaling_group" "behind_nat" {
  count = local.behind_nat ? 1 : 0

  name                = local.group_name
  vpc_zone_identifier = local.private_subnet_ids
  target_group_arns   = local.target_group_arns

  min_size         = var.min_size
  max_size         = var.min_size == 0 ? 0 : var.max_size
  desired_capacity = coalesce(var.desired_capacity, var.min_size)

  # A failed launch is tried again by Auto Scaling; it is no reason to end the wait.
  wait_for_capacity_timeout        = var.require_in_service ? "20m" : "0"
  min_elb_capacity                 = var.require_in_service ? var.min_size : null
  ignore_failed_scaling_activities = true

  health_check_type         = var.health_check_type
  health_check_grace_period = var.health_check_grace_period

  launch_template {
    id      = aws_launch_template.proxy.id
    version = aws_launch_template.proxy.latest_version
  }

  # For the first instances, which are launched before a hook of its own could be made; later changes are
  # aws_autoscaling_lifecycle_hook.ready's.
  initial_lifecycle_hook {
    name                 = local.ready_hook_name
    lifecycle_transition = "autoscaling:EC2_INSTANCE_LAUNCHING"
    default_result       = "ABANDON"
    heartbeat_timeout    = var.bootstrap_timeout
  }

  enabled_metrics         = local.group_metrics
  default_instance_warmup = local.instance_warmup
  max_instance_lifetime   = var.max_instance_lifetime

  instance_maintenance_policy {
    min_healthy_percentage = local.min_healthy_percentage
    max_healthy_percentage = local.max_healthy_percentage
  }

  instance_refresh {
    strategy = "Rolling"

    preferences {
      min_healthy_percentage = local.min_healthy_percentage
      max_healthy_percentage = local.max_healthy_percentage
      skip_matching          = true
    }
  }

  dynamic "tag" {
    for_each = local.group_tags

    content {
      key   = tag.key
      value = tag.value
      # Instances get theirs from the launch template.
      propagate_at_launch = false
    }
  }

  # What a proxy needs while it boots and serves; on destroy all of it outlives the fleet.
  depends_on = [
    aws_route.nat,
    aws_route_table_association.private,
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
    aws_iam_role_policy.proxy,
    aws_iam_role_policy_attachment.session_manager,
  ]

  lifecycle {
    ignore_changes = [desired_capacity]
  }
}
