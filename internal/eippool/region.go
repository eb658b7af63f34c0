package eippool

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/clouderr"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/waiter"
)

// API is what pools need of EC2; *ec2.Client is one.
type API interface {
	AllocateAddress(context.Context, *ec2.AllocateAddressInput, ...func(*ec2.Options)) (*ec2.AllocateAddressOutput, error)
	CreateTags(context.Context, *ec2.CreateTagsInput, ...func(*ec2.Options)) (*ec2.CreateTagsOutput, error)
	DeleteTags(context.Context, *ec2.DeleteTagsInput, ...func(*ec2.Options)) (*ec2.DeleteTagsOutput, error)
	DescribeAddresses(context.Context, *ec2.DescribeAddressesInput, ...func(*ec2.Options)) (*ec2.DescribeAddressesOutput, error)
	DescribeNatGateways(context.Context, *ec2.DescribeNatGatewaysInput, ...func(*ec2.Options)) (*ec2.DescribeNatGatewaysOutput, error)
	DisassociateAddress(context.Context, *ec2.DisassociateAddressInput, ...func(*ec2.Options)) (*ec2.DisassociateAddressOutput, error)
	ReleaseAddress(context.Context, *ec2.ReleaseAddressInput, ...func(*ec2.Options)) (*ec2.ReleaseAddressOutput, error)
}

// writeTimeout bounds one change to EC2, retries of the SDK included, once it goes on
// in spite of a cancellation.
const writeTimeout = 2 * time.Minute

// Region is the Elastic IPs of one account in one Region.
type Region struct {
	EC2    API
	Waiter waiter.Waiter
}

// All lists every Elastic IP of the Region in one call (EC2 does not page this one).
func (r Region) All(ctx context.Context) ([]Address, error) {
	return r.describe(ctx, &ec2.DescribeAddressesInput{})
}

// Pool lists the addresses whose tag key has the value name, in one call and by
// allocation id. It asks by filter: a list of allocation ids fails as a whole when one of them is gone.
func (r Region) Pool(ctx context.Context, key, name string) ([]Address, error) {
	found, err := r.describe(ctx, &ec2.DescribeAddressesInput{Filters: []types.Filter{{Name: aws.String("tag:" + key), Values: []string{name}}}})
	if err != nil {
		return nil, err
	}
	// A filter value may hold wildcards; a pool's name never does on purpose.
	return slices.DeleteFunc(found, func(a Address) bool { return a.Tags[key] != name }), nil
}

func (r Region) describe(ctx context.Context, in *ec2.DescribeAddressesInput) ([]Address, error) {
	out, err := r.EC2.DescribeAddresses(ctx, in)
	if err != nil {
		return nil, fmt.Errorf("listing Elastic IPs: %w", err)
	}
	found := make([]Address, 0, len(out.Addresses))
	for _, a := range out.Addresses {
		found = append(found, fromEC2(a))
	}
	sortByOrder(found, nil)
	return found, nil
}

// NATGateways returns the ids of the Region's NAT gateways by the allocation ids of the addresses that they use.
// EC2 cannot be asked by address, so this lists all of them.
func (r Region) NATGateways(ctx context.Context) (map[string]string, error) {
	holders := map[string]string{}
	pages := ec2.NewDescribeNatGatewaysPaginator(r.EC2, &ec2.DescribeNatGatewaysInput{
		Filter: []types.Filter{{Name: aws.String("state"), Values: []string{string(types.NatGatewayStatePending), string(types.NatGatewayStateAvailable), string(types.NatGatewayStateDeleting)}}},
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("listing NAT gateways: %w", err)
		}
		for _, gateway := range page.NatGateways {
			for _, a := range gateway.NatGatewayAddresses {
				holders[aws.ToString(a.AllocationId)] = aws.ToString(gateway.NatGatewayId)
			}
		}
	}
	return holders, nil
}

// AwaitPool lists a pool until settled says that the listing shows what is awaited, or until limit
// has passed by the waiter's clock; it returns the last listing and which of the two it was. EC2's answers may
// lag behind its own writes.
func (r Region) AwaitPool(ctx context.Context, key, name, what string, limit time.Duration, settled func([]Address) (state string, done bool)) (last []Address, done bool, err error) {
	expired := r.expiry(limit)
	err = r.Waiter.Until(ctx, what, func(ctx context.Context) (string, bool, error) {
		found, err := r.Pool(ctx, key, name)
		if err != nil {
			return "", false, err
		}
		var state string
		last = found
		state, done = settled(found)
		return state, done || expired(), nil
	})
	return last, done, err
}

// expiry returns a function that reports whether limit has passed since.
func (r Region) expiry(limit time.Duration) func() bool {
	var clock waiter.Clock = waiter.SystemClock{}
	if r.Waiter.Clock != nil {
		clock = r.Waiter.Clock
	}
	end := clock.Now().Add(limit)
	return func() bool { return !clock.Now().Before(end) }
}

