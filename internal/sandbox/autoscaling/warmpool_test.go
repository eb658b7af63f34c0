package autoscaling

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	api "github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/lifecycle"
)

func (b *bench) putPool(change ...func(*api.PutWarmPoolInput)) error {
	b.t.Helper()
	in := &api.PutWarmPoolInput{AutoScalingGroupName: aws.String("g"), MaxGroupPreparedCapacity: aws.Int32(2)}
	for _, f := range change {
		f(in)
	}
	_, err := b.PutWarmPool(b.t.Context(), in)
	return err
}

func (b *bench) pool() *api.DescribeWarmPoolOutput {
	b.t.Helper()
	return must[*api.DescribeWarmPoolOutput](b.t)(b.DescribeWarmPool(b.t.Context(), &api.DescribeWarmPoolInput{AutoScalingGroupName: aws.String("g")}))
}

// awaitWarm waits for the states of the warm pool's instances.
func (b *bench) awaitWarm(want string) {
	b.t.Helper()
	b.await("warm states "+want, 100*time.Millisecond, func() (string, bool) {
		var states []string
		for _, i := range b.pool().Instances {
			states = append(states, string(i.LifecycleState))
		}
		slices.Sort(states)
		got := strings.Join(states, " ")
		return got, got == want
	})
}

func (b *bench) wantMove(e recorded, origin, destination lifecycle.Place) {
	b.t.Helper()
	if e.detail["Origin"] != string(origin) || e.detail["Destination"] != string(destination) {
		b.t.Errorf("event %s of %v, want %s to %s", e.detailType, e.detail, origin, destination)
	}
}

func TestTheLaunchHookRunsTwiceThroughTheWarmPool(t *testing.T) {
	var mu sync.Mutex
	var software []string
	b := newBench(t, func(d *Deps) {
		d.Launched = func(_ context.Context, i Instance) error {
			mu.Lock()
			defer mu.Unlock()
			software = append(software, "up "+i.ID)
			return nil
		}
		d.Stopped = func(id string) {
			mu.Lock()
			defer mu.Unlock()
			software = append(software, "down "+id)
		}
	})
	b.create(0)
	b.hook("launch", lifecycle.Launching)
	if err := b.putPool(func(in *api.PutWarmPoolInput) { in.MaxGroupPreparedCapacity = aws.Int32(1) }); err != nil {
		t.Fatal(err)
	}
	first := b.event(lifecycle.EventLaunchHook, 0)
	b.wantMove(first, lifecycle.EC2, lifecycle.WarmPool)
	b.awaitWarm("Warmed:Pending:Wait")
	if err := b.complete(first, lifecycle.Continue); err != nil {
		t.Fatal(err)
	}
	b.awaitWarm("Warmed:Stopped")
	b.wantMove(b.event(lifecycle.EventLaunched, 0), lifecycle.EC2, lifecycle.WarmPool)
	if len(b.instances()) != 0 || b.cloud.machines["i-1"] != "stopped" || slices.Contains(b.cloud.events(), "register i-1") {
		t.Errorf("group %v, machines %v, journal %v", b.instances(), b.cloud.machines, b.cloud.events())
	}
	// The health check knows that it sleeps.
	b.clock.advance(time.Minute)
	b.awaitWarm("Warmed:Stopped")

	b.desire(1)
	second := b.event(lifecycle.EventLaunchHook, 1)
	b.wantMove(second, lifecycle.WarmPool, lifecycle.AutoScalingGroup)
	if second.detail["EC2InstanceId"] != "i-1" || second.detail["LifecycleActionToken"] == first.detail["LifecycleActionToken"] {
		t.Errorf("second event %v after %v", second.detail, first.detail)
	}
	b.awaitStates("Pending:Wait")
	wantCode(t, b.complete(first, lifecycle.Continue), "ValidationError", "No active Lifecycle Action found")
	if err := b.complete(second, lifecycle.Continue); err != nil {
		t.Fatal(err)
	}
	b.awaitStates("InService")
	b.awaitWarm("")
	mu.Lock()
	defer mu.Unlock()
	if want := []string{"up i-1", "down i-1", "up i-1"}; !slices.Equal(software, want) || b.cloud.machines["i-1"] != "running" || b.cloud.launched != 1 {
		t.Errorf("software %v, machines %v, %d launches", software, b.cloud.machines, b.cloud.launched)
	}
	if !slices.Contains(b.cloud.events(), "register i-1") {
		t.Error("it was not registered")
	}
}

