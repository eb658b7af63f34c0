package autoscaling

import (
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	api "github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/lifecycle"
)

func (b *bench) startRefresh(prefs *types.RefreshPreferences, change ...func(*api.StartInstanceRefreshInput)) (string, error) {
	b.t.Helper()
	in := &api.StartInstanceRefreshInput{AutoScalingGroupName: aws.String("g"), Preferences: prefs}
	for _, f := range change {
		f(in)
	}
	out, err := b.StartInstanceRefresh(b.t.Context(), in)
	if err != nil {
		return "", err
	}
	return *out.InstanceRefreshId, nil
}

func (b *bench) refresh() types.InstanceRefresh {
	b.t.Helper()
	out := must[*api.DescribeInstanceRefreshesOutput](b.t)(b.DescribeInstanceRefreshes(b.t.Context(), &api.DescribeInstanceRefreshesInput{AutoScalingGroupName: aws.String("g")}))
	if len(out.InstanceRefreshes) == 0 {
		b.t.Fatal("no refresh")
	}
	return out.InstanceRefreshes[0]
}

// watch runs the clock until the refresh has this status, and returns the fewest instances
// in service and the most members that it saw: counted where the machines are, so that no
// moment is missed.
func (b *bench) watch(status types.InstanceRefreshStatus) (fewest, most int) {
	b.t.Helper()
	fewest = 1 << 30
	b.await("a refresh that is "+string(status), 100*time.Millisecond, func() (string, bool) {
		inService, members := 0, 0
		for _, i := range b.instances() {
			if i.LifecycleState == types.LifecycleStateInService {
				inService++
			}
			if lifecycle.State(i.LifecycleState).Capacity() {
				members++
			}
		}
		fewest, most = min(fewest, inService), max(most, members)
		r := b.refresh()
		return fmt.Sprintf("%s, %d%%", r.Status, *r.PercentageComplete), r.Status == status
	})
	return fewest, most
}

// newer makes the launch template's version 2 the latest.
func (b *bench) newer() {
	b.cloud.mu.Lock()
	defer b.cloud.mu.Unlock()
	b.cloud.latest = "2"
}

func latest(in *api.CreateAutoScalingGroupInput) {
	in.LaunchTemplate.Version = aws.String("$Latest")
}

func (b *bench) wantVersions(want string) {
	b.t.Helper()
	for _, i := range b.instances() {
		if got := *i.LaunchTemplate.Version; got != want {
			b.t.Errorf("%s has version %s, want %s", *i.InstanceId, got, want)
		}
	}
}

func TestRefreshKeepsItsBounds(t *testing.T) {
	for name, c := range map[string]struct {
		least, most   *int32
		policy        *types.InstanceMaintenancePolicy
		lower, higher int
	}{
		"terminate first":     {least: aws.Int32(50), most: aws.Int32(100), lower: 2, higher: 4},
		"launch first":        {least: aws.Int32(100), most: aws.Int32(150), lower: 4, higher: 6},
		"nothing said":        {lower: 3, higher: 4},
		"no room, as named":   {least: aws.Int32(90), most: aws.Int32(100), lower: 4, higher: 5},
		"the group's policy":  {policy: &types.InstanceMaintenancePolicy{MinHealthyPercentage: aws.Int32(100), MaxHealthyPercentage: aws.Int32(125)}, lower: 4, higher: 5},
		"a policy overridden": {least: aws.Int32(25), most: aws.Int32(100), policy: &types.InstanceMaintenancePolicy{MinHealthyPercentage: aws.Int32(100), MaxHealthyPercentage: aws.Int32(125)}, lower: 1, higher: 4},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.create(4, latest, func(in *api.CreateAutoScalingGroupInput) { in.InstanceMaintenancePolicy = c.policy })
			b.awaitStates("InService InService InService InService")
			b.newer()
			id, err := b.startRefresh(&types.RefreshPreferences{MinHealthyPercentage: c.least, MaxHealthyPercentage: c.most, InstanceWarmup: aws.Int32(300)})
			if err != nil {
				t.Fatal(err)
			}
			if e := b.event(eventRefreshStarted, 0); e.detail["InstanceRefreshId"] != id || e.detail["AutoScalingGroupName"] != "g" {
				t.Errorf("event %v", e)
			}
			if fewest, most := b.watch(types.InstanceRefreshStatusSuccessful); fewest != c.lower || most != c.higher {
				t.Errorf("%d to %d instances, want %d to %d", fewest, most, c.lower, c.higher)
			}
			b.awaitStates("InService InService InService InService")
			b.wantVersions("2")
			r := b.refresh()
			if *r.InstanceRefreshId != id || *r.PercentageComplete != 100 || *r.InstancesToUpdate != 0 || r.EndTime == nil || r.Strategy != types.RefreshStrategyRolling {
				t.Errorf("refresh %+v", r)
			}
			b.event(eventRefreshSucceeded, 0)
			if b.cloud.launched != 8 {
				t.Errorf("%d launches for 4 replacements", b.cloud.launched-4)
			}
		})
	}
}

