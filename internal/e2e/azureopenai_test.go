package e2e_test

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/acctest"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/azure"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/fault"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/tfrun"
)

// azureHead is the head of a root module with azurerm and our provider. Accounts that it deletes
// are kept by Azure where purge is false.
func azureHead(purge bool) string {
	return fmt.Sprintf(`
terraform {
  required_providers {
    azurerm        = { source = "hashicorp/azurerm" }
    crosscloudlink = { source = "crosscloudlink/crosscloudlink" }
  }
}

provider "azurerm" {
  resource_provider_registrations = "none"

  features {
    cognitive_account {
      purge_soft_delete_on_destroy = %t
    }
  }
}
`, purge)
}

// azureModuleVariables are those of a root module that uses modules/azure-openai.
const azureModuleVariables = `
variable "deployments" {
  type = any
  default = {
    chat  = { model_name = "gpt-4o", model_version = "2024-08-06" }
    embed = { model_name = "text-embedding-3-large", sku_name = "Standard" }
  }
}

variable "bypass" {
  type    = string
  default = "None"
}

variable "tags" {
  type    = map(string)
  default = {}
}
`

// azureModule is a root module around modules/azure-openai.
type azureModule struct {
	t *testing.T
	tfrun.Terraform
}

func newAzureModule(t *testing.T, purge bool, config string) azureModule {
	t.Helper()
	return azureModule{t, acctest.Config(t, acctest.Sandbox(t), azureHead(purge)+azureModuleVariables+config)}
}

func (m azureModule) run(command string, args ...string) {
	m.t.Helper()
	if _, err := m.Do(m.t.Context(), append([]string{command, "-auto-approve", "-input=false", "-no-color"}, args...)...); err != nil {
		m.t.Fatal(err)
	}
}

// changes are the resources that a plan would change, "update ADDRESS".
func (m azureModule) changes(args ...string) []string {
	m.t.Helper()
	planned, err := m.Plan(m.t.Context(), args...)
	if err != nil {
		m.t.Fatal(err)
	}
	var out []string
	for _, c := range planned {
		out = append(out, strings.Join(c.Actions, " and ")+" "+c.Address)
	}
	slices.Sort(out)
	return out
}

func (m azureModule) wantChanges(args []string, want ...string) {
	m.t.Helper()
	if got := m.changes(args...); !slices.Equal(got, want) {
		m.t.Errorf("the plan changes %q, want %q", got, want)
	}
}

// refused checks that a plan ends with an error that says this.
func (m azureModule) refused(parts ...string) {
	m.t.Helper()
	out, err := m.Do(m.t.Context(), "plan", "-input=false", "-no-color")
	if err == nil {
		m.t.Errorf("the plan was not refused")
	} else if !said(parts...).MatchString(strings.ReplaceAll(out, "│", "")) {
		m.t.Errorf("the error does not say %q", parts)
	}
}

// cloudState is the account as Azure has it.
func cloudState(t *testing.T, id string) azure.AccountState {
	t.Helper()
	state, ok := acctest.Sandbox(t).Azure().State(id)
	if !ok {
		t.Fatalf("there is no account %s", id)
	}
	return state
}

// holding are the ids in Azure that name something, in any spelling.
func holding(t *testing.T, name string) []string {
	t.Helper()
	return slices.DeleteFunc(acctest.Sandbox(t).Azure().LeftOvers(), func(id string) bool {
		return !strings.Contains(strings.ToLower(id), strings.ToLower(name))
	})
}

// writes are the calls so far that wrote to an account, or to what belongs to it, as "PUT deployments/chat".
func writes(t *testing.T, account string) []string {
	t.Helper()
	var out []string
	for _, e := range acctest.Sandbox(t).Azure().Faults.Log() {
		rest, ok := strings.CutPrefix(strings.ToLower(e.Path), strings.ToLower(account))
		if ok && (rest == "" || strings.HasPrefix(rest, "/deployments/")) && slices.Contains([]string{http.MethodPut, http.MethodPatch, http.MethodDelete}, e.Method) {
			out = append(out, strings.TrimSpace(e.Method+" "+strings.TrimPrefix(rest, "/")))
		}
	}
	return out
}

