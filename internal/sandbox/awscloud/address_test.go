package awscloud_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/servicequotas"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/awscloud"
)

func filterOn(name string, values ...string) []types.Filter {
	return []types.Filter{{Name: &name, Values: values}}
}

func tagsOf(resourceType types.ResourceType, pairs ...string) []types.TagSpecification {
	spec := types.TagSpecification{ResourceType: resourceType}
	for i := 0; i < len(pairs); i += 2 {
		spec.Tags = append(spec.Tags, types.Tag{Key: &pairs[i], Value: &pairs[i+1]})
	}
	return []types.TagSpecification{spec}
}

func TestAllocatedAddressesLookPublicAndAreDescribed(t *testing.T) {
	s := newSite(t, start(t, awscloud.Options{}))
	out := must(s.client.AllocateAddress(t.Context(), &ec2.AllocateAddressInput{TagSpecifications: tagsOf("elastic-ip", "pool", "a", "Name", "x")}))(t)
	ip := netip.MustParseAddr(*out.PublicIp)
	if ip.IsPrivate() || ip.IsLoopback() || !ip.IsGlobalUnicast() {
		t.Errorf("%s does not look public", ip)
	}
	a := s.address(t, out.AllocationId)
	if *a.PublicIp != *out.PublicIp || a.Domain != types.DomainTypeVpc || *a.NetworkBorderGroup != "us-east-1" || *a.PublicIpv4Pool != "amazon" || a.AssociationId != nil {
		t.Errorf("described as %+v", a)
	}
	if len(a.Tags) != 2 {
		t.Errorf("tags %v", a.Tags)
	}
}

func TestDescribeAddressesFilters(t *testing.T) {
	s := newSite(t, start(t, awscloud.Options{}))
	make2 := func(pool string) (id, ip string) {
		out := must(s.client.AllocateAddress(t.Context(), &ec2.AllocateAddressInput{TagSpecifications: tagsOf("elastic-ip", "pool", pool)}))(t)
		return *out.AllocationId, *out.PublicIp
	}
	a, ipA := make2("a")
	b, _ := make2("B/one")
	bare := *s.allocate(t).AllocationId
	m := s.run(t)
	association := must(s.claim(t, &a, m, nil))(t)
	privateIP := *s.address(t, &a).PrivateIpAddress

	for _, tc := range []struct {
		filters []types.Filter
		want    []string
	}{
		{filterOn("tag:pool", "a"), []string{a}},
		{filterOn("tag:pool", "A"), nil},
		{filterOn("tag:pool", "a", "B/one"), []string{a, b}},
		{filterOn("tag:pool", "B/*"), []string{b}},
		{filterOn("tag:pool", "?"), []string{a}},
		{filterOn("tag-key", "pool"), []string{a, b}},
		{filterOn("tag:missing", "x"), nil},
		{filterOn("allocation-id", bare, "eipalloc-unknown"), []string{bare}},
		{filterOn("public-ip", ipA), []string{a}},
		{filterOn("association-id", association), []string{a}},
		{filterOn("instance-id", m.id), []string{a}},
		{filterOn("network-interface-id", m.eni), []string{a}},
		{filterOn("network-interface-owner-id", awscloud.DefaultAccountID), []string{a}},
		{filterOn("private-ip-address", privateIP), []string{a}},
		{filterOn("network-border-group", "us-east-1"), []string{a, b, bare}},
		{filterOn("domain", "vpc"), []string{a, b, bare}},
		{append(filterOn("tag-key", "pool"), filterOn("instance-id", m.id)...), []string{a}},
		{nil, []string{a, b, bare}},
	} {
		out := must(s.client.DescribeAddresses(t.Context(), &ec2.DescribeAddressesInput{Filters: tc.filters}))(t)
		var got []string
		for _, address := range out.Addresses {
			got = append(got, *address.AllocationId)
		}
		if !slices.Equal(got, tc.want) {
			t.Errorf("filters %s: want %v, got %v", describe(tc.filters), tc.want, got)
		}
	}
	_, err := s.client.DescribeAddresses(t.Context(), &ec2.DescribeAddressesInput{Filters: filterOn("unassociated", "true")})
	wantCode(t, err, "InvalidParameterValue")
	_, err = s.client.DescribeAddresses(t.Context(), &ec2.DescribeAddressesInput{AllocationIds: []string{a, "eipalloc-unknown"}})
	wantCode(t, err, "InvalidAllocationID.NotFound")
	_, err = s.client.DescribeAddresses(t.Context(), &ec2.DescribeAddressesInput{PublicIps: []string{"198.51.100.1"}})
	wantCode(t, err, "InvalidAddress.NotFound")
}

