package endpointapproval

import (
	"context"
	"fmt"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/clouderr"
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
func (m model) target() target {
	return target{
		serviceID:  m.EndpointServiceID.ValueString(),
		nccID:      m.NCCID.ValueString(),
		ruleID:     m.RuleIDGiven.ValueString(),
		endpointID: m.VPCEndpointID.ValueString(),
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
	owners := databricksAccounts[partition]
	if len(owners) == 0 {
		diags.AddError("Databricks' accounts are not known here",
			fmt.Sprintf("It is not known which AWS accounts Databricks connects from in the partition %q. Ask Databricks, and write them into allowed_owner_account_ids.", partition))
	}
	return owners, diags
}

// record writes an observation into the model's computed attributes.
func (m *model) record(seen observation) {
	m.ID = types.StringValue(seen.target.id())
	m.RuleID, m.RuleIDGiven = types.StringNull(), tfvalue.StringOrNull(seen.target.ruleID)
	m.ConnectionState = types.StringNull()
	m.DomainNames = types.ListNull(types.StringType)
	if seen.rule != nil {
		m.RuleID = types.StringValue(seen.rule.RuleId)
		m.RuleIDGiven = m.RuleID
		m.ConnectionState = tfvalue.StringOrNull(string(seen.rule.ConnectionState))
		m.DomainNames = tfvalue.List(seen.rule.DomainNames)
	} else if seen.ruleGone {
		m.RuleID = types.StringValue(seen.target.ruleID)
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

// parseImportID reads `<ncc>/<rule>/<service>`, `<ncc>/<service>` or `<endpoint>/<service>`.
func parseImportID(id string) (target, error) {
	parts := strings.Split(id, "/")
	for _, part := range parts {
		if part == "" || strings.TrimSpace(part) != part {
			return target{}, importIDError(id)
		}
	}
	if serviceIDProblem(parts[len(parts)-1]) != "" {
		return target{}, importIDError(id)
	}
	switch {
	case len(parts) == 3:
		return target{nccID: parts[0], ruleID: parts[1], serviceID: parts[2]}, nil
	case len(parts) == 2 && endpointPattern.MatchString(parts[0]):
		return target{endpointID: parts[0], serviceID: parts[1]}, nil
	case len(parts) == 2:
		return target{nccID: parts[0], serviceID: parts[1]}, nil
	default:
		return target{}, importIDError(id)
	}
}

func importIDError(id string) error {
	return fmt.Errorf("%q is not an id of an approval. Write <NCC id>/<rule id>/<endpoint service id>, or <NCC id>/<endpoint service id>, or <VPC endpoint id>/<endpoint service id>; "+
		"an endpoint service id looks like vpce-svc-0123456789abcdef0", id)
}

// handOver is what the Databricks administrator has to do.
func handOver(t target, serviceName string) string {
	return fmt.Sprintf("The Databricks administrator has to add a private endpoint rule to the network connectivity configuration %s, with the endpoint service %s and the domain names that are to be reached through it.", t.nccID, serviceName)
}

// remedy is what to do about an observation that can never become established.
func remedy(seen observation) string {
	const anew = "It never comes back. "
	switch {
	case !seen.asksDatabricks:
		return anew + "Have the VPC endpoint made anew, and write its id into vpc_endpoint_id."
	case seen.rule != nil && seen.rule.ConnectionState == "CREATE_FAILED":
		return anew + "Check that the endpoint service allows exactly the principal by which Databricks connects in this region (arn:aws:iam::565502421330:role/private-connectivity-role-REGION, no wildcard), and that its load balancer is in at least two zones. Then have the rule deleted and added again, and apply."
	default:
		return anew + "Have the rule deleted and added again in Databricks (if Terraform makes it: terraform apply -replace with its address), and apply: the approval takes up the new rule."
	}
}

// addUnusable reports an observation that is dead.
func addUnusable(add func(summary, detail string), seen observation) {
	add(deadSummary(seen.status()), clouderr.Detail(nil, seen.describe()+".", remedy(seen)))
}

func deadSummary(s status) string {
	if s == connectionUnusable {
		return "The connection can no longer be established"
	}
	return "The private endpoint rule can no longer be used"
}
