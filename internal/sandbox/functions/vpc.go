package functions

import (
	"context"
	"errors"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/smithy-go"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/awsapi"
)

// vpcAccess is what Lambda asks of the role of a function in a VPC, in this order: to make an
// interface in the subnets with the security groups, to see it, and to delete it.
func (s *Service) vpcAccess(c *vpcConfig) []access {
	anyInterface := s.ec2Resource("network-interface", "*")
	const create = "ec2:CreateNetworkInterface"
	asked := []access{{action: create, resource: anyInterface}}
	for _, id := range c.SubnetIds {
		asked = append(asked, access{action: create, resource: s.ec2Resource("subnet", id)})
	}
	for _, id := range c.SecurityGroupIds {
		asked = append(asked, access{action: create, resource: s.ec2Resource("security-group", id)})
	}
	return append(asked,
		access{action: "ec2:DescribeNetworkInterfaces", resource: "*"},
		access{action: "ec2:DeleteNetworkInterface", resource: anyInterface})
}

// checkVPC refuses a VPC configuration that the role has no rights for or whose subnets and
// security groups do not go together, and finds its VPC.
func (s *Service) checkVPC(ctx context.Context, who session, c *vpcConfig) *awsapi.Error {
	c.VpcID = ""
	if len(c.SubnetIds) == 0 && len(c.SecurityGroupIds) == 0 {
		return nil
	}
	if len(c.SubnetIds) == 0 || len(c.SecurityGroupIds) == 0 {
		return invalidParameter("SubnetIds and SecurityIds must coexist or be both empty list.")
	}
	for _, a := range s.vpcAccess(c) {
		verdict, _, err := s.judge(ctx, who, a.action, a.resource, nil)
		if err != nil {
			return internalError(err)
		}
		if verdict != allowed {
			return invalidParameter("The provided execution role does not have permissions to call %s on EC2", strings.TrimPrefix(a.action, "ec2:"))
		}
	}
	subnets, err := s.network.DescribeSubnets(ctx, &ec2.DescribeSubnetsInput{SubnetIds: c.SubnetIds})
	if err != nil {
		return networkRefusal("DescribeSubnets", err)
	}
	groups, err := s.network.DescribeSecurityGroups(ctx, &ec2.DescribeSecurityGroupsInput{GroupIds: c.SecurityGroupIds})
	if err != nil {
		return networkRefusal("DescribeSecurityGroups", err)
	}
	vpcs := map[string]bool{}
	for _, subnet := range subnets.Subnets {
		c.VpcID = aws.ToString(subnet.VpcId)
		vpcs[c.VpcID] = true
	}
	for _, group := range groups.SecurityGroups {
		vpcs[aws.ToString(group.VpcId)] = true
	}
	if len(vpcs) != 1 {
		return invalidParameter("Subnets and security groups of a function must be in one VPC.")
	}
	return nil
}

// networkRefusal is EC2's refusal as Lambda passes it on.
func networkRefusal(call string, err error) *awsapi.Error {
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		return invalidParameter("Error occurred while %s. EC2 Error Code: %s. EC2 Error Message: %s", call, api.ErrorCode(), api.ErrorMessage())
	}
	return internalError(err)
}
