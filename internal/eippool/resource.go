// Package eippool is the resource crosscloudlink_eip_pool: Elastic IPs that keep their
// addresses, found again by their tags.
package eippool

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-log/tflog"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/clients"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/clouderr"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/eiptag"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/tfvalue"
)

// Default bounds of the operations; `timeouts` replaces them.
const (
	createTimeout = 10 * time.Minute
	readTimeout   = 5 * time.Minute
	updateTimeout = 10 * time.Minute
	deleteTimeout = 15 * time.Minute
)

// freeLimit bounds how long a destroy waits for addresses to come free: an instance that
// was just terminated lets go of its address some seconds later.
const freeLimit = 30 * time.Second

var (
	_ resource.ResourceWithConfigure      = (*Resource)(nil)
	_ resource.ResourceWithImportState    = (*Resource)(nil)
	_ resource.ResourceWithModifyPlan     = (*Resource)(nil)
	_ resource.ResourceWithValidateConfig = (*Resource)(nil)
)

// Resource is crosscloudlink_eip_pool.
type Resource struct {
	connect func(context.Context) (Backend, diag.Diagnostics)
	// reachable reports whether the cloud's configuration is known, so that a plan may ask it.
	reachable func() bool
}

// Backend is what the resource needs of the world: one account's Region, and whose the pools are.
type Backend struct {
	Region Region
	Quotas QuotaAPI
	Owner  string
	// HomeGroup is the Region's own network border group, which has the Region's name.
	HomeGroup   string
	DefaultTags map[string]string
}

// NewResource returns the resource.
func NewResource() resource.Resource { return &Resource{} }

// Metadata names the resource type.
func (r *Resource) Metadata(_ context.Context, req resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_eip_pool"
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
	r.Connect(c.KnownAWS, func(ctx context.Context) (Backend, diag.Diagnostics) {
		aws, diags := c.AWS(ctx)
		if diags.HasError() {
			return Backend{}, diags
		}
		return Backend{Region: Region{EC2: aws.EC2, Waiter: c.Waiter()}, Quotas: aws.Quotas, Owner: c.Owner(), HomeGroup: aws.Region, DefaultTags: aws.DefaultTags}, diags
	})
}

// Connect has the resource work on a backend: on the one that the provider's clients make, or on any other. reachable
// reports whether a plan may ask it already.
func (r *Resource) Connect(reachable func() bool, connect func(context.Context) (Backend, diag.Diagnostics)) {
	r.reachable, r.connect = reachable, connect
}

// ValidateConfig refuses what no cloud has to be asked about.
func (r *Resource) ValidateConfig(ctx context.Context, req resource.ValidateConfigRequest, resp *resource.ValidateConfigResponse) {
	var config model
	resp.Diagnostics.Append(req.Config.Get(ctx, &config)...)
	if resp.Diagnostics.HasError() {
		return
	}
	for key := range config.Tags.Elements() {
		if key == config.TagKey.ValueString() {
			resp.Diagnostics.AddAttributeError(path.Root("tags"), "The tag key is reserved", fmt.Sprintf("%q is this pool's tag_key, whose value is the pool's name. Take it out of tags.", key))
		}
	}
	if size := config.Size; !size.IsNull() && !size.IsUnknown() && wholly(config.Slots, config.Slots.Elements()) && int64(len(config.Slots.Elements())) > size.ValueInt64() {
		resp.Diagnostics.AddAttributeError(path.Root("slots"), "The pool has fewer addresses than slots",
			fmt.Sprintf("slots names %d places that keep an address each, and size is %d. Write size = %d or more.", len(config.Slots.Elements()), size.ValueInt64(), len(config.Slots.Elements())))
	}
	if config.Size.IsNull() || config.Size.IsUnknown() || !wholly(config.ExistingAllocationIDs, config.ExistingAllocationIDs.Elements()) || !wholly(config.Retire, config.Retire.Elements()) {
		return
	}
	retire := setOf(tfvalue.Strings(config.Retire.Elements()))
	brought := slices.DeleteFunc(tfvalue.Strings(config.ExistingAllocationIDs.Elements()), func(id string) bool { return retire[id] })
	if size := config.Size.ValueInt64(); int64(len(brought)) > size && size >= 1 {
		resp.Diagnostics.AddAttributeError(path.Root("size"), "The pool is smaller than the addresses it is given",
			fmt.Sprintf("size is %d, and existing_allocation_ids brings %d addresses. Write size = %d or more, or bring fewer.", size, len(brought), len(brought)))
	}
}

