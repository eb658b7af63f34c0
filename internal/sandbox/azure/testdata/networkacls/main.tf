# Three accounts whose firewall others write to: one leaves network_acls alone, one only the lists in it, as
# the module does, and one neither.

terraform {
  required_providers {
    azurerm = {
      source  = "hashicorp/azurerm"
      version = ">= 4.62, < 6"
    }
  }
}

variable "revision" {
  type    = number
  default = 1
}

provider "azurerm" {
  features {}
}

resource "azurerm_cognitive_account" "ignoring" {
  name                  = "ignoring"
  resource_group_name   = "rg-shared"
  location              = "eastus"
  kind                  = "OpenAI"
  sku_name              = "S0"
  custom_subdomain_name = "acls-ignoring"
  tags                  = { revision = tostring(var.revision) }

  network_acls {
    default_action = "Deny"
  }

  lifecycle {
    ignore_changes = [network_acls]
  }
}

resource "azurerm_cognitive_account" "ignoring_lists" {
  name                  = "ignoring-lists"
  resource_group_name   = "rg-shared"
  location              = "eastus"
  kind                  = "OpenAI"
  sku_name              = "S0"
  custom_subdomain_name = "acls-ignoring-lists"
  tags                  = { revision = tostring(var.revision) }

  network_acls {
    default_action = "Deny"
  }

  lifecycle {
    ignore_changes = [network_acls[0].ip_rules, network_acls[0].virtual_network_rules]
  }
}

resource "azurerm_cognitive_account" "owning" {
  name                  = "owning"
  resource_group_name   = "rg-shared"
  location              = "eastus"
  kind                  = "OpenAI"
  sku_name              = "S0"
  custom_subdomain_name = "acls-owning"
  tags                  = { revision = tostring(var.revision) }

  network_acls {
    default_action = "Deny"
  }
}
