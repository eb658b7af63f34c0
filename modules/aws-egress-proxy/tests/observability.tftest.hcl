mock_provider "aws" {
  source          = "./tests/mocks"
  override_during = plan
}

mock_provider "crosscloudlink" {
  source          = "./tests/mocks"
  override_during = plan
}

variables {
  name      = "openai-link"
  upstreams = { openai = { hostname = "acme.openai.azure.com" } }
  firewalls = { openai = { admitted_public_ips = ["52.0.0.1", "52.0.0.2"] } }
  min_size  = 3
  max_size  = 3

  # The mocked assigner has two proxies in service.
  require_in_service = false
}

run "everything_by_default" {
  command = plan

  variables {
    alarm_actions = ["arn:aws:sns:us-east-1:123456789012:on-call"]
  }

  assert {
    condition = toset([for alarm in aws_cloudwatch_metric_alarm.this : alarm.alarm_name]) == toset([
      "openai-link-bandwidth-allowance-exceeded",
      "openai-link-connection-tracking-exceeded",
      "openai-link-connections-near-limit",
      "openai-link-connections-reset",
      "openai-link-function-errors",
      "openai-link-launch-abandoned",
      "openai-link-launch-stuck",
      "openai-link-no-healthy-proxy",
      "openai-link-pool-exhausted",
      "openai-link-port-allocation-errors",
      "openai-link-reconciler-silent",
      "openai-link-repairs-repeat",
      "openai-link-too-few-healthy-proxies",
      "openai-link-upstream-unreachable",
      "openai-link-zone-without-healthy-proxy-1",
      "openai-link-zone-without-healthy-proxy-2",
      "openai-link-zone-without-healthy-proxy-3",
    ])
    error_message = "The alarms must be these: ${join(", ", [for alarm in aws_cloudwatch_metric_alarm.this : alarm.alarm_name])}."
  }

  assert {
    condition     = alltrue([for alarm in aws_cloudwatch_metric_alarm.this : alarm.alarm_actions == toset(["arn:aws:sns:us-east-1:123456789012:on-call"])])
    error_message = "Every alarm must start alarm_actions unless warnings go elsewhere."
  }

  assert {
    condition = alltrue([for key, alarm in aws_cloudwatch_metric_alarm.this :
      endswith(alarm.alarm_description, " https://registry.terraform.io/providers/crosscloudlink/crosscloudlink/latest/docs/guides/runbook#${split(".", key)[0]}")
    ])
    error_message = "Every alarm's text must end with its place in the runbook."
  }

  assert {
    condition     = alltrue([for alarm in aws_cloudwatch_metric_alarm.this : length([for query in alarm.metric_query : query if query.return_data]) == 1])
    error_message = "Of each alarm's metrics and expressions exactly one must be compared."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.this["reconciler-silent"].treat_missing_data == "breaching" && aws_cloudwatch_metric_alarm.this["no-healthy-proxy"].treat_missing_data == "breaching"
    error_message = "Silence must be an alarm where silence is the fault."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.this["port-allocation-errors"].datapoints_to_alarm == 2 && aws_cloudwatch_metric_alarm.this["port-allocation-errors"].evaluation_periods == 5
    error_message = "Breaching periods and those that are looked at must not be mixed up."
  }

  assert {
    condition     = aws_cloudwatch_dashboard.this[0].dashboard_name == "openai-link" && length(jsondecode(aws_cloudwatch_dashboard.this[0].dashboard_body).widgets) > 20
    error_message = "There must be a dashboard, named after the module."
  }

  assert {
    condition     = strcontains(aws_cloudwatch_dashboard.this[0].dashboard_body, "net/openai-link-nlb/0123456789abcdef") && strcontains(aws_cloudwatch_dashboard.this[0].dashboard_body, "openai-link-proxy")
    error_message = "The dashboard must name the load balancer and the group as metrics do."
  }

  assert {
    condition     = aws_cloudwatch_log_group.proxy[0].name == "/crosscloudlink/egress-proxy/openai-link" && aws_cloudwatch_log_group.proxy[0].retention_in_days == 30
    error_message = "The proxies' log must be kept, and not for ever."
  }

  assert {
    condition     = alltrue([for filter in aws_cloudwatch_log_metric_filter.proxy : filter.log_group_name == "/crosscloudlink/egress-proxy/openai-link" && filter.metric_transformation[0].namespace == "crosscloudlink/egress-proxy/openai-link"])
    error_message = "The log's counts must be this fleet's alone."
  }

  assert {
    condition = alltrue([for metric in ["ethtool_bw_in_allowance_exceeded", "ethtool_bw_out_allowance_exceeded", "ethtool_conntrack_allowance_exceeded", "ethtool_pps_allowance_exceeded"] :
      contains(jsondecode(output.cloudwatch_agent_config).metrics.metrics_collected.ethtool.metrics_include, trimprefix(metric, "ethtool_")) &&
      contains(flatten([for alarm in aws_cloudwatch_metric_alarm.this : [for query in alarm.metric_query : [for of in query.metric : of.metric_name]]]), metric)
    ])
    error_message = "The agent must collect what the alarms compare."
  }

  assert {
    condition     = jsondecode(output.cloudwatch_agent_config).logs.logs_collected.files.collect_list[0].log_group_name == "/crosscloudlink/egress-proxy/openai-link"
    error_message = "The agent must write into the log group."
  }
}

