package assigner

import (
	"fmt"
	"maps"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/eiptag"
)

func TestReconcileRepairsWhatALostEventLeft(t *testing.T) {
	tests := map[string]struct {
		arrange func(f *fakeAWS)
		holds   map[string]int
		result  map[string]string
	}{
		"a launch event was lost": {
			arrange: func(f *fakeAWS) { f.addInstance("i-10", statePendingWait) },
			holds:   map[string]int{"i-10": 1}, result: map[string]string{"i-10": resultContinue},
		},
		"the function died between claim and completion": {
			arrange: func(f *fakeAWS) { f.addInstance("i-10", statePendingWait); f.giveTo("eipalloc-01", "i-10") },
			holds:   map[string]int{"i-10": 1}, result: map[string]string{"i-10": resultContinue},
		},
		"another launch hook holds the instance": {
			arrange: func(f *fakeAWS) { f.addInstance("i-10", statePendingWait).held = true },
			holds:   map[string]int{"i-10": 1}, result: map[string]string{"i-10": resultContinue},
		},
		"a terminate event was lost, and a waiting instance needs the address": {
			arrange: func(f *fakeAWS) {
				delete(f.addresses, "eipalloc-01")
				f.addInstance("i-10", stateTerminatingWait)
				f.giveTo("eipalloc-00", "i-10")
				f.addInstance("i-11", statePendingWait)
			},
			holds: map[string]int{"i-10": 0, "i-11": 1}, result: map[string]string{"i-10": resultContinue, "i-11": resultContinue},
		},
		"a member in service lost its address": {
			arrange: func(f *fakeAWS) { f.addInstance("i-10", stateInService) },
			holds:   map[string]int{"i-10": 1},
		},
		"a member has two": {
			arrange: func(f *fakeAWS) {
				i := f.addInstance("i-10", stateInService)
				f.giveTo("eipalloc-00", "i-10")
				f.give("eipalloc-01", i.id, i.eni, "10.0.9.9")
			},
			holds: map[string]int{"i-10": 1},
		},
		"an instance outside the group is gone and EC2 still shows its association": {
			arrange: func(f *fakeAWS) {
				f.addInstance("i-10", "").state = "terminated"
				f.giveTo("eipalloc-00", "i-10")
			},
			holds: map[string]int{"i-10": 0},
		},
		"an instance outside the group and the fleet runs: somebody's choice": {
			arrange: func(f *fakeAWS) { f.addInstance("i-10", "").foreign = true; f.giveTo("eipalloc-00", "i-10") },
			holds:   map[string]int{"i-10": 1},
		},
		"an interface without an instance: somebody's choice": {
			arrange: func(f *fakeAWS) { f.addInstance("i-10", ""); f.give("eipalloc-00", "", "eni-else", "10.9.9.9") },
			holds:   map[string]int{"": 1, "i-10": 0},
		},
		"an instance of the fleet has left the group and runs": {
			arrange: func(f *fakeAWS) { f.addInstance("i-10", ""); f.giveTo("eipalloc-00", "i-10") },
			holds:   map[string]int{"i-10": 0},
		},
		"an instance is retained after its end": {
			arrange: func(f *fakeAWS) { f.addInstance("i-10", "Terminating:Retained"); f.giveTo("eipalloc-00", "i-10") },
			holds:   map[string]int{"i-10": 0},
		},
		"the connections of a leaving instance drain": {
			arrange: func(f *fakeAWS) { f.addInstance("i-10", "Terminating"); f.giveTo("eipalloc-00", "i-10") },
			holds:   map[string]int{"i-10": 1},
		},
		"an instance in the warm pool": {
			arrange: func(f *fakeAWS) { f.addInstance("i-10", "Warmed:Running"); f.giveTo("eipalloc-00", "i-10") },
			holds:   map[string]int{"i-10": 0},
		},
		"a member serves from a retired address: never cut": {
			arrange: func(f *fakeAWS) {
				f.addInstance("i-10", stateInService)
				f.giveTo("eipalloc-00", "i-10")
				f.tag("eipalloc-00", eiptag.Lifecycle, eiptag.LifecycleRetired)
			},
			holds: map[string]int{"i-10": 1},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFake(2, 0)
				test.arrange(f)
				f.remember()
				a := newAssigner(f, 11)
				// Runs a minute apart: a stray is marked first, and a member must be older than what reads may lag.
				for range 4 {
					<-time.After(time.Minute)
					if _, err := a.Handle(t.Context(), []byte(`{"source":"aws.events","detail-type":"Scheduled Event","detail":{}}`)); err != nil {
						t.Fatal(err)
					}
				}
				for id, want := range test.holds {
					if held := f.held(id); len(held) != want {
						t.Errorf("%s holds %v, want %d", id, held, want)
					}
				}
				for id, want := range test.result {
					if got := f.instances[id].result; got != want {
						t.Errorf("%s ended as %q, want %s", id, got, want)
					}
				}
				// Another run finds nothing to do.
				if done, err := a.Reconcile(t.Context()); err != nil || len(done.Results) != 0 {
					t.Errorf("another run: %+v, %v", done, err)
				}
				f.check(t)
			})
		})
	}
}

func TestStrayIsMarkedFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(1, 0)
		f.addInstance("i-10", "")
		f.giveTo("eipalloc-00", "i-10")
		a := newAssigner(f, 12)
		reconcile := func(want string) {
			t.Helper()
			done, err := a.Reconcile(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, result := range done.Results {
				got = append(got, result.Outcome)
			}
			if strings.Join(got, " ") != want {
				t.Errorf("got %+v, want %q", done.Results, want)
			}
		}
		reconcile(OutcomeMarked)
		<-time.After(time.Minute)
		reconcile("")
		// It is put to use again, and taken out much later: the old mark must not count.
		f.instances["i-10"].lifecycle = stateInService
		reconcile("")
		<-time.After(time.Hour)
		f.instances["i-10"].lifecycle = ""
		reconcile(OutcomeMarked)
		<-time.After(strayGrace + time.Second)
		reconcile(OutcomeReleased)
		reconcile("")
		if got := f.addresses["eipalloc-00"]; toAddress(got).tags[eiptag.LastZone] != "us-east-1a" {
			t.Errorf("tags %v, want the last zone", got.Tags)
		}
	})
}

func TestRepairsOfOneRunAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const members = maxRepairs + 7
		f := newFake(members, 0)
		for n := range members {
			f.addInstance(fmt.Sprintf("i-%02d", n), stateInService)
		}
		<-time.After(time.Minute)
		a := newAssigner(f, 13)
		for _, want := range []int{maxRepairs, members - maxRepairs, 0} {
			clear(f.calls)
			done, err := a.Reconcile(t.Context())
			if err != nil || len(done.Results) != want || f.calls["AssociateAddress"] != want {
				t.Errorf("%d results with calls %v, %v; want %d", len(done.Results), f.calls, err, want)
			}
		}
	})
}

// A run that finds all well costs three calls, whatever the size; one with a pool that is too small does not ask
// for each waiting instance.
func TestCallsOfARun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(5, 0)
		for n := range 5 {
			id := fmt.Sprintf("i-%02d", n)
			f.addInstance(id, stateInService)
			f.giveTo(fmt.Sprintf("eipalloc-%02d", n), id)
		}
		a := newAssigner(f, 14)
		if done, err := a.Reconcile(t.Context()); err != nil || len(done.Results) != 0 {
			t.Errorf("%+v, %v", done, err)
		}
		want := map[string]int{"DescribeAutoScalingGroups": 1, "DescribeAddresses": 1, "DescribeInstances": 1}
		if !maps.Equal(f.calls, want) {
			t.Errorf("calls %v, want %v", f.calls, want)
		}
		for n := range 4 {
			f.addInstance(fmt.Sprintf("i-1%d", n), statePendingWait)
		}
		clear(f.calls)
		if done, err := a.Reconcile(t.Context()); err != nil || len(done.Results) != 4 {
			t.Errorf("%+v, %v", done, err)
		}
		want = map[string]int{
			"DescribeAutoScalingGroups": 1, "DescribeAddresses": 2, "DescribeInstances": 2, "DescribeAutoScalingInstances": 1,
			"RecordLifecycleActionHeartbeat": 4,
		}
		if !maps.Equal(f.calls, want) {
			t.Errorf("calls %v, want %v", f.calls, want)
		}
	})
}

// The listing that shows no address may be older than the claim. Another one would swap the address of an instance
// in service.
func TestRepairSwapsNoAddressOfAMemberInService(t *testing.T) {
	for seed := range uint64(20) {
		synctest.Test(t, func(t *testing.T) {
			f := newFake(3, 0)
			f.swap, f.staleness = true, 20*time.Second
			<-time.After(time.Minute)
			f.addInstance("i-10", stateInService)
			f.giveTo("eipalloc-00", "i-10")
			if _, err := newAssigner(f, seed).Reconcile(t.Context()); err != nil {
				t.Fatal(err)
			}
			if held := f.held("i-10"); len(held) != 1 || held[0] != "eipalloc-00" || f.calls["AssociateAddress"] != 0 {
				t.Errorf("seed %d: i-10 holds %v after calls %v", seed, held, f.calls)
			}
		})
	}
}
