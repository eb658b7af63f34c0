package workspacenetwork

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/databricks/databricks-sdk-go/service/provisioning"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/resourcetest"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/workspace"
)

type attrs = resourcetest.Attrs

func newTerraform(t *testing.T, w *world) *resourcetest.Terraform {
	t.Helper()
	return resourcetest.New(t, func() resource.Resource { return &Resource{connector: w} })
}

func given(more attrs) attrs {
	all := attrs{"workspace_id": workspaceID, "network_connectivity_config_id": ourNCC, "network_policy_id": ourPolicy}
	for name, value := range more {
		all[name] = value
	}
	return all
}

func TestLife(t *testing.T) {
	w := newWorld()
	tf := newTerraform(t, w)
	p, ok := tf.Plan(given(nil))
	tf.Expect(ok)
	tf.ExpectSilence()
	for name, want := range map[string]string{"id": idText, "region": "us-east-1", "status": "?", "restore_network_connectivity_config_id": "?", "restore_network_policy_id": "?"} {
		if got := tf.Get(p.Planned, name); got != want {
			t.Errorf("%s is planned as %q, want %q", name, got, want)
		}
	}
	w.expectCalls(t, map[string]int{getWorkspace: 1, getPolicyOf: 1, getNCC: 1, listCall: 1})

	tf.Expect(tf.ApplyPlan(t.Context(), p))
	tf.ExpectSilence()
	if want := []string{attachCall, bindCall}; !slices.Equal(w.order, want) {
		t.Errorf("the changes are %v, want %v", w.order, want)
	}
	// The two reads before, the changes, the looks until it runs, the policy read back.
	w.expectCalls(t, map[string]int{getWorkspace: 3, getPolicyOf: 2, attachCall: 1, bindCall: 1})
	w.expectNetwork(t, ourNCC, ourPolicy)
	tf.ExpectState(attrs{
		"id": idText, "status": "bound", "status_reason": "", "workspace_status": "RUNNING", "workspace_name": "data", "region": "us-east-1",
		"restore_network_connectivity_config_id": theirNCC, "restore_network_policy_id": theirPolicy,
	})

	tf.Expect(tf.Refresh())
	tf.ExpectPlan(given(nil), "none")
	w.expectCalls(t, map[string]int{getWorkspace: 1, getPolicyOf: 1})

	tf.Expect(tf.Destroy(t.Context()))
	tf.ExpectSilence()
	if want := []string{bindCall, attachCall}; !slices.Equal(w.order, want) {
		t.Errorf("the changes of the destroy are %v, want %v", w.order, want)
	}
	w.expectNetwork(t, theirNCC, theirPolicy)
	// The plan's look and check, the destroy's own, the changes, and the looks until it runs.
	w.expectCalls(t, map[string]int{getWorkspace: 4, getPolicyOf: 3, getNCC: 2, listCall: 1, getPolicy: 2, bindCall: 1, attachCall: 1})
}

func TestOnePartAlone(t *testing.T) {
	for part, c := range map[string]struct {
		given                 attrs
		ncc, policy           string
		restoreNCC, restoreNP string
	}{
		"NCC":    {attrs{"workspace_id": workspaceID, "network_connectivity_config_id": ourNCC}, ourNCC, theirPolicy, theirNCC, ""},
		"policy": {attrs{"workspace_id": workspaceID, "network_policy_id": ourPolicy}, theirNCC, ourPolicy, "", theirPolicy},
	} {
		t.Run(part, func(t *testing.T) {
			w := newWorld()
			tf := newTerraform(t, w)
			tf.Expect(tf.Apply(t.Context(), c.given))
			w.expectNetwork(t, c.ncc, c.policy)
			tf.ExpectState(attrs{"restore_network_connectivity_config_id": c.restoreNCC, "restore_network_policy_id": c.restoreNP})
			// The other part is nobody's business here.
			if part == "NCC" {
				w.policy = otherPolicy
			} else {
				w.workspace.NetworkConnectivityConfigId = ""
			}
			tf.Expect(tf.Refresh())
			tf.ExpectPlan(c.given, "none")
			w.count()
			tf.Expect(tf.Destroy(t.Context()))
			tf.ExpectSilence()
			if part == "NCC" {
				w.expectNetwork(t, theirNCC, otherPolicy)
				w.expectChanges(t, 1, 0)
			} else {
				w.expectNetwork(t, "", theirPolicy)
				w.expectChanges(t, 0, 1)
			}
		})
	}
}

func TestNothingIsSentForWhatIsAlreadySo(t *testing.T) {
	w := newWorld()
	w.workspace.NetworkConnectivityConfigId, w.policy = ourNCC, ourPolicy
	tf := newTerraform(t, w)
	p, ok := tf.Plan(given(nil))
	tf.Expect(ok)
	tf.ExpectSaid("The workspace is bound already", "The workspace is under the network policy already", "restore_network_connectivity_config_id", "restore_network_policy_id")
	w.count()
	tf.Expect(tf.ApplyPlan(t.Context(), p))
	w.expectCalls(t, map[string]int{getWorkspace: 1, getPolicyOf: 1})
	tf.ExpectState(attrs{"status": "bound", "restore_network_connectivity_config_id": ourNCC, "restore_network_policy_id": ourPolicy})
	tf.Expect(tf.Destroy(t.Context()))
	w.expectChanges(t, 0, 0)
	w.expectNetwork(t, ourNCC, ourPolicy)
}

// A killed apply leaves no state: what was there before can only be told by the user.
func TestAfterAKilledApplyTheFormerNetworkCanBeNamed(t *testing.T) {
	w := newWorld()
	tf := newTerraform(t, w)
	tf.Expect(tf.Apply(t.Context(), given(nil)))
	tf.Forget()
	known := given(attrs{"restore_network_connectivity_config_id": theirNCC, "restore_network_policy_id": theirPolicy})
	_, ok := tf.Plan(known)
	tf.Expect(ok)
	tf.ExpectSilence()
	tf.Expect(tf.Apply(t.Context(), known))
	tf.Expect(tf.Destroy(t.Context()))
	w.expectNetwork(t, theirNCC, theirPolicy)
}

