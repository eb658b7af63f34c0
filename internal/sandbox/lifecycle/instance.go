package lifecycle

import (
	"time"

	"github.com/google/uuid"
)

// phase is how far an instance is in its present move.
type phase int

const (
	// moving: the machine boots or drains; hooks have not been asked yet.
	moving phase = iota
	waiting
	proceeding
	arrived
	retained
)

// Instance is a member of a group. It is not safe for concurrent use.
type Instance struct {
	id           string
	from, to     Place
	phase        phase
	actions      []*Action
	rest         State
	skipHooks    bool
	retain       bool
	wasInService bool
}

// New is an instance that was just launched into the group (Pending) or its warm pool
// (Warmed:Pending). The state that the pool keeps its instances in is g's of now.
func New(id string, to Place, g Group) *Instance {
	return &Instance{id: id, from: EC2, to: to, rest: g.Pool.restingState()}
}

// ID is the instance's id.
func (i *Instance) ID() string { return i.id }

// From is where the present move began, or EC2 before the first.
func (i *Instance) From() Place { return i.from }

// To is where the present move leads.
func (i *Instance) To() Place { return i.to }

// Transition is what hooks are asked in the present move. An instance that goes to the
// warm pool from its group is asked by the terminate hooks.
func (i *Instance) Transition() Transition {
	if i.from == AutoScalingGroup || i.to == EC2 {
		return Termination
	}
	return Launching
}

// WasInService reports whether the instance has been in service since it was launched or
// last rested in the warm pool: whether a load balancer may know it. It holds until the
// move that takes the instance out has arrived.
func (i *Instance) WasInService() bool { return i.wasInService }

// SkipsHooks reports whether the instance leaves without its terminate hooks.
func (i *Instance) SkipsHooks() bool { return i.to == EC2 && i.skipHooks }

// State is the instance's lifecycle state.
func (i *Instance) State() State {
	base := Pending
	switch {
	case i.to == WarmPool:
		base = WarmedPending
	case i.to == EC2 && i.from == WarmPool:
		base = WarmedTerminating
	case i.to == EC2:
		base = Terminating
	}
	switch i.phase {
	case waiting:
		return base + ":Wait"
	case proceeding:
		return base + ":Proceed"
	case retained:
		return base + ":Retained"
	case arrived:
		return i.end()
	default:
		return base
	}
}

// end is where the present move ends if nothing is abandoned.
func (i *Instance) end() State {
	switch {
	case i.to == AutoScalingGroup:
		return InService
	case i.to == WarmPool:
		return i.rest
	case i.from == WarmPool:
		return WarmedTerminated
	default:
		return Terminated
	}
}

// Bound is the state that Arrive would bring the instance to: what its keeper has to do
// before that follows from it.
func (i *Instance) Bound() State {
	if i.phase == retained || i.retain {
		last := *i
		last.phase = retained
		return last.State()
	}
	return i.end()
}

// Hold asks the hooks of the present move: it opens one action per hook and returns their
// events, and the instance waits. Without hooks nothing changes and nothing is returned.
func (i *Instance) Hold(g Group, now time.Time) []Event {
	if i.phase != moving || i.SkipsHooks() {
		return nil
	}
	token := g.NewToken
	if token == nil {
		token = uuid.NewString
	}
	var events []Event
	for _, h := range g.Hooks {
		if h.Transition != i.Transition() {
			continue
		}
		a := &Action{Hook: h, Token: token(), Deadline: now.Add(h.Heartbeat), End: now.Add(h.GlobalTimeout())}
		i.actions = append(i.actions, a)
		events = append(events, i.event(g, a))
	}
	if len(events) > 0 {
		i.phase = waiting
	}
	return events
}

// Verdict is what an instance's wait amounts to at a time.
type Verdict struct {
	// Done: the instance does not wait (any more).
	Done bool
	// Abandoned is the action that ended the wait just now, if one was abandoned. After an
	// abandoned launch the instance has begun to leave.
	Abandoned *Action
	// Next is when the earliest open action runs out; zero when Done.
	Next time.Time
}

// Judge applies time-outs and ends the wait when every action has a CONTINUE, or any an
// ABANDON:
//   - an abandoned launch sends the instance away;
//   - an abandoned termination goes on, the other hooks unasked, to its end, or to a
//     retained state if the group wants that;
//   - an abandoned return to the warm pool goes on likewise.
func (i *Instance) Judge(g Group, now time.Time) Verdict {
	if i.phase != waiting {
		return Verdict{Done: true}
	}
	v := judge(i.actions, now)
	if i.SkipsHooks() {
		v = Verdict{Done: true}
	}
	if !v.Done {
		return v
	}
	i.phase, i.actions = proceeding, nil
	if v.Abandoned == nil {
		return v
	}
	if i.Transition() == Launching {
		i.Leave(g, Departure{SkipHooks: !g.TerminateHooksAfterAbandon})
		return v
	}
	i.retain = g.RetainOnAbandon
	return v
}

// NextDeadline is when Judge may next have something to say without a completion; false
// when the instance does not wait.
func (i *Instance) NextDeadline() (time.Time, bool) {
	var next time.Time
	for _, a := range i.actions {
		if a.Result == "" && (next.IsZero() || a.Deadline.Before(next)) {
			next = a.Deadline
		}
	}
	return next, !next.IsZero()
}

// Arrive ends the present move and returns the state that the instance is in now, which is
// Bound's. It does nothing to an instance whose hooks hold it.
func (i *Instance) Arrive() State {
	switch {
	case i.phase == waiting:
	case i.retain:
		i.phase, i.retain, i.wasInService = retained, false, false
	case i.phase != retained:
		i.phase = arrived
		i.wasInService = i.to == AutoScalingGroup
	}
	return i.State()
}

// Departure says how an instance leaves.
type Departure struct {
	// SkipHooks: no terminate hook holds it, and one that does lets it go.
	SkipHooks bool
	// Reuse: it returns to the warm pool, if it is in service.
	Reuse bool
}

// Leave sends the instance away; the actions that hold it are void. It returns false if the
// instance is leaving already, in which case SkipHooks still counts. A retained instance
// leaves anew, and its hooks are asked anew.
func (i *Instance) Leave(g Group, d Departure) bool {
	state := i.State()
	switch {
	case state.Ended():
		return false
	case state.Leaving():
		if d.SkipHooks {
			i.skipHooks, i.retain = true, false
		}
		return false
	}
	if d.Reuse && state == InService {
		i.begin(AutoScalingGroup, WarmPool)
		i.rest = g.Pool.restingState()
		return true
	}
	from := AutoScalingGroup
	if state.InWarmPool() {
		from = WarmPool
	}
	i.begin(from, EC2)
	i.skipHooks = d.SkipHooks
	return true
}

// Start takes the instance out of the warm pool into the group. It returns false for one
// that does not rest there.
func (i *Instance) Start() bool {
	if !i.State().Resting() {
		return false
	}
	i.begin(WarmPool, AutoScalingGroup)
	return true
}

func (i *Instance) begin(from, to Place) {
	i.from, i.to, i.phase, i.actions, i.retain = from, to, moving, nil, false
}
