package sandbox

import (
	"context"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	autoscalingtypes "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	logstypes "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// pager is what every paginator of the SDK is.
type pager[Page, Options any] interface {
	HasMorePages() bool
	NextPage(ctx context.Context, options ...func(*Options)) (*Page, error)
}

// list reads all pages and returns the id of each item; an item without one is left out.
func list[Page, Options, Item any](ctx context.Context, p pager[Page, Options], items func(*Page) []Item, id func(Item) *string) ([]string, error) {
	var ids []string
	for p.HasMorePages() {
		page, err := p.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, item := range items(page) {
			if s := aws.ToString(id(item)); s != "" {
				ids = append(ids, s)
			}
		}
	}
	return ids, nil
}

func listers(cfg aws.Config) []lister {
	return append(networkListers(ec2.NewFromConfig(cfg)), serviceListers(cfg)...)
}

// networkListers are the listers of what EC2 keeps.
func networkListers(c *ec2.Client) []lister {
	return []lister{
		{"instances", func(ctx context.Context) ([]string, error) {
			return list(ctx, ec2.NewDescribeInstancesPaginator(c, &ec2.DescribeInstancesInput{}), liveInstances,
				func(i ec2types.Instance) *string { return i.InstanceId })
		}},
		{"VPCs", func(ctx context.Context) ([]string, error) {
			return list(ctx, ec2.NewDescribeVpcsPaginator(c, &ec2.DescribeVpcsInput{}),
				func(p *ec2.DescribeVpcsOutput) []ec2types.Vpc { return p.Vpcs },
				func(v ec2types.Vpc) *string { return v.VpcId })
		}},
		{"subnets", func(ctx context.Context) ([]string, error) {
			return list(ctx, ec2.NewDescribeSubnetsPaginator(c, &ec2.DescribeSubnetsInput{}),
				func(p *ec2.DescribeSubnetsOutput) []ec2types.Subnet { return p.Subnets },
				func(s ec2types.Subnet) *string { return s.SubnetId })
		}},
		{"route tables", func(ctx context.Context) ([]string, error) {
			return list(ctx, ec2.NewDescribeRouteTablesPaginator(c, &ec2.DescribeRouteTablesInput{}),
				func(p *ec2.DescribeRouteTablesOutput) []ec2types.RouteTable { return p.RouteTables },
				func(t ec2types.RouteTable) *string { return t.RouteTableId })
		}},
		{"internet gateways", func(ctx context.Context) ([]string, error) {
			return list(ctx, ec2.NewDescribeInternetGatewaysPaginator(c, &ec2.DescribeInternetGatewaysInput{}),
				func(p *ec2.DescribeInternetGatewaysOutput) []ec2types.InternetGateway { return p.InternetGateways },
				func(g ec2types.InternetGateway) *string { return g.InternetGatewayId })
		}},
		{"NAT gateways", func(ctx context.Context) ([]string, error) {
			return list(ctx, ec2.NewDescribeNatGatewaysPaginator(c, &ec2.DescribeNatGatewaysInput{}),
				func(p *ec2.DescribeNatGatewaysOutput) []ec2types.NatGateway {
					// AWS shows a deleted gateway for a while.
					return slices.DeleteFunc(p.NatGateways, func(g ec2types.NatGateway) bool { return g.State == ec2types.NatGatewayStateDeleted })
				},
				func(g ec2types.NatGateway) *string { return g.NatGatewayId })
		}},
		{"security groups", func(ctx context.Context) ([]string, error) {
			return list(ctx, ec2.NewDescribeSecurityGroupsPaginator(c, &ec2.DescribeSecurityGroupsInput{}),
				func(p *ec2.DescribeSecurityGroupsOutput) []ec2types.SecurityGroup { return p.SecurityGroups },
				func(g ec2types.SecurityGroup) *string { return g.GroupId })
		}},
		{"network interfaces", func(ctx context.Context) ([]string, error) {
			return list(ctx, ec2.NewDescribeNetworkInterfacesPaginator(c, &ec2.DescribeNetworkInterfacesInput{}),
				func(p *ec2.DescribeNetworkInterfacesOutput) []ec2types.NetworkInterface { return p.NetworkInterfaces },
				func(i ec2types.NetworkInterface) *string { return i.NetworkInterfaceId })
		}},
		{"VPC endpoints", func(ctx context.Context) ([]string, error) {
			return list(ctx, ec2.NewDescribeVpcEndpointsPaginator(c, &ec2.DescribeVpcEndpointsInput{}),
				func(p *ec2.DescribeVpcEndpointsOutput) []ec2types.VpcEndpoint {
					// AWS shows a deleted endpoint for a while.
					return slices.DeleteFunc(p.VpcEndpoints, func(e ec2types.VpcEndpoint) bool {
						return strings.EqualFold(string(e.State), string(ec2types.StateDeleted))
					})
				},
				func(e ec2types.VpcEndpoint) *string { return e.VpcEndpointId })
		}},
		{"endpoint services", func(ctx context.Context) ([]string, error) {
			return list(ctx, ec2.NewDescribeVpcEndpointServiceConfigurationsPaginator(c, &ec2.DescribeVpcEndpointServiceConfigurationsInput{}),
				func(p *ec2.DescribeVpcEndpointServiceConfigurationsOutput) []ec2types.ServiceConfiguration {
					return p.ServiceConfigurations
				},
				func(s ec2types.ServiceConfiguration) *string { return s.ServiceId })
		}},
		{"launch templates", func(ctx context.Context) ([]string, error) {
			return list(ctx, ec2.NewDescribeLaunchTemplatesPaginator(c, &ec2.DescribeLaunchTemplatesInput{}),
				func(p *ec2.DescribeLaunchTemplatesOutput) []ec2types.LaunchTemplate { return p.LaunchTemplates },
				func(t ec2types.LaunchTemplate) *string { return t.LaunchTemplateId })
		}},
		{"Elastic IPs", func(ctx context.Context) ([]string, error) {
			out, err := c.DescribeAddresses(ctx, &ec2.DescribeAddressesInput{})
			if err != nil {
				return nil, err
			}
			var ids []string
			for _, a := range out.Addresses {
				ids = append(ids, aws.ToString(a.AllocationId))
			}
			return ids, nil
		}},
	}
}

// liveInstances are the instances of a page that are not terminated.
func liveInstances(p *ec2.DescribeInstancesOutput) []ec2types.Instance {
	var live []ec2types.Instance
	for _, r := range p.Reservations {
		for _, i := range r.Instances {
			if i.State == nil || i.State.Name != ec2types.InstanceStateNameTerminated {
				live = append(live, i)
			}
		}
	}
	return live
}

// serviceListers are the listers of all other services.
func serviceListers(cfg aws.Config) []lister {
	balancers := elb.NewFromConfig(cfg)
	return []lister{
		{"auto scaling groups", func(ctx context.Context) ([]string, error) {
			return list(ctx, autoscaling.NewDescribeAutoScalingGroupsPaginator(autoscaling.NewFromConfig(cfg), &autoscaling.DescribeAutoScalingGroupsInput{}),
				func(p *autoscaling.DescribeAutoScalingGroupsOutput) []autoscalingtypes.AutoScalingGroup {
					return p.AutoScalingGroups
				},
				func(g autoscalingtypes.AutoScalingGroup) *string { return g.AutoScalingGroupName })
		}},
		{"functions", func(ctx context.Context) ([]string, error) {
			return list(ctx, lambda.NewListFunctionsPaginator(lambda.NewFromConfig(cfg), &lambda.ListFunctionsInput{}),
				func(p *lambda.ListFunctionsOutput) []lambdatypes.FunctionConfiguration { return p.Functions },
				func(f lambdatypes.FunctionConfiguration) *string { return f.FunctionName })
		}},
		{"event rules", func(ctx context.Context) ([]string, error) { return listRules(ctx, eventbridge.NewFromConfig(cfg)) }},
		{"roles", func(ctx context.Context) ([]string, error) {
			return list(ctx, iam.NewListRolesPaginator(iam.NewFromConfig(cfg), &iam.ListRolesInput{}),
				func(p *iam.ListRolesOutput) []iamtypes.Role { return p.Roles }, ownRole)
		}},
		{"instance profiles", func(ctx context.Context) ([]string, error) {
			return list(ctx, iam.NewListInstanceProfilesPaginator(iam.NewFromConfig(cfg), &iam.ListInstanceProfilesInput{}),
				func(p *iam.ListInstanceProfilesOutput) []iamtypes.InstanceProfile { return p.InstanceProfiles },
				func(p iamtypes.InstanceProfile) *string { return p.InstanceProfileName })
		}},
		{"log groups", func(ctx context.Context) ([]string, error) {
			return list(ctx, cloudwatchlogs.NewDescribeLogGroupsPaginator(cloudwatchlogs.NewFromConfig(cfg), &cloudwatchlogs.DescribeLogGroupsInput{}),
				func(p *cloudwatchlogs.DescribeLogGroupsOutput) []logstypes.LogGroup { return p.LogGroups },
				func(g logstypes.LogGroup) *string { return g.LogGroupName })
		}},
		{"load balancers", func(ctx context.Context) ([]string, error) {
			return list(ctx, elb.NewDescribeLoadBalancersPaginator(balancers, &elb.DescribeLoadBalancersInput{}),
				func(p *elb.DescribeLoadBalancersOutput) []elbtypes.LoadBalancer { return p.LoadBalancers },
				func(b elbtypes.LoadBalancer) *string { return b.LoadBalancerArn })
		}},
		{"target groups", func(ctx context.Context) ([]string, error) {
			return list(ctx, elb.NewDescribeTargetGroupsPaginator(balancers, &elb.DescribeTargetGroupsInput{}),
				func(p *elb.DescribeTargetGroupsOutput) []elbtypes.TargetGroup { return p.TargetGroups },
				func(g elbtypes.TargetGroup) *string { return g.TargetGroupArn })
		}},
	}
}

// ownRole leaves out the roles of AWS services themselves: they stay when what needed them
// is gone, in AWS too.
func ownRole(r iamtypes.Role) *string {
	if strings.HasPrefix(aws.ToString(r.Path), "/aws-service-role/") {
		return nil
	}
	return r.RoleName
}

func listRules(ctx context.Context, c *eventbridge.Client) ([]string, error) {
	var ids []string
	for token := (*string)(nil); ; {
		page, err := c.ListRules(ctx, &eventbridge.ListRulesInput{NextToken: token})
		if err != nil {
			return nil, err
		}
		for _, r := range page.Rules {
			ids = append(ids, aws.ToString(r.Name))
		}
		if token = page.NextToken; token == nil {
			return ids, nil
		}
	}
}