func TestAKilledUpdateIsTakenUp(t *testing.T) {
	w := newWorld()
	tf := newTerraform(t, w)
	tf.Expect(tf.Apply(t.Context(), given(nil)))
	saved := tf.State
	other := given(attrs{"network_connectivity_config_id": otherNCC, "network_policy_id": otherPolicy})
	tf.Expect(tf.Apply(t.Context(), other))
	tf.State = saved
	tf.Expect(tf.Refresh())
	tf.ExpectPlan(other, "update")
	w.count()
	tf.Expect(tf.Apply(t.Context(), other))
	w.expectChanges(t, 0, 0)
	tf.Expect(tf.Refresh())
	tf.ExpectPlan(other, "none")
	tf.Expect(tf.Destroy(t.Context()))
	tf.ExpectSilence()
	w.expectNetwork(t, theirNCC, theirPolicy)
}

func TestDriftIsShownAndRepaired(t *testing.T) {
	for part, drift := range map[string]func(*world){
		"NCC":    func(w *world) { w.workspace.NetworkConnectivityConfigId = otherNCC },
		"no NCC": func(w *world) { w.workspace.NetworkConnectivityConfigId = "" },
		"policy": func(w *world) { w.policy = otherPolicy },
		"both":   func(w *world) { w.workspace.NetworkConnectivityConfigId, w.policy = otherNCC, otherPolicy },
		"default policy, as a workspace without any answers": func(w *world) { w.policy = "" },
	} {
		t.Run(part, func(t *testing.T) {
			w := newWorld()
			tf := newTerraform(t, w)
			tf.Expect(tf.Apply(t.Context(), given(nil)))
			drift(w)
			tf.Expect(tf.Refresh())
			tf.ExpectPlan(given(nil), "update")
			tf.Expect(tf.Apply(t.Context(), given(nil)))
			w.expectNetwork(t, ourNCC, ourPolicy)
			tf.ExpectState(attrs{"status": "bound", "restore_network_connectivity_config_id": theirNCC, "restore_network_policy_id": theirPolicy})
			tf.Expect(tf.Refresh())
			tf.ExpectPlan(given(nil), "none")
			tf.Expect(tf.Destroy(t.Context()))
			w.expectNetwork(t, theirNCC, theirPolicy)
		})
	}
}

// A workspace that was never given a policy is under the default one.
func TestNoPolicyIsTheDefaultOne(t *testing.T) {
	w := newWorld()
	w.policy = ""
	tf := newTerraform(t, w)
	plain := given(attrs{"network_policy_id": workspace.DefaultPolicyID})
	tf.Expect(tf.Apply(t.Context(), plain))
	w.expectChanges(t, 1, 0)
	tf.Expect(tf.Refresh())
	tf.ExpectPlan(plain, "none")
	tf.Expect(tf.Apply(t.Context(), given(nil)))
	tf.ExpectState(attrs{"restore_network_policy_id": workspace.DefaultPolicyID})
}

func TestDestroyLeavesWhatIsForeign(t *testing.T) {
	w := newWorld()
	tf := newTerraform(t, w)
	tf.Expect(tf.Apply(t.Context(), given(nil)))
	w.workspace.NetworkConnectivityConfigId = otherNCC
	// A destroy refreshes first, which must not make the foreign binding ours.
	tf.Expect(tf.Refresh())
	tf.ExpectState(attrs{"network_connectivity_config_id": otherNCC})
	w.count()
	tf.Expect(tf.Destroy(t.Context()))
	tf.ExpectSaid("bound to another NCC since", ourNCC, otherNCC)
	w.expectChanges(t, 0, 1)
	w.expectNetwork(t, otherNCC, theirPolicy)

	w = newWorld()
	tf = newTerraform(t, w)
	tf.Expect(tf.Apply(t.Context(), given(nil)))
	w.policy = otherPolicy
	tf.Expect(tf.Refresh())
	w.count()
	tf.Expect(tf.Destroy(t.Context()))
	tf.ExpectSaid("under another network policy since", ourPolicy, otherPolicy)
	w.expectChanges(t, 1, 0)
	w.expectNetwork(t, theirNCC, otherPolicy)
}

func TestUpdate(t *testing.T) {
	w := newWorld()
	tf := newTerraform(t, w)
	tf.Expect(tf.Apply(t.Context(), given(nil)))
	w.count()

	other := given(attrs{"network_connectivity_config_id": otherNCC})
	tf.Expect(tf.Apply(t.Context(), other))
	w.expectChanges(t, 1, 0)
	w.expectNetwork(t, otherNCC, ourPolicy)
	tf.ExpectState(attrs{"restore_network_connectivity_config_id": theirNCC, "restore_network_policy_id": theirPolicy})

	// Settings alone need no call, but for a look at an NCC that is named anew.
	w.count()
	settings := given(attrs{"network_connectivity_config_id": otherNCC, "restore_network_connectivity_config_id": ourNCC, "wait_for_rules": false, "timeouts": map[string]string{"create": "9m"}})
	tf.ExpectPlan(settings, "update")
	tf.Expect(tf.Apply(t.Context(), settings))
	w.expectCalls(t, map[string]int{getNCC: 2})
	settings["wait_for_rules"] = true
	tf.Expect(tf.Apply(t.Context(), settings))
	w.expectCalls(t, map[string]int{})
	tf.ExpectState(attrs{"restore_network_connectivity_config_id": ourNCC})
	// Without the setting it is again what was there before.
	tf.Expect(tf.Apply(t.Context(), other))
	tf.ExpectState(attrs{"restore_network_connectivity_config_id": theirNCC})

	// A part that is left out is let go of; one that comes back is taken over anew.
	policyAlone := attrs{"workspace_id": workspaceID, "network_policy_id": ourPolicy}
	w.count()
	tf.Expect(tf.Apply(t.Context(), policyAlone))
	w.expectChanges(t, 0, 0)
	tf.ExpectState(attrs{"network_connectivity_config_id": "", "restore_network_connectivity_config_id": ""})
	tf.Expect(tf.Refresh())
	tf.ExpectPlan(policyAlone, "none")
	w.workspace.NetworkConnectivityConfigId = ourNCC
	tf.Expect(tf.Apply(t.Context(), other))
	tf.ExpectState(attrs{"restore_network_connectivity_config_id": ourNCC, "restore_network_policy_id": theirPolicy})
	tf.Expect(tf.Destroy(t.Context()))
	w.expectNetwork(t, ourNCC, theirPolicy)
}

func TestAnotherWorkspaceReplaces(t *testing.T) {
	w := newWorld()
	tf := newTerraform(t, w)
	tf.Expect(tf.Apply(t.Context(), given(nil)))
	tf.ExpectPlan(given(attrs{"workspace_id": workspaceID + 1}), "replace")
	if tf.Apply(t.Context(), given(attrs{"workspace_id": workspaceID + 1})) {
		t.Error("bound a workspace that does not exist")
	}
	w.expectNetwork(t, theirNCC, theirPolicy)
}

