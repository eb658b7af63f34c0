package e2e_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/acctest"
)

const (
	guideAccount    = "azurerm_cognitive_account.openai"
	guideDeployment = "azurerm_cognitive_deployment.gpt"
	guideFirewall   = "crosscloudlink_aoai_ip_firewall.proxies"
)

// withTag is the configuration with a tag on the account.
func withTag(t *testing.T, config, tag string) string {
	t.Helper()
	return edited(t, config, `kind                  = "OpenAI"`, "kind = \"OpenAI\"\n  tags = { team = "+quoted(tag)+" }")
}

// withCapacity is the configuration with a capacity of the deployment.
func withCapacity(t *testing.T, config, capacity string) string {
	t.Helper()
	return edited(t, config, `name = "Standard"`, "name = \"Standard\"\n    capacity = "+capacity)
}

// TestBesideAzurerm plays what the guide says of its own configuration, in one state.
func TestBesideAzurerm(t *testing.T) {
	t.Parallel()
	name := unique("beside")
	m := newNeighbours(t, name)
	config := guideConfig(t, name)
	cloud := acctest.Sandbox(t).Azure()

	m.configure(config)
	m.run("apply")
	wantOrder(t, writes(t, m.account), []string{"PUT"}, []string{"PUT deployments/gpt"}, []string{"PATCH"})
	if s := cloudState(t, m.account); s.DefaultAction != "Deny" || s.Bypass != "None" || s.PublicNetworkAccess != "Enabled" {
		t.Errorf("the account is %+v", s)
	}
	m.add(theirEntries...)
	m.wantChanges(nil)

	t.Run("a tag and the entries change in one apply", func(t *testing.T) {
		m := m.on(t)
		m.configure(withTag(t, config, "models"))
		more := []string{`-var=egress_public_ips=["52.1.2.3", "52.1.2.5"]`}
		m.wantChanges(more, "update "+guideAccount, "update "+guideFirewall)
		before := len(writes(t, m.account))
		m.run("apply", more...)
		wantOrder(t, m.since(before), []string{"PATCH"}, []string{"PATCH"})
		m.wantEntries("52.1.2.3", "52.1.2.5")
		m.wantChanges(more)
		m.run("apply")
	})
	t.Run("a tag changes after the entries", func(t *testing.T) {
		m := m.on(t)
		m.configure(withTag(t, config, "platform"))
		m.wantChanges(nil, "update "+guideAccount)
		m.applyPlan()
		m.wantEntries(egress...)
		m.wantChanges(nil)
	})
	t.Run("what others add between plan and apply is lost", func(t *testing.T) {
		m := m.on(t)
		m.configure(config)
		m.wantChanges(nil, "update "+guideAccount)
		m.add("20.1.1.1")
		m.applyPlan()
		m.wantEntries(egress...)
		m.wantChanges(nil)
	})
	t.Run("an account that was opened is shown and closed", func(t *testing.T) {
		m := m.on(t)
		somebody := newStage(t, firewallConfig(m.account, `["52.9.9.9"]`, `owner = "somebody"`, `default_action = "Allow"`))
		somebody.apply(t)
		m.wantChanges(nil, "update "+guideAccount)
		m.applyPlan()
		if s := cloudState(t, m.account); s.DefaultAction != "Deny" || s.Bypass != "None" {
			t.Errorf("the account is %+v", s)
		}
		m.wantEntries(append([]string{"52.9.9.9"}, egress...)...)
		// Two owners of one setting undo each other in turn.
		if out, err := somebody.tf.Do(t.Context(), planning()...); err != nil || !said(`default_action = "Allow"`).MatchString(out) && !said("1 to change").MatchString(out) {
			t.Errorf("the other owner of default_action plans %v\n%s", err, out)
		}
		somebody.do(t, arguments(destroy)...)
		m.wantEntries(egress...)
	})
	t.Run("everything changes in one apply", func(t *testing.T) {
		m := m.on(t)
		old := "\nresource \"azurerm_cognitive_deployment\" \"old\" {\n  name = \"old\"\n  cognitive_account_id = azurerm_cognitive_account.openai.id\n" +
			"  model {\n    format = \"OpenAI\"\n    name = \"gpt-4o-mini\"\n    version = \"2024-07-18\"\n  }\n  sku {\n    name = \"Standard\"\n  }\n}\n"
		m.configure(edited(t, config, "[azurerm_cognitive_deployment.gpt]", "[azurerm_cognitive_deployment.gpt, azurerm_cognitive_deployment.old]") + old)
		m.run("apply")
		m.configure(withTag(t, withCapacity(t, config, "20"), "models"))
		more := []string{`-var=egress_public_ips=["52.1.2.3", "52.1.2.5"]`}
		before := len(writes(t, m.account))
		m.run("apply", more...)
		wantOrder(t, m.since(before), []string{"DELETE deployments/old"}, []string{"PATCH"}, []string{"PUT deployments/gpt"}, []string{"PATCH"})
		m.wantEntries("52.1.2.3", "52.1.2.5")
		m.run("apply")
	})
	m.wantNoConflicts()

	t.Run("the firewall leaves while its deployment changes", func(t *testing.T) {
		m := m.on(t)
		m.configure(withTag(t, withCapacity(t, withoutResource(t, config, guideFirewall), "30"), "models"))
		late := m.writing(http.MethodPatch, "")
		late.Delay = 2 * time.Second // the deployment would be first if it did not wait
		cloud.Faults.Add(late)
		before := len(writes(t, m.account))
		m.run("apply")
		wantOrder(t, m.since(before), []string{"PATCH"}, []string{"PUT deployments/gpt"})
		m.wantEntries()
		m.configure(withTag(t, withCapacity(t, config, "30"), "models"))
		m.run("apply")
	})
	t.Run("the firewall leaves while the account changes", func(t *testing.T) {
		m := m.on(t)
		m.configure(withTag(t, withCapacity(t, withoutResource(t, config, guideFirewall), "30"), "platform"))
		before := len(writes(t, m.account))
		m.run("apply")
		wantOrder(t, m.since(before), []string{"PATCH"}, []string{"PATCH"})
		// The account's change came second, with the entries as the plan had read them: they are back, and nobody's.
		m.wantEntries(egress...)
		m.configure(withTag(t, withCapacity(t, config, "30"), "platform"))
		if out, err := m.Do(t.Context(), arguments(apply)...); err != nil || !said("Existing firewall entries will be adopted", egress[0]).MatchString(strings.ReplaceAll(out, "│", "")) {
			t.Errorf("the firewall that takes them up again says %v:\n%s", err, out)
		}
	})
	t.Run("destroy", func(t *testing.T) {
		m := m.on(t)
		before := len(writes(t, m.account))
		m.run("destroy")
		wantOrder(t, m.since(before), []string{"PATCH"}, []string{"DELETE deployments/gpt"}, []string{"DELETE"})
		if slices.Contains(cloud.Accounts(), m.account) || slices.ContainsFunc(cloud.DeletedAccounts(), func(id string) bool { return strings.HasSuffix(id, "/"+name) }) {
			t.Errorf("destroy left %q", holding(t, name))
		}
	})
	m.wantNoConflicts()
}

