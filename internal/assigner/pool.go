package assigner

import (
	"cmp"
	"context"
	"fmt"
	"hash/fnv"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/eiptag"
)

// address is one Elastic IP of the pool.
type address struct {
	allocationID, associationID string
	publicIP, privateIP         string
	instanceID, interfaceID     string
	// managed: a service (NLB, NAT Gateway, RDS) holds the address.
	managed bool
	tags    map[string]string
}

// free reports whether nothing holds the address. InstanceId alone would call a NAT
// Gateway's address free.
func (a address) free() bool {
	return a.associationID == "" && a.interfaceID == "" && a.instanceID == "" && !a.managed
}

// heldBy reports whether i has the address.
func (a address) heldBy(i instance) bool {
	if a.associationID == "" || a.managed {
		return false
	}
	return a.instanceID == i.id || slices.Contains(i.interfaces, a.interfaceID)
}

// servable reports whether an instance that holds the address may serve from it: the
// firewall admits it, and it has not left the pool. A draining address still serves.
func (a address) servable() bool {
	tags := map[string]string{}
	for key, value := range a.tags {
		if key != eiptag.Lifecycle || value != eiptag.LifecycleDraining {
			tags[key] = value
		}
	}
	return eiptag.Claimable(tags)
}

// instance is what a claim needs to know of an EC2 instance.
type instance struct {
	id, state  string
	launched   time.Time
	interfaces []string
	// primary is the interface with device index 0, wherever it stands in EC2's list.
	primary          string
	primaryPrivateIP string
	// publicIP and publicIPOwner are the association of the primary interface as the
	// instance's description shows it; owner "amazon" is an ephemeral address.
	publicIP, publicIPOwner string
}

// leaving reports whether the instance can never serve again.
func (i instance) leaving() bool {
	return i.state == string(types.InstanceStateNameShuttingDown) || i.state == string(types.InstanceStateNameTerminated)
}

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

// describePool lists the pool: one call, by filter, because a list of allocation ids
// fails as a whole when one of them is gone.
func (a *Assigner) describePool(ctx context.Context) ([]address, error) {
	out, err := a.EC2.DescribeAddresses(ctx, &ec2.DescribeAddressesInput{Filters: []types.Filter{
		{Name: aws.String("tag:" + a.Config.PoolTagKey), Values: []string{a.Config.PoolName}},
	}})
	if err != nil {
		return nil, fmt.Errorf("reading the addresses of pool %s: %w", a.Config.PoolName, err)
	}
	pool := make([]address, 0, len(out.Addresses))
	for _, found := range out.Addresses {
		pool = append(pool, toAddress(found))
	}
	slices.SortFunc(pool, func(x, y address) int { return cmp.Compare(x.allocationID, y.allocationID) })
	return pool, nil
}

func toAddress(found types.Address) address {
	a := address{
		allocationID: aws.ToString(found.AllocationId), associationID: aws.ToString(found.AssociationId),
		publicIP: aws.ToString(found.PublicIp), privateIP: aws.ToString(found.PrivateIpAddress),
		instanceID: aws.ToString(found.InstanceId), interfaceID: aws.ToString(found.NetworkInterfaceId),
		managed: found.ServiceManaged != "", tags: map[string]string{},
	}
	for _, tag := range found.Tags {
		a.tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
	}
	return a
}

// describeInstances returns the instances that EC2 shows among ids; it asks by filter, so that
// one that is not visible (yet, or any more) is left out rather than failing the call.
func (a *Assigner) describeInstances(ctx context.Context, ids ...string) (map[string]instance, error) {
	found := map[string]instance{}
	if len(ids) == 0 {
		return found, nil
	}
	pages := ec2.NewDescribeInstancesPaginator(a.EC2, &ec2.DescribeInstancesInput{Filters: []types.Filter{
		{Name: aws.String("instance-id"), Values: ids},
	}})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("reading instances %v: %w", ids, err)
		}
		for _, reservation := range page.Reservations {
			for _, described := range reservation.Instances {
				i := toInstance(described)
				found[i.id] = i
			}
		}
	}
	return found, nil
}

func toInstance(described types.Instance) instance {
	i := instance{id: aws.ToString(described.InstanceId), launched: aws.ToTime(described.LaunchTime)}
	if described.State != nil {
		i.state = string(described.State.Name)
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

// own lists the addresses that i holds, the one on its primary private address first.
func own(pool []address, i instance) []address {
	var held []address
	for _, a := range pool {
		if a.heldBy(i) {
			held = append(held, a)
		}
	}
	slices.SortStableFunc(held, func(x, y address) int {
		return cmp.Compare(boolRank(x.privateIP == i.primaryPrivateIP), boolRank(y.privateIP == i.primaryPrivateIP))
	})
	return held
}

func boolRank(first bool) int {
	if first {
		return 0
	}
	return 1
}

// candidates lists the addresses that instanceID may try to claim, in the order of a
// rendezvous hash, so that concurrent claimers start at different addresses and one
// instance always starts at the same.
func candidates(pool []address, instanceID string) []address {
	var free []address
	for _, a := range pool {
		if a.free() && eiptag.Claimable(a.tags) {
			free = append(free, a)
		}
	}
	slices.SortFunc(free, func(x, y address) int {
		return cmp.Or(cmp.Compare(weight(instanceID, y.allocationID), weight(instanceID, x.allocationID)), cmp.Compare(x.allocationID, y.allocationID))
	})
	return free
}

// weight is the rendezvous weight of an address for an instance. FNV alone mixes the
// last bytes poorly, hence the finishing multiplications (those of MurmurHash3).
func weight(instanceID, allocationID string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(instanceID + "\x00" + allocationID))
	x := h.Sum64()
	x = (x ^ x>>33) * 0xff51afd7ed558ccd
	x = (x ^ x>>33) * 0xc4ceb9fe1a85ec53
	return x ^ x>>33
}

// shortage says why no address of the pool can be claimed.
func (a *Assigner) shortage(pool []address) string {
	if len(pool) == 0 {
		return fmt.Sprintf("pool %s is empty: no Elastic IP has the tag %s=%s (keys and values are case-sensitive)", a.Config.PoolName, a.Config.PoolTagKey, a.Config.PoolName)
	}
	var held, leaving, waiting int
	for _, member := range pool {
		switch {
		case !member.free():
			held++
		case member.tags[eiptag.Lifecycle] != "":
			leaving++
		case !eiptag.Claimable(member.tags):
			waiting++
		}
	}
	return fmt.Sprintf("pool %s has no free address: of %d, %d are in use, %d wait for the firewall's admission, %d are leaving the pool", a.Config.PoolName, len(pool), held, waiting, leaving)
}
