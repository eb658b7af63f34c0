# Every stock resource that the modules use, once, as they use it. The contract:
# an apply succeeds, a second plan is empty, a destroy leaves nothing.

terraform {
  required_providers {
    aws = {
      source = "hashicorp/aws"
    }
  }
}

provider "aws" {
  default_tags {
    tags = {
      Project = "contract"
      Team    = "platform"
    }
  }
}

variable "name" {
  type    = string
  default = "contract"
}

# Changed for an update in place: 2 differs from 1 in whatever the modules let users change.
variable "revision" {
  type    = number
  default = 1
}

locals {
  updated               = var.revision > 1
  health_check_protocol = local.updated ? "HTTP" : "TCP"
  tags                  = { Revision = tostring(var.revision) }
}

data "aws_availability_zones" "this" {
  state = "available"

  filter {
    name   = "zone-type"
    values = ["availability-zone"]
  }
}

data "aws_region" "this" {}

data "aws_caller_identity" "this" {}

data "aws_partition" "this" {}

data "aws_default_tags" "this" {}

data "aws_ssm_parameter" "image" {
  for_each = toset(["x86_64", "arm64"])
  name     = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-${each.key}"
}

data "aws_ami" "image" {
  for_each = data.aws_ssm_parameter.image
  owners   = ["amazon"]

  filter {
    name   = "image-id"
    values = [nonsensitive(each.value.value)]
  }
}

# ---- network

resource "aws_vpc" "this" {
  cidr_block           = "10.60.0.0/16"
  enable_dns_support   = true
  enable_dns_hostnames = true
  tags                 = merge(local.tags, { Name = var.name })
}

resource "aws_default_security_group" "this" {
  vpc_id = aws_vpc.this.id
  tags   = { Name = "${var.name}-unused" }
}

resource "aws_internet_gateway" "this" {
  vpc_id = aws_vpc.this.id
  tags   = { Name = var.name }
}

resource "aws_subnet" "public" {
  count                   = 2
  vpc_id                  = aws_vpc.this.id
  cidr_block              = cidrsubnet(aws_vpc.this.cidr_block, 8, count.index)
  availability_zone       = data.aws_availability_zones.this.names[count.index]
  map_public_ip_on_launch = false
  tags                    = { Name = "${var.name}-public-${count.index}" }
}

resource "aws_subnet" "private" {
  count             = 2
  vpc_id            = aws_vpc.this.id
  cidr_block        = cidrsubnet(aws_vpc.this.cidr_block, 8, 10 + count.index)
  availability_zone = data.aws_availability_zones.this.names[count.index]
  tags              = { Name = "${var.name}-private-${count.index}" }
}

resource "aws_route_table" "public" {
  vpc_id = aws_vpc.this.id
  tags   = { Name = "${var.name}-public" }
}

resource "aws_route" "internet" {
  route_table_id         = aws_route_table.public.id
  destination_cidr_block = "0.0.0.0/0"
  gateway_id             = aws_internet_gateway.this.id
}

resource "aws_route_table_association" "public" {
  count          = 2
  subnet_id      = aws_subnet.public[count.index].id
  route_table_id = aws_route_table.public.id
}

resource "aws_route_table" "private" {
  vpc_id = aws_vpc.this.id
  tags   = { Name = "${var.name}-private" }
}

resource "aws_route_table_association" "private" {
  count          = 2
  subnet_id      = aws_subnet.private[count.index].id
  route_table_id = aws_route_table.private.id
}

data "aws_iam_policy_document" "s3" {
  statement {
    sid       = "AmazonLinuxRepositories${var.revision}"
    actions   = ["s3:GetObject"]
    resources = ["arn:${data.aws_partition.this.partition}:s3:::al2023-repos-${data.aws_region.this.name}-de612dc2/*"]

    principals {
      type        = "*"
      identifiers = ["*"]
    }
  }
}

resource "aws_vpc_endpoint" "s3" {
  vpc_id            = aws_vpc.this.id
  service_name      = "com.amazonaws.${data.aws_region.this.name}.s3"
  vpc_endpoint_type = "Gateway"
  route_table_ids   = [aws_route_table.public.id, aws_route_table.private.id]
  policy            = data.aws_iam_policy_document.s3.json
  tags              = { Name = "${var.name}-s3" }
}

# ---- the way out through NAT gateways

