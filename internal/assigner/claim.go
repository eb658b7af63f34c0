package assigner

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
)

// verdict is what one attempt to give an instance its address found.
type verdict int

const (
	// waiting: nothing is wrong that time may not mend.
	waiting verdict = iota
	// held: the instance has exactly one address of the pool, read back.
	held
	// gone: the instance is shutting down or terminated.
	gone
	// refused: the instance must not serve, and waiting does not help.
	refused
)

// attempt is the outcome of one try.
type attempt struct {
	verdict verdict
	address address
	// reason says in a sentence why the instance does not have its address.
	reason string
	// instance is the zero value when EC2 did not show it.
	instance instance
	// denied: IAM refused a call.
	denied bool
}

// try makes one pass over the pool for an instance. With serving true the instance
// takes traffic already: nothing that it holds is taken away but a second address.
func (a *Assigner) try(ctx context.Context, instanceID string, serving bool) attempt {
	instances, err := a.describeInstances(ctx, instanceID)
	if err != nil {
		return failed(instance{}, err)
	}
	i, visible := instances[instanceID]
	switch {
	case !visible:
		return attempt{reason: fmt.Sprintf("EC2 does not show instance %s", instanceID)}
	case i.leaving():
		return attempt{verdict: gone, instance: i, reason: fmt.Sprintf("instance %s is %s", instanceID, i.state)}
	case i.state != "running" || i.primary == "":
		return attempt{instance: i, reason: fmt.Sprintf("instance %s is %s and has the primary interface %q", instanceID, i.state, i.primary)}
	}
	pool, err := a.describePool(ctx)
	if err != nil {
		return failed(i, err)
	}
	if kept, ok := a.keep(ctx, i, own(pool, i), serving); ok {
		return attempt{verdict: held, instance: i, address: kept}
	}
	if ip := i.pooledAddress(pool); ip != "" {
		// One of the two listings is stale. Claiming now could swap the address of a live proxy.
		return attempt{instance: i, reason: fmt.Sprintf("EC2 shows %s on interface %s and not in the pool's listing", ip, i.primary)}
	}
	if ip := i.foreignAddress(pool); ip != "" {
		return attempt{verdict: refused, instance: i, reason: fmt.Sprintf("interface %s has the Elastic IP %s, which is not of pool %s; a foreign address is never swapped", i.primary, ip, a.Config.PoolName)}
	}
	return a.claim(ctx, i, pool)
}

// keep decides which of the addresses that i holds it keeps, and releases the others: a second
// one always, one that it must not serve from unless it already does.
func (a *Assigner) keep(ctx context.Context, i instance, owned []address, serving bool) (address, bool) {
	var kept *address
	for _, candidate := range owned {
		switch {
		case kept == nil && (serving || candidate.servable()):
			kept = &candidate
		case kept == nil:
			a.disassociate(ctx, candidate, fmt.Sprintf("released by %s: the address is not admitted or has left the pool", i.id))
		default:
			a.disassociate(ctx, candidate, fmt.Sprintf("released by %s: it also holds %s", i.id, kept.publicIP))
		}
	}
	if kept == nil {
		return address{}, false
	}
	return *kept, true
}

// claim walks the free addresses until one is i's, verified.
func (a *Assigner) claim(ctx context.Context, i instance, pool []address) attempt {
	last := attempt{instance: i, reason: a.shortage(pool)}
	for _, candidate := range candidates(pool, i.id) {
		_, err := a.EC2.AssociateAddress(ctx, &ec2.AssociateAddressInput{
			AllocationId:       aws.String(candidate.allocationID),
			NetworkInterfaceId: aws.String(i.primary),
			// Sent even though it is false: EC2's default in a VPC is to take the
			// address away from whoever has it.
			AllowReassociation: aws.Bool(false),
		})
		if err != nil {
			err = fmt.Errorf("associating %s (%s) with %s of %s: %w", candidate.allocationID, candidate.publicIP, i.primary, i.id, err)
			a.Log.InfoContext(ctx, "address not claimed", "instance_id", i.id, "allocation_id", candidate.allocationID, "error", err.Error())
			last = failed(i, err)
			if f := classify(err); f == faultTaken || f == faultAddress {
				continue
			}
			return last
		}
		confirmed, reason := a.confirm(ctx, i, candidate)
		if confirmed != nil {
			a.note(ctx, confirmed.allocationID, "claimed by "+i.id)
			return attempt{verdict: held, instance: i, address: *confirmed}
		}
		last = attempt{instance: i, reason: reason}
	}
	return last
}

// confirm reads the pool until it shows exactly one address at i, or another
// holder of the claimed one, or the time that reads may lag is over.
func (a *Assigner) confirm(ctx context.Context, i instance, claimed address) (*address, string) {
	deadline := a.now().Add(settle)
	var confirmed *address
	reason := fmt.Sprintf("EC2 accepted %s for %s but does not show the association", claimed.allocationID, i.id)
	err := a.Waiter.Until(ctx, fmt.Sprintf("%s to show %s", claimed.allocationID, i.primary), func(ctx context.Context) (string, bool, error) {
		late := a.now().After(deadline) || a.closing(ctx)
		pool, err := a.describePool(ctx)
		if err != nil {
			reason = err.Error()
			return "unreadable", late, nil //nolint:nilerr // a later look may succeed; reason keeps what was wrong
		}
		owned := own(pool, i)
		switch {
		case len(owned) == 1 && owned[0].servable():
			confirmed = &owned[0]
			return "confirmed", true, nil
		case len(owned) > 0:
			reason = fmt.Sprintf("%s holds %d addresses, the first of them %s, and keeps one that it may serve from", i.id, len(owned), owned[0].allocationID)
			return "to be tidied", true, nil
		}
		for _, member := range pool {
			if member.allocationID == claimed.allocationID && !member.free() {
				reason = fmt.Sprintf("%s was won by %s", claimed.allocationID, member.interfaceID)
				return "lost", true, nil
			}
		}
		return "not visible", late, nil
	})
	if err != nil {
		reason = err.Error()
	}
	return confirmed, reason
}

