package awscloud_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/awscloud"
)

func TestGatewayEndpointRoutesInTheTablesThatItHas(t *testing.T) {
	s := newSite(t, start(t, awscloud.Options{}))
	ctx := t.Context()
	table := func() *string {
		return must(s.client.CreateRouteTable(ctx, &ec2.CreateRouteTableInput{VpcId: &s.vpc}))(t).RouteTable.RouteTableId
	}
	first, second := table(), table()
	endpoint := must(s.client.CreateVpcEndpoint(ctx, &ec2.CreateVpcEndpointInput{
		VpcId: &s.vpc, ServiceName: aws.String("com.amazonaws.us-east-1.s3"), VpcEndpointType: types.VpcEndpointTypeGateway, RouteTableIds: []string{*first},
	}))(t).VpcEndpoint.VpcEndpointId
	leads := func(table *string) bool {
		t.Helper()
		for _, r := range must(s.client.DescribeRouteTables(ctx, &ec2.DescribeRouteTablesInput{RouteTableIds: []string{*table}}))(t).RouteTables[0].Routes {
			if aws.ToString(r.GatewayId) == *endpoint && r.DestinationPrefixListId != nil {
				return true
			}
		}
		return false
	}
	if !leads(first) || leads(second) {
		t.Fatalf("as made: %t, %t", leads(first), leads(second))
	}
	must(s.client.ModifyVpcEndpoint(ctx, &ec2.ModifyVpcEndpointInput{VpcEndpointId: endpoint, AddRouteTableIds: []string{*second}, RemoveRouteTableIds: []string{*first}}))(t)
	if leads(first) || !leads(second) {
		t.Errorf("as changed: %t, %t", leads(first), leads(second))
	}
	must(s.client.DeleteVpcEndpoints(ctx, &ec2.DeleteVpcEndpointsInput{VpcEndpointIds: []string{*endpoint}}))(t)
	if leads(second) {
		t.Error("the route has outlived the endpoint")
	}
}
