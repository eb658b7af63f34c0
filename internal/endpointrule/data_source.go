// Package endpointrule is the data source crosscloudlink_databricks_private_endpoint_rule:
// a private endpoint rule, once Databricks has made its VPC endpoint.
package endpointrule

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/databricks/databricks-sdk-go/service/settings"
	"github.com/hashicorp/terraform-plugin-framework-timeouts/datasource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/clients"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/clouderr"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/tfvalue"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/waiter"
)

const defaultReadTimeout = 30 * time.Minute

var (
	_ datasource.DataSource              = (*DataSource)(nil)
	_ datasource.DataSourceWithConfigure = (*DataSource)(nil)
)

// rulesAPI is what this package uses of the Databricks account API.
type rulesAPI interface {
	GetPrivateEndpointRule(context.Context, settings.GetPrivateEndpointRuleRequest) (*settings.NccPrivateEndpointRule, error)
}

// account is the Databricks account, and how to wait for it.
type account struct {
	rules  rulesAPI
	waiter waiter.Waiter
}

// DataSource is crosscloudlink_databricks_private_endpoint_rule.
type DataSource struct {
	// connect is nil until the provider is configured.
	connect func(context.Context) (account, diag.Diagnostics)
}

// NewDataSource returns the data source for the provider to register.
func NewDataSource() datasource.DataSource { return &DataSource{} }

type model struct {
	NCCID           types.String   `tfsdk:"network_connectivity_config_id"`
	RuleID          types.String   `tfsdk:"private_endpoint_rule_id"`
	ID              types.String   `tfsdk:"id"`
	EndpointService types.String   `tfsdk:"endpoint_service"`
	DomainNames     types.List     `tfsdk:"domain_names"`
	VPCEndpointID   types.String   `tfsdk:"vpc_endpoint_id"`
	ConnectionState types.String   `tfsdk:"connection_state"`
	Deactivated     types.Bool     `tfsdk:"deactivated"`
	ErrorMessage    types.String   `tfsdk:"error_message"`
	Timeouts        timeouts.Value `tfsdk:"timeouts"`
}

// Metadata names the data source.
func (d *DataSource) Metadata(_ context.Context, req datasource.MetadataRequest, resp *datasource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_databricks_private_endpoint_rule"
}

// Schema describes the attributes.
func (d *DataSource) Schema(ctx context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	resp.Schema = dataSourceSchema(ctx)
}

func dataSourceSchema(ctx context.Context) schema.Schema {
	return schema.Schema{
		MarkdownDescription: "A private endpoint rule of a Databricks network connectivity configuration (NCC), read once Databricks has made its VPC endpoint: the id of that endpoint is what the team that owns the endpoint service needs to accept the connection.\n\n" +
			"The read waits while the rule is `CREATING`. It does not wait until anybody accepts the connection.",
		Attributes: map[string]schema.Attribute{
			"network_connectivity_config_id": schema.StringAttribute{
				Required:            true,
				MarkdownDescription: "Id of the NCC that holds the rule.",
				Validators:          []validator.String{NCCID()},
			},
			"private_endpoint_rule_id": schema.StringAttribute{
				Required:            true,
				MarkdownDescription: "Id of the rule: the `rule_id` of `databricks_mws_ncc_private_endpoint_rule`.",
				Validators:          []validator.String{RuleID()},
			},
			"id":               computed("Identifies the rule: `<NCC id>/<rule id>`."),
			"endpoint_service": computed("Name of the endpoint service that the rule leads to, `com.amazonaws.vpce.<region>.vpce-svc-…`."),
			"domain_names": schema.ListAttribute{
				Computed: true, ElementType: types.StringType,
				MarkdownDescription: "Domain names that Databricks sends through the endpoint.",
			},
			"vpc_endpoint_id":  computed("Id of the VPC endpoint that Databricks has made for the rule, `vpce-…`. Null if the rule has ended without one."),
			"connection_state": computed("State of the connection: `PENDING` (it waits to be accepted), `ESTABLISHED`, or `REJECTED`, `DISCONNECTED` and `EXPIRED`, of which no rule comes back."),
			"deactivated": schema.BoolAttribute{
				Computed:            true,
				MarkdownDescription: "Whether the rule was deleted: Databricks keeps it for a day, without effect.",
			},
			"error_message": computed("What Databricks says is wrong with the rule. Empty if nothing is."),
			"timeouts": timeouts.AttributesWithOpts(ctx, timeouts.Opts{
				ReadDescription: "How long to wait until Databricks has made the VPC endpoint, for example `45m`. Default 30 minutes.",
			}),
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
		return account{rules: client.NetworkConnectivity, waiter: Pace(c.Waiter())}, diags
	}
}

// Read waits until Databricks has made the rule's VPC endpoint, or has failed to.
func (d *DataSource) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	var m model
	resp.Diagnostics.Append(req.Config.Get(ctx, &m)...)
	if resp.Diagnostics.HasError() {
		return
	}
	timeout, diags := m.Timeouts.Read(ctx, defaultReadTimeout)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	a, diags := d.connect(ctx)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	nccID, ruleID := m.NCCID.ValueString(), m.RuleID.ValueString()
	rule, err := a.awaitMade(ctx, nccID, ruleID)
	if err != nil {
		addReadError(&resp.Diagnostics, err, nccID, ruleID)
		return
	}
	if rule.ConnectionState == settings.NccPrivateEndpointRulePrivateLinkConnectionStateCreateFailed {
		addCreateFailed(&resp.Diagnostics, *rule)
		return
	}
	m.record(*rule)
	resp.Diagnostics.Append(resp.State.Set(ctx, &m)...)
}

