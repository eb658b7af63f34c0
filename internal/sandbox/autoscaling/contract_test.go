package autoscaling_test

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	api "github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/autoscaling"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/awsapi"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/awscloud"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/contract"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/moto"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/tools"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/waiter"
)

// endpoint is a gateway with the service under test.
func endpoint(t *testing.T, change ...func(*autoscaling.Deps)) (string, aws.Config) {
	t.Helper()
	buildDir, err := filepath.Abs("../../../.build")
	if err != nil {
		t.Fatal(err)
	}
	command, err := tools.Moto(t.Context(), buildDir)
	if err != nil {
		t.Skipf("moto is not available: %s", err)
	}
	server, err := moto.Start(t.Context(), moto.Options{Command: command})
	if err != nil {
		t.Fatal(err)
	}
	deps := autoscaling.Deps{MotoURL: server.URL, Region: awscloud.DefaultRegion, AccountID: awscloud.DefaultAccountID, Step: 10 * time.Millisecond}
	for _, f := range change {
		f(&deps)
	}
	service := autoscaling.New(deps)
	front, err := awscloud.New(t.Context(), awscloud.Options{MotoURL: server.URL, Handlers: []awsapi.Handler{service}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { service.Close(); front.Close(); server.Close() })
	return front.URL, aws.Config{Region: awscloud.DefaultRegion, BaseEndpoint: aws.String(front.URL), Credentials: credentials.NewStaticCredentialsProvider("admin", "admin", "")}
}

// contractTimeout bounds one Terraform command.
const contractTimeout = 5 * time.Minute

// TestStockGroupContract applies the stock resource with the real AWS provider: it must
// come up, plan nothing afterwards, update in place, and be destroyed.
func TestStockGroupContract(t *testing.T) {
	terraform := contract.New(t, "testdata/contract", contractTimeout)
	front, cfg := endpoint(t)
	terraform.Env = append(terraform.Env,
		"AWS_ENDPOINT_URL="+front, "AWS_ACCESS_KEY_ID=admin", "AWS_SECRET_ACCESS_KEY=admin", "AWS_REGION="+awscloud.DefaultRegion)
	terraform.Run(t, "apply")
	terraform.WantNoChanges(t, terraform.State(t))
	// What an assigner does behind the group's back must not be drift.
	groups := api.NewFromConfig(cfg)
	if _, err := groups.UpdateAutoScalingGroup(t.Context(), &api.UpdateAutoScalingGroupInput{
		AutoScalingGroupName: aws.String("contract"), MinSize: aws.Int32(0), MaxSize: aws.Int32(3), DesiredCapacity: aws.Int32(0),
	}); err != nil {
		t.Fatal(err)
	}
	terraform.WantNoChanges(t, terraform.State(t))
	// A new version of the template is rolled out by an instance refresh, the warm pool included.
	terraform.Run(t, "apply", "-var=grace_period=120", "-var=release=2")
	await(t, "the instance refresh", func(ctx context.Context) (string, bool, error) {
		out, err := groups.DescribeInstanceRefreshes(ctx, &api.DescribeInstanceRefreshesInput{AutoScalingGroupName: aws.String("contract-started")})
		if err != nil || len(out.InstanceRefreshes) != 1 {
			return fmt.Sprint(out), false, err
		}
		status := out.InstanceRefreshes[0].Status
		return string(status), status == types.InstanceRefreshStatusSuccessful, nil
	})
	await(t, "the warm pool to be filled again", func(ctx context.Context) (string, bool, error) {
		pool, err := groups.DescribeWarmPool(ctx, &api.DescribeWarmPoolInput{AutoScalingGroupName: aws.String("contract-started")})
		if err != nil {
			return "", false, err
		}
		return fmt.Sprintf("%d instances", len(pool.Instances)), pool.WarmPoolConfiguration != nil && len(pool.Instances) > 0, nil
	})
	terraform.WantNoChanges(t, terraform.State(t), "-var=grace_period=120", "-var=release=2")
	terraform.Run(t, "destroy")
	left, err := groups.DescribeAutoScalingGroups(t.Context(), &api.DescribeAutoScalingGroupsInput{})
	if err != nil || len(left.AutoScalingGroups) != 0 {
		t.Errorf("left: %v %v", left.AutoScalingGroups, err)
	}
}

// TestInstancesAreMotosOwn checks tags, interface and end of a real launch.
func TestInstancesAreMotosOwn(t *testing.T) {
	_, cfg := endpoint(t)
	ctx := t.Context()
	machines, groups := ec2.NewFromConfig(cfg), api.NewFromConfig(cfg)
	vpc, err := machines.CreateVpc(ctx, &ec2.CreateVpcInput{CidrBlock: aws.String("10.9.0.0/16")})
	if err != nil {
		t.Fatal(err)
	}
	subnet, err := machines.CreateSubnet(ctx, &ec2.CreateSubnetInput{VpcId: vpc.Vpc.VpcId, CidrBlock: aws.String("10.9.1.0/24")})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := machines.ModifySubnetAttribute(ctx, &ec2.ModifySubnetAttributeInput{SubnetId: subnet.Subnet.SubnetId, MapPublicIpOnLaunch: &ec2types.AttributeBooleanValue{Value: aws.Bool(true)}}); err != nil {
		t.Fatal(err)
	}
	security, err := machines.CreateSecurityGroup(ctx, &ec2.CreateSecurityGroupInput{VpcId: vpc.Vpc.VpcId, GroupName: aws.String("proxy"), Description: aws.String("proxy")})
	if err != nil {
		t.Fatal(err)
	}
	tags := []ec2types.Tag{{Key: aws.String("pool"), Value: aws.String("mine")}}
	lt, err := machines.CreateLaunchTemplate(ctx, &ec2.CreateLaunchTemplateInput{LaunchTemplateName: aws.String("p"), LaunchTemplateData: &ec2types.RequestLaunchTemplateData{
		ImageId: aws.String("ami-12345678"), InstanceType: ec2types.InstanceTypeT3Micro,
		NetworkInterfaces: []ec2types.LaunchTemplateInstanceNetworkInterfaceSpecificationRequest{{
			DeviceIndex: aws.Int32(0), AssociatePublicIpAddress: aws.Bool(false), Groups: []string{*security.GroupId}, DeleteOnTermination: aws.Bool(true),
		}},
		TagSpecifications: []ec2types.LaunchTemplateTagSpecificationRequest{{ResourceType: ec2types.ResourceTypeNetworkInterface, Tags: tags}, {ResourceType: ec2types.ResourceTypeInstance, Tags: tags}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := groups.CreateAutoScalingGroup(ctx, &api.CreateAutoScalingGroupInput{
		AutoScalingGroupName: aws.String("g"), MinSize: aws.Int32(1), MaxSize: aws.Int32(2), VPCZoneIdentifier: subnet.Subnet.SubnetId,
		LaunchTemplate: &types.LaunchTemplateSpecification{LaunchTemplateId: lt.LaunchTemplate.LaunchTemplateId, Version: aws.String("$Latest")},
		Tags:           []types.Tag{{Key: aws.String("Name"), Value: aws.String("proxy"), PropagateAtLaunch: aws.Bool(true)}, {Key: aws.String("only"), Value: aws.String("group"), PropagateAtLaunch: aws.Bool(false)}},
	}); err != nil {
		t.Fatal(err)
	}
	id := awaitOneInService(t, groups, "")
	out, err := machines.DescribeInstances(ctx, &ec2.DescribeInstancesInput{InstanceIds: []string{id}})
	if err != nil {
		t.Fatal(err)
	}
	instance := out.Reservations[0].Instances[0]
	got := map[string]string{}
	for _, tag := range instance.Tags {
		got[*tag.Key] = *tag.Value
	}
	if got["aws:autoscaling:groupName"] != "g" || got["Name"] != "proxy" || got["pool"] != "mine" || got["only"] != "" {
		t.Errorf("tags of the instance: %v", got)
	}
	if instance.PublicIpAddress != nil || len(instance.NetworkInterfaces) != 1 || len(instance.NetworkInterfaces[0].Groups) != 1 {
		t.Errorf("public address %v, interfaces %+v", instance.PublicIpAddress, instance.NetworkInterfaces)
	}
	eni := *instance.NetworkInterfaces[0].NetworkInterfaceId
	interfaces, err := machines.DescribeNetworkInterfaces(ctx, &ec2.DescribeNetworkInterfacesInput{NetworkInterfaceIds: []string{eni}})
	if err != nil || len(interfaces.NetworkInterfaces[0].TagSet) != 1 {
		t.Errorf("interface %+v, %v", interfaces, err)
	}
	// Terminated by hand, it is replaced.
	if _, err := machines.TerminateInstances(ctx, &ec2.TerminateInstancesInput{InstanceIds: []string{id}}); err != nil {
		t.Fatal(err)
	}
	awaitOneInService(t, groups, id)
	// One is prepared, stopped, and started again when the group grows.
	if _, err := groups.PutWarmPool(ctx, &api.PutWarmPoolInput{AutoScalingGroupName: aws.String("g")}); err != nil {
		t.Fatal(err)
	}
	warm := ""
	await(t, "a stopped instance in the warm pool", func(ctx context.Context) (string, bool, error) {
		out, err := groups.DescribeWarmPool(ctx, &api.DescribeWarmPoolInput{AutoScalingGroupName: aws.String("g")})
		if err != nil || len(out.Instances) != 1 {
			return fmt.Sprint(out), false, err
		}
		warm = *out.Instances[0].InstanceId
		return string(out.Instances[0].LifecycleState), out.Instances[0].LifecycleState == types.LifecycleStateWarmedStopped, nil
	})
	wantMachine(t, machines, warm, ec2types.InstanceStateNameStopped)
	if _, err := groups.SetDesiredCapacity(ctx, &api.SetDesiredCapacityInput{AutoScalingGroupName: aws.String("g"), DesiredCapacity: aws.Int32(2)}); err != nil {
		t.Fatal(err)
	}
	await(t, "the warm instance in service", func(ctx context.Context) (string, bool, error) {
		out, err := groups.DescribeAutoScalingInstances(ctx, &api.DescribeAutoScalingInstancesInput{InstanceIds: []string{warm}})
		if err != nil || len(out.AutoScalingInstances) != 1 {
			return fmt.Sprint(out), false, err
		}
		return *out.AutoScalingInstances[0].LifecycleState, *out.AutoScalingInstances[0].LifecycleState == "InService", nil
	})
	wantMachine(t, machines, warm, ec2types.InstanceStateNameRunning)
	if _, err := groups.DeleteAutoScalingGroup(ctx, &api.DeleteAutoScalingGroupInput{AutoScalingGroupName: aws.String("g"), ForceDelete: aws.Bool(true)}); err != nil {
		t.Fatal(err)
	}
	await(t, "no interface left in the subnet", func(ctx context.Context) (string, bool, error) {
		out, err := machines.DescribeNetworkInterfaces(ctx, &ec2.DescribeNetworkInterfacesInput{Filters: []ec2types.Filter{{Name: aws.String("subnet-id"), Values: []string{*subnet.Subnet.SubnetId}}}})
		if err != nil {
			return "", false, err
		}
		return "", len(out.NetworkInterfaces) == 0, nil
	})
}

func wantMachine(t *testing.T, machines *ec2.Client, id string, want ec2types.InstanceStateName) {
	t.Helper()
	out, err := machines.DescribeInstances(t.Context(), &ec2.DescribeInstancesInput{InstanceIds: []string{id}})
	if err != nil {
		t.Fatal(err)
	}
	if got := out.Reservations[0].Instances[0].State.Name; got != want {
		t.Errorf("%s is %s in EC2, want %s", id, got, want)
	}
}

func awaitOneInService(t *testing.T, groups *api.Client, not string) (id string) {
	t.Helper()
	await(t, "an instance in service", func(ctx context.Context) (string, bool, error) {
		out, err := groups.DescribeAutoScalingInstances(ctx, &api.DescribeAutoScalingInstancesInput{})
		if err != nil {
			return "", false, err
		}
		state := ""
		for _, i := range out.AutoScalingInstances {
			state += *i.InstanceId + " " + *i.LifecycleState + " "
			if id = *i.InstanceId; id != not && *i.LifecycleState == "InService" {
				return state, true, nil
			}
		}
		return state, false, nil
	})
	return id
}

func await(t *testing.T, what string, poll func(context.Context) (string, bool, error)) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := (waiter.Waiter{Min: 20 * time.Millisecond, Max: 200 * time.Millisecond}).Until(ctx, what, poll); err != nil {
		t.Fatal(err)
	}
}
