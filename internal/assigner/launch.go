package assigner

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/eiptag"
)

// fresh is how young a launch event must be for the instance to be taken as waiting without a look at the
// group. Whoever reads an older one cannot know what became of the instance since.
const fresh = time.Minute

// wait is one launching instance's wait for its address.
type wait struct {
	action
	// since is when it began, as far as the event tells.
	since time.Time
	// unseen: the group's state has not been looked at, and the event is fresh.
	unseen bool
	// waits: the event is fresh, or the group shows the instance as waiting.
	waits bool
	// address is what this run has seen the instance to hold, verified.
	address *address
	// passed: the action was completed before, and another lifecycle hook holds the instance.
	passed bool
	// refused is when an attempt was first refused; marked, that the instance has its tag.
	refused time.Time
	marked  bool
	result  Result
}

func (r *run) newWait(act action) *wait {
	w := &wait{action: act, since: r.now(), result: Result{InstanceID: act.instanceID}}
	if !act.time.IsZero() {
		// An event of the future is one of a clock that differs from ours.
		age := r.now().Sub(act.time)
		w.since = w.since.Add(-max(age, 0))
		w.unseen = age < fresh && age > -fresh
		w.waits = w.unseen
	}
	return w
}

// ends sets the result. It always reports true.
func (w *wait) ends(outcome, reason string) bool {
	w.result.Outcome, w.result.Reason = outcome, reason
	if w.address != nil && (outcome == OutcomeContinue || outcome == OutcomeReleased) {
		w.result.AllocationID, w.result.PublicIP = w.address.allocationID, w.address.publicIP
	}
	return true
}

// launch gives a launching instance its address and lets it go on, waits for an address
// while that may help, or abandons it with a reason.
func (r *run) launch(ctx context.Context, act action) (Result, error) {
	if act.destination == warmPool {
		// The instance comes back through this hook when it leaves the warm pool. Only the token may
		// be used: by then, its id names the action that needs an address.
		return r.conclude(ctx, act, byToken, "bound for the warm pool, which serves nobody")
	}
	w := r.newWait(act)
	beat := r.now()
	var handOver error
	err := r.Waiter.Until(ctx, "an address for "+act.instanceID, func(ctx context.Context) (string, bool, error) {
		got, done := r.step(ctx, w)
		if done {
			return w.result.Outcome, true, nil
		}
		if r.now().Sub(beat) >= r.Config.heartbeatEvery() && r.heartbeat(ctx, act) {
			beat = r.now()
		}
		if r.closing() {
			r.heartbeat(ctx, act)
			handOver = &HandOverError{InstanceID: act.instanceID, Reason: got.reason}
			return "handing over", true, nil
		}
		// No reason in the state: it may hold a request's id, and a new state polls fast again.
		return "waiting", false, nil
	})
	if handOver != nil {
		err = handOver
	}
	if err != nil {
		w.ends(OutcomeHandedOver, err.Error())
	}
	r.decided(ctx, w.result, w.since, err)
	return w.result, err
}

// step makes one attempt for a launching instance and acts on it. It reports whether there
// is nothing more to do; w.result then says what was done.
func (r *run) step(ctx context.Context, w *wait) (attempt, bool) {
	if w.unseen {
		w.unseen = false
		got := r.try(ctx, w.instanceID, standingUnknown)
		if got.verdict != unclear && got.verdict != refused {
			return r.act(ctx, w, got)
		}
	}
	state, err := r.lifecycleState(ctx, w.instanceID)
	if err != nil {
		return r.act(ctx, w, failed(instance{}, err))
	}
	if phaseOf(state) != phaseLaunching {
		return r.beyond(ctx, w, state, attempt{})
	}
	w.waits = true
	return r.act(ctx, w, r.try(ctx, w.instanceID, standingLaunching))
}

