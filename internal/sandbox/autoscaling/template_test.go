package autoscaling_test

import (
	"context"
	"slices"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	api "github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/clouderr"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/autoscaling"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/awscloud"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/moto"
)

// TestTemplatesNameImagesByParameterAndProfiles launches from a template that leaves the image to a parameter: each
// launch reads it anew, and gets the template's instance profile.
func TestTemplatesNameImagesByParameterAndProfiles(t *testing.T) {
	var mu sync.Mutex
	var launched []autoscaling.Instance
	front, cfg := endpoint(t, func(d *autoscaling.Deps) {
		d.Launched = func(_ context.Context, i autoscaling.Instance) error {
			mu.Lock()
			defer mu.Unlock()
			launched = append(launched, i)
			return nil
		}
	})
	ctx := t.Context()
	machines, groups := ec2.NewFromConfig(cfg), api.NewFromConfig(cfg)
	parameters := moto.NewClient(front, awscloud.DefaultRegion)
	t.Cleanup(parameters.Close)
	setImage := func(image string) {
		t.Helper()
		if err := parameters.JSON(ctx, "ssm", "1.1", "AmazonSSM.PutParameter", map[string]any{"Name": "/proxy/image", "Value": image, "Type": "String", "Overwrite": true}, nil); err != nil {
			t.Fatal(err)
		}
	}
	setImage("ami-11111111")
	profile := made(iam.NewFromConfig(cfg).CreateInstanceProfile(ctx, &iam.CreateInstanceProfileInput{InstanceProfileName: aws.String("proxy"), Path: aws.String("/fleet/")}))(t).InstanceProfile
	vpc := made(machines.CreateVpc(ctx, &ec2.CreateVpcInput{CidrBlock: aws.String("10.9.0.0/16")}))(t).Vpc
	subnet := made(machines.CreateSubnet(ctx, &ec2.CreateSubnetInput{VpcId: vpc.VpcId, CidrBlock: aws.String("10.9.1.0/24"), AvailabilityZone: aws.String("us-east-1b")}))(t).Subnet
	template := func(name, image string) *types.LaunchTemplateSpecification {
		t.Helper()
		out := made(machines.CreateLaunchTemplate(ctx, &ec2.CreateLaunchTemplateInput{LaunchTemplateName: &name, LaunchTemplateData: &ec2types.RequestLaunchTemplateData{
			ImageId: &image, InstanceType: ec2types.InstanceTypeT3Micro, IamInstanceProfile: &ec2types.LaunchTemplateIamInstanceProfileSpecificationRequest{Name: profile.InstanceProfileName},
		}}))(t)
		return &types.LaunchTemplateSpecification{LaunchTemplateId: out.LaunchTemplate.LaunchTemplateId}
	}
	create := func(from *types.LaunchTemplateSpecification) error {
		_, err := groups.CreateAutoScalingGroup(ctx, &api.CreateAutoScalingGroupInput{
			AutoScalingGroupName: aws.String("g"), MinSize: aws.Int32(1), MaxSize: aws.Int32(2), VPCZoneIdentifier: subnet.SubnetId, LaunchTemplate: from,
		})
		return err
	}
	if err := create(template("missing", "resolve:ssm:/proxy/none")); !clouderr.IsAWS(err, "ValidationError") {
		t.Errorf("a template with a parameter that does not exist: %v", err)
	}
	if err := create(template("proxy", "resolve:ssm:/proxy/image")); err != nil {
		t.Fatal(err)
	}
	first := awaitOneInService(t, groups, "")
	setImage("ami-22222222")
	made(groups.SetDesiredCapacity(ctx, &api.SetDesiredCapacityInput{AutoScalingGroupName: aws.String("g"), DesiredCapacity: aws.Int32(2)}))(t)
	second := awaitOneInService(t, groups, first)
	for id, image := range map[string]string{first: "ami-11111111", second: "ami-22222222"} {
		got := made(machines.DescribeInstances(ctx, &ec2.DescribeInstancesInput{InstanceIds: []string{id}}))(t).Reservations[0].Instances[0]
		if aws.ToString(got.ImageId) != image || got.IamInstanceProfile == nil || aws.ToString(got.IamInstanceProfile.Arn) != *profile.Arn {
			t.Errorf("%s has the image %s and the profile %+v", id, aws.ToString(got.ImageId), got.IamInstanceProfile)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	if len(launched) != 2 || slices.ContainsFunc(launched, func(i autoscaling.Instance) bool {
		return i.InstanceProfileARN != *profile.Arn || i.AvailabilityZone != "us-east-1b" || i.SubnetID != *subnet.SubnetId
	}) {
		t.Errorf("launched %+v", launched)
	}
}

// made returns v and ends the test on an error.
func made[T any](v T, err error) func(t *testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}