// TestBesideAzurermUnordered leaves out the order that the guide gives.
func TestBesideAzurermUnordered(t *testing.T) {
	t.Parallel()
	name := unique("unordered")
	m := newNeighbours(t, name)
	config := edited(t, guideConfig(t, name), "depends_on = [azurerm_cognitive_deployment.gpt]", "")
	alone := withoutResource(t, config, guideDeployment)
	refused := []string{"performing CreateOrUpdate: unexpected status 409", "RequestConflict"}
	m.configure(alone)
	m.run("apply")
	m.add(theirEntries...)

	t.Run("azurerm fails at a firewall that leaves beside a new deployment", func(t *testing.T) {
		m := m.on(t)
		m.configure(withoutResource(t, config, guideFirewall))
		m.meet(m.writing(http.MethodPatch, ""), m.writing(http.MethodPut, "deployments/gpt"))
		m.failed(apply, refused...)
		m.wantEntries()
		m.wantChanges(nil, "create "+guideDeployment)
	})
	m.configure(config)

	t.Run("azurerm fails at our write", func(t *testing.T) {
		m := m.on(t)
		m.meet(m.writing(http.MethodPatch, ""), m.writing(http.MethodPut, "deployments/gpt"))
		m.failed(apply, refused...)
		m.wantEntries(egress...)
		m.wantChanges(nil, "create "+guideDeployment)
		m.applyPlan()
		m.wantChanges(nil)
	})
	t.Run("our write waits for azurerm's", func(t *testing.T) {
		m := m.on(t)
		m.configure(withCapacity(t, config, "20"))
		before := len(m.conflicts())
		m.meet(m.writing(http.MethodPut, "deployments/gpt"), m.writing(http.MethodPatch, ""))
		m.run(apply, `-var=egress_public_ips=["52.1.2.3", "52.1.2.5"]`)
		m.wantEntries("52.1.2.3", "52.1.2.5")
		if got := m.conflicts()[before:]; !slices.Equal(got, []string{"PATCH"}) {
			t.Errorf("Azure refused %q, want our first write alone", got)
		}
	})
	t.Run("azurerm fails at a destroy", func(t *testing.T) {
		m := m.on(t)
		m.meet(m.writing(http.MethodPatch, ""), m.writing(http.MethodDelete, "deployments/gpt"))
		m.failed(destroy, "performing Delete: unexpected status 409", "RequestConflict")
		m.wantEntries()
		m.run(destroy)
	})
}

