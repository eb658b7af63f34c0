locals {
  existing_rule  = local.create_rule ? null : data.crosscloudlink_databricks_private_endpoint_rule.this[0]
  unrouted_names = tolist(setsubtract(var.domain_names, try([for name in local.existing_rule.domain_names : name], [])))
}

data "crosscloudlink_databricks_workspace" "this" {
  for_each = toset([for id in var.workspace_ids : tostring(id)])

  workspace_id = each.key
}

resource "crosscloudlink_databricks_workspace_network" "this" {
  for_each = data.crosscloudlink_databricks_workspace.this

  workspace_id                   = each.key
  network_connectivity_config_id = local.ncc_id
  network_policy_id              = local.network_policy_id
  private_endpoint_rule_ids      = [local.rule_id]
  wait_for_rules                 = var.accept_connection || var.wait_for_acceptance

  restore_network_connectivity_config_id = var.restore_network_connectivity_config_id
  restore_network_policy_id              = local.network_policy_id == null ? null : var.restore_network_policy_id

  timeouts = {
    create = var.approval_timeout
    update = var.approval_timeout
  }

  # On destroy a workspace must have left the rule's NCC before its connection is rejected.
  depends_on = [crosscloudlink_databricks_private_endpoint_approval.this]

  lifecycle {
    precondition {
      condition     = var.databricks_account_id == null ? true : each.value.account_id == var.databricks_account_id
      error_message = "Workspace ${each.key} belongs to the Databricks account ${each.value.account_id}, databricks_account_id names ${coalesce(var.databricks_account_id, "none")}. Correct it, or leave it out."
    }

    precondition {
      condition     = each.value.region == local.region
      error_message = "Workspace ${each.key} (${each.value.name}) is in ${each.value.region}, not in ${coalesce(local.region, "the region of the others")}. An NCC, its endpoint service and its workspaces are in one region: use the module once for each region."
    }

    precondition {
      condition     = local.existing_rule == null ? true : !local.existing_rule.deactivated
      error_message = "private_endpoint_rule_id is that of a rule that was deleted (Databricks keeps such rules for a day). Write that of another rule, or leave it out to have one made."
    }

    precondition {
      condition     = local.existing_rule == null || var.endpoint_service_name == null ? true : var.endpoint_service_name == local.existing_rule.endpoint_service
      error_message = "private_endpoint_rule_id is that of a rule for ${try(coalesce(local.existing_rule.endpoint_service), "no endpoint service")}. Write that into endpoint_service_name, or the id of another rule."
    }

    precondition {
      condition     = local.existing_rule == null ? true : length(local.unrouted_names) == 0
      error_message = "private_endpoint_rule_id is that of a rule that does not lead to ${join(", ", local.unrouted_names)}. Have its owner add that to the rule's domain names, or take it off domain_names."
    }

    precondition {
      condition     = var.proxy_status == null ? true : var.proxy_status == "in_service"
      error_message = "The proxies behind the endpoint service are not in service (proxy_status is ${coalesce(var.proxy_status, "null")}): workspaces that are bound now would send their queries into nothing. Bring the proxies into service and apply again."
    }

    postcondition {
      condition     = !self.wait_for_rules || self.status == "bound"
      error_message = <<-EOT
        Workspace ${each.key} is not bound yet (${self.status}: ${self.status_reason}).
        Nothing is lost: the next apply goes on from here. approval_timeout says how long an apply waits.
        With accept_connection = false the owner of the endpoint service has to accept the connection; set wait_for_acceptance = false to end the apply without.
      EOT
    }
  }
}

check "pricing_tier" {
  assert {
    condition     = alltrue([for workspace in data.crosscloudlink_databricks_workspace.this : !contains(["STANDARD", "PREMIUM"], coalesce(workspace.pricing_tier, "UNKNOWN"))])
    error_message = "Private endpoint rules and network policies need the pricing tier ENTERPRISE; a workspace of workspace_ids has another one."
  }
}
