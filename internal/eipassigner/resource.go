package eipassigner

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-framework/types/basetypes"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/clients"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/clouderr"
)

// ResourceType is the resource's name without the provider's.
const ResourceType = "lifecycle_eip_assigner"

// Default timeouts. Instances take minutes to boot; on the way down they also drain.
const (
	createTimeout = 20 * time.Minute
	readTimeout   = 5 * time.Minute
	updateTimeout = 20 * time.Minute
	deleteTimeout = 30 * time.Minute
	// detachedTimeout bounds reading back and rolling back after a cancellation.
	detachedTimeout = 2 * time.Minute
)

var (
	_ resource.ResourceWithConfigure      = (*Resource)(nil)
	_ resource.ResourceWithImportState    = (*Resource)(nil)
	_ resource.ResourceWithModifyPlan     = (*Resource)(nil)
	_ resource.ResourceWithValidateConfig = (*Resource)(nil)
)

// objectAsOptions refuses unknown and null members: they have been looked for before.
var objectAsOptions = basetypes.ObjectAsOptions{}

// Resource is crosscloudlink_lifecycle_eip_assigner.
type Resource struct {
	// connect reaches AWS; nil until the provider is configured.
	connect func(context.Context) (*cloud, diag.Diagnostics)
	// cloudKnown reports whether the provider's aws block is known, so that a plan may connect.
	cloudKnown func() bool
	owner      func() string
	archive    func(architecture string) (archive, error)
}

// NewResource returns the resource, not yet configured.
func NewResource() resource.Resource {
	return &Resource{archive: func(architecture string) (archive, error) { return readArchive(embedded, architecture) }}
}

// Metadata gives the resource's type.
func (r *Resource) Metadata(_ context.Context, req resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_" + ResourceType
}

// Schema describes the resource.
func (r *Resource) Schema(ctx context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	resp.Schema = resourceSchema(ctx)
}

// Configure takes the provider's clients.
func (r *Resource) Configure(_ context.Context, req resource.ConfigureRequest, resp *resource.ConfigureResponse) {
	c := clients.FromProviderData(req.ProviderData, &resp.Diagnostics)
	if c == nil {
		return
	}
	r.owner, r.cloudKnown = c.Owner, c.KnownAWS
	r.connect = func(ctx context.Context) (*cloud, diag.Diagnostics) {
		a, diags := c.AWS(ctx)
		if diags.HasError() {
			return nil, diags
		}
		return newCloud(a, c.Waiter()), diags
	}
}

// job is what each of Create, Update, Read and Delete works on.
type job struct {
	*cloud
	spec spec
	code archive
}

func (j job) all() []part { return j.parts(j.spec, j.code) }

// begin connects and translates a model whose values are all known.
func (r *Resource) begin(ctx context.Context, m model) (job, diag.Diagnostics) {
	c, diags := r.connect(ctx)
	if diags.HasError() {
		return job{}, diags
	}
	s, specDiags := m.toSpec(ctx, r.owner(), c.defaultTags)
	diags.Append(specDiags...)
	code, err := r.archive(s.architecture)
	if errors.Is(err, errNoArchive) {
		// Read and Delete go without: what is there is compared with the state's hash.
		code, err = archive{}, nil
	}
	if err != nil {
		diags.AddError("The Lambda function's archive cannot be read", err.Error())
	}
	return job{cloud: c, spec: s, code: code}, diags
}

