package assigner_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/assigner"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/assigner/assignertest"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/eiptag"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/waiter"
)

// config is what the world's function serves.
var config = assigner.Config{
	PoolTagKey: assignertest.PoolTagKey, PoolName: assignertest.PoolName, Group: assignertest.GroupName,
	LaunchHook: assignertest.LaunchHook, TerminateHook: assignertest.TerminateHook, HeartbeatTimeout: assignertest.HeartbeatTimeout,
}

// newAssigner is the assigner as the Lambda function sets it up, in a world's time.
func newAssigner(c assignertest.Clients) *assigner.Assigner {
	return &assigner.Assigner{
		Config: config, EC2: c.EC2, AutoScaling: c.AutoScaling, Log: slog.New(slog.DiscardHandler),
		Waiter: waiter.Waiter{Clock: c.Clock, Min: time.Second, Max: 5 * time.Second, Jitter: c.Jitter},
	}
}

// handle is the function that the worlds of these tests run.
func handle(ctx context.Context, c assignertest.Clients, payload json.RawMessage) error {
	_, err := newAssigner(c).Handle(ctx, payload)
	return err
}

// forever is longer than any of these worlds.
const forever = 1000 * time.Hour

// A scene is a world in which nothing happens but what a test does, and what the scheduled runs do
// every minute: no event is delivered by itself.
type scene struct {
	t *testing.T
	*assignertest.World
	// id is the instance that the scene is about: it runs and is in Pending:Wait.
	id string
	// results are what the runs so far have answered, metrics what they have measured.
	results []assigner.Result
	metrics bytes.Buffer
	// ec2, if it is set, stands between the function and EC2.
	ec2 func(assignertest.EC2) assignertest.EC2
}

// launch sets a scene with one launching instance and some addresses.
func launch(t *testing.T, addresses int, change ...func(*assignertest.Schedule)) *scene {
	t.Helper()
	s := &scene{t: t}
	schedule := assignertest.Schedule{Seed: 7, Addresses: addresses, Desired: 1, Faults: []assignertest.Fault{{Kind: "lose", Chance: 1, For: forever}}}
	for _, c := range change {
		c(&schedule)
	}
	s.World = assignertest.NewWorld(schedule, s.function, func(line string) { t.Log(line) })
	t.Cleanup(func() {
		s.Close()
		for _, violation := range s.Violations {
			t.Error(violation)
		}
	})
	ready := func() bool {
		for _, i := range s.In("Pending:Wait") {
			if s.id = i.ID; i.State == "running" {
				return true
			}
		}
		return false
	}
	if schedule.Desired > 0 && !s.RunUntil(50*time.Second, ready) {
		t.Fatalf("no instance waits: %+v", s.Instances())
	}
	return s
}

func (s *scene) function(ctx context.Context, c assignertest.Clients, payload json.RawMessage) error {
	if s.ec2 != nil {
		c.EC2 = s.ec2(c.EC2)
	}
	a := newAssigner(c)
	a.Metrics = &s.metrics
	got, err := a.Handle(ctx, payload)
	switch answer := got.(type) {
	case assigner.Result:
		s.results = append(s.results, answer)
	case assigner.Reconciliation:
		s.results = append(s.results, answer.Results...)
	}
	return err
}

// launchEvent and terminateEvent are what Auto Scaling has sent for the scene's instance.
func (s *scene) launchEvent() json.RawMessage {
	return s.EventOf(assignertest.LaunchHook, s.id)
}

func (s *scene) terminateEvent() json.RawMessage {
	return s.EventOf(assignertest.TerminateHook, s.id)
}

// state is the lifecycle state of the scene's instance.
func (s *scene) state() string { return s.Instance(s.id).LifecycleState }

// play delivers the launch event and lets time pass until the instance no longer launches.
func (s *scene) play() {
	s.Deliver(s.launchEvent())
	s.await(3*time.Hour, "the end of the launch", func() bool { return !strings.HasPrefix(s.state(), "Pending") })
	// The run that ended it has yet to answer.
	s.Run(5 * time.Second)
}

func (s *scene) await(most time.Duration, what string, holds func() bool) {
	s.t.Helper()
	if !s.RunUntil(most, holds) {
		s.t.Fatalf("%s did not come about in %s: %+v", what, most, s.Instances())
	}
}

// serves checks that the instance is in service with exactly one address, of the pool.
func (s *scene) serves() {
	s.t.Helper()
	if i := s.Instance(s.id); i.LifecycleState != "InService" || len(i.Addresses) != 1 || i.Addresses[0].Tags[assignertest.PoolTagKey] != assignertest.PoolName {
		s.t.Errorf("want InService with one address of the pool, got %+v", i)
	}
}

// isAbandoned checks that the launch was given up, with a reason where an operator looks for it, and
// that the instance has no address.
func (s *scene) isAbandoned(reason string) {
	s.t.Helper()
	i := s.Instance(s.id)
	if strings.HasPrefix(i.LifecycleState, "Pending") || i.LifecycleState == "InService" || len(s.pooled(i)) > 0 {
		s.t.Errorf("want an abandoned launch without an address, got %+v", i)
	}
	if got := i.Tags[eiptag.Abandoned]; !strings.Contains(got, reason) {
		s.t.Errorf("the instance's tag %s is %q, want it to say %q", eiptag.Abandoned, got, reason)
	}
	abandoned := slices.ContainsFunc(s.results, func(r assigner.Result) bool {
		return r.InstanceID == s.id && r.Outcome == assigner.OutcomeAbandon && strings.Contains(r.Reason, reason)
	})
	if !abandoned {
		s.t.Errorf("no answer abandons with %q; the last are %+v", reason, s.results[max(0, len(s.results)-2):])
	}
}

// measured sums up a metric, by its lines in CloudWatch's embedded format.
func (s *scene) measured(name string) (sum float64) {
	for line := range strings.Lines(s.metrics.String()) {
		values := map[string]any{}
		if err := json.Unmarshal([]byte(line), &values); err != nil {
			s.t.Errorf("%q: %v", line, err)
		}
		if value, ok := values[name].(float64); ok {
			sum += value
		}
	}
	return sum
}

// pooled lists the pool's addresses at an instance.
func (s *scene) pooled(i assignertest.Instance) (ids []string) {
	for _, a := range i.Addresses {
		if a.Tags[assignertest.PoolTagKey] == assignertest.PoolName {
			ids = append(ids, a.AllocationID)
		}
	}
	return ids
}

// inUse counts the pool's addresses that something has.
func (s *scene) inUse() (n int) {
	for _, a := range s.Pool() {
		if a.InUse() {
			n++
		}
	}
	return n
}

// called checks how often an operation was called so far.
func (s *scene) called(op string, least, most int) {
	s.t.Helper()
	if n := s.Calls()[op]; n < least || n > most {
		s.t.Errorf("%s was called %d times, want %d to %d", op, n, least, most)
	}
}

// refuse answers the first n calls of an operation with an error.
func refuse(op string, n int, err error) func(assignertest.Call) assignertest.Interference {
	return func(call assignertest.Call) (what assignertest.Interference) {
		if call.Op == op && call.N <= n {
			what.Refuse = err
		}
		return what
	}
}

// mutating are the operations that change something.
var mutating = []string{"AssociateAddress", "DisassociateAddress", "CreateTags", "CompleteLifecycleAction", "RecordLifecycleActionHeartbeat"}

// touched lists the operations that changed something since before.
func touched(before, after map[string]int) (ops []string) {
	for _, op := range mutating {
		if after[op] > before[op] {
			ops = append(ops, op)
		}
	}
	return ops
}
