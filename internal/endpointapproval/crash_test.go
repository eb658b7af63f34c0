package endpointapproval

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/powercut"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/resourcetest"
)

// crashScene is a run that may be killed between any two of its calls.
type crashScene struct {
	// start is applied beforehand, nil for nothing; between happens after that.
	start   attrs
	between func(w *world)
	// want is the configuration that the run applies; nil destroys.
	want attrs
	// accepts and rejects are the connections that all runs together have to accept and reject, each once.
	accepts, rejects []string
	// fewest is how many calls the run makes at least, refresh and plan included.
	fewest int
}

var (
	successor = "vpce-0c2" // the endpoint of the second rule
	byRuleID  = byNCC(attrs{"private_endpoint_rule_id": ruleID})
	byID      = attrs{"endpoint_service_id": serviceID, "vpc_endpoint_id": endpointID}
	notWaited = byNCC(attrs{"wait_for_rule": false})
)

func pendingRule(w *world) { w.AddRule("PENDING") }

var crashScenes = map[string]crashScene{
	"create by NCC":      {between: pendingRule, want: byNCC(nil), accepts: []string{endpointID}, fewest: 10},
	"create by rule":     {between: pendingRule, want: byRuleID, accepts: []string{endpointID}, fewest: 10},
	"create by endpoint": {between: func(w *world) { w.Connect(endpointID, "pendingAcceptance") }, want: byID, accepts: []string{endpointID}, fewest: 6},
	"create that waits for all": {want: byNCC(nil), accepts: []string{endpointID}, fewest: 20, between: func(w *world) {
		w.Delays.Endpoint, w.Delays.Available, w.Delays.Established = 5*time.Second, 3*time.Second, 3*time.Second
		w.In(5*time.Second, func() { w.AddRule("CREATING") })
	}},
	"create of what was accepted by hand": {between: func(w *world) {
		rule := w.AddRule("PENDING")
		w.Connection(endpointID).VpcEndpointState, rule.ConnectionState = "available", "ESTABLISHED"
	}, want: byNCC(nil), fewest: 7},
	"create without waiting":         {want: notWaited, fewest: 6},
	"update once the rule is there":  {start: notWaited, between: pendingRule, want: notWaited, accepts: []string{endpointID}, fewest: 8},
	"update that waits for the rule": {start: notWaited, between: func(w *world) { w.Steps = []func(){func() { w.AddRule("PENDING") }} }, want: byNCC(nil), accepts: []string{endpointID}, fewest: 8},
	"update of what is not settled": {start: byNCC(nil), between: func(w *world) {
		w.Rules[0].ConnectionState = "PENDING"
		w.In(20*time.Second, func() { w.SetRule(w.Rules[0], "ESTABLISHED") })
	}, want: byNCC(nil), fewest: 8},
	"replacement of a dead rule":         {start: byNCC(nil), between: disconnected, want: byNCC(nil), rejects: []string{endpointID}, accepts: []string{successor}, fewest: 12},
	"replacement of a dead connection":   {start: byNCC(nil), between: rejectedByHand, want: byNCC(nil), accepts: []string{successor}, fewest: 10},
	"destroy":                            {start: byNCC(nil), rejects: []string{endpointID}, fewest: 5},
	"destroy by endpoint":                {start: byID, between: nil, rejects: []string{endpointID}, fewest: 4},
	"destroy of what was never accepted": {start: notWaited, between: pendingRule, rejects: []string{endpointID}, fewest: 5},
	"destroy while AWS sets it up": {start: byNCC(nil), rejects: []string{endpointID}, fewest: 7, between: func(w *world) {
		w.Connection(endpointID).VpcEndpointState = "pending"
		w.In(4*time.Second, func() { w.Connection(endpointID).VpcEndpointState = "available" })
	}},
}

func disconnected(w *world) {
	w.Rules[0].ConnectionState, w.Rules[0].Deactivated = "DISCONNECTED", true
	w.AddRule("PENDING")
}

func rejectedByHand(w *world) {
	w.Connection(endpointID).VpcEndpointState = "rejected"
	disconnected(w)
}

