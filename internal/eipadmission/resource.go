// Package eipadmission is the resource crosscloudlink_eip_admission: it lets an address of
// a pool be claimed only while all of its firewalls list it.
package eipadmission

import (
	"context"
	"fmt"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-log/tflog"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/clients"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/clouderr"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/eippool"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/eiptag"
)

// Default bounds of the operations; `timeouts` replaces them.
const (
	createTimeout = 5 * time.Minute
	readTimeout   = 5 * time.Minute
	updateTimeout = 5 * time.Minute
	deleteTimeout = 5 * time.Minute
)

// appearLimit bounds the wait for a pool that was just made to be listed.
const appearLimit = 30 * time.Second

var (
	_ resource.ResourceWithConfigure   = (*Resource)(nil)
	_ resource.ResourceWithImportState = (*Resource)(nil)
	_ resource.ResourceWithModifyPlan  = (*Resource)(nil)
)

// Resource is crosscloudlink_eip_admission.
type Resource struct {
	connect func(context.Context) (backend, diag.Diagnostics)
	// reachable reports whether the cloud's configuration is known, so that a plan may ask it.
	reachable func() bool
}

// backend is what the resource needs of the world: one account's Region, and whose the pools are.
type backend struct {
	region eippool.Region
	owner  string
}

// NewResource returns the resource.
func NewResource() resource.Resource { return &Resource{} }

// Metadata names the resource type.
func (r *Resource) Metadata(_ context.Context, req resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_eip_admission"
}

// Schema describes the attributes.
func (r *Resource) Schema(ctx context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	resp.Schema = resourceSchema(ctx)
}

// Configure takes the provider's clients.
func (r *Resource) Configure(_ context.Context, req resource.ConfigureRequest, resp *resource.ConfigureResponse) {
	c := clients.FromProviderData(req.ProviderData, &resp.Diagnostics)
	if c == nil {
		return
	}
	r.reachable = c.KnownAWS
	r.connect = func(ctx context.Context) (backend, diag.Diagnostics) {
		aws, diags := c.AWS(ctx)
		if diags.HasError() {
			return backend{}, diags
		}
		return backend{region: eippool.Region{EC2: aws.EC2, Waiter: c.Waiter()}, owner: c.Owner()}, diags
	}
}

// ModifyPlan shows an update while tags and firewalls disagree, and refuses a pool of another owner and firewalls that
// keep what the pool releases.
func (r *Resource) ModifyPlan(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	var plan, before model
	if !req.State.Raw.IsNull() {
		resp.Diagnostics.Append(req.State.Get(ctx, &before)...)
	}
	if req.Plan.Raw.IsNull() {
		if !resp.Diagnostics.HasError() {
			r.planDestroy(ctx, before, &resp.Diagnostics)
		}
		return
	}
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	if resp.Diagnostics.HasError() {
		return
	}
	creating := req.State.Raw.IsNull() || !plan.PoolName.Equal(before.PoolName) || !plan.TagKey.Equal(before.TagKey)
	switch {
	case creating:
		plan.setUnknown()
		r.planCreate(ctx, plan, &resp.Diagnostics)
	case plan.Firewalls.Equal(before.Firewalls) && len(before.UnsettledAllocationIDs.Elements()) == 0:
		plan.setComputedFrom(before)
	default:
		plan.setUnknown()
	}
	if !creating && len(plan.keepers()) > 0 {
		if b, found, ok := r.lookAhead(ctx, plan, &resp.Diagnostics); ok {
			ours, _ := membersOf(found, b.owner)
			plan.refuseKeepers(ours, &resp.Diagnostics)
		}
	}
	resp.Diagnostics.Append(resp.Plan.Set(ctx, &plan)...)
}

// lookAhead lists the pool in a plan, where that is possible; ok is false where it is not.
func (r *Resource) lookAhead(ctx context.Context, m model, diags *diag.Diagnostics) (b backend, found []eippool.Address, ok bool) {
	if m.PoolName.IsUnknown() || m.TagKey.IsUnknown() || !r.reachable() {
		return backend{}, nil, false
	}
	b, more := r.connect(ctx)
	diags.Append(more...)
	if more.HasError() {
		return backend{}, nil, false
	}
	found, err := b.region.Pool(ctx, m.TagKey.ValueString(), m.PoolName.ValueString())
	if err != nil {
		clouderr.Add(diags, "Cannot list the pool", err, fmt.Sprintf("The addresses of pool %q cannot be listed (ec2:DescribeAddresses).", m.PoolName.ValueString()))
		return backend{}, nil, false
	}
	return b, found, true
}

