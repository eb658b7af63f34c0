package awslive

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/clients"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/clouderr"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/live"
)

// vpcRange is the range of the session's VPC and of its one subnet.
const vpcRange = "10.255.254.0/24"

// interfaceCount is how many callers the question about races has.
const interfaceCount = 8

// address is an Elastic IP of the session.
type address struct{ allocationID, publicIP string }

// subnet returns the subnet that the environment names, or one of a VPC that the session makes.
func (s *suite) subnet(ctx context.Context, session *live.Session) (string, error) {
	if id := session.Getenv(inputSubnet); id != "" {
		return id, nil
	}
	return s.network.Get(func() (string, error) {
		cloud, err := s.cloud(ctx)
		if err != nil {
			return "", err
		}
		if _, err := session.Making("the VPC "+session.Name("vpc"), func(ctx context.Context) error {
			return insist(ctx, session, "the network to be deleted", func(ctx context.Context) error { return removeNetwork(ctx, cloud, session) })
		}); err != nil {
			return "", err
		}
		return makeNetwork(ctx, cloud, session)
	})
}

// makeNetwork makes a VPC with an internet gateway, without which no interface takes an Elastic IP, and a subnet.
func makeNetwork(ctx context.Context, cloud *clients.AWS, session *live.Session) (string, error) {
	vpc, err := cloud.EC2.CreateVpc(ctx, &ec2.CreateVpcInput{CidrBlock: aws.String(vpcRange), TagSpecifications: tagged(session, ec2types.ResourceTypeVpc)})
	if err != nil {
		return "", fmt.Errorf("making a VPC: %w", err)
	}
	gateway, err := cloud.EC2.CreateInternetGateway(ctx, &ec2.CreateInternetGatewayInput{TagSpecifications: tagged(session, ec2types.ResourceTypeInternetGateway)})
	if err != nil {
		return "", fmt.Errorf("making an internet gateway: %w", err)
	}
	if _, err := cloud.EC2.AttachInternetGateway(ctx, &ec2.AttachInternetGatewayInput{InternetGatewayId: gateway.InternetGateway.InternetGatewayId, VpcId: vpc.Vpc.VpcId}); err != nil {
		return "", fmt.Errorf("attaching the internet gateway: %w", err)
	}
	subnet, err := cloud.EC2.CreateSubnet(ctx, &ec2.CreateSubnetInput{VpcId: vpc.Vpc.VpcId, CidrBlock: aws.String(vpcRange), TagSpecifications: tagged(session, ec2types.ResourceTypeSubnet)})
	if err != nil {
		return "", fmt.Errorf("making a subnet: %w", err)
	}
	return aws.ToString(subnet.Subnet.SubnetId), nil
}

// removeNetwork deletes the session's subnets, internet gateways and VPCs, which are found by their tag.
func removeNetwork(ctx context.Context, cloud *clients.AWS, session *live.Session) error {
	subnets, err := cloud.EC2.DescribeSubnets(ctx, &ec2.DescribeSubnetsInput{Filters: ours(session)})
	if err != nil {
		return err
	}
	gateways, err := cloud.EC2.DescribeInternetGateways(ctx, &ec2.DescribeInternetGatewaysInput{Filters: ours(session)})
	if err != nil {
		return err
	}
	vpcs, err := cloud.EC2.DescribeVpcs(ctx, &ec2.DescribeVpcsInput{Filters: ours(session)})
	if err != nil {
		return err
	}
	var failed error
	for _, subnet := range subnets.Subnets {
		_, err := cloud.EC2.DeleteSubnet(ctx, &ec2.DeleteSubnetInput{SubnetId: subnet.SubnetId})
		failed = errors.Join(failed, err)
	}
	for _, gateway := range gateways.InternetGateways {
		for _, attachment := range gateway.Attachments {
			_, err := cloud.EC2.DetachInternetGateway(ctx, &ec2.DetachInternetGatewayInput{InternetGatewayId: gateway.InternetGatewayId, VpcId: attachment.VpcId})
			failed = errors.Join(failed, err)
		}
		_, err := cloud.EC2.DeleteInternetGateway(ctx, &ec2.DeleteInternetGatewayInput{InternetGatewayId: gateway.InternetGatewayId})
		failed = errors.Join(failed, err)
	}
	for _, vpc := range vpcs.Vpcs {
		_, err := cloud.EC2.DeleteVpc(ctx, &ec2.DeleteVpcInput{VpcId: vpc.VpcId})
		failed = errors.Join(failed, err)
	}
	return failed
}

// networkInterfaces returns interfaceCount network interfaces of the session; the first has poolTag.
func (s *suite) networkInterfaces(ctx context.Context, session *live.Session) ([]string, error) {
	return s.interfaces.Get(func() ([]string, error) {
		cloud, err := s.cloud(ctx)
		if err != nil {
			return nil, err
		}
		subnet, err := s.subnet(ctx, session)
		if err != nil {
			return nil, err
		}
		if _, err := session.Making(fmt.Sprintf("%d network interfaces with tag %s=%s", interfaceCount, live.Tag, session.ID), func(ctx context.Context) error {
			return insist(ctx, session, "the network interfaces to be deleted", func(ctx context.Context) error { return removeInterfaces(ctx, cloud, session) })
		}); err != nil {
			return nil, err
		}
		var ids []string
		for i := range interfaceCount {
			tags := tagged(session, ec2types.ResourceTypeNetworkInterface)
			if i == 0 {
				tags = tagged(session, ec2types.ResourceTypeNetworkInterface, poolTag, session.ID)
			}
			out, err := cloud.EC2.CreateNetworkInterface(ctx, &ec2.CreateNetworkInterfaceInput{SubnetId: &subnet, TagSpecifications: tags})
			if err != nil {
				return nil, fmt.Errorf("making a network interface: %w", err)
			}
			ids = append(ids, aws.ToString(out.NetworkInterface.NetworkInterfaceId))
		}
		return ids, nil
	})
}

