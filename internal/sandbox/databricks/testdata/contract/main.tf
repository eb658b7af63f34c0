# Every stock resource and data source that the modules use, as they use them.

terraform {
  required_providers {
    databricks = {
      source  = "databricks/databricks"
      version = ">= 1.110, < 2"
    }
  }
}

variable "revision" {
  type    = number
  default = 1
}

variable "account_id" {
  type = string
}

variable "endpoint_service_name" {
  type = string
}

variable "workspace_id" {
  type = number
}

data "databricks_mws_network_connectivity_configs" "region" {
  region = "us-east-1"
}

data "databricks_mws_network_connectivity_configs" "elsewhere" {
  region = "eu-north-1"
}

resource "databricks_mws_network_connectivity_config" "this" {
  name   = "contract"
  region = "us-east-1"
}

data "databricks_mws_network_connectivity_config" "this" {
  name = databricks_mws_network_connectivity_config.this.name
}

resource "databricks_mws_ncc_private_endpoint_rule" "this" {
  network_connectivity_config_id = databricks_mws_network_connectivity_config.this.network_connectivity_config_id
  endpoint_service               = var.endpoint_service_name
  domain_names                   = var.revision == 1 ? ["acme.openai.azure.com"] : ["acme.openai.azure.com", "acme-eu.openai.azure.com"]
}

resource "databricks_account_network_policy" "this" {
  # Without it every change would replace the policy.
  account_id        = var.account_id
  network_policy_id = "contract"

  egress = {
    network_access = {
      restriction_mode = "RESTRICTED_ACCESS"
      allowed_internet_destinations = [
        for host in databricks_mws_ncc_private_endpoint_rule.this.domain_names : {
          destination               = host
          internet_destination_type = "DNS_NAME"
        }
      ]
      allowed_storage_destinations = [{
        bucket_name              = "acme-landing"
        region                   = "eu-west-1"
        storage_destination_type = "AWS_S3"
      }]
      policy_enforcement = {
        enforcement_mode = var.revision == 1 ? "DRY_RUN" : "ENFORCED"
      }
    }
  }

  ingress = {
    public_access = {
      restriction_mode = "FULL_ACCESS"
    }
    # The service fills it in where it is missing, and the provider calls that inconsistent.
    private_access = {
      restriction_mode = "ALLOW_ALL_REGISTERED_ENDPOINTS"
    }
  }
}

# As the module writes it when there is nothing beside the hosts.
resource "databricks_account_network_policy" "plain" {
  account_id        = var.account_id
  network_policy_id = "contract-plain"

  egress = {
    network_access = {
      restriction_mode = "RESTRICTED_ACCESS"
      allowed_internet_destinations = [{
        destination               = "acme.openai.azure.com"
        internet_destination_type = "DNS_NAME"
      }]
      allowed_storage_destinations = null
      policy_enforcement = {
        enforcement_mode            = "ENFORCED"
        dry_run_mode_product_filter = null
      }
    }
  }

  ingress = {
    public_access  = { restriction_mode = "FULL_ACCESS" }
    private_access = { restriction_mode = "ALLOW_ALL_REGISTERED_ENDPOINTS" }
  }
}

data "databricks_account_network_policy" "this" {
  network_policy_id = databricks_account_network_policy.this.network_policy_id
}

data "databricks_account_network_policies" "all" {}

data "databricks_workspace_network_option" "this" {
  workspace_id = var.workspace_id
}
