package assigner

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
)

// action is one lifecycle action of one instance.
type action struct {
	instanceID, hook string
	// token names the action; empty when the reconciler found the instance by looking.
	token string
	// destination is where the instance is bound; empty in a group without a warm pool.
	destination string
	// time is when the event was made; zero when there was none.
	time time.Time
}

// warmPool is the destination of an instance that does not enter service.
const warmPool = "WarmPool"

// Results of a lifecycle action.
const (
	resultContinue = "CONTINUE"
	resultAbandon  = "ABANDON"
)

// phase is what a lifecycle state means for an address.
type phase int

const (
	// phaseServing: past the launch hook, or in a state that we do not know. Neither claims.
	phaseServing phase = iota
	phaseLaunching
	phaseLeaving
	phaseWarm
	// phaseAbsent: the group does not have the instance.
	phaseAbsent
)

func phaseOf(state string) phase {
	switch {
	case state == "":
		return phaseAbsent
	case state == "Pending", state == statePendingWait:
		return phaseLaunching
	case strings.Contains(state, "Terminat"):
		return phaseLeaving
	case strings.HasPrefix(state, "Warmed:"):
		return phaseWarm
	}
	return phaseServing
}

// Lifecycle states that the assigner acts on.
const (
	statePendingWait     = "Pending:Wait"
	stateTerminatingWait = "Terminating:Wait"
	stateInService       = "InService"
)

// lifecycleState asks the group for one instance's state; "" when it does not have it.
func (a *Assigner) lifecycleState(ctx context.Context, instanceID string) (string, error) {
	out, err := a.AutoScaling.DescribeAutoScalingInstances(ctx, &autoscaling.DescribeAutoScalingInstancesInput{InstanceIds: []string{instanceID}})
	if err != nil {
		return "", fmt.Errorf("reading the lifecycle state of %s: %w", instanceID, err)
	}
	for _, i := range out.AutoScalingInstances {
		if aws.ToString(i.InstanceId) == instanceID && aws.ToString(i.AutoScalingGroupName) == a.Config.Group {
			return aws.ToString(i.LifecycleState), nil
		}
	}
	return "", nil
}

// completion is how an attempt to complete a lifecycle action ended.
type completion int

const (
	// pending: it may be tried again.
	pending completion = iota
	// completed: by us now, or by somebody before with the instance past the hook.
	completed
	// overtaken: the instance is leaving or gone, its launch has nothing to complete.
	overtaken
)

// complete tells Auto Scaling how the action ended: by token, then, since the token of a redelivered
// event may be another action's, by instance. When neither is active the state decides; it is never an error.
func (a *Assigner) complete(ctx context.Context, act action, result string) completion {
	tokens := []string{act.token}
	if act.token != "" {
		tokens = append(tokens, "")
	}
	for _, token := range tokens {
		in := &autoscaling.CompleteLifecycleActionInput{
			AutoScalingGroupName:  aws.String(a.Config.Group),
			LifecycleHookName:     aws.String(act.hook),
			LifecycleActionResult: aws.String(result),
		}
		if token != "" {
			in.LifecycleActionToken = aws.String(token)
		} else {
			in.InstanceId = aws.String(act.instanceID)
		}
		_, err := a.AutoScaling.CompleteLifecycleAction(ctx, in)
		if err == nil {
			return completed
		}
		a.Log.InfoContext(ctx, "lifecycle action not completed", "instance_id", act.instanceID, "hook", act.hook, "result", result, "by_token", token != "", "error", err.Error())
		if classify(err) != faultInactive {
			return pending
		}
	}
	state, err := a.lifecycleState(ctx, act.instanceID)
	if err != nil {
		a.Log.WarnContext(ctx, "lifecycle state unknown", "instance_id", act.instanceID, "error", err.Error())
		return pending
	}
	switch phaseOf(state) {
	case phaseLaunching:
		return pending
	case phaseLeaving, phaseAbsent:
		return overtaken
	default:
		return completed
	}
}

