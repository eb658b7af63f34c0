package assignertest

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/eiptag"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/elasticip"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/lifecycle"
)

// Names of the one group, its hooks and the one pool of every world.
const (
	GroupName     = "proxies"
	LaunchHook    = "crosscloudlink-launch"
	TerminateHook = "crosscloudlink-terminate"
	PoolName      = "egress"
	PoolTagKey    = eiptag.DefaultPoolKey
	// OtherBorderGroup is a network border group that no instance is in.
	OtherBorderGroup = "us-east-1-wl1-bos-wlz-1"
	// HeartbeatTimeout is that of both hooks.
	HeartbeatTimeout = 5 * time.Minute
)

// World is EC2's addresses and instances, one Auto Scaling group, EventBridge and Lambda with one function, in
// virtual time. It is for one goroutine: time passes only within its methods.
type World struct {
	schedule Schedule
	function Function
	line     *timeline
	context  context.Context
	ids      *rand.Rand
	book     *elasticip.Book
	machines []*machine
	byID     map[string]*machine

	group        lifecycle.Group
	desired      int
	balancing    bool
	backoff      lifecycle.Backoff
	refresh      *refresh
	generation   int
	groupDeleted bool

	script  func(Call) Interference
	active  []Fault
	calls   map[string]int
	runs    int
	emitted int
	owners  map[string]string
	handled map[string]time.Time
	log     func(string)
	// unrestricted: the function's role may do to every address what it may to the pool's.
	unrestricted bool
	// unscheduled: there is no run every minute. silent: no event is delivered.
	unscheduled, silent bool
	// noReplacement: what leaves the group is not replaced.
	noReplacement bool
	// given is who got each address by the function's doing.
	given  map[string]map[string]bool
	failed int

	// Violations are the broken promises so far, each with its time.
	Violations []string
	// Events are the lifecycle events that Auto Scaling has sent, delivered or not; GivenUp
	// the payloads that Lambda tried for the last time.
	Events, GivenUp []json.RawMessage
}

// NewWorld begins a world at its epoch: the pool is there, the group empty and about to launch.
// Close ends it. log, if it is not nil, is told each thing that happens.
func NewWorld(s Schedule, f Function, log func(line string)) *World {
	s.Zones = max(s.Zones, 1)
	w := &World{
		schedule: s, function: f, line: newTimeline(), context: context.Background(), byID: map[string]*machine{},
		calls: map[string]int{}, owners: map[string]string{}, handled: map[string]time.Time{}, given: map[string]map[string]bool{},
		desired: s.Desired, backoff: lifecycle.Backoff{First: 10 * time.Second, Max: 2 * time.Minute}, log: log,
	}
	w.ids = w.rng(streamID, 0)
	w.book = elasticip.New(elasticip.Options{
		Quota: 1 << 20, BorderGroups: []string{elasticip.DefaultBorderGroup, OtherBorderGroup}, Remember: maxLag, Lenient: s.Lenient, NewID: w.newID, Now: func() time.Time { return w.line.now },
	})
	for range s.Addresses {
		w.mustAllocate(map[string]string{PoolTagKey: PoolName})
	}
	w.group = lifecycle.Group{
		Name: GroupName, RetainOnAbandon: s.Retain, TerminateHooksAfterAbandon: s.Asked, NewToken: func() string { return w.newID("token") },
		Hooks: []lifecycle.Hook{
			{Name: LaunchHook, Transition: lifecycle.Launching, Heartbeat: HeartbeatTimeout, DefaultResult: lifecycle.Abandon},
			{Name: TerminateHook, Transition: lifecycle.Termination, Heartbeat: HeartbeatTimeout, DefaultResult: lifecycle.Continue},
		},
	}
	if s.Warm > 0 {
		w.group.Pool = &lifecycle.Pool{MinSize: s.Warm, ReuseOnScaleIn: s.Reuse}
	}
	for _, step := range s.Steps {
		w.line.after(step.At, func() { w.do(step) })
	}
	w.line.after(time.Minute, w.tick)
	w.balanceSoon()
	return w
}

// maxLag bounds how far any read may lag.
const maxLag = 30 * time.Second

// asOf is the moment that a read shows.
func (w *World) asOf(lag time.Duration) time.Time {
	if then := w.line.now.Add(-min(lag, maxLag)); then.After(epoch) {
		return then
	}
	return epoch
}

// Close ends the world and what still runs in it.
func (w *World) Close() { w.line.stop() }

// Run lets virtual time pass.
func (w *World) Run(d time.Duration) { w.line.runUntil(w.line.now.Add(d)) }

// RunUntil lets time pass until a condition holds, and reports whether it did within most.
func (w *World) RunUntil(most time.Duration, holds func() bool) bool {
	limit := w.line.now.Add(most)
	for !holds() {
		if !w.line.next(limit) {
			return false
		}
	}
	return true
}

// Elapsed is how much virtual time has passed.
func (w *World) Elapsed() time.Duration { return w.line.now.Sub(epoch) }

// Now is the virtual time.
func (w *World) Now() time.Time { return w.line.now }

// After lets do happen later.
func (w *World) After(d time.Duration, do func()) { w.line.after(d, do) }

// Script has a say in every call from now on, before the schedule's faults.
func (w *World) Script(script func(Call) Interference) { w.script = script }

// Invoke runs the function once, directly, and waits for its end. The answer is the
// function's error, or one that says that it was killed, timed out or panicked.
func (w *World) Invoke(payload json.RawMessage, timeout time.Duration) error {
	var outcome error
	done := false
	w.invoke(payload, timeout, func(err error) { outcome, done = err, true })
	w.RunUntil(timeout+time.Second, func() bool { return done })
	return outcome
}

// Deliver hands an event to Lambda, which invokes the function asynchronously.
func (w *World) Deliver(payload json.RawMessage) { w.invokeAsync(payload, 0) }

// Calls counts the calls to AWS so far, by operation.
func (w *World) Calls() map[string]int { return w.calls }

// Book is the account's Elastic IPs. A test that changes it does so as another actor.
func (w *World) Book() *elasticip.Book { return w.book }

func (w *World) newID(prefix string) string {
	return fmt.Sprintf("%s-0%016x", prefix, w.ids.Uint64())
}

func (w *World) mustAllocate(tags map[string]string) elasticip.Address {
	a, err := w.book.Allocate(elasticip.Allocation{Tags: tags})
	if err != nil {
		panic(err) // the model's ranges are larger than any world
	}
	return a
}

// pool lists the pool's addresses as they are.
func (w *World) pool() []elasticip.Address {
	var out []elasticip.Address
	for _, a := range w.book.List() {
		if a.Tags[PoolTagKey] == PoolName {
			out = append(out, a)
		}
	}
	return out
}

func (w *World) trace(format string, args ...any) {
	if w.log != nil {
		w.log(fmt.Sprintf("%12s  ", w.Elapsed().Round(time.Millisecond)) + fmt.Sprintf(format, args...))
	}
}
