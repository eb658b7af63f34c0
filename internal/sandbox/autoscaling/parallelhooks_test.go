package autoscaling

import (
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	api "github.com/aws/aws-sdk-go-v2/service/autoscaling"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/lifecycle"
)

// launchHook puts a launch hook with a time-out of its own.
func (b *bench) launchHook(name string, heartbeat time.Duration, result lifecycle.Result) {
	b.t.Helper()
	must[*api.PutLifecycleHookOutput](b.t)(b.PutLifecycleHook(b.t.Context(), &api.PutLifecycleHookInput{
		AutoScalingGroupName: aws.String("g"), LifecycleHookName: &name, LifecycleTransition: aws.String(string(lifecycle.Launching)),
		HeartbeatTimeout: aws.Int32(int32(heartbeat / time.Second)), DefaultResult: aws.String(string(result)),
	}))
}

// waiting is a group whose one instance is held by two launch hooks.
func waiting(t *testing.T, first string, heartbeat time.Duration, result lifecycle.Result, second string, other time.Duration) *bench {
	t.Helper()
	b := newBench(t)
	b.create(0)
	b.launchHook(first, heartbeat, result)
	b.launchHook(second, other, lifecycle.Abandon)
	b.desire(1)
	b.awaitStates("Pending:Wait")
	return b
}

// completeByInstance completes as an instance does that knows its own id and no token.
func (b *bench) completeByInstance(hook, instance string, result lifecycle.Result) error {
	_, err := b.CompleteLifecycleAction(b.t.Context(), &api.CompleteLifecycleActionInput{
		AutoScalingGroupName: aws.String("g"), LifecycleHookName: &hook, InstanceId: &instance, LifecycleActionResult: aws.String(string(result)),
	})
	return err
}

func TestInServiceWhenTheLastLaunchHookIsCompleted(t *testing.T) {
	for _, order := range [][]string{{"address", "ready"}, {"ready", "address"}} {
		t.Run(order[0]+" first", func(t *testing.T) {
			b := waiting(t, "address", 10*time.Minute, lifecycle.Abandon, "ready", 10*time.Minute)
			if err := b.completeByInstance(order[0], "i-1", lifecycle.Continue); err != nil {
				t.Fatal(err)
			}
			wantCode(t, b.completeByInstance(order[0], "i-1", lifecycle.Continue), "ValidationError", "No active Lifecycle Action found with instance ID i-1")
			b.awaitStates("Pending:Wait")
			if slices.Contains(b.cloud.events(), "register i-1") {
				t.Error("registered while a hook holds it")
			}
			if err := b.completeByInstance(order[1], "i-1", lifecycle.Continue); err != nil {
				t.Fatal(err)
			}
			b.awaitStates("InService")
		})
	}
}

func TestOneAbandonedLaunchHookEndsTheOthers(t *testing.T) {
	b := waiting(t, "address", 10*time.Minute, lifecycle.Abandon, "ready", 10*time.Minute)
	if err := b.completeByInstance("address", "i-1", lifecycle.Continue); err != nil {
		t.Fatal(err)
	}
	if err := b.completeByInstance("ready", "i-1", lifecycle.Abandon); err != nil {
		t.Fatal(err)
	}
	failed := b.event(lifecycle.EventLaunchFailed, 0)
	if failed.detail["EC2InstanceId"] != "i-1" {
		t.Errorf("event %v", failed)
	}
	wantCode(t, b.completeByInstance("address", "i-1", lifecycle.Continue), "ValidationError", "No active Lifecycle Action")
	b.await("the replacement", 100*time.Millisecond, func() (string, bool) { got := b.ids(); return got, got == "i-2 Pending:Wait" })
	// The other way round: the open hook of an abandoned launch is void too.
	if err := b.completeByInstance("address", "i-2", lifecycle.Abandon); err != nil {
		t.Fatal(err)
	}
	wantCode(t, b.completeByInstance("ready", "i-2", lifecycle.Continue), "ValidationError", "No active Lifecycle Action")
	b.await("the next replacement", 100*time.Millisecond, func() (string, bool) { got := b.ids(); return got, got == "i-3 Pending:Wait" })
	if slices.Contains(b.cloud.events(), "register i-1") || slices.Contains(b.cloud.events(), "register i-2") {
		t.Errorf("an abandoned instance was registered: %v", b.cloud.events())
	}
}

func TestEachLaunchHookHasItsOwnTimeout(t *testing.T) {
	t.Run("the default result of the shorter one continues", func(t *testing.T) {
		b := waiting(t, "short", time.Minute, lifecycle.Continue, "long", time.Hour)
		b.clock.advance(2 * time.Minute)
		b.awaitStates("Pending:Wait")
		wantCode(t, b.completeByInstance("short", "i-1", lifecycle.Continue), "ValidationError", "No active Lifecycle Action")
		if err := b.completeByInstance("long", "i-1", lifecycle.Continue); err != nil {
			t.Fatal(err)
		}
		b.awaitStates("InService")
	})
	t.Run("that of the longer one abandons", func(t *testing.T) {
		b := waiting(t, "short", time.Minute, lifecycle.Abandon, "long", time.Hour)
		if err := b.completeByInstance("short", "i-1", lifecycle.Continue); err != nil {
			t.Fatal(err)
		}
		b.clock.advance(30 * time.Minute)
		b.awaitStates("Pending:Wait")
		b.clock.advance(30 * time.Minute)
		b.await("the replacement", 100*time.Millisecond, func() (string, bool) { got := b.ids(); return got, got == "i-2 Pending:Wait" })
	})
}
