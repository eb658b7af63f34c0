package eipassigner

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	astypes "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	tftest "github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/assigner"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/eiptag"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/tools"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/waiter"
)

// site is a group at 0 and a pool of addresses in the sandbox's AWS.
type site struct {
	config   aws.Config
	ec2      *ec2.Client
	scaling  *autoscaling.Client
	lambda   *lambda.Client
	groupARN string
}

// newSite starts a sandbox and makes what a user has before the assigner.
func newSite(t *testing.T, addresses int) *site {
	t.Helper()
	if _, err := readArchive(embedded, sandbox.Architecture()); errors.Is(err, errNoArchive) {
		t.Fatal("the function's archives are not built: run `make build` first")
	}
	box, err := sandbox.Start(t.Context(), sandbox.Options{BuildDir: filepath.Join("..", "..", ".build"), NoProxies: true})
	if errors.Is(err, tools.ErrUnavailable) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := box.Close(); err != nil {
			t.Error(err)
		}
	})
	config := box.AWS().Config
	s := &site{config: config, ec2: ec2.NewFromConfig(config), scaling: autoscaling.NewFromConfig(config), lambda: lambda.NewFromConfig(config)}
	s.build(t, addresses)
	return s
}

func ok[T any](t *testing.T) func(T, error) T {
	return func(out T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
}

func (s *site) build(t *testing.T, addresses int) {
	t.Helper()
	ctx := t.Context()
	tags := []types.Tag{{Key: aws.String(eiptag.DefaultPoolKey), Value: aws.String(testPool)}}
	vpc := ok[*ec2.CreateVpcOutput](t)(s.ec2.CreateVpc(ctx, &ec2.CreateVpcInput{CidrBlock: aws.String("10.9.0.0/16")}))
	subnet := ok[*ec2.CreateSubnetOutput](t)(s.ec2.CreateSubnet(ctx, &ec2.CreateSubnetInput{VpcId: vpc.Vpc.VpcId, CidrBlock: aws.String("10.9.1.0/24"), AvailabilityZone: aws.String("us-east-1a")}))
	gateway := ok[*ec2.CreateInternetGatewayOutput](t)(s.ec2.CreateInternetGateway(ctx, &ec2.CreateInternetGatewayInput{}))
	ok[*ec2.AttachInternetGatewayOutput](t)(s.ec2.AttachInternetGateway(ctx, &ec2.AttachInternetGatewayInput{VpcId: vpc.Vpc.VpcId, InternetGatewayId: gateway.InternetGateway.InternetGatewayId}))
	template := ok[*ec2.CreateLaunchTemplateOutput](t)(s.ec2.CreateLaunchTemplate(ctx, &ec2.CreateLaunchTemplateInput{
		LaunchTemplateName: aws.String("proxies"),
		LaunchTemplateData: &types.RequestLaunchTemplateData{
			ImageId: aws.String("ami-12c6146b"), InstanceType: types.InstanceTypeT3Small,
			TagSpecifications: []types.LaunchTemplateTagSpecificationRequest{
				{ResourceType: types.ResourceTypeInstance, Tags: tags}, {ResourceType: types.ResourceTypeNetworkInterface, Tags: tags},
			},
		},
	}))
	for range addresses {
		ok[*ec2.AllocateAddressOutput](t)(s.ec2.AllocateAddress(ctx, &ec2.AllocateAddressInput{
			Domain: types.DomainTypeVpc, TagSpecifications: []types.TagSpecification{{ResourceType: types.ResourceTypeElasticIp, Tags: tags}},
		}))
	}
	ok[*autoscaling.CreateAutoScalingGroupOutput](t)(s.scaling.CreateAutoScalingGroup(ctx, &autoscaling.CreateAutoScalingGroupInput{
		AutoScalingGroupName: aws.String(testGroup), MinSize: aws.Int32(0), MaxSize: aws.Int32(0), DesiredCapacity: aws.Int32(0), VPCZoneIdentifier: subnet.Subnet.SubnetId,
		LaunchTemplate: &astypes.LaunchTemplateSpecification{LaunchTemplateId: template.LaunchTemplate.LaunchTemplateId, Version: aws.String("1")},
	}))
	s.groupARN = *s.group(t).AutoScalingGroupARN
}

func (s *site) group(t *testing.T) astypes.AutoScalingGroup {
	t.Helper()
	out := ok[*autoscaling.DescribeAutoScalingGroupsOutput](t)(s.scaling.DescribeAutoScalingGroups(t.Context(), &autoscaling.DescribeAutoScalingGroupsInput{AutoScalingGroupNames: []string{testGroup}}))
	if len(out.AutoScalingGroups) != 1 {
		t.Fatalf("%d groups", len(out.AutoScalingGroups))
	}
	return out.AutoScalingGroups[0]
}

// resource is the resource as NewResource makes it, on the site's account.
func (s *site) resource() *Resource {
	r := NewResource().(*Resource)
	r.owner, r.cloudKnown = func() string { return "default" }, func() bool { return true }
	r.connect = func(context.Context) (*cloud, diag.Diagnostics) {
		return &cloud{
			iam: iam.NewFromConfig(s.config), logs: cloudwatchlogs.NewFromConfig(s.config), lambda: s.lambda, events: eventbridge.NewFromConfig(s.config),
			autoScaling: s.scaling, ec2: s.ec2, account: sandbox.AccountID, region: sandbox.Region, defaultTags: map[string]string{"team": "ml"},
			waiter: waiter.Waiter{Min: 100 * time.Millisecond, Max: time.Second},
		}, nil
	}
	return r
}

func (s *site) configuration(minimum, maximum int, extra ...string) string {
	text := configuration(minimum, maximum, append(extra, fmt.Sprintf("architecture = %q", sandbox.Architecture()), `timeouts = { create = "1m", update = "1m", delete = "1m" }`)...)
	return strings.Replace(text, testGroupARN, s.groupARN, 1)
}

// invoke calls the function as somebody on call does.
func (s *site) invoke(t *testing.T, name, payload string, into any) {
	t.Helper()
	out := ok[*lambda.InvokeOutput](t)(s.lambda.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String(name), Payload: []byte(payload)}))
	if out.FunctionError != nil {
		t.Fatalf("the function failed: %s: %s", *out.FunctionError, out.Payload)
	}
	if err := json.Unmarshal(out.Payload, into); err != nil {
		t.Fatalf("%s: %v", out.Payload, err)
	}
}