func TestRules(t *testing.T) {
	withRule := func(more attrs) attrs {
		all := given(attrs{"private_endpoint_rule_ids": []string{ruleID}})
		for name, value := range more {
			all[name] = value
		}
		return all
	}
	t.Run("are waited for", func(t *testing.T) {
		w := newWorld()
		w.addRule("rule-0", "REJECTED") // of no concern
		rule := w.addRule(ruleID, "CREATING")
		w.steps = []func(){
			func() { rule.ConnectionState = "PENDING"; w.expectChanges(t, 0, 0) },
			func() {},
			func() { rule.ConnectionState = "ESTABLISHED"; w.expectChanges(t, 0, 0) },
		}
		tf := newTerraform(t, w)
		_, ok := tf.Plan(withRule(nil))
		tf.Expect(ok)
		tf.ExpectSaid("will wait for private endpoint rules", "rule-1 is CREATING")
		tf.Expect(tf.Apply(t.Context(), withRule(nil)))
		tf.ExpectState(attrs{"status": "bound"})
		w.expectNetwork(t, ourNCC, ourPolicy)
		w.count()
		tf.Expect(tf.Refresh())
		tf.ExpectPlan(withRule(nil), "none")
		w.expectCalls(t, map[string]int{getWorkspace: 1, getPolicyOf: 1})
	})
	t.Run("are not waited for", func(t *testing.T) {
		w := newWorld()
		rule := w.addRule(ruleID, "PENDING")
		tf := newTerraform(t, w)
		patient := withRule(attrs{"wait_for_rules": false})
		_, ok := tf.Plan(patient)
		tf.Expect(ok)
		tf.ExpectSilence()
		w.count()
		tf.Expect(tf.Apply(t.Context(), patient))
		tf.ExpectSaid("Waiting for private endpoint rules", "rule-1 is PENDING")
		tf.ExpectState(attrs{"status": "waiting_for_rules", "status_reason": "rule rule-1 is PENDING", "workspace_status": "RUNNING", "restore_network_connectivity_config_id": theirNCC})
		w.expectChanges(t, 0, 0)
		tf.Expect(tf.Refresh())
		tf.ExpectState(attrs{"status": "waiting_for_rules", "network_connectivity_config_id": ourNCC, "network_policy_id": ourPolicy})
		tf.ExpectPlan(patient, "update")
		tf.Expect(tf.Apply(t.Context(), patient))
		tf.ExpectState(attrs{"status": "waiting_for_rules"})
		w.expectChanges(t, 0, 0)
		// What somebody else binds meanwhile is what was there before.
		w.workspace.NetworkConnectivityConfigId = otherNCC
		tf.Expect(tf.Refresh())
		rule.ConnectionState = "ESTABLISHED"
		tf.Expect(tf.Apply(t.Context(), patient))
		tf.ExpectState(attrs{"status": "bound", "status_reason": "", "restore_network_connectivity_config_id": otherNCC})
		w.expectNetwork(t, ourNCC, ourPolicy)
		tf.Expect(tf.Refresh())
		tf.ExpectPlan(patient, "none")
	})
	t.Run("were never established", func(t *testing.T) {
		w := newWorld()
		w.workspace.NetworkConnectivityConfigId = ""
		w.addRule(ruleID, "PENDING")
		tf := newTerraform(t, w)
		tf.Expect(tf.Apply(t.Context(), withRule(attrs{"wait_for_rules": false})))
		tf.Expect(tf.Destroy(t.Context()))
		w.expectChanges(t, 0, 0)
	})
	t.Run("of a workspace that is bound already", func(t *testing.T) {
		w := newWorld()
		w.addRule(ruleID, "ESTABLISHED")
		tf := newTerraform(t, w)
		tf.Expect(tf.Apply(t.Context(), withRule(nil)))
		w.addRule("rule-2", "PENDING")
		w.count()
		more := withRule(attrs{"private_endpoint_rule_ids": []string{ruleID, "rule-2"}, "wait_for_rules": false, "network_connectivity_config_id": ourNCC})
		tf.Expect(tf.Apply(t.Context(), more))
		tf.ExpectState(attrs{"status": "waiting_for_rules"})
		w.expectChanges(t, 0, 0)
		tf.Expect(tf.Refresh())
		tf.ExpectPlan(more, "update")
		tf.Expect(tf.Destroy(t.Context()))
		w.expectNetwork(t, theirNCC, theirPolicy)
	})
	t.Run("time out", func(t *testing.T) {
		w := newWorld()
		w.addRule(ruleID, "PENDING")
		tf := newTerraform(t, w)
		tf.Refuse(tf.Apply(t.Context(), withRule(attrs{"timeouts": map[string]string{"create": "50ms"}})),
			"not established in time", "rule-1 is PENDING", "wait_for_rules = false", "was not changed")
		if !tf.State.IsNull() {
			t.Errorf("state holds %s", tf.State)
		}
		w.expectChanges(t, 0, 0)
	})
	for _, state := range []string{"REJECTED", "EXPIRED", "DISCONNECTED", "CREATE_FAILED"} {
		t.Run("that are "+state, func(t *testing.T) {
			w := newWorld()
			w.addRule(ruleID, state).ErrorMessage = "NOT_FOUND: nothing there"
			tf := newTerraform(t, w)
			_, ok := tf.Plan(withRule(nil))
			tf.Expect(ok)
			tf.ExpectSaid(state, "NOT_FOUND: nothing there")
			tf.Refuse(tf.Apply(t.Context(), withRule(nil)), "can no longer be used", state, "deleted and added again")
			patient := withRule(attrs{"wait_for_rules": false})
			tf.Expect(tf.Apply(t.Context(), patient))
			tf.ExpectSaid("can no longer be used", "deleted and added again")
			tf.ExpectState(attrs{"status": "waiting_for_rules"})
			w.expectChanges(t, 0, 0)
		})
	}
	t.Run("that do not exist", func(t *testing.T) {
		w := newWorld()
		tf := newTerraform(t, w)
		for _, wait := range []bool{true, false} {
			tf.Refuse(tf.Apply(t.Context(), withRule(attrs{"wait_for_rules": wait})), "rule does not exist", ruleID, "private_endpoint_rule_ids", "`rule_id`")
		}
		// What the plan cannot know is refused by the apply, at once.
		w.unknown = true
		tf.Refuse(tf.Apply(t.Context(), withRule(attrs{"wait_for_rules": false})), "rule does not exist", ruleID)
		w.expectChanges(t, 0, 0)
	})
}

