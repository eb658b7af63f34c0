data "crosscloudlink_databricks_workspace" "data" {
  workspace_id = 4058233711027561
}

# A network connectivity configuration must be in the workspace's region.
output "region" {
  description = "AWS region of the workspace."
  value       = data.crosscloudlink_databricks_workspace.data.region
}
