package awscloud_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/awscloud"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/elasticip"
)

// runPublic launches an instance with an automatic public address.
func (s site) runPublic(t *testing.T) machine {
	t.Helper()
	out := must(s.client.RunInstances(t.Context(), &ec2.RunInstancesInput{
		ImageId: aws.String("ami-12c6146b"), InstanceType: types.InstanceTypeT3Micro, MinCount: aws.Int32(1), MaxCount: aws.Int32(1),
		NetworkInterfaces: []types.InstanceNetworkInterfaceSpecification{{DeviceIndex: aws.Int32(0), SubnetId: &s.subnet, AssociatePublicIpAddress: aws.Bool(true)}},
	}))(t)
	i := out.Instances[0]
	return machine{*i.InstanceId, *i.NetworkInterfaces[0].NetworkInterfaceId}
}

// publicIP returns the public address of an instance ("": none), once all places that show it agree on it.
func (s site) publicIP(t *testing.T, m machine) string {
	t.Helper()
	instance := must(s.client.DescribeInstances(t.Context(), &ec2.DescribeInstancesInput{InstanceIds: []string{m.id}}))(t).Reservations[0].Instances[0]
	eni := must(s.client.DescribeNetworkInterfaces(t.Context(), &ec2.DescribeNetworkInterfacesInput{NetworkInterfaceIds: []string{m.eni}}))(t).NetworkInterfaces[0]
	shown := aws.ToString(instance.PublicIpAddress)
	var first types.InstanceNetworkInterface
	for _, n := range instance.NetworkInterfaces {
		if *n.NetworkInterfaceId == m.eni {
			first = n
		}
	}
	associations := map[string]string{}
	if first.Association != nil {
		associations["interface of the instance"] = aws.ToString(first.Association.PublicIp)
	}
	if a := first.PrivateIpAddresses[0].Association; a != nil {
		associations["private address of the instance"] = aws.ToString(a.PublicIp)
	}
	if eni.Association != nil {
		associations["interface"] = aws.ToString(eni.Association.PublicIp)
	}
	if a := eni.PrivateIpAddresses[0].Association; a != nil {
		associations["private address of the interface"] = aws.ToString(a.PublicIp)
	}
	for where, ip := range associations {
		if ip != shown {
			t.Errorf("the instance shows %q, the %s %q", shown, where, ip)
		}
	}
	if shown != "" && len(associations) != 4 || (aws.ToString(instance.PublicDnsName) == "") != (shown == "") {
		t.Errorf("%q is shown by %v and the name %q", shown, associations, aws.ToString(instance.PublicDnsName))
	}
	return shown
}

func TestAutomaticPublicAddress(t *testing.T) {
	proxies := &fleet{}
	cloud := start(t, awscloud.Options{Hypervisor: proxies})
	s := newSite(t, cloud)
	private, public := s.run(t), s.runPublic(t)
	first := proxies.ip(public.id)
	if got := s.publicIP(t, public); got == "" || got != first || s.publicIP(t, private) != "" {
		t.Errorf("the instance shows %q, the hypervisor was told %q", got, first)
	}
	if listed := must(s.client.DescribeAddresses(t.Context(), &ec2.DescribeAddressesInput{}))(t).Addresses; len(listed) != 0 {
		t.Errorf("listed as Elastic IPs: %v", listed)
	}

	a := s.allocate(t)
	association := must(s.claim(t, a.AllocationId, public, nil))(t)
	if got := s.publicIP(t, public); got != *a.PublicIp || proxies.ip(public.id) != got {
		t.Errorf("with the Elastic IP %s the instance shows %q, the hypervisor was told %q", *a.PublicIp, got, proxies.ip(public.id))
	}
	must(s.client.DisassociateAddress(t.Context(), &ec2.DisassociateAddressInput{AssociationId: &association}))(t)
	second := s.publicIP(t, public)
	if second == "" || second == first || proxies.ip(public.id) != second {
		t.Errorf("after %s and the disassociation the instance shows %q, the hypervisor was told %q", first, second, proxies.ip(public.id))
	}
	_, err := s.client.DetachInternetGateway(t.Context(), &ec2.DetachInternetGatewayInput{InternetGatewayId: &s.gateway, VpcId: &s.vpc})
	wantCode(t, err, "DependencyViolation")

	must(s.client.StopInstances(t.Context(), &ec2.StopInstancesInput{InstanceIds: []string{public.id}}))(t)
	if got := proxies.ip(public.id); got != "" || s.publicIP(t, public) != "" {
		t.Errorf("stopped it has %q", got)
	}
	must(s.client.StartInstances(t.Context(), &ec2.StartInstancesInput{InstanceIds: []string{public.id}}))(t)
	third := proxies.ip(public.id)
	if got := s.publicIP(t, public); got == "" || got == second || got != third {
		t.Errorf("started again it shows %q, before %q, and the hypervisor was told %q", got, second, third)
	}
	must(s.client.TerminateInstances(t.Context(), &ec2.TerminateInstancesInput{InstanceIds: []string{public.id}}))(t)
	if got := cloud.AddressCounts(); got != (elasticip.Counts{}) {
		t.Errorf("counted %+v, want nothing", got)
	}
}