func TestAWorkspaceThatProvisionsAtFirst(t *testing.T) {
	w := newWorld()
	w.workspace.WorkspaceStatus, w.busy = "PROVISIONING", 5
	tf := newTerraform(t, w)
	tf.Expect(tf.Apply(t.Context(), given(nil)))
	w.expectChanges(t, 1, 1)
	tf.ExpectState(attrs{"status": "bound"})
	w.workspace.WorkspaceStatus, w.busy = "PROVISIONING", 5
	w.count()
	tf.Expect(tf.Destroy(t.Context()))
	w.expectChanges(t, 1, 1)
	w.expectNetwork(t, theirNCC, theirPolicy)

	w = newWorld()
	w.workspace.WorkspaceStatus = "PROVISIONING"
	tf = newTerraform(t, w)
	tf.Refuse(tf.Apply(t.Context(), given(attrs{"timeouts": map[string]string{"create": "50ms"}})), "could not be changed in time", "PROVISIONING", "Nothing was changed")
	w.expectChanges(t, 0, 0)
}

func TestABrokenWorkspace(t *testing.T) {
	for _, state := range []provisioning.WorkspaceStatus{"FAILED", "BANNED", "CANCELLING"} {
		t.Run(string(state), func(t *testing.T) {
			w := newWorld()
			w.workspace.WorkspaceStatusMessage = "Out of credit."
			breakIt := func() { w.workspace.WorkspaceStatus, w.busy = state, 0 }
			tf := newTerraform(t, w)
			p, ok := tf.Plan(given(nil))
			tf.Expect(ok)
			breakIt()
			_, ok = tf.Plan(given(nil))
			tf.Refuse(ok, "The workspace does not run", string(state)+" (Out of credit)")
			tf.Refuse(tf.ApplyPlan(t.Context(), p), "The workspace does not run", "Nothing was changed")
			w.expectChanges(t, 0, 0)

			// Breaking while it is bound is a warning: what was done is saved.
			w.workspace.WorkspaceStatus = "RUNNING"
			w.steps = []func(){breakIt}
			tf.Expect(tf.Apply(t.Context(), given(nil)))
			tf.ExpectSaid("does not run with its network yet", string(state)+" (Out of credit)")
			tf.ExpectState(attrs{"status": "waiting_for_workspace", "workspace_status": string(state), "restore_network_connectivity_config_id": theirNCC})
			tf.Expect(tf.Refresh())
			if _, ok := tf.Plan(given(nil)); ok {
				t.Error("planned to change a broken workspace")
			}
			tf.Refuse(tf.Destroy(t.Context()), "could not be put back", string(state))
			w.workspace.WorkspaceStatus = "RUNNING"
			tf.Expect(tf.Refresh())
			tf.ExpectPlan(given(nil), "none")
			tf.Expect(tf.Destroy(t.Context()))
			w.expectNetwork(t, theirNCC, theirPolicy)
		})
	}
}

func TestASlowWorkspaceIsAWarning(t *testing.T) {
	w := newWorld()
	w.settle = 1 << 30
	tf := newTerraform(t, w)
	slow := given(attrs{"timeouts": map[string]string{"create": "50ms"}})
	tf.Expect(tf.Apply(t.Context(), slow))
	tf.ExpectSaid("does not run with its network yet", "PROVISIONING")
	tf.ExpectState(attrs{"status": "waiting_for_workspace", "workspace_status": "PROVISIONING", "restore_network_connectivity_config_id": theirNCC})
	tf.Expect(tf.Refresh())
	tf.ExpectState(attrs{"status": "waiting_for_workspace"})
	tf.ExpectPlan(slow, "update")

	// Waiting on is not failing either.
	both := map[string]string{"create": "50ms", "update": "50ms"}
	tf.Expect(tf.Apply(t.Context(), given(attrs{"timeouts": both})))
	tf.ExpectState(attrs{"status": "waiting_for_workspace"})
	w.busy = 1
	tf.Expect(tf.Apply(t.Context(), slow))
	tf.ExpectState(attrs{"status": "bound"})
	tf.Expect(tf.Refresh())
	tf.ExpectPlan(slow, "none")
	w.expectChanges(t, 1, 1)
}

func TestFaultsOfAWriteAreOutlasted(t *testing.T) {
	lost := errors.New("connection reset by peer")
	for name, c := range map[string]struct {
		fault, afterEffect error
		// sends is how often the call that goes wrong is sent in the end.
		sends int
	}{
		"lost answer":          {afterEffect: lost, sends: 1},
		"lost request":         {fault: lost, sends: 2},
		"500 with the effect":  {afterEffect: apiError(500, "INTERNAL_ERROR", "oops"), sends: 1},
		"503":                  {fault: apiError(503, "TEMPORARILY_UNAVAILABLE", "later"), sends: 2},
		"504":                  {fault: apiError(504, "DEADLINE_EXCEEDED", "later"), sends: 2},
		"429":                  {fault: apiError(429, "RESOURCE_EXHAUSTED", "later"), sends: 2},
		"busy":                 {fault: errBusy, sends: 2},
		"a conflicting change": {fault: apiError(409, "ABORTED", "concurrent update"), sends: 2},
	} {
		for _, call := range []string{bindCall, attachCall} {
			t.Run(name+" of "+call, func(t *testing.T) {
				w := newWorld()
				only := func(err error) func(string, int) error {
					return func(made string, n int) error {
						if made == call && n == 1 {
							return err
						}
						return nil
					}
				}
				w.fault, w.afterEffect = only(c.fault), only(c.afterEffect)
				tf := newTerraform(t, w)
				tf.Expect(tf.Apply(t.Context(), given(nil)))
				tf.ExpectSilence()
				tf.ExpectState(attrs{"status": "bound", "restore_network_connectivity_config_id": theirNCC, "restore_network_policy_id": theirPolicy})
				if w.calls[call] != c.sends {
					t.Errorf("%s was sent %d times, want %d", call, w.calls[call], c.sends)
				}
				w.expectNetwork(t, ourNCC, ourPolicy)
			})
		}
	}
}

