mock_provider "aws" {
  source          = "./tests/mocks"
  override_during = plan
}

mock_provider "crosscloudlink" {
  source          = "./tests/mocks"
  override_during = plan
}

variables {
  name        = "openai-link"
  upstreams   = { openai = { hostname = "acme.openai.azure.com" } }
  firewalls   = { openai = { admitted_public_ips = ["52.0.0.1", "52.0.0.2", "52.0.0.3"] } }
  egress_mode = "nat_gateway"
}

run "the_group_owns_its_sizes_and_nobody_assigns_addresses" {
  command = plan

  variables {
    min_size         = 2
    max_size         = 7
    desired_capacity = 3
  }

  assert {
    condition     = length(crosscloudlink_lifecycle_eip_assigner.this) == 0 && length(aws_autoscaling_group.proxy) == 0
    error_message = "Nothing may assign addresses to proxies."
  }

  assert {
    condition     = aws_autoscaling_group.behind_nat[0].min_size == 2 && aws_autoscaling_group.behind_nat[0].max_size == 7 && aws_autoscaling_group.behind_nat[0].desired_capacity == 3
    error_message = "The group must own its sizes; addresses do not limit them."
  }

  assert {
    condition     = one(aws_autoscaling_group.behind_nat[0].initial_lifecycle_hook).name == aws_autoscaling_lifecycle_hook.ready.name && one(aws_autoscaling_group.behind_nat[0].initial_lifecycle_hook).default_result == "ABANDON"
    error_message = "The first proxies, too, may come into service only once they serve."
  }

  assert {
    condition     = aws_autoscaling_group.behind_nat[0].wait_for_capacity_timeout == "20m" && aws_autoscaling_group.behind_nat[0].min_elb_capacity == 2
    error_message = "An apply must not end before the proxies serve."
  }

  assert {
    condition     = aws_autoscaling_group.behind_nat[0].instance_maintenance_policy[0].min_healthy_percentage == 100 && aws_autoscaling_group.behind_nat[0].instance_maintenance_policy[0].max_healthy_percentage == 200
    error_message = "No proxy needs an address, so the new one comes first."
  }

  assert {
    condition     = alltrue([for spec in aws_launch_template.proxy.tag_specifications : !contains(keys(spec.tags), "crosscloudlink:eip-pool")])
    error_message = "No assigner has anything to do with these instances."
  }

  assert {
    condition     = !strcontains(output.haproxy_cfg, "169.254.169.254")
    error_message = "A proxy behind a NAT gateway has no public address of its own, so that its health must not ask for one."
  }

  assert {
    condition     = output.status == "started" && output.status_reason == "" && output.in_service_count == null && output.assigner_function_name == null && output.assigner_policy_json == null
    error_message = "What has no meaning must be null, not made up."
  }

  assert {
    condition     = output.autoscaling_group_arn == aws_autoscaling_group.behind_nat[0].arn && keys(output.nat_gateway_ids) == ["us-east-1a", "us-east-1b", "us-east-1c"]
    error_message = "The outputs must name the group that there is, and the gateways by zone."
  }
}

run "the_other_mode_has_no_gateway" {
  command = plan

  variables {
    egress_mode = "eip_pool"
  }

  assert {
    condition     = length(aws_nat_gateway.this) == 0 && length(aws_route.nat) == 0 && length(aws_route_table.nat) == 0 && length(aws_autoscaling_group.behind_nat) == 0 && crosscloudlink_eip_pool.this.slots == null
    error_message = "In mode eip_pool addresses belong to proxies."
  }

  assert {
    condition     = output.autoscaling_group_arn == aws_autoscaling_group.proxy[0].arn && output.nat_gateway_ids == {} && strcontains(output.haproxy_cfg, "169.254.169.254")
    error_message = "In mode eip_pool a proxy is healthy only with an address of its own."
  }
}