// wantOrder compares calls with groups that follow one another; within a group any order will do.
func wantOrder(t *testing.T, calls []string, groups ...[]string) {
	t.Helper()
	rest := slices.Clone(calls)
	for _, group := range groups {
		n := min(len(group), len(rest))
		if !slices.Equal(slices.Sorted(slices.Values(rest[:n])), slices.Sorted(slices.Values(group))) {
			t.Errorf("the calls were %q, want them in the order %q", calls, groups)
			return
		}
		rest = rest[n:]
	}
	if len(rest) > 0 {
		t.Errorf("the calls were %q, want no more than %q", calls, groups)
	}
}

func TestAzureOpenAIModule(t *testing.T) {
	t.Parallel()
	name := unique("module")
	m := newAzureModule(t, true, fmt.Sprintf(`
module "openai" {
  source = "../../modules/azure-openai"

  name                = %q
  location            = "eastus"
  deployments         = var.deployments
  network_acls_bypass = var.bypass
  tags                = var.tags

  managed_identities = { system_assigned = true }
}

resource "crosscloudlink_aoai_ip_firewall" "proxies" {
  account_id = module.openai.account_id
  ip_rules   = var.egress_public_ips
}

variable "egress_public_ips" {
  type    = set(string)
  default = ["52.1.2.3"]
}

output "hostname" {
  value = module.openai.hostname
}
`, name))
	cloud := acctest.Sandbox(t).Azure()

	m.run("apply")
	accounts := slices.DeleteFunc(cloud.Accounts(), func(id string) bool { return !strings.HasSuffix(id, "/"+name) })
	if len(accounts) != 1 || !strings.Contains(accounts[0], "/resourceGroups/rg-"+name+"/") {
		t.Fatalf("accounts %q", accounts)
	}
	id := accounts[0]
	if s := cloudState(t, id); s.DefaultAction != "Deny" || s.Bypass != "None" || s.PublicNetworkAccess != "Enabled" {
		t.Errorf("the account is %+v", s)
	}
	wantOrder(t, writes(t, id), []string{"PUT"}, []string{"PUT deployments/chat", "PUT deployments/embed"}, []string{"PATCH"})
	m.wantChanges(nil)

	// Others add entries, which a change of the account must keep. Everything else changes in the
	// same apply, and Azure refuses whatever comes while it works on something else.
	for _, entry := range theirEntries {
		if err := cloud.AddRule(id, entry); err != nil {
			t.Fatal(err)
		}
	}
	changed := []string{"-var=tags={team=\"models\"}", "-var=bypass=AzureServices", "-var=egress_public_ips=[\"52.1.2.3\",\"52.1.2.4\"]", "-var=deployments={" +
		"chat={model_name=\"gpt-4o\",model_version=\"2024-11-20\",capacity=20},more={model_name=\"gpt-4o-mini\"}}"}
	m.wantChanges(changed,
		"create module.openai.azurerm_cognitive_deployment.unpinned[\"more\"]",
		"delete module.openai.azurerm_cognitive_deployment.unpinned[\"embed\"]",
		"update crosscloudlink_aoai_ip_firewall.proxies",
		"update module.openai.azurerm_cognitive_account.this[0]",
		"update module.openai.azurerm_cognitive_deployment.this[\"chat\"]",
		"update module.openai.azurerm_resource_group.this[0]",
	)
	before := len(writes(t, id))
	m.run("apply", changed...)
	wantOrder(t, writes(t, id)[before:], []string{"DELETE deployments/embed"}, []string{"PATCH"}, []string{"PUT deployments/chat", "PUT deployments/more"}, []string{"PATCH"})
	if s := cloudState(t, id); s.Bypass != "AzureServices" || s.DefaultAction != "Deny" {
		t.Errorf("the account is %+v", s)
	}
	if err := wantEntries(t, id, "52.1.2.3", "52.1.2.4"); err != nil {
		t.Error(err)
	}
	m.wantChanges(changed)

	// Drift of what is the module's own is shown and repaired, and nobody's entries with it.
	if err := cloud.SetPublicNetworkAccess(id, "Disabled"); err != nil {
		t.Fatal(err)
	}
	m.wantChanges(changed, "update module.openai.azurerm_cognitive_account.this[0]")
	m.run("apply", changed...)
	if s := cloudState(t, id); s.PublicNetworkAccess != "Enabled" {
		t.Errorf("the account is %+v", s)
	}
	if err := wantEntries(t, id, "52.1.2.3", "52.1.2.4"); err != nil {
		t.Error(err)
	}

	m.run("destroy", changed...)
	if left := holding(t, name); len(left) > 0 {
		t.Errorf("destroy left %q", left)
	}
}

