package eipassigner

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	astypes "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/clouderr"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/waiter"
)

// findGroup returns the group with this very ARN, or nil. One that has the name and another
// ARN is a successor, and none of ours.
func (c *cloud) findGroup(ctx context.Context, group groupARN) (*astypes.AutoScalingGroup, error) {
	out, err := c.autoScaling.DescribeAutoScalingGroups(ctx, &autoscaling.DescribeAutoScalingGroupsInput{AutoScalingGroupNames: []string{group.name}})
	if err != nil {
		return nil, fmt.Errorf("reading Auto Scaling group %s: %w", group.name, err)
	}
	for _, found := range out.AutoScalingGroups {
		if aws.ToString(found.AutoScalingGroupARN) == group.text {
			return &found, nil
		}
	}
	return nil, nil
}

// gone reports whether a refusal is because somebody deletes the group meanwhile. Auto Scaling's
// code for that stands for much else too.
func (c *cloud) gone(ctx context.Context, group groupARN, refusal error) bool {
	if !clouderr.IsAWS(refusal, validationError) {
		return false
	}
	found, err := c.findGroup(ctx, group)
	return err == nil && found == nil
}

// describePool lists the pool's addresses in one call.
func (c *cloud) describePool(ctx context.Context, tagKey, pool string) ([]poolMember, error) {
	out, err := c.ec2.DescribeAddresses(ctx, &ec2.DescribeAddressesInput{Filters: []ec2types.Filter{{Name: aws.String("tag:" + tagKey), Values: []string{pool}}}})
	if err != nil {
		return nil, fmt.Errorf("reading the addresses of pool %s: %w", pool, err)
	}
	var members []poolMember
	for _, a := range out.Addresses {
		m := poolMember{
			publicIP: aws.ToString(a.PublicIp), instanceID: aws.ToString(a.InstanceId), interfaceID: aws.ToString(a.NetworkInterfaceId),
			held: a.AssociationId != nil, tags: map[string]string{},
		}
		for _, tag := range a.Tags {
			m.tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
		}
		members = append(members, m)
	}
	return members, nil
}

// lookAtFleet reads group and pool: two calls, and a third only where an address names its
// interface but not its instance.
func (c *cloud) lookAtFleet(ctx context.Context, s spec) (fleet, error) {
	group, err := c.findGroup(ctx, s.group)
	if err != nil {
		return fleet{}, err
	}
	pool, err := c.describePool(ctx, s.tagKey, s.pool)
	if err != nil {
		return fleet{}, err
	}
	if group == nil {
		return newFleet(fleet{}, nil, pool), nil
	}
	f := fleet{found: true, surge: surgeOf(*group), size: size{min: int64(aws.ToInt32(group.MinSize)), max: int64(aws.ToInt32(group.MaxSize)), desired: int64(aws.ToInt32(group.DesiredCapacity))}}
	var ids []string
	for _, i := range group.Instances {
		f.members = append(f.members, member{id: aws.ToString(i.InstanceId), state: string(i.LifecycleState)})
		ids = append(ids, aws.ToString(i.InstanceId))
	}
	var interfaces map[string][]string
	if len(ids) > 0 && slices.ContainsFunc(pool, func(a poolMember) bool { return a.held && a.instanceID == "" }) {
		if interfaces, err = c.interfaces(ctx, ids); err != nil {
			return fleet{}, err
		}
	}
	return newFleet(f, interfaces, pool), nil
}

// interfaces maps instances to their network interfaces.
func (c *cloud) interfaces(ctx context.Context, ids []string) (map[string][]string, error) {
	found := map[string][]string{}
	pages := ec2.NewDescribeInstancesPaginator(c.ec2, &ec2.DescribeInstancesInput{Filters: []ec2types.Filter{{Name: aws.String("instance-id"), Values: ids}}})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("reading the instances of the group: %w", err)
		}
		for _, reservation := range page.Reservations {
			for _, i := range reservation.Instances {
				for _, nic := range i.NetworkInterfaces {
					found[aws.ToString(i.InstanceId)] = append(found[aws.ToString(i.InstanceId)], aws.ToString(nic.NetworkInterfaceId))
				}
			}
		}
	}
	return found, nil
}

// setSize sets the three sizes in one call: one after the other, the group would refuse those
// that do not fit those still there.
func (c *cloud) setSize(ctx context.Context, group groupARN, to size) error {
	err := c.waiter.Until(ctx, "group "+group.name+" to take its size", func(ctx context.Context) (string, bool, error) {
		err := write(ctx, func(ctx context.Context) error {
			_, err := c.autoScaling.UpdateAutoScalingGroup(ctx, &autoscaling.UpdateAutoScalingGroupInput{
				AutoScalingGroupName: aws.String(group.name),
				MinSize:              aws.Int32(int32(to.min)), MaxSize: aws.Int32(int32(to.max)), DesiredCapacity: aws.Int32(int32(to.desired)),
			})
			return err
		})
		if clouderr.IsAWS(err, "ScalingActivityInProgress", "ResourceContention") {
			return "busy", false, waiter.Retry(err)
		}
		return "", err == nil, err
	})
	if err != nil {
		return fmt.Errorf("setting the size of group %s to min %d, max %d, desired %d: %w", group.name, to.min, to.max, to.desired, err)
	}
	return nil
}

// awaitFleet waits until every instance is in service with its address, and returns the last look.
func (c *cloud) awaitFleet(ctx context.Context, s spec) (fleet, error) {
	var last fleet
	err := c.waiter.Until(ctx, "the instances of "+s.group.name+" to be in service, each with an address of pool "+s.pool, func(ctx context.Context) (string, bool, error) {
		f, err := c.lookAtFleet(ctx, s)
		if err != nil {
			return "", false, err
		}
		last = f
		status, reason := f.status(s.group.name, s.pool)
		// A group that is gone does not come back by waiting.
		return strings.TrimSpace(fmt.Sprintf("%d in service, %s. %s", f.inService(), status, reason)), status == statusInService || !f.found, nil
	})
	return last, err
}

// drain takes the group to 0 and waits until its instances are gone, while the function still
// serves their terminate hooks. It does nothing when the group does not exist any more.
func (c *cloud) drain(ctx context.Context, group groupARN) error {
	found, err := c.findGroup(ctx, group)
	if err != nil || found == nil {
		return err
	}
	if aws.ToInt32(found.MinSize) != 0 || aws.ToInt32(found.MaxSize) != 0 || aws.ToInt32(found.DesiredCapacity) != 0 {
		if err := c.setSize(ctx, group, size{}); err != nil && !c.gone(ctx, group, err) {
			return err
		}
	}
	return c.waiter.Until(ctx, "the instances of "+group.name+" to be gone", func(ctx context.Context) (string, bool, error) {
		found, err := c.findGroup(ctx, group)
		if err != nil || found == nil {
			return "", err == nil, err
		}
		var left []string
		for _, i := range found.Instances {
			left = append(left, fmt.Sprintf("%s (%s)", aws.ToString(i.InstanceId), i.LifecycleState))
		}
		return strings.Join(left, ", "), len(left) == 0, nil
	})
}
