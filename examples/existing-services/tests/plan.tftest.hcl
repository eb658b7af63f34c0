mock_provider "aws" {
  source          = "../../modules/aws-egress-proxy/tests/mocks"
  override_during = plan
}

mock_provider "crosscloudlink" {
  source          = "../../modules/aws-egress-proxy/tests/mocks"
  override_during = plan
}

variables {
  azure_openai_account_id        = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/ai/providers/Microsoft.CognitiveServices/accounts/acme"
  azure_openai_hostname          = "acme.openai.azure.com"
  network_connectivity_config_id = "00000000-0000-0000-0000-000000000002"
}

run "addresses_go_round" {
  command = plan

  assert {
    condition     = crosscloudlink_aoai_ip_firewall.this.ip_rules == toset(["52.0.0.1", "52.0.0.2"])
    error_message = "The firewall must get the pool's addresses."
  }

  assert {
    condition     = crosscloudlink_databricks_private_endpoint_approval.this.endpoint_service_id == "vpce-svc-0123456789abcdef0"
    error_message = "The approval must be for the module's endpoint service."
  }

  assert {
    condition = (
      crosscloudlink_aoai_ip_firewall.this.default_action == null &&
      crosscloudlink_aoai_ip_firewall.this.bypass == null &&
      crosscloudlink_aoai_ip_firewall.this.public_network_access == null
    )
    error_message = "Nothing of the account but our own entries may be touched."
  }
}

run "account_name_in_place_of_its_id" {
  command = plan

  variables {
    azure_openai_account_id = "acme"
  }

  expect_failures = [var.azure_openai_account_id]
}

run "url_in_place_of_the_hostname" {
  command = plan

  variables {
    azure_openai_hostname = "https://acme.openai.azure.com/"
  }

  expect_failures = [var.azure_openai_hostname]
}
