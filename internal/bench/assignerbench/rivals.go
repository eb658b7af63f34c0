package assignerbench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/assigner/assignertest"
)

// launching is the lifecycle action of a launch in an event.
type launching struct {
	Group    string `json:"AutoScalingGroupName"`
	Hook     string `json:"LifecycleHookName"`
	Instance string `json:"EC2InstanceId"`
	Token    string `json:"LifecycleActionToken"`
}

func readLaunching(payload json.RawMessage) (launching, error) {
	var event struct{ Detail launching }
	err := json.Unmarshal(payload, &event)
	return event.Detail, err
}

// goOn completes the action with CONTINUE.
func (l launching) goOn(ctx context.Context, cloud assignertest.AutoScaling) error {
	_, err := cloud.CompleteLifecycleAction(ctx, &autoscaling.CompleteLifecycleActionInput{
		AutoScalingGroupName: aws.String(l.Group), LifecycleHookName: aws.String(l.Hook), LifecycleActionToken: aws.String(l.Token),
		InstanceId: aws.String(l.Instance), LifecycleActionResult: aws.String("CONTINUE"),
	})
	return err
}

func firstFree(addresses []types.Address) (allocationID string, ok bool) {
	for _, a := range addresses {
		if a.AssociationId == nil {
			return aws.ToString(a.AllocationId), true
		}
	}
	return "", false
}

// blogInModel does what the Python function of package blog does. Some instances in the model have a second interface,
// for which EC2 refuses an association by instance id; the article's have one. So the interface is looked up
// first, by a DescribeInstances that does not count as the function's.
func blogInModel(ctx context.Context, cloud assignertest.Clients, payload json.RawMessage) error {
	launch, err := readLaunching(payload)
	if err != nil {
		return err
	}
	instance, err := describe(ctx, cloud.EC2, launch.Instance)
	if err != nil {
		return err
	}
	pool, err := cloud.EC2.DescribeAddresses(ctx, &ec2.DescribeAddressesInput{
		Filters: []types.Filter{{Name: aws.String("tag-key"), Values: []string{assignertest.PoolTagKey}}},
	})
	if err != nil {
		return err
	}
	first, ok := firstFree(pool.Addresses)
	if !ok {
		return errors.New("the pool has no free address")
	}
	if _, err := cloud.EC2.AssociateAddress(ctx, &ec2.AssociateAddressInput{AllocationId: aws.String(first), NetworkInterfaceId: primary(instance)}); err != nil {
		return err
	}
	return launch.goOn(ctx, cloud.AutoScaling)
}

func describe(ctx context.Context, cloud assignertest.EC2, instanceID string) (types.Instance, error) {
	found, err := cloud.DescribeInstances(ctx, &ec2.DescribeInstancesInput{InstanceIds: []string{instanceID}})
	if err != nil {
		return types.Instance{}, err
	}
	if len(found.Reservations) != 1 || len(found.Reservations[0].Instances) != 1 {
		return types.Instance{}, fmt.Errorf("EC2 shows %d reservations of %s", len(found.Reservations), instanceID)
	}
	return found.Reservations[0].Instances[0], nil
}

// primary is the id of an instance's interface with device index 0.
func primary(instance types.Instance) *string {
	for _, n := range instance.NetworkInterfaces {
		if aws.ToInt32(n.Attachment.DeviceIndex) == 0 {
			return n.NetworkInterfaceId
		}
	}
	return nil
}

// manager is how metaphor-cloud/aws-asg-eip-manager (at e9adcc5) treats a launch: the pool is divided among the zones; the
// first free address of the instance's zone is associated, with reassociation allowed; where there is none,
// one is allocated for the time being; and whatever happened, the instance goes on. Its pool is a list of allocation ids,
// which here is read by tag, and the second interface that it makes for the address is left out, since the instance's own
// serves as well.
type manager struct {
	// zones are the letters of the zones, in the order in which they share the pool.
	zones string
}

// launch serves the event of a launch. Its error is that of the completion alone.
func (m manager) launch(ctx context.Context, cloud assignertest.Clients, payload json.RawMessage) error {
	launch, err := readLaunching(payload)
	if err != nil {
		return err
	}
	// The manager logs what goes wrong here, and goes on.
	_ = m.associate(ctx, cloud.EC2, launch.Instance)
	return launch.goOn(ctx, cloud.AutoScaling)
}

func (m manager) associate(ctx context.Context, cloud assignertest.EC2, instanceID string) error {
	instance, err := describe(ctx, cloud, instanceID)
	if err != nil {
		return err
	}
	address, err := m.address(ctx, cloud, aws.ToString(instance.Placement.AvailabilityZone))
	if err != nil {
		return err
	}
	_, err = cloud.AssociateAddress(ctx, &ec2.AssociateAddressInput{
		AllocationId: aws.String(address), NetworkInterfaceId: primary(instance), AllowReassociation: aws.Bool(true),
	})
	return err
}

// address finds the first free one of a zone, or allocates one.
func (m manager) address(ctx context.Context, cloud assignertest.EC2, zone string) (allocationID string, err error) {
	pool, err := cloud.DescribeAddresses(ctx, &ec2.DescribeAddressesInput{
		Filters: []types.Filter{{Name: aws.String("tag:" + assignertest.PoolTagKey), Values: []string{assignertest.PoolName}}},
	})
	if err != nil {
		return "", err
	}
	if id, ok := firstFree(m.share(pool.Addresses, zone)); ok {
		return id, nil
	}
	transient, err := cloud.AllocateAddress(ctx, &ec2.AllocateAddressInput{
		Domain: types.DomainTypeVpc,
		TagSpecifications: []types.TagSpecification{{
			ResourceType: types.ResourceTypeElasticIp, Tags: []types.Tag{{Key: aws.String("auto-allocated"), Value: aws.String("true")}},
		}},
	})
	if err != nil {
		return "", err
	}
	return aws.ToString(transient.AllocationId), nil
}

// share is the part of the pool that a zone has, such as the first third.
func (m manager) share(pool []types.Address, zone string) []types.Address {
	for n, letter := range m.zones {
		if strings.HasSuffix(zone, string(letter)) {
			return pool[n*len(pool)/len(m.zones) : (n+1)*len(pool)/len(m.zones)]
		}
	}
	return nil
}
