mock_provider "aws" {
  source          = "./tests/mocks"
  override_during = plan
}

mock_provider "crosscloudlink" {
  source          = "./tests/mocks"
  override_during = plan
}

variables {
  name      = "openai-link"
  upstreams = { openai = { hostname = "acme.openai.azure.com" } }
  firewalls = { openai = { admitted_public_ips = ["52.0.0.1", "52.0.0.2"] } }
}

run "as_many_proxies_as_at_least_need_no_policy" {
  command = plan

  assert {
    condition     = length(aws_autoscaling_policy.proxy) == 0
    error_message = "There is nothing to scale between 2 and 2."
  }
}

run "connections_a_proxy_by_default" {
  command = plan

  variables {
    max_size = 6
  }

  assert {
    condition = (
      keys(aws_autoscaling_policy.proxy) == ["active-flows"] &&
      aws_autoscaling_policy.proxy["active-flows"].name == "openai-link-proxy-active-flows" &&
      aws_autoscaling_policy.proxy["active-flows"].policy_type == "TargetTrackingScaling" &&
      aws_autoscaling_policy.proxy["active-flows"].target_tracking_configuration[0].target_value == 10000 &&
      !aws_autoscaling_policy.proxy["active-flows"].target_tracking_configuration[0].disable_scale_in
    )
    error_message = "By default proxies are half full: 10,000 of 20,000 connections."
  }

  assert {
    condition     = [for metric in aws_autoscaling_policy.proxy["active-flows"].target_tracking_configuration[0].customized_metric_specification[0].metrics : metric.expression if metric.return_data] == ["(FILL(flows1, 0) + FILL(flows2, 0) + FILL(flows3, 0)) / proxies"]
    error_message = "The metric must be the connections of all zones by the proxies in service."
  }

  assert {
    condition = [for metric in aws_autoscaling_policy.proxy["active-flows"].target_tracking_configuration[0].customized_metric_specification[0].metrics :
      { for dimension in metric.metric_stat[0].metric[0].dimensions : dimension.name => dimension.value } if metric.id == "flows2"
    ] == [{ AvailabilityZone = "us-east-1b", LoadBalancer = "net/openai-link-nlb/0123456789abcdef" }]
    error_message = "Each zone of the load balancer must be a series of its own."
  }

  assert {
    condition     = contains(aws_autoscaling_group.proxy[0].enabled_metrics, "GroupInServiceInstances") && aws_autoscaling_group.proxy[0].default_instance_warmup == 60
    error_message = "The group must count its proxies, and let a new one warm up before it is counted with."
  }
}

run "policies_of_ones_own" {
  command = plan

  variables {
    max_size = 6
    scaling_policies = {
      connections = { metric = "active_flows", target_value = 2000, disable_scale_in = true }
      traffic     = { metric = "network_out", target_value = 1500000000 }
      received    = { metric = "network_in", target_value = 1500000000 }
      processor   = { metric = "cpu", target_value = 60 }
    }
  }

  assert {
    condition     = { for key, policy in aws_autoscaling_policy.proxy : key => policy.target_tracking_configuration[0].target_value } == { connections = 2000, processor = 60, received = 1500000000, traffic = 1500000000 }
    error_message = "The given policies take the place of the default one."
  }

  assert {
    condition = (
      aws_autoscaling_policy.proxy["traffic"].target_tracking_configuration[0].predefined_metric_specification[0].predefined_metric_type == "ASGAverageNetworkOut" &&
      aws_autoscaling_policy.proxy["received"].target_tracking_configuration[0].predefined_metric_specification[0].predefined_metric_type == "ASGAverageNetworkIn" &&
      aws_autoscaling_policy.proxy["processor"].target_tracking_configuration[0].predefined_metric_specification[0].predefined_metric_type == "ASGAverageCPUUtilization" &&
      length(aws_autoscaling_policy.proxy["traffic"].target_tracking_configuration[0].customized_metric_specification) == 0
    )
    error_message = "Traffic and processor are metrics that Auto Scaling knows by name."
  }

  assert {
    condition     = aws_autoscaling_policy.proxy["connections"].target_tracking_configuration[0].disable_scale_in
    error_message = "A policy must be able to only add proxies."
  }
}

run "no_policy" {
  command = plan

  variables {
    max_size         = 6
    scaling_policies = {}
  }

  assert {
    condition     = length(aws_autoscaling_policy.proxy) == 0
    error_message = "Whoever scales otherwise wants no policy."
  }
}

