mock_provider "databricks" {
  source          = "./tests/mocks"
  override_during = plan
}

mock_provider "crosscloudlink" {
  source          = "./tests/mocks"
  override_during = plan
}

variables {
  name                  = "openai-link"
  workspace_ids         = [1234567890123456]
  endpoint_service_name = "com.amazonaws.vpce.us-east-1.vpce-svc-0123456789abcdef0"
  domain_names          = ["acme.openai.azure.com"]
}

run "name_with_a_dot" {
  command = plan

  variables {
    name = "open.ai"
  }

  expect_failures = [var.name]
}

run "name_too_long" {
  command = plan

  variables {
    name = "a-name-of-thirty-one-characters"
  }

  expect_failures = [var.name]
}

run "account_by_name" {
  command = plan

  variables {
    databricks_account_id = "acme"
  }

  expect_failures = [var.databricks_account_id]
}

run "zone_for_region" {
  command = plan

  variables {
    region = "us-east-1a"
  }

  expect_failures = [var.region]
}

run "no_region_at_all" {
  command = plan

  variables {
    workspace_ids         = []
    databricks_account_id = "01234567-89ab-4cde-8123-456789abcdef"
  }

  expect_failures = [var.region]
}

run "workspace_zero" {
  command = plan

  variables {
    workspace_ids = [0]
  }

  expect_failures = [var.workspace_ids]
}

run "half_a_workspace" {
  command = plan

  variables {
    workspace_ids = [1.5]
  }

  expect_failures = [var.workspace_ids]
}

run "too_many_workspaces" {
  command = plan

  variables {
    workspace_ids = range(1, 52)
  }

  expect_failures = [var.workspace_ids]
}

run "restore_by_resource_id" {
  command = plan

  variables {
    restore_network_connectivity_config_id = "account/ncc"
  }

  expect_failures = [var.restore_network_connectivity_config_id]
}

run "restore_policy_too_long" {
  command = plan

  variables {
    restore_network_policy_id = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
  }

  expect_failures = [var.restore_network_policy_id]
}

run "configuration_by_resource_id" {
  command = plan

  variables {
    network_connectivity_config_id = "account/ncc"
  }

  expect_failures = [var.network_connectivity_config_id]
}

run "rule_by_resource_id" {
  command = plan

  variables {
    network_connectivity_config_id = "ncc"
    private_endpoint_rule_id       = "ncc/rule"
  }

  expect_failures = [var.private_endpoint_rule_id]
}

run "rule_without_configuration" {
  command = plan

  variables {
    private_endpoint_rule_id = "rule"
  }

  expect_failures = [var.private_endpoint_rule_id]
}

run "no_endpoint_service" {
  command = plan

  variables {
    endpoint_service_name = null
  }

  expect_failures = [var.endpoint_service_name]
}

run "no_endpoint_service_to_accept_at" {
  command = plan

  variables {
    network_connectivity_config_id = "ncc"
    private_endpoint_rule_id       = "rule"
    endpoint_service_name          = null
  }

  expect_failures = [var.endpoint_service_name]
}

run "endpoint_service_by_id" {
  command = plan

  variables {
    endpoint_service_name = "vpce-svc-0123456789abcdef0"
  }

  expect_failures = [var.endpoint_service_name]
}

run "endpoint_service_by_arn" {
  command = plan

  variables {
    endpoint_service_name = "arn:aws:ec2:us-east-1:123456789012:vpc-endpoint-service/vpce-svc-0123456789abcdef0"
  }

  expect_failures = [var.endpoint_service_name]
}

run "endpoint_service_of_aws" {
  command = plan

  variables {
    endpoint_service_name = "com.amazonaws.us-east-1.s3"
  }

  expect_failures = [var.endpoint_service_name]
}

run "no_domain" {
  command = plan

  variables {
    domain_names = []
  }

  expect_failures = [var.domain_names]
}

run "eleventh_domain" {
  command = plan

  variables {
    domain_names = [for n in range(11) : "acme-${n}.openai.azure.com"]
  }

  expect_failures = [var.domain_names]
}

run "wildcard" {
  command = plan

  variables {
    domain_names = ["*.openai.azure.com"]
  }

  expect_failures = [var.domain_names]
}

run "url" {
  command = plan

  variables {
    domain_names = ["https://acme.openai.azure.com/"]
  }

  expect_failures = [var.domain_names]
}

