// Package pooltest lets tests play a Region's Elastic IPs and Terraform's core, in
// process: the first with faults, lagging listings and second actors, the second with its rules.
package pooltest

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/servicequotas"
	quotatypes "github.com/aws/aws-sdk-go-v2/service/servicequotas/types"
	"github.com/aws/smithy-go"
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

// Region plays EC2's address calls and two of Service Quotas, strictly.
type Region struct {
	mu        sync.Mutex
	addresses []Elastic
	shown     []Elastic // what listings show
	lagLeft   int
	serial    int
	released  []Elastic

	// Quota is the number of addresses the account may hold, also what Service Quotas tells.
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
}

// NewRegion returns a Region without addresses, with AWS's default quota of 5.
func NewRegion() *Region { return &Region{Quota: 5, Gone: map[string]bool{}, Calls: map[string]int{}} }

// APIError is an error as the SDK returns it for a code.
func APIError(code, format string, args ...any) error {
	return &smithy.GenericAPIError{Code: code, Message: fmt.Sprintf(format, args...)}
}

// Addresses returns copies of what there is, oldest first.
func (r *Region) Addresses() []Elastic {
	r.mu.Lock()
	defer r.mu.Unlock()
	return copies(r.addresses)
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

// Add puts an address there as somebody else would, and returns its id.
func (r *Region) Add(tags map[string]string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	e := r.fresh("", "", "", tags)
	r.wrote()
	return e.ID
}

// Change alters an address behind the provider's back.
func (r *Region) Change(id string, change func(*Elastic)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range r.addresses {
		if r.addresses[i].ID == id {
			change(&r.addresses[i])
		}
	}
	r.wrote()
}

// Attach has an instance use an address.
func (r *Region) Attach(id, instance string) {
	r.Change(id, func(e *Elastic) {
		e.Association, e.Interface, e.Instance = "eipassoc-"+id[9:], "eni-"+id[9:], instance
	})
}

// Detach ends the use of an address.
func (r *Region) Detach(id string) {
	r.Change(id, func(e *Elastic) { e.Association, e.Interface, e.Instance = "", "", "" })
}

// Lose has an address released behind the provider's back.
func (r *Region) Lose(id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.addresses = slices.DeleteFunc(r.addresses, func(e Elastic) bool { return e.ID == id })
	r.wrote()
}

// CatchUp has listings show all that was written.
func (r *Region) CatchUp() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lagLeft, r.shown = 0, copies(r.addresses)
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
		r.shown = copies(r.addresses)
	}
}

func copies(addresses []Elastic) []Elastic {
	out := slices.Clone(addresses)
	for i := range out {
		out[i].Tags = maps.Clone(out[i].Tags)
	}
	return out
}

func (r *Region) fresh(ip, pool, group string, tags map[string]string) Elastic {
	r.serial++
	if ip == "" {
		ip = fmt.Sprintf("52.20.%d.%d", r.serial/200, 1+r.serial%200)
	}
	e := Elastic{ID: fmt.Sprintf("eipalloc-%017x", r.serial), IP: ip, Pool: cmp.Or(pool, "amazon"), BorderGroup: cmp.Or(group, Home), Tags: maps.Clone(tags)}
	if e.Tags == nil {
		e.Tags = map[string]string{}
	}
	r.addresses = append(r.addresses, e)
	return e
}

