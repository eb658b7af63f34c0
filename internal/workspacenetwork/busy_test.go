package workspacenetwork

import (
	"testing"

	"github.com/databricks/databricks-sdk-go/service/provisioning"
)

// atPause has others do something at the n-th pause of the waits to come.
func (w *world) atPause(n int, does func()) {
	w.steps = append(make([]func(), n-1), does)
}

// While a busy workspace is waited for, others change it.
func TestOthersChangeABusyWorkspace(t *testing.T) {
	t.Run("ahead of a destroy", func(t *testing.T) {
		w := newWorld()
		tf := newTerraform(t, w)
		tf.Expect(tf.Apply(t.Context(), given(nil)))
		w.workspace.WorkspaceStatus, w.busy = provisioning.WorkspaceStatusProvisioning, 4
		w.atPause(2, func() { changedByHand(w) })
		w.count()
		tf.Expect(tf.DestroyUnplanned(t.Context()))
		tf.ExpectSaid("bound to another NCC since", otherNCC)
		w.expectChanges(t, 0, 0)
		w.expectNetwork(t, otherNCC, otherPolicy)
	})
	t.Run("so that there is nothing to put back any more", func(t *testing.T) {
		w := newWorld()
		unbound(w)
		tf := newTerraform(t, w)
		tf.Expect(tf.Apply(t.Context(), given(nil)))
		boundByHand(w)
		w.workspace.WorkspaceStatus, w.busy = provisioning.WorkspaceStatusProvisioning, 4
		w.atPause(2, func() { w.workspace.NetworkConnectivityConfigId = ourNCC })
		tf.Refuse(tf.DestroyUnplanned(t.Context()), "There is no NCC to put back")
		w.expectNetwork(t, ourNCC, ourPolicy)
	})
	t.Run("while rules are awaited", func(t *testing.T) {
		w := newWorld()
		pendingRule(w)
		tf := newTerraform(t, w)
		w.steps = []func(){func() { changedByHand(w) }, func() { establishRule(w) }}
		tf.Expect(tf.Apply(t.Context(), given(attrs{"private_endpoint_rule_ids": []string{ruleID}})))
		tf.ExpectState(attrs{"status": "bound", "restore_network_connectivity_config_id": otherNCC, "restore_network_policy_id": otherPolicy})
		tf.Expect(tf.Destroy(t.Context()))
		w.expectNetwork(t, otherNCC, otherPolicy)
	})
	t.Run("out of what is wanted, while rules are awaited", func(t *testing.T) {
		w := newWorld()
		tf := newTerraform(t, w)
		tf.Expect(tf.Apply(t.Context(), given(nil)))
		pendingRule(w)
		w.steps = []func(){func() { changedByHand(w) }, func() { establishRule(w) }}
		tf.Expect(tf.Apply(t.Context(), given(attrs{"private_endpoint_rule_ids": []string{ruleID}})))
		tf.ExpectState(attrs{"status": "bound", "restore_network_connectivity_config_id": theirNCC})
		w.expectNetwork(t, ourNCC, ourPolicy)
	})
	t.Run("into a broken one, while rules are awaited", func(t *testing.T) {
		w := newWorld()
		pendingRule(w)
		tf := newTerraform(t, w)
		w.steps = []func(){func() { w.workspace.WorkspaceStatus = "FAILED" }, func() { establishRule(w) }}
		tf.Refuse(tf.Apply(t.Context(), given(attrs{"private_endpoint_rule_ids": []string{ruleID}})), "The workspace does not run", "FAILED", "Nothing was changed")
		w.expectChanges(t, 0, 0)
	})
}

// A workspace that runs may still be at work on another change, and refuse ours for minutes.
func TestAWorkspaceThatIsBusyAndRuns(t *testing.T) {
	for _, call := range []string{bindCall, attachCall} {
		w := newWorld()
		began := w.clock.Now()
		w.fault = func(made string, _ int) error {
			if made == call && w.clock.Now().Sub(began).Minutes() < 2 {
				return errBusy
			}
			return nil
		}
		tf := newTerraform(t, w)
		tf.Expect(tf.Apply(t.Context(), given(nil)))
		tf.ExpectState(attrs{"status": "bound"})
		w.expectNetwork(t, ourNCC, ourPolicy)
	}
}

// The apply binds more workspaces than the plan of each of them could see.
func TestAnNCCThatIsFullSinceThePlan(t *testing.T) {
	w := newWorld()
	w.fillNCC(ourNCC, maxWorkspaces-1)
	tf := newTerraform(t, w)
	p, ok := tf.Plan(given(nil))
	tf.Expect(ok)
	w.fillNCC(ourNCC, 1)
	w.fault = func(call string, _ int) error {
		if call == bindCall {
			return apiError(400, "LIMIT_EXCEEDED", "no room")
		}
		return nil
	}
	tf.Refuse(tf.ApplyPlan(t.Context(), p), "network_connectivity_config_id", "no room", ourNCC+" has 50 workspaces", "Give another NCC", "is as it was")
	w.expectNetwork(t, theirNCC, theirPolicy)
}
