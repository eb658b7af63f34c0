locals {
  instance_type = coalesce(var.instance_type, var.architecture == "arm64" ? "t4g.small" : "t3.small")
  image_id      = var.ami_id != null ? var.ami_id : one(data.aws_ssm_parameter.ami[*].insecure_value)

  haproxy_cfg = templatefile("${path.module}/templates/haproxy.cfg.tftpl", {
    proxy_port      = local.proxy_port
    health_port     = var.health_port
    hostnames       = var.upstream_hostnames
    allow_list      = local.allow_list_path
    max_connections = var.max_connections
    tunnel_timeout  = var.tunnel_timeout
  })
  allow_list      = join("", [for host in var.upstream_hostnames : "${host}\n"])
  allow_list_path = "/etc/haproxy/sni-allow.lst"

  # The files are there before the package is: its own configuration, a "noreplace" one, then steps aside.
  cloud_config = {
    package_update  = false
    package_upgrade = false
    packages        = ["haproxy"]
    write_files = [
      {
        path        = "/etc/haproxy/haproxy.cfg"
        owner       = "root:root"
        permissions = "0644"
        content     = local.haproxy_cfg
      },
      {
        path        = local.allow_list_path
        owner       = "root:root"
        permissions = "0644"
        content     = local.allow_list
      },
    ]
    # dnf may be busy or S3 slow during the first seconds of a boot; installing what is installed does nothing.
    runcmd = [
      "for attempt in 1 2 3 4 5 6; do dnf -y install haproxy && break; sleep 10; done",
      "haproxy -c -f /etc/haproxy/haproxy.cfg",
      "systemctl enable --now haproxy",
    ]
  }
  user_data = "#cloud-config\n${yamlencode(local.cloud_config)}"

  # The assigner's role may touch only network interfaces that carry the pool's tag.
  launch_tags = merge(data.aws_default_tags.current.tags, var.tags, {
    Name                      = "${var.name}-proxy"
    "crosscloudlink:eip-pool" = local.pool_name
  })
}

data "aws_ssm_parameter" "ami" {
  count = var.ami_id == null ? 1 : 0

  name = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-${var.architecture}"
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
  referenced_security_group_id = aws_security_group.nlb.id

  tags = var.tags
}

resource "aws_vpc_security_group_ingress_rule" "proxy_health" {
  security_group_id            = aws_security_group.proxy.id
  description                  = "Health checks from the load balancer"
  ip_protocol                  = "tcp"
  from_port                    = var.health_port
  to_port                      = var.health_port
  referenced_security_group_id = aws_security_group.nlb.id

  tags = var.tags
}

# The VPC's resolver and time service are reached without a rule.
resource "aws_vpc_security_group_egress_rule" "proxy_https" {
  for_each = toset(var.egress_cidr_blocks)

  security_group_id = aws_security_group.proxy.id
  description       = "Upstreams, and the packages of the image"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
  cidr_ipv4         = each.value

  tags = var.tags
}

resource "aws_launch_template" "proxy" {
  name        = "${var.name}-proxy"
  description = "Egress proxy for ${join(", ", var.upstream_hostnames)}"

  image_id      = local.image_id
  instance_type = local.instance_type
  user_data     = base64encode(local.user_data)

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

  dynamic "iam_instance_profile" {
    for_each = var.instance_profile_arn == null ? [] : [var.instance_profile_arn]

    content {
      arn = iam_instance_profile.value
    }
  }

  dynamic "tag_specifications" {
    for_each = ["instance", "network-interface", "volume"]

    content {
      resource_type = tag_specifications.value
      tags          = local.launch_tags
    }
  }

  tags = merge(var.tags, { Name = "${var.name}-proxy" })
}

# Begins empty, and the assigner raises it once hooks, function and admitted addresses are in place: an instance
# launched before would come into service without an address.
resource "aws_autoscaling_group" "proxy" {
  name                = "${var.name}-proxy"
  vpc_zone_identifier = local.public_subnet_ids
  target_group_arns   = [aws_lb_target_group.proxy.arn]

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

  suspended_processes = [for process in ["AZRebalance"] : process if !local.rebalances]

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
    for_each = merge(data.aws_default_tags.current.tags, var.tags, { Name = "${var.name}-proxy" })

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
