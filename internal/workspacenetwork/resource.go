// Package workspacenetwork is the resource crosscloudlink_databricks_workspace_network: the
// network connectivity configuration and the network policy of a workspace, which gets
// back on destroy what it had before.
package workspacenetwork

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/databricks/databricks-sdk-go/apierr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-log/tflog"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/clients"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/clouderr"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/tfvalue"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/waiter"
)

var (
	_ resource.Resource                = (*Resource)(nil)
	_ resource.ResourceWithConfigure   = (*Resource)(nil)
	_ resource.ResourceWithModifyPlan  = (*Resource)(nil)
	_ resource.ResourceWithImportState = (*Resource)(nil)
)

// Resource is crosscloudlink_databricks_workspace_network.
type Resource struct {
	// connector is nil until the provider is configured.
	connector connector
}

// NewResource returns the resource for the provider to register.
func NewResource() resource.Resource { return &Resource{} }

// Metadata names the resource.
func (r *Resource) Metadata(_ context.Context, req resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_databricks_workspace_network"
}

// Schema describes the attributes.
func (r *Resource) Schema(ctx context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	resp.Schema = resourceSchema(ctx)
}

// Configure takes the provider's clients.
func (r *Resource) Configure(_ context.Context, req resource.ConfigureRequest, resp *resource.ConfigureResponse) {
	if c := clients.FromProviderData(req.ProviderData, &resp.Diagnostics); c != nil {
		r.connector = providerConnector{c}
	}
}

// Create gives the workspace its network. An error means that the workspace is as it was
// and nothing is saved; what is bound but slow is a warning.
func (r *Resource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	var config, plan model
	resp.Diagnostics.Append(req.Config.Get(ctx, &config)...)
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	if resp.Diagnostics.HasError() {
		return
	}
	timeout, diags := plan.Timeouts.Create(ctx, defaultBindTimeout)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	change := change{config: config, plan: plan, creating: true, timeout: timeout, state: &resp.State, private: resp.Private, diags: &resp.Diagnostics}
	r.apply(ctx, change)
}

// Update goes on with what is not bound, repairs what somebody else has changed, or takes
// over changed settings.
func (r *Resource) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	var config, plan model
	resp.Diagnostics.Append(req.Config.Get(ctx, &config)...)
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	remembered, _ := recall(ctx, req.Private, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	if !plan.Status.IsUnknown() {
		// Bound: only settings changed.
		resp.Diagnostics.Append(resp.State.Set(ctx, &plan)...)
		return
	}
	timeout, diags := plan.Timeouts.Update(ctx, defaultBindTimeout)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	change := change{config: config, plan: plan, memory: remembered, timeout: timeout, state: &resp.State, private: resp.Private, diags: &resp.Diagnostics}
	r.apply(ctx, change)
}

// change is what Create and Update have in common.
type change struct {
	config, plan model
	memory       memory
	creating     bool
	timeout      time.Duration
	state        *tfsdk.State
	private      privateWriter
	diags        *diag.Diagnostics
}

// save writes the state. A canceled context must not keep what was done from being saved.
func (c *change) save(ctx context.Context, seen observation, s status, reason string) {
	ctx = context.WithoutCancel(ctx)
	c.plan.record(seen)
	c.plan.judge(s, reason)
	c.plan.defaultRestore(c.config, c.memory)
	c.memory.save(ctx, c.private, c.diags)
	c.diags.Append(c.state.Set(ctx, &c.plan)...)
}

