package lifecycle

import "time"

// Transition is what a hook waits for, as the API spells it (LifecycleTransition).
type Transition string

// Transitions.
const (
	Launching   Transition = "autoscaling:EC2_INSTANCE_LAUNCHING"
	Termination Transition = "autoscaling:EC2_INSTANCE_TERMINATING"
)

// Result is how a lifecycle action ends (LifecycleActionResult, DefaultResult).
type Result string

// Results.
const (
	Continue Result = "CONTINUE"
	Abandon  Result = "ABANDON"
)

// Bounds of a hook, by the API reference of PutLifecycleHook and the quotas page.
const (
	DefaultHeartbeat = time.Hour
	MinHeartbeat     = 30 * time.Second
	MaxHeartbeat     = 2 * time.Hour
	// MaxHooks is the number of hooks that a group may have.
	MaxHooks = 50
)

// Hook is a lifecycle hook of a group.
type Hook struct {
	Name       string
	Transition Transition
	// Heartbeat is how long an action lasts without a heartbeat.
	Heartbeat            time.Duration
	DefaultResult        Result
	NotificationMetadata string
}

// GlobalTimeout is the longest time that heartbeats can keep an instance waiting: 100
// heartbeats or 48 hours, whichever is less.
func (h Hook) GlobalTimeout() time.Duration { return min(100*h.Heartbeat, 48*time.Hour) }

// Group is what the rules need to know of an instance's group.
type Group struct {
	Name  string
	Hooks []Hook
	// Pool is the group's warm pool; nil for none. Only groups that have one say in their
	// events where an instance comes from and goes to.
	Pool *Pool
	// RetainOnAbandon is InstanceLifecyclePolicy's RetentionTriggers.TerminateHookAbandon=retain.
	RetainOnAbandon bool
	// TerminateHooksAfterAbandon runs terminate hooks for an instance whose launch hook was
	// abandoned. AWS's documents do not say whether it does.
	TerminateHooksAfterAbandon bool
	// NewToken makes a lifecycle action's token; nil makes random UUIDs, as AWS does.
	NewToken func() string
}

// PoolState is what a warm pool's instances are while they rest.
type PoolState string

// States of a pool.
const (
	Stopped    PoolState = "Stopped"
	Running    PoolState = "Running"
	Hibernated PoolState = "Hibernated"
)

// Pool is a warm pool's configuration.
type Pool struct {
	MinSize int
	// MaxPrepared bounds the instances of group and pool together
	// (MaxGroupPreparedCapacity); less than zero stands for the group's maximum size.
	MaxPrepared int
	// State is what instances that enter the pool from now on will rest in; empty is Stopped.
	State PoolState
	// ReuseOnScaleIn returns instances to the pool when the group shrinks.
	ReuseOnScaleIn bool
	// Deleting is set by DeleteWarmPool: the pool empties and takes nothing in.
	Deleting bool
}

// Size is how many instances the pool shall hold beside a group of these sizes.
func (p Pool) Size(desired, most int) int {
	if p.Deleting {
		return 0
	}
	prepared := p.MaxPrepared
	if prepared < 0 {
		prepared = most
	}
	return max(p.MinSize, prepared-desired, 0)
}

// Reuses reports whether a group with this pool (nil for none) returns instances to it on scale-in.
func (p *Pool) Reuses() bool { return p != nil && p.ReuseOnScaleIn && !p.Deleting }

func (p *Pool) restingState() State {
	if p == nil {
		return WarmedStopped
	}
	switch p.State {
	case Running:
		return WarmedRunning
	case Hibernated:
		return WarmedHibernated
	default:
		return WarmedStopped
	}
}
