mock_provider "aws" {
  source          = "../../modules/aws-egress-proxy/tests/mocks"
  override_during = plan
}

mock_provider "azurerm" {
  source          = "../../modules/azure-openai/tests/mocks"
  override_during = plan
}

mock_provider "databricks" {
  source          = "../../modules/databricks-serverless-link/tests/mocks"
  override_during = plan
}

mock_provider "crosscloudlink" {
  source          = "../../modules/reference-deployment/tests/mocks"
  override_during = plan
}

variables {
  azure_openai_name        = "acme-models"
  azure_location           = "eastus"
  databricks_workspace_ids = [1234567890123456]
}

run "few_inputs_make_the_whole_link" {
  command = plan

  override_resource {
    target          = module.link.terraform_data.served_endpoint_service
    override_during = plan
    values          = { output = "com.amazonaws.vpce.us-east-1.vpce-svc-0123456789abcdef0" }
  }

  assert {
    condition     = output.status == "ready" && output.endpoint == "https://acme-models.openai.azure.com/"
    error_message = "Everything but the workspaces must be made: ${output.status_reason}"
  }

  assert {
    condition     = tolist(output.deployment_names) == tolist(["chat"]) && contains(keys(output.workspaces), "1234567890123456")
    error_message = "There must be a model to ask, and a workspace that asks."
  }
}

run "name_that_is_no_subdomain" {
  command = plan

  variables {
    azure_openai_name = "Acme_Models"
  }

  expect_failures = [var.azure_openai_name]
}

run "no_workspace" {
  command = plan

  variables {
    databricks_workspace_ids = []
  }

  expect_failures = [var.databricks_workspace_ids]
}

run "fleet_of_none" {
  command = plan

  variables {
    min_size = 0
  }

  expect_failures = [var.min_size]
}

run "unknown_enforcement" {
  command = plan

  variables {
    enforcement_mode = "ON"
  }

  expect_failures = [var.enforcement_mode]
}