func TestRefreshWaitsForHooksAndWarmup(t *testing.T) {
	b := newBench(t, func(d *Deps) { d.Step = time.Minute })
	b.create(1)
	b.await("an instance", time.Minute, func() (string, bool) { return "", len(b.service.members("g")) == 1 })
	b.hook("launch", lifecycle.Launching)
	if _, err := b.startRefresh(nil, func(in *api.StartInstanceRefreshInput) {
		in.Preferences = &types.RefreshPreferences{InstanceWarmup: aws.Int32(600)}
	}); err != nil {
		t.Fatal(err)
	}
	e := b.event(lifecycle.EventLaunchHook, 0)
	if r := b.refresh(); r.Status != types.InstanceRefreshStatusInProgress || *r.PercentageComplete != 0 {
		t.Errorf("while the hook holds: %s, %d%%", r.Status, *r.PercentageComplete)
	}
	if err := b.complete(e, lifecycle.Continue); err != nil {
		t.Fatal(err)
	}
	b.event(lifecycle.EventLaunched, 1)
	if r := b.refresh(); r.Status != types.InstanceRefreshStatusInProgress {
		t.Errorf("during the warm-up: %s", r.Status)
	}
	b.watch(types.InstanceRefreshStatusSuccessful)
}

// members are the ids of the group's instances in service.
func (s *Service) members(name string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.groups[name].serving()
}

func TestRefreshWithADesiredConfiguration(t *testing.T) {
	b := newBench(t)
	b.create(2)
	b.awaitStates("InService InService")
	if _, err := b.startRefresh(nil, func(in *api.StartInstanceRefreshInput) {
		in.DesiredConfiguration = &types.DesiredConfiguration{LaunchTemplate: &types.LaunchTemplateSpecification{LaunchTemplateId: aws.String("lt-1"), Version: aws.String("7")}}
	}); err != nil {
		t.Fatal(err)
	}
	b.watch(types.InstanceRefreshStatusSuccessful)
	b.awaitStates("InService InService")
	b.wantVersions("7")
	out := must[*api.DescribeAutoScalingGroupsOutput](t)(b.DescribeAutoScalingGroups(t.Context(), &api.DescribeAutoScalingGroupsInput{}))
	if got := *out.AutoScalingGroups[0].LaunchTemplate.Version; got != "7" {
		t.Errorf("the group has version %s after the refresh", got)
	}
}

func TestRefreshSkipsWhatMatches(t *testing.T) {
	b := newBench(t)
	b.create(2, latest)
	b.awaitStates("InService InService")
	if _, err := b.startRefresh(&types.RefreshPreferences{SkipMatching: aws.Bool(true)}); err != nil {
		t.Fatal(err)
	}
	b.watch(types.InstanceRefreshStatusSuccessful)
	if b.cloud.launched != 2 {
		t.Errorf("%d launches, though all matched", b.cloud.launched-2)
	}
	b.newer()
	b.desire(3)
	b.awaitStates("InService InService InService")
	if _, err := b.startRefresh(&types.RefreshPreferences{SkipMatching: aws.Bool(true)}); err != nil {
		t.Fatal(err)
	}
	b.watch(types.InstanceRefreshStatusSuccessful)
	b.awaitStates("InService InService InService")
	b.wantVersions("2")
	if b.cloud.launched != 5 {
		t.Errorf("%d launches for the 2 that did not match", b.cloud.launched-3)
	}
}

func TestRefreshAndProtectedInstances(t *testing.T) {
	b := newBench(t)
	b.create(2, func(in *api.CreateAutoScalingGroupInput) { in.NewInstancesProtectedFromScaleIn = aws.Bool(true) })
	b.awaitStates("InService InService")
	_, err := b.startRefresh(nil)
	wantCode(t, err, "NotImplemented", "set ScaleInProtectedInstances to Ignore or Refresh")
	if _, err := b.startRefresh(&types.RefreshPreferences{ScaleInProtectedInstances: types.ScaleInProtectedInstancesIgnore}); err != nil {
		t.Fatal(err)
	}
	b.watch(types.InstanceRefreshStatusSuccessful)
	if b.cloud.launched != 2 {
		t.Errorf("%d launches, though all are ignored", b.cloud.launched-2)
	}
	if _, err := b.startRefresh(&types.RefreshPreferences{ScaleInProtectedInstances: types.ScaleInProtectedInstancesRefresh}); err != nil {
		t.Fatal(err)
	}
	b.watch(types.InstanceRefreshStatusSuccessful)
	if b.cloud.launched != 4 {
		t.Errorf("%d launches for 2 replacements", b.cloud.launched-2)
	}
}