func TestScaleInReturnsToTheWarmPool(t *testing.T) {
	b := newBench(t)
	b.create(2, func(in *api.CreateAutoScalingGroupInput) { in.MaxSize = aws.Int32(2) })
	b.awaitStates("InService InService")
	b.hook("terminate", lifecycle.Termination)
	if err := b.putPool(func(in *api.PutWarmPoolInput) {
		in.MaxGroupPreparedCapacity, in.PoolState = nil, types.WarmPoolStateRunning
		in.InstanceReusePolicy = &types.InstanceReusePolicy{ReuseOnScaleIn: aws.Bool(true)}
	}); err != nil {
		t.Fatal(err)
	}
	b.desire(1)
	e := b.event(lifecycle.EventTerminateHook, 0)
	b.wantMove(e, lifecycle.AutoScalingGroup, lifecycle.WarmPool)
	b.awaitWarm("Warmed:Pending:Wait")
	id := e.detail["EC2InstanceId"].(string)
	if !slices.Contains(b.cloud.events(), "deregister "+id) {
		t.Errorf("%s waits in the pool and is registered: %v", id, b.cloud.events())
	}
	// Force of a call that the pool's instances do not take.
	_, err := b.TerminateInstanceInAutoScalingGroup(t.Context(), &api.TerminateInstanceInAutoScalingGroupInput{InstanceId: aws.String(id), ShouldDecrementDesiredCapacity: aws.Bool(false)})
	wantCode(t, err, "ValidationError", "is in the warm pool")
	if err := b.complete(e, lifecycle.Abandon); err != nil {
		t.Fatal(err)
	}
	b.awaitWarm("Warmed:Running")
	if b.cloud.machines[id] != "running" || b.cloud.launched != 2 {
		t.Errorf("machines %v, %d launches", b.cloud.machines, b.cloud.launched)
	}
	b.desire(2)
	b.awaitStates("InService InService")
	if b.cloud.launched != 2 {
		t.Errorf("%d launches", b.cloud.launched)
	}
}

func TestTheWarmPoolKeepsItsSizeAndEmptiesWhenDeleted(t *testing.T) {
	b := newBench(t)
	b.create(1)
	b.hook("terminate", lifecycle.Termination)
	if err := b.putPool(func(in *api.PutWarmPoolInput) { in.MinSize, in.MaxGroupPreparedCapacity = aws.Int32(2), aws.Int32(3) }); err != nil {
		t.Fatal(err)
	}
	b.awaitStates("InService")
	b.awaitWarm("Warmed:Stopped Warmed:Stopped")
	out := b.pool().WarmPoolConfiguration
	if *out.MinSize != 2 || *out.MaxGroupPreparedCapacity != 3 || out.PoolState != types.WarmPoolStateStopped || out.Status != "" || out.InstanceReusePolicy != nil {
		t.Errorf("configuration %+v", out)
	}
	group := must[*api.DescribeAutoScalingGroupsOutput](t)(b.DescribeAutoScalingGroups(t.Context(), &api.DescribeAutoScalingGroupsInput{})).AutoScalingGroups[0]
	if *group.WarmPoolSize != 2 || group.WarmPoolConfiguration == nil || len(group.Instances) != 1 {
		t.Errorf("group: warm pool of %d, %d instances", *group.WarmPoolSize, len(group.Instances))
	}
	// One starts, one is launched for it.
	b.desire(2)
	b.awaitStates("InService InService")
	b.awaitWarm("Warmed:Stopped Warmed:Stopped")
	if b.cloud.launched != 4 {
		t.Errorf("%d launches, want 4", b.cloud.launched)
	}
	must[*api.DeleteWarmPoolOutput](t)(b.DeleteWarmPool(t.Context(), &api.DeleteWarmPoolInput{AutoScalingGroupName: aws.String("g")}))
	b.awaitWarm("Warmed:Terminating:Wait Warmed:Terminating:Wait")
	if got := b.pool().WarmPoolConfiguration.Status; got != types.WarmPoolStatusPendingDelete {
		t.Errorf("status %q", got)
	}
	b.wantMove(b.event(lifecycle.EventTerminateHook, 0), lifecycle.WarmPool, lifecycle.EC2)
	wantCode(t, b.putPool(), "ValidationError", "is being deleted")
	forced := b.clock.Now()
	must[*api.DeleteWarmPoolOutput](t)(b.DeleteWarmPool(t.Context(), &api.DeleteWarmPoolInput{AutoScalingGroupName: aws.String("g"), ForceDelete: aws.Bool(true)}))
	b.await("the pool's end", 100*time.Millisecond, func() (string, bool) {
		out := b.pool()
		return fmt.Sprint(len(out.Instances)), out.WarmPoolConfiguration == nil && len(out.Instances) == 0
	})
	if took := b.clock.Now().Sub(forced); took > 10*time.Second {
		t.Errorf("forced, the pool's end took %s: the hooks had their say", took)
	}
	b.awaitStates("InService InService")
	_, err := b.DeleteWarmPool(t.Context(), &api.DeleteWarmPoolInput{AutoScalingGroupName: aws.String("g")})
	wantCode(t, err, "ValidationError", "No warm pool found")
}

