package ipfirewall

import (
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// keeping is a configuration whose destroy leaves the entries.
func (a *azure) keeping(rules ...string) model {
	config := a.config(rules...)
	config.OnDestroy = types.StringValue(OnDestroyKeep)
	return config
}

func TestKeepOnDestroy(t *testing.T) {
	a := newAzure(t)
	state := a.mustApply(a.keeping("52.1.2.3", "52.1.2.4/31", "52.1.2.9"), nil)
	// What leaves ip_rules goes whatever a destroy does.
	state = a.mustApply(a.keeping("52.1.2.3", "52.1.2.4/31"), state)
	a.wantRules(foreignHost, foreignRange, "52.1.2.3", "52.1.2.4", "52.1.2.5")
	a.calls()
	diags := a.planDestroy(state)
	wantDiagnostic(t, diags, diag.SeverityWarning, path.Empty(), "Firewall entries will stay", a.accountID, "52.1.2.3, 52.1.2.4, 52.1.2.5", `on_destroy = "remove_entries"`)
	if len(diags) != 1 {
		t.Errorf("the plan of the destroy says %v", diags)
	}
	if diags := a.destroy(t.Context(), state); len(diags) != 0 {
		t.Errorf("destroy: %v", diags)
	}
	a.wantCalls("a destroy that keeps the entries", nil)
	a.wantRules(foreignHost, foreignRange, "52.1.2.3", "52.1.2.4", "52.1.2.5")
}

func TestNothingToKeep(t *testing.T) {
	a := newAzure(t)
	if diags := a.planDestroy(a.mustApply(a.keeping(), nil)); len(diags) != 0 {
		t.Errorf("the plan of the destroy says %v", diags)
	}
}

// What Azure has no part in changes the state alone: the plan knows the result, whatever
// others have done to the account since it was read.
func TestChangesOfTheStateAlone(t *testing.T) {
	for name, change := range map[string]func(a *azure, config *model){
		"on_destroy":      func(_ *azure, config *model) { config.OnDestroy = types.StringValue(OnDestroyKeep) },
		"shared_ip_rules": func(_ *azure, config *model) { config.SharedIPRules = ruleSet([]string{"52.1.2.3"}) },
		"allow_lockout":   func(_ *azure, config *model) { config.AllowLockout = types.BoolValue(true) },
		"timeouts":        func(_ *azure, config *model) { *config = withTimeout(*config, "update", "1m") },
	} {
		t.Run(name, func(t *testing.T) {
			a := newAzure(t)
			state := a.mustApply(a.config("52.1.2.3"), nil)
			config := a.config("52.1.2.3")
			change(a, &config)
			a.calls()
			planned, diags := a.plan(config, state)
			if len(diags) != 0 || planned.plan.Action != "update" || !planned.plan.Planned.IsFullyKnown() {
				t.Fatalf("planned %q %s, %v", planned.plan.Action, planned.plan.Planned, diags)
			}
			if err := a.AddRule(a.accountID, "7.7.7.7"); err != nil {
				t.Fatal(err)
			}
			after, diags := a.applyPlan(t.Context(), planned, state)
			if len(diags) != 0 || !after.EffectiveIPRules.Equal(state.EffectiveIPRules) {
				t.Errorf("state %+v, %v", after, diags)
			}
			a.wantCalls("the change", nil)
			after, _ = a.refresh(after)
			if planned, diags := a.plan(config, after); planned.plan.Action != "none" || len(diags) != 0 {
				t.Errorf("the next plan is %q: %v", planned.plan.Action, diags)
			}
			a.wantRules(foreignHost, foreignRange, "7.7.7.7", "52.1.2.3")
		})
	}
}

// Terraform plans no destruction within a replacement: the replacement's own plan warns.
func TestReplacementWarnsAsADestroyDoes(t *testing.T) {
	a := newAzure(t)
	elsewhere := func(config model) model {
		config.Owner = types.StringValue("another")
		return config
	}
	state := a.mustApply(a.keeping("52.1.2.3"), nil)
	planned, diags := a.plan(elsewhere(a.keeping("52.1.2.3")), state)
	if planned.plan.Action != "replace" {
		t.Errorf("planned %q", planned.plan.Action)
	}
	wantDiagnostic(t, diags, diag.SeverityWarning, path.Empty(), "Firewall entries will stay", "52.1.2.3")

	state = a.mustApply(a.config("52.1.2.3", foreignHost), state)
	_, diags = a.plan(elsewhere(a.config("52.1.2.3", foreignHost)), state)
	wantDiagnostic(t, diags, diag.SeverityWarning, path.Empty(), "Adopted firewall entries will be removed", foreignHost)
}
