package assigner

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	astypes "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/smithy-go"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/eiptag"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/waiter"
)

// The tests run in testing/synctest bubbles: time is virtual, and the order in which
// concurrent claimers reach the fake follows from the seeded latencies alone.

var testConfig = Config{
	PoolTagKey: eiptag.DefaultPoolKey, PoolName: "egress", Group: "proxies",
	LaunchHook: "launch-hook", TerminateHook: "terminate-hook", HeartbeatTimeout: 300 * time.Second,
}

func apiError(code, message string) error {
	return &smithy.GenericAPIError{Code: code, Message: message}
}

// fakeInstance is one EC2 instance and its place in the group.
type fakeInstance struct {
	id, eni, privateIP string
	extraENI           string // listed before the primary one
	state              string
	lifecycle          string // "" when not in the group
	hook, token        string // the active lifecycle action
	expires            time.Time
	launched           time.Time
	foreignIP          string
	result             string
	zone, abandoned    string
	foreign            bool // not of the fleet: without its tag
	held               bool // another launch hook holds it too
}

// fakeAWS is EC2's addresses and one Auto Scaling group, as strict as the real ones:
// reassociation is the default, an association has an id of its own, reads may lag.
type fakeAWS struct {
	mu        sync.Mutex
	addresses map[string]types.Address
	instances map[string]*fakeInstance
	history   []snapshot
	// staleness is how far a DescribeAddresses may look back.
	staleness time.Duration
	// swap: an interface that has an address gives it up for the new one, as EC2 does with
	// reassociation; otherwise the association is refused.
	swap bool
	// phantoms is how many associations are still answered with success and no effect.
	phantoms  int
	latency   time.Duration
	heartbeat time.Duration
	serial    int

	// before may refuse a call; after may lose its answer. Both see the operation, and
	// how many times it was called, this call included.
	before, after func(op string, n int) error
	calls         map[string]int
	steals        int
	violations    []string
	reasons       map[string]string
}

type snapshot struct {
	at        time.Time
	addresses map[string]types.Address
}

func newFake(addresses, instances int) *fakeAWS {
	f := &fakeAWS{
		addresses: map[string]types.Address{}, instances: map[string]*fakeInstance{}, calls: map[string]int{},
		reasons: map[string]string{}, latency: 40 * time.Millisecond, heartbeat: testConfig.HeartbeatTimeout,
	}
	for n := range addresses {
		f.addAddress(fmt.Sprintf("eipalloc-%02d", n), fmt.Sprintf("52.0.0.%d", n+1))
	}
	for n := range instances {
		f.addInstance(fmt.Sprintf("i-%02d", n), "Pending:Wait")
	}
	f.remember()
	return f
}

func (f *fakeAWS) addAddress(id, ip string) {
	f.addresses[id] = types.Address{AllocationId: aws.String(id), PublicIp: aws.String(ip), Tags: []types.Tag{
		{Key: aws.String(testConfig.PoolTagKey), Value: aws.String(testConfig.PoolName)},
	}}
}

func (f *fakeAWS) addInstance(id, lifecycle string) *fakeInstance {
	i := &fakeInstance{id: id, zone: "us-east-1a", eni: "eni-" + id[2:], privateIP: "10.0.0." + id[2:], state: "running", lifecycle: lifecycle, launched: time.Now()}
	switch lifecycle {
	case statePendingWait:
		i.hook = testConfig.LaunchHook
	case stateTerminatingWait:
		i.hook = testConfig.TerminateHook
	}
	i.token, i.expires = "token-"+id, time.Now().Add(f.heartbeat)
	f.instances[id] = i
	return i
}

// tag sets a tag of an address.
func (f *fakeAWS) tag(id, key, value string) {
	f.retag(id, key, value)
	f.remember()
}

func (f *fakeAWS) retag(id, key, value string) {
	a := f.addresses[id]
	a.Tags = slices.DeleteFunc(slices.Clone(a.Tags), func(t types.Tag) bool { return *t.Key == key })
	a.Tags = append(a.Tags, types.Tag{Key: aws.String(key), Value: aws.String(value)})
	f.addresses[id] = a
}

