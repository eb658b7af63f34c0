package eipassigner

import (
	"context"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/tfvalue"
)

// model is the resource as Terraform holds it.
type model struct {
	ID                     types.String   `tfsdk:"id"`
	Name                   types.String   `tfsdk:"name"`
	AutoScalingGroupARN    types.String   `tfsdk:"auto_scaling_group_arn"`
	PoolName               types.String   `tfsdk:"pool_name"`
	TagKey                 types.String   `tfsdk:"tag_key"`
	PoolSize               types.Int64    `tfsdk:"pool_size"`
	MinSize                types.Int64    `tfsdk:"min_size"`
	MaxSize                types.Int64    `tfsdk:"max_size"`
	DesiredCapacity        types.Int64    `tfsdk:"desired_capacity"`
	MaxHealthyPercentage   types.Int64    `tfsdk:"max_healthy_percentage"`
	RebalanceMargin        types.Int64    `tfsdk:"rebalance_margin"`
	Architecture           types.String   `tfsdk:"architecture"`
	HeartbeatTimeout       types.Int64    `tfsdk:"heartbeat_timeout"`
	ReconcileSchedule      types.String   `tfsdk:"reconcile_schedule"`
	LogRetentionInDays     types.Int64    `tfsdk:"log_retention_in_days"`
	RoleARN                types.String   `tfsdk:"role_arn"`
	RolePath               types.String   `tfsdk:"role_path"`
	PermissionsBoundaryARN types.String   `tfsdk:"permissions_boundary_arn"`
	KMSKeyARN              types.String   `tfsdk:"kms_key_arn"`
	VPCConfig              types.Object   `tfsdk:"vpc_config"`
	CodeSigningConfigARN   types.String   `tfsdk:"code_signing_config_arn"`
	FailureDestinationARN  types.String   `tfsdk:"failure_destination_arn"`
	Tags                   types.Map      `tfsdk:"tags"`
	FunctionName           types.String   `tfsdk:"function_name"`
	FunctionARN            types.String   `tfsdk:"function_arn"`
	SourceCodeHash         types.String   `tfsdk:"source_code_hash"`
	RoleName               types.String   `tfsdk:"role_name"`
	PolicyJSON             types.String   `tfsdk:"policy_json"`
	Environment            types.Map      `tfsdk:"environment"`
	EventPatterns          types.Map      `tfsdk:"event_patterns"`
	LaunchHookName         types.String   `tfsdk:"launch_hook_name"`
	TerminateHookName      types.String   `tfsdk:"terminate_hook_name"`
	InServiceCount         types.Int64    `tfsdk:"in_service_count"`
	Status                 types.String   `tfsdk:"status"`
	StatusReason           types.String   `tfsdk:"status_reason"`
	DriftedParts           types.List     `tfsdk:"drifted_parts"`
	Timeouts               timeouts.Value `tfsdk:"timeouts"`
}

// vpcConfig is the attribute vpc_config.
type vpcConfig struct {
	SubnetIDs        types.Set `tfsdk:"subnet_ids"`
	SecurityGroupIDs types.Set `tfsdk:"security_group_ids"`
}

var vpcConfigTypes = map[string]attr.Type{
	"subnet_ids":         types.SetType{ElemType: types.StringType},
	"security_group_ids": types.SetType{ElemType: types.StringType},
}

// inputsKnown reports whether every input of the spec is known, so that everything derived
// from it is.
func (m model) inputsKnown(ctx context.Context) bool {
	for _, v := range []attr.Value{
		m.Name, m.AutoScalingGroupARN, m.PoolName, m.TagKey, m.Architecture, m.HeartbeatTimeout, m.ReconcileSchedule, m.LogRetentionInDays,
		m.RoleARN, m.RolePath, m.PermissionsBoundaryARN, m.KMSKeyARN, m.CodeSigningConfigARN, m.FailureDestinationARN, m.VPCConfig, m.Tags,
	} {
		text, err := v.ToTerraformValue(ctx)
		if err != nil || !text.IsFullyKnown() {
			return false
		}
	}
	return true
}

