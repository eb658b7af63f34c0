package endpointapproval

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework-validators/setvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/booldefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/listplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/endpointrule"
)

// Defaults of the timeouts attribute. An approval waits for people.
const (
	defaultApproveTimeout = 60 * time.Minute
	defaultReadTimeout    = 5 * time.Minute
	defaultDeleteTimeout  = 20 * time.Minute
)

var (
	serviceIDPattern = regexp.MustCompile(`^vpce-svc-[0-9a-f]+$`)
	endpointPattern  = regexp.MustCompile(`^vpce-[0-9a-f]+$`)
	accountPattern   = regexp.MustCompile(`^[0-9]{12}$`)
	serviceInName    = regexp.MustCompile(`(?i)vpce-svc-[0-9a-f]+`)
)

func resourceSchema(ctx context.Context) schema.Schema {
	return schema.Schema{
		MarkdownDescription: "Accepts the one connection that a Databricks private endpoint rule opens to a VPC endpoint service, and waits until both clouds call it established.\n\n" +
			"The rule names the VPC endpoint that Databricks made for it; exactly that endpoint is accepted, after a check that the rule is for this service and that the endpoint belongs to Databricks. " +
			"The rule may be given by its id, or only by its network connectivity configuration (NCC): then the apply waits until the Databricks administrator has added it. " +
			"With `vpc_endpoint_id` no Databricks credential is needed.\n\n" +
			"What is slow is no failure: an apply whose connection was accepted but is not established in time ends with a warning and a `status`, and every plan shows an update until it is. " +
			"A rule that was rejected, has expired or was deleted never comes back: the plan then shows a replacement, which takes up the new rule.\n\n" +
			"Destroying the resource rejects the connection, and waits until the endpoint service can be deleted.",
		Attributes: map[string]schema.Attribute{
			"id": computedString("Identifies the approval: `<ncc>/<endpoint service>` or `<vpc endpoint>/<endpoint service>`."),
			"endpoint_service_id": schema.StringAttribute{
				Required:            true,
				MarkdownDescription: "Id of the VPC endpoint service, `vpce-svc-…`. It must require acceptance, and allow Databricks' role by its exact ARN. Changing this forces a new resource.",
				Validators:          []validator.String{serviceIDValidator{}},
				PlanModifiers:       []planmodifier.String{stringplanmodifier.RequiresReplace()},
			},
			"network_connectivity_config_id": schema.StringAttribute{
				Optional:            true,
				MarkdownDescription: "Id of the Databricks network connectivity configuration (NCC) that holds the rule; it must be in the region of the endpoint service. Exactly one of this and `vpc_endpoint_id` is needed. Changing this forces a new resource.",
				Validators: []validator.String{
					endpointrule.NCCID(),
					stringvalidator.ExactlyOneOf(path.MatchRoot("network_connectivity_config_id"), path.MatchRoot("vpc_endpoint_id")),
				},
				PlanModifiers: []planmodifier.String{stringplanmodifier.RequiresReplace()},
			},
			"private_endpoint_rule_id": schema.StringAttribute{
				Optional:            true,
				Computed:            true,
				MarkdownDescription: "Id of the private endpoint rule. If left out, the only live rule of the NCC for this endpoint service is taken. Changing this to another rule forces a new resource.",
				Validators: []validator.String{
					endpointrule.RuleID(),
					stringvalidator.AlsoRequires(path.MatchRoot("network_connectivity_config_id")),
				},
				PlanModifiers: []planmodifier.String{stringplanmodifier.UseStateForUnknown(), replaceIfOtherIsConfigured()},
			},
			"vpc_endpoint_id": schema.StringAttribute{
				Optional:            true,
				Computed:            true,
				MarkdownDescription: "Id of the VPC endpoint to accept, `vpce-…`, for a team without Databricks account rights: the Databricks administrator reads it from the rule. Otherwise the endpoint that the rule names. Changing this to another endpoint forces a new resource.",
				Validators: []validator.String{
					stringvalidator.RegexMatches(endpointPattern, "must be the id of a VPC endpoint in lower case, such as vpce-0123456789abcdef0 (not of its service, vpce-svc-…)"),
				},
				PlanModifiers: []planmodifier.String{stringplanmodifier.UseStateForUnknown(), replaceIfOtherIsConfigured()},
			},
			"allowed_owner_account_ids": schema.SetAttribute{
				Optional:            true,
				ElementType:         types.StringType,
				MarkdownDescription: "AWS accounts that the VPC endpoint may belong to; any other is refused. The endpoint service has to allow the role of Databricks in one of them. Default: the accounts of Databricks in the AWS partition (`565502421330`; in GovCloud `347038500609` and `347034940029`).",
				Validators: []validator.Set{
					setvalidator.SizeAtLeast(1),
					setvalidator.ValueStringsAre(stringvalidator.RegexMatches(accountPattern, "must be the id of an AWS account, 12 digits")),
				},
			},
			"wait_for_rule": schema.BoolAttribute{
				Optional:            true,
				Computed:            true,
				Default:             booldefault.StaticBool(true),
				MarkdownDescription: "Whether an apply waits for a rule that is not there yet. With `false` it ends with the status `waiting_for_rule`, and a later apply goes on: for HCP Terraform, where the outputs that the Databricks administrator needs show only after an apply. Default `true`.",
			},
			"endpoint_service_name": computedString("Name of the endpoint service, `com.amazonaws.vpce.<region>.vpce-svc-…`: what the Databricks administrator writes into the rule."),
			"rule_id":               computedString("Id of the rule that was found, or given. Null while there is none, and with `vpc_endpoint_id`."),
			"vpc_endpoint_owner":    computedString("AWS account that the VPC endpoint belongs to."),
			"aws_state":             computedString("State of the connection in AWS, for example `pendingAcceptance` or `available`. Null while AWS shows none."),
			"connection_state":      computedString("State of the rule in Databricks, for example `PENDING` or `ESTABLISHED`. Null while there is no rule, and with `vpc_endpoint_id`."),
			"domain_names": schema.ListAttribute{
				Computed:            true,
				ElementType:         types.StringType,
				MarkdownDescription: "Domain names that Databricks sends through the connection, as the rule lists them. Null while there is no rule, and with `vpc_endpoint_id`.",
				PlanModifiers:       []planmodifier.List{listplanmodifier.UseStateForUnknown()},
			},
			"status": computedString("How far the connection has come: `waiting_for_rule`, `waiting_for_endpoint` (Databricks is making it), `pending_acceptance`, `waiting_for_aws`, `waiting_for_databricks`, `established`; " +
				"`approved` when it is available in AWS and Databricks was not asked; `rule_unusable` and `connection_unusable` when only a new rule or endpoint can help."),
			"timeouts": timeouts.Attributes(ctx, timeouts.Opts{
				Create: true, Read: true, Update: true, Delete: true,
				CreateDescription: "How long to wait for the rule, and for the connection to be established, for example `90m`. Default 60 minutes.",
				ReadDescription:   "How long a refresh may take. Default 5 minutes.",
				UpdateDescription: "As for create. Default 60 minutes.",
				DeleteDescription: "How long to wait until AWS has closed the connection. Default 20 minutes.",
			}),
		},
	}
}

