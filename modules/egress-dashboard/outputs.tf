output "alarms" {
  description = "Alarms by key; what stands before a dot in the key is the anchor in the runbook. `name` and `description` are AWS's; `severity` is `critical` or `warning`; `metrics` are by id, each with namespace, metric, dimensions and stat; `expression` (`formula`, `label`) is compared where there is one, the only metric where there is none; `periods` are the breaching ones and those that are looked at."
  value = { for key, alarm in local.alarms : key => merge(alarm, {
    name        = "${var.name}-${replace(key, ".", "-")}"
    anchor      = split(".", key)[0]
    description = "${alarm.severity == "critical" ? "Critical" : "Warning"}, ${var.name}: ${alarm.what} What to do: ${var.runbook_url}#${split(".", key)[0]}"
  }) }
}

output "dashboard_body" {
  description = "The dashboard, as CloudWatch takes it: JSON."
  value       = local.dashboard_body
}

output "log_filters" {
  description = "Metric filters for the proxies' log: pattern by metric."
  value       = local.log_filters
}

output "log_metric_namespace" {
  description = "Namespace of the metrics that the log filters count into."
  value       = local.connections.namespace
}

output "proxy_metric_namespace" {
  description = "Namespace of the metrics that the proxies' CloudWatch agent writes, with the dimension `Fleet`."
  value       = local.proxy_namespace
}
