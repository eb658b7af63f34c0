package awscloud_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/awscloud"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/moto"
)

func TestRunInstancesReadsTheImagesParameter(t *testing.T) {
	cloud := start(t, awscloud.Options{})
	s := newSite(t, cloud)
	parameters := moto.NewClient(cloud.URL, awscloud.DefaultRegion)
	t.Cleanup(parameters.Close)
	if err := parameters.JSON(t.Context(), "ssm", "1.1", "AmazonSSM.PutParameter", map[string]any{"Name": "/image", "Value": "ami-33333333", "Type": "String"}, nil); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"/image", "/no/image"} {
		must(s.client.CreateLaunchTemplate(t.Context(), &ec2.CreateLaunchTemplateInput{
			LaunchTemplateName: aws.String("of" + name), LaunchTemplateData: &types.RequestLaunchTemplateData{ImageId: aws.String("resolve:ssm:" + name), InstanceType: types.InstanceTypeT3Micro},
		}))(t)
	}
	run := func(change func(*ec2.RunInstancesInput)) (*ec2.RunInstancesOutput, error) {
		in := &ec2.RunInstancesInput{MinCount: aws.Int32(1), MaxCount: aws.Int32(1), SubnetId: &s.subnet}
		change(in)
		return s.client.RunInstances(t.Context(), in)
	}
	byTemplate := func(name string) func(*ec2.RunInstancesInput) {
		return func(in *ec2.RunInstancesInput) {
			in.LaunchTemplate = &types.LaunchTemplateSpecification{LaunchTemplateName: &name}
		}
	}
	for name, change := range map[string]func(*ec2.RunInstancesInput){
		"by the template": byTemplate("of/image"),
		"by the call": func(in *ec2.RunInstancesInput) {
			in.ImageId, in.InstanceType = aws.String("resolve:ssm:/image"), types.InstanceTypeT3Micro
		},
	} {
		if got := must(run(change))(t).Instances[0]; *got.ImageId != "ami-33333333" || got.InstanceType != types.InstanceTypeT3Micro {
			t.Errorf("%s: the image %s and the type %s", name, *got.ImageId, got.InstanceType)
		}
	}
	_, err := run(byTemplate("of/no/image"))
	wantCode(t, err, "InvalidParameterValue")
}