// give associates without any check: what a test starts from, or another actor does.
func (f *fakeAWS) give(allocation, instanceID, eni, privateIP string) {
	a := f.addresses[allocation]
	f.serial++
	a.AssociationId = aws.String(fmt.Sprintf("eipassoc-%d", f.serial))
	a.InstanceId, a.NetworkInterfaceId, a.PrivateIpAddress = aws.String(instanceID), aws.String(eni), aws.String(privateIP)
	f.addresses[allocation] = a
	f.remember()
}

func (f *fakeAWS) giveTo(allocation, instanceID string) {
	i := f.instances[instanceID]
	f.give(allocation, i.id, i.eni, i.privateIP)
}

func (f *fakeAWS) take(allocation string) {
	a := f.addresses[allocation]
	a.AssociationId, a.InstanceId, a.NetworkInterfaceId, a.PrivateIpAddress = nil, nil, nil, nil
	f.addresses[allocation] = a
	f.remember()
}

func (f *fakeAWS) remember() {
	f.history = append(f.history, snapshot{time.Now(), maps.Clone(f.addresses)})
}

// terminate ends an instance: its interface goes, and with it the association.
func (f *fakeAWS) terminate(i *fakeInstance) {
	i.state, i.lifecycle, i.hook = "terminated", "", ""
	for id, a := range f.addresses {
		if aws.ToString(a.NetworkInterfaceId) == i.eni {
			f.take(id)
		}
	}
}

// expire lets Auto Scaling act on heartbeats that did not come: the launch hook's default is ABANDON.
func (f *fakeAWS) expire() {
	for _, i := range f.instances {
		if i.hook == testConfig.LaunchHook && time.Now().After(i.expires) {
			i.result = "EXPIRED"
			f.terminate(i)
		}
	}
}

// asPool is the addresses as the assigner reads them.
func (f *fakeAWS) asPool() []address {
	var out []address
	for _, id := range slices.Sorted(maps.Keys(f.addresses)) {
		out = append(out, toAddress(f.addresses[id]))
	}
	return out
}

// held lists the allocation ids at an instance.
func (f *fakeAWS) held(instanceID string) []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.heldLocked(instanceID)
}

func (f *fakeAWS) heldLocked(instanceID string) []string {
	var out []string
	for id, a := range f.addresses {
		if a.InstanceId != nil && *a.InstanceId == instanceID {
			out = append(out, id)
		}
	}
	slices.Sort(out)
	return out
}

// client is one caller's view of the fake, with latencies of its own.
type client struct {
	*fakeAWS
	rng *rand.Rand
}

// newAssigner returns an assigner that talks to f; seed decides its latencies and jitter.
func newAssigner(f *fakeAWS, seed uint64) *Assigner {
	c := &client{f, rand.New(rand.NewPCG(seed, 1))}
	jitter := rand.New(rand.NewPCG(seed, 2))
	return &Assigner{
		Config: testConfig, EC2: c, AutoScaling: c, Log: slog.New(slog.NewJSONHandler(io.Discard, nil)),
		Waiter: waiter.Waiter{Min: time.Second, Max: 5 * time.Second, Jitter: func(d time.Duration) time.Duration {
			return time.Duration(float64(d) * (0.75 + jitter.Float64()/2))
		}},
	}
}

// call runs one operation: half of the latency before it takes effect, half after.
func (c *client) call(ctx context.Context, op string, do func() error) error {
	if err := c.travel(ctx); err != nil {
		return err
	}
	c.mu.Lock()
	c.calls[op]++
	n := c.calls[op]
	c.expire()
	var err error
	if c.before != nil {
		err = c.before(op, n)
	}
	if err == nil {
		err = do()
	}
	if err == nil && c.after != nil {
		err = c.after(op, n)
	}
	c.mu.Unlock()
	if lost := c.travel(ctx); lost != nil {
		return lost
	}
	return err
}

func (c *client) travel(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(time.Duration(1 + c.rng.Int64N(int64(c.latency)))):
		return nil
	}
}

