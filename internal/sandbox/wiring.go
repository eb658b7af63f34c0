package sandbox

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/autoscaling"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/awscloud"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/imds"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/proxyfleet"
)

// askTimeout bounds a question that one part of the sandbox asks another.
const askTimeout = 10 * time.Second

// httpsPort is the port of the models' APIs.
const httpsPort = 443

// hypervisor is the fleet as the emulated AWS sees it.
type hypervisor struct{ *proxyfleet.Fleet }

// Launch boots an instance.
func (h hypervisor) Launch(ctx context.Context, i awscloud.Instance) error {
	return h.Fleet.Launch(ctx, proxyfleet.Instance{
		ID: i.ID, PrivateIP: i.PrivateIP, UserData: i.UserData, InstanceProfileARN: i.InstanceProfileARN, AvailabilityZone: i.AvailabilityZone,
	})
}

// launched passes an instance that Auto Scaling has started on to the fleet.
func (s *Sandbox) launched(ctx context.Context, i autoscaling.Instance) error {
	// The way out first, which takes some calls: from its launch on the instance acts by itself.
	s.aws.InstanceLaunched(ctx, i.ID)
	return s.fleet.Launch(ctx, proxyfleet.Instance{
		ID: i.ID, PrivateIP: i.PrivateIP, UserData: i.UserData, InstanceProfileARN: i.InstanceProfileARN, AvailabilityZone: i.AvailabilityZone,
	})
}

// instanceCredentials are what an instance's metadata service hands out.
func (s *Sandbox) instanceCredentials(ctx context.Context, profileARN, instanceID string) (imds.Credentials, error) {
	c, err := s.functions.InstanceCredentials(ctx, profileARN, instanceID)
	if err != nil {
		return imds.Credentials{}, err
	}
	return imds.Credentials(c), nil
}

// stopped ends the traffic of an instance that rests in a warm pool. An Elastic IP stays with it.
func (s *Sandbox) stopped(instanceID string) {
	s.fleet.Terminate(instanceID)
}

// terminated tells everybody that an instance is gone: first its traffic ends, then its
// address is free.
func (s *Sandbox) terminated(instanceID string) {
	s.fleet.Terminate(instanceID)
	s.functions.EndInstance(instanceID)
	s.aws.InstanceTerminated(instanceID)
}

// publicIP tells Azure which public address a connection comes from.
func (s *Sandbox) publicIP(remote net.Addr) (string, bool) {
	from, err := netip.ParseAddrPort(remote.String())
	if err != nil {
		return "", false
	}
	public, ok := s.twins.PublicIP(from.Addr())
	if !ok {
		return "", false
	}
	return public.String(), true
}

// resolve is the lookup of the emulated network's name server. The host of an account
// that does not exist resolves too: the data plane itself says that there is none.
func (s *Sandbox) resolve(name string) (netip.Addr, bool) {
	if label, ok := strings.CutSuffix(name, ".openai.azure.com"); !ok || label == "" || strings.Contains(label, ".") {
		return netip.Addr{}, false
	}
	data, err := netip.ParseAddrPort(s.azure.DataPlaneAddr())
	if err != nil {
		return netip.Addr{}, false
	}
	return data.Addr(), true
}

// dial opens a connection through a VPC endpoint of Databricks, to the port of the models' APIs.
func (s *Sandbox) dial(ctx context.Context, vpcEndpointID string) (net.Conn, error) {
	return s.DialEndpoint(ctx, vpcEndpointID, httpsPort)
}

// DialEndpoint opens a connection to a port of a VPC endpoint, as a client in the endpoint
// owner's network would. The error says at which hop the way ends.
func (s *Sandbox) DialEndpoint(ctx context.Context, vpcEndpointID string, port int) (net.Conn, error) {
	if s.haproxy == nil {
		return nil, fmt.Errorf("%s leads to no proxy: %w", vpcEndpointID, s.proxyProblem)
	}
	state, ok := s.aws.VPCEndpointState(vpcEndpointID)
	if !ok {
		return nil, fmt.Errorf("there is no VPC endpoint %s", vpcEndpointID)
	}
	// The SDK spells the state "Available", the wire "available".
	if !strings.EqualFold(state, string(ec2types.StateAvailable)) {
		return nil, fmt.Errorf("VPC endpoint %s is %s: no connection", vpcEndpointID, state)
	}
	found, err := s.aws.TargetsOn(vpcEndpointID, port)
	if err != nil {
		return nil, fmt.Errorf("following %s: %w", vpcEndpointID, err)
	}
	targets := make([]proxyfleet.Target, len(found))
	for i, t := range found {
		targets[i] = proxyfleet.Target(t)
	}
	return s.fleet.DialEndpoint(ctx, vpcEndpointID, targets)
}

// resourceTags returns the tags of a resource that a policy's condition asks about.
func (s *Sandbox) resourceTags(resource string) (map[string]string, bool) {
	parsed, err := arn.Parse(resource)
	if err != nil {
		return nil, false
	}
	if parsed.Service == "autoscaling" {
		return s.groups.GroupTags(resource)
	}
	_, id, ok := strings.Cut(parsed.Resource, "/")
	if parsed.Service != "ec2" || !ok {
		return nil, false
	}
	ctx, cancel := context.WithTimeout(context.Background(), askTimeout)
	defer cancel()
	var tags []ec2types.Tag
	switch kind, _, _ := strings.Cut(parsed.Resource, "/"); kind {
	case "elastic-ip":
		out, err := s.compute.DescribeAddresses(ctx, &ec2.DescribeAddressesInput{AllocationIds: []string{id}})
		if err != nil || len(out.Addresses) != 1 {
			return nil, false
		}
		tags = out.Addresses[0].Tags
	case "network-interface":
		out, err := s.compute.DescribeNetworkInterfaces(ctx, &ec2.DescribeNetworkInterfacesInput{NetworkInterfaceIds: []string{id}})
		if err != nil || len(out.NetworkInterfaces) != 1 {
			return nil, false
		}
		tags = out.NetworkInterfaces[0].TagSet
	case "instance":
		out, err := s.compute.DescribeInstances(ctx, &ec2.DescribeInstancesInput{InstanceIds: []string{id}})
		if err != nil || len(out.Reservations) != 1 || len(out.Reservations[0].Instances) != 1 {
			return nil, false
		}
		tags = out.Reservations[0].Instances[0].Tags
	default:
		return nil, false
	}
	byKey := map[string]string{}
	for _, t := range tags {
		byKey[aws.ToString(t.Key)] = aws.ToString(t.Value)
	}
	return byKey, true
}

// association returns what an association of an Elastic IP joins.
func (s *Sandbox) association(associationID string) (allocationID, networkInterfaceID string, ok bool) {
	ctx, cancel := context.WithTimeout(context.Background(), askTimeout)
	defer cancel()
	out, err := s.compute.DescribeAddresses(ctx, &ec2.DescribeAddressesInput{
		Filters: []ec2types.Filter{{Name: aws.String("association-id"), Values: []string{associationID}}},
	})
	if err != nil || len(out.Addresses) != 1 {
		return "", "", false
	}
	return aws.ToString(out.Addresses[0].AllocationId), aws.ToString(out.Addresses[0].NetworkInterfaceId), true
}