func computedString(description string) schema.StringAttribute {
	return schema.StringAttribute{
		Computed:            true,
		MarkdownDescription: description,
		PlanModifiers:       []planmodifier.String{stringplanmodifier.UseStateForUnknown()},
	}
}

// replaceIfOtherIsConfigured replaces when the configuration names another object than
// the one in state; naming the very one that was found before changes nothing.
func replaceIfOtherIsConfigured() planmodifier.String {
	const description = "Naming another one forces a new resource."
	return stringplanmodifier.RequiresReplaceIf(func(_ context.Context, req planmodifier.StringRequest, resp *stringplanmodifier.RequiresReplaceIfFuncResponse) {
		resp.RequiresReplace = !req.ConfigValue.IsNull() && !req.StateValue.IsNull()
	}, description, description)
}

// serviceIDValidator refuses what is not an endpoint service's id, and says which id a
// name holds.
type serviceIDValidator struct{}

func (serviceIDValidator) Description(context.Context) string {
	return "must be the id of a VPC endpoint service, vpce-svc-…"
}

func (v serviceIDValidator) MarkdownDescription(ctx context.Context) string {
	return v.Description(ctx)
}

func (serviceIDValidator) ValidateString(_ context.Context, req validator.StringRequest, resp *validator.StringResponse) {
	if req.ConfigValue.IsNull() || req.ConfigValue.IsUnknown() {
		return
	}
	if problem := serviceIDProblem(req.ConfigValue.ValueString()); problem != "" {
		resp.Diagnostics.AddAttributeError(req.Path, "Not the id of a VPC endpoint service", problem)
	}
}

// serviceIDProblem says what is wrong with an endpoint service id and what to write
// instead, or "".
func serviceIDProblem(value string) string {
	if serviceIDPattern.MatchString(value) {
		return ""
	}
	if id := strings.ToLower(serviceInName.FindString(value)); id == strings.ToLower(value) && id != "" {
		return fmt.Sprintf("%q is not how AWS writes it. Write %q.", value, id)
	} else if id != "" {
		return fmt.Sprintf("%q holds more than the id. Write %q, which is the `id` of aws_vpc_endpoint_service (not its `service_name`, not its `arn`).", value, id)
	}
	return fmt.Sprintf("%q is not the id of a VPC endpoint service. Write one like \"vpce-svc-0123456789abcdef0\": the `id` of aws_vpc_endpoint_service.", value)
}