func (c *client) DescribeAddresses(ctx context.Context, in *ec2.DescribeAddressesInput, _ ...func(*ec2.Options)) (*ec2.DescribeAddressesOutput, error) {
	out := &ec2.DescribeAddressesOutput{}
	if len(in.AllocationIds) > 0 || len(in.Filters) != 1 {
		return nil, apiError("NotImplemented", "the fake knows one filter")
	}
	var lag time.Duration
	if c.staleness > 0 {
		lag = time.Duration(c.rng.Int64N(int64(c.staleness)))
	}
	err := c.call(ctx, "DescribeAddresses", func() error {
		shown := c.history[0].addresses
		for _, past := range c.history {
			if !past.at.After(time.Now().Add(-lag)) {
				shown = past.addresses
			}
		}
		for _, a := range shown {
			for _, tag := range a.Tags {
				if "tag:"+*tag.Key == *in.Filters[0].Name && slices.Contains(in.Filters[0].Values, *tag.Value) {
					out.Addresses = append(out.Addresses, a)
				}
			}
		}
		return nil
	})
	return out, err
}

func (c *client) DescribeInstances(ctx context.Context, in *ec2.DescribeInstancesInput, _ ...func(*ec2.Options)) (*ec2.DescribeInstancesOutput, error) {
	out := &ec2.DescribeInstancesOutput{}
	if len(in.Filters[0].Values) > 200 {
		return nil, apiError("FilterLimitExceeded", "The maximum number of filter values specified on a single call is 200")
	}
	err := c.call(ctx, "DescribeInstances", func() error {
		ids := in.Filters[0].Values
		if *in.Filters[0].Name == "tag-key" {
			ids = slices.Sorted(maps.Keys(c.instances))
		}
		for _, id := range ids {
			i, ok := c.instances[id]
			if !ok || *in.Filters[0].Name == "tag-key" && i.abandoned == "" {
				continue
			}
			described := types.Instance{
				InstanceId: &i.id, LaunchTime: &i.launched, State: &types.InstanceState{Name: types.InstanceStateName(i.state)},
				Placement: &types.Placement{AvailabilityZone: &i.zone},
				Tags:      []types.Tag{{Key: aws.String(eiptag.Abandoned), Value: &i.abandoned}},
			}
			if !i.foreign {
				described.Tags = append(described.Tags, types.Tag{Key: aws.String(eiptag.DefaultPoolKey), Value: aws.String(testConfig.PoolName)})
			}
			if i.extraENI != "" {
				described.NetworkInterfaces = append(described.NetworkInterfaces, types.InstanceNetworkInterface{
					NetworkInterfaceId: &i.extraENI, Attachment: &types.InstanceNetworkInterfaceAttachment{DeviceIndex: aws.Int32(1)},
				})
			}
			if i.state != "terminated" {
				primary := types.InstanceNetworkInterface{
					NetworkInterfaceId: &i.eni, PrivateIpAddress: &i.privateIP,
					Attachment: &types.InstanceNetworkInterfaceAttachment{DeviceIndex: aws.Int32(0)},
				}
				if i.foreignIP != "" {
					primary.Association = &types.InstanceNetworkInterfaceAssociation{PublicIp: &i.foreignIP, IpOwnerId: aws.String("123456789012")}
				}
				described.NetworkInterfaces = append(described.NetworkInterfaces, primary)
			}
			out.Reservations = append(out.Reservations, types.Reservation{Instances: []types.Instance{described}})
		}
		return nil
	})
	return out, err
}

