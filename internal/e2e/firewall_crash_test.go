package e2e_test

import (
	"fmt"
	"regexp"
	"slices"
	"testing"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/acctest"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/azure"
)

// SIGKILL of Terraform and provider behind each call to Azure, from the first write of a create, a rotation and a
// destroy on: the next run ends with the entries as configured, and those of others are never touched.
func TestFirewallKilledAtEveryCall(t *testing.T) {
	t.Parallel()
	// A location of its own tells this account's long-running operations from all others.
	const location = "norwayeast"
	id := seedAccount(t, func(a *azure.Account) { a.Location = location })
	before := accountWithoutRules(t, id)
	s := newStage(t, "")
	// At no call is an entry of others gone, not even for a moment.
	g := &guillotine{stage: s, watch: func() {
		state, _ := acctest.Sandbox(t).Azure().State(id)
		for _, theirs := range theirEntries {
			if !slices.Contains(state.IPRules, theirs) {
				t.Errorf("the account lists %v, without %s of others", state.IPRules, theirs)
			}
		}
	}}
	g.hookAzure(t, id)
	g.hookPath(&acctest.Sandbox(t).Azure().Faults, regexp.MustCompile("/locations/"+location+"/"))
	holds := func(ours ...string) func() error {
		return func() error {
			if now := accountWithoutRules(t, id); now != before {
				return fmt.Errorf("the account is %+v, and was %+v", now, before)
			}
			return wantEntries(t, id, ours...)
		}
	}
	given := func(rules string) func() {
		return func() { s.configure(t, firewallConfig(id, rules)) }
	}
	g.everyCall(t, func() []act {
		return []act{
			{command: apply, prepare: given(`["52.1.2.3", "52.1.2.4/31"]`), holds: holds("52.1.2.3", "52.1.2.4", "52.1.2.5")},
			{command: apply, prepare: given(`["52.1.2.4", "52.9.9.9"]`), holds: holds("52.1.2.4", "52.9.9.9")},
			{command: destroy, holds: holds()},
		}
	})
}

// accountSettings are what the firewall's resource has no business with.
type accountSettings struct{ defaultAction, bypass, publicAccess, key string }

func accountWithoutRules(t *testing.T, id string) accountSettings {
	t.Helper()
	state, ok := acctest.Sandbox(t).Azure().State(id)
	if !ok {
		t.Fatalf("there is no account %s", id)
	}
	return accountSettings{state.DefaultAction, state.Bypass, state.PublicNetworkAccess, state.Keys[0]}
}
