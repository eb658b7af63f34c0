package eipadmission

import (
	"slices"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/eippool"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/tfvalue"
)

type model struct {
	ID                     types.String   `tfsdk:"id"`
	PoolName               types.String   `tfsdk:"pool_name"`
	TagKey                 types.String   `tfsdk:"tag_key"`
	Firewalls              types.Map      `tfsdk:"firewalls"`
	AdmittedAllocationIDs  types.List     `tfsdk:"admitted_allocation_ids"`
	PendingPublicIPs       types.Set      `tfsdk:"pending_public_ips"`
	UnlistedPublicIPs      types.Map      `tfsdk:"unlisted_public_ips"`
	LingeringPublicIPs     types.Map      `tfsdk:"lingering_public_ips"`
	ReleasedAllocationIDs  types.List     `tfsdk:"released_allocation_ids"`
	ForeignPublicIPs       types.Set      `tfsdk:"foreign_public_ips"`
	UnsettledAllocationIDs types.List     `tfsdk:"unsettled_allocation_ids"`
	Timeouts               timeouts.Value `tfsdk:"timeouts"`
}

// judge compares the pool with what the firewalls list. An import knows none yet: until the next apply they are taken to
// list what the tags say.
func (m model) judge(ours []eippool.Address) verdict {
	if !m.Firewalls.IsNull() {
		return judge(ours, m.listings())
	}
	v := judge(ours, []listing{{admitted: hosts(publicIPs(admitted(ours)))}})
	v.Lacking, v.Listing = nil, nil
	return v
}

// setSeen fills the computed attributes from the pool as it is. What the last apply released is not for a look at the pool to say.
func (m *model) setSeen(ours []eippool.Address) {
	v := m.judge(ours)
	m.ID = types.StringValue(eippool.PackID(m.PoolName.ValueString(), m.TagKey.ValueString()))
	ids := eippool.IDs(admitted(ours))
	slices.Sort(ids)
	m.AdmittedAllocationIDs = tfvalue.List(ids)
	m.PendingPublicIPs = tfvalue.Set(publicIPs(slices.Concat(v.Pending, v.Held, v.Awaited, v.Lingering)))
	m.UnlistedPublicIPs, m.LingeringPublicIPs = mapOfSets(v.unlisted()), mapOfSets(v.lingering(ours))
	m.ForeignPublicIPs = tfvalue.Set(v.Foreign)
	m.UnsettledAllocationIDs = tfvalue.List(v.unsettled())
}

// setReleased records what an apply has released.
func (m *model) setReleased(released []eippool.Address) {
	ids := eippool.IDs(released)
	slices.Sort(ids)
	m.ReleasedAllocationIDs = tfvalue.List(ids)
}

// setUnknown says that nothing computed is known before the apply.
func (m *model) setUnknown() {
	if !m.PoolName.IsUnknown() && !m.TagKey.IsUnknown() {
		m.ID = types.StringValue(eippool.PackID(m.PoolName.ValueString(), m.TagKey.ValueString()))
	} else {
		m.ID = types.StringUnknown()
	}
	m.AdmittedAllocationIDs, m.ReleasedAllocationIDs, m.UnsettledAllocationIDs = types.ListUnknown(types.StringType), types.ListUnknown(types.StringType), types.ListUnknown(types.StringType)
	m.PendingPublicIPs, m.ForeignPublicIPs = types.SetUnknown(types.StringType), types.SetUnknown(types.StringType)
	m.UnlistedPublicIPs, m.LingeringPublicIPs = types.MapUnknown(setOfStrings), types.MapUnknown(setOfStrings)
}

// setComputedFrom takes over what an apply of before left.
func (m *model) setComputedFrom(before model) {
	m.ID = before.ID
	m.AdmittedAllocationIDs, m.ReleasedAllocationIDs, m.UnsettledAllocationIDs = before.AdmittedAllocationIDs, before.ReleasedAllocationIDs, before.UnsettledAllocationIDs
	m.PendingPublicIPs, m.ForeignPublicIPs = before.PendingPublicIPs, before.ForeignPublicIPs
	m.UnlistedPublicIPs, m.LingeringPublicIPs = before.UnlistedPublicIPs, before.LingeringPublicIPs
}

// setOfStrings is the type of the elements of a map by firewall.
var setOfStrings = types.SetType{ElemType: types.StringType}

func mapOfSets(values map[string][]string) types.Map {
	elements := make(map[string]attr.Value, len(values))
	for key, of := range values {
		elements[key] = tfvalue.Set(of)
	}
	return types.MapValueMust(setOfStrings, elements)
}

func publicIPs(addresses []eippool.Address) []string {
	ips := make([]string, 0, len(addresses))
	for _, a := range addresses {
		ips = append(ips, a.PublicIP)
	}
	return ips
}
