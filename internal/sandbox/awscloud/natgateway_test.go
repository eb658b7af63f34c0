package awscloud_test

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/awscloud"
)

// gatewaySite is a site with a clock that the test moves and a Hypervisor that writes down.
type gatewaySite struct {
	site
	cloud   *awscloud.Cloud
	clock   *clock
	proxies *fleet
}

func newGatewaySite(t *testing.T) gatewaySite {
	t.Helper()
	s := gatewaySite{clock: &clock{now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}, proxies: &fleet{}}
	s.cloud = start(t, awscloud.Options{Hypervisor: s.proxies, Now: s.clock.Now, Tempo: time.Second})
	s.site = newSite(t, s.cloud)
	return s
}

func (s gatewaySite) translate(t *testing.T, allocationID *string, change ...func(*ec2.CreateNatGatewayInput)) types.NatGateway {
	t.Helper()
	in := &ec2.CreateNatGatewayInput{SubnetId: &s.subnet, AllocationId: allocationID, TagSpecifications: tagsOf("natgateway", "Name", "nat")}
	for _, f := range change {
		f(in)
	}
	return *must(s.client.CreateNatGateway(t.Context(), in))(t).NatGateway
}

func (s gatewaySite) natGateway(t *testing.T, id *string) types.NatGateway {
	t.Helper()
	return must(s.client.DescribeNatGateways(t.Context(), &ec2.DescribeNatGatewaysInput{NatGatewayIds: []string{*id}}))(t).NatGateways[0]
}

func (s gatewaySite) wantNATState(t *testing.T, id *string, want types.NatGatewayState) types.NatGateway {
	t.Helper()
	got := s.natGateway(t, id)
	if got.State != want {
		t.Fatalf("%s is %s (%s), want %s", *id, got.State, aws.ToString(got.FailureMessage), want)
	}
	return got
}

