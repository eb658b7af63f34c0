// Package pooltest lets tests play a Region's Elastic IPs and Terraform's core, in
// process: the first with faults, lagging listings and second actors, the second with its rules.
package pooltest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"net/netip"
	"slices"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/servicequotas"
	quotatypes "github.com/aws/aws-sdk-go-v2/service/servicequotas/types"
	"github.com/aws/smithy-go"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/elasticip"
)

// Home is the name of the Region and of its own network border group.
const Home = "us-east-1"

// Elastic is one Elastic IP of a Region.
type Elastic struct {
	ID, IP, Pool, BorderGroup string
	// Association, Interface and Instance are set while something uses the address; Managed names a service of AWS.
	Association, Interface, Instance, Managed string
	Tags                                      map[string]string
}

// InUse reports whether something uses the address.
func (e Elastic) InUse() bool { return e.Association != "" || e.Managed != "" }

// Region plays EC2's address calls, by elasticip's rules, and two calls of Service Quotas.
type Region struct {
	mu       sync.Mutex
	book     *elasticip.Book
	shown    []elasticip.Address // what listings show
	lagLeft  int
	serial   int
	released []Elastic

	// Quota is the number of Amazon's addresses that the account may hold, also what Service Quotas tells.
	Quota int
	// Lag is the number of listings after a write that do not show it yet.
	Lag int
	// Gone are addresses that AWS has given to somebody else, so that they cannot be asked back.
	Gone map[string]bool
	// Before is asked ahead of each call, named as the API does, n counting its calls from 1; an error is the call's
	// answer, and nothing happens. After is asked once the call has had its effect: its error is an answer that got lost.
	Before, After func(call string, n int) error

	// Calls counts calls by name.
	Calls map[string]int

	// gateways are the NAT gateways by the interfaces that they have.
	gateways map[string]string
}

// pools are the ranges that addresses come from: Amazon's, and one that the account has brought.
var pools = map[string][]netip.Prefix{
	elasticip.AmazonPool: {netip.MustParsePrefix("52.20.0.0/16")}, "ipv4pool-ec2-0abc": {netip.MustParsePrefix("198.51.100.0/24")},
}

// NewRegion returns a Region without addresses, with AWS's default quota of 5.
func NewRegion() *Region {
	r := &Region{Quota: elasticip.DefaultQuota, Gone: map[string]bool{}, Calls: map[string]int{}, gateways: map[string]string{}}
	r.book = elasticip.New(elasticip.Options{BorderGroups: []string{Home, Home + "-wl1-bos-wlz-1"}, Pools: pools, NewID: func(prefix string) string {
		r.serial++
		return fmt.Sprintf("%s-%017x", prefix, r.serial)
	}})
	return r
}

// APIError is an error as the SDK returns it for a code.
func APIError(code, format string, args ...any) error {
	return &smithy.GenericAPIError{Code: code, Message: fmt.Sprintf(format, args...)}
}

// Addresses returns copies of what there is, oldest first.
func (r *Region) Addresses() []Elastic {
	r.mu.Lock()
	defer r.mu.Unlock()
	return elastics(r.book.List())
}

// Find returns the address with an id; ok is false if it is gone.
func (r *Region) Find(id string) (Elastic, bool) {
	for _, e := range r.Addresses() {
		if e.ID == id {
			return e, true
		}
	}
	return Elastic{}, false
}

// Released returns what was given back, in that order.
func (r *Region) Released() []Elastic {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.released)
}

// Add puts an address there as somebody else would, whatever the quota, and returns its id.
func (r *Region) Add(tags map[string]string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.book.SetQuota(math.MaxInt)
	a, err := r.book.Allocate(elasticip.Allocation{Tags: tags})
	if err != nil {
		panic(fmt.Sprintf("the Region of the test is full: %s", err))
	}
	r.wrote()
	return a.AllocationID
}

// Change alters an address behind the provider's back. An address that is in use from then on gets an association of its own.
func (r *Region) Change(id string, change func(*Elastic)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	old, err := elasticip.Select(r.book.List(), []string{id}, nil)
	if err != nil {
		return // it is gone already
	}
	before := elastic(old[0])
	e := before.clone()
	change(&e)
	if e.Association != before.Association || e.Interface != before.Interface || e.Instance != before.Instance {
		r.use(before, e)
	}
	r.alter(id, func(a *elasticip.Address) {
		a.AllocationID, a.Pool, a.BorderGroup, a.Managed, a.Tags = e.ID, e.Pool, e.BorderGroup, e.Managed, e.Tags
	})
	r.wrote()
}

