package workspacenetwork

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/databricks/databricks-sdk-go/service/provisioning"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

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
	p, ok := tf.plan(given(nil))
	tf.expect(ok)
	tf.expectSilence()
	for name, want := range map[string]string{"id": idText, "region": "us-east-1", "status": "?", "restore_network_connectivity_config_id": "?", "restore_network_policy_id": "?"} {
		if got := tf.get(p.planned, name); got != want {
			t.Errorf("%s is planned as %q, want %q", name, got, want)
		}
	}
	w.expectCalls(t, map[string]int{getWorkspace: 1, getPolicyOf: 1, getNCC: 1, listCall: 1})

	tf.expect(tf.applyPlan(t.Context(), p))
	tf.expectSilence()
	if want := []string{attachCall, bindCall}; !slices.Equal(w.order, want) {
		t.Errorf("the changes are %v, want %v", w.order, want)
	}
	// The two reads before, the changes, the looks until it runs, the policy read back.
	w.expectCalls(t, map[string]int{getWorkspace: 3, getPolicyOf: 2, attachCall: 1, bindCall: 1})
	w.expectNetwork(t, ourNCC, ourPolicy)
	tf.expectState(attrs{
		"id": idText, "status": "bound", "status_reason": "", "workspace_status": "RUNNING", "workspace_name": "data", "region": "us-east-1",
		"restore_network_connectivity_config_id": theirNCC, "restore_network_policy_id": theirPolicy,
	})

	tf.expect(tf.refresh())
	tf.expectPlan(given(nil), "none")
	w.expectCalls(t, map[string]int{getWorkspace: 1, getPolicyOf: 1})

	tf.expect(tf.destroy(t.Context()))
	tf.expectSilence()
	if want := []string{bindCall, attachCall}; !slices.Equal(w.order, want) {
		t.Errorf("the changes of the destroy are %v, want %v", w.order, want)
	}
	w.expectNetwork(t, theirNCC, theirPolicy)
	// The plan's look and check, the destroy's own, the changes, and the looks until it runs.
	w.expectCalls(t, map[string]int{getWorkspace: 4, getPolicyOf: 3, getNCC: 2, getPolicy: 2, bindCall: 1, attachCall: 1})
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
			tf.expect(tf.apply(t.Context(), c.given))
			w.expectNetwork(t, c.ncc, c.policy)
			tf.expectState(attrs{"restore_network_connectivity_config_id": c.restoreNCC, "restore_network_policy_id": c.restoreNP})
			// The other part is nobody's business here.
			if part == "NCC" {
				w.policy = otherPolicy
			} else {
				w.workspace.NetworkConnectivityConfigId = ""
			}
			tf.expect(tf.refresh())
			tf.expectPlan(c.given, "none")
			w.count()
			tf.expect(tf.destroy(t.Context()))
			tf.expectSilence()
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
	p, ok := tf.plan(given(nil))
	tf.expect(ok)
	tf.expectSaid("The workspace is bound already", "The workspace is under the network policy already", "restore_network_connectivity_config_id", "restore_network_policy_id")
	w.count()
	tf.expect(tf.applyPlan(t.Context(), p))
	w.expectCalls(t, map[string]int{getWorkspace: 1, getPolicyOf: 1})
	tf.expectState(attrs{"status": "bound", "restore_network_connectivity_config_id": ourNCC, "restore_network_policy_id": ourPolicy})
	tf.expect(tf.destroy(t.Context()))
	w.expectChanges(t, 0, 0)
	w.expectNetwork(t, ourNCC, ourPolicy)
}

// A killed apply leaves no state: what was there before can only be told by the user.
func TestAfterAKilledApplyTheFormerNetworkCanBeNamed(t *testing.T) {
	w := newWorld()
	tf := newTerraform(t, w)
	tf.expect(tf.apply(t.Context(), given(nil)))
	tf.forget()
	known := given(attrs{"restore_network_connectivity_config_id": theirNCC, "restore_network_policy_id": theirPolicy})
	_, ok := tf.plan(known)
	tf.expect(ok)
	tf.expectSilence()
	tf.expect(tf.apply(t.Context(), known))
	tf.expect(tf.destroy(t.Context()))
	w.expectNetwork(t, theirNCC, theirPolicy)
}

func TestAKilledUpdateIsTakenUp(t *testing.T) {
	w := newWorld()
	tf := newTerraform(t, w)
	tf.expect(tf.apply(t.Context(), given(nil)))
	saved, private := tf.state, tf.private
	other := given(attrs{"network_connectivity_config_id": otherNCC, "network_policy_id": otherPolicy})
	tf.expect(tf.apply(t.Context(), other))
	tf.state, tf.private = saved, private
	tf.expect(tf.refresh())
	tf.expectPlan(other, "update")
	w.count()
	tf.expect(tf.apply(t.Context(), other))
	w.expectChanges(t, 0, 0)
	tf.expect(tf.refresh())
	tf.expectPlan(other, "none")
	tf.expect(tf.destroy(t.Context()))
	tf.expectSilence()
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
			tf.expect(tf.apply(t.Context(), given(nil)))
			drift(w)
			tf.expect(tf.refresh())
			tf.expectPlan(given(nil), "update")
			tf.expect(tf.apply(t.Context(), given(nil)))
			w.expectNetwork(t, ourNCC, ourPolicy)
			tf.expectState(attrs{"status": "bound", "restore_network_connectivity_config_id": theirNCC, "restore_network_policy_id": theirPolicy})
			tf.expect(tf.refresh())
			tf.expectPlan(given(nil), "none")
			tf.expect(tf.destroy(t.Context()))
			w.expectNetwork(t, theirNCC, theirPolicy)
		})
	}
}