// planCreate looks at a pool that exists already; one that the same apply makes is looked at then.
func (r *Resource) planCreate(ctx context.Context, plan model, diags *diag.Diagnostics) {
	b, found, ok := r.lookAhead(ctx, plan, diags)
	if !ok {
		return
	}
	ours, others := membersOf(found, b.owner)
	if refuseOthers(plan, b.owner, ours, others, diags) || plan.refuseKeepers(ours, diags) {
		return
	}
	if len(found) == 0 {
		if hint := b.region.CaseHint(ctx, plan.TagKey.ValueString(), plan.PoolName.ValueString()); hint != "" {
			diags.AddAttributeWarning(path.Root("pool_name"), "The pool has no addresses yet, and another one has its name in another case",
				fmt.Sprintf("No Elastic IP carries the tag %s = %q. If this apply makes the pool, all is well; if not, it will fail.\n\n%s", plan.TagKey.ValueString(), plan.PoolName.ValueString(), hint))
		}
	}
	if n := len(admitted(ours)); n > 0 {
		diags.AddWarning(fmt.Sprintf("%d addresses of this pool are admitted already and will be taken over", n),
			fmt.Sprintf("In pool %q these are tagged as admitted: %s. An apply that was interrupted leaves them so. If another crosscloudlink_eip_admission manages this pool, the two undo each other's work: keep one.", plan.PoolName.ValueString(), eippool.Names(admitted(ours))))
	}
}

// planDestroy refuses to open the way for a pool that releases while a firewall keeps its entries. Such a pool grew since the
// admission was last applied.
func (r *Resource) planDestroy(ctx context.Context, state model, diags *diag.Diagnostics) {
	if len(state.keepers()) == 0 {
		return
	}
	if b, found, ok := r.lookAhead(ctx, state, diags); ok {
		if ours, _ := membersOf(found, b.owner); len(ours) > 0 {
			state.refuseKeepers(ours, diags)
		}
	}
}

// refuseOthers reports a pool that another owner has.
func refuseOthers(m model, owner string, ours, others []eippool.Address, diags *diag.Diagnostics) bool {
	if len(ours) > 0 || len(others) == 0 {
		return false
	}
	diags.AddAttributeError(path.Root("pool_name"), "The pool belongs to another owner",
		fmt.Sprintf("The addresses of pool %q belong to owner %q, and this provider's owner is %q: %s. Admit them where the pool is managed, or set the provider's `owner` to that owner.",
			m.PoolName.ValueString(), others[0].Tags[eiptag.Owner], owner, eippool.Names(others)))
	return true
}

// Create admits what all firewalls list.
func (r *Resource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	var plan model
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	limit, diags := plan.Timeouts.Create(ctx, createTimeout)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	// What was tagged before an error needs no rollback: it says what the firewalls list, and the next create finds it.
	if r.apply(ctx, limit, &plan, &resp.Diagnostics) {
		resp.Diagnostics.Append(resp.State.Set(ctx, &plan)...)
	}
}

// Update follows the firewalls' lists.
func (r *Resource) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	var plan model
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	limit, diags := plan.Timeouts.Update(ctx, updateTimeout)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	if r.apply(ctx, limit, &plan, &resp.Diagnostics) {
		resp.Diagnostics.Append(resp.State.Set(ctx, &plan)...)
	}
}