run "nothing_at_all" {
  command = plan

  variables {
    create_dashboard       = false
    create_alarms          = false
    create_proxy_log_group = false
    enable_proxy_metrics   = false
  }

  assert {
    condition     = length(aws_cloudwatch_dashboard.this) == 0 && length(aws_cloudwatch_metric_alarm.this) == 0 && length(aws_cloudwatch_log_group.proxy) == 0 && length(aws_cloudwatch_log_metric_filter.proxy) == 0
    error_message = "Each part must be optional."
  }

  assert {
    condition     = output.cloudwatch_agent_config == null && output.dashboard_name == null && output.proxy_log_group_name == null
    error_message = "Without log and metrics there is nothing for an agent to do."
  }

  assert {
    condition     = !strcontains(output.user_data, "amazon-cloudwatch-agent")
    error_message = "Without log and metrics no agent may be installed."
  }
}

run "alarms_without_log" {
  command = plan

  variables {
    create_proxy_log_group = false
  }

  assert {
    condition     = !contains(keys(aws_cloudwatch_metric_alarm.this), "upstream-unreachable") && contains(keys(aws_cloudwatch_metric_alarm.this), "bandwidth-allowance-exceeded")
    error_message = "There must be no alarm about what nobody counts."
  }

  assert {
    condition     = !strcontains(aws_cloudwatch_dashboard.this[0].dashboard_body, "DeniedConnections")
    error_message = "The dashboard must not show what nobody counts."
  }

  assert {
    condition     = !can(jsondecode(output.cloudwatch_agent_config).logs) && can(jsondecode(output.cloudwatch_agent_config).metrics)
    error_message = "The agent must collect what is asked for, and nothing else."
  }
}

run "alarms_without_proxy_metrics" {
  command = plan

  variables {
    enable_proxy_metrics = false
  }

  assert {
    condition     = contains(keys(aws_cloudwatch_metric_alarm.this), "upstream-unreachable") && !contains(keys(aws_cloudwatch_metric_alarm.this), "bandwidth-allowance-exceeded") && !contains(keys(aws_cloudwatch_metric_alarm.this), "connection-tracking-exceeded")
    error_message = "There must be no alarm about what nobody measures."
  }

  assert {
    condition     = can(jsondecode(output.cloudwatch_agent_config).logs) && !can(jsondecode(output.cloudwatch_agent_config).metrics)
    error_message = "The agent must collect what is asked for, and nothing else."
  }
}

run "user_data_of_ones_own" {
  command = plan

  variables {
    user_data = "#cloud-config\n"
  }

  assert {
    condition     = length(aws_cloudwatch_log_group.proxy) == 0 && output.cloudwatch_agent_config == null && !contains(keys(aws_cloudwatch_metric_alarm.this), "upstream-unreachable") && contains(keys(aws_cloudwatch_metric_alarm.this), "no-healthy-proxy")
    error_message = "Of proxies that others set up only AWS's own metrics are known."
  }
}

run "warnings_elsewhere" {
  command = plan

  variables {
    alarm_actions   = ["arn:aws:sns:us-east-1:123456789012:on-call"]
    warning_actions = ["arn:aws:sns:us-east-1:123456789012:channel"]
    ok_actions      = ["arn:aws:sns:us-east-1:123456789012:on-call"]
    runbook_url     = "https://wiki.example.com/link"
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.this["no-healthy-proxy"].alarm_actions == toset(["arn:aws:sns:us-east-1:123456789012:on-call"]) && aws_cloudwatch_metric_alarm.this["reconciler-silent"].alarm_actions == toset(["arn:aws:sns:us-east-1:123456789012:channel"])
    error_message = "What is critical must go to alarm_actions, what is a warning to warning_actions."
  }

  assert {
    condition     = alltrue([for alarm in aws_cloudwatch_metric_alarm.this : alarm.ok_actions == toset(["arn:aws:sns:us-east-1:123456789012:on-call"])])
    error_message = "Every alarm must start ok_actions when it is over."
  }

  assert {
    condition     = endswith(aws_cloudwatch_metric_alarm.this["no-healthy-proxy"].alarm_description, " https://wiki.example.com/link#no-healthy-proxy")
    error_message = "A runbook of one's own must be pointed at."
  }
}

