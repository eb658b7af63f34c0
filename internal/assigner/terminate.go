package assigner

import (
	"context"
	"fmt"
	"time"
)

// releaseLimit bounds how long a leaving instance is kept for the sake of a clean release.
const releaseLimit = time.Minute

// terminate takes the address back and lets the instance go, whether or not that worked:
// by then the load balancer has drained it, and the end of its interface frees the address too.
func (r *run) terminate(ctx context.Context, act action) (Result, error) {
	arrived := r.now()
	if !act.time.IsZero() && act.time.Before(arrived) {
		arrived = act.time
	}
	deadline := r.now().Add(releaseLimit)
	late := ""
	err := r.Waiter.Until(ctx, "the release of the address of "+act.instanceID, func(ctx context.Context) (string, bool, error) {
		over := r.now().After(deadline) || r.closing()
		state, err := r.lifecycleState(ctx, act.instanceID)
		if err != nil {
			return "unreadable", over, nil //nolint:nilerr // the instance goes on even so
		}
		switch phase := phaseOf(state); {
		case phase == phaseServing, phase == phaseLaunching, state == stateTerminating:
			// The group shows what was before the event, or the event is of an earlier departure: an
			// instance can come back from a warm pool, and then its address is not ours to take.
			if r.now().Sub(arrived) > settle {
				late = fmt.Sprintf("the instance is %s, the event is late", state)
				return state, true, nil
			}
			return state, over, nil
		case phase == phaseAbsent:
			return state, r.releaseEnded(ctx, act.instanceID, "the instance is gone") || over, nil
		}
		return state, r.release(ctx, act.instanceID, "the instance leaves the group") || over, nil
	})
	if err != nil {
		r.Log.WarnContext(ctx, "release cut short", "instance_id", act.instanceID, "error", err.Error())
	}
	if late != "" {
		result := Result{InstanceID: act.instanceID, Outcome: OutcomeIgnored, Reason: late}
		r.decided(ctx, result, arrived, nil)
		return result, nil
	}
	return r.conclude(ctx, act, byTokenOrInstance, "the instance leaves the group")
}

// conclude continues an action whose result no longer depends on anything.
func (r *run) conclude(ctx context.Context, act action, by ways, reason string) (Result, error) {
	result := Result{InstanceID: act.instanceID, Outcome: OutcomeContinue, Reason: reason}
	began := r.now()
	err := r.Waiter.Until(ctx, "the lifecycle action of "+act.instanceID, func(ctx context.Context) (string, bool, error) {
		switch {
		case r.complete(ctx, act, resultContinue, by) != undecided:
			return "", true, nil
		case r.now().After(began.Add(releaseLimit)) || r.closing():
			return "", false, &HandOverError{InstanceID: act.instanceID, Reason: "the lifecycle action could not be completed"}
		}
		return "not completed", false, nil
	})
	if err != nil {
		result.Outcome, result.Reason = OutcomeHandedOver, err.Error()
	}
	r.decided(ctx, result, began, err)
	return result, err
}