func TestAbandonedWarmUpIsReplacedAndTheGroupUntouched(t *testing.T) {
	b := newBench(t)
	b.create(1)
	b.awaitStates("InService")
	b.hook("launch", lifecycle.Launching)
	if err := b.putPool(); err != nil {
		t.Fatal(err)
	}
	if err := b.complete(b.event(lifecycle.EventLaunchHook, 0), lifecycle.Abandon); err != nil {
		t.Fatal(err)
	}
	b.wantMove(b.event(lifecycle.EventLaunchFailed, 0), lifecycle.EC2, lifecycle.WarmPool)
	if err := b.complete(b.event(lifecycle.EventLaunchHook, 1), lifecycle.Continue); err != nil {
		t.Fatal(err)
	}
	b.awaitWarm("Warmed:Stopped")
	b.awaitStates("InService")
	b.cloud.mu.Lock()
	defer b.cloud.mu.Unlock()
	if b.cloud.machines["i-2"] != "terminated" {
		t.Errorf("machines %v", b.cloud.machines)
	}
}

func TestRefreshReachesTheWarmPoolLast(t *testing.T) {
	b := newBench(t)
	b.create(1, latest)
	if err := b.putPool(); err != nil {
		t.Fatal(err)
	}
	b.awaitWarm("Warmed:Stopped")
	b.awaitStates("InService")
	b.newer()
	if _, err := b.startRefresh(nil); err != nil {
		t.Fatal(err)
	}
	if r := b.refresh(); r.ProgressDetails == nil {
		t.Errorf("refresh %+v", r)
	}
	b.watch(types.InstanceRefreshStatusSuccessful)
	b.awaitWarm("Warmed:Stopped")
	b.awaitStates("InService")
	b.wantVersions("2")
	if got := *b.pool().Instances[0].LaunchTemplate.Version; got != "2" {
		t.Errorf("the warm instance has version %s", got)
	}
	// An instance that is about to be replaced joins the group no more.
	if b.cloud.launched != 4 || slices.Contains(b.cloud.events(), "start i-2") {
		t.Errorf("%d launches, want 4; journal %v", b.cloud.launched, b.cloud.events())
	}
}

func TestForcedDeletionTakesTheWarmPoolAlong(t *testing.T) {
	b := newBench(t)
	b.create(0)
	b.hook("terminate", lifecycle.Termination)
	if err := b.putPool(); err != nil {
		t.Fatal(err)
	}
	b.awaitWarm("Warmed:Stopped Warmed:Stopped")
	_, err := b.DeleteAutoScalingGroup(t.Context(), &api.DeleteAutoScalingGroupInput{AutoScalingGroupName: aws.String("g")})
	wantCode(t, err, "ResourceInUse", "still in the group")
	must[*api.DeleteAutoScalingGroupOutput](t)(b.DeleteAutoScalingGroup(t.Context(), &api.DeleteAutoScalingGroupInput{AutoScalingGroupName: aws.String("g"), ForceDelete: aws.Bool(true)}))
	b.await("the group's end", 100*time.Millisecond, func() (string, bool) { _, exists := b.service.GroupARN("g"); return "", !exists })
}

func TestWarmPoolValidation(t *testing.T) {
	b := newBench(t)
	b.create(0)
	wantCode(t, b.putPool(func(in *api.PutWarmPoolInput) { in.MinSize = aws.Int32(-1) }), "ValidationError", "MinSize must not be negative")
	wantCode(t, b.putPool(func(in *api.PutWarmPoolInput) { in.MinSize = aws.Int32(3) }), "ValidationError", "MaxGroupPreparedCapacity, 2, must not be less than MinSize, 3")
	wantCode(t, b.putPool(func(in *api.PutWarmPoolInput) { in.MaxGroupPreparedCapacity = aws.Int32(-2) }), "ValidationError", "must be -1 or more")
	wantCode(t, b.putPool(func(in *api.PutWarmPoolInput) { in.PoolState = "Lukewarm" }), "ValidationError", "Invalid PoolState: Lukewarm")
	wantCode(t, b.putPool(func(in *api.PutWarmPoolInput) { in.AutoScalingGroupName = aws.String("none") }), "ValidationError", "AutoScalingGroup name not found")
	if out := b.pool(); out.WarmPoolConfiguration != nil || len(out.Instances) != 0 {
		t.Errorf("pool %+v", out)
	}
}

