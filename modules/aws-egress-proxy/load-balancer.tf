locals {
  proxy_port = 443

  nlb_arn               = var.create_nlb ? one(aws_lb.this[*].arn) : var.nlb_arn
  nlb_security_group_id = var.create_nlb ? one(aws_security_group.nlb[*].id) : var.nlb_security_group_id

  # As metrics name it.
  nlb_arn_suffix = var.create_nlb ? one(aws_lb.this[*].arn_suffix) : one(data.aws_lb.existing[*].arn_suffix)

  # Those of the load balancer, one a subnet: their number is known in a plan that makes an existing VPC's subnets.
  zones = var.create_vpc ? local.azs : data.aws_subnet.private[*].availability_zone

  endpoint_service = var.create_endpoint_service ? {
    id   = one(aws_vpc_endpoint_service.this[*].id)
    arn  = one(aws_vpc_endpoint_service.this[*].arn)
    name = one(aws_vpc_endpoint_service.this[*].service_name)
    } : {
    id   = one(data.aws_vpc_endpoint_service.existing[*].service_id)
    arn  = one(data.aws_vpc_endpoint_service.existing[*].arn)
    name = one(data.aws_vpc_endpoint_service.existing[*].service_name)
  }

  # On load balancer and proxies a connection may be silent equally long, as far as the load balancer lets (6000 s). The
  # keepalives of the proxies come before either ends it; PrivateLink itself is believed to end it after 350 s.
  tcp_idle_timeout = min(6000, max(350, var.tunnel_timeout))
}

data "aws_subnet" "private" {
  count = var.create_vpc ? 0 : length(var.private_subnet_ids)

  id = var.private_subnet_ids[count.index]
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
  count = var.create_nlb ? 1 : 0

  name        = "${var.name}-nlb"
  description = "Load balancer of the egress proxies"
  vpc_id      = local.vpc_id

  tags = merge(var.tags, { Name = "${var.name}-nlb" })
}

resource "aws_vpc_security_group_egress_rule" "nlb_to_proxies" {
  security_group_id            = local.nlb_security_group_id
  description                  = "Connections to the proxies"
  ip_protocol                  = "tcp"
  from_port                    = local.proxy_port
  to_port                      = local.proxy_port
  referenced_security_group_id = aws_security_group.proxy.id

  tags = var.tags
}

resource "aws_vpc_security_group_egress_rule" "nlb_to_health" {
  security_group_id            = local.nlb_security_group_id
  description                  = "Health checks of the proxies"
  ip_protocol                  = "tcp"
  from_port                    = var.health_port
  to_port                      = var.health_port
  referenced_security_group_id = aws_security_group.proxy.id

  tags = var.tags
}

resource "aws_vpc_security_group_egress_rule" "nlb_to_status" {
  count = var.status_port == null ? 0 : 1

  security_group_id            = local.nlb_security_group_id
  description                  = "Status requests to the proxies"
  ip_protocol                  = "tcp"
  from_port                    = var.status_port
  to_port                      = var.status_port
  referenced_security_group_id = aws_security_group.proxy.id

  tags = var.tags
}

resource "aws_lb" "this" {
  count = var.create_nlb ? 1 : 0

  name               = "${var.name}-nlb"
  internal           = true
  load_balancer_type = "network"
  ip_address_type    = "ipv4"
  subnets            = local.private_subnet_ids
  security_groups    = aws_security_group.nlb[*].id

  enable_cross_zone_load_balancing                             = true
  enforce_security_group_inbound_rules_on_private_link_traffic = "off"
  enable_deletion_protection                                   = var.load_balancer_deletion_protection

  tags = merge(var.tags, { Name = "${var.name}-nlb" })
}