run "no_gateway_before_every_firewall_lists_its_address" {
  command = plan

  override_resource {
    target          = crosscloudlink_eip_admission.this
    override_during = plan
    values = {
      admitted_allocation_ids = ["eipalloc-0000000000000000a", "eipalloc-0000000000000000c"]
      unlisted_public_ips     = { openai = ["52.0.0.2"] }
    }
  }

  expect_failures = [aws_nat_gateway.this["us-east-1b"]]
}

run "no_proxies_yet" {
  command = plan

  variables {
    min_size  = 0
    firewalls = { openai = { admitted_public_ips = [] } }
  }

  override_resource {
    target          = crosscloudlink_eip_admission.this
    override_during = plan
    values          = { admitted_allocation_ids = [] }
  }

  assert {
    condition     = crosscloudlink_eip_pool.this.size == 3 && length(aws_nat_gateway.this) == 0 && length(aws_route.nat) == 0
    error_message = "The addresses must be there before the first NAT gateway, so that a firewall can list them."
  }

  assert {
    condition     = aws_autoscaling_group.behind_nat[0].max_size == 0 && aws_autoscaling_group.behind_nat[0].desired_capacity == 0 && output.status == "no_proxies"
    error_message = "Without NAT gateways no proxy may start."
  }
}

run "not_awaited" {
  command = plan

  variables {
    require_in_service = false
  }

  assert {
    condition     = aws_autoscaling_group.behind_nat[0].wait_for_capacity_timeout == "0" && aws_autoscaling_group.behind_nat[0].min_elb_capacity == null
    error_message = "require_in_service = false must not wait."
  }
}

run "two_zones_with_an_address_to_spare" {
  command = plan

  variables {
    azs           = ["us-east-1a", "us-east-1c"]
    eip_pool_size = 3
  }

  assert {
    condition     = crosscloudlink_eip_pool.this.size == 3 && keys(aws_nat_gateway.this) == ["us-east-1a", "us-east-1c"]
    error_message = "A spare address is no gateway."
  }
}

run "existing_vpc" {
  command = plan

  variables {
    create_vpc              = false
    vpc_id                  = "vpc-0123456789abcdef0"
    azs                     = ["us-east-1a", "us-east-1b"]
    public_subnet_ids       = ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"]
    private_subnet_ids      = ["subnet-0123456789abcdef2", "subnet-0123456789abcdef3"]
    private_route_table_ids = ["rtb-0123456789abcdef0", "rtb-0123456789abcdef1"]
  }

  override_data {
    target = data.aws_subnet.nat["us-east-1b"]
    values = { availability_zone = "us-east-1b" }
  }

  override_data {
    target = data.aws_subnet.private[1]
    values = { availability_zone = "us-east-1b" }
  }

  override_data {
    target = data.aws_subnet.nat["us-east-1a"]
    values = { availability_zone = "us-east-1a" }
  }

  override_data {
    target = data.aws_subnet.private[0]
    values = { availability_zone = "us-east-1a" }
  }

  assert {
    condition     = aws_nat_gateway.this["us-east-1b"].subnet_id == "subnet-0123456789abcdef1" && aws_route.nat["us-east-1b"].route_table_id == "rtb-0123456789abcdef1"
    error_message = "The lists belong together by their order."
  }

  assert {
    condition     = length(aws_route_table.nat) == 0 && length(aws_route_table_association.private) == 0 && length(aws_vpc_endpoint.s3) == 0
    error_message = "Nothing of an existing network may be made but the default routes."
  }
}

