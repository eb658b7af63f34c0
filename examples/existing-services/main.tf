# Two teams: the Azure OpenAI account, the Databricks workspace, its network connectivity configuration (NCC) and its
# network policy exist and belong to others. This makes what is missing between them: the proxies in AWS, the
# account's firewall entries for their addresses, and the approval of the one connection that Databricks opens.
#
# Credentials come from the environment, in each cloud's ordinary way.

provider "aws" {
  region = var.region
}

provider "crosscloudlink" {
  aws = {
    region = var.region
  }
}

module "egress" {
  source = "../../modules/aws-egress-proxy"

  name     = var.name
  vpc_cidr = var.vpc_cidr
  azs      = var.azs
  tags     = var.tags

  upstreams = { openai = { hostname = var.azure_openai_hostname } }
  firewalls = { openai = crosscloudlink_aoai_ip_firewall.this }

  min_size            = var.min_size
  max_size            = var.max_size
  architecture        = var.architecture
  alarm_actions       = var.alarm_actions
  deletion_protection = var.deletion_protection
}

# Adds entries to the account's firewall. Those of others, its default action and its other settings stay as they are.
resource "crosscloudlink_aoai_ip_firewall" "this" {
  account_id = var.azure_openai_account_id
  ip_rules   = module.egress.public_ips

  lifecycle {
    postcondition {
      condition     = try(startswith(var.azure_openai_hostname, "${lower(self.custom_subdomain)}."), true)
      error_message = "azure_openai_hostname is ${var.azure_openai_hostname}, but the subdomain of the account is ${self.custom_subdomain}: the proxies would forward to another account than the one whose firewall admits them."
    }
  }
}

# Accepts exactly the connection that the private endpoint rule names, once the Databricks administrator has added the
# rule for this endpoint service.
resource "crosscloudlink_databricks_private_endpoint_approval" "this" {
  endpoint_service_id            = module.egress.endpoint_service_id
  network_connectivity_config_id = var.network_connectivity_config_id
  wait_for_rule                  = var.wait_for_rule

  timeouts = {
    create = var.approval_timeout
  }
}