func TestFaultsOfAReadAreOutlasted(t *testing.T) {
	w := newWorld()
	tf := newTerraform(t, w)
	p, ok := tf.Plan(given(nil))
	tf.Expect(ok)
	w.count()
	w.fault = func(call string, n int) error {
		if (call == getWorkspace || call == getPolicyOf) && n <= 3 {
			return apiError([]int{500, 502, 504}[n-1], "INTERNAL_ERROR", "try again")
		}
		return nil
	}
	tf.Expect(tf.ApplyPlan(t.Context(), p))
	tf.ExpectState(attrs{"status": "bound"})

	// A wait that has begun outlasts lost answers, too.
	w = newWorld()
	w.addRule(ruleID, "ESTABLISHED")
	tf = newTerraform(t, w)
	p, ok = tf.Plan(given(attrs{"private_endpoint_rule_ids": []string{ruleID}}))
	tf.Expect(ok)
	w.count()
	w.fault = func(call string, n int) error {
		if call == listRules && n == 1 || call == getWorkspace && n == 2 || call == getPolicyOf && n == 2 {
			return errors.New("request timed out after 1m0s of inactivity")
		}
		return nil
	}
	tf.Expect(tf.ApplyPlan(t.Context(), p))
	tf.ExpectSilence()
	tf.ExpectState(attrs{"status": "bound"})

	w.count()
	w.fault = func(string, int) error { return apiError(403, "PERMISSION_DENIED", "not an account admin") }
	tf.Refuse(tf.Refresh(), "Cannot read the workspace's network", "not an account admin", "account admin role")
	w.expectCalls(t, map[string]int{getWorkspace: 1})
}

// While the workspace is busy with somebody else's change, the binding is refused.
func TestAWorkspaceThatBecomesBusyInBetween(t *testing.T) {
	w := newWorld()
	w.fault = func(call string, n int) error {
		if call == bindCall && n == 1 {
			w.workspace.WorkspaceStatus, w.busy = "PROVISIONING", 4
		}
		return nil
	}
	tf := newTerraform(t, w)
	tf.Expect(tf.Apply(t.Context(), given(nil)))
	tf.ExpectState(attrs{"status": "bound"})
	w.expectChanges(t, 2, 1)
}

func TestARefusedChangeLeavesNothing(t *testing.T) {
	denied := apiError(403, "PERMISSION_DENIED", "not an account admin")
	for name, c := range map[string]struct {
		call string
		err  error
		want string
		// sends is how often the refused change is sent.
		sends int
	}{
		"policy denied":          {attachCall, denied, "not an account admin", 1},
		"NCC denied":             {bindCall, denied, "not an account admin", 1},
		"NCC in an endless busy": {bindCall, errBusy, "INVALID_STATE", 1 + maxRefusals},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			sent := 0
			w.fault = func(call string, _ int) error {
				if call == c.call {
					sent++
					return c.err
				}
				return nil
			}
			tf := newTerraform(t, w)
			tf.Refuse(tf.Apply(t.Context(), given(nil)), "could not be changed", c.want, "is as it was")
			if !tf.State.IsNull() {
				t.Errorf("state holds %s", tf.State)
			}
			w.expectNetwork(t, theirNCC, theirPolicy)
			if sent != c.sends {
				t.Errorf("sent %d times, want %d", sent, c.sends)
			}
		})
	}
	t.Run("a policy that is not there", func(t *testing.T) {
		// Its id is known at plan even where the same apply is to make it.
		w := newWorld()
		tf := newTerraform(t, w)
		nowhere := given(attrs{"network_policy_id": "nope"})
		tf.ExpectPlan(nowhere, "create")
		tf.Refuse(tf.Apply(t.Context(), nowhere), "network_policy_id", "could not be changed", "Check that the network policy nope exists", "is as it was")
		w.expectNetwork(t, theirNCC, theirPolicy)
	})
	t.Run("unless it cannot be taken back", func(t *testing.T) {
		w := newWorld()
		w.fault = func(call string, n int) error {
			if call == bindCall || call == attachCall && n > 1 {
				return denied
			}
			return nil
		}
		tf := newTerraform(t, w)
		tf.Expect(tf.Apply(t.Context(), given(nil)))
		tf.ExpectSaid("does not run with its network yet", "not an account admin")
		tf.ExpectState(attrs{"status": "waiting_for_workspace", "restore_network_policy_id": theirPolicy})
		w.fault = nil
		tf.Expect(tf.Refresh())
		tf.ExpectPlan(given(nil), "update")
		tf.Expect(tf.Apply(t.Context(), given(nil)))
		tf.Expect(tf.Destroy(t.Context()))
		w.expectNetwork(t, theirNCC, theirPolicy)
	})
	t.Run("in an update it keeps what was done", func(t *testing.T) {
		w := newWorld()
		tf := newTerraform(t, w)
		tf.Expect(tf.Apply(t.Context(), given(nil)))
		w.fault = func(call string, _ int) error {
			if call == bindCall {
				return denied
			}
			return nil
		}
		other := given(attrs{"network_connectivity_config_id": otherNCC, "network_policy_id": otherPolicy})
		tf.Refuse(tf.Apply(t.Context(), other), "could not be changed", "not an account admin")
		tf.ExpectState(attrs{"network_connectivity_config_id": ourNCC, "network_policy_id": otherPolicy, "status": "waiting_for_workspace"})
		w.fault = nil
		tf.Expect(tf.Refresh())
		tf.Expect(tf.Apply(t.Context(), other))
		w.expectNetwork(t, otherNCC, otherPolicy)
		tf.Expect(tf.Destroy(t.Context()))
		w.expectNetwork(t, theirNCC, theirPolicy)
	})
}

// Between plan and apply somebody else binds the workspace: that is what was there before.
func TestForeignRebindingBetween(t *testing.T) {
	w := newWorld()
	tf := newTerraform(t, w)
	p, ok := tf.Plan(given(nil))
	tf.Expect(ok)
	w.workspace.NetworkConnectivityConfigId, w.policy = otherNCC, otherPolicy
	tf.Expect(tf.ApplyPlan(t.Context(), p))
	tf.ExpectState(attrs{"status": "bound", "restore_network_connectivity_config_id": otherNCC, "restore_network_policy_id": otherPolicy})

	// Right after the binding: it is not bound, and the next plan repairs it.
	w = newWorld()
	w.steps = []func(){func() { w.workspace.NetworkConnectivityConfigId = otherNCC }}
	tf = newTerraform(t, w)
	slow := given(attrs{"timeouts": map[string]string{"create": "50ms"}})
	tf.Expect(tf.Apply(t.Context(), slow))
	tf.ExpectSaid("bound to NCC " + otherNCC)
	tf.ExpectState(attrs{"status": "waiting_for_workspace"})
	tf.Expect(tf.Refresh())
	tf.ExpectPlan(slow, "update")
	tf.Expect(tf.Apply(t.Context(), slow))
	tf.ExpectState(attrs{"status": "bound", "restore_network_connectivity_config_id": theirNCC})
	w.expectNetwork(t, ourNCC, ourPolicy)
}