// A workspace that was never given a policy is under the default one.
func TestNoPolicyIsTheDefaultOne(t *testing.T) {
	w := newWorld()
	w.policy = ""
	tf := newTerraform(t, w)
	plain := given(attrs{"network_policy_id": defaultPolicyID})
	tf.expect(tf.apply(t.Context(), plain))
	w.expectChanges(t, 1, 0)
	tf.expect(tf.refresh())
	tf.expectPlan(plain, "none")
	tf.expect(tf.apply(t.Context(), given(nil)))
	tf.expectState(attrs{"restore_network_policy_id": defaultPolicyID})
}

func TestDestroyLeavesWhatIsForeign(t *testing.T) {
	w := newWorld()
	tf := newTerraform(t, w)
	tf.expect(tf.apply(t.Context(), given(nil)))
	w.workspace.NetworkConnectivityConfigId = otherNCC
	// A destroy refreshes first, which must not make the foreign binding ours.
	tf.expect(tf.refresh())
	tf.expectState(attrs{"network_connectivity_config_id": otherNCC})
	w.count()
	tf.expect(tf.destroy(t.Context()))
	tf.expectSaid("bound to another NCC since", ourNCC, otherNCC)
	w.expectChanges(t, 0, 1)
	w.expectNetwork(t, otherNCC, theirPolicy)

	w = newWorld()
	tf = newTerraform(t, w)
	tf.expect(tf.apply(t.Context(), given(nil)))
	w.policy = otherPolicy
	tf.expect(tf.refresh())
	w.count()
	tf.expect(tf.destroy(t.Context()))
	tf.expectSaid("under another network policy since", ourPolicy, otherPolicy)
	w.expectChanges(t, 1, 0)
	w.expectNetwork(t, theirNCC, otherPolicy)
}

func TestUpdate(t *testing.T) {
	w := newWorld()
	tf := newTerraform(t, w)
	tf.expect(tf.apply(t.Context(), given(nil)))
	w.count()

	other := given(attrs{"network_connectivity_config_id": otherNCC})
	tf.expect(tf.apply(t.Context(), other))
	w.expectChanges(t, 1, 0)
	w.expectNetwork(t, otherNCC, ourPolicy)
	tf.expectState(attrs{"restore_network_connectivity_config_id": theirNCC, "restore_network_policy_id": theirPolicy})

	// Settings alone need no call.
	w.count()
	settings := given(attrs{"network_connectivity_config_id": otherNCC, "restore_network_connectivity_config_id": ourNCC, "wait_for_rules": false, "timeouts": tf.timeout("create", "9m")})
	tf.expectPlan(settings, "update")
	tf.expect(tf.apply(t.Context(), settings))
	w.expectCalls(t, map[string]int{})
	tf.expectState(attrs{"restore_network_connectivity_config_id": ourNCC})
	// Without the setting it is again what was there before.
	tf.expect(tf.apply(t.Context(), other))
	tf.expectState(attrs{"restore_network_connectivity_config_id": theirNCC})

	// A part that is left out is let go of; one that comes back is taken over anew.
	policyAlone := attrs{"workspace_id": workspaceID, "network_policy_id": ourPolicy}
	w.count()
	tf.expect(tf.apply(t.Context(), policyAlone))
	w.expectChanges(t, 0, 0)
	tf.expectState(attrs{"network_connectivity_config_id": "", "restore_network_connectivity_config_id": ""})
	tf.expect(tf.refresh())
	tf.expectPlan(policyAlone, "none")
	w.workspace.NetworkConnectivityConfigId = ourNCC
	tf.expect(tf.apply(t.Context(), other))
	tf.expectState(attrs{"restore_network_connectivity_config_id": ourNCC, "restore_network_policy_id": theirPolicy})
	tf.expect(tf.destroy(t.Context()))
	w.expectNetwork(t, ourNCC, theirPolicy)
}

func TestAnotherWorkspaceReplaces(t *testing.T) {
	w := newWorld()
	tf := newTerraform(t, w)
	tf.expect(tf.apply(t.Context(), given(nil)))
	tf.expectPlan(given(attrs{"workspace_id": workspaceID + 1}), "replace")
	if tf.apply(t.Context(), given(attrs{"workspace_id": workspaceID + 1})) {
		t.Error("bound a workspace that does not exist")
	}
	w.expectNetwork(t, theirNCC, theirPolicy)
}

