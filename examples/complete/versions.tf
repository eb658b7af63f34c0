# What is accepted. Tested: Terraform 1.11.4, aws 5.100.0, azurerm 4.80.0 and 5.2.0, databricks 1.128.0.
terraform {
  required_version = ">= 1.9"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.83, < 7"
    }
    azurerm = {
      source  = "hashicorp/azurerm"
      version = ">= 4.69, < 6"
    }
    databricks = {
      source  = "databricks/databricks"
      version = ">= 1.110, < 2"
    }
    crosscloudlink = {
      source = "crosscloudlink/crosscloudlink"
    }
  }
}
