terraform {
  required_providers {
    crosscloudlink = {
      source  = "crosscloudlink/crosscloudlink"
      version = "~> 0.1"
    }
  }
}

# Credentials come from the environment, in each cloud's ordinary way.
provider "crosscloudlink" {
  owner = "platform-team/production"

  aws = {
    region = "us-east-1"
  }

  azure = {
    environment = "public"
  }

  databricks = {
    account = {
      account_id = "00000000-0000-0000-0000-000000000000"
    }
  }
}