func TestNATGatewayKeepsItsAddressUntilItIsGone(t *testing.T) {
	s := newGatewaySite(t)
	ctx := t.Context()
	a := s.allocate(t)
	made := s.translate(t, a.AllocationId)
	if made.State != types.NatGatewayStatePending || aws.ToString(made.VpcId) != s.vpc || made.ConnectivityType != types.ConnectivityTypePublic {
		t.Errorf("made %+v", made)
	}
	s.clock.advance(time.Second)
	shown := s.wantNATState(t, made.NatGatewayId, types.NatGatewayStateAvailable)
	if len(shown.NatGatewayAddresses) != 1 || len(shown.Tags) != 1 || *shown.Tags[0].Value != "nat" {
		t.Fatalf("shown %+v", shown)
	}
	inside := shown.NatGatewayAddresses[0]
	if *inside.PublicIp != *a.PublicIp || *inside.AllocationId != *a.AllocationId || !aws.ToBool(inside.IsPrimary) || !strings.HasPrefix(*inside.PrivateIp, "10.9.1.") {
		t.Errorf("address %+v", inside)
	}
	held := s.address(t, a.AllocationId)
	if aws.ToString(held.AssociationId) != *inside.AssociationId || aws.ToString(held.NetworkInterfaceId) != *inside.NetworkInterfaceId ||
		held.InstanceId != nil || aws.ToString(held.NetworkInterfaceOwnerId) != awscloud.DefaultAccountID || aws.ToString(held.PrivateIpAddress) != *inside.PrivateIp {
		t.Errorf("the address shows %+v", held)
	}
	eni := must(s.client.DescribeNetworkInterfaces(ctx, &ec2.DescribeNetworkInterfacesInput{NetworkInterfaceIds: []string{*inside.NetworkInterfaceId}}))(t).NetworkInterfaces[0]
	if eni.InterfaceType != "nat_gateway" || !aws.ToBool(eni.RequesterManaged) || aws.ToString(eni.Association.PublicIp) != *a.PublicIp {
		t.Errorf("interface of type %s, requester managed %v, with %q", eni.InterfaceType, aws.ToBool(eni.RequesterManaged), aws.ToString(eni.Association.PublicIp))
	}

	// Nobody but the gateway moves its address, and what it stands on stays.
	m := s.run(t)
	for _, tc := range []struct {
		name, code string
		call       func() error
	}{
		{"release", "AuthFailure", func() error {
			_, err := s.client.ReleaseAddress(ctx, &ec2.ReleaseAddressInput{AllocationId: a.AllocationId})
			return err
		}},
		{"disassociate", "AuthFailure", func() error {
			_, err := s.client.DisassociateAddress(ctx, &ec2.DisassociateAddressInput{AssociationId: inside.AssociationId})
			return err
		}},
		{"take", "AuthFailure", func() error {
			_, err := s.claim(t, a.AllocationId, m, aws.Bool(true))
			return err
		}},
		{"delete the subnet", "DependencyViolation", func() error {
			_, err := s.client.DeleteSubnet(ctx, &ec2.DeleteSubnetInput{SubnetId: &s.subnet})
			return err
		}},
		{"detach the Internet gateway", "DependencyViolation", func() error {
			_, err := s.client.DetachInternetGateway(ctx, &ec2.DetachInternetGatewayInput{InternetGatewayId: &s.gateway, VpcId: &s.vpc})
			return err
		}},
		{"delete the interface", "InvalidNetworkInterface.InUse", func() error {
			_, err := s.client.DeleteNetworkInterface(ctx, &ec2.DeleteNetworkInterfaceInput{NetworkInterfaceId: inside.NetworkInterfaceId})
			return err
		}},
	} {
		t.Run(tc.name, func(t *testing.T) { wantCode(t, tc.call(), tc.code) })
	}

	must(s.client.DeleteNatGateway(ctx, &ec2.DeleteNatGatewayInput{NatGatewayId: made.NatGatewayId}))(t)
	s.wantNATState(t, made.NatGatewayId, types.NatGatewayStateDeleting)
	_, err := s.client.ReleaseAddress(ctx, &ec2.ReleaseAddressInput{AllocationId: a.AllocationId})
	wantCode(t, err, "AuthFailure")
	s.clock.advance(time.Second)
	if held := s.address(t, a.AllocationId); held.AssociationId != nil || held.NetworkInterfaceId != nil {
		t.Errorf("the address of a deleted gateway shows %+v", held)
	}
	s.wantNATState(t, made.NatGatewayId, types.NatGatewayStateDeleted)
	must(s.client.ReleaseAddress(ctx, &ec2.ReleaseAddressInput{AllocationId: a.AllocationId}))(t)
	_, err = s.client.DescribeNetworkInterfaces(ctx, &ec2.DescribeNetworkInterfacesInput{NetworkInterfaceIds: []string{*inside.NetworkInterfaceId}})
	wantCode(t, err, "InvalidNetworkInterfaceID.NotFound")
	s.clock.advance(2 * time.Hour)
	_, err = s.client.DescribeNatGateways(ctx, &ec2.DescribeNatGatewaysInput{NatGatewayIds: []string{*made.NatGatewayId}})
	wantCode(t, err, "NatGatewayNotFound")
	_, err = s.client.DeleteNatGateway(ctx, &ec2.DeleteNatGatewayInput{NatGatewayId: made.NatGatewayId})
	wantCode(t, err, "NatGatewayNotFound")
}

