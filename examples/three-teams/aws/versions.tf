# What is accepted. Tested: Terraform 1.11.4, aws 5.100.0.
terraform {
  required_version = ">= 1.9"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.83, < 7"
    }
    crosscloudlink = {
      source = "crosscloudlink/crosscloudlink"
    }
  }
}