func (c *client) AssociateAddress(ctx context.Context, in *ec2.AssociateAddressInput, _ ...func(*ec2.Options)) (*ec2.AssociateAddressOutput, error) {
	out := &ec2.AssociateAddressOutput{}
	err := c.call(ctx, "AssociateAddress", func() error {
		a, ok := c.addresses[*in.AllocationId]
		if !ok {
			return apiError("InvalidAllocationID.NotFound", "The allocation ID '"+*in.AllocationId+"' does not exist")
		}
		var target *fakeInstance
		for _, i := range c.instances {
			if i.eni == *in.NetworkInterfaceId || i.extraENI == *in.NetworkInterfaceId {
				target = i
			}
		}
		if target == nil || target.state == "terminated" {
			return apiError("InvalidNetworkInterfaceID.NotFound", "The networkInterface ID '"+*in.NetworkInterfaceId+"' does not exist")
		}
		if c.phantoms > 0 {
			c.phantoms--
			out.AssociationId = aws.String("eipassoc-phantom")
			return nil
		}
		reassociate := in.AllowReassociation == nil || *in.AllowReassociation
		if a.AssociationId != nil {
			if !reassociate {
				return apiError("Resource.AlreadyAssociated", fmt.Sprintf("resource %s is already associated with associate-id %s", *in.AllocationId, *a.AssociationId))
			}
			c.steals++
		}
		if target.foreignIP != "" && !c.swap {
			return apiError("Resource.AlreadyAssociated", fmt.Sprintf("resource %s is already associated", *in.NetworkInterfaceId))
		}
		for _, other := range c.heldLocked(target.id) {
			if !c.swap {
				return apiError("Resource.AlreadyAssociated", fmt.Sprintf("resource %s is already associated with associate-id %s", *in.NetworkInterfaceId, *c.addresses[other].AssociationId))
			}
			c.take(other)
		}
		c.give(*in.AllocationId, target.id, *in.NetworkInterfaceId, target.privateIP)
		out.AssociationId = c.addresses[*in.AllocationId].AssociationId
		return nil
	})
	return out, err
}

func (c *client) DisassociateAddress(ctx context.Context, in *ec2.DisassociateAddressInput, _ ...func(*ec2.Options)) (*ec2.DisassociateAddressOutput, error) {
	return &ec2.DisassociateAddressOutput{}, c.call(ctx, "DisassociateAddress", func() error {
		for id, a := range c.addresses {
			if aws.ToString(a.AssociationId) == *in.AssociationId {
				c.take(id)
				return nil
			}
		}
		return apiError("InvalidAssociationID.NotFound", "The association ID '"+*in.AssociationId+"' does not exist")
	})
}

func (c *client) CreateTags(ctx context.Context, in *ec2.CreateTagsInput, _ ...func(*ec2.Options)) (*ec2.CreateTagsOutput, error) {
	return &ec2.CreateTagsOutput{}, c.call(ctx, "CreateTags", func() error {
		if i, ok := c.instances[in.Resources[0]]; ok {
			i.abandoned = *in.Tags[0].Value
			return nil
		}
		for _, tag := range in.Tags {
			c.retag(in.Resources[0], *tag.Key, *tag.Value)
		}
		c.remember()
		c.reasons[in.Resources[0]] = *in.Tags[0].Value
		return nil
	})
}

func (c *client) DescribeAutoScalingGroups(ctx context.Context, in *autoscaling.DescribeAutoScalingGroupsInput, _ ...func(*autoscaling.Options)) (*autoscaling.DescribeAutoScalingGroupsOutput, error) {
	out := &autoscaling.DescribeAutoScalingGroupsOutput{}
	err := c.call(ctx, "DescribeAutoScalingGroups", func() error {
		group := astypes.AutoScalingGroup{AutoScalingGroupName: aws.String(in.AutoScalingGroupNames[0])}
		for _, i := range c.instances {
			if i.lifecycle != "" {
				group.Instances = append(group.Instances, astypes.Instance{InstanceId: aws.String(i.id), LifecycleState: astypes.LifecycleState(i.lifecycle), AvailabilityZone: &i.zone})
			}
		}
		out.AutoScalingGroups = []astypes.AutoScalingGroup{group}
		return nil
	})
	return out, err
}

func (c *client) DescribeAutoScalingInstances(ctx context.Context, in *autoscaling.DescribeAutoScalingInstancesInput, _ ...func(*autoscaling.Options)) (*autoscaling.DescribeAutoScalingInstancesOutput, error) {
	out := &autoscaling.DescribeAutoScalingInstancesOutput{}
	if len(in.InstanceIds) > 50 {
		return nil, apiError("ValidationError", "The number of instance IDs that may be passed in is limited to 50")
	}
	err := c.call(ctx, "DescribeAutoScalingInstances", func() error {
		for _, id := range in.InstanceIds {
			if i, ok := c.instances[id]; ok && i.lifecycle != "" {
				out.AutoScalingInstances = append(out.AutoScalingInstances, astypes.AutoScalingInstanceDetails{
					InstanceId: aws.String(i.id), LifecycleState: aws.String(i.lifecycle), AutoScalingGroupName: aws.String(testConfig.Group),
				})
			}
		}
		return nil
	})
	return out, err
}