// Create makes or adopts the parts and raises the group. It fails only before anything exists or
// after rolling back; what is slow ends as a warning and a planned update.
func (r *Resource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	var plan model
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	timeout, diags := plan.Timeouts.Create(ctx, createTimeout)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	j, diags := r.begin(ctx, plan)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	_, diags = j.checkGroup(ctx, j.spec.group)
	resp.Diagnostics.Append(diags...)
	before, err := j.lookAtFleet(ctx, j.spec)
	if err != nil {
		clouderr.Add(&resp.Diagnostics, "Cannot read group and pool", err, "Nothing was made.")
	}
	if resp.Diagnostics.HasError() {
		return
	}
	resp.Diagnostics.Append(checkCapacity(plan.configuredSurge().with(before.surge), int64(before.active), plan.MaxSize.ValueInt64(), j.spec.pool, false)...)
	if resp.Diagnostics.HasError() {
		return
	}
	found, err := survey(ctx, j.all())
	if err != nil {
		clouderr.Add(&resp.Diagnostics, "Cannot look for existing parts of the assigner", err, "Nothing was made.")
		return
	}
	if _, err := existing(found); err != nil {
		resp.Diagnostics.Append(foreignError(j.spec, err))
		return
	}
	plan.setDerived(j.spec, j.code)
	if plan.DesiredCapacity.IsUnknown() {
		plan.DesiredCapacity = plan.MinSize
	}
	var made undo
	if err := putAll(ctx, j.all(), found, &made); err != nil {
		if ctx.Err() == nil {
			j.rollBack(ctx, &made, "Cannot make the assigner", err, &resp.Diagnostics)
			return
		}
		// Interrupted: what exists is kept, and the next apply goes on.
		r.finish(ctx, j, &plan, err, &resp.State, &resp.Diagnostics)
		return
	}
	plan.setStatus(statusIncomplete, "The group has not been raised yet.", before.inService(), nil)
	resp.Diagnostics.Append(resp.State.Set(ctx, &plan)...)
	// A refusal here is not rolled back: its answer may have been lost, and then instances
	// start that only the hooks keep out of service.
	err = j.raise(ctx, plan, before)
	r.finish(ctx, j, &plan, err, &resp.State, &resp.Diagnostics)
}

// raise gives the group its size.
func (j job) raise(ctx context.Context, m model, f fleet) error {
	to, needed := f.resize(m.MinSize.ValueInt64(), m.MaxSize.ValueInt64(), m.DesiredCapacity.ValueInt64())
	if !needed {
		return nil
	}
	return j.setSize(ctx, j.spec.group, to)
}

// rollBack takes back what was made, and reports what went wrong.
func (j job) rollBack(ctx context.Context, made *undo, summary string, cause error, diags *diag.Diagnostics) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), detachedTimeout)
	defer cancel()
	next := "What had been made was taken back."
	if err := made.run(ctx); err != nil {
		next = fmt.Sprintf("Taking back what had been made failed too: %s. It carries the tag of this configuration, and the next apply adopts it.", err)
	}
	clouderr.Add(diags, summary, cause, fmt.Sprintf("For group %s: %s", j.spec.group.name, cause), next)
}

// finish waits for the fleet, unless cause says that something before already failed, reads
// everything back, and writes the state. Nothing here fails the apply: what is not ready is a
// warning and, in the next plan, an update.
func (r *Resource) finish(ctx context.Context, j job, m *model, cause error, state *tfsdk.State, diags *diag.Diagnostics) {
	if cause == nil {
		_, cause = j.awaitFleet(ctx, j.spec)
	}
	interrupted := ctx.Err() != nil
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), detachedTimeout)
	defer cancel()
	if err := j.readBack(ctx, m); err != nil {
		m.setStatus(statusIncomplete, "The state could not be read back: "+err.Error(), 0, nil)
	}
	diags.Append(state.Set(ctx, m)...)
	if m.Status.ValueString() == statusInService && len(m.DriftedParts.Elements()) == 0 {
		return
	}
	why := m.StatusReason.ValueString()
	if cause != nil {
		why = strings.TrimSpace(why + "\n\n" + cause.Error())
	}
	if interrupted {
		why += "\n\nThe apply ended before this was done."
	}
	diags.AddWarning("The assigner is not ready: "+m.Status.ValueString(),
		fmt.Sprintf("%d of at least %d instances of group %s are in service with an address of pool %s. %s\n\n"+
			"Nothing has to be undone: the function goes on by itself, and the next plan shows an update until all are in service. Its log is %s.",
			m.InServiceCount.ValueInt64(), m.MinSize.ValueInt64(), j.spec.group.name, j.spec.pool, why, j.spec.logGroup()))
}

