package lifecycle

import (
	"slices"
	"time"
)

// LeastUsedSubnet picks where the next instance goes: the zone with the fewest members,
// and in it the subnet with the fewest, the first of the group's list on a tie. zones maps
// subnets to zones, inSubnet counts the members and launches in each subnet.
func LeastUsedSubnet(subnets []string, zones map[string]string, inSubnet map[string]int) string {
	inZone := map[string]int{}
	for subnet, n := range inSubnet {
		inZone[zones[subnet]] += n
	}
	best := ""
	for _, s := range subnets {
		switch {
		case best == "":
			best = s
		case inZone[zones[s]] != inZone[zones[best]]:
			if inZone[zones[s]] < inZone[zones[best]] {
				best = s
			}
		case inSubnet[s] < inSubnet[best]:
			best = s
		}
	}
	return best
}

// Member is what choosing among a group's instances looks at.
type Member struct {
	ID, Zone string
	// Outdated: launched from an older version of the template than others.
	Outdated bool
	// Protected from scale-in.
	Protected bool
	Launched  time.Time
}

// ScaleInChoice picks the n instances that leave when a group shrinks, by the default
// termination policy: from the zone with the most members, those of an older template
// version first, then the oldest. Protected members stay, so it may return fewer.
func ScaleInChoice(members []Member, n int) []string {
	left := slices.Clone(members)
	var out []string
	for len(out) < n {
		inZone := map[string]int{}
		for _, m := range left {
			inZone[m.Zone]++
		}
		best := -1
		for i, m := range left {
			if m.Protected {
				continue
			}
			if best == -1 || leavesBefore(m, left[best], inZone) {
				best = i
			}
		}
		if best == -1 {
			break
		}
		out = append(out, left[best].ID)
		left = slices.Delete(left, best, best+1)
	}
	return out
}

func leavesBefore(a, b Member, inZone map[string]int) bool {
	if inZone[a.Zone] != inZone[b.Zone] {
		return inZone[a.Zone] > inZone[b.Zone]
	}
	if a.Outdated != b.Outdated {
		return a.Outdated
	}
	return a.Launched.Before(b.Launched)
}

// StartChoice picks the n resting instances of a warm pool that start when the group grows:
// one after the other from the zone where the group has the fewest members, the oldest
// first. inZone counts the group's members; it is not changed.
func StartChoice(resting []Member, inZone map[string]int, n int) []string {
	left, count := slices.Clone(resting), map[string]int{}
	for zone, members := range inZone {
		count[zone] = members
	}
	var out []string
	for len(out) < n && len(left) > 0 {
		best := 0
		for i, m := range left {
			if a, b := count[m.Zone], count[left[best].Zone]; a < b || a == b && m.Launched.Before(left[best].Launched) {
				best = i
			}
		}
		count[left[best].Zone]++
		out = append(out, left[best].ID)
		left = slices.Delete(left, best, best+1)
	}
	return out
}
