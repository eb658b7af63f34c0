terraform {
  required_providers {
    aws            = { source = "hashicorp/aws" }
    crosscloudlink = { source = "crosscloudlink/crosscloudlink" }
  }
}

locals {
  # Role and assigner are told the same.
  assigner = {
    name                   = "egress"
    auto_scaling_group_arn = aws_autoscaling_group.proxies.arn
    pool_name              = crosscloudlink_eip_pool.egress.name
  }
}

resource "aws_iam_role" "assigner" {
  name = "eip-assigner"
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "lambda.amazonaws.com" } }]
  })
}

resource "aws_iam_role_policy" "assigner" {
  role   = aws_iam_role.assigner.name
  policy = provider::crosscloudlink::assigner_policy(local.assigner)
}

resource "crosscloudlink_lifecycle_eip_assigner" "egress" {
  name                   = local.assigner.name
  auto_scaling_group_arn = local.assigner.auto_scaling_group_arn
  pool_name              = local.assigner.pool_name
  role_arn               = aws_iam_role.assigner.arn
  min_size               = 2
  max_size               = 2
  rebalance_margin       = 0 # the group suspends that process

  depends_on = [aws_iam_role_policy.assigner]
}

resource "crosscloudlink_eip_pool" "egress" {
  name = "egress"
  size = 2
}

resource "aws_autoscaling_group" "proxies" {
  name                = "proxies"
  min_size            = 0
  max_size            = 0
  desired_capacity    = 0
  vpc_zone_identifier = var.subnet_ids
  suspended_processes = ["AZRebalance"]

  launch_template {
    id      = var.launch_template_id
    version = var.launch_template_version
  }

  lifecycle {
    ignore_changes = [min_size, max_size, desired_capacity]
  }
}

variable "subnet_ids" {
  type = list(string)
}

variable "launch_template_id" {
  type = string
}

variable "launch_template_version" {
  type = string
}
