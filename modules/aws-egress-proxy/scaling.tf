# How many proxies there are between min_size and max_size.

locals {
  # A proxy in service serves already; what is waited for is the first minute of its metrics.
  instance_warmup = 60

  # The policy that is about connections divides by GroupInServiceInstances.
  group_metrics = ["GroupDesiredCapacity", "GroupInServiceInstances", "GroupPendingInstances", "GroupTerminatingInstances", "GroupTotalInstances"]

  scaling_policies = var.min_size == var.max_size ? {} : coalesce(var.scaling_policies, {
    active-flows = {
      metric           = "active_flows"
      target_value     = floor(local.max_connections / 2)
      disable_scale_in = false
    }
  })

  predefined_metrics = {
    cpu         = "ASGAverageCPUUtilization"
    network_in  = "ASGAverageNetworkIn"
    network_out = "ASGAverageNetworkOut"
  }

  # One series a zone: for all zones together, a load balancer's node is one report among several, and neither their sum nor
  # their average is the number of connections.
  flow_series = { for index, zone in local.zones : "flows${index + 1}" => zone }
}

resource "aws_autoscaling_policy" "proxy" {
  for_each = local.scaling_policies

  name                   = "${local.group_name}-${each.key}"
  autoscaling_group_name = local.autoscaling_group_name
  policy_type            = "TargetTrackingScaling"

  target_tracking_configuration {
    target_value     = each.value.target_value
    disable_scale_in = each.value.disable_scale_in

    dynamic "predefined_metric_specification" {
      for_each = [for metric in [each.value.metric] : local.predefined_metrics[metric] if contains(keys(local.predefined_metrics), metric)]

      content {
        predefined_metric_type = predefined_metric_specification.value
      }
    }

    dynamic "customized_metric_specification" {
      for_each = each.value.metric == "active_flows" ? [true] : []

      content {
        dynamic "metrics" {
          for_each = local.flow_series

          content {
            id          = metrics.key
            label       = "Connections in ${metrics.value}"
            return_data = false

            metric_stat {
              stat = "Average"

              metric {
                namespace   = "AWS/NetworkELB"
                metric_name = "ActiveFlowCount"

                dimensions {
                  name  = "LoadBalancer"
                  value = local.nlb_arn_suffix
                }

                dimensions {
                  name  = "AvailabilityZone"
                  value = metrics.value
                }
              }
            }
          }
        }

        metrics {
          id          = "proxies"
          label       = "Proxies in service"
          return_data = false

          metric_stat {
            stat = "Average"

            metric {
              namespace   = "AWS/AutoScaling"
              metric_name = "GroupInServiceInstances"

              dimensions {
                name  = "AutoScalingGroupName"
                value = local.group_name
              }
            }
          }
        }

        metrics {
          id          = "perproxy"
          label       = "Connections a proxy"
          expression  = "(${join(" + ", [for series in keys(local.flow_series) : "FILL(${series}, 0)"])}) / proxies"
          return_data = true
        }
      }
    }
  }
}