run "proxies_are_replaced_every_two_weeks" {
  command = plan

  assert {
    condition     = aws_autoscaling_group.proxy[0].max_instance_lifetime == 14 * 24 * 3600 && aws_autoscaling_group.proxy[0].instance_maintenance_policy[0].max_healthy_percentage == 100
    error_message = "Proxies must be patched without Terraform, and never by more proxies than addresses."
  }
}

run "proxies_are_kept" {
  command = plan

  variables {
    max_instance_lifetime = 0
  }

  assert {
    condition     = aws_autoscaling_group.proxy[0].max_instance_lifetime == 0
    error_message = "0 must turn the replacement off."
  }
}

run "new_proxy_first_with_addresses_to_spare" {
  command = plan

  variables {
    max_size                    = 4
    eip_pool_size               = 7
    instance_maintenance_policy = { min_healthy_percentage = 100, max_healthy_percentage = 150 }
  }

  assert {
    condition = (
      aws_autoscaling_group.proxy[0].instance_maintenance_policy[0].min_healthy_percentage == 100 &&
      aws_autoscaling_group.proxy[0].instance_maintenance_policy[0].max_healthy_percentage == 150 &&
      aws_autoscaling_group.proxy[0].instance_refresh[0].preferences[0].min_healthy_percentage == 100 &&
      aws_autoscaling_group.proxy[0].instance_refresh[0].preferences[0].max_healthy_percentage == 150
    )
    error_message = "Every kind of replacement must follow the policy."
  }

  assert {
    condition     = crosscloudlink_lifecycle_eip_assigner.this[0].max_healthy_percentage == 150
    error_message = "The assigner must check the pool against what the group does."
  }
}

run "long_silence" {
  command = plan

  variables {
    tunnel_timeout = 7200
  }

  assert {
    condition     = aws_lb_listener.tls.tcp_idle_timeout_seconds == 6000
    error_message = "A load balancer waits 6000 s at most."
  }
}

run "short_silence" {
  command = plan

  variables {
    tunnel_timeout       = 60
    deregistration_delay = 900
  }

  assert {
    condition     = aws_lb_listener.tls.tcp_idle_timeout_seconds == 350
    error_message = "Below its default the load balancer would close what the proxies keep open."
  }

  assert {
    condition     = aws_lb_target_group.proxy.deregistration_delay == "900" && aws_lb_target_group.proxy.target_health_state[0].unhealthy_draining_interval == 900
    error_message = "Whether a proxy leaves or falls ill, its connections have the same time."
  }
}

run "no_status_port" {
  command = plan

  assert {
    condition     = length(aws_lb_listener.status) == 0 && length(aws_lb_target_group.status) == 0 && length(aws_vpc_security_group_ingress_rule.proxy_status) == 0 && length(aws_vpc_security_group_egress_rule.nlb_to_status) == 0
    error_message = "There must be no status port unless asked for."
  }

  assert {
    condition     = aws_autoscaling_group.proxy[0].target_group_arns == toset([aws_lb_target_group.proxy.arn])
    error_message = "The proxies must be targets."
  }
}

run "status_port" {
  command = plan

  variables {
    status_port = 8405
  }

  override_resource {
    target          = aws_lb_target_group.status[0]
    override_during = plan
    values          = { arn = "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/openai-link-status/0123456789abcdef" }
  }

  assert {
    condition = (
      aws_lb_listener.status[0].port == 8405 && aws_lb_target_group.status[0].port == 8405 &&
      aws_lb_target_group.status[0].proxy_protocol_v2 && aws_lb_target_group.status[0].health_check[0].port == "8404"
    )
    error_message = "The load balancer must pass the status port on, to healthy proxies, and say who asks."
  }

  assert {
    condition     = aws_autoscaling_group.proxy[0].target_group_arns == toset([aws_lb_target_group.proxy.arn, "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/openai-link-status/0123456789abcdef"])
    error_message = "The proxies must be targets of both ports."
  }

  assert {
    condition = (
      aws_vpc_security_group_ingress_rule.proxy_status[0].from_port == 8405 && aws_vpc_security_group_ingress_rule.proxy_status[0].to_port == 8405 &&
      aws_vpc_security_group_egress_rule.nlb_to_status[0].from_port == 8405 && aws_vpc_security_group_egress_rule.nlb_to_status[0].to_port == 8405
    )
    error_message = "Both security groups must let the status port through, and nothing more."
  }

  assert {
    condition     = strcontains(output.haproxy_cfg, "bind :8405 accept-proxy\n") && strcontains(output.user_data, "ip_local_reserved_ports = 8404,8405\n")
    error_message = "HAProxy must answer on the status port, and no connection to an upstream may take it."
  }
}
