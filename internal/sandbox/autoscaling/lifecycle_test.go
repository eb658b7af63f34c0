package autoscaling

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	api "github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/clouderr"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/awsapi"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/lifecycle"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/waiter"
)

// manualClock moves when told.
type manualClock struct {
	mu     sync.Mutex
	now    time.Time
	timers []timer
}

type timer struct {
	at   time.Time
	fire chan time.Time
}

func (c *manualClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *manualClock) After(d time.Duration) <-chan time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	fire := make(chan time.Time, 1)
	if d <= 0 {
		fire <- c.now
		return fire
	}
	c.timers = append(c.timers, timer{c.now.Add(d), fire})
	return fire
}

func (c *manualClock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	c.timers = slices.DeleteFunc(c.timers, func(t timer) bool {
		if t.at.After(c.now) {
			return false
		}
		t.fire <- c.now
		return true
	})
}

// fakeCloud is EC2 and ELBv2 in memory.
type fakeCloud struct {
	mu         sync.Mutex
	launched   int
	machines   map[string]string // id → state
	registered map[string][]string
	journal    []string
	runError   error
	delay      int
	// registering, if set, is called while a target is registered.
	registering func()
	// latest is the launch template's newest version; empty is "1".
	latest string
}

func newFakeCloud() *fakeCloud {
	return &fakeCloud{machines: map[string]string{}, registered: map[string][]string{}}
}

func (c *fakeCloud) note(format string, args ...any) {
	c.journal = append(c.journal, fmt.Sprintf(format, args...))
}

func (c *fakeCloud) events() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.journal)
}

func (c *fakeCloud) Template(_ context.Context, ref templateRef) (template, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if ref.ID == "lt-none" {
		return template{}, errNotFound
	}
	version := ref.Version
	if strings.HasPrefix(version, "$") {
		version = cmp.Or(c.latest, "1")
	}
	return template{ref: templateRef{ID: "lt-1", Name: "proxy", Version: version}, userData: []byte("#cloud-config")}, nil
}

func (c *fakeCloud) Zones(_ context.Context, subnets []string) (map[string]string, error) {
	zones := map[string]string{}
	for _, s := range subnets {
		zones[s] = "zone-of-" + s
	}
	return zones, nil
}

func (c *fakeCloud) Run(_ context.Context, spec launchSpec) (machine, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.runError != nil {
		return machine{}, c.runError
	}
	c.launched++
	id := fmt.Sprintf("i-%d", c.launched)
	c.machines[id] = "running"
	c.note("run %s", id)
	return machine{id: id, eni: "eni-" + id, privateIP: "10.0.0.1", zone: "zone-of-" + spec.subnet}, nil
}

func (c *fakeCloud) Stop(_ context.Context, id string, _ bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.machines[id] = "stopped"
	c.note("stop %s", id)
	return nil
}

func (c *fakeCloud) Start(_ context.Context, id string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.machines[id] = "running"
	c.note("start %s", id)
	return nil
}

func (c *fakeCloud) Terminate(_ context.Context, id string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.machines[id] = "terminated"
	c.note("terminate %s", id)
	return nil
}

func (c *fakeCloud) States(_ context.Context, _ []string) (map[string]string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.machines), nil
}

func (c *fakeCloud) TargetGroups(_ context.Context, arns []string) (map[string]int, error) {
	delays := map[string]int{}
	for _, arn := range arns {
		if arn == "missing" {
			return nil, errNotFound
		}
		delays[arn] = c.delay
	}
	return delays, nil
}

