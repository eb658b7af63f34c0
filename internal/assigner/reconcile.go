package assigner

import (
	"context"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
)

// Reconciliation is what one run over the whole group did. An instance or address with
// nothing to do is not listed.
type Reconciliation struct {
	Group   string   `json:"group"`
	Results []Result `json:"results"`
}

// view is the group and the pool as one run sees them.
type view struct {
	// members is each instance of the group and its lifecycle state.
	members map[string]string
	// order lists the members' ids, sorted, so that runs are alike.
	order     []string
	pool      []address
	instances map[string]instance
	// found: the group exists.
	found bool
}

// holder is the instance that has an address, or "" when nothing or no visible instance has it.
func (v view) holder(held address) string {
	if held.associationID == "" {
		return ""
	}
	for id, i := range v.instances {
		if held.heldBy(i) {
			return id
		}
	}
	return held.instanceID
}

// look reads the group, the pool and the instances of both: three calls.
func (a *Assigner) look(ctx context.Context) (view, error) {
	v := view{members: map[string]string{}}
	out, err := a.AutoScaling.DescribeAutoScalingGroups(ctx, &autoscaling.DescribeAutoScalingGroupsInput{AutoScalingGroupNames: []string{a.Config.Group}})
	if err != nil {
		return v, fmt.Errorf("reading group %s: %w", a.Config.Group, err)
	}
	for _, group := range out.AutoScalingGroups {
		v.found = true
		for _, member := range group.Instances {
			v.members[aws.ToString(member.InstanceId)] = string(member.LifecycleState)
			v.order = append(v.order, aws.ToString(member.InstanceId))
		}
	}
	slices.Sort(v.order)
	if v.pool, err = a.describePool(ctx); err != nil {
		return v, err
	}
	ids := slices.Clone(v.order)
	for _, held := range v.pool {
		if held.instanceID != "" && !slices.Contains(ids, held.instanceID) {
			ids = append(ids, held.instanceID)
		}
	}
	v.instances, err = a.describeInstances(ctx, ids...)
	return v, err
}

// Reconcile brings group and pool in line whatever event was lost: it takes addresses
// back from instances that are gone, completes waits that nobody else completes, and gives
// members the address that they lack. An error means that the run could not see; what one
// instance's turn could not do is left to the next run.
func (a *Assigner) Reconcile(ctx context.Context) (Reconciliation, error) {
	done := Reconciliation{Group: a.Config.Group}
	v, err := a.look(ctx)
	if err != nil {
		return done, err
	}
	for _, held := range v.pool {
		if result, ok := a.recoverAddress(ctx, v, held); ok {
			done.Results = append(done.Results, result)
		}
	}
	// Leaving instances first: what they free, waiting ones can have in this same run.
	for _, wanted := range []phase{phaseLeaving, phaseWarm, phaseLaunching, phaseServing} {
		for _, id := range v.order {
			if a.closing(ctx) {
				return done, nil
			}
			if phaseOf(v.members[id]) != wanted {
				continue
			}
			if result, ok := a.reconcileMember(ctx, v, id); ok {
				a.logResult(ctx, result, nil)
				done.Results = append(done.Results, result)
			}
		}
	}
	return done, nil
}

// recoverAddress takes an address back from an instance that has left the group and is seen to end.
// One that runs, or an interface that is no instance's, is somebody's choice and stays; one that is
// not seen may be newer than what EC2 shows, and an ended one loses its interface anyway.
func (a *Assigner) recoverAddress(ctx context.Context, v view, held address) (Result, bool) {
	holder := v.holder(held)
	if holder == "" || held.managed {
		return Result{}, false
	}
	if _, member := v.members[holder]; member {
		return Result{}, false
	}
	if i, visible := v.instances[holder]; !visible || !i.leaving() {
		return Result{}, false
	}
	reason := fmt.Sprintf("released by %s: the instance is gone", holder)
	if !a.disassociate(ctx, held, reason) {
		return Result{}, false
	}
	return Result{InstanceID: holder, Outcome: OutcomeReleased, AllocationID: held.allocationID, PublicIP: held.publicIP, Reason: reason}, true
}

// reconcileMember gives one member its turn.
func (a *Assigner) reconcileMember(ctx context.Context, v view, id string) (Result, bool) {
	switch state := v.members[id]; {
	case state == stateTerminatingWait:
		a.release(ctx, id, "the instance leaves the group")
		if a.complete(ctx, action{instanceID: id, hook: a.Config.TerminateHook}, resultContinue) == pending {
			return Result{}, false
		}
		return Result{InstanceID: id, Outcome: OutcomeContinue, Reason: "found in " + state}, true
	case phaseOf(state) == phaseWarm && len(own(v.pool, v.instances[id])) > 0:
		a.release(ctx, id, "the instance is in the warm pool")
		return Result{InstanceID: id, Outcome: OutcomeReleased, Reason: "found in " + state}, true
	case state == statePendingWait:
		return a.reconcileWaiting(ctx, id)
	case state == stateInService:
		return a.repair(ctx, v, id)
	}
	return Result{}, false
}

// reconcileWaiting makes one attempt for an instance in Pending:Wait.
func (a *Assigner) reconcileWaiting(ctx context.Context, id string) (Result, bool) {
	act := action{instanceID: id, hook: a.Config.LaunchHook}
	var result Result
	got, done := a.step(ctx, act, a.now(), &result)
	if done {
		return result, true
	}
	a.heartbeat(ctx, act)
	return Result{InstanceID: id, Outcome: OutcomeHandedOver, Reason: got.reason}, true
}

// repair gives a member in service the one address that it should have.
func (a *Assigner) repair(ctx context.Context, v view, id string) (Result, bool) {
	if i, ok := v.instances[id]; !ok || len(own(v.pool, i)) == 1 {
		return Result{}, false
	}
	got := a.try(ctx, id, true)
	if got.verdict != held {
		return Result{InstanceID: id, Outcome: OutcomeIgnored, Reason: "in service without its address: " + got.reason}, true
	}
	return Result{InstanceID: id, Outcome: OutcomeRepaired, AllocationID: got.address.allocationID, PublicIP: got.address.publicIP}, true
}
