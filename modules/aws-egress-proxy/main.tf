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

  pool_name = coalesce(var.eip_pool_name, var.name)
  pool_size = coalesce(var.eip_pool_size, var.max_size)

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