func (c *fakeCloud) Register(_ context.Context, arn, id string) error {
	if c.registering != nil {
		c.registering()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.registered[arn] = append(c.registered[arn], id)
	c.note("register %s", id)
	return nil
}

func (c *fakeCloud) Deregister(_ context.Context, arn, id string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.registered[arn] = slices.DeleteFunc(c.registered[arn], func(other string) bool { return other == id })
	c.note("deregister %s", id)
	return nil
}

// bench is a service on a fake cloud and a manual clock, with an SDK client on it.
type bench struct {
	*api.Client
	t       *testing.T
	clock   *manualClock
	cloud   *fakeCloud
	service *Service

	mu     sync.Mutex
	events []recorded
}

type recorded struct {
	detailType string
	detail     map[string]any
	resources  []string
}

func newBench(t *testing.T, change ...func(*Deps)) *bench {
	t.Helper()
	b := &bench{t: t, clock: &manualClock{now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}, cloud: newFakeCloud()}
	deps := Deps{
		Region: "us-east-1", AccountID: "123456789012", Clock: b.clock, Step: time.Second, CheckInterval: 10 * time.Second, MaxLaunchPause: time.Minute,
		Events: func(detailType string, detail any, resources []string) {
			text, err := json.Marshal(detail)
			var fields map[string]any
			if err == nil {
				err = json.Unmarshal(text, &fields)
			}
			if err != nil {
				t.Errorf("event %s: %s", detailType, err)
			}
			b.mu.Lock()
			defer b.mu.Unlock()
			b.events = append(b.events, recorded{detailType, fields, resources})
		},
	}
	for _, f := range change {
		f(&deps)
	}
	b.service = newService(deps, b.cloud)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		r, err := awsapi.Parse(req)
		if err != nil || !b.service.Serve(w, r) {
			t.Errorf("not served: %s %v", req.URL, err)
		}
	}))
	t.Cleanup(func() { b.service.Close(); server.Close() })
	// The SDK closes a connection under a long answer now and then (aws-sdk-go-v2 issue 1825): it must be free to ask again.
	b.Client = api.New(api.Options{
		Region: "us-east-1", BaseEndpoint: aws.String(server.URL), Credentials: credentials.NewStaticCredentialsProvider("a", "b", ""), RetryMaxAttempts: 3,
	})
	return b
}

// must stops the test on an error; it takes an SDK call's results.
func must[T any](t *testing.T) func(T, error) T {
	t.Helper()
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func (b *bench) create(size int32, change ...func(*api.CreateAutoScalingGroupInput)) {
	b.t.Helper()
	in := &api.CreateAutoScalingGroupInput{
		AutoScalingGroupName: aws.String("g"), MinSize: aws.Int32(0), MaxSize: aws.Int32(10), DesiredCapacity: aws.Int32(size),
		VPCZoneIdentifier: aws.String("s1,s2"), LaunchTemplate: &types.LaunchTemplateSpecification{LaunchTemplateId: aws.String("lt-1")}, TargetGroupARNs: []string{"tg"},
	}
	for _, f := range change {
		f(in)
	}
	must[*api.CreateAutoScalingGroupOutput](b.t)(b.CreateAutoScalingGroup(b.t.Context(), in))
}

func (b *bench) hook(name string, transition lifecycle.Transition) {
	b.t.Helper()
	must[*api.PutLifecycleHookOutput](b.t)(b.PutLifecycleHook(b.t.Context(), &api.PutLifecycleHookInput{
		AutoScalingGroupName: aws.String("g"), LifecycleHookName: aws.String(name), LifecycleTransition: aws.String(string(transition)),
		HeartbeatTimeout: aws.Int32(60), NotificationMetadata: aws.String("ours"),
	}))
}

func (b *bench) desire(n int32) {
	b.t.Helper()
	must[*api.SetDesiredCapacityOutput](b.t)(b.SetDesiredCapacity(b.t.Context(), &api.SetDesiredCapacityInput{AutoScalingGroupName: aws.String("g"), DesiredCapacity: aws.Int32(n)}))
}

func (b *bench) instances() []types.Instance {
	b.t.Helper()
	out := must[*api.DescribeAutoScalingGroupsOutput](b.t)(b.DescribeAutoScalingGroups(b.t.Context(), &api.DescribeAutoScalingGroupsInput{AutoScalingGroupNames: []string{"g"}}))
	if len(out.AutoScalingGroups) == 0 {
		return nil
	}
	return out.AutoScalingGroups[0].Instances
}

// await polls in real time while the clock moves by step a poll.
func (b *bench) await(what string, step time.Duration, done func() (string, bool)) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), 20*time.Second)
	defer cancel()
	err := waiter.Waiter{Min: time.Millisecond, Max: 10 * time.Millisecond}.Until(ctx, what, func(context.Context) (string, bool, error) {
		b.clock.advance(step)
		state, ok := done()
		return state, ok, nil
	})
	if err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) awaitStates(want string) {
	b.t.Helper()
	b.await("states "+want, 100*time.Millisecond, func() (string, bool) {
		var states []string
		for _, i := range b.instances() {
			states = append(states, string(i.LifecycleState))
		}
		got := strings.Join(states, " ")
		return got, got == want
	})
}

