// Package ipfirewall is the resource crosscloudlink_aoai_ip_firewall: one owner's
// entries in the IP firewall of an Azure account that others write to as well.
package ipfirewall

import (
	"context"
	"errors"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-log/tflog"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/azureaccount"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/clients"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/clouderr"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/iprange"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/waiter"
)

var (
	_ resource.Resource                   = (*Resource)(nil)
	_ resource.ResourceWithConfigure      = (*Resource)(nil)
	_ resource.ResourceWithValidateConfig = (*Resource)(nil)
	_ resource.ResourceWithModifyPlan     = (*Resource)(nil)
	_ resource.ResourceWithImportState    = (*Resource)(nil)
)

// cloudAccess is what the resource needs of the provider's clients.
type cloudAccess struct {
	// owner is the provider's, for resources that name none.
	owner string
	// reachable reports whether the Azure configuration is known, so that a plan may read.
	reachable func() bool
	accounts  func(context.Context) (*azureaccount.Client, diag.Diagnostics)
	waiter    waiter.Waiter
	locks     *keyedLocks
}

// Resource is crosscloudlink_aoai_ip_firewall.
type Resource struct{ cloud *cloudAccess }

// NewResource returns the resource, not yet configured.
func NewResource() resource.Resource { return &Resource{} }

// Metadata names the resource.
func (r *Resource) Metadata(_ context.Context, req resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_aoai_ip_firewall"
}

// Configure takes the provider's clients.
func (r *Resource) Configure(_ context.Context, req resource.ConfigureRequest, resp *resource.ConfigureResponse) {
	all := clients.FromProviderData(req.ProviderData, &resp.Diagnostics)
	if all == nil {
		return
	}
	r.cloud = &cloudAccess{
		owner:     all.Owner(),
		reachable: all.KnownAzure,
		accounts: func(ctx context.Context) (*azureaccount.Client, diag.Diagnostics) {
			azure, diags := all.Azure(ctx)
			if diags.HasError() {
				return nil, diags
			}
			return azureaccount.New(azure.Pipeline, azure.Endpoint), diags
		},
		waiter: all.Waiter(),
		locks:  &accountLocks,
	}
}

// Schema describes the resource.
func (r *Resource) Schema(ctx context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	resp.Schema = resourceSchema(ctx)
}

// Create writes the entries, taking over those that are there.
func (r *Resource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	var plan model
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	timeout, diags := plan.Timeouts.Create(ctx, writeTimeout)
	resp.Diagnostics.Append(diags...)
	id, w, ok := r.open(ctx, plan.AccountID, &resp.Diagnostics)
	if !ok {
		return
	}
	waitCtx, cancel := context.WithTimeout(withFields(ctx, id, plan.Owner), timeout)
	defer cancel()

	wanted := plan.desired(nil)
	out, err := w.converge(waitCtx, id, wanted, true)
	if err != nil && out.sent {
		out, err = settleCreate(waitCtx, w, id, wanted, out, err, &resp.Diagnostics)
	}
	if err != nil {
		addWriteError(ctx, w, &resp.Diagnostics, "Cannot write the account's firewall", err, id)
		return
	}
	plan.ID = types.StringValue(packID(plan.AccountID.ValueString(), plan.Owner.ValueString()))
	plan.observe(out.account)
	if !out.account.Settled() {
		// What Azure has not finished is not admitted yet.
		plan.AdmittedPublicIPs = stringSet(nil)
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, plan)...)
	resp.Diagnostics.Append(provenance{}.after(wanted.list, nil, out.found).keep(ctx, resp.Private)...)
}

