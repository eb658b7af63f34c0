package eipassigner

import (
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	astypes "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
)

const (
	// defaultMaxHealthy is a group's MaxHealthyPercentage without an instance maintenance
	// policy: an instance ends before its successor starts.
	defaultMaxHealthy = 100
	azRebalance       = "AZRebalance"
)

// surge is what decides by how much a group may have more instances than its desired
// capacity, as far as it is known.
type surge struct {
	// minHealthy and maxHealthy are the percentages of the group's instance maintenance policy,
	// or of an instance refresh: 0 to 100, and 100 to 200. minHealthy is 0 where nobody names it,
	// maxHealthy where it is not known yet.
	minHealthy, maxHealthy int64
	// margin is the number of instances by which rebalancing of zones may exceed max_size; nil
	// stands for Auto Scaling's own.
	margin *int64
}

// rebalanceMargin is by how many instances Auto Scaling exceeds the maximum while it
// rebalances zones: 10 percent or one instance, whichever is greater
// (Amazon EC2 Auto Scaling User Guide, "Rebalancing activities").
func rebalanceMargin(maximum int64) int64 { return max(1, percent(maximum, 10)) }

// percent rounds up.
func percent(of, percentage int64) int64 { return (of*percentage + 99) / 100 }

// surgeOf reads from a group what it does while it replaces instances.
func surgeOf(group astypes.AutoScalingGroup) surge {
	s := surge{maxHealthy: defaultMaxHealthy}
	if policy := group.InstanceMaintenancePolicy; policy != nil {
		// -1 clears a percentage.
		s.minHealthy = max(0, int64(aws.ToInt32(policy.MinHealthyPercentage)))
		s.maxHealthy = max(defaultMaxHealthy, int64(aws.ToInt32(policy.MaxHealthyPercentage)))
	}
	suspended := slices.ContainsFunc(group.SuspendedProcesses, func(p astypes.SuspendedProcess) bool { return aws.ToString(p.ProcessName) == azRebalance })
	// Capacity Rebalancing of Spot Instances exceeds the maximum too, in one zone as in many.
	if (suspended || len(group.AvailabilityZones) == 1) && !aws.ToBool(group.CapacityRebalance) {
		s.margin = new(int64)
	}
	return s
}

// configuredSurge is what the configuration says, 0 and nil where it says nothing.
func (m model) configuredSurge() surge {
	s := surge{maxHealthy: m.MaxHealthyPercentage.ValueInt64()}
	if isKnown(m.RebalanceMargin) {
		s.margin = m.RebalanceMargin.ValueInt64Pointer()
	}
	return s
}

func isKnown(v attr.Value) bool { return !v.IsNull() && !v.IsUnknown() }

// or fills in what the configuration leaves open from the group, which is nil while it cannot
// be read. What the configuration says counts in a plan, since the same apply may bring the
// group in line with it.
func (s surge) or(group *surge) surge {
	if group == nil {
		group = &surge{maxHealthy: defaultMaxHealthy}
	}
	if s.maxHealthy == 0 {
		s.minHealthy, s.maxHealthy = group.minHealthy, group.maxHealthy
	}
	if s.margin == nil {
		s.margin = group.margin
	}
	return s
}

// with is what counts in an apply: the group as it is, and the percentage of the configuration
// beside it, since an instance refresh may bring one of its own.
func (s surge) with(group surge) surge {
	s.minHealthy, s.maxHealthy = group.minHealthy, max(s.maxHealthy, group.maxHealthy)
	if s.margin == nil {
		s.margin = group.margin
	}
	return s
}

// marginFor is the margin of a group of this maximum.
func (s surge) marginFor(maximum int64) int64 {
	if s.margin != nil {
		return *s.margin
	}
	return rebalanceMargin(maximum)
}

// replacing is how many instances a group of this desired capacity may have while it replaces
// some. Percentages that leave no room to replace anything (of 3 instances, 90 percent are 3)
// make Auto Scaling launch one instance more (API reference, RefreshPreferences).
func (s surge) replacing(desired int64) int64 {
	upper := max(desired, percent(desired, s.maxHealthy))
	if percent(desired, s.minHealthy) >= upper {
		upper++
	}
	return upper
}

// needs is how many addresses a group of this maximum needs, so that no instance it may ever
// start waits for one in vain. It is the maximum that counts, not the desired capacity: any
// scaling policy may raise that to the maximum, and this has to hold then too.
func (s surge) needs(maximum int64) int64 { return s.replacing(maximum) + s.marginFor(maximum) }

// serves is the largest maximum for which so many addresses suffice.
func (s surge) serves(addresses int64) int64 {
	for maximum := addresses; maximum > 0; maximum-- {
		if s.needs(maximum) <= addresses {
			return maximum
		}
	}
	return 0
}

// checkPoolSize refuses a pool_size, as far as it is known, in which an instance could be left
// without an address. The group is nil while it cannot be read.
func (m model) checkPoolSize(group *surge) diag.Diagnostics {
	if !isKnown(m.PoolSize) || !isKnown(m.MaxSize) {
		return nil
	}
	return checkCapacity(m.leastSurge().or(group), m.PoolSize.ValueInt64(), m.MaxSize.ValueInt64(), m.PoolName.ValueString(), false)
}

// leastSurge is what the configuration says; what it will say only later counts as the least
// that it can say.
func (m model) leastSurge() surge {
	s := m.configuredSurge()
	if m.MaxHealthyPercentage.IsUnknown() {
		s.maxHealthy = defaultMaxHealthy
	}
	if m.RebalanceMargin.IsUnknown() {
		s.margin = new(int64)
	}
	return s
}

// checkCapacity refuses a pool in which an instance of the group could be left without an
// address; warning: the pool may grow before the group does.
func checkCapacity(s surge, addresses, maximum int64, pool string, warning bool) diag.Diagnostics {
	needed := s.needs(maximum)
	if addresses >= needed {
		return nil
	}
	const summary = "The pool is smaller than the fleet"
	detail := fmt.Sprintf("max_size is %d, and pool %q has %d addresses: an instance without an address is never put in service. ", maximum, pool, addresses)
	if replacing := s.replacing(maximum); replacing > percent(maximum, s.maxHealthy) {
		detail += fmt.Sprintf("While instances are replaced there may be %d, because a MinHealthyPercentage of %d and a MaxHealthyPercentage of %d in the group's instance maintenance policy leave no room to end one first. ", replacing, s.minHealthy, s.maxHealthy)
	} else if replacing > maximum {
		detail += fmt.Sprintf("While instances are replaced there may be %d: the MaxHealthyPercentage of the group's instance maintenance policy, or `max_healthy_percentage`, is %d. ", replacing, s.maxHealthy)
	}
	if margin := s.marginFor(maximum); margin > 0 {
		detail += fmt.Sprintf("%d more may start while Auto Scaling rebalances zones, unless the group has one zone or its process AZRebalance is suspended (`rebalance_margin`). ", margin)
	}
	detail += fmt.Sprintf("Set the pool's `size` to at least %d", needed)
	if fits := s.serves(addresses); fits > 0 {
		detail += fmt.Sprintf(", or write a max_size of at most %d", fits)
	}
	detail += "."
	if warning {
		return diag.Diagnostics{diag.WithPath(path.Root("max_size"), diag.NewWarningDiagnostic(summary, detail+" (If this apply makes the pool large enough, all is well.)"))}
	}
	return diag.Diagnostics{diag.WithPath(path.Root("max_size"), diag.NewErrorDiagnostic(summary, detail))}
}