func (b *bench) event(detailType string, n int) recorded {
	b.t.Helper()
	var found recorded
	b.await(detailType, 100*time.Millisecond, func() (string, bool) {
		b.mu.Lock()
		defer b.mu.Unlock()
		left := n
		for _, e := range b.events {
			if e.detailType == detailType {
				if left == 0 {
					found = e
					return "", true
				}
				left--
			}
		}
		return "", false
	})
	return found
}

func (b *bench) complete(e recorded, result lifecycle.Result) error {
	_, err := b.CompleteLifecycleAction(b.t.Context(), &api.CompleteLifecycleActionInput{
		AutoScalingGroupName: aws.String("g"), LifecycleHookName: aws.String(e.detail["LifecycleHookName"].(string)),
		LifecycleActionToken: aws.String(e.detail["LifecycleActionToken"].(string)), LifecycleActionResult: aws.String(string(result)),
	})
	return err
}

func wantCode(t *testing.T, err error, code, text string) {
	t.Helper()
	if !clouderr.IsAWS(err, code) || !strings.Contains(clouderr.AWSMessage(err), text) {
		t.Errorf("got %v, want %s with %q", err, code, text)
	}
}

func TestInstancesComeUpBalancedAndRegistered(t *testing.T) {
	var mu sync.Mutex
	var launched []Instance
	b := newBench(t, func(d *Deps) {
		d.Launched = func(_ context.Context, i Instance) error {
			mu.Lock()
			defer mu.Unlock()
			launched = append(launched, i)
			return nil
		}
	})
	b.create(4)
	b.awaitStates("InService InService InService InService")
	inZone := map[string]int{}
	for _, i := range b.instances() {
		inZone[*i.AvailabilityZone]++
	}
	if inZone["zone-of-s1"] != 2 || inZone["zone-of-s2"] != 2 {
		t.Errorf("zones: %v", inZone)
	}
	mu.Lock()
	defer mu.Unlock()
	if len(launched) != 4 || string(launched[0].UserData) != "#cloud-config" || len(b.cloud.registered["tg"]) != 4 {
		t.Errorf("launched %v, registered %v", launched, b.cloud.registered)
	}
}

func TestLaunchHookHoldsTheInstanceOutOfTheTargetGroup(t *testing.T) {
	b := newBench(t)
	b.create(0)
	b.hook("launch", lifecycle.Launching)
	b.hook("second", lifecycle.Launching)
	b.desire(1)
	first, second := b.event(lifecycle.EventLaunchHook, 0), b.event(lifecycle.EventLaunchHook, 1)
	b.awaitStates("Pending:Wait")
	if slices.Contains(b.cloud.events(), "register i-1") {
		t.Error("registered while it waits")
	}
	arn, _ := b.service.GroupARN("g")
	want := map[string]any{
		"LifecycleActionToken": first.detail["LifecycleActionToken"], "AutoScalingGroupName": "g", "LifecycleHookName": "launch",
		"EC2InstanceId": "i-1", "LifecycleTransition": string(lifecycle.Launching), "NotificationMetadata": "ours",
	}
	if !maps.Equal(first.detail, want) || !slices.Equal(first.resources, []string{arn}) {
		t.Errorf("event %v %v", first.detail, first.resources)
	}
	if err := b.complete(first, lifecycle.Continue); err != nil {
		t.Fatal(err)
	}
	b.awaitStates("Pending:Wait")
	wantCode(t, b.complete(first, lifecycle.Continue), "ValidationError", "No active Lifecycle Action found with token "+first.detail["LifecycleActionToken"].(string))
	if err := b.complete(second, lifecycle.Continue); err != nil {
		t.Fatal(err)
	}
	b.awaitStates("InService")
	launch := b.event(lifecycle.EventLaunched, 0)
	if launch.detail["EC2InstanceId"] != "i-1" || len(launch.resources) != 2 {
		t.Errorf("event %v", launch)
	}
}