func describe(filters []types.Filter) string {
	var out strings.Builder
	for _, f := range filters {
		_, _ = fmt.Fprintf(&out, "%s=%v ", *f.Name, f.Values)
	}
	return out.String()
}

func TestUnknownFilterIsRefusedThoughThereIsNothingToFilter(t *testing.T) {
	s := newSite(t, start(t, awscloud.Options{}))
	_, err := s.client.DescribeAddresses(t.Context(), &ec2.DescribeAddressesInput{Filters: filterOn("unassociated", "true")})
	wantCode(t, err, "InvalidParameterValue")
}

func TestAssociateTakesTheAddressFromItsHolderByDefault(t *testing.T) {
	proxies := &fleet{}
	s := newSite(t, start(t, awscloud.Options{Hypervisor: proxies}))
	holder, thief := s.run(t), s.run(t)
	a := s.allocate(t)
	first := must(s.claim(t, a.AllocationId, holder, nil))(t)
	second := must(s.claim(t, a.AllocationId, thief, nil))(t)
	if first == second {
		t.Errorf("both associations are %s", first)
	}
	if got := s.address(t, a.AllocationId); *got.InstanceId != thief.id || *got.NetworkInterfaceId != thief.eni {
		t.Errorf("the address is at %s, want %s", *got.InstanceId, thief.id)
	}
	if proxies.ip(holder.id) != "" || proxies.ip(thief.id) != *a.PublicIp {
		t.Errorf("the hypervisor has %v", proxies.ips)
	}
}

func TestAssociateWithoutReassociationRefuses(t *testing.T) {
	s := newSite(t, start(t, awscloud.Options{}))
	holder, other := s.run(t), s.run(t)
	a, b := s.allocate(t), s.allocate(t)
	association := must(s.claim(t, a.AllocationId, holder, aws.Bool(false)))(t)

	_, err := s.claim(t, a.AllocationId, other, aws.Bool(false))
	wantCode(t, err, "Resource.AlreadyAssociated")
	if want := fmt.Sprintf("resource %s is already associated with associate-id %s", *a.AllocationId, association); !strings.Contains(err.Error(), want) {
		t.Errorf("want %q in %q", want, err)
	}
	_, err = s.claim(t, b.AllocationId, holder, aws.Bool(false))
	wantCode(t, err, "Resource.AlreadyAssociated")
	if again := must(s.claim(t, a.AllocationId, holder, aws.Bool(false)))(t); again != association {
		t.Errorf("the same call again makes %s, want %s", again, association)
	}
	if got := s.address(t, a.AllocationId); *got.InstanceId != holder.id {
		t.Errorf("the address moved to %s", *got.InstanceId)
	}
}

func TestAssociateSwapsTheAddressOfTheTarget(t *testing.T) {
	proxies := &fleet{}
	s := newSite(t, start(t, awscloud.Options{Hypervisor: proxies}))
	m := s.run(t)
	a, b := s.allocate(t), s.allocate(t)
	must(s.claim(t, a.AllocationId, m, nil))(t)
	must(s.claim(t, b.AllocationId, m, aws.Bool(true)))(t)
	if got := s.address(t, a.AllocationId); got.AssociationId != nil {
		t.Errorf("%s is still associated", *a.AllocationId)
	}
	if got := proxies.ip(m.id); got != *b.PublicIp {
		t.Errorf("the instance has %q, want %q", got, *b.PublicIp)
	}
}

