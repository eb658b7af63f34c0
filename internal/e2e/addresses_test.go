package e2e_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	tftest "github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/acctest"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/eiptag"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/fault"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/tfrun"
)

const (
	poolAddress      = "crosscloudlink_eip_pool.test"
	admissionAddress = "crosscloudlink_eip_admission.test"
)

// poolConfig writes a pool; size is any expression, more are further arguments.
func poolConfig(name, size string, more ...string) string {
	return fmt.Sprintf(`
resource "crosscloudlink_eip_pool" "test" {
  name = %q
  size = %s
  %s
}
`, name, size, strings.Join(more, "\n  "))
}

// admissionConfig writes an admission behind one firewall; listed is the expression of what it lists.
func admissionConfig(listed string) string {
	return fmt.Sprintf(`
resource "crosscloudlink_eip_admission" "test" {
  pool_name = crosscloudlink_eip_pool.test.name
  firewalls = { openai = { admitted_public_ips = %s } }
}
`, listed)
}

// noMembers is a check that EC2 has nothing with a pool's tag any more.
func noMembers(t *testing.T, pool string) func(*terraform.State) error {
	return func(*terraform.State) error {
		if left := allocationIDs(poolMembers(t, pool)); len(left) > 0 {
			return fmt.Errorf("pool %s still has %v", pool, left)
		}
		return nil
	}
}

var elasticIP = knownvalue.StringRegexp(regexp.MustCompile(`^(52|54|3)\.\d+\.\d+\.\d+$`))

func TestPoolLifecycle(t *testing.T) {
	acctest.Sandbox(t)
	name := unique("pool")
	unknown := "resource \"terraform_data\" \"size\" {\n  input = 2\n}\n"
	var before []string
	remember := func() { before = allocationIDs(poolMembers(t, name)) }
	unchanged := func() {
		if now := allocationIDs(poolMembers(t, name)); !slices.Equal(now, before) {
			t.Errorf("the pool is %v now and was %v", now, before)
		}
	}
	three := poolConfig(name, "3", `tags = { team = "egress" }`)
	tftest.UnitTest(t, tftest.TestCase{
		ProtoV6ProviderFactories: acctest.Providers(),
		CheckDestroy:             noMembers(t, name),
		Steps: []tftest.TestStep{
			{
				Config: unknown + poolConfig(name, "terraform_data.size.output"),
				ConfigPlanChecks: planned(creates(poolAddress),
					plancheck.ExpectUnknownValue(poolAddress, tfjsonpath.New("public_ips")),
					plancheck.ExpectKnownValue(poolAddress, tfjsonpath.New("id"), text(name))),
				ConfigStateChecks: knowns(poolAddress, map[string]knownvalue.Check{
					"id": text(name), "name": text(name), "size": knownvalue.Int64Exact(2), "tag_key": text(eiptag.DefaultPoolKey),
					"public_ips": knownvalue.ListExact([]knownvalue.Check{elasticIP, elasticIP}), "allocation_ids": knownvalue.ListSizeExact(2),
					"cidr_blocks": knownvalue.ListSizeExact(2), "addresses": knownvalue.MapSizeExact(2),
					"retired_allocation_ids": knownvalue.ListSizeExact(0), "draining_allocation_ids": knownvalue.ListSizeExact(0),
				}),
			},
			{PreConfig: remember, Config: unknown + poolConfig(name, "terraform_data.size.output"), ConfigPlanChecks: settled()},
			{
				Config: three,
				ConfigPlanChecks: planned(updates(poolAddress),
					plancheck.ExpectKnownValue(poolAddress, tfjsonpath.New("size"), knownvalue.Int64Exact(3))),
				ConfigStateChecks: knowns(poolAddress, map[string]knownvalue.Check{"public_ips": knownvalue.ListExact([]knownvalue.Check{elasticIP, elasticIP, elasticIP})}),
			},
			{
				PreConfig: func() {
					now := allocationIDs(poolMembers(t, name))
					for _, id := range before {
						if !slices.Contains(now, id) {
							t.Errorf("growth has cost address %s", id)
						}
					}
					remember()
				},
				Config: three, ConfigPlanChecks: settled(),
			},
			// Another hand changes a tag.
			{PreConfig: func() { retag(t, before[0], "team", "theirs") }, Config: three, ConfigPlanChecks: planned(updates(poolAddress))},
			// Another hand takes the tag off that makes an address one of the pool.
			{PreConfig: func() { retag(t, before[1], eiptag.DefaultPoolKey, "") }, Config: three, ConfigPlanChecks: planned(updates(poolAddress))},
			{
				PreConfig: func() {
					unchanged()
					for _, a := range poolMembers(t, name) {
						if tagOf(a, "team") != "egress" {
							t.Errorf("%s has team = %q after the repair", aws.ToString(a.AllocationId), tagOf(a, "team"))
						}
					}
				},
				Config: three, ConfigPlanChecks: settled(),
			},
			// Another hand releases all of them.
			{
				PreConfig: func() {
					for _, id := range before {
						release(t, id)
					}
				},
				Config: three, ConfigPlanChecks: planned(updates(poolAddress)),
				ConfigStateChecks: knowns(poolAddress, map[string]knownvalue.Check{"public_ips": knownvalue.ListSizeExact(3), "lost_addresses": knownvalue.MapSizeExact(0)}),
			},
			{Config: three, ConfigPlanChecks: settled()},
			{
				// An import cannot know in which order the addresses joined; the map holds them all.
				ResourceName: poolAddress, ImportState: true, ImportStateId: name, ImportStateVerify: true,
				ImportStateVerifyIgnore: []string{"allocation_ids", "public_ips", "cidr_blocks"},
			},
			{Config: three, ResourceName: poolAddress, ImportState: true, ImportStateId: name, ImportStateKind: tftest.ImportBlockWithID},
			{Config: poolConfig(name, "1"), ConfigPlanChecks: planned(updates(poolAddress)), ConfigStateChecks: knowns(poolAddress, map[string]knownvalue.Check{"public_ips": knownvalue.ListSizeExact(1)})},
		},
	})
}