func TestRules(t *testing.T) {
	withRule := func(more attrs) attrs {
		all := given(attrs{"private_endpoint_rule_ids": strs(ruleID)})
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
		_, ok := tf.plan(withRule(nil))
		tf.expect(ok)
		tf.expectSaid("will wait for private endpoint rules", "rule-1 is CREATING")
		tf.expect(tf.apply(t.Context(), withRule(nil)))
		tf.expectState(attrs{"status": "bound"})
		w.expectNetwork(t, ourNCC, ourPolicy)
		w.count()
		tf.expect(tf.refresh())
		tf.expectPlan(withRule(nil), "none")
		w.expectCalls(t, map[string]int{getWorkspace: 1, getPolicyOf: 1})
	})
	t.Run("are not waited for", func(t *testing.T) {
		w := newWorld()
		rule := w.addRule(ruleID, "PENDING")
		tf := newTerraform(t, w)
		patient := withRule(attrs{"wait_for_rules": false})
		_, ok := tf.plan(patient)
		tf.expect(ok)
		tf.expectSilence()
		w.count()
		tf.expect(tf.apply(t.Context(), patient))
		tf.expectSaid("Waiting for private endpoint rules", "rule-1 is PENDING")
		tf.expectState(attrs{"status": "waiting_for_rules", "status_reason": "rule rule-1 is PENDING", "workspace_status": "RUNNING", "restore_network_connectivity_config_id": theirNCC})
		w.expectChanges(t, 0, 0)
		tf.expect(tf.refresh())
		tf.expectState(attrs{"status": "waiting_for_rules", "network_connectivity_config_id": ourNCC, "network_policy_id": ourPolicy})
		tf.expectPlan(patient, "update")
		tf.expect(tf.apply(t.Context(), patient))
		tf.expectState(attrs{"status": "waiting_for_rules"})
		w.expectChanges(t, 0, 0)
		// What somebody else binds meanwhile is what was there before.
		w.workspace.NetworkConnectivityConfigId = otherNCC
		tf.expect(tf.refresh())
		rule.ConnectionState = "ESTABLISHED"
		tf.expect(tf.apply(t.Context(), patient))
		tf.expectState(attrs{"status": "bound", "status_reason": "", "restore_network_connectivity_config_id": otherNCC})
		w.expectNetwork(t, ourNCC, ourPolicy)
		tf.expect(tf.refresh())
		tf.expectPlan(patient, "none")
	})
	t.Run("were never established", func(t *testing.T) {
		w := newWorld()
		w.workspace.NetworkConnectivityConfigId = ""
		w.addRule(ruleID, "PENDING")
		tf := newTerraform(t, w)
		tf.expect(tf.apply(t.Context(), withRule(attrs{"wait_for_rules": false})))
		tf.expect(tf.destroy(t.Context()))
		w.expectChanges(t, 0, 0)
	})
	t.Run("of a workspace that is bound already", func(t *testing.T) {
		w := newWorld()
		w.addRule(ruleID, "ESTABLISHED")
		tf := newTerraform(t, w)
		tf.expect(tf.apply(t.Context(), withRule(nil)))
		w.addRule("rule-2", "PENDING")
		w.count()
		more := withRule(attrs{"private_endpoint_rule_ids": strs(ruleID, "rule-2"), "wait_for_rules": false, "network_connectivity_config_id": ourNCC})
		tf.expect(tf.apply(t.Context(), more))
		tf.expectState(attrs{"status": "waiting_for_rules"})
		w.expectChanges(t, 0, 0)
		tf.expect(tf.refresh())
		tf.expectPlan(more, "update")
		tf.expect(tf.destroy(t.Context()))
		w.expectNetwork(t, theirNCC, theirPolicy)
	})
	t.Run("time out", func(t *testing.T) {
		w := newWorld()
		w.addRule(ruleID, "PENDING")
		tf := newTerraform(t, w)
		tf.refuse(tf.apply(t.Context(), withRule(attrs{"timeouts": tf.timeout("create", "50ms")})),
			"not established in time", "rule-1 is PENDING", "wait_for_rules = false", "was not changed")
		if !tf.state.IsNull() {
			t.Errorf("state holds %s", tf.state)
		}
		w.expectChanges(t, 0, 0)
	})
	for _, state := range []string{"REJECTED", "EXPIRED", "DISCONNECTED", "CREATE_FAILED"} {
		t.Run("that are "+state, func(t *testing.T) {
			w := newWorld()
			w.addRule(ruleID, state).ErrorMessage = "NOT_FOUND: nothing there"
			tf := newTerraform(t, w)
			_, ok := tf.plan(withRule(nil))
			tf.expect(ok)
			tf.expectSaid(state, "NOT_FOUND: nothing there")
			tf.refuse(tf.apply(t.Context(), withRule(nil)), "can no longer be used", state, "deleted and added again")
			patient := withRule(attrs{"wait_for_rules": false})
			tf.expect(tf.apply(t.Context(), patient))
			tf.expectSaid("can no longer be used", "deleted and added again")
			tf.expectState(attrs{"status": "waiting_for_rules"})
			w.expectChanges(t, 0, 0)
		})
	}
	t.Run("that do not exist", func(t *testing.T) {
		w := newWorld()
		tf := newTerraform(t, w)
		for _, wait := range []bool{true, false} {
			tf.refuse(tf.apply(t.Context(), withRule(attrs{"wait_for_rules": wait})), "rule does not exist", ruleID, "private_endpoint_rule_ids", "`rule_id`")
		}
		// What the plan cannot know is refused by the apply, at once.
		w.unknown = true
		tf.refuse(tf.apply(t.Context(), withRule(attrs{"wait_for_rules": false})), "rule does not exist", ruleID)
		w.expectChanges(t, 0, 0)
	})
}

