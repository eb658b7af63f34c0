mock_provider "aws" {
  source          = "./tests/mocks"
  override_during = plan
}

mock_provider "crosscloudlink" {
  source          = "./tests/mocks"
  override_during = plan
}

override_data {
  target = data.aws_subnet.private[1]
  values = { availability_zone = "us-east-1c" }
}

variables {
  name      = "openai-link"
  upstreams = { openai = { hostname = "acme.openai.azure.com" } }
  firewalls = { openai = { admitted_public_ips = ["52.0.0.1", "52.0.0.2"] } }
}

run "existing_vpc" {
  command = plan

  variables {
    create_vpc         = false
    vpc_id             = "vpc-0123456789abcdef0"
    public_subnet_ids  = ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"]
    private_subnet_ids = ["subnet-0123456789abcdef2", "subnet-0123456789abcdef3"]
    max_size           = 4
  }

  assert {
    condition     = length(aws_vpc.this) == 0 && length(aws_subnet.public) == 0 && length(aws_internet_gateway.this) == 0 && length(aws_vpc_endpoint.s3) == 0
    error_message = "Nothing of an existing network may be made or changed."
  }

  assert {
    condition     = aws_autoscaling_group.proxy[0].vpc_zone_identifier == toset(["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"]) && aws_lb.this[0].subnets == toset(["subnet-0123456789abcdef2", "subnet-0123456789abcdef3"])
    error_message = "Proxies belong in the public subnets, the load balancer in the private ones."
  }

  assert {
    condition = [for metric in aws_autoscaling_policy.proxy["active-flows"].target_tracking_configuration[0].customized_metric_specification[0].metrics :
      metric.label if startswith(metric.id, "flows")
    ] == ["Connections in us-east-1a", "Connections in us-east-1c"]
    error_message = "The zones are those of the subnets."
  }
}

run "existing_load_balancer" {
  command = plan

  variables {
    create_vpc            = false
    vpc_id                = "vpc-0123456789abcdef0"
    public_subnet_ids     = ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"]
    private_subnet_ids    = ["subnet-0123456789abcdef2", "subnet-0123456789abcdef3"]
    create_nlb            = false
    nlb_arn               = "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/net/shared/0123456789abcdef"
    nlb_security_group_id = "sg-0123456789abcdef0"
    max_size              = 4
  }

  assert {
    condition     = length(aws_lb.this) == 0 && length(aws_security_group.nlb) == 0
    error_message = "No load balancer may be made."
  }

  assert {
    condition     = aws_lb_listener.tls.load_balancer_arn == var.nlb_arn && aws_vpc_endpoint_service.this[0].network_load_balancer_arns == toset([var.nlb_arn]) && output.nlb_arn == var.nlb_arn
    error_message = "Listener and endpoint service must be those of the existing load balancer."
  }

  assert {
    condition = (
      aws_vpc_security_group_ingress_rule.proxy_from_nlb.referenced_security_group_id == "sg-0123456789abcdef0" &&
      aws_vpc_security_group_ingress_rule.proxy_health.referenced_security_group_id == "sg-0123456789abcdef0" &&
      aws_vpc_security_group_egress_rule.nlb_to_proxies.security_group_id == "sg-0123456789abcdef0" &&
      aws_vpc_security_group_egress_rule.nlb_to_health.security_group_id == "sg-0123456789abcdef0"
    )
    error_message = "The existing security group must reach the proxies, and they must accept it alone."
  }

  assert {
    condition = alltrue([for metric in aws_autoscaling_policy.proxy["active-flows"].target_tracking_configuration[0].customized_metric_specification[0].metrics :
      contains([for dimension in metric.metric_stat[0].metric[0].dimensions : dimension.value], "net/shared/0123456789abcdef") if startswith(metric.id, "flows")
    ])
    error_message = "The connections are those of the existing load balancer."
  }
}

