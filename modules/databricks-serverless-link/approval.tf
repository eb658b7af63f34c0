# Who accepts: this module, with the right to do so in AWS, or another team.

locals {
  vpc_endpoint_id = (
    var.accept_connection
    ? crosscloudlink_databricks_private_endpoint_approval.this[0].vpc_endpoint_id
    : data.crosscloudlink_databricks_private_endpoint_rule.this[0].vpc_endpoint_id
  )
  connection_state = (
    var.accept_connection
    ? crosscloudlink_databricks_private_endpoint_approval.this[0].connection_state
    : data.crosscloudlink_databricks_private_endpoint_rule.settled[0].connection_state
  )
}

# Waits for the VPC endpoint, whose id the other team needs. An existing rule is looked at in any case. Its custom
# conditions stand with the workspaces: here they would put off the reading whenever anything before it changes.
data "crosscloudlink_databricks_private_endpoint_rule" "this" {
  count = var.accept_connection && local.create_rule ? 0 : 1

  network_connectivity_config_id = local.ncc_id
  private_endpoint_rule_id       = local.rule_id
}

# What the other team made of it. Nothing but an output needs this.
data "crosscloudlink_databricks_private_endpoint_rule" "settled" {
  count = var.accept_connection ? 0 : 1

  network_connectivity_config_id = local.ncc_id
  private_endpoint_rule_id       = local.rule_id

  depends_on = [crosscloudlink_databricks_workspace_network.this]
}

resource "crosscloudlink_databricks_private_endpoint_approval" "this" {
  count = var.accept_connection ? 1 : 0

  endpoint_service_id            = regex("vpce-svc-[0-9a-f]+$", var.endpoint_service_name)
  network_connectivity_config_id = local.ncc_id
  private_endpoint_rule_id       = local.rule_id

  timeouts = {
    create = var.approval_timeout
    update = var.approval_timeout
  }
}
