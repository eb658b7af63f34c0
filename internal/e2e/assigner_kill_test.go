package e2e_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/acctest"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/fault"
)

// strikes is how many of the calls of a create are struck, at even distances.
const strikes = 8

// A power cut at any call of a create, before it has its effect or before its answer is heard: the
// next apply makes the whole, once.
func TestAssignerKilledWhileCreated(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 2)
	s := assignerStage(t, f, f.config(2, 2))
	first, last := s.callsOfCreate(t)
	s.do(t, arguments(destroy)...)
	s.gone(t)
	t.Logf("a create makes the calls %d to %d until the group is raised", first, last)
	for n := range strikes {
		k := first + n*(last-first)/(strikes-1)
		before := n%2 == 0
		t.Run(fmt.Sprintf("call %d", k), func(t *testing.T) {
			t.Parallel()
			f := newFleet(t, 2)
			s := assignerStage(t, f, f.config(2, 2))
			kill(t, s, moment{command: apply, began: assignerAddress + ": Creating...", arm: func(t *testing.T, s *stage) trap {
				return s.hold(t, fault.Rule{Skip: k}, before, nil)
			}})
			s.do(t, arguments(apply)...)
			s.intact(t)
			s.do(t, "plan", "-detailed-exitcode", "-input=false", "-no-color")
			s.do(t, arguments(destroy)...)
			s.gone(t)
		})
	}
}

// callsOfCreate applies, and returns which of the run's calls, counted from 0, are the first of the
// create and the one that raises the group.
func (s *stage) callsOfCreate(t *testing.T) (first, last int) {
	t.Helper()
	made := func() []fault.Entry {
		return acctest.Sandbox(t).AWSCloud().Faults.Matching(fault.Rule{Caller: s.key})
	}
	if _, err := s.tf.Plan(t.Context()); err != nil {
		t.Fatal(err)
	}
	planning := len(made())
	s.apply(t)
	applying := made()[planning:]
	// A run plans before it begins, and each resource once more before it creates it.
	first = 2 * planning
	last = slices.IndexFunc(applying, func(e fault.Entry) bool { return e.Operation == "autoscaling:UpdateAutoScalingGroup" })
	if last <= first {
		t.Fatalf("the group was raised at call %d, with %d calls for a plan", last, planning)
	}
	return first, last
}