func TestAWorkspaceThatProvisionsAtFirst(t *testing.T) {
	w := newWorld()
	w.workspace.WorkspaceStatus, w.busy = "PROVISIONING", 5
	tf := newTerraform(t, w)
	tf.expect(tf.apply(t.Context(), given(nil)))
	w.expectChanges(t, 1, 1)
	tf.expectState(attrs{"status": "bound"})
	w.workspace.WorkspaceStatus, w.busy = "PROVISIONING", 5
	w.count()
	tf.expect(tf.destroy(t.Context()))
	w.expectChanges(t, 1, 1)
	w.expectNetwork(t, theirNCC, theirPolicy)

	w = newWorld()
	w.workspace.WorkspaceStatus = "PROVISIONING"
	tf = newTerraform(t, w)
	tf.refuse(tf.apply(t.Context(), given(attrs{"timeouts": tf.timeout("create", "50ms")})), "could not be changed in time", "PROVISIONING", "Nothing was changed")
	w.expectChanges(t, 0, 0)
}

func TestABrokenWorkspace(t *testing.T) {
	for _, state := range []provisioning.WorkspaceStatus{"FAILED", "BANNED", "CANCELLING"} {
		t.Run(string(state), func(t *testing.T) {
			w := newWorld()
			w.workspace.WorkspaceStatusMessage = "Out of credit."
			breakIt := func() { w.workspace.WorkspaceStatus, w.busy = state, 0 }
			tf := newTerraform(t, w)
			p, ok := tf.plan(given(nil))
			tf.expect(ok)
			breakIt()
			_, ok = tf.plan(given(nil))
			tf.refuse(ok, "The workspace does not run", string(state)+" (Out of credit)")
			tf.refuse(tf.applyPlan(t.Context(), p), "The workspace does not run", "Nothing was changed")
			w.expectChanges(t, 0, 0)

			// Breaking while it is bound is a warning: what was done is saved.
			w.workspace.WorkspaceStatus = "RUNNING"
			w.steps = []func(){breakIt}
			tf.expect(tf.apply(t.Context(), given(nil)))
			tf.expectSaid("does not run with its network yet", string(state)+" (Out of credit)")
			tf.expectState(attrs{"status": "waiting_for_workspace", "workspace_status": string(state), "restore_network_connectivity_config_id": theirNCC})
			tf.expect(tf.refresh())
			if _, ok := tf.plan(given(nil)); ok {
				t.Error("planned to change a broken workspace")
			}
			tf.refuse(tf.destroy(t.Context()), "could not be put back", string(state))
			w.workspace.WorkspaceStatus = "RUNNING"
			tf.expect(tf.refresh())
			tf.expectPlan(given(nil), "none")
			tf.expect(tf.destroy(t.Context()))
			w.expectNetwork(t, theirNCC, theirPolicy)
		})
	}
}

