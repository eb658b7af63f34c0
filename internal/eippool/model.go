package eippool

import (
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/eiptag"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/tfvalue"
)

type model struct {
	ID                    types.String   `tfsdk:"id"`
	Name                  types.String   `tfsdk:"name"`
	Size                  types.Int64    `tfsdk:"size"`
	TagKey                types.String   `tfsdk:"tag_key"`
	ExistingAllocationIDs types.Set      `tfsdk:"existing_allocation_ids"`
	PublicIPv4Pool        types.String   `tfsdk:"public_ipv4_pool"`
	NetworkBorderGroup    types.String   `tfsdk:"network_border_group"`
	Tags                  types.Map      `tfsdk:"tags"`
	Retire                types.Set      `tfsdk:"retire"`
	Slots                 types.Set      `tfsdk:"slots"`
	RequireAdmission      types.Bool     `tfsdk:"require_admission"`
	DeletionProtection    types.Bool     `tfsdk:"deletion_protection"`
	ForceRelease          types.Bool     `tfsdk:"force_release"`
	AllocationIDs         types.List     `tfsdk:"allocation_ids"`
	PublicIPs             types.List     `tfsdk:"public_ips"`
	CIDRBlocks            types.List     `tfsdk:"cidr_blocks"`
	Addresses             types.Map      `tfsdk:"addresses"`
	SlotAllocationIDs     types.Map      `tfsdk:"slot_allocation_ids"`
	DrainingAllocationIDs types.List     `tfsdk:"draining_allocation_ids"`
	RetiredAllocationIDs  types.List     `tfsdk:"retired_allocation_ids"`
	RetiredPublicIPs      types.List     `tfsdk:"retired_public_ips"`
	LostAddresses         types.Map      `tfsdk:"lost_addresses"`
	DriftedAllocationIDs  types.List     `tfsdk:"drifted_allocation_ids"`
	Timeouts              timeouts.Value `tfsdk:"timeouts"`
}

// PackID makes the id of what is managed for a pool: its name, and the tag key if it is not the default.
func PackID(name, tagKey string) string {
	if tagKey == eiptag.DefaultPoolKey {
		return name
	}
	return name + "," + tagKey
}

// UnpackID is the reverse of PackID; ok is false for what PackID never makes.
func UnpackID(id string) (name, tagKey string, ok bool) {
	name, tagKey, given := strings.Cut(id, ",")
	if !given {
		tagKey = eiptag.DefaultPoolKey
	}
	ok = name != "" && tagKey != "" && !strings.Contains(tagKey, ",") && strings.TrimSpace(name) == name && strings.TrimSpace(tagKey) == tagKey
	return name, tagKey, ok
}

// spec is what a model wants. Parts that are not known count as absent: callers that plan check decidable first.
func (m model) spec(owner string, defaultTags map[string]string) Spec {
	return Spec{
		Name: m.Name.ValueString(), TagKey: m.TagKey.ValueString(), Owner: owner,
		Size:     int(m.Size.ValueInt64()),
		Existing: setOf(tfvalue.Strings(m.ExistingAllocationIDs.Elements())), Retire: setOf(tfvalue.Strings(m.Retire.Elements())),
		Slots:            setOf(tfvalue.Strings(m.Slots.Elements())),
		RequireAdmission: m.RequireAdmission.ValueBool(), ForceRelease: m.ForceRelease.ValueBool(),
		IPv4Pool: m.PublicIPv4Pool.ValueString(), BorderGroup: m.NetworkBorderGroup.ValueString(),
		DefaultTags: defaultTags, UserTags: tfvalue.StringMap(m.Tags),
	}
}

// decidable reports whether all that decides about addresses is known.
func (m model) decidable() bool {
	if m.Name.IsUnknown() || m.TagKey.IsUnknown() || m.Size.IsUnknown() || m.RequireAdmission.IsUnknown() || m.ForceRelease.IsUnknown() || m.NetworkBorderGroup.IsUnknown() {
		return false
	}
	return wholly(m.ExistingAllocationIDs, m.ExistingAllocationIDs.Elements()) && wholly(m.Retire, m.Retire.Elements()) && wholly(m.Slots, m.Slots.Elements())
}

func wholly(collection attr.Value, elements []attr.Value) bool {
	return !collection.IsUnknown() && !slices.ContainsFunc(elements, attr.Value.IsUnknown)
}

// order is the allocation ids of the lists in state.
func (m model) order() []string { return tfvalue.Strings(m.AllocationIDs.Elements()) }

// known is every allocation id that state holds.
func (m model) known() map[string]bool {
	return setOf(slices.Concat(m.order(), tfvalue.Strings(m.RetiredAllocationIDs.Elements()), sortedKeys(tfvalue.StringMap(m.LostAddresses))))
}

