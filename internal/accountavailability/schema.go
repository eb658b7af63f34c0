package accountavailability

import (
	"regexp"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
)

// readTimeout bounds all of a read: three short calls.
const readTimeout = 5 * time.Minute

// The forms of names that Azure takes; see
// https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules.
var (
	accountName = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9_.-]{1,63}$`)
	groupName   = regexp.MustCompile(`^[-\p{L}\p{N}_.()]{0,89}[-\p{L}\p{N}_()]$`)
	subdomain   = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9-]{0,62}[a-zA-Z0-9]$`)
	location    = regexp.MustCompile(`^[a-zA-Z][a-zA-Z0-9 ]*$`)
)

func dataSourceSchema() schema.Schema {
	return schema.Schema{
		MarkdownDescription: "Tells in the plan whether an Azure OpenAI account (any `Microsoft.CognitiveServices/accounts`) can be made: its custom subdomain must be free in all of Azure, " +
			"and no deleted account may still have its name. Azure keeps a deleted account, with its name and its subdomain, for 48 hours unless it is purged. " +
			"Without this, both show when the apply is half done.\n\n" +
			"An account that exists already, with this subdomain, is no conflict: the same configuration plans the same before and after its first apply. " +
			"The subscription is that of the provider's `azure` block.",
		Attributes: map[string]schema.Attribute{
			"id": schema.StringAttribute{
				Computed:            true,
				MarkdownDescription: "ARM id that the account has or will have.",
			},
			"name": schema.StringAttribute{
				Required:            true,
				MarkdownDescription: "Name of the account: 2 to 64 letters, digits, `_`, `.` and `-`.",
				Validators: []validator.String{stringvalidator.RegexMatches(accountName,
					"must be 2 to 64 letters, digits, _, . and -, beginning with a letter or a digit")},
			},
			"resource_group_name": schema.StringAttribute{
				Required:            true,
				MarkdownDescription: "Name of the account's resource group. It need not exist yet.",
				Validators: []validator.String{stringvalidator.RegexMatches(groupName,
					"must be 1 to 90 letters, digits, -, _, ., ( and ), not ending in a period; write the group's name, not its id")},
			},
			"location": schema.StringAttribute{
				Required:            true,
				MarkdownDescription: "Location of the account, `eastus` or `East US`.",
				Validators:          []validator.String{stringvalidator.RegexMatches(location, "must be an Azure location such as eastus")},
			},
			"custom_subdomain_name": schema.StringAttribute{
				Required:            true,
				MarkdownDescription: "Subdomain that the account is to have: 2 to 64 letters, digits and hyphens. `acme` makes `acme.openai.azure.com`.",
				Validators: []validator.String{stringvalidator.RegexMatches(subdomain,
					"must be 2 to 64 letters, digits and hyphens, beginning and ending with a letter or a digit; write the first label alone: acme, not acme.openai.azure.com")},
			},
			"account_exists": schema.BoolAttribute{
				Computed:            true,
				MarkdownDescription: "Whether the account exists.",
			},
			"subdomain_available": schema.BoolAttribute{
				Computed: true,
				MarkdownDescription: "Whether the account can have the subdomain: it is free, or this very account has it. " +
					"Null, with a warning, if Azure does not let this identity ask (`" + rightToCheckDomain + "` on the subscription).",
			},
			"soft_deleted": schema.BoolAttribute{
				Computed: true,
				MarkdownDescription: "Whether an account of this name, in this group and location, was deleted and not yet purged. Azure then refuses to make it anew. " +
					"Null, with a warning, if Azure does not let this identity ask (`" + rightToReadDeleted + "` on the subscription).",
			},
			"deleted_account_id": schema.StringAttribute{
				Computed:            true,
				MarkdownDescription: "ARM id of the deleted account, for `az resource delete --ids`, which purges it. Null if there is none.",
			},
			"reason": schema.StringAttribute{
				Computed:            true,
				MarkdownDescription: "Azure's own words on why the subdomain is not free, else empty.",
			},
		},
	}
}
