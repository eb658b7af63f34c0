# Once the rule is ESTABLISHED, the workspace is put under the policy and bound to the NCC.
resource "crosscloudlink_databricks_workspace_network" "data" {
  workspace_id                   = 4058233711027561
  network_connectivity_config_id = databricks_mws_network_connectivity_config.link.network_connectivity_config_id
  network_policy_id              = databricks_account_network_policy.link.network_policy_id
  private_endpoint_rule_ids      = [databricks_mws_ncc_private_endpoint_rule.openai.rule_id]
}

# The policy alone. The workspace keeps its NCC, and a destroy puts it under the default policy.
resource "crosscloudlink_databricks_workspace_network" "research" {
  workspace_id              = 2207461903350418
  network_policy_id         = databricks_account_network_policy.link.network_policy_id
  restore_network_policy_id = "default-policy"
}

# Several workspaces of the region share the NCC, which may have 50 of them.
resource "crosscloudlink_databricks_workspace_network" "team" {
  for_each = {
    finance   = 3310948215570926
    marketing = 6127350984410283
  }

  workspace_id                   = each.value
  network_connectivity_config_id = databricks_mws_network_connectivity_config.link.network_connectivity_config_id
  network_policy_id              = databricks_account_network_policy.link.network_policy_id
  private_endpoint_rule_ids      = [databricks_mws_ncc_private_endpoint_rule.openai.rule_id]
}

resource "databricks_mws_network_connectivity_config" "link" {
  name   = "azure-openai"
  region = "us-east-1"
}

resource "databricks_mws_ncc_private_endpoint_rule" "openai" {
  network_connectivity_config_id = databricks_mws_network_connectivity_config.link.network_connectivity_config_id
  endpoint_service               = var.endpoint_service_name
  domain_names                   = ["acme-models.openai.azure.com"]
}

resource "databricks_account_network_policy" "link" {
  account_id        = var.databricks_account_id
  network_policy_id = "azure-openai"
  egress = {
    network_access = {
      restriction_mode = "RESTRICTED_ACCESS"
      allowed_internet_destinations = [
        { destination = "acme-models.openai.azure.com", internet_destination_type = "DNS_NAME" },
      ]
    }
  }
}

variable "endpoint_service_name" {
  description = "Name of the VPC endpoint service in front of the proxies."
  type        = string
}

variable "databricks_account_id" {
  description = "Id of the Databricks account."
  type        = string
}
