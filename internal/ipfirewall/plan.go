package ipfirewall

import (
	"context"
	"fmt"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-log/tflog"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/clouderr"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/iprange"
)

// perimeterWithin bounds how long a plan is held up to warn of a network security perimeter.
const perimeterWithin = 20 * time.Second

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
// now would not take. It asks Azure only if the plan asks something of the account.
func (r *Resource) ModifyPlan(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	var prior *model
	if !req.State.Raw.IsNull() {
		prior = &model{}
		resp.Diagnostics.Append(req.State.Get(ctx, prior)...)
	}
	known := recall(ctx, req.Private)
	if req.Plan.Raw.IsNull() {
		if prior != nil && !resp.Diagnostics.HasError() {
			prior.warnOfDestroy(known, &resp.Diagnostics)
		}
		return
	}
	var plan model
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	if resp.Diagnostics.HasError() {
		return
	}
	if plan.Owner.IsUnknown() && r.cloud != nil {
		plan.Owner = types.StringValue(r.cloud.owner)
	}
	asks := prior == nil || !plan.asksAs(prior)
	plan.planComputed(prior, asks)
	resp.Diagnostics.Append(resp.Plan.Set(ctx, plan)...)
	if !asks || resp.Diagnostics.HasError() {
		return
	}
	if prior != nil && plan.replaces(prior) {
		// Terraform plans the create within a replacement by itself, and the destruction not at all.
		prior.warnOfDestroy(known, &resp.Diagnostics)
		return
	}
	if prior != nil && fullyKnown(plan.IPRules) {
		warnOfAdoptedDrop(prior.AccountID.ValueString(), plan.desired(prior).drop, known, &resp.Diagnostics)
	}
	r.checkAccount(ctx, plan, prior, &resp.Diagnostics)
}

// planComputed sets what a plan knows of the computed attributes. Rules that are only
// spelled anew keep the state's spelling, so that nothing is planned for them. asks is
// whether the plan asks something of the account.
func (m *model) planComputed(prior *model, asks bool) {
	if prior != nil {
		if sameRules(m.IPRules, prior.IPRules) {
			m.IPRules = prior.IPRules
		}
		if sameRules(m.SharedIPRules, prior.SharedIPRules) {
			m.SharedIPRules = prior.SharedIPRules
		}
	}
	if !asks {
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
	id, w, ok := r.open(ctx, plan.AccountID, diags)
	if !ok {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	account, err := w.client.Get(ctx, id)
	if clouderr.IsAzureNotFound(err) {
		addMissing(ctx, w.client, id, err, diags)
		return
	}
	if err != nil {
		clouderr.AddAttribute(diags, path.Root("account_id"), "Cannot read the account's firewall", err, fmt.Sprintf("Reading %s to check the plan.", id), hintsFor(err)...)
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
	ctx, cancel = context.WithTimeout(ctx, perimeterWithin)
	defer cancel()
	perimeters, err := w.client.ListPerimeters(ctx, id)
	if err != nil {
		// It is asked for the sake of a warning only, and many identities have no right to.
		tflog.Debug(ctx, "whether a network security perimeter overrides the ip rules is not known", map[string]any{"account": id.String(), "error": err.Error()})
	}
	warnOfPerimeters(account.ID, perimeters, diags)
}
