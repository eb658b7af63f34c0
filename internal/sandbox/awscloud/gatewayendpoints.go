package awscloud

import (
	"context"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/awsapi"
)

// routeToEndpoint makes and removes the routes of a gateway endpoint whose route tables are changed, which moto does
// only when the endpoint is made and deleted: it then looks for a route in each of the tables that it has by now.
func (c *Cloud) routeToEndpoint(ctx context.Context, r *awsapi.Request) *awsapi.Error {
	added, removed := r.List("AddRouteTableId"), r.List("RemoveRouteTableId")
	if len(added)+len(removed) == 0 {
		return nil
	}
	endpointID := r.Form.Get("VpcEndpointId")
	prefixList, err := c.vpc.prefixListOf(ctx, endpointID)
	if err != nil || prefixList == "" {
		return err
	}
	for _, table := range added {
		if _, err := c.vpc.ec2(ctx, "CreateRoute", map[string]string{"RouteTableId": table, "DestinationPrefixListId": prefixList, "GatewayId": endpointID}); err != nil {
			return err
		}
	}
	for _, table := range removed {
		if _, err := c.vpc.ec2(ctx, "DeleteRoute", map[string]string{"RouteTableId": table, "DestinationPrefixListId": prefixList}); err != nil {
			return err
		}
	}
	return nil
}

// prefixListOf returns the prefix list of a gateway endpoint's service, "" if it has none.
func (v *vpc) prefixListOf(ctx context.Context, endpointID string) (string, *awsapi.Error) {
	endpoint, err := v.ec2(ctx, "DescribeVpcEndpoints", map[string]string{"VpcEndpointId.1": endpointID})
	if err != nil {
		return "", err
	}
	for _, e := range endpoint.items("vpcEndpointSet") {
		lists, err := v.ec2(ctx, "DescribePrefixLists", map[string]string{"Filter.1.Name": "prefix-list-name", "Filter.1.Value.1": e.value("serviceName")})
		if err != nil {
			return "", err
		}
		for _, list := range lists.items("prefixListSet") {
			return list.value("prefixListId"), nil
		}
	}
	return "", nil
}
