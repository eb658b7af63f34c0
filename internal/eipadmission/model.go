package eipadmission

import (
	"slices"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/eippool"
)

type model struct {
	ID                     types.String   `tfsdk:"id"`
	PoolName               types.String   `tfsdk:"pool_name"`
	TagKey                 types.String   `tfsdk:"tag_key"`
	AdmittedPublicIPs      types.Set      `tfsdk:"admitted_public_ips"`
	AdmittedAllocationIDs  types.List     `tfsdk:"admitted_allocation_ids"`
	PendingPublicIPs       types.Set      `tfsdk:"pending_public_ips"`
	ReleasedAllocationIDs  types.List     `tfsdk:"released_allocation_ids"`
	ForeignPublicIPs       types.Set      `tfsdk:"foreign_public_ips"`
	UnsettledAllocationIDs types.List     `tfsdk:"unsettled_allocation_ids"`
	Timeouts               timeouts.Value `tfsdk:"timeouts"`
}

// listed returns the public IPs that the firewall lists.
func (m model) listed() map[string]bool { return hosts(stringsOf(m.AdmittedPublicIPs.Elements())) }

// setSeen fills the computed attributes from the pool as it is. What the last apply released is not for a look at the pool to say.
func (m *model) setSeen(ours []eippool.Address) {
	v := judge(ours, m.listed())
	m.ID = types.StringValue(eippool.PackID(m.PoolName.ValueString(), m.TagKey.ValueString()))
	ids := eippool.IDs(admitted(ours))
	slices.Sort(ids)
	m.AdmittedAllocationIDs = listOf(ids)
	m.PendingPublicIPs = setOf(publicIPs(slices.Concat(v.Pending, v.Held)))
	m.ForeignPublicIPs = setOf(v.Foreign)
	m.UnsettledAllocationIDs = listOf(v.unsettled())
}

// setReleased records what an apply has released.
func (m *model) setReleased(released []eippool.Address) {
	ids := eippool.IDs(released)
	slices.Sort(ids)
	m.ReleasedAllocationIDs = listOf(ids)
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
}

// setComputedFrom takes over what an apply of before left.
func (m *model) setComputedFrom(before model) {
	m.ID = before.ID
	m.AdmittedAllocationIDs, m.ReleasedAllocationIDs, m.UnsettledAllocationIDs = before.AdmittedAllocationIDs, before.ReleasedAllocationIDs, before.UnsettledAllocationIDs
	m.PendingPublicIPs, m.ForeignPublicIPs = before.PendingPublicIPs, before.ForeignPublicIPs
}

func publicIPs(addresses []eippool.Address) []string {
	ips := make([]string, 0, len(addresses))
	for _, a := range addresses {
		ips = append(ips, a.PublicIP)
	}
	return ips
}

// stringsOf returns the known strings among a collection's elements.
func stringsOf(elements []attr.Value) []string {
	out := make([]string, 0, len(elements))
	for _, e := range elements {
		if s, ok := e.(types.String); ok && !s.IsNull() && !s.IsUnknown() {
			out = append(out, s.ValueString())
		}
	}
	return out
}

func valuesOf(ss []string) []attr.Value {
	out := make([]attr.Value, 0, len(ss))
	for _, s := range ss {
		out = append(out, types.StringValue(s))
	}
	return out
}

func listOf(ss []string) types.List { return types.ListValueMust(types.StringType, valuesOf(ss)) }

func setOf(ss []string) types.Set { return types.SetValueMust(types.StringType, valuesOf(ss)) }