data "aws_lb" "existing" {
  count = var.create_nlb ? 0 : 1

  arn = var.nlb_arn

  lifecycle {
    postcondition {
      condition     = self.internal && self.vpc_id == var.vpc_id
      error_message = "The load balancer ${var.nlb_arn} must be internal and stand in ${var.vpc_id} (vpc_id); it is ${self.internal ? "internal" : "internet-facing"} in ${self.vpc_id}."
    }

    postcondition {
      condition     = contains(self.security_groups, var.nlb_security_group_id)
      error_message = "The load balancer ${var.nlb_arn} does not have the security group ${var.nlb_security_group_id} (nlb_security_group_id): the proxies would accept nothing from it. It has ${length(self.security_groups) == 0 ? "none, and cannot get one" : join(", ", self.security_groups)}."
    }

    postcondition {
      condition     = self.enable_cross_zone_load_balancing
      error_message = "The load balancer ${var.nlb_arn} has cross-zone load balancing off: Databricks would find nothing in a zone whose proxies are being replaced. Turn it on."
    }

    postcondition {
      condition     = self.enforce_security_group_inbound_rules_on_private_link_traffic == "off"
      error_message = "The load balancer ${var.nlb_arn} applies its inbound rules to PrivateLink traffic, which they cannot let in: the addresses inside Databricks' network are not published. Set enforce_security_group_inbound_rules_on_private_link_traffic = \"off\" on it; the endpoint service decides who connects."
    }

    postcondition {
      condition     = self.subnets == toset(var.private_subnet_ids)
      error_message = "private_subnet_ids must be the subnets of the load balancer ${var.nlb_arn}: ${join(", ", self.subnets)}."
    }
  }
}

resource "aws_lb_target_group" "proxy" {
  name        = local.group_name
  vpc_id      = local.vpc_id
  target_type = "instance"
  protocol    = "TCP"
  port        = local.proxy_port

  # Says who connects, by which endpoint. The client's own address is never to be had behind an endpoint service.
  proxy_protocol_v2  = true
  preserve_client_ip = false

  # Drained first, cut off then, and only after that does the instance lose its address.
  deregistration_delay   = var.deregistration_delay
  connection_termination = true

  # A proxy that answers late is given no new connection, but what it carries may end.
  target_health_state {
    enable_unhealthy_connection_termination = false
    unhealthy_draining_interval             = var.deregistration_delay
  }

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

  tags = merge(var.tags, { Name = local.group_name })
}

resource "aws_lb_listener" "tls" {
  load_balancer_arn        = local.nlb_arn
  port                     = 443
  protocol                 = "TCP"
  tcp_idle_timeout_seconds = local.tcp_idle_timeout

  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.proxy.arn
  }

  tags = var.tags
}

################################################################################
# Status port
################################################################################

resource "aws_lb_target_group" "status" {
  count = var.status_port == null ? 0 : 1

  name        = "${var.name}-status"
  vpc_id      = local.vpc_id
  target_type = "instance"
  protocol    = "TCP"
  port        = var.status_port

  proxy_protocol_v2  = true
  preserve_client_ip = false

  # A question is answered at once: there is nothing to drain.
  deregistration_delay   = 0
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

  tags = merge(var.tags, { Name = "${var.name}-status" })
}

resource "aws_lb_listener" "status" {
  count = var.status_port == null ? 0 : 1

  load_balancer_arn = local.nlb_arn
  port              = var.status_port
  protocol          = "TCP"

  default_action {
    type             = "forward"
    target_group_arn = one(aws_lb_target_group.status[*].arn)
  }

  tags = var.tags
}

################################################################################
# Endpoint service
################################################################################

resource "aws_vpc_endpoint_service" "this" {
  count = var.create_endpoint_service ? 1 : 0

  acceptance_required        = true
  network_load_balancer_arns = [local.nlb_arn]
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

data "aws_vpc_endpoint_service" "existing" {
  count = var.create_endpoint_service ? 0 : 1

  service_name = "${data.aws_partition.current.reverse_dns_prefix}.vpce.${local.region}.${var.endpoint_service_id}"

  lifecycle {
    postcondition {
      condition     = self.acceptance_required
      error_message = "The endpoint service ${var.endpoint_service_id} accepts every connection of its allowed principals. Set acceptance_required = true on it: exactly one connection is accepted here, the one that the private endpoint rule names."
    }
  }
}