func TestCancelledRefreshEndsWithWhatIsOnItsWay(t *testing.T) {
	b := newBench(t)
	b.create(3)
	b.awaitStates("InService InService InService")
	b.hook("launch", lifecycle.Launching)
	id, err := b.startRefresh(nil)
	if err != nil {
		t.Fatal(err)
	}
	e := b.event(lifecycle.EventLaunchHook, 0)
	_, err = b.startRefresh(nil)
	wantCode(t, err, "InstanceRefreshInProgress", "already in progress")
	out := must[*api.CancelInstanceRefreshOutput](t)(b.CancelInstanceRefresh(t.Context(), &api.CancelInstanceRefreshInput{AutoScalingGroupName: aws.String("g")}))
	if *out.InstanceRefreshId != id {
		t.Errorf("cancelled %s, started %s", *out.InstanceRefreshId, id)
	}
	if r := b.refresh(); r.Status != types.InstanceRefreshStatusCancelling {
		t.Errorf("while an instance is on its way: %s", r.Status)
	}
	if err := b.complete(e, lifecycle.Continue); err != nil {
		t.Fatal(err)
	}
	b.watch(types.InstanceRefreshStatusCancelled)
	b.event(eventRefreshCancelled, 0)
	if b.cloud.launched != 4 {
		t.Errorf("%d launches, want 1 replacement", b.cloud.launched-3)
	}
	_, err = b.CancelInstanceRefresh(t.Context(), &api.CancelInstanceRefreshInput{AutoScalingGroupName: aws.String("g")})
	wantCode(t, err, "ActiveInstanceRefreshNotFound", "No in progress or pending Instance Refresh")
	// Another one begins, and ends at once when told not to wait.
	if _, err := b.startRefresh(nil); err != nil {
		t.Fatal(err)
	}
	must[*api.CancelInstanceRefreshOutput](t)(b.CancelInstanceRefresh(t.Context(), &api.CancelInstanceRefreshInput{AutoScalingGroupName: aws.String("g"), WaitForTransitioningInstances: aws.Bool(false)}))
	if r := b.refresh(); r.Status != types.InstanceRefreshStatusCancelled || r.EndTime == nil {
		t.Errorf("refresh %+v", r)
	}
}

func TestRefreshRefusesWhatItCannotDo(t *testing.T) {
	b := newBench(t)
	b.create(1)
	refuse := func(prefs types.RefreshPreferences, code, text string) {
		t.Helper()
		_, err := b.startRefresh(&prefs)
		wantCode(t, err, code, text)
	}
	refuse(types.RefreshPreferences{MinHealthyPercentage: aws.Int32(101)}, "ValidationError", "MinHealthyPercentage must be between 0 and 100; it is 101")
	refuse(types.RefreshPreferences{MinHealthyPercentage: aws.Int32(90), MaxHealthyPercentage: aws.Int32(99)}, "ValidationError", "MaxHealthyPercentage must be between 100 and 200; it is 99")
	refuse(types.RefreshPreferences{MaxHealthyPercentage: aws.Int32(120)}, "ValidationError", "MaxHealthyPercentage needs MinHealthyPercentage")
	refuse(types.RefreshPreferences{MinHealthyPercentage: aws.Int32(50), MaxHealthyPercentage: aws.Int32(160)}, "ValidationError", "at most 100 apart; they are 50 and 160")
	refuse(types.RefreshPreferences{InstanceWarmup: aws.Int32(-1)}, "ValidationError", "InstanceWarmup must not be negative")
	refuse(types.RefreshPreferences{AutoRollback: aws.Bool(true)}, "NotImplemented", "AutoRollback")
	refuse(types.RefreshPreferences{CheckpointPercentages: []int32{50, 100}}, "NotImplemented", "Preferences.CheckpointPercentages")
	refuse(types.RefreshPreferences{AlarmSpecification: &types.AlarmSpecification{Alarms: []string{"a"}}}, "NotImplemented", "Preferences.AlarmSpecification")
	refuse(types.RefreshPreferences{BakeTime: aws.Int32(60)}, "NotImplemented", "Preferences.BakeTime")
	_, err := b.startRefresh(nil, func(in *api.StartInstanceRefreshInput) { in.Strategy = "ReplaceRootVolume" })
	wantCode(t, err, "NotImplemented", "strategy ReplaceRootVolume")
	_, err = b.startRefresh(nil, func(in *api.StartInstanceRefreshInput) {
		in.DesiredConfiguration = &types.DesiredConfiguration{LaunchTemplate: &types.LaunchTemplateSpecification{LaunchTemplateId: aws.String("lt-none")}}
	})
	wantCode(t, err, "ValidationError", "template ID lt-none, does not exist")
	_, err = b.startRefresh(nil, func(in *api.StartInstanceRefreshInput) { in.AutoScalingGroupName = aws.String("none") })
	wantCode(t, err, "ValidationError", "AutoScalingGroup name not found")
	out := must[*api.DescribeInstanceRefreshesOutput](t)(b.DescribeInstanceRefreshes(t.Context(), &api.DescribeInstanceRefreshesInput{AutoScalingGroupName: aws.String("g")}))
	if len(out.InstanceRefreshes) != 0 {
		t.Errorf("refreshes %+v", out.InstanceRefreshes)
	}
}
