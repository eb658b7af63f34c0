mock_provider "aws" {
  source          = "../../../modules/aws-egress-proxy/tests/mocks"
  override_during = plan
}

mock_provider "crosscloudlink" {
  source          = "../../../modules/aws-egress-proxy/tests/mocks"
  override_during = plan
}

variables {
  hostnames = ["acme.openai.azure.com"]
}

run "before_the_others" {
  command = plan

  override_resource {
    target          = module.egress.crosscloudlink_eip_admission.this
    override_during = plan
    values          = { pending_public_ips = ["52.0.0.1", "52.0.0.2"] }
  }

  override_resource {
    target          = module.egress.crosscloudlink_lifecycle_eip_assigner.this
    override_during = plan
    values          = { in_service_count = 0, status = "in_service", status_reason = "" }
  }

  assert {
    condition     = output.proxy_status == "no_proxies" && length(crosscloudlink_databricks_private_endpoint_approval.this) == 0
    error_message = "Without the firewall no proxy may be started, and without a VPC endpoint no connection accepted."
  }

  assert {
    condition     = length(output.next_steps) == 2 && strcontains(output.next_steps[0], "public_ips") && strcontains(output.next_steps[1], "endpoint_service_name")
    error_message = "The next steps must say what to hand to both other teams."
  }
}

run "connection_before_proxies" {
  command = plan

  variables {
    vpc_endpoint_id = "vpce-0123456789abcdef0"
  }

  override_resource {
    target          = module.egress.crosscloudlink_eip_admission.this
    override_during = plan
    values          = { pending_public_ips = ["52.0.0.1", "52.0.0.2"] }
  }

  assert {
    condition     = length(crosscloudlink_databricks_private_endpoint_approval.this) == 0
    error_message = "To the Databricks team an accepted connection means that workspaces may be bound, so it must wait for the proxies."
  }

  assert {
    condition     = length(output.next_steps) == 2 && strcontains(output.next_steps[1], "14 days")
    error_message = "The next steps must say why the connection is not accepted."
  }
}

run "all_is_there" {
  command = plan

  variables {
    firewall        = { admitted_public_ips = ["52.0.0.1", "52.0.0.2"], effective_ip_rules = ["52.0.0.1", "52.0.0.2"], on_destroy = "remove_entries" }
    vpc_endpoint_id = "vpce-0123456789abcdef0"
  }

  override_resource {
    target          = module.egress.crosscloudlink_eip_admission.this
    override_during = plan
    values          = { pending_public_ips = [] }
  }

  override_resource {
    target          = crosscloudlink_databricks_private_endpoint_approval.this
    override_during = plan
    values          = { status = "approved" }
  }

  assert {
    condition     = crosscloudlink_databricks_private_endpoint_approval.this[0].vpc_endpoint_id == "vpce-0123456789abcdef0" && crosscloudlink_databricks_private_endpoint_approval.this[0].network_connectivity_config_id == null
    error_message = "Exactly the endpoint that was named must be accepted, without asking Databricks."
  }

  assert {
    condition     = length(output.next_steps) == 0 && output.proxy_status == "in_service"
    error_message = "When all is there, nothing must be left to do."
  }
}

run "connection_is_lost" {
  command = plan

  variables {
    firewall        = { admitted_public_ips = ["52.0.0.1", "52.0.0.2"], effective_ip_rules = ["52.0.0.1", "52.0.0.2"], on_destroy = "remove_entries" }
    vpc_endpoint_id = "vpce-0123456789abcdef0"
  }

  override_resource {
    target          = module.egress.crosscloudlink_eip_admission.this
    override_during = plan
    values          = { pending_public_ips = [] }
  }

  override_resource {
    target          = crosscloudlink_databricks_private_endpoint_approval.this
    override_during = plan
    values          = { status = "connection_unusable" }
  }

  assert {
    condition     = length(output.next_steps) == 1 && strcontains(output.next_steps[0], "vpce-0123456789abcdef0 is connection_unusable")
    error_message = "The next steps must say that another endpoint is needed."
  }
}

run "fleet_never_outgrows_the_firewall" {
  command = plan

  variables {
    firewall = { admitted_public_ips = ["52.0.0.1"] }
    min_size = 3
    max_size = 3
  }

  override_resource {
    target          = module.egress.crosscloudlink_eip_admission.this
    override_during = plan
    values          = { pending_public_ips = ["52.0.0.2", "52.0.0.3"] }
  }

  assert {
    condition     = local.min_size == 1
    error_message = "A proxy that no address is admitted for must not be waited for."
  }

  assert {
    condition     = strcontains(output.next_steps[0], "proxy_public_ips")
    error_message = "The next steps must say that the Azure team has addresses to admit."
  }
}

run "hostnames_missing" {
  command = plan

  variables {
    hostnames = null
  }

  expect_failures = [var.hostnames]
}

run "url_in_place_of_a_hostname" {
  command = plan

  variables {
    hostnames = ["https://acme.openai.azure.com/"]
  }

  expect_failures = [var.hostnames]
}

run "endpoint_service_in_place_of_the_endpoint" {
  command = plan

  variables {
    vpc_endpoint_id = "vpce-svc-0123456789abcdef0"
  }

  expect_failures = [var.vpc_endpoint_id]
}

run "range_in_place_of_addresses" {
  command = plan

  variables {
    firewall = { admitted_public_ips = ["52.0.0.0/24"] }
  }

  expect_failures = [var.firewall]
}

run "fleet_of_none" {
  command = plan

  variables {
    min_size = 0
  }

  expect_failures = [var.min_size]
}