run "port" {
  command = plan

  variables {
    domain_names = ["acme.openai.azure.com:443"]
  }

  expect_failures = [var.domain_names]
}

run "upper_case" {
  command = plan

  variables {
    domain_names = ["Acme.openai.azure.com"]
  }

  expect_failures = [var.domain_names]
}

run "dot_at_the_end" {
  command = plan

  variables {
    domain_names = ["acme.openai.azure.com."]
  }

  expect_failures = [var.domain_names]
}

run "domain_twice" {
  command = plan

  variables {
    domain_names = ["acme.openai.azure.com", "acme.openai.azure.com"]
  }

  expect_failures = [var.domain_names]
}

run "nobody_accepts" {
  command = plan

  variables {
    wait_for_acceptance = false
  }

  expect_failures = [var.wait_for_acceptance]
}

run "timeout_without_unit" {
  command = plan

  variables {
    approval_timeout = "60"
  }

  expect_failures = [var.approval_timeout]
}

run "policy_id_of_33_characters" {
  command = plan

  variables {
    network_policy_id = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
  }

  expect_failures = [var.network_policy_id]
}

run "default_policy_made_anew" {
  command = plan

  variables {
    network_policy_id = "default-policy"
  }

  expect_failures = [var.network_policy_id]
}

run "destination_by_wildcard" {
  command = plan

  variables {
    allowed_internet_destinations = ["*.microsoftonline.com"]
  }

  expect_failures = [var.allowed_internet_destinations]
}

run "workspace_as_destination" {
  command = plan

  variables {
    allowed_internet_destinations = ["dbc-0123.cloud.databricks.com"]
  }

  expect_failures = [var.allowed_internet_destinations]
}

run "destination_without_policy" {
  command = plan

  variables {
    create_network_policy         = false
    allowed_internet_destinations = ["login.microsoftonline.com"]
  }

  expect_failures = [var.allowed_internet_destinations]
}

run "too_many_destinations" {
  command = plan

  variables {
    allowed_internet_destinations = [for n in setproduct(range(50), range(40)) : "host-${n[0]}-${n[1]}.example.com"]
  }

  expect_failures = [var.allowed_internet_destinations]
}

run "bucket_by_arn" {
  command = plan

  variables {
    allowed_storage_destinations = [{ bucket_name = "arn:aws:s3:::acme", region = "us-east-1" }]
  }

  expect_failures = [var.allowed_storage_destinations]
}

run "bucket_without_region" {
  command = plan

  variables {
    allowed_storage_destinations = [{ bucket_name = "acme", region = "" }]
  }

  expect_failures = [var.allowed_storage_destinations]
}

run "bucket_without_policy" {
  command = plan

  variables {
    create_network_policy        = false
    allowed_storage_destinations = [{ bucket_name = "acme-landing", region = "us-east-1" }]
  }

  expect_failures = [var.allowed_storage_destinations]
}

run "log_only" {
  command = plan

  variables {
    enforcement_mode = "LOG_ONLY"
  }

  expect_failures = [var.enforcement_mode]
}

run "dry_run_of_an_existing_policy" {
  command = plan

  variables {
    create_network_policy = false
    enforcement_mode      = "DRY_RUN"
  }

  expect_failures = [var.enforcement_mode]
}

run "more_than_a_hundred_destinations" {
  command = plan

  variables {
    allowed_internet_destinations = [for n in range(100) : "host-${n}.example.com"]
  }

  expect_failures = [check.network_policy_destinations]
}

run "workspace_of_another_account" {
  command = plan

  variables {
    databricks_account_id = "fedcba98-89ab-4cde-8123-456789abcdef"
  }

  expect_failures = [crosscloudlink_databricks_workspace_network.this]
}

run "eleventh_configuration" {
  command = plan

  override_data {
    target = data.databricks_mws_network_connectivity_configs.region
    values = { names = ["a1", "a2", "a3", "a4", "a5", "a6", "a7", "a8", "a9", "a10"] }
  }

  expect_failures = [databricks_mws_network_connectivity_config.this]
}

run "workspaces_of_two_regions" {
  command = plan

  variables {
    workspace_ids = [1234567890123456, 6543210987654321]
  }

  override_data {
    target = data.crosscloudlink_databricks_workspace.this["6543210987654321"]
    values = { account_id = "01234567-89ab-4cde-8123-456789abcdef", name = "far", region = "eu-west-1", pricing_tier = "ENTERPRISE" }
  }

  expect_failures = [crosscloudlink_databricks_workspace_network.this]
}

