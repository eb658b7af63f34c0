package awslive

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	astypes "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/clients"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/clouderr"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/live"
)

// Names of the group's hooks.
const (
	launchHook    = "launch"
	terminateHook = "terminate"
)

// defaultImage is the image unless inputImage says otherwise: Auto Scaling finds the newest Amazon Linux 2023.
const defaultImage = "resolve:ssm:/aws/service/ami-amazon-linux-latest/al2023-ami-minimal-kernel-default-x86_64"

// fleet is a group of the session with one instance that waits in its launch hook.
type fleet struct {
	name, instanceID, interfaceID string
	// taggedAtFirst reports whether instance and interface had the template's tags when they were first seen.
	taggedAtFirst bool
	firstTags     string
	thing         *live.Thing
}

// abandonment is what became of the instance once its launch was abandoned.
type abandonment struct {
	// secondCode and secondText are Auto Scaling's answer to a second completion of the same action.
	secondCode, secondText string
	// states are the lifecycle states seen, in order.
	states []string
}

// groupQuestions are about Auto Scaling; they share one instance of the smallest size.
func (s *suite) groupQuestions() []live.Question {
	instance := "CreateAutoScalingGroup with a launch hook and a terminate hook, size 1"
	return []live.Question{
		{
			ID: "aws-launch-tags", Text: "Do instance and interface carry the launch template's tags from their first moment?",
			Calls:   []string{instance, "DescribeInstances, DescribeNetworkInterfaces as soon as the group lists the instance"},
			Assumed: []string{"tagged at first sight"}, Reliance: live.Guarded, Timeout: time.Hour, Ask: s.askLaunchTags,
		},
		{
			ID: "aws-association-names-instance", Text: "Does an address that was given to an interface name its instance?",
			Calls:    []string{instance, "AssociateAddress to the instance's interface", "DescribeAddresses"},
			Reliance: live.Guarded, Timeout: time.Hour, Ask: s.askNamesInstance,
		},
		{
			ID: "aws-terminate-hook-after-abandon", Text: "Does the terminate hook run for an instance whose launch was abandoned?",
			Calls:    []string{instance, "CompleteLifecycleAction ABANDON of the launch", "DescribeAutoScalingInstances until it is gone"},
			Reliance: live.Guarded, Timeout: time.Hour, Ask: s.askTerminateHook,
		},
		{
			ID: "aws-complete-twice", Text: "How does Auto Scaling refuse to complete an action that has ended?",
			Calls:   []string{"CompleteLifecycleAction for the same action again, after aws-terminate-hook-after-abandon"},
			Assumed: []string{"ValidationError: No active Lifecycle Action found"}, Reliance: live.Guarded, Timeout: time.Hour, Ask: s.askCompleteTwice,
		},
		{
			ID: "aws-deleted-group-message", Text: "What does Auto Scaling say of a group that was deleted?",
			Calls:   []string{"DeleteAutoScalingGroup", "CompleteLifecycleAction for the group"},
			Assumed: []string{"ValidationError"}, Reliance: live.Guarded, Timeout: time.Hour, Ask: s.askDeletedGroup,
		},
		{
			ID: "aws-warm-pool-listing", Text: "Does Auto Scaling list instances of a warm pool among the group's own?",
			Calls:   []string{"CreateAutoScalingGroup of size 0", "PutWarmPool of 1", "DescribeWarmPool until it lists an instance", "DescribeAutoScalingGroups"},
			Assumed: []string{"not listed"}, Reliance: live.Guarded, Timeout: time.Hour, Ask: s.askWarmPool,
		},
	}
}

