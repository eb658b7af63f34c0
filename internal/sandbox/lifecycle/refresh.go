package lifecycle

// Percentages of an instance refresh that names none, in a group without an
// InstanceMaintenancePolicy.
const (
	DefaultMinHealthyPercentage = 90
	DefaultMaxHealthyPercentage = 100
)

// Refresh is a rolling instance refresh's limits, as percentages of the desired capacity:
// MinHealthy 0 to 100, MaxHealthy 100 to 200 or zero, at most 100 apart. MaxHealthy 100
// terminates before it launches, more than 100 launches first as far as it goes. Zero means
// that nobody named it, which is 100 with a difference: see Bounds.
type Refresh struct{ MinHealthy, MaxHealthy int }

// Bounds are the fewest healthy instances and the most instances of a group of this desired
// capacity, both rounded up. Where they leave no room to replace anything (of 3 instances,
// 90 percent are 3), a MaxHealthy that was named gives way by one instance, which is launched
// first; else MinHealthy does, and one instance is terminated first. The API reference says
// so of RefreshPreferences.MaxHealthyPercentage.
func (r Refresh) Bounds(desired int) (lower, upper int) {
	lower, upper = percent(desired, r.MinHealthy), max(desired, percent(desired, r.MaxHealthy))
	switch {
	case lower < upper:
	case r.MaxHealthy > 0:
		upper++
	default:
		lower--
	}
	return lower, upper
}

// RefreshMember is an instance that counts as capacity, as a refresh sees it.
type RefreshMember struct {
	ID string
	// Replace: the refresh shall replace it.
	Replace bool
	// Healthy: in service, healthy, and through its warm-up if the refresh launched it.
	Healthy bool
}

// RefreshPlan is the next step of a refresh.
type RefreshPlan struct {
	// Surge is how many instances above the desired capacity the group shall have after Terminate.
	Surge int
	// Terminate are the instances that leave now.
	Terminate []string
	// Remaining is how many are still to be updated: to be replaced, before Terminate, or
	// replaced by an instance that is not healthy yet.
	Remaining int
	// Done: nothing remains and the desired capacity is healthy.
	Done bool
}

// Plan is the next step for a group with this desired capacity and these members, who are
// given in the order in which they shall be replaced.
func (r Refresh) Plan(desired int, members []RefreshMember) RefreshPlan {
	lower, upper := r.Bounds(desired)
	var p RefreshPlan
	replace, healthy, updated := 0, 0, 0
	for _, m := range members {
		if m.Replace {
			replace++
		}
		if m.Healthy {
			healthy++
			if !m.Replace {
				updated++
			}
		}
	}
	p.Remaining = max(replace, desired-updated)
	p.Done = p.Remaining == 0
	spare := healthy - lower
	for _, m := range members {
		switch {
		case !m.Replace:
		case !m.Healthy:
			p.Terminate = append(p.Terminate, m.ID)
		case spare > 0:
			spare--
			p.Terminate = append(p.Terminate, m.ID)
		}
	}
	p.Surge = min(upper-desired, replace-len(p.Terminate))
	return p
}

// percent rounds up.
func percent(of, percentage int) int { return (of*percentage + 99) / 100 }