// TestBesideAzurermUnguarded has accounts whose configuration does not ignore the entries, and one
// that leaves all of its network rules to the firewall.
func TestBesideAzurermUnguarded(t *testing.T) {
	t.Parallel()
	name := unique("unguarded")
	m := newNeighbours(t, name)
	guided := guideConfig(t, name)
	account := func(label, rules, lifecycle, firewall string) string {
		return fmt.Sprintf(`
resource "azurerm_cognitive_account" %[1]q {
  name                          = "%[2]s-%[1]s"
  resource_group_name           = var.resource_group_name
  location                      = var.location
  kind                          = "OpenAI"
  sku_name                      = "S0"
  custom_subdomain_name         = "%[2]s-%[1]s"
  tags                          = { team = var.team }
  %[3]s
  %[4]s
}

resource "crosscloudlink_aoai_ip_firewall" %[1]q {
  account_id = azurerm_cognitive_account.%[1]s.id
  ip_rules   = var.egress_public_ips
  %[5]s
}
`, label, name, rules, lifecycle, firewall)
	}
	variables, _, _ := strings.Cut(guided, `resource "`)
	const deny = "network_acls {\n    default_action = \"Deny\"\n  }"
	m.configure(variables + "variable \"team\" {\n  default = \"models\"\n}\n" +
		account("bare", "", "", "") +
		account("owning", deny, "", "") +
		account("handing", deny, "lifecycle {\n    ignore_changes = [network_acls, public_network_access_enabled]\n  }",
			"default_action = \"Deny\"\n  public_network_access = \"Enabled\""))
	m.run("apply")
	id := func(label string) string { return m.account + "-" + label }
	cloud := acctest.Sandbox(t).Azure()

	for _, team := range []string{"models", "platform"} {
		t.Run("team "+team, func(t *testing.T) {
			m := m.on(t)
			with := []string{"-var=team=" + team}
			wantListed := func(label string, want ...string) {
				t.Helper()
				if got := entries(t, id(label)); !slices.Equal(got, want) {
					t.Errorf("%s lists %q, want %q", label, got, want)
				}
			}
			want := []string{"update azurerm_cognitive_account.bare", "update azurerm_cognitive_account.owning"}
			if team == "platform" {
				want = slices.Insert(want, 1, "update azurerm_cognitive_account.handing")
			}
			for _, label := range []string{"bare", "owning", "handing"} {
				wantListed(label, egress...)
			}
			m.wantChanges(with, want...)
			m.applyPlan()
			wantListed("bare", egress...) // it leaves out of its request what it says it removes
			wantListed("owning")
			wantListed("handing", egress...)
			// The firewall was read before azurerm wrote: the next plan tells.
			m.wantChanges(with, "update azurerm_cognitive_account.bare", "update crosscloudlink_aoai_ip_firewall.owning")
			m.applyPlan()
		})
	}
	t.Run("settings that are left to the firewall", func(t *testing.T) {
		m := m.on(t)
		if err := cloud.SetPublicNetworkAccess(id("handing"), "Disabled"); err != nil {
			t.Fatal(err)
		}
		with := []string{"-var=team=platform", "-target=crosscloudlink_aoai_ip_firewall.handing"}
		m.wantChanges(with, "update crosscloudlink_aoai_ip_firewall.handing")
		m.applyPlan()
		if s := cloudState(t, id("handing")); s.PublicNetworkAccess != "Enabled" || s.DefaultAction != "Deny" {
			t.Errorf("the account is %+v", s)
		}
	})
	m.run("destroy")
}

