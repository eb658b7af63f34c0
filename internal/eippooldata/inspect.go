package eippooldata

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/eippool"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/eiptag"
)

// API is what the data source needs of EC2 beside the pools themselves; *ec2.Client is one.
type API interface {
	eippool.API
	ec2.DescribeInstancesAPIClient
}

// States of an address.
const (
	free     = "free"
	inUse    = "in_use"
	reserved = "reserved"
	waiting  = "waiting_for_admission"
	draining = eiptag.LifecycleDraining
	retired  = eiptag.LifecycleRetired
	foreign  = "foreign"
)

// states are all states, in the order of an address's life.
var states = []string{waiting, free, reserved, inUse, draining, retired, foreign}

// filterValues is how many values EC2 takes in one filter.
const filterValues = 200

// instance is what EC2 tells of the holder of an address.
type instance struct {
	zone     string
	launched time.Time
	// pool is the pool whose fleet the instance says it is of.
	pool string
}

// instances looks the holders of addresses up: in one call for each 200, in none if no instance holds any.
// One that EC2 does not show (yet, or any more) is left out.
func instances(ctx context.Context, api API, addresses []eippool.Address) (map[string]instance, error) {
	var ids []string
	for _, a := range addresses {
		if a.InstanceID != "" {
			ids = append(ids, a.InstanceID)
		}
	}
	slices.Sort(ids)
	found := map[string]instance{}
	for some := range slices.Chunk(slices.Compact(ids), filterValues) {
		// By filter: a list of ids fails as a whole when one of them is gone.
		pages := ec2.NewDescribeInstancesPaginator(api, &ec2.DescribeInstancesInput{Filters: []types.Filter{{Name: aws.String("instance-id"), Values: some}}})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				return nil, fmt.Errorf("describing the instances that hold addresses: %w", err)
			}
			for _, reservation := range page.Reservations {
				for _, described := range reservation.Instances {
					found[aws.ToString(described.InstanceId)] = fromEC2(described)
				}
			}
		}
	}
	return found, nil
}

func fromEC2(described types.Instance) instance {
	i := instance{launched: aws.ToTime(described.LaunchTime)}
	if described.Placement != nil {
		i.zone = aws.ToString(described.Placement.AvailabilityZone)
	}
	for _, tag := range described.Tags {
		if aws.ToString(tag.Key) == eiptag.DefaultPoolKey {
			i.pool = aws.ToString(tag.Value)
		}
	}
	return i
}

// finding is what there is to say of one address beside what it is.
type finding struct {
	state, zone, lastReason string
	// since is when its holder last changed; zero if nothing tells.
	since time.Time
}

// inspect judges one address of a pool. holder is the instance that has it; ok is false if
// none has, or EC2 does not show it.
func inspect(a eippool.Address, pool string, holder instance, ok bool) finding {
	var f finding
	f.since, f.lastReason = eiptag.ParseNote(a.Tags[eiptag.LastReason])
	f.zone = a.Tags[eiptag.LastZone]
	if a.InUse() {
		f.zone = holder.zone
		if holder.launched.After(f.since) {
			f.since = holder.launched
		}
	}
	slot := a.Tags[eiptag.Slot]
	ofFleet := ok && holder.pool == pool && slot == "" || a.InstanceID == "" && slot != ""
	switch {
	case a.InUse() && (!ofFleet || a.ServiceManaged != ""):
		f.state = foreign
	case a.Lifecycle() != "":
		f.state = a.Lifecycle()
	case !eiptag.Admitted(a.Tags):
		f.state = waiting
	case a.InUse():
		f.state = inUse
	case slot != "":
		f.state = reserved
	default:
		f.state = free
	}
	return f
}
