package assignerbench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	astypes "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/google/uuid"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/assigner"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/eiptag"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/waiter"
)

const (
	// fleetName is the group's, the pool's and the launch template's.
	fleetName        = "fleet"
	launchHook       = "address"
	heartbeatTimeout = 15 * time.Minute
	launchDetailType = "EC2 Instance-launch Lifecycle Action"
	// image is one that moto knows.
	image = "ami-12c6146b"
)

// settings are the assigner's for the fleet.
var settings = assigner.Config{
	PoolTagKey: eiptag.DefaultPoolKey, PoolName: fleetName, Group: fleetName, LaunchHook: launchHook,
	TerminateHook: "release", HeartbeatTimeout: heartbeatTimeout,
}

// launchEvent is a lifecycle action of a launch as Auto Scaling tells EventBridge of it.
type launchEvent struct {
	detail    any
	resources []string
}

// payload is the event as EventBridge hands it to a function now.
func (e launchEvent) payload() ([]byte, error) {
	return json.Marshal(map[string]any{
		"version": "0", "id": uuid.NewString(), "detail-type": launchDetailType, "source": "aws.autoscaling",
		"account": sandbox.AccountID, "time": time.Now().UTC().Format(time.RFC3339), "region": sandbox.Region,
		"resources": e.resources, "detail": e.detail,
	})
}

// fleet is a group of instances that wait for addresses, and a pool of them.
type fleet struct {
	emulator *emulator
	compute  *ec2.Client
	scaling  *autoscaling.Client
}

// newFleet makes an empty group over three zones and a pool of so many addresses. An emulator has room for one.
func newFleet(ctx context.Context, e *emulator, addresses int) (*fleet, error) {
	cloud := e.config(adminKey)
	f := &fleet{emulator: e, compute: ec2.NewFromConfig(cloud), scaling: autoscaling.NewFromConfig(cloud)}
	tags := []types.Tag{{Key: aws.String(eiptag.DefaultPoolKey), Value: aws.String(fleetName)}}
	for range addresses {
		if _, err := f.compute.AllocateAddress(ctx, &ec2.AllocateAddressInput{
			Domain: types.DomainTypeVpc, TagSpecifications: []types.TagSpecification{{ResourceType: types.ResourceTypeElasticIp, Tags: tags}},
		}); err != nil {
			return nil, fmt.Errorf("allocating the pool: %w", err)
		}
	}
	subnets, err := f.network(ctx)
	if err != nil {
		return nil, fmt.Errorf("making the network: %w", err)
	}
	template, err := f.compute.CreateLaunchTemplate(ctx, &ec2.CreateLaunchTemplateInput{
		LaunchTemplateName: aws.String(fleetName),
		LaunchTemplateData: &types.RequestLaunchTemplateData{
			ImageId: aws.String(image), InstanceType: types.InstanceTypeT3Small,
			TagSpecifications: []types.LaunchTemplateTagSpecificationRequest{
				{ResourceType: types.ResourceTypeInstance, Tags: tags}, {ResourceType: types.ResourceTypeNetworkInterface, Tags: tags},
			},
		},
	})
	if err != nil {
		return nil, fmt.Errorf("making the launch template: %w", err)
	}
	if _, err := f.scaling.CreateAutoScalingGroup(ctx, &autoscaling.CreateAutoScalingGroupInput{
		AutoScalingGroupName: aws.String(fleetName), MinSize: aws.Int32(0), MaxSize: aws.Int32(addressQuota), DesiredCapacity: aws.Int32(0),
		VPCZoneIdentifier: aws.String(subnets),
		LaunchTemplate:    &astypes.LaunchTemplateSpecification{LaunchTemplateId: template.LaunchTemplate.LaunchTemplateId, Version: aws.String("1")},
	}); err != nil {
		return nil, fmt.Errorf("making the group: %w", err)
	}
	_, err = f.scaling.PutLifecycleHook(ctx, &autoscaling.PutLifecycleHookInput{
		AutoScalingGroupName: aws.String(fleetName), LifecycleHookName: aws.String(launchHook),
		LifecycleTransition: aws.String("autoscaling:EC2_INSTANCE_LAUNCHING"), DefaultResult: aws.String("ABANDON"),
		HeartbeatTimeout: aws.Int32(int32(heartbeatTimeout / time.Second)),
	})
	if err != nil {
		return nil, fmt.Errorf("putting the hook on the group: %w", err)
	}
	return f, nil
}

