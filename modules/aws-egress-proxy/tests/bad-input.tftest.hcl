mock_provider "aws" {
  source          = "./tests/mocks"
  override_during = plan
}

mock_provider "crosscloudlink" {
  source          = "./tests/mocks"
  override_during = plan
}

variables {
  upstreams = { openai = { hostname = "acme.openai.azure.com" } }
  firewalls = { openai = { admitted_public_ips = [] } }
}

run "name_too_long" {
  command = plan

  variables {
    name = "a-name-of-twenty-five-chars"
  }

  expect_failures = [var.name]
}

run "name_reserved" {
  command = plan

  variables {
    name = "internal-link"
  }

  expect_failures = [var.name]
}

run "tags_reserved" {
  command = plan

  variables {
    tags = { "crosscloudlink:eip-pool" = "x" }
  }

  expect_failures = [var.tags]
}

run "hostname_is_a_url" {
  command = plan

  variables {
    upstreams = { openai = { hostname = "https://acme.openai.azure.com/" } }
  }

  expect_failures = [var.upstreams]
}

run "hostname_is_a_wildcard" {
  command = plan

  variables {
    upstreams = { openai = { hostname = "*.openai.azure.com" } }
  }

  expect_failures = [var.upstreams]
}

run "hostname_breaks_out_of_the_configuration" {
  command = plan

  variables {
    upstreams = { openai = { hostname = "a.example.com }\nbackend x" } }
  }

  expect_failures = [var.upstreams]
}

run "no_hostname" {
  command = plan

  variables {
    upstreams = {}
  }

  expect_failures = [var.upstreams]
}

run "hostname_twice" {
  command = plan

  variables {
    upstreams = { east = { hostname = "acme.openai.azure.com" }, west = { hostname = "acme.openai.azure.com" } }
  }

  expect_failures = [var.upstreams]
}

run "vpc_cidr_is_not_aligned" {
  command = plan

  variables {
    vpc_cidr = "10.64.0.1/22"
  }

  expect_failures = [var.vpc_cidr]
}

run "vpc_cidr_is_too_small" {
  command = plan

  variables {
    vpc_cidr = "10.64.0.0/28"
  }

  expect_failures = [var.vpc_cidr]
}

run "one_zone" {
  command = plan

  variables {
    azs = ["us-east-1a"]
  }

  expect_failures = [var.azs]
}

run "existing_vpc_without_id" {
  command = plan

  variables {
    create_vpc         = false
    public_subnet_ids  = ["subnet-01", "subnet-02"]
    private_subnet_ids = ["subnet-03", "subnet-04"]
  }

  expect_failures = [var.vpc_id]
}

run "existing_vpc_with_one_subnet" {
  command = plan

  variables {
    create_vpc         = false
    vpc_id             = "vpc-01"
    public_subnet_ids  = ["subnet-01"]
    private_subnet_ids = ["subnet-03", "subnet-04"]
  }

  expect_failures = [var.public_subnet_ids]
}

run "vpc_id_beside_create_vpc" {
  command = plan

  variables {
    vpc_id = "vpc-01"
  }

  expect_failures = [var.vpc_id]
}

run "negative_fleet" {
  command = plan

  variables {
    min_size = -1
  }

  expect_failures = [var.min_size]
}

run "half_a_proxy" {
  command = plan

  variables {
    min_size = 0.5
  }

  expect_failures = [var.min_size]
}

run "fleet_that_can_never_have_a_proxy" {
  command = plan

  variables {
    min_size = 0
    max_size = 0
  }

  expect_failures = [var.max_size]
}

run "max_below_min" {
  command = plan

  variables {
    min_size = 3
    max_size = 2
  }

  expect_failures = [var.max_size]
}

run "desired_above_max" {
  command = plan

  variables {
    desired_capacity = 3
  }

  expect_failures = [var.desired_capacity]
}

run "pool_of_size_zero" {
  command = plan

  variables {
    eip_pool_size = 0
  }

  expect_failures = [var.eip_pool_size]
}

run "pool_smaller_than_the_fleet" {
  command = plan

  variables {
    max_size      = 4
    eip_pool_size = 3
  }

  expect_failures = [var.eip_pool_size]
}

run "unknown_architecture" {
  command = plan

  variables {
    architecture = "arm"
  }

  expect_failures = [var.architecture]
}

run "instance_type_of_another_architecture" {
  command = plan

  variables {
    instance_type = "t3.small"
  }

  expect_failures = [var.instance_type]
}

run "gpu_type_is_no_graviton" {
  command = plan

  variables {
    instance_type = "g4dn.xlarge"
  }

  expect_failures = [var.instance_type]
}