// readBack reads parts and fleet, and fills in the computed attributes that depend on them.
func (j job) readBack(ctx context.Context, m *model) error {
	found, err := survey(ctx, j.all())
	if err != nil {
		return err
	}
	f, err := j.lookAtFleet(ctx, j.spec)
	if err != nil {
		return err
	}
	status, reason := f.status(j.spec.group.name, j.spec.pool)
	missing := drifted(found)
	if status == statusInService && (f.min != m.MinSize.ValueInt64() || f.max != m.MaxSize.ValueInt64()) {
		status, reason = statusIncomplete, fmt.Sprintf("The group's sizes are min %d and max %d, not %d and %d.", f.min, f.max, m.MinSize.ValueInt64(), m.MaxSize.ValueInt64())
	}
	if status == statusInService && len(missing) > 0 {
		status, reason = statusIncomplete, "Missing or changed: "+strings.Join(missing, ", ")+"."
	}
	m.setStatus(status, reason, f.inService(), missing)
	return nil
}

// Read reads every part and the fleet back. The resource is gone only when nothing of it is left.
func (r *Resource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	var state model
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	timeout, diags := state.Timeouts.Read(ctx, readTimeout)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	if state.PoolName.IsNull() {
		found, diags := r.readImported(ctx, &state)
		resp.Diagnostics.Append(diags...)
		if resp.Diagnostics.HasError() {
			return
		}
		if !found {
			resp.State.RemoveResource(ctx)
			return
		}
	}
	j, diags := r.begin(ctx, state)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	// Drift is against what was applied; what a newer provider would apply is the plan's matter.
	j.code.hash = state.SourceCodeHash.ValueString()
	found, err := survey(ctx, j.all())
	if err == nil && len(drifted(found)) > 0 {
		if count, _ := existing(found); count == 0 {
			resp.Diagnostics.AddWarning("The assigner is gone", fmt.Sprintf("Nothing of the assigner %q for group %s exists any more. It is taken out of the state, and the next apply makes it anew.", j.spec.name, j.spec.group.name))
			resp.State.RemoveResource(ctx)
			return
		}
	}
	if err == nil {
		err = j.refresh(ctx, &state, found)
	}
	if err != nil {
		clouderr.Add(&resp.Diagnostics, "Cannot read the assigner", err, fmt.Sprintf("Assigner %q of group %s.", j.spec.name, j.spec.group.name))
		return
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, &state)...)
}

// refresh brings the state in line with what was found.
func (j job) refresh(ctx context.Context, state *model, found [][]finding) error {
	f, err := j.lookAtFleet(ctx, j.spec)
	if err != nil {
		return err
	}
	if f.found {
		state.MinSize, state.MaxSize = int64Value(f.min), int64Value(f.max)
	}
	status, reason := f.status(j.spec.group.name, j.spec.pool)
	state.setStatus(status, reason, f.inService(), drifted(found))
	return nil
}

// Update repairs and changes the parts in place, sets the group's bounds, and waits again.
func (r *Resource) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	var plan, state model
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	timeout, diags := plan.Timeouts.Update(ctx, updateTimeout)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	j, diags := r.begin(ctx, plan)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	old, diags := r.begin(ctx, state)
	resp.Diagnostics.Append(diags...)
	_, diags = j.checkGroup(ctx, j.spec.group)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	before, err := j.lookAtFleet(ctx, j.spec)
	if err != nil {
		clouderr.Add(&resp.Diagnostics, "Cannot read group and pool", err, "Nothing was changed.")
		return
	}
	// Only what needs more addresses than before is refused: a repair must not wait for one.
	needs, needed := plan.configuredSurge().with(before.surge), state.configuredSurge().with(before.surge).needs(state.MaxSize.ValueInt64())
	if needs.needs(plan.MaxSize.ValueInt64()) > needed {
		resp.Diagnostics.Append(checkCapacity(needs, int64(before.active), plan.MaxSize.ValueInt64(), j.spec.pool, false)...)
		if resp.Diagnostics.HasError() {
			return
		}
	}
	plan.setDerived(j.spec, j.code)
	if err := j.change(ctx, old, plan, before); err != nil {
		// The state stays as it was, so that the next apply still knows what this one was to take off.
		clouderr.Add(&resp.Diagnostics, "Cannot change the assigner", err, fmt.Sprintf("Assigner %q of group %s: %s", j.spec.name, j.spec.group.name, err),
			"What had been changed before stays; the next plan shows what is left to do.")
		return
	}
	r.finish(ctx, j, &plan, nil, &resp.State, &resp.Diagnostics)
}

