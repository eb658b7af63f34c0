# By the id of the workspace:
terraform import crosscloudlink_databricks_workspace_network.data 4058233711027561
