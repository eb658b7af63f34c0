package awscloud_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/awsapi"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/awscloud"
)

const (
	consumer  = "565502421330"
	principal = "arn:aws:iam::565502421330:role/private-connectivity-role-us-east-1"
)

// balancer is a Network Load Balancer with a listener that forwards to a target group.
type balancer struct {
	client      *elb.Client
	arn         string
	targetGroup string
}

func (s site) balance(t *testing.T, cloud *awscloud.Cloud, name string) balancer {
	t.Helper()
	b := balancer{client: elb.NewFromConfig(config(cloud))}
	group := must(s.client.CreateSecurityGroup(t.Context(), &ec2.CreateSecurityGroupInput{GroupName: &name, Description: &name, VpcId: &s.vpc}))(t)
	lb := must(b.client.CreateLoadBalancer(t.Context(), &elb.CreateLoadBalancerInput{
		Name: &name, Type: elbtypes.LoadBalancerTypeEnumNetwork, Scheme: elbtypes.LoadBalancerSchemeEnumInternal, Subnets: []string{s.subnet}, SecurityGroups: []string{*group.GroupId},
	}))(t)
	b.arn = *lb.LoadBalancers[0].LoadBalancerArn
	tg := must(b.client.CreateTargetGroup(t.Context(), &elb.CreateTargetGroupInput{
		Name: &name, Protocol: elbtypes.ProtocolEnumTcp, Port: aws.Int32(8443), VpcId: &s.vpc, TargetType: elbtypes.TargetTypeEnumInstance,
		HealthCheckProtocol: elbtypes.ProtocolEnumHttp, HealthCheckPort: aws.String("8404"), HealthCheckPath: aws.String("/healthz"),
	}))(t)
	b.targetGroup = *tg.TargetGroups[0].TargetGroupArn
	must(b.client.CreateListener(t.Context(), &elb.CreateListenerInput{
		LoadBalancerArn: &b.arn, Port: aws.Int32(443), Protocol: elbtypes.ProtocolEnumTcp,
		DefaultActions: []elbtypes.Action{{Type: elbtypes.ActionTypeEnumForward, TargetGroupArn: &b.targetGroup}},
	}))(t)
	return b
}

func (s site) offer(t *testing.T, b balancer, acceptance bool) *types.ServiceConfiguration {
	t.Helper()
	out := must(s.client.CreateVpcEndpointServiceConfiguration(t.Context(), &ec2.CreateVpcEndpointServiceConfigurationInput{
		AcceptanceRequired: &acceptance, NetworkLoadBalancerArns: []string{b.arn}, TagSpecifications: tagsOf("vpc-endpoint-service", "Name", "link"),
	}))(t)
	return out.ServiceConfiguration
}

func (s site) allow(t *testing.T, serviceID *string, principals ...string) {
	t.Helper()
	must(s.client.ModifyVpcEndpointServicePermissions(t.Context(), &ec2.ModifyVpcEndpointServicePermissionsInput{ServiceId: serviceID, AddAllowedPrincipals: principals}))(t)
}

