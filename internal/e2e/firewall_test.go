package e2e_test

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	tftest "github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/acctest"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/azure"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/fault"
)

const firewallAddress = "crosscloudlink_aoai_ip_firewall.test"

// theirEntries are what others have in the firewall of an account.
var theirEntries = []string{"20.50.60.70", "40.112.10.0/28"}

// seedAccount makes an account of other people; shape may change it, nil leaves it.
func seedAccount(t *testing.T, shape func(*azure.Account)) string {
	t.Helper()
	name := unique("models")
	account := azure.Account{ResourceGroup: "rg-e2e", Name: name, Subdomain: name, IPRules: theirEntries, DefaultAction: "Deny"}
	if shape != nil {
		shape(&account)
	}
	id, err := acctest.Sandbox(t).Azure().SeedAccount(account)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// entries are what an account's firewall lists, sorted.
func entries(t *testing.T, account string) []string {
	t.Helper()
	state, ok := acctest.Sandbox(t).Azure().State(account)
	if !ok {
		t.Fatalf("there is no account %s", account)
	}
	return slices.Sorted(slices.Values(state.IPRules))
}

// wantEntries compares a firewall with others' entries and ours.
func wantEntries(t *testing.T, account string, ours ...string) error {
	t.Helper()
	want := slices.Sorted(slices.Values(slices.Concat(theirEntries, ours)))
	if got := entries(t, account); !slices.Equal(got, want) {
		return fmt.Errorf("%s lists %v, want %v", account, got, want)
	}
	return nil
}

func firewallConfig(account, rules string, more ...string) string {
	return fmt.Sprintf(`
resource "crosscloudlink_aoai_ip_firewall" "test" {
  account_id = %q
  ip_rules   = %s
  %s
}
`, account, rules, strings.Join(more, "\n  "))
}

func TestFirewallLifecycle(t *testing.T) {
	cloud := acctest.Sandbox(t).Azure()
	id := seedAccount(t, nil)
	unknown := "resource \"terraform_data\" \"pool\" {\n  input = [\"52.1.2.3\", \"52.1.2.4\"]\n}\n" + firewallConfig(id, "terraform_data.pool.output")
	one := firewallConfig(id, `["52.1.2.4"]`)
	tftest.UnitTest(t, tftest.TestCase{
		ProtoV6ProviderFactories: acctest.Providers(),
		CheckDestroy:             func(*terraform.State) error { return wantEntries(t, id) },
		Steps: []tftest.TestStep{
			{
				Config: unknown,
				ConfigPlanChecks: planned(creates(firewallAddress), plancheck.ExpectUnknownValue(firewallAddress, tfjsonpath.New("admitted_public_ips")),
					plancheck.ExpectKnownValue(firewallAddress, tfjsonpath.New("id"), text(id+"#default"))),
				ConfigStateChecks: knowns(firewallAddress, map[string]knownvalue.Check{
					"id": text(id + "#default"), "owner": text("default"), "admitted_public_ips": texts("52.1.2.3", "52.1.2.4"), "unmanaged_ip_rules": texts(theirEntries...),
					"effective_ip_rules": texts(append([]string{"52.1.2.3", "52.1.2.4"}, theirEntries...)...), "rule_count": knownvalue.Int64Exact(4),
					"provisioning_state": text("Succeeded"), "custom_subdomain": knownvalue.NotNull(), "etag": knownvalue.NotNull(),
				}),
			},
			{Config: unknown, ConfigPlanChecks: settled()},
			{Config: one, ConfigPlanChecks: planned(updates(firewallAddress)), ConfigStateChecks: knowns(firewallAddress, map[string]knownvalue.Check{"admitted_public_ips": texts("52.1.2.4")})},
			// Another hand takes our entry out, which is both the drift and the end of all that is ours.
			{
				PreConfig: func() {
					if err := wantEntries(t, id, "52.1.2.4"); err != nil {
						t.Error(err)
					}
					if err := cloud.RemoveRule(id, "52.1.2.4"); err != nil {
						t.Error(err)
					}
				},
				Config: one, ConfigPlanChecks: planned(updates(firewallAddress)), ConfigStateChecks: knowns(firewallAddress, map[string]knownvalue.Check{"admitted_public_ips": texts("52.1.2.4")}),
			},
			// Another hand empties the whole firewall: ours comes back, theirs is theirs to mend.
			{PreConfig: func() {
				if err := cloud.SetRules(id); err != nil {
					t.Error(err)
				}
			}, Config: one, ConfigPlanChecks: planned(updates(firewallAddress))},
			{PreConfig: func() {
				if got := entries(t, id); !slices.Equal(got, []string{"52.1.2.4"}) {
					t.Errorf("the account lists %v", got)
				}
				if err := cloud.SetRules(id, append([]string{"52.1.2.4"}, theirEntries...)...); err != nil {
					t.Error(err)
				}
			}, Config: one, ConfigPlanChecks: planned(plancheck.ExpectResourceAction(firewallAddress, plancheck.ResourceActionNoop))},
			// As in ARM, the case of an id does not matter.
			{Config: firewallConfig(strings.ToUpper(id), `["52.1.2.4"]`), ConfigPlanChecks: settled()},
			{ResourceName: firewallAddress, ImportState: true, ImportStateId: id + "#default#52.1.2.4", ImportStateVerify: true},
			{Config: one, ResourceName: firewallAddress, ImportState: true, ImportStateId: id + "#default#52.1.2.4", ImportStateKind: tftest.ImportBlockWithID},
		},
	})
}

// Two configurations of ours share an account's list. What both list without naming it as shared goes with the
// first of them, and comes back with the next apply of the other.
func TestFirewallsOnOneAccount(t *testing.T) {
	id := seedAccount(t, nil)
	of := func(owner, rules, shared string) string {
		return fmt.Sprintf(`
resource "crosscloudlink_aoai_ip_firewall" %[1]q {
  account_id      = %[2]q
  owner           = %[1]q
  ip_rules        = %[3]s
  shared_ip_rules = %[4]s
}
`, owner, id, rules, shared)
	}
	lists := func(ours ...string) func() {
		return func() {
			t.Helper()
			if err := wantEntries(t, id, ours...); err != nil {
				t.Error(err)
			}
		}
	}
	one, other := of("one", `["52.1.2.3", "52.1.2.4"]`, "[]"), of("other", `["52.1.2.4", "52.1.2.5"]`, "[]")
	const address = "crosscloudlink_aoai_ip_firewall.other"
	tftest.UnitTest(t, tftest.TestCase{
		ProtoV6ProviderFactories: acctest.Providers(),
		CheckDestroy:             func(*terraform.State) error { return wantEntries(t, id, "52.1.2.4") },
		Steps: []tftest.TestStep{
			{Config: one + other},
			{PreConfig: lists("52.1.2.3", "52.1.2.4", "52.1.2.5"), Config: one + other, ConfigPlanChecks: settled()},
			{Config: other, ExpectNonEmptyPlan: true},
			{PreConfig: lists("52.1.2.5"), Config: other, ConfigPlanChecks: planned(updates(address))},
			{PreConfig: lists("52.1.2.4", "52.1.2.5"), Config: of("one", `["52.1.2.4"]`, `["52.1.2.4"]`) + of("other", `["52.1.2.4", "52.1.2.5"]`, `["52.1.2.4"]`)},
			{Config: of("other", `["52.1.2.4", "52.1.2.5"]`, `["52.1.2.4"]`)},
			{PreConfig: lists("52.1.2.4", "52.1.2.5"), Config: of("other", `["52.1.2.4", "52.1.2.5"]`, `["52.1.2.4"]`), ConfigPlanChecks: settled()},
		},
	})
}

// TestFirewallStruck has one point of each operation; the package of the resource has the
// others of a create.
func TestFirewallStruck(t *testing.T) {
	t.Parallel()
	ours := []string{"52.1.2.3", "52.1.2.4"}
	var id string
	set := func(t *testing.T) *stage {
		id = seedAccount(t, nil)
		s := newStage(t, firewallConfig(id, hcl(ours...)))
		s.intact = func(t *testing.T) {
			t.Helper()
			if err := wantEntries(t, id, ours...); err != nil {
				t.Error(err)
			}
		}
		s.gone = func(t *testing.T) {
			t.Helper()
			if err := wantEntries(t, id); err != nil {
				t.Error(err)
			}
		}
		s.saved = func(t *testing.T, state string) {
			t.Helper()
			for _, entry := range entries(t, id) {
				if slices.Contains(ours, entry) && !strings.Contains(state, entry) {
					t.Errorf("Azure lists %s, and the state does not", entry)
				}
			}
		}
		return s
	}
	// Azure works on the write, and its answer to how far it is is held.
	working := func(t *testing.T, _ *stage) trap {
		written := fault.Rule{Method: http.MethodPatch, Path: regexp.MustCompile("(?i)^" + regexp.QuoteMeta(id) + "$")}
		return hold(&acctest.Sandbox(t).Azure().Faults, fault.Rule{Path: regexp.MustCompile("operationResults")}, true, &written)
	}
	strikeAll(t, set, []moment{
		{wait: "Azure works on a create", command: apply, began: firewallAddress + ": Creating...", arm: working},
		{wait: "Azure works on an update", command: apply, began: firewallAddress + ": Modifying...", arm: working, prepare: func(t *testing.T, s *stage) {
			s.configure(t, firewallConfig(id, `["52.1.2.3", "52.9.9.9"]`))
			s.apply(t)
			s.configure(t, firewallConfig(id, hcl(ours...)))
		}},
		{wait: "Azure works on a destroy", command: destroy, began: firewallAddress + ": Destroying...", arm: working, prepare: func(t *testing.T, s *stage) { s.apply(t) }},
	})
}
