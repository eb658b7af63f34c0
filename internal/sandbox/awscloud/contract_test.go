package awscloud_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/awscloud"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/contract"
)

// contractTimeout bounds one Terraform command. The stock provider alone waits for a minute,
// whatever the cloud answers, while it makes a load balancer.
const contractTimeout = 5 * time.Minute

// TestStockResourceContract applies every stock resource that the modules use with the real AWS provider: it
// must come up, plan nothing afterwards, take an update in place, and leave nothing behind.
func TestStockResourceContract(t *testing.T) {
	terraform := contract.New(t, "testdata/contract", contractTimeout)
	cloud := start(t, awscloud.Options{})
	terraform.Env = append(terraform.Env,
		"AWS_ENDPOINT_URL="+cloud.URL, "AWS_ACCESS_KEY_ID=admin", "AWS_SECRET_ACCESS_KEY=admin", "AWS_REGION="+awscloud.DefaultRegion,
	)
	before := inventory(t, cloud)

	terraform.Run(t, "apply")
	resources := terraform.State(t)
	t.Run("plan after apply", func(t *testing.T) { terraform.WantNoChanges(t, resources) })
	t.Run("values", func(t *testing.T) { wantValues(t, cloud, resources) })
	terraform.Run(t, "apply", "-var=revision=2")
	t.Run("plan after update", func(t *testing.T) { terraform.WantNoChanges(t, terraform.State(t), "-var=revision=2") })
	terraform.Run(t, "destroy", "-var=revision=2")
	if left := inventory(t, cloud); !slices.Equal(left, before) {
		t.Errorf("destroy left something: before the apply there were %v, now %v", before, left)
	}
}

// wantValues checks what an empty plan cannot show: computed values.
func wantValues(t *testing.T, cloud *awscloud.Cloud, resources contract.Resources) {
	t.Helper()
	for _, tc := range []struct{ address, attribute, want string }{
		{"data.aws_caller_identity.this", "account_id", awscloud.DefaultAccountID},
		{"data.aws_region.this", "name", awscloud.DefaultRegion},
		{"data.aws_partition.this", "partition", "aws"},
		{"data.aws_availability_zones.this", "names", "[us-east-1a us-east-1b us-east-1c us-east-1d us-east-1e us-east-1f]"},
		{`data.aws_ssm_parameter.image["arm64"]`, "type", "String"},
		{`data.aws_ami.image["arm64"]`, "architecture", "arm64"},
		{`data.aws_ami.image["x86_64"]`, "architecture", "x86_64"},
		{`data.aws_ami.image["arm64"]`, "root_device_name", "/dev/xvda"},
		{"aws_lb.this", "enforce_security_group_inbound_rules_on_private_link_traffic", "off"},
		{"aws_lb.this", "enable_cross_zone_load_balancing", "true"},
		{"aws_lb.this", "load_balancer_type", "network"},
		{"aws_lb.this", "dns_record_client_routing_policy", "any_availability_zone"},
		{"aws_lb_listener.this", "tcp_idle_timeout_seconds", "350"},
		{"aws_lb_target_group.this", "connection_termination", "true"},
		{"aws_lb_target_group.this", "preserve_client_ip", "false"},
		{"aws_lb_target_group.this", "proxy_protocol_v2", "true"},
		{"aws_nat_gateway.this", "connectivity_type", "public"},
		{"aws_nat_gateway.private", "connectivity_type", "private"},
		{"aws_launch_template.proxy", "latest_version", "1"},
		{"aws_vpc_endpoint_service.this", "state", "Available"},
		{"aws_vpc_endpoint_service.this", "service_type", "Interface"},
		{"aws_vpc_endpoint.s3", "state", "available"},
		{"aws_eip.this", "network_border_group", awscloud.DefaultRegion},
		{"data.aws_vpc.this", "cidr_block", "10.60.0.0/16"},
		{"data.aws_lb.this", "load_balancer_type", "network"},
		{"data.aws_lb.this", "enforce_security_group_inbound_rules_on_private_link_traffic", "off"},
		{"data.aws_vpc_endpoint_service.own", "acceptance_required", "true"},
		{"data.aws_vpc_endpoint_service.own", "owner", awscloud.DefaultAccountID},
		{"data.aws_vpc_endpoint_service.s3", "service_name", "com.amazonaws.us-east-1.s3"},
		{"data.aws_ec2_instance_type.this", "supported_architectures", "[arm64]"},
		{"data.aws_ec2_instance_type.this", "memory_size", "2048"},
		{"data.aws_eip.this", "domain", "vpc"},
		{"data.aws_servicequotas_service_quota.addresses", "value", fmt.Sprint(awscloud.DefaultAddressQuota)},
	} {
		t.Run(tc.address+"."+tc.attribute, func(t *testing.T) {
			if got := fmt.Sprint(resources[tc.address][tc.attribute]); got != tc.want {
				t.Errorf("want %s, got %s", tc.want, got)
			}
		})
	}
	for address, want := range map[string]string{
		"aws_lb.this": ":loadbalancer/net/", "aws_lb_listener.this": ":listener/net/", "aws_lb_target_group.this": ":targetgroup/",
	} {
		if got := fmt.Sprint(resources[address]["arn"]); !strings.Contains(got, want) {
			t.Errorf("%s: the ARN %s lacks %s", address, got, want)
		}
	}
	service := fmt.Sprint(resources["aws_vpc_endpoint_service.this"]["service_name"])
	if _, err := cloud.CreateVPCEndpoint(service, "arn:aws:iam::111122223333:role/stranger", "111122223333"); err == nil {
		t.Errorf("a stranger was let in to %s", service)
	}
}