func TestEndpointServiceLifecycle(t *testing.T) {
	cloud := start(t, awscloud.Options{})
	s := newSite(t, cloud)
	b := s.balance(t, cloud, "lifecycle")
	if !strings.Contains(b.arn, ":loadbalancer/net/lifecycle/") {
		t.Errorf("the balancer's ARN is %s", b.arn)
	}
	created := s.offer(t, b, true)
	if want := "com.amazonaws.vpce.us-east-1." + *created.ServiceId; *created.ServiceName != want {
		t.Errorf("the service is named %s, want %s", *created.ServiceName, want)
	}
	described := must(s.client.DescribeVpcEndpointServiceConfigurations(t.Context(), &ec2.DescribeVpcEndpointServiceConfigurationsInput{ServiceIds: []string{*created.ServiceId}}))(t).ServiceConfigurations[0]
	if !*described.AcceptanceRequired || !slices.Equal(described.NetworkLoadBalancerArns, []string{b.arn}) || described.ServiceState != types.ServiceStateAvailable || len(described.AvailabilityZones) != 1 {
		t.Errorf("described as %+v", described)
	}
	must(s.client.ModifyVpcEndpointServiceConfiguration(t.Context(), &ec2.ModifyVpcEndpointServiceConfigurationInput{ServiceId: created.ServiceId, AcceptanceRequired: aws.Bool(false)}))(t)
	described = must(s.client.DescribeVpcEndpointServiceConfigurations(t.Context(), &ec2.DescribeVpcEndpointServiceConfigurationsInput{Filters: filterOn("tag:Name", "link")}))(t).ServiceConfigurations[0]
	if *described.AcceptanceRequired {
		t.Error("acceptance is still required")
	}
	offered := must(s.client.DescribeVpcEndpointServices(t.Context(), &ec2.DescribeVpcEndpointServicesInput{ServiceNames: []string{*created.ServiceName}}))(t)
	if len(offered.ServiceDetails) != 1 || *offered.ServiceDetails[0].Owner != awscloud.DefaultAccountID {
		t.Errorf("offered as %+v", offered.ServiceDetails)
	}
	mixed := must(s.client.DescribeVpcEndpointServices(t.Context(), &ec2.DescribeVpcEndpointServicesInput{ServiceNames: []string{*created.ServiceName, "com.amazonaws.us-east-1.s3"}}))(t)
	if !slices.Contains(mixed.ServiceNames, *created.ServiceName) || !slices.Contains(mixed.ServiceNames, "com.amazonaws.us-east-1.s3") {
		t.Errorf("asked for two services, got %v", mixed.ServiceNames)
	}

	_, err := b.client.DeleteLoadBalancer(t.Context(), &elb.DeleteLoadBalancerInput{LoadBalancerArn: &b.arn})
	wantCode(t, err, "ResourceInUse")
	deleted := must(s.client.DeleteVpcEndpointServiceConfigurations(t.Context(), &ec2.DeleteVpcEndpointServiceConfigurationsInput{ServiceIds: []string{*created.ServiceId, "vpce-svc-unknown"}}))(t)
	if len(deleted.Unsuccessful) != 1 || *deleted.Unsuccessful[0].Error.Code != "InvalidVpcEndpointServiceId.NotFound" {
		t.Errorf("deleting answers %+v", deleted.Unsuccessful)
	}
	_, err = s.client.DescribeVpcEndpointServiceConfigurations(t.Context(), &ec2.DescribeVpcEndpointServiceConfigurationsInput{ServiceIds: []string{*created.ServiceId}})
	wantCode(t, err, "InvalidVpcEndpointServiceId.NotFound")
	must(b.client.DeleteLoadBalancer(t.Context(), &elb.DeleteLoadBalancerInput{LoadBalancerArn: &b.arn}))(t)
}