// droppedTags are the tags of the last apply whose key the new model does not have.
func (m model) droppedTags(before model) map[string]string {
	dropped := tfvalue.StringMap(before.Tags)
	for key := range m.Tags.Elements() {
		delete(dropped, key)
	}
	return dropped
}

// setAddresses fills the lists from the pool's addresses: order first, others behind by allocation id.
func (m *model) setAddresses(ours []Address, order []string) {
	listed := slices.DeleteFunc(slices.Clone(ours), func(a Address) bool { return !a.Listed() })
	sortByOrder(listed, order)
	m.setListed(listed, 0)
	m.setSlots(ours)
	m.DrainingAllocationIDs = tfvalue.List(idsIn(ours, eiptag.LifecycleDraining))
	m.setRetired(ours)
}

func (m *model) setRetired(ours []Address) {
	retired := Keep(ours, func(a Address) bool { return a.Lifecycle() == eiptag.LifecycleRetired })
	sortByOrder(retired, nil)
	ips := make([]string, 0, len(retired))
	for _, a := range retired {
		ips = append(ips, a.PublicIP)
	}
	m.RetiredAllocationIDs, m.RetiredPublicIPs = tfvalue.List(IDs(retired)), tfvalue.List(ips)
}

func (m *model) setRetiredUnknown() {
	m.RetiredAllocationIDs, m.RetiredPublicIPs = types.ListUnknown(types.StringType), types.ListUnknown(types.StringType)
}

// setListed fills the lists with addresses that are known, and as many unknown elements
// behind them as are to come.
func (m *model) setListed(listed []Address, toCome int) {
	var ids, ips, cidrs []attr.Value
	byID := make(map[string]attr.Value, len(listed))
	for _, a := range listed {
		ip := types.StringValue(a.PublicIP)
		ids, ips, cidrs = append(ids, types.StringValue(a.AllocationID)), append(ips, ip), append(cidrs, types.StringValue(a.PublicIP+"/32"))
		byID[a.AllocationID] = ip
	}
	for range toCome {
		ids, ips, cidrs = append(ids, types.StringUnknown()), append(ips, types.StringUnknown()), append(cidrs, types.StringUnknown())
	}
	m.AllocationIDs, m.PublicIPs, m.CIDRBlocks = types.ListValueMust(types.StringType, ids), types.ListValueMust(types.StringType, ips), types.ListValueMust(types.StringType, cidrs)
	m.Addresses = types.MapValueMust(types.StringType, byID)
	if toCome > 0 {
		// A map has no way to say "three more keys, to be known later".
		m.Addresses = types.MapUnknown(types.StringType)
	}
}

func (m *model) setListedUnknown() {
	m.AllocationIDs, m.PublicIPs, m.CIDRBlocks = types.ListUnknown(types.StringType), types.ListUnknown(types.StringType), types.ListUnknown(types.StringType)
	m.Addresses = types.MapUnknown(types.StringType)
}

func (m *model) setSettlingUnknown() {
	m.DrainingAllocationIDs = types.ListUnknown(types.StringType)
	m.setRetiredUnknown()
}

// setNothingWrong says that an apply leaves neither lost addresses nor drifted tags.
func (m *model) setNothingWrong() {
	m.LostAddresses = tfvalue.Map(nil)
	m.DriftedAllocationIDs = tfvalue.List(nil)
}

// setComputedFrom takes over what an apply of before left.
func (m *model) setComputedFrom(before model) {
	m.ID = before.ID
	m.AllocationIDs, m.PublicIPs, m.CIDRBlocks, m.Addresses = before.AllocationIDs, before.PublicIPs, before.CIDRBlocks, before.Addresses
	m.SlotAllocationIDs = before.SlotAllocationIDs
	m.DrainingAllocationIDs, m.RetiredAllocationIDs, m.RetiredPublicIPs = before.DrainingAllocationIDs, before.RetiredAllocationIDs, before.RetiredPublicIPs
	m.LostAddresses, m.DriftedAllocationIDs = before.LostAddresses, before.DriftedAllocationIDs
}

// planned fills the computed attributes with what a decision will make of them.
func (m *model) planned(d decision, ours []Address) {
	m.ID = types.StringValue(PackID(m.Name.ValueString(), m.TagKey.ValueString()))
	m.setNothingWrong()
	m.setSlotsPlanned(d)
	if d.settles() {
		m.setListedUnknown()
		m.setSettlingUnknown()
		return
	}
	m.setListed(d.listed(), d.Missing)
	m.DrainingAllocationIDs = tfvalue.List(idsIn(d.Stay, eiptag.LifecycleDraining))
	m.setRetired(ours)
	if len(d.Leave)+len(d.Shrink)+len(d.Untag) > 0 {
		m.setRetiredUnknown()
	}
}

