package workspacenetwork

import (
	"context"
	"fmt"
	"strconv"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/clouderr"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/workspace"
)

// ModifyPlan refuses what can be known to fail, and plans an update until the workspace
// is bound.
func (r *Resource) ModifyPlan(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	remembered, _ := recall(ctx, req.Private, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	var config, state, plan model
	if !req.State.Raw.IsNull() {
		resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	}
	if req.Plan.Raw.IsNull() {
		if !resp.Diagnostics.HasError() {
			r.planDestroy(ctx, state, remembered, &resp.Diagnostics)
		}
		return
	}
	resp.Diagnostics.Append(req.Config.Get(ctx, &config)...)
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	if resp.Diagnostics.HasError() {
		return
	}
	if req.State.Raw.IsNull() {
		if !plan.WorkspaceID.IsUnknown() {
			plan.ID = types.StringValue(strconv.FormatInt(plan.WorkspaceID.ValueInt64(), 10))
		}
		plan.planRestore(config, memory{})
		r.check(ctx, config, model{}, &plan, &resp.Diagnostics)
	} else {
		if !plan.WorkspaceID.Equal(state.WorkspaceID) {
			// To be replaced: Terraform plans the creation by itself, but the destruction never.
			r.planDestroy(ctx, state, remembered, &resp.Diagnostics)
			return
		}
		plan.planRestore(config, remembered)
		// What the workspace has as it is wanted, but not by what this state knows of: an apply
		// was killed, or another hand was quicker. An update takes it over.
		notOurs := remembered.Ours != plan.wanted()
		if notOurs || state.status() != bound || !plan.NCCID.Equal(state.NCCID) || !plan.PolicyID.Equal(state.PolicyID) || !plan.RuleIDs.Equal(state.RuleIDs) {
			plan.forget()
			r.check(ctx, config, state, &plan, &resp.Diagnostics)
		} else if isNew(config.RestoreNCCID, state.RestoreNCCID) {
			r.checkSettings(ctx, config, state, &resp.Diagnostics)
		}
	}
	if !resp.Diagnostics.HasError() {
		resp.Diagnostics.Append(resp.Plan.Set(ctx, &plan)...)
	}
}

// planRestore plans what a destroy will put back: what the memory holds, or unknown for
// what is yet to be taken over.
func (m *model) planRestore(config model, remembered memory) {
	m.defaultRestore(config, remembered)
	if config.RestoreNCCID.IsNull() && !m.NCCID.IsNull() && remembered.Ours.NCC == "" {
		m.RestoreNCCID = types.StringUnknown()
	}
	if config.RestorePolicyID.IsNull() && !m.PolicyID.IsNull() && remembered.Ours.Policy == "" {
		m.RestorePolicyID = types.StringUnknown()
	}
}

// planDestroy refuses at plan a destroy that has nothing to put back.
func (r *Resource) planDestroy(ctx context.Context, state model, remembered memory, diags *diag.Diagnostics) {
	if r.connector == nil || !r.connector.known() {
		return
	}
	a, more := r.connector.connect(ctx)
	diags.Append(more...)
	if diags.HasError() {
		return
	}
	id := state.WorkspaceID.ValueInt64()
	seen, err := a.observe(ctx, id)
	switch {
	case clouderr.DatabricksNotFound(err):
	case err != nil:
		addWorkspaceError(diags, err, id)
	default:
		todo := decideRestoration(seen.network, remembered.Ours, state.restore())
		a.checkRestoration(ctx, state, todo, seen, true, diags)
		if !diags.HasError() {
			addForeign(diags, id, remembered.Ours, todo.foreign)
		}
	}
}

// check checks against Databricks all that changes and is known by now. state is empty for
// a creation.
func (r *Resource) check(ctx context.Context, config, state model, plan *model, diags *diag.Diagnostics) {
	if r.connector == nil || !r.connector.known() || plan.WorkspaceID.IsUnknown() {
		return
	}
	a, more := r.connector.connect(ctx)
	diags.Append(more...)
	if diags.HasError() {
		return
	}
	id := plan.WorkspaceID.ValueInt64()
	seen, err := a.observe(ctx, id)
	if err == nil && seen.broken() {
		err = &brokenError{seen}
	}
	if err != nil {
		addWorkspaceError(diags, err, id)
		return
	}
	plan.Region = types.StringValue(seen.workspace.AwsRegion)
	if isNew(plan.NCCID, state.NCCID) {
		a.checkNCC(ctx, plan.NCCID.ValueString(), seen, toBind(seen.workspace.AwsRegion), diags)
	}
	a.checkRestore(ctx, config, state, seen, diags)
	// The policy is not looked up: its id is the caller's choice, so it is known here even where
	// the same apply is to make the policy.
	if !plan.NCCID.IsUnknown() && !plan.RuleIDs.IsUnknown() && !diags.HasError() && !plan.RuleIDs.Equal(state.RuleIDs) {
		a.checkRules(ctx, *plan, diags)
	}
	if !diags.HasError() {
		warnOfRestoration(config, state, seen, diags)
	}
}

// checkSettings checks what changes while the workspace stays as it is.
func (r *Resource) checkSettings(ctx context.Context, config, state model, diags *diag.Diagnostics) {
	if r.connector == nil || !r.connector.known() {
		return
	}
	a, more := r.connector.connect(ctx)
	diags.Append(more...)
	if !diags.HasError() {
		a.checkRestore(ctx, config, state, state.observed(), diags)
	}
}

// checkRestore checks the NCC that a destroy is told to put back, which need not be able to
// take the workspace yet. The policy is not looked up, like the one to attach.
func (a *account) checkRestore(ctx context.Context, config, state model, seen observation, diags *diag.Diagnostics) {
	if isNew(config.RestoreNCCID, state.RestoreNCCID) && !config.RestoreNCCID.Equal(config.NCCID) {
		a.checkNCC(ctx, config.RestoreNCCID.ValueString(), seen, toRestore(), diags)
	}
}

// isNew reports whether a known value is set that was not before.
func isNew(planned, before types.String) bool {
	return !planned.IsUnknown() && !planned.IsNull() && !planned.Equal(before)
}

// checkRules looks for those rules whose ids are known.
func (a *account) checkRules(ctx context.Context, plan model, diags *diag.Diagnostics) {
	ids, nccID := plan.ruleIDs(), plan.NCCID.ValueString()
	if len(ids) == 0 || nccID == "" {
		return
	}
	found, err := a.observeRules(ctx, nccID, ids)
	switch {
	case err != nil:
		clouderr.AddAttribute(diags, atRules, "Cannot read the private endpoint rules", err, fmt.Sprintf("Listing the rules of NCC %s.", nccID))
	case len(found.absent) > 0:
		addRulesError(diags, &rulesError{nccID, found}, nccID)
	case !found.established() && (plan.WaitForRules.ValueBool() || len(found.dead) > 0):
		// No error, not even of a dead one: a rule that another team has to add anew must not
		// stand in the way of everything else in the plan.
		diags.AddAttributeWarning(atRules, "The apply will wait for private endpoint rules", fmt.Sprintf("In NCC %s, %s. The workspace's network stays as it is until all are ESTABLISHED.", nccID, found.describe()))
	}
}

// warnOfRestoration tells what a destroy will do where that may surprise, when a part is
// taken over.
func warnOfRestoration(config, state model, seen observation, diags *diag.Diagnostics) {
	id := seen.workspace.WorkspaceId
	if config.RestoreNCCID.IsNull() && state.NCCID.IsNull() && !config.NCCID.IsNull() {
		switch {
		case seen.network.NCC == "":
			diags.AddAttributeWarning(atNCC, "A destroy will need an NCC to put back",
				fmt.Sprintf("Workspace %d has no NCC now, and Databricks documents no way to unbind a workspace: without restore_network_connectivity_config_id a destroy is refused. "+
					"Set that to the NCC that the workspace is to have afterwards, or to the one that it gets now to leave it bound; this can also be done right before the destroy.", id))
		case seen.network.NCC == config.NCCID.ValueString():
			diags.AddAttributeWarning(atNCC, "The workspace is bound already",
				fmt.Sprintf("Workspace %d is bound to NCC %s already. It is taken over as it is, and a destroy leaves it bound. "+
					"If it was bound by an earlier apply that was cut off, set restore_network_connectivity_config_id to the NCC that it had before.", id, seen.network.NCC))
		}
	}
	if config.RestorePolicyID.IsNull() && state.PolicyID.IsNull() && !config.PolicyID.IsNull() &&
		seen.network.Policy == config.PolicyID.ValueString() && seen.network.Policy != workspace.DefaultPolicyID {
		diags.AddAttributeWarning(atPolicy, "The workspace is under the network policy already",
			fmt.Sprintf("Workspace %d is under the network policy %s already. It is taken over as it is, and a destroy leaves it so. "+
				"If it was attached by an earlier apply that was cut off, set restore_network_policy_id to the policy that it had before, such as %s.", id, seen.network.Policy, workspace.DefaultPolicyID))
	}
}