func TestEndpointServiceErrors(t *testing.T) {
	cloud := start(t, awscloud.Options{})
	s := newSite(t, cloud)
	b := s.balance(t, cloud, "errors")
	for name, tc := range map[string]struct {
		in   ec2.CreateVpcEndpointServiceConfigurationInput
		code string
	}{
		"no balancer":          {ec2.CreateVpcEndpointServiceConfigurationInput{}, "MissingParameter"},
		"unknown balancer":     {ec2.CreateVpcEndpointServiceConfigurationInput{NetworkLoadBalancerArns: []string{b.arn + "0"}}, "InvalidParameter"},
		"private DNS name":     {ec2.CreateVpcEndpointServiceConfigurationInput{NetworkLoadBalancerArns: []string{b.arn}, PrivateDnsName: aws.String("example.com")}, "NotImplemented"},
		"tags of another type": {ec2.CreateVpcEndpointServiceConfigurationInput{NetworkLoadBalancerArns: []string{b.arn}, TagSpecifications: tagsOf("vpc-endpoint", "a", "b")}, "InvalidParameterValue"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := s.client.CreateVpcEndpointServiceConfiguration(t.Context(), &tc.in)
			wantCode(t, err, tc.code)
		})
	}
	service := s.offer(t, b, true)
	_, err := s.client.ModifyVpcEndpointServiceConfiguration(t.Context(), &ec2.ModifyVpcEndpointServiceConfigurationInput{ServiceId: service.ServiceId, RemoveNetworkLoadBalancerArns: []string{b.arn}})
	wantCode(t, err, "InvalidParameter")
	_, err = s.client.ModifyVpcEndpointServicePermissions(t.Context(), &ec2.ModifyVpcEndpointServicePermissionsInput{ServiceId: service.ServiceId, AddAllowedPrincipals: []string{"565502421330"}})
	wantCode(t, err, "InvalidPrincipal")
	_, err = s.client.CreateVpcEndpoint(t.Context(), &ec2.CreateVpcEndpointInput{ServiceName: service.ServiceName, VpcId: &s.vpc})
	wantCode(t, err, "NotImplemented")
}

func TestEndpointServicePermissions(t *testing.T) {
	cloud := start(t, awscloud.Options{})
	s := newSite(t, cloud)
	service := s.offer(t, s.balance(t, cloud, "permissions"), true)
	change := func(in *ec2.ModifyVpcEndpointServicePermissionsInput) *ec2.ModifyVpcEndpointServicePermissionsOutput {
		t.Helper()
		in.ServiceId = service.ServiceId
		return must(s.client.ModifyVpcEndpointServicePermissions(t.Context(), in))(t)
	}
	added := change(&ec2.ModifyVpcEndpointServicePermissionsInput{AddAllowedPrincipals: []string{principal}}).AddedPrincipals
	if len(added) != 1 || *added[0].Principal != principal || !strings.HasPrefix(*added[0].ServicePermissionId, "vpce-svc-perm-") || added[0].PrincipalType != types.PrincipalTypeRole {
		t.Fatalf("added %+v", added)
	}
	if again := change(&ec2.ModifyVpcEndpointServicePermissionsInput{AddAllowedPrincipals: []string{principal}}).AddedPrincipals; len(again) != 0 {
		t.Errorf("added again: %+v", again)
	}
	list := must(s.client.DescribeVpcEndpointServicePermissions(t.Context(), &ec2.DescribeVpcEndpointServicePermissionsInput{ServiceId: service.ServiceId}))(t).AllowedPrincipals
	if len(list) != 1 || *list[0].ServicePermissionId != *added[0].ServicePermissionId {
		t.Errorf("listed %+v", list)
	}

	others := []string{}
	for i := range 6 {
		others = append(others, fmt.Sprintf("arn:aws:iam::111122223333:role/other-%d", i))
	}
	change(&ec2.ModifyVpcEndpointServicePermissionsInput{AddAllowedPrincipals: others})
	sizes := []int{}
	pages := ec2.NewDescribeVpcEndpointServicePermissionsPaginator(s.client, &ec2.DescribeVpcEndpointServicePermissionsInput{ServiceId: service.ServiceId, MaxResults: aws.Int32(5)})
	for pages.HasMorePages() {
		sizes = append(sizes, len(must(pages.NextPage(t.Context()))(t).AllowedPrincipals))
	}
	if !slices.Equal(sizes, []int{5, 2}) {
		t.Errorf("pages of %v principals", sizes)
	}
	_, err := s.client.DescribeVpcEndpointServicePermissions(t.Context(), &ec2.DescribeVpcEndpointServicePermissionsInput{ServiceId: service.ServiceId, MaxResults: aws.Int32(4)})
	wantCode(t, err, "InvalidParameterValue")
	change(&ec2.ModifyVpcEndpointServicePermissionsInput{RemoveAllowedPrincipals: others})

	connect := func(principal, account string) error {
		_, err := cloud.CreateVPCEndpoint(*service.ServiceName, principal, account)
		return err
	}
	for name, tc := range map[string]struct {
		allowed, principal string
		byName             bool
		code               string
	}{
		"the exact role":  {principal, principal, true, ""},
		"another role":    {principal, "arn:aws:iam::565502421330:role/other", false, "InvalidServiceName"},
		"the account":     {"arn:aws:iam::565502421330:root", "arn:aws:iam::565502421330:role/other", false, ""},
		"another account": {"arn:aws:iam::111122223333:root", principal, false, "InvalidServiceName"},
		"everyone":        {"*", "arn:aws:iam::565502421330:role/other", false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			change(&ec2.ModifyVpcEndpointServicePermissionsInput{RemoveAllowedPrincipals: []string{principal, "*", "arn:aws:iam::565502421330:root", "arn:aws:iam::111122223333:root"}})
			change(&ec2.ModifyVpcEndpointServicePermissionsInput{AddAllowedPrincipals: []string{tc.allowed}})
			err := connect(tc.principal, consumer)
			var refused *awsapi.Error
			if tc.code == "" && err != nil || tc.code != "" && (!errors.As(err, &refused) || refused.Code != tc.code) {
				t.Errorf("want %q, got %v", tc.code, err)
			}
			if got := cloud.AllowsByName(*service.ServiceName, tc.principal); got != tc.byName {
				t.Errorf("allowed by name: %t, want %t", got, tc.byName)
			}
		})
	}
	if err := func() error {
		_, err := cloud.CreateVPCEndpoint("com.amazonaws.vpce.us-east-1.vpce-svc-unknown", principal, consumer)
		return err
	}(); err == nil {
		t.Error("connected to a service that does not exist")
	}
}