resource "aws_eip" "nat" {
  for_each = toset(local.updated ? ["a", "b"] : ["a"])
  domain   = "vpc"
  tags     = { Name = "${var.name}-nat" }
}

resource "aws_nat_gateway" "this" {
  allocation_id = aws_eip.nat[local.updated ? "b" : "a"].id
  subnet_id     = aws_subnet.public[0].id
  tags          = merge(local.tags, { Name = "${var.name}-nat" })
  depends_on    = [aws_internet_gateway.this]

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_nat_gateway" "private" {
  connectivity_type = "private"
  subnet_id         = aws_subnet.private[0].id
}

resource "aws_route" "nat" {
  route_table_id         = aws_route_table.private.id
  destination_cidr_block = "0.0.0.0/0"
  nat_gateway_id         = aws_nat_gateway.this.id
}

# ---- security groups

resource "aws_security_group" "balancer" {
  name_prefix = "${var.name}-nlb-"
  description = "Load balancer"
  vpc_id      = aws_vpc.this.id
  tags        = { Name = "${var.name}-nlb" }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_security_group" "proxy" {
  name_prefix = "${var.name}-proxy-"
  description = "Proxies"
  vpc_id      = aws_vpc.this.id
  tags        = { Name = "${var.name}-proxy" }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_vpc_security_group_ingress_rule" "balancer" {
  for_each          = toset(["10.0.0.0/8", local.updated ? "192.168.0.0/16" : "172.18.0.0/16"])
  security_group_id = aws_security_group.balancer.id
  description       = "Consumers"
  cidr_ipv4         = each.value
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

resource "aws_vpc_security_group_egress_rule" "balancer" {
  security_group_id            = aws_security_group.balancer.id
  description                  = "To the proxies"
  referenced_security_group_id = aws_security_group.proxy.id
  ip_protocol                  = "tcp"
  from_port                    = 8443
  to_port                      = 8443
}

resource "aws_vpc_security_group_ingress_rule" "proxy" {
  security_group_id            = aws_security_group.proxy.id
  description                  = "From the load balancer, revision ${var.revision}"
  referenced_security_group_id = aws_security_group.balancer.id
  ip_protocol                  = "tcp"
  from_port                    = 8443
  to_port                      = 8443
  tags                         = merge(local.tags, { Name = "from-balancer" })
}

resource "aws_vpc_security_group_egress_rule" "proxy" {
  security_group_id = aws_security_group.proxy.id
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "-1"
}

resource "aws_vpc_security_group_egress_rule" "repositories" {
  security_group_id = aws_security_group.proxy.id
  description       = local.updated ? null : "Packages"
  prefix_list_id    = aws_vpc_endpoint.s3.prefix_list_id
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

# ---- load balancer

resource "aws_lb" "this" {
  name                                                         = var.name
  internal                                                     = true
  load_balancer_type                                           = "network"
  subnets                                                      = aws_subnet.private[*].id
  security_groups                                              = [aws_security_group.balancer.id]
  enforce_security_group_inbound_rules_on_private_link_traffic = "off"
  enable_cross_zone_load_balancing                             = true
  enable_deletion_protection                                   = false
  tags                                                         = { Name = "${var.name}-nlb" }
}

resource "aws_lb_target_group" "this" {
  name                   = var.name
  vpc_id                 = aws_vpc.this.id
  port                   = 8443
  protocol               = "TCP"
  target_type            = "instance"
  preserve_client_ip     = "false"
  deregistration_delay   = local.updated ? 120 : 60
  connection_termination = true
  proxy_protocol_v2      = !local.updated

  target_health_state {
    enable_unhealthy_connection_termination = local.updated
    unhealthy_draining_interval             = local.updated ? 0 : 300
  }

  health_check {
    protocol            = local.health_check_protocol
    port                = local.health_check_protocol == "HTTP" ? "8404" : "traffic-port"
    path                = local.health_check_protocol == "HTTP" ? "/healthz" : null
    matcher             = local.health_check_protocol == "HTTP" ? "200-299" : null
    interval            = 10
    timeout             = 6
    healthy_threshold   = 2
    unhealthy_threshold = 2
  }

  tags = local.tags

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_lb_target_group" "http" {
  name     = "${var.name}-http"
  vpc_id   = aws_vpc.this.id
  port     = 8443
  protocol = "TCP"

  health_check {
    protocol = "HTTP"
    port     = "8404"
    path     = "/healthz"
    matcher  = "200"
  }
}

resource "aws_lb_listener" "this" {
  load_balancer_arn        = aws_lb.this.arn
  port                     = 443
  protocol                 = "TCP"
  tcp_idle_timeout_seconds = local.updated ? 600 : 350

  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.this.arn
  }

  tags = local.tags
}

# ---- proxies

data "aws_iam_policy_document" "assume" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["ec2.amazonaws.com"]
    }
  }
}