// agrees reports whether what is decided now is still what was planned: known values are the
// same, unknown ones may have become anything of the planned length.
func (m model) agrees(now model) bool {
	return sameWhereKnown(m.AllocationIDs, now.AllocationIDs) && sameWhereKnown(m.PublicIPs, now.PublicIPs) &&
		sameWhereKnown(m.DrainingAllocationIDs, now.DrainingAllocationIDs) && sameWhereKnown(m.RetiredAllocationIDs, now.RetiredAllocationIDs) &&
		sameSlots(m.SlotAllocationIDs, now.SlotAllocationIDs)
}

func sameWhereKnown(planned, now types.List) bool {
	if planned.IsUnknown() {
		return true
	}
	if now.IsUnknown() {
		return false
	}
	was, is := planned.Elements(), now.Elements()
	return slices.EqualFunc(was, is, func(w, i attr.Value) bool { return w.IsUnknown() || w.Equal(i) })
}

// lost returns the addresses that state holds and the pool's listing does not: public IPs by
// former allocation id. Draining and retired ones were leaving anyway, and one that was asked back
// has another allocation id than before.
func (m model) lost(ours []Address) map[string]string {
	lost := tfvalue.StringMap(m.LostAddresses)
	ips, leaving := tfvalue.StringMap(m.Addresses), setOf(tfvalue.Strings(slices.Concat(m.DrainingAllocationIDs.Elements(), m.Retire.Elements())))
	for _, id := range m.order() {
		if !leaving[id] {
			lost[id] = ips[id]
		}
	}
	for _, a := range ours {
		maps.DeleteFunc(lost, func(id, ip string) bool { return id == a.AllocationID || ip == a.PublicIP })
	}
	return lost
}

// imported fills the arguments of a model that knows only its name from what the pool shows.
func (m *model) imported(s Spec, region string, ours []Address) {
	var active int64
	var existing, leaving, slots []string
	gated, pool, group := false, "", ""
	for _, a := range ours {
		if _, ok := a.Tags[eiptag.Admission]; ok {
			gated = true
		}
		if a.Existing() {
			existing = append(existing, a.AllocationID)
		} else {
			pool, group = a.IPv4Pool, a.BorderGroup
		}
		if a.active() {
			active++
			if slot := a.Tags[eiptag.Slot]; slot != "" && !slices.Contains(slots, slot) {
				slots = append(slots, slot)
			}
		} else {
			leaving = append(leaving, a.AllocationID)
		}
	}
	m.Size = types.Int64Value(active)
	m.RequireAdmission, m.DeletionProtection, m.ForceRelease = types.BoolValue(gated), types.BoolValue(false), types.BoolValue(false)
	m.ExistingAllocationIDs, m.Retire, m.Slots = setOrNull(existing), setOrNull(leaving), setOrNull(slots)
	m.PublicIPv4Pool, m.NetworkBorderGroup = types.StringNull(), types.StringNull()
	if pool != "" && pool != amazonIPv4Pool {
		m.PublicIPv4Pool = types.StringValue(pool)
	}
	if group != "" && group != region {
		m.NetworkBorderGroup = types.StringValue(group)
	}
	m.Tags = types.MapNull(types.StringType)
	if tags := s.commonTags(ours); len(tags) > 0 {
		m.Tags = tfvalue.Map(tags)
	}
}

// commonTags are the user's tags that all allocated addresses of a pool have alike.
func (s Spec) commonTags(ours []Address) map[string]string {
	var common map[string]string
	for _, a := range ours {
		if a.Existing() {
			continue
		}
		if common == nil {
			common = map[string]string{}
			for key, value := range a.Tags {
				inherited, isDefault := s.DefaultTags[key]
				if reservedKey(key) || key == s.TagKey || key == nameTag && value == s.Name || isDefault && inherited == value {
					continue
				}
				common[key] = value
			}
		}
		for key, value := range common {
			if a.Tags[key] != value {
				delete(common, key)
			}
		}
	}
	return common
}

func idsIn(addresses []Address, lifecycle string) []string {
	var ids []string
	for _, a := range addresses {
		if a.Lifecycle() == lifecycle {
			ids = append(ids, a.AllocationID)
		}
	}
	slices.Sort(ids)
	return ids
}

func setOrNull(ss []string) types.Set {
	if len(ss) == 0 {
		return types.SetNull(types.StringType)
	}
	return tfvalue.Set(ss)
}
