package awscloud

import (
	"maps"
	"strings"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/awsapi"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/elasticip"
)

// addresses are the account's Elastic IPs with what the gateway's calls need of them besides the rules.
type addresses struct{ *elasticip.Book }

// find returns the addresses that pass all of the given conditions, oldest first. An id or IP that
// the account does not hold fails the whole call.
func (b addresses) find(allocationIDs, publicIPs []string, filters []filter) ([]elasticip.Address, *awsapi.Error) {
	// An unknown filter is refused whether or not there is anything to filter.
	if _, err := addressSubject(elasticip.Address{}).matches(filters); err != nil {
		return nil, err
	}
	named, err := elasticip.Select(b.List(), allocationIDs, publicIPs)
	if err != nil {
		return nil, refusal(err)
	}
	var out []elasticip.Address
	for _, a := range named {
		if ok, err := addressSubject(a).matches(filters); err != nil {
			return nil, err
		} else if ok {
			out = append(out, a)
		}
	}
	return out, nil
}

// addressSubject is an address as filters see it.
func addressSubject(a elasticip.Address) subject {
	s := subject{tags: a.Tags, attributes: map[string][]string{
		"allocation-id": {a.AllocationID}, "public-ip": {a.PublicIP.String()}, "domain": {"vpc"}, "network-border-group": {a.BorderGroup},
		"association-id": nil, "instance-id": nil, "network-interface-id": nil, "network-interface-owner-id": nil, "private-ip-address": nil,
	}}
	if assoc := a.Association; assoc != nil {
		s.attributes["association-id"] = []string{assoc.ID}
		s.attributes["network-interface-id"] = []string{assoc.Target.InterfaceID}
		s.attributes["network-interface-owner-id"] = []string{assoc.Target.OwnerID}
		s.attributes["private-ip-address"] = []string{assoc.Target.PrivateIP}
		if assoc.Target.InstanceID != "" {
			s.attributes["instance-id"] = []string{assoc.Target.InstanceID}
		}
	}
	return s
}

func (b addresses) owns(id string) bool { return strings.HasPrefix(id, "eipalloc-") }

func (b addresses) retag(ids []string, change func(map[string]string)) *awsapi.Error {
	return refusal(b.Retag(ids, change))
}

func (b addresses) tagged() (string, map[string]map[string]string) {
	out := map[string]map[string]string{}
	for _, a := range b.List() {
		out[a.AllocationID] = maps.Clone(a.Tags)
	}
	return "elastic-ip", out
}
