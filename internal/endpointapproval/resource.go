// Package endpointapproval is the resource crosscloudlink_databricks_private_endpoint_approval:
// it accepts the connection that a Databricks private endpoint rule opens to a VPC
// endpoint service, and no other.
package endpointapproval

import (
	"context"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-log/tflog"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/clients"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/clouderr"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/tfvalue"
)

var (
	_ resource.Resource                = (*Resource)(nil)
	_ resource.ResourceWithConfigure   = (*Resource)(nil)
	_ resource.ResourceWithModifyPlan  = (*Resource)(nil)
	_ resource.ResourceWithImportState = (*Resource)(nil)
)

// Resource is crosscloudlink_databricks_private_endpoint_approval.
type Resource struct {
	// connector is nil until the provider is configured.
	connector connector
}

// NewResource returns the resource for the provider to register.
func NewResource() resource.Resource { return &Resource{} }

// Metadata names the resource.
func (r *Resource) Metadata(_ context.Context, req resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_databricks_private_endpoint_approval"
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

// Create finds, checks and accepts the connection, and waits for it. An error means that
// nothing was accepted and nothing is saved; what is accepted but slow is a warning.
func (r *Resource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	var plan model
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	if resp.Diagnostics.HasError() {
		return
	}
	timeout, diags := plan.Timeouts.Create(ctx, defaultApproveTimeout)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	r.approve(ctx, plan, timeout, &resp.State, &resp.Diagnostics)
}

// Update goes on with an approval that is not established, or takes over changed settings.
func (r *Resource) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	var config, plan model
	resp.Diagnostics.Append(req.Config.Get(ctx, &config)...)
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	if resp.Diagnostics.HasError() {
		return
	}
	if !plan.Status.IsUnknown() {
		// Established: only settings changed, which the plan has checked.
		resp.Diagnostics.Append(resp.State.Set(ctx, &plan)...)
		return
	}
	timeout, diags := plan.Timeouts.Update(ctx, defaultApproveTimeout)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	r.approve(ctx, plan, timeout, &resp.State, &resp.Diagnostics)
}

// approve is the common part of Create and Update. Once something is accepted, the state
// is written, however the last wait ends.
func (r *Resource) approve(ctx context.Context, plan model, timeout time.Duration, state *tfsdk.State, diags *diag.Diagnostics) {
	c, more := r.connector.connect(ctx, plan.asksDatabricks())
	diags.Append(more...)
	if diags.HasError() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	ctx = tflog.SetField(ctx, "endpoint_service_id", plan.EndpointServiceID.ValueString())

	name := c.checkInputs(ctx, plan, diags)
	owners, more := plan.owners(ctx, c.Partition)
	diags.Append(more...)
	if diags.HasError() {
		return
	}
	plan.EndpointServiceName = types.StringValue(name)
	save := func(seen Observation) {
		plan.record(seen)
		// A canceled context must not keep what was done from being saved.
		diags.Append(state.Set(context.WithoutCancel(ctx), &plan)...)
	}

	seen, err := c.Look(ctx, plan.target())
	if isStopped(err) {
		clouderr.Add(diags, "The clouds could not be asked in time", err, "Approving the connection to "+seen.target.ServiceID+".", "Nothing was accepted. Apply again.")
		return
	}
	if err == nil {
		err = seen.verify(owners)
	}
	if err != nil {
		addApproveError(diags, err, seen, name)
		return
	}
	if seen.awaitsEndpoint() {
		c.checkEntrance(ctx, seen.target.ServiceID, owners, principalLooks, diags, diags.AddAttributeError)
		if diags.HasError() {
			if seen.status().dead() {
				addUnusable(diags.AddError, seen)
			}
			return
		}
	}
	later := func() {
		save(seen)
		addLater(diags, seen, name)
	}
	if !plan.WaitForRule.ValueBool() && mayComeLater(seen) {
		later()
		return
	}
	if seen.status() == waitingForRule {
		tflog.Info(ctx, handOver(seen.target, name))
	}
	seen, err = c.AwaitAccepted(ctx, seen, owners)
	switch {
	case err != nil && !plan.WaitForRule.ValueBool() && isStopped(err):
		later()
		return
	case err != nil:
		addApproveError(diags, err, seen, name)
		return
	}
	// From here on there is something to save, whatever comes.
	seen, err = c.AwaitSettled(ctx, seen)
	save(seen)
	if err != nil {
		addUnsettled(diags, err, seen)
	}
}

