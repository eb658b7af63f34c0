package assigner_test

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/assigner/assignertest"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/eiptag"
)

// mutantSchedules is within how many schedules each mutant has to be found out.
const mutantSchedules = 2000

// A mutant is the assigner with one safeguard taken out, by what stands between it and AWS, or between
// it and its events.
type mutant struct {
	change func(c *assignertest.Clients, payload *json.RawMessage)
	// breaks is the promise that this one breaks.
	breaks string
}

func (m mutant) handle(ctx context.Context, c assignertest.Clients, payload json.RawMessage) error {
	m.change(&c, &payload)
	return handle(ctx, c, payload)
}

var thief = mutant{
	change: func(c *assignertest.Clients, _ *json.RawMessage) { c.EC2 = reassociating{c.EC2} },
	breaks: "without a release",
}

// The same schedules that the assigner passes find out an assigner without any one of its safeguards.
func TestSchedulesFindOutWhoLacksASafeguard(t *testing.T) {
	mutants := map[string]mutant{
		"AllowReassociation left out": thief,
		"no read-back": {
			change: func(c *assignertest.Clients, _ *json.RawMessage) {
				c.EC2 = &believing{EC2: c.EC2, private: map[string]*string{}}
			},
			breaks: "enters service with no address",
		},
		"CONTINUE in place of ABANDON": {
			change: func(c *assignertest.Clients, _ *json.RawMessage) { c.AutoScaling = continuing{c.AutoScaling} },
			breaks: "enters service with no address",
		},
		"release without a look at who has the address": {
			change: func(c *assignertest.Clients, payload *json.RawMessage) {
				var event struct {
					Detail struct{ EC2InstanceID string }
				}
				if json.Unmarshal(*payload, &event) == nil && strings.Contains(string(*payload), assignertest.TerminateHook) {
					c.EC2 = careless{c.EC2, event.Detail.EC2InstanceID}
				}
			},
			breaks: "which is in service and has no other",
		},
		"no look at the firewall's admission": {
			change: func(c *assignertest.Clients, _ *json.RawMessage) { c.EC2 = unguarded{c.EC2} },
			breaks: "which it may not serve from",
		},
		"no look at foreign addresses": {
			change: func(c *assignertest.Clients, _ *json.RawMessage) { c.EC2 = blind{c.EC2} },
			breaks: "which is not of the pool",
		},
		"no reconciler": {
			change: func(_ *assignertest.Clients, payload *json.RawMessage) {
				if strings.Contains(string(*payload), "Scheduled Event") {
					*payload = json.RawMessage(`{}`)
				}
			},
			breaks: "after the last fault",
		},
		"completion by instance where the token is another action's": {
			change: func(c *assignertest.Clients, payload *json.RawMessage) {
				c.AutoScaling = tokenless{c.AutoScaling, instanceOf(*payload)}
			},
			breaks: "enters service with no address",
		},
	}
	for name, m := range mutants {
		t.Run(name, func(t *testing.T) {
			s, failed := violated(m.handle, m.breaks, 1, mutantSchedules)
			if !failed {
				t.Fatalf("%d schedules did not show %q", mutantSchedules, m.breaks)
			}
			t.Logf("found out by seed %d: %s", s.Seed, s.Play(m.handle, nil)[0])
		})
	}
}

// instanceOf is the instance that an event is about, or "".
func instanceOf(payload json.RawMessage) string {
	var event struct {
		Detail struct{ EC2InstanceID string }
	}
	_ = json.Unmarshal(payload, &event) // scheduled events have none
	return event.Detail.EC2InstanceID
}

// reassociating leaves AllowReassociation to EC2's default.
type reassociating struct{ assignertest.EC2 }

func (c reassociating) AssociateAddress(ctx context.Context, in *ec2.AssociateAddressInput, options ...func(*ec2.Options)) (*ec2.AssociateAddressOutput, error) {
	changed := *in
	changed.AllowReassociation = nil
	return c.EC2.AssociateAddress(ctx, &changed, options...)
}

// believing shows every association as done as soon as EC2 has accepted it.
type believing struct {
	assignertest.EC2
	accepted *ec2.AssociateAddressInput
	id       *string
	// private is the private address of each interface that was shown.
	private map[string]*string
}

func (c *believing) DescribeInstances(ctx context.Context, in *ec2.DescribeInstancesInput, options ...func(*ec2.Options)) (*ec2.DescribeInstancesOutput, error) {
	out, err := c.EC2.DescribeInstances(ctx, in, options...)
	if err == nil {
		for _, reservation := range out.Reservations {
			for _, instance := range reservation.Instances {
				for _, nic := range instance.NetworkInterfaces {
					c.private[*nic.NetworkInterfaceId] = nic.PrivateIpAddress
				}
			}
		}
	}
	return out, err
}