func (r *Resource) apply(ctx context.Context, c change) {
	a, more := r.connector.connect(ctx)
	c.diags.Append(more...)
	wanted, id := c.plan.wanted(), c.plan.WorkspaceID.ValueInt64()
	if wanted == (network{}) {
		c.diags.AddAttributeError(atNCC, "There is nothing to bind", "Both network_connectivity_config_id and network_policy_id are null. Set at least one of them.")
	}
	if c.diags.HasError() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	ctx = tflog.SetField(ctx, "workspace_id", id)

	seen, err := a.awaitRunning(ctx, id, retryable)
	if err != nil {
		if isStopped(err) && c.memory.Ours == wanted && seen.workspace.WorkspaceId != 0 {
			c.save(ctx, seen, waitingForWorkspace, seen.missing(network{}))
			addUnsettled(c.diags, err, c.plan)
			return
		}
		addWorkspaceError(c.diags, err, id)
		return
	}
	found, waited, err := a.awaitRules(ctx, wanted.NCC, c.plan.ruleIDs(), c.plan.WaitForRules.ValueBool())
	if err != nil {
		addRulesError(c.diags, err, wanted.NCC)
		return
	}
	if waited {
		// Others had time to change what the workspace has.
		if seen, err = a.awaitRunning(ctx, id, unlessRefused); err != nil {
			addWorkspaceError(c.diags, err, id)
			return
		}
	}
	c.memory.take(seen.network, wanted)
	if !found.established() {
		c.save(ctx, seen, waitingForRules, found.describe())
		addWaitingForRules(c.diags, found, wanted.NCC)
		return
	}
	if err := ctx.Err(); err != nil && !seen.has(wanted) {
		addWorkspaceError(c.diags, &waiter.Error{What: "workspace " + c.plan.ID.ValueString(), Cause: err}, id)
		return
	}
	a.bind(ctx, c, seen, wanted)
}

// bind changes the workspace, waits for it and saves what came of it.
func (a *account) bind(ctx context.Context, c change, before observation, wanted network) {
	id := c.plan.WorkspaceID.ValueInt64()
	seen, err := before, error(nil)
	var wrote, failed network
	for _, w := range a.writes(id, before, wanted, false) {
		if err = a.write(ctx, id, w); err != nil {
			failed = w.makes
			break
		}
		c.memory.own(w.makes)
		wrote = w.makes
	}
	refused := err != nil && !isStopped(err)
	switch {
	case refused && c.creating:
		if wrote.Policy == "" || a.write(ctx, id, a.attachPolicy(id, before.network.Policy)) == nil {
			a.addRefused(ctx, c.diags, err, id, failed, "The workspace is as it was, and nothing is saved.")
			return
		}
		// Not all could be taken back, so it is saved, for the next apply to go on with.
		fallthrough
	case err != nil:
		now, lookErr := a.lastLook(ctx, id)
		if lookErr == nil {
			seen = now
		}
		if isStopped(err) && lookErr == nil && c.creating && seen.network == before.network {
			addWorkspaceError(c.diags, err, id)
			return
		}
	case seen.missing(wanted) != "":
		seen, err = a.awaitSettled(ctx, id, wanted, seen)
	}
	c.memory.own(seen.got(wanted))
	if seen.missing(wanted) == "" {
		err = nil
	}
	if refused && err != nil && !c.creating {
		c.plan.show(seen.network)
		c.save(ctx, seen, waitingForWorkspace, seen.missing(wanted))
		a.addRefused(ctx, c.diags, err, id, failed, "What was changed before is saved.")
		return
	}
	c.save(ctx, seen, waitingForWorkspace, seen.missing(wanted))
	if err != nil {
		addUnsettled(c.diags, err, c.plan)
	}
}

// isStopped reports whether a wait ended by deadline or cancellation.
func isStopped(err error) bool {
	var stopped *waiter.Error
	return errors.As(err, &stopped)
}

// addWorkspaceError reports why a workspace's network was not touched.
func addWorkspaceError(diags *diag.Diagnostics, err error, id int64) {
	var broken *brokenError
	switch {
	case clouderr.DatabricksNotFound(err):
		addNoWorkspace(diags, err, id)
	case errors.As(err, &broken):
		diags.AddAttributeError(atWorkspace, "The workspace does not run", broken.Error()+" Nothing was changed.\n\nHave the workspace repaired in the Databricks account console, then apply again.")
	case isStopped(err):
		clouderr.AddAttribute(diags, atWorkspace, "The workspace could not be changed in time", err, "Nothing was changed, and nothing is saved that was not before.",
			"Apply again to go on waiting; timeouts.create and timeouts.update say for how long.")
	default:
		clouderr.AddAttribute(diags, atWorkspace, "Cannot read the workspace", err, fmt.Sprintf("Reading workspace %d.", id))
	}
}

