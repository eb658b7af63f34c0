# Databricks → (PrivateLink) → endpoint service and load balancer (load-balancer.tf)
#            → proxies (proxies.tf), each on one address of the pool (addresses.tf)
#            → Azure OpenAI.

data "aws_partition" "current" {}

data "aws_region" "current" {}

data "aws_default_tags" "current" {}

locals {
  # `id` is the one spelling of the region's name that versions 5 and 6 of the AWS provider share without a warning.
  region    = data.aws_region.current.id
  partition = data.aws_partition.current.partition

  # What Databricks asks for, and the only names that pass.
  upstream_hostnames = [for upstream in var.upstreams : upstream.hostname]

  pool_name = coalesce(var.eip_pool_name, var.name)
  pool_size = coalesce(var.eip_pool_size, local.behind_nat ? length(local.nat_azs) : var.max_size)

  # While it rebalances zones, Auto Scaling launches up to 10 percent of max_size, or one, above max_size. Such a
  # proxy would wait in vain for an address, so zones are rebalanced only with that many addresses to spare.
  rebalance_margin = max(1, ceil(var.max_size / 10))
  rebalances       = local.pool_size >= var.max_size + local.rebalance_margin

  # The old proxy goes first, so that replacing one needs no spare address. Half of a single proxy is one: then none
  # may be required, or Auto Scaling launches the new one first after all. Behind NAT gateways no proxy needs an address.
  maintenance_policy = coalesce(var.instance_maintenance_policy, local.behind_nat ? {
    min_healthy_percentage = 100
    max_healthy_percentage = 200
    } : {
    min_healthy_percentage = var.max_size == 1 ? 0 : 50
    max_healthy_percentage = 100
  })
  min_healthy_percentage = local.maintenance_policy.min_healthy_percentage
  max_healthy_percentage = local.maintenance_policy.max_healthy_percentage

  # Accounts in which Databricks keeps the role that makes private endpoints.
  databricks_account_ids = {
    "aws"        = "565502421330"
    "aws-us-gov" = var.databricks_gov_shard == "dod" ? "347034940029" : "347038500609"
  }
  databricks_principal_arns = var.databricks_principal_arns != null ? var.databricks_principal_arns : [
    format("arn:%s:iam::%s:role/private-connectivity-role-%s",
      local.partition,
      lookup(local.databricks_account_ids, local.partition, "unknown"),
      local.region,
    ),
  ]
}
