locals {
  # What the workspaces are put under; null leaves theirs alone.
  network_policy_id = var.create_network_policy ? one(values(databricks_account_network_policy.this)[*].network_policy_id) : var.network_policy_id

  databricks_account_id = (
    var.databricks_account_id != null
    ? var.databricks_account_id
    : try(values(data.crosscloudlink_databricks_workspace.this)[0].account_id, null)
  )

  policy_destinations = distinct(concat(var.domain_names, var.allowed_internet_destinations))
}

# By its id, which the stock provider cannot change: another id is another policy, and the workspaces must be under it
# before the former one can go.
resource "databricks_account_network_policy" "this" {
  for_each = toset(var.create_network_policy ? [coalesce(var.network_policy_id, var.name)] : [])

  account_id        = local.databricks_account_id
  network_policy_id = each.key

  egress = {
    network_access = {
      restriction_mode = "RESTRICTED_ACCESS"
      allowed_internet_destinations = [
        for host in local.policy_destinations : {
          destination               = host
          internet_destination_type = "DNS_NAME"
        }
      ]
      allowed_storage_destinations = length(var.allowed_storage_destinations) == 0 ? null : [
        for destination in var.allowed_storage_destinations : {
          bucket_name              = destination.bucket_name
          region                   = destination.region
          storage_destination_type = "AWS_S3"
        }
      ]
      # Without a product filter: with one, calls to external models stay enforced in a dry run.
      policy_enforcement = {
        enforcement_mode = var.enforcement_mode
      }
    }
  }

  # As every workspace has it by default. The service fills private_access in where it is missing, and the stock provider
  # calls that an error.
  ingress = {
    public_access = {
      restriction_mode = "FULL_ACCESS"
    }
    private_access = {
      restriction_mode = "ALLOW_ALL_REGISTERED_ENDPOINTS"
    }
  }

  lifecycle {
    create_before_destroy = true
    # An account that is not written down, or not known yet, would replace the policy with every change of it.
    ignore_changes = [account_id]
  }
}

check "network_policy_destinations" {
  assert {
    condition     = length(local.policy_destinations) <= 100
    error_message = "The network policy allows ${length(local.policy_destinations)} host names. Databricks' documentation disagrees with itself about the limit, and one page says 100: expect to be refused."
  }
}