// inventory counts the objects of the account, by kind.
func inventory(t *testing.T, cloud *awscloud.Cloud) []string {
	t.Helper()
	cfg := config(cloud)
	network, balancers, identity, logs := ec2.NewFromConfig(cfg), elb.NewFromConfig(cfg), iam.NewFromConfig(cfg), cloudwatchlogs.NewFromConfig(cfg)
	ctx := t.Context()
	var out []string
	count := func(kind string, n int) { out = append(out, fmt.Sprintf("%s: %d", kind, n)) }
	count("VPCs", len(must(network.DescribeVpcs(ctx, &ec2.DescribeVpcsInput{}))(t).Vpcs))
	count("subnets", len(must(network.DescribeSubnets(ctx, &ec2.DescribeSubnetsInput{}))(t).Subnets))
	count("route tables", len(must(network.DescribeRouteTables(ctx, &ec2.DescribeRouteTablesInput{}))(t).RouteTables))
	count("internet gateways", len(must(network.DescribeInternetGateways(ctx, &ec2.DescribeInternetGatewaysInput{}))(t).InternetGateways))
	count("security groups", len(must(network.DescribeSecurityGroups(ctx, &ec2.DescribeSecurityGroupsInput{}))(t).SecurityGroups))
	count("interfaces", len(must(network.DescribeNetworkInterfaces(ctx, &ec2.DescribeNetworkInterfacesInput{}))(t).NetworkInterfaces))
	count("addresses", len(must(network.DescribeAddresses(ctx, &ec2.DescribeAddressesInput{}))(t).Addresses))
	count("launch templates", len(must(network.DescribeLaunchTemplates(ctx, &ec2.DescribeLaunchTemplatesInput{}))(t).LaunchTemplates))
	count("endpoint services", len(must(network.DescribeVpcEndpointServiceConfigurations(ctx, &ec2.DescribeVpcEndpointServiceConfigurationsInput{}))(t).ServiceConfigurations))
	live := 0
	for _, endpoint := range must(network.DescribeVpcEndpoints(ctx, &ec2.DescribeVpcEndpointsInput{}))(t).VpcEndpoints {
		if !strings.EqualFold(string(endpoint.State), "deleted") {
			live++
		}
	}
	count("endpoints", live)
	count("load balancers", len(must(balancers.DescribeLoadBalancers(ctx, &elb.DescribeLoadBalancersInput{}))(t).LoadBalancers))
	count("target groups", len(must(balancers.DescribeTargetGroups(ctx, &elb.DescribeTargetGroupsInput{}))(t).TargetGroups))
	count("roles", len(must(identity.ListRoles(ctx, &iam.ListRolesInput{}))(t).Roles))
	count("policies", len(must(identity.ListPolicies(ctx, &iam.ListPoliciesInput{Scope: iamtypes.PolicyScopeTypeLocal}))(t).Policies))
	count("instance profiles", len(must(identity.ListInstanceProfiles(ctx, &iam.ListInstanceProfilesInput{}))(t).InstanceProfiles))
	nats := 0
	for _, gateway := range must(network.DescribeNatGateways(ctx, &ec2.DescribeNatGatewaysInput{}))(t).NatGateways {
		if gateway.State != types.NatGatewayStateDeleted {
			nats++
		}
	}
	count("NAT gateways", nats)
	count("log groups", len(must(logs.DescribeLogGroups(ctx, &cloudwatchlogs.DescribeLogGroupsInput{Limit: aws.Int32(50)}))(t).LogGroups))
	return out
}
