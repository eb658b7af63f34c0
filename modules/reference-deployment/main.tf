# The whole link in one block. What is made, and in which order, follows from what is handed on:
#
#   account → deployments ──────────┐                                    (azure.tf)
#   pool of addresses ──────────────┴→ firewall → admission → proxies    (azure.tf, egress.tf)
#   endpoint service → rule → approval ─┐
#   proxies in service ─────────────────┴→ policy → workspaces           (databricks.tf)
#
# and the other way round on destroy. No module has a depends_on: one for all of a module would be a cycle here, and
# would hide from the plan what is known already.

data "aws_region" "current" {
  count = local.makes_egress ? 1 : 0
}

locals {
  # Whether a part is made here or was given by its id. Only inputs decide, so that a plan always knows.
  makes_egress  = var.endpoint_service_name == null
  makes_account = var.azure_openai_account_id == null

  # An existing account may still get deployments and diagnostic settings.
  uses_azure_module = local.makes_account || length(var.deployments) > 0 || length(var.diagnostic_settings) > 0

  # A private endpoint rule takes services of its own region only. `id` is the one spelling of the region's name that
  # versions 5 and 6 of the AWS provider share without a warning.
  region = local.makes_egress ? data.aws_region.current[0].id : split(".", var.endpoint_service_name)[3]

  endpoint_service_name = local.makes_egress ? module.egress[0].endpoint_service_name : var.endpoint_service_name
  public_ips            = local.makes_egress ? module.egress[0].public_ips : sort(var.proxy_public_ips)
  # In mode nat_gateway the group is there only once min_size of its proxies answer: referring to it waits for them.
  proxy_status = !local.makes_egress ? null : (
    module.egress[0].status == "started" && module.egress[0].autoscaling_group_arn != "" ? "in_service" : module.egress[0].status
  )
  proxy_status_reason = local.makes_egress ? module.egress[0].status_reason : null

  account_id = local.uses_azure_module ? module.azure_openai[0].account_id : var.azure_openai_account_id
  hostnames  = local.makes_account ? module.azure_openai[0].hostnames : var.azure_openai_hostnames

  upstreams = merge(
    { for index, hostname in local.hostnames : index == 0 ? "openai" : "openai-${index + 1}" => { hostname = hostname, addresses = 1 } },
    var.additional_upstreams,
  )
  linked_hostnames = concat(local.hostnames, [for upstream in var.additional_upstreams : upstream.hostname])
}

locals {
  unbound = { for id, workspace in module.databricks.workspaces : id => workspace if workspace.status != "bound" }

  missing = concat(
    local.makes_egress && local.proxy_status != "in_service" ? [{ status = "waiting_for_proxies", reason = "Proxies: ${local.proxy_status_reason}" }] : [],
    module.databricks.connection_state != "ESTABLISHED" ? [{ status = "waiting_for_connection", reason = "The private endpoint rule ${module.databricks.private_endpoint_rule_id} is ${module.databricks.connection_state}." }] : [],
    [for id, workspace in local.unbound : { status = "waiting_for_workspaces", reason = "Workspace ${id} is ${workspace.status}: ${workspace.status_reason}" }],
  )
  status        = length(local.missing) == 0 ? "ready" : local.missing[0].status
  status_reason = join(" ", local.missing[*].reason)
}
