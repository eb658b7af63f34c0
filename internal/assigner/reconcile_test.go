package assigner

import (
	"testing"
	"testing/synctest"

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
		"an instance outside the group runs: somebody's choice": {
			arrange: func(f *fakeAWS) { f.addInstance("i-10", ""); f.giveTo("eipalloc-00", "i-10") },
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
				if _, err := a.Handle(t.Context(), []byte(`{"source":"aws.events","detail-type":"Scheduled Event","detail":{}}`)); err != nil {
					t.Fatal(err)
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
				// A second run finds nothing to do.
				if done, err := a.Reconcile(t.Context()); err != nil || len(done.Results) != 0 {
					t.Errorf("second run: %+v, %v", done, err)
				}
				f.check(t)
			})
		})
	}
}
