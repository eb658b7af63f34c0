package autoscaling

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/clouderr"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/awsapi"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/moto"
)

// cloud is what the lifecycle machine needs of EC2 and ELBv2.
type cloud interface {
	// Template resolves a launch template; notFound(err) tells a missing one.
	Template(ctx context.Context, ref templateRef) (template, error)
	// Zones maps subnets to availability zones; a missing subnet is a notFound.
	Zones(ctx context.Context, subnets []string) (map[string]string, error)
	Run(ctx context.Context, spec launchSpec) (machine, error)
	// Stop halts a machine, hibernate keeps its memory; Start runs it again.
	Stop(ctx context.Context, instanceID string, hibernate bool) error
	Start(ctx context.Context, instanceID string) error
	// Terminate of a machine that is gone is no error.
	Terminate(ctx context.Context, instanceID string) error
	// States maps instance ids to EC2's state names; unknown ids are left out.
	States(ctx context.Context, instanceIDs []string) (map[string]string, error)
	// TargetGroups maps each ARN to its deregistration delay in seconds; a missing one is a notFound.
	TargetGroups(ctx context.Context, arns []string) (map[string]int, error)
	Register(ctx context.Context, targetGroupARN, instanceID string) error
	// Deregister of a target that is not registered is no error.
	Deregister(ctx context.Context, targetGroupARN, instanceID string) error
}

// template is a launch template's version.
type template struct {
	// ref has the version's number.
	ref templateRef
	// imageID is the machine image; imageParameter names the parameter that it came from, if the template
	// leaves it to one.
	imageID        string
	imageParameter string
	instanceType   string
	// profile is the instance profile as the template names it, nil without one.
	profile  *ec2types.LaunchTemplateIamInstanceProfileSpecification
	userData []byte
	// interfaces is empty when the template leaves the network interface to EC2.
	interfaces []ec2types.LaunchTemplateInstanceNetworkInterfaceSpecification
	// tags by resource type: instance, volume, network-interface.
	tags map[string]map[string]string
}

// launchSpec is one launch.
type launchSpec struct {
	template template
	subnet   string
	tags     map[string]string
	token    string
}

// machine is a launched instance.
type machine struct {
	id, eni, privateIP, zone, instanceType, imageID, profileARN string
}

type motoCloud struct {
	ec2  *ec2.Client
	elb  *elb.Client
	moto moto.Client
}

func newMotoCloud(motoURL, region string) *motoCloud {
	cfg := aws.Config{
		Region:       region,
		BaseEndpoint: aws.String(motoURL),
		Credentials:  credentials.NewStaticCredentialsProvider("sandbox", "sandbox", ""),
	}
	return &motoCloud{ec2: ec2.NewFromConfig(cfg), elb: elb.NewFromConfig(cfg), moto: moto.NewClient(motoURL, region)}
}

// errNotFound marks an object that a request names and that does not exist.
var errNotFound = errors.New("not found")

func notFound(err error) bool { return errors.Is(err, errNotFound) }

func (c *motoCloud) Template(ctx context.Context, ref templateRef) (template, error) {
	in := &ec2.DescribeLaunchTemplateVersionsInput{Versions: []string{ref.Version}}
	if ref.ID != "" {
		in.LaunchTemplateId = aws.String(ref.ID)
	} else {
		in.LaunchTemplateName = aws.String(ref.Name)
	}
	out, err := c.ec2.DescribeLaunchTemplateVersions(ctx, in)
	if clouderr.IsAWS(err, "InvalidLaunchTemplateId.NotFound", "InvalidLaunchTemplateName.NotFoundException", "InvalidLaunchTemplateId.VersionNotFound") {
		return template{}, fmt.Errorf("%w: %w", errNotFound, err)
	}
	if err != nil {
		return template{}, err
	}
	if len(out.LaunchTemplateVersions) != 1 {
		return template{}, fmt.Errorf("version %s of the launch template: %w", ref.Version, errNotFound)
	}
	t, err := translateTemplate(out.LaunchTemplateVersions[0])
	if err != nil || t.imageParameter == "" {
		return t, err
	}
	t.imageID, err = c.moto.Parameter(ctx, t.imageParameter)
	if refused, ok := errors.AsType[*awsapi.Error](err); ok && strings.HasSuffix(refused.Code, "NotFound") {
		err = errNotFound
	}
	if err != nil {
		return t, fmt.Errorf("the parameter %s of launch template %s: %w", t.imageParameter, t.ref.ID, err)
	}
	return t, nil
}