run "workspace_not_in_the_region" {
  command = plan

  variables {
    region                = "eu-west-1"
    endpoint_service_name = "com.amazonaws.vpce.eu-west-1.vpce-svc-0123456789abcdef0"
  }

  expect_failures = [crosscloudlink_databricks_workspace_network.this]
}

run "endpoint_service_in_another_region" {
  command = plan

  variables {
    endpoint_service_name = "com.amazonaws.vpce.eu-west-1.vpce-svc-0123456789abcdef0"
  }

  expect_failures = [databricks_mws_ncc_private_endpoint_rule.this]
}

run "pricing_tier" {
  command = plan

  override_data {
    target = data.crosscloudlink_databricks_workspace.this
    values = { account_id = "01234567-89ab-4cde-8123-456789abcdef", name = "small", region = "us-east-1", pricing_tier = "PREMIUM" }
  }

  expect_failures = [check.pricing_tier]
}

run "rule_is_expired" {
  command = plan

  override_resource {
    target          = databricks_mws_ncc_private_endpoint_rule.this
    override_during = plan
    values          = { rule_id = "rule", connection_state = "EXPIRED", error_message = "", deactivated = false }
  }

  expect_failures = [databricks_mws_ncc_private_endpoint_rule.this]
}

run "rule_is_rejected" {
  command = plan

  override_resource {
    target          = databricks_mws_ncc_private_endpoint_rule.this
    override_during = plan
    values          = { rule_id = "rule", connection_state = "REJECTED", error_message = "", deactivated = false }
  }

  expect_failures = [databricks_mws_ncc_private_endpoint_rule.this]
}

run "rule_is_disconnected" {
  command = plan

  override_resource {
    target          = databricks_mws_ncc_private_endpoint_rule.this
    override_during = plan
    values          = { rule_id = "rule", connection_state = "DISCONNECTED", error_message = "", deactivated = false }
  }

  expect_failures = [databricks_mws_ncc_private_endpoint_rule.this]
}

run "rule_is_create_failed" {
  command = plan

  override_resource {
    target          = databricks_mws_ncc_private_endpoint_rule.this
    override_during = plan
    values          = { rule_id = "rule", connection_state = "CREATE_FAILED", error_message = "", deactivated = false }
  }

  expect_failures = [databricks_mws_ncc_private_endpoint_rule.this]
}

run "rule_was_deleted" {
  command = plan

  override_resource {
    target          = databricks_mws_ncc_private_endpoint_rule.this
    override_during = plan
    values          = { rule_id = "rule", connection_state = "ESTABLISHED", error_message = "", deactivated = true }
  }

  expect_failures = [databricks_mws_ncc_private_endpoint_rule.this]
}

run "existing_rule_was_deleted" {
  command = plan

  variables {
    network_connectivity_config_id = "ncc"
    private_endpoint_rule_id       = "rule"
  }

  override_data {
    target = data.crosscloudlink_databricks_private_endpoint_rule.this
    values = { endpoint_service = "com.amazonaws.vpce.us-east-1.vpce-svc-0123456789abcdef0", domain_names = ["acme.openai.azure.com"], deactivated = true }
  }

  expect_failures = [crosscloudlink_databricks_workspace_network.this]
}

run "existing_rule_for_another_service" {
  command = plan

  variables {
    network_connectivity_config_id = "ncc"
    private_endpoint_rule_id       = "rule"
    endpoint_service_name          = "com.amazonaws.vpce.us-east-1.vpce-svc-0fedcba9876543210"
  }

  expect_failures = [crosscloudlink_databricks_workspace_network.this]
}

run "existing_rule_for_other_hosts" {
  command = plan

  variables {
    network_connectivity_config_id = "ncc"
    private_endpoint_rule_id       = "rule"
    domain_names                   = ["acme-us.openai.azure.com"]
  }

  expect_failures = [crosscloudlink_databricks_workspace_network.this]
}

run "proxies_not_in_service" {
  command = plan

  variables {
    proxy_status = "waiting_for_addresses"
  }

  expect_failures = [crosscloudlink_databricks_workspace_network.this]
}

run "workspace_not_bound" {
  command = plan

  override_resource {
    target          = crosscloudlink_databricks_workspace_network.this
    override_during = plan
    values          = { status = "waiting_for_rules", status_reason = "rule 1 is PENDING" }
  }

  expect_failures = [crosscloudlink_databricks_workspace_network.this]
}
