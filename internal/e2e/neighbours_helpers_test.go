package e2e_test

import (
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/acctest"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/fault"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/tfrun"
)

// guide is the page whose claims the tests of neighbours play.
const guide = "../../templates/guides/beside-azurerm.md"

var guideSnippet = regexp.MustCompile("(?ms)^```terraform\n(.*?)^```$")

// guideConfig is the guide's configuration for azurerm.
func guideConfig(t *testing.T, account string) string {
	t.Helper()
	return snippet(t, guideSnippet, account)
}

// snippet is the first configuration of the guide in such a fence, word for word but for the account's name.
func snippet(t *testing.T, fence *regexp.Regexp, account string) string {
	t.Helper()
	page, err := os.ReadFile(guide)
	if err != nil {
		t.Fatal(err)
	}
	found := fence.FindSubmatch(page)
	if found == nil {
		t.Fatalf("%s shows no configuration", guide)
	}
	return edited(t, string(found[1]), `"acme"`, quoted(account))
}

// edited replaces a passage of a configuration, which has to be there.
func edited(t *testing.T, config, old, replacement string) string {
	t.Helper()
	if !strings.Contains(config, old) {
		t.Fatalf("the configuration does not say %q:\n%s", old, config)
	}
	return strings.ReplaceAll(config, old, replacement)
}

// withoutResource leaves a resource out of a configuration.
func withoutResource(t *testing.T, config, address string) string {
	t.Helper()
	kind, name, _ := strings.Cut(address, ".")
	block := regexp.MustCompile(`(?ms)^resource "` + kind + `" "` + name + `" \{\n.*?^\}\n`)
	if !block.MatchString(config) {
		t.Fatalf("the configuration has no %s:\n%s", address, config)
	}
	return block.ReplaceAllString(config, "")
}

// neighbours is a root module of azurerm and our firewall on one account.
type neighbours struct {
	azureModule
	account string // its ARM id
}

// newNeighbours makes a root module with a resource group that exists, and no configuration yet.
func newNeighbours(t *testing.T, account string) neighbours {
	t.Helper()
	group := "rg-" + account
	cloud := acctest.Sandbox(t).Azure()
	cloud.SeedUserAssignedIdentity(group, "neighbour") // makes the group
	m := azureModule{t, acctest.Config(t, acctest.Sandbox(t), azureHead(true), "TF_VAR_resource_group_name="+group, "TF_VAR_location=eastus",
		"TF_VAR_egress_public_ips="+hcl(egress...))}
	return neighbours{m, "/subscriptions/" + cloud.SubscriptionID() + "/resourceGroups/" + group + "/providers/Microsoft.CognitiveServices/accounts/" + account}
}

// egress is what the guide's variable egress_public_ips has unless a test says otherwise.
var egress = []string{"52.1.2.3", "52.1.2.4"}

// on is the module with the errors of its runs in another test.
func (m neighbours) on(t *testing.T) neighbours {
	m.t = t
	return m
}

// configure replaces the configuration.
func (m neighbours) configure(config string) {
	m.t.Helper()
	if err := os.WriteFile(filepath.Join(m.Dir, "main.tf"), []byte(azureHead(true)+config), 0o600); err != nil {
		m.t.Fatal(err)
	}
}

// applyPlan applies the plan that was made last, by changes or wantChanges.
func (m neighbours) applyPlan() {
	m.t.Helper()
	if _, err := m.Do(m.t.Context(), "apply", "-input=false", "-no-color", tfrun.PlanFile); err != nil {
		m.t.Fatal(err)
	}
}

// wantEntries compares the account's firewall with others' entries and ours.
func (m neighbours) wantEntries(ours ...string) {
	m.t.Helper()
	if err := wantEntries(m.t, m.account, ours...); err != nil {
		m.t.Error(err)
	}
}

// add adds an entry by another hand.
func (m neighbours) add(entries ...string) {
	m.t.Helper()
	for _, entry := range entries {
		if err := acctest.Sandbox(m.t).Azure().AddRule(m.account, entry); err != nil {
			m.t.Fatal(err)
		}
	}
}

// conflicts are the writes to the account so far, and to what belongs to it, that Azure refused because it was
// at work on another: "PUT deployments/chat".
func (m neighbours) conflicts() []string {
	m.t.Helper()
	var out []string
	for _, e := range acctest.Sandbox(m.t).Azure().Faults.Log() {
		rest, ok := strings.CutPrefix(strings.ToLower(e.Path), strings.ToLower(m.account))
		if ok && e.Status == http.StatusConflict {
			out = append(out, strings.TrimSpace(e.Method+" "+strings.TrimPrefix(rest, "/")))
		}
	}
	return out
}

// wantNoConflicts checks that no write has met another.
func (m neighbours) wantNoConflicts() {
	m.t.Helper()
	if got := m.conflicts(); len(got) > 0 {
		m.t.Errorf("Azure refused %q beside other writes", got)
	}
}

// meet has the next request that matches second reach Azure while it works on the next one that matches first,
// which is held until then. They have to be without order, or Terraform makes neither.
func (m neighbours) meet(first, second fault.Rule) {
	arrived, began := make(chan struct{}), make(chan struct{})
	wait := func(event <-chan struct{}) {
		select {
		case <-event:
		case <-time.After(patience):
			m.t.Errorf("%s %s and %s %s have not met", first.Method, first.Path, second.Method, second.Path)
		case <-m.t.Context().Done():
		}
	}
	first.Before, first.Then = func() { wait(arrived) }, func() { close(began) }
	second.Before = func() { close(arrived); wait(began) }
	acctest.Sandbox(m.t).Azure().Faults.Add(first, second)
}

// writing matches a write to the account itself, or to what it has ("deployments/gpt").
func (m neighbours) writing(method, child string) fault.Rule {
	return fault.Rule{Method: method, Path: regexp.MustCompile("(?i)^" + regexp.QuoteMeta(strings.TrimSuffix(m.account+"/"+child, "/")) + "$")}
}

// failed runs a command that has to fail with an error that says this.
func (m neighbours) failed(command string, parts ...string) {
	m.t.Helper()
	out, err := m.Do(m.t.Context(), arguments(command)...)
	if err == nil {
		m.t.Errorf("terraform %s has not failed", command)
	} else if !said(parts...).MatchString(strings.ReplaceAll(out, "│", "")) {
		m.t.Errorf("the error does not say %q:\n%s", parts, out)
	}
}

// since are the account's writes from the n-th on.
func (m neighbours) since(n int) []string { return slices.Clone(writes(m.t, m.account)[n:]) }
