locals {
  group_name    = "${var.name}-proxy"
  instance_type = coalesce(var.instance_type, var.architecture == "arm64" ? "t4g.small" : "t3.small")

  # Looked up by EC2 at every launch: a proxy that replaces another runs the newest image without an apply.
  image_id = coalesce(var.ami_id, "resolve:ssm:/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-${var.architecture}")

  target_group_arns   = concat([aws_lb_target_group.proxy.arn], aws_lb_target_group.status[*].arn)
  suspended_processes = [for process in ["AZRebalance"] : process if !local.rebalances]

  # The assigner's role may touch only network interfaces that carry the pool's tag.
  launch_tags = merge(local.group_tags, local.behind_nat ? {} : {
    "crosscloudlink:eip-pool" = local.pool_name
  })
  group_tags = merge(data.aws_default_tags.current.tags, var.tags, { Name = local.group_name })
}

resource "aws_security_group" "proxy" {
  name        = "${var.name}-proxy"
  description = "Egress proxies"
  vpc_id      = local.vpc_id

  tags = merge(var.tags, { Name = "${var.name}-proxy" })
}

resource "aws_vpc_security_group_ingress_rule" "proxy_from_nlb" {
  security_group_id            = aws_security_group.proxy.id
  description                  = "Connections from the load balancer"
  ip_protocol                  = "tcp"
  from_port                    = local.proxy_port
  to_port                      = local.proxy_port
  referenced_security_group_id = local.nlb_security_group_id

  tags = var.tags
}

resource "aws_vpc_security_group_ingress_rule" "proxy_health" {
  security_group_id            = aws_security_group.proxy.id
  description                  = "Health checks from the load balancer"
  ip_protocol                  = "tcp"
  from_port                    = var.health_port
  to_port                      = var.health_port
  referenced_security_group_id = local.nlb_security_group_id

  tags = var.tags
}

resource "aws_vpc_security_group_ingress_rule" "proxy_status" {
  count = var.status_port == null ? 0 : 1

  security_group_id            = aws_security_group.proxy.id
  description                  = "Status requests from the load balancer"
  ip_protocol                  = "tcp"
  from_port                    = var.status_port
  to_port                      = var.status_port
  referenced_security_group_id = local.nlb_security_group_id

  tags = var.tags
}

# The VPC's resolver and time service are reached without a rule.
resource "aws_vpc_security_group_egress_rule" "proxy_https" {
  for_each = toset(var.egress_cidr_blocks)

  security_group_id = aws_security_group.proxy.id
  description       = "Upstreams, packages, and the APIs of AWS"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
  cidr_ipv4         = each.value

  tags = var.tags
}

resource "aws_launch_template" "proxy" {
  name        = local.group_name
  description = "Egress proxy for ${local.upstream_hostnames[0]}${length(var.upstreams) == 1 ? "" : " and ${length(var.upstreams) - 1} more"}"

  image_id      = local.image_id
  instance_type = local.instance_type
  user_data     = local.encoded_user_data

  update_default_version = true

  # No key pair: nobody logs in by SSH, no port for it is open.

  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }

  block_device_mappings {
    device_name = "/dev/xvda"

    ebs {
      encrypted             = true
      kms_key_id            = var.ebs_kms_key_arn
      volume_type           = "gp3"
      volume_size           = var.root_volume_size
      delete_on_termination = true
    }
  }

  # No public address at launch: the assigner gives one of the pool, and until then nothing goes out.
  network_interfaces {
    device_index                = 0
    associate_public_ip_address = false
    delete_on_termination       = true
    security_groups             = [aws_security_group.proxy.id]
  }

  iam_instance_profile {
    arn = local.instance_profile_arn
  }

  dynamic "tag_specifications" {
    for_each = ["instance", "network-interface", "volume"]

    content {
      resource_type = tag_specifications.value
      tags          = local.launch_tags
    }
  }

  tags = merge(var.tags, { Name = local.group_name })

  lifecycle {
    # Base64 makes four characters of three bytes.
    precondition {
      condition     = length(local.encoded_user_data) <= 16384 / 3 * 4
      error_message = "The user data of the proxies is larger than the 16 KiB that EC2 takes. Shorten user_data, or let it fetch the rest."
    }
  }
}

# Begins empty, and the assigner raises it once hooks, function and admitted addresses are in place: an instance
# launched before would come into service without an address.
resource "aws_autoscaling_group" "proxy" {
  count = local.behind_nat ? 0 : 1

  name                = local.group_name
  vpc_zone_identifier = local.public_subnet_ids
  target_group_arns   = local.target_group_arns

  min_size         = 0
  max_size         = 0
  desired_capacity = 0

  wait_for_capacity_timeout = "0"

  health_check_type         = var.health_check_type
  health_check_grace_period = var.health_check_grace_period

  launch_template {
    id      = aws_launch_template.proxy.id
    version = aws_launch_template.proxy.latest_version
  }

  suspended_processes = local.suspended_processes

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

  lifecycle {
    ignore_changes = [min_size, max_size, desired_capacity]
  }
}