// network makes a VPC with a way to the internet and returns its subnets, one in each of three zones.
func (f *fleet) network(ctx context.Context) (subnets string, err error) {
	vpc, err := f.compute.CreateVpc(ctx, &ec2.CreateVpcInput{CidrBlock: aws.String("10.98.0.0/16")})
	if err != nil {
		return "", err
	}
	gateway, err := f.compute.CreateInternetGateway(ctx, &ec2.CreateInternetGatewayInput{})
	if err != nil {
		return "", err
	}
	if _, err := f.compute.AttachInternetGateway(ctx, &ec2.AttachInternetGatewayInput{
		VpcId: vpc.Vpc.VpcId, InternetGatewayId: gateway.InternetGateway.InternetGatewayId,
	}); err != nil {
		return "", err
	}
	for i, zone := range []string{"a", "b", "c"} {
		subnet, err := f.compute.CreateSubnet(ctx, &ec2.CreateSubnetInput{
			VpcId: vpc.Vpc.VpcId, CidrBlock: aws.String(fmt.Sprintf("10.98.%d.0/24", i+1)), AvailabilityZone: aws.String(sandbox.Region + zone),
		})
		if err != nil {
			return "", err
		}
		if subnets != "" {
			subnets += ","
		}
		subnets += aws.ToString(subnet.Subnet.SubnetId)
	}
	return subnets, nil
}

// launch raises the group by n and returns their events, once all of them wait for their addresses.
func (f *fleet) launch(ctx context.Context, n int) ([]launchEvent, error) {
	group, err := f.group(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := f.scaling.SetDesiredCapacity(ctx, &autoscaling.SetDesiredCapacityInput{
		AutoScalingGroupName: aws.String(fleetName), DesiredCapacity: aws.Int32(aws.ToInt32(group.DesiredCapacity) + int32(n)),
	}); err != nil {
		return nil, err
	}
	var waiting []launchEvent
	for len(waiting) < n {
		select {
		case event := <-f.emulator.events:
			waiting = append(waiting, event)
		case <-ctx.Done():
			return nil, fmt.Errorf("%w: %d of %d instances have launched", ctx.Err(), len(waiting), n)
		}
	}
	return waiting, nil
}

func (f *fleet) group(ctx context.Context) (astypes.AutoScalingGroup, error) {
	out, err := f.scaling.DescribeAutoScalingGroups(ctx, &autoscaling.DescribeAutoScalingGroupsInput{AutoScalingGroupNames: []string{fleetName}})
	if err != nil {
		return astypes.AutoScalingGroup{}, err
	}
	if len(out.AutoScalingGroups) != 1 {
		return astypes.AutoScalingGroup{}, errors.New("the group is gone")
	}
	return out.AutoScalingGroups[0], nil
}

// settled waits until every launch that was completed with CONTINUE is in service, and returns which instances are.
func (f *fleet) settled(ctx context.Context) (inService map[string]bool, err error) {
	going := 0
	for _, form := range f.emulator.record.of("CompleteLifecycleAction") {
		if form.Get("LifecycleActionResult") == "CONTINUE" {
			going++
		}
	}
	poll := waiter.Waiter{Min: 50 * time.Millisecond, Max: time.Second}
	err = poll.Until(ctx, fmt.Sprintf("%d instances in service", going), func(ctx context.Context) (string, bool, error) {
		group, err := f.group(ctx)
		if err != nil {
			return "", false, err
		}
		inService = map[string]bool{}
		for _, i := range group.Instances {
			if i.LifecycleState == astypes.LifecycleStateInService {
				inService[aws.ToString(i.InstanceId)] = true
			}
		}
		return fmt.Sprintf("%d in service", len(inService)), len(inService) >= going, nil
	})
	return inService, err
}

// interfaces maps the network interfaces of the fleet's instances to the instances.
func (f *fleet) interfaces(ctx context.Context) (map[string]string, error) {
	owners := map[string]string{}
	pages := ec2.NewDescribeInstancesPaginator(f.compute, &ec2.DescribeInstancesInput{})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, reservation := range page.Reservations {
			for _, i := range reservation.Instances {
				for _, n := range i.NetworkInterfaces {
					owners[aws.ToString(n.NetworkInterfaceId)] = aws.ToString(i.InstanceId)
				}
			}
		}
	}
	return owners, nil
}

// pool is the pool's addresses.
func (f *fleet) pool(ctx context.Context) ([]types.Address, error) {
	out, err := f.compute.DescribeAddresses(ctx, &ec2.DescribeAddressesInput{
		Filters: []types.Filter{{Name: aws.String("tag:" + eiptag.DefaultPoolKey), Values: []string{fleetName}}},
	})
	if err != nil {
		return nil, err
	}
	return out.Addresses, nil
}
