package ipfirewall

import (
	"context"
	"fmt"
	"regexp"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/booldefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringdefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/azureaccount"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/iprange"
)

// Defaults of the timeouts attribute.
const (
	writeTimeout = 15 * time.Minute
	readTimeout  = 5 * time.Minute
)

func resourceSchema(ctx context.Context) schema.Schema {
	return schema.Schema{
		MarkdownDescription: "Keeps entries of one owner in the IP firewall of an Azure OpenAI account (any `Microsoft.CognitiveServices/accounts` with a custom subdomain), " +
			"beside the entries that others keep there: those are never changed. Nothing here opens an account: " +
			"settings that are left out are not touched, on destroy neither.\n\n" +
			"All entries named in `ip_rules` belong to this resource, also those that it found in the account; " +
			"an entry that others rely on too is named in `shared_ip_rules` as well. " +
			"Writes are guarded by the account's ETag, read back, and repeated if somebody else changed the account in between.\n\n" +
			"~> Other tools that manage the account may send their own copy of its network rules. Beside `azurerm_cognitive_account`, set " +
			"`lifecycle { ignore_changes = [network_acls[0].ip_rules, network_acls[0].virtual_network_rules] }` there, and let this resource depend on the account's deployments and projects: " +
			"Azure takes one operation on an account at a time, and the Azure provider does not wait for ours. Take the resource out of a configuration in an apply that changes nothing of the account. " +
			"Why, and where this ends: [Beside azurerm, azapi and AVM](../guides/beside-azurerm.md).",
		Attributes: map[string]schema.Attribute{
			"id": schema.StringAttribute{
				Computed:            true,
				MarkdownDescription: "`account_id` and `owner`, joined by `#`.",
			},
			"account_id": schema.StringAttribute{
				Required: true,
				MarkdownDescription: "ARM id of the account, such as the `id` of `azurerm_cognitive_account`. The account needs a custom subdomain. " +
					"Case does not matter. Changing this forces a new resource.",
				Validators:    []validator.String{accountIDValidator{}},
				PlanModifiers: []planmodifier.String{sameAccount{}},
			},
			"owner": schema.StringAttribute{
				Optional: true,
				Computed: true,
				MarkdownDescription: "Key of this set of entries, so that several resources can share one account. It is part of `id` only; Azure keeps no trace of it. " +
					"Defaults to the provider's `owner`. Changing this forces a new resource.",
				Validators: []validator.String{
					stringvalidator.RegexMatches(regexp.MustCompile(`^[^#\s]+$`), "must be a word without # and white space, such as databricks-prod"),
				},
				PlanModifiers: []planmodifier.String{
					stringplanmodifier.UseStateForUnknown(),
					stringplanmodifier.RequiresReplace(),
				},
			},
			"ip_rules": schema.SetAttribute{
				Required:    true,
				ElementType: iprange.Type{},
				MarkdownDescription: "Public IPv4 addresses (`52.1.2.3`) and aligned ranges (`52.1.2.0/24`) to admit. `52.1.2.3/32` means the same as `52.1.2.3`, and a `/31` is written as its two addresses, " +
					"since Azure takes neither. May be unknown at plan. An account takes 100 entries in all, those of others included. " +
					"Entries that the account lists already are adopted, with a warning in the plan, and named again by the plan that would remove them.",
				Validators: []validator.Set{iprange.Distinct()},
			},
			"shared_ip_rules": schema.SetAttribute{
				Optional:    true,
				ElementType: iprange.Type{},
				MarkdownDescription: "Those of `ip_rules` that somebody else relies on too: they are added if they are missing, and never removed, neither on destroy nor when they leave `ip_rules`. " +
					"Each must cover the same addresses as an element of `ip_rules`.",
				Validators: []validator.Set{iprange.Distinct()},
			},
			"default_action": schema.StringAttribute{
				Optional: true,
				MarkdownDescription: "What happens to callers that no rule names: `Deny` or `Allow`. Without `Deny` the rules have no effect. " +
					"Not touched if left out, and left as it is on destroy.",
				Validators: []validator.String{stringvalidator.OneOf(azureaccount.ActionAllow, azureaccount.ActionDeny)},
			},
			"bypass": schema.StringAttribute{
				Optional: true,
				MarkdownDescription: "Whether Azure's trusted services pass the firewall: `AzureServices` or `None`. " +
					"Accounts of kind `OpenAI`, `AIServices` and `TextAnalytics` have it. Not touched if left out, and left as it is on destroy.",
				Validators: []validator.String{stringvalidator.OneOf(azureaccount.BypassAzureServices, azureaccount.BypassNone)},
			},
			"public_network_access": schema.StringAttribute{
				Optional: true,
				MarkdownDescription: "`Enabled`, or `Disabled` to admit private endpoints only, whatever the rules say. " +
					"An account that leaves it to its network security perimeter (`SecuredByPerimeter`) looks at the perimeter's rules only. Not touched if left out, and left as it is on destroy.",
				Validators: []validator.String{stringvalidator.OneOf(azureaccount.AccessEnabled, azureaccount.AccessDisabled)},
			},
			"allow_lockout": schema.BoolAttribute{
				Optional:            true,
				Computed:            true,
				Default:             booldefault.StaticBool(false),
				MarkdownDescription: "Whether this resource may leave the account denying by default with no rule and no approved private endpoint. Defaults to `false`: such a change is refused.",
			},
			"on_destroy": schema.StringAttribute{
				Optional: true,
				Computed: true,
				Default:  stringdefault.StaticString(OnDestroyRemove),
				MarkdownDescription: "What a destroy does with the entries of `ip_rules`: `remove_entries` takes out all but those of `shared_ip_rules`; " +
					"`keep` sends nothing and leaves them all, and its plan names them. Entries that leave `ip_rules` are removed either way. Defaults to `remove_entries`. " +
					"`keep` does not go with a `crosscloudlink_eip_pool` that releases its addresses: an entry that stays lets in whoever gets the address next.",
				Validators: []validator.String{stringvalidator.OneOf(OnDestroyRemove, OnDestroyKeep)},
			},
			"admitted_public_ips": schema.SetAttribute{
				Computed:    true,
				ElementType: types.StringType,
				MarkdownDescription: "The single addresses of `ip_rules` that Azure was seen to list, read back after the write. " +
					"Known at plan as long as `ip_rules` does not change. What is given to `crosscloudlink_eip_admission`.",
			},
			"unmanaged_ip_rules": schema.SetAttribute{
				Computed:            true,
				ElementType:         types.StringType,
				MarkdownDescription: "Entries of the account that belong to others, in Azure's spelling.",
			},
			"effective_ip_rules": schema.SetAttribute{
				Computed:            true,
				ElementType:         types.StringType,
				MarkdownDescription: "All entries of the account, in Azure's spelling.",
			},
			"rule_count": schema.Int64Attribute{
				Computed:            true,
				MarkdownDescription: "Number of entries in the account, those of others included. Azure takes 100.",
			},
			"custom_subdomain": schema.StringAttribute{
				Computed:            true,
				MarkdownDescription: "The account's custom subdomain: the first label of `<custom_subdomain>.openai.azure.com`, the host that callers must use.",
			},
			"provisioning_state": schema.StringAttribute{
				Computed:            true,
				MarkdownDescription: "The account's provisioning state when last read: `Succeeded` at rest.",
			},
			"etag": schema.StringAttribute{
				Computed:            true,
				MarkdownDescription: "The account's version when last read. It changes with every change of the account, by whomever.",
			},
			"timeouts": timeouts.Attributes(ctx, timeouts.Opts{
				Create: true, Read: true, Update: true, Delete: true,
				CreateDescription: timeoutDescription("creating", writeTimeout),
				ReadDescription:   timeoutDescription("reading", readTimeout),
				UpdateDescription: timeoutDescription("updating", writeTimeout),
				DeleteDescription: timeoutDescription("deleting", writeTimeout),
			}),
		},
	}
}