// use ends the use of an address, or moves it to another interface.
func (r *Region) use(before, e Elastic) {
	r.alter(before.ID, func(a *elasticip.Address) { a.Managed = "" }) // a service would let nobody do so
	if before.Association != "" {
		r.must(r.book.Disassociate(before.Association, ""))
	}
	if e.Association != "" {
		_, err := r.book.Associate(before.ID, "", elasticip.Target{
			InterfaceID: e.Interface, InstanceID: e.Instance, PrivateIP: "10.0.0.1", BorderGroup: before.BorderGroup,
		}, true)
		r.must(err)
	}
}

func (r *Region) alter(id string, change func(*elasticip.Address)) { r.must(r.book.Alter(id, change)) }

// must panics if what a test does by hand is not possible: the test is wrong.
func (r *Region) must(err error) {
	if err != nil {
		panic(err)
	}
}

// Attach has an instance use an address.
func (r *Region) Attach(id, instance string) {
	r.Change(id, func(e *Elastic) {
		e.Association, e.Interface, e.Instance = "new", "eni-"+id[len("eipalloc-"):], instance
	})
}

// AttachNAT has a NAT gateway use an address.
func (r *Region) AttachNAT(id, gateway string) {
	r.Attach(id, "")
	e, _ := r.Find(id)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.gateways[e.Interface] = gateway
}

// Detach ends the use of an address.
func (r *Region) Detach(id string) {
	r.Change(id, func(e *Elastic) { e.Association, e.Interface, e.Instance = "", "", "" })
}

// Lose has an address released behind the provider's back.
func (r *Region) Lose(id string) {
	r.Change(id, func(e *Elastic) { e.Association, e.Interface, e.Instance, e.Managed = "", "", "", "" })
	r.mu.Lock()
	defer r.mu.Unlock()
	_ = r.book.Release(id, "") // one that is gone already stays so
	r.wrote()
}

// CatchUp has listings show all that was written.
func (r *Region) CatchUp() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lagLeft, r.shown = 0, r.book.List()
}

// ResetCalls forgets the counts.
func (r *Region) ResetCalls() {
	r.mu.Lock()
	defer r.mu.Unlock()
	clear(r.Calls)
}

// Count returns how often a call was made.
func (r *Region) Count(call string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.Calls[call]
}