run "existing_public_subnets_in_another_order" {
  command = plan

  variables {
    create_vpc              = false
    vpc_id                  = "vpc-0123456789abcdef0"
    azs                     = ["us-east-1a", "us-east-1b"]
    public_subnet_ids       = ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"]
    private_subnet_ids      = ["subnet-0123456789abcdef2", "subnet-0123456789abcdef3"]
    private_route_table_ids = ["rtb-0123456789abcdef0", "rtb-0123456789abcdef1"]
  }

  override_data {
    target = data.aws_subnet.nat["us-east-1a"]
    values = { availability_zone = "us-east-1b" }
  }

  override_data {
    target = data.aws_subnet.nat["us-east-1b"]
    values = { availability_zone = "us-east-1a" }
  }

  override_data {
    target = data.aws_subnet.private[0]
    values = { availability_zone = "us-east-1a" }
  }

  override_data {
    target = data.aws_subnet.private[1]
    values = { availability_zone = "us-east-1b" }
  }

  expect_failures = [data.aws_subnet.nat]
}

run "existing_private_subnets_in_another_order" {
  command = plan

  variables {
    create_vpc              = false
    vpc_id                  = "vpc-0123456789abcdef0"
    azs                     = ["us-east-1a", "us-east-1b"]
    public_subnet_ids       = ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"]
    private_subnet_ids      = ["subnet-0123456789abcdef2", "subnet-0123456789abcdef3"]
    private_route_table_ids = ["rtb-0123456789abcdef0", "rtb-0123456789abcdef1"]
  }

  override_data {
    target = data.aws_subnet.nat["us-east-1a"]
    values = { availability_zone = "us-east-1a" }
  }

  override_data {
    target = data.aws_subnet.nat["us-east-1b"]
    values = { availability_zone = "us-east-1b" }
  }

  override_data {
    target = data.aws_subnet.private[0]
    values = { availability_zone = "us-east-1b" }
  }

  override_data {
    target = data.aws_subnet.private[1]
    values = { availability_zone = "us-east-1a" }
  }

  expect_failures = [aws_nat_gateway.this]
}

run "existing_vpc_without_zones_and_route_tables" {
  command = plan

  variables {
    create_vpc         = false
    vpc_id             = "vpc-0123456789abcdef0"
    public_subnet_ids  = ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"]
    private_subnet_ids = ["subnet-0123456789abcdef2", "subnet-0123456789abcdef3"]
  }

  expect_failures = [var.azs, var.private_route_table_ids]
}

run "existing_vpc_with_too_few_public_subnets" {
  command = plan

  variables {
    create_vpc              = false
    vpc_id                  = "vpc-0123456789abcdef0"
    azs                     = ["us-east-1a", "us-east-1b", "us-east-1c"]
    public_subnet_ids       = ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"]
    private_subnet_ids      = ["subnet-0123456789abcdef2", "subnet-0123456789abcdef3", "subnet-0123456789abcdef4"]
    private_route_table_ids = ["rtb-0123456789abcdef0", "rtb-0123456789abcdef1", "rtb-0123456789abcdef1"]
  }

  expect_failures = [var.public_subnet_ids, var.private_route_table_ids]
}

run "route_tables_of_another_mode" {
  command = plan

  variables {
    egress_mode             = "eip_pool"
    private_route_table_ids = ["rtb-0123456789abcdef0"]
  }

  expect_failures = [var.private_route_table_ids]
}

run "not_a_route_table" {
  command = plan

  variables {
    create_vpc              = false
    vpc_id                  = "vpc-0123456789abcdef0"
    azs                     = ["us-east-1a", "us-east-1b"]
    public_subnet_ids       = ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"]
    private_subnet_ids      = ["subnet-0123456789abcdef2", "subnet-0123456789abcdef3"]
    private_route_table_ids = ["rtb-0123456789abcdef0", "subnet-0123456789abcdef3"]
  }

  expect_failures = [var.private_route_table_ids]
}

run "no_such_mode" {
  command = plan

  variables {
    egress_mode = "nat_instance"
  }

  expect_failures = [var.egress_mode]
}

run "fewer_addresses_than_zones" {
  command = plan

  variables {
    eip_pool_size = 2
  }

  expect_failures = [crosscloudlink_eip_pool.this]
}

