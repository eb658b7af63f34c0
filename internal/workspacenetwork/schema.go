package workspacenetwork

import (
	"context"
	"regexp"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework-validators/setvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/booldefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/int64planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/endpointrule"
)

// Defaults of the timeouts attribute. An apply may wait for people who accept a connection.
const (
	defaultBindTimeout   = 60 * time.Minute
	defaultReadTimeout   = 5 * time.Minute
	defaultDeleteTimeout = 30 * time.Minute
)

// Names of attributes that diagnostics belong to.
var (
	atWorkspace     = path.Root("workspace_id")
	atNCC           = path.Root("network_connectivity_config_id")
	atPolicy        = path.Root("network_policy_id")
	atRules         = path.Root("private_endpoint_rule_ids")
	atRestoreNCC    = path.Root("restore_network_connectivity_config_id")
	atRestorePolicy = path.Root("restore_network_policy_id")
)

var policyPattern = regexp.MustCompile(`^[a-zA-Z0-9_.-]{1,32}$`)

func resourceSchema(ctx context.Context) schema.Schema {
	aPolicy := stringvalidator.RegexMatches(policyPattern, "must be the id of a network policy: 1 to 32 letters, digits, '_', '.' and '-'")
	return schema.Schema{
		MarkdownDescription: "Binds a Databricks workspace to a network connectivity configuration (NCC), puts it under a network policy, or both; and on destroy puts back what the workspace had before.\n\n" +
			"Both are read back: a workspace that somebody else has bound to another NCC, or put under another policy, is shown as changed and repaired. " +
			"An attribute that is left out is not touched.\n\n" +
			"What is slow is no failure: an apply that has bound the workspace, which does not run again in time, ends with a warning and a `status`, and every plan shows an update until it does.",
		Attributes: map[string]schema.Attribute{
			"id": computedString("Id of the workspace, as a string."),
			"workspace_id": schema.Int64Attribute{
				Required:            true,
				MarkdownDescription: "Id of the workspace, a number. Changing this forces a new resource: the former workspace gets back what it had.",
				Validators:          []validator.Int64{int64validator.AtLeast(1)},
				PlanModifiers:       []planmodifier.Int64{int64planmodifier.RequiresReplace()},
			},
			"network_connectivity_config_id": schema.StringAttribute{
				Optional:            true,
				MarkdownDescription: "Id of the NCC that the workspace is to be bound to; it must be in the workspace's region. Left out, the workspace keeps whatever NCC it has. At least one of this and `network_policy_id` is needed.",
				Validators: []validator.String{
					endpointrule.NCCID(),
					stringvalidator.AtLeastOneOf(path.MatchRoot("network_connectivity_config_id"), path.MatchRoot("network_policy_id")),
				},
			},
			"network_policy_id": schema.StringAttribute{
				Optional:            true,
				MarkdownDescription: "Id of the network policy that the workspace is to be under, at most 32 characters. Left out, the workspace keeps whatever policy it has.",
				Validators:          []validator.String{aPolicy},
			},
			"private_endpoint_rule_ids": schema.SetAttribute{
				Optional:            true,
				ElementType:         types.StringType,
				MarkdownDescription: "Ids of private endpoint rules of the NCC that must be `ESTABLISHED` before the workspace's network is touched, so that no workload is sent to a path that does not exist yet.",
				Validators: []validator.Set{
					setvalidator.SizeAtLeast(1),
					setvalidator.ValueStringsAre(endpointrule.RuleID()),
					setvalidator.AlsoRequires(path.MatchRoot("network_connectivity_config_id")),
				},
			},
			"wait_for_rules": schema.BoolAttribute{
				Optional:            true,
				Computed:            true,
				Default:             booldefault.StaticBool(true),
				MarkdownDescription: "Whether an apply waits for rules that are not `ESTABLISHED`. With `false` it ends with the status `waiting_for_rules`, nothing of the workspace is changed, and a later apply goes on. Default `true`.",
			},
			"restore_network_connectivity_config_id": schema.StringAttribute{
				Optional:            true,
				Computed:            true,
				MarkdownDescription: "Id of the NCC that a destroy binds the workspace to. Default: the one that it was bound to when this resource was created; null if there was none, and then the workspace must be given one here before a destroy, because Databricks documents no way to unbind. The same id as `network_connectivity_config_id` leaves the workspace bound.",
				Validators:          []validator.String{endpointrule.NCCID(), stringvalidator.AlsoRequires(path.MatchRoot("network_connectivity_config_id"))},
			},
			"restore_network_policy_id": schema.StringAttribute{
				Optional:            true,
				Computed:            true,
				MarkdownDescription: "Id of the network policy that a destroy puts the workspace under. Default: the one that it was under when this resource was created. The same id as `network_policy_id` leaves it as it is.",
				Validators:          []validator.String{aPolicy, stringvalidator.AlsoRequires(path.MatchRoot("network_policy_id"))},
			},
			"status":           computedString("How far the workspace is: `bound` (it runs, with what the configuration names), `waiting_for_rules` (nothing was changed yet), `waiting_for_workspace` (it does not run, or has not taken over its network yet)."),
			"status_reason":    computedString("What `status` waits for, in words. Empty when it is `bound`."),
			"workspace_status": computedString("Status of the workspace as Databricks gives it, for example `RUNNING` or `PROVISIONING`."),
			"workspace_name":   computedString("Name of the workspace."),
			"region":           computedString("AWS region of the workspace."),
			"timeouts": timeouts.Attributes(ctx, timeouts.Opts{
				Create: true, Read: true, Update: true, Delete: true,
				CreateDescription: "How long to wait for the rules, and for the workspace to run, for example `90m`. Default 60 minutes.",
				ReadDescription:   "How long a refresh may take. Default 5 minutes.",
				UpdateDescription: "As for create. Default 60 minutes.",
				DeleteDescription: "How long to wait until the workspace runs again. Default 30 minutes.",
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
