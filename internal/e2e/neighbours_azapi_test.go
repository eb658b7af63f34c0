package e2e_test

import (
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/acctest"
)

// azapiHead is the head of a root module with azapi and our provider.
const azapiHead = `
terraform {
  required_providers {
    azapi          = { source = "azure/azapi" }
    crosscloudlink = { source = "crosscloudlink/crosscloudlink" }
  }
}

provider "azapi" {
  disable_instance_discovery = true
  skip_provider_registration = true
}
`

// azapiSnippet is the guide's configuration for azapi.
var azapiSnippet = regexp.MustCompile("(?ms)^```text\n(.*?)^```$")

// TestBesideAzapi plays what the guide says of azapi, in one state.
func TestBesideAzapi(t *testing.T) {
	t.Parallel()
	sb := acctest.Sandbox(t)
	cloud, name := sb.Azure(), unique("azapi")
	cloud.SeedUserAssignedIdentity("rg-"+name, "neighbour") // makes the group
	group := "/subscriptions/" + cloud.SubscriptionID() + "/resourceGroups/rg-" + name
	tf := acctest.Config(t, sb, azapiHead, "ARM_ENVIRONMENT=custom", "ARM_RESOURCE_MANAGER_ENDPOINT="+cloud.URL(),
		"ARM_RESOURCE_MANAGER_AUDIENCE=https://management.azure.com/", "ARM_ACTIVE_DIRECTORY_AUTHORITY_HOST="+cloud.URL(),
		"TF_VAR_resource_group_id="+group, "TF_VAR_location=eastus", "TF_VAR_egress_public_ips="+hcl(egress...))
	m := neighbours{azureModule{t, tf}, group + "/providers/Microsoft.CognitiveServices/accounts/" + name}
	const account, firewall = "azapi_resource.openai", guideFirewall
	configure := func(config string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(m.Dir, "main.tf"), []byte(azapiHead+config), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	withTag := func(config, tag string) string {
		return edited(t, config, "  location  = var.location\n", "  location  = var.location\n  tags      = { team = "+quoted(tag)+" }\n")
	}
	config := snippet(t, azapiSnippet, name)
	more := []string{`-var=egress_public_ips=["52.1.2.3", "52.1.2.5"]`}

	configure(config)
	m.run("apply")
	m.add(theirEntries...)
	m.wantChanges(nil)
	if s := cloudState(t, m.account); s.DefaultAction != "Deny" || s.Bypass != "None" {
		t.Errorf("the account is %+v", s)
	}

	t.Run("a tag and the entries change in one apply", func(t *testing.T) {
		m := m.on(t)
		configure(withTag(config, "models"))
		m.wantChanges(more, "update "+account, "update "+firewall)
		m.run("apply", more...)
		m.wantEntries("52.1.2.3", "52.1.2.5")
		m.wantChanges(more)
	})
	t.Run("what others add between plan and apply stays", func(t *testing.T) {
		m := m.on(t)
		configure(withTag(config, "platform"))
		m.wantChanges(more, "update "+account)
		m.add("20.1.1.1")
		m.applyPlan()
		m.wantEntries("20.1.1.1", "52.1.2.3", "52.1.2.5")
		if err := cloud.RemoveRule(m.account, "20.1.1.1"); err != nil {
			t.Error(err)
		}
	})
	t.Run("the firewall leaves while the account changes", func(t *testing.T) {
		m := m.on(t)
		configure(withoutResource(t, withTag(config, "models"), firewall))
		m.run("apply")
		m.wantEntries()
	})
	t.Run("azapi fails at our write", func(t *testing.T) {
		m := m.on(t)
		configure(withTag(config, "models") + `
resource "azapi_resource" "gpt" {
  type      = "Microsoft.CognitiveServices/accounts/deployments@2025-06-01"
  parent_id = azapi_resource.openai.id
  name      = "gpt"
  locks     = [azapi_resource.openai.id]

  body = {
    sku        = { name = "Standard", capacity = 1 }
    properties = { model = { format = "OpenAI", name = "gpt-4o", version = "2024-11-20" } }
  }
}
`)
		m.meet(m.writing(http.MethodPatch, ""), m.writing(http.MethodPut, "deployments/gpt"))
		m.failed(apply, "RESPONSE 409", "RequestConflict")
		m.wantEntries(egress...)
		m.run("apply")
		configure(withTag(config, "models"))
		m.run("apply")
	})
	t.Run("lists that are not in the body are lost", func(t *testing.T) {
		m := m.on(t)
		bare := edited(t, withTag(config, "platform"), "        ipRules             = [] # must be here to be ignored\n        virtualNetworkRules = []\n", "")
		configure(edited(t, bare, `ignore_body_changes = ["properties.networkAcls.ipRules", "properties.networkAcls.virtualNetworkRules"]`, ""))
		m.wantChanges(nil, "update "+account)
		m.applyPlan()
		if got := entries(t, m.account); len(got) > 0 {
			t.Errorf("the account lists %q: is the line in the guide needed?", got)
		}
		m.wantChanges(nil, "update "+firewall)
	})
	m.run("destroy")
}
