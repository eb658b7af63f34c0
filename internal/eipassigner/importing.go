package eipassigner

import (
	"context"
	"fmt"
	"maps"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	tftypes "github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/assigner"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/clouderr"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/eiptag"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/tfvalue"
)

func int64Value(n int64) tftypes.Int64 { return tftypes.Int64Value(n) }

// readImported fills in a model of which only name and group are known, from what is in AWS.
// It reports whether there is such an assigner.
func (r *Resource) readImported(ctx context.Context, m *model) (bool, diag.Diagnostics) {
	c, diags := r.connect(ctx)
	if diags.HasError() {
		return false, diags
	}
	group, err := parseGroupARN(m.AutoScalingGroupARN.ValueString())
	if err != nil {
		diags.AddError("Not the ARN of an Auto Scaling group", err.Error())
		return false, diags
	}
	s := spec{name: m.Name.ValueString(), owner: r.owner(), group: group}
	found, err := c.importInto(ctx, s, m)
	if err != nil {
		clouderr.Add(&diags, "Cannot import the assigner", err, fmt.Sprintf("Assigner %q of group %s: %s", s.name, group.name, err))
	}
	return found, diags
}

func (c *cloud) importInto(ctx context.Context, s spec, m *model) (bool, error) {
	function, err := c.lambda.GetFunction(ctx, &lambda.GetFunctionInput{FunctionName: aws.String(s.functionName())})
	if clouderr.IsAWS(err, resourceNotFound) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("reading function %s: %w", s.functionName(), err)
	}
	if foreign := foreignTo(s.owner, "function", s.functionName(), function.Tags); foreign != "" {
		return false, fmt.Errorf("%s: it is of another configuration", foreign)
	}
	is := function.Configuration
	if is.Environment == nil || is.Environment.Error != nil {
		return false, fmt.Errorf("the environment of function %s cannot be read", s.functionName())
	}
	config, err := assigner.ConfigFromEnvironment(func(name string) string { return is.Environment.Variables[name] })
	if err != nil {
		return false, fmt.Errorf("the environment of function %s: %w", s.functionName(), err)
	}
	m.PoolName, m.TagKey = tftypes.StringValue(config.PoolName), tftypes.StringValue(config.PoolTagKey)
	m.HeartbeatTimeout = int64Value(int64(config.HeartbeatTimeout.Seconds()))
	m.Architecture = tftypes.StringValue(archX86)
	if len(is.Architectures) == 1 {
		m.Architecture = tftypes.StringValue(string(is.Architectures[0]))
	}
	m.SourceCodeHash = tftypes.StringValue(aws.ToString(is.CodeSha256))
	m.KMSKeyARN = tfvalue.StringOrNull(aws.ToString(is.KMSKeyArn))
	m.VPCConfig = importedVPC(is.VpcConfig)
	m.Tags = importedTags(function.Tags, c.defaultTags)
	if err := c.importRole(ctx, s, aws.ToString(is.Role), m); err != nil {
		return false, err
	}
	rule, err := c.events.DescribeRule(ctx, &eventbridge.DescribeRuleInput{Name: aws.String(s.ruleName(kindSchedule))})
	if err != nil && !clouderr.IsAWS(err, resourceNotFound) {
		return false, fmt.Errorf("reading rule %s: %w", s.ruleName(kindSchedule), err)
	}
	m.ReconcileSchedule = tftypes.StringValue(defaultSchedule)
	if err == nil {
		m.ReconcileSchedule = tftypes.StringValue(aws.ToString(rule.ScheduleExpression))
	}
	retention, _, _, err := logPart{c, s}.find(ctx)
	if err != nil {
		return false, err
	}
	m.LogRetentionInDays = int64Value(retention)
	found, err := c.findGroup(ctx, s.group)
	if err != nil || found == nil {
		return false, err
	}
	m.MinSize, m.MaxSize = int64Value(int64(aws.ToInt32(found.MinSize))), int64Value(int64(aws.ToInt32(found.MaxSize)))
	m.DesiredCapacity = int64Value(int64(aws.ToInt32(found.DesiredCapacity)))
	pool, err := c.describePool(ctx, config.PoolTagKey, config.PoolName)
	if err != nil {
		return false, err
	}
	m.PoolSize = int64Value(int64(newFleet(fleet{}, nil, pool).active))
	if err := c.importInvocation(ctx, s, m); err != nil {
		return false, err
	}
	imported, diags := m.toSpec(ctx, s.owner, c.defaultTags)
	if diags.HasError() {
		return false, fmt.Errorf("%s", diags[0].Detail())
	}
	m.setDerived(imported, archive{hash: aws.ToString(is.CodeSha256)})
	return true, nil
}

// importInvocation reads code signing and the destination of failed events, which Lambda keeps
// beside the function.
func (c *cloud) importInvocation(ctx context.Context, s spec, m *model) error {
	signing, err := c.lambda.GetFunctionCodeSigningConfig(ctx, &lambda.GetFunctionCodeSigningConfigInput{FunctionName: aws.String(s.functionName())})
	switch {
	case err == nil:
		m.CodeSigningConfigARN = tfvalue.StringOrNull(aws.ToString(signing.CodeSigningConfigArn))
	case !clouderr.IsAWS(err, resourceNotFound):
		return fmt.Errorf("reading the code signing of function %s: %w", s.functionName(), err)
	}
	invoke, err := c.lambda.GetFunctionEventInvokeConfig(ctx, &lambda.GetFunctionEventInvokeConfigInput{FunctionName: aws.String(s.functionName())})
	switch {
	case err == nil:
		m.FailureDestinationARN = tfvalue.StringOrNull(failureDestination(invoke.DestinationConfig))
	case !clouderr.IsAWS(err, resourceNotFound):
		return fmt.Errorf("reading the retries of function %s: %w", s.functionName(), err)
	}
	return nil
}

// importRole tells a role of ours from one of the user's by its name.
func (c *cloud) importRole(ctx context.Context, s spec, roleARN string, m *model) error {
	m.RolePath = tftypes.StringValue(defaultRolePath)
	if !strings.HasSuffix(roleARN, "/"+s.roleName()) {
		m.RoleARN = tfvalue.StringOrNull(roleARN)
		return nil
	}
	out, err := c.iam.GetRole(ctx, &iam.GetRoleInput{RoleName: aws.String(s.roleName())})
	if clouderr.IsAWS(err, noSuchEntity) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading role %s: %w", s.roleName(), err)
	}
	m.RolePath = tftypes.StringValue(aws.ToString(out.Role.Path))
	m.PermissionsBoundaryARN = tfvalue.StringOrNull(boundaryOf(out.Role))
	return nil
}

func importedVPC(is *types.VpcConfigResponse) tftypes.Object {
	if is == nil || len(is.SubnetIds) == 0 {
		return tftypes.ObjectNull(vpcConfigTypes)
	}
	return tftypes.ObjectValueMust(vpcConfigTypes, map[string]attr.Value{"subnet_ids": tfvalue.Set(is.SubnetIds), "security_group_ids": tfvalue.Set(is.SecurityGroupIds)})
}

// importedTags are the tags that neither we nor the provider's default tags put there.
func importedTags(is, defaults map[string]string) tftypes.Map {
	own := maps.Clone(is)
	maps.DeleteFunc(own, func(key, value string) bool {
		standard, ok := defaults[key]
		return key == eiptag.Owner || ok && standard == value || strings.HasPrefix(key, "aws:")
	})
	if len(own) == 0 {
		return tftypes.MapNull(tftypes.StringType)
	}
	return tfvalue.Map(own)
}
