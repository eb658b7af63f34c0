package e2e_test

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	astypes "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/acctest"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/clouderr"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/eiptag"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox"
)

const assignerAddress = "crosscloudlink_lifecycle_eip_assigner.test"

// fleet is an Auto Scaling group at 0 and a pool of addresses, as a user has them before the
// assigner, and the clients to look at them and to change them by another hand.
type fleet struct {
	// name is the pool's and the group's, and the assigner's unless that has another.
	name, assigner string
	// arn is the group's, template its launch template's id.
	arn, template string
	allocations   []string

	scaling *autoscaling.Client
	lambda  *lambda.Client
	events  *eventbridge.Client
	iam     *iam.Client
	logs    *cloudwatchlogs.Client
}

var fleetSubnet struct {
	sync.Mutex
	id string
}

// subnetWithInternet makes, once for all tests, a subnet whose instances can have Elastic IPs.
func subnetWithInternet(t *testing.T) string {
	t.Helper()
	fleetSubnet.Lock()
	defer fleetSubnet.Unlock()
	if fleetSubnet.id != "" {
		return fleetSubnet.id
	}
	c := compute(t)
	vpc := must(c.CreateVpc(t.Context(), &ec2.CreateVpcInput{CidrBlock: aws.String("10.98.0.0/16")}))(t).Vpc.VpcId
	gateway := must(c.CreateInternetGateway(t.Context(), &ec2.CreateInternetGatewayInput{}))(t).InternetGateway.InternetGatewayId
	must(c.AttachInternetGateway(t.Context(), &ec2.AttachInternetGatewayInput{VpcId: vpc, InternetGatewayId: gateway}))(t)
	fleetSubnet.id = *must(c.CreateSubnet(t.Context(), &ec2.CreateSubnetInput{VpcId: vpc, CidrBlock: aws.String("10.98.1.0/24")}))(t).Subnet.SubnetId
	return fleetSubnet.id
}