// mayComeLater reports whether there is nothing to accept and others have to act first.
// A rule that the configuration names must exist, though.
func mayComeLater(seen Observation) bool {
	switch seen.status() {
	case waitingForRule:
		return true
	case ruleUnusable:
		return seen.target.RuleID == ""
	default:
		return false
	}
}

// Read looks at both clouds, and says what has become of the connection.
func (r *Resource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	var state model
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	if resp.Diagnostics.HasError() {
		return
	}
	timeout, diags := state.Timeouts.Read(ctx, defaultReadTimeout)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	c, diags := r.connector.connect(ctx, state.asksDatabricks())
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	t := state.target()
	seen, err := c.Look(ctx, t)
	if err != nil {
		clouderr.Add(&resp.Diagnostics, "Cannot read the approval", err, "Reading the connection "+t.id()+".")
		return
	}
	// The service is looked at only where it can tell more than the connection did, or its name is missing after an import.
	if seen.connection == nil || state.EndpointServiceName.IsNull() {
		service, err := c.findService(ctx, t.ServiceID)
		if err != nil {
			clouderr.Add(&resp.Diagnostics, "Cannot read the VPC endpoint service", err, "Reading "+t.ServiceID+".")
			return
		}
		imported := state.ID.IsNull()
		if service == nil || (seen.connection == nil && !t.asksDatabricks()) || (imported && seen.ruleGone) {
			if !imported {
				resp.Diagnostics.AddWarning("The approved connection is gone", seen.describe()+".\n\nThe endpoint service or its connection was deleted outside of Terraform; the approval is planned to be made anew.")
			}
			resp.State.RemoveResource(ctx)
			return
		}
		state.EndpointServiceName = types.StringPointerValue(service.ServiceName)
	}
	state.record(seen)
	if seen.status().dead() {
		addUnusable(resp.Diagnostics.AddWarning, seen)
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, &state)...)
}

// Delete rejects the connection and waits until AWS has closed it.
func (r *Resource) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	var state model
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	if resp.Diagnostics.HasError() {
		return
	}
	timeout, diags := state.Timeouts.Delete(ctx, defaultDeleteTimeout)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()

	// Databricks is asked only if the endpoint is not known: one may have appeared since.
	endpointID := state.VPCEndpointID.ValueString()
	c, diags := r.connector.connect(ctx, endpointID == "")
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	t := state.target()
	if endpointID == "" {
		seen, err := c.Look(ctx, t)
		if err != nil && !clouderr.DatabricksNotFound(err) {
			clouderr.Add(&resp.Diagnostics, "Cannot find the connection to reject", err, "Destroying the approval "+t.id()+".")
			return
		}
		if endpointID = seen.endpointID(); endpointID == "" {
			return
		}
	}
	if err := c.reject(ctx, t.ServiceID, endpointID); err != nil {
		clouderr.Add(&resp.Diagnostics, "The connection could not be rejected", err,
			"Rejecting the connection of "+endpointID+" to "+t.ServiceID+", so that the endpoint service can be deleted.",
			"Destroy again to go on. If AWS keeps the connection open, have the private endpoint rule deleted in Databricks.")
	}
}

// ImportState takes `<ncc>/<rule>/<service>`, `<ncc>/<service>` or `<endpoint>/<service>`.
func (r *Resource) ImportState(ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse) {
	t, err := parseImportID(req.ID)
	if err != nil {
		resp.Diagnostics.AddError("Not an id of an approval", err.Error())
		return
	}
	set := func(name string, value any) {
		resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root(name), value)...)
	}
	set("endpoint_service_id", t.ServiceID)
	set("network_connectivity_config_id", tfvalue.StringOrNull(t.NCCID))
	set("private_endpoint_rule_id", tfvalue.StringOrNull(t.RuleID))
	set("vpc_endpoint_id", tfvalue.StringOrNull(t.EndpointID))
	set("wait_for_rule", true)
}
