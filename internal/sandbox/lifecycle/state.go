// Package lifecycle holds EC2 Auto Scaling's rules: the way of one instance through a
// group (states, hooks, lifecycle actions with their tokens, heartbeats and time-outs,
// warm pools, retention), and the choices that a group makes (how many to launch, where,
// and who leaves). It is pure: it has no clock, no goroutine and no cloud. Whoever uses it
// says what time it is, does what was decided, and serializes the calls.
//
// An instance's way is a sequence of moves (EC2 to group, EC2 to warm pool, warm pool to
// group, group to warm pool, and from either to EC2's end). Each move is played alike:
//
//	i := lifecycle.New(id, lifecycle.AutoScalingGroup, group) // Pending
//	…boot the machine…
//	events := i.Hold(group, now)                              // Pending:Wait, if a hook holds it
//	…Complete, Heartbeat and time pass…
//	verdict := i.Judge(group, now)                            // Pending:Proceed once done
//	…do what i.Bound() asks for: register, stop, terminate, nothing…
//	i.Arrive()                                                // InService
//
// and Leave or Start begins the next move.
package lifecycle

import "strings"

// State is an instance's lifecycle state as the API spells it (LifecycleState).
type State string

// Lifecycle states. Those of standby, detaching and root volume replacement are not modelled.
const (
	Pending             State = "Pending"
	PendingWait         State = "Pending:Wait"
	PendingProceed      State = "Pending:Proceed"
	InService           State = "InService"
	Terminating         State = "Terminating"
	TerminatingWait     State = "Terminating:Wait"
	TerminatingProceed  State = "Terminating:Proceed"
	TerminatingRetained State = "Terminating:Retained"
	Terminated          State = "Terminated"

	WarmedPending             State = "Warmed:Pending"
	WarmedPendingWait         State = "Warmed:Pending:Wait"
	WarmedPendingProceed      State = "Warmed:Pending:Proceed"
	WarmedPendingRetained     State = "Warmed:Pending:Retained"
	WarmedStopped             State = "Warmed:Stopped"
	WarmedRunning             State = "Warmed:Running"
	WarmedHibernated          State = "Warmed:Hibernated"
	WarmedTerminating         State = "Warmed:Terminating"
	WarmedTerminatingWait     State = "Warmed:Terminating:Wait"
	WarmedTerminatingProceed  State = "Warmed:Terminating:Proceed"
	WarmedTerminatingRetained State = "Warmed:Terminating:Retained"
	WarmedTerminated          State = "Warmed:Terminated"
)

// Capacity reports whether an instance in this state counts toward the group's desired
// capacity: it is in service or on its way there.
func (s State) Capacity() bool {
	switch s {
	case Pending, PendingWait, PendingProceed, InService:
		return true
	default:
		return false
	}
}

// Warm reports whether an instance in this state counts toward the warm pool's size: it
// rests there or is on its way there.
func (s State) Warm() bool {
	switch s {
	case WarmedPending, WarmedPendingWait, WarmedPendingProceed:
		return true
	default:
		return s.Resting()
	}
}

// Resting reports whether an instance in this state is prepared and can be started.
func (s State) Resting() bool {
	return s == WarmedStopped || s == WarmedRunning || s == WarmedHibernated
}

// InWarmPool reports whether DescribeWarmPool lists an instance in this state;
// DescribeAutoScalingGroups lists the others.
func (s State) InWarmPool() bool { return strings.HasPrefix(string(s), "Warmed:") }

// Waiting reports whether lifecycle hooks hold an instance in this state.
func (s State) Waiting() bool { return strings.HasSuffix(string(s), ":Wait") }

// Retained reports whether an instance in this state was kept from its termination. It
// counts nowhere and stays until somebody terminates it.
func (s State) Retained() bool { return strings.HasSuffix(string(s), ":Retained") }

// Ended reports whether the instance is gone.
func (s State) Ended() bool { return s == Terminated || s == WarmedTerminated }

// Leaving reports whether an instance in this state is on its way to its termination.
func (s State) Leaving() bool {
	return strings.Contains(string(s), "Terminating") && !s.Retained()
}

// Place is where a move begins or ends, as events name it (Origin, Destination).
type Place string

// Places.
const (
	EC2              Place = "EC2"
	AutoScalingGroup Place = "AutoScalingGroup"
	WarmPool         Place = "WarmPool"
)