// heartbeat keeps a waiting action alive. It reports whether nothing is left to do for now: a call
// that failed has to be made again, one for an action that has ended has not, since the next
// look at the group's state tells what became of the instance.
func (a *Assigner) heartbeat(ctx context.Context, act action) bool {
	in := &autoscaling.RecordLifecycleActionHeartbeatInput{
		AutoScalingGroupName: aws.String(a.Config.Group),
		LifecycleHookName:    aws.String(act.hook),
	}
	if act.token != "" {
		in.LifecycleActionToken = aws.String(act.token)
	} else {
		in.InstanceId = aws.String(act.instanceID)
	}
	_, err := a.AutoScaling.RecordLifecycleActionHeartbeat(ctx, in)
	if err != nil {
		a.Log.InfoContext(ctx, "heartbeat not recorded", "instance_id", act.instanceID, "hook", act.hook, "error", err.Error())
	}
	return err == nil || classify(err) == faultInactive
}

// release takes back every address of the pool that an instance holds; true when none is left.
// It fails only for now: the next run, or the end of the interface, frees the address.
func (a *Assigner) release(ctx context.Context, instanceID, reason string) bool {
	instances, err := a.describeInstances(ctx, instanceID)
	if err != nil {
		a.Log.WarnContext(ctx, "addresses not released yet", "instance_id", instanceID, "error", err.Error())
		return false
	}
	i, ok := instances[instanceID]
	if !ok {
		i = instance{id: instanceID}
	}
	pool, err := a.describePool(ctx)
	if err != nil {
		a.Log.WarnContext(ctx, "addresses not released yet", "instance_id", instanceID, "error", err.Error())
		return false
	}
	free := true
	for _, held := range own(pool, i) {
		free = a.disassociate(ctx, held, fmt.Sprintf("released by %s: %s", instanceID, reason)) && free
	}
	return free
}

// disassociate undoes one association, as read just before. An association id names that one
// association, so a newer holder of the address is never touched.
func (a *Assigner) disassociate(ctx context.Context, held address, reason string) bool {
	_, err := a.EC2.DisassociateAddress(ctx, &ec2.DisassociateAddressInput{AssociationId: aws.String(held.associationID)})
	if err != nil && !alreadyReleased(err) {
		a.Log.WarnContext(ctx, "address not released yet", "allocation_id", held.allocationID, "association_id", held.associationID, "error", err.Error())
		return false
	}
	a.Log.InfoContext(ctx, "address released", "allocation_id", held.allocationID, "reason", reason)
	a.note(ctx, held.allocationID, reason)
	return true
}

// releaseLimit bounds how long a leaving instance is kept for the sake of a clean release.
const releaseLimit = time.Minute

// terminate takes the address back and lets the instance go, whether or not that worked:
// by then the load balancer has drained it, and the end of its interface frees the address too.
func (a *Assigner) terminate(ctx context.Context, act action) (Result, error) {
	deadline := a.now().Add(releaseLimit)
	err := a.Waiter.Until(ctx, "the release of the address of "+act.instanceID, func(ctx context.Context) (string, bool, error) {
		free := a.release(ctx, act.instanceID, "the instance leaves the group")
		return "", free || a.now().After(deadline) || a.closing(ctx), nil
	})
	if err != nil {
		a.Log.WarnContext(ctx, "release cut short", "instance_id", act.instanceID, "error", err.Error())
	}
	return a.conclude(ctx, act, resultContinue, "the instance leaves the group")
}

// conclude completes an action whose result no longer depends on anything.
func (a *Assigner) conclude(ctx context.Context, act action, lifecycleResult, reason string) (Result, error) {
	result := Result{InstanceID: act.instanceID, Outcome: OutcomeContinue, Reason: reason}
	deadline := a.now().Add(releaseLimit)
	err := a.Waiter.Until(ctx, "the lifecycle action of "+act.instanceID, func(ctx context.Context) (string, bool, error) {
		if a.complete(ctx, act, lifecycleResult) != pending {
			return "", true, nil
		}
		if a.now().After(deadline) || a.closing(ctx) {
			return "", false, &HandOverError{InstanceID: act.instanceID, Reason: "the lifecycle action could not be completed"}
		}
		return "not completed", false, nil
	})
	if err != nil {
		result.Outcome = OutcomeHandedOver
	}
	a.logResult(ctx, result, err)
	return result, err
}