func TestNATGatewayThatCannotBeMadeFails(t *testing.T) {
	s := newGatewaySite(t)
	used, free := s.allocate(t), s.allocate(t)
	first := s.translate(t, used.AllocationId)
	wantFailure := func(t *testing.T, g types.NatGateway, code, message string) {
		t.Helper()
		s.clock.advance(time.Second)
		got := s.wantNATState(t, g.NatGatewayId, types.NatGatewayStateFailed)
		if aws.ToString(got.FailureCode) != code || aws.ToString(got.FailureMessage) != message {
			t.Errorf("failure %q: %q", aws.ToString(got.FailureCode), aws.ToString(got.FailureMessage))
		}
		must(s.client.DeleteNatGateway(t.Context(), &ec2.DeleteNatGatewayInput{NatGatewayId: g.NatGatewayId}))(t)
	}
	wantFailure(t, s.translate(t, used.AllocationId), "Resource.AlreadyAssociated", "Elastic IP address ["+*used.AllocationId+"] is already associated")
	wantFailure(t, s.translate(t, aws.String("eipalloc-0123")), "InvalidAllocationID.NotFound", "Elastic IP address eipalloc-0123 could not be associated with this NAT gateway")
	if got := s.address(t, used.AllocationId); aws.ToString(got.NetworkInterfaceId) != *s.natGateway(t, first.NatGatewayId).NatGatewayAddresses[0].NetworkInterfaceId {
		t.Errorf("the first gateway lost its address: %+v", got)
	}
	island := s
	island.vpc = *must(s.client.CreateVpc(t.Context(), &ec2.CreateVpcInput{CidrBlock: aws.String("10.8.0.0/16")}))(t).Vpc.VpcId
	island.subnet = *must(s.client.CreateSubnet(t.Context(), &ec2.CreateSubnetInput{VpcId: &island.vpc, CidrBlock: aws.String("10.8.1.0/24")}))(t).Subnet.SubnetId
	wantFailure(t, island.translate(t, free.AllocationId), "Gateway.NotAttached", "Network "+island.vpc+" has no Internet gateway attached")
	for code, in := range map[string]*ec2.CreateNatGatewayInput{
		"MissingParameter":            {SubnetId: &s.subnet},
		"InvalidParameterCombination": {SubnetId: &s.subnet, AllocationId: free.AllocationId, ConnectivityType: types.ConnectivityTypePrivate},
		"InvalidSubnetID.NotFound":    {SubnetId: aws.String("subnet-0123456789abcdef0"), AllocationId: free.AllocationId},
		"InvalidParameterValue":       {SubnetId: &s.subnet, AllocationId: free.AllocationId, ConnectivityType: "half"},
	} {
		_, err := s.client.CreateNatGateway(t.Context(), in)
		wantCode(t, err, code)
	}
	// A call that is repeated makes one gateway.
	token := func(in *ec2.CreateNatGatewayInput) { in.ClientToken = aws.String("once") }
	if a, b := s.translate(t, free.AllocationId, token), s.translate(t, free.AllocationId, token); *a.NatGatewayId != *b.NatGatewayId {
		t.Errorf("one call made %s and %s", *a.NatGatewayId, *b.NatGatewayId)
	}
}

func TestTrafficLeavesThroughTheSubnetsNATGateway(t *testing.T) {
	s := newGatewaySite(t)
	ctx := t.Context()
	old, next := s.allocate(t), s.allocate(t)
	gateway := s.translate(t, old.AllocationId)
	s.clock.advance(time.Second)
	s.wantNATState(t, gateway.NatGatewayId, types.NatGatewayStateAvailable)
	private := *must(s.client.CreateSubnet(ctx, &ec2.CreateSubnetInput{VpcId: &s.vpc, CidrBlock: aws.String("10.9.2.0/24")}))(t).Subnet.SubnetId
	inside := s.site
	inside.subnet = private
	m := inside.run(t)
	want := func(ip string) {
		t.Helper()
		s.proxies.mu.Lock()
		defer s.proxies.mu.Unlock()
		if s.proxies.nats[m.id] != ip {
			t.Fatalf("the traffic of %s leaves from %q, want %q", m.id, s.proxies.nats[m.id], ip)
		}
	}
	want("")
	table := must(s.client.CreateRouteTable(ctx, &ec2.CreateRouteTableInput{VpcId: &s.vpc}))(t).RouteTable.RouteTableId
	_, err := s.client.CreateRoute(ctx, &ec2.CreateRouteInput{RouteTableId: table, DestinationCidrBlock: aws.String("0.0.0.0/0"), NatGatewayId: aws.String("nat-0123")})
	wantCode(t, err, "InvalidNatGatewayID.NotFound")
	must(s.client.CreateRoute(ctx, &ec2.CreateRouteInput{RouteTableId: table, DestinationCidrBlock: aws.String("0.0.0.0/0"), NatGatewayId: gateway.NatGatewayId}))(t)
	want("")
	must(s.client.AssociateRouteTable(ctx, &ec2.AssociateRouteTableInput{RouteTableId: table, SubnetId: &private}))(t)
	want(*old.PublicIp)
	// One that is launched later is told too, whoever launches it.
	later := inside.run(t)
	s.cloud.InstanceLaunched(ctx, later.id)
	s.proxies.mu.Lock()
	if s.proxies.nats[later.id] != *old.PublicIp {
		t.Errorf("the later one leaves from %q", s.proxies.nats[later.id])
	}
	s.proxies.mu.Unlock()
	if shown := must(s.client.DescribeInstances(ctx, &ec2.DescribeInstancesInput{InstanceIds: []string{m.id}}))(t).Reservations[0].Instances[0]; shown.PublicIpAddress != nil {
		t.Errorf("the instance shows the public address %s", *shown.PublicIpAddress)
	}
	b := s.balance(t, s.cloud, "behind-nat")
	service := s.offer(t, b, false)
	s.allow(t, service.ServiceId, principal)
	must(b.client.RegisterTargets(ctx, &elb.RegisterTargetsInput{TargetGroupArn: &b.targetGroup, Targets: []elbtypes.TargetDescription{{Id: &m.id}}}))(t)
	endpoint := must(s.cloud.CreateVPCEndpoint(*service.ServiceName, principal, consumer))(t)
	s.clock.advance(time.Second)
	if got := must(s.cloud.Targets(endpoint))(t); len(got) != 1 || got[0].PublicIP != *old.PublicIp {
		t.Errorf("targets %+v", got)
	}
	// Rotation: the new gateway, the route, the old gateway.
	other := s.translate(t, next.AllocationId)
	s.clock.advance(time.Second)
	s.wantNATState(t, other.NatGatewayId, types.NatGatewayStateAvailable)
	want(*old.PublicIp)
	must(s.client.ReplaceRoute(ctx, &ec2.ReplaceRouteInput{RouteTableId: table, DestinationCidrBlock: aws.String("0.0.0.0/0"), NatGatewayId: other.NatGatewayId}))(t)
	want(*next.PublicIp)
	must(s.client.DeleteNatGateway(ctx, &ec2.DeleteNatGatewayInput{NatGatewayId: gateway.NatGatewayId}))(t)
	want(*next.PublicIp)
	must(s.client.DeleteNatGateway(ctx, &ec2.DeleteNatGatewayInput{NatGatewayId: other.NatGatewayId}))(t)
	want("")
	for _, route := range must(s.client.DescribeRouteTables(ctx, &ec2.DescribeRouteTablesInput{RouteTableIds: []string{*table}}))(t).RouteTables[0].Routes {
		if route.NatGatewayId != nil && route.State != types.RouteStateBlackhole {
			t.Errorf("the route to a gateway that is being deleted is %s", route.State)
		}
	}
}

