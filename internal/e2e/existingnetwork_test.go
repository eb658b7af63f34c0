package e2e_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	astypes "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/acctest"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox"
)

// existingNetworkConfig is a link whose VPC, load balancer and endpoint service are not the
// module's. They are made in the same apply, so that nothing of them is known in its plan.
const existingNetworkConfig = `
terraform {
  required_providers {
    aws            = { source = "hashicorp/aws" }
    crosscloudlink = { source = "crosscloudlink/crosscloudlink" }
  }
}

variable "account" { type = string }
variable "hostname" { type = string }
variable "ncc" { type = string }
variable "architecture" { type = string }
variable "tunnel_timeout" { type = number }

locals {
  zones = ["us-east-1a", "us-east-1b"]
}

resource "aws_vpc" "ours" {
  cidr_block = "10.20.0.0/16"
}

resource "aws_internet_gateway" "ours" {
  vpc_id = aws_vpc.ours.id
}

resource "aws_subnet" "public" {
  count = 2

  vpc_id            = aws_vpc.ours.id
  cidr_block        = cidrsubnet(aws_vpc.ours.cidr_block, 8, count.index)
  availability_zone = local.zones[count.index]
}

resource "aws_subnet" "private" {
  count = 2

  vpc_id            = aws_vpc.ours.id
  cidr_block        = cidrsubnet(aws_vpc.ours.cidr_block, 8, count.index + 8)
  availability_zone = local.zones[count.index]
}

resource "aws_route_table" "public" {
  vpc_id = aws_vpc.ours.id
}

resource "aws_route" "internet" {
  route_table_id         = aws_route_table.public.id
  destination_cidr_block = "0.0.0.0/0"
  gateway_id             = aws_internet_gateway.ours.id
}

resource "aws_route_table_association" "public" {
  count = 2

  subnet_id      = aws_subnet.public[count.index].id
  route_table_id = aws_route_table.public.id
}

resource "aws_security_group" "nlb" {
  name   = "shared-nlb"
  vpc_id = aws_vpc.ours.id
}

resource "aws_lb" "shared" {
  name               = "shared"
  internal           = true
  load_balancer_type = "network"
  subnets            = aws_subnet.private[*].id
  security_groups    = [aws_security_group.nlb.id]

  enable_cross_zone_load_balancing                             = true
  enforce_security_group_inbound_rules_on_private_link_traffic = "off"
}

resource "aws_vpc_endpoint_service" "shared" {
  acceptance_required        = true
  network_load_balancer_arns = [aws_lb.shared.arn]
  allowed_principals         = module.egress.databricks_principal_arns
}

module "egress" {
  source = "../../modules/aws-egress-proxy"

  name      = "shared-link"
  upstreams = { openai = { hostname = var.hostname } }
  firewalls = { openai = crosscloudlink_aoai_ip_firewall.this }

  create_vpc              = false
  vpc_id                  = aws_vpc.ours.id
  public_subnet_ids       = aws_subnet.public[*].id
  private_subnet_ids      = aws_subnet.private[*].id
  create_nlb              = false
  nlb_arn                 = aws_lb.shared.arn
  nlb_security_group_id   = aws_security_group.nlb.id
  create_endpoint_service = false
  endpoint_service_id     = aws_vpc_endpoint_service.shared.id

  max_size        = 3
  max_connections = 1000
  status_port     = 8405
  tunnel_timeout  = var.tunnel_timeout
  architecture    = var.architecture
  scaling_policies = {
    connections = { metric = "active_flows", target_value = 400 }
    traffic     = { metric = "network_out", target_value = 1000000000, disable_scale_in = true }
  }
  enable_session_manager = true
  deletion_protection    = false
}

resource "crosscloudlink_aoai_ip_firewall" "this" {
  account_id = var.account
  ip_rules   = module.egress.public_ips
}

resource "crosscloudlink_databricks_private_endpoint_approval" "this" {
  endpoint_service_id            = module.egress.endpoint_service_id
  network_connectivity_config_id = var.ncc
  wait_for_rule                  = false
}

output "egress" {
  value = module.egress
}

output "approval_status" {
  value = crosscloudlink_databricks_private_endpoint_approval.this.status
}
`

// TestExistingNetwork makes a link on a VPC, a load balancer and an endpoint service of one's
// own, asks through it and for its status, and changes a setting of the proxies.
func TestExistingNetwork(t *testing.T) {
	t.Parallel()
	sb := sandboxWithProxies(t)
	was := lookBefore(t, sb)
	s := &stack{t: t, Terraform: acctest.Config(t, sb, existingNetworkConfig), variables: map[string]any{}}
	s.write(map[string]any{
		"account": sb.World.AzureAccountID, "hostname": sb.World.AzureHostname, "ncc": sb.World.NetworkConnectivityConfigID, "tunnel_timeout": 3600,
	})
	s.run("apply")
	egress, _ := s.outputs()["egress"].(map[string]any)
	if egress["status"] != "in_service" {
		t.Errorf("the proxies are %v: %v", egress["status"], egress["status_reason"])
	}
	rule, err := sb.Databricks().CreateRule(sb.World.NetworkConnectivityConfigID, fmt.Sprint(egress["endpoint_service_name"]), sb.World.AzureHostname)
	if err != nil {
		t.Fatal(err)
	}
	var endpoint string
	await(t, "the connection of Databricks", nil, func() bool {
		for _, state := range sb.Databricks().Rules() {
			if state.ID == rule {
				endpoint = state.VPCEndpointID
			}
		}
		return endpoint != ""
	})
	s.run("apply")
	if got := s.outputs()["approval_status"]; got != "established" {
		t.Errorf("the approval is %v", got)
	}
	s.settled()
	wantAnswered(t, sb, egress)
	wantStatus(t, sb, endpoint, egress)
	wantSettings(t, sb, egress)

	g := group{autoscaling.NewFromConfig(sb.AWS().Config), fmt.Sprint(egress["autoscaling_group_name"])}
	old := g.instances(t)
	s.write(map[string]any{"tunnel_timeout": 1800})
	s.run("apply")
	await(t, "all proxies to be replaced", nil, func() bool {
		now := g.instances(t)
		inService := 0
		for id, state := range now {
			if _, isOld := old[id]; isOld {
				return false
			}
			if state == astypes.LifecycleStateInService {
				inService++
			}
		}
		return inService == len(old)
	})
	s.settled()
	wantAnswered(t, sb, egress)

	sb.Databricks().ForgetRule(rule)
	s.run("destroy")
	was.intact(t)
}