// An existing account is given deployments and logs, and is otherwise left alone.
func TestAzureOpenAIModuleOnExistingAccount(t *testing.T) {
	t.Parallel()
	cloud := acctest.Sandbox(t).Azure()
	id := seedAccount(t, func(a *azure.Account) {
		a.Kind, a.Bypass, a.Deployments = "AIServices", "AzureServices", map[string]string{"theirs": "gpt-4o"}
	})
	before := cloudState(t, id)
	name := id[strings.LastIndex(id, "/")+1:]
	workspace := cloud.SeedLogAnalyticsWorkspace(unique("rg-logs"), "logs")
	m := newAzureModule(t, true, fmt.Sprintf(`
module "openai" {
  source = "../../modules/azure-openai"

  account_id  = %q
  deployments = var.deployments

  diagnostic_settings = {
    all = { workspace_resource_id = %q }
  }
}

output "hostnames" {
  value = join(" ", module.openai.hostnames)
}
`, strings.Replace(id, "resourceGroups", "resourcegroups", 1), workspace))
	m.wantChanges(nil,
		"create module.openai.azurerm_cognitive_deployment.this[\"chat\"]",
		"create module.openai.azurerm_cognitive_deployment.unpinned[\"embed\"]",
		"create module.openai.azurerm_monitor_diagnostic_setting.this[\"all\"]",
		"create output.hostnames",
	)
	m.run("apply")
	hosts, err := m.Do(t.Context(), "output", "-raw", "hostnames")
	if want := name + ".openai.azure.com " + name + ".cognitiveservices.azure.com " + name + ".services.ai.azure.com"; err != nil || hosts != want {
		t.Errorf("hostnames %q, %v, want %q", hosts, err, want)
	}
	m.wantChanges(nil)
	m.run("destroy")
	if after := cloudState(t, id); after.ETag != before.ETag {
		t.Errorf("the account was %+v, and is %+v", before, after)
	}
	if left := holding(t, name); !slices.Equal(left, []string{id}) {
		t.Errorf("destroy left %q", left)
	}
	if made := writes(t, id); !slices.ContainsFunc(made, func(w string) bool { return w == "DELETE deployments/chat" }) || slices.ContainsFunc(made, func(w string) bool { return strings.HasSuffix(w, "theirs") }) {
		t.Errorf("written: %q", made)
	}
}

// What Azure would refuse in the apply is refused in the plan, with what to do. It runs by itself:
// the question for a subdomain does not tell in its path who asks.
func TestAzureOpenAIModuleRefused(t *testing.T) {
	cloud := acctest.Sandbox(t).Azure()
	name, group := unique("refused"), unique("rg-refused")
	cloud.SeedUserAssignedIdentity(group, "neighbour") // makes the group
	m := newAzureModule(t, false, fmt.Sprintf(`
module "openai" {
  source = "../../modules/azure-openai"

  name                  = %q
  resource_group_name   = %q
  create_resource_group = false
}
`, name, group))
	account := "module.openai.azurerm_cognitive_account.this[0]"

	cloud.TakeSubdomain(name)
	m.refused("Resource precondition failed", `The subdomain "`+name+`" is taken`, "Azure says: Please pick a different name.", "write another custom_subdomain_name")
	cloud.FreeSubdomain(name)

	// Whoever may not ask learns it in the apply, and is not held up.
	for _, question := range []string{"/checkDomainAvailability$", "/deletedAccounts/" + name + "$"} {
		cloud.Faults.Add(fault.Rule{Path: regexp.MustCompile(question), Status: http.StatusForbidden, Code: "AuthorizationFailed"})
	}
	out, err := m.Do(t.Context(), "plan", "-input=false", "-no-color")
	if err != nil || strings.Count(out, "Warning: Azure does not tell") != 2 || !strings.Contains(out, "# "+account+" will be created") {
		t.Errorf("without the right to ask: %v", err)
	}

	m.run("apply")
	m.wantChanges(nil)
	m.run("destroy")
	m.refused("Resource precondition failed", `The account "`+name+`" was deleted`,
		fmt.Sprintf("az cognitiveservices account purge --location eastus --resource-group %s --name %s", group, name),
		fmt.Sprintf("az cognitiveservices account recover --location eastus --resource-group %s --name %s", group, name))
}