// settleCreate decides what becomes of a create that sent a write and did not see the
// account as planned. An error from Create would have the next apply destroy and remake
// what may well be in order, so it is given only when nothing of ours can be in the account.
func settleCreate(ctx context.Context, w writer, id azureaccount.ID, wanted desired, out outcome, cause error, diags *diag.Diagnostics) (outcome, error) {
	account, err := w.readBack(ctx, id)
	if clouderr.IsAzureNotFound(err) {
		return out, cause
	}
	if err == nil {
		out.account = account
		switch {
		case account.Settled() && wanted.heldBy(account):
			return out, nil
		case account.Settled() && out.failed && !listsAny(account, wanted.list):
			return out, cause
		}
	}
	clouderr.AddWarning(diags, "The account's firewall is not yet as planned", cause,
		fmt.Sprintf("A change of the firewall of %s was sent to Azure, and its end was not seen. "+
			"admitted_public_ips holds only what Azure was seen to list. The next plan shows what is missing; apply again.", id))
	return out, nil
}

// Read compares the own entries with the account's.
func (r *Resource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	var state model
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	timeout, diags := state.Timeouts.Read(ctx, readTimeout)
	resp.Diagnostics.Append(diags...)
	id, w, ok := r.open(ctx, state.AccountID, &resp.Diagnostics)
	if !ok {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()

	account, err := w.client.Get(ctx, id)
	if clouderr.IsAzureNotFound(err) {
		detail := fmt.Sprintf("Azure does not know %s any more, so its firewall entries of owner %q are removed from the state.", id, state.Owner.ValueString())
		if kept := keptAsDeleted(ctx, w.client, id); kept != "" {
			detail += "\n\n" + kept
		}
		resp.Diagnostics.AddWarning("The account of a firewall is gone", detail)
		resp.State.RemoveResource(ctx)
		return
	}
	if err != nil {
		clouderr.AddAttribute(&resp.Diagnostics, path.Root("account_id"), "Cannot read the account's firewall", err, fmt.Sprintf("Reading %s.", id), hintsFor(err)...)
		return
	}
	state.refresh(account)
	resp.Diagnostics.Append(resp.State.Set(ctx, state)...)
}

// Update adds the entries that came, and removes the own ones that left, in one write. A
// plan that asks nothing of the account is saved as it is.
func (r *Resource) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	var plan, state model
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	timeout, diags := plan.Timeouts.Update(ctx, writeTimeout)
	resp.Diagnostics.Append(diags...)
	if !resp.Diagnostics.HasError() && !plan.ETag.IsUnknown() {
		resp.Diagnostics.Append(resp.State.Set(ctx, plan)...)
		return
	}
	id, w, ok := r.open(ctx, plan.AccountID, &resp.Diagnostics)
	if !ok {
		return
	}
	waitCtx, cancel := context.WithTimeout(withFields(ctx, id, plan.Owner), timeout)
	defer cancel()

	wanted, former := plan.desired(&state), entriesOf(state.IPRules)
	known := recall(ctx, req.Private)
	out, err := w.converge(waitCtx, id, wanted, true)
	if err != nil && out.sent {
		account, readErr := w.readBack(waitCtx, id)
		if readErr == nil {
			out.account = account
		}
		if readErr != nil || !wanted.heldBy(account) {
			// Whatever Azure still makes of the write, nothing that may become ours is forgotten:
			// the next read drops what is not there.
			state.IPRules = ruleSet(unionOfRules(rulesOf(plan.IPRules), rulesOf(state.IPRules)))
			state.observe(out.account)
			resp.Diagnostics.Append(resp.State.Set(ctx, state)...)
			resp.Diagnostics.Append(known.after(entriesOf(state.IPRules), former, out.found).keep(ctx, resp.Private)...)
		} else {
			err = nil
		}
	}
	if err != nil {
		addWriteError(ctx, w, &resp.Diagnostics, "Cannot change the account's firewall", err, id)
		return
	}
	plan.observe(out.account)
	resp.Diagnostics.Append(resp.State.Set(ctx, plan)...)
	resp.Diagnostics.Append(known.after(wanted.list, former, out.found).keep(ctx, resp.Private)...)
}

