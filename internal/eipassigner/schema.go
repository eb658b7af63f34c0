package eipassigner

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework-validators/mapvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/setvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/int64default"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringdefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/eiptag"
)

// Defaults and bounds.
const (
	defaultHeartbeat = 300
	minHeartbeat     = 30
	maxHeartbeat     = 7200
	defaultSchedule  = "rate(1 minute)"
	defaultRetention = 30
	defaultRolePath  = "/"
	// maxGroupSize is far above what Auto Scaling allows in an account by default.
	maxGroupSize = 10000
)

// retentions are the days for which CloudWatch Logs can keep a log.
var retentions = []int64{1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653}

const newResource = " Changing this forces a new resource."

func resourceSchema(ctx context.Context) schema.Schema {
	replace := []planmodifier.String{stringplanmodifier.RequiresReplace()}
	arn := func(pattern, says string) []validator.String {
		return []validator.String{stringvalidator.RegexMatches(regexp.MustCompile(pattern), says)}
	}
	return schema.Schema{
		MarkdownDescription: "Gives each instance of an existing Auto Scaling group an address of a `crosscloudlink_eip_pool` before it enters service, and takes it back when it leaves.\n\n" +
			"It makes a least-privilege role, a log group, a Lambda function, EventBridge rules and lifecycle hooks, and then raises the group from 0, waiting until each instance is in service with its address. " +
			"Destroy goes the way back: the group is emptied while the function still serves it, the hooks go last.\n\n" +
			"The group belongs to its own resource; this one owns its `min_size`, `max_size` and, at first, its `desired_capacity`. Make the group with these three at 0 and ignore changes to them. " +
			"Its launch template must tag `instance` and `network-interface` with `" + eiptag.DefaultPoolKey + "` = the pool's name: the role may move addresses to nothing else.\n\n" +
			"An apply that ends before all instances serve warns and says why in `status` and `status_reason`; the next plan shows an update until they do. Where others must not go on before, use a `postcondition` on `status`.",
		Attributes: map[string]schema.Attribute{
			"id": schema.StringAttribute{Computed: true, MarkdownDescription: "`NAME,AUTO_SCALING_GROUP_ARN`, which is also what import takes."},
			"name": schema.StringAttribute{Required: true, PlanModifiers: replace,
				Validators:          nameFormat.validators(),
				MarkdownDescription: "Prefix of the names of all that is made; a suffix makes them unique for name, group and owner. 1 to 32 letters, digits and hyphens." + newResource},
			"auto_scaling_group_arn": schema.StringAttribute{Required: true, PlanModifiers: replace, Validators: groupARNFormat.validators(),
				MarkdownDescription: "ARN of the group. Not its name: the ARN changes when the group is replaced, and then so must the assigner." + newResource},
			"pool_name": schema.StringAttribute{Required: true, PlanModifiers: replace,
				Validators:          poolNameFormat.validators(),
				MarkdownDescription: "Name of the pool. With a firewall in between, refer to `crosscloudlink_eip_admission.….pool_name`, so that no instance starts before addresses are admitted." + newResource},
			"tag_key": schema.StringAttribute{Optional: true, Computed: true, Default: stringdefault.StaticString(eiptag.DefaultPoolKey), PlanModifiers: replace,
				Validators:          tagKeyFormat.validators(),
				MarkdownDescription: fmt.Sprintf("Key of the tag that marks the pool's addresses, as on the pool. Default `%s`.", eiptag.DefaultPoolKey) + newResource},
			"pool_size": schema.Int64Attribute{Optional: true, Computed: true, Validators: []validator.Int64{int64validator.AtLeast(1)},
				MarkdownDescription: "Number of addresses that the pool has after this apply, such as `crosscloudlink_eip_pool.….size`. With it, a pool that is too small for `max_size`, `max_healthy_percentage` and `rebalance_margin` is refused in the plan; without it, at the start of the apply."},
			"min_size": schema.Int64Attribute{Required: true, Validators: []validator.Int64{int64validator.Between(0, maxGroupSize)},
				MarkdownDescription: "Least number of instances."},
			"max_size": schema.Int64Attribute{Required: true, Validators: []validator.Int64{int64validator.Between(1, maxGroupSize)},
				MarkdownDescription: "Largest number of instances. The pool must have as many addresses, and those that `max_healthy_percentage` and `rebalance_margin` ask for."},
			"desired_capacity": schema.Int64Attribute{Optional: true, Computed: true, Validators: []validator.Int64{int64validator.Between(0, maxGroupSize)},
				MarkdownDescription: "Number of instances to begin with, at least `min_size` and at most `max_size`. Default `min_size`. Later it is the scaling policies' to change; a change here has no effect then."},
			"max_healthy_percentage": schema.Int64Attribute{Optional: true, Validators: []validator.Int64{int64validator.Between(defaultMaxHealthy, 200)},
				MarkdownDescription: "`max_healthy_percentage` of the group's `instance_maintenance_policy`, or of its `instance_refresh` where that is larger: 100 to 200. While instances are replaced there may be this percentage of `max_size` of them, and each needs an address. " +
					"Default: that of the group's instance maintenance policy, or 100 while the group cannot be read in the plan, or has none."},
			"rebalance_margin": schema.Int64Attribute{Optional: true, Validators: []validator.Int64{int64validator.Between(0, maxGroupSize)},
				MarkdownDescription: "Number of further addresses for the instances that Auto Scaling launches above `max_size` while it rebalances Availability Zones. Without them such an instance waits, is abandoned, and the next one is launched. " +
					"Default: what Auto Scaling may exceed the maximum by, 10 percent of `max_size` or 1, whichever is greater; 0 if the group can be read and is in one zone or has its process `AZRebalance` suspended."},
			"architecture": schema.StringAttribute{Optional: true, Computed: true, Default: stringdefault.StaticString(archARM), Validators: []validator.String{stringvalidator.OneOf(archARM, archX86)},
				MarkdownDescription: "Architecture that the function runs on, `arm64` or `x86_64`; the group's instances may have another. Default `arm64`."},
			"heartbeat_timeout": schema.Int64Attribute{Optional: true, Computed: true, Default: int64default.StaticInt64(defaultHeartbeat), Validators: []validator.Int64{int64validator.Between(minHeartbeat, maxHeartbeat)},
				MarkdownDescription: "Seconds without a sign of the function after which Auto Scaling gives an instance up, 30 to 7200. Below 120 a waiting instance may be given up between two runs of the schedule. An instance waits for an address at most one hour or 90 times this long. Default 300."},
			"reconcile_schedule": schema.StringAttribute{Optional: true, Computed: true, Default: stringdefault.StaticString(defaultSchedule), Validators: arn(`^(rate|cron)\(.+\)$`, "must be an EventBridge schedule, such as rate(1 minute) or cron(0/5 * * * ? *)"),
				MarkdownDescription: "How often the function looks over the whole group and repairs what a lost event left: an EventBridge schedule expression. Default `rate(1 minute)`."},
			"log_retention_in_days": schema.Int64Attribute{Optional: true, Computed: true, Default: int64default.StaticInt64(defaultRetention), Validators: []validator.Int64{int64validator.OneOf(retentions...)},
				MarkdownDescription: "Days for which the function's log is kept, one of the values that CloudWatch Logs knows. Default 30."},
			"role_arn": schema.StringAttribute{Optional: true, Validators: arn(`^arn:aws[a-z-]*:iam::\d{12}:role/.+$`, "must be the ARN of an IAM role, such as arn:aws:iam::123456789012:role/eip-assigner"),
				MarkdownDescription: "A role of your own for the function, with the rights in `policy_json` and Lambda in its trust policy. Default: one is made."},
			"role_path": schema.StringAttribute{Optional: true, Computed: true, Default: stringdefault.StaticString(defaultRolePath), PlanModifiers: replace, Validators: arn(`^/([!-~]+/)?$`, "must begin and end with a slash, such as /service/"),
				MarkdownDescription: "Path of the role that is made. Default `/`." + newResource},
			"permissions_boundary_arn": schema.StringAttribute{Optional: true, Validators: arn(`^arn:aws[a-z-]*:iam::(\d{12}|aws):policy/.+$`, "must be the ARN of an IAM policy, such as arn:aws:iam::123456789012:policy/boundary"),
				MarkdownDescription: "ARN of the permissions boundary of the role that is made. Default: none."},
			"kms_key_arn": schema.StringAttribute{Optional: true, Validators: kmsKeyFormat.validators(),
				MarkdownDescription: "ARN of the KMS key that encrypts the function's environment. Default: Lambda's own."},
			"vpc_config": schema.SingleNestedAttribute{Optional: true,
				MarkdownDescription: "Runs the function in a VPC. Its subnets need a way to the EC2 and Auto Scaling APIs. Default: outside of one.",
				Attributes: map[string]schema.Attribute{
					"subnet_ids": schema.SetAttribute{Required: true, ElementType: types.StringType, Validators: []validator.Set{setvalidator.SizeAtLeast(1), setvalidator.ValueStringsAre(subnetFormat.validators()...)},
						MarkdownDescription: "Ids of the subnets."},
					"security_group_ids": schema.SetAttribute{Required: true, ElementType: types.StringType, Validators: []validator.Set{setvalidator.SizeAtLeast(1), setvalidator.ValueStringsAre(securityGroupFormat.validators()...)},
						MarkdownDescription: "Ids of the security groups."},
				}},
			"code_signing_config_arn": schema.StringAttribute{Optional: true, Validators: arn(`^arn:aws[a-z-]*:lambda:[a-z0-9-]+:\d{12}:code-signing-config:.+$`, "must be the ARN of a code signing configuration"),
				MarkdownDescription: "ARN of a Lambda code signing configuration. The embedded archive is not signed, so its policy must warn, not enforce. Default: none."},
			"failure_destination_arn": schema.StringAttribute{Optional: true,
				Validators:          failureDestinationFormat.validators(),
				MarkdownDescription: "ARN of an SQS queue, SNS topic, Lambda function or EventBridge event bus to which Lambda sends an event that the function failed on in all its tries. The launch that such an event was about waits for the schedule, so nothing is lost without it. An SQS queue must be no FIFO queue; one that a KMS key of yours encrypts needs that key's permission for the role besides. Default: none."},
			"tags": schema.MapAttribute{Optional: true, ElementType: types.StringType,
				Validators: []validator.Map{mapvalidator.SizeAtMost(40), mapvalidator.ValueStringsAre(stringvalidator.LengthAtMost(256)),
					mapvalidator.KeysAre(stringvalidator.LengthBetween(1, 128), unreservedKey{})},
				MarkdownDescription: "Further tags of role, log group, function and rules, over the provider's default tags."},

			"function_name":       schema.StringAttribute{Computed: true, MarkdownDescription: "Name of the function; invoke it with `{\"report\": true}` for the state of each address."},
			"function_arn":        schema.StringAttribute{Computed: true, MarkdownDescription: "ARN of the function."},
			"source_code_hash":    schema.StringAttribute{Computed: true, MarkdownDescription: "SHA-256 of the function's archive, in base64. It changes with the provider's version."},
			"role_name":           schema.StringAttribute{Computed: true, MarkdownDescription: "Name of the role that the function runs as."},
			"policy_json":         schema.StringAttribute{Computed: true, MarkdownDescription: "The role's policy; what `role_arn` must allow."},
			"environment":         schema.MapAttribute{Computed: true, ElementType: types.StringType, MarkdownDescription: "The function's environment. It holds no secret."},
			"event_patterns":      schema.MapAttribute{Computed: true, ElementType: types.StringType, MarkdownDescription: "Event patterns of the rules `launch` and `terminate`, as JSON."},
			"launch_hook_name":    schema.StringAttribute{Computed: true, MarkdownDescription: "Name of the launch hook on the group."},
			"terminate_hook_name": schema.StringAttribute{Computed: true, MarkdownDescription: "Name of the terminate hook on the group."},
			"in_service_count":    schema.Int64Attribute{Computed: true, MarkdownDescription: "Number of instances that are in service with an address of the pool."},
			"status": schema.StringAttribute{Computed: true, MarkdownDescription: "`in_service` once all instances serve with their address; else `waiting_for_addresses`, `waiting_for_instances`, " +
				"`incomplete` (an apply was interrupted) or `group_not_found`."},
			"status_reason": schema.StringAttribute{Computed: true, MarkdownDescription: "Why the status is not `in_service`; empty if it is."},
			"drifted_parts": schema.ListAttribute{Computed: true, ElementType: types.StringType, MarkdownDescription: "Names of the parts that were changed or deleted behind Terraform's back; the next apply repairs them."},
			"timeouts":      timeouts.Attributes(ctx, timeouts.Opts{Create: true, Read: true, Update: true, Delete: true}),
		},
	}
}

// unreservedKey refuses tag keys that are AWS's or ours.
type unreservedKey struct{}

func (unreservedKey) Description(context.Context) string {
	return "must not begin with aws: or crosscloudlink:, which are reserved"
}

func (v unreservedKey) MarkdownDescription(ctx context.Context) string { return v.Description(ctx) }

func (v unreservedKey) ValidateString(ctx context.Context, req validator.StringRequest, resp *validator.StringResponse) {
	for _, prefix := range []string{"aws:", "crosscloudlink:"} {
		if strings.HasPrefix(strings.ToLower(req.ConfigValue.ValueString()), prefix) {
			resp.Diagnostics.AddAttributeError(req.Path, "Reserved tag key", fmt.Sprintf("The tag key %q %s. Choose another key.", req.ConfigValue.ValueString(), v.Description(ctx)))
		}
	}
}
