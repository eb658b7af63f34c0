package ipfirewall

import (
	"context"
	"encoding/json"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/fault"
)

const adoptedGoes = "Adopted firewall entries will be removed"

// wantAdopted asserts which entries the plan of a destroy calls adopted.
func (a *azure) wantAdopted(state *model, want ...string) {
	a.t.Helper()
	diags := a.planDestroy(state)
	if len(want) == 0 {
		if len(diags) != 0 {
			a.t.Errorf("the plan of the destroy says %v", diags)
		}
		return
	}
	wantDiagnostic(a.t, diags, diag.SeverityWarning, path.Empty(), adoptedGoes,
		a.accountID+" listed "+strings.Join(want, ", ")+" before", "shared_ip_rules", `on_destroy = "keep"`)
}

func TestAdoptedEntriesAreNamedBeforeTheyGo(t *testing.T) {
	a := newAzure(t)
	state := a.mustApply(a.config("52.1.2.3", foreignHost, foreignRange), nil)
	a.wantAdopted(state, foreignRange, foreignHost)

	// Leaving ip_rules is as good as a destroy.
	_, diags := a.plan(a.config("52.1.2.3", foreignHost), state)
	wantDiagnostic(t, diags, diag.SeverityWarning, path.Root("ip_rules"), adoptedGoes, foreignRange+" before", "shared_ip_rules")
	_, diags = a.plan(a.config(foreignHost, foreignRange), state)
	if len(diags) != 0 {
		t.Errorf("one of our own goes, and the plan says %v", diags)
	}

	// The way out: what is shared stays, so that nothing is said.
	config := a.config("52.1.2.3", foreignHost, foreignRange)
	config.SharedIPRules = ruleSet([]string{foreignRange})
	state = a.mustApply(config, state)
	a.wantAdopted(state, foreignHost)
	if _, diags := a.plan(a.config("52.1.2.3", foreignHost), state); len(diags) != 0 {
		t.Errorf("a shared entry leaves ip_rules, and the plan says %v", diags)
	}

	// Gone and written again, an entry is one of our own.
	state = a.mustApply(a.config("52.1.2.3"), state)
	a.wantAdopted(state)
	state = a.mustApply(a.config("52.1.2.3", foreignHost), state)
	a.wantAdopted(state)
}

// What a write of ours lists whose answer is lost is not adopted by the read that follows.
func TestWrittenEntriesAreNotAdopted(t *testing.T) {
	a := newAzure(t)
	a.Faults.Add(fault.Rule{Method: http.MethodPatch, Path: accountPath, LoseAnswer: true})
	a.wantAdopted(a.mustApply(a.config("52.1.2.3"), nil))
	if a.Faults.Unused() != 0 {
		t.Error("no answer was lost")
	}
}

// Which entries were adopted is told by their first write, whatever happened since.
func TestProvenanceSurvives(t *testing.T) {
	for name, test := range map[string]func(a *azure, state *model) *model{
		"a refresh": func(a *azure, state *model) *model {
			state, _ = a.refresh(state)
			return state
		},
		"an update beside it": func(a *azure, state *model) *model {
			return a.mustApply(a.config("52.1.2.3", "52.1.2.4", foreignHost), state)
		},
		"a change of the state alone": func(a *azure, state *model) *model {
			config := a.config("52.1.2.3", foreignHost)
			config.AllowLockout = types.BoolValue(true)
			return a.mustApply(config, state)
		},
		"that both are removed by hand, and written again": func(a *azure, state *model) *model {
			_ = a.SetRules(a.accountID, foreignRange)
			state, _ = a.refresh(state)
			return a.mustApply(a.config("52.1.2.3", foreignHost), state)
		},
		"that both are removed by hand, and listed by hand again": func(a *azure, state *model) *model {
			_ = a.SetRules(a.accountID, foreignRange)
			state, _ = a.refresh(state)
			_ = a.SetRules(a.accountID, foreignRange, foreignHost, "52.1.2.3")
			return a.mustApply(a.config("52.1.2.3", foreignHost), state)
		},
		"an update whose end was not seen": func(a *azure, state *model) *model {
			planned, _ := a.plan(a.config("52.1.2.4", foreignHost), state)
			a.Faults.Add(
				fault.Rule{Method: http.MethodGet, Path: operationPath, Status: http.StatusForbidden, Code: "AuthorizationFailed"},
				fault.Rule{Method: http.MethodGet, Path: accountPath, Skip: 1, Status: http.StatusForbidden, Code: "AuthorizationFailed"},
			)
			state, diags := a.applyPlan(a.t.Context(), planned, state)
			if !diags.HasError() || a.Faults.Unused() != 0 {
				a.t.Errorf("the update went well: %v", diags)
			}
			return state
		},
		"a killed update": func(a *azure, state *model) *model {
			a.mustApply(a.config("52.1.2.4", foreignHost), state) // its state is lost
			state, _ = a.refresh(state)
			return state
		},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAzure(t)
			state := test(a, a.mustApply(a.config("52.1.2.3", foreignHost), nil))
			a.wantAdopted(state, foreignHost)
			a.mustDestroy(state)
		})
	}
}