// Create adopts what an earlier create left, allocates the rest, and leaves nothing behind when it fails.
func (r *Resource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	var plan model
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	if resp.Diagnostics.HasError() {
		return
	}
	limit, diags := plan.Timeouts.Create(ctx, createTimeout)
	resp.Diagnostics.Append(diags...)
	ctx, cancel := context.WithTimeout(poolLog(ctx, plan), limit)
	defer cancel()
	b, diags := r.connect(ctx)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	s := plan.spec(b.Owner, b.DefaultTags)
	found, diags := b.survey(ctx, s, model{})
	resp.Diagnostics.Append(diags...)
	s.refuseForeign(found.memberships, &resp.Diagnostics)
	s.refuseOtherGroup(found.ours, b.HomeGroup, &resp.Diagnostics)
	if resp.Diagnostics.HasError() || !b.carriesOn(ctx, s, plan, found, &resp.Diagnostics) {
		return
	}
	c := &convergence{Backend: b, spec: s, all: found.all, ours: found.ours, slots: found.decision.Slots, newSlots: found.decision.NewSlots, diags: &resp.Diagnostics}
	done := plan
	c.saved = func(ours []Address) {
		done.setDone(ours)
		resp.Diagnostics.Append(resp.State.Set(ctx, &done)...)
	}
	if !c.gain(ctx, found.decision) {
		resp.State.RemoveResource(ctx)
		return
	}
	problems := c.finish(ctx, found.decision)
	if problems.HasError() {
		// An error with a state would taint the pool: the next apply would give its addresses away.
		resp.Diagnostics.Append(problems...)
		c.rollBack(ctx)
		resp.State.RemoveResource(ctx)
		return
	}
	c.saved(c.ours)
}

// setDone fills the computed attributes after an apply that left these addresses.
func (m *model) setDone(ours []Address) {
	m.ID = types.StringValue(PackID(m.Name.ValueString(), m.TagKey.ValueString()))
	m.setAddresses(ours, IDs(ours))
	m.setNothingWrong()
}

// carriesOn reports whether what is found at apply still allows what was planned.
func (b Backend) carriesOn(ctx context.Context, s Spec, plan model, found survey, diags *diag.Diagnostics) bool {
	b.refuse(ctx, s, found.decision, diags)
	if diags.HasError() {
		return false
	}
	now := plan
	now.planned(found.decision, found.ours)
	if !plan.agrees(now) {
		diags.AddError("The pool has changed since the plan",
			fmt.Sprintf("Pool %q is no longer what it was when this was planned: something has claimed, released or tagged one of its addresses (now: %s). Nothing was changed. Plan again.", s.Name, Names(found.ours)))
		return false
	}
	return true
}

// Read finds the pool by its tag, in one call whatever its size.
func (r *Resource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	var state model
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	if resp.Diagnostics.HasError() {
		return
	}
	limit, diags := state.Timeouts.Read(ctx, readTimeout)
	resp.Diagnostics.Append(diags...)
	ctx, cancel := context.WithTimeout(poolLog(ctx, state), limit)
	defer cancel()
	b, diags := r.connect(ctx)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	s := state.spec(b.Owner, b.DefaultTags)
	all, err := b.Region.Pool(ctx, s.TagKey, s.Name)
	if err != nil {
		clouderr.Add(&resp.Diagnostics, "Cannot read the pool", err, fmt.Sprintf("The addresses of pool %q cannot be listed (ec2:DescribeAddresses).", s.Name))
		return
	}
	found := s.sortOut(all, state.known())
	importing := state.Size.IsNull()
	if importing {
		s.refuseForeign(found, &resp.Diagnostics)
		if resp.Diagnostics.HasError() {
			return
		}
		if len(found.ours) == 0 {
			resp.State.RemoveResource(ctx)
			return
		}
		state.imported(s, b.HomeGroup, found.ours)
		s = state.spec(b.Owner, b.DefaultTags)
	} else {
		s.warnForeign(found, &resp.Diagnostics)
	}
	lost := state.lost(found.ours)
	if len(lost) > 0 {
		resp.Diagnostics.AddWarning("Addresses of the pool are gone",
			fmt.Sprintf("Pool %q no longer has %s: released, or their tag %s removed, behind Terraform's back. The next apply asks AWS for the same addresses, and replaces those that it does not give back.", s.Name, lostNames(lost), s.TagKey))
	}
	slots := state.slots()
	state.setAddresses(found.ours, state.order())
	state.setLost(lost, slots)
	state.DriftedAllocationIDs = tfvalue.List(s.drifted(found.ours, state.slots()))
	resp.Diagnostics.Append(resp.State.Set(ctx, &state)...)
}

