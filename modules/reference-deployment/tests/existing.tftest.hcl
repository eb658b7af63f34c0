mock_provider "aws" {
  source          = "../aws-egress-proxy/tests/mocks"
  override_during = plan
}

mock_provider "azurerm" {
  source          = "../azure-openai/tests/mocks"
  override_during = plan
}

mock_provider "databricks" {
  source          = "../databricks-serverless-link/tests/mocks"
  override_during = plan
}

mock_provider "crosscloudlink" {
  source          = "./tests/mocks"
  override_during = plan
}

variables {
  name              = "openai-link"
  azure_openai_name = "acme-models"
  azure_location    = "eastus"
  workspace_ids     = [4058233711027561]
}

run "existing_egress" {
  command = plan

  variables {
    endpoint_service_name = "com.amazonaws.vpce.us-east-1.vpce-svc-00000000000000001"
    proxy_public_ips      = ["52.94.76.5", "52.94.76.6"]
  }

  assert {
    condition     = length(module.egress) == 0 && length(data.aws_region.current) == 0 && output.proxy_status == null
    error_message = "Nothing may be made in AWS."
  }

  assert {
    condition     = crosscloudlink_aoai_ip_firewall.this.ip_rules == toset(["52.94.76.5", "52.94.76.6"]) && output.endpoint_service_id == "vpce-svc-00000000000000001"
    error_message = "The firewall must get the existing proxies' addresses, and the rule the existing service."
  }

  assert {
    condition     = output.status == "ready"
    error_message = "Proxies of others must not be waited for."
  }
}

run "existing_account" {
  command = plan

  variables {
    azure_openai_name       = null
    azure_location          = null
    azure_openai_account_id = "/subscriptions/6f1d0b0e-5a3c-4b8e-9d2f-7c1a4e5b6d70/resourceGroups/rg-shared/providers/Microsoft.CognitiveServices/accounts/shared"
    azure_openai_hostnames  = ["acme-models.openai.azure.com"]
  }

  assert {
    condition     = length(module.azure_openai) == 0 && crosscloudlink_aoai_ip_firewall.this.account_id == var.azure_openai_account_id && output.resource_group_name == "rg-shared"
    error_message = "Nothing but the firewall's entries may be added to an existing account."
  }
}

run "existing_account_with_deployments" {
  command = plan

  variables {
    azure_openai_name       = null
    azure_location          = null
    azure_openai_account_id = "/subscriptions/6f1d0b0e-5a3c-4b8e-9d2f-7c1a4e5b6d70/resourceGroups/rg-shared/providers/Microsoft.CognitiveServices/accounts/shared"
    azure_openai_hostnames  = ["acme-models.openai.azure.com"]
    deployments             = { chat = { model_name = "gpt-4o" } }
  }

  assert {
    condition     = length(module.azure_openai) == 1 && tolist(output.deployment_names) == tolist(["chat"]) && tolist(output.hostnames) == tolist(["acme-models.openai.azure.com"])
    error_message = "Deployments must be made on an existing account."
  }
}

run "host_of_another_account" {
  command = plan

  variables {
    azure_openai_account_id = "/subscriptions/6f1d0b0e-5a3c-4b8e-9d2f-7c1a4e5b6d70/resourceGroups/rg-shared/providers/Microsoft.CognitiveServices/accounts/shared"
    azure_openai_hostnames  = ["other.openai.azure.com"]
  }

  expect_failures = [crosscloudlink_aoai_ip_firewall.this]
}

run "existing_ncc_rule_and_policy" {
  command = plan

  variables {
    azure_openai_account_id        = "/subscriptions/6f1d0b0e-5a3c-4b8e-9d2f-7c1a4e5b6d70/resourceGroups/rg-shared/providers/Microsoft.CognitiveServices/accounts/shared"
    azure_openai_hostnames         = ["shared.openai.azure.com"]
    endpoint_service_name          = "com.amazonaws.vpce.us-east-1.vpce-svc-0123456789abcdef0"
    proxy_public_ips               = ["52.94.76.5"]
    network_connectivity_config_id = "11111111-2222-4333-8444-555555555550"
    private_endpoint_rule_id       = "66666666-7777-4888-8999-000000000001"
    create_network_policy          = false
    network_policy_id              = "acme-restricted"
    accept_connection              = false
    wait_for_acceptance            = false
  }

  override_resource {
    target          = crosscloudlink_aoai_ip_firewall.this
    override_during = plan
    values          = { custom_subdomain = "shared" }
  }

  assert {
    condition = (
      output.network_connectivity_config_id == "11111111-2222-4333-8444-555555555550" &&
      output.private_endpoint_rule_id == "66666666-7777-4888-8999-000000000001" &&
      output.network_policy_id == "acme-restricted"
    )
    error_message = "Existing parts must be used as they are."
  }
}

run "region_of_the_provider_is_another" {
  command = plan

  override_data {
    target = data.aws_region.current
    values = { id = "eu-west-1" }
  }

  expect_failures = [output.region]
}

run "no_workspace_yet" {
  command = plan

  variables {
    workspace_ids         = []
    databricks_account_id = "01234567-89ab-4cde-8123-456789abcdef"
  }

  assert {
    condition     = length(output.workspaces) == 0 && output.region == "us-east-1"
    error_message = "Without workspaces everything but the binding must be made, in the region of the AWS provider."
  }
}

run "proxies_do_not_serve" {
  command = plan

  override_resource {
    target          = module.egress[0].crosscloudlink_lifecycle_eip_assigner.this
    override_during = plan
    values          = { in_service_count = 2, status = "waiting_for_instances", status_reason = "2 of 3 instances." }
  }

  expect_failures = [terraform_data.served_endpoint_service]
}
