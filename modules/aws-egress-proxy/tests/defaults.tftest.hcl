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

run "addresses_are_gated" {
  command = plan

  assert {
    condition     = crosscloudlink_eip_pool.this.require_admission && crosscloudlink_eip_pool.this.deletion_protection
    error_message = "The pool must need admission, and be protected unless told otherwise."
  }

  assert {
    condition     = crosscloudlink_eip_pool.this.size == 2 && crosscloudlink_eip_pool.this.name == "openai-link"
    error_message = "The pool must be as large as the fleet, and named after the module."
  }

  assert {
    condition     = length(crosscloudlink_eip_admission.this.firewalls) == 1 && crosscloudlink_eip_admission.this.firewalls["openai"].admitted_public_ips == toset(["52.0.0.1", "52.0.0.2"])
    error_message = "The admission must see exactly what the firewall admits."
  }
}

run "fleet_begins_empty_and_belongs_to_the_assigner" {
  command = plan

  assert {
    condition = (
      aws_autoscaling_group.proxy[0].min_size == 0 &&
      aws_autoscaling_group.proxy[0].max_size == 0 &&
      aws_autoscaling_group.proxy[0].desired_capacity == 0 &&
      aws_autoscaling_group.proxy[0].wait_for_capacity_timeout == "0"
    )
    error_message = "The group must be made empty, without waiting: instances launched before the hooks exist would get no address."
  }

  assert {
    condition     = crosscloudlink_lifecycle_eip_assigner.this[0].auto_scaling_group_arn == aws_autoscaling_group.proxy[0].arn
    error_message = "The assigner must know the group by its ARN, so that a replaced group replaces the assigner."
  }

  assert {
    condition     = aws_autoscaling_group.proxy[0].instance_maintenance_policy[0].max_healthy_percentage == 100 && aws_autoscaling_group.proxy[0].instance_refresh[0].preferences[0].max_healthy_percentage == 100
    error_message = "A proxy must go before its successor comes: the pool has no spare address."
  }

  assert {
    condition     = aws_autoscaling_group.proxy[0].instance_maintenance_policy[0].min_healthy_percentage == 50 && aws_autoscaling_group.proxy[0].instance_refresh[0].preferences[0].min_healthy_percentage == 50
    error_message = "Half of the fleet must stay while the other half is replaced."
  }

  assert {
    condition     = aws_autoscaling_group.proxy[0].suspended_processes == toset(["AZRebalance"])
    error_message = "Rebalancing launches proxies above max_size, for which the pool has no address."
  }

  assert {
    condition     = crosscloudlink_lifecycle_eip_assigner.this[0].max_healthy_percentage == 100 && crosscloudlink_lifecycle_eip_assigner.this[0].rebalance_margin == 0
    error_message = "The assigner must check the pool against what the group does."
  }
}

run "spare_addresses_let_zones_be_rebalanced" {
  command = plan

  variables {
    max_size      = 11
    eip_pool_size = 13
  }

  assert {
    condition     = length(aws_autoscaling_group.proxy[0].suspended_processes) == 0 && crosscloudlink_lifecycle_eip_assigner.this[0].rebalance_margin == 2
    error_message = "With 10 percent of max_size to spare, zones must be rebalanced."
  }
}

run "too_few_spare_addresses_to_rebalance_zones" {
  command = plan

  variables {
    max_size      = 11
    eip_pool_size = 12
  }

  assert {
    condition     = aws_autoscaling_group.proxy[0].suspended_processes == toset(["AZRebalance"]) && crosscloudlink_lifecycle_eip_assigner.this[0].rebalance_margin == 0
    error_message = "10 percent of 11 proxies are 2: with one spare address zones must not be rebalanced."
  }
}

run "one_proxy_is_replaced_on_its_one_address" {
  command = plan

  variables {
    min_size = 1
    max_size = 1
  }

  assert {
    condition     = aws_autoscaling_group.proxy[0].instance_maintenance_policy[0].min_healthy_percentage == 0 && aws_autoscaling_group.proxy[0].instance_refresh[0].preferences[0].min_healthy_percentage == 0
    error_message = "If half of one proxy had to stay, Auto Scaling would launch the next one first, and that would find no address."
  }
}