// staged is a crash scene that is set up, ready for runs to be struck.
type staged struct {
	crashScene
	*world
	tf        *resourcetest.Terraform
	untouched func(*testing.T)
}

func (scene crashScene) stage(t *testing.T) *staged {
	t.Helper()
	w, untouched := withDecoys()
	s := &staged{crashScene: scene, world: w, tf: newTerraform(t, w), untouched: untouched}
	if scene.start != nil {
		if scene.start["vpc_endpoint_id"] != nil {
			w.Connect(endpointID, "pendingAcceptance")
		} else if scene.start["wait_for_rule"] == nil {
			w.AddRule("PENDING")
		}
		s.tf.Expect(s.tf.Apply(t.Context(), scene.start))
	}
	w.Accepted = nil
	if scene.between != nil {
		scene.between(w)
	}
	return s
}

// strike runs what is wanted until it is cut off, and puts the state back to what a run that was killed leaves: what
// it was.
func (s *staged) strike(t *testing.T, cut *powercut.Cut) {
	t.Helper()
	state := s.tf.State
	s.Before, s.After = cut.Before, cut.After
	defer func() { s.Before, s.After = nil, nil }()
	s.run(t)
	if cut.Dead() {
		s.tf.State = state
	}
}

// run is a run of Terraform: refresh, plan, apply.
func (s *staged) run(t *testing.T) bool {
	t.Helper()
	if !s.tf.State.IsNull() && !s.tf.Refresh() {
		return false
	}
	switch {
	case s.want != nil:
		return s.tf.Apply(t.Context(), s.want)
	case s.tf.State.IsNull():
		return true
	default:
		return s.tf.Destroy(t.Context())
	}
}

// again runs what was struck to its end, and expects it to have come about, each write of it once.
func (s *staged) again(t *testing.T, at string) {
	t.Helper()
	if !s.run(t) {
		t.Fatalf("%s: %s", at, s.tf.Said())
	}
	if !slices.Equal(s.Accepted, s.accepts) || !slices.Equal(s.Rejected, s.rejects) {
		t.Errorf("%s: accepted %v, want %v; rejected %v, want %v", at, s.Accepted, s.accepts, s.Rejected, s.rejects)
	}
	s.untouched(t)
	if s.want == nil {
		if slices.Contains(s.Live(), endpointID) {
			t.Errorf("%s: the connections %v keep the endpoint service from being deleted", at, s.Live())
		}
	} else {
		s.settled(t, at)
	}
	if t.Failed() {
		t.Fatalf("%s: see above", at)
	}
}

// settled expects what is configured to be there and in the state, and nothing to be left to do.
func (s *staged) settled(t *testing.T, at string) {
	t.Helper()
	want := attrs{"status": "established"}
	switch {
	case s.want["vpc_endpoint_id"] != nil:
		want["status"] = "approved"
	case len(s.Rules) == 0:
		s.tf.ExpectState(attrs{"status": "waiting_for_rule"})
		return
	}
	if s.accepts != nil {
		want["vpc_endpoint_id"] = s.accepts[0]
	}
	s.tf.ExpectState(want)
	if !s.tf.Refresh() {
		t.Errorf("%s: %s", at, s.tf.Said())
	}
	s.tf.ExpectPlan(s.want, "none")
}

// A run is killed at its k-th call, for every k, once without that call's effect and once with it, and then run
// again: it comes about, nothing is written twice, and the connections of others are as they were.
func TestKilledAtEveryCall(t *testing.T) {
	for name, scene := range crashScenes {
		t.Run(name, func(t *testing.T) {
			for _, effect := range []bool{false, true} {
				for k, killed := 1, true; killed; k++ {
					s := scene.stage(t)
					cut := &powercut.Cut{At: k, Effect: effect}
					s.strike(t, cut)
					s.again(t, fmt.Sprintf("killed at call %d, with its effect: %t", k, effect))
					if killed = cut.Dead(); !killed && cut.Calls() < scene.fewest {
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
			s := scene.stage(t)
			for k, killed := 1, true; killed; k++ {
				cut := &powercut.Cut{At: k, Effect: true}
				s.strike(t, cut)
				killed = cut.Dead()
			}
			s.again(t, "killed again and again")
		})
	}
}