// serve makes one call: count, fault, effect, lost answer. The hooks run unlocked, so that they may act on the Region.
func (r *Region) serve(ctx context.Context, call string, effect func() error) error {
	r.mu.Lock()
	r.Calls[call]++
	n := r.Calls[call]
	r.mu.Unlock()
	if r.Before != nil {
		if err := r.Before(call, n); err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	r.mu.Lock()
	err := effect()
	r.mu.Unlock()
	if err == nil && r.After != nil {
		err = r.After(call, n)
	}
	return err
}

// wrote makes listings lag behind.
func (r *Region) wrote() {
	r.lagLeft = r.Lag
	if r.Lag == 0 {
		r.shown = r.book.List()
	}
}

// elastic is an address as tests see it, with tags of its own.
func elastic(a elasticip.Address) Elastic {
	e := Elastic{ID: a.AllocationID, IP: a.PublicIP.String(), Pool: a.Pool, BorderGroup: a.BorderGroup, Managed: a.Managed, Tags: a.Tags}
	if a.Association != nil {
		e.Association, e.Interface, e.Instance = a.Association.ID, a.Association.Target.InterfaceID, a.Association.Target.InstanceID
	}
	return e.clone()
}

func elastics(list []elasticip.Address) []Elastic {
	var out []Elastic
	for _, a := range list {
		out = append(out, elastic(a))
	}
	return out
}

func (e Elastic) clone() Elastic {
	tags := map[string]string{}
	maps.Copy(tags, e.Tags)
	e.Tags = tags
	return e
}

// apiError is a refusal as the SDK returns it; nil for nil.
func apiError(err error) error {
	var refused *elasticip.Error
	if errors.As(err, &refused) {
		return APIError(refused.Code, "%s", refused.Message)
	}
	return err
}

// changed is the answer to a change, which listings may show later only.
func (r *Region) changed(err error) error {
	if err == nil {
		r.wrote()
	}
	return apiError(err)
}

// AllocateAddress is EC2's.
func (r *Region) AllocateAddress(ctx context.Context, in *ec2.AllocateAddressInput, _ ...func(*ec2.Options)) (*ec2.AllocateAddressOutput, error) {
	var a elasticip.Address
	err := r.serve(ctx, "AllocateAddress", func() error {
		want := elasticip.Allocation{
			Pool: aws.ToString(in.PublicIpv4Pool), BorderGroup: aws.ToString(in.NetworkBorderGroup), Ask: aws.ToString(in.Address), Tags: map[string]string{},
		}
		for _, spec := range in.TagSpecifications {
			for _, tag := range spec.Tags {
				want.Tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
			}
		}
		r.book.SetQuota(r.Quota)
		if ip, err := netip.ParseAddr(want.Ask); err == nil && r.Gone[want.Ask] {
			r.book.GiveAway(ip)
		}
		var err error
		a, err = r.book.Allocate(want)
		return r.changed(err)
	})
	if err != nil {
		return nil, err
	}
	return &ec2.AllocateAddressOutput{AllocationId: aws.String(a.AllocationID), PublicIp: aws.String(a.PublicIP.String()), PublicIpv4Pool: aws.String(a.Pool), NetworkBorderGroup: aws.String(a.BorderGroup)}, nil
}

// ReleaseAddress is EC2's: it refuses an address that something uses.
func (r *Region) ReleaseAddress(ctx context.Context, in *ec2.ReleaseAddressInput, _ ...func(*ec2.Options)) (*ec2.ReleaseAddressOutput, error) {
	err := r.serve(ctx, "ReleaseAddress", func() error {
		id := aws.ToString(in.AllocationId)
		held, err := elasticip.Select(r.book.List(), []string{id}, nil)
		if err == nil {
			err = r.book.Release(id, aws.ToString(in.NetworkBorderGroup))
		}
		if err == nil {
			r.released = append(r.released, elastic(held[0]))
		}
		return r.changed(err)
	})
	return &ec2.ReleaseAddressOutput{}, err
}

// DisassociateAddress is EC2's.
func (r *Region) DisassociateAddress(ctx context.Context, in *ec2.DisassociateAddressInput, _ ...func(*ec2.Options)) (*ec2.DisassociateAddressOutput, error) {
	err := r.serve(ctx, "DisassociateAddress", func() error {
		return r.changed(r.book.Disassociate(aws.ToString(in.AssociationId), aws.ToString(in.PublicIp)))
	})
	return &ec2.DisassociateAddressOutput{}, err
}

// CreateTags is EC2's: all or nothing.
func (r *Region) CreateTags(ctx context.Context, in *ec2.CreateTagsInput, _ ...func(*ec2.Options)) (*ec2.CreateTagsOutput, error) {
	err := r.serve(ctx, "CreateTags", func() error {
		return r.changed(r.book.Retag(in.Resources, func(tags map[string]string) {
			for _, tag := range in.Tags {
				tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
			}
		}))
	})
	return &ec2.CreateTagsOutput{}, err
}

// DeleteTags is EC2's: a tag with a value goes only where it has that value.
func (r *Region) DeleteTags(ctx context.Context, in *ec2.DeleteTagsInput, _ ...func(*ec2.Options)) (*ec2.DeleteTagsOutput, error) {
	err := r.serve(ctx, "DeleteTags", func() error {
		return r.changed(r.book.Retag(in.Resources, func(tags map[string]string) {
			for _, tag := range in.Tags {
				if tag.Value == nil || tags[aws.ToString(tag.Key)] == *tag.Value {
					delete(tags, aws.ToString(tag.Key))
				}
			}
		}))
	})
	return &ec2.DeleteTagsOutput{}, err
}

// DescribeAddresses is EC2's, with ids, which fail the whole if one is not there, and the filter tag:KEY.
func (r *Region) DescribeAddresses(ctx context.Context, in *ec2.DescribeAddressesInput, _ ...func(*ec2.Options)) (*ec2.DescribeAddressesOutput, error) {
	out := &ec2.DescribeAddressesOutput{}
	err := r.serve(ctx, "DescribeAddresses", func() error {
		if r.lagLeft > 0 {
			r.lagLeft--
		} else {
			r.shown = r.book.List()
		}
		listed, err := elasticip.Select(r.shown, in.AllocationIds, in.PublicIps)
		if err != nil {
			return apiError(err)
		}
		for _, a := range listed {
			ok, err := matches(a.Tags, in.Filters)
			if err != nil {
				return err
			}
			if ok {
				out.Addresses = append(out.Addresses, toEC2(a))
			}
		}
		return nil
	})
	return out, err
}

// DescribeNatGateways is EC2's, of the gateways that use an address of the Region, whatever the filters.
func (r *Region) DescribeNatGateways(ctx context.Context, _ *ec2.DescribeNatGatewaysInput, _ ...func(*ec2.Options)) (*ec2.DescribeNatGatewaysOutput, error) {
	out := &ec2.DescribeNatGatewaysOutput{}
	err := r.serve(ctx, "DescribeNatGateways", func() error {
		for _, a := range r.book.List() {
			if a.Association == nil || r.gateways[a.Association.Target.InterfaceID] == "" {
				continue
			}
			out.NatGateways = append(out.NatGateways, types.NatGateway{
				NatGatewayId: aws.String(r.gateways[a.Association.Target.InterfaceID]),
				NatGatewayAddresses: []types.NatGatewayAddress{{AllocationId: aws.String(a.AllocationID),
					NetworkInterfaceId: aws.String(a.Association.Target.InterfaceID), PublicIp: aws.String(a.PublicIP.String())}},
			})
		}
		return nil
	})
	return out, err
}

// matches reports whether tags pass all filters.
func matches(tags map[string]string, filters []types.Filter) (bool, error) {
	for _, f := range filters {
		key, ok := strings.CutPrefix(aws.ToString(f.Name), "tag:")
		if !ok {
			return false, APIError("InvalidParameterValue", "the Region of the test does not play the filter '%s'", aws.ToString(f.Name))
		}
		if value, has := tags[key]; !has || !slices.Contains(f.Values, value) {
			return false, nil
		}
	}
	return true, nil
}

func toEC2(a elasticip.Address) types.Address {
	out := types.Address{
		AllocationId: aws.String(a.AllocationID), PublicIp: aws.String(a.PublicIP.String()), Domain: types.DomainTypeVpc, PublicIpv4Pool: aws.String(a.Pool),
		NetworkBorderGroup: aws.String(a.BorderGroup), ServiceManaged: types.ServiceManaged(a.Managed),
	}
	if a.Association != nil {
		out.AssociationId, out.NetworkInterfaceId = aws.String(a.Association.ID), aws.String(a.Association.Target.InterfaceID)
		if id := a.Association.Target.InstanceID; id != "" {
			out.InstanceId = aws.String(id)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(a.Tags)) {
		out.Tags = append(out.Tags, types.Tag{Key: aws.String(key), Value: aws.String(a.Tags[key])})
	}
	return out
}

// GetServiceQuota tells the quota of addresses.
func (r *Region) GetServiceQuota(ctx context.Context, _ *servicequotas.GetServiceQuotaInput, _ ...func(*servicequotas.Options)) (*servicequotas.GetServiceQuotaOutput, error) {
	err := r.serve(ctx, "GetServiceQuota", func() error { return nil })
	return &servicequotas.GetServiceQuotaOutput{Quota: &quotatypes.ServiceQuota{Value: aws.Float64(float64(r.Quota))}}, err
}

// GetAWSDefaultServiceQuota tells AWS's default, 5.
func (r *Region) GetAWSDefaultServiceQuota(ctx context.Context, _ *servicequotas.GetAWSDefaultServiceQuotaInput, _ ...func(*servicequotas.Options)) (*servicequotas.GetAWSDefaultServiceQuotaOutput, error) {
	err := r.serve(ctx, "GetAWSDefaultServiceQuota", func() error { return nil })
	return &servicequotas.GetAWSDefaultServiceQuotaOutput{Quota: &quotatypes.ServiceQuota{Value: aws.Float64(elasticip.DefaultQuota)}}, err
}