func TestNATGatewaysAreFound(t *testing.T) {
	s := newGatewaySite(t)
	a := s.allocate(t)
	public := s.translate(t, a.AllocationId)
	private := s.translate(t, nil, func(in *ec2.CreateNatGatewayInput) { in.ConnectivityType = types.ConnectivityTypePrivate })
	s.clock.advance(time.Second)
	find := func(name string, values ...string) []types.NatGateway {
		t.Helper()
		return must(s.client.DescribeNatGateways(t.Context(), &ec2.DescribeNatGatewaysInput{Filter: []types.Filter{{Name: &name, Values: values}}}))(t).NatGateways
	}
	if got := find("vpc-id", s.vpc); len(got) != 2 || got[1].NatGatewayAddresses[0].AllocationId != nil {
		t.Errorf("in the VPC: %+v", got)
	}
	must(s.client.DeleteNatGateway(t.Context(), &ec2.DeleteNatGatewayInput{NatGatewayId: private.NatGatewayId}))(t)
	if got := find("state", "available"); len(got) != 1 || *got[0].NatGatewayId != *public.NatGatewayId {
		t.Errorf("available: %+v", got)
	}
	must(s.client.CreateTags(t.Context(), &ec2.CreateTagsInput{Resources: []string{*public.NatGatewayId}, Tags: tagsOf("", "zone", "a")[0].Tags}))(t)
	if got := find("tag:zone", "a"); len(got) != 1 || *got[0].NatGatewayId != *public.NatGatewayId {
		t.Errorf("by tag: %+v", got)
	}
	_, err := s.client.DescribeNatGateways(t.Context(), &ec2.DescribeNatGatewaysInput{Filter: []types.Filter{{Name: aws.String("colour"), Values: []string{"red"}}}})
	wantCode(t, err, "InvalidParameterValue")
	s.clock.advance(time.Second)
	for range 4 {
		s.translate(t, nil, func(in *ec2.CreateNatGatewayInput) { in.ConnectivityType = types.ConnectivityTypePrivate })
	}
	_, err = s.client.CreateNatGateway(t.Context(), &ec2.CreateNatGatewayInput{SubnetId: &s.subnet, ConnectivityType: types.ConnectivityTypePrivate})
	wantCode(t, err, "NatGatewayLimitExceeded")
}
