package ipfirewall

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"testing"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/fault"
)

// TestWindowOfAnotherWriter has another writer strike at each moment of our write, with Azure
// heeding If-Match and not. There is one moment, and only without If-Match, at which an entry of
// the other is lost: when it is written after the read that our write is made from and before our write arrives.
func TestWindowOfAnotherWriter(t *testing.T) {
	const theirs, ours = "9.1.1.1", "52.1.2.3"
	tests := map[string]struct {
		// strike is where the other writer, write, comes in.
		strike func(write func()) fault.Rule
		// stale has the other writer send the list that it read before our write, with its own entry.
		stale bool
		// lost says that its entry is lost where If-Match is ignored.
		lost bool
		// missing says that our entry is missing after the apply, and comes back with the next.
		missing bool
	}{
		"before our read":                        {strike: func(write func()) fault.Rule { return fault.Rule{Method: http.MethodGet, Before: write} }},
		"between our read and our write":         {strike: func(write func()) fault.Rule { return fault.Rule{Method: http.MethodGet, Then: write} }, lost: true},
		"after our write":                        {strike: func(write func()) fault.Rule { return fault.Rule{Method: http.MethodPatch, Then: write} }},
		"with a stale list before our read back": {strike: func(write func()) fault.Rule { return fault.Rule{Method: http.MethodPatch, Then: write} }, stale: true},
		"with a stale list after our read back":  {strike: func(write func()) fault.Rule { return fault.Rule{Method: http.MethodGet, Skip: 1, Then: write} }, stale: true, missing: true},
		"while our write waits for a slot": {strike: func(write func()) fault.Rule {
			return fault.Rule{Method: http.MethodPatch, Status: http.StatusTooManyRequests, Code: "TooManyRequests", Message: "Slow down.", Header: http.Header{"Retry-After-Ms": {"1"}}, Then: write}
		}},
		"while Azure is out of order for our write": {strike: func(write func()) fault.Rule {
			return fault.Rule{Method: http.MethodPatch, Status: http.StatusServiceUnavailable, Code: "ServiceUnavailable", Message: "Not now.", Then: write}
		}},
		"after a write of ours whose answer is lost": {strike: func(write func()) fault.Rule {
			return fault.Rule{Method: http.MethodPatch, LoseAnswer: true, Then: write}
		}},
	}
	for name, test := range tests {
		for _, ignored := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/ignored=%t", name, ignored), func(t *testing.T) {
				a := newAzure(t)
				a.IgnoreIfMatch(ignored)
				config := a.config(ours)
				plan, diags := a.plan(config, nil)
				if diags.HasError() {
					t.Fatal(diags)
				}
				write := func() {
					var err error
					if test.stale {
						err = a.SetRules(a.accountID, foreignHost, foreignRange, theirs)
					} else {
						err = a.AddRule(a.accountID, theirs)
					}
					if err != nil {
						t.Error(err)
					}
				}
				rule := test.strike(write)
				rule.Path = regexp.MustCompile(`(?i)` + regexp.QuoteMeta(a.accountID) + `$`)
				a.Faults.Add(rule)
				state, diags := a.applyPlan(t.Context(), plan, nil)
				if diags.HasError() {
					t.Fatal(diags)
				}
				if a.Faults.Unused() != 0 {
					t.Fatal("the other writer did not strike")
				}
				account, _ := a.State(a.accountID)
				if lost := !slices.Contains(account.IPRules, theirs); lost != (test.lost && ignored) {
					t.Errorf("the other's entry is lost: %t; the account lists %q", lost, account.IPRules)
				}
				for _, entry := range []string{foreignHost, foreignRange} {
					if !slices.Contains(account.IPRules, entry) {
						t.Errorf("%s is lost", entry)
					}
				}
				if missing := !slices.Contains(account.IPRules, ours); missing != test.missing {
					t.Errorf("our entry is missing: %t", missing)
				}
				state, diags = a.refresh(state)
				if diags.HasError() {
					t.Fatal(diags)
				}
				a.mustApply(config, state)
				if account, _ = a.State(a.accountID); !slices.Contains(account.IPRules, ours) {
					t.Errorf("the next apply left %q", account.IPRules)
				}
			})
		}
	}
}