run "existing_endpoint_service" {
  command = plan

  variables {
    create_vpc              = false
    vpc_id                  = "vpc-0123456789abcdef0"
    public_subnet_ids       = ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"]
    private_subnet_ids      = ["subnet-0123456789abcdef2", "subnet-0123456789abcdef3"]
    create_nlb              = false
    nlb_arn                 = "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/net/shared/0123456789abcdef"
    nlb_security_group_id   = "sg-0123456789abcdef0"
    create_endpoint_service = false
    endpoint_service_id     = "vpce-svc-0fedcba9876543210"
  }

  assert {
    condition     = length(aws_vpc_endpoint_service.this) == 0 && data.aws_vpc_endpoint_service.existing[0].service_name == "com.amazonaws.vpce.us-east-1.vpce-svc-0fedcba9876543210"
    error_message = "No endpoint service may be made; the existing one is found by its name."
  }

  assert {
    condition     = output.endpoint_service_id == "vpce-svc-0fedcba9876543210" && output.endpoint_service_name == "com.amazonaws.vpce.us-east-1.vpce-svc-0fedcba9876543210"
    error_message = "The outputs must tell of the existing endpoint service."
  }

  assert {
    condition     = tolist(output.databricks_principal_arns) == tolist(["arn:aws:iam::565502421330:role/private-connectivity-role-us-east-1"])
    error_message = "Whoever owns the endpoint service must be told whom it has to admit."
  }
}

run "load_balancer_faces_the_internet" {
  command = plan

  variables {
    create_vpc            = false
    vpc_id                = "vpc-0123456789abcdef0"
    public_subnet_ids     = ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"]
    private_subnet_ids    = ["subnet-0123456789abcdef2", "subnet-0123456789abcdef3"]
    create_nlb            = false
    nlb_arn               = "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/net/shared/0123456789abcdef"
    nlb_security_group_id = "sg-0123456789abcdef0"
  }

  override_data {
    target = data.aws_lb.existing[0]
    values = {
      internal                                                     = false
      vpc_id                                                       = "vpc-0123456789abcdef0"
      security_groups                                              = ["sg-0123456789abcdef0"]
      subnets                                                      = ["subnet-0123456789abcdef2", "subnet-0123456789abcdef3"]
      enable_cross_zone_load_balancing                             = true
      enforce_security_group_inbound_rules_on_private_link_traffic = "off"
    }
  }

  expect_failures = [data.aws_lb.existing[0]]
}

run "load_balancer_in_another_vpc" {
  command = plan

  variables {
    create_vpc            = false
    vpc_id                = "vpc-0123456789abcdef0"
    public_subnet_ids     = ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"]
    private_subnet_ids    = ["subnet-0123456789abcdef2", "subnet-0123456789abcdef3"]
    create_nlb            = false
    nlb_arn               = "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/net/shared/0123456789abcdef"
    nlb_security_group_id = "sg-0123456789abcdef0"
  }

  override_data {
    target = data.aws_lb.existing[0]
    values = {
      internal                                                     = true
      vpc_id                                                       = "vpc-0fedcba9876543210"
      security_groups                                              = ["sg-0123456789abcdef0"]
      subnets                                                      = ["subnet-0123456789abcdef2", "subnet-0123456789abcdef3"]
      enable_cross_zone_load_balancing                             = true
      enforce_security_group_inbound_rules_on_private_link_traffic = "off"
    }
  }

  expect_failures = [data.aws_lb.existing[0]]
}

run "load_balancer_without_a_security_group" {
  command = plan

  variables {
    create_vpc            = false
    vpc_id                = "vpc-0123456789abcdef0"
    public_subnet_ids     = ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"]
    private_subnet_ids    = ["subnet-0123456789abcdef2", "subnet-0123456789abcdef3"]
    create_nlb            = false
    nlb_arn               = "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/net/shared/0123456789abcdef"
    nlb_security_group_id = "sg-0123456789abcdef0"
  }

  override_data {
    target = data.aws_lb.existing[0]
    values = {
      internal                                                     = true
      vpc_id                                                       = "vpc-0123456789abcdef0"
      security_groups                                              = []
      subnets                                                      = ["subnet-0123456789abcdef2", "subnet-0123456789abcdef3"]
      enable_cross_zone_load_balancing                             = true
      enforce_security_group_inbound_rules_on_private_link_traffic = "off"
    }
  }

  expect_failures = [data.aws_lb.existing[0]]
}

