mock_provider "azurerm" {
  source          = "../../../modules/azure-openai/tests/mocks"
  override_during = plan
}

mock_provider "crosscloudlink" {
  source          = "../../../modules/azure-openai/tests/mocks"
  override_during = plan
}

variables {
  azure_openai_name = "acme"
  azure_location    = "eastus"
}

run "before_the_others" {
  command = plan

  assert {
    condition     = tolist(output.hostnames) == tolist(["acme.openai.azure.com"]) && output.firewall == null
    error_message = "The host names must be known before anything exists."
  }

  assert {
    condition     = length(crosscloudlink_aoai_ip_firewall.this) == 0 && length(output.next_steps) == 1 && strcontains(output.next_steps[0], "proxy_public_ips")
    error_message = "The next step must say what to hand over, and what comes back."
  }
}

run "all_is_there" {
  command = plan

  variables {
    proxy_public_ips = ["52.0.0.1", "52.0.0.2"]
  }

  assert {
    condition     = crosscloudlink_aoai_ip_firewall.this[0].ip_rules == toset(["52.0.0.1", "52.0.0.2"]) && crosscloudlink_aoai_ip_firewall.this[0].default_action == null
    error_message = "The firewall must get the proxies' addresses, and nothing else."
  }

  assert {
    condition     = length(output.next_steps) == 0
    error_message = "When all is there, nothing must be left to do."
  }
}

run "range_in_place_of_addresses" {
  command = plan

  variables {
    proxy_public_ips = ["52.0.0.0/24"]
  }

  expect_failures = [var.proxy_public_ips]
}

run "name_that_is_no_subdomain" {
  command = plan

  variables {
    azure_openai_name = "Acme_Models"
  }

  expect_failures = [var.azure_openai_name]
}

run "location_as_the_portal_spells_it" {
  command = plan

  variables {
    azure_location = "East US"
  }

  expect_failures = [var.azure_location]
}