func TestCancellation(t *testing.T) {
	// canceling cancels at the n-th of a call, before or after its effect.
	canceling := func(w *world, call string, n int, after bool) context.Context {
		ctx, cancel := context.WithCancel(t.Context())
		strike := func(made string, m int) error {
			if made == call && m == n {
				cancel()
			}
			return nil
		}
		if after {
			w.afterEffect = strike
		} else {
			w.fault = strike
		}
		return ctx
	}
	t.Run("while the workspace provisions nothing is done", func(t *testing.T) {
		w := newWorld()
		w.workspace.WorkspaceStatus = "PROVISIONING"
		tf := newTerraform(t, w)
		p, ok := tf.Plan(given(nil))
		tf.Expect(ok)
		ctx, cancel := context.WithCancel(t.Context())
		w.steps = []func(){cancel}
		tf.Refuse(tf.ApplyPlan(ctx, p), "Nothing was changed")
		w.expectChanges(t, 0, 0)
	})
	t.Run("while a rule is pending nothing is done", func(t *testing.T) {
		w := newWorld()
		w.addRule(ruleID, "PENDING")
		ctx, cancel := context.WithCancel(t.Context())
		w.steps = []func(){cancel}
		tf := newTerraform(t, w)
		tf.Refuse(tf.Apply(ctx, given(attrs{"private_endpoint_rule_ids": []string{ruleID}})), "was not changed")
		w.expectChanges(t, 0, 0)
	})
	for _, call := range []string{attachCall, bindCall} {
		for name, after := range map[string]bool{"before": false, "after": true} {
			t.Run(name+" the effect of "+call+" both changes are finished and saved", func(t *testing.T) {
				w := newWorld()
				ctx := canceling(w, call, 1, after)
				tf := newTerraform(t, w)
				tf.Expect(tf.Apply(ctx, given(nil)))
				w.fault, w.afterEffect = nil, nil
				w.expectNetwork(t, ourNCC, ourPolicy)
				w.expectChanges(t, 1, 1)
				tf.ExpectState(attrs{"status": "waiting_for_workspace", "restore_network_connectivity_config_id": theirNCC, "restore_network_policy_id": theirPolicy})
				tf.Expect(tf.Refresh())
				tf.Expect(tf.Apply(t.Context(), given(nil)))
				tf.ExpectState(attrs{"status": "bound"})
				w.expectChanges(t, 1, 1)
				tf.Expect(tf.Destroy(t.Context()))
				w.expectNetwork(t, theirNCC, theirPolicy)
			})
			t.Run(name+" the effect of "+call+" the destroy finishes both", func(t *testing.T) {
				w := newWorld()
				tf := newTerraform(t, w)
				tf.Expect(tf.Apply(t.Context(), given(nil)))
				w.count()
				ctx := canceling(w, call, 1, after)
				if tf.Destroy(ctx) {
					t.Fatal("a canceled destroy that did not see the end must be done again")
				}
				w.fault, w.afterEffect = nil, nil
				w.expectNetwork(t, theirNCC, theirPolicy)
				tf.Expect(tf.Refresh())
				tf.Expect(tf.Destroy(t.Context()))
				tf.ExpectSilence()
				w.expectChanges(t, 1, 1)
			})
		}
	}
	t.Run("in mid-wait the state is kept", func(t *testing.T) {
		w := newWorld()
		ctx, cancel := context.WithCancel(t.Context())
		w.settle, w.steps = 5, []func(){func() {}, cancel}
		tf := newTerraform(t, w)
		tf.Expect(tf.Apply(ctx, given(nil)))
		tf.ExpectState(attrs{"status": "waiting_for_workspace", "workspace_status": "PROVISIONING"})
	})
	t.Run("the last look may find it bound", func(t *testing.T) {
		w := newWorld()
		ctx, cancel := context.WithCancel(t.Context())
		w.settle, w.steps = 1<<30, []func(){func() { w.busy = 1; cancel() }}
		tf := newTerraform(t, w)
		tf.Expect(tf.Apply(ctx, given(nil)))
		tf.ExpectSilence()
		tf.ExpectState(attrs{"status": "bound", "workspace_status": "RUNNING"})
	})
	t.Run("a lost answer may have had its effect", func(t *testing.T) {
		w := newWorld()
		ctx, cancel := context.WithCancel(t.Context())
		w.settle = 1
		w.afterEffect = func(call string, _ int) error {
			if call == bindCall {
				cancel()
				return errors.New("connection reset by peer")
			}
			return nil
		}
		tf := newTerraform(t, w)
		tf.Expect(tf.Apply(ctx, given(nil)))
		tf.ExpectSilence()
		tf.ExpectState(attrs{"status": "bound", "restore_network_connectivity_config_id": theirNCC})
	})
	t.Run("a lost request has changed nothing", func(t *testing.T) {
		for _, blind := range []bool{false, true} {
			w := newWorld()
			tf := newTerraform(t, w)
			p, ok := tf.Plan(given(nil))
			tf.Expect(ok)
			ctx, cancel := context.WithCancel(t.Context())
			w.fault = func(call string, _ int) error {
				if call == attachCall {
					cancel()
				}
				if call == attachCall || blind && ctx.Err() != nil {
					return errors.New("connection reset by peer")
				}
				return nil
			}
			ok = tf.ApplyPlan(ctx, p)
			if blind {
				// Nobody knows: then it is saved, for the next apply to look.
				tf.Expect(ok)
				tf.ExpectState(attrs{"status": "waiting_for_workspace", "restore_network_policy_id": theirPolicy})
				continue
			}
			tf.Refuse(ok, "Nothing was changed")
			if !tf.State.IsNull() {
				t.Errorf("state holds %s", tf.State)
			}
		}
	})
	t.Run("between answer and retry the other half is not left out", func(t *testing.T) {
		w := newWorld()
		ctx, cancel := context.WithCancel(t.Context())
		w.afterEffect = func(call string, n int) error {
			if call == attachCall && n == 1 {
				cancel()
				return errors.New("connection reset by peer")
			}
			return nil
		}
		tf := newTerraform(t, w)
		tf.Expect(tf.Apply(ctx, given(nil)))
		tf.ExpectState(attrs{"restore_network_policy_id": theirPolicy})
		tf.Expect(tf.Refresh())
		tf.Expect(tf.Apply(t.Context(), given(nil)))
		tf.ExpectState(attrs{"status": "bound"})
		tf.Expect(tf.Destroy(t.Context()))
		w.expectNetwork(t, theirNCC, theirPolicy)
	})
}