run "health_check_type" {
  command = plan

  variables {
    health_check_type = "elb"
  }

  expect_failures = [var.health_check_type]
}

run "principal_by_wildcard" {
  command = plan

  variables {
    databricks_principal_arns = ["*"]
  }

  expect_failures = [var.databricks_principal_arns]
}

run "heartbeat_too_short" {
  command = plan

  variables {
    heartbeat_timeout = 10
  }

  expect_failures = [var.heartbeat_timeout]
}

run "rules_of_the_firewall_that_are_no_addresses" {
  command = plan

  variables {
    firewalls = { openai = { admitted_public_ips = [], effective_ip_rules = ["acme.openai.azure.com"] } }
  }

  expect_failures = [var.firewalls]
}

run "no_firewall" {
  command = plan

  variables {
    firewalls = {}
  }

  expect_failures = [var.firewalls]
}

run "entries_kept_of_addresses_that_go_back" {
  command = plan

  variables {
    existing_allocation_ids = ["eipalloc-0123456789abcdef0"]
    firewalls               = { openai = { admitted_public_ips = [], on_destroy = "keep" } }
  }

  expect_failures = [crosscloudlink_eip_admission.this]
}

run "failure_destination_by_name" {
  command = plan

  variables {
    failure_destination_arn = "failed-events"
  }

  expect_failures = [var.failure_destination_arn]
}

run "partition_without_known_databricks_account" {
  command = plan

  override_data {
    target = data.aws_partition.current
    values = { partition = "aws-cn" }
  }

  expect_failures = [aws_vpc_endpoint_service.this[0]]
}

run "fleet_not_in_service" {
  command = plan

  override_resource {
    target          = crosscloudlink_lifecycle_eip_assigner.this[0]
    override_during = plan
    values = {
      in_service_count = 1
      status           = "waiting_for_addresses"
      status_reason    = "1 of 2 addresses is not admitted"
      function_name    = "openai-link-assigner"
    }
  }

  expect_failures = [crosscloudlink_lifecycle_eip_assigner.this[0]]
}

run "fleet_may_come_later" {
  command = plan

  variables {
    require_in_service = false
  }

  override_resource {
    target          = crosscloudlink_lifecycle_eip_assigner.this[0]
    override_during = plan
    values = {
      in_service_count = 0
      status           = "waiting_for_addresses"
      status_reason    = "0 of 2 addresses are admitted"
    }
  }

  assert {
    condition     = output.status == "waiting_for_addresses"
    error_message = "The status must tell what the fleet waits for."
  }
}

run "upstream_key_is_no_name" {
  command = plan

  variables {
    upstreams = { "Open AI" = { hostname = "acme.openai.azure.com" } }
  }

  expect_failures = [var.upstreams]
}

run "upstream_with_no_address" {
  command = plan

  variables {
    upstreams = { openai = { hostname = "acme.openai.azure.com", addresses = 0 } }
  }

  expect_failures = [var.upstreams]
}

run "eleven_upstreams" {
  command = plan

  variables {
    upstreams = { for i in range(11) : "upstream-${i}" => { hostname = "acme-${i}.openai.azure.com" } }
  }

  expect_failures = [var.upstreams]
}

run "zone_twice" {
  command = plan

  variables {
    azs = ["us-east-1a", "us-east-1a"]
  }

  expect_failures = [var.azs]
}

run "vpc_by_name" {
  command = plan

  variables {
    create_vpc         = false
    vpc_id             = "main"
    public_subnet_ids  = ["subnet-01", "subnet-02"]
    private_subnet_ids = ["subnet-03", "subnet-04"]
  }

  expect_failures = [var.vpc_id]
}

run "public_subnet_by_name" {
  command = plan

  variables {
    create_vpc         = false
    vpc_id             = "vpc-01"
    public_subnet_ids  = ["public-a", "public-b"]
    private_subnet_ids = ["subnet-03", "subnet-04"]
  }

  expect_failures = [var.public_subnet_ids]
}

run "private_subnet_by_name" {
  command = plan

  variables {
    create_vpc         = false
    vpc_id             = "vpc-01"
    public_subnet_ids  = ["subnet-01", "subnet-02"]
    private_subnet_ids = ["private-a", "private-b"]
  }

  expect_failures = [var.private_subnet_ids]
}

run "subnets_beside_create_vpc" {
  command = plan

  variables {
    private_subnet_ids = ["subnet-03", "subnet-04"]
  }

  expect_failures = [var.private_subnet_ids]
}

run "egress_to_nowhere" {
  command = plan

  variables {
    egress_cidr_blocks = []
  }

  expect_failures = [var.egress_cidr_blocks]
}

