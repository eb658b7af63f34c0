package eipassigner

import (
	"context"
	"errors"
	"fmt"

	astypes "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/clouderr"
)

// ValidateConfig refuses sizes that contradict each other.
func (r *Resource) ValidateConfig(ctx context.Context, req resource.ValidateConfigRequest, resp *resource.ValidateConfigResponse) {
	var config model
	resp.Diagnostics.Append(req.Config.Get(ctx, &config)...)
	if resp.Diagnostics.HasError() {
		return
	}
	resp.Diagnostics.Append(checkSizes(config)...)
	// Whether zones are rebalanced is the plan's to find out.
	least := config
	if least.RebalanceMargin.IsNull() {
		least.RebalanceMargin = types.Int64Unknown()
	}
	resp.Diagnostics.Append(least.checkPoolSize(nil)...)
	if isKnown(config.RoleARN) && isKnown(config.PermissionsBoundaryARN) {
		resp.Diagnostics.AddAttributeError(path.Root("permissions_boundary_arn"), "A boundary for a role that is not made",
			"With `role_arn` no role is made, so there is none to put `permissions_boundary_arn` on. Leave one of the two out; a role of your own has a boundary of your own.")
	}
}

// checkSizes compares what is known of the sizes.
func checkSizes(m model) diag.Diagnostics {
	var diags diag.Diagnostics
	if isKnown(m.MinSize) && isKnown(m.MaxSize) && m.MinSize.ValueInt64() > m.MaxSize.ValueInt64() {
		diags.AddAttributeError(path.Root("min_size"), "min_size is larger than max_size",
			fmt.Sprintf("min_size is %d and max_size is %d. Write a min_size of at most %[2]d, or a larger max_size.", m.MinSize.ValueInt64(), m.MaxSize.ValueInt64()))
	}
	if isKnown(m.DesiredCapacity) {
		desired := m.DesiredCapacity.ValueInt64()
		if isKnown(m.MinSize) && desired < m.MinSize.ValueInt64() || isKnown(m.MaxSize) && desired > m.MaxSize.ValueInt64() {
			diags.AddAttributeError(path.Root("desired_capacity"), "desired_capacity is not between min_size and max_size",
				fmt.Sprintf("desired_capacity is %d, min_size %s and max_size %s. Write a number between them.", desired, m.MinSize, m.MaxSize))
		}
	}
	return diags
}

