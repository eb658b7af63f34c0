// Package accountavailability is the data source crosscloudlink_aoai_account_availability:
// whether an Azure OpenAI account can be made, known in the plan.
package accountavailability

import (
	"context"
	"errors"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/azureaccount"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/clients"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/clouderr"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/tfvalue"
)

var (
	_ datasource.DataSource              = (*DataSource)(nil)
	_ datasource.DataSourceWithConfigure = (*DataSource)(nil)
)

// DataSource is crosscloudlink_aoai_account_availability.
type DataSource struct {
	// azure gives the accounts of the provider's subscription, and its id.
	azure func(context.Context) (azure accounts, subscriptionID string, diags diag.Diagnostics)
}

// NewDataSource returns the data source, not yet configured.
func NewDataSource() datasource.DataSource { return &DataSource{} }

// Metadata names the data source.
func (d *DataSource) Metadata(_ context.Context, req datasource.MetadataRequest, resp *datasource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_aoai_account_availability"
}

// Configure takes the provider's clients.
func (d *DataSource) Configure(_ context.Context, req datasource.ConfigureRequest, resp *datasource.ConfigureResponse) {
	all := clients.FromProviderData(req.ProviderData, &resp.Diagnostics)
	if all == nil {
		return
	}
	d.azure = func(ctx context.Context) (accounts, string, diag.Diagnostics) {
		azure, diags := all.Azure(ctx)
		if diags.HasError() {
			return nil, "", diags
		}
		return azureaccount.New(azure.Pipeline, azure.Endpoint), azure.SubscriptionID, diags
	}
}

// Schema describes the data source.
func (d *DataSource) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	resp.Schema = dataSourceSchema()
}

type model struct {
	ID                 types.String `tfsdk:"id"`
	Name               types.String `tfsdk:"name"`
	ResourceGroupName  types.String `tfsdk:"resource_group_name"`
	Location           types.String `tfsdk:"location"`
	CustomSubdomain    types.String `tfsdk:"custom_subdomain_name"`
	AccountExists      types.Bool   `tfsdk:"account_exists"`
	SubdomainAvailable types.Bool   `tfsdk:"subdomain_available"`
	SoftDeleted        types.Bool   `tfsdk:"soft_deleted"`
	DeletedAccountID   types.String `tfsdk:"deleted_account_id"`
	Reason             types.String `tfsdk:"reason"`
}

// Read asks Azure.
func (d *DataSource) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	var m model
	resp.Diagnostics.Append(req.Config.Get(ctx, &m)...)
	if resp.Diagnostics.HasError() {
		return
	}
	if d.azure == nil {
		resp.Diagnostics.AddError("The provider is not configured", "A data source was used before its provider was configured. Please report this to the provider's developers.")
		return
	}
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	azure, subscriptionID, diags := d.azure(ctx)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	if subscriptionID == "" {
		resp.Diagnostics.AddError("No Azure subscription is named",
			"The account is looked for in the provider's subscription. Set `subscription_id` in the provider's `azure` block, or ARM_SUBSCRIPTION_ID.")
		return
	}
	q := m.question(subscriptionID)
	out, err := ask(ctx, azure, q)
	if err != nil {
		addFailure(&resp.Diagnostics, err, q)
		return
	}
	for _, u := range out.untold {
		addUntold(&resp.Diagnostics, u, q)
	}
	m.take(q, out)
	resp.Diagnostics.Append(resp.State.Set(ctx, m)...)
}

func (m *model) question(subscriptionID string) question {
	return question{
		id:        azureaccount.ID{SubscriptionID: subscriptionID, ResourceGroup: m.ResourceGroupName.ValueString(), Name: m.Name.ValueString()},
		location:  m.Location.ValueString(),
		subdomain: m.CustomSubdomain.ValueString(),
	}
}

func (m *model) take(q question, out answer) {
	m.ID = types.StringValue(q.id.String())
	m.AccountExists = types.BoolValue(out.accountExists)
	m.SubdomainAvailable = types.BoolPointerValue(out.subdomainAvailable)
	m.SoftDeleted = types.BoolPointerValue(out.softDeleted)
	m.DeletedAccountID = tfvalue.StringOrNull(out.deletedAccountID)
	m.Reason = types.StringValue(out.reason)
}

func addFailure(diags *diag.Diagnostics, err error, q question) {
	doing := "asking Azure"
	var failed *failure
	if errors.As(err, &failed) {
		doing, err = failed.doing, failed.err
	}
	clouderr.Add(diags, "Cannot find out whether the account can be made", err,
		fmt.Sprintf("This happened while %s. The account is %s, its subdomain %s.", doing, q.id, q.subdomain))
}

func addUntold(diags *diag.Diagnostics, u untold, q question) {
	next := fmt.Sprintf("Grant the Azure identity in use %s on /subscriptions/%s. Until then this is not known before the apply.", u.right, q.id.SubscriptionID)
	if _, code := clouderr.AzureCode(u.err); code == codeNotRegistered {
		next = "Register the resource provider Microsoft.CognitiveServices in the subscription. Until then this is not known before the apply."
	}
	attribute := path.Root("custom_subdomain_name")
	if u.right == rightToReadDeleted {
		attribute = path.Root("name")
	}
	diags.AddAttributeWarning(attribute, "Azure does not tell "+u.what,
		clouderr.Detail(u.err, fmt.Sprintf("The account is %s, its subdomain %s.", q.id, q.subdomain), next))
}