func TestASlowWorkspaceIsAWarning(t *testing.T) {
	w := newWorld()
	w.settle = 1 << 30
	tf := newTerraform(t, w)
	slow := given(attrs{"timeouts": tf.timeout("create", "50ms")})
	tf.expect(tf.apply(t.Context(), slow))
	tf.expectSaid("does not run with its network yet", "PROVISIONING")
	tf.expectState(attrs{"status": "waiting_for_workspace", "workspace_status": "PROVISIONING", "restore_network_connectivity_config_id": theirNCC})
	tf.expect(tf.refresh())
	tf.expectState(attrs{"status": "waiting_for_workspace"})
	tf.expectPlan(slow, "update")

	// Waiting on is not failing either.
	both := tf.timeout("create", "50ms")
	both["update"] = tftypes.NewValue(tftypes.String, "50ms")
	tf.expect(tf.apply(t.Context(), given(attrs{"timeouts": both})))
	tf.expectState(attrs{"status": "waiting_for_workspace"})
	w.busy = 1
	tf.expect(tf.apply(t.Context(), slow))
	tf.expectState(attrs{"status": "bound"})
	tf.expect(tf.refresh())
	tf.expectPlan(slow, "none")
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
				tf.expect(tf.apply(t.Context(), given(nil)))
				tf.expectSilence()
				tf.expectState(attrs{"status": "bound", "restore_network_connectivity_config_id": theirNCC, "restore_network_policy_id": theirPolicy})
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
	p, ok := tf.plan(given(nil))
	tf.expect(ok)
	w.count()
	w.fault = func(call string, n int) error {
		if (call == getWorkspace || call == getPolicyOf) && n <= 3 {
			return apiError([]int{500, 502, 504}[n-1], "INTERNAL_ERROR", "try again")
		}
		return nil
	}
	tf.expect(tf.applyPlan(t.Context(), p))
	tf.expectState(attrs{"status": "bound"})

	// A wait that has begun outlasts lost answers, too.
	w = newWorld()
	w.addRule(ruleID, "ESTABLISHED")
	tf = newTerraform(t, w)
	p, ok = tf.plan(given(attrs{"private_endpoint_rule_ids": strs(ruleID)}))
	tf.expect(ok)
	w.count()
	w.fault = func(call string, n int) error {
		if call == listRules && n == 1 || call == getWorkspace && n == 2 || call == getPolicyOf && n == 2 {
			return errors.New("request timed out after 1m0s of inactivity")
		}
		return nil
	}
	tf.expect(tf.applyPlan(t.Context(), p))
	tf.expectSilence()
	tf.expectState(attrs{"status": "bound"})

	w.count()
	w.fault = func(string, int) error { return apiError(403, "PERMISSION_DENIED", "not an account admin") }
	tf.refuse(tf.refresh(), "Cannot read the workspace's network", "not an account admin", "account admin role")
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
	tf.expect(tf.apply(t.Context(), given(nil)))
	tf.expectState(attrs{"status": "bound"})
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
			tf.refuse(tf.apply(t.Context(), given(nil)), "could not be changed", c.want, "is as it was")
			if !tf.state.IsNull() {
				t.Errorf("state holds %s", tf.state)
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
		tf.expectPlan(nowhere, "create")
		tf.refuse(tf.apply(t.Context(), nowhere), "network_policy_id", "could not be changed", "Check that the network policy nope exists", "is as it was")
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
		tf.expect(tf.apply(t.Context(), given(nil)))
		tf.expectSaid("does not run with its network yet", "not an account admin")
		tf.expectState(attrs{"status": "waiting_for_workspace", "restore_network_policy_id": theirPolicy})
		w.fault = nil
		tf.expect(tf.refresh())
		tf.expectPlan(given(nil), "update")
		tf.expect(tf.apply(t.Context(), given(nil)))
		tf.expect(tf.destroy(t.Context()))
		w.expectNetwork(t, theirNCC, theirPolicy)
	})
	t.Run("in an update it keeps what was done", func(t *testing.T) {
		w := newWorld()
		tf := newTerraform(t, w)
		tf.expect(tf.apply(t.Context(), given(nil)))
		w.fault = func(call string, _ int) error {
			if call == bindCall {
				return denied
			}
			return nil
		}
		other := given(attrs{"network_connectivity_config_id": otherNCC, "network_policy_id": otherPolicy})
		tf.refuse(tf.apply(t.Context(), other), "could not be changed", "not an account admin")
		tf.expectState(attrs{"network_connectivity_config_id": ourNCC, "network_policy_id": otherPolicy, "status": "waiting_for_workspace"})
		w.fault = nil
		tf.expect(tf.refresh())
		tf.expect(tf.apply(t.Context(), other))
		w.expectNetwork(t, otherNCC, otherPolicy)
		tf.expect(tf.destroy(t.Context()))
		w.expectNetwork(t, theirNCC, theirPolicy)
	})
}

