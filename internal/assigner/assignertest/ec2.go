package assignertest

import (
	"context"
	"errors"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/elasticip"
)

const accountID = "111122223333"

// translated is an error of the rules as the SDK has it.
func translated(err error) error {
	var refused *elasticip.Error
	if errors.As(err, &refused) {
		return Refusal(refused.Code, "%s", refused.Message)
	}
	return err
}

// matches reports whether a thing with these attributes and tags passes all filters. A filter
// that the model does not know refuses everything.
func matches(filters []types.Filter, tags map[string]string, attribute func(name string) (value string, known bool)) (bool, error) {
	for _, f := range filters {
		name := aws.ToString(f.Name)
		value, has := attribute(name)
		switch key, isTag := strings.CutPrefix(name, "tag:"); {
		case name == "tag-key":
			if !slices.ContainsFunc(f.Values, func(key string) bool { _, ok := tags[key]; return ok }) {
				return false, nil
			}
			continue
		case isTag:
			value, has = tags[key]
			if !has {
				return false, nil
			}
		case !has:
			return false, Refusal("InvalidParameterValue", "The filter '%s' is invalid", name)
		}
		if !slices.Contains(f.Values, value) {
			return false, nil
		}
	}
	return true, nil
}

func (c client) DescribeAddresses(ctx context.Context, in *ec2.DescribeAddressesInput, _ ...func(*ec2.Options)) (*ec2.DescribeAddressesOutput, error) {
	out := &ec2.DescribeAddressesOutput{}
	err := c.call(ctx, "DescribeAddresses", in, func(asOf time.Time) error {
		selected, err := elasticip.Select(c.world.book.ListAsOf(asOf), in.AllocationIds, in.PublicIps)
		if err != nil {
			return translated(err)
		}
		for _, a := range selected {
			passes, err := matches(in.Filters, a.Tags, addressAttributes(a))
			if err != nil {
				return err
			}
			if passes {
				out.Addresses = append(out.Addresses, describedAddress(a))
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func addressAttributes(a elasticip.Address) func(string) (string, bool) {
	return func(name string) (string, bool) {
		held := elasticip.Association{}
		if a.Association != nil {
			held = *a.Association
		}
		switch name {
		case "allocation-id":
			return a.AllocationID, true
		case "public-ip":
			return a.PublicIP.String(), true
		case "domain":
			return "vpc", true
		case "network-border-group":
			return a.BorderGroup, true
		case "association-id":
			return held.ID, true
		case "instance-id":
			return held.Target.InstanceID, true
		case "network-interface-id":
			return held.Target.InterfaceID, true
		case "private-ip-address":
			return held.Target.PrivateIP, true
		}
		return "", false
	}
}

func describedAddress(a elasticip.Address) types.Address {
	shown := types.Address{
		AllocationId: aws.String(a.AllocationID), PublicIp: aws.String(a.PublicIP.String()), Domain: types.DomainTypeVpc,
		NetworkBorderGroup: aws.String(a.BorderGroup), PublicIpv4Pool: aws.String(a.Pool), ServiceManaged: types.ServiceManaged(a.Managed),
	}
	if a.Association != nil {
		to := a.Association.Target
		shown.AssociationId, shown.NetworkInterfaceId = aws.String(a.Association.ID), aws.String(to.InterfaceID)
		shown.PrivateIpAddress, shown.NetworkInterfaceOwnerId = aws.String(to.PrivateIP), aws.String(to.OwnerID)
		if to.InstanceID != "" {
			shown.InstanceId = aws.String(to.InstanceID)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(a.Tags)) {
		shown.Tags = append(shown.Tags, types.Tag{Key: aws.String(key), Value: aws.String(a.Tags[key])})
	}
	return shown
}

func (c client) DescribeInstances(ctx context.Context, in *ec2.DescribeInstancesInput, _ ...func(*ec2.Options)) (*ec2.DescribeInstancesOutput, error) {
	out := &ec2.DescribeInstancesOutput{}
	err := c.call(ctx, "DescribeInstances", in, func(asOf time.Time) error {
		public := c.world.publicAddresses(asOf)
		found := map[string]bool{}
		for _, m := range c.world.machines {
			state := m.state.asOf(asOf)
			if state == "" || len(in.InstanceIds) > 0 && !slices.Contains(in.InstanceIds, m.id) {
				continue
			}
			found[m.id] = true
			passes, err := matches(in.Filters, m.tags, func(name string) (string, bool) {
				switch name {
				case "instance-id":
					return m.id, true
				case "instance-state-name":
					return state, true
				case "availability-zone":
					return m.zone, true
				}
				return "", false
			})
			if err != nil {
				return err
			}
			if passes {
				out.Reservations = append(out.Reservations, types.Reservation{Instances: []types.Instance{m.described(state, public)}})
			}
		}
		for _, id := range in.InstanceIds {
			if !found[id] {
				return Refusal("InvalidInstanceID.NotFound", "The instance ID '%s' does not exist", id)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// association is the public address of a private one.
type association struct {
	ip    netip.Addr
	owner string
}

// socket is what has at most one public address.
type socket struct{ interfaceID, privateIP string }

// publicAddresses is every public address as DescribeInstances shows it at its interface. Those of Amazon are always
// shown as they are now.
func (w *World) publicAddresses(asOf time.Time) map[socket]association {
	out := map[socket]association{}
	if w.schedule.Automatic {
		automatic := w.book.AutomaticIPs()
		for _, m := range w.machines {
			if ip, ok := automatic[m.eni]; ok {
				out[socket{m.eni, m.privateIP}] = association{ip, "amazon"}
			}
		}
	}
	for _, a := range w.book.ListAsOf(asOf) {
		if a.Association != nil {
			to := a.Association.Target
			out[socket{to.InterfaceID, to.PrivateIP}] = association{a.PublicIP, accountID}
		}
	}
	return out
}

func (m *machine) described(state string, public map[socket]association) types.Instance {
	shown := types.Instance{
		InstanceId: aws.String(m.id), LaunchTime: aws.Time(m.launched), State: &types.InstanceState{Name: types.InstanceStateName(state)},
		Placement: &types.Placement{AvailabilityZone: aws.String(m.zone)},
	}
	for _, key := range slices.Sorted(maps.Keys(m.tags)) {
		shown.Tags = append(shown.Tags, types.Tag{Key: aws.String(key), Value: aws.String(m.tags[key])})
	}
	if state == stateTerminated {
		return shown
	}
	for index, nic := range m.interfaces() {
		described := types.InstanceNetworkInterface{
			NetworkInterfaceId: aws.String(nic.id), OwnerId: aws.String(accountID), PrivateIpAddress: aws.String(nic.privateIPs[0]),
			Attachment: &types.InstanceNetworkInterfaceAttachment{DeviceIndex: aws.Int32(int32(index))}, //nolint:gosec // two interfaces
		}
		for n, private := range nic.privateIPs {
			address := types.InstancePrivateIpAddress{PrivateIpAddress: aws.String(private), Primary: aws.Bool(n == 0)}
			if has, ok := public[socket{nic.id, private}]; ok {
				address.Association = &types.InstanceNetworkInterfaceAssociation{PublicIp: aws.String(has.ip.String()), IpOwnerId: aws.String(has.owner)}
				if n == 0 {
					described.Association = address.Association
				}
			}
			described.PrivateIpAddresses = append(described.PrivateIpAddresses, address)
		}
		shown.NetworkInterfaces = append(shown.NetworkInterfaces, described)
	}
	// EC2 promises no order; the primary interface is the one with device index 0.
	slices.Reverse(shown.NetworkInterfaces)
	return shown
}

func (c client) AssociateAddress(ctx context.Context, in *ec2.AssociateAddressInput, _ ...func(*ec2.Options)) (*ec2.AssociateAddressOutput, error) {
	out := &ec2.AssociateAddressOutput{AssociationId: aws.String("eipassoc-phantom")}
	err := c.call(ctx, "AssociateAddress", in, func(time.Time) error {
		m, to, err := c.world.target(in)
		if err != nil {
			return err
		}
		switch state := m.state.last(); state {
		case statePending:
			return Refusal("InvalidInstanceID", "The pending instance '%s' is not in a valid state for this operation.", m.id)
		case stateShuttingDown:
			return Refusal("IncorrectInstanceState", "The shutting-down instance to which '%s' is attached is not in a valid state for this operation", to.InterfaceID)
		}
		if !c.world.allowed(aws.ToString(in.AllocationId)) {
			return denied("AssociateAddress")
		}
		// EC2's default in a VPC is to reassociate.
		reassociate := in.AllowReassociation == nil || *in.AllowReassociation
		id, err := c.world.book.Associate(aws.ToString(in.AllocationId), aws.ToString(in.PublicIp), to, reassociate)
		out.AssociationId = aws.String(id)
		return translated(err)
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// target finds what an association is for.
func (w *World) target(in *ec2.AssociateAddressInput) (*machine, elasticip.Target, error) {
	id, byInstance := aws.ToString(in.NetworkInterfaceId), aws.ToString(in.InstanceId)
	for _, m := range w.machines {
		for _, nic := range m.interfaces() {
			if nic.id != id && (m.id != byInstance || byInstance == "") {
				continue
			}
			switch {
			case m.state.last() == stateTerminated && byInstance != "":
				return nil, elasticip.Target{}, Refusal("InvalidInstanceID", "The terminated instance '%s' is not in a valid state for this operation.", m.id)
			case m.state.last() == stateTerminated:
				return nil, elasticip.Target{}, Refusal("InvalidNetworkInterfaceID.NotFound", "The networkInterface ID '%s' does not exist", id)
			case byInstance != "" && m.second != "":
				return nil, elasticip.Target{}, Refusal("InvalidInstanceID", "There are multiple interfaces attached to instance '%s'. Please specify an interface ID for the operation instead.", m.id)
			}
			private := nic.privateIPs[0]
			if in.PrivateIpAddress != nil {
				private = *in.PrivateIpAddress
			}
			return m, m.target(nic.id, private), nil
		}
	}
	if byInstance != "" {
		return nil, elasticip.Target{}, Refusal("InvalidInstanceID.NotFound", "The instance ID '%s' does not exist", byInstance)
	}
	return nil, elasticip.Target{}, Refusal("InvalidNetworkInterfaceID.NotFound", "The networkInterface ID '%s' does not exist", id)
}

// allowed reports whether the function's role lets it associate an address: one of the pool, by
// its tag. What does not exist is EC2's to refuse.
func (w *World) allowed(allocationID string) bool {
	for _, a := range w.book.List() {
		if a.AllocationID == allocationID {
			return w.unrestricted || a.Tags[PoolTagKey] == PoolName
		}
	}
	return true
}

func (c client) DisassociateAddress(ctx context.Context, in *ec2.DisassociateAddressInput, _ ...func(*ec2.Options)) (*ec2.DisassociateAddressOutput, error) {
	err := c.call(ctx, "DisassociateAddress", in, func(time.Time) error {
		return translated(c.world.book.Disassociate(aws.ToString(in.AssociationId), aws.ToString(in.PublicIp)))
	})
	if err != nil {
		return nil, err
	}
	return &ec2.DisassociateAddressOutput{}, nil
}

func (c client) CreateTags(ctx context.Context, in *ec2.CreateTagsInput, _ ...func(*ec2.Options)) (*ec2.CreateTagsOutput, error) {
	err := c.call(ctx, "CreateTags", in, func(time.Time) error {
		set := func(tags map[string]string) {
			for _, tag := range in.Tags {
				tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
			}
		}
		var addresses []string
		for _, id := range in.Resources {
			if strings.HasPrefix(id, "eipalloc-") {
				addresses = append(addresses, id)
				continue
			}
			m := c.world.machine(id)
			if m == nil {
				return Refusal("InvalidID", "The ID '%s' is not valid", id)
			}
			set(m.tags)
		}
		return translated(c.world.book.Retag(addresses, set))
	})
	if err != nil {
		return nil, err
	}
	return &ec2.CreateTagsOutput{}, nil
}

func (c client) AllocateAddress(ctx context.Context, in *ec2.AllocateAddressInput, _ ...func(*ec2.Options)) (*ec2.AllocateAddressOutput, error) {
	out := &ec2.AllocateAddressOutput{}
	err := c.call(ctx, "AllocateAddress", in, func(time.Time) error {
		tags := map[string]string{}
		for _, spec := range in.TagSpecifications {
			for _, tag := range spec.Tags {
				tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
			}
		}
		a, err := c.world.book.Allocate(elasticip.Allocation{Ask: aws.ToString(in.Address), Tags: tags})
		if err == nil {
			out.AllocationId, out.PublicIp = aws.String(a.AllocationID), aws.String(a.PublicIP.String())
		}
		return translated(err)
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (c client) ReleaseAddress(ctx context.Context, in *ec2.ReleaseAddressInput, _ ...func(*ec2.Options)) (*ec2.ReleaseAddressOutput, error) {
	err := c.call(ctx, "ReleaseAddress", in, func(time.Time) error {
		return translated(c.world.book.Release(aws.ToString(in.AllocationId), aws.ToString(in.NetworkBorderGroup)))
	})
	if err != nil {
		return nil, err
	}
	return &ec2.ReleaseAddressOutput{}, nil
}
