package eipassigner

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	astypes "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	logtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	eventtypes "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/smithy-go"
	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/eiptag"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/waiter"
)

const (
	testGroup    = "proxies"
	testGroupARN = "arn:aws:autoscaling:us-east-1:123456789012:autoScalingGroup:01234567-89ab-cdef-0123-456789abcdef:autoScalingGroupName/proxies"
	testPool     = "egress"

	testOtherGroup    = "crawlers"
	testOtherGroupARN = "arn:aws:autoscaling:us-east-1:123456789012:autoScalingGroup:76543210-89ab-cdef-0123-456789abcdef:autoScalingGroupName/crawlers"
	testOtherPool     = "crawling"
)

// world is what the six fakes share: a small AWS account that remembers.
type world struct {
	mu    sync.Mutex
	calls map[string]int
	log   []string
	// before may refuse a call; it sees the operation ("lambda.CreateFunction") and how many
	// times it was called, this call included.
	before func(op string, n int) error
	// after may hide that a call had its effect.
	after func(op string, n int) error
	// stuck keeps new instances from getting an address.
	stuck bool

	roles       map[string]*iamtypes.Role
	inline      map[string]string
	logGroups   map[string]*logtypes.LogGroup
	functions   map[string]*lambda.GetFunctionOutput
	signing     map[string]string
	permissions map[string]map[string]string
	retries     map[string]*lambda.PutFunctionEventInvokeConfigInput
	rules       map[string]*eventbridge.PutRuleInput
	targets     map[string][]eventtypes.Target
	tags        map[string]map[string]string
	group       *astypes.AutoScalingGroup
	// other is a second group, which has the pool testOtherPool; most tests have none.
	other     *astypes.AutoScalingGroup
	hooks     map[string]astypes.LifecycleHook
	addresses []ec2types.Address
	serial    int
}

func newWorld(addresses int) *world {
	w := &world{
		calls: map[string]int{}, roles: map[string]*iamtypes.Role{}, inline: map[string]string{}, logGroups: map[string]*logtypes.LogGroup{},
		functions: map[string]*lambda.GetFunctionOutput{}, signing: map[string]string{}, permissions: map[string]map[string]string{}, retries: map[string]*lambda.PutFunctionEventInvokeConfigInput{},
		rules: map[string]*eventbridge.PutRuleInput{}, targets: map[string][]eventtypes.Target{}, tags: map[string]map[string]string{},
		hooks: map[string]astypes.LifecycleHook{},
		group: emptyGroup(testGroup, testGroupARN),
	}
	w.allocate(testPool, addresses)
	return w
}

// emptyGroup is a group at 0 in one zone.
func emptyGroup(name, arn string) *astypes.AutoScalingGroup {
	return &astypes.AutoScalingGroup{
		AutoScalingGroupName: aws.String(name), AutoScalingGroupARN: aws.String(arn), AvailabilityZones: []string{"us-east-1a"},
		MinSize: aws.Int32(0), MaxSize: aws.Int32(0), DesiredCapacity: aws.Int32(0),
	}
}

func (w *world) allocate(pool string, addresses int) {
	for range addresses {
		n := len(w.addresses)
		w.addresses = append(w.addresses, ec2types.Address{
			AllocationId: aws.String(fmt.Sprintf("eipalloc-%d", n)), PublicIp: aws.String(fmt.Sprintf("52.0.0.%d", n+1)),
			Tags: []ec2types.Tag{{Key: aws.String(eiptag.DefaultPoolKey), Value: aws.String(pool)}},
		})
	}
}

// secondGroup adds another group and its pool.
func (w *world) secondGroup(addresses int) {
	w.other = emptyGroup(testOtherGroup, testOtherGroupARN)
	w.allocate(testOtherPool, addresses)
}

// cloud returns the provider's view of the world.
func (w *world) cloud() *cloud {
	return &cloud{
		iam: fakeIAM{w}, logs: fakeLogs{w}, lambda: fakeLambda{w}, events: fakeEvents{w}, autoScaling: fakeGroup{w}, ec2: fakeEC2{w},
		account: "123456789012", region: "us-east-1", defaultTags: map[string]string{"team": "ml"},
		waiter: waiter.Waiter{Clock: waiter.NewFakeClock(time.Now())},
	}
}

// resource returns the resource on this world; architectures lists those that have an archive.
func (w *world) resource(architectures ...string) *Resource {
	return &Resource{
		connect:    func(context.Context) (*cloud, diag.Diagnostics) { return w.cloud(), nil },
		cloudKnown: func() bool { return true },
		owner:      func() string { return "default" },
		archive: func(architecture string) (archive, error) {
			if !slices.Contains(architectures, architecture) {
				return archive{}, errNoArchive
			}
			return archive{content: []byte(architecture), hash: "hash-of-" + architecture}, nil
		},
	}
}

func awsError(code, message string) error {
	return &smithy.GenericAPIError{Code: code, Message: message}
}

func (w *world) call(ctx context.Context, op string, do func() error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calls[op]++
	w.log = append(w.log, op)
	if w.before != nil {
		if err := w.before(op, w.calls[op]); err != nil {
			return err
		}
	}
	if err := do(); err != nil {
		return err
	}
	if w.after != nil {
		return w.after(op, w.calls[op])
	}
	return nil
}

