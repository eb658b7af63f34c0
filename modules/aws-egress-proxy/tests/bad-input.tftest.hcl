mock_provider "aws" {
  source          = "./tests/mocks"
  override_during = plan
}

mock_provider "crosscloudlink" {
  source          = "./tests/mocks"
  override_during = plan
}

variables {
  upstream_hostnames = ["acme.openai.azure.com"]
  firewalls          = { openai = { admitted_public_ips = [] } }
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
    upstream_hostnames = ["https://acme.openai.azure.com/"]
  }

  expect_failures = [var.upstream_hostnames]
}

run "hostname_is_a_wildcard" {
  command = plan

  variables {
    upstream_hostnames = ["*.openai.azure.com"]
  }

  expect_failures = [var.upstream_hostnames]
}

run "hostname_breaks_out_of_the_configuration" {
  command = plan

  variables {
    upstream_hostnames = ["a.example.com }\nbackend x"]
  }

  expect_failures = [var.upstream_hostnames]
}

run "no_hostname" {
  command = plan

  variables {
    upstream_hostnames = []
  }

  expect_failures = [var.upstream_hostnames]
}

run "hostname_twice" {
  command = plan

  variables {
    upstream_hostnames = ["acme.openai.azure.com", "acme.openai.azure.com"]
  }

  expect_failures = [var.upstream_hostnames]
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

  expect_failures = [aws_vpc_endpoint_service.this]
}

run "fleet_not_in_service" {
  command = plan

  override_resource {
    target          = crosscloudlink_lifecycle_eip_assigner.this
    override_during = plan
    values = {
      in_service_count = 1
      status           = "waiting_for_addresses"
      status_reason    = "1 of 2 addresses is not admitted"
      function_name    = "openai-link-assigner"
    }
  }

  expect_failures = [crosscloudlink_lifecycle_eip_assigner.this]
}

run "fleet_may_come_later" {
  command = plan

  variables {
    require_in_service = false
  }

  override_resource {
    target          = crosscloudlink_lifecycle_eip_assigner.this
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
