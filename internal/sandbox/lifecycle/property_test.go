package lifecycle

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// follows lists which states may follow a state, by AWS's diagrams of the lifecycle with
// and without a warm pool, and the retention guide.
var follows = map[State][]State{
	Pending:             {PendingWait, InService, Terminating},
	PendingWait:         {PendingProceed, Terminating},
	PendingProceed:      {InService, Terminating},
	InService:           {Terminating, WarmedPending},
	Terminating:         {TerminatingWait, Terminated},
	TerminatingWait:     {TerminatingProceed},
	TerminatingProceed:  {Terminated, TerminatingRetained},
	TerminatingRetained: {Terminating},

	WarmedPending:             {WarmedPendingWait, WarmedStopped, WarmedRunning, WarmedHibernated, WarmedTerminating},
	WarmedPendingWait:         {WarmedPendingProceed, WarmedTerminating},
	WarmedPendingProceed:      {WarmedStopped, WarmedRunning, WarmedHibernated, WarmedPendingRetained, WarmedTerminating},
	WarmedPendingRetained:     {WarmedTerminating},
	WarmedStopped:             {Pending, WarmedTerminating},
	WarmedRunning:             {Pending, WarmedTerminating},
	WarmedHibernated:          {Pending, WarmedTerminating},
	WarmedTerminating:         {WarmedTerminatingWait, WarmedTerminated},
	WarmedTerminatingWait:     {WarmedTerminatingProceed},
	WarmedTerminatingProceed:  {WarmedTerminated, WarmedTerminatingRetained},
	WarmedTerminatingRetained: {WarmedTerminating},
}

// world is some instances of a group under random treatment.
type world struct {
	t       *testing.T
	rng     *rand.Rand
	g       Group
	now     time.Time
	members []*Instance
	// waits notes when the present wait of an instance began, and states its last state.
	waits  map[*Instance]time.Time
	states map[*Instance]State
	// events are all that were sent; honoured the tokens that a completion was accepted for.
	events   []Event
	honoured map[string]bool
	log      []string
}

func newWorld(t *testing.T, rng *rand.Rand) *world {
	w := &world{t: t, rng: rng, now: noon, waits: map[*Instance]time.Time{}, states: map[*Instance]State{}, honoured: map[string]bool{}}
	w.g = Group{Name: "g", NewToken: tokens(), RetainOnAbandon: rng.IntN(2) == 0, TerminateHooksAfterAbandon: rng.IntN(2) == 0}
	for n := range rng.IntN(5) {
		h := hook(fmt.Sprint("hook", n), Launching, 30+rng.IntN(7170), Continue)
		if rng.IntN(2) == 0 {
			h.Transition = Termination
		}
		if rng.IntN(2) == 0 {
			h.DefaultResult = Abandon
		}
		w.g.Hooks = append(w.g.Hooks, h)
	}
	if rng.IntN(2) == 0 {
		w.g.Pool = &Pool{MaxPrepared: -1, ReuseOnScaleIn: rng.IntN(2) == 0, State: []PoolState{Stopped, Running, Hibernated}[rng.IntN(3)]}
	}
	for n := range 1 + rng.IntN(4) {
		to := AutoScalingGroup
		if w.g.Pool != nil && rng.IntN(2) == 0 {
			to = WarmPool
		}
		i := New(fmt.Sprint("i-", n), to, w.g)
		w.members, w.states[i] = append(w.members, i), i.State()
	}
	return w
}

func (w *world) fail(format string, args ...any) {
	w.t.Helper()
	w.t.Fatalf("%s\nhistory: %v", fmt.Sprintf(format, args...), w.log)
}

// did checks what must hold after every step.
func (w *world) did(what string) {
	w.t.Helper()
	w.log = append(w.log, what)
	for _, i := range w.members {
		before, now := w.states[i], i.State()
		if before != now && !slices.Contains(follows[before], now) {
			w.fail("%s: %s followed %s", i.ID(), now, before)
		}
		if before != now && now.Waiting() {
			w.waits[i] = w.now
		}
		w.states[i] = now
		open := 0
		for _, a := range i.Actions() {
			if a.End != w.waits[i].Add(a.Hook.GlobalTimeout()) || a.Deadline.After(a.End) {
				w.fail("%s: deadline %s, end %s, of a wait that began at %s", i.ID(), a.Deadline, a.End, w.waits[i])
			}
			if a.Result == "" {
				open++
			}
		}
		if _, has := i.NextDeadline(); has != (open > 0) {
			w.fail("%s: %d open actions, deadline %v", i.ID(), open, has)
		}
		if len(i.Actions()) > 0 && !now.Waiting() {
			w.fail("%s: actions outlived the wait: %v", i.ID(), i.Actions())
		}
	}
}

func (w *world) hold(i *Instance) {
	events := i.Hold(w.g, w.now)
	for _, e := range events {
		for _, before := range w.events {
			if before.LifecycleActionToken == e.LifecycleActionToken {
				w.fail("token %s twice", e.LifecycleActionToken)
			}
		}
		if (e.Origin == "") != (w.g.Pool == nil) || (e.Destination == "") != (w.g.Pool == nil) {
			w.fail("event %+v, pool %v", e, w.g.Pool)
		}
		w.events = append(w.events, e)
	}
	w.did(fmt.Sprintf("%s hold", i.ID()))
}