run "load_balancer_serves_each_zone_for_itself" {
  command = plan

  variables {
    create_vpc            = false
    vpc_id                = "vpc-0123456789abcdef0"
    public_subnet_ids     = ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"]
    private_subnet_ids    = ["subnet-0123456789abcdef2", "subnet-0123456789abcdef3"]
    create_nlb            = false
    nlb_arn               = "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/net/shared/0123456789abcdef"
    nlb_security_group_id = "sg-0123456789abcdef0"
  }

  override_data {
    target = data.aws_lb.existing[0]
    values = {
      internal                                                     = true
      vpc_id                                                       = "vpc-0123456789abcdef0"
      security_groups                                              = ["sg-0123456789abcdef0"]
      subnets                                                      = ["subnet-0123456789abcdef2", "subnet-0123456789abcdef3"]
      enable_cross_zone_load_balancing                             = false
      enforce_security_group_inbound_rules_on_private_link_traffic = "off"
    }
  }

  expect_failures = [data.aws_lb.existing[0]]
}

run "load_balancer_applies_its_rules_to_privatelink" {
  command = plan

  variables {
    create_vpc            = false
    vpc_id                = "vpc-0123456789abcdef0"
    public_subnet_ids     = ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"]
    private_subnet_ids    = ["subnet-0123456789abcdef2", "subnet-0123456789abcdef3"]
    create_nlb            = false
    nlb_arn               = "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/net/shared/0123456789abcdef"
    nlb_security_group_id = "sg-0123456789abcdef0"
  }

  override_data {
    target = data.aws_lb.existing[0]
    values = {
      internal                                                     = true
      vpc_id                                                       = "vpc-0123456789abcdef0"
      security_groups                                              = ["sg-0123456789abcdef0"]
      subnets                                                      = ["subnet-0123456789abcdef2", "subnet-0123456789abcdef3"]
      enable_cross_zone_load_balancing                             = true
      enforce_security_group_inbound_rules_on_private_link_traffic = "on"
    }
  }

  expect_failures = [data.aws_lb.existing[0]]
}

run "load_balancer_in_other_subnets" {
  command = plan

  variables {
    create_vpc            = false
    vpc_id                = "vpc-0123456789abcdef0"
    public_subnet_ids     = ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"]
    private_subnet_ids    = ["subnet-0123456789abcdef2", "subnet-0123456789abcdef3"]
    create_nlb            = false
    nlb_arn               = "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/net/shared/0123456789abcdef"
    nlb_security_group_id = "sg-0123456789abcdef0"
  }

  override_data {
    target = data.aws_lb.existing[0]
    values = {
      internal                                                     = true
      vpc_id                                                       = "vpc-0123456789abcdef0"
      security_groups                                              = ["sg-0123456789abcdef0"]
      subnets                                                      = ["subnet-0123456789abcdef2"]
      enable_cross_zone_load_balancing                             = true
      enforce_security_group_inbound_rules_on_private_link_traffic = "off"
    }
  }

  expect_failures = [data.aws_lb.existing[0]]
}

run "endpoint_service_accepts_everybody" {
  command = plan

  variables {
    create_vpc              = false
    vpc_id                  = "vpc-0123456789abcdef0"
    public_subnet_ids       = ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"]
    private_subnet_ids      = ["subnet-0123456789abcdef2", "subnet-0123456789abcdef3"]
    create_nlb              = false
    nlb_arn                 = "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/net/shared/0123456789abcdef"
    nlb_security_group_id   = "sg-0123456789abcdef0"
    create_endpoint_service = false
    endpoint_service_id     = "vpce-svc-0fedcba9876543210"
  }

  override_data {
    target = data.aws_vpc_endpoint_service.existing[0]
    values = { acceptance_required = false }
  }

  expect_failures = [data.aws_vpc_endpoint_service.existing[0]]
}