func translateTemplate(v ec2types.LaunchTemplateVersion) (template, error) {
	t := template{
		ref: templateRef{
			ID:      aws.ToString(v.LaunchTemplateId),
			Name:    aws.ToString(v.LaunchTemplateName),
			Version: strconv.FormatInt(aws.ToInt64(v.VersionNumber), 10),
		},
		tags: map[string]map[string]string{},
	}
	data := v.LaunchTemplateData
	if data == nil {
		return t, nil
	}
	t.imageID = aws.ToString(data.ImageId)
	if parameter, ok := strings.CutPrefix(t.imageID, moto.ImageAlias); ok {
		t.imageParameter = parameter
	}
	t.profile = data.IamInstanceProfile
	t.instanceType = string(data.InstanceType)
	t.interfaces = data.NetworkInterfaces
	var err error
	if t.userData, err = decodeUserData(aws.ToString(data.UserData)); err != nil {
		return t, fmt.Errorf("user data of launch template %s: %w", t.ref.ID, err)
	}
	for _, spec := range data.TagSpecifications {
		tags := map[string]string{}
		for _, tag := range spec.Tags {
			tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
		}
		t.tags[string(spec.ResourceType)] = tags
	}
	return t, nil
}

func decodeUserData(encoded string) ([]byte, error) {
	if encoded == "" {
		return nil, nil
	}
	data, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return nil, fmt.Errorf("it is not base64: %w", err)
	}
	return data, nil
}

func (c *motoCloud) Zones(ctx context.Context, subnets []string) (map[string]string, error) {
	out, err := c.ec2.DescribeSubnets(ctx, &ec2.DescribeSubnetsInput{SubnetIds: subnets})
	if clouderr.IsAWS(err, "InvalidSubnetID.NotFound") {
		return nil, fmt.Errorf("%w: %w", errNotFound, err)
	}
	if err != nil {
		return nil, err
	}
	zones := map[string]string{}
	for _, s := range out.Subnets {
		zones[aws.ToString(s.SubnetId)] = aws.ToString(s.AvailabilityZone)
	}
	return zones, nil
}

func (c *motoCloud) Run(ctx context.Context, spec launchSpec) (machine, error) {
	out, err := c.ec2.RunInstances(ctx, runInput(spec))
	if err != nil {
		return machine{}, err
	}
	if len(out.Instances) != 1 || len(out.Instances[0].NetworkInterfaces) == 0 {
		return machine{}, errors.New("RunInstances returned no instance with a network interface")
	}
	i := out.Instances[0]
	m := machine{
		id:           aws.ToString(i.InstanceId),
		eni:          aws.ToString(i.NetworkInterfaces[0].NetworkInterfaceId),
		privateIP:    aws.ToString(i.PrivateIpAddress),
		instanceType: string(i.InstanceType),
		imageID:      aws.ToString(i.ImageId),
	}
	if i.IamInstanceProfile != nil {
		m.profileARN = aws.ToString(i.IamInstanceProfile.Arn)
	}
	if i.Placement != nil {
		m.zone = aws.ToString(i.Placement.AvailabilityZone)
	}
	// moto tags instances and volumes from the template, but not interfaces.
	if tags := spec.template.tags["network-interface"]; len(tags) > 0 {
		if _, err := c.ec2.CreateTags(ctx, &ec2.CreateTagsInput{Resources: []string{m.eni}, Tags: ec2Tags(tags)}); err != nil {
			return machine{}, errors.Join(fmt.Errorf("tagging %s: %w", m.eni, err), c.Terminate(ctx, m.id))
		}
	}
	return m, nil
}

// runInput spells out what moto does not take from a template: an interface's groups and public address, the
// instance profile, and an image that a parameter names.
func runInput(spec launchSpec) *ec2.RunInstancesInput {
	in := &ec2.RunInstancesInput{
		MinCount:    aws.Int32(1),
		MaxCount:    aws.Int32(1),
		ClientToken: aws.String(spec.token),
		LaunchTemplate: &ec2types.LaunchTemplateSpecification{
			LaunchTemplateId: aws.String(spec.template.ref.ID),
			Version:          aws.String(spec.template.ref.Version),
		},
	}
	if spec.template.imageParameter != "" {
		in.ImageId = aws.String(spec.template.imageID)
	}
	if p := spec.template.profile; p != nil {
		in.IamInstanceProfile = &ec2types.IamInstanceProfileSpecification{Arn: p.Arn, Name: p.Name}
	}
	tags := map[string]string{}
	for k, v := range spec.template.tags["instance"] {
		tags[k] = v
	}
	for k, v := range spec.tags {
		tags[k] = v
	}
	in.TagSpecifications = append(in.TagSpecifications, ec2types.TagSpecification{ResourceType: ec2types.ResourceTypeInstance, Tags: ec2Tags(tags)})
	if volume := spec.template.tags["volume"]; len(volume) > 0 {
		in.TagSpecifications = append(in.TagSpecifications, ec2types.TagSpecification{ResourceType: ec2types.ResourceTypeVolume, Tags: ec2Tags(volume)})
	}
	// An interface of the template, or one that dies with its instance as EC2's own does.
	if len(spec.template.interfaces) == 0 {
		in.NetworkInterfaces = []ec2types.InstanceNetworkInterfaceSpecification{{
			DeviceIndex: aws.Int32(0), SubnetId: aws.String(spec.subnet), DeleteOnTermination: aws.Bool(true),
		}}
		return in
	}
	for _, n := range spec.template.interfaces {
		remove := n.DeleteOnTermination
		if remove == nil {
			remove = aws.Bool(true)
		}
		index := n.DeviceIndex
		if index == nil {
			index = aws.Int32(0)
		}
		in.NetworkInterfaces = append(in.NetworkInterfaces, ec2types.InstanceNetworkInterfaceSpecification{
			DeviceIndex: index, SubnetId: aws.String(spec.subnet), Groups: n.Groups,
			AssociatePublicIpAddress: n.AssociatePublicIpAddress, DeleteOnTermination: remove, Description: n.Description,
		})
	}
	return in
}