// step does one random thing, sensible or not.
func (w *world) step() {
	i := w.members[w.rng.IntN(len(w.members))]
	switch w.rng.IntN(10) {
	case 0:
		w.hold(i)
	case 1:
		v := i.Judge(w.g, w.now)
		if !v.Done && !v.Next.After(w.now) {
			w.fail("%s: judged at %s to look again at %s", i.ID(), w.now, v.Next)
		}
		w.did(fmt.Sprintf("%s judge", i.ID()))
	case 2:
		i.Arrive()
		w.did(fmt.Sprintf("%s arrive", i.ID()))
	case 3:
		if w.rng.IntN(3) == 0 {
			d := Departure{SkipHooks: w.rng.IntN(4) == 0, Reuse: w.g.Pool.Reuses() && w.rng.IntN(2) == 0}
			i.Leave(w.g, d)
			w.did(fmt.Sprintf("%s leave %+v", i.ID(), d))
		}
	case 4:
		i.Start()
		w.did(fmt.Sprintf("%s start", i.ID()))
	case 5, 6:
		w.complete()
	case 7:
		w.heartbeat()
	case 8:
		if len(w.g.Hooks) > 0 && w.rng.IntN(4) == 0 {
			name := w.g.Hooks[w.rng.IntN(len(w.g.Hooks))].Name
			i.DropHook(name)
			w.did(fmt.Sprintf("%s drop %s", i.ID(), name))
		}
	case 9:
		w.now = w.now.Add(time.Duration(w.rng.IntN(5000)) * time.Second)
		w.did(fmt.Sprintf("clock %s", w.now.Format(time.TimeOnly)))
	}
}

// call names some action: one of those that an event was sent for, by token or by instance.
func (w *world) call() (Call, bool) {
	if len(w.events) == 0 {
		return Call{}, false
	}
	e := w.events[w.rng.IntN(len(w.events))]
	if w.rng.IntN(3) == 0 {
		return Call{Hook: e.LifecycleHookName, InstanceID: e.EC2InstanceID}, true
	}
	return Call{Hook: e.LifecycleHookName, Token: e.LifecycleActionToken}, true
}

// outcome is what an action has come to by now, judged or not; empty while it is open.
func (w *world) outcome(a Action) Result {
	if a.Result == "" && !w.now.Before(a.Deadline) {
		return a.Hook.DefaultResult
	}
	return a.Result
}

// meant finds the action that is about to answer to a call.
func (w *world) meant(c Call) (Action, bool) {
	for _, i := range w.members {
		actions := i.Actions()
		if slices.ContainsFunc(actions, func(a Action) bool { return w.outcome(a) == Abandon }) {
			continue
		}
		for _, a := range actions {
			if a.Hook.Name == c.Hook && a.Result == "" && (a.Token == c.Token || c.Token == "" && i.ID() == c.InstanceID) {
				return a, true
			}
		}
	}
	return Action{}, false
}

func (w *world) complete() {
	c, ok := w.call()
	if !ok {
		return
	}
	result := Continue
	if w.rng.IntN(4) == 0 {
		result = Abandon
	}
	meant, open := w.meant(c)
	_, err := Complete(w.members, c, result, w.now)
	switch {
	case err == nil && (!open || !w.now.Before(meant.Deadline)):
		w.fail("%+v was honoured; its action: %+v %v", c, meant, open)
	case err == nil && w.honoured[meant.Token]:
		w.fail("token %s was honoured twice", meant.Token)
	case err == nil:
		w.honoured[meant.Token] = true
	case open && w.now.Before(meant.Deadline):
		w.fail("%+v was refused: %s", c, err)
	}
	w.did(fmt.Sprintf("complete %+v %s: %v", c, result, err))
}

func (w *world) heartbeat() {
	c, ok := w.call()
	if !ok {
		return
	}
	i, err := Heartbeat(w.members, c, w.now)
	if err == nil && !w.now.Before(w.waits[i].Add(48*time.Hour)) {
		w.fail("a heartbeat was taken %s after the wait began", w.now.Sub(w.waits[i]))
	}
	w.did(fmt.Sprintf("heartbeat %+v: %v", c, err))
}

// finish lets every move end: hooks get no more answers.
func (w *world) finish() {
	for _, i := range w.members {
		began := w.now
		for {
			w.hold(i)
			v := i.Judge(w.g, w.now)
			w.did(fmt.Sprintf("%s judge at the end", i.ID()))
			if !v.Done {
				w.now = v.Next
				continue
			}
			state := i.State()
			i.Arrive()
			w.did(fmt.Sprintf("%s arrive at the end", i.ID()))
			if i.State() == state {
				break
			}
		}
		if w.now.Sub(began) > 96*time.Hour {
			w.fail("%s needed %s to settle", i.ID(), w.now.Sub(began))
		}
		if s := i.State(); s != InService && !s.Ended() && !s.Resting() && !s.Retained() {
			w.fail("%s ended as %s", i.ID(), s)
		}
	}
}

// TestAnyOrderOfEventsKeepsTheRules plays random sequences of transitions, times,
// completions and heartbeats. Always: states follow each other as AWS draws them, a token is
// honoured at most once and only before its deadline, no deadline lies past the global
// time-out. In the end every instance is in service, gone, at rest or retained.
func TestAnyOrderOfEventsKeepsTheRules(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	ends := map[State]int{}
	for round := range 5000 {
		w := newWorld(t, rand.New(rand.NewPCG(seed, uint64(round))))
		w.log = append(w.log, fmt.Sprintf("seed %d round %d %+v %+v", seed, round, w.g.Hooks, w.g.Pool))
		for range 10 + w.rng.IntN(150) {
			w.step()
		}
		w.finish()
		for _, i := range w.members {
			ends[i.State()]++
		}
	}
	// The sequences must be able to reach every end.
	for _, end := range []State{InService, Terminated, WarmedTerminated, WarmedStopped, WarmedRunning, WarmedHibernated, TerminatingRetained, WarmedPendingRetained, WarmedTerminatingRetained} {
		if ends[end] == 0 {
			t.Errorf("no sequence ended as %s: %v", end, ends)
		}
	}
}