// Without its private state the resource does what it does with it, and warns of nothing.
func TestLostProvenance(t *testing.T) {
	a := newAzure(t)
	state := a.mustApply(a.config("52.1.2.3", foreignHost), nil)
	a.saved.Delete(state)
	a.wantAdopted(state)
	state = a.mustApply(a.config("52.1.2.3", "52.1.2.4", foreignHost), state)
	a.wantAdopted(state)
	a.mustDestroy(state)
	a.wantRules(foreignRange)
}

// unreadable is a private state that an older or newer version may have written.
type unreadable struct{ privateState }

func (unreadable) GetKey(context.Context, string) ([]byte, diag.Diagnostics) {
	return []byte(`{"adopted":["9.9.9.9"],"written":1}`), nil
}

func TestUnreadableProvenance(t *testing.T) {
	if got := recall(t.Context(), unreadable{}); got.Adopted != nil || got.Written != nil {
		t.Errorf("recalled %+v", got)
	}
}

// An import takes over what others listed, or a state that was lost: it cannot know which.
func TestImportAdopts(t *testing.T) {
	for name, id := range map[string]string{"with entries": "#team#52.1.2.3", "without entries": "#team"} {
		t.Run(name, func(t *testing.T) {
			a := newAzure(t)
			if err := a.AddRule(a.accountID, "52.1.2.3"); err != nil {
				t.Fatal(err)
			}
			state := a.importOf(a.accountID + id)
			config := a.config("52.1.2.3", "52.1.2.4")
			config.Owner = types.StringValue("team")
			state = a.mustApply(config, state)
			a.wantAdopted(state, "52.1.2.3")
		})
	}
}

func TestProvenanceAfter(t *testing.T) {
	known := provenance{Adopted: []string{"9.9.9.9", "9.9.9.8"}, Written: []string{"52.1.2.3", "52.1.2.2"}}
	account := accountWith(t, "52.1.2.3", "52.1.2.4/32", "52.1.2.6")
	got := known.after([]string{"9.9.9.9", "52.1.2.3", "52.1.2.4", "52.1.2.5", "52.1.2.6"}, []string{"52.1.2.6"}, account)
	want := provenance{Adopted: []string{"9.9.9.9", "52.1.2.4"}, Written: []string{"52.1.2.3", "52.1.2.5"}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
	if got := known.after([]string{"9.9.9.9", "52.1.2.9"}, nil, nil); !reflect.DeepEqual(got, provenance{Adopted: []string{"9.9.9.9"}, Written: []string{}}) {
		t.Errorf("with an account that was not read: %+v", got)
	}
	raw, err := json.Marshal(want)
	if err != nil || string(raw) != `{"adopted":["9.9.9.9","52.1.2.4"],"written":["52.1.2.3","52.1.2.5"]}` {
		t.Errorf("kept as %s: %v", raw, err)
	}
}