func TestConnections(t *testing.T) {
	time0 := &clock{now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	cloud := start(t, awscloud.Options{Now: time0.Now, Tempo: time.Second})
	s := newSite(t, cloud)
	service := s.offer(t, s.balance(t, cloud, "connections"), true)
	s.allow(t, service.ServiceId, principal)
	connect := func() string { return must(cloud.CreateVPCEndpoint(*service.ServiceName, principal, consumer))(t) }
	wantState := func(id, want string) {
		t.Helper()
		if got, ok := cloud.VPCEndpointState(id); !ok || got != want {
			t.Fatalf("%s is %q (exists: %t), want %q", id, got, ok, want)
		}
	}
	accept := func(ids ...string) []types.UnsuccessfulItem {
		t.Helper()
		return must(s.client.AcceptVpcEndpointConnections(t.Context(), &ec2.AcceptVpcEndpointConnectionsInput{ServiceId: service.ServiceId, VpcEndpointIds: ids}))(t).Unsuccessful
	}
	reject := func(ids ...string) []types.UnsuccessfulItem {
		t.Helper()
		return must(s.client.RejectVpcEndpointConnections(t.Context(), &ec2.RejectVpcEndpointConnectionsInput{ServiceId: service.ServiceId, VpcEndpointIds: ids}))(t).Unsuccessful
	}
	deleteService := func() []types.UnsuccessfulItem {
		t.Helper()
		return must(s.client.DeleteVpcEndpointServiceConfigurations(t.Context(), &ec2.DeleteVpcEndpointServiceConfigurationsInput{ServiceIds: []string{*service.ServiceId}}))(t).Unsuccessful
	}

	mine, other := connect(), connect()
	wantState(mine, "pendingAcceptance")
	if failed := accept(mine, "vpce-unknown"); len(failed) != 1 || *failed[0].ResourceId != "vpce-unknown" || *failed[0].Error.Code != "InvalidVpcEndpointId.NotFound" {
		t.Fatalf("accepting answers %+v", failed)
	}
	wantState(mine, "pending")
	wantState(other, "pendingAcceptance")
	time0.advance(time.Second)
	wantState(mine, "available")
	if failed := accept(mine); len(failed) != 1 || *failed[0].Error.Code != "InvalidState" {
		t.Errorf("accepting twice answers %+v", failed)
	}

	list := func(filters ...types.Filter) []types.VpcEndpointConnection {
		t.Helper()
		return must(s.client.DescribeVpcEndpointConnections(t.Context(), &ec2.DescribeVpcEndpointConnectionsInput{Filters: filters}))(t).VpcEndpointConnections
	}
	available := list(append(filterOn("service-id", *service.ServiceId), filterOn("vpc-endpoint-state", "available")...)...)
	if len(available) != 1 || *available[0].VpcEndpointId != mine || *available[0].VpcEndpointOwner != consumer || string(available[0].VpcEndpointState) != "available" || !available[0].CreationTimestamp.Equal(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)) {
		t.Errorf("available: %+v", available)
	}
	if got := list(filterOn("vpc-endpoint-owner", "111122223333")...); len(got) != 0 {
		t.Errorf("of another owner: %+v", got)
	}
	_, err := s.client.DescribeVpcEndpointConnections(t.Context(), &ec2.DescribeVpcEndpointConnectionsInput{Filters: filterOn("vpc-endpoint-id", mine)})
	wantCode(t, err, "InvalidFilter")
	first := must(s.client.DescribeVpcEndpointConnections(t.Context(), &ec2.DescribeVpcEndpointConnectionsInput{MaxResults: aws.Int32(1)}))(t)
	second := must(s.client.DescribeVpcEndpointConnections(t.Context(), &ec2.DescribeVpcEndpointConnectionsInput{MaxResults: aws.Int32(1), NextToken: first.NextToken}))(t)
	if *first.VpcEndpointConnections[0].VpcEndpointId != mine || *second.VpcEndpointConnections[0].VpcEndpointId != other || second.NextToken != nil {
		t.Errorf("pages %+v, %+v", first.VpcEndpointConnections, second.VpcEndpointConnections)
	}

	if failed := deleteService(); len(failed) != 1 || *failed[0].Error.Code != "ExistingVpcEndpointConnections" {
		t.Fatalf("deleting the service answers %+v", failed)
	}
	if failed := reject(mine, other); len(failed) != 0 {
		t.Fatalf("rejecting answers %+v", failed)
	}
	wantState(mine, "rejected")
	if failed := accept(other); len(failed) != 0 { // a rejected one may be accepted after all
		t.Fatalf("accepting a rejected connection answers %+v", failed)
	}
	if failed := deleteService(); len(failed) != 1 {
		t.Fatalf("deleting the service answers %+v", failed)
	}
	cloud.DeleteVPCEndpoint(other)
	wantState(other, "deleting")
	time0.advance(time.Second)
	if state, ok := cloud.VPCEndpointState(other); ok {
		t.Errorf("%s is still there, %s", other, state)
	}
	if failed := deleteService(); len(failed) != 0 {
		t.Fatalf("deleting the service answers %+v", failed)
	}
	_, err = s.client.AcceptVpcEndpointConnections(t.Context(), &ec2.AcceptVpcEndpointConnectionsInput{ServiceId: service.ServiceId, VpcEndpointIds: []string{mine}})
	wantCode(t, err, "InvalidVpcEndpointServiceId.NotFound")
}

