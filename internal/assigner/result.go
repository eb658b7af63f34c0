package assigner

import (
	"context"
	"fmt"
	"time"
)

// Outcomes of a Result.
const (
	// OutcomeContinue: the action was completed with CONTINUE.
	OutcomeContinue = "continue"
	// OutcomeAbandon: the action was completed with ABANDON.
	OutcomeAbandon = "abandon"
	// OutcomeReleased: the instance is leaving, what it held is free.
	OutcomeReleased = "released"
	// OutcomeHandedOver: the instance still waits, the next run goes on.
	OutcomeHandedOver = "handed_over"
	// OutcomeIgnored: the event is not ours, or too late to matter.
	OutcomeIgnored = "ignored"
	// OutcomeRepaired: a member in service got the address that it lacked.
	OutcomeRepaired = "repaired"
	// OutcomeMarked: a stray address is noted as such; a later run releases it.
	OutcomeMarked = "marked"
)

// Result is what was done for one instance.
type Result struct {
	InstanceID   string `json:"instance_id,omitempty"`
	Outcome      string `json:"outcome"`
	AllocationID string `json:"allocation_id,omitempty"`
	PublicIP     string `json:"public_ip,omitempty"`
	Reason       string `json:"reason,omitempty"`
}

// HandOverError ends a function call whose instance still waits, in time and with its hook
// kept alive: Lambda's retry, or the next scheduled run, goes on.
type HandOverError struct {
	InstanceID string
	Reason     string
}

func (e *HandOverError) Error() string {
	return fmt.Sprintf("instance %s still waits, the next run goes on: %s", e.InstanceID, e.Reason)
}

// decided writes the one line by which an instance's fate is found in the log, and the decision's
// metrics. since is when what led to the decision began.
func (r *run) decided(ctx context.Context, result Result, since time.Time, err error) {
	took := max(r.now().Sub(since), 0)
	attrs := []any{
		"outcome", result.Outcome, "instance_id", result.InstanceID, "allocation_id", result.AllocationID, "public_ip", result.PublicIP,
		"reason", result.Reason, "group", r.Config.Group, "pool", r.Config.PoolName,
		"conflicts", r.tally.conflicts, "releases", r.tally.releases, "denied", r.tally.denied, "took_ms", took.Milliseconds(),
	}
	switch {
	case err != nil:
		r.Log.WarnContext(ctx, "result", append(attrs, "error", err.Error())...)
	case result.Outcome == OutcomeAbandon:
		r.Log.ErrorContext(ctx, "result", attrs...)
	default:
		r.Log.InfoContext(ctx, "result", attrs...)
	}
	r.emit(ctx, append(decisionMetrics(result.Outcome, result.AllocationID, took), r.tally.metrics()...))
	r.tally = tally{}
}