func TestHeartbeatTimeoutAbandonsAndReplacesWithGrowingPauses(t *testing.T) {
	b := newBench(t)
	b.create(0)
	b.hook("launch", lifecycle.Launching)
	b.desire(1)
	var starts []time.Time
	for n := range 4 {
		e := b.event(lifecycle.EventLaunchHook, n)
		starts = append(starts, b.clock.Now())
		b.clock.advance(61 * time.Second)
		failure := b.event(lifecycle.EventLaunchFailed, n)
		if !strings.Contains(failure.detail["StatusMessage"].(string), "was abandoned: Heartbeat Timeout elapsed") {
			t.Errorf("event %v", failure.detail)
		}
		wantCode(t, b.complete(e, lifecycle.Continue), "ValidationError", "No active Lifecycle Action found with token")
	}
	for n := 2; n < len(starts); n++ {
		if before, now := starts[n-1].Sub(starts[n-2]), starts[n].Sub(starts[n-1]); now <= before {
			t.Errorf("pause %d is %s, not longer than %s", n, now, before)
		}
	}
	if slices.ContainsFunc(b.cloud.events(), func(e string) bool { return strings.HasPrefix(e, "register") }) {
		t.Error("an abandoned instance was registered")
	}
}

func TestHeartbeatsExtendTheWaitUpToTheGlobalTimeout(t *testing.T) {
	b := newBench(t)
	b.create(0)
	b.hook("launch", lifecycle.Launching)
	b.desire(1)
	b.event(lifecycle.EventLaunchHook, 0)
	beat := func() error {
		_, err := b.RecordLifecycleActionHeartbeat(t.Context(), &api.RecordLifecycleActionHeartbeatInput{
			AutoScalingGroupName: aws.String("g"), LifecycleHookName: aws.String("launch"), InstanceId: aws.String("i-1"),
		})
		return err
	}
	for n := range 100 {
		b.clock.advance(59 * time.Second)
		if err := beat(); err != nil {
			t.Fatalf("heartbeat %d: %s", n, err)
		}
	}
	b.clock.advance(59 * time.Second)
	b.clock.advance(59 * time.Second)
	wantCode(t, beat(), "ValidationError", "No active Lifecycle Action found with instance ID i-1")
}

func TestTerminateHookRunsAfterDeregistrationAndBeforeTermination(t *testing.T) {
	b := newBench(t)
	b.cloud.delay = 300
	b.create(0)
	b.hook("terminate", lifecycle.Termination)
	b.desire(1)
	b.awaitStates("InService")
	b.desire(0)
	e := b.event(lifecycle.EventTerminateHook, 0)
	b.awaitStates("Terminating:Wait")
	if got := b.cloud.events(); !slices.Contains(got, "deregister i-1") || slices.Contains(got, "terminate i-1") {
		t.Errorf("journal while the hook holds: %v", got)
	}
	if err := b.complete(e, lifecycle.Abandon); err != nil {
		t.Fatal(err)
	}
	b.awaitStates("")
	if e := b.event(lifecycle.EventTerminated, 0); e.detail["EC2InstanceId"] != "i-1" {
		t.Errorf("event %v", e.detail)
	}
}

func TestScaleInDuringTheLaunchHook(t *testing.T) {
	b := newBench(t)
	b.create(0)
	b.hook("launch", lifecycle.Launching)
	b.desire(1)
	e := b.event(lifecycle.EventLaunchHook, 0)
	b.desire(0)
	b.awaitStates("")
	wantCode(t, b.complete(e, lifecycle.Continue), "ValidationError", "No active Lifecycle Action found with token")
}