// ModifyPlan says what the apply will make, refuses what cannot work, and plans an update
// while parts have drifted or instances are not in service.
func (r *Resource) ModifyPlan(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	if req.Plan.Raw.IsNull() || r.connect == nil {
		return
	}
	var plan, config model
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	resp.Diagnostics.Append(req.Config.Get(ctx, &config)...)
	var state *model
	if !req.State.Raw.IsNull() {
		state = &model{}
		resp.Diagnostics.Append(req.State.Get(ctx, state)...)
	}
	if resp.Diagnostics.HasError() {
		return
	}
	code, diags := r.planCode(&plan)
	resp.Diagnostics.Append(diags...)
	planDesired(&plan, state)
	plan.PoolSize = config.PoolSize
	replaced := state != nil && (!plan.Name.Equal(state.Name) || !plan.AutoScalingGroupARN.Equal(state.AutoScalingGroupARN))
	if state == nil || replaced {
		plan.setStatusUnknown()
	}
	// The sizes once more: a default or a value known only now may contradict another.
	sizes := plan
	if state != nil {
		// What the group began with binds nobody later.
		sizes.DesiredCapacity = types.Int64Null()
	}
	resp.Diagnostics.Append(checkSizes(sizes)...)
	if resp.Diagnostics.HasError() {
		return
	}
	if config.PoolSize.IsNull() && state != nil {
		// Not given: what an import found stays, and is checked against nothing.
		plan.PoolSize = state.PoolSize
	}
	if !plan.inputsKnown(ctx) {
		plan.setDerivedUnknown()
		plan.setStatusUnknown()
		resp.Diagnostics.Append(sizes.checkPoolSize(nil)...)
		resp.Diagnostics.Append(resp.Plan.Set(ctx, &plan)...)
		return
	}
	if !r.cloudKnown() {
		resp.Diagnostics.Append(sizes.checkPoolSize(nil)...)
		// The default tags may be unknown too, but nothing that is shown depends on them.
		r.planDerived(ctx, &plan, code, nil, &resp.Diagnostics)
		resp.Diagnostics.Append(resp.Plan.Set(ctx, &plan)...)
		return
	}
	c, diags := r.connect(ctx)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	s := r.planDerived(ctx, &plan, code, c.defaultTags, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	var group *surge
	if state == nil || replaced {
		group = planCreate(ctx, c, s, code, &resp.Diagnostics)
	} else {
		group = r.planUpdate(ctx, c, s, &plan, *state, &resp.Diagnostics)
	}
	if resp.Diagnostics.HasError() {
		return
	}
	resp.Diagnostics.Append(sizes.checkPoolSize(group)...)
	if config.PoolSize.IsNull() && (state == nil || replaced || !plan.MaxSize.Equal(state.MaxSize)) {
		planPool(ctx, c, s, plan, group, &resp.Diagnostics)
	}
	resp.Diagnostics.Append(resp.Plan.Set(ctx, &plan)...)
}

// planCode finds the function's archive; its hash needs the architecture only.
func (r *Resource) planCode(plan *model) (archive, diag.Diagnostics) {
	var diags diag.Diagnostics
	plan.SourceCodeHash = types.StringUnknown()
	if plan.Architecture.IsUnknown() {
		return archive{}, nil
	}
	code, err := r.archive(plan.Architecture.ValueString())
	if errors.Is(err, errNoArchive) {
		diags.AddAttributeError(path.Root("architecture"), "The provider was built without the Lambda function",
			fmt.Sprintf("This build of the provider does not contain the function's archive for %s, so it cannot make an assigner. "+
				"Use a released provider, or build it with `make build`, which runs `go run ./internal/cmd/lambdazip` first.", plan.Architecture.ValueString()))
	} else if err != nil {
		diags.AddAttributeError(path.Root("architecture"), "The Lambda function's archive cannot be read", err.Error())
	}
	plan.SourceCodeHash = types.StringValue(code.hash)
	return code, diags
}

// planDesired keeps the initial capacity out of later plans, and gives it its default.
func planDesired(plan, state *model) {
	switch {
	case state != nil && !state.DesiredCapacity.IsNull():
		plan.DesiredCapacity = state.DesiredCapacity
	case plan.DesiredCapacity.IsUnknown() || plan.DesiredCapacity.IsNull():
		plan.DesiredCapacity = plan.MinSize
	}
}

func (r *Resource) planDerived(ctx context.Context, plan *model, code archive, defaultTags map[string]string, diags *diag.Diagnostics) spec {
	s, specDiags := plan.toSpec(ctx, r.owner(), defaultTags)
	diags.Append(specDiags...)
	if !diags.HasError() {
		plan.setDerived(s, code)
	}
	return s
}

// planCreate looks whether the group is there, and what of ours is already.
func planCreate(ctx context.Context, c *cloud, s spec, code archive, diags *diag.Diagnostics) *surge {
	group, groupDiags := c.checkGroup(ctx, s.group)
	diags.Append(groupDiags...)
	if diags.HasError() {
		return nil
	}
	is := surgeOf(*group)
	found, err := survey(ctx, c.parts(s, code))
	if err != nil {
		clouderr.Add(diags, "Cannot look for existing parts of the assigner", err, "Before it is made, the assigner's parts are looked for, to adopt what an interrupted apply left.")
		return nil
	}
	count, err := existing(found)
	if err != nil {
		diags.Append(foreignError(s, err))
		return nil
	}
	if count > 0 {
		diags.AddWarning("Existing parts of the assigner will be adopted",
			fmt.Sprintf("%d objects of the assigner %q for group %s exist already, and are of this configuration: an apply was interrupted. They will be adopted.", count, s.name, s.group.name))
	}
	return &is
}

// planPool compares pool and fleet as they are now. The pool may grow in this very apply, so
// that this is no more than a warning; see pool_size.
func planPool(ctx context.Context, c *cloud, s spec, plan model, group *surge, diags *diag.Diagnostics) {
	if plan.MaxSize.IsUnknown() {
		return
	}
	pool, err := c.describePool(ctx, s.tagKey, s.pool)
	if err != nil {
		clouderr.Add(diags, "Cannot read the pool", err, "")
		return
	}
	// An empty pool is one that this apply makes first.
	if f := newFleet(fleet{}, nil, pool); f.active > 0 {
		diags.Append(checkCapacity(plan.leastSurge().or(group), int64(f.active), plan.MaxSize.ValueInt64(), s.pool, true)...)
	}
}

// planUpdate decides whether there is something to do or to wait for. It reads the group only
// if how many addresses that needs is to be known.
func (r *Resource) planUpdate(ctx context.Context, c *cloud, s spec, plan *model, state model, diags *diag.Diagnostics) *surge {
	before, stateDiags := state.toSpec(ctx, r.owner(), c.defaultTags)
	diags.Append(stateDiags...)
	changed := !sameSpec(s, before) || !plan.SourceCodeHash.Equal(state.SourceCodeHash) || !plan.PolicyJSON.Equal(state.PolicyJSON) ||
		!plan.MinSize.Equal(state.MinSize) || !plan.MaxSize.Equal(state.MaxSize) || !plan.PoolSize.Equal(state.PoolSize) ||
		!plan.MaxHealthyPercentage.Equal(state.MaxHealthyPercentage) || !plan.RebalanceMargin.Equal(state.RebalanceMargin) || !plan.Timeouts.Equal(state.Timeouts)
	waiting := state.Status.ValueString() != statusInService || len(state.DriftedParts.Elements()) > 0
	if changed || waiting {
		plan.setStatusUnknown()
	} else {
		plan.Status, plan.StatusReason, plan.InServiceCount, plan.DriftedParts = state.Status, state.StatusReason, state.InServiceCount, state.DriftedParts
	}
	if !plan.MaxHealthyPercentage.IsNull() && !plan.RebalanceMargin.IsNull() {
		return nil
	}
	group, err := c.findGroup(ctx, s.group)
	if err != nil {
		clouderr.AddAttribute(diags, path.Root("auto_scaling_group_arn"), "Cannot read the Auto Scaling group", err, "")
	}
	if group == nil {
		return nil
	}
	is := surgeOf(*group)
	return &is
}

// checkGroup finds the group, and refuses one that does not exist or that the provider does
// not reach.
func (c *cloud) checkGroup(ctx context.Context, group groupARN) (*astypes.AutoScalingGroup, diag.Diagnostics) {
	var diags diag.Diagnostics
	at := path.Root("auto_scaling_group_arn")
	if group.region != c.region || group.account != c.account {
		diags.AddAttributeError(at, "The Auto Scaling group is elsewhere",
			fmt.Sprintf("Group %s is in account %s and Region %s, and the provider's `aws` block works in account %s and Region %s. Use a provider configuration for the group's.", group.name, group.account, group.region, c.account, c.region))
		return nil, diags
	}
	found, err := c.findGroup(ctx, group)
	switch {
	case err != nil:
		clouderr.AddAttribute(&diags, at, "Cannot read the Auto Scaling group", err, "")
	case found == nil:
		diags.AddAttributeError(at, "The Auto Scaling group does not exist",
			fmt.Sprintf("There is no Auto Scaling group %s with the ARN %s in account %s, Region %s. Refer to the group's resource (aws_autoscaling_group.NAME.arn), so that a group that is replaced is followed.", group.name, group.text, group.account, group.region))
	}
	return found, diags
}

func foreignError(s spec, err error) diag.Diagnostic {
	return diag.NewErrorDiagnostic("Parts of the assigner belong to somebody else",
		fmt.Sprintf("Objects with the names of the assigner %q are there and are not of this configuration (owner %q):\n\n%s\n\nGive the assigner another `name`, or delete them if nobody uses them. Nothing was changed.", s.name, s.owner, err))
}
