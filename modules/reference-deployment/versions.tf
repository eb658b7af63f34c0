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
