package ipfirewall

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/fault"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/waiter"
)

// What each operation asks of Azure. A plan that asks something of the account reads it, and
// whether a network security perimeter stands in front of it; an empty one, with the refresh
// before it, is one call in all.
var (
	planCalls    = map[string]int{"Accounts_Get": 1, "NetworkSecurityPerimeterConfigurations_List": 1}
	refreshCalls = map[string]int{"Accounts_Get": 1}
	writeCalls   = map[string]int{"Accounts_Get": 2, "Accounts_Update": 1}
)

func TestCallCounts(t *testing.T) {
	for _, entries := range []int{1, 10, 98} {
		t.Run(fmt.Sprintf("%d entries", entries), func(t *testing.T) {
			rules := make([]string, entries)
			for i := range rules {
				rules[i] = fmt.Sprintf("52.1.%d.7", i)
			}
			a := newAzure(t)
			a.calls()
			planned, _ := a.plan(a.config(rules...), nil)
			a.wantCalls("the plan of a create", planCalls)
			state, diags := a.applyPlan(t.Context(), planned, nil)
			if diags.HasError() {
				t.Fatal(diags)
			}
			a.wantCalls("a create", writeCalls)
			if _, diags := a.refresh(state); diags.HasError() {
				t.Fatal(diags)
			}
			a.wantCalls("a refresh", refreshCalls)
			if _, diags := a.plan(a.config(rules...), state); len(diags) != 0 {
				t.Fatal(diags)
			}
			a.wantCalls("a plan without changes", nil)

			// An update that changes nothing in Azure reads once and writes nothing.
			config := a.config(rules...)
			config.DefaultAction = types.StringValue("Deny")
			planned, _ = a.plan(config, state)
			a.wantCalls("the plan of an update", planCalls)
			if state, diags = a.applyPlan(t.Context(), planned, state); diags.HasError() {
				t.Fatal(diags)
			}
			a.wantCalls("an update without changes in Azure", refreshCalls)
			config = a.config("52.2.3.4")
			planned, _ = a.plan(config, state)
			a.wantCalls("the plan of a rotation", planCalls)
			if state, diags = a.applyPlan(t.Context(), planned, state); diags.HasError() {
				t.Fatal(diags)
			}
			a.wantCalls("a rotation", writeCalls)
			if diags := a.planDestroy(state); diags.HasError() {
				t.Fatal(diags)
			}
			a.wantCalls("the plan of a destroy", nil)
			a.mustDestroy(state)
			a.wantCalls("a destroy", writeCalls)
		})
	}
}

// An operation is first looked at when Azure asks for it, and no later than any other wait looks.
func TestFirstLookAtAnOperation(t *testing.T) {
	for _, test := range []struct {
		asked  string
		looks  int
		within time.Duration
	}{
		{asked: "4", looks: 1, within: 5 * time.Second}, // the sandbox's operations take 3 s
		{asked: "1", looks: 3, within: 5 * time.Second},
		{asked: "3600", looks: 1, within: waiter.DefaultMax + time.Second},
	} {
		t.Run(test.asked, func(t *testing.T) {
			a := newAzure(t)
			planned, _ := a.plan(a.config("52.1.2.3"), nil)
			a.calls()
			a.Faults.Add(a.askedToWait(fault.Rule{Method: http.MethodPatch, Path: accountPath}, test.asked)...)
			before := a.clock.Now()
			if _, diags := a.applyPlan(t.Context(), planned, nil); diags.HasError() {
				t.Fatal(diags)
			}
			if looks := a.calls()["Operations_Get"]; looks > test.looks {
				t.Errorf("%d looks at the operation, want at most %d", looks, test.looks)
			}
			if took := a.clock.Now().Sub(before); took > test.within {
				t.Errorf("took %s, want at most %s", took, test.within)
			}
		})
	}
}
