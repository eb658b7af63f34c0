# rule → approval (approval.tf) ┐
# policy (policy.tf) ───────────┴→ binding of the workspaces (workspaces.tf); on destroy the other way round.

locals {
  create_ncc  = var.network_connectivity_config_id == null
  create_rule = var.private_endpoint_rule_id == null

  ncc_id  = local.create_ncc ? databricks_mws_network_connectivity_config.this[0].network_connectivity_config_id : var.network_connectivity_config_id
  rule_id = local.create_rule ? databricks_mws_ncc_private_endpoint_rule.this[0].rule_id : var.private_endpoint_rule_id

  # Null only where neither a region nor a workspace is given, and the NCC exists.
  workspace_regions = distinct([for workspace in data.crosscloudlink_databricks_workspace.this : workspace.region])
  region            = var.region != null ? var.region : try(local.workspace_regions[0], null)

  # Those of the region; the data source says null where there are none.
  ncc_names = try([for name in data.databricks_mws_network_connectivity_configs.region[0].names : name], [])
}

data "databricks_mws_network_connectivity_configs" "region" {
  count = local.create_ncc ? 1 : 0

  region = local.region
}

resource "databricks_mws_network_connectivity_config" "this" {
  count = local.create_ncc ? 1 : 0

  name   = var.name
  region = local.region

  lifecycle {
    # A new name means another NCC. The workspaces must have moved to it before the old one can go.
    create_before_destroy = true
    # The data source that tells the region is read during the apply when the whole module depends on something that
    # changes, and an unknown region would replace the NCC.
    ignore_changes = [region]

    postcondition {
      condition     = self.region == local.region
      error_message = "region is ${coalesce(local.region, "unknown")}, but the network connectivity configuration ${var.name} is in ${self.region}, and cannot move: use the module a second time for another region."
    }

    precondition {
      condition     = contains(local.ncc_names, var.name) || length(local.ncc_names) < 10
      error_message = <<-EOT
        The Databricks account has ${length(local.ncc_names)} network connectivity configurations in ${coalesce(local.region, "this region")}, and 10 are the most there may be.
        Write the id of one of them into network_connectivity_config_id to share it, or delete one that no workspace is bound to. There are:
        ${join(", ", local.ncc_names)}.
      EOT
    }
  }
}

resource "databricks_mws_ncc_private_endpoint_rule" "this" {
  count = local.create_rule ? 1 : 0

  network_connectivity_config_id = local.ncc_id
  endpoint_service               = var.endpoint_service_name
  domain_names                   = var.domain_names

  lifecycle {
    precondition {
      condition     = local.region == null ? true : startswith(var.endpoint_service_name, "com.amazonaws.vpce.${local.region}.")
      error_message = "endpoint_service_name is ${var.endpoint_service_name}, the workspaces and their NCC are in ${coalesce(local.region, "another region")}. Databricks connects only within a region: make the proxies and their endpoint service there."
    }

    # The stock provider shows such a rule as it is and never repairs it.
    postcondition {
      condition     = !contains(["CREATE_FAILED", "REJECTED", "DISCONNECTED", "EXPIRED"], coalesce(self.connection_state, "CREATING")) && self.deactivated != true
      error_message = <<-EOT
        Private endpoint rule ${self.rule_id} is ${self.deactivated == true ? "deleted" : self.connection_state}, and never comes back (connections must be accepted within 14 days, and none survives a rejection).
        ${coalesce(self.error_message, "Databricks gives no reason.")}
        Have it made anew, with its approval, by
          terraform apply -replace=ADDRESS
        where ADDRESS is the line of `terraform state list` that ends with databricks_mws_ncc_private_endpoint_rule.this[0].
        In HCP Terraform: "Replace resources" of a new run.
      EOT
    }
  }
}
