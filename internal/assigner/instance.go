package assigner

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// instance is what the assigner needs to know of an EC2 instance.
type instance struct {
	id, state, zone string
	// launched is the last start: an instance of a warm pool has several.
	launched   time.Time
	interfaces []string
	// primary is the interface with device index 0, wherever it stands in EC2's list.
	primary          string
	primaryPrivateIP string
	// publicIP and publicIPOwner are the association of the primary interface as the
	// instance's description shows it; owner "amazon" is an ephemeral address.
	publicIP, publicIPOwner string
	tags                    map[string]string
}

// leaving reports whether the instance can never serve again.
func (i instance) leaving() bool {
	return i.state == string(types.InstanceStateNameShuttingDown) || i.state == string(types.InstanceStateNameTerminated)
}

// claimant is the instance as one that wants an address.
func (i instance) claimant() claimant { return claimant{i.id, i.zone} }

// elasticIP is the address on the primary interface as the instance's description shows it,
// unless that is an ephemeral one, or "".
func (i instance) elasticIP() string {
	if i.publicIPOwner == "" || i.publicIPOwner == "amazon" {
		return ""
	}
	return i.publicIP
}

// pooledAddress is elasticIP if it is one of the pool, or "".
func (i instance) pooledAddress(pool []address) string {
	if slices.ContainsFunc(pool, func(a address) bool { return a.publicIP == i.elasticIP() }) {
		return i.elasticIP()
	}
	return ""
}

// foreignAddress is elasticIP if it is none of the pool, or "".
func (i instance) foreignAddress(pool []address) string {
	if i.pooledAddress(pool) != "" {
		return ""
	}
	return i.elasticIP()
}

// maxFilterValues is how many values a filter of EC2 takes.
const maxFilterValues = 200

// describeInstances returns the instances that EC2 shows among ids; it asks by filter, so that
// one that is not visible (yet, or any more) is left out rather than failing the call.
func (r *run) describeInstances(ctx context.Context, ids ...string) (map[string]instance, error) {
	found := map[string]instance{}
	for some := range slices.Chunk(ids, maxFilterValues) {
		err := r.eachInstance(ctx, func(i instance) { found[i.id] = i }, types.Filter{Name: aws.String("instance-id"), Values: some})
		if err != nil {
			return nil, fmt.Errorf("reading instances %s: %w", strings.Join(some, ", "), err)
		}
	}
	return found, nil
}

func (r *run) eachInstance(ctx context.Context, each func(instance), filters ...types.Filter) error {
	pages := ec2.NewDescribeInstancesPaginator(r.EC2, &ec2.DescribeInstancesInput{Filters: filters})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			r.saw(err)
			return err
		}
		for _, reservation := range page.Reservations {
			for _, described := range reservation.Instances {
				each(toInstance(described))
			}
		}
	}
	return nil
}

func toInstance(described types.Instance) instance {
	i := instance{id: aws.ToString(described.InstanceId), launched: aws.ToTime(described.LaunchTime), tags: map[string]string{}}
	if described.State != nil {
		i.state = string(described.State.Name)
	}
	if described.Placement != nil {
		i.zone = aws.ToString(described.Placement.AvailabilityZone)
	}
	for _, tag := range described.Tags {
		i.tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
	}
	for _, nic := range described.NetworkInterfaces {
		id := aws.ToString(nic.NetworkInterfaceId)
		i.interfaces = append(i.interfaces, id)
		if nic.Attachment == nil || aws.ToInt32(nic.Attachment.DeviceIndex) != 0 {
			continue
		}
		i.primary, i.primaryPrivateIP = id, aws.ToString(nic.PrivateIpAddress)
		if nic.Association != nil {
			i.publicIP, i.publicIPOwner = aws.ToString(nic.Association.PublicIp), aws.ToString(nic.Association.IpOwnerId)
		}
	}
	return i
}