run "egress_to_a_name" {
  command = plan

  variables {
    egress_cidr_blocks = ["acme.openai.azure.com"]
  }

  expect_failures = [var.egress_cidr_blocks]
}

run "instance_type_without_size" {
  command = plan

  variables {
    instance_type = "t4g"
  }

  expect_failures = [var.instance_type]
}

run "image_by_name" {
  command = plan

  variables {
    ami_id = "al2023"
  }

  expect_failures = [var.ami_id]
}

run "user_data_in_base64" {
  command = plan

  variables {
    user_data = base64encode("#!/bin/bash")
  }

  expect_failures = [var.user_data]
}

run "profile_by_name" {
  command = plan

  variables {
    create_instance_profile = false
    instance_profile_arn    = "proxy"
  }

  expect_failures = [var.instance_profile_arn]
}

run "profile_beside_create_instance_profile" {
  command = plan

  variables {
    instance_profile_arn = "arn:aws:iam::123456789012:instance-profile/proxy"
  }

  expect_failures = [var.instance_profile_arn]
}

run "no_profile" {
  command = plan

  variables {
    create_instance_profile = false
  }

  expect_failures = [var.instance_profile_arn]
}

run "session_manager_with_a_profile_of_ones_own" {
  command = plan

  variables {
    create_instance_profile = false
    instance_profile_arn    = "arn:aws:iam::123456789012:instance-profile/proxy"
    enable_session_manager  = true
  }

  expect_failures = [var.enable_session_manager]
}

run "bootstrap_too_short" {
  command = plan

  variables {
    bootstrap_timeout = 60
  }

  expect_failures = [var.bootstrap_timeout]
}

run "disk_too_small" {
  command = plan

  variables {
    root_volume_size = 4
  }

  expect_failures = [var.root_volume_size]
}

run "grace_period_too_long" {
  command = plan

  variables {
    health_check_grace_period = 7201
  }

  expect_failures = [var.health_check_grace_period]
}

run "lifetime_of_an_hour" {
  command = plan

  variables {
    max_instance_lifetime = 3600
  }

  expect_failures = [var.max_instance_lifetime]
}

run "maintenance_keeps_more_than_all" {
  command = plan

  variables {
    instance_maintenance_policy = { min_healthy_percentage = 110, max_healthy_percentage = 150 }
  }

  expect_failures = [var.instance_maintenance_policy]
}

run "maintenance_below_what_is_wanted" {
  command = plan

  variables {
    instance_maintenance_policy = { min_healthy_percentage = 50, max_healthy_percentage = 90 }
  }

  expect_failures = [var.instance_maintenance_policy]
}

run "maintenance_too_far_apart" {
  command = plan

  variables {
    instance_maintenance_policy = { min_healthy_percentage = 50, max_healthy_percentage = 151 }
  }

  expect_failures = [var.instance_maintenance_policy]
}

run "scaling_policy_by_a_sentence" {
  command = plan

  variables {
    scaling_policies = { "by connections" = { metric = "cpu", target_value = 50 } }
  }

  expect_failures = [var.scaling_policies]
}

run "scaling_by_an_unknown_metric" {
  command = plan

  variables {
    scaling_policies = { requests = { metric = "requests", target_value = 50 } }
  }

  expect_failures = [var.scaling_policies]
}

run "scaling_to_nothing" {
  command = plan

  variables {
    scaling_policies = { cpu = { metric = "cpu", target_value = 0 } }
  }

  expect_failures = [var.scaling_policies]
}

run "scaling_to_more_than_all_of_the_processor" {
  command = plan

  variables {
    scaling_policies = { cpu = { metric = "cpu", target_value = 101 } }
  }

  expect_failures = [var.scaling_policies]
}

run "scaling_twice_by_one_metric" {
  command = plan

  variables {
    scaling_policies = { a = { metric = "cpu", target_value = 50 }, b = { metric = "cpu", target_value = 60 } }
  }

  expect_failures = [var.scaling_policies]
}

run "health_port_of_the_proxy" {
  command = plan

  variables {
    health_port = 443
  }

  expect_failures = [var.health_port]
}

run "status_port_of_health_checks" {
  command = plan

  variables {
    status_port = 8404
  }

  expect_failures = [var.status_port]
}

run "status_port_out_of_range" {
  command = plan

  variables {
    status_port = 80
  }

  expect_failures = [var.status_port]
}

run "tunnel_timeout_too_short" {
  command = plan

  variables {
    tunnel_timeout = 30
  }

  expect_failures = [var.tunnel_timeout]
}

run "more_connections_than_a_load_balancer_holds" {
  command = plan

  variables {
    max_connections = 60000
  }

  expect_failures = [var.max_connections]
}