// left lists every object that is not the group, sorted.
func (w *world) left() []string {
	var all []string
	for name := range w.roles {
		all = append(all, "role "+name)
	}
	for name := range w.logGroups {
		all = append(all, "log group "+name)
	}
	for name := range w.functions {
		all = append(all, "function "+name)
	}
	for name := range w.rules {
		all = append(all, "rule "+name)
	}
	for name := range w.hooks {
		all = append(all, "hook "+name)
	}
	slices.Sort(all)
	return all
}

// clone is another account that is the same so far, without the hooks of tests.
func (w *world) clone() *world {
	w.mu.Lock()
	defer w.mu.Unlock()
	c := &world{
		calls: map[string]int{}, stuck: w.stuck, serial: w.serial, roles: map[string]*iamtypes.Role{}, inline: maps.Clone(w.inline), logGroups: map[string]*logtypes.LogGroup{},
		functions: map[string]*lambda.GetFunctionOutput{}, signing: maps.Clone(w.signing), permissions: map[string]map[string]string{}, retries: maps.Clone(w.retries),
		rules: maps.Clone(w.rules), targets: map[string][]eventtypes.Target{}, tags: map[string]map[string]string{}, group: cloneGroup(w.group), other: cloneGroup(w.other),
		hooks: maps.Clone(w.hooks), addresses: slices.Clone(w.addresses),
	}
	for name, role := range w.roles {
		same := *role
		c.roles[name] = &same
	}
	for name, group := range w.logGroups {
		same := *group
		c.logGroups[name] = &same
	}
	for name, function := range w.functions {
		configuration := *function.Configuration
		c.functions[name] = &lambda.GetFunctionOutput{Configuration: &configuration, Tags: maps.Clone(function.Tags)}
	}
	for name, granted := range w.permissions {
		c.permissions[name] = maps.Clone(granted)
	}
	for name, targets := range w.targets {
		c.targets[name] = slices.Clone(targets)
	}
	for arn, tags := range w.tags {
		c.tags[arn] = maps.Clone(tags)
	}
	return c
}

func cloneGroup(group *astypes.AutoScalingGroup) *astypes.AutoScalingGroup {
	if group == nil {
		return nil
	}
	same := *group
	same.Instances = slices.Clone(group.Instances)
	return &same
}

