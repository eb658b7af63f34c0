package endpointapproval

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/endpointrule"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/tfvalue"
)

type model struct {
	ID                  types.String   `tfsdk:"id"`
	EndpointServiceID   types.String   `tfsdk:"endpoint_service_id"`
	NCCID               types.String   `tfsdk:"network_connectivity_config_id"`
	RuleIDGiven         types.String   `tfsdk:"private_endpoint_rule_id"`
	VPCEndpointID       types.String   `tfsdk:"vpc_endpoint_id"`
	AllowedOwners       types.Set      `tfsdk:"allowed_owner_account_ids"`
	WaitForRule         types.Bool     `tfsdk:"wait_for_rule"`
	EndpointServiceName types.String   `tfsdk:"endpoint_service_name"`
	RuleID              types.String   `tfsdk:"rule_id"`
	VPCEndpointOwner    types.String   `tfsdk:"vpc_endpoint_owner"`
	AWSState            types.String   `tfsdk:"aws_state"`
	ConnectionState     types.String   `tfsdk:"connection_state"`
	DomainNames         types.List     `tfsdk:"domain_names"`
	Status              types.String   `tfsdk:"status"`
	Timeouts            timeouts.Value `tfsdk:"timeouts"`
}

// target is what the model is about, as far as it is known; unknown ids count as absent.
// An endpoint beside an NCC was found before: it stands until the rule names one, and
// when the rule is gone.
func (m model) target() Target {
	return Target{
		ServiceID:  m.EndpointServiceID.ValueString(),
		NCCID:      m.NCCID.ValueString(),
		RuleID:     m.RuleIDGiven.ValueString(),
		EndpointID: m.VPCEndpointID.ValueString(),
	}
}

// asksDatabricks reports whether the rule is looked up, even if its NCC is not known yet.
func (m model) asksDatabricks() bool { return !m.NCCID.IsNull() }

func (m model) status() status { return status(m.Status.ValueString()) }

// owners are the accounts that the endpoint may belong to.
func (m model) owners(ctx context.Context, partition string) ([]string, diag.Diagnostics) {
	var diags diag.Diagnostics
	if !m.AllowedOwners.IsNull() {
		var owners []string
		diags.Append(m.AllowedOwners.ElementsAs(ctx, &owners, false)...)
		return owners, diags
	}
	owners := endpointrule.Accounts(partition)
	if len(owners) == 0 {
		diags.AddError("Databricks' accounts are not known here",
			fmt.Sprintf("It is not known which AWS accounts Databricks connects from in the partition %q. Ask Databricks, and write them into allowed_owner_account_ids.", partition))
	}
	return owners, diags
}

// record writes an observation into the model's computed attributes.
func (m *model) record(seen Observation) {
	m.ID = types.StringValue(seen.target.id())
	m.RuleID, m.RuleIDGiven = types.StringNull(), tfvalue.StringOrNull(seen.target.RuleID)
	m.ConnectionState = types.StringNull()
	m.DomainNames = types.ListNull(types.StringType)
	if seen.rule != nil {
		m.RuleID = types.StringValue(seen.rule.RuleId)
		m.RuleIDGiven = m.RuleID
		m.ConnectionState = tfvalue.StringOrNull(string(seen.rule.ConnectionState))
		m.DomainNames = tfvalue.List(seen.rule.DomainNames)
	} else if seen.ruleGone {
		m.RuleID = types.StringValue(seen.target.RuleID)
	}
	m.VPCEndpointID = tfvalue.StringOrNull(seen.endpointID())
	m.VPCEndpointOwner = tfvalue.StringOrNull(seen.owner())
	m.AWSState = types.StringNull()
	if seen.connection != nil {
		m.AWSState = tfvalue.StringOrNull(string(seen.connection.VpcEndpointState))
	}
	m.Status = types.StringValue(string(seen.status()))
}

// forget marks as unknown what another look at the clouds may change; what the
// configuration gives stays.
func (m *model) forget(config model) {
	if config.RuleIDGiven.IsNull() && m.asksDatabricks() {
		m.RuleIDGiven = types.StringUnknown()
	}
	if config.VPCEndpointID.IsNull() {
		m.VPCEndpointID = types.StringUnknown()
	}
	m.VPCEndpointOwner = types.StringUnknown()
	m.AWSState = types.StringUnknown()
	m.Status = types.StringUnknown()
	if m.asksDatabricks() {
		m.RuleID = types.StringUnknown()
		m.ConnectionState = types.StringUnknown()
		m.DomainNames = types.ListUnknown(types.StringType)
	}
}