// Update brings the pool to what the plan wants; new addresses come before old ones go.
func (r *Resource) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	var plan, before model
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	resp.Diagnostics.Append(req.State.Get(ctx, &before)...)
	if resp.Diagnostics.HasError() {
		return
	}
	if plan.refuseChanges(before, &resp.Diagnostics); resp.Diagnostics.HasError() {
		return
	}
	limit, diags := plan.Timeouts.Update(ctx, updateTimeout)
	resp.Diagnostics.Append(diags...)
	ctx, cancel := context.WithTimeout(poolLog(ctx, plan), limit)
	defer cancel()
	b, diags := r.connect(ctx)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	s := plan.spec(b.Owner, b.DefaultTags)
	found, diags := b.survey(ctx, s, before)
	resp.Diagnostics.Append(diags...)
	s.warnForeign(found.memberships, &resp.Diagnostics)
	if resp.Diagnostics.HasError() || !b.carriesOn(ctx, s, plan, found, &resp.Diagnostics) {
		return
	}
	c := &convergence{Backend: b, spec: s, slots: found.decision.Slots, newSlots: found.decision.NewSlots, dropped: plan.droppedTags(before), lost: before.lost(found.ours), all: found.all, ours: found.ours, diags: &resp.Diagnostics}
	partly := before
	c.saved = func(ours []Address) {
		partly.setAddresses(ours, IDs(ours))
		partly.setLost(before.lost(ours), before.slots())
		resp.Diagnostics.Append(resp.State.Set(ctx, &partly)...)
	}
	if !c.gain(ctx, found.decision) {
		return
	}
	resp.Diagnostics.Append(c.finish(ctx, found.decision)...)
	plan.setDone(c.ours)
	resp.Diagnostics.Append(resp.State.Set(ctx, &plan)...)
}

// Delete gives the addresses back, and the user's own their tags off; nothing at all while one
// of them is in use or admitted by a firewall.
func (r *Resource) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	var state model
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	if resp.Diagnostics.HasError() || state.refuseProtected(&resp.Diagnostics) {
		return
	}
	limit, diags := state.Timeouts.Delete(ctx, deleteTimeout)
	resp.Diagnostics.Append(diags...)
	ctx, cancel := context.WithTimeout(poolLog(ctx, state), limit)
	defer cancel()
	b, diags := r.connect(ctx)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	s := state.spec(b.Owner, b.DefaultTags)
	var inUse []Address
	all, free, err := b.Region.AwaitPool(ctx, s.TagKey, s.Name, fmt.Sprintf("the addresses of pool %q to come free", s.Name), freeLimit, func(found []Address) (string, bool) {
		ours := s.sortOut(found, state.known()).ours
		inUse = slices.DeleteFunc(slices.Clone(ours), func(a Address) bool { return !a.InUse() })
		return fmt.Sprintf("%d in use", len(inUse)), len(inUse) == 0 || s.ForceRelease || len(s.stillAdmitted(ours)) > 0
	})
	if err != nil {
		clouderr.Add(&resp.Diagnostics, "Cannot read the pool", err, fmt.Sprintf("Pool %q is to be destroyed; nothing was released.", s.Name))
		return
	}
	if admitted := s.stillAdmitted(s.sortOut(all, state.known()).ours); len(admitted) > 0 {
		resp.Diagnostics.AddError("A firewall still admits addresses of the pool",
			fmt.Sprintf("Pool %q has require_admission, and these addresses are still admitted: %s. Nothing was released: whoever gets them next would be let in.\n\nDestroy the crosscloudlink_eip_admission of this pool first, and the firewall's entries. If both are gone and only the tags %s are left, set force_release = true, apply, and destroy.",
				s.Name, Names(admitted), eiptag.Admission))
		return
	}
	if !free {
		resp.Diagnostics.AddError("Addresses of the pool are in use",
			fmt.Sprintf("Pool %q cannot be destroyed while something uses its addresses:\n%s\n\nNothing was released. Stop what uses them first; the crosscloudlink_lifecycle_eip_assigner of the pool does so when it is destroyed. force_release = true takes them from their users.",
				s.Name, InUseLines(b.Region.Named(ctx, inUse))))
		return
	}
	b.releaseAll(ctx, s, state.known(), &resp.Diagnostics)
}