// Between plan and apply somebody else binds the workspace: that is what was there before.
func TestForeignRebindingBetween(t *testing.T) {
	w := newWorld()
	tf := newTerraform(t, w)
	p, ok := tf.plan(given(nil))
	tf.expect(ok)
	w.workspace.NetworkConnectivityConfigId, w.policy = otherNCC, otherPolicy
	tf.expect(tf.applyPlan(t.Context(), p))
	tf.expectState(attrs{"status": "bound", "restore_network_connectivity_config_id": otherNCC, "restore_network_policy_id": otherPolicy})

	// Right after the binding: it is not bound, and the next plan repairs it.
	w = newWorld()
	w.steps = []func(){func() { w.workspace.NetworkConnectivityConfigId = otherNCC }}
	tf = newTerraform(t, w)
	slow := given(attrs{"timeouts": tf.timeout("create", "50ms")})
	tf.expect(tf.apply(t.Context(), slow))
	tf.expectSaid("bound to NCC " + otherNCC)
	tf.expectState(attrs{"status": "waiting_for_workspace"})
	tf.expect(tf.refresh())
	tf.expectPlan(slow, "update")
	tf.expect(tf.apply(t.Context(), slow))
	tf.expectState(attrs{"status": "bound", "restore_network_connectivity_config_id": theirNCC})
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
		p, ok := tf.plan(given(nil))
		tf.expect(ok)
		ctx, cancel := context.WithCancel(t.Context())
		w.steps = []func(){cancel}
		tf.refuse(tf.applyPlan(ctx, p), "Nothing was changed")
		w.expectChanges(t, 0, 0)
	})
	t.Run("while a rule is pending nothing is done", func(t *testing.T) {
		w := newWorld()
		w.addRule(ruleID, "PENDING")
		ctx, cancel := context.WithCancel(t.Context())
		w.steps = []func(){cancel}
		tf := newTerraform(t, w)
		tf.refuse(tf.apply(ctx, given(attrs{"private_endpoint_rule_ids": strs(ruleID)})), "was not changed")
		w.expectChanges(t, 0, 0)
	})
	for _, call := range []string{attachCall, bindCall} {
		for name, after := range map[string]bool{"before": false, "after": true} {
			t.Run(name+" the effect of "+call+" both changes are finished and saved", func(t *testing.T) {
				w := newWorld()
				ctx := canceling(w, call, 1, after)
				tf := newTerraform(t, w)
				tf.expect(tf.apply(ctx, given(nil)))
				w.fault, w.afterEffect = nil, nil
				w.expectNetwork(t, ourNCC, ourPolicy)
				w.expectChanges(t, 1, 1)
				tf.expectState(attrs{"status": "waiting_for_workspace", "restore_network_connectivity_config_id": theirNCC, "restore_network_policy_id": theirPolicy})
				tf.expect(tf.refresh())
				tf.expect(tf.apply(t.Context(), given(nil)))
				tf.expectState(attrs{"status": "bound"})
				w.expectChanges(t, 1, 1)
				tf.expect(tf.destroy(t.Context()))
				w.expectNetwork(t, theirNCC, theirPolicy)
			})
			t.Run(name+" the effect of "+call+" the destroy finishes both", func(t *testing.T) {
				w := newWorld()
				tf := newTerraform(t, w)
				tf.expect(tf.apply(t.Context(), given(nil)))
				w.count()
				ctx := canceling(w, call, 1, after)
				if tf.destroy(ctx) {
					t.Fatal("a canceled destroy that did not see the end must be done again")
				}
				w.fault, w.afterEffect = nil, nil
				w.expectNetwork(t, theirNCC, theirPolicy)
				tf.expect(tf.refresh())
				tf.expect(tf.destroy(t.Context()))
				tf.expectSilence()
				w.expectChanges(t, 1, 1)
			})
		}
	}
	t.Run("in mid-wait the state is kept", func(t *testing.T) {
		w := newWorld()
		ctx, cancel := context.WithCancel(t.Context())
		w.settle, w.steps = 5, []func(){func() {}, cancel}
		tf := newTerraform(t, w)
		tf.expect(tf.apply(ctx, given(nil)))
		tf.expectState(attrs{"status": "waiting_for_workspace", "workspace_status": "PROVISIONING"})
	})
	t.Run("the last look may find it bound", func(t *testing.T) {
		w := newWorld()
		ctx, cancel := context.WithCancel(t.Context())
		w.settle, w.steps = 1<<30, []func(){func() { w.busy = 1; cancel() }}
		tf := newTerraform(t, w)
		tf.expect(tf.apply(ctx, given(nil)))
		tf.expectSilence()
		tf.expectState(attrs{"status": "bound", "workspace_status": "RUNNING"})
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
		tf.expect(tf.apply(ctx, given(nil)))
		tf.expectSilence()
		tf.expectState(attrs{"status": "bound", "restore_network_connectivity_config_id": theirNCC})
	})
	t.Run("a lost request has changed nothing", func(t *testing.T) {
		for _, blind := range []bool{false, true} {
			w := newWorld()
			tf := newTerraform(t, w)
			p, ok := tf.plan(given(nil))
			tf.expect(ok)
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
			ok = tf.applyPlan(ctx, p)
			if blind {
				// Nobody knows: then it is saved, for the next apply to look.
				tf.expect(ok)
				tf.expectState(attrs{"status": "waiting_for_workspace", "restore_network_policy_id": theirPolicy})
				continue
			}
			tf.refuse(ok, "Nothing was changed")
			if !tf.state.IsNull() {
				t.Errorf("state holds %s", tf.state)
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
		tf.expect(tf.apply(ctx, given(nil)))
		tf.expectState(attrs{"restore_network_policy_id": theirPolicy})
		tf.expect(tf.refresh())
		tf.expect(tf.apply(t.Context(), given(nil)))
		tf.expectState(attrs{"status": "bound"})
		tf.expect(tf.destroy(t.Context()))
		w.expectNetwork(t, theirNCC, theirPolicy)
	})
}

func TestNothingToPutBack(t *testing.T) {
	w := newWorld()
	w.workspace.NetworkConnectivityConfigId = ""
	tf := newTerraform(t, w)
	_, ok := tf.plan(given(nil))
	tf.expect(ok)
	tf.expectSaid("A destroy will need an NCC", "no way to unbind", "restore_network_connectivity_config_id")
	tf.expect(tf.apply(t.Context(), given(nil)))
	tf.expectState(attrs{"restore_network_connectivity_config_id": "", "status": "bound"})
	tf.expect(tf.refresh())
	tf.expectPlan(given(nil), "none")
	w.count()
	for name, destroy := range map[string]func() bool{"plan": tf.planDestroy, "apply": func() bool { return tf.destroyUnplanned(t.Context()) }} {
		tf.refuse(destroy(), "There is no NCC to put back", "restore_network_connectivity_config_id", ourNCC, "Nothing was changed", "destroy again")
		w.expectChanges(t, 0, 0)
		w.expectNetwork(t, ourNCC, ourPolicy)
		if tf.state.IsNull() {
			t.Fatalf("%s: the state is lost", name)
		}
	}
	// Either of the two ways out of it.
	saved, private := tf.state, tf.private
	tf.expect(tf.apply(t.Context(), given(attrs{"restore_network_connectivity_config_id": ourNCC})))
	tf.expect(tf.destroy(t.Context()))
	w.expectNetwork(t, ourNCC, theirPolicy)

	tf.state, tf.private = saved, private
	w.policy = ourPolicy
	tf.expect(tf.apply(t.Context(), given(attrs{"restore_network_connectivity_config_id": otherNCC})))
	tf.expect(tf.destroy(t.Context()))
	w.expectNetwork(t, otherNCC, theirPolicy)

	// With it from the start there is nothing to warn of.
	w = newWorld()
	w.workspace.NetworkConnectivityConfigId = ""
	tf = newTerraform(t, w)
	_, ok = tf.plan(given(attrs{"restore_network_connectivity_config_id": otherNCC}))
	tf.expect(ok)
	tf.expectSilence()
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
			tf.expect(tf.apply(t.Context(), given(nil)))
			c.lose(w)
			w.count()
			tf.refuse(tf.planDestroy(), c.want...)
			tf.refuse(tf.destroyUnplanned(t.Context()), c.want...)
			w.expectChanges(t, 0, 0)
			w.expectNetwork(t, ourNCC, ourPolicy)
			tf.expect(tf.apply(t.Context(), given(attrs{"restore_network_connectivity_config_id": otherNCC, "restore_network_policy_id": defaultPolicyID})))
			tf.expect(tf.destroy(t.Context()))
			w.expectNetwork(t, otherNCC, defaultPolicyID)
		})
	}
}

