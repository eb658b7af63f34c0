# The rule is added by the Databricks administrator; the apply waits for it.
resource "crosscloudlink_databricks_private_endpoint_approval" "openai" {
  endpoint_service_id            = aws_vpc_endpoint_service.egress.id
  network_connectivity_config_id = "7f7d9b9e-2a0e-4a63-9c1f-3a1a8c0f5a11"

  timeouts = {
    create = "90m"
  }
}

# Without any Databricks credential: the administrator tells the VPC endpoint that the rule shows.
resource "crosscloudlink_databricks_private_endpoint_approval" "given" {
  endpoint_service_id = aws_vpc_endpoint_service.given.id
  vpc_endpoint_id     = "vpce-0123456789abcdef0"
}

resource "aws_vpc_endpoint_service" "egress" {
  acceptance_required        = true
  allowed_principals         = ["arn:aws:iam::565502421330:role/private-connectivity-role-us-east-1"]
  network_load_balancer_arns = [var.nlb_arn]
}

resource "aws_vpc_endpoint_service" "given" {
  acceptance_required        = true
  allowed_principals         = ["arn:aws:iam::565502421330:role/private-connectivity-role-us-east-1"]
  network_load_balancer_arns = [var.nlb_arn]
}

variable "nlb_arn" {
  description = "ARN of the network load balancer in front of the proxies."
  type        = string
}