func TestScaleInWhileTheInstanceIsRegistered(t *testing.T) {
	b := newBench(t)
	b.create(0)
	b.cloud.registering = func() {
		// Unlike a smaller desired capacity, this takes effect before it answers.
		if _, err := b.TerminateInstanceInAutoScalingGroup(t.Context(), &api.TerminateInstanceInAutoScalingGroupInput{
			InstanceId: aws.String("i-1"), ShouldDecrementDesiredCapacity: aws.Bool(true),
		}); err != nil {
			t.Error(err)
		}
	}
	b.desire(1)
	b.event(lifecycle.EventTerminated, 0)
	b.awaitStates("")
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, e := range b.events {
		if e.detailType == lifecycle.EventLaunched {
			t.Errorf("it was in service: %v", e)
		}
	}
	if len(b.cloud.registered["tg"]) != 0 {
		t.Errorf("registered: %v", b.cloud.registered)
	}
}

func TestDeletingAHookEndsItsActions(t *testing.T) {
	b := newBench(t)
	b.create(0)
	b.hook("launch", lifecycle.Launching)
	b.desire(1)
	b.event(lifecycle.EventLaunchHook, 0)
	must[*api.DeleteLifecycleHookOutput](t)(b.DeleteLifecycleHook(t.Context(), &api.DeleteLifecycleHookInput{AutoScalingGroupName: aws.String("g"), LifecycleHookName: aws.String("launch")}))
	b.event(lifecycle.EventLaunchFailed, 0)
	b.awaitStates("InService")
}

func TestAnInstanceThatEC2LostIsReplaced(t *testing.T) {
	b := newBench(t)
	b.create(1)
	b.awaitStates("InService")
	b.cloud.mu.Lock()
	b.cloud.machines["i-1"] = "terminated"
	b.cloud.mu.Unlock()
	b.await("a new instance", time.Second, func() (string, bool) {
		now := b.instances()
		return fmt.Sprint(len(now)), len(now) == 1 && *now[0].InstanceId != "i-1" && now[0].LifecycleState == types.LifecycleStateInService
	})
}

func TestLoadBalancersViewCountsAfterTheGracePeriod(t *testing.T) {
	var sick sync.Map
	b := newBench(t, func(d *Deps) {
		d.TargetHealthy = func(id, _ string) bool { _, is := sick.Load(id); return !is }
	})
	sick.Store("i-1", true)
	b.create(1, func(in *api.CreateAutoScalingGroupInput) {
		in.HealthCheckType, in.HealthCheckGracePeriod = aws.String("ELB"), aws.Int32(300)
	})
	b.awaitStates("InService")
	b.clock.advance(100 * time.Second)
	b.awaitStates("InService")
	if got := *b.instances()[0].InstanceId; got != "i-1" {
		t.Fatalf("%s was replaced within the grace period", got)
	}
	b.clock.advance(200 * time.Second)
	b.await("a new instance", time.Second, func() (string, bool) {
		now := b.instances()
		return fmt.Sprint(len(now)), len(now) == 1 && *now[0].InstanceId == "i-2"
	})
}

func TestFailedLaunchIsAnActivityAndTriedAgain(t *testing.T) {
	b := newBench(t)
	b.cloud.runError = errors.New("InsufficientInstanceCapacity: none left")
	b.create(1)
	b.await("a failed activity", 100*time.Millisecond, func() (string, bool) {
		out := must[*api.DescribeScalingActivitiesOutput](t)(b.DescribeScalingActivities(t.Context(), &api.DescribeScalingActivitiesInput{AutoScalingGroupName: aws.String("g")}))
		return "", len(out.Activities) > 0 && out.Activities[0].StatusCode == types.ScalingActivityStatusCodeFailed
	})
	b.cloud.mu.Lock()
	b.cloud.runError = nil
	b.cloud.mu.Unlock()
	b.awaitStates("InService")
}