func TestTheWorkspaceIsGone(t *testing.T) {
	w := newWorld()
	tf := newTerraform(t, w)
	tf.expect(tf.apply(t.Context(), given(nil)))
	saved, private := tf.state, tf.private
	w.workspace = nil
	tf.expect(tf.destroy(t.Context()))
	tf.state, tf.private = saved, private
	tf.expect(tf.refresh())
	tf.expectSaid("The workspace is gone", idText)
	if !tf.state.IsNull() {
		t.Errorf("state still holds %s", tf.state)
	}
	_, ok := tf.plan(given(nil))
	tf.refuse(ok, "The workspace does not exist", idText)
}

func TestTheWorkspaceGoesDuringTheDestroy(t *testing.T) {
	w := newWorld()
	tf := newTerraform(t, w)
	tf.expect(tf.apply(t.Context(), given(nil)))
	w.steps = []func(){func() { w.workspace = nil }}
	tf.expect(tf.destroy(t.Context()))
}

func TestImport(t *testing.T) {
	w := newWorld()
	tf := newTerraform(t, w)
	tf.expect(tf.importID(idText))
	tf.expectSilence()
	both := attrs{"workspace_id": workspaceID, "network_connectivity_config_id": theirNCC, "network_policy_id": theirPolicy}
	tf.expectState(attrs{"id": idText, "status": "bound", "workspace_name": "data", "network_connectivity_config_id": theirNCC, "network_policy_id": theirPolicy})
	tf.expectPlan(both, "none")
	w.count()

	// A part that the configuration leaves out is let go of, untouched.
	imported, private := tf.state, tf.private
	policyAlone := attrs{"workspace_id": workspaceID, "network_policy_id": theirPolicy}
	tf.expect(tf.apply(t.Context(), policyAlone))
	w.expectChanges(t, 0, 0)
	tf.expectState(attrs{"restore_network_connectivity_config_id": ""})

	// What was there before is not known: a destroy leaves all as it is.
	tf.state, tf.private = imported, private
	tf.expect(tf.destroy(t.Context()))
	w.expectChanges(t, 0, 0)
	tf.state, tf.private = imported, private
	tf.expect(tf.apply(t.Context(), given(nil)))
	tf.expect(tf.destroy(t.Context()))
	w.expectNetwork(t, theirNCC, theirPolicy)

	// An NCC that is bound by somebody else since is not ours.
	tf.state, tf.private = imported, private
	tf.expect(tf.refresh())
	w.workspace.NetworkConnectivityConfigId = otherNCC
	tf.expect(tf.refresh())
	tf.expectPlan(both, "update")
	w.count()
	tf.expect(tf.destroy(t.Context()))
	w.expectChanges(t, 0, 0)

	for _, id := range []string{"", "x", "0", "-1", "12/34", "https://dbc-1.cloud.databricks.com/?o=12"} {
		tf = newTerraform(t, w)
		if tf.importID(id) {
			t.Errorf("%q was imported", id)
		}
		tf.expectSaid("Not the id of a workspace", "1234567890123456")
	}
	tf = newTerraform(t, w)
	tf.expect(tf.importID("99"))
	if !tf.state.IsNull() {
		t.Errorf("a workspace that does not exist was imported as %s", tf.state)
	}
	w.workspace.NetworkConnectivityConfigId = ""
	tf.expect(tf.importID(idText))
	tf.expectState(attrs{"network_connectivity_config_id": "", "restore_network_connectivity_config_id": ""})
	tf.expectPlan(policyAlone, "none")
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
		"rules without NCC":             {given: attrs{"workspace_id": workspaceID, "network_policy_id": ourPolicy, "private_endpoint_rule_ids": strs(ruleID)}, want: []string{"private_endpoint_rule_ids", "network_connectivity_config_id"}},
		"no rules":                      {given: given(attrs{"private_endpoint_rule_ids": strs()}), want: []string{"private_endpoint_rule_ids", "at least 1"}},
		"a rule's whole id":             {given: given(attrs{"private_endpoint_rule_ids": strs(ourNCC + "/" + ruleID)}), want: []string{"private_endpoint_rule_ids", "slash"}},
		"an NCC to restore without one": {given: attrs{"workspace_id": workspaceID, "network_policy_id": ourPolicy, "restore_network_connectivity_config_id": theirNCC}, want: []string{"restore_network_connectivity_config_id"}},
		"a policy to restore without":   {given: attrs{"workspace_id": workspaceID, "network_connectivity_config_id": ourNCC, "restore_network_policy_id": theirPolicy}, want: []string{"restore_network_policy_id"}},
		"a workspace that is not there": {given: given(attrs{"workspace_id": 42}), want: []string{"workspace_id", "does not exist", "42"}},
		"an NCC that is not there":      {given: given(attrs{"network_connectivity_config_id": "ncc-9"}), want: []string{"network_connectivity_config_id", "does not exist", "ncc-9"}},
		"a rule that is not there":      {given: given(attrs{"private_endpoint_rule_ids": strs("rule-9")}), want: []string{"private_endpoint_rule_ids", "has no rule rule-9"}},
		"an NCC of another region":      {given: given(nil), spoil: func(w *world) { w.nccs[ourNCC] = "eu-west-1" }, want: []string{"network_connectivity_config_id", "another region", "eu-west-1", "us-east-1", "give an NCC in us-east-1"}},
		"an NCC that is full":           {given: given(nil), spoil: func(w *world) { w.fillNCC(ourNCC, maxWorkspaces) }, want: []string{"network_connectivity_config_id", "is full", "50"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			if c.spoil != nil {
				c.spoil(w)
			}
			tf := newTerraform(t, w)
			_, ok := tf.plan(c.given)
			tf.refuse(ok, c.want...)
			w.expectChanges(t, 0, 0)
		})
	}
	t.Run("one place left", func(t *testing.T) {
		w := newWorld()
		w.fillNCC(ourNCC, maxWorkspaces-1)
		tf := newTerraform(t, w)
		tf.expectPlan(given(nil), "create")
	})
	t.Run("full, and one of them is this workspace", func(t *testing.T) {
		w := newWorld()
		w.workspace.NetworkConnectivityConfigId = ourNCC
		w.fillNCC(ourNCC, maxWorkspaces-1)
		tf := newTerraform(t, w)
		tf.expectPlan(given(nil), "create")
	})
	t.Run("both unknown at plan and null at apply", func(t *testing.T) {
		w := newWorld()
		tf := newTerraform(t, w)
		p, ok := tf.plan(attrs{"workspace_id": workspaceID, "network_connectivity_config_id": tftypes.UnknownValue})
		tf.expect(ok)
		nothing := tf.fields(p.planned)
		nothing["network_connectivity_config_id"] = tftypes.NewValue(tftypes.String, nil)
		p.planned = tftypes.NewValue(tf.typ, nothing)
		p.config = tf.config(attrs{"workspace_id": workspaceID})
		tf.refuse(tf.applyPlan(t.Context(), p), "nothing to bind")
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
		tf.expectPlan(unknown, "create")
		tf.expectSilence()
	}
	w.unknown = true
	w.count()
	tf.expectPlan(given(nil), "create")
	w.expectCalls(t, map[string]int{})
}

func TestEveryAttributeIsDescribed(t *testing.T) {
	for name, attribute := range resourceSchema(t.Context()).Attributes {
		if text := attribute.GetMarkdownDescription(); len(text) < 10 && name != "timeouts" {
			t.Errorf("%s: %q", name, text)
		}
	}
}
