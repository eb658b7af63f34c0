package assigner

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// A module adds a hook that the instance itself completes once its proxy answers.
func TestEventOfAnInstanceThatAnotherHookHolds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(2, 0)
		i := f.addInstance("i-10", statePendingWait)
		i.held = true
		f.remember()
		a := newAssigner(f, 11)
		event := launchEvent(i)
		began := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 15*time.Minute)
		defer cancel()
		for _, delivery := range []string{"first", "second"} {
			if _, err := a.Handle(ctx, event); err != nil {
				t.Fatalf("%s delivery: %v", delivery, err)
			}
		}
		if waited := time.Since(began); waited > fresh {
			t.Errorf("the second delivery waited: both took %s", waited)
		}
		if held := f.held("i-10"); len(held) != 1 || i.result != resultContinue {
			t.Errorf("i-10 holds %v and its action ended as %q", held, i.result)
		}
		if f.calls["RecordLifecycleActionHeartbeat"] != 0 {
			t.Error("a heartbeat was sent for an action that had ended")
		}
		f.check(t)
	})
}