run "warnings_nowhere" {
  command = plan

  variables {
    alarm_actions   = ["arn:aws:sns:us-east-1:123456789012:on-call"]
    warning_actions = []
  }

  assert {
    condition     = length(aws_cloudwatch_metric_alarm.this["reconciler-silent"].alarm_actions) == 0 && length(aws_cloudwatch_metric_alarm.this["no-healthy-proxy"].alarm_actions) == 1
    error_message = "An empty list must silence warnings, and not fall back to alarm_actions."
  }
}

run "one_proxy" {
  command = plan

  variables {
    min_size = 1
    max_size = 1
  }

  assert {
    condition     = contains(keys(aws_cloudwatch_metric_alarm.this), "no-healthy-proxy") && !contains(keys(aws_cloudwatch_metric_alarm.this), "too-few-healthy-proxies") && !contains(keys(aws_cloudwatch_metric_alarm.this), "zone-without-healthy-proxy.1")
    error_message = "Zones that are to have no proxy must not alarm."
  }
}

run "no_proxy_yet" {
  command = plan

  variables {
    min_size = 0
  }

  assert {
    condition     = length([for key in keys(aws_cloudwatch_metric_alarm.this) : key if strcontains(key, "healthy")]) == 0 && contains(keys(aws_cloudwatch_metric_alarm.this), "reconciler-silent")
    error_message = "A fleet that is to have no proxies must not alarm about missing ones."
  }
}

run "behind_nat_gateways" {
  command = plan

  variables {
    egress_mode = "nat_gateway"
  }

  assert {
    condition = alltrue([for key in ["pool-exhausted", "launch-stuck", "launch-abandoned", "repairs-repeat", "reconciler-silent", "function-errors"] :
      !contains(keys(aws_cloudwatch_metric_alarm.this), key)
    ])
    error_message = "Without the assigner nothing of its metrics may be compared."
  }

  assert {
    condition     = length([for key in keys(aws_cloudwatch_metric_alarm.this) : key if startswith(key, "nat-port-allocation-errors.")]) == 3 && length([for key in keys(aws_cloudwatch_metric_alarm.this) : key if startswith(key, "nat-packets-dropped.")]) == 3
    error_message = "Each NAT gateway must have its alarms."
  }

  assert {
    condition     = strcontains(aws_cloudwatch_dashboard.this[0].dashboard_body, "AWS/NATGateway") && !strcontains(aws_cloudwatch_dashboard.this[0].dashboard_body, "crosscloudlink/eip-assigner")
    error_message = "The dashboard must show the NAT gateways in place of the assigner."
  }
}

run "existing_vpc" {
  command = plan

  variables {
    create_vpc         = false
    vpc_id             = "vpc-0123456789abcdef0"
    public_subnet_ids  = ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"]
    private_subnet_ids = ["subnet-0123456789abcdef2", "subnet-0123456789abcdef3"]
  }

  assert {
    condition     = length([for key in keys(aws_cloudwatch_metric_alarm.this) : key if startswith(key, "zone-without-healthy-proxy.")]) == 2
    error_message = "Each zone of an existing VPC must have its alarm."
  }
}

run "alarm_actions_not_an_arn" {
  command = plan

  variables {
    alarm_actions = ["on-call@example.com"]
  }

  expect_failures = [var.alarm_actions]
}

run "alarm_actions_too_many" {
  command = plan

  variables {
    alarm_actions = [for number in range(6) : "arn:aws:sns:us-east-1:123456789012:topic-${number}"]
  }

  expect_failures = [var.alarm_actions]
}

run "warning_actions_not_an_arn" {
  command = plan

  variables {
    warning_actions = ["channel"]
  }

  expect_failures = [var.warning_actions]
}

run "warning_actions_too_many" {
  command = plan

  variables {
    warning_actions = [for number in range(6) : "arn:aws:sns:us-east-1:123456789012:topic-${number}"]
  }

  expect_failures = [var.warning_actions]
}

run "ok_actions_not_an_arn" {
  command = plan

  variables {
    ok_actions = ["https://example.com"]
  }

  expect_failures = [var.ok_actions]
}

run "ok_actions_too_many" {
  command = plan

  variables {
    ok_actions = [for number in range(6) : "arn:aws:sns:us-east-1:123456789012:topic-${number}"]
  }

  expect_failures = [var.ok_actions]
}

run "runbook_url_with_anchor" {
  command = plan

  variables {
    runbook_url = "https://wiki.example.com/link#here"
  }

  expect_failures = [var.runbook_url]
}

run "runbook_url_without_scheme" {
  command = plan

  variables {
    runbook_url = "wiki.example.com/link"
  }

  expect_failures = [var.runbook_url]
}

run "proxy_log_retention_unknown_to_cloudwatch" {
  command = plan

  variables {
    proxy_log_retention_in_days = 31
  }

  expect_failures = [var.proxy_log_retention_in_days]
}

run "proxy_log_kms_key_not_a_key" {
  command = plan

  variables {
    proxy_log_kms_key_arn = "alias/logs"
  }

  expect_failures = [var.proxy_log_kms_key_arn]
}
