mock_data "databricks_mws_network_connectivity_configs" {
  defaults = {
    names = ["acme-serverless"]
  }
}

mock_resource "databricks_mws_network_connectivity_config" {
  defaults = {
    network_connectivity_config_id = "11111111-2222-4333-8444-555555555555"
  }
}

mock_resource "databricks_mws_ncc_private_endpoint_rule" {
  defaults = {
    rule_id          = "66666666-7777-4888-8999-000000000000"
    connection_state = "CREATING"
    vpc_endpoint_id  = ""
    error_message    = ""
    deactivated      = false
  }
}
