package workspacenetwork

import "testing"

func TestWhatIsPutBackIsLookedAtFirst(t *testing.T) {
	full := func(w *world) { w.fillNCC(theirNCC, maxWorkspaces) }
	t.Run("an NCC that has no room any more", func(t *testing.T) {
		w := newWorld()
		tf := newTerraform(t, w)
		tf.Expect(tf.Apply(t.Context(), given(nil)))
		full(w)
		w.count()
		tf.Refuse(tf.PlanDestroy(), "The NCC to put back is full", theirNCC+" has 50 workspaces", "Nothing was changed", "restore_network_connectivity_config_id")
		w.expectChanges(t, 0, 0)
	})
	t.Run("and that the plan could not know", func(t *testing.T) {
		w := newWorld()
		tf := newTerraform(t, w)
		tf.Expect(tf.Apply(t.Context(), given(nil)))
		full(w)
		w.fault = func(call string, _ int) error {
			if call == bindCall {
				return apiError(400, "LIMIT_EXCEEDED", "no room")
			}
			return nil
		}
		tf.Refuse(tf.DestroyUnplanned(t.Context()), "could not be put back", "no room", theirNCC+" has 50 workspaces", "Give another NCC", "Destroy again")
		w.expectNetwork(t, ourNCC, ourPolicy)
	})
	t.Run("what goes right after the look is an error", func(t *testing.T) {
		for call, lose := range map[string]func(*world){
			bindCall:   func(w *world) { delete(w.nccs, theirNCC) },
			attachCall: func(w *world) { delete(w.policies, theirPolicy) },
		} {
			w := newWorld()
			tf := newTerraform(t, w)
			tf.Expect(tf.Apply(t.Context(), given(nil)))
			w.fault = func(made string, _ int) error {
				if made != call {
					return nil
				}
				lose(w)
				return errNotFound
			}
			tf.Refuse(tf.Destroy(t.Context()), "could not be put back", "Destroy again")
			if tf.State.IsNull() {
				t.Fatalf("%s: the state is lost, and the workspace has still ours", call)
			}
			w.fault = nil
			tf.Refuse(tf.Destroy(t.Context()), "does not exist any more", "Nothing was changed")
		}
	})
	t.Run("by a replacement, too", func(t *testing.T) {
		w := newWorld()
		tf := newTerraform(t, w)
		tf.Expect(tf.Apply(t.Context(), given(nil)))
		delete(w.policies, theirPolicy)
		_, ok := tf.Plan(given(attrs{"workspace_id": workspaceID + 1}))
		tf.Refuse(ok, "The network policy to put back does not exist any more", theirPolicy)
	})
	t.Run("when it is written", func(t *testing.T) {
		w := newWorld()
		tf := newTerraform(t, w)
		write := func(ncc string) attrs { return given(attrs{"restore_network_connectivity_config_id": ncc}) }
		refused := func() {
			t.Helper()
			_, ok := tf.Plan(write("ncc-9"))
			tf.Refuse(ok, "restore_network_connectivity_config_id", "The NCC to put back does not exist", "ncc-9", "Check the id")
			w.nccs[otherNCC] = "eu-west-1"
			_, ok = tf.Plan(write(otherNCC))
			tf.Refuse(ok, "restore_network_connectivity_config_id", "The NCC to put back is in another region", "give an NCC in us-east-1")
			w.nccs[otherNCC] = "us-east-1"
		}
		refused()
		tf.Expect(tf.Apply(t.Context(), given(nil)))
		refused()
		// It need not have room yet.
		w.fillNCC(otherNCC, maxWorkspaces)
		tf.ExpectPlan(write(otherNCC), "update")
	})
}

// The plan of a destroy says what it leaves.
func TestADestroyPlanSaysWhatIsForeign(t *testing.T) {
	w := newWorld()
	tf := newTerraform(t, w)
	tf.Expect(tf.Apply(t.Context(), given(nil)))
	changedByHand(w)
	tf.Expect(tf.PlanDestroy())
	tf.ExpectSaid("bound to another NCC since", otherNCC, "under another network policy since", otherPolicy, "apply that was cut off")
}