func (c *believing) AssociateAddress(ctx context.Context, in *ec2.AssociateAddressInput, options ...func(*ec2.Options)) (*ec2.AssociateAddressOutput, error) {
	out, err := c.EC2.AssociateAddress(ctx, in, options...)
	if err == nil {
		c.accepted, c.id = in, out.AssociationId
	}
	return out, err
}

func (c *believing) DescribeAddresses(ctx context.Context, in *ec2.DescribeAddressesInput, options ...func(*ec2.Options)) (*ec2.DescribeAddressesOutput, error) {
	out, err := c.EC2.DescribeAddresses(ctx, in, options...)
	if err != nil || c.accepted == nil {
		return out, err
	}
	nic := c.accepted.NetworkInterfaceId
	for n := range out.Addresses {
		shown := &out.Addresses[n]
		switch {
		case aws.ToString(shown.AllocationId) == aws.ToString(c.accepted.AllocationId):
			shown.AssociationId, shown.NetworkInterfaceId, shown.InstanceId, shown.PrivateIpAddress = c.id, nic, nil, c.private[*nic]
		case aws.ToString(shown.NetworkInterfaceId) == *nic:
			shown.AssociationId, shown.NetworkInterfaceId, shown.InstanceId, shown.PrivateIpAddress = nil, nil, nil, nil
		}
	}
	return out, nil
}

// continuing never abandons.
type continuing struct{ assignertest.AutoScaling }

func (c continuing) CompleteLifecycleAction(ctx context.Context, in *autoscaling.CompleteLifecycleActionInput, options ...func(*autoscaling.Options)) (*autoscaling.CompleteLifecycleActionOutput, error) {
	changed := *in
	changed.LifecycleActionResult = aws.String("CONTINUE")
	return c.AutoScaling.CompleteLifecycleAction(ctx, &changed, options...)
}

// tokenless names the action to complete by its instance.
type tokenless struct {
	assignertest.AutoScaling
	instanceID string
}

func (c tokenless) CompleteLifecycleAction(ctx context.Context, in *autoscaling.CompleteLifecycleActionInput, options ...func(*autoscaling.Options)) (*autoscaling.CompleteLifecycleActionOutput, error) {
	changed := *in
	if changed.LifecycleActionToken != nil {
		changed.LifecycleActionToken, changed.InstanceId = nil, aws.String(c.instanceID)
	}
	return c.AutoScaling.CompleteLifecycleAction(ctx, &changed, options...)
}

// careless shows every address that an instance has had as still its own.
type careless struct {
	assignertest.EC2
	instanceID string
}

func (c careless) DescribeAddresses(ctx context.Context, in *ec2.DescribeAddressesInput, options ...func(*ec2.Options)) (*ec2.DescribeAddressesOutput, error) {
	out, err := c.EC2.DescribeAddresses(ctx, in, options...)
	if err == nil {
		for n, shown := range out.Addresses {
			had := slices.ContainsFunc(shown.Tags, func(tag types.Tag) bool {
				return *tag.Key == eiptag.LastReason && strings.Contains(*tag.Value, c.instanceID)
			})
			if had && shown.AssociationId != nil {
				out.Addresses[n].InstanceId = aws.String(c.instanceID)
			}
		}
	}
	return out, err
}

// unguarded shows no tag that keeps an address from being claimed.
type unguarded struct{ assignertest.EC2 }

func (c unguarded) DescribeAddresses(ctx context.Context, in *ec2.DescribeAddressesInput, options ...func(*ec2.Options)) (*ec2.DescribeAddressesOutput, error) {
	out, err := c.EC2.DescribeAddresses(ctx, in, options...)
	if err == nil {
		for n := range out.Addresses {
			out.Addresses[n].Tags = slices.DeleteFunc(out.Addresses[n].Tags, func(tag types.Tag) bool {
				return *tag.Key == eiptag.Admission || *tag.Key == eiptag.Lifecycle
			})
		}
	}
	return out, err
}

// blind shows no association at an instance.
type blind struct{ assignertest.EC2 }

func (c blind) DescribeInstances(ctx context.Context, in *ec2.DescribeInstancesInput, options ...func(*ec2.Options)) (*ec2.DescribeInstancesOutput, error) {
	out, err := c.EC2.DescribeInstances(ctx, in, options...)
	if err == nil {
		for _, reservation := range out.Reservations {
			for i := range reservation.Instances {
				for n := range reservation.Instances[i].NetworkInterfaces {
					reservation.Instances[i].NetworkInterfaces[n].Association = nil
				}
			}
		}
	}
	return out, err
}
