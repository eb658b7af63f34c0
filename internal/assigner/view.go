package assigner

import (
	"context"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/eiptag"
)

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

// look reads the group, the pool and the instances of both: three calls, and a fourth if an
// instance of the fleet holds an address that the group's listing does not show. That listing leaves out the
// warm pool, and may be older than the pool's.
func (r *run) look(ctx context.Context) (view, error) {
	v := view{members: map[string]string{}}
	out, err := r.AutoScaling.DescribeAutoScalingGroups(ctx, &autoscaling.DescribeAutoScalingGroupsInput{AutoScalingGroupNames: []string{r.Config.Group}})
	if err != nil {
		r.saw(err)
		return v, fmt.Errorf("reading group %s: %w", r.Config.Group, err)
	}
	for _, group := range out.AutoScalingGroups {
		v.found = true
		for _, member := range group.Instances {
			v.members[aws.ToString(member.InstanceId)] = string(member.LifecycleState)
		}
	}
	if v.pool, err = r.describePool(ctx); err != nil {
		return v, err
	}
	ids := v.ids()
	for _, a := range v.pool {
		if a.instanceID != "" && !slices.Contains(ids, a.instanceID) {
			ids = append(ids, a.instanceID)
		}
	}
	if v.instances, err = r.describeInstances(ctx, ids...); err != nil {
		return v, err
	}
	var unlisted []string
	for _, a := range v.pool {
		if v.standing(a, r.Config.PoolName) == holdingStray && !slices.Contains(unlisted, v.holder(a)) {
			unlisted = append(unlisted, v.holder(a))
		}
	}
	states, err := r.lifecycleStates(ctx, unlisted...)
	if err != nil {
		return v, err
	}
	for id, state := range states {
		v.members[id] = state
	}
	v.order = v.ids()
	return v, nil
}

func (v view) ids() []string {
	ids := make([]string, 0, len(v.members))
	for id := range v.members {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
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

// holding is how an address of the pool is held.
type holding int

const (
	holdingNone holding = iota
	// holdingMember: an instance of the group has it.
	holdingMember
	// holdingEnded: an instance has it that has left the group and is seen to end.
	holdingEnded
	// holdingUnseen: an instance has it that EC2 does not show: younger than what it shows, or long gone.
	holdingUnseen
	// holdingStray: an instance of the fleet has it that is not of the group, or not to serve.
	holdingStray
	// holdingForeign: it is somebody's choice. Nothing that we do changes it.
	holdingForeign
)

// standing says how an address is held. pool is the pool's name, which marks the fleet's instances.
func (v view) standing(held address, pool string) holding {
	holder := v.holder(held)
	state, member := v.members[holder]
	i, shown := v.instances[holder]
	switch {
	case held.free():
		return holdingNone
	case held.managed, holder == "":
		return holdingForeign
	case member && phaseOf(state) != phaseWarm:
		return holdingMember
	case !shown:
		return holdingUnseen
	case i.leaving():
		return holdingEnded
	case i.tags[eiptag.DefaultPoolKey] != pool:
		return holdingForeign
	}
	return holdingStray
}