// active finds the instance whose action a call names, by hook and by token or instance.
func (c *client) active(hook, token, instanceID *string) (*fakeInstance, error) {
	for _, i := range c.instances {
		if i.hook == aws.ToString(hook) && i.hook != "" && (token != nil && i.token == *token || token == nil && i.id == aws.ToString(instanceID)) {
			return i, nil
		}
	}
	if token != nil {
		return nil, apiError("ValidationError", "No active Lifecycle Action found with token "+*token)
	}
	return nil, apiError("ValidationError", "No active Lifecycle Action found with instance ID "+aws.ToString(instanceID))
}

func (c *client) CompleteLifecycleAction(ctx context.Context, in *autoscaling.CompleteLifecycleActionInput, _ ...func(*autoscaling.Options)) (*autoscaling.CompleteLifecycleActionOutput, error) {
	return &autoscaling.CompleteLifecycleActionOutput{}, c.call(ctx, "CompleteLifecycleAction", func() error {
		i, err := c.active(in.LifecycleHookName, in.LifecycleActionToken, in.InstanceId)
		if err != nil {
			return err
		}
		i.result = *in.LifecycleActionResult
		switch {
		case i.hook == testConfig.TerminateHook || i.result == resultAbandon:
			c.terminate(i)
		default:
			i.hook = ""
			if !i.held {
				i.lifecycle = stateInService
			}
			if owned := c.heldLocked(i.id); len(owned) != 1 {
				c.violations = append(c.violations, fmt.Sprintf("%s passed its hook with %d addresses: %v", i.id, len(owned), owned))
			} else if !toAddress(c.addresses[owned[0]]).servable() {
				c.violations = append(c.violations, fmt.Sprintf("%s passed its hook on %s, which is not admitted", i.id, owned[0]))
			}
		}
		return nil
	})
}

func (c *client) RecordLifecycleActionHeartbeat(ctx context.Context, in *autoscaling.RecordLifecycleActionHeartbeatInput, _ ...func(*autoscaling.Options)) (*autoscaling.RecordLifecycleActionHeartbeatOutput, error) {
	return &autoscaling.RecordLifecycleActionHeartbeatOutput{}, c.call(ctx, "RecordLifecycleActionHeartbeat", func() error {
		i, err := c.active(in.LifecycleHookName, in.LifecycleActionToken, in.InstanceId)
		if err == nil {
			i.expires = time.Now().Add(c.heartbeat)
		}
		return err
	})
}

// check fails the test for every broken invariant.
func (f *fakeAWS) check(t *testing.T) {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.steals != 0 {
		t.Errorf("%d addresses changed hands without a release", f.steals)
	}
	for _, violation := range f.violations {
		t.Error(violation)
	}
	if text := fmt.Sprint(f.reasons); strings.Contains(text, "%!") {
		t.Errorf("malformed reason: %s", text)
	}
}

// results counts the instances by how their lifecycle action ended.
func (f *fakeAWS) results() map[string]int {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := map[string]int{}
	for _, i := range f.instances {
		out[i.result]++
	}
	return out
}

// lifecycleEvent is the payload that EventBridge delivers for an instance.
func lifecycleEvent(i *fakeInstance, hook, transition, destination string) []byte {
	if destination != "" {
		destination = fmt.Sprintf(`,"Origin":"EC2","Destination":%q`, destination)
	}
	return fmt.Appendf(nil, `{"source":"aws.autoscaling","detail-type":"EC2 Instance-launch Lifecycle Action","time":%q,"detail":{"LifecycleActionToken":%q,"AutoScalingGroupName":%q,"LifecycleHookName":%q,"EC2InstanceId":%q,"LifecycleTransition":%q%s}}`,
		time.Now().UTC().Format(time.RFC3339), "token-"+i.id, testConfig.Group, hook, i.id, transition, destination)
}

func launchEvent(i *fakeInstance) []byte {
	return lifecycleEvent(i, testConfig.LaunchHook, launching, "")
}

func terminateEvent(i *fakeInstance) []byte {
	return lifecycleEvent(i, testConfig.TerminateHook, terminating, "")
}
