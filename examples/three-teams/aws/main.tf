# The AWS team's state: endpoint service, load balancer, proxies and their addresses. It needs AWS credentials and no
# others. What the other two teams make comes in by variables, and may be missing for now.

provider "aws" {
  region = var.region
}

provider "crosscloudlink" {
  aws = {
    region = var.region
  }
}

locals {
  # No more proxies than the firewall has addresses for: another would wait for one, and the apply with it.
  min_size = min(var.min_size, length(var.firewall.admitted_public_ips))
}

module "egress" {
  source = "../../../modules/aws-egress-proxy"

  name     = var.name
  vpc_cidr = var.vpc_cidr
  azs      = var.azs
  tags     = var.tags

  upstreams = { for index, hostname in var.hostnames : index == 0 ? "openai" : "openai-${index + 1}" => { hostname = hostname } }
  firewalls = { openai = var.firewall }

  min_size            = local.min_size
  max_size            = var.max_size
  architecture        = var.architecture
  alarm_actions       = var.alarm_actions
  deletion_protection = var.deletion_protection
}

# Accepts the connection of the one VPC endpoint that the Databricks team names, without asking Databricks. Only once
# proxies serve: to the Databricks team an accepted connection means that workspaces may be bound.
resource "crosscloudlink_databricks_private_endpoint_approval" "this" {
  count = var.vpc_endpoint_id != null && local.min_size > 0 ? 1 : 0

  endpoint_service_id = module.egress.endpoint_service_id
  vpc_endpoint_id     = var.vpc_endpoint_id

  lifecycle {
    precondition {
      condition     = module.egress.in_service_count > 0
      error_message = "No proxy is in service (${module.egress.status}: ${module.egress.status_reason}), so the connection is not accepted yet. Apply again once one is."
    }
  }
}
