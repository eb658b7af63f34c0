# As existing-services, with a proxy of one's own: nginx in HAProxy's place. What it has to do is the contract of
# modules/aws-egress-proxy, "A proxy of your own"; how it does it is user-data.yaml.tftpl.
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

  name      = var.name
  upstreams = { openai = { hostname = var.azure_openai_hostname } }
  firewalls = { openai = crosscloudlink_aoai_ip_firewall.this }

  # These names and ports depend on nothing that the module makes, so this is no cycle.
  user_data = templatefile("${path.module}/user-data.yaml.tftpl", module.egress.user_data_inputs)
  ami_id    = var.ami_id

  min_size            = var.min_size
  max_size            = var.max_size
  architecture        = var.architecture
  deletion_protection = var.deletion_protection
}

resource "crosscloudlink_aoai_ip_firewall" "this" {
  account_id = var.azure_openai_account_id
  ip_rules   = module.egress.public_ips
}

resource "crosscloudlink_databricks_private_endpoint_approval" "this" {
  endpoint_service_id            = module.egress.endpoint_service_id
  network_connectivity_config_id = var.network_connectivity_config_id
  wait_for_rule                  = var.wait_for_rule
}