// makeGroup makes a launch template and a group, both noted to be removed.
func (s *suite) makeGroup(ctx context.Context, session *live.Session, suffix string, size int32, hooks ...astypes.LifecycleHookSpecification) (name string, _ *live.Thing, _ error) {
	cloud, err := s.cloud(ctx)
	if err != nil {
		return "", nil, err
	}
	subnet, err := s.subnet(ctx, session)
	if err != nil {
		return "", nil, err
	}
	name = session.Name(suffix)
	if _, err := session.Making("the launch template "+name, func(ctx context.Context) error { return removeTemplate(ctx, cloud, name) }); err != nil {
		return "", nil, err
	}
	image := session.Getenv(inputImage)
	if image == "" {
		image = defaultImage
	}
	template, err := cloud.EC2.CreateLaunchTemplate(ctx, &ec2.CreateLaunchTemplateInput{LaunchTemplateName: &name, LaunchTemplateData: &ec2types.RequestLaunchTemplateData{
		ImageId: &image, InstanceType: ec2types.InstanceTypeT3Nano,
		TagSpecifications: []ec2types.LaunchTemplateTagSpecificationRequest{
			{ResourceType: ec2types.ResourceTypeInstance, Tags: tagged(session, ec2types.ResourceTypeInstance)[0].Tags},
			{ResourceType: ec2types.ResourceTypeNetworkInterface, Tags: tagged(session, ec2types.ResourceTypeNetworkInterface)[0].Tags},
		},
	}})
	if err != nil {
		return "", nil, fmt.Errorf("making a launch template: %w", err)
	}
	thing, err := session.Making("the Auto Scaling group "+name, func(ctx context.Context) error { return removeGroup(ctx, cloud, session, name) })
	if err != nil {
		return "", nil, err
	}
	_, err = cloud.AutoScaling.CreateAutoScalingGroup(ctx, &autoscaling.CreateAutoScalingGroupInput{
		AutoScalingGroupName: &name, MinSize: aws.Int32(0), MaxSize: aws.Int32(1), DesiredCapacity: &size, VPCZoneIdentifier: &subnet,
		LaunchTemplate:                 &astypes.LaunchTemplateSpecification{LaunchTemplateId: template.LaunchTemplate.LaunchTemplateId, Version: aws.String("$Latest")},
		LifecycleHookSpecificationList: hooks,
		Tags:                           []astypes.Tag{{Key: aws.String(live.Tag), Value: &session.ID, PropagateAtLaunch: aws.Bool(false)}},
	})
	if err != nil {
		return "", nil, fmt.Errorf("making an Auto Scaling group: %w", err)
	}
	return name, thing, nil
}

func removeTemplate(ctx context.Context, cloud *clients.AWS, name string) error {
	_, err := cloud.EC2.DeleteLaunchTemplate(ctx, &ec2.DeleteLaunchTemplateInput{LaunchTemplateName: &name})
	if clouderr.IsAWS(err, "InvalidLaunchTemplateName.NotFoundException") {
		return nil
	}
	return err
}

// removeGroup deletes a group with its warm pool and its instances, and waits until all are gone.
func removeGroup(ctx context.Context, cloud *clients.AWS, session *live.Session, name string) error {
	return session.Waiter.Until(ctx, "the Auto Scaling group to be deleted", func(ctx context.Context) (string, bool, error) {
		group, err := readGroup(ctx, cloud, name)
		if err != nil || group == nil {
			return "", err == nil, err
		}
		if group.WarmPoolConfiguration != nil && group.WarmPoolConfiguration.Status == "" {
			_, err := cloud.AutoScaling.DeleteWarmPool(ctx, &autoscaling.DeleteWarmPoolInput{AutoScalingGroupName: &name, ForceDelete: aws.Bool(true)})
			return "with a warm pool", false, retryRefusal(err)
		}
		if aws.ToString(group.Status) == "" {
			_, err = cloud.AutoScaling.DeleteAutoScalingGroup(ctx, &autoscaling.DeleteAutoScalingGroupInput{AutoScalingGroupName: &name, ForceDelete: aws.Bool(true)})
		}
		return aws.ToString(group.Status), false, retryRefusal(err)
	})
}

// readGroup reads a group; nil is one that is not there.
func readGroup(ctx context.Context, cloud *clients.AWS, name string) (*astypes.AutoScalingGroup, error) {
	out, err := cloud.AutoScaling.DescribeAutoScalingGroups(ctx, &autoscaling.DescribeAutoScalingGroupsInput{AutoScalingGroupNames: []string{name}})
	if err != nil || len(out.AutoScalingGroups) == 0 {
		return nil, err
	}
	return &out.AutoScalingGroups[0], nil
}

// waiting is the fleet once its instance waits in the launch hook.
func (s *suite) waiting(ctx context.Context, session *live.Session) (*fleet, error) {
	return s.fleet.Get(func() (*fleet, error) {
		cloud, err := s.cloud(ctx)
		if err != nil {
			return nil, err
		}
		hook := func(name, transition string) astypes.LifecycleHookSpecification {
			return astypes.LifecycleHookSpecification{LifecycleHookName: &name, LifecycleTransition: &transition, HeartbeatTimeout: aws.Int32(900), DefaultResult: aws.String("ABANDON")}
		}
		f := &fleet{}
		f.name, f.thing, err = s.makeGroup(ctx, session, "group", 1, hook(launchHook, "autoscaling:EC2_INSTANCE_LAUNCHING"), hook(terminateHook, "autoscaling:EC2_INSTANCE_TERMINATING"))
		if err != nil {
			return nil, err
		}
		return f, session.Waiter.Until(ctx, "an instance to wait in its launch hook", func(ctx context.Context) (string, bool, error) {
			group, err := readGroup(ctx, cloud, f.name)
			if err != nil || group == nil || len(group.Instances) == 0 {
				return "no instance yet", false, err
			}
			instance := group.Instances[0]
			f.instanceID = aws.ToString(instance.InstanceId)
			if f.interfaceID == "" {
				if err := f.see(ctx, cloud, session); err != nil {
					return "", false, err
				}
			}
			return string(instance.LifecycleState), instance.LifecycleState == astypes.LifecycleStatePendingWait && f.interfaceID != "", nil
		})
	})
}