// must returns the value, and ends the test on an error.
func must[T any](value T, err error) func(t *testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

// newFleet makes a group at 0 and a pool of addresses; both go with the test.
func newFleet(t *testing.T, addresses int) *fleet {
	t.Helper()
	config := acctest.Sandbox(t).AWS().Config
	name := unique("fleet")
	f := &fleet{
		name: name, assigner: name, scaling: autoscaling.NewFromConfig(config), lambda: lambda.NewFromConfig(config),
		events: eventbridge.NewFromConfig(config), iam: iam.NewFromConfig(config), logs: cloudwatchlogs.NewFromConfig(config),
	}
	ctx := t.Context()
	tags := []ec2types.Tag{{Key: aws.String(eiptag.DefaultPoolKey), Value: &f.name}}
	f.template = *must(compute(t).CreateLaunchTemplate(ctx, &ec2.CreateLaunchTemplateInput{
		LaunchTemplateName: &f.name,
		LaunchTemplateData: &ec2types.RequestLaunchTemplateData{
			ImageId: aws.String("ami-12c6146b"), InstanceType: ec2types.InstanceTypeT3Small,
			TagSpecifications: []ec2types.LaunchTemplateTagSpecificationRequest{
				{ResourceType: ec2types.ResourceTypeInstance, Tags: tags}, {ResourceType: ec2types.ResourceTypeNetworkInterface, Tags: tags},
			},
		},
	}))(t).LaunchTemplate.LaunchTemplateId
	f.makeGroup(t)
	t.Cleanup(func() { f.tearDown(t) })
	for range addresses {
		out := must(compute(t).AllocateAddress(ctx, &ec2.AllocateAddressInput{
			Domain: ec2types.DomainTypeVpc, TagSpecifications: []ec2types.TagSpecification{{ResourceType: ec2types.ResourceTypeElasticIp, Tags: tags}},
		}))(t)
		f.allocations = append(f.allocations, *out.AllocationId)
	}
	return f
}

// makeGroup makes the group at 0, and notes its ARN.
func (f *fleet) makeGroup(t *testing.T) {
	t.Helper()
	must(f.scaling.CreateAutoScalingGroup(t.Context(), &autoscaling.CreateAutoScalingGroupInput{
		AutoScalingGroupName: &f.name, MinSize: aws.Int32(0), MaxSize: aws.Int32(0), DesiredCapacity: aws.Int32(0), VPCZoneIdentifier: aws.String(subnetWithInternet(t)),
		LaunchTemplate: &astypes.LaunchTemplateSpecification{LaunchTemplateId: &f.template, Version: aws.String("1")},
	}))(t)
	f.arn = *f.group(t).AutoScalingGroupARN
}

// deleteGroup deletes the group with what is in it, by another hand, and returns once it is gone.
func (f *fleet) deleteGroup(t *testing.T) {
	t.Helper()
	must(f.scaling.DeleteAutoScalingGroup(t.Context(), &autoscaling.DeleteAutoScalingGroupInput{AutoScalingGroupName: &f.name, ForceDelete: aws.Bool(true)}))(t)
	await(t, "group "+f.name+" to be gone", nil, func() bool {
		out := must(f.scaling.DescribeAutoScalingGroups(t.Context(), &autoscaling.DescribeAutoScalingGroupsInput{AutoScalingGroupNames: []string{f.name}}))(t)
		return len(out.AutoScalingGroups) == 0
	})
}

func (f *fleet) tearDown(t *testing.T) {
	ctx := context.Background()
	if _, err := f.scaling.DeleteAutoScalingGroup(ctx, &autoscaling.DeleteAutoScalingGroupInput{AutoScalingGroupName: &f.name, ForceDelete: aws.Bool(true)}); err != nil && !clouderr.IsAWS(err, "ValidationError") {
		t.Error(err)
	}
	if _, err := compute(t).DeleteLaunchTemplate(ctx, &ec2.DeleteLaunchTemplateInput{LaunchTemplateId: &f.template}); err != nil {
		t.Error(err)
	}
	for _, a := range poolMembers(t, f.name) {
		if a.AssociationId == nil { // a test that failed may leave one in use
			if _, err := compute(t).ReleaseAddress(ctx, &ec2.ReleaseAddressInput{AllocationId: a.AllocationId}); err != nil {
				t.Error(err)
			}
		}
	}
}

// config writes the assigner; more are further arguments.
func (f *fleet) config(minimum, maximum int, more ...string) string {
	return fmt.Sprintf(`
resource "crosscloudlink_lifecycle_eip_assigner" "test" {
  name                   = %q
  auto_scaling_group_arn = %q
  pool_name              = %q
  min_size               = %d
  max_size               = %d
  architecture           = %q
  %s
}
`, f.assigner, f.arn, f.name, minimum, maximum, sandbox.Architecture(), strings.Join(more, "\n  "))
}

func (f *fleet) group(t *testing.T) astypes.AutoScalingGroup {
	t.Helper()
	out := must(f.scaling.DescribeAutoScalingGroups(context.Background(), &autoscaling.DescribeAutoScalingGroupsInput{AutoScalingGroupNames: []string{f.name}}))(t)
	if len(out.AutoScalingGroups) != 1 {
		t.Fatalf("there are %d groups %s", len(out.AutoScalingGroups), f.name)
	}
	return out.AutoScalingGroups[0]
}

// states counts the group's instances by lifecycle state.
func (f *fleet) states(t *testing.T) map[string]int {
	t.Helper()
	counts := map[string]int{}
	for _, i := range f.group(t).Instances {
		counts[string(i.LifecycleState)]++
	}
	return counts
}

func (f *fleet) instances(t *testing.T) []string {
	t.Helper()
	var ids []string
	for _, i := range f.group(t).Instances {
		ids = append(ids, aws.ToString(i.InstanceId))
	}
	slices.Sort(ids)
	return ids
}

// serving are the instances in service that have exactly one address of the pool each.
func (f *fleet) serving(t *testing.T) []string {
	t.Helper()
	held := map[string]int{}
	for _, a := range poolMembers(t, f.name) {
		held[aws.ToString(a.InstanceId)]++
	}
	var ids []string
	for _, i := range f.group(t).Instances {
		if id := aws.ToString(i.InstanceId); i.LifecycleState == astypes.LifecycleStateInService && held[id] == 1 {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// wantServing asserts that the group has n instances, each in service with one address, and that nothing
// else holds any.
func (f *fleet) wantServing(t *testing.T, n int) {
	t.Helper()
	if err := f.notServing(t, n); err != nil {
		t.Error(err)
	}
}

func (f *fleet) notServing(t *testing.T, n int) error {
	t.Helper()
	inUse := 0
	for _, a := range poolMembers(t, f.name) {
		if a.AssociationId != nil {
			inUse++
		}
	}
	if all, serving := f.instances(t), f.serving(t); len(all) != n || len(serving) != n || inUse != n {
		return fmt.Errorf("of the instances %v, %v serve with an address of their own, and %d addresses are in use; want %d of each", all, serving, inUse, n)
	}
	return nil
}

// awaitServing waits until n instances serve, each with its address.
func (f *fleet) awaitServing(t *testing.T, n int) {
	t.Helper()
	await(t, fmt.Sprintf("%d instances of %s to serve", n, f.name), nil, func() bool { return f.notServing(t, n) == nil })
}

// scale sets the desired capacity, as a scaling policy does.
func (f *fleet) scale(t *testing.T, n int32) {
	t.Helper()
	must(f.scaling.SetDesiredCapacity(t.Context(), &autoscaling.SetDesiredCapacityInput{AutoScalingGroupName: &f.name, DesiredCapacity: &n}))(t)
}

// awaitStates waits until n instances are in a lifecycle state, and returns their ids.
func (f *fleet) awaitStates(t *testing.T, state astypes.LifecycleState, n int) []string {
	t.Helper()
	var ids []string
	await(t, fmt.Sprintf("%d instances of %s to be %s", n, f.name, state), nil, func() bool {
		ids = nil
		for _, i := range f.group(t).Instances {
			if i.LifecycleState == state {
				ids = append(ids, aws.ToString(i.InstanceId))
			}
		}
		return len(ids) == n
	})
	return ids
}

// holders maps each address of the pool that is in use to its association.
func (f *fleet) holders(t *testing.T) map[string]string {
	t.Helper()
	held := map[string]string{}
	for _, a := range poolMembers(t, f.name) {
		if a.AssociationId != nil {
			held[*a.AllocationId] = *a.AssociationId
		}
	}
	return held
}

// invoke calls the function as somebody on call does, and returns what it answers or fails with.
func (f *fleet) invoke(t *testing.T, payload string) (answer string, failed bool) {
	t.Helper()
	out := must(f.lambda.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String(f.functionName(t)), Payload: []byte(payload)}))(t)
	return string(out.Payload), out.FunctionError != nil
}

// setRule enables or disables one of the assigner's rules.
func (f *fleet) setRule(t *testing.T, kind string, enabled bool) {
	t.Helper()
	name := aws.String(f.functionName(t) + "-" + kind)
	if enabled {
		must(f.events.EnableRule(t.Context(), &eventbridge.EnableRuleInput{Name: name}))(t)
	} else {
		must(f.events.DisableRule(t.Context(), &eventbridge.DisableRuleInput{Name: name}))(t)
	}
}

// logged reports whether the function's log has a line since then that says all of it.
func (f *fleet) logged(t *testing.T, since time.Time, says ...string) bool {
	t.Helper()
	pages := cloudwatchlogs.NewFilterLogEventsPaginator(f.logs, &cloudwatchlogs.FilterLogEventsInput{
		LogGroupName: aws.String("/aws/lambda/" + f.functionName(t)), StartTime: aws.Int64(since.UnixMilli()),
	})
	for pages.HasMorePages() {
		page := must(pages.NextPage(t.Context()))(t)
		for _, line := range page.Events {
			if containsAll(aws.ToString(line.Message), says) {
				return true
			}
		}
	}
	return false
}

func containsAll(text string, parts []string) bool {
	return !slices.ContainsFunc(parts, func(part string) bool { return !strings.Contains(text, part) })
}

// watch looks at the group and the pool until stop, which fails the test if ever an instance was in
// service without exactly one address of the pool.
func (f *fleet) watch(t *testing.T) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	wrong := make(chan error, 1)
	ec2c := compute(t)
	go func() { wrong <- f.findUnprovided(ctx, ec2c) }()
	return func() {
		t.Helper()
		cancel()
		if err := <-wrong; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	}
}

// findUnprovided looks until it sees an instance in service without exactly one address, or ctx ends.
func (f *fleet) findUnprovided(ctx context.Context, ec2c *ec2.Client) error {
	inService := func() (map[string]bool, error) {
		out, err := f.scaling.DescribeAutoScalingGroups(ctx, &autoscaling.DescribeAutoScalingGroupsInput{AutoScalingGroupNames: []string{f.name}})
		if err != nil {
			return nil, err
		}
		ids := map[string]bool{}
		for _, g := range out.AutoScalingGroups {
			for _, i := range g.Instances {
				ids[aws.ToString(i.InstanceId)] = i.LifecycleState == astypes.LifecycleStateInService
			}
		}
		return ids, nil
	}
	before := map[string]bool{}
	for looks := 0; ; looks++ {
		out, err := ec2c.DescribeAddresses(ctx, &ec2.DescribeAddressesInput{Filters: []ec2types.Filter{{Name: aws.String("tag:" + eiptag.DefaultPoolKey), Values: []string{f.name}}}})
		after := before
		if err == nil {
			after, err = inService()
		}
		if err != nil {
			return fmt.Errorf("watching %s: %w", f.name, err)
		}
		held := map[string]int{}
		for _, a := range out.Addresses {
			held[aws.ToString(a.InstanceId)]++
		}
		for id := range after {
			// In service before and after the look at the addresses, so also at it.
			if before[id] && after[id] && held[id] != 1 {
				return fmt.Errorf("instance %s of %s was in service with %d addresses (look %d)", id, f.name, held[id], looks)
			}
		}
		before = after
	}
}

// admission writes on all addresses of the pool what a firewall says of them.
func (f *fleet) admission(t *testing.T, value string) {
	t.Helper()
	for _, id := range f.allocations {
		retag(t, id, eiptag.Admission, value)
	}
}

// parts lists what has the assigner's name in AWS, as KIND NAME.
func (f *fleet) parts(t *testing.T) []string {
	t.Helper()
	ctx := context.Background()
	var found []string
	add := func(kind string, name *string) {
		if strings.HasPrefix(aws.ToString(name), f.assigner+"-") || strings.HasPrefix(aws.ToString(name), "/aws/lambda/"+f.assigner+"-") {
			found = append(found, kind+" "+*name)
		}
	}
	for _, fn := range must(f.lambda.ListFunctions(ctx, &lambda.ListFunctionsInput{}))(t).Functions {
		add("function", fn.FunctionName)
	}
	for _, rule := range must(f.events.ListRules(ctx, &eventbridge.ListRulesInput{}))(t).Rules {
		add("rule", rule.Name)
	}
	for _, role := range must(f.iam.ListRoles(ctx, &iam.ListRolesInput{}))(t).Roles {
		add("role", role.RoleName)
	}
	for _, group := range must(f.logs.DescribeLogGroups(ctx, &cloudwatchlogs.DescribeLogGroupsInput{}))(t).LogGroups {
		add("log group", group.LogGroupName)
	}
	for _, name := range f.hooks(t) {
		add("hook", &name)
	}
	return found
}

// wholeAssigner is the number of parts: role, log group, function, three rules and two hooks.
const wholeAssigner = 8

// notGone says what a destroy has left.
func (f *fleet) notGone(t *testing.T) error {
	t.Helper()
	if left := f.parts(t); len(left) > 0 {
		return fmt.Errorf("left: %v", left)
	}
	if left := f.instances(t); len(left) > 0 {
		return fmt.Errorf("the group still has %v", left)
	}
	for _, a := range poolMembers(t, f.name) {
		if a.AssociationId != nil {
			return fmt.Errorf("address %s is still in use", aws.ToString(a.AllocationId))
		}
	}
	if now := allocationIDs(poolMembers(t, f.name)); len(now) != len(f.allocations) {
		return fmt.Errorf("the pool has %v, and had %v", now, f.allocations)
	}
	return nil
}

// hooks are the names of all hooks on the group; none when it does not exist.
func (f *fleet) hooks(t *testing.T) []string {
	t.Helper()
	out, err := f.scaling.DescribeLifecycleHooks(context.Background(), &autoscaling.DescribeLifecycleHooksInput{AutoScalingGroupName: &f.name})
	if clouderr.IsAWS(err, "ValidationError") {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, hook := range out.LifecycleHooks {
		names = append(names, aws.ToString(hook.LifecycleHookName))
	}
	return names
}

// zipOf is an archive with one file.
func zipOf(t *testing.T, name, content string) []byte {
	t.Helper()
	var out bytes.Buffer
	archive := zip.NewWriter(&out)
	file := must(archive.Create(name))(t)
	must(file.Write([]byte(content)))(t)
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// foreignHook puts somebody else's hook on the group, for LAUNCHING or TERMINATING instances, which nobody
// answers, and returns what takes it off, and so ends its waits.
func (f *fleet) foreignHook(t *testing.T, transition string) (remove func(t *testing.T)) {
	t.Helper()
	name := aws.String("somebody-elses-" + strings.ToLower(transition))
	must(f.scaling.PutLifecycleHook(t.Context(), &autoscaling.PutLifecycleHookInput{
		AutoScalingGroupName: &f.name, LifecycleHookName: name, LifecycleTransition: aws.String("autoscaling:EC2_INSTANCE_" + transition),
		DefaultResult: aws.String("CONTINUE"), HeartbeatTimeout: aws.Int32(3600), NotificationMetadata: aws.String("theirs"),
	}))(t)
	return func(t *testing.T) {
		t.Helper()
		must(f.scaling.DeleteLifecycleHook(context.Background(), &autoscaling.DeleteLifecycleHookInput{AutoScalingGroupName: &f.name, LifecycleHookName: name}))(t)
	}
}