// awaitMade returns the rule once there is nothing left for Databricks to make.
func (a account) awaitMade(ctx context.Context, nccID, ruleID string) (*settings.NccPrivateEndpointRule, error) {
	var rule *settings.NccPrivateEndpointRule
	err := a.waiter.Until(ctx, "Databricks to make the VPC endpoint of rule "+ruleID, func(ctx context.Context) (string, bool, error) {
		found, err := a.rules.GetPrivateEndpointRule(ctx, settings.GetPrivateEndpointRuleRequest{NetworkConnectivityConfigId: nccID, PrivateEndpointRuleId: ruleID})
		if clouderr.DatabricksPasses(err) {
			err = waiter.Retry(err)
		}
		if err != nil {
			return "", false, err
		}
		rule = found
		return string(found.ConnectionState), isMade(*found), nil
	})
	return rule, err
}

// isMade reports whether the rule has its VPC endpoint, or will never get one.
func isMade(rule settings.NccPrivateEndpointRule) bool {
	return rule.Deactivated || Dead(rule) ||
		rule.VpcEndpointId != "" && rule.ConnectionState != settings.NccPrivateEndpointRulePrivateLinkConnectionStateCreating
}

func addReadError(diags *diag.Diagnostics, err error, nccID, ruleID string) {
	at, reading := path.Root("private_endpoint_rule_id"), fmt.Sprintf("Reading rule %s of the network connectivity configuration %s.", ruleID, nccID)
	var stopped *waiter.Error
	switch {
	case clouderr.DatabricksNotFound(err):
		clouderr.AddAttribute(diags, at, "The private endpoint rule does not exist", err, reading,
			"Check both ids, and that the provider's `databricks.account` block is for the account that has them.")
	case errors.As(err, &stopped):
		clouderr.AddAttribute(diags, at, "The private endpoint rule has no VPC endpoint yet", err, reading,
			"Databricks makes the endpoint within some minutes. Apply again to go on waiting; timeouts.read says for how long.")
	default:
		clouderr.AddAttribute(diags, at, "Cannot read the private endpoint rule", err, reading)
	}
}

func addCreateFailed(diags *diag.Diagnostics, rule settings.NccPrivateEndpointRule) {
	said := rule.ErrorMessage
	if said == "" {
		said = "no reason"
	}
	diags.AddAttributeError(path.Root("private_endpoint_rule_id"), "Databricks could not make the VPC endpoint",
		fmt.Sprintf("Rule %s to %s is CREATE_FAILED, and it never comes back. Databricks said: %s\n\n%s", rule.RuleId, rule.EndpointService, said, FixFailed(rule)))
}

// record writes the rule into the computed attributes.
func (m *model) record(rule settings.NccPrivateEndpointRule) {
	m.ID = types.StringValue(m.NCCID.ValueString() + "/" + m.RuleID.ValueString())
	m.EndpointService = tfvalue.StringOrNull(rule.EndpointService)
	m.DomainNames = tfvalue.List(rule.DomainNames)
	m.VPCEndpointID = tfvalue.StringOrNull(rule.VpcEndpointId)
	m.ConnectionState = tfvalue.StringOrNull(string(rule.ConnectionState))
	m.Deactivated = types.BoolValue(rule.Deactivated)
	m.ErrorMessage = types.StringValue(rule.ErrorMessage)
}