data "aws_iam_policy_document" "proxy" {
  statement {
    actions   = local.updated ? ["logs:PutLogEvents"] : ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${aws_cloudwatch_log_group.proxy.arn}:*"]
  }
}

resource "aws_iam_role" "proxy" {
  name_prefix          = "${var.name}-proxy-"
  path                 = "/contract/"
  assume_role_policy   = data.aws_iam_policy_document.assume.json
  permissions_boundary = local.updated ? null : aws_iam_policy.proxy.arn
  tags                 = local.tags
}

resource "aws_iam_policy" "proxy" {
  name_prefix = "${var.name}-proxy-"
  policy      = data.aws_iam_policy_document.proxy.json
}

resource "aws_iam_role_policy_attachment" "proxy" {
  role       = aws_iam_role.proxy.name
  policy_arn = aws_iam_policy.proxy.arn
}

resource "aws_iam_role_policy_attachment" "session_manager" {
  role       = aws_iam_role.proxy.name
  policy_arn = "arn:${data.aws_partition.this.partition}:iam::aws:policy/AmazonSSMManagedInstanceCore"
}

resource "aws_iam_role_policy" "proxy" {
  name   = "logs"
  role   = aws_iam_role.proxy.id
  policy = data.aws_iam_policy_document.proxy.json
}

resource "aws_iam_instance_profile" "proxy" {
  name_prefix = "${var.name}-proxy-"
  role        = aws_iam_role.proxy.name
}

resource "aws_cloudwatch_log_group" "proxy" {
  name              = "/${var.name}/proxy"
  retention_in_days = local.updated ? 90 : 30
}

resource "aws_cloudwatch_log_metric_filter" "denied" {
  name           = "${var.name}-denied"
  log_group_name = aws_cloudwatch_log_group.proxy.name
  pattern        = "{ ($.decision = \"denied\") || ($.termination_state = \"S*\") }"

  metric_transformation {
    name          = "Denied"
    namespace     = "contract/proxy"
    value         = local.updated ? "2" : "1"
    default_value = "0"
    unit          = "Count"
  }
}

resource "aws_cloudwatch_metric_alarm" "healthy" {
  alarm_name          = "${var.name}-healthy"
  alarm_description   = "Revision ${var.revision}"
  namespace           = "AWS/NetworkELB"
  metric_name         = "HealthyHostCount"
  statistic           = "Minimum"
  period              = 60
  evaluation_periods  = 3
  datapoints_to_alarm = 2
  threshold           = var.revision
  comparison_operator = "LessThanThreshold"
  treat_missing_data  = "breaching"
  alarm_actions       = ["arn:${data.aws_partition.this.partition}:sns:${data.aws_region.this.name}:${data.aws_caller_identity.this.account_id}:on-call"]
  ok_actions          = local.updated ? ["arn:${data.aws_partition.this.partition}:sns:${data.aws_region.this.name}:${data.aws_caller_identity.this.account_id}:on-call"] : []
  tags                = local.tags

  dimensions = {
    LoadBalancer = aws_lb.this.arn_suffix
    TargetGroup  = aws_lb_target_group.this.arn_suffix
  }
}

resource "aws_cloudwatch_metric_alarm" "flows" {
  alarm_name          = "${var.name}-flows"
  comparison_operator = "GreaterThanThreshold"
  evaluation_periods  = 2
  threshold           = 1000
  treat_missing_data  = "notBreaching"
  tags                = local.tags

  metric_query {
    id          = "per_target"
    expression  = local.updated ? "flows / 2" : "flows"
    label       = "Flows per target"
    return_data = true
  }

  metric_query {
    id = "flows"

    metric {
      namespace   = "AWS/NetworkELB"
      metric_name = "ActiveFlowCount"
      stat        = "Average"
      period      = 60

      dimensions = {
        LoadBalancer = aws_lb.this.arn_suffix
      }
    }
  }
}