// wantAnswered asks the model, which has to be reached from an address of the pool.
func wantAnswered(t *testing.T, sb *sandbox.Sandbox, egress map[string]any) {
	t.Helper()
	status, source, answer := query(t, sb)
	if status != http.StatusOK || !slices.Contains(sorted(egress["public_ips"]), source) {
		t.Errorf("the query was answered %d %s from %q, want 200 from one of %v", status, answer, source, egress["public_ips"])
	}
}

// wantStatus asks a proxy, through PrivateLink, what it can reach.
func wantStatus(t *testing.T, sb *sandbox.Sandbox, endpoint string, egress map[string]any) {
	t.Helper()
	type upstream struct {
		Name, Hostname      string
		Resolved, Reachable bool
	}
	var answer struct {
		Instance  string
		PublicIP  string `json:"public_ip"`
		Upstreams []upstream
	}
	want := upstream{"openai", sb.World.AzureHostname, true, true}
	await(t, "the status of a proxy that reaches Azure", nil, func() bool {
		conn, err := sb.DialEndpoint(t.Context(), endpoint, 8405)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close() }()
		_ = conn.SetDeadline(time.Now().Add(patience))
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+sb.World.AzureHostname+":8405/status", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Close = true
		if err := req.Write(conn); err != nil {
			t.Fatal(err)
		}
		resp, err := http.ReadResponse(bufio.NewReader(conn), req)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = resp.Body.Close() }()
		if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("the status port answers %s, %v", resp.Status, err)
		}
		// The first probe of an upstream takes some seconds.
		return slices.Equal(answer.Upstreams, []upstream{want}) && answer.Instance != ""
	})
	if !slices.Contains(sorted(egress["public_ips"]), answer.PublicIP) {
		t.Errorf("the proxy says that its address is %q, and the pool has %v", answer.PublicIP, egress["public_ips"])
	}
}

// wantSettings looks at what AWS has of the module's settings.
func wantSettings(t *testing.T, sb *sandbox.Sandbox, egress map[string]any) {
	t.Helper()
	scaling, balancing, compute := autoscaling.NewFromConfig(sb.AWS().Config), elb.NewFromConfig(sb.AWS().Config), ec2.NewFromConfig(sb.AWS().Config)
	name := fmt.Sprint(egress["autoscaling_group_name"])
	policies := must(scaling.DescribePolicies(t.Context(), &autoscaling.DescribePoliciesInput{AutoScalingGroupName: &name}))(t).ScalingPolicies
	if len(policies) != 2 {
		t.Errorf("the group has the scaling policies %v", policies)
	}
	hooks := must(scaling.DescribeLifecycleHooks(t.Context(), &autoscaling.DescribeLifecycleHooksInput{AutoScalingGroupName: &name}))(t).LifecycleHooks
	if !slices.ContainsFunc(hooks, func(h astypes.LifecycleHook) bool {
		return aws.ToString(h.LifecycleHookName) == "shared-link-proxy-ready" && aws.ToString(h.DefaultResult) == "ABANDON"
	}) {
		t.Errorf("the group has the hooks %v", hooks)
	}
	for _, output := range []string{"target_group_arn", "status_target_group_arn"} {
		health := must(balancing.DescribeTargetHealth(t.Context(), &elb.DescribeTargetHealthInput{TargetGroupArn: aws.String(fmt.Sprint(egress[output]))}))(t)
		if got := len(health.TargetHealthDescriptions); got != 2 {
			t.Errorf("%s has %d targets, want the 2 proxies", output, got)
		}
	}
	// What a launch template says the group's instances run is looked up at launch.
	instances := must(compute.DescribeInstances(t.Context(), &ec2.DescribeInstancesInput{}))(t)
	for _, r := range instances.Reservations {
		for _, i := range r.Instances {
			if image := aws.ToString(i.ImageId); len(image) < 4 || image[:4] != "ami-" {
				t.Errorf("%s runs the image %q", aws.ToString(i.InstanceId), image)
			}
			if i.IamInstanceProfile == nil || aws.ToString(i.IamInstanceProfile.Arn) != egress["instance_profile_arn"] {
				t.Errorf("%s has the profile %v, want %v", aws.ToString(i.InstanceId), i.IamInstanceProfile, egress["instance_profile_arn"])
			}
		}
	}
}

// group is an Auto Scaling group to look at.
type group struct {
	scaling *autoscaling.Client
	name    string
}

// instances are the group's, by id, with the state each is in.
func (g group) instances(t *testing.T) map[string]astypes.LifecycleState {
	t.Helper()
	out := must(g.scaling.DescribeAutoScalingGroups(t.Context(), &autoscaling.DescribeAutoScalingGroupsInput{AutoScalingGroupNames: []string{g.name}}))(t)
	states := map[string]astypes.LifecycleState{}
	for _, i := range out.AutoScalingGroups[0].Instances {
		states[aws.ToString(i.InstanceId)] = i.LifecycleState
	}
	return states
}