func retain(in *api.CreateAutoScalingGroupInput) {
	in.InstanceLifecyclePolicy = &types.InstanceLifecyclePolicy{RetentionTriggers: &types.RetentionTriggers{TerminateHookAbandon: types.RetentionActionRetain}}
}

func TestAbandonedTerminationIsRetained(t *testing.T) {
	b := newBench(t)
	b.create(1, retain)
	b.hook("terminate", lifecycle.Termination)
	b.awaitStates("InService")
	terminate := func(id string, decrement bool) error {
		_, err := b.TerminateInstanceInAutoScalingGroup(t.Context(), &api.TerminateInstanceInAutoScalingGroupInput{InstanceId: aws.String(id), ShouldDecrementDesiredCapacity: aws.Bool(decrement)})
		return err
	}
	if err := terminate("i-1", false); err != nil {
		t.Fatal(err)
	}
	if err := b.complete(b.event(lifecycle.EventTerminateHook, 0), lifecycle.Abandon); err != nil {
		t.Fatal(err)
	}
	// It is kept, and does not count.
	b.awaitStates("Terminating:Retained InService")
	b.cloud.mu.Lock()
	state := b.cloud.machines["i-1"]
	b.cloud.mu.Unlock()
	if state != "running" || !slices.Contains(b.cloud.events(), "deregister i-1") {
		t.Errorf("i-1 is %s, journal %v", state, b.cloud.events())
	}
	activities := must[*api.DescribeScalingActivitiesOutput](t)(b.DescribeScalingActivities(t.Context(), &api.DescribeScalingActivitiesInput{AutoScalingGroupName: aws.String("g")})).Activities
	if !slices.ContainsFunc(activities, func(a types.Activity) bool {
		return *a.Description == "Terminating EC2 instance: i-1" && a.StatusCode == types.ScalingActivityStatusCodeCancelled
	}) {
		t.Errorf("activities %+v", activities)
	}
	must[*api.SetInstanceHealthOutput](t)(b.SetInstanceHealth(t.Context(), &api.SetInstanceHealthInput{InstanceId: aws.String("i-1"), HealthStatus: aws.String("Unhealthy"), ShouldRespectGracePeriod: aws.Bool(false)}))
	b.awaitStates("Terminating:Retained InService")
	_, err := b.DeleteAutoScalingGroup(t.Context(), &api.DeleteAutoScalingGroupInput{AutoScalingGroupName: aws.String("g")})
	wantCode(t, err, "ResourceInUse", "still in the group")
	// Only a call ends it, by the hooks, and not on the account of the desired capacity.
	wantCode(t, terminate("i-1", true), "ValidationError", "ShouldDecrementDesiredCapacity must be false")
	if err := terminate("i-1", false); err != nil {
		t.Fatal(err)
	}
	if err := b.complete(b.event(lifecycle.EventTerminateHook, 1), lifecycle.Continue); err != nil {
		t.Fatal(err)
	}
	b.awaitStates("InService")
	if got := *b.instances()[0].InstanceId; got != "i-2" {
		t.Errorf("%s is left", got)
	}
}

func TestRetentionIsASettingOfTheGroup(t *testing.T) {
	b := newBench(t)
	b.create(0, retain)
	policy := func() string {
		group := must[*api.DescribeAutoScalingGroupsOutput](t)(b.DescribeAutoScalingGroups(t.Context(), &api.DescribeAutoScalingGroupsInput{})).AutoScalingGroups[0]
		if group.InstanceLifecyclePolicy == nil {
			return ""
		}
		return string(group.InstanceLifecyclePolicy.RetentionTriggers.TerminateHookAbandon)
	}
	update := func(action types.RetentionAction) error {
		_, err := b.UpdateAutoScalingGroup(t.Context(), &api.UpdateAutoScalingGroupInput{
			AutoScalingGroupName: aws.String("g"), InstanceLifecyclePolicy: &types.InstanceLifecyclePolicy{RetentionTriggers: &types.RetentionTriggers{TerminateHookAbandon: action}},
		})
		return err
	}
	if got := policy(); got != "retain" {
		t.Errorf("policy %q", got)
	}
	must[*api.UpdateAutoScalingGroupOutput](t)(b.UpdateAutoScalingGroup(t.Context(), &api.UpdateAutoScalingGroupInput{AutoScalingGroupName: aws.String("g"), MaxSize: aws.Int32(9)}))
	if got := policy(); got != "retain" {
		t.Errorf("policy %q after an update of something else", got)
	}
	wantCode(t, update("keep"), "ValidationError", "Invalid TerminateHookAbandon: keep")
	if err := update(types.RetentionActionTerminate); err != nil || policy() != "" {
		t.Errorf("policy %q, %v", policy(), err)
	}
}