resource "aws_cloudwatch_dashboard" "this" {
  dashboard_name = var.name

  dashboard_body = jsonencode({
    widgets = [{
      type   = "metric"
      x      = 0
      y      = 0
      width  = 12
      height = 6
      properties = {
        title   = "Flows, revision ${var.revision}"
        region  = data.aws_region.this.name
        metrics = [["AWS/NetworkELB", "ActiveFlowCount", "LoadBalancer", aws_lb.this.arn_suffix]]
      }
    }]
  })
}

resource "aws_launch_template" "latest" {
  name_prefix   = "${var.name}-latest-"
  image_id      = "resolve:ssm:/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-${local.updated ? "x86_64" : "arm64"}"
  instance_type = "t4g.small"
}

resource "aws_launch_template" "proxy" {
  name_prefix            = "${var.name}-"
  description            = "Revision ${var.revision}"
  image_id               = data.aws_ssm_parameter.image["arm64"].value
  instance_type          = "t4g.small"
  update_default_version = true
  ebs_optimized          = true

  user_data = base64encode(<<-EOT
    #cloud-config
    write_files:
      - path: /etc/motd
        content: revision ${var.revision}
  EOT
  )

  iam_instance_profile {
    arn = aws_iam_instance_profile.proxy.arn
  }

  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
    instance_metadata_tags      = "enabled"
  }

  monitoring {
    enabled = true
  }

  block_device_mappings {
    device_name = "/dev/xvda"

    ebs {
      volume_size           = 8
      volume_type           = "gp3"
      encrypted             = true
      delete_on_termination = true
    }
  }

  network_interfaces {
    device_index                = 0
    associate_public_ip_address = false
    delete_on_termination       = true
    security_groups             = [aws_security_group.proxy.id]
  }

  dynamic "tag_specifications" {
    for_each = ["instance", "volume", "network-interface"]

    content {
      resource_type = tag_specifications.value
      tags          = merge(data.aws_default_tags.this.tags, local.tags, { Name = "${var.name}-proxy" })
    }
  }

  tags = local.tags

  lifecycle {
    create_before_destroy = true
  }
}

# ---- endpoint service

resource "aws_vpc_endpoint_service" "this" {
  acceptance_required        = true
  network_load_balancer_arns = [aws_lb.this.arn]
  tags                       = merge(local.tags, { Name = var.name })
}

resource "aws_vpc_endpoint_service_allowed_principal" "this" {
  vpc_endpoint_service_id = aws_vpc_endpoint_service.this.id
  principal_arn           = "arn:${data.aws_partition.this.partition}:iam::565502421330:role/private-connectivity-role-${local.updated ? "eu-west-1" : data.aws_region.this.name}"
}

resource "aws_vpc_endpoint_service" "closed_list" {
  acceptance_required        = true
  network_load_balancer_arns = [aws_lb.this.arn]
  supported_ip_address_types = ["ipv4"]
  allowed_principals         = ["arn:${data.aws_partition.this.partition}:iam::565502421330:role/private-connectivity-role-${local.updated ? "eu-west-1" : data.aws_region.this.name}"]
}

# ---- an address, as users may bring

resource "aws_eip" "this" {
  domain = "vpc"
  tags   = merge(local.tags, { Name = var.name })
}

# ---- what exists already, as modules look it up

data "aws_vpc" "this" {
  id = aws_vpc.this.id
}

data "aws_subnet" "this" {
  id = aws_subnet.private[0].id
}

data "aws_subnets" "this" {
  filter {
    name   = "vpc-id"
    values = [aws_vpc.this.id]
  }

  depends_on = [aws_subnet.public, aws_subnet.private]
}

data "aws_lb" "this" {
  arn = aws_lb.this.arn
}

data "aws_vpc_endpoint_service" "own" {
  service_name = aws_vpc_endpoint_service.this.service_name
}

data "aws_vpc_endpoint_service" "s3" {
  service      = "s3"
  service_type = "Gateway"
}

data "aws_ec2_instance_type" "this" {
  instance_type = "t4g.small"
}

data "aws_eip" "this" {
  filter {
    name   = "allocation-id"
    values = [aws_eip.this.id]
  }
}

data "aws_servicequotas_service_quota" "addresses" {
  service_code = "ec2"
  quota_code   = "L-0263D0A3"
}
