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
  workspace_ids         = [1234567890123456, 6543210987654321]
  endpoint_service_name = "com.amazonaws.vpce.us-east-1.vpce-svc-0123456789abcdef0"
  domain_names          = ["acme.openai.azure.com", "acme-eu.openai.azure.com"]
}

run "everything_is_made" {
  command = plan

  assert {
    condition     = databricks_mws_network_connectivity_config.this[0].name == "openai-link" && databricks_mws_network_connectivity_config.this[0].region == "us-east-1"
    error_message = "The NCC must be named after the module, and be in the region of the workspaces."
  }

  assert {
    condition = (
      databricks_mws_ncc_private_endpoint_rule.this[0].endpoint_service == "com.amazonaws.vpce.us-east-1.vpce-svc-0123456789abcdef0" &&
      databricks_mws_ncc_private_endpoint_rule.this[0].domain_names == tolist(["acme.openai.azure.com", "acme-eu.openai.azure.com"])
    )
    error_message = "The rule must lead the host names to the endpoint service."
  }

  assert {
    condition = (
      crosscloudlink_databricks_private_endpoint_approval.this[0].endpoint_service_id == "vpce-svc-0123456789abcdef0" &&
      crosscloudlink_databricks_private_endpoint_approval.this[0].private_endpoint_rule_id == "66666666-7777-4888-8999-000000000000" &&
      crosscloudlink_databricks_private_endpoint_approval.this[0].timeouts.create == "60m"
    )
    error_message = "Exactly the connection of this rule must be accepted."
  }

  assert {
    condition     = length(data.crosscloudlink_databricks_private_endpoint_rule.this) == 0 && length(data.crosscloudlink_databricks_private_endpoint_rule.settled) == 0
    error_message = "The approval waits for the endpoint by itself."
  }
}

run "policy_allows_the_hosts_and_nothing_else" {
  command = plan

  assert {
    condition     = databricks_account_network_policy.this["openai-link"].account_id == "01234567-89ab-4cde-8123-456789abcdef"
    error_message = "Without the account's id every change would replace the policy."
  }

  assert {
    condition     = databricks_account_network_policy.this["openai-link"].egress.network_access.restriction_mode == "RESTRICTED_ACCESS"
    error_message = "The policy must restrict."
  }

  assert {
    condition     = databricks_account_network_policy.this["openai-link"].egress.network_access.allowed_internet_destinations[*].destination == tolist(["acme.openai.azure.com", "acme-eu.openai.azure.com"])
    error_message = "The host names of the rule must be on the list, and nothing else."
  }

  assert {
    condition     = databricks_account_network_policy.this["openai-link"].egress.network_access.policy_enforcement.enforcement_mode == "ENFORCED"
    error_message = "The policy must be in force unless told otherwise."
  }

  assert {
    condition = (
      databricks_account_network_policy.this["openai-link"].ingress.private_access.restriction_mode == "ALLOW_ALL_REGISTERED_ENDPOINTS" &&
      databricks_account_network_policy.this["openai-link"].ingress.public_access.restriction_mode == "FULL_ACCESS"
    )
    error_message = "The ways in must stay as they are by default, written out in full."
  }
}

run "workspaces_are_bound_last" {
  command = plan

  assert {
    condition     = join(" ", keys(crosscloudlink_databricks_workspace_network.this)) == "1234567890123456 6543210987654321"
    error_message = "Each workspace must have a binding of its own, by its id."
  }

  assert {
    condition = alltrue([for network in crosscloudlink_databricks_workspace_network.this : (
      network.network_connectivity_config_id == "11111111-2222-4333-8444-555555555555" &&
      network.network_policy_id == "openai-link" &&
      network.private_endpoint_rule_ids == toset(["66666666-7777-4888-8999-000000000000"]) &&
      network.wait_for_rules
    )])
    error_message = "A workspace must get NCC and policy, once the rule is established."
  }

  assert {
    condition = (
      output.workspaces["1234567890123456"].status == "bound" &&
      output.workspaces["1234567890123456"].restore_network_policy_id == "default-policy" &&
      output.approval_status == "established" &&
      output.connection_state == "ESTABLISHED" &&
      output.vpc_endpoint_id == "vpce-0123456789abcdef0" &&
      output.network_policy_id == "openai-link" &&
      output.region == "us-east-1"
    )
    error_message = "The outputs must tell what came of it."
  }
}

run "dry_run_has_no_product_filter" {
  command = plan

  variables {
    enforcement_mode              = "DRY_RUN"
    network_policy_id             = "openai-link-policy"
    allowed_internet_destinations = ["login.microsoftonline.com", "acme.openai.azure.com"]
    allowed_storage_destinations  = [{ bucket_name = "acme-landing", region = "eu-west-1" }]
  }

  assert {
    condition = (
      databricks_account_network_policy.this["openai-link-policy"].egress.network_access.policy_enforcement.enforcement_mode == "DRY_RUN" &&
      databricks_account_network_policy.this["openai-link-policy"].egress.network_access.policy_enforcement.dry_run_mode_product_filter == null
    )
    error_message = "A dry run must be one of all products: with a filter, calls to external models stay enforced."
  }

  assert {
    condition     = databricks_account_network_policy.this["openai-link-policy"].egress.network_access.allowed_internet_destinations[*].destination == tolist(["acme.openai.azure.com", "acme-eu.openai.azure.com", "login.microsoftonline.com"])
    error_message = "Each destination must be listed once."
  }

  assert {
    condition = (
      length(databricks_account_network_policy.this["openai-link-policy"].egress.network_access.allowed_storage_destinations) == 1 &&
      databricks_account_network_policy.this["openai-link-policy"].egress.network_access.allowed_storage_destinations[0].storage_destination_type == "AWS_S3"
    )
    error_message = "Buckets must be listed as S3 destinations."
  }
}