func addNoWorkspace(diags *diag.Diagnostics, err error, id int64) {
	clouderr.AddAttribute(diags, atWorkspace, "The workspace does not exist", err, fmt.Sprintf("Reading workspace %d.", id),
		"Check the id, and that the provider's `databricks.account` block is for the account that has the workspace.")
}

// addRefused reports a change that Databricks has refused.
func (a *account) addRefused(ctx context.Context, diags *diag.Diagnostics, err error, id int64, refused network, outcome string) {
	at, what := atPolicy, "network policy "+refused.Policy
	if refused.NCC != "" {
		at, what = atNCC, "NCC "+refused.NCC
	}
	var next []string
	if clouderr.DatabricksNotFound(err) {
		next = []string{"Check that the " + what + " exists, and that the provider's `databricks.account` block is for the account that has it."}
	} else if way := a.wayOut(ctx, refused.NCC, err); way != "" {
		next = []string{way}
	}
	clouderr.AddAttribute(diags, at, "The workspace's network could not be changed", err, fmt.Sprintf("Giving workspace %d the %s. %s", id, what, outcome), next...)
}

// addUnsettled warns that the workspace does not run with its network yet.
func addUnsettled(diags *diag.Diagnostics, err error, m model) {
	clouderr.AddWarning(diags, "The workspace does not run with its network yet", err, m.StatusReason.ValueString()+".",
		unlessDenied(err, "Nothing is lost. Apply again to go on: every plan shows an update until the workspace is bound and runs.")...)
}

// unlessDenied leaves out what to do next where the right to do it is missing: what is said of
// that then stands alone.
func unlessDenied(err error, next ...string) []string {
	if errors.Is(err, apierr.ErrPermissionDenied) {
		return nil
	}
	return next
}

// Read asks for the workspace and its policy.
func (r *Resource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	var state model
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	_, known := recall(ctx, req.Private, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	timeout, diags := state.Timeouts.Read(ctx, defaultReadTimeout)
	resp.Diagnostics.Append(diags...)
	a, diags := r.connector.connect(ctx)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	id, imported := state.WorkspaceID.ValueInt64(), state.Status.IsNull()
	seen, err := a.observe(ctx, id)
	switch {
	case clouderr.DatabricksNotFound(err):
		if !imported {
			resp.Diagnostics.AddWarning("The workspace is gone", fmt.Sprintf("Workspace %d does not exist any more in the account; its network is taken out of the state.", id))
		}
		resp.State.RemoveResource(ctx)
		return
	case err != nil:
		clouderr.Add(&resp.Diagnostics, "Cannot read the workspace's network", err, fmt.Sprintf("Reading workspace %d.", id))
		return
	}
	state.record(seen)
	if imported {
		state.NCCID, state.PolicyID = tfvalue.StringOrNull(seen.network.NCC), tfvalue.StringOrNull(seen.network.Policy)
	}
	if !known {
		// What was there before an import is not known: a destroy leaves all as it is.
		remembered := memory{Before: seen.network, Ours: seen.network}
		state.defaultRestore(state, remembered)
		remembered.save(ctx, resp.Private, &resp.Diagnostics)
	}
	if state.status() != waitingForRules {
		state.show(seen.network)
		state.judge(waitingForWorkspace, seen.missing(network{}))
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, &state)...)
}

// Delete puts back what the workspace had, the NCC first, and waits until it runs.
func (r *Resource) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	var state model
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	remembered, _ := recall(ctx, req.Private, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	timeout, diags := state.Timeouts.Delete(ctx, defaultDeleteTimeout)
	resp.Diagnostics.Append(diags...)
	a, diags := r.connector.connect(ctx)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	a.restore(ctx, state, remembered, &resp.Diagnostics)
}

// ImportState takes the id of a workspace.
func (r *Resource) ImportState(ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse) {
	id, err := parseImportID(req.ID)
	if err != nil {
		resp.Diagnostics.AddError("Not the id of a workspace", err.Error()+".")
		return
	}
	resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root("workspace_id"), id)...)
	resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root("wait_for_rules"), true)...)
}