// snapshot is all that is in the account, instances and who has which address apart: equal
// snapshots are equal accounts.
func (w *world) snapshot(t *testing.T) string {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	roles := map[string]any{}
	for name, role := range w.roles {
		document, err := url.QueryUnescape(*role.AssumeRolePolicyDocument)
		if err != nil {
			t.Fatal(err)
		}
		roles[name] = []any{aws.ToString(role.Path), document, role.PermissionsBoundary, roleTags(role.Tags)}
	}
	rules := map[string]any{}
	for name, rule := range w.rules {
		rules[name] = []any{rule.State, rule.EventPattern, rule.ScheduleExpression}
	}
	functions := map[string]any{}
	for name, function := range w.functions {
		is := *function.Configuration
		if is.VpcConfig != nil && len(is.VpcConfig.SubnetIds) == 0 {
			is.VpcConfig = nil
		}
		functions[name] = []any{is, function.Tags}
	}
	// Tags go with what has them.
	tags := maps.Clone(w.tags)
	maps.DeleteFunc(tags, func(arn string, _ map[string]string) bool {
		_, name, _ := strings.Cut(arn, ":rule/")
		_, group, _ := strings.Cut(arn, ":log-group:")
		return w.rules[name] == nil && w.logGroups[group] == nil
	})
	sizes := map[string]any{}
	for _, group := range []*astypes.AutoScalingGroup{w.group, w.other} {
		if group != nil {
			sizes[*group.AutoScalingGroupARN] = []any{group.MinSize, group.MaxSize, group.DesiredCapacity}
		}
	}
	var addresses []string
	for _, a := range w.addresses {
		addresses = append(addresses, *a.AllocationId)
	}
	text, err := json.MarshalIndent(map[string]any{
		"roles": roles, "inline": w.inline, "log groups": w.logGroups, "functions": functions, "signing": w.signing, "permissions": w.permissions, "retries": w.retries,
		"rules": rules, "targets": w.targets, "tags": tags, "hooks": w.hooks, "sizes": sizes, "addresses": addresses,
	}, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// writes counts the calls that change something.
func (w *world) writes() int {
	n := 0
	for op, count := range w.calls {
		if isWrite(op) {
			n += count
		}
	}
	return n
}

func isWrite(op string) bool {
	_, name, _ := strings.Cut(op, ".")
	return !strings.HasPrefix(name, "Get") && !strings.HasPrefix(name, "Describe") && !strings.HasPrefix(name, "List")
}

func (w *world) forget() { w.calls, w.log = map[string]int{}, nil }

// settle is one round of Auto Scaling and the function: the group gets its size, instances
// get their address and enter service, or leave and give it back.
func (w *world) settle() {
	w.settleGroup(w.group, testPool)
	w.settleGroup(w.other, testOtherPool)
}

func (w *world) settleGroup(group *astypes.AutoScalingGroup, pool string) {
	if group == nil {
		return
	}
	want := int(aws.ToInt32(group.DesiredCapacity))
	for len(group.Instances) > want {
		gone := group.Instances[0]
		group.Instances = group.Instances[1:]
		for n := range w.addresses {
			if aws.ToString(w.addresses[n].InstanceId) == *gone.InstanceId {
				w.addresses[n].InstanceId, w.addresses[n].AssociationId = nil, nil
			}
		}
	}
	for n := range group.Instances {
		i := &group.Instances[n]
		if i.LifecycleState != astypes.LifecycleStatePendingWait || w.stuck {
			continue
		}
		for a := range w.addresses {
			if w.addresses[a].AssociationId == nil && *w.addresses[a].Tags[0].Value == pool {
				w.addresses[a].InstanceId, w.addresses[a].AssociationId = i.InstanceId, aws.String("eipassoc-"+*i.InstanceId)
				i.LifecycleState = astypes.LifecycleStateInService
				break
			}
		}
	}
	for len(group.Instances) < want {
		w.serial++
		group.Instances = append(group.Instances, astypes.Instance{InstanceId: aws.String(fmt.Sprintf("i-%d", w.serial)), LifecycleState: astypes.LifecycleStatePendingWait})
	}
}

type fakeIAM struct{ *world }

func (f fakeIAM) GetRole(ctx context.Context, in *iam.GetRoleInput, _ ...func(*iam.Options)) (*iam.GetRoleOutput, error) {
	out := &iam.GetRoleOutput{}
	return out, f.call(ctx, "iam.GetRole", func() error {
		role, ok := f.roles[*in.RoleName]
		if !ok {
			return awsError("NoSuchEntity", "The role with name "+*in.RoleName+" cannot be found.")
		}
		shown := *role
		out.Role = &shown
		return nil
	})
}

func (f fakeIAM) CreateRole(ctx context.Context, in *iam.CreateRoleInput, _ ...func(*iam.Options)) (*iam.CreateRoleOutput, error) {
	return &iam.CreateRoleOutput{}, f.call(ctx, "iam.CreateRole", func() error {
		if f.roles[*in.RoleName] != nil {
			return awsError("EntityAlreadyExists", "Role with name "+*in.RoleName+" already exists.")
		}
		role := &iamtypes.Role{RoleName: in.RoleName, Path: in.Path, Tags: in.Tags, AssumeRolePolicyDocument: aws.String(url.QueryEscape(*in.AssumeRolePolicyDocument))}
		if in.PermissionsBoundary != nil {
			role.PermissionsBoundary = &iamtypes.AttachedPermissionsBoundary{PermissionsBoundaryArn: in.PermissionsBoundary}
		}
		f.roles[*in.RoleName] = role
		return nil
	})
}

func (f fakeIAM) UpdateAssumeRolePolicy(ctx context.Context, in *iam.UpdateAssumeRolePolicyInput, _ ...func(*iam.Options)) (*iam.UpdateAssumeRolePolicyOutput, error) {
	return &iam.UpdateAssumeRolePolicyOutput{}, f.call(ctx, "iam.UpdateAssumeRolePolicy", func() error {
		f.roles[*in.RoleName].AssumeRolePolicyDocument = in.PolicyDocument
		return nil
	})
}

func (f fakeIAM) PutRolePermissionsBoundary(ctx context.Context, in *iam.PutRolePermissionsBoundaryInput, _ ...func(*iam.Options)) (*iam.PutRolePermissionsBoundaryOutput, error) {
	return &iam.PutRolePermissionsBoundaryOutput{}, f.call(ctx, "iam.PutRolePermissionsBoundary", func() error {
		f.roles[*in.RoleName].PermissionsBoundary = &iamtypes.AttachedPermissionsBoundary{PermissionsBoundaryArn: in.PermissionsBoundary}
		return nil
	})
}

func (f fakeIAM) DeleteRolePermissionsBoundary(ctx context.Context, in *iam.DeleteRolePermissionsBoundaryInput, _ ...func(*iam.Options)) (*iam.DeleteRolePermissionsBoundaryOutput, error) {
	return &iam.DeleteRolePermissionsBoundaryOutput{}, f.call(ctx, "iam.DeleteRolePermissionsBoundary", func() error {
		f.roles[*in.RoleName].PermissionsBoundary = nil
		return nil
	})
}

func (f fakeIAM) TagRole(ctx context.Context, in *iam.TagRoleInput, _ ...func(*iam.Options)) (*iam.TagRoleOutput, error) {
	return &iam.TagRoleOutput{}, f.call(ctx, "iam.TagRole", func() error {
		tags := roleTags(f.roles[*in.RoleName].Tags)
		maps.Copy(tags, roleTags(in.Tags))
		f.roles[*in.RoleName].Tags = toRoleTags(tags)
		return nil
	})
}

func (f fakeIAM) UntagRole(ctx context.Context, in *iam.UntagRoleInput, _ ...func(*iam.Options)) (*iam.UntagRoleOutput, error) {
	return &iam.UntagRoleOutput{}, f.call(ctx, "iam.UntagRole", func() error {
		tags := roleTags(f.roles[*in.RoleName].Tags)
		for _, key := range in.TagKeys {
			delete(tags, key)
		}
		f.roles[*in.RoleName].Tags = toRoleTags(tags)
		return nil
	})
}

func (f fakeIAM) GetRolePolicy(ctx context.Context, in *iam.GetRolePolicyInput, _ ...func(*iam.Options)) (*iam.GetRolePolicyOutput, error) {
	out := &iam.GetRolePolicyOutput{}
	return out, f.call(ctx, "iam.GetRolePolicy", func() error {
		text, ok := f.inline[*in.RoleName]
		if !ok {
			return awsError("NoSuchEntity", "The role policy cannot be found.")
		}
		out.PolicyDocument = aws.String(url.PathEscape(text))
		return nil
	})
}

func (f fakeIAM) PutRolePolicy(ctx context.Context, in *iam.PutRolePolicyInput, _ ...func(*iam.Options)) (*iam.PutRolePolicyOutput, error) {
	return &iam.PutRolePolicyOutput{}, f.call(ctx, "iam.PutRolePolicy", func() error {
		f.inline[*in.RoleName] = *in.PolicyDocument
		return nil
	})
}

func (f fakeIAM) DeleteRolePolicy(ctx context.Context, in *iam.DeleteRolePolicyInput, _ ...func(*iam.Options)) (*iam.DeleteRolePolicyOutput, error) {
	return &iam.DeleteRolePolicyOutput{}, f.call(ctx, "iam.DeleteRolePolicy", func() error {
		delete(f.inline, *in.RoleName)
		return nil
	})
}

func (f fakeIAM) DeleteRole(ctx context.Context, in *iam.DeleteRoleInput, _ ...func(*iam.Options)) (*iam.DeleteRoleOutput, error) {
	return &iam.DeleteRoleOutput{}, f.call(ctx, "iam.DeleteRole", func() error {
		if _, ok := f.inline[*in.RoleName]; ok {
			return awsError("DeleteConflict", "Cannot delete entity, must delete policies first.")
		}
		delete(f.roles, *in.RoleName)
		return nil
	})
}

type fakeLogs struct{ *world }

func (f fakeLogs) DescribeLogGroups(ctx context.Context, in *cloudwatchlogs.DescribeLogGroupsInput, _ ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.DescribeLogGroupsOutput, error) {
	out := &cloudwatchlogs.DescribeLogGroupsOutput{}
	return out, f.call(ctx, "logs.DescribeLogGroups", func() error {
		for name, group := range f.logGroups {
			if strings.HasPrefix(name, *in.LogGroupNamePrefix) {
				out.LogGroups = append(out.LogGroups, *group)
			}
		}
		return nil
	})
}

func (f fakeLogs) CreateLogGroup(ctx context.Context, in *cloudwatchlogs.CreateLogGroupInput, _ ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.CreateLogGroupOutput, error) {
	return &cloudwatchlogs.CreateLogGroupOutput{}, f.call(ctx, "logs.CreateLogGroup", func() error {
		if f.logGroups[*in.LogGroupName] != nil {
			return awsError("ResourceAlreadyExistsException", "The specified log group already exists")
		}
		f.logGroups[*in.LogGroupName] = &logtypes.LogGroup{LogGroupName: in.LogGroupName}
		f.tags["arn:aws:logs:us-east-1:123456789012:log-group:"+*in.LogGroupName] = maps.Clone(in.Tags)
		return nil
	})
}

func (f fakeLogs) PutRetentionPolicy(ctx context.Context, in *cloudwatchlogs.PutRetentionPolicyInput, _ ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.PutRetentionPolicyOutput, error) {
	return &cloudwatchlogs.PutRetentionPolicyOutput{}, f.call(ctx, "logs.PutRetentionPolicy", func() error {
		f.logGroups[*in.LogGroupName].RetentionInDays = in.RetentionInDays
		return nil
	})
}

func (f fakeLogs) DeleteLogGroup(ctx context.Context, in *cloudwatchlogs.DeleteLogGroupInput, _ ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.DeleteLogGroupOutput, error) {
	return &cloudwatchlogs.DeleteLogGroupOutput{}, f.call(ctx, "logs.DeleteLogGroup", func() error {
		delete(f.logGroups, *in.LogGroupName)
		return nil
	})
}

func (f fakeLogs) ListTagsForResource(ctx context.Context, in *cloudwatchlogs.ListTagsForResourceInput, _ ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.ListTagsForResourceOutput, error) {
	out := &cloudwatchlogs.ListTagsForResourceOutput{}
	return out, f.call(ctx, "logs.ListTagsForResource", func() error {
		out.Tags = maps.Clone(f.tags[*in.ResourceArn])
		return nil
	})
}

func (f fakeLogs) TagResource(ctx context.Context, in *cloudwatchlogs.TagResourceInput, _ ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.TagResourceOutput, error) {
	return &cloudwatchlogs.TagResourceOutput{}, f.call(ctx, "logs.TagResource", func() error {
		maps.Copy(f.tags[*in.ResourceArn], in.Tags)
		return nil
	})
}

func (f fakeLogs) UntagResource(ctx context.Context, in *cloudwatchlogs.UntagResourceInput, _ ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.UntagResourceOutput, error) {
	return &cloudwatchlogs.UntagResourceOutput{}, f.call(ctx, "logs.UntagResource", func() error {
		for _, key := range in.TagKeys {
			delete(f.tags[*in.ResourceArn], key)
		}
		return nil
	})
}

type fakeLambda struct{ *world }

// function finds one, or answers as Lambda does.
func (f fakeLambda) function(name *string) (*lambda.GetFunctionOutput, error) {
	found, ok := f.functions[strings.TrimPrefix(*name, "arn:aws:lambda:us-east-1:123456789012:function:")]
	if !ok {
		return nil, awsError("ResourceNotFoundException", "Function not found: "+*name)
	}
	return found, nil
}

func (f fakeLambda) GetFunction(ctx context.Context, in *lambda.GetFunctionInput, _ ...func(*lambda.Options)) (out *lambda.GetFunctionOutput, err error) {
	err = f.call(ctx, "lambda.GetFunction", func() error {
		found, err := f.function(in.FunctionName)
		if err != nil {
			return err
		}
		shown := *found.Configuration
		out = &lambda.GetFunctionOutput{Configuration: &shown, Tags: maps.Clone(found.Tags)}
		return nil
	})
	return out, err
}

func (f fakeLambda) CreateFunction(ctx context.Context, in *lambda.CreateFunctionInput, _ ...func(*lambda.Options)) (*lambda.CreateFunctionOutput, error) {
	return &lambda.CreateFunctionOutput{}, f.call(ctx, "lambda.CreateFunction", func() error {
		if f.functions[*in.FunctionName] != nil {
			return awsError("ResourceConflictException", "Function already exist: "+*in.FunctionName)
		}
		f.functions[*in.FunctionName] = &lambda.GetFunctionOutput{Tags: maps.Clone(in.Tags), Configuration: &lambdatypes.FunctionConfiguration{
			FunctionName: in.FunctionName, Role: in.Role, Runtime: in.Runtime, Handler: in.Handler, Timeout: in.Timeout, MemorySize: in.MemorySize,
			Architectures: in.Architectures, CodeSha256: aws.String("hash-of-" + string(in.Code.ZipFile)), KMSKeyArn: in.KMSKeyArn,
			Environment: &lambdatypes.EnvironmentResponse{Variables: in.Environment.Variables}, State: lambdatypes.StateActive, LastUpdateStatus: lambdatypes.LastUpdateStatusSuccessful,
			VpcConfig: vpcAnswer(in.VpcConfig, nil),
		}}
		if in.CodeSigningConfigArn != nil {
			f.signing[*in.FunctionName] = *in.CodeSigningConfigArn
		}
		return nil
	})
}

// vpcAnswer is how Lambda shows a VPC configuration after one was asked for: lists that are left
// out stay as they were.
func vpcAnswer(in *lambdatypes.VpcConfig, was *lambdatypes.VpcConfigResponse) *lambdatypes.VpcConfigResponse {
	is := &lambdatypes.VpcConfigResponse{}
	if was != nil {
		*is = *was
	}
	if in != nil && in.SubnetIds != nil {
		is.SubnetIds = in.SubnetIds
	}
	if in != nil && in.SecurityGroupIds != nil {
		is.SecurityGroupIds = in.SecurityGroupIds
	}
	return is
}

func (f fakeLambda) UpdateFunctionCode(ctx context.Context, in *lambda.UpdateFunctionCodeInput, _ ...func(*lambda.Options)) (*lambda.UpdateFunctionCodeOutput, error) {
	return &lambda.UpdateFunctionCodeOutput{}, f.call(ctx, "lambda.UpdateFunctionCode", func() error {
		found, err := f.function(in.FunctionName)
		if err == nil {
			found.Configuration.CodeSha256, found.Configuration.Architectures = aws.String("hash-of-"+string(in.ZipFile)), in.Architectures
		}
		return err
	})
}

func (f fakeLambda) UpdateFunctionConfiguration(ctx context.Context, in *lambda.UpdateFunctionConfigurationInput, _ ...func(*lambda.Options)) (*lambda.UpdateFunctionConfigurationOutput, error) {
	return &lambda.UpdateFunctionConfigurationOutput{}, f.call(ctx, "lambda.UpdateFunctionConfiguration", func() error {
		found, err := f.function(in.FunctionName)
		if err == nil {
			c := found.Configuration
			c.Role, c.Runtime, c.Handler, c.Timeout, c.MemorySize = in.Role, in.Runtime, in.Handler, in.Timeout, in.MemorySize
			c.Environment = &lambdatypes.EnvironmentResponse{Variables: in.Environment.Variables}
			c.VpcConfig = vpcAnswer(in.VpcConfig, c.VpcConfig)
			switch {
			case in.KMSKeyArn == nil:
			case *in.KMSKeyArn == "":
				c.KMSKeyArn = nil
			default:
				c.KMSKeyArn = in.KMSKeyArn
			}
		}
		return err
	})
}

func (f fakeLambda) GetFunctionCodeSigningConfig(ctx context.Context, in *lambda.GetFunctionCodeSigningConfigInput, _ ...func(*lambda.Options)) (*lambda.GetFunctionCodeSigningConfigOutput, error) {
	out := &lambda.GetFunctionCodeSigningConfigOutput{}
	return out, f.call(ctx, "lambda.GetFunctionCodeSigningConfig", func() error {
		if arn, ok := f.signing[*in.FunctionName]; ok {
			out.CodeSigningConfigArn = aws.String(arn)
		}
		return nil
	})
}

func (f fakeLambda) PutFunctionCodeSigningConfig(ctx context.Context, in *lambda.PutFunctionCodeSigningConfigInput, _ ...func(*lambda.Options)) (*lambda.PutFunctionCodeSigningConfigOutput, error) {
	return &lambda.PutFunctionCodeSigningConfigOutput{}, f.call(ctx, "lambda.PutFunctionCodeSigningConfig", func() error {
		f.signing[*in.FunctionName] = *in.CodeSigningConfigArn
		return nil
	})
}

func (f fakeLambda) DeleteFunctionCodeSigningConfig(ctx context.Context, in *lambda.DeleteFunctionCodeSigningConfigInput, _ ...func(*lambda.Options)) (*lambda.DeleteFunctionCodeSigningConfigOutput, error) {
	return &lambda.DeleteFunctionCodeSigningConfigOutput{}, f.call(ctx, "lambda.DeleteFunctionCodeSigningConfig", func() error {
		delete(f.signing, *in.FunctionName)
		return nil
	})
}

func (f fakeLambda) DeleteFunction(ctx context.Context, in *lambda.DeleteFunctionInput, _ ...func(*lambda.Options)) (*lambda.DeleteFunctionOutput, error) {
	return &lambda.DeleteFunctionOutput{}, f.call(ctx, "lambda.DeleteFunction", func() error {
		delete(f.functions, *in.FunctionName)
		delete(f.signing, *in.FunctionName)
		delete(f.permissions, *in.FunctionName)
		delete(f.retries, *in.FunctionName)
		return nil
	})
}

func (f fakeLambda) TagResource(ctx context.Context, in *lambda.TagResourceInput, _ ...func(*lambda.Options)) (*lambda.TagResourceOutput, error) {
	return &lambda.TagResourceOutput{}, f.call(ctx, "lambda.TagResource", func() error {
		found, err := f.function(in.Resource)
		if err == nil {
			maps.Copy(found.Tags, in.Tags)
		}
		return err
	})
}

func (f fakeLambda) UntagResource(ctx context.Context, in *lambda.UntagResourceInput, _ ...func(*lambda.Options)) (*lambda.UntagResourceOutput, error) {
	return &lambda.UntagResourceOutput{}, f.call(ctx, "lambda.UntagResource", func() error {
		found, err := f.function(in.Resource)
		if err == nil {
			for _, key := range in.TagKeys {
				delete(found.Tags, key)
			}
		}
		return err
	})
}

func (f fakeLambda) GetPolicy(ctx context.Context, in *lambda.GetPolicyInput, _ ...func(*lambda.Options)) (*lambda.GetPolicyOutput, error) {
	out := &lambda.GetPolicyOutput{}
	return out, f.call(ctx, "lambda.GetPolicy", func() error {
		if len(f.permissions[*in.FunctionName]) == 0 {
			return awsError("ResourceNotFoundException", "No policy is associated with the given resource.")
		}
		var statements []map[string]any
		for sid, source := range f.permissions[*in.FunctionName] {
			statements = append(statements, map[string]any{
				"Sid": sid, "Effect": "Allow", "Principal": map[string]string{"Service": "events.amazonaws.com"}, "Action": "lambda:InvokeFunction",
				"Resource": "arn:aws:lambda:us-east-1:123456789012:function:" + *in.FunctionName, "Condition": map[string]any{"ArnLike": map[string]string{"AWS:SourceArn": source}},
			})
		}
		text, err := json.Marshal(map[string]any{"Version": "2012-10-17", "Id": "default", "Statement": statements})
		out.Policy = aws.String(string(text))
		return err
	})
}

func (f fakeLambda) AddPermission(ctx context.Context, in *lambda.AddPermissionInput, _ ...func(*lambda.Options)) (*lambda.AddPermissionOutput, error) {
	return &lambda.AddPermissionOutput{}, f.call(ctx, "lambda.AddPermission", func() error {
		if _, err := f.function(in.FunctionName); err != nil {
			return err
		}
		if f.permissions[*in.FunctionName] == nil {
			f.permissions[*in.FunctionName] = map[string]string{}
		}
		if _, ok := f.permissions[*in.FunctionName][*in.StatementId]; ok {
			return awsError("ResourceConflictException", "The statement id ("+*in.StatementId+") provided already exists.")
		}
		f.permissions[*in.FunctionName][*in.StatementId] = *in.SourceArn
		return nil
	})
}

func (f fakeLambda) RemovePermission(ctx context.Context, in *lambda.RemovePermissionInput, _ ...func(*lambda.Options)) (*lambda.RemovePermissionOutput, error) {
	return &lambda.RemovePermissionOutput{}, f.call(ctx, "lambda.RemovePermission", func() error {
		delete(f.permissions[*in.FunctionName], *in.StatementId)
		return nil
	})
}

func (f fakeLambda) GetFunctionEventInvokeConfig(ctx context.Context, in *lambda.GetFunctionEventInvokeConfigInput, _ ...func(*lambda.Options)) (*lambda.GetFunctionEventInvokeConfigOutput, error) {
	out := &lambda.GetFunctionEventInvokeConfigOutput{}
	return out, f.call(ctx, "lambda.GetFunctionEventInvokeConfig", func() error {
		is, ok := f.retries[*in.FunctionName]
		if !ok {
			return awsError("ResourceNotFoundException", "The function doesn't have an EventInvokeConfig")
		}
		out.MaximumRetryAttempts, out.MaximumEventAgeInSeconds = is.MaximumRetryAttempts, is.MaximumEventAgeInSeconds
		// Lambda shows empty objects where there are no destinations.
		out.DestinationConfig = &lambdatypes.DestinationConfig{OnSuccess: &lambdatypes.OnSuccess{}, OnFailure: &lambdatypes.OnFailure{}}
		if is.DestinationConfig != nil {
			out.DestinationConfig.OnFailure = is.DestinationConfig.OnFailure
		}
		return nil
	})
}

func (f fakeLambda) PutFunctionEventInvokeConfig(ctx context.Context, in *lambda.PutFunctionEventInvokeConfigInput, _ ...func(*lambda.Options)) (*lambda.PutFunctionEventInvokeConfigOutput, error) {
	return &lambda.PutFunctionEventInvokeConfigOutput{}, f.call(ctx, "lambda.PutFunctionEventInvokeConfig", func() error {
		f.retries[*in.FunctionName] = in
		return nil
	})
}

type fakeEvents struct{ *world }

func ruleARN(name *string) string { return "arn:aws:events:us-east-1:123456789012:rule/" + *name }

func (f fakeEvents) DescribeRule(ctx context.Context, in *eventbridge.DescribeRuleInput, _ ...func(*eventbridge.Options)) (*eventbridge.DescribeRuleOutput, error) {
	out := &eventbridge.DescribeRuleOutput{}
	return out, f.call(ctx, "events.DescribeRule", func() error {
		rule, ok := f.rules[*in.Name]
		if !ok {
			return awsError("ResourceNotFoundException", "Rule "+*in.Name+" does not exist on EventBus default.")
		}
		out.Name, out.State, out.EventPattern, out.ScheduleExpression = rule.Name, rule.State, rule.EventPattern, rule.ScheduleExpression
		return nil
	})
}

func (f fakeEvents) PutRule(ctx context.Context, in *eventbridge.PutRuleInput, _ ...func(*eventbridge.Options)) (*eventbridge.PutRuleOutput, error) {
	return &eventbridge.PutRuleOutput{}, f.call(ctx, "events.PutRule", func() error {
		if _, ok := f.rules[*in.Name]; !ok {
			tags := map[string]string{}
			for _, tag := range in.Tags {
				tags[*tag.Key] = *tag.Value
			}
			f.tags[ruleARN(in.Name)] = tags
		}
		f.rules[*in.Name] = in
		return nil
	})
}

func (f fakeEvents) DeleteRule(ctx context.Context, in *eventbridge.DeleteRuleInput, _ ...func(*eventbridge.Options)) (*eventbridge.DeleteRuleOutput, error) {
	return &eventbridge.DeleteRuleOutput{}, f.call(ctx, "events.DeleteRule", func() error {
		if len(f.targets[*in.Name]) > 0 {
			return awsError("ValidationException", "Rule can't be deleted since it has targets.")
		}
		delete(f.rules, *in.Name)
		return nil
	})
}

func (f fakeEvents) ListTargetsByRule(ctx context.Context, in *eventbridge.ListTargetsByRuleInput, _ ...func(*eventbridge.Options)) (*eventbridge.ListTargetsByRuleOutput, error) {
	out := &eventbridge.ListTargetsByRuleOutput{}
	return out, f.call(ctx, "events.ListTargetsByRule", func() error {
		out.Targets = f.targets[*in.Rule]
		return nil
	})
}

func (f fakeEvents) PutTargets(ctx context.Context, in *eventbridge.PutTargetsInput, _ ...func(*eventbridge.Options)) (*eventbridge.PutTargetsOutput, error) {
	return &eventbridge.PutTargetsOutput{}, f.call(ctx, "events.PutTargets", func() error {
		for _, target := range in.Targets {
			f.targets[*in.Rule] = append(slices.DeleteFunc(f.targets[*in.Rule], sameTarget(*target.Id)), target)
		}
		return nil
	})
}

func sameTarget(id string) func(eventtypes.Target) bool {
	return func(target eventtypes.Target) bool { return *target.Id == id }
}

func (f fakeEvents) RemoveTargets(ctx context.Context, in *eventbridge.RemoveTargetsInput, _ ...func(*eventbridge.Options)) (*eventbridge.RemoveTargetsOutput, error) {
	return &eventbridge.RemoveTargetsOutput{}, f.call(ctx, "events.RemoveTargets", func() error {
		for _, id := range in.Ids {
			f.targets[*in.Rule] = slices.DeleteFunc(f.targets[*in.Rule], sameTarget(id))
		}
		if len(f.targets[*in.Rule]) == 0 {
			delete(f.targets, *in.Rule)
		}
		return nil
	})
}

func (f fakeEvents) ListTagsForResource(ctx context.Context, in *eventbridge.ListTagsForResourceInput, _ ...func(*eventbridge.Options)) (*eventbridge.ListTagsForResourceOutput, error) {
	out := &eventbridge.ListTagsForResourceOutput{}
	return out, f.call(ctx, "events.ListTagsForResource", func() error {
		for key, value := range f.tags[*in.ResourceARN] {
			out.Tags = append(out.Tags, eventtypes.Tag{Key: aws.String(key), Value: aws.String(value)})
		}
		return nil
	})
}

func (f fakeEvents) TagResource(ctx context.Context, in *eventbridge.TagResourceInput, _ ...func(*eventbridge.Options)) (*eventbridge.TagResourceOutput, error) {
	return &eventbridge.TagResourceOutput{}, f.call(ctx, "events.TagResource", func() error {
		for _, tag := range in.Tags {
			f.tags[*in.ResourceARN][*tag.Key] = *tag.Value
		}
		return nil
	})
}

func (f fakeEvents) UntagResource(ctx context.Context, in *eventbridge.UntagResourceInput, _ ...func(*eventbridge.Options)) (*eventbridge.UntagResourceOutput, error) {
	return &eventbridge.UntagResourceOutput{}, f.call(ctx, "events.UntagResource", func() error {
		for _, key := range in.TagKeys {
			delete(f.tags[*in.ResourceARN], key)
		}
		return nil
	})
}

type fakeGroup struct{ *world }

// named finds a group; nil if there is none.
func (f fakeGroup) named(name *string) *astypes.AutoScalingGroup {
	for _, group := range []*astypes.AutoScalingGroup{f.group, f.other} {
		if group != nil && *group.AutoScalingGroupName == *name {
			return group
		}
	}
	return nil
}

func (f fakeGroup) DescribeAutoScalingGroups(ctx context.Context, in *autoscaling.DescribeAutoScalingGroupsInput, _ ...func(*autoscaling.Options)) (*autoscaling.DescribeAutoScalingGroupsOutput, error) {
	out := &autoscaling.DescribeAutoScalingGroupsOutput{}
	return out, f.call(ctx, "autoscaling.DescribeAutoScalingGroups", func() error {
		group := f.named(&in.AutoScalingGroupNames[0])
		if group == nil {
			return nil
		}
		shown := *group
		shown.Instances = slices.Clone(group.Instances)
		out.AutoScalingGroups = []astypes.AutoScalingGroup{shown}
		f.settle()
		return nil
	})
}

func groupNotFound() error {
	return awsError("ValidationError", "AutoScalingGroup name not found - null")
}

func (f fakeGroup) UpdateAutoScalingGroup(ctx context.Context, in *autoscaling.UpdateAutoScalingGroupInput, _ ...func(*autoscaling.Options)) (*autoscaling.UpdateAutoScalingGroupOutput, error) {
	return &autoscaling.UpdateAutoScalingGroupOutput{}, f.call(ctx, "autoscaling.UpdateAutoScalingGroup", func() error {
		if in.MinSize == nil || in.MaxSize == nil || in.DesiredCapacity == nil {
			return awsError("ValidationError", "the three sizes belong into one call")
		}
		group := f.named(in.AutoScalingGroupName)
		if group == nil {
			return groupNotFound()
		}
		group.MinSize, group.MaxSize, group.DesiredCapacity = in.MinSize, in.MaxSize, in.DesiredCapacity
		return nil
	})
}

func (f fakeGroup) DescribeLifecycleHooks(ctx context.Context, in *autoscaling.DescribeLifecycleHooksInput, _ ...func(*autoscaling.Options)) (*autoscaling.DescribeLifecycleHooksOutput, error) {
	out := &autoscaling.DescribeLifecycleHooksOutput{}
	return out, f.call(ctx, "autoscaling.DescribeLifecycleHooks", func() error {
		if f.named(in.AutoScalingGroupName) == nil {
			return groupNotFound()
		}
		for _, hook := range f.hooks {
			if aws.ToString(hook.AutoScalingGroupName) == *in.AutoScalingGroupName {
				out.LifecycleHooks = append(out.LifecycleHooks, hook)
			}
		}
		return nil
	})
}

func (f fakeGroup) PutLifecycleHook(ctx context.Context, in *autoscaling.PutLifecycleHookInput, _ ...func(*autoscaling.Options)) (*autoscaling.PutLifecycleHookOutput, error) {
	return &autoscaling.PutLifecycleHookOutput{}, f.call(ctx, "autoscaling.PutLifecycleHook", func() error {
		if f.named(in.AutoScalingGroupName) == nil {
			return groupNotFound()
		}
		f.hooks[*in.LifecycleHookName] = astypes.LifecycleHook{
			AutoScalingGroupName: in.AutoScalingGroupName, LifecycleHookName: in.LifecycleHookName, LifecycleTransition: in.LifecycleTransition, DefaultResult: in.DefaultResult,
			HeartbeatTimeout: in.HeartbeatTimeout, NotificationMetadata: in.NotificationMetadata,
		}
		return nil
	})
}

func (f fakeGroup) DeleteLifecycleHook(ctx context.Context, in *autoscaling.DeleteLifecycleHookInput, _ ...func(*autoscaling.Options)) (*autoscaling.DeleteLifecycleHookOutput, error) {
	return &autoscaling.DeleteLifecycleHookOutput{}, f.call(ctx, "autoscaling.DeleteLifecycleHook", func() error {
		if f.named(in.AutoScalingGroupName) == nil {
			return groupNotFound()
		}
		delete(f.hooks, *in.LifecycleHookName)
		return nil
	})
}

type fakeEC2 struct{ *world }

func (f fakeEC2) DescribeAddresses(ctx context.Context, in *ec2.DescribeAddressesInput, _ ...func(*ec2.Options)) (*ec2.DescribeAddressesOutput, error) {
	out := &ec2.DescribeAddressesOutput{}
	return out, f.call(ctx, "ec2.DescribeAddresses", func() error {
		for _, a := range f.addresses {
			if *a.Tags[0].Value == in.Filters[0].Values[0] {
				out.Addresses = append(out.Addresses, a)
			}
		}
		return nil
	})
}

func (f fakeEC2) DescribeInstances(ctx context.Context, _ *ec2.DescribeInstancesInput, _ ...func(*ec2.Options)) (*ec2.DescribeInstancesOutput, error) {
	return &ec2.DescribeInstancesOutput{}, f.call(ctx, "ec2.DescribeInstances", func() error { return nil })
}
