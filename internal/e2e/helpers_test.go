package e2e_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	tftest "github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/acctest"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/eiptag"
)

// patience bounds every wait of a test for a cloud or for Terraform.
const patience = 90 * time.Second

// sequence makes names and keys that no other test of the process has.
var sequence atomic.Int64

// unique makes a name of its own for a cloud object.
func unique(prefix string) string { return fmt.Sprintf("%s-%d", prefix, sequence.Add(1)) }

// accessKey makes an access key id by which a caller's AWS calls are told from all others.
func accessKey() string { return fmt.Sprintf("AKIASANDBOX%09d", sequence.Add(1)) }

// await polls until done, and fails the test if that takes too long or stop is closed before.
func await(t *testing.T, what string, stop <-chan struct{}, done func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("waited in vain for %s", what)
		case <-stop:
			if !done() {
				t.Fatalf("terraform ended before %s", what)
			}
			return
		}
	}
}

// compute is EC2 as a person with the right to all of it has it.
func compute(t *testing.T) *ec2.Client {
	t.Helper()
	return ec2.NewFromConfig(acctest.Sandbox(t).AWS().Config)
}

// poolMembers are the addresses with a pool's tag, as EC2 has them.
func poolMembers(t *testing.T, pool string) []ec2types.Address {
	t.Helper()
	out, err := compute(t).DescribeAddresses(context.Background(), &ec2.DescribeAddressesInput{
		Filters: []ec2types.Filter{{Name: aws.String("tag:" + eiptag.DefaultPoolKey), Values: []string{pool}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return out.Addresses
}

// tagOf is the value of an address's tag, "" without it.
func tagOf(a ec2types.Address, key string) string {
	for _, tag := range a.Tags {
		if aws.ToString(tag.Key) == key {
			return aws.ToString(tag.Value)
		}
	}
	return ""
}

func allocationIDs(addresses []ec2types.Address) []string {
	var ids []string
	for _, a := range addresses {
		ids = append(ids, aws.ToString(a.AllocationId))
	}
	slices.Sort(ids)
	return ids
}

// retag sets a tag on an address by another hand; "" removes it.
func retag(t *testing.T, allocationID, key, value string) {
	t.Helper()
	var err error
	if value == "" {
		_, err = compute(t).DeleteTags(t.Context(), &ec2.DeleteTagsInput{Resources: []string{allocationID}, Tags: []ec2types.Tag{{Key: &key}}})
	} else {
		_, err = compute(t).CreateTags(t.Context(), &ec2.CreateTagsInput{Resources: []string{allocationID}, Tags: []ec2types.Tag{{Key: &key, Value: &value}}})
	}
	if err != nil {
		t.Fatal(err)
	}
}

func release(t *testing.T, allocationID string) {
	t.Helper()
	if _, err := compute(t).ReleaseAddress(t.Context(), &ec2.ReleaseAddressInput{AllocationId: &allocationID}); err != nil {
		t.Fatal(err)
	}
}

// network is what tests of addresses and endpoint services stand on: a subnet, and a
// Network Load Balancer in it.
type network struct{ subnet, balancer string }

var theNetwork = struct {
	sync.Mutex
	made *network
}{}

// sharedNetwork makes the network once for all tests.
func sharedNetwork(t *testing.T) network {
	t.Helper()
	theNetwork.Lock()
	defer theNetwork.Unlock()
	if theNetwork.made != nil {
		return *theNetwork.made
	}
	c := compute(t)
	vpc, err := c.CreateVpc(t.Context(), &ec2.CreateVpcInput{CidrBlock: aws.String("10.99.0.0/16")})
	if err != nil {
		t.Fatal(err)
	}
	gateway, err := c.CreateInternetGateway(t.Context(), &ec2.CreateInternetGatewayInput{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.AttachInternetGateway(t.Context(), &ec2.AttachInternetGatewayInput{InternetGatewayId: gateway.InternetGateway.InternetGatewayId, VpcId: vpc.Vpc.VpcId}); err != nil {
		t.Fatal(err)
	}
	subnet, err := c.CreateSubnet(t.Context(), &ec2.CreateSubnetInput{VpcId: vpc.Vpc.VpcId, CidrBlock: aws.String("10.99.1.0/24")})
	if err != nil {
		t.Fatal(err)
	}
	balancer, err := elb.NewFromConfig(acctest.Sandbox(t).AWS().Config).CreateLoadBalancer(t.Context(), &elb.CreateLoadBalancerInput{
		Name: aws.String(unique("e2e")), Type: elbtypes.LoadBalancerTypeEnumNetwork, Scheme: elbtypes.LoadBalancerSchemeEnumInternal,
		Subnets: []string{aws.ToString(subnet.Subnet.SubnetId)},
	})
	if err != nil {
		t.Fatal(err)
	}
	theNetwork.made = &network{subnet: aws.ToString(subnet.Subnet.SubnetId), balancer: aws.ToString(balancer.LoadBalancers[0].LoadBalancerArn)}
	return *theNetwork.made
}

// occupy associates an address with a network interface, and returns what ends that.
func occupy(t *testing.T, allocationID string) (free func()) {
	t.Helper()
	c := compute(t)
	subnet := sharedNetwork(t).subnet
	made, err := c.CreateNetworkInterface(t.Context(), &ec2.CreateNetworkInterfaceInput{SubnetId: &subnet})
	if err != nil {
		t.Fatal(err)
	}
	taken, err := c.AssociateAddress(t.Context(), &ec2.AssociateAddressInput{AllocationId: &allocationID, NetworkInterfaceId: made.NetworkInterface.NetworkInterfaceId})
	if err != nil {
		t.Fatal(err)
	}
	return func() {
		if _, err := c.DisassociateAddress(context.Background(), &ec2.DisassociateAddressInput{AssociationId: taken.AssociationId}); err != nil {
			t.Error(err)
		}
	}
}

// Shorthands for the checks of terraform-plugin-testing.

func planned(checks ...plancheck.PlanCheck) tftest.ConfigPlanChecks {
	return tftest.ConfigPlanChecks{PreApply: checks}
}

// settled asserts a plan without changes before the apply.
func settled() tftest.ConfigPlanChecks { return planned(plancheck.ExpectEmptyPlan()) }

func updates(address string) plancheck.PlanCheck {
	return plancheck.ExpectResourceAction(address, plancheck.ResourceActionUpdate)
}

func creates(address string) plancheck.PlanCheck {
	return plancheck.ExpectResourceAction(address, plancheck.ResourceActionCreate)
}

func has(address, attribute string, value knownvalue.Check) statecheck.StateCheck {
	return statecheck.ExpectKnownValue(address, tfjsonpath.New(attribute), value)
}

func text(value string) knownvalue.Check { return knownvalue.StringExact(value) }

// texts is a set of exactly these strings.
func texts(values ...string) knownvalue.Check {
	checks := []knownvalue.Check{}
	for _, value := range values {
		checks = append(checks, text(value))
	}
	return knownvalue.SetExact(checks)
}

func hcl(values ...string) string {
	quoted := []string{}
	for _, value := range values {
		quoted = append(quoted, fmt.Sprintf("%q", value))
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}

// knowns checks several attributes of a resource in the state.
func knowns(address string, values map[string]knownvalue.Check) []statecheck.StateCheck {
	var checks []statecheck.StateCheck
	for attribute, value := range values {
		checks = append(checks, has(address, attribute, value))
	}
	return checks
}
