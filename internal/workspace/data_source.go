// Package workspace is the data source crosscloudlink_databricks_workspace: a workspace of
// the account, and the network that it has.
package workspace

import (
	"cmp"
	"context"
	"fmt"
	"strconv"

	"github.com/databricks/databricks-sdk-go/service/provisioning"
	"github.com/databricks/databricks-sdk-go/service/settings"
	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/clients"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/clouderr"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/tfvalue"
)

// DefaultPolicyID is the policy of every workspace that has no other.
const DefaultPolicyID = "default-policy"

var (
	_ datasource.DataSource              = (*DataSource)(nil)
	_ datasource.DataSourceWithConfigure = (*DataSource)(nil)
)

// workspacesAPI is what this package uses of the account's workspaces.
type workspacesAPI interface {
	Get(context.Context, provisioning.GetWorkspaceRequest) (*provisioning.Workspace, error)
}

// optionsAPI is how a workspace's network policy is read.
type optionsAPI interface {
	GetWorkspaceNetworkOptionRpc(context.Context, settings.GetWorkspaceNetworkOptionRequest) (*settings.WorkspaceNetworkOption, error)
}

// account is the Databricks account.
type account struct {
	workspaces workspacesAPI
	options    optionsAPI
}

// DataSource is crosscloudlink_databricks_workspace.
type DataSource struct {
	// connect is nil until the provider is configured.
	connect func(context.Context) (account, diag.Diagnostics)
}

// NewDataSource returns the data source for the provider to register.
func NewDataSource() datasource.DataSource { return &DataSource{} }

type model struct {
	WorkspaceID types.Int64  `tfsdk:"workspace_id"`
	ID          types.String `tfsdk:"id"`
	AccountID   types.String `tfsdk:"account_id"`
	Name        types.String `tfsdk:"name"`
	Region      types.String `tfsdk:"region"`
	Status      types.String `tfsdk:"status"`
	PricingTier types.String `tfsdk:"pricing_tier"`
	NCCID       types.String `tfsdk:"network_connectivity_config_id"`
	PolicyID    types.String `tfsdk:"network_policy_id"`
}

// Metadata names the data source.
func (d *DataSource) Metadata(_ context.Context, req datasource.MetadataRequest, resp *datasource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_databricks_workspace"
}

// Schema describes the attributes.
func (d *DataSource) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "A workspace of the Databricks account, as the account's administrators see it: its region, its status, and the network connectivity configuration (NCC) and network policy that it has.",
		Attributes: map[string]schema.Attribute{
			"workspace_id": schema.Int64Attribute{
				Required:            true,
				MarkdownDescription: "Id of the workspace, a number: it stands behind `o=` in the workspace's addresses, and in the account console.",
				Validators:          []validator.Int64{int64validator.AtLeast(1)},
			},
			"id":                             computed("Id of the workspace, as a string."),
			"account_id":                     computed("Id of the Databricks account that the workspace belongs to."),
			"name":                           computed("Name of the workspace."),
			"region":                         computed("AWS region of the workspace: the one in which its NCC, and the endpoint services that it is to reach, must be."),
			"status":                         computed("Status of the workspace, for example `RUNNING` or `PROVISIONING`."),
			"pricing_tier":                   computed("Pricing tier, for example `ENTERPRISE`. Private endpoint rules and network policies need `ENTERPRISE`. Null if Databricks does not tell."),
			"network_connectivity_config_id": computed("Id of the NCC that the workspace is bound to. Null if there is none."),
			"network_policy_id":              computed("Id of the network policy that the workspace is under; `default-policy` unless it was given another."),
		},
	}
}

func computed(description string) schema.StringAttribute {
	return schema.StringAttribute{Computed: true, MarkdownDescription: description}
}

// Configure takes the provider's clients.
func (d *DataSource) Configure(_ context.Context, req datasource.ConfigureRequest, resp *datasource.ConfigureResponse) {
	c := clients.FromProviderData(req.ProviderData, &resp.Diagnostics)
	if c == nil {
		return
	}
	d.connect = func(ctx context.Context) (account, diag.Diagnostics) {
		client, diags := c.DatabricksAccount(ctx)
		if diags.HasError() {
			return account{}, diags
		}
		return account{workspaces: client.Workspaces, options: client.WorkspaceNetworkConfiguration}, diags
	}
}

// Read asks for the workspace, and for its network policy.
func (d *DataSource) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	var m model
	resp.Diagnostics.Append(req.Config.Get(ctx, &m)...)
	if resp.Diagnostics.HasError() {
		return
	}
	a, diags := d.connect(ctx)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	id := m.WorkspaceID.ValueInt64()
	found, err := a.workspaces.Get(ctx, provisioning.GetWorkspaceRequest{WorkspaceId: id})
	switch {
	case clouderr.DatabricksNotFound(err):
		clouderr.AddAttribute(&resp.Diagnostics, path.Root("workspace_id"), "The workspace does not exist", err, fmt.Sprintf("Reading workspace %d.", id),
			"Check the id, and that the provider's `databricks.account` block is for the account that has the workspace.")
		return
	case err != nil:
		clouderr.AddAttribute(&resp.Diagnostics, path.Root("workspace_id"), "Cannot read the workspace", err, fmt.Sprintf("Reading workspace %d.", id))
		return
	}
	option, err := a.options.GetWorkspaceNetworkOptionRpc(ctx, settings.GetWorkspaceNetworkOptionRequest{WorkspaceId: id})
	if err != nil {
		clouderr.AddAttribute(&resp.Diagnostics, path.Root("workspace_id"), "Cannot read the workspace's network policy", err, fmt.Sprintf("Reading the network policy of workspace %d.", id))
		return
	}
	m.record(*found, *option)
	resp.Diagnostics.Append(resp.State.Set(ctx, &m)...)
}

// record writes what Databricks answered into the computed attributes.
func (m *model) record(w provisioning.Workspace, option settings.WorkspaceNetworkOption) {
	m.ID = types.StringValue(strconv.FormatInt(m.WorkspaceID.ValueInt64(), 10))
	m.AccountID = tfvalue.StringOrNull(w.AccountId)
	m.Name = tfvalue.StringOrNull(w.WorkspaceName)
	m.Region = tfvalue.StringOrNull(w.AwsRegion)
	m.Status = tfvalue.StringOrNull(string(w.WorkspaceStatus))
	m.PricingTier = tfvalue.StringOrNull(string(w.PricingTier))
	m.NCCID = tfvalue.StringOrNull(w.NetworkConnectivityConfigId)
	m.PolicyID = types.StringValue(PolicyID(option))
}

// PolicyID is the id of the network policy that a workspace is under; Databricks leaves the default out.
func PolicyID(option settings.WorkspaceNetworkOption) string {
	return cmp.Or(option.NetworkPolicyId, DefaultPolicyID)
}