// The real function, built from this source, gives real (emulated) instances their addresses
// under the very policy that the resource wrote.
func TestSandboxLifecycle(t *testing.T) {
	s := newSite(t, 4)
	var name string
	tftest.UnitTest(t, tftest.TestCase{
		ProtoV6ProviderFactories: factories(s.resource()),
		CheckDestroy: func(*terraform.State) error {
			if left := s.group(t).Instances; len(left) != 0 {
				return fmt.Errorf("the group still has %d instances", len(left))
			}
			_, err := s.lambda.GetFunction(t.Context(), &lambda.GetFunctionInput{FunctionName: aws.String(name)})
			if err == nil {
				return errors.New("the function is still there")
			}
			return nil
		},
		Steps: []tftest.TestStep{
			{
				Config: s.configuration(2, 3),
				ConfigStateChecks: []statecheck.StateCheck{
					statecheck.ExpectKnownValue(address, tfjsonpath.New("status"), knownvalue.StringExact(statusInService)),
					statecheck.ExpectKnownValue(address, tfjsonpath.New("in_service_count"), knownvalue.Int64Exact(2)),
				},
				Check: func(state *terraform.State) error {
					name = state.RootModule().Resources[address].Primary.Attributes["function_name"]
					var report assigner.Report
					s.invoke(t, name, `{"report":true}`, &report)
					inUse := 0
					for _, line := range report.Addresses {
						if line.State == "in_use" && line.LifecycleState == stateInService && line.LastReason == "claimed by "+line.InstanceID {
							inUse++
						}
					}
					if inUse != 2 || len(report.Addresses) != 4 || len(report.Without) != 0 {
						return fmt.Errorf("report: %+v", report)
					}
					return nil
				},
			},
			{Config: s.configuration(2, 3), ResourceName: address, ImportState: true, ImportStateIdFunc: func(*terraform.State) (string, error) { return "egress," + s.groupARN, nil },
				ImportStateVerify: true, ImportStateVerifyIgnore: []string{"pool_size"}},
			{
				Config:           s.configuration(3, 4, "heartbeat_timeout = 600"),
				ConfigPlanChecks: tftest.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{plancheck.ExpectResourceAction(address, plancheck.ResourceActionUpdate)}},
				ConfigStateChecks: []statecheck.StateCheck{
					statecheck.ExpectKnownValue(address, tfjsonpath.New("in_service_count"), knownvalue.Int64Exact(3)),
				},
			},
			{
				// An address is taken away from a proxy in service, and the function is told to look.
				PreConfig: func() {
					out := ok[*ec2.DescribeAddressesOutput](t)(s.ec2.DescribeAddresses(t.Context(), &ec2.DescribeAddressesInput{}))
					for _, a := range out.Addresses {
						if a.AssociationId != nil {
							ok[*ec2.DisassociateAddressOutput](t)(s.ec2.DisassociateAddress(t.Context(), &ec2.DisassociateAddressInput{AssociationId: a.AssociationId}))
							break
						}
					}
					var done assigner.Reconciliation
					s.invoke(t, name, `{"reconcile":true}`, &done)
					if len(done.Results) != 1 || done.Results[0].Outcome != assigner.OutcomeRepaired {
						t.Errorf("reconciliation: %+v", done)
					}
				},
				Config: s.configuration(3, 4, "heartbeat_timeout = 600"), PlanOnly: true,
			},
		},
	})
}