func TestDeletion(t *testing.T) {
	b := newBench(t)
	b.create(0)
	b.hook("terminate", lifecycle.Termination)
	b.desire(2)
	b.awaitStates("InService InService")
	_, err := b.DeleteAutoScalingGroup(t.Context(), &api.DeleteAutoScalingGroupInput{AutoScalingGroupName: aws.String("g")})
	wantCode(t, err, "ResourceInUse", "You cannot delete an AutoScalingGroup while there are instances")
	b.desire(0)
	b.awaitStates("Terminating:Wait Terminating:Wait")
	_, err = b.DeleteAutoScalingGroup(t.Context(), &api.DeleteAutoScalingGroupInput{AutoScalingGroupName: aws.String("g")})
	wantCode(t, err, "ScalingActivityInProgress", "scaling activities in progress")
	must[*api.DeleteAutoScalingGroupOutput](t)(b.DeleteAutoScalingGroup(t.Context(), &api.DeleteAutoScalingGroupInput{AutoScalingGroupName: aws.String("g"), ForceDelete: aws.Bool(true)}))
	b.await("the group's end", 100*time.Millisecond, func() (string, bool) { _, exists := b.service.GroupARN("g"); return "", !exists })
	b.cloud.mu.Lock()
	defer b.cloud.mu.Unlock()
	for id, state := range b.cloud.machines {
		if state != "terminated" {
			t.Errorf("%s is %s", id, state)
		}
	}
}

func TestValidation(t *testing.T) {
	b := newBench(t)
	create := func(change func(*api.CreateAutoScalingGroupInput)) error {
		in := &api.CreateAutoScalingGroupInput{
			AutoScalingGroupName: aws.String("bad"), MinSize: aws.Int32(1), MaxSize: aws.Int32(2), VPCZoneIdentifier: aws.String("s1"),
			LaunchTemplate: &types.LaunchTemplateSpecification{LaunchTemplateId: aws.String("lt-1")},
		}
		change(in)
		_, err := b.CreateAutoScalingGroup(t.Context(), in)
		return err
	}
	type input = api.CreateAutoScalingGroupInput
	wantCode(t, create(func(in *input) { in.MinSize = aws.Int32(3) }), "ValidationError", "Max bound, 2, must be greater than or equal to min bound, 3")
	wantCode(t, create(func(in *input) { in.DesiredCapacity = aws.Int32(5) }), "ValidationError", "Desired capacity:5 must be between the specified min size:1 and max size:2")
	wantCode(t, create(func(in *input) { in.LaunchTemplate = nil }), "ValidationError", "Valid requests must contain either LaunchTemplate")
	wantCode(t, create(func(in *input) { in.LaunchTemplate.LaunchTemplateId = aws.String("lt-none") }), "ValidationError", "does not exist")
	wantCode(t, create(func(in *input) { in.VPCZoneIdentifier = nil }), "ValidationError", "At least one Availability Zone")
	wantCode(t, create(func(in *input) { in.TargetGroupARNs = []string{"missing"} }), "ValidationError", "Provided Target Groups may not be valid")
	wantCode(t, create(func(in *input) { in.PlacementGroup = aws.String("p") }), "NotImplemented", "PlacementGroup of CreateAutoScalingGroup")
	b.create(1)
	_, err := b.SetDesiredCapacity(t.Context(), &api.SetDesiredCapacityInput{AutoScalingGroupName: aws.String("g"), DesiredCapacity: aws.Int32(11)})
	wantCode(t, err, "ValidationError", "New SetDesiredCapacity value 11 is above max value 10 for the AutoScalingGroup.")
	_, err = b.UpdateAutoScalingGroup(t.Context(), &api.UpdateAutoScalingGroupInput{AutoScalingGroupName: aws.String("none")})
	wantCode(t, err, "ValidationError", "AutoScalingGroup name not found")
	must[*api.UpdateAutoScalingGroupOutput](t)(b.UpdateAutoScalingGroup(t.Context(), &api.UpdateAutoScalingGroupInput{AutoScalingGroupName: aws.String("g"), MinSize: aws.Int32(3)}))
	out := must[*api.DescribeAutoScalingGroupsOutput](t)(b.DescribeAutoScalingGroups(t.Context(), &api.DescribeAutoScalingGroupsInput{}))
	if got := *out.AutoScalingGroups[0].DesiredCapacity; got != 3 {
		t.Errorf("desired capacity %d did not follow the minimum of 3", got)
	}
	_, err = b.AttachInstances(t.Context(), &api.AttachInstancesInput{AutoScalingGroupName: aws.String("g"), InstanceIds: []string{"i-1"}})
	wantCode(t, err, "NotImplemented", "AttachInstances")
}
