# What is accepted. Tested: Terraform 1.11.4, databricks 1.128.0.
terraform {
  required_version = ">= 1.9"

  required_providers {
    databricks = {
      source  = "databricks/databricks"
      version = ">= 1.110, < 2"
    }
    crosscloudlink = {
      source = "crosscloudlink/crosscloudlink"
    }
  }
}
