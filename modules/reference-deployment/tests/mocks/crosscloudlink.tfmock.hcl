mock_resource "crosscloudlink_eip_pool" {
  defaults = {
    public_ips = ["52.0.0.1", "52.0.0.2"]
  }
}

mock_resource "crosscloudlink_eip_admission" {
  defaults = {
    pending_public_ips = []
  }
}

mock_resource "crosscloudlink_lifecycle_eip_assigner" {
  defaults = {
    in_service_count = 2
    status           = "in_service"
    status_reason    = ""
  }
}

mock_resource "crosscloudlink_aoai_ip_firewall" {
  defaults = {
    custom_subdomain    = "acme-models"
    admitted_public_ips = ["52.0.0.1", "52.0.0.2"]
    effective_ip_rules  = ["52.0.0.1", "52.0.0.2"]
    on_destroy          = "remove_entries"
  }
}

mock_resource "crosscloudlink_databricks_private_endpoint_approval" {
  defaults = {
    vpc_endpoint_id  = "vpce-0123456789abcdef0"
    connection_state = "ESTABLISHED"
    status           = "established"
  }
}

mock_resource "crosscloudlink_databricks_workspace_network" {
  defaults = {
    status                                 = "bound"
    status_reason                          = ""
    restore_network_connectivity_config_id = "99999999-8888-4777-8666-555555555555"
    restore_network_policy_id              = "default-policy"
  }
}

mock_data "crosscloudlink_aoai_account_availability" {
  defaults = {
    account_exists      = false
    subdomain_available = true
    soft_deleted        = false
    deleted_account_id  = null
    reason              = ""
  }
}

mock_data "crosscloudlink_databricks_workspace" {
  defaults = {
    account_id   = "01234567-89ab-4cde-8123-456789abcdef"
    name         = "acme-data"
    region       = "us-east-1"
    pricing_tier = "ENTERPRISE"
  }
}

mock_data "crosscloudlink_databricks_private_endpoint_rule" {
  defaults = {
    endpoint_service = "com.amazonaws.vpce.us-east-1.vpce-svc-0123456789abcdef0"
    domain_names     = ["shared.openai.azure.com"]
    vpc_endpoint_id  = "vpce-0123456789abcdef0"
    connection_state = "ESTABLISHED"
    deactivated      = false
  }
}