func timeoutDescription(doing string, limit time.Duration) string {
	return fmt.Sprintf("How long %s may take, as a duration such as \"20m\". Defaults to %q.", doing, fmt.Sprintf("%dm", int(limit.Minutes())))
}

// accountIDValidator refuses what is not an account's ARM id.
type accountIDValidator struct{}

// Description says what is accepted.
func (accountIDValidator) Description(context.Context) string {
	return "must be the ARM id of a Cognitive Services account: " + azureaccount.IDExample
}

// MarkdownDescription says what is accepted.
func (v accountIDValidator) MarkdownDescription(ctx context.Context) string {
	return v.Description(ctx)
}

// ValidateString refuses a known value of another form.
func (accountIDValidator) ValidateString(_ context.Context, req validator.StringRequest, resp *validator.StringResponse) {
	if req.ConfigValue.IsNull() || req.ConfigValue.IsUnknown() {
		return
	}
	if _, err := azureaccount.ParseID(req.ConfigValue.ValueString()); err != nil {
		resp.Diagnostics.AddAttributeError(req.Path, "Invalid account id", err.Error()+".")
	}
}

// sameAccount replaces the resource when the id names another account, and keeps the
// state's spelling when it names the same one: ARM answers in whatever case it likes.
type sameAccount struct{}

// Description says when the resource is replaced.
func (sameAccount) Description(context.Context) string {
	return "Another account forces a new resource; another spelling of its id does not."
}

// MarkdownDescription says when the resource is replaced.
func (m sameAccount) MarkdownDescription(ctx context.Context) string { return m.Description(ctx) }

// PlanModifyString compares the accounts that the two ids name.
func (sameAccount) PlanModifyString(_ context.Context, req planmodifier.StringRequest, resp *planmodifier.StringResponse) {
	if req.State.Raw.IsNull() || req.Plan.Raw.IsNull() || req.PlanValue.Equal(req.StateValue) {
		return
	}
	before, errBefore := azureaccount.ParseID(req.StateValue.ValueString())
	after, errAfter := azureaccount.ParseID(req.PlanValue.ValueString())
	if errBefore == nil && errAfter == nil && before.Key() == after.Key() {
		resp.PlanValue = req.StateValue
		return
	}
	resp.RequiresReplace = true
}
