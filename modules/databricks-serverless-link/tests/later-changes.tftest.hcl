# What an applied configuration plans when its inputs change.

mock_provider "databricks" {
  source = "./tests/mocks"
}

mock_provider "crosscloudlink" {
  source = "./tests/mocks"
}

variables {
  name                  = "openai-link"
  workspace_ids         = [1234567890123456]
  endpoint_service_name = "com.amazonaws.vpce.us-east-1.vpce-svc-0123456789abcdef0"
  domain_names          = ["acme.openai.azure.com"]
}

run "applied" {
  command = apply

  assert {
    condition     = output.network_connectivity_config_id == "11111111-2222-4333-8444-555555555555" && output.workspaces["1234567890123456"].status == "bound"
    error_message = "The workspace must be bound."
  }
}

run "another_region" {
  command = plan

  variables {
    workspace_ids         = []
    region                = "eu-west-1"
    endpoint_service_name = "com.amazonaws.vpce.eu-west-1.vpce-svc-0123456789abcdef0"
  }

  expect_failures = [databricks_mws_network_connectivity_config.this]
}

run "another_account_replaces_nothing" {
  command = plan

  variables {
    workspace_ids         = []
    region                = "us-east-1"
    databricks_account_id = "fedcba98-89ab-4cde-8123-456789abcdef"
  }

  assert {
    condition     = databricks_account_network_policy.this["openai-link"].account_id == "01234567-89ab-4cde-8123-456789abcdef"
    error_message = "The account of a policy that exists must not change."
  }
}

run "another_domain_name" {
  command = plan

  variables {
    domain_names = ["acme.openai.azure.com", "acme-eu.openai.azure.com"]
  }

  assert {
    condition = (
      databricks_mws_ncc_private_endpoint_rule.this[0].rule_id == "66666666-7777-4888-8999-000000000000" &&
      crosscloudlink_databricks_private_endpoint_approval.this[0].vpc_endpoint_id == "vpce-0123456789abcdef0"
    )
    error_message = "Rule and approval must stay the same."
  }
}
