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
  azure_openai_name = "acme-models"
  azure_location    = "eastus"
  workspace_ids     = [4058233711027561]
}

run "tags_that_azure_refuses" {
  command = plan

  variables {
    tags = { "team/name" = "platform" }
  }

  expect_failures = [var.azure_tags]
}

run "endpoint_service_by_its_id" {
  command = plan

  variables {
    endpoint_service_name = "vpce-svc-0123456789abcdef0"
    proxy_public_ips      = ["52.94.76.5"]
  }

  expect_failures = [var.endpoint_service_name]
}

run "endpoint_service_without_addresses" {
  command = plan

  variables {
    endpoint_service_name = "com.amazonaws.vpce.us-east-1.vpce-svc-0123456789abcdef0"
  }

  expect_failures = [var.proxy_public_ips]
}

run "addresses_without_endpoint_service" {
  command = plan

  variables {
    proxy_public_ips = ["52.94.76.5"]
  }

  expect_failures = [var.proxy_public_ips]
}

run "range_in_place_of_addresses" {
  command = plan

  variables {
    endpoint_service_name = "com.amazonaws.vpce.us-east-1.vpce-svc-0123456789abcdef0"
    proxy_public_ips      = ["52.94.76.0/24"]
  }

  expect_failures = [var.proxy_public_ips]
}

run "fleet_of_none" {
  command = plan

  variables {
    min_size = 0
  }

  expect_failures = [var.min_size]
}

run "account_by_its_name" {
  command = plan

  variables {
    azure_openai_account_id = "shared"
    azure_openai_hostnames  = ["shared.openai.azure.com"]
  }

  expect_failures = [var.azure_openai_account_id]
}

run "account_without_hostnames" {
  command = plan

  variables {
    azure_openai_account_id = "/subscriptions/6f1d0b0e-5a3c-4b8e-9d2f-7c1a4e5b6d70/resourceGroups/rg-shared/providers/Microsoft.CognitiveServices/accounts/shared"
  }

  expect_failures = [var.azure_openai_hostnames]
}

run "hostnames_without_account" {
  command = plan

  variables {
    azure_openai_hostnames = ["shared.openai.azure.com"]
  }

  expect_failures = [var.azure_openai_hostnames]
}

run "url_in_place_of_the_hostname" {
  command = plan

  variables {
    azure_openai_account_id = "/subscriptions/6f1d0b0e-5a3c-4b8e-9d2f-7c1a4e5b6d70/resourceGroups/rg-shared/providers/Microsoft.CognitiveServices/accounts/shared"
    azure_openai_hostnames  = ["https://shared.openai.azure.com/"]
  }

  expect_failures = [var.azure_openai_hostnames]
}

run "neither_account_nor_name" {
  command = plan

  variables {
    azure_openai_name = null
  }

  expect_failures = [var.azure_openai_name]
}

run "name_that_azure_refuses" {
  command = plan

  variables {
    azure_openai_name     = "acme models"
    custom_subdomain_name = "acme-models"
  }

  expect_failures = [var.azure_openai_name]
}

run "no_location" {
  command = plan

  variables {
    azure_location = null
  }

  expect_failures = [var.azure_location]
}

run "location_as_the_portal_spells_it" {
  command = plan

  variables {
    azure_location = "East US"
  }

  expect_failures = [var.azure_location]
}

run "rule_without_its_ncc" {
  command = plan

  variables {
    endpoint_service_name    = "com.amazonaws.vpce.us-east-1.vpce-svc-0123456789abcdef0"
    proxy_public_ips         = ["52.94.76.5"]
    private_endpoint_rule_id = "66666666-7777-4888-8999-000000000001"
  }

  expect_failures = [var.private_endpoint_rule_id]
}

run "rule_for_a_service_that_is_not_made_yet" {
  command = plan

  variables {
    network_connectivity_config_id = "11111111-2222-4333-8444-555555555550"
    private_endpoint_rule_id       = "66666666-7777-4888-8999-000000000001"
  }

  expect_failures = [var.private_endpoint_rule_id]
}

run "nobody_accepts" {
  command = plan

  variables {
    accept_connection = false
  }

  expect_failures = [var.accept_connection]
}

run "key_of_the_account_for_another_host" {
  command = plan

  variables {
    additional_upstreams = { openai-2 = { hostname = "login.microsoftonline.com" } }
  }

  expect_failures = [var.additional_upstreams]
}
