package workspacenetwork

import (
	"context"
	"fmt"
	"testing"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/powercut"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/resourcetest"
)

// crashScene is a run that is cut off between any two of its calls.
type crashScene struct {
	// spoil changes the world at first; nil: a workspace that others have given a network.
	spoil func(*world)
	// start is applied before, whole; nil: there is no resource.
	start attrs
	// between is what other hands do then.
	between func(*world)
	// want is the configuration that the struck run and those after it apply; nil destroys.
	want attrs
	// afterwards is what a destroy leaves, if not what the workspace had at first.
	afterwards network
	// atLeast is how many calls the run makes, so that the scene is the one that was meant.
	atLeast int
}

func onlyNCC(more attrs) attrs    { return without(given(more), "network_policy_id") }
func onlyPolicy(more attrs) attrs { return without(given(more), "network_connectivity_config_id") }

func without(given attrs, name string) attrs {
	delete(given, name)
	return given
}

var (
	otherBoth = attrs{"network_connectivity_config_id": otherNCC, "network_policy_id": otherPolicy}
	restores  = attrs{"restore_network_connectivity_config_id": theirNCC, "restore_network_policy_id": theirPolicy}
	patient   = attrs{"private_endpoint_rule_ids": []string{ruleID}, "wait_for_rules": false}
)

func pendingRule(w *world)    { w.addRule(ruleID, "PENDING") }
func establishRule(w *world)  { w.rules[0].ConnectionState = "ESTABLISHED" }
func busyAlready(w *world)    { w.workspace.WorkspaceStatus, w.busy = "PROVISIONING", 4 }
func boundByHand(w *world)    { w.workspace.NetworkConnectivityConfigId = otherNCC }
func attachedByHand(w *world) { w.policy = otherPolicy }
func changedByHand(w *world)  { boundByHand(w); attachedByHand(w) }
func unbound(w *world)        { w.workspace.NetworkConnectivityConfigId = "" }
func establishedLater(w *world) {
	pendingRule(w)
	w.steps = []func(){func() {}, func() { establishRule(w) }}
}

var crashScenes = map[string]crashScene{
	"create":                                 {want: given(nil), atLeast: 10},
	"create of the NCC alone":                {want: onlyNCC(nil), atLeast: 9},
	"create of the policy alone":             {want: onlyPolicy(nil), atLeast: 5},
	"create that says what to put back":      {want: given(restores), atLeast: 11},
	"create for a workspace without an NCC":  {spoil: unbound, want: given(attrs{"restore_network_connectivity_config_id": otherNCC}), afterwards: network{NCC: otherNCC}, atLeast: 11},
	"create for a workspace that is busy":    {spoil: busyAlready, want: given(nil), atLeast: 13},
	"create that waits for a rule":           {spoil: establishedLater, want: given(attrs{"private_endpoint_rule_ids": []string{ruleID}}), atLeast: 13},
	"update to another NCC":                  {start: given(nil), want: given(attrs{"network_connectivity_config_id": otherNCC}), atLeast: 10},
	"update to another policy":               {start: given(nil), want: given(attrs{"network_policy_id": otherPolicy}), atLeast: 8},
	"update of both":                         {start: given(nil), want: given(otherBoth), atLeast: 11},
	"update of a busy workspace":             {start: given(nil), between: busyAlready, want: given(otherBoth), atLeast: 14},
	"update of what to put back":             {start: given(nil), want: given(attrs{"restore_network_connectivity_config_id": otherNCC}), afterwards: network{NCC: otherNCC}, atLeast: 3},
	"update that adds the NCC":               {start: onlyPolicy(nil), want: given(nil), atLeast: 10},
	"update that adds the policy":            {start: onlyNCC(nil), want: given(nil), atLeast: 7},
	"update that lets go of the NCC":         {start: given(nil), want: onlyPolicy(nil), afterwards: network{NCC: ourNCC}, atLeast: 5},
	"update that goes on after the rule":     {spoil: pendingRule, start: given(patient), between: establishRule, want: given(patient), atLeast: 10},
	"repair of a foreign binding":            {start: given(nil), between: boundByHand, want: given(nil), atLeast: 9},
	"repair of a foreign policy":             {start: given(nil), between: attachedByHand, want: given(nil), atLeast: 8},
	"destroy":                                {start: given(nil), atLeast: 12},
	"destroy of the NCC alone":               {start: onlyNCC(nil), atLeast: 11},
	"destroy of the policy alone":            {start: onlyPolicy(nil), atLeast: 8},
	"destroy of a busy workspace":            {start: given(nil), between: busyAlready, atLeast: 14},
	"destroy with a foreign binding":         {start: given(nil), between: boundByHand, afterwards: network{NCC: otherNCC}, atLeast: 8},
	"destroy with all changed by hand":       {start: given(nil), between: changedByHand, afterwards: network{otherNCC, otherPolicy}, atLeast: 6},
	"destroy of what waits for its rule yet": {spoil: pendingRule, start: given(patient), atLeast: 4},
}

// staged is a crash scene that is set up, ready for runs to be struck.
type staged struct {
	crashScene
	w  *world
	tf *resourcetest.Terraform
	// expected is what the workspace has in the end.
	expected network
}

