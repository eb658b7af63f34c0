locals {
  proxy_port = 443
}

################################################################################
# Load balancer
################################################################################

# A network load balancer made without a security group can never get one, so it is made with one.
#
# It has no inbound rule at all. Inbound rules are not applied to PrivateLink traffic here
# (enforce_security_group_inbound_rules_on_private_link_traffic = "off"): they would have to list the private client
# addresses inside Databricks' own network, which Databricks does not publish. Who comes in by PrivateLink is decided
# by the endpoint service instead: its one allowed principal, and the acceptance of one single connection. Everything
# else, neighbours in the VPC included, is refused.
resource "aws_security_group" "nlb" {
  name        = "${var.name}-nlb"
  description = "Load balancer of the egress proxies"
  vpc_id      = local.vpc_id

  tags = merge(var.tags, { Name = "${var.name}-nlb" })
}

resource "aws_vpc_security_group_egress_rule" "nlb_to_proxies" {
  security_group_id            = aws_security_group.nlb.id
  description                  = "Connections to the proxies"
  ip_protocol                  = "tcp"
  from_port                    = local.proxy_port
  to_port                      = local.proxy_port
  referenced_security_group_id = aws_security_group.proxy.id

  tags = var.tags
}

resource "aws_vpc_security_group_egress_rule" "nlb_to_health" {
  security_group_id            = aws_security_group.nlb.id
  description                  = "Health checks of the proxies"
  ip_protocol                  = "tcp"
  from_port                    = var.health_port
  to_port                      = var.health_port
  referenced_security_group_id = aws_security_group.proxy.id

  tags = var.tags
}

resource "aws_lb" "this" {
  name               = "${var.name}-nlb"
  internal           = true
  load_balancer_type = "network"
  ip_address_type    = "ipv4"
  subnets            = local.private_subnet_ids
  security_groups    = [aws_security_group.nlb.id]

  enable_cross_zone_load_balancing                             = true
  enforce_security_group_inbound_rules_on_private_link_traffic = "off"
  enable_deletion_protection                                   = var.load_balancer_deletion_protection

  tags = merge(var.tags, { Name = "${var.name}-nlb" })
}

resource "aws_lb_target_group" "proxy" {
  name        = "${var.name}-proxy"
  vpc_id      = local.vpc_id
  target_type = "instance"
  protocol    = "TCP"
  port        = local.proxy_port

  # Has no effect behind an endpoint service; said here so that nobody expects the consumer's address in a log.
  preserve_client_ip = false

  # Drained first, cut off then, and only after that does the instance lose its address.
  deregistration_delay   = var.deregistration_delay
  connection_termination = true

  health_check {
    protocol            = "HTTP"
    port                = tostring(var.health_port)
    path                = "/healthz"
    matcher             = "200"
    interval            = 10
    timeout             = 6
    healthy_threshold   = 2
    unhealthy_threshold = 2
  }

  tags = merge(var.tags, { Name = "${var.name}-proxy" })
}

resource "aws_lb_listener" "tls" {
  load_balancer_arn = aws_lb.this.arn
  port              = 443
  protocol          = "TCP"

  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.proxy.arn
  }

  tags = var.tags
}

################################################################################
# Endpoint service
################################################################################

resource "aws_vpc_endpoint_service" "this" {
  acceptance_required        = true
  network_load_balancer_arns = [aws_lb.this.arn]
  supported_ip_address_types = ["ipv4"]

  # Here and not as resources of their own, so that a principal added by hand is drift.
  allowed_principals = local.databricks_principal_arns

  tags = merge(var.tags, { Name = var.name })

  lifecycle {
    precondition {
      condition     = var.databricks_principal_arns != null || contains(keys(local.databricks_account_ids), local.partition)
      error_message = "It is not known which account of Databricks connects in the AWS partition ${local.partition}. Ask Databricks, and write the exact ARN into databricks_principal_arns."
    }
  }
}