func TestAutomaticPublicAddressWithASecondInterface(t *testing.T) {
	proxies := &fleet{}
	cloud := start(t, awscloud.Options{Hypervisor: proxies})
	s := newSite(t, cloud)
	m := s.runPublic(t)
	first := s.publicIP(t, m)
	a, b := s.allocate(t), s.allocate(t)
	extra := must(s.client.CreateNetworkInterface(t.Context(), &ec2.CreateNetworkInterfaceInput{SubnetId: &s.subnet}))(t).NetworkInterface.NetworkInterfaceId
	must(s.claim(t, b.AllocationId, machine{eni: *extra}, nil))(t)
	if got := s.address(t, b.AllocationId); got.InstanceId != nil || aws.ToString(got.NetworkInterfaceId) != *extra {
		t.Errorf("the address of an interface without instance is at %+v", got)
	}
	association := must(s.claim(t, a.AllocationId, m, nil))(t)
	attachment := must(s.client.AttachNetworkInterface(t.Context(), &ec2.AttachNetworkInterfaceInput{NetworkInterfaceId: extra, InstanceId: &m.id, DeviceIndex: aws.Int32(1)}))(t).AttachmentId
	must(s.client.DisassociateAddress(t.Context(), &ec2.DisassociateAddressInput{AssociationId: &association}))(t)
	if got := s.publicIP(t, m); got != "" {
		t.Errorf("after %s it got %q with two interfaces", first, got)
	}

	// An Elastic IP goes where its interface goes.
	if got := s.address(t, b.AllocationId); aws.ToString(got.InstanceId) != m.id {
		t.Errorf("after the attachment the address is at %+v", got)
	}
	must(s.client.DetachNetworkInterface(t.Context(), &ec2.DetachNetworkInterfaceInput{AttachmentId: attachment}))(t)
	if got := s.address(t, b.AllocationId); got.InstanceId != nil || aws.ToString(got.NetworkInterfaceId) != *extra {
		t.Errorf("after the detachment the address is at %+v", got)
	}
	must(s.claim(t, a.AllocationId, m, nil))(t)
	if got := cloud.AddressCounts(); got != (elasticip.Counts{Remaps: 1}) {
		t.Errorf("counted %+v, want the second claim of the one address", got)
	}
	_, err := s.client.DetachNetworkInterface(t.Context(), &ec2.DetachNetworkInterfaceInput{AttachmentId: aws.String("eni-attach-00000000000000000")})
	wantCode(t, err, "InvalidAttachmentID.NotFound")
}

func TestAutomaticPublicAddressBelongsToThePrimaryPrivateOne(t *testing.T) {
	s := newSite(t, start(t, awscloud.Options{}))
	m := s.runPublic(t)
	must(s.client.AssignPrivateIpAddresses(t.Context(), &ec2.AssignPrivateIpAddressesInput{NetworkInterfaceId: &m.eni, PrivateIpAddresses: []string{"10.9.1.99"}}))(t)
	first := s.publicIP(t, m)
	eni := must(s.client.DescribeNetworkInterfaces(t.Context(), &ec2.DescribeNetworkInterfacesInput{NetworkInterfaceIds: []string{m.eni}}))(t).NetworkInterfaces[0]
	if len(eni.PrivateIpAddresses) != 2 || eni.PrivateIpAddresses[1].Association != nil {
		t.Errorf("private addresses %+v", eni.PrivateIpAddresses)
	}
	a := s.allocate(t)
	must(s.client.AssociateAddress(t.Context(), &ec2.AssociateAddressInput{AllocationId: a.AllocationId, NetworkInterfaceId: &m.eni, PrivateIpAddress: aws.String("10.9.1.99")}))(t)
	if got := s.publicIP(t, m); got != first {
		t.Errorf("an Elastic IP of a secondary private address made %q of %q", got, first)
	}
}

// Auto Scaling launches behind the gateway's back: the first to see the instance may be who gives it an Elastic IP.
func TestAutomaticAddressOfAnInstanceThatNobodyHasLookedAt(t *testing.T) {
	proxies := &fleet{}
	s := newSite(t, start(t, awscloud.Options{Hypervisor: proxies}))
	behind := s
	behind.client = ec2.NewFromConfig(config(&awscloud.Cloud{URL: motoURL(t)}))
	m, other := behind.runPublic(t), behind.runPublic(t)
	a := s.allocate(t)
	association := must(s.claim(t, a.AllocationId, m, nil))(t)
	must(s.client.DisassociateAddress(t.Context(), &ec2.DisassociateAddressInput{AssociationId: &association}))(t)
	told := proxies.ip(m.id)
	if got := s.publicIP(t, m); got == "" || got == *a.PublicIp || got != told {
		t.Errorf("the instance shows %q, the hypervisor was told %q", got, told)
	}
	eni := must(s.client.DescribeNetworkInterfaces(t.Context(), &ec2.DescribeNetworkInterfacesInput{NetworkInterfaceIds: []string{other.eni}}))(t).NetworkInterfaces[0]
	if eni.Association == nil || *eni.Association.PublicIp != proxies.ip(other.id) || *eni.Association.IpOwnerId != "amazon" {
		t.Errorf("the interface shows %+v, the hypervisor was told %q", eni.Association, proxies.ip(other.id))
	}
}

func TestServiceManagedAddress(t *testing.T) {
	cloud := start(t, awscloud.Options{})
	s := newSite(t, cloud)
	m := s.run(t)
	a := s.allocate(t)
	if err := cloud.ManageAddress(*a.AllocationId, "nlb"); err != nil {
		t.Fatal(err)
	}
	if got := s.address(t, a.AllocationId).ServiceManaged; got != types.ServiceManagedNlb {
		t.Errorf("managed by %q", got)
	}
	_, err := s.claim(t, a.AllocationId, m, nil)
	wantCode(t, err, "AuthFailure")
	_, err = s.client.ReleaseAddress(t.Context(), &ec2.ReleaseAddressInput{AllocationId: a.AllocationId})
	wantCode(t, err, "AuthFailure")
	if err := cloud.ManageAddress("eipalloc-unknown", "nlb"); err == nil {
		t.Error("an unknown address was given to a service")
	}
}