// toSpec translates a model whose inputs are known.
func (m model) toSpec(ctx context.Context, owner string, defaultTags map[string]string) (spec, diag.Diagnostics) {
	var diags diag.Diagnostics
	group, err := parseGroupARN(m.AutoScalingGroupARN.ValueString())
	if err != nil {
		diags.AddError("Not the ARN of an Auto Scaling group", err.Error())
		return spec{}, diags
	}
	tags := map[string]string{}
	diags.Append(m.Tags.ElementsAs(ctx, &tags, false)...)
	s := spec{
		name: m.Name.ValueString(), owner: owner, group: group, pool: m.PoolName.ValueString(), tagKey: m.TagKey.ValueString(),
		architecture: m.Architecture.ValueString(), heartbeat: m.HeartbeatTimeout.ValueInt64(), schedule: m.ReconcileSchedule.ValueString(),
		retention: m.LogRetentionInDays.ValueInt64(), roleARN: m.RoleARN.ValueString(), rolePath: m.RolePath.ValueString(),
		boundary: m.PermissionsBoundaryARN.ValueString(), kmsKey: m.KMSKeyARN.ValueString(), codeSigning: m.CodeSigningConfigARN.ValueString(),
		failureDestination: m.FailureDestinationARN.ValueString(),
		tags:               allTags(defaultTags, tags, owner),
	}
	if !m.VPCConfig.IsNull() {
		var vpc vpcConfig
		diags.Append(m.VPCConfig.As(ctx, &vpc, objectAsOptions)...)
		diags.Append(vpc.SubnetIDs.ElementsAs(ctx, &s.subnets, false)...)
		diags.Append(vpc.SecurityGroupIDs.ElementsAs(ctx, &s.securityGroups, false)...)
		slices.Sort(s.subnets)
		slices.Sort(s.securityGroups)
	}
	return s, diags
}

// setDerived fills in what follows from the spec and the function's code alone.
func (m *model) setDerived(s spec, code archive) {
	m.ID = types.StringValue(packID(s.name, s.group.text))
	m.FunctionName = types.StringValue(s.functionName())
	m.FunctionARN = types.StringValue(s.functionARN())
	m.SourceCodeHash = types.StringValue(code.hash)
	m.RoleName = types.StringValue(s.roleName())
	m.PolicyJSON = types.StringValue(s.policy())
	m.Environment = tfvalue.Map(s.environment())
	m.EventPatterns = tfvalue.Map(map[string]string{kindLaunch: s.pattern(kindLaunch), kindTerminate: s.pattern(kindTerminate)})
	m.LaunchHookName = types.StringValue(s.hookName(kindLaunch))
	m.TerminateHookName = types.StringValue(s.hookName(kindTerminate))
}

// setDerivedUnknown says that what follows from the spec is not known yet. The code's hash
// depends on the architecture alone.
func (m *model) setDerivedUnknown() {
	for _, text := range []*types.String{&m.ID, &m.FunctionName, &m.FunctionARN, &m.RoleName, &m.PolicyJSON, &m.LaunchHookName, &m.TerminateHookName} {
		*text = types.StringUnknown()
	}
	m.Environment, m.EventPatterns = types.MapUnknown(types.StringType), types.MapUnknown(types.StringType)
}

// setStatus fills in what a look at the fleet showed.
func (m *model) setStatus(status, reason string, inService int64, drifted []string) {
	m.Status, m.StatusReason = types.StringValue(status), types.StringValue(reason)
	m.InServiceCount = types.Int64Value(inService)
	m.DriftedParts = tfvalue.List(drifted)
}

// setStatusUnknown plans a wait for the fleet. No drift is promised either: an interrupted
// apply ends with parts that are missing, and a broken promise would taint what it made.
func (m *model) setStatusUnknown() {
	m.Status, m.StatusReason, m.InServiceCount = types.StringUnknown(), types.StringUnknown(), types.Int64Unknown()
	m.DriftedParts = types.ListUnknown(types.StringType)
}

// packID joins what import takes. Neither a name nor an ARN of a group has a comma.
func packID(name, groupARN string) string { return name + "," + groupARN }

// unpackID takes an import id apart.
func unpackID(id string) (name, groupARN string, ok bool) {
	name, groupARN, ok = strings.Cut(id, ",")
	_, err := parseGroupARN(groupARN)
	return name, groupARN, ok && name != "" && err == nil
}