// apply brings tags and firewalls together and fills the model; false means that it could not.
func (r *Resource) apply(ctx context.Context, limit time.Duration, m *model, diags *diag.Diagnostics) bool {
	ctx, cancel := context.WithTimeout(poolLog(ctx, *m), limit)
	defer cancel()
	if m.refuseUntold(diags) {
		return false
	}
	b, more := r.connect(ctx)
	diags.Append(more...)
	if more.HasError() {
		return false
	}
	g := gate{backend: b, key: m.TagKey.ValueString(), name: m.PoolName.ValueString(), diags: diags}
	if !g.look(ctx, *m) || m.refuseKeepers(g.ours, diags) {
		return false
	}
	v := m.judge(g.ours)
	if v.Ungated {
		diags.AddAttributeError(path.Root("pool_name"), "The pool requires no admission",
			fmt.Sprintf("The addresses of pool %q may be claimed without an admission, so this resource would guard nothing. Set require_admission = true on its crosscloudlink_eip_pool, or remove this resource.", g.name))
		return false
	}
	if len(v.Foreign) > 0 {
		tflog.Info(ctx, "the firewalls list addresses that are not of the pool", map[string]any{"public_ips": v.Foreign})
	}
	released, ok := g.follow(ctx, v)
	if !ok {
		return false
	}
	g.settle(ctx)
	m.setSeen(g.ours)
	m.setReleased(released)
	return true
}

// Read looks at the pool's tags, in one call.
func (r *Resource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	var state model
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	limit, diags := state.Timeouts.Read(ctx, readTimeout)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	ctx, cancel := context.WithTimeout(poolLog(ctx, state), limit)
	defer cancel()
	b, diags := r.connect(ctx)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	name := state.PoolName.ValueString()
	found, err := b.region.Pool(ctx, state.TagKey.ValueString(), name)
	if err != nil {
		clouderr.Add(&resp.Diagnostics, "Cannot read the admission", err, fmt.Sprintf("The addresses of pool %q cannot be listed (ec2:DescribeAddresses).", name))
		return
	}
	ours, _ := membersOf(found, b.owner)
	if len(ours) == 0 {
		if !state.Firewalls.IsNull() {
			resp.Diagnostics.AddWarning("The pool has no addresses any more", fmt.Sprintf("No address of owner %q carries the tag %s = %q, so there is nothing that is admitted. The admission is planned anew.", b.owner, state.TagKey.ValueString(), name))
		}
		resp.State.RemoveResource(ctx)
		return
	}
	if state.ReleasedAllocationIDs.IsNull() { // imported
		state.setReleased(nil)
	}
	state.setSeen(ours)
	resp.Diagnostics.Append(resp.State.Set(ctx, &state)...)
}

// Delete withdraws the admission from all addresses of the pool.
func (r *Resource) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	var state model
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	limit, diags := state.Timeouts.Delete(ctx, deleteTimeout)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	ctx, cancel := context.WithTimeout(poolLog(ctx, state), limit)
	defer cancel()
	b, diags := r.connect(ctx)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	g := gate{backend: b, key: state.TagKey.ValueString(), name: state.PoolName.ValueString(), diags: &resp.Diagnostics}
	found, err := b.region.Pool(ctx, g.key, g.name)
	if err != nil {
		clouderr.Add(&resp.Diagnostics, "Cannot read the admission", err, fmt.Sprintf("The admission of pool %q is to be withdrawn; nothing was changed.", g.name))
		return
	}
	g.ours, _ = membersOf(found, b.owner)
	if len(g.ours) > 0 && state.refuseKeepers(g.ours, &resp.Diagnostics) {
		return
	}
	if withdraw := admitted(g.ours); g.withdraw(ctx, withdraw, "this admission is destroyed") && len(withdraw) > 0 {
		g.settle(ctx)
	}
}

// ImportState takes a pool's name, or NAME,TAG_KEY.
func (r *Resource) ImportState(ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse) {
	name, tagKey, ok := eippool.UnpackID(req.ID)
	if !ok {
		resp.Diagnostics.AddError("Not the import id of an admission",
			fmt.Sprintf("%q is not of the form NAME or NAME,TAG_KEY. Write the pool's name, the value of the tag %s on its addresses; with another tag key, add that after a comma.", req.ID, eiptag.DefaultPoolKey))
		return
	}
	for at, value := range map[string]string{"id": eippool.PackID(name, tagKey), "pool_name": name, "tag_key": tagKey} {
		resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root(at), value)...)
	}
}

func poolLog(ctx context.Context, m model) context.Context {
	return tflog.SetField(ctx, "eip_pool", m.PoolName.ValueString())
}