func TestOfManyClaimsOnOneAddressOneWins(t *testing.T) {
	s := newSite(t, start(t, awscloud.Options{}))
	a := s.allocate(t)
	var machines []machine
	for range 6 {
		machines = append(machines, s.run(t))
	}
	var mu sync.Mutex
	var won, refused int
	var wg sync.WaitGroup
	for _, m := range machines {
		wg.Go(func() {
			_, err := s.claim(t, a.AllocationId, m, aws.Bool(false))
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				won++
			case strings.Contains(err.Error(), "Resource.AlreadyAssociated"):
				refused++
			default:
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if won != 1 || refused != 5 {
		t.Errorf("%d won and %d were refused, want 1 and 5", won, refused)
	}
}

func TestAssociateErrors(t *testing.T) {
	cloud := start(t, awscloud.Options{})
	s := newSite(t, cloud)
	m, gone := s.run(t), s.run(t)
	must(s.client.TerminateInstances(t.Context(), &ec2.TerminateInstancesInput{InstanceIds: []string{gone.id}}))(t)
	a := s.allocate(t)
	local := must(s.client.AllocateAddress(t.Context(), &ec2.AllocateAddressInput{NetworkBorderGroup: aws.String("us-east-1-bos-1")}))(t)
	for name, tc := range map[string]struct {
		in   ec2.AssociateAddressInput
		code string
	}{
		"unknown allocation":         {ec2.AssociateAddressInput{AllocationId: aws.String("eipalloc-unknown"), NetworkInterfaceId: &m.eni}, "InvalidAllocationID.NotFound"},
		"unknown IP":                 {ec2.AssociateAddressInput{PublicIp: aws.String("52.0.0.9"), NetworkInterfaceId: &m.eni}, "InvalidAddress.NotFound"},
		"unknown interface":          {ec2.AssociateAddressInput{AllocationId: a.AllocationId, NetworkInterfaceId: aws.String("eni-0123456789abcdef0")}, "InvalidNetworkInterfaceID.NotFound"},
		"unknown instance":           {ec2.AssociateAddressInput{AllocationId: a.AllocationId, InstanceId: aws.String("i-0123456789abcdef0")}, "InvalidInstanceID.NotFound"},
		"terminated instance":        {ec2.AssociateAddressInput{AllocationId: a.AllocationId, InstanceId: &gone.id}, "InvalidInstanceID"},
		"no target":                  {ec2.AssociateAddressInput{AllocationId: a.AllocationId}, "MissingParameter"},
		"no address":                 {ec2.AssociateAddressInput{NetworkInterfaceId: &m.eni}, "MissingParameter"},
		"IP and id":                  {ec2.AssociateAddressInput{AllocationId: a.AllocationId, PublicIp: a.PublicIp, InstanceId: &m.id}, "InvalidParameterCombination"},
		"foreign private IP":         {ec2.AssociateAddressInput{AllocationId: a.AllocationId, NetworkInterfaceId: &m.eni, PrivateIpAddress: aws.String("10.9.1.250")}, "InvalidParameterValue"},
		"another border group":       {ec2.AssociateAddressInput{AllocationId: local.AllocationId, NetworkInterfaceId: &m.eni}, "InvalidParameterCombination"},
		"dry run":                    {ec2.AssociateAddressInput{AllocationId: a.AllocationId, NetworkInterfaceId: &m.eni, DryRun: aws.Bool(true)}, "DryRunOperation"},
		"by instance and allocation": {ec2.AssociateAddressInput{AllocationId: a.AllocationId, InstanceId: &m.id}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := s.client.AssociateAddress(t.Context(), &tc.in)
			wantCode(t, err, tc.code)
		})
	}
	_, err := s.client.DetachInternetGateway(t.Context(), &ec2.DetachInternetGatewayInput{InternetGatewayId: &s.gateway, VpcId: &s.vpc})
	wantCode(t, err, "DependencyViolation")
	must(s.client.DisassociateAddress(t.Context(), &ec2.DisassociateAddressInput{PublicIp: a.PublicIp}))(t)
	must(s.client.DetachInternetGateway(t.Context(), &ec2.DetachInternetGatewayInput{InternetGatewayId: &s.gateway, VpcId: &s.vpc}))(t)
	_, err = s.claim(t, a.AllocationId, m, nil)
	wantCode(t, err, "Gateway.NotAttached")
}

func TestDisassociateAndRelease(t *testing.T) {
	s := newSite(t, start(t, awscloud.Options{}))
	m := s.run(t)
	a := s.allocate(t)
	association := must(s.claim(t, a.AllocationId, m, nil))(t)

	_, err := s.client.ReleaseAddress(t.Context(), &ec2.ReleaseAddressInput{AllocationId: a.AllocationId})
	wantCode(t, err, "InvalidIPAddress.InUse")
	for range 2 { // the second time is no error
		_, err = s.client.DisassociateAddress(t.Context(), &ec2.DisassociateAddressInput{AssociationId: &association})
		wantCode(t, err, "")
	}
	_, err = s.client.DisassociateAddress(t.Context(), &ec2.DisassociateAddressInput{AssociationId: aws.String("eipassoc-unknown")})
	wantCode(t, err, "InvalidAssociationID.NotFound")
	_, err = s.client.ReleaseAddress(t.Context(), &ec2.ReleaseAddressInput{AllocationId: a.AllocationId, NetworkBorderGroup: aws.String("us-east-1-bos-1")})
	wantCode(t, err, "InvalidAddress.NotFound")
	_, err = s.client.ReleaseAddress(t.Context(), &ec2.ReleaseAddressInput{PublicIp: a.PublicIp})
	wantCode(t, err, "InvalidParameterValue")
	_, err = s.client.ReleaseAddress(t.Context(), &ec2.ReleaseAddressInput{AllocationId: a.AllocationId})
	wantCode(t, err, "")
	_, err = s.client.ReleaseAddress(t.Context(), &ec2.ReleaseAddressInput{AllocationId: a.AllocationId})
	wantCode(t, err, "InvalidAllocationID.NotFound")
}

func TestReleasedAddressesCanBeAskedBackUnlessGivenAway(t *testing.T) {
	cloud := start(t, awscloud.Options{})
	s := newSite(t, cloud)
	a := s.allocate(t)
	ask := &ec2.AllocateAddressInput{Address: a.PublicIp}
	_, err := s.client.AllocateAddress(t.Context(), ask)
	wantCode(t, err, "InvalidAddress.NotFound") // it is held, not free
	if cloud.GiveAwayAddress(netip.MustParseAddr(*a.PublicIp)) {
		t.Error("an address that is held was given away")
	}
	must(s.client.ReleaseAddress(t.Context(), &ec2.ReleaseAddressInput{AllocationId: a.AllocationId}))(t)
	if fresh := s.allocate(t); *fresh.PublicIp == *a.PublicIp {
		t.Errorf("%s was given to someone who did not ask for it", *a.PublicIp)
	}
	back := must(s.client.AllocateAddress(t.Context(), ask))(t)
	if *back.PublicIp != *a.PublicIp || *back.AllocationId == *a.AllocationId {
		t.Errorf("asked back %s (%s), got %s (%s)", *a.PublicIp, *a.AllocationId, *back.PublicIp, *back.AllocationId)
	}
	must(s.client.ReleaseAddress(t.Context(), &ec2.ReleaseAddressInput{AllocationId: back.AllocationId}))(t)
	if !cloud.GiveAwayAddress(netip.MustParseAddr(*a.PublicIp)) {
		t.Error("a free address was not given away")
	}
	_, err = s.client.AllocateAddress(t.Context(), ask)
	wantCode(t, err, "InvalidAddress.NotFound")
	_, err = s.client.AllocateAddress(t.Context(), &ec2.AllocateAddressInput{Address: aws.String("not an address")})
	wantCode(t, err, "InvalidParameterValue")
}

func TestAddressQuota(t *testing.T) {
	cloud := start(t, awscloud.Options{AddressQuota: 2})
	s := newSite(t, cloud)
	a := s.allocate(t)
	s.allocate(t)
	_, err := s.client.AllocateAddress(t.Context(), &ec2.AllocateAddressInput{})
	wantCode(t, err, "AddressLimitExceeded")
	must(s.client.ReleaseAddress(t.Context(), &ec2.ReleaseAddressInput{AllocationId: a.AllocationId}))(t)
	s.allocate(t)

	quotas := servicequotas.NewFromConfig(config(cloud))
	applied := must(quotas.GetServiceQuota(t.Context(), &servicequotas.GetServiceQuotaInput{ServiceCode: aws.String("ec2"), QuotaCode: aws.String("L-0263D0A3")}))(t)
	if *applied.Quota.Value != 2 {
		t.Errorf("applied quota %v, want 2", *applied.Quota.Value)
	}
	standard := must(quotas.GetAWSDefaultServiceQuota(t.Context(), &servicequotas.GetAWSDefaultServiceQuotaInput{ServiceCode: aws.String("ec2"), QuotaCode: aws.String("L-0263D0A3")}))(t)
	if *standard.Quota.Value != 5 {
		t.Errorf("default quota %v, want 5", *standard.Quota.Value)
	}
	_, err = quotas.GetServiceQuota(t.Context(), &servicequotas.GetServiceQuotaInput{ServiceCode: aws.String("ec2"), QuotaCode: aws.String("L-00000000")})
	wantCode(t, err, "NoSuchResourceException")
}

func TestAllocateErrorsAndPools(t *testing.T) {
	s := newSite(t, start(t, awscloud.Options{AddressPools: map[string][]netip.Prefix{"ipv4pool-ec2-012345": {netip.MustParsePrefix("151.101.0.0/30")}}}))
	byoip := func() (*ec2.AllocateAddressOutput, error) {
		return s.client.AllocateAddress(t.Context(), &ec2.AllocateAddressInput{PublicIpv4Pool: aws.String("ipv4pool-ec2-012345")})
	}
	for _, want := range []string{"151.101.0.1", "151.101.0.2", "151.101.0.3"} {
		if got := must(byoip())(t); *got.PublicIp != want || *got.PublicIpv4Pool != "ipv4pool-ec2-012345" {
			t.Errorf("got %s of %s, want %s", *got.PublicIp, *got.PublicIpv4Pool, want)
		}
	}
	_, err := byoip()
	wantCode(t, err, "InsufficientAddressCapacity")
	for name, tc := range map[string]struct {
		in   ec2.AllocateAddressInput
		code string
	}{
		"unknown pool":         {ec2.AllocateAddressInput{PublicIpv4Pool: aws.String("ipv4pool-ec2-unknown")}, "InvalidPublicIpv4PoolID.NotFound"},
		"unknown border group": {ec2.AllocateAddressInput{NetworkBorderGroup: aws.String("eu-west-1")}, "InvalidParameterValue"},
		"tags of another type": {ec2.AllocateAddressInput{TagSpecifications: tagsOf("instance", "a", "b")}, "InvalidParameterValue"},
		"reserved tag":         {ec2.AllocateAddressInput{TagSpecifications: tagsOf("elastic-ip", "aws:pool", "b")}, "InvalidParameterValue"},
		"twice the same tag":   {ec2.AllocateAddressInput{TagSpecifications: tagsOf("elastic-ip", "a", "b", "a", "c")}, "InvalidParameterValue"},
		"IPAM pool":            {ec2.AllocateAddressInput{IpamPoolId: aws.String("ipam-pool-1")}, "NotImplemented"},
		"classic":              {ec2.AllocateAddressInput{Domain: types.DomainTypeStandard}, "InvalidParameterValue"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := s.client.AllocateAddress(t.Context(), &tc.in)
			wantCode(t, err, tc.code)
		})
	}
}

func TestTagsOfOwnAndMotoResourcesInOneCall(t *testing.T) {
	s := newSite(t, start(t, awscloud.Options{}))
	a := s.allocate(t)
	both := []string{*a.AllocationId, s.vpc}
	tag := func(pairs ...string) []types.Tag { return tagsOf("", pairs...)[0].Tags }
	must(s.client.CreateTags(t.Context(), &ec2.CreateTagsInput{Resources: both, Tags: tag("k1", "v1", "k2", "v2")}))(t)
	must(s.client.DeleteTags(t.Context(), &ec2.DeleteTagsInput{Resources: both, Tags: []types.Tag{{Key: aws.String("k1")}, {Key: aws.String("k2"), Value: aws.String("other")}}}))(t)
	for _, id := range both {
		out := must(s.client.DescribeTags(t.Context(), &ec2.DescribeTagsInput{Filters: filterOn("resource-id", id)}))(t)
		if len(out.Tags) != 1 || *out.Tags[0].Key != "k2" || *out.Tags[0].Value != "v2" {
			t.Errorf("%s has the tags %v, want k2=v2", id, out.Tags)
		}
	}
	out := must(s.client.DescribeTags(t.Context(), &ec2.DescribeTagsInput{Filters: append(filterOn("resource-type", "elastic-ip"), filterOn("tag:k2", "v2")...)}))(t)
	if len(out.Tags) != 1 || *out.Tags[0].ResourceId != *a.AllocationId || out.Tags[0].ResourceType != types.ResourceTypeElasticIp {
		t.Errorf("by type: %v", out.Tags)
	}
	_, err := s.client.CreateTags(t.Context(), &ec2.CreateTagsInput{Resources: []string{*a.AllocationId, "eipalloc-unknown"}, Tags: tag("k3", "v3")})
	wantCode(t, err, "InvalidElasticIpID.NotFound")
	if got := s.address(t, a.AllocationId); len(got.Tags) != 1 {
		t.Errorf("a call that failed left the tags %v", got.Tags)
	}
	var many []string
	for i := range 51 {
		many = append(many, fmt.Sprint("key", i), "")
	}
	_, err = s.client.CreateTags(t.Context(), &ec2.CreateTagsInput{Resources: []string{*a.AllocationId}, Tags: tag(many...)})
	wantCode(t, err, "TagLimitExceeded")
	must(s.client.DeleteTags(t.Context(), &ec2.DeleteTagsInput{Resources: both}))(t)
	if got := s.address(t, a.AllocationId); len(got.Tags) != 0 {
		t.Errorf("deleting all left the tags %v", got.Tags)
	}
}

func TestInstancesAndInterfacesShowTheirAddress(t *testing.T) {
	cloud := start(t, awscloud.Options{})
	s := newSite(t, cloud)
	m := s.run(t)
	a := s.allocate(t)
	must(s.claim(t, a.AllocationId, m, nil))(t)

	instance := must(s.client.DescribeInstances(t.Context(), &ec2.DescribeInstancesInput{InstanceIds: []string{m.id}}))(t).Reservations[0].Instances[0]
	if aws.ToString(instance.PublicIpAddress) != *a.PublicIp || aws.ToString(instance.NetworkInterfaces[0].Association.PublicIp) != *a.PublicIp {
		t.Errorf("the instance shows %v", aws.ToString(instance.PublicIpAddress))
	}
	eni := must(s.client.DescribeNetworkInterfaces(t.Context(), &ec2.DescribeNetworkInterfacesInput{NetworkInterfaceIds: []string{m.eni}}))(t).NetworkInterfaces[0]
	if eni.Association == nil || aws.ToString(eni.Association.AllocationId) != *a.AllocationId {
		t.Errorf("the interface shows %+v", eni.Association)
	}
	must(s.client.TerminateInstances(t.Context(), &ec2.TerminateInstancesInput{InstanceIds: []string{m.id}}))(t)
	if got := s.address(t, a.AllocationId); got.AssociationId != nil {
		t.Error("the address outlived its instance")
	}

	other := s.run(t)
	must(s.claim(t, a.AllocationId, other, nil))(t)
	cloud.InstanceTerminated(other.id)
	if got := s.address(t, a.AllocationId); got.AssociationId != nil {
		t.Error("the address outlived an instance that was terminated elsewhere")
	}
}