// act does what follows from an attempt.
func (r *run) act(ctx context.Context, w *wait, got attempt) (attempt, bool) {
	switch got.verdict {
	case held:
		w.address = &got.address
		return r.finish(ctx, w, got, resultContinue)
	case gone:
		if !r.release(ctx, w.instanceID, got.reason) {
			return got, false
		}
		return got, w.ends(OutcomeReleased, got.reason)
	case refused, waiting, unclear:
	}
	reason, hopeless := r.hopeless(w, got)
	if !hopeless {
		return got, false
	}
	got.reason = reason
	if w.waits && !w.marked {
		w.marked = r.tag(ctx, w.instanceID, []types.Tag{{Key: aws.String(eiptag.Abandoned), Value: aws.String(eiptag.Note(r.now(), reason))}})
	}
	return r.finish(ctx, w, got, resultAbandon)
}

// finish completes the action, or finds out why there is nothing to complete.
func (r *run) finish(ctx context.Context, w *wait, got attempt, lifecycleResult string) (attempt, bool) {
	by := byToken
	if w.waits {
		by = byTokenOrInstance
	}
	switch r.complete(ctx, w.action, lifecycleResult, by) {
	case completed:
		if lifecycleResult == resultContinue {
			return got, w.ends(OutcomeContinue, "")
		}
		r.release(ctx, w.instanceID, "its launch is abandoned")
		return got, w.ends(OutcomeAbandon, got.reason)
	case inactive:
		state, err := r.lifecycleState(ctx, w.instanceID)
		if err != nil {
			got.reason = err.Error()
			return got, false
		}
		return r.beyond(ctx, w, state, got)
	case undecided:
	}
	got.reason = "the lifecycle action is not completed yet"
	return got, false
}

// beyond deals with an instance whose group does not show it as waiting for this hook.
func (r *run) beyond(ctx context.Context, w *wait, state string, got attempt) (attempt, bool) {
	got.reason = fmt.Sprintf("instance %s is %q in group %s", w.instanceID, state, r.Config.Group)
	age := r.now().Sub(w.since)
	switch phase := phaseOf(state); {
	case phase == phaseLaunching && w.address != nil:
		w.passed = true
		return got, w.ends(OutcomeIgnored, "the instance has its address and waits for another lifecycle hook")
	case phase == phaseLaunching:
		return got, false
	case phase == phaseServing && w.address != nil:
		return got, w.ends(OutcomeContinue, "the action was completed before")
	case phase == phaseServing:
		return got, w.ends(OutcomeIgnored, fmt.Sprintf("the instance is %s, the event is late", state))
	case phase == phaseAbsent && age <= visible, age <= settle:
		// The group may show what was before this launch.
		return got, false
	case phase == phaseAbsent:
		// It may have been detached, and then keeps what it has.
		if !r.releaseEnded(ctx, w.instanceID, "the instance is gone") {
			return got, false
		}
		return got, w.ends(OutcomeIgnored, "the group does not have the instance")
	case w.address != nil && state != stateTerminating:
		// This run gave it the address, maybe after the release at its end. In Terminating it would be before.
		if !r.release(ctx, w.instanceID, "the instance left while it got its address") {
			return got, false
		}
		return got, w.ends(OutcomeReleased, "the instance left while it got its address")
	}
	return got, w.ends(OutcomeIgnored, fmt.Sprintf("the instance is %s: what it holds is released on its way out", state))
}

// hopeless reports whether an attempt that did not succeed is the last one, and why.
func (r *run) hopeless(w *wait, got attempt) (string, bool) {
	began := w.since
	if !got.instance.launched.IsZero() {
		began = got.instance.launched
	}
	age := r.now().Sub(began)
	if got.verdict == refused && w.refused.IsZero() {
		w.refused = r.now()
	}
	switch {
	// Not at the first look: what looks foreign may be an address that the pool's listing does not show yet.
	case got.verdict == refused && (age > visible || r.now().Sub(w.refused) > settle):
		return got.reason, true
	case got.denied && age > deniedGrace:
		return "the function's role is refused, and not by propagation any more: " + got.reason, true
	case age > r.Config.claimBudget():
		return fmt.Sprintf("no address within %s of the launch: %s", r.Config.claimBudget(), got.reason), true
	}
	return "", false
}
