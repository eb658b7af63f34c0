package firewallbench

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// Root modules whose variable ip_rules is what the account's firewall lists: ours beside an account that is there
// already, and the stock resource, which owns the account with its whole firewall.
const (
	ourModule = `
terraform {
  required_providers {
    crosscloudlink = { source = "crosscloudlink/crosscloudlink" }
  }
}

provider "crosscloudlink" {}

variable "ip_rules" {
  type = set(string)
}

resource "crosscloudlink_aoai_ip_firewall" "this" {
  account_id    = %q
  owner         = %q
  ip_rules      = var.ip_rules
  allow_lockout = true # each step begins with an account that admits nobody
}
`
	theirModule = `
terraform {
  required_providers {
    azurerm = { source = "hashicorp/azurerm" }
  }
}

provider "azurerm" {
  resource_provider_registrations = "none"

  features {}
}

variable "ip_rules" {
  type = set(string)
}

resource "azurerm_cognitive_account" "this" {
  name                  = %[2]q
  resource_group_name   = %[1]q
  location              = "eastus"
  kind                  = "OpenAI"
  sku_name              = "S0"
  custom_subdomain_name = %[2]q

  network_acls {
    default_action = "Deny"
    ip_rules       = var.ip_rules
  }
}
`
)

// writeRules sets the variable ip_rules of the root module in dir.
func writeRules(dir string, rules []string) error {
	text, err := json.Marshal(map[string][]string{"ip_rules": rules})
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "terraform.tfvars.json"), text, 0o600)
}

// addresses are n single public ones, at most 250.
func addresses(n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprintf("52.1.2.%d", i+1)
	}
	return all
}