// Delete removes the own entries, unless on_destroy keeps them, and nothing else: no
// setting is put back, since that could open the account.
func (r *Resource) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	var state model
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	timeout, diags := state.Timeouts.Delete(ctx, writeTimeout)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	wanted := desired{drop: state.removable()}
	if state.OnDestroy.ValueString() == OnDestroyKeep || len(wanted.drop) == 0 {
		return
	}
	id, w, ok := r.open(ctx, state.AccountID, &resp.Diagnostics)
	if !ok {
		return
	}
	waitCtx, cancel := context.WithTimeout(withFields(ctx, id, state.Owner), timeout)
	defer cancel()

	out, err := w.converge(waitCtx, id, wanted, false)
	if err != nil && out.sent {
		account, readErr := w.readBack(waitCtx, id)
		switch {
		case clouderr.IsAzureNotFound(readErr):
			err = readErr
		case readErr == nil && wanted.heldBy(account):
			out.account, err = account, nil
		}
	}
	switch {
	case clouderr.IsAzureNotFound(err):
		return
	case err != nil:
		addWriteError(ctx, w, &resp.Diagnostics, "Cannot remove entries from the account's firewall", err, id)
		return
	}
	if out.sent && closed(*out.account.ACLs, out.account) {
		resp.Diagnostics.AddWarning("The account admits nobody now",
			fmt.Sprintf("The last ip rule of %s is removed, and it denies by default. This is left so, since a destroy never opens an account. "+
				"Whoever still needs it must list an address or approve a private endpoint.", id))
	}
}

// ImportState takes ACCOUNT_ID#OWNER, or with the entries to take over as a third part.
func (r *Resource) ImportState(ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse) {
	imported, err := parseImportID(req.ID)
	if err != nil {
		resp.Diagnostics.AddError("Invalid import id", fmt.Sprintf("%s.\n\nWrite it as %s.", err, importForms))
		return
	}
	for name, value := range map[string]any{
		"id":            packID(imported.accountID, imported.owner),
		"account_id":    imported.accountID,
		"owner":         imported.owner,
		"ip_rules":      ruleSet(imported.rules),
		"allow_lockout": false,
		"on_destroy":    OnDestroyRemove,
	} {
		resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root(name), value)...)
	}
	resp.Diagnostics.Append(provenance{Adopted: iprange.AllEntries(imported.rules)}.keep(ctx, resp.Private)...)
}

// open gives what every operation needs; ok is false if a diagnostic says why not.
func (r *Resource) open(ctx context.Context, accountID types.String, diags *diag.Diagnostics) (id azureaccount.ID, w writer, ok bool) {
	if diags.HasError() {
		return id, w, false
	}
	if r.cloud == nil {
		diags.AddError("The provider is not configured", "A resource was used before its provider was configured. Please report this to the provider's developers.")
		return id, w, false
	}
	id, err := azureaccount.ParseID(accountID.ValueString())
	if err != nil {
		diags.AddAttributeError(path.Root("account_id"), "Invalid account id", err.Error()+".")
		return id, w, false
	}
	client, more := r.cloud.accounts(ctx)
	diags.Append(more...)
	return id, writer{client: client, waiter: r.cloud.waiter, locks: r.cloud.locks}, !diags.HasError()
}

func addWriteError(ctx context.Context, w writer, diags *diag.Diagnostics, summary string, err error, id azureaccount.ID) {
	var refused *refusal
	switch {
	case errors.As(err, &refused):
		refused.addTo(diags)
		return
	case clouderr.IsAzureNotFound(err):
		addMissing(ctx, w.client, id, err, diags)
		return
	}
	clouderr.AddAttribute(diags, path.Root("account_id"), summary, err, fmt.Sprintf("The account is %s.", id), hintsFor(err)...)
}

// unionOfRules gives the rules of a, and those of b that name other entries.
func unionOfRules(a, b []string) []string {
	union, have := a, map[string]bool{}
	for _, entry := range entriesOf(ruleSet(a)) {
		have[entry] = true
	}
	for _, rule := range b {
		if !allIn(have, rule) {
			union = append(union, rule)
		}
	}
	return union
}

func withFields(ctx context.Context, id azureaccount.ID, owner types.String) context.Context {
	ctx = tflog.SetField(ctx, "account", id.String())
	return tflog.SetField(ctx, "owner", owner.ValueString())
}
