package assigner

import (
	"context"
	"encoding/json"
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
)

// Result is what was done for one instance.
type Result struct {
	InstanceID   string `json:"instance_id,omitempty"`
	Outcome      string `json:"outcome"`
	AllocationID string `json:"allocation_id,omitempty"`
	PublicIP     string `json:"public_ip,omitempty"`
	Reason       string `json:"reason,omitempty"`
}

// event is every shape the function is invoked with: EventBridge's envelope, or a
// direct invocation's request.
type event struct {
	DetailType string    `json:"detail-type"`
	Source     string    `json:"source"`
	Time       time.Time `json:"time"`
	Detail     struct {
		Group       string `json:"AutoScalingGroupName"`
		Hook        string `json:"LifecycleHookName"`
		InstanceID  string `json:"EC2InstanceId"`
		Token       string `json:"LifecycleActionToken"`
		Transition  string `json:"LifecycleTransition"`
		Destination string `json:"Destination"`
	} `json:"detail"`
	Reconcile bool `json:"reconcile"`
	Report    bool `json:"report"`
}

// Sources and transitions of the events that the function's rules let through.
const (
	sourceAutoScaling   = "aws.autoscaling"
	detailTypeScheduled = "Scheduled Event"
	launching           = "autoscaling:EC2_INSTANCE_LAUNCHING"
	terminating         = "autoscaling:EC2_INSTANCE_TERMINATING"
)

// Handle serves one invocation: a lifecycle event, a scheduled one, {"reconcile": true} or
// {"report": true}. It answers with a Result, a Reconciliation or a Report. An error means
// that a retry of the same payload is wanted.
func (a *Assigner) Handle(ctx context.Context, payload json.RawMessage) (any, error) {
	var e event
	if err := json.Unmarshal(payload, &e); err != nil {
		// A payload that cannot be read now never can: no retry.
		return a.ignore(ctx, Result{Reason: fmt.Sprintf("the payload is not understood: %s", err)}), nil
	}
	switch {
	case e.Report:
		return a.Report(ctx)
	case e.Reconcile || e.DetailType == detailTypeScheduled:
		return a.Reconcile(ctx)
	case e.Source != sourceAutoScaling || e.Detail.Group != a.Config.Group || e.Detail.InstanceID == "":
		return a.ignore(ctx, Result{InstanceID: e.Detail.InstanceID, Reason: fmt.Sprintf("the event (%q from %q, group %q) is not for this function", e.DetailType, e.Source, e.Detail.Group)}), nil
	}
	act := action{instanceID: e.Detail.InstanceID, hook: e.Detail.Hook, token: e.Detail.Token, destination: e.Detail.Destination, time: e.Time}
	switch {
	case e.Detail.Transition == launching && e.Detail.Hook == a.Config.LaunchHook:
		return a.launch(ctx, act)
	case e.Detail.Transition == terminating && e.Detail.Hook == a.Config.TerminateHook:
		return a.terminate(ctx, act)
	}
	return a.ignore(ctx, Result{InstanceID: act.instanceID, Reason: fmt.Sprintf("hook %q with transition %q is not ours", e.Detail.Hook, e.Detail.Transition)}), nil
}

func (a *Assigner) ignore(ctx context.Context, result Result) Result {
	result.Outcome = OutcomeIgnored
	a.logResult(ctx, result, nil)
	return result
}

// logResult writes the one line by which an instance's fate is found in the log.
func (a *Assigner) logResult(ctx context.Context, r Result, err error) {
	attrs := []any{"outcome", r.Outcome, "instance_id", r.InstanceID, "allocation_id", r.AllocationID, "public_ip", r.PublicIP, "reason", r.Reason, "group", a.Config.Group, "pool", a.Config.PoolName}
	switch {
	case err != nil:
		a.Log.WarnContext(ctx, "result", append(attrs, "error", err.Error())...)
	case r.Outcome == OutcomeAbandon:
		a.Log.ErrorContext(ctx, "result", attrs...)
	default:
		a.Log.InfoContext(ctx, "result", attrs...)
	}
}