func TestAdmissionLifecycle(t *testing.T) {
	acctest.Sandbox(t)
	name := unique("gated")
	gated := func(size, listed string) string {
		return poolConfig(name, size, "require_admission = true") + admissionConfig(listed)
	}
	all := gated("2", "crosscloudlink_eip_pool.test.public_ips")
	unknown := "resource \"terraform_data\" \"firewall\" {\n  input = crosscloudlink_eip_pool.test.public_ips\n}\n" + gated("2", "terraform_data.firewall.output")
	admitted := func(want int) func() {
		return func() {
			n := 0
			for _, a := range poolMembers(t, name) {
				if tagOf(a, eiptag.Admission) == eiptag.AdmissionAdmitted {
					n++
				}
			}
			if n != want {
				t.Errorf("%d addresses are admitted, want %d", n, want)
			}
		}
	}
	tftest.UnitTest(t, tftest.TestCase{
		ProtoV6ProviderFactories: acctest.Providers(),
		CheckDestroy:             noMembers(t, name),
		Steps: []tftest.TestStep{
			{
				Config: unknown,
				ConfigPlanChecks: planned(creates(admissionAddress),
					plancheck.ExpectUnknownValue(admissionAddress, tfjsonpath.New("admitted_allocation_ids")),
					plancheck.ExpectKnownValue(admissionAddress, tfjsonpath.New("id"), text(name))),
				ConfigStateChecks: knowns(admissionAddress, map[string]knownvalue.Check{
					"id": text(name), "pool_name": text(name), "admitted_allocation_ids": knownvalue.ListSizeExact(2),
					"firewalls": knownvalue.MapExact(map[string]knownvalue.Check{"openai": knownvalue.ObjectPartial(map[string]knownvalue.Check{
						"admitted_public_ips": knownvalue.SetExact([]knownvalue.Check{elasticIP, elasticIP})})}),
					"unlisted_public_ips": knownvalue.MapSizeExact(0), "lingering_public_ips": knownvalue.MapSizeExact(0),
					"pending_public_ips": knownvalue.SetSizeExact(0), "released_allocation_ids": knownvalue.ListSizeExact(0), "unsettled_allocation_ids": knownvalue.ListSizeExact(0),
				}),
			},
			{PreConfig: admitted(2), Config: unknown, ConfigPlanChecks: settled()},
			{
				Config:            gated("2", "[crosscloudlink_eip_pool.test.public_ips[0]]"),
				ConfigPlanChecks:  planned(updates(admissionAddress), plancheck.ExpectResourceAction(poolAddress, plancheck.ResourceActionNoop)),
				ConfigStateChecks: knowns(admissionAddress, map[string]knownvalue.Check{"admitted_allocation_ids": knownvalue.ListSizeExact(1), "pending_public_ips": knownvalue.SetSizeExact(1)}),
			},
			{PreConfig: admitted(1), Config: all, ConfigPlanChecks: planned(updates(admissionAddress))},
			// Another hand closes the gate for one address, and opens it again for the healing.
			{
				PreConfig: func() {
					admitted(2)()
					retag(t, allocationIDs(poolMembers(t, name))[0], eiptag.Admission, eiptag.AdmissionRequired)
				},
				Config: all, ConfigPlanChecks: planned(updates(admissionAddress)),
				ConfigStateChecks: knowns(admissionAddress, map[string]knownvalue.Check{"unsettled_allocation_ids": knownvalue.ListSizeExact(0)}),
			},
			// Another hand releases the whole pool: the pool is repaired, and the admission made anew.
			{
				PreConfig: func() {
					admitted(2)()
					for _, id := range allocationIDs(poolMembers(t, name)) {
						release(t, id)
					}
				},
				Config: all, ConfigPlanChecks: planned(updates(poolAddress), creates(admissionAddress)),
			},
			{PreConfig: admitted(2), Config: all, ConfigPlanChecks: settled()},
			// The tags do not say which firewalls there are: the first apply after an import does.
			{ResourceName: admissionAddress, ImportState: true, ImportStateId: name, ImportStateVerify: true, ImportStateVerifyIgnore: []string{"firewalls"}},
			{Config: all, ResourceName: admissionAddress, ImportState: true, ImportStateId: name, ImportStateKind: tftest.ImportBlockWithID, ExpectNonEmptyPlan: true},
			// A smaller pool retires, and the admission gives back to AWS.
			{
				Config: gated("1", "crosscloudlink_eip_pool.test.public_ips"), ConfigPlanChecks: planned(updates(poolAddress), updates(admissionAddress)),
				ConfigStateChecks: knowns(admissionAddress, map[string]knownvalue.Check{"released_allocation_ids": knownvalue.ListSizeExact(1)}),
			},
			{PreConfig: func() {
				if n := len(poolMembers(t, name)); n != 1 {
					t.Errorf("the pool has %d addresses, want 1", n)
				}
			}, Config: gated("1", "crosscloudlink_eip_pool.test.public_ips"), ConfigPlanChecks: settled()},
		},
	})
}