// Allocate takes one address for the account, tagged in the same call, so that no
// moment exists in which the address is there and its tags are not. ask, if not "",
// is the public IP to get back.
func (r Region) Allocate(ctx context.Context, ask, ipv4Pool, borderGroup string, tags map[string]string) (Address, error) {
	in := &ec2.AllocateAddressInput{
		Domain:  types.DomainTypeVpc,
		Address: unlessEmpty(ask), PublicIpv4Pool: unlessEmpty(ipv4Pool), NetworkBorderGroup: unlessEmpty(borderGroup),
		TagSpecifications: []types.TagSpecification{{ResourceType: types.ResourceTypeElasticIp, Tags: toEC2Tags(tags)}},
	}
	var out *ec2.AllocateAddressOutput
	err := write(ctx, func(ctx context.Context) (err error) {
		out, err = r.EC2.AllocateAddress(ctx, in)
		return err
	})
	if err != nil {
		return Address{}, fmt.Errorf("allocating an Elastic IP: %w", err)
	}
	return Address{
		AllocationID: aws.ToString(out.AllocationId), PublicIP: aws.ToString(out.PublicIp),
		BorderGroup: aws.ToString(out.NetworkBorderGroup), IPv4Pool: aws.ToString(out.PublicIpv4Pool), Tags: maps.Clone(tags),
	}, nil
}

// Tag sets tags on addresses in one call; without addresses or tags it does nothing.
func (r Region) Tag(ctx context.Context, ids []string, tags map[string]string) error {
	if len(ids) == 0 || len(tags) == 0 {
		return nil
	}
	err := write(ctx, func(ctx context.Context) error {
		_, err := r.EC2.CreateTags(ctx, &ec2.CreateTagsInput{Resources: ids, Tags: toEC2Tags(tags)})
		return err
	})
	if err != nil {
		return fmt.Errorf("tagging %v: %w", ids, err)
	}
	return nil
}

// Untag removes tags from addresses in one call, each only where it still has the given value.
func (r Region) Untag(ctx context.Context, ids []string, tags map[string]string) error {
	if len(ids) == 0 || len(tags) == 0 {
		return nil
	}
	err := write(ctx, func(ctx context.Context) error {
		_, err := r.EC2.DeleteTags(ctx, &ec2.DeleteTagsInput{Resources: ids, Tags: toEC2Tags(tags)})
		return err
	})
	if err != nil {
		return fmt.Errorf("removing tags of %v: %w", ids, err)
	}
	return nil
}

// Release gives an address back to AWS. An address that is gone already is no error;
// one that something uses is refused by AWS: see IsInUse.
func (r Region) Release(ctx context.Context, a Address) error {
	// Without a border group EC2 looks for the address in the Region's own only.
	in := &ec2.ReleaseAddressInput{AllocationId: aws.String(a.AllocationID), NetworkBorderGroup: unlessEmpty(a.BorderGroup)}
	err := write(ctx, func(ctx context.Context) error {
		_, err := r.EC2.ReleaseAddress(ctx, in)
		return err
	})
	if err != nil && !clouderr.IsAWS(err, "InvalidAllocationID.NotFound", "InvalidAddress.NotFound") {
		return fmt.Errorf("releasing %s: %w", a, err)
	}
	return nil
}

// Disassociate takes an address from whoever holds it.
func (r Region) Disassociate(ctx context.Context, a Address) error {
	if a.AssociationID == "" {
		return nil
	}
	err := write(ctx, func(ctx context.Context) error {
		_, err := r.EC2.DisassociateAddress(ctx, &ec2.DisassociateAddressInput{AssociationId: aws.String(a.AssociationID)})
		return err
	})
	// EC2 documents that ending an association twice is no error, yet answers this at times.
	if err != nil && !clouderr.IsAWS(err, "InvalidAssociationID.NotFound") {
		return fmt.Errorf("disassociating %s from %s: %w", a, a.User(), err)
	}
	return nil
}

// IsInUse reports whether EC2 refused to release an address because something uses it.
func IsInUse(err error) bool { return clouderr.IsAWS(err, "InvalidIPAddress.InUse") }

// write runs one change to its end even if ctx is cancelled meanwhile: an answer that is
// thrown away may leave an address that nobody knows of. It does not start on a context that has ended.
func write(ctx context.Context, change func(context.Context) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeTimeout)
	defer cancel()
	return change(ctx)
}

func unlessEmpty(s string) *string {
	if s == "" {
		return nil
	}
	return aws.String(s)
}

func toEC2Tags(tags map[string]string) []types.Tag {
	out := make([]types.Tag, 0, len(tags))
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		out = append(out, types.Tag{Key: aws.String(key), Value: aws.String(tags[key])})
	}
	return out
}