func (scene crashScene) stage(t *testing.T) *staged {
	t.Helper()
	w := newWorld()
	if scene.spoil != nil {
		scene.spoil(w)
	}
	s := &staged{crashScene: scene, w: w, tf: newTerraform(t, w), expected: w.has()}
	if scene.start != nil {
		s.tf.Expect(s.tf.Apply(t.Context(), scene.start))
	}
	if scene.between != nil {
		scene.between(w)
	}
	if scene.afterwards.NCC != "" {
		s.expected.NCC = scene.afterwards.NCC
	}
	if scene.afterwards.Policy != "" {
		s.expected.Policy = scene.afterwards.Policy
	}
	return s
}

func (w *world) has() network {
	w.mu.Lock()
	defer w.mu.Unlock()
	return network{NCC: w.workspace.NetworkConnectivityConfigId, Policy: w.policy}
}

// strike runs an apply, or a destroy, that is cut off, and puts the state back to what a run that was killed leaves:
// what it was.
func (s *staged) strike(t *testing.T, cut *powercut.Cut) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	// A process that is dead waits no longer, either.
	dying := func(err error) error {
		if cut.Dead() {
			cancel()
		}
		return err
	}
	s.w.fault = func(call string, n int) error { return dying(cut.Before(call, n)) }
	s.w.afterEffect = func(call string, n int) error { return dying(cut.After(call, n)) }
	saved, before := s.tf.State, s.w.has()
	switch {
	case !saved.IsNull() && !s.tf.Refresh():
	case s.want == nil:
		s.tf.Destroy(ctx)
	default:
		s.tf.Apply(ctx, s.want)
	}
	s.w.fault, s.w.afterEffect = nil, nil
	if !cut.Dead() {
		return
	}
	s.tf.State = saved
	s.limit(before)
}

// limit is what a run that is killed loses: what was there before a part that the state does not know of yet, unless the
// configuration says it.
func (s *staged) limit(before network) {
	now := s.w.has()
	lost := func(attribute string) bool {
		return s.want != nil && s.want["restore_"+attribute] == nil && s.want[attribute] != nil && (s.start == nil || s.start[attribute] == nil)
	}
	if lost("network_connectivity_config_id") && now.NCC != before.NCC {
		s.expected.NCC = now.NCC
	}
	if lost("network_policy_id") && now.Policy != before.Policy {
		s.expected.Policy = now.Policy
	}
}

// again brings to its end what was struck: the workspace gets what is configured, and a destroy puts back what it had.
// At is which of the scene's runs was struck, for messages.
func (s *staged) again(t *testing.T, at string) {
	t.Helper()
	if s.want != nil {
		s.converge(t, at)
	}
	if !s.tf.State.IsNull() {
		s.tf.Expect(s.tf.Refresh())
		s.tf.Expect(s.tf.Destroy(t.Context()))
	}
	if got := s.w.has(); got != s.expected {
		t.Errorf("after the destroy the workspace has %+v, want %+v", got, s.expected)
	}
	if t.Failed() {
		t.Fatalf("%s: see above", at)
	}
}

func (s *staged) converge(t *testing.T, at string) {
	t.Helper()
	if !s.tf.State.IsNull() {
		s.tf.Expect(s.tf.Refresh())
	}
	_, ok := s.tf.Plan(s.want)
	s.tf.Expect(ok)
	if s.tf.State.IsNull() {
		s.expectLimitSaid()
	}
	s.tf.Expect(s.tf.Apply(t.Context(), s.want))
	s.tf.ExpectState(attrs{"status": "bound"})
	got := s.w.has()
	for attribute, has := range map[string]string{"network_connectivity_config_id": got.NCC, "network_policy_id": got.Policy} {
		if want := s.want[attribute]; want != nil && want != has {
			t.Errorf("%s: %s is %s, want %s", at, attribute, has, want)
		}
	}
	s.tf.Expect(s.tf.Refresh())
	s.tf.ExpectPlan(s.want, "none")
}

// expectLimitSaid expects the plan of a creation to say what a destroy will leave, and how to have it otherwise.
func (s *staged) expectLimitSaid() {
	if s.expected.NCC == ourNCC {
		s.tf.ExpectSaid("The workspace is bound already", "restore_network_connectivity_config_id")
	}
	if s.expected.Policy == ourPolicy {
		s.tf.ExpectSaid("The workspace is under the network policy already", "restore_network_policy_id")
	}
}

// A run is killed at its k-th call, for every k, with and without the call's effect, and then run again: the workspace
// gets what is configured, and a destroy puts back what it had, but for what only the killed run knew.
func TestKilledAtEveryCall(t *testing.T) {
	for name, scene := range crashScenes {
		t.Run(name, func(t *testing.T) {
			for _, effect := range []bool{false, true} {
				for k, killed := 1, true; killed; k++ {
					at := fmt.Sprintf("killed at call %d, with its effect: %t", k, effect)
					s := scene.stage(t)
					cut := &powercut.Cut{At: k, Effect: effect}
					s.strike(t, cut)
					s.again(t, at)
					if killed = cut.Dead(); !killed && cut.Calls() < scene.atLeast {
						t.Errorf("the run makes only %d calls, too few to be the one that was meant", cut.Calls())
					}
				}
			}
		})
	}
}

// Every run is killed one call later than the one before, until one comes through.
func TestKilledAgainAndAgain(t *testing.T) {
	for name, scene := range crashScenes {
		t.Run(name, func(t *testing.T) {
			for _, effect := range []bool{false, true} {
				s := scene.stage(t)
				for k, killed := 1, true; killed; k++ {
					cut := &powercut.Cut{At: k, Effect: effect}
					s.strike(t, cut)
					killed = cut.Dead()
				}
				s.again(t, fmt.Sprintf("with the effect of the last calls: %t", effect))
			}
		})
	}
}