// stillAdmitted returns the addresses of a gated pool that a firewall lets in, unless they are to go all the same.
func (s Spec) stillAdmitted(ours []Address) []Address {
	if !s.RequireAdmission || s.ForceRelease {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(ours), func(a Address) bool { return a.Tags[eiptag.Admission] != eiptag.AdmissionAdmitted })
}

// releaseAll empties the pool and looks again until EC2 lists nothing of it, so that an address that a
// lagging listing did not show goes too.
func (b Backend) releaseAll(ctx context.Context, s Spec, known map[string]bool, diags *diag.Diagnostics) {
	gone := map[string]bool{}
	expired := b.Region.expiry(settleLimit)
	err := b.Region.Waiter.Until(ctx, fmt.Sprintf("the addresses of pool %q to be gone", s.Name), func(ctx context.Context) (string, bool, error) {
		all, err := b.Region.Pool(ctx, s.TagKey, s.Name)
		if err != nil {
			return "", false, err
		}
		ours := s.sortOut(all, known).ours
		for _, a := range ours {
			if gone[a.AllocationID] {
				continue
			}
			if err := b.letGo(ctx, s, a); err != nil {
				return "", false, err
			}
			gone[a.AllocationID] = true
		}
		return fmt.Sprintf("%d listed", len(ours)), len(ours) == 0 || expired(), nil
	})
	switch {
	case IsInUse(err):
		clouderr.Add(diags, "An address was claimed during the destroy", err, fmt.Sprintf("Pool %q: %d addresses are gone, the others are left.", s.Name, len(gone)), "Stop what claims them, then destroy again.")
	case err != nil:
		clouderr.Add(diags, "Cannot release the pool's addresses", err, fmt.Sprintf("Pool %q: %d addresses are gone, the others are left.", s.Name, len(gone)), "Destroy again: it goes on from there.")
	}
}

func (b Backend) letGo(ctx context.Context, s Spec, a Address) error {
	if !a.Existing() && !s.Existing[a.AllocationID] {
		return b.release(ctx, s, a)
	}
	if err := b.takeAway(ctx, s, a); err != nil {
		return err
	}
	return b.Region.Untag(ctx, []string{a.AllocationID}, s.ownTags(a))
}

// ImportState takes a pool's name, or NAME,TAG_KEY.
func (r *Resource) ImportState(ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse) {
	name, tagKey, ok := UnpackID(req.ID)
	if !ok {
		resp.Diagnostics.AddError("Not the import id of a pool",
			fmt.Sprintf("%q is not of the form NAME or NAME,TAG_KEY. Write the pool's name, the value of the tag %s on its addresses; with another tag key, add that after a comma.", req.ID, eiptag.DefaultPoolKey))
		return
	}
	for at, value := range map[string]string{"id": PackID(name, tagKey), "name": name, "tag_key": tagKey} {
		resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root(at), value)...)
	}
}

func poolLog(ctx context.Context, m model) context.Context {
	return tflog.SetField(ctx, "eip_pool", m.Name.ValueString())
}

func lostNames(lost map[string]string) string {
	var names []Address
	for _, id := range sortedKeys(lost) {
		names = append(names, Address{AllocationID: id, PublicIP: lost[id]})
	}
	return Names(names)
}
