data "crosscloudlink_databricks_private_endpoint_rule" "openai" {
  network_connectivity_config_id = databricks_mws_ncc_private_endpoint_rule.openai.network_connectivity_config_id
  private_endpoint_rule_id       = databricks_mws_ncc_private_endpoint_rule.openai.rule_id
}

# What the team that owns the endpoint service needs to accept the connection.
output "vpc_endpoint_id" {
  description = "Id of the VPC endpoint that Databricks has made for the rule."
  value       = data.crosscloudlink_databricks_private_endpoint_rule.openai.vpc_endpoint_id
}

resource "databricks_mws_ncc_private_endpoint_rule" "openai" {
  network_connectivity_config_id = "7f7d9b9e-2a0e-4a63-9c1f-3a1a8c0f5a11"
  endpoint_service               = var.endpoint_service_name
  domain_names                   = ["acme-models.openai.azure.com"]
}

variable "endpoint_service_name" {
  description = "Name of the VPC endpoint service in front of the proxies."
  type        = string
}