// failed is the attempt that err ended.
func failed(i instance, err error) attempt {
	return attempt{instance: i, reason: err.Error(), denied: classify(err) == faultDenied}
}

// hopeless reports whether an attempt that did not succeed is the last one, and why.
func (a *Assigner) hopeless(got attempt, started time.Time) (string, bool) {
	age := a.now().Sub(started)
	switch {
	case got.verdict == refused:
		return got.reason, true
	case got.denied && age > deniedGrace:
		return "the function's role is refused, and not by propagation any more: " + got.reason, true
	case age > a.Config.claimBudget():
		return fmt.Sprintf("no address within %s of the launch: %s", a.Config.claimBudget(), got.reason), true
	}
	return "", false
}

// startOf is when the instance's wait began: its launch as EC2 knows it, else fallback.
func startOf(got attempt, fallback time.Time) time.Time {
	if got.instance.launched.IsZero() {
		return fallback
	}
	return got.instance.launched
}

// launch gives a launching instance its address and lets it go on, waits for an address
// while that may help, or abandons it with a reason.
func (a *Assigner) launch(ctx context.Context, act action) (Result, error) {
	if act.destination == warmPool {
		// The instance comes back through this hook when it leaves the warm pool.
		return a.conclude(ctx, act, resultContinue, "bound for the warm pool, which serves nobody")
	}
	arrived := a.now()
	if !act.time.IsZero() {
		arrived = act.time
	}
	result := Result{InstanceID: act.instanceID}
	beat := a.now()
	var handOver error
	err := a.Waiter.Until(ctx, "an address for "+act.instanceID, func(ctx context.Context) (string, bool, error) {
		got, done := a.step(ctx, act, arrived, &result)
		if done {
			return result.Outcome, true, nil
		}
		if a.now().Sub(beat) >= a.Config.heartbeatEvery() && a.heartbeat(ctx, act) {
			beat = a.now()
		}
		if a.closing(ctx) {
			a.heartbeat(ctx, act)
			handOver = &HandOverError{InstanceID: act.instanceID, Reason: got.reason}
			return "handing over", true, nil
		}
		// No reason in the state: it may hold a request's id, and a new state polls fast again.
		return "waiting", false, nil
	})
	if handOver != nil {
		result.Outcome, result.Reason, err = OutcomeHandedOver, handOver.Error(), handOver
	}
	a.logResult(ctx, result, err)
	return result, err
}

// step makes one attempt for a launching instance and acts on it. It reports whether there
// is nothing more to do; result then says what was done.
func (a *Assigner) step(ctx context.Context, act action, arrived time.Time, result *Result) (attempt, bool) {
	state, err := a.lifecycleState(ctx, act.instanceID)
	if err != nil {
		got := failed(instance{}, err)
		return a.orAbandon(ctx, act, got, arrived, result)
	}
	switch phaseOf(state) {
	case phaseLeaving:
		return attempt{}, a.setFree(ctx, act, result, fmt.Sprintf("instance is %s", state))
	case phaseServing, phaseWarm:
		*result = Result{InstanceID: act.instanceID, Outcome: OutcomeIgnored, Reason: fmt.Sprintf("the instance is %s, the event is late", state)}
		return attempt{}, true
	case phaseAbsent:
		if a.now().Sub(arrived) <= visible {
			return attempt{reason: "Auto Scaling does not show instance " + act.instanceID}, false
		}
		// It may have been detached, and then keeps what it has.
		*result = Result{InstanceID: act.instanceID, Outcome: OutcomeIgnored, Reason: "the group does not have the instance"}
		return attempt{}, true
	case phaseLaunching:
	}
	got := a.try(ctx, act.instanceID, false)
	switch got.verdict {
	case held:
		switch a.complete(ctx, act, resultContinue) {
		case completed:
			*result = Result{InstanceID: act.instanceID, Outcome: OutcomeContinue, AllocationID: got.address.allocationID, PublicIP: got.address.publicIP}
			return got, true
		case overtaken:
			return got, a.setFree(ctx, act, result, "the instance left while it got its address")
		case pending:
		}
		got.reason = "the lifecycle action is not completed yet"
		return got, false
	case gone:
		return got, a.setFree(ctx, act, result, got.reason)
	case waiting, refused:
	}
	return a.orAbandon(ctx, act, got, arrived, result)
}

// orAbandon ends the wait of an instance for which there is no hope left.
func (a *Assigner) orAbandon(ctx context.Context, act action, got attempt, arrived time.Time, result *Result) (attempt, bool) {
	reason, last := a.hopeless(got, startOf(got, arrived))
	if !last {
		return got, false
	}
	a.release(ctx, act.instanceID, "its launch is abandoned")
	if a.complete(ctx, act, resultAbandon) == pending {
		return got, false
	}
	*result = Result{InstanceID: act.instanceID, Outcome: OutcomeAbandon, Reason: reason}
	return got, true
}

// setFree takes back what an instance that is going holds. It reports whether all is free.
func (a *Assigner) setFree(ctx context.Context, act action, result *Result, reason string) bool {
	*result = Result{InstanceID: act.instanceID, Outcome: OutcomeReleased, Reason: reason}
	return a.release(ctx, act.instanceID, reason)
}
