package eippool

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/eiptag"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/tfvalue"
)

// slotMap is the allocation id of the address that each slot has.
type slotMap map[string]string

// of returns the slot of an address, "" if it has none.
func (m slotMap) of(allocationID string) string {
	for _, slot := range sortedKeys(m) {
		if m[slot] == allocationID {
			return slot
		}
	}
	return ""
}

// holders finds who has each wanted slot among active addresses: the one that says so by its tag, one in use first;
// else the one that had it when state was written last, unless that one serves another slot now.
func (s Spec) holders(active []Address, before slotMap) slotMap {
	held := slotMap{}
	for _, a := range slices.SortedStableFunc(slices.Values(active), inUseFirst) {
		if slot := a.Tags[eiptag.Slot]; s.Slots[slot] && held[slot] == "" {
			held[slot] = a.AllocationID
		}
	}
	for _, slot := range sortedKeys(s.Slots) {
		id := before[slot]
		if held[slot] == "" && id != "" && held.of(id) == "" && slices.ContainsFunc(active, func(a Address) bool { return a.AllocationID == id }) {
			held[slot] = id
		}
	}
	return held
}

func inUseFirst(x, y Address) int {
	switch {
	case x.InUse() == y.InUse():
		return 0
	case x.InUse():
		return -1
	default:
		return 1
	}
}

// fillSlots gives each wanted slot an address and keeps those that have one: nothing that stays in use ever moves to
// another slot. returning are addresses that only lost their tags and will be back, by the slots that they had.
func (d *decision) fillSlots(s Spec, active []Address, before, returning slotMap) {
	d.Slots = s.holders(active, before)
	toCome := d.Missing
	for _, slot := range sortedKeys(returning) {
		if s.Slots[slot] && d.Slots[slot] == "" && toCome > 0 {
			d.Slots[slot] = returning[slot]
			toCome--
		}
	}
	free := Keep(active, func(a Address) bool { return !a.InUse() && d.Slots.of(a.AllocationID) == "" })
	slices.SortStableFunc(free, func(x, y Address) int { return notAdmitted(x) - notAdmitted(y) })
	for _, slot := range sortedKeys(s.Slots) {
		switch {
		case d.Slots[slot] != "":
		case len(free) > 0:
			d.Slots[slot], free = free[0].AllocationID, free[1:]
		case len(d.NewSlots) < toCome:
			d.NewSlots = append(d.NewSlots, slot)
		default:
			d.Unserved = append(d.Unserved, slot)
		}
	}
}

func notAdmitted(a Address) int {
	if a.Tags[eiptag.Admission] == eiptag.AdmissionAdmitted {
		return 0
	}
	return 1
}

// refuseUnserved reports slots that no address can be found for.
func (s Spec) refuseUnserved(d decision, diags *diag.Diagnostics) {
	if len(d.Unserved) == 0 {
		return
	}
	used := Keep(d.listed(), func(a Address) bool { return a.InUse() && d.Slots.of(a.AllocationID) == "" })
	detail := fmt.Sprintf("Pool %q of size %d has no free address for %s.", s.Name, s.Size, strings.Join(d.Unserved, ", "))
	if len(used) > 0 {
		detail += " These are used by others:\n" + InUseLines(used)
	}
	diags.AddAttributeError(path.Root("slots"), "A slot has no address",
		fmt.Sprintf("%s\n\nNothing was changed. Let what uses them go first, or raise size by %d.", detail, len(d.Unserved)))
}

// wantedSlot is the value that an address's slot tag should have, "" for none. What leaves keeps the tag that it has:
// until it is out of use, that tells where it is.
func (m slotMap) wantedSlot(a Address, leaving bool) string {
	if leaving || a.Lifecycle() != "" {
		return a.Tags[eiptag.Slot]
	}
	return m.of(a.AllocationID)
}

// slots is what a model's state says about who has which slot.
func (m model) slots() slotMap { return tfvalue.StringMap(m.SlotAllocationIDs) }

// setSlots fills the map from addresses as they are.
func (m *model) setSlots(ours []Address) {
	s := Spec{Slots: setOf(tfvalue.Strings(m.Slots.Elements()))}
	m.SlotAllocationIDs = tfvalue.Map(s.holders(Keep(ours, Address.active), m.slots()))
}

// setLost records what the pool has lost. A slot remembers a lost address: one that only lost its tags comes back to it.
func (m *model) setLost(lost map[string]string, before slotMap) {
	m.LostAddresses = tfvalue.Map(lost)
	slots := m.slots()
	for slot, id := range before {
		if _, gone := lost[id]; gone && slots[slot] == "" {
			slots[slot] = id
		}
	}
	m.SlotAllocationIDs = tfvalue.Map(slots)
}

// setSlotsPlanned fills the map with what a decision says: known for all slots but those that get a new address.
func (m *model) setSlotsPlanned(d decision) {
	elements := map[string]attr.Value{}
	for slot, id := range d.Slots {
		elements[slot] = types.StringValue(id)
	}
	for _, slot := range d.NewSlots {
		elements[slot] = types.StringUnknown()
	}
	m.SlotAllocationIDs = types.MapValueMust(types.StringType, elements)
}

// returning are the addresses that state has in a slot and that only lost their tags: an apply makes them members
// again before it allocates anything. Where others are lost as well, which come back is AWS's to say.
func (m model) returning(s Spec, all, ours []Address) slotMap {
	lost := m.lost(ours)
	before, back := m.slots(), slotMap{}
	for _, a := range all {
		if _, gone := lost[a.AllocationID]; !gone || a.Tags[s.TagKey] != "" {
			continue
		}
		delete(lost, a.AllocationID)
		if slot := before.of(a.AllocationID); slot != "" {
			back[slot] = a.AllocationID
		}
	}
	if len(lost) > 0 {
		return nil
	}
	return back
}

// sameSlots reports whether two maps agree where the planned one is known.
func sameSlots(planned, now types.Map) bool {
	if planned.IsUnknown() {
		return true
	}
	if now.IsUnknown() {
		return false
	}
	return maps.EqualFunc(planned.Elements(), now.Elements(), func(was, is attr.Value) bool { return was.IsUnknown() || was.Equal(is) })
}

// Named finds out which NAT gateways use addresses, so that a message can name them. It is left at the network
// interface where EC2 does not tell: many identities lack ec2:DescribeNatGateways.
func (r Region) Named(ctx context.Context, addresses []Address) []Address {
	if !slices.ContainsFunc(addresses, func(a Address) bool { return a.InUse() && a.InstanceID == "" }) {
		return addresses
	}
	gateways, err := r.NATGateways(ctx)
	if err != nil {
		return addresses
	}
	out := slices.Clone(addresses)
	for i, a := range out {
		out[i].NATGatewayID = gateways[a.AllocationID]
	}
	return out
}