func ec2Tags(tags map[string]string) []ec2types.Tag {
	out := make([]ec2types.Tag, 0, len(tags))
	for k, v := range tags {
		out = append(out, ec2types.Tag{Key: aws.String(k), Value: aws.String(v)})
	}
	slices.SortFunc(out, func(a, b ec2types.Tag) int { return strings.Compare(*a.Key, *b.Key) })
	return out
}

func (c *motoCloud) Stop(ctx context.Context, instanceID string, hibernate bool) error {
	_, err := c.ec2.StopInstances(ctx, &ec2.StopInstancesInput{InstanceIds: []string{instanceID}, Hibernate: aws.Bool(hibernate)})
	return err
}

func (c *motoCloud) Start(ctx context.Context, instanceID string) error {
	_, err := c.ec2.StartInstances(ctx, &ec2.StartInstancesInput{InstanceIds: []string{instanceID}})
	return err
}

func (c *motoCloud) Terminate(ctx context.Context, instanceID string) error {
	// AWS takes the termination of an instance that somebody else has ended; moto fails.
	states, err := c.States(ctx, []string{instanceID})
	if err != nil || states[instanceID] == string(ec2types.InstanceStateNameTerminated) {
		return err
	}
	_, err = c.ec2.TerminateInstances(ctx, &ec2.TerminateInstancesInput{InstanceIds: []string{instanceID}})
	if clouderr.IsAWS(err, "InvalidInstanceID.NotFound") {
		return nil
	}
	return err
}

func (c *motoCloud) States(ctx context.Context, instanceIDs []string) (map[string]string, error) {
	states := map[string]string{}
	pages := ec2.NewDescribeInstancesPaginator(c.ec2, &ec2.DescribeInstancesInput{
		Filters: []ec2types.Filter{{Name: aws.String("instance-id"), Values: instanceIDs}},
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, r := range page.Reservations {
			for _, i := range r.Instances {
				states[aws.ToString(i.InstanceId)] = string(i.State.Name)
			}
		}
	}
	return states, nil
}

func (c *motoCloud) TargetGroups(ctx context.Context, arns []string) (map[string]int, error) {
	delays := map[string]int{}
	for _, arn := range arns {
		out, err := c.elb.DescribeTargetGroupAttributes(ctx, &elb.DescribeTargetGroupAttributesInput{TargetGroupArn: aws.String(arn)})
		if clouderr.IsAWS(err, "TargetGroupNotFound") {
			return nil, fmt.Errorf("%w: %w", errNotFound, err)
		}
		if err != nil {
			return nil, err
		}
		for _, a := range out.Attributes {
			if aws.ToString(a.Key) == "deregistration_delay.timeout_seconds" {
				if delays[arn], err = strconv.Atoi(aws.ToString(a.Value)); err != nil {
					return nil, fmt.Errorf("deregistration delay of %s: %w", arn, err)
				}
			}
		}
	}
	return delays, nil
}

func (c *motoCloud) Register(ctx context.Context, targetGroupARN, instanceID string) error {
	_, err := c.elb.RegisterTargets(ctx, &elb.RegisterTargetsInput{
		TargetGroupArn: aws.String(targetGroupARN), Targets: []elbtypes.TargetDescription{{Id: aws.String(instanceID)}},
	})
	return err
}

func (c *motoCloud) Deregister(ctx context.Context, targetGroupARN, instanceID string) error {
	_, err := c.elb.DeregisterTargets(ctx, &elb.DeregisterTargetsInput{
		TargetGroupArn: aws.String(targetGroupARN), Targets: []elbtypes.TargetDescription{{Id: aws.String(instanceID)}},
	})
	if clouderr.IsAWS(err, "InvalidTarget", "TargetGroupNotFound") {
		return nil
	}
	return err
}