const describeAddresses = "ec2:DescribeAddresses"

// poolStage is a pool of two addresses.
func poolStage(t *testing.T) *stage {
	name := unique("pool")
	s := newStage(t, poolConfig(name, "2"))
	s.pool, s.size = name, 2
	s.intact = func(t *testing.T) {
		t.Helper()
		members := poolMembers(t, name)
		if len(members) != s.size {
			t.Fatalf("EC2 has %v, want %d addresses", allocationIDs(members), s.size)
		}
		for _, a := range members {
			if tagOf(a, eiptag.Owner) != "default" || tagOf(a, eiptag.Lifecycle) != "" {
				t.Errorf("%s has the tags %v", aws.ToString(a.AllocationId), a.Tags)
			}
		}
	}
	s.gone = func(t *testing.T) {
		t.Helper()
		if err := noMembers(t, name)(nil); err != nil {
			t.Error(err)
		}
	}
	s.saved = func(t *testing.T, state string) {
		t.Helper()
		for _, id := range allocationIDs(poolMembers(t, name)) {
			if !strings.Contains(state, id) {
				t.Errorf("EC2 has %s, and the state does not", id)
			}
		}
	}
	return s
}

// resize configures another size of the stage's pool.
func (s *stage) resize(t *testing.T, size int) {
	t.Helper()
	s.size = size
	s.configure(t, poolConfig(s.pool, fmt.Sprint(size)))
}

func TestPoolStruck(t *testing.T) {
	t.Parallel()
	const creating, modifying, destroying = poolAddress + ": Creating...", poolAddress + ": Modifying...", poolAddress + ": Destroying..."
	applied := func(t *testing.T, s *stage) { s.apply(t) }
	growing := func(t *testing.T, s *stage) { s.apply(t); s.resize(t, 3) }
	shrinking := func(t *testing.T, s *stage) { s.apply(t); s.resize(t, 1) }
	holding := func(operation string, skip int, before bool) func(*testing.T, *stage) trap {
		return func(t *testing.T, s *stage) trap {
			return s.hold(t, fault.Rule{Operation: operation, Skip: skip}, before, nil)
		}
	}
	listingAfter := func(operation string, skip int) func(*testing.T, *stage) trap {
		return func(t *testing.T, s *stage) trap {
			return s.hold(t, fault.Rule{Operation: describeAddresses}, false, &fault.Rule{Operation: operation, Skip: skip})
		}
	}
	strikeAll(t, poolStage, []moment{
		// Terraform plans a create twice, with a listing each; the third is the create's own.
		{wait: "listing before a create", command: apply, began: creating, arm: holding(describeAddresses, 2, false)},
		{wait: "second allocation on its way", command: apply, began: creating, arm: holding("ec2:AllocateAddress", 1, true)},
		{wait: "second allocation unanswered", command: apply, began: creating, arm: holding("ec2:AllocateAddress", 1, false)},
		{wait: "listing after a create", command: apply, began: creating, arm: listingAfter("ec2:AllocateAddress", 1)},
		// The refresh, two plans, and the update's own.
		{wait: "listing before an update", command: apply, began: modifying, prepare: growing, arm: holding(describeAddresses, 3, false)},
		{wait: "allocation of an update unanswered", command: apply, began: modifying, prepare: growing, arm: holding("ec2:AllocateAddress", 0, false)},
		{wait: "listing after an update", command: apply, began: modifying, prepare: growing, arm: listingAfter("ec2:AllocateAddress", 0)},
		{wait: "release of an update on its way", command: apply, began: modifying, prepare: shrinking, arm: holding("ec2:ReleaseAddress", 0, true)},
		{wait: "addresses in use", command: destroy, began: destroying, prepare: applied, arm: func(t *testing.T, s *stage) trap {
			free := occupy(t, allocationIDs(poolMembers(t, s.pool))[0])
			return trap{
				inside: func(t *testing.T, run *tfrun.Run) {
					t.Helper()
					await(t, destroying, run.Done(), func() bool { return strings.Contains(run.Output(), destroying) })
					seen := s.asked(t, describeAddresses)
					await(t, "two looks at the addresses", run.Done(), func() bool { return s.asked(t, describeAddresses) >= seen+2 })
				},
				release: func(*testing.T) { free() },
			}
		}},
		{wait: "second release on its way", command: destroy, began: destroying, prepare: applied, arm: holding("ec2:ReleaseAddress", 1, true)},
		{wait: "second release unanswered", command: destroy, began: destroying, prepare: applied, arm: holding("ec2:ReleaseAddress", 1, false)},
		{wait: "listing after a destroy", command: destroy, began: destroying, prepare: applied, arm: listingAfter("ec2:ReleaseAddress", 1)},
	})
}

