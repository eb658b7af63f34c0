package assignertest

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/lifecycle"
)

func (c client) DescribeAutoScalingGroups(ctx context.Context, in *autoscaling.DescribeAutoScalingGroupsInput, _ ...func(*autoscaling.Options)) (*autoscaling.DescribeAutoScalingGroupsOutput, error) {
	out := &autoscaling.DescribeAutoScalingGroupsOutput{}
	err := c.call(ctx, "DescribeAutoScalingGroups", in, func(asOf time.Time) error {
		if len(in.AutoScalingGroupNames) > 0 && !slices.Contains(in.AutoScalingGroupNames, GroupName) || c.world.groupDeleted {
			return nil
		}
		group := types.AutoScalingGroup{
			AutoScalingGroupName: aws.String(GroupName), DesiredCapacity: aws.Int32(int32(c.world.desired)), //nolint:gosec // small
		}
		for _, m := range c.world.machines {
			// The warm pool has a listing of its own.
			if state := m.member.asOf(asOf); state != "" && !isWarm(state) {
				group.Instances = append(group.Instances, types.Instance{
					InstanceId: aws.String(m.id), LifecycleState: types.LifecycleState(state), AvailabilityZone: aws.String(m.zone), HealthStatus: aws.String("Healthy"),
				})
			}
		}
		out.AutoScalingGroups = append(out.AutoScalingGroups, group)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (c client) DescribeAutoScalingInstances(ctx context.Context, in *autoscaling.DescribeAutoScalingInstancesInput, _ ...func(*autoscaling.Options)) (*autoscaling.DescribeAutoScalingInstancesOutput, error) {
	out := &autoscaling.DescribeAutoScalingInstancesOutput{}
	err := c.call(ctx, "DescribeAutoScalingInstances", in, func(asOf time.Time) error {
		for _, m := range c.world.machines {
			if len(in.InstanceIds) > 0 && !slices.Contains(in.InstanceIds, m.id) {
				continue
			}
			if state := m.member.asOf(asOf); state != "" {
				out.AutoScalingInstances = append(out.AutoScalingInstances, types.AutoScalingInstanceDetails{
					InstanceId: aws.String(m.id), LifecycleState: aws.String(state), AutoScalingGroupName: aws.String(GroupName), AvailabilityZone: aws.String(m.zone),
				})
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (c client) CompleteLifecycleAction(ctx context.Context, in *autoscaling.CompleteLifecycleActionInput, _ ...func(*autoscaling.Options)) (*autoscaling.CompleteLifecycleActionOutput, error) {
	err := c.call(ctx, "CompleteLifecycleAction", in, func(time.Time) error {
		if aws.ToString(in.AutoScalingGroupName) != GroupName || c.world.groupDeleted {
			return noGroup(in.AutoScalingGroupName)
		}
		return c.world.complete(aws.ToString(in.LifecycleHookName), aws.ToString(in.LifecycleActionToken), aws.ToString(in.InstanceId), aws.ToString(in.LifecycleActionResult))
	})
	if err != nil {
		return nil, err
	}
	return &autoscaling.CompleteLifecycleActionOutput{}, nil
}

func (c client) RecordLifecycleActionHeartbeat(ctx context.Context, in *autoscaling.RecordLifecycleActionHeartbeatInput, _ ...func(*autoscaling.Options)) (*autoscaling.RecordLifecycleActionHeartbeatOutput, error) {
	err := c.call(ctx, "RecordLifecycleActionHeartbeat", in, func(time.Time) error {
		if aws.ToString(in.AutoScalingGroupName) != GroupName || c.world.groupDeleted {
			return noGroup(in.AutoScalingGroupName)
		}
		return c.world.heartbeat(aws.ToString(in.LifecycleHookName), aws.ToString(in.LifecycleActionToken), aws.ToString(in.InstanceId))
	})
	if err != nil {
		return nil, err
	}
	return &autoscaling.RecordLifecycleActionHeartbeatOutput{}, nil
}

func noGroup(name *string) error {
	return Refusal("ValidationError", "AutoScalingGroup name not found - no such group: %s", aws.ToString(name))
}

// asSDK is an error of the rules as the SDK has it.
func asSDK(err error) error {
	var refused *lifecycle.Error
	if errors.As(err, &refused) {
		return Refusal(refused.Code, "%s", refused.Message)
	}
	return err
}
