# The stock resources for a workspace's network, which the modules do not use: destroying
# them sends nothing.

terraform {
  required_providers {
    databricks = {
      source  = "databricks/databricks"
      version = ">= 1.110, < 2"
    }
  }
}

variable "account_id" {
  type = string
}

variable "workspace_id" {
  type = number
}

resource "databricks_mws_network_connectivity_config" "this" {
  name   = "bound"
  region = "us-east-1"
}

resource "databricks_account_network_policy" "this" {
  account_id        = var.account_id
  network_policy_id = "attached"

  egress = {
    network_access = { restriction_mode = "FULL_ACCESS" }
  }
}

resource "databricks_mws_ncc_binding" "this" {
  workspace_id                   = var.workspace_id
  network_connectivity_config_id = databricks_mws_network_connectivity_config.this.network_connectivity_config_id
}

resource "databricks_workspace_network_option" "this" {
  workspace_id      = var.workspace_id
  network_policy_id = databricks_account_network_policy.this.network_policy_id
}
