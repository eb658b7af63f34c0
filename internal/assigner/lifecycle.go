package assigner

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
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
	case strings.HasPrefix(state, "Warmed:"):
		return phaseWarm
	case strings.Contains(state, "Terminat"):
		return phaseLeaving
	}
	return phaseServing
}

// Lifecycle states that the assigner acts on.
const (
	statePendingWait = "Pending:Wait"
	// stateTerminating is that of an instance whose connections still drain.
	stateTerminating         = "Terminating"
	stateTerminatingWait     = "Terminating:Wait"
	stateTerminatingRetained = "Terminating:Retained"
	stateInService           = "InService"
)

// maxInstanceIDs is how many instances one DescribeAutoScalingInstances takes.
const maxInstanceIDs = 50

// lifecycleStates asks the group for the states of instances; those that it does not have are left out.
func (r *run) lifecycleStates(ctx context.Context, ids ...string) (map[string]string, error) {
	states := map[string]string{}
	for some := range slices.Chunk(ids, maxInstanceIDs) {
		out, err := r.AutoScaling.DescribeAutoScalingInstances(ctx, &autoscaling.DescribeAutoScalingInstancesInput{InstanceIds: some})
		if err != nil {
			r.saw(err)
			return nil, fmt.Errorf("reading the lifecycle state of %s: %w", strings.Join(some, ", "), err)
		}
		for _, i := range out.AutoScalingInstances {
			if aws.ToString(i.AutoScalingGroupName) == r.Config.Group {
				states[aws.ToString(i.InstanceId)] = aws.ToString(i.LifecycleState)
			}
		}
	}
	return states, nil
}

// lifecycleState is that of one instance; "" when the group does not have it.
func (r *run) lifecycleState(ctx context.Context, instanceID string) (string, error) {
	states, err := r.lifecycleStates(ctx, instanceID)
	return states[instanceID], err
}

// ways are the names by which a lifecycle action may be completed.
type ways int

const (
	// byToken names exactly the action that an event was about.
	byToken ways = iota
	// byTokenOrInstance also takes whatever action of the same hook the instance is at now: the
	// token of a redelivered event may be an earlier action's.
	byTokenOrInstance
)

// completion is how an attempt to complete a lifecycle action ended.
type completion int

const (
	// undecided: it may be tried again.
	undecided completion = iota
	// completed by this call.
	completed
	// inactive: there is no such action; the instance's state tells why.
	inactive
)

// complete tells Auto Scaling how an action ended. It is never an error.
func (r *run) complete(ctx context.Context, act action, result string, by ways) completion {
	var tokens []string
	if act.token != "" {
		tokens = append(tokens, act.token)
	}
	if by == byTokenOrInstance {
		tokens = append(tokens, "")
	}
	for _, token := range tokens {
		in := &autoscaling.CompleteLifecycleActionInput{
			AutoScalingGroupName:  aws.String(r.Config.Group),
			LifecycleHookName:     aws.String(act.hook),
			LifecycleActionResult: aws.String(result),
		}
		if token != "" {
			in.LifecycleActionToken = aws.String(token)
		} else {
			in.InstanceId = aws.String(act.instanceID)
		}
		_, err := r.AutoScaling.CompleteLifecycleAction(ctx, in)
		if err == nil {
			return completed
		}
		r.saw(err)
		r.Log.InfoContext(ctx, "lifecycle action not completed", "instance_id", act.instanceID, "hook", act.hook, "result", result, "by_token", token != "", "error", err.Error())
		if classify(err) != faultInactive {
			return undecided
		}
	}
	return inactive
}

// heartbeat keeps a waiting action alive. It reports whether nothing is left to do for now: a call
// that failed has to be made again, one for an action that has ended has not, since the next
// look at the group's state tells what became of the instance.
func (r *run) heartbeat(ctx context.Context, act action) bool {
	in := &autoscaling.RecordLifecycleActionHeartbeatInput{
		AutoScalingGroupName: aws.String(r.Config.Group),
		LifecycleHookName:    aws.String(act.hook),
	}
	if act.token != "" {
		in.LifecycleActionToken = aws.String(act.token)
	} else {
		in.InstanceId = aws.String(act.instanceID)
	}
	_, err := r.AutoScaling.RecordLifecycleActionHeartbeat(ctx, in)
	if err != nil {
		r.saw(err)
		r.Log.InfoContext(ctx, "heartbeat not recorded", "instance_id", act.instanceID, "hook", act.hook, "error", err.Error())
	}
	return err == nil || classify(err) == faultInactive
}