func TestNothingToPutBack(t *testing.T) {
	w := newWorld()
	w.workspace.NetworkConnectivityConfigId = ""
	tf := newTerraform(t, w)
	_, ok := tf.Plan(given(nil))
	tf.Expect(ok)
	tf.ExpectSaid("A destroy will need an NCC", "no way to unbind", "restore_network_connectivity_config_id")
	tf.Expect(tf.Apply(t.Context(), given(nil)))
	tf.ExpectState(attrs{"restore_network_connectivity_config_id": "", "status": "bound"})
	tf.Expect(tf.Refresh())
	tf.ExpectPlan(given(nil), "none")
	w.count()
	for name, destroy := range map[string]func() bool{"plan": tf.PlanDestroy, "apply": func() bool { return tf.DestroyUnplanned(t.Context()) }} {
		tf.Refuse(destroy(), "There is no NCC to put back", "restore_network_connectivity_config_id", ourNCC, "Nothing was changed", "destroy again")
		w.expectChanges(t, 0, 0)
		w.expectNetwork(t, ourNCC, ourPolicy)
		if tf.State.IsNull() {
			t.Fatalf("%s: the state is lost", name)
		}
	}
	// Either of the two ways out of it.
	saved := tf.State
	tf.Expect(tf.Apply(t.Context(), given(attrs{"restore_network_connectivity_config_id": ourNCC})))
	tf.Expect(tf.Destroy(t.Context()))
	w.expectNetwork(t, ourNCC, theirPolicy)

	tf.State = saved
	w.policy = ourPolicy
	tf.Expect(tf.Apply(t.Context(), given(attrs{"restore_network_connectivity_config_id": otherNCC})))
	tf.Expect(tf.Destroy(t.Context()))
	w.expectNetwork(t, otherNCC, theirPolicy)

	// With it from the start there is nothing to warn of.
	w = newWorld()
	w.workspace.NetworkConnectivityConfigId = ""
	tf = newTerraform(t, w)
	_, ok = tf.Plan(given(attrs{"restore_network_connectivity_config_id": otherNCC}))
	tf.Expect(ok)
	tf.ExpectSilence()
}

func TestWhatWasThereBeforeIsGone(t *testing.T) {
	for name, c := range map[string]struct {
		lose func(*world)
		want []string
	}{
		"NCC":    {func(w *world) { delete(w.nccs, theirNCC) }, []string{"NCC to put back does not exist", theirNCC, "restore_network_connectivity_config_id"}},
		"policy": {func(w *world) { delete(w.policies, theirPolicy) }, []string{"policy to put back does not exist", theirPolicy, "restore_network_policy_id"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			tf := newTerraform(t, w)
			tf.Expect(tf.Apply(t.Context(), given(nil)))
			c.lose(w)
			w.count()
			tf.Refuse(tf.PlanDestroy(), c.want...)
			tf.Refuse(tf.DestroyUnplanned(t.Context()), c.want...)
			w.expectChanges(t, 0, 0)
			w.expectNetwork(t, ourNCC, ourPolicy)
			tf.Expect(tf.Apply(t.Context(), given(attrs{"restore_network_connectivity_config_id": otherNCC, "restore_network_policy_id": workspace.DefaultPolicyID})))
			tf.Expect(tf.Destroy(t.Context()))
			w.expectNetwork(t, otherNCC, workspace.DefaultPolicyID)
		})
	}
}

func TestTheWorkspaceIsGone(t *testing.T) {
	w := newWorld()
	tf := newTerraform(t, w)
	tf.Expect(tf.Apply(t.Context(), given(nil)))
	saved := tf.State
	w.workspace = nil
	tf.Expect(tf.Destroy(t.Context()))
	tf.State = saved
	tf.Expect(tf.Refresh())
	tf.ExpectSaid("The workspace is gone", idText)
	if !tf.State.IsNull() {
		t.Errorf("state still holds %s", tf.State)
	}
	_, ok := tf.Plan(given(nil))
	tf.Refuse(ok, "The workspace does not exist", idText)
}

func TestTheWorkspaceGoesDuringTheDestroy(t *testing.T) {
	w := newWorld()
	tf := newTerraform(t, w)
	tf.Expect(tf.Apply(t.Context(), given(nil)))
	w.steps = []func(){func() { w.workspace = nil }}
	tf.Expect(tf.Destroy(t.Context()))
}

func TestImport(t *testing.T) {
	w := newWorld()
	tf := newTerraform(t, w)
	tf.Expect(tf.Import(idText))
	tf.ExpectSilence()
	both := attrs{"workspace_id": workspaceID, "network_connectivity_config_id": theirNCC, "network_policy_id": theirPolicy}
	tf.ExpectState(attrs{"id": idText, "status": "bound", "workspace_name": "data", "network_connectivity_config_id": theirNCC, "network_policy_id": theirPolicy})
	tf.ExpectPlan(both, "none")
	w.count()

	// A part that the configuration leaves out is let go of, untouched.
	imported := tf.State
	policyAlone := attrs{"workspace_id": workspaceID, "network_policy_id": theirPolicy}
	tf.Expect(tf.Apply(t.Context(), policyAlone))
	w.expectChanges(t, 0, 0)
	tf.ExpectState(attrs{"restore_network_connectivity_config_id": ""})

	// What was there before is not known: a destroy leaves all as it is.
	tf.State = imported
	tf.Expect(tf.Destroy(t.Context()))
	w.expectChanges(t, 0, 0)
	tf.State = imported
	tf.Expect(tf.Apply(t.Context(), given(nil)))
	tf.Expect(tf.Destroy(t.Context()))
	w.expectNetwork(t, theirNCC, theirPolicy)

	// An NCC that is bound by somebody else since is not ours.
	tf.State = imported
	tf.Expect(tf.Refresh())
	w.workspace.NetworkConnectivityConfigId = otherNCC
	tf.Expect(tf.Refresh())
	tf.ExpectPlan(both, "update")
	w.count()
	tf.Expect(tf.Destroy(t.Context()))
	w.expectChanges(t, 0, 0)

	for _, id := range []string{"", "x", "0", "-1", "12/34", "https://dbc-1.cloud.databricks.com/?o=12"} {
		tf = newTerraform(t, w)
		if tf.Import(id) {
			t.Errorf("%q was imported", id)
		}
		tf.ExpectSaid("Not the id of a workspace", "1234567890123456")
	}
	tf = newTerraform(t, w)
	tf.Expect(tf.Import("99"))
	if !tf.State.IsNull() {
		t.Errorf("a workspace that does not exist was imported as %s", tf.State)
	}
	w.workspace.NetworkConnectivityConfigId = ""
	tf.Expect(tf.Import(idText))
	tf.ExpectState(attrs{"network_connectivity_config_id": "", "restore_network_connectivity_config_id": ""})
	tf.ExpectPlan(policyAlone, "none")
}