// AllocateAddress is EC2's.
func (r *Region) AllocateAddress(ctx context.Context, in *ec2.AllocateAddressInput, _ ...func(*ec2.Options)) (*ec2.AllocateAddressOutput, error) {
	var e Elastic
	err := r.serve(ctx, "AllocateAddress", func() error {
		if len(r.addresses) >= r.Quota {
			return APIError("AddressLimitExceeded", "The maximum number of addresses has been reached.")
		}
		ask := aws.ToString(in.Address)
		if ask != "" && (r.Gone[ask] || slices.ContainsFunc(r.addresses, func(e Elastic) bool { return e.IP == ask })) {
			return APIError("InvalidAddress.NotFound", "Address '%s' not found.", ask)
		}
		tags := map[string]string{}
		for _, spec := range in.TagSpecifications {
			for _, tag := range spec.Tags {
				tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
			}
		}
		e = r.fresh(ask, aws.ToString(in.PublicIpv4Pool), aws.ToString(in.NetworkBorderGroup), tags)
		r.wrote()
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &ec2.AllocateAddressOutput{AllocationId: aws.String(e.ID), PublicIp: aws.String(e.IP), PublicIpv4Pool: aws.String(e.Pool), NetworkBorderGroup: aws.String(e.BorderGroup)}, nil
}

// ReleaseAddress is EC2's: it refuses an address that something uses.
func (r *Region) ReleaseAddress(ctx context.Context, in *ec2.ReleaseAddressInput, _ ...func(*ec2.Options)) (*ec2.ReleaseAddressOutput, error) {
	err := r.serve(ctx, "ReleaseAddress", func() error {
		i := r.index(aws.ToString(in.AllocationId))
		switch {
		case i < 0:
			return APIError("InvalidAllocationID.NotFound", "The allocation ID '%s' does not exist", aws.ToString(in.AllocationId))
		case aws.ToString(in.NetworkBorderGroup) != "" && aws.ToString(in.NetworkBorderGroup) != r.addresses[i].BorderGroup:
			return APIError("InvalidAddress.NotFound", "wrong network border group")
		case r.addresses[i].InUse():
			return APIError("InvalidIPAddress.InUse", "Address %s is in use.", r.addresses[i].IP)
		}
		r.released = append(r.released, r.addresses[i])
		r.addresses = slices.Delete(slices.Clone(r.addresses), i, i+1)
		r.wrote()
		return nil
	})
	return &ec2.ReleaseAddressOutput{}, err
}

// DisassociateAddress is EC2's.
func (r *Region) DisassociateAddress(ctx context.Context, in *ec2.DisassociateAddressInput, _ ...func(*ec2.Options)) (*ec2.DisassociateAddressOutput, error) {
	err := r.serve(ctx, "DisassociateAddress", func() error {
		for i := range r.addresses {
			if r.addresses[i].Association == aws.ToString(in.AssociationId) {
				r.addresses[i].Association, r.addresses[i].Interface, r.addresses[i].Instance = "", "", ""
				r.wrote()
				return nil
			}
		}
		return APIError("InvalidAssociationID.NotFound", "The association ID '%s' does not exist", aws.ToString(in.AssociationId))
	})
	return &ec2.DisassociateAddressOutput{}, err
}

// CreateTags is EC2's: all or nothing.
func (r *Region) CreateTags(ctx context.Context, in *ec2.CreateTagsInput, _ ...func(*ec2.Options)) (*ec2.CreateTagsOutput, error) {
	err := r.serve(ctx, "CreateTags", func() error {
		return r.retag(in.Resources, func(tags map[string]string) {
			for _, tag := range in.Tags {
				tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
			}
		})
	})
	return &ec2.CreateTagsOutput{}, err
}

// DeleteTags is EC2's: a tag with a value goes only where it has that value.
func (r *Region) DeleteTags(ctx context.Context, in *ec2.DeleteTagsInput, _ ...func(*ec2.Options)) (*ec2.DeleteTagsOutput, error) {
	err := r.serve(ctx, "DeleteTags", func() error {
		return r.retag(in.Resources, func(tags map[string]string) {
			for _, tag := range in.Tags {
				if tag.Value == nil || tags[aws.ToString(tag.Key)] == *tag.Value {
					delete(tags, aws.ToString(tag.Key))
				}
			}
		})
	})
	return &ec2.DeleteTagsOutput{}, err
}

func (r *Region) retag(ids []string, change func(map[string]string)) error {
	for _, id := range ids {
		if r.index(id) < 0 {
			return APIError("InvalidElasticIpID.NotFound", "The elasticIp ID '%s' does not exist", id)
		}
	}
	for _, id := range ids {
		change(r.addresses[r.index(id)].Tags)
	}
	r.wrote()
	return nil
}

func (r *Region) index(id string) int {
	return slices.IndexFunc(r.addresses, func(e Elastic) bool { return e.ID == id })
}

// DescribeAddresses is EC2's, with the filter tag:KEY.
func (r *Region) DescribeAddresses(ctx context.Context, in *ec2.DescribeAddressesInput, _ ...func(*ec2.Options)) (*ec2.DescribeAddressesOutput, error) {
	out := &ec2.DescribeAddressesOutput{}
	err := r.serve(ctx, "DescribeAddresses", func() error {
		if len(in.AllocationIds)+len(in.PublicIps) > 0 {
			return APIError("InvalidAllocationID.NotFound", "tests list by filter: a list of ids fails as a whole")
		}
		if r.lagLeft > 0 {
			r.lagLeft--
		} else {
			r.shown = copies(r.addresses)
		}
		for _, e := range r.shown {
			if !slices.ContainsFunc(in.Filters, func(f types.Filter) bool {
				value, has := e.Tags[aws.ToString(f.Name)[len("tag:"):]]
				return !has || !slices.Contains(f.Values, value)
			}) {
				out.Addresses = append(out.Addresses, e.toEC2())
			}
		}
		return nil
	})
	return out, err
}

func (e Elastic) toEC2() types.Address {
	a := types.Address{AllocationId: aws.String(e.ID), PublicIp: aws.String(e.IP), Domain: types.DomainTypeVpc, PublicIpv4Pool: aws.String(e.Pool),
		NetworkBorderGroup: aws.String(e.BorderGroup), ServiceManaged: types.ServiceManaged(e.Managed)}
	if e.Association != "" {
		a.AssociationId, a.NetworkInterfaceId = aws.String(e.Association), aws.String(e.Interface)
		if e.Instance != "" {
			a.InstanceId = aws.String(e.Instance)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(e.Tags)) {
		a.Tags = append(a.Tags, types.Tag{Key: aws.String(key), Value: aws.String(e.Tags[key])})
	}
	return a
}

// GetServiceQuota tells the quota of addresses.
func (r *Region) GetServiceQuota(ctx context.Context, _ *servicequotas.GetServiceQuotaInput, _ ...func(*servicequotas.Options)) (*servicequotas.GetServiceQuotaOutput, error) {
	err := r.serve(ctx, "GetServiceQuota", func() error { return nil })
	return &servicequotas.GetServiceQuotaOutput{Quota: &quotatypes.ServiceQuota{Value: aws.Float64(float64(r.Quota))}}, err
}

// GetAWSDefaultServiceQuota tells AWS's default, 5.
func (r *Region) GetAWSDefaultServiceQuota(ctx context.Context, _ *servicequotas.GetAWSDefaultServiceQuotaInput, _ ...func(*servicequotas.Options)) (*servicequotas.GetAWSDefaultServiceQuotaOutput, error) {
	err := r.serve(ctx, "GetAWSDefaultServiceQuota", func() error { return nil })
	return &servicequotas.GetAWSDefaultServiceQuotaOutput{Quota: &quotatypes.ServiceQuota{Value: aws.Float64(5)}}, err
}