run "proxies_are_hardened" {
  command = plan

  assert {
    condition     = aws_launch_template.proxy.metadata_options[0].http_tokens == "required" && aws_launch_template.proxy.metadata_options[0].http_put_response_hop_limit == 1
    error_message = "Instance metadata must be IMDSv2 only, one hop."
  }

  assert {
    condition     = aws_launch_template.proxy.block_device_mappings[0].ebs[0].encrypted == "true" && aws_launch_template.proxy.block_device_mappings[0].ebs[0].volume_type == "gp3"
    error_message = "The disk must be encrypted gp3."
  }

  assert {
    condition     = aws_launch_template.proxy.network_interfaces[0].associate_public_ip_address == "false"
    error_message = "A proxy must not get a public address at launch."
  }

  assert {
    condition     = aws_launch_template.proxy.key_name == null
    error_message = "A proxy needs no key pair."
  }

  assert {
    condition     = toset(aws_launch_template.proxy.tag_specifications[*].resource_type) == toset(["instance", "network-interface", "volume"])
    error_message = "Instance, network interface and volume must be tagged at launch."
  }

  assert {
    condition     = alltrue([for spec in aws_launch_template.proxy.tag_specifications : spec.tags["crosscloudlink:eip-pool"] == "openai-link"])
    error_message = "The assigner's role is bound to the tag crosscloudlink:eip-pool."
  }

  assert {
    condition     = aws_launch_template.proxy.image_id == "resolve:ssm:/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64" && aws_launch_template.proxy.instance_type == "t4g.small"
    error_message = "Without further input a proxy runs the newest Amazon Linux 2023, as of its launch, on t4g.small."
  }
}

run "load_balancer_lets_in_privatelink_only" {
  command = plan

  assert {
    condition     = aws_lb.this[0].internal && aws_lb.this[0].enable_cross_zone_load_balancing && aws_lb.this[0].enforce_security_group_inbound_rules_on_private_link_traffic == "off"
    error_message = "The load balancer must be internal, cross-zone, and leave PrivateLink traffic to the endpoint service."
  }

  assert {
    condition     = aws_lb_listener.tls.port == 443 && aws_lb_listener.tls.protocol == "TCP" && aws_lb_listener.tls.tcp_idle_timeout_seconds == 3600
    error_message = "TLS must pass through, and connections may be as silent as the proxies let them."
  }

  assert {
    condition = (
      aws_lb_target_group.proxy.health_check[0].protocol == "HTTP" &&
      aws_lb_target_group.proxy.health_check[0].port == "8404" &&
      aws_lb_target_group.proxy.proxy_protocol_v2 &&
      aws_lb_target_group.proxy.preserve_client_ip == "false" &&
      aws_lb_target_group.proxy.connection_termination &&
      aws_lb_target_group.proxy.deregistration_delay == "300"
    )
    error_message = "Targets must be checked by HTTP on the health port, told who connects, and drained before they go."
  }

  assert {
    condition = (
      !aws_lb_target_group.proxy.target_health_state[0].enable_unhealthy_connection_termination &&
      aws_lb_target_group.proxy.target_health_state[0].unhealthy_draining_interval == 300
    )
    error_message = "What a proxy carries must not be cut because a health check came back late."
  }

  assert {
    condition     = aws_vpc_endpoint_service.this[0].acceptance_required && aws_vpc_endpoint_service.this[0].allowed_principals == toset(["arn:aws:iam::565502421330:role/private-connectivity-role-us-east-1"])
    error_message = "Only Databricks' own role of the region may connect, and only after acceptance."
  }
}

run "own_vpc_spans_zones_and_boots_without_internet" {
  command = plan

  assert {
    condition     = length(aws_subnet.public) == 3 && length(aws_subnet.private) == 3 && aws_subnet.public["us-east-1a"].cidr_block == "10.64.0.0/26" && aws_subnet.private["us-east-1a"].cidr_block == "10.64.2.0/26"
    error_message = "Three zones, each with a public and a private subnet."
  }

  assert {
    condition     = alltrue([for subnet in aws_subnet.public : !subnet.map_public_ip_on_launch])
    error_message = "No subnet may give public addresses away."
  }

  assert {
    condition     = aws_vpc_endpoint.s3[0].vpc_endpoint_type == "Gateway" && jsondecode(aws_vpc_endpoint.s3[0].policy).Statement[0].Resource == "arn:aws:s3:::al2023-repos-us-east-1-de612dc2/*"
    error_message = "Packages must come through an S3 gateway endpoint that serves nothing else."
  }
}

