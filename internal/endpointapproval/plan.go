package endpointapproval

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/databricks/databricks-sdk-go/service/settings"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/clouderr"
)

// ModifyPlan refuses what can be known to fail, and plans an update until the
// connection is established, or a replacement once it never can be.
func (r *Resource) ModifyPlan(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	if req.Plan.Raw.IsNull() {
		return
	}
	var config, plan model
	resp.Diagnostics.Append(req.Config.Get(ctx, &config)...)
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	if resp.Diagnostics.HasError() {
		return
	}
	if req.State.Raw.IsNull() {
		r.planCreate(ctx, config, &plan, &resp.Diagnostics)
	} else {
		var state model
		resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
		if resp.Diagnostics.HasError() {
			return
		}
		planChange(ctx, config, state, &plan, resp)
	}
	if !resp.Diagnostics.HasError() {
		resp.Diagnostics.Append(resp.Plan.Set(ctx, &plan)...)
	}
}

func planChange(ctx context.Context, config, state model, plan *model, resp *resource.ModifyPlanResponse) {
	if !state.status().settled() {
		plan.forget(config)
	}
	if state.status().dead() {
		resp.RequiresReplace = append(resp.RequiresReplace, path.Root("status"))
	}
	owner := state.VPCEndpointOwner.ValueString()
	if owner == "" || plan.AllowedOwners.IsNull() || plan.AllowedOwners.IsUnknown() || plan.AllowedOwners.Equal(state.AllowedOwners) || len(resp.RequiresReplace) > 0 {
		return
	}
	var allowed []types.String
	resp.Diagnostics.Append(plan.AllowedOwners.ElementsAs(ctx, &allowed, false)...)
	for _, account := range allowed {
		if account.IsUnknown() || account.ValueString() == owner {
			return
		}
	}
	resp.Diagnostics.AddAttributeError(path.Root("allowed_owner_account_ids"), "The accepted connection belongs to an account that is not allowed",
		fmt.Sprintf("VPC endpoint %s, which is connected to %s, belongs to the AWS account %s. Add that account to the list, or destroy this resource, which closes the connection.",
			state.VPCEndpointID.ValueString(), state.EndpointServiceID.ValueString(), owner))
}

// planCreate checks against the clouds all that is known by now.
func (r *Resource) planCreate(ctx context.Context, config model, plan *model, diags *diag.Diagnostics) {
	if r.connector == nil || !r.connector.known(plan.asksDatabricks()) {
		return
	}
	c, more := r.connector.connect(ctx, plan.asksDatabricks())
	diags.Append(more...)
	if diags.HasError() {
		return
	}
	if name := c.checkInputs(ctx, *plan, diags); name != "" {
		plan.EndpointServiceName = types.StringValue(name)
	}
	if diags.HasError() || !config.fullyKnown() {
		return
	}
	owners, more := plan.owners(ctx, c.Partition)
	diags.Append(more...)
	if diags.HasError() {
		return
	}
	seen, err := c.observe(ctx, plan.target())
	if err == nil {
		err = seen.verify(owners)
	}
	closed := false
	if err == nil && seen.awaitsEndpoint() {
		// No error: the same apply may add the principal.
		closed = c.checkEntrance(ctx, seen.target.ServiceID, owners, 1, diags, diags.AddAttributeWarning)
	}
	switch {
	case err != nil:
		addApproveError(diags, err, seen, plan.EndpointServiceName.ValueString())
	case seen.ruleGone:
		addRuleGone(diags, seen.target)
	case seen.status().dead():
		// No error: a rule that another team has to add anew must not stand in the way of
		// everything else in the plan.
		addUnusable(diags.AddWarning, seen)
	case seen.status() == waitingForRule && plan.WaitForRule.ValueBool() && !closed:
		diags.AddWarning("The apply will wait for a private endpoint rule", handOver(plan.target(), plan.EndpointServiceName.ValueString()))
	}
}

// fullyKnown reports whether a configuration leaves nothing open that decides which
// connection is meant, and whether it may be accepted.
func (m model) fullyKnown() bool {
	for _, value := range []attr.Value{m.EndpointServiceID, m.NCCID, m.RuleIDGiven, m.VPCEndpointID, m.WaitForRule, m.AllowedOwners} {
		if value.IsUnknown() {
			return false
		}
	}
	for _, account := range m.AllowedOwners.Elements() {
		if account.IsUnknown() {
			return false
		}
	}
	return true
}

// checkInputs checks endpoint service and NCC, as far as they are known, and returns
// the service's name.
func (c *Clouds) checkInputs(ctx context.Context, m model, diags *diag.Diagnostics) (serviceName string) {
	if !m.EndpointServiceID.IsUnknown() {
		serviceName = c.checkService(ctx, m.EndpointServiceID.ValueString(), diags)
	}
	if m.asksDatabricks() && !m.NCCID.IsUnknown() {
		c.checkNCC(ctx, m.NCCID.ValueString(), diags)
	}
	return serviceName
}

func (c *Clouds) checkService(ctx context.Context, id string, diags *diag.Diagnostics) (name string) {
	at := path.Root("endpoint_service_id")
	if problem := serviceIDProblem(id); problem != "" {
		diags.AddAttributeError(at, "Not the id of a VPC endpoint service", problem)
		return ""
	}
	service, err := c.findService(ctx, id)
	switch {
	case err != nil:
		clouderr.AddAttribute(diags, at, "Cannot read the VPC endpoint service", err, fmt.Sprintf("Reading %s in %s.", id, c.Region))
		return ""
	case service == nil:
		diags.AddAttributeError(at, "The VPC endpoint service does not exist",
			fmt.Sprintf("There is no endpoint service %s in the region %s of the account that the provider's `aws` block uses. Check the id, the region and the account.", id, c.Region))
		return ""
	}
	if !aws.ToBool(service.AcceptanceRequired) {
		diags.AddAttributeWarning(at, "The VPC endpoint service accepts every connection",
			fmt.Sprintf("%s does not require acceptance, so AWS accepts whatever its allowed principals open, before this resource can check it. Set acceptance_required = true.", id))
	}
	return aws.ToString(service.ServiceName)
}

func (c *Clouds) checkNCC(ctx context.Context, id string, diags *diag.Diagnostics) {
	at := path.Root("network_connectivity_config_id")
	ncc, err := c.Databricks.GetNetworkConnectivityConfiguration(ctx, settings.GetNetworkConnectivityConfigurationRequest{NetworkConnectivityConfigId: id})
	switch {
	case clouderr.DatabricksNotFound(err):
		clouderr.AddAttribute(diags, at, "The network connectivity configuration does not exist", err,
			fmt.Sprintf("Reading NCC %s.", id), "Check the id, and that the provider's `databricks.account` block is for the account that has it.")
	case err != nil:
		clouderr.AddAttribute(diags, at, "Cannot read the network connectivity configuration", err, fmt.Sprintf("Reading NCC %s.", id))
	case ncc.Region != "" && ncc.Region != c.Region:
		diags.AddAttributeError(at, "The network connectivity configuration is in another region",
			fmt.Sprintf("NCC %s (%s) is in %s, but the endpoint service is in %s. Databricks connects only within a region: give the NCC of the workspaces in %s, or make the proxies and their endpoint service in %s.",
				id, ncc.Name, ncc.Region, c.Region, c.Region, ncc.Region))
	}
}
