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

run "addresses_go_round" {
  command = plan

  assert {
    condition     = crosscloudlink_aoai_ip_firewall.this.ip_rules == toset(["52.0.0.1", "52.0.0.2"])
    error_message = "The firewall must get the pool's addresses."
  }

  assert {
    condition     = output.admitted_public_ips == toset(["52.0.0.1", "52.0.0.2"]) && length(output.pending_public_ips) == 0
    error_message = "What the firewall admits must be told."
  }

  assert {
    condition = (
      crosscloudlink_aoai_ip_firewall.this.default_action == null &&
      crosscloudlink_aoai_ip_firewall.this.bypass == null &&
      crosscloudlink_aoai_ip_firewall.this.public_network_access == null
    )
    error_message = "Nothing of the account but our own entries may be touched by the firewall."
  }
}

run "hosts_are_those_of_the_account" {
  command = plan

  assert {
    condition     = tolist(output.hostnames) == tolist(["acme-models.openai.azure.com"]) && output.endpoint == "https://acme-models.openai.azure.com/"
    error_message = "The host name must be known before anything exists."
  }

  assert {
    condition     = strcontains(output.haproxy_cfg, "server upstream acme-models.openai.azure.com:443")
    error_message = "The proxies must forward to the account."
  }
}

run "all_hosts_of_an_ai_services_account" {
  command = plan

  variables {
    kind = "AIServices"
  }

  assert {
    condition     = length(output.hostnames) == 3 && length(regexall("\n    server upstream ", output.haproxy_cfg)) == 3
    error_message = "All names of the account must be forwarded."
  }
}

run "hosts_beside_those_of_the_account" {
  command = plan

  variables {
    additional_upstreams = { login = { hostname = "login.microsoftonline.com", addresses = 4 } }
  }

  assert {
    condition     = tolist(output.hostnames) == tolist(["acme-models.openai.azure.com", "login.microsoftonline.com"]) && output.endpoint == "https://acme-models.openai.azure.com/"
    error_message = "The workspaces must reach the further host over the link, and the account must stay the first."
  }

  assert {
    condition     = strcontains(output.haproxy_cfg, "server upstream acme-models.openai.azure.com:443") && strcontains(output.haproxy_cfg, "server-template upstream 4 login.microsoftonline.com:443")
    error_message = "The proxies must forward to both."
  }
}

run "nat_gateways_in_place_of_addresses_on_proxies" {
  command = plan

  variables {
    egress_mode = "nat_gateway"
  }

  override_resource {
    target          = module.egress[0].crosscloudlink_eip_pool.this
    override_during = plan
    values = {
      public_ips = ["52.0.0.1", "52.0.0.2", "52.0.0.3"]
      slot_allocation_ids = {
        us-east-1a = "eipalloc-00000000000000001"
        us-east-1b = "eipalloc-00000000000000002"
        us-east-1c = "eipalloc-00000000000000003"
      }
    }
  }

  override_resource {
    target          = module.egress[0].crosscloudlink_eip_admission.this
    override_during = plan
    values = {
      pending_public_ips      = []
      admitted_allocation_ids = ["eipalloc-00000000000000001", "eipalloc-00000000000000002", "eipalloc-00000000000000003"]
    }
  }

  override_resource {
    target          = terraform_data.served_endpoint_service
    override_during = plan
    values          = { output = "com.amazonaws.vpce.us-east-1.vpce-svc-0123456789abcdef0" }
  }

  assert {
    condition     = output.proxy_status == "in_service" && output.status == "ready" && output.assigner_function_name == null
    error_message = "Proxies behind NAT gateways must count as in service once their group is there: ${output.status_reason}"
  }
}

run "what_watches_the_link" {
  command = plan

  variables {
    alarm_actions = ["arn:aws:sns:us-east-1:123456789012:on-call"]
    status_port   = 8405
  }

  assert {
    condition     = output.dashboard_name != null && length(output.alarm_arns) > 0 && output.proxy_log_group_name != null
    error_message = "Dashboard, alarms and log must be made by default."
  }

  assert {
    condition     = strcontains(output.haproxy_cfg, "bind :8405 accept-proxy")
    error_message = "The status port must be handed on."
  }
}

run "status_of_the_whole" {
  command = plan

  # The name of the endpoint service is handed on only when the proxies serve.
  override_resource {
    target          = terraform_data.served_endpoint_service
    override_during = plan
    values          = { output = "com.amazonaws.vpce.us-east-1.vpce-svc-0123456789abcdef0" }
  }

  assert {
    condition     = output.status == "ready" && output.status_reason == ""
    error_message = "When all is in place, the link must be called ready: ${output.status_reason}"
  }

  assert {
    condition     = output.workspaces["4058233711027561"].restore_network_policy_id == "default-policy" && output.vpc_endpoint_id == "vpce-0123456789abcdef0"
    error_message = "The person on call must see what a destroy puts back, and which connection it is."
  }
}

run "status_names_the_workspace_that_is_missing" {
  command = plan

  override_resource {
    target          = module.databricks.crosscloudlink_databricks_private_endpoint_approval.this
    override_during = plan
    values          = { connection_state = "PENDING" }
  }

  assert {
    condition     = output.status == "waiting_for_connection" && strcontains(output.status_reason, "PENDING")
    error_message = "The status must tell the first thing that is missing, and the reason the rest."
  }
}

run "tags_of_azure_beside_those_of_aws" {
  command = plan

  variables {
    tags       = { "team/name" = "platform" }
    azure_tags = { team = "platform" }
  }

  assert {
    condition     = output.status != null
    error_message = "Tags that Azure refuses must not be in the way where it gets others."
  }
}