// see looks at the tags of instance and interface once both are there.
func (f *fleet) see(ctx context.Context, cloud *clients.AWS, session *live.Session) error {
	instances, err := cloud.EC2.DescribeInstances(ctx, &ec2.DescribeInstancesInput{Filters: []ec2types.Filter{{Name: aws.String("instance-id"), Values: []string{f.instanceID}}}})
	if err != nil {
		return err
	}
	interfaces, err := cloud.EC2.DescribeNetworkInterfaces(ctx, &ec2.DescribeNetworkInterfacesInput{Filters: []ec2types.Filter{{Name: aws.String("attachment.instance-id"), Values: []string{f.instanceID}}}})
	if err != nil || len(instances.Reservations) == 0 || len(interfaces.NetworkInterfaces) == 0 {
		return err
	}
	has := func(tags []ec2types.Tag) bool {
		return slices.ContainsFunc(tags, func(t ec2types.Tag) bool {
			return aws.ToString(t.Key) == live.Tag && aws.ToString(t.Value) == session.ID
		})
	}
	onInstance, onInterface := has(instances.Reservations[0].Instances[0].Tags), has(interfaces.NetworkInterfaces[0].TagSet)
	f.interfaceID = aws.ToString(interfaces.NetworkInterfaces[0].NetworkInterfaceId)
	f.taggedAtFirst = onInstance && onInterface
	f.firstTags = fmt.Sprintf("when the interface was first seen, the instance had its tags: %t, the interface: %t", onInstance, onInterface)
	return nil
}

func (s *suite) askLaunchTags(ctx context.Context, session *live.Session) (live.Answer, error) {
	f, err := s.waiting(ctx, session)
	if err != nil {
		return live.Answer{}, err
	}
	if f.taggedAtFirst {
		return live.Answered("tagged at first sight", "%s", f.firstTags)
	}
	return live.Answered("not tagged at first sight", "%s", f.firstTags)
}

func (s *suite) askNamesInstance(ctx context.Context, session *live.Session) (live.Answer, error) {
	f, err := s.waiting(ctx, session)
	if err != nil {
		return live.Answer{}, err
	}
	addresses, err := s.elasticIPs(ctx, session)
	if err != nil {
		return live.Answer{}, err
	}
	if err := s.associate(ctx, addresses[0].allocationID, f.interfaceID); err != nil {
		return live.Answer{}, err
	}
	now, err := s.look(ctx, addresses[0].allocationID)
	if err != nil {
		return live.Answer{}, err
	}
	is := "named"
	if aws.ToString(now.InstanceId) == "" {
		is = "not named"
	}
	return live.Answer{Is: is, Seen: fmt.Sprintf("InstanceId %q, NetworkInterfaceId %q", aws.ToString(now.InstanceId), aws.ToString(now.NetworkInterfaceId))},
		s.disassociate(ctx, session, addresses[0].allocationID)
}

// complete ends a lifecycle action of the fleet's instance.
func (s *suite) complete(ctx context.Context, f *fleet, hook, result string) error {
	cloud, err := s.cloud(ctx)
	if err != nil {
		return err
	}
	_, err = cloud.AutoScaling.CompleteLifecycleAction(ctx, &autoscaling.CompleteLifecycleActionInput{
		AutoScalingGroupName: &f.name, LifecycleHookName: &hook, InstanceId: &f.instanceID, LifecycleActionResult: &result,
	})
	return err
}

