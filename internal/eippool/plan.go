package eippool

import (
	"context"
	"fmt"
	"reflect"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/tfvalue"
)

// ModifyPlan says what an apply will do, and refuses what it could not.
func (r *Resource) ModifyPlan(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	var plan, before model
	if !req.State.Raw.IsNull() {
		resp.Diagnostics.Append(req.State.Get(ctx, &before)...)
	}
	if req.Plan.Raw.IsNull() {
		if !resp.Diagnostics.HasError() {
			before.refuseProtected(&resp.Diagnostics)
		}
		return
	}
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	if resp.Diagnostics.HasError() {
		return
	}
	if req.State.Raw.IsNull() {
		resp.Diagnostics.Append(r.planCreate(ctx, &plan)...)
	} else {
		resp.Diagnostics.Append(r.planUpdate(ctx, &plan, before)...)
	}
	if !resp.Diagnostics.HasError() {
		resp.Diagnostics.Append(resp.Plan.Set(ctx, &plan)...)
	}
}

// refuseProtected reports a pool that must not be destroyed.
func (m model) refuseProtected(diags *diag.Diagnostics) bool {
	if !m.DeletionProtection.ValueBool() {
		return false
	}
	diags.AddAttributeError(path.Root("deletion_protection"), "The pool is protected from deletion",
		fmt.Sprintf("Pool %q has deletion_protection: its addresses (%d) may stand on allow-lists elsewhere, and cannot be had back for certain. To destroy it all the same, set deletion_protection = false, apply that, and destroy then.",
			m.Name.ValueString(), len(m.AllocationIDs.Elements())))
	return true
}

func (r *Resource) planCreate(ctx context.Context, plan *model) (diags diag.Diagnostics) {
	plan.setAllUnknown()
	if !plan.Name.IsUnknown() && !plan.TagKey.IsUnknown() {
		plan.ID = types.StringValue(PackID(plan.Name.ValueString(), plan.TagKey.ValueString()))
	}
	if !plan.decidable() {
		return diags
	}
	if !r.reachable() {
		plan.setListed(nil, int(plan.Size.ValueInt64()))
		plan.setSlotsPlanned(decision{NewSlots: tfvalue.Strings(plan.Slots.Elements())})
		return diags
	}
	b, diags := r.connect(ctx)
	if diags.HasError() {
		return diags
	}
	s := plan.spec(b.Owner, b.DefaultTags)
	found, more := b.survey(ctx, s, model{})
	diags.Append(more...)
	s.warnAlmost(found.all, &diags)
	s.refuseForeign(found.memberships, &diags)
	s.refuseOtherGroup(found.ours, b.HomeGroup, &diags)
	b.refuse(ctx, s, found.decision, &diags)
	b.checkQuota(ctx, s, found.all, found.decision.Missing, &diags)
	if diags.HasError() {
		return diags
	}
	adoptionWarning(s, found.ours, &diags)
	plan.planned(found.decision, found.ours)
	return diags
}

func (r *Resource) planUpdate(ctx context.Context, plan *model, before model) (diags diag.Diagnostics) {
	plan.refuseChanges(before, &diags)
	if diags.HasError() {
		return diags
	}
	if !plan.decidable() {
		plan.setAllUnknown()
		plan.ID = before.ID
		return diags
	}
	plan.setComputedFrom(before)
	if !plan.moves(before) {
		return diags
	}
	if !r.reachable() {
		plan.setAllUnknown()
		plan.ID = before.ID
		return diags
	}
	b, diags := r.connect(ctx)
	if diags.HasError() {
		return diags
	}
	s := plan.spec(b.Owner, b.DefaultTags)
	found, more := b.survey(ctx, s, before)
	diags.Append(more...)
	s.warnAlmost(found.all, &diags)
	b.refuse(ctx, s, found.decision, &diags)
	lost := before.lost(found.ours)
	b.checkQuota(ctx, s, found.all, found.decision.Missing-stillHeld(found.all, lost), &diags)
	if diags.HasError() {
		return diags
	}
	plan.planned(found.decision, found.ours)
	if plan.sameButRetired(before) {
		// What the admission released since the last refresh is no reason for an update.
		plan.setComputedFrom(before)
	}
	return diags
}

// sameButRetired reports whether a plan differs from what was before in nothing but the retired addresses, if at all.
func (m model) sameButRetired(before model) bool {
	m.RetiredAllocationIDs, m.RetiredPublicIPs = before.RetiredAllocationIDs, before.RetiredPublicIPs
	return reflect.DeepEqual(m, before)
}

// moves reports whether anything but tags and switches may have to change, so that the cloud has to be asked.
func (m model) moves(before model) bool {
	draining := setOf(tfvalue.Strings(before.DrainingAllocationIDs.Elements()))
	active := 0
	retire := setOf(tfvalue.Strings(m.Retire.Elements()))
	for _, id := range before.order() {
		if !draining[id] {
			active++
			if retire[id] {
				return true
			}
		}
	}
	return int64(active) != m.Size.ValueInt64() || len(draining) > 0 || len(before.RetiredAllocationIDs.Elements()) > 0 ||
		len(before.LostAddresses.Elements()) > 0 || len(before.DriftedAllocationIDs.Elements()) > 0 ||
		!before.ExistingAllocationIDs.Equal(m.ExistingAllocationIDs) || !before.Slots.Equal(m.Slots) || len(before.slots()) != len(m.Slots.Elements()) || !before.RequireAdmission.Equal(m.RequireAdmission)
}

// stillHeld counts lost addresses that the account holds yet: they only lost their tags, and count against the quota already.
func stillHeld(all []Address, lost map[string]string) int {
	n := 0
	for _, a := range all {
		if _, ok := lost[a.AllocationID]; ok {
			n++
		}
	}
	return n
}

// refuseChanges reports what cannot change for the life of a pool. What is not known yet is looked at again in the apply.
func (m model) refuseChanges(before model, diags *diag.Diagnostics) {
	refuse := func(attribute string, before, now types.String, why string) {
		if now.IsUnknown() || now.Equal(before) {
			return
		}
		was, is := quotedOrUnset(before), quotedOrUnset(now)
		diags.AddAttributeError(path.Root(attribute), "This cannot be changed on a pool",
			fmt.Sprintf("%s is %s and would become %s. A pool keeps its addresses for life, and %s. Write %s again; for another one make a second pool, and retire this pool's addresses once nothing needs them.", attribute, was, is, why, was))
	}
	refuse("name", before.Name, m.Name, "instances find them by it")
	refuse("tag_key", before.TagKey, m.TagKey, "instances find them by it")
	refuse("network_border_group", before.NetworkBorderGroup, m.NetworkBorderGroup, "an address cannot leave its group")
}

func quotedOrUnset(s types.String) string {
	if s.IsNull() {
		return "unset"
	}
	return fmt.Sprintf("%q", s.ValueString())
}

// setAllUnknown says that nothing computed is known before the apply.
func (m *model) setAllUnknown() {
	m.ID = types.StringUnknown()
	m.SlotAllocationIDs = types.MapUnknown(types.StringType)
	m.setListedUnknown()
	m.setSettlingUnknown()
	m.setNothingWrong()
}