run "another_team_accepts" {
  command = plan

  variables {
    accept_connection   = false
    wait_for_acceptance = false
  }

  assert {
    condition     = length(crosscloudlink_databricks_private_endpoint_approval.this) == 0 && output.approval_status == null
    error_message = "Nothing may be asked of AWS."
  }

  assert {
    condition     = data.crosscloudlink_databricks_private_endpoint_rule.this[0].private_endpoint_rule_id == "66666666-7777-4888-8999-000000000000" && output.vpc_endpoint_id == "vpce-0123456789abcdef0"
    error_message = "The other team needs the id of the VPC endpoint."
  }

  assert {
    condition     = alltrue([for network in crosscloudlink_databricks_workspace_network.this : !network.wait_for_rules])
    error_message = "The apply must end without the other team's acceptance."
  }
}

run "existing_configuration_and_rule" {
  command = plan

  variables {
    network_connectivity_config_id = "aaaaaaaa-2222-4333-8444-555555555555"
    private_endpoint_rule_id       = "bbbbbbbb-7777-4888-8999-000000000000"
    domain_names                   = ["acme.openai.azure.com"]
  }

  assert {
    condition     = length(databricks_mws_network_connectivity_config.this) == 0 && length(databricks_mws_ncc_private_endpoint_rule.this) == 0 && length(data.databricks_mws_network_connectivity_configs.region) == 0
    error_message = "What exists must not be made."
  }

  assert {
    condition = (
      crosscloudlink_databricks_private_endpoint_approval.this[0].endpoint_service_id == "vpce-svc-0123456789abcdef0" &&
      crosscloudlink_databricks_private_endpoint_approval.this[0].network_connectivity_config_id == "aaaaaaaa-2222-4333-8444-555555555555" &&
      crosscloudlink_databricks_private_endpoint_approval.this[0].private_endpoint_rule_id == "bbbbbbbb-7777-4888-8999-000000000000"
    )
    error_message = "The existing rule's connection must be accepted at the endpoint service that the rule names."
  }

  assert {
    condition     = alltrue([for network in crosscloudlink_databricks_workspace_network.this : network.private_endpoint_rule_ids == toset(["bbbbbbbb-7777-4888-8999-000000000000"])])
    error_message = "The workspaces must wait for the existing rule."
  }
}

run "existing_rule_that_another_team_accepts" {
  command = plan

  variables {
    network_connectivity_config_id = "aaaaaaaa-2222-4333-8444-555555555555"
    private_endpoint_rule_id       = "bbbbbbbb-7777-4888-8999-000000000000"
    endpoint_service_name          = null
    accept_connection              = false
    workspace_ids                  = []
    create_network_policy          = false
  }

  assert {
    condition     = output.vpc_endpoint_id == "vpce-0123456789abcdef0" && output.region == "us-east-1"
    error_message = "The rule must tell all there is to know."
  }
}

run "existing_policy" {
  command = plan

  variables {
    create_network_policy = false
    network_policy_id     = "acme-restricted"
  }

  assert {
    condition     = length(databricks_account_network_policy.this) == 0 && alltrue([for network in crosscloudlink_databricks_workspace_network.this : network.network_policy_id == "acme-restricted"])
    error_message = "The workspaces must be put under the existing policy."
  }
}

run "policy_left_alone" {
  command = plan

  variables {
    create_network_policy     = false
    restore_network_policy_id = "acme-restricted"
  }

  assert {
    condition     = alltrue([for network in crosscloudlink_databricks_workspace_network.this : network.network_policy_id == null]) && output.network_policy_id == null
    error_message = "The workspaces' policy must not be touched."
  }
}

run "no_workspace_yet" {
  command = plan

  variables {
    workspace_ids         = []
    region                = "us-east-1"
    databricks_account_id = "01234567-89ab-4cde-8123-456789abcdef"
  }

  assert {
    condition = (
      length(crosscloudlink_databricks_workspace_network.this) == 0 &&
      databricks_mws_network_connectivity_config.this[0].region == "us-east-1" &&
      databricks_account_network_policy.this["openai-link"].account_id == "01234567-89ab-4cde-8123-456789abcdef"
    )
    error_message = "NCC, rule and policy can be made before there is a workspace."
  }
}

run "first_configuration_of_the_region" {
  command = plan

  override_data {
    target = data.databricks_mws_network_connectivity_configs.region
    values = { names = null }
  }
}

run "own_configuration_does_not_count_against_the_limit" {
  command = plan

  override_data {
    target = data.databricks_mws_network_connectivity_configs.region
    values = { names = ["a1", "a2", "a3", "a4", "a5", "a6", "a7", "a8", "a9", "openai-link"] }
  }
}

run "proxies_in_service" {
  command = plan

  variables {
    proxy_status = "in_service"
  }
}
