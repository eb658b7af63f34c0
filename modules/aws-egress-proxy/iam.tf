# What a proxy may do in AWS: report that it serves, write its own log and metrics, and nothing else.

data "aws_caller_identity" "current" {}

locals {
  account_id = data.aws_caller_identity.current.account_id

  # Named and not referred to: whoever has the profile may then be there before the group is.
  group_arn_pattern = "arn:${local.partition}:autoscaling:${local.region}:${local.account_id}:autoScalingGroup:*:autoScalingGroupName/${local.group_name}"

  proxy_policy_json = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [{
        Sid      = "ReportThatItServes"
        Effect   = "Allow"
        Action   = "autoscaling:CompleteLifecycleAction"
        Resource = local.group_arn_pattern
      }],
      [for arn in [local.proxy_log_group_arn] : {
        Sid      = "WriteItsLog"
        Effect   = "Allow"
        Action   = ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
        Resource = "${arn}:*"
      } if local.logs_proxies],
      [for namespace in [local.proxy_metric_namespace] : {
        Sid       = "WriteItsMetrics"
        Effect    = "Allow"
        Action    = "cloudwatch:PutMetricData"
        Resource  = "*"
        Condition = { StringEquals = { "cloudwatch:namespace" = namespace } }
      } if local.measures_proxies],
    )
  })

  instance_profile_arn = var.create_instance_profile ? one(aws_iam_instance_profile.proxy[*].arn) : var.instance_profile_arn
}

resource "aws_iam_role" "proxy" {
  count = var.create_instance_profile ? 1 : 0

  name_prefix          = "${local.group_name}-"
  description          = "Egress proxies of ${var.name}"
  permissions_boundary = var.permissions_boundary_arn

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "ec2.${data.aws_partition.current.dns_suffix}" }
    }]
  })

  tags = var.tags
}

resource "aws_iam_role_policy" "proxy" {
  count = var.create_instance_profile ? 1 : 0

  name   = "proxy"
  role   = one(aws_iam_role.proxy[*].name)
  policy = local.proxy_policy_json
}

resource "aws_iam_role_policy_attachment" "session_manager" {
  count = var.create_instance_profile && var.enable_session_manager ? 1 : 0

  role       = one(aws_iam_role.proxy[*].name)
  policy_arn = "arn:${local.partition}:iam::aws:policy/AmazonSSMManagedInstanceCore"
}

resource "aws_iam_instance_profile" "proxy" {
  count = var.create_instance_profile ? 1 : 0

  name_prefix = "${local.group_name}-"
  role        = one(aws_iam_role.proxy[*].name)

  tags = var.tags
}