run "x86_64" {
  command = plan

  variables {
    architecture = "x86_64"
  }

  assert {
    condition     = aws_launch_template.proxy.instance_type == "t3.small" && endswith(aws_launch_template.proxy.image_id, "/al2023-ami-kernel-default-x86_64") && crosscloudlink_lifecycle_eip_assigner.this[0].architecture == "x86_64"
    error_message = "The architecture must decide on the instance type, the image and the function's build."
  }
}

run "govcloud" {
  command = plan

  override_data {
    target = data.aws_partition.current
    values = { partition = "aws-us-gov" }
  }

  override_data {
    target = data.aws_region.current
    values = { id = "us-gov-west-1" }
  }

  assert {
    condition     = aws_vpc_endpoint_service.this[0].allowed_principals == toset(["arn:aws-us-gov:iam::347038500609:role/private-connectivity-role-us-gov-west-1"])
    error_message = "GovCloud has Databricks accounts of its own."
  }
}

run "no_proxies_yet" {
  command = plan

  variables {
    min_size  = 0
    firewalls = { openai = { admitted_public_ips = [] } }
  }

  override_resource {
    target          = crosscloudlink_lifecycle_eip_assigner.this[0]
    override_during = plan
    values = {
      in_service_count = 0
      status           = "in_service"
      status_reason    = ""
    }
  }

  assert {
    condition     = crosscloudlink_eip_pool.this.size == 2 && crosscloudlink_lifecycle_eip_assigner.this[0].max_size == 2
    error_message = "The addresses must be there before the first proxy, so that a firewall can list them."
  }

  assert {
    condition     = output.status == "no_proxies" && output.status_reason != ""
    error_message = "An empty fleet must not be called in service: nothing would answer."
  }
}

run "retired_addresses_that_a_firewall_still_lists_are_kept" {
  command = plan

  override_resource {
    target          = crosscloudlink_eip_pool.this
    override_during = plan
    values = {
      public_ips         = ["52.0.0.1", "52.0.0.2"]
      retired_public_ips = ["52.0.0.8", "52.0.0.9"]
    }
  }

  variables {
    firewalls = {
      east = { admitted_public_ips = ["52.0.0.1", "52.0.0.2"], effective_ip_rules = ["52.0.0.1", "52.0.0.9", "198.51.100.0/24"] }
      west = { admitted_public_ips = ["52.0.0.1"], effective_ip_rules = null, on_destroy = "remove_entries" }
    }
  }

  assert {
    condition     = crosscloudlink_eip_admission.this.firewalls["east"].effective_ip_rules == toset(["52.0.0.9"])
    error_message = "The admission must know which retired addresses a firewall still lists, and nothing else of other people's entries."
  }

  assert {
    condition = (
      crosscloudlink_eip_admission.this.firewalls["east"].admitted_public_ips == toset(["52.0.0.1", "52.0.0.2"]) &&
      crosscloudlink_eip_admission.this.firewalls["west"].admitted_public_ips == toset(["52.0.0.1"]) &&
      length(crosscloudlink_eip_admission.this.firewalls["west"].effective_ip_rules) == 0 &&
      crosscloudlink_eip_admission.this.firewalls["west"].on_destroy == "remove_entries"
    )
    error_message = "The admission must see each firewall for itself."
  }
}

run "entries_are_kept_behind_addresses_of_ones_own" {
  command = plan

  variables {
    existing_allocation_ids = ["eipalloc-0123456789abcdef0", "eipalloc-0123456789abcdef1"]
    firewalls               = { openai = { admitted_public_ips = ["52.0.0.1", "52.0.0.2"], on_destroy = "keep" } }
  }

  assert {
    condition     = crosscloudlink_eip_admission.this.firewalls["openai"].on_destroy == "keep"
    error_message = "Whether the firewall keeps its entries must be told to the admission."
  }
}
