package ipfirewall

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/clouderr"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/iprange"
)

// ValidateConfig refuses shared rules that are not among the rules.
func (r *Resource) ValidateConfig(ctx context.Context, req resource.ValidateConfigRequest, resp *resource.ValidateConfigResponse) {
	var config model
	resp.Diagnostics.Append(req.Config.Get(ctx, &config)...)
	if resp.Diagnostics.HasError() || !fullyKnown(config.IPRules) {
		return
	}
	own := entriesOf(config.IPRules)
	for _, rule := range rulesOf(config.SharedIPRules) {
		if !containsAll(own, iprange.Entries(rule)) {
			resp.Diagnostics.AddAttributeError(path.Root("shared_ip_rules").AtSetValue(iprange.NewValue(rule)), "Shared rule is not in ip_rules",
				fmt.Sprintf("%s is in shared_ip_rules and not in ip_rules. Add it to ip_rules to have it admitted, or leave it out of both if others keep it in the account.", rule))
		}
	}
}

// ModifyPlan plans what is known of the result, and refuses what the account as it is
// now would not take. It reads the account once, and only if there is something to do.
func (r *Resource) ModifyPlan(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	if req.Plan.Raw.IsNull() {
		return
	}
	var plan model
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	var prior *model
	if !req.State.Raw.IsNull() {
		prior = &model{}
		resp.Diagnostics.Append(req.State.Get(ctx, prior)...)
	}
	if resp.Diagnostics.HasError() {
		return
	}
	if plan.Owner.IsUnknown() && r.cloud != nil {
		plan.Owner = types.StringValue(r.cloud.owner)
	}
	changes := prior == nil || !plan.configuredAs(prior)
	plan.planComputed(prior, changes)
	resp.Diagnostics.Append(resp.Plan.Set(ctx, plan)...)
	if changes && !resp.Diagnostics.HasError() {
		r.checkAccount(ctx, plan, prior, &resp.Diagnostics)
	}
}

// planComputed sets what a plan knows of the computed attributes. Rules that are only
// spelled anew keep the state's spelling, so that nothing is planned for them.
func (m *model) planComputed(prior *model, changes bool) {
	if prior != nil {
		if sameRules(m.IPRules, prior.IPRules) {
			m.IPRules = prior.IPRules
		}
		if sameRules(m.SharedIPRules, prior.SharedIPRules) {
			m.SharedIPRules = prior.SharedIPRules
		}
	}
	if !changes {
		m.computedFrom(prior)
		return
	}
	m.ID = types.StringUnknown()
	if !m.AccountID.IsUnknown() && !m.Owner.IsUnknown() {
		m.ID = types.StringValue(packID(m.AccountID.ValueString(), m.Owner.ValueString()))
	}
	m.AdmittedPublicIPs = types.SetUnknown(types.StringType)
	m.CustomSubdomain = types.StringUnknown()
	if prior != nil && m.AccountID.Equal(prior.AccountID) {
		m.CustomSubdomain = prior.CustomSubdomain
		if sameRules(m.IPRules, prior.IPRules) {
			m.AdmittedPublicIPs = prior.AdmittedPublicIPs
		}
	}
	m.UnmanagedIPRules = types.SetUnknown(types.StringType)
	m.EffectiveIPRules = types.SetUnknown(types.StringType)
	m.RuleCount = types.Int64Unknown()
	m.ProvisioningState = types.StringUnknown()
	m.ETag = types.StringUnknown()
}

// checkAccount compares a plan with the account. An account that is only known after
// apply is checked then.
func (r *Resource) checkAccount(ctx context.Context, plan model, prior *model, diags *diag.Diagnostics) {
	if r.cloud == nil || !r.cloud.reachable() || plan.AccountID.IsUnknown() {
		return
	}
	if prior != nil && (!plan.AccountID.Equal(prior.AccountID) || !plan.Owner.Equal(prior.Owner)) {
		// A replacement: Terraform plans its create by itself, without the prior state.
		return
	}
	id, w, ok := r.open(ctx, plan.AccountID, diags)
	if !ok {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	account, err := w.client.Get(ctx, id)
	if clouderr.IsAzureNotFound(err) {
		clouderr.AddAttribute(diags, path.Root("account_id"), "The account does not exist", err,
			fmt.Sprintf("Azure does not know %s.", id),
			"Check its name, group and subscription, and that the identity in use may read it. If this configuration makes the account, "+
				"refer to its id (account_id = azurerm_cognitive_account.<name>.id), so that it is made first.")
		return
	}
	if err != nil {
		clouderr.Add(diags, "Cannot read the account's firewall", err, fmt.Sprintf("Reading %s to check the plan.", id), hintsFor(err)...)
		return
	}
	wanted := plan.desired(prior)
	if !fullyKnown(plan.IPRules) {
		// What is not known yet lets somebody in, and is not dropped.
		wanted.allowLockout, wanted.drop = true, nil
	}
	for _, refused := range wanted.refusals(account) {
		refused.addTo(diags)
	}
	if diags.HasError() {
		return
	}
	adds := without(wanted.list, entriesOf(plan.SharedIPRules))
	if prior != nil {
		adds = without(adds, entriesOf(prior.IPRules))
	}
	wanted.warn(account, adds, diags)
}