run "settings_of_the_assigner" {
  command = plan

  variables {
    heartbeat_timeout       = 600
    assigner_role_arn       = "arn:aws:iam::123456789012:role/assigner"
    failure_destination_arn = "arn:aws:sqs:us-east-1:123456789012:failed-events"
  }

  expect_failures = [var.heartbeat_timeout, var.assigner_role_arn, var.failure_destination_arn]
}

run "a_number_of_no_proxies" {
  command = plan

  variables {
    min_size         = 0
    desired_capacity = 1
  }

  expect_failures = [var.desired_capacity]
}

run "one_gateway_a_zone_on_the_pools_addresses" {
  command = plan

  variables {
    azs = ["us-east-1a", "us-east-1b"]
  }

  override_resource {
    target          = aws_subnet.public["us-east-1a"]
    override_during = plan
    values          = { id = "subnet-public-a" }
  }

  override_resource {
    target          = aws_subnet.public["us-east-1b"]
    override_during = plan
    values          = { id = "subnet-public-b" }
  }

  override_resource {
    target          = aws_subnet.private["us-east-1a"]
    override_during = plan
    values          = { id = "subnet-private-a" }
  }

  override_resource {
    target          = aws_subnet.private["us-east-1b"]
    override_during = plan
    values          = { id = "subnet-private-b" }
  }

  override_resource {
    target          = aws_nat_gateway.this["us-east-1a"]
    override_during = plan
    values          = { id = "nat-a" }
  }

  override_resource {
    target          = aws_nat_gateway.this["us-east-1b"]
    override_during = plan
    values          = { id = "nat-b" }
  }

  override_resource {
    target          = aws_route_table.nat["us-east-1a"]
    override_during = plan
    values          = { id = "rtb-a" }
  }

  override_resource {
    target          = aws_route_table.nat["us-east-1b"]
    override_during = plan
    values          = { id = "rtb-b" }
  }

  override_resource {
    target          = crosscloudlink_eip_pool.this
    override_during = plan
    values = {
      retired_public_ips  = []
      slot_allocation_ids = { us-east-1a = "eipalloc-0000000000000000a", us-east-1b = "eipalloc-0000000000000000b" }
    }
  }

  assert {
    condition     = crosscloudlink_eip_pool.this.size == 2 && crosscloudlink_eip_pool.this.slots == toset(["us-east-1a", "us-east-1b"]) && crosscloudlink_eip_pool.this.require_admission
    error_message = "The pool must keep an address for each zone, and no firewall may be passed over."
  }

  assert {
    condition     = tomap({ for az, gateway in aws_nat_gateway.this : az => gateway.allocation_id }) == crosscloudlink_eip_pool.this.slot_allocation_ids
    error_message = "Each zone's NAT gateway must have that zone's address."
  }

  assert {
    condition     = alltrue([for az, gateway in aws_nat_gateway.this : gateway.subnet_id == aws_subnet.public[az].id && gateway.connectivity_type == "public"])
    error_message = "Each NAT gateway must stand in the public subnet of its zone."
  }

  assert {
    condition = alltrue([for az, route in aws_route.nat :
      route.nat_gateway_id == aws_nat_gateway.this[az].id && route.route_table_id == aws_route_table.nat[az].id && route.destination_cidr_block == "0.0.0.0/0"
    ]) && alltrue([for az, association in aws_route_table_association.private : association.route_table_id == aws_route_table.nat[az].id && association.subnet_id == aws_subnet.private[az].id])
    error_message = "Each zone must leave through its own NAT gateway."
  }

  assert {
    condition     = length(aws_route_table.private) == 0 && toset(aws_vpc_endpoint.s3[0].route_table_ids) == toset([for table in aws_route_table.nat : table.id])
    error_message = "Packages must come by the S3 gateway endpoint to where the proxies stand."
  }

  assert {
    condition     = aws_autoscaling_group.behind_nat[0].vpc_zone_identifier == toset([for subnet in aws_subnet.private : subnet.id])
    error_message = "The proxies must stand in the private subnets."
  }
}
