package e2e_test

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/acctest"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/eiptag"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox"
)

// natConfig is the link of examples/existing-services with NAT gateways. A second firewall, which another team keeps, is
// there while `west` is set: what it lists.
const natConfig = `
terraform {
  required_providers {
    aws            = { source = "hashicorp/aws" }
    crosscloudlink = { source = "crosscloudlink/crosscloudlink" }
  }
}

variable "account" { type = string }
variable "hostname" { type = string }
variable "ncc" { type = string }
variable "azs" { type = list(string) }
variable "min_size" {
  type    = number
  default = 2
}
variable "retire" {
  type    = list(string)
  default = []
}
variable "approve" {
  type    = bool
  default = false
}
variable "west" {
  type    = list(string)
  default = null
}

module "egress" {
  source = "../../modules/aws-egress-proxy"

  name        = "nat-link"
  egress_mode = "nat_gateway"
  azs         = var.azs
  upstreams   = { openai = { hostname = var.hostname } }
  firewalls   = merge({ openai = crosscloudlink_aoai_ip_firewall.this }, var.west == null ? {} : { west = { admitted_public_ips = var.west } })

  min_size              = var.min_size
  max_size              = 3
  max_connections       = 1000
  retire_allocation_ids = var.retire
  deletion_protection   = false
}

resource "crosscloudlink_aoai_ip_firewall" "this" {
  account_id = var.account
  ip_rules   = module.egress.public_ips
}

resource "crosscloudlink_databricks_private_endpoint_approval" "this" {
  count = var.approve ? 1 : 0

  endpoint_service_id            = module.egress.endpoint_service_id
  network_connectivity_config_id = var.ncc
}

output "egress" {
  value = module.egress
}
`

// natStack is natConfig in a sandbox of its own, with the people on the other side.
type natStack struct {
	*stack
	sandbox *sandbox.Sandbox
	ec2     *ec2.Client
}

func newNATStack(t *testing.T) natStack {
	t.Helper()
	sb := sandboxWithProxies(t)
	s := natStack{stack: &stack{t: t, Terraform: acctest.Config(t, sb, natConfig), variables: map[string]any{}}, sandbox: sb, ec2: ec2.NewFromConfig(sb.AWS().Config)}
	s.write(map[string]any{
		"account": sb.World.AzureAccountID, "hostname": sb.World.AzureHostname, "ncc": sb.World.NetworkConnectivityConfigID,
		"azs": []string{"us-east-1a", "us-east-1b"},
	})
	return s
}

// egress are the module's outputs.
func (s natStack) egress() map[string]any {
	s.t.Helper()
	egress, ok := s.outputs()["egress"].(map[string]any)
	if !ok {
		s.t.Fatal("the state has no outputs of the module")
	}
	return egress
}

// byZone is an output that is a map of strings.
func byZone(output any) map[string]string {
	out := map[string]string{}
	elements, _ := output.(map[string]any)
	for zone, value := range elements {
		out[zone] = fmt.Sprint(value)
	}
	return out
}

// gateway is what EC2 says of a NAT gateway.
type gateway struct{ id, allocationID, publicIP string }

// gateways are the NAT gateways that are not deleted, by the zone of their subnet.
func (s natStack) gateways() map[string]gateway {
	s.t.Helper()
	out, err := s.ec2.DescribeNatGateways(s.t.Context(), &ec2.DescribeNatGatewaysInput{Filter: []ec2types.Filter{{Name: aws.String("state"), Values: []string{"pending", "available", "failed"}}}})
	if err != nil {
		s.t.Fatal(err)
	}
	found := map[string]gateway{}
	for _, g := range out.NatGateways {
		subnets, err := s.ec2.DescribeSubnets(s.t.Context(), &ec2.DescribeSubnetsInput{SubnetIds: []string{aws.ToString(g.SubnetId)}})
		if err != nil {
			s.t.Fatal(err)
		}
		zone := aws.ToString(subnets.Subnets[0].AvailabilityZone)
		if _, twice := found[zone]; twice || g.State != ec2types.NatGatewayStateAvailable {
			s.t.Errorf("%s has %s, which is %s, beside %v", zone, aws.ToString(g.NatGatewayId), g.State, found[zone])
		}
		found[zone] = gateway{aws.ToString(g.NatGatewayId), aws.ToString(g.NatGatewayAddresses[0].AllocationId), aws.ToString(g.NatGatewayAddresses[0].PublicIp)}
	}
	return found
}

