package assigner

import (
	"cmp"
	"context"
	"fmt"
	"slices"

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

// leads reports whether i's traffic leaves from the address: it is on the primary private address
// of the primary interface.
func (a address) leads(i instance) bool {
	return a.interfaceID == i.primary && a.privateIP == i.primaryPrivateIP
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

// describePool lists the pool: one call, by filter, because a list of allocation ids
// fails as a whole when one of them is gone.
func (r *run) describePool(ctx context.Context) ([]address, error) {
	out, err := r.EC2.DescribeAddresses(ctx, &ec2.DescribeAddressesInput{Filters: []types.Filter{
		{Name: aws.String("tag:" + r.Config.PoolTagKey), Values: []string{r.Config.PoolName}},
	}})
	if err != nil {
		r.saw(err)
		return nil, fmt.Errorf("reading the addresses of pool %s: %w", r.Config.PoolName, err)
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

// own lists the addresses that i holds, the one that its traffic leaves from first.
func own(pool []address, i instance) []address {
	var held []address
	for _, a := range pool {
		if a.heldBy(i) {
			held = append(held, a)
		}
	}
	slices.SortStableFunc(held, func(x, y address) int {
		return cmp.Compare(boolRank(x.leads(i)), boolRank(y.leads(i)))
	})
	return held
}

func boolRank(first bool) int {
	if first {
		return 0
	}
	return 1
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
