terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "5.100.0"
    }
  }
}

variable "grace_period" {
  type    = number
  default = 300
}

variable "max_size" {
  type    = number
  default = 0
}

variable "release" {
  type    = number
  default = 1
}

provider "aws" {
  default_tags {
    tags = { team = "platform" }
  }
}

resource "aws_vpc" "this" {
  cidr_block = "10.7.0.0/16"
}

resource "aws_subnet" "this" {
  for_each          = { us-east-1a = "10.7.0.0/24", us-east-1b = "10.7.1.0/24" }
  vpc_id            = aws_vpc.this.id
  availability_zone = each.key
  cidr_block        = each.value
}

resource "aws_lb_target_group" "this" {
  name     = "contract"
  port     = 443
  protocol = "TCP"
  vpc_id   = aws_vpc.this.id
}

resource "aws_iam_role" "this" {
  name = "contract"

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "ec2.amazonaws.com" }
    }]
  })
}

resource "aws_iam_instance_profile" "this" {
  name = "contract"
  role = aws_iam_role.this.name
}

# The image is a parameter that each launch reads.
resource "aws_launch_template" "this" {
  name_prefix   = "contract-"
  image_id      = "resolve:ssm:/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64"
  instance_type = "t3.micro"
  user_data     = base64encode("#cloud-config\n# release ${var.release}\n")

  iam_instance_profile {
    arn = aws_iam_instance_profile.this.arn
  }
}

resource "aws_autoscaling_group" "this" {
  name                      = "contract"
  min_size                  = 0
  max_size                  = var.max_size
  desired_capacity          = 0
  vpc_zone_identifier       = [for s in aws_subnet.this : s.id]
  target_group_arns         = [aws_lb_target_group.this.arn]
  health_check_type         = "ELB"
  health_check_grace_period = var.grace_period
  wait_for_capacity_timeout = "0"
  default_instance_warmup   = 60
  max_instance_lifetime     = 604800
  enabled_metrics           = ["GroupInServiceInstances", "GroupPendingInstances", "GroupTotalInstances"]
  termination_policies      = ["OldestLaunchTemplate", "Default"]

  launch_template {
    id      = aws_launch_template.this.id
    version = aws_launch_template.this.latest_version
  }

  instance_maintenance_policy {
    min_healthy_percentage = 90
    max_healthy_percentage = 110
  }

  tag {
    key                 = "Name"
    value               = "contract"
    propagate_at_launch = true
  }

  tag {
    key                 = "group-only"
    value               = "yes"
    propagate_at_launch = false
  }

  lifecycle {
    ignore_changes = [min_size, max_size, desired_capacity]
  }
}

resource "aws_autoscaling_lifecycle_hook" "this" {
  name                   = "launch"
  autoscaling_group_name = aws_autoscaling_group.this.name
  lifecycle_transition   = "autoscaling:EC2_INSTANCE_LAUNCHING"
  heartbeat_timeout      = 120
  default_result         = "ABANDON"
  notification_metadata  = jsonencode({ owner = "contract" })
}

resource "aws_autoscaling_lifecycle_hook" "ready" {
  name                   = "ready"
  autoscaling_group_name = aws_autoscaling_group.this.name
  lifecycle_transition   = "autoscaling:EC2_INSTANCE_LAUNCHING"
  heartbeat_timeout      = var.release > 1 ? 900 : 600
  default_result         = "ABANDON"
}

resource "aws_autoscaling_policy" "network" {
  name                   = "network"
  autoscaling_group_name = aws_autoscaling_group.this.name
  policy_type            = "TargetTrackingScaling"

  target_tracking_configuration {
    target_value     = 100000000 * var.release
    disable_scale_in = var.release > 1

    predefined_metric_specification {
      predefined_metric_type = "ASGAverageNetworkOut"
    }
  }
}

resource "aws_autoscaling_policy" "connections" {
  name                      = "connections"
  autoscaling_group_name    = aws_autoscaling_group.this.name
  policy_type               = "TargetTrackingScaling"
  estimated_instance_warmup = 90

  target_tracking_configuration {
    target_value = 12000.5

    customized_metric_specification {
      namespace   = "contract"
      metric_name = "Connections"
      statistic   = "Average"

      metric_dimension {
        name  = "Fleet"
        value = "contract"
      }
    }
  }
}

resource "aws_autoscaling_policy" "flows" {
  name                   = "flows"
  autoscaling_group_name = aws_autoscaling_group.this.name
  policy_type            = "TargetTrackingScaling"

  target_tracking_configuration {
    target_value = 10000

    customized_metric_specification {
      metrics {
        id          = "flows"
        return_data = false

        metric_stat {
          stat = "Average"

          metric {
            namespace   = "AWS/NetworkELB"
            metric_name = "ActiveFlowCount"

            dimensions {
              name  = "LoadBalancer"
              value = "net/contract/0123456789abcdef"
            }
          }
        }
      }

      metrics {
        id          = "healthy"
        return_data = false

        metric_stat {
          stat = "Minimum"

          metric {
            namespace   = "AWS/NetworkELB"
            metric_name = "HealthyHostCount"

            dimensions {
              name  = "LoadBalancer"
              value = "net/contract/0123456789abcdef"
            }

            dimensions {
              name  = "TargetGroup"
              value = aws_lb_target_group.this.arn_suffix
            }
          }
        }
      }

      metrics {
        id         = "per_target"
        expression = "flows / IF(healthy > 0, healthy, ${var.release})"
        label      = "Flows per healthy target"
      }
    }
  }
}

# A group that starts with instances and waits for them, with a warm pool, and replaced by
# an instance refresh.
resource "aws_autoscaling_group" "started" {
  name                = "contract-started"
  min_size            = 2
  max_size            = 4
  vpc_zone_identifier = [for s in aws_subnet.this : s.id]
  suspended_processes = ["AZRebalance"]

  launch_template {
    id      = aws_launch_template.this.id
    version = aws_launch_template.this.latest_version
  }

  instance_refresh {
    strategy = "Rolling"
    preferences {
      instance_warmup = 120
      skip_matching   = true
    }
  }

  warm_pool {
    pool_state                  = "Stopped"
    min_size                    = 1
    max_group_prepared_capacity = 3
    instance_reuse_policy {
      reuse_on_scale_in = true
    }
  }

  traffic_source {
    identifier = aws_lb_target_group.this.arn
    type       = "elbv2"
  }
}

output "group_arn" {
  value = aws_autoscaling_group.this.arn
}
