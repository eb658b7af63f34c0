package eippool

import (
	"cmp"
	"slices"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/eiptag"
)

// decision is what has to happen for a pool to become what its Spec wants. It is made
// from one listing, by the plan and again by the apply, which compares the two.
type decision struct {
	// Stay are the listed addresses that remain so, draining ones included, in the list's order;
	// Retired the retired ones that remain.
	Stay, Retired []Address
	// Adopt are addresses of the user's that join.
	Adopt []Address
	// Missing is the number of addresses to allocate.
	Missing int
	// Drain are those that may not be claimed any more but are in use.
	Drain []Address
	// Leave are those that a retirement has come to the end of, and Shrink those that a
	// smaller size has no room for. Nothing uses them. Where they go: see goesTo.
	Leave, Shrink []Address
	// Untag are addresses of the user's that the configuration no longer names.
	Untag []Address
	// Blocked are in use and would have to go, Short of them at least; nothing may be done then.
	Blocked []Address
	Short   int
	// Slots are the slots whose address is known now, NewSlots those that get addresses yet to be allocated, in
	// that order, and Unserved those that there is no address for; nothing may be done then.
	Slots              slotMap
	NewSlots, Unserved []string
}

// decide compares the pool's addresses, in the order of the lists in state, with what is wanted.
// brought are those of the user's addresses that exist and do not carry the pool's tag yet; for before and returning
// see holders and fillSlots.
func decide(s Spec, ours, brought []Address, before, returning slotMap) decision {
	var d decision
	var active []Address
	for _, a := range ours {
		switch {
		case a.Existing() && !s.Existing[a.AllocationID]:
			if a.InUse() && !s.ForceRelease {
				d.Blocked, d.Short = append(d.Blocked, a), d.Short+1
			} else {
				d.Untag = append(d.Untag, a)
			}
		case a.Lifecycle() == eiptag.LifecycleRetired:
			switch {
			case a.InUse(): // a claim under way when it was retired wins
				d.Drain = append(d.Drain, a)
			case s.goesTo(a) == released:
				d.Leave = append(d.Leave, a)
			default:
				d.Retired = append(d.Retired, a)
			}
		case a.Lifecycle() == eiptag.LifecycleDraining:
			if a.InUse() {
				d.Stay = append(d.Stay, a)
			} else {
				d.Leave = append(d.Leave, a)
			}
		case s.Retire[a.AllocationID]:
			if a.InUse() {
				d.Drain = append(d.Drain, a)
			} else {
				d.Leave = append(d.Leave, a)
			}
		default:
			active = append(active, a)
		}
	}
	for _, a := range brought {
		if !s.Retire[a.AllocationID] {
			d.Adopt = append(d.Adopt, a)
		}
	}
	count := len(active) + len(d.Adopt)
	if count < s.Size {
		d.Missing = s.Size - count
	}
	d.shrink(s, active, s.holders(active, before), count-s.Size)
	going := setOf(IDs(slices.Concat(d.Shrink, d.Drain)))
	remain := Keep(active, func(a Address) bool { return !going[a.AllocationID] })
	d.fillSlots(s, slices.Concat(remain, d.Adopt), before, returning)
	d.Stay = append(d.Stay, remain...)
	sortByOrder(d.Stay, IDs(ours))
	return d
}

// shrink picks excess addresses to go: never one of the user's, first those that no wanted slot has, of these first those
// that nobody uses, then those that no firewall admits yet, and the youngest first. One in use whose slot is not
// wanted any more drains: its user goes with the slot, after the pool in the order of an apply.
func (d *decision) shrink(s Spec, active []Address, holders slotMap, excess int) {
	for _, a := range active {
		if slot := a.Tags[eiptag.Slot]; excess > 0 && slot != "" && !s.Slots[slot] && a.InUse() && !s.Existing[a.AllocationID] {
			d.Drain, excess = append(d.Drain, a), excess-1
		}
	}
	if excess <= 0 {
		return
	}
	// Taking an address from its instance is for addresses that leave at once; a gated
	// one would stay admitted by the firewall with nobody to serve from it.
	force := s.ForceRelease && !s.RequireAdmission
	var candidates, inUse []Address
	for _, a := range slices.Backward(active) {
		switch {
		case s.Existing[a.AllocationID], slices.ContainsFunc(d.Drain, func(draining Address) bool { return draining.AllocationID == a.AllocationID }):
		case a.InUse() && !force:
			inUse = append(inUse, a)
		default:
			candidates = append(candidates, a)
		}
	}
	weight := func(a Address) int {
		w := 0
		if holders.of(a.AllocationID) != "" {
			w += 4
		}
		if a.InUse() {
			w += 2
		}
		if a.Tags[eiptag.Admission] == eiptag.AdmissionAdmitted {
			w++
		}
		return w
	}
	slices.SortStableFunc(candidates, func(x, y Address) int { return cmp.Compare(weight(x), weight(y)) })
	if len(candidates) < excess {
		d.Short += excess - len(candidates)
		d.Blocked = append(d.Blocked, inUse...)
		return
	}
	d.Shrink = candidates[:excess]
}

// destination is where an address goes that leaves the pool's lists.
type destination int

const (
	released destination = iota
	retired
)

// goesTo tells where an address goes that leaves the lists. A firewall may still admit one of a gated
// pool, and one of the user's is never released: those are only retired.
func (s Spec) goesTo(a Address) destination {
	if s.RequireAdmission || s.Existing[a.AllocationID] || a.Existing() {
		return retired
	}
	return released
}

// settles reports whether the lists change in a way that an instance can still alter by
// claiming or letting go of an address between plan and apply.
func (d decision) settles() bool {
	return len(d.Drain) > 0 || slices.ContainsFunc(d.Leave, Address.Listed)
}

// listed returns the addresses that are known now and stay in the lists, in their order.
func (d decision) listed() []Address {
	return append(append(slices.Clone(d.Stay), d.Drain...), d.Adopt...)
}
