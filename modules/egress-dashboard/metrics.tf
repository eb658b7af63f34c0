# What is measured, by namespace and dimensions. Alarms (alarms.tf) and dashboard (dashboard.tf) name metrics by these.
locals {
  # Metrics of the proxies: from the CloudWatch agent, and counted in their log.
  proxy_namespace = "crosscloudlink/egress-proxy"
  # The function's own, in CloudWatch's embedded metric format.
  assigner_namespace = "crosscloudlink/eip-assigner"

  load_balancer = { namespace = "AWS/NetworkELB", dimensions = { LoadBalancer = var.load_balancer } }
  targets       = { namespace = "AWS/NetworkELB", dimensions = { LoadBalancer = var.load_balancer, TargetGroup = var.target_group } }
  zone_targets = [for zone in var.zones : {
    namespace  = "AWS/NetworkELB"
    dimensions = { AvailabilityZone = zone, LoadBalancer = var.load_balancer, TargetGroup = var.target_group }
  }]
  endpoint_service = { namespace = "AWS/PrivateLinkServices", dimensions = { "Service Id" = var.endpoint_service_id } }
  instances        = { namespace = "AWS/EC2", dimensions = { AutoScalingGroupName = var.autoscaling_group_name } }
  proxies          = { namespace = local.proxy_namespace, dimensions = { Fleet = var.name } }
  assigner         = { namespace = local.assigner_namespace, dimensions = { Pool = try(var.assigner.pool_name, ""), Group = var.autoscaling_group_name } }
  function         = { namespace = "AWS/Lambda", dimensions = { FunctionName = try(var.assigner.function_name, "") } }
  nat_gateways = { for zone, id in var.nat_gateway_ids : zone => {
    namespace  = "AWS/NATGateway"
    dimensions = { NatGatewayId = id }
  } }

  # A log's counts can have no dimension but a field of the line, so the fleet is a part of the namespace.
  connections = { namespace = "${local.proxy_namespace}/${var.name}", dimensions = {} }

  has_assigner = var.assigner != null
  has_log      = var.proxy_log_group_name != null

  # By metric, which lines of the proxies' log count. S and s in the first place of `termination` is the server's side,
  # C in the second that no connection was made: refused, or not answered in time.
  log_filters = {
    Connections         = "{ $.decision = \"*\" }"
    DeniedConnections   = "{ $.decision = \"denied\" }"
    UpstreamUnreachable = "{ ($.termination = \"SC\") || ($.termination = \"sC\") }"
  }
}