run "draining_for_hours" {
  command = plan

  variables {
    deregistration_delay = 3601
  }

  expect_failures = [var.deregistration_delay]
}

run "pool_name_with_a_space" {
  command = plan

  variables {
    eip_pool_name = "my pool"
  }

  expect_failures = [var.eip_pool_name]
}

run "own_address_by_ip" {
  command = plan

  variables {
    existing_allocation_ids = ["52.0.0.1"]
  }

  expect_failures = [var.existing_allocation_ids]
}

run "retired_address_by_ip" {
  command = plan

  variables {
    retire_allocation_ids = ["52.0.0.1"]
  }

  expect_failures = [var.retire_allocation_ids]
}

run "unknown_shard" {
  command = plan

  variables {
    databricks_gov_shard = "commercial"
  }

  expect_failures = [var.databricks_gov_shard]
}

run "existing_load_balancer_in_a_new_vpc" {
  command = plan

  variables {
    create_nlb            = false
    nlb_arn               = "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/net/shared/0123456789abcdef"
    nlb_security_group_id = "sg-01"
  }

  expect_failures = [var.create_nlb]
}

run "application_load_balancer" {
  command = plan

  variables {
    create_vpc            = false
    vpc_id                = "vpc-01"
    public_subnet_ids     = ["subnet-01", "subnet-02"]
    private_subnet_ids    = ["subnet-03", "subnet-04"]
    create_nlb            = false
    nlb_arn               = "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/app/shared/0123456789abcdef"
    nlb_security_group_id = "sg-01"
  }

  expect_failures = [var.nlb_arn]
}

run "load_balancer_beside_create_nlb" {
  command = plan

  variables {
    create_vpc         = false
    vpc_id             = "vpc-01"
    public_subnet_ids  = ["subnet-01", "subnet-02"]
    private_subnet_ids = ["subnet-03", "subnet-04"]
    nlb_arn            = "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/net/shared/0123456789abcdef"
  }

  expect_failures = [var.nlb_arn]
}

run "security_group_by_name" {
  command = plan

  variables {
    create_vpc            = false
    vpc_id                = "vpc-01"
    public_subnet_ids     = ["subnet-01", "subnet-02"]
    private_subnet_ids    = ["subnet-03", "subnet-04"]
    create_nlb            = false
    nlb_arn               = "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/net/shared/0123456789abcdef"
    nlb_security_group_id = "shared"
  }

  expect_failures = [var.nlb_security_group_id]
}

run "security_group_without_load_balancer" {
  command = plan

  variables {
    create_vpc            = false
    vpc_id                = "vpc-01"
    public_subnet_ids     = ["subnet-01", "subnet-02"]
    private_subnet_ids    = ["subnet-03", "subnet-04"]
    nlb_security_group_id = "sg-01"
  }

  expect_failures = [var.nlb_security_group_id]
}

run "existing_endpoint_service_of_a_new_load_balancer" {
  command = plan

  variables {
    create_vpc              = false
    vpc_id                  = "vpc-01"
    public_subnet_ids       = ["subnet-01", "subnet-02"]
    private_subnet_ids      = ["subnet-03", "subnet-04"]
    create_endpoint_service = false
    endpoint_service_id     = "vpce-svc-01"
  }

  expect_failures = [var.create_endpoint_service]
}

run "endpoint_service_by_name" {
  command = plan

  variables {
    create_vpc              = false
    vpc_id                  = "vpc-0123456789abcdef0"
    public_subnet_ids       = ["subnet-01", "subnet-02"]
    private_subnet_ids      = ["subnet-0123456789abcdef2", "subnet-0123456789abcdef3"]
    create_nlb              = false
    nlb_arn                 = "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/net/shared/0123456789abcdef"
    nlb_security_group_id   = "sg-0123456789abcdef0"
    create_endpoint_service = false
    endpoint_service_id     = "com.amazonaws.vpce.us-east-1.vpce-svc-01"
  }

  expect_failures = [var.endpoint_service_id]
}

run "endpoint_service_beside_create_endpoint_service" {
  command = plan

  variables {
    create_vpc            = false
    vpc_id                = "vpc-0123456789abcdef0"
    public_subnet_ids     = ["subnet-01", "subnet-02"]
    private_subnet_ids    = ["subnet-0123456789abcdef2", "subnet-0123456789abcdef3"]
    create_nlb            = false
    nlb_arn               = "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/net/shared/0123456789abcdef"
    nlb_security_group_id = "sg-0123456789abcdef0"
    endpoint_service_id   = "vpce-svc-01"
  }

  expect_failures = [var.endpoint_service_id]
}