// abandon abandons the launch, twice, and follows the instance until it is gone.
func (s *suite) abandon(ctx context.Context, session *live.Session) (*abandonment, error) {
	return s.abandoned.Get(func() (*abandonment, error) {
		f, err := s.waiting(ctx, session)
		if err != nil {
			return nil, err
		}
		cloud, err := s.cloud(ctx)
		if err != nil {
			return nil, err
		}
		// Nobody is to take the instance's place.
		if _, err := cloud.AutoScaling.SuspendProcesses(ctx, &autoscaling.SuspendProcessesInput{AutoScalingGroupName: &f.name, ScalingProcesses: []string{"Launch"}}); err != nil {
			return nil, fmt.Errorf("suspending launches: %w", err)
		}
		if err := s.complete(ctx, f, launchHook, "ABANDON"); err != nil {
			return nil, fmt.Errorf("abandoning the launch: %w", err)
		}
		a := &abandonment{}
		err = s.complete(ctx, f, launchHook, "ABANDON")
		if a.secondCode, a.secondText = clouderr.AWSCode(err), clouderr.AWSMessage(err); err != nil && a.secondCode == "" {
			return nil, err
		}
		return a, session.Waiter.Until(ctx, "the abandoned instance to be gone", func(ctx context.Context) (string, bool, error) {
			out, err := cloud.AutoScaling.DescribeAutoScalingInstances(ctx, &autoscaling.DescribeAutoScalingInstancesInput{InstanceIds: []string{f.instanceID}})
			if err != nil || len(out.AutoScalingInstances) == 0 {
				return "", err == nil, err
			}
			state := aws.ToString(out.AutoScalingInstances[0].LifecycleState)
			if len(a.states) == 0 || a.states[len(a.states)-1] != state {
				a.states = append(a.states, state)
			}
			if state == string(astypes.LifecycleStateTerminatingWait) {
				err = s.complete(ctx, f, terminateHook, "CONTINUE")
			}
			return state, false, retryRefusal(err)
		})
	})
}

func (s *suite) askTerminateHook(ctx context.Context, session *live.Session) (live.Answer, error) {
	a, err := s.abandon(ctx, session)
	if err != nil {
		return live.Answer{}, err
	}
	is := "does not run"
	if slices.Contains(a.states, string(astypes.LifecycleStateTerminatingWait)) {
		is = "runs"
	}
	return live.Answered(is, "states after the abandonment: %s", strings.Join(a.states, ", "))
}

func (s *suite) askCompleteTwice(ctx context.Context, session *live.Session) (live.Answer, error) {
	a, err := s.abandon(ctx, session)
	switch {
	case err != nil:
		return live.Answer{}, err
	case a.secondCode == "":
		return live.Answered("taken", "the second completion was no error")
	case a.secondCode == "ValidationError" && strings.Contains(a.secondText, "No active Lifecycle Action found"):
		return live.Answered("ValidationError: No active Lifecycle Action found", "%s: %s", a.secondCode, a.secondText)
	default:
		return live.Answered(a.secondCode, "%s", a.secondText)
	}
}

func (s *suite) askDeletedGroup(ctx context.Context, session *live.Session) (live.Answer, error) {
	if _, err := s.abandon(ctx, session); err != nil {
		return live.Answer{}, err
	}
	f, err := s.waiting(ctx, session)
	if err != nil {
		return live.Answer{}, err
	}
	if err := f.thing.Remove(ctx); err != nil {
		return live.Answer{}, err
	}
	err = s.complete(ctx, f, launchHook, "ABANDON")
	switch code := clouderr.AWSCode(err); {
	case err == nil:
		return live.Answered("taken", "no error")
	case code == "":
		return live.Answer{}, err
	default:
		return live.Answered(code, "%s", clouderr.AWSMessage(err))
	}
}

func (s *suite) askWarmPool(ctx context.Context, session *live.Session) (live.Answer, error) {
	cloud, err := s.cloud(ctx)
	if err != nil {
		return live.Answer{}, err
	}
	name, thing, err := s.makeGroup(ctx, session, "warm", 0)
	if err != nil {
		return live.Answer{}, err
	}
	if _, err := cloud.AutoScaling.PutWarmPool(ctx, &autoscaling.PutWarmPoolInput{AutoScalingGroupName: &name, MinSize: aws.Int32(1), PoolState: astypes.WarmPoolStateStopped}); err != nil {
		return live.Answer{}, fmt.Errorf("making a warm pool: %w", err)
	}
	var warm string
	err = session.Waiter.Until(ctx, "an instance of the warm pool", func(ctx context.Context) (string, bool, error) {
		pool, err := cloud.AutoScaling.DescribeWarmPool(ctx, &autoscaling.DescribeWarmPoolInput{AutoScalingGroupName: &name})
		if err != nil || len(pool.Instances) == 0 {
			return "none yet", false, err
		}
		warm = aws.ToString(pool.Instances[0].InstanceId)
		return string(pool.Instances[0].LifecycleState), pool.Instances[0].LifecycleState == astypes.LifecycleStateWarmedStopped, nil
	})
	if err != nil {
		return live.Answer{}, err
	}
	group, err := readGroup(ctx, cloud, name)
	if err != nil || group == nil {
		return live.Answer{}, errors.Join(err, errors.New("the group is not there"))
	}
	is := "not listed"
	if slices.ContainsFunc(group.Instances, func(i astypes.Instance) bool { return aws.ToString(i.InstanceId) == warm }) {
		is = "listed"
	}
	return live.Answer{Is: is, Seen: fmt.Sprintf("%s is in the warm pool; the group lists %d instances", warm, len(group.Instances))}, thing.Remove(ctx)
}