func TestTargetsFollowTheLink(t *testing.T) {
	time0 := &clock{now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	proxies := &fleet{healthy: map[string]bool{}}
	cloud := start(t, awscloud.Options{Hypervisor: proxies, Now: time0.Now, Tempo: time.Second})
	s := newSite(t, cloud)
	b := s.balance(t, cloud, "targets")
	service := s.offer(t, b, true)
	s.allow(t, service.ServiceId, principal)
	well, ill := s.run(t), s.run(t)
	proxies.healthy[well.id] = true
	a := s.allocate(t)
	must(s.claim(t, a.AllocationId, well, aws.Bool(false)))(t)
	must(b.client.RegisterTargets(t.Context(), &elb.RegisterTargetsInput{TargetGroupArn: &b.targetGroup, Targets: []elbtypes.TargetDescription{{Id: &well.id}, {Id: &ill.id}}}))(t)

	endpoint := must(cloud.CreateVPCEndpoint(*service.ServiceName, principal, consumer))(t)
	if got := must(cloud.Targets(endpoint))(t); len(got) != 0 {
		t.Errorf("a connection that waits leads to %+v", got)
	}
	must(s.client.AcceptVpcEndpointConnections(t.Context(), &ec2.AcceptVpcEndpointConnectionsInput{ServiceId: service.ServiceId, VpcEndpointIds: []string{endpoint}}))(t)
	time0.advance(time.Second)
	want := []awscloud.Target{
		{InstanceID: well.id, PublicIP: *a.PublicIp, Port: 8443, Healthy: true},
		{InstanceID: ill.id, Port: 8443},
	}
	if got := must(cloud.Targets(endpoint))(t); !slices.Equal(got, want) {
		t.Errorf("targets %+v, want %+v", got, want)
	}
	if !slices.Contains(proxies.asked, "8404/healthz") {
		t.Errorf("the health check asked %v", proxies.asked)
	}
	if got := must(cloud.TargetsOn(endpoint, 8404))(t); len(got) != 0 {
		t.Errorf("a port without a listener leads to %+v", got)
	}
	must(b.client.ModifyTargetGroupAttributes(t.Context(), &elb.ModifyTargetGroupAttributesInput{TargetGroupArn: &b.targetGroup, Attributes: []elbtypes.TargetGroupAttribute{{Key: aws.String("proxy_protocol_v2.enabled"), Value: aws.String("true")}}}))(t)
	must(b.client.CreateListener(t.Context(), &elb.CreateListenerInput{LoadBalancerArn: &b.arn, Port: aws.Int32(8404), Protocol: elbtypes.ProtocolEnumTcp, DefaultActions: []elbtypes.Action{{Type: elbtypes.ActionTypeEnumForward, TargetGroupArn: &b.targetGroup}}}))(t)
	for i := range want {
		want[i].ProxyProtocol = true
	}
	if got := must(cloud.TargetsOn(endpoint, 8404))(t); !slices.Equal(got, want) {
		t.Errorf("targets on another port %+v, want %+v", got, want)
	}
	if !slices.Contains(proxies.asked, "8404/healthz proxy") {
		t.Errorf("the health check asked %v", proxies.asked)
	}
	if !cloud.TargetHealthy(well.id, b.targetGroup) || cloud.TargetHealthy(ill.id, b.targetGroup) || cloud.TargetHealthy("i-unknown", b.targetGroup) {
		t.Error("TargetHealthy does not follow the instances")
	}
	states := map[string]string{}
	for _, d := range must(b.client.DescribeTargetHealth(t.Context(), &elb.DescribeTargetHealthInput{TargetGroupArn: &b.targetGroup}))(t).TargetHealthDescriptions {
		states[*d.Target.Id] = string(d.TargetHealth.State) + string(d.TargetHealth.Reason)
	}
	if states[well.id] != "healthy" || states[ill.id] != "unhealthyTarget.FailedHealthChecks" {
		t.Errorf("target health %v", states)
	}
	if _, err := cloud.Targets("vpce-unknown"); err == nil {
		t.Error("an endpoint that does not exist leads somewhere")
	}
}

func TestNetworkLoadBalancer(t *testing.T) {
	cloud := start(t, awscloud.Options{})
	s := newSite(t, cloud)
	b := s.balance(t, cloud, "balancer")
	show := func() elbtypes.LoadBalancer {
		return must(b.client.DescribeLoadBalancers(t.Context(), &elb.DescribeLoadBalancersInput{LoadBalancerArns: []string{b.arn}}))(t).LoadBalancers[0]
	}
	lb := show()
	if lb.State.Code != elbtypes.LoadBalancerStateEnumActive || aws.ToString(lb.EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic) != "on" {
		t.Errorf("state %s, enforcement %q", lb.State.Code, aws.ToString(lb.EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic))
	}
	out := must(b.client.SetSecurityGroups(t.Context(), &elb.SetSecurityGroupsInput{
		LoadBalancerArn: &b.arn, SecurityGroups: lb.SecurityGroups,
		EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic: elbtypes.EnforceSecurityGroupInboundRulesOnPrivateLinkTrafficEnumOff,
	}))(t)
	if lb = show(); string(out.EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic) != "off" || aws.ToString(lb.EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic) != "off" {
		t.Errorf("enforcement %q, then %q", out.EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic, aws.ToString(lb.EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic))
	}
	listeners := must(b.client.DescribeListeners(t.Context(), &elb.DescribeListenersInput{LoadBalancerArn: &b.arn}))(t).Listeners
	if len(listeners) != 1 || !strings.Contains(*listeners[0].ListenerArn, ":listener/net/balancer/") || *listeners[0].LoadBalancerArn != b.arn {
		t.Errorf("listeners %+v", listeners)
	}
	attributes := must(b.client.DescribeLoadBalancerAttributes(t.Context(), &elb.DescribeLoadBalancerAttributesInput{LoadBalancerArn: &b.arn}))(t).Attributes
	if i := slices.IndexFunc(attributes, func(a elbtypes.LoadBalancerAttribute) bool { return *a.Key == "dns_record.client_routing_policy" }); i < 0 || *attributes[i].Value != "any_availability_zone" {
		t.Errorf("attributes %+v", attributes)
	}

	bare := must(b.client.CreateLoadBalancer(t.Context(), &elb.CreateLoadBalancerInput{Name: aws.String("bare"), Type: elbtypes.LoadBalancerTypeEnumNetwork, Subnets: []string{s.subnet}}))(t)
	_, err := b.client.SetSecurityGroups(t.Context(), &elb.SetSecurityGroupsInput{LoadBalancerArn: bare.LoadBalancers[0].LoadBalancerArn, SecurityGroups: lb.SecurityGroups})
	wantCode(t, err, "InvalidConfigurationRequest")
}

func TestLaunchTemplatesKeepTheirTagsApart(t *testing.T) {
	cloud := start(t, awscloud.Options{})
	client := ec2.NewFromConfig(config(cloud))
	created := must(client.CreateLaunchTemplate(t.Context(), &ec2.CreateLaunchTemplateInput{
		LaunchTemplateName: aws.String("tags"), TagSpecifications: tagsOf("launch-template", "a", "1"),
		LaunchTemplateData: &types.RequestLaunchTemplateData{InstanceType: types.InstanceTypeT3Micro},
	}))(t).LaunchTemplate
	versions := must(client.DescribeLaunchTemplateVersions(t.Context(), &ec2.DescribeLaunchTemplateVersionsInput{LaunchTemplateId: created.LaunchTemplateId}))(t)
	if got := versions.LaunchTemplateVersions[0].LaunchTemplateData.TagSpecifications; len(got) != 0 {
		t.Errorf("the data has the tags %+v", got)
	}
	must(client.CreateTags(t.Context(), &ec2.CreateTagsInput{Resources: []string{*created.LaunchTemplateId}, Tags: tagsOf("", "b", "2")[0].Tags}))(t)
	shown := must(client.DescribeLaunchTemplates(t.Context(), &ec2.DescribeLaunchTemplatesInput{LaunchTemplateIds: []string{*created.LaunchTemplateId}}))(t)
	var tags []string
	for _, tag := range shown.LaunchTemplates[0].Tags {
		tags = append(tags, fmt.Sprintf("%s=%s", *tag.Key, *tag.Value))
	}
	if slices.Sort(tags); !slices.Equal(tags, []string{"a=1", "b=2"}) {
		t.Errorf("the template has the tags %v", tags)
	}
}