// members are the pool's addresses by allocation id.
func (s natStack) members() map[string]ec2types.Address {
	s.t.Helper()
	out, err := s.ec2.DescribeAddresses(s.t.Context(), &ec2.DescribeAddressesInput{Filters: []ec2types.Filter{{Name: aws.String("tag:" + eiptag.DefaultPoolKey), Values: []string{"nat-link"}}}})
	if err != nil {
		s.t.Fatal(err)
	}
	found := map[string]ec2types.Address{}
	for _, a := range out.Addresses {
		found[aws.ToString(a.AllocationId)] = a
	}
	return found
}

// running are the instances that are not terminated, by zone.
func (s natStack) running() map[string]int {
	s.t.Helper()
	out, err := s.ec2.DescribeInstances(s.t.Context(), &ec2.DescribeInstancesInput{Filters: []ec2types.Filter{{Name: aws.String("instance-state-name"), Values: []string{"pending", "running"}}}})
	if err != nil {
		s.t.Fatal(err)
	}
	zones := map[string]int{}
	for _, r := range out.Reservations {
		for _, i := range r.Instances {
			zones[aws.ToString(i.Placement.AvailabilityZone)]++
			if i.PublicIpAddress != nil {
				s.t.Errorf("%s has the public address %s of its own", aws.ToString(i.InstanceId), *i.PublicIpAddress)
			}
		}
	}
	return zones
}

// listed checks that the account lists exactly the pool's addresses beside other people's entries.
func (s natStack) listed(want ...string) {
	s.t.Helper()
	got := accountOf(s.t, s.sandbox, s.sandbox.World.AzureAccountID).IPRules
	all := slices.Concat(want, s.sandbox.World.ForeignIPRules)
	slices.Sort(got)
	slices.Sort(all)
	if !slices.Equal(got, all) {
		s.t.Errorf("the account lists %v, want %v", got, all)
	}
}

// sources asks until each of these addresses was seen, and fails at another one or at a refusal.
func (s natStack) sources(want ...string) {
	s.t.Helper()
	seen := map[string]bool{}
	for range 4 * len(want) {
		status, source, answer := query(s.t, s.sandbox)
		if status != http.StatusOK || !slices.Contains(want, source) {
			s.t.Fatalf("%d from %q, want 200 from one of %v: %s", status, source, want, answer)
		}
		seen[source] = true
	}
	if len(seen) != len(want) {
		s.t.Errorf("queries came from %v, want all of %v", slices.Sorted(maps.Keys(seen)), want)
	}
}

// applyUnderQueries applies while one query follows the other, and fails at each that is not answered.
func (s natStack) applyUnderQueries() {
	s.t.Helper()
	run, err := s.Start(s.t.Context(), nil, arguments("apply")...)
	if err != nil {
		s.t.Fatal(err)
	}
	asked := 0
	for !closed(run.Done()) {
		asked++
		if status, source, answer := query(s.t, s.sandbox); status != http.StatusOK {
			s.t.Errorf("query %d during the apply: %d from %q: %s", asked, status, source, answer)
		}
	}
	if output, err := run.Wait(); err != nil {
		s.t.Fatalf("%v\n%s", err, output)
	}
	if asked < 10 {
		s.t.Errorf("only %d queries during the apply", asked)
	}
}

