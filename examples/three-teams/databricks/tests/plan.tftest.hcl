mock_provider "databricks" {
  source = "../../../modules/databricks-serverless-link/tests/mocks"
}

mock_provider "crosscloudlink" {
  source = "../../../modules/reference-deployment/tests/mocks"
}

variables {
  databricks_workspace_ids = [1234567890123456]
  endpoint_service_name    = "com.amazonaws.vpce.us-east-1.vpce-svc-0123456789abcdef0"
  domain_names             = ["acme.openai.azure.com"]
}

# The state of the rule is looked at after the workspaces, so these runs apply; each with a workspace of its own, since
# a mocked resource stays as it was made.
run "before_the_connection_is_accepted" {
  command = apply

  override_data {
    target = module.databricks.data.crosscloudlink_databricks_private_endpoint_rule.this
    values = { vpc_endpoint_id = "vpce-0123456789abcdef0", connection_state = "PENDING", endpoint_service = "com.amazonaws.vpce.us-east-1.vpce-svc-0123456789abcdef0" }
  }

  override_data {
    target = module.databricks.data.crosscloudlink_databricks_private_endpoint_rule.settled
    values = { connection_state = "PENDING" }
  }

  override_resource {
    target = module.databricks.crosscloudlink_databricks_workspace_network.this
    values = { status = "waiting_for_rules", status_reason = "The rule is PENDING." }
  }

  assert {
    condition     = output.vpc_endpoint_id == "vpce-0123456789abcdef0"
    error_message = "The AWS team must get the endpoint before the workspaces are bound."
  }

  assert {
    condition     = length(output.next_steps) == 1 && strcontains(output.next_steps[0], "vpc_endpoint_id of examples/three-teams/aws")
    error_message = "The next step must say what to hand over."
  }
}

run "all_is_there" {
  command = apply

  variables {
    databricks_workspace_ids = [2345678901234567]
  }

  assert {
    condition     = length(output.next_steps) == 0
    error_message = "When all is there, nothing must be left to do."
  }
}

run "workspace_is_left" {
  command = apply

  variables {
    databricks_workspace_ids = [3456789012345678]
  }

  override_resource {
    target = module.databricks.crosscloudlink_databricks_workspace_network.this
    values = { status = "waiting_for_workspace", status_reason = "It is PROVISIONING." }
  }

  assert {
    condition     = length(output.next_steps) == 1 && strcontains(output.next_steps[0], "workspace 3456789012345678 is waiting_for_workspace")
    error_message = "The next step must name the workspace."
  }
}

run "before_the_aws_team" {
  command = plan

  variables {
    endpoint_service_name = null
  }

  expect_failures = [var.endpoint_service_name]
}

run "endpoint_service_by_its_id" {
  command = plan

  variables {
    endpoint_service_name = "vpce-svc-0123456789abcdef0"
  }

  expect_failures = [var.endpoint_service_name]
}

run "domain_names_missing" {
  command = plan

  variables {
    domain_names = null
  }

  expect_failures = [var.domain_names]
}
