# What is accepted. Tested: Terraform 1.11.4, azurerm 4.80.0 and 5.2.0.
terraform {
  required_version = ">= 1.9"

  required_providers {
    azurerm = {
      source  = "hashicorp/azurerm"
      version = ">= 4.69, < 6"
    }
    crosscloudlink = {
      source = "crosscloudlink/crosscloudlink"
    }
  }
}