// TestBesideAzurermInTwoStates has the account in one state and the firewall in another.
func TestBesideAzurermInTwoStates(t *testing.T) {
	t.Parallel()
	name := unique("states")
	m := newNeighbours(t, name)
	config := withoutResource(t, guideConfig(t, name), guideFirewall)
	m.configure(config)
	m.run("apply")
	m.add(theirEntries...)
	ours := newStage(t, firewallConfig(m.account, hcl(egress[0])))
	planned := func(t *testing.T) bool {
		t.Helper()
		changes, err := ours.tf.Plan(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return len(changes) > 0
	}

	t.Run("first the account, then the firewall", func(t *testing.T) {
		m := m.on(t)
		ours.apply(t)
		m.configure(withTag(t, config, "models"))
		m.run("apply")
		m.wantEntries(egress[0])
		if planned(t) {
			t.Error("the firewall's state has something to do")
		}
	})
	t.Run("a plan of the account that is older than an apply of the firewall", func(t *testing.T) {
		m := m.on(t)
		m.configure(withTag(t, config, "platform"))
		m.wantChanges(nil, "update "+guideAccount)
		ours.configure(t, firewallConfig(m.account, hcl(egress[1])))
		ours.apply(t)
		m.add("20.1.1.1")
		m.wantEntries("20.1.1.1", egress[1])
		m.applyPlan()
		m.wantEntries(egress[0]) // what came after the plan is gone, and what went is back
		m.wantChanges(nil)
		if !planned(t) {
			t.Error("the firewall's state does not see what it has lost")
		}
		ours.apply(t)
		m.wantEntries(egress...)
		ours.configure(t, firewallConfig(m.account, hcl(egress...)))
		ours.apply(t) // takes up again what came back
	})
	t.Run("both at once, azurerm second", func(t *testing.T) {
		m := m.on(t)
		m.configure(withCapacity(t, withTag(t, config, "platform"), "20"))
		ours.configure(t, firewallConfig(m.account, `["52.1.2.9"]`))
		m.meet(m.writing(http.MethodPatch, ""), m.writing(http.MethodPut, "deployments/gpt"))
		theirs, err := m.Start(t.Context(), nil, arguments(apply)...)
		if err != nil {
			t.Fatal(err)
		}
		ours.apply(t)
		if out, err := theirs.Wait(); err == nil || !said("performing CreateOrUpdate: unexpected status 409", "RequestConflict").MatchString(strings.ReplaceAll(out, "│", "")) {
			t.Errorf("azurerm ended with %v:\n%s", err, out)
		}
		m.wantEntries("52.1.2.9")
		m.run("apply")
	})
	t.Run("both at once, azurerm first", func(t *testing.T) {
		m := m.on(t)
		m.configure(withCapacity(t, withTag(t, config, "platform"), "30"))
		ours.configure(t, firewallConfig(m.account, hcl(egress...)))
		m.meet(m.writing(http.MethodPut, "deployments/gpt"), m.writing(http.MethodPatch, ""))
		theirs, err := m.Start(t.Context(), nil, arguments(apply)...)
		if err != nil {
			t.Fatal(err)
		}
		ours.apply(t)
		if out, err := theirs.Wait(); err != nil {
			t.Errorf("azurerm ended with %v:\n%s", err, out)
		}
		m.wantEntries(egress...)
	})
	ours.do(t, arguments(destroy)...)
	m.wantEntries()
	m.run("destroy")
}