// change puts every part as it should be, takes off what the plan takes off, and resizes.
func (j job) change(ctx context.Context, old job, plan model, before fleet) error {
	found, err := survey(ctx, j.all())
	if err != nil {
		return err
	}
	// Nothing is rolled back: a half changed assigner serves better than none.
	var made undo
	if err := putAll(ctx, j.all(), found, &made); err != nil {
		return err
	}
	if gone := removedTags(old.spec.tags, j.spec.tags); len(gone) > 0 {
		for _, p := range j.all() {
			if tagged, ok := p.(interface {
				untag(context.Context, []string) error
			}); ok {
				if err := write(ctx, func(ctx context.Context) error { return tagged.untag(ctx, gone) }); err != nil {
					return fmt.Errorf("removing tags: %w", err)
				}
			}
		}
	}
	if old.spec.codeSigning != "" && j.spec.codeSigning == "" {
		if err := write(ctx, functionPart(j).dropSigning); err != nil {
			return err
		}
	}
	if old.spec.ownRole() && !j.spec.ownRole() {
		if err := write(ctx, rolePart{old.cloud, old.spec}.remove); err != nil {
			return err
		}
	}
	return j.raise(ctx, plan, before)
}

// Delete empties the group while the function serves it, then takes the parts away, hooks first
// among them: an instance that left later would else wait for nobody.
func (r *Resource) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	var state model
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	timeout, diags := state.Timeouts.Delete(ctx, deleteTimeout)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	j, diags := r.begin(ctx, state)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	if err := j.drain(ctx, j.spec.group); err != nil {
		clouderr.Add(&resp.Diagnostics, "Cannot empty the Auto Scaling group", err, fmt.Sprintf("Group %s: %s", j.spec.group.name, err),
			"The function and its hooks stay until the group is empty. Instances protected from scale-in have to be released; then destroy again.")
		return
	}
	all := j.all()
	for n := len(all) - 1; n >= 0; n-- {
		if err := write(ctx, all[n].remove); err != nil {
			clouderr.Add(&resp.Diagnostics, "Cannot delete the assigner", err, fmt.Sprintf("Assigner %q of group %s: %s", j.spec.name, j.spec.group.name, err), "Destroy again to go on.")
			return
		}
	}
	j.reportLeft(ctx, &resp.Diagnostics)
}

// reportLeft warns of what has our names and was left because it is not (any more) marked as ours.
func (j job) reportLeft(ctx context.Context, diags *diag.Diagnostics) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), detachedTimeout)
	defer cancel()
	found, err := survey(ctx, j.all())
	if err != nil {
		return
	}
	if _, err := existing(found); err != nil {
		diags.AddWarning("Parts of the assigner were left", fmt.Sprintf("They do not carry the mark of this configuration (owner %q), so they were not deleted:\n\n%s", j.spec.owner, err))
	}
}

// ImportState takes NAME,AUTO_SCALING_GROUP_ARN; the rest is read from AWS.
func (r *Resource) ImportState(ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse) {
	name, arn, ok := unpackID(req.ID)
	if !ok {
		resp.Diagnostics.AddError("Not an assigner's id", fmt.Sprintf("%q is not NAME,AUTO_SCALING_GROUP_ARN, such as egress,arn:aws:autoscaling:us-east-1:123456789012:autoScalingGroup:UUID:autoScalingGroupName/proxies.", req.ID))
		return
	}
	resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root("id"), req.ID)...)
	resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root("name"), name)...)
	resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root("auto_scaling_group_arn"), arn)...)
}

// sameSpec reports whether two specs make the same objects.
func sameSpec(a, b spec) bool { return reflect.DeepEqual(a, b) }
