package livetest

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/clients"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/databricks"
)

// DatabricksRole is the principal as which the sandbox's Databricks connects.
const DatabricksRole = "arn:aws:iam::" + databricks.OwnerAccountID + ":role/private-connectivity-role-" + sandbox.Region

// EndpointService makes an endpoint service in front of a load balancer without targets, which admits a
// principal and requires acceptance. It returns the service's id.
func EndpointService(t *testing.T, cloud *clients.AWS, name, principal string) string {
	t.Helper()
	ctx := t.Context()
	vpc, err := cloud.EC2.CreateVpc(ctx, &ec2.CreateVpcInput{CidrBlock: aws.String("10.0.0.0/16")})
	if err != nil {
		t.Fatal(err)
	}
	subnet, err := cloud.EC2.CreateSubnet(ctx, &ec2.CreateSubnetInput{VpcId: vpc.Vpc.VpcId, CidrBlock: aws.String("10.0.0.0/24")})
	if err != nil {
		t.Fatal(err)
	}
	balancer, err := cloud.ELB.CreateLoadBalancer(ctx, &elasticloadbalancingv2.CreateLoadBalancerInput{
		Name: &name, Type: elbtypes.LoadBalancerTypeEnumNetwork, Scheme: elbtypes.LoadBalancerSchemeEnumInternal, Subnets: []string{aws.ToString(subnet.Subnet.SubnetId)},
	})
	if err != nil {
		t.Fatal(err)
	}
	service, err := cloud.EC2.CreateVpcEndpointServiceConfiguration(ctx, &ec2.CreateVpcEndpointServiceConfigurationInput{
		AcceptanceRequired: aws.Bool(true), NetworkLoadBalancerArns: []string{aws.ToString(balancer.LoadBalancers[0].LoadBalancerArn)},
	})
	if err != nil {
		t.Fatal(err)
	}
	id := service.ServiceConfiguration.ServiceId
	if _, err := cloud.EC2.ModifyVpcEndpointServicePermissions(ctx, &ec2.ModifyVpcEndpointServicePermissionsInput{ServiceId: id, AddAllowedPrincipals: []string{principal}}); err != nil {
		t.Fatal(err)
	}
	return aws.ToString(id)
}