// TestNATGateways is the module's second mode from the first plan to the last address, with real proxies and queries.
func TestNATGateways(t *testing.T) {
	t.Parallel()
	s := newNATStack(t)
	was := lookBefore(t, s.sandbox)

	// A firewall of another team lists nothing yet: the addresses are there for it to list, and nothing that could use them.
	s.write(map[string]any{"west": []string{}})
	s.refused(arguments("apply"), "not all firewalls list it", "west")
	if gateways, instances := s.gateways(), s.running(); len(gateways)+len(instances) > 0 {
		t.Fatalf("there are the NAT gateways %v and instances in %v, and one firewall lists no address", gateways, instances)
	}
	for id, a := range s.members() {
		if tagOf(a, eiptag.Admission) != eiptag.AdmissionRequired || a.AssociationId != nil {
			t.Errorf("%s is %s, and associated with %v", id, tagOf(a, eiptag.Admission), a.AssociationId)
		}
	}

	// With min_size = 0 that is no failure.
	s.write(map[string]any{"min_size": 0})
	s.run("apply")
	if status := s.egress()["status"]; status != "no_proxies" || len(s.gateways()) > 0 {
		t.Errorf("the fleet is %v, with the NAT gateways %v", status, s.gateways())
	}
	s.settled()

	// The other team follows.
	s.write(map[string]any{"west": s.egress()["public_ips"], "min_size": 2})
	s.run("apply")
	egress := s.egress()
	if egress["status"] != "started" || egress["in_service_count"] != nil {
		t.Errorf("the fleet is %v, %v in service", egress["status"], egress["in_service_count"])
	}
	first, ips := s.gateways(), byZone(egress["nat_gateway_public_ips"])
	for _, zone := range []string{"us-east-1a", "us-east-1b"} {
		if got := first[zone]; got.id == "" || got.id != byZone(egress["nat_gateway_ids"])[zone] || got.publicIP != ips[zone] || tagOf(s.members()[got.allocationID], eiptag.Slot) != zone {
			t.Errorf("%s has %+v, and the outputs say %v and %v", zone, got, egress["nat_gateway_ids"], ips)
		}
	}
	if zones := s.running(); zones["us-east-1a"] != 1 || zones["us-east-1b"] != 1 {
		t.Errorf("the proxies are in %v, want one a zone", zones)
	}
	s.listed(ips["us-east-1a"], ips["us-east-1b"])

	// The administrator of Databricks adds the rule, and the next apply approves its connection.
	rule, err := s.sandbox.Databricks().CreateRule(s.sandbox.World.NetworkConnectivityConfigID, fmt.Sprint(egress["endpoint_service_name"]), s.sandbox.World.AzureHostname)
	if err != nil {
		t.Fatal(err)
	}
	s.write(map[string]any{"approve": true})
	s.run("apply")
	s.settled()
	s.sources(ips["us-east-1a"], ips["us-east-1b"])

	// A rotation: the next address serves before the last one goes, and the other zone has nothing to do with it.
	s.write(map[string]any{"west": nil})
	s.run("apply")
	old := first["us-east-1a"]
	s.write(map[string]any{"retire": []string{old.allocationID}})
	planned, err := s.Plan(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, change := range planned {
		if strings.Contains(change.Address, "us-east-1b") {
			t.Errorf("the rotation in us-east-1a means to %v %s", change.Actions, change.Address)
		}
		if strings.Contains(change.Address, "aws_nat_gateway") && !slices.Equal(change.Actions, []string{"create", "delete"}) {
			t.Errorf("the rotation means to %v %s: the new one must come first", change.Actions, change.Address)
		}
	}
	s.applyUnderQueries()
	second := s.gateways()
	if second["us-east-1a"].allocationID == old.allocationID || second["us-east-1b"] != first["us-east-1b"] {
		t.Errorf("the NAT gateways were %v and are %v", first, second)
	}
	s.listed(old.publicIP, second["us-east-1a"].publicIP, second["us-east-1b"].publicIP)
	if a := s.members()[old.allocationID]; tagOf(a, eiptag.Lifecycle) != eiptag.LifecycleDraining || a.AssociationId != nil {
		t.Errorf("the retired address is %q, associated with %v", tagOf(a, eiptag.Lifecycle), a.AssociationId)
	}
	s.run("apply")
	s.listed(second["us-east-1a"].publicIP, second["us-east-1b"].publicIP)
	if members := s.members(); len(members) != 2 || !maps.Equal(s.gateways(), second) {
		t.Errorf("the pool has %v, and the NAT gateways are %v", slices.Sorted(maps.Keys(members)), s.gateways())
	}
	s.settled()
	s.sources(second["us-east-1a"].publicIP, second["us-east-1b"].publicIP)

	// Another zone moves none of the others.
	s.write(map[string]any{"azs": []string{"us-east-1a", "us-east-1b", "us-east-1c"}, "min_size": 3})
	s.run("apply")
	third := s.gateways()
	if len(third) != 3 || third["us-east-1a"] != second["us-east-1a"] || third["us-east-1b"] != second["us-east-1b"] {
		t.Errorf("the NAT gateways were %v and are %v", second, third)
	}
	s.settled()
	s.sources(third["us-east-1a"].publicIP, third["us-east-1b"].publicIP, third["us-east-1c"].publicIP)

	s.sandbox.Databricks().ForgetRule(rule)
	s.run("destroy")
	was.intact(t)
}