// gatedConfig is a pool with an admission that admits all of it.
func gatedConfig(name string, size int) string {
	return poolConfig(name, fmt.Sprint(size), "require_admission = true") + admissionConfig("crosscloudlink_eip_pool.test.public_ips")
}

// gatedStage is an admission on a pool of two addresses that exists.
func gatedStage(t *testing.T) *stage {
	s := poolStage(t)
	poolIntact := s.intact
	s.intact = func(t *testing.T) {
		t.Helper()
		poolIntact(t)
		for _, a := range poolMembers(t, s.pool) {
			if tagOf(a, eiptag.Admission) != eiptag.AdmissionAdmitted {
				t.Errorf("%s is %q", aws.ToString(a.AllocationId), tagOf(a, eiptag.Admission))
			}
		}
	}
	s.configure(t, poolConfig(s.pool, "2", "require_admission = true"))
	s.apply(t)
	s.configure(t, gatedConfig(s.pool, 2))
	return s
}

func TestAdmissionStruck(t *testing.T) {
	t.Parallel()
	const creating, modifying, destroying = admissionAddress + ": Creating...", admissionAddress + ": Modifying...", admissionAddress + ": Destroying..."
	applied := func(t *testing.T, s *stage) { s.apply(t) }
	shrinking := func(t *testing.T, s *stage) {
		s.apply(t)
		s.size = 1
		s.configure(t, gatedConfig(s.pool, 1))
	}
	holding := func(operation string, skip int, before bool) func(*testing.T, *stage) trap {
		return func(t *testing.T, s *stage) trap {
			return s.hold(t, fault.Rule{Operation: operation, Skip: skip}, before, nil)
		}
	}
	listingAfter := func(operation string) func(*testing.T, *stage) trap {
		return func(t *testing.T, s *stage) trap {
			return s.hold(t, fault.Rule{Operation: describeAddresses}, false, &fault.Rule{Operation: operation})
		}
	}
	strikeAll(t, gatedStage, []moment{
		// The pool's refresh, two plans of the admission, and the create's own.
		{wait: "listing before a create", command: apply, began: creating, arm: holding(describeAddresses, 3, false)},
		{wait: "admission on its way", command: apply, began: creating, arm: holding("ec2:CreateTags", 0, true)},
		{wait: "admission unanswered", command: apply, began: creating, arm: holding("ec2:CreateTags", 0, false)},
		{wait: "listing after a create", command: apply, began: creating, arm: listingAfter("ec2:CreateTags")},
		// The pool's own write retires the address, the second withdraws its admission.
		{wait: "release on its way", command: apply, began: modifying, prepare: shrinking, arm: holding("ec2:ReleaseAddress", 0, true)},
		{wait: "release unanswered", command: apply, began: modifying, prepare: shrinking, arm: holding("ec2:ReleaseAddress", 0, false)},
		{wait: "listing after a release", command: apply, began: modifying, prepare: shrinking, arm: listingAfter("ec2:ReleaseAddress")},
		{wait: "withdrawal unanswered", command: destroy, began: destroying, prepare: applied, arm: holding("ec2:CreateTags", 0, false)},
		{wait: "listing after a withdrawal", command: destroy, began: destroying, prepare: applied, arm: listingAfter("ec2:CreateTags")},
	})
}