func TestBadInput(t *testing.T) {
	for name, c := range map[string]struct {
		given attrs
		spoil func(*world)
		want  []string
	}{
		"neither NCC nor policy":        {given: attrs{"workspace_id": workspaceID}, want: []string{"network_connectivity_config_id", "network_policy_id"}},
		"a workspace id of 0":           {given: given(attrs{"workspace_id": 0}), want: []string{"workspace_id", "at least 1"}},
		"a policy id of 33 characters":  {given: given(attrs{"network_policy_id": strings.Repeat("a", 33)}), want: []string{"network_policy_id", "1 to 32"}},
		"a policy id with a space":      {given: given(attrs{"network_policy_id": "a b"}), want: []string{"network_policy_id", "1 to 32"}},
		"an NCC with a slash":           {given: given(attrs{"network_connectivity_config_id": "a/b"}), want: []string{"network_connectivity_config_id", "slash"}},
		"rules without NCC":             {given: attrs{"workspace_id": workspaceID, "network_policy_id": ourPolicy, "private_endpoint_rule_ids": []string{ruleID}}, want: []string{"private_endpoint_rule_ids", "network_connectivity_config_id"}},
		"no rules":                      {given: given(attrs{"private_endpoint_rule_ids": []string{}}), want: []string{"private_endpoint_rule_ids", "at least 1"}},
		"a rule's whole id":             {given: given(attrs{"private_endpoint_rule_ids": []string{ourNCC + "/" + ruleID}}), want: []string{"private_endpoint_rule_ids", "slash"}},
		"an NCC to restore without one": {given: attrs{"workspace_id": workspaceID, "network_policy_id": ourPolicy, "restore_network_connectivity_config_id": theirNCC}, want: []string{"restore_network_connectivity_config_id"}},
		"a policy to restore without":   {given: attrs{"workspace_id": workspaceID, "network_connectivity_config_id": ourNCC, "restore_network_policy_id": theirPolicy}, want: []string{"restore_network_policy_id"}},
		"a workspace that is not there": {given: given(attrs{"workspace_id": 42}), want: []string{"workspace_id", "does not exist", "42"}},
		"an NCC that is not there":      {given: given(attrs{"network_connectivity_config_id": "ncc-9"}), want: []string{"network_connectivity_config_id", "does not exist", "ncc-9"}},
		"a rule that is not there":      {given: given(attrs{"private_endpoint_rule_ids": []string{"rule-9"}}), want: []string{"private_endpoint_rule_ids", "has no rule rule-9"}},
		"an NCC of another region":      {given: given(nil), spoil: func(w *world) { w.nccs[ourNCC] = "eu-west-1" }, want: []string{"network_connectivity_config_id", "another region", "eu-west-1", "us-east-1", "give an NCC in us-east-1"}},
		"an NCC that is full":           {given: given(nil), spoil: func(w *world) { w.fillNCC(ourNCC, maxWorkspaces) }, want: []string{"network_connectivity_config_id", "is full", "50"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			if c.spoil != nil {
				c.spoil(w)
			}
			tf := newTerraform(t, w)
			_, ok := tf.Plan(c.given)
			tf.Refuse(ok, c.want...)
			w.expectChanges(t, 0, 0)
		})
	}
	t.Run("one place left", func(t *testing.T) {
		w := newWorld()
		w.fillNCC(ourNCC, maxWorkspaces-1)
		tf := newTerraform(t, w)
		tf.ExpectPlan(given(nil), "create")
	})
	t.Run("full, and one of them is this workspace", func(t *testing.T) {
		w := newWorld()
		w.workspace.NetworkConnectivityConfigId = ourNCC
		w.fillNCC(ourNCC, maxWorkspaces-1)
		tf := newTerraform(t, w)
		tf.ExpectPlan(given(nil), "create")
	})
	t.Run("both unknown at plan and null at apply", func(t *testing.T) {
		w := newWorld()
		tf := newTerraform(t, w)
		p, ok := tf.Plan(attrs{"workspace_id": workspaceID, "network_connectivity_config_id": tftypes.UnknownValue})
		tf.Expect(ok)
		nothing := resourcetest.Attributes(p.Planned)
		nothing["network_connectivity_config_id"] = tftypes.NewValue(tftypes.String, nil)
		p.Planned = tftypes.NewValue(p.Planned.Type(), nothing)
		p.Config = tf.Config(attrs{"workspace_id": workspaceID})
		tf.Refuse(tf.ApplyPlan(t.Context(), p), "nothing to bind")
		w.expectChanges(t, 0, 0)
	})
}

func TestUnknownInputPlansCleanly(t *testing.T) {
	w := newWorld()
	w.workspace.NetworkConnectivityConfigId = theirNCC
	tf := newTerraform(t, w)
	for _, unknown := range []attrs{
		given(attrs{"workspace_id": tftypes.UnknownValue}),
		given(attrs{"network_connectivity_config_id": tftypes.UnknownValue}),
		given(attrs{"network_policy_id": tftypes.UnknownValue}),
		given(attrs{"private_endpoint_rule_ids": tftypes.UnknownValue}),
		given(attrs{"private_endpoint_rule_ids": []tftypes.Value{tftypes.NewValue(tftypes.String, tftypes.UnknownValue)}}),
		given(attrs{"restore_network_connectivity_config_id": tftypes.UnknownValue, "restore_network_policy_id": tftypes.UnknownValue}),
	} {
		tf.ExpectPlan(unknown, "create")
		tf.ExpectSilence()
	}
	w.unknown = true
	w.count()
	tf.ExpectPlan(given(nil), "create")
	w.expectCalls(t, map[string]int{})
}

func TestEveryAttributeIsDescribed(t *testing.T) {
	for name, attribute := range resourceSchema(t.Context()).Attributes {
		if text := attribute.GetMarkdownDescription(); len(text) < 10 && name != "timeouts" {
			t.Errorf("%s: %q", name, text)
		}
	}
}
