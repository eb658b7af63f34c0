package lifecycle

import (
	"fmt"
	"time"
)

// Action is one hook's hold on one instance.
type Action struct {
	Hook  Hook
	Token string
	// Deadline is when the default result applies; heartbeats move it, but not past End.
	Deadline time.Time
	End      time.Time
	// Result is empty while the action is open.
	Result Result
	// Reason is AWS's text for a Result of ABANDON.
	Reason string
}

// Error is an answer of the API that refuses a call.
type Error struct {
	// Code is AWS's: "ValidationError".
	Code    string
	Message string
}

func (e *Error) Error() string { return e.Code + ": " + e.Message }

func invalid(format string, args ...any) *Error {
	return &Error{Code: "ValidationError", Message: fmt.Sprintf(format, args...)}
}

// Call names the action that a completion or a heartbeat means: a hook's, by its token or,
// without a token, by the instance.
type Call struct {
	Hook       string
	Token      string
	InstanceID string
}

// open finds the call's action among the members of a group. Expired and finished actions
// are not found, nor are those of an instance that is on another move by now, or will be: one ABANDON voids the other actions.
func (c Call) open(members []*Instance, now time.Time) (*Instance, *Action, error) {
	if c.Token == "" && c.InstanceID == "" {
		return nil, nil, invalid("Either LifecycleActionToken or InstanceId is required")
	}
	for _, i := range members {
		if i.abandoned(now) {
			continue
		}
		for _, a := range i.actions {
			fits := a.Token == c.Token
			if c.Token == "" {
				fits = i.id == c.InstanceID
			}
			if fits && a.Hook.Name == c.Hook && a.Result == "" && now.Before(a.Deadline) {
				return i, a, nil
			}
		}
	}
	if c.Token != "" {
		return nil, nil, invalid("No active Lifecycle Action found with token %s", c.Token)
	}
	return nil, nil, invalid("No active Lifecycle Action found with instance ID %s", c.InstanceID)
}

// abandoned reports whether an action of the present wait has ended with ABANDON, be it that nobody has judged it yet.
func (i *Instance) abandoned(now time.Time) bool {
	for _, a := range i.actions {
		if a.Result == Abandon || a.Result == "" && a.Hook.DefaultResult == Abandon && !now.Before(a.Deadline) {
			return true
		}
	}
	return false
}

// Complete is CompleteLifecycleAction for a group with these members. It returns the
// instance whose action it ended, which its keeper shall Judge. The error is an *Error.
func Complete(members []*Instance, c Call, result Result, now time.Time) (*Instance, error) {
	i, a, err := c.open(members, now)
	switch {
	case err != nil:
		return nil, err
	case result != Continue && result != Abandon:
		return nil, invalid("Invalid LifecycleActionResult: %s", result)
	}
	a.Result = result
	if result == Abandon {
		a.Reason = "Lifecycle Action Completed with ABANDON Result"
	}
	return i, nil
}

// Heartbeat is RecordLifecycleActionHeartbeat for a group with these members. It returns
// the instance whose action lasts longer now. The error is an *Error.
func Heartbeat(members []*Instance, c Call, now time.Time) (*Instance, error) {
	i, a, err := c.open(members, now)
	if err != nil {
		return nil, err
	}
	a.Deadline = now.Add(a.Hook.Heartbeat)
	if a.Deadline.After(a.End) {
		a.Deadline = a.End
	}
	return i, nil
}

// DropHook ends the open actions of a hook that was deleted, as DeleteLifecycleHook's
// reference says: ABANDON for launching instances, CONTINUE for terminating ones. It
// reports whether there was one, and the instance shall be judged.
func (i *Instance) DropHook(name string) bool {
	dropped := false
	for _, a := range i.actions {
		if a.Hook.Name != name || a.Result != "" {
			continue
		}
		a.Result, dropped = Continue, true
		if a.Hook.Transition == Launching {
			a.Result, a.Reason = Abandon, "Lifecycle Hook was deleted"
		}
	}
	return dropped
}

// Actions are copies of the actions of the present wait, in the order of the group's hooks.
func (i *Instance) Actions() []Action {
	out := make([]Action, 0, len(i.actions))
	for _, a := range i.actions {
		out = append(out, *a)
	}
	return out
}

func judge(actions []*Action, now time.Time) Verdict {
	v := Verdict{Done: true}
	for _, a := range actions {
		if a.Result == "" && !now.Before(a.Deadline) {
			if a.Result = a.Hook.DefaultResult; a.Result == Abandon {
				a.Reason = "Heartbeat Timeout elapsed"
			}
		}
		switch a.Result {
		case Abandon:
			if v.Abandoned == nil {
				v.Abandoned = a
			}
		case Continue:
		default:
			v.Done = false
			if v.Next.IsZero() || a.Deadline.Before(v.Next) {
				v.Next = a.Deadline
			}
		}
	}
	if v.Abandoned != nil {
		v.Done, v.Next = true, time.Time{}
	}
	return v
}