// removeInterfaces deletes the session's interfaces. Those of instances go with these.
func removeInterfaces(ctx context.Context, cloud *clients.AWS, session *live.Session) error {
	out, err := cloud.EC2.DescribeNetworkInterfaces(ctx, &ec2.DescribeNetworkInterfacesInput{Filters: ours(session)})
	if err != nil {
		return err
	}
	var failed error
	for _, found := range out.NetworkInterfaces {
		if found.Attachment != nil {
			continue
		}
		if _, err := cloud.EC2.DeleteNetworkInterface(ctx, &ec2.DeleteNetworkInterfaceInput{NetworkInterfaceId: found.NetworkInterfaceId}); !clouderr.IsAWS(err, "InvalidNetworkInterfaceID.NotFound") {
			failed = errors.Join(failed, err)
		}
	}
	return failed
}

// elasticIPs returns two addresses of the session, held by nobody; the first has poolTag.
func (s *suite) elasticIPs(ctx context.Context, session *live.Session) ([]address, error) {
	both, err := s.addresses.Get(func() ([]address, error) {
		cloud, err := s.cloud(ctx)
		if err != nil {
			return nil, err
		}
		if _, err := session.Making(fmt.Sprintf("Elastic IPs with tag %s=%s", live.Tag, session.ID), func(ctx context.Context) error {
			return insist(ctx, session, "the addresses to be released", func(ctx context.Context) error { return releaseAll(ctx, cloud, session) })
		}); err != nil {
			return nil, err
		}
		first, err := allocate(ctx, cloud, session, "", poolTag, session.ID)
		if err != nil {
			return nil, err
		}
		second, err := allocate(ctx, cloud, session, "")
		return []address{first, second}, err
	})
	if err != nil {
		return nil, err
	}
	return both, each([]string{both[0].allocationID, both[1].allocationID}, func(id string) error { return s.disassociate(ctx, session, id) })
}

// allocate takes an address, or asks for a certain one; more are tags by key and value.
func allocate(ctx context.Context, cloud *clients.AWS, session *live.Session, wanted string, more ...string) (address, error) {
	input := &ec2.AllocateAddressInput{Domain: ec2types.DomainTypeVpc, TagSpecifications: tagged(session, ec2types.ResourceTypeElasticIp, more...)}
	if wanted != "" {
		input.Address = &wanted
	}
	out, err := cloud.EC2.AllocateAddress(ctx, input)
	if err != nil {
		return address{}, fmt.Errorf("allocating an address: %w", err)
	}
	return address{aws.ToString(out.AllocationId), aws.ToString(out.PublicIp)}, nil
}

// look reads an address.
func (s *suite) look(ctx context.Context, allocationID string) (ec2types.Address, error) {
	cloud, err := s.cloud(ctx)
	if err != nil {
		return ec2types.Address{}, err
	}
	out, err := cloud.EC2.DescribeAddresses(ctx, &ec2.DescribeAddressesInput{AllocationIds: []string{allocationID}})
	if err != nil {
		return ec2types.Address{}, err
	}
	if len(out.Addresses) != 1 {
		return ec2types.Address{}, fmt.Errorf("address %s is not there", allocationID)
	}
	return out.Addresses[0], nil
}

// associate gives an address to an interface, unless either is taken.
func (s *suite) associate(ctx context.Context, allocationID, interfaceID string) error {
	cloud, err := s.cloud(ctx)
	if err != nil {
		return err
	}
	_, err = cloud.EC2.AssociateAddress(ctx, &ec2.AssociateAddressInput{AllocationId: &allocationID, NetworkInterfaceId: &interfaceID, AllowReassociation: aws.Bool(false)})
	return err
}

// disassociate takes an address from its holder, and waits until EC2 shows that it is free.
func (s *suite) disassociate(ctx context.Context, session *live.Session, allocationID string) error {
	cloud, err := s.cloud(ctx)
	if err != nil {
		return err
	}
	return session.Waiter.Until(ctx, "address "+allocationID+" to be free", func(ctx context.Context) (string, bool, error) {
		now, err := s.look(ctx, allocationID)
		if err != nil || now.AssociationId == nil {
			return "", err == nil, err
		}
		_, err = cloud.EC2.DisassociateAddress(ctx, &ec2.DisassociateAddressInput{AssociationId: now.AssociationId})
		if clouderr.IsAWS(err, "InvalidAssociationID.NotFound") {
			err = nil
		}
		return aws.ToString(now.AssociationId), false, err
	})
}

// releaseAll releases the session's addresses, which are found by their tag.
func releaseAll(ctx context.Context, cloud *clients.AWS, session *live.Session) error {
	out, err := cloud.EC2.DescribeAddresses(ctx, &ec2.DescribeAddressesInput{Filters: ours(session)})
	if err != nil {
		return err
	}
	var failed error
	for _, found := range out.Addresses {
		if found.AssociationId != nil {
			if _, err := cloud.EC2.DisassociateAddress(ctx, &ec2.DisassociateAddressInput{AssociationId: found.AssociationId}); !clouderr.IsAWS(err, "InvalidAssociationID.NotFound") {
				failed = errors.Join(failed, err)
			}
		}
		_, err := cloud.EC2.ReleaseAddress(ctx, &ec2.ReleaseAddressInput{AllocationId: found.AllocationId})
		if !clouderr.IsAWS(err, "InvalidAllocationID.NotFound") {
			failed = errors.Join(failed, err)
		}
	}
	return failed
}
