# What is shown, what wakes somebody, and what is kept: dashboard and alarms are data of the module egress-dashboard,
# which the runbook's tests read too.

locals {
  # Of proxies that boot by a user_data of one's own nothing is known but what AWS itself measures.
  logs_proxies     = var.create_proxy_log_group && var.user_data == null
  measures_proxies = var.enable_proxy_metrics && var.user_data == null

  proxy_log_path         = "/var/log/haproxy/haproxy.log"
  proxy_log_group_name   = "/crosscloudlink/egress-proxy/${var.name}"
  proxy_log_group_arn    = "arn:${local.partition}:logs:${local.region}:${local.account_id}:log-group:${local.proxy_log_group_name}"
  proxy_metric_namespace = module.dashboard.proxy_metric_namespace

  actions_by_severity = {
    critical = var.alarm_actions
    warning  = coalesce(var.warning_actions, var.alarm_actions)
  }
}

module "dashboard" {
  source = "../egress-dashboard"

  name                   = var.name
  region                 = local.region
  runbook_url            = var.runbook_url
  load_balancer          = local.nlb_arn_suffix
  target_group           = aws_lb_target_group.proxy.arn_suffix
  endpoint_service_id    = local.endpoint_service.id
  autoscaling_group_name = local.group_name
  zones                  = local.zones
  min_size               = var.min_size
  max_connections        = local.max_connections
  nat_gateway_ids        = { for zone, gateway in aws_nat_gateway.this : zone => gateway.id }
  proxy_log_group_name   = local.logs_proxies ? local.proxy_log_group_name : null
  proxy_metrics          = local.measures_proxies
  alarm_arns             = [for alarm in aws_cloudwatch_metric_alarm.this : alarm.arn]

  assigner = local.behind_nat ? null : {
    function_name = one(crosscloudlink_lifecycle_eip_assigner.this[*].function_name)
    pool_name     = local.pool_name
  }
}

resource "aws_cloudwatch_dashboard" "this" {
  count = var.create_dashboard ? 1 : 0

  dashboard_name = var.name
  dashboard_body = module.dashboard.dashboard_body
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = { for key, alarm in module.dashboard.alarms : key => alarm if var.create_alarms }

  alarm_name        = each.value.name
  alarm_description = each.value.description
  alarm_actions     = local.actions_by_severity[each.value.severity]
  ok_actions        = var.ok_actions

  comparison_operator = each.value.comparison
  threshold           = each.value.threshold
  datapoints_to_alarm = each.value.periods[0]
  evaluation_periods  = each.value.periods[1]
  treat_missing_data  = each.value.missing

  dynamic "metric_query" {
    for_each = each.value.metrics

    content {
      id          = metric_query.key
      return_data = each.value.expression == null

      metric {
        namespace   = metric_query.value.namespace
        metric_name = metric_query.value.metric
        dimensions  = metric_query.value.dimensions
        stat        = metric_query.value.stat
        period      = each.value.period
      }
    }
  }

  dynamic "metric_query" {
    for_each = each.value.expression[*]

    content {
      id          = "compared"
      expression  = metric_query.value.formula
      label       = metric_query.value.label
      return_data = true
    }
  }

  tags = merge(var.tags, { Name = each.value.name, Severity = each.value.severity })

  # Made last, destroyed first: silence is no fault while the fleet comes up or goes.
  depends_on = [crosscloudlink_lifecycle_eip_assigner.this, aws_autoscaling_group.behind_nat]
}

################################################################################
# Log of the proxies
################################################################################

resource "aws_cloudwatch_log_group" "proxy" {
  count = local.logs_proxies ? 1 : 0

  name              = local.proxy_log_group_name
  retention_in_days = var.proxy_log_retention_in_days
  kms_key_id        = var.proxy_log_kms_key_arn

  tags = merge(var.tags, { Name = local.proxy_log_group_name })
}

resource "aws_cloudwatch_log_metric_filter" "proxy" {
  for_each = { for metric, pattern in module.dashboard.log_filters : metric => pattern if local.logs_proxies }

  name           = each.key
  log_group_name = one(aws_cloudwatch_log_group.proxy[*].name)
  pattern        = each.value

  metric_transformation {
    namespace     = module.dashboard.log_metric_namespace
    name          = each.key
    value         = "1"
    default_value = "0"
    unit          = "Count"
  }
}

################################################################################
# CloudWatch agent on the proxies
################################################################################

locals {
  # One dimension of our own, by which the fleet's proxies are summed up: the group's name would need the right to read
  # tags. What one proxy counted is dropped, so that metrics, which cost by number, do not grow with the fleet.
  agent_dimensions = { Fleet = var.name }
  agent_counters   = ["bw_in_allowance_exceeded", "bw_out_allowance_exceeded", "conntrack_allowance_exceeded", "linklocal_allowance_exceeded", "pps_allowance_exceeded"]

  cloudwatch_agent_config = local.measures_proxies || local.logs_proxies ? jsonencode(merge(
    { agent = { metrics_collection_interval = 60, region = local.region, omit_hostname = true } },
    { for section, content in {
      metrics = {
        namespace              = local.proxy_metric_namespace
        aggregation_dimensions = [keys(local.agent_dimensions)]
        metrics_collected = {
          ethtool = {
            metrics_include       = local.agent_counters
            append_dimensions     = local.agent_dimensions
            drop_original_metrics = [for counter in local.agent_counters : "ethtool_${counter}"]
          }
          mem = {
            measurement           = ["mem_used_percent"]
            append_dimensions     = local.agent_dimensions
            drop_original_metrics = ["mem_used_percent"]
          }
        }
      }
    } : section => content if local.measures_proxies },
    { for section, content in {
      logs = {
        logs_collected = {
          files = {
            collect_list = [{
              file_path       = local.proxy_log_path
              log_group_name  = local.proxy_log_group_name
              log_stream_name = "{instance_id}"
            }]
          }
        }
      }
    } : section => content if local.logs_proxies },
  )) : null
}
