package e2e_test

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
	databrickssdk "github.com/databricks/databricks-sdk-go"
	"github.com/databricks/databricks-sdk-go/service/settings"
	tftest "github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/acctest"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/databricks"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/fault"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/tfrun"
)

const (
	networkAddress = "crosscloudlink_databricks_workspace_network.test"
	theirPolicy    = "e2e-theirs"
	ourPolicy      = "e2e-ours"
	defaultPolicy  = "default-policy"
)

// theNetworks are NCCs and policies that the workspaces of these tests are moved between.
var theNetworks struct {
	sync.Once
	theirs, ours string
	err          error
}

func sharedNetworks(t *testing.T) (theirs, ours string) {
	t.Helper()
	cloud := acctest.Sandbox(t).Databricks()
	n := &theNetworks
	n.Do(func() {
		if n.theirs, n.err = cloud.SeedNCC("e2e-theirs", ""); n.err != nil {
			return
		}
		if n.ours, n.err = cloud.SeedNCC("e2e-ours", ""); n.err != nil {
			return
		}
		if n.err = cloud.SeedPolicy(theirPolicy); n.err != nil {
			return
		}
		n.err = cloud.SeedPolicy(ourPolicy, modelHost)
	})
	if n.err != nil {
		t.Fatal(n.err)
	}
	return n.theirs, n.ours
}

// seedTheirWorkspace makes a workspace that other people have given an NCC, or none, and a policy.
func seedTheirWorkspace(t *testing.T, ncc string) int64 {
	t.Helper()
	sharedNetworks(t)
	id := 5000000000000000 + sequence.Add(1)
	cloud := acctest.Sandbox(t).Databricks()
	if err := cloud.SeedWorkspace(databricks.Workspace{ID: id, Name: fmt.Sprintf("e2e-%d", id), NCCID: ncc, PolicyID: theirPolicy}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cloud.ForgetWorkspace(id) })
	return id
}

func networkConfig(id int64, ncc, policy string, more ...string) string {
	return fmt.Sprintf(`
resource "crosscloudlink_databricks_workspace_network" "test" {
  workspace_id                   = %d
  network_connectivity_config_id = %s
  network_policy_id              = %q
  %s
}
`, id, ncc, policy, strings.Join(more, "\n  "))
}

// hasNetwork checks what a workspace has.
func hasNetwork(t *testing.T, id int64, ncc, policy string) error {
	t.Helper()
	gotNCC, gotPolicy, ok := acctest.Sandbox(t).Databricks().WorkspaceNetwork(id)
	if !ok || gotNCC != ncc || gotPolicy != policy {
		return fmt.Errorf("workspace %d has %q and %q, want %q and %q", id, gotNCC, gotPolicy, ncc, policy)
	}
	return nil
}

// accepted accepts the connection of a rule and returns once the rule is ESTABLISHED.
func accepted(t *testing.T, s service) {
	t.Helper()
	rule := rulesTo(t, s)[0]
	_, err := compute(t).AcceptVpcEndpointConnections(t.Context(), &ec2.AcceptVpcEndpointConnectionsInput{ServiceId: &s.id, VpcEndpointIds: []string{rule.VPCEndpointID}})
	if err != nil {
		t.Fatal(err)
	}
	await(t, "the rule to be ESTABLISHED", nil, func() bool { return rulesTo(t, s)[0].ConnectionState == "ESTABLISHED" })
}

func TestWorkspaceNetworkLifecycle(t *testing.T) {
	cloud := acctest.Sandbox(t).Databricks()
	theirs, ours := sharedNetworks(t)
	id, other := seedTheirWorkspace(t, theirs), sharedNCC(t)
	plain := networkConfig(id, quoted(ours), ourPolicy)
	unknown := fmt.Sprintf("resource \"terraform_data\" \"ncc\" {\n  input = %q\n}\n", ours) + networkConfig(id, "terraform_data.ncc.output", ourPolicy)
	does := func(problem error) {
		if problem != nil {
			t.Error(problem)
		}
	}
	ofOurs := map[string]knownvalue.Check{
		"id": text(fmt.Sprint(id)), "network_connectivity_config_id": text(ours), "network_policy_id": text(ourPolicy), "status": text("bound"), "status_reason": text(""),
		"workspace_status": text("RUNNING"), "region": text("us-east-1"), "restore_network_connectivity_config_id": text(theirs), "restore_network_policy_id": text(theirPolicy),
	}
	tftest.UnitTest(t, tftest.TestCase{
		ProtoV6ProviderFactories: acctest.Providers(),
		CheckDestroy:             func(*terraform.State) error { return hasNetwork(t, id, theirs, theirPolicy) },
		Steps: []tftest.TestStep{
			{
				Config:            unknown,
				ConfigPlanChecks:  planned(creates(networkAddress), plancheck.ExpectUnknownValue(networkAddress, tfjsonpath.New("status"))),
				ConfigStateChecks: knowns(networkAddress, ofOurs),
			},
			{Config: plain, ConfigPlanChecks: planned(plancheck.ExpectResourceAction(networkAddress, plancheck.ResourceActionNoop))},
			// Another hand binds another NCC, and then attaches another policy.
			{
				PreConfig:         func() { does(hasNetwork(t, id, ours, ourPolicy)); does(cloud.BindNCC(id, other)) },
				Config:            plain,
				ConfigPlanChecks:  planned(updates(networkAddress)),
				ConfigStateChecks: knowns(networkAddress, ofOurs),
			},
			{
				PreConfig:         func() { does(hasNetwork(t, id, ours, ourPolicy)); does(cloud.AttachPolicy(id, defaultPolicy)) },
				Config:            plain,
				ConfigPlanChecks:  planned(updates(networkAddress)),
				ConfigStateChecks: knowns(networkAddress, ofOurs),
			},
			{Config: plain, ConfigPlanChecks: settled()},
			{
				PreConfig:        func() { does(hasNetwork(t, id, ours, ourPolicy)) },
				Config:           networkConfig(id, quoted(other), defaultPolicy, "timeouts = { update = \"5m\" }"),
				ConfigPlanChecks: planned(updates(networkAddress)),
				ConfigStateChecks: knowns(networkAddress, map[string]knownvalue.Check{
					"network_connectivity_config_id": text(other), "network_policy_id": text(defaultPolicy), "restore_network_connectivity_config_id": text(theirs), "restore_network_policy_id": text(theirPolicy),
				}),
			},
			{Config: plain, ConfigPlanChecks: planned(updates(networkAddress)), ConfigStateChecks: knowns(networkAddress, ofOurs)},
			{
				ResourceName: networkAddress, ImportState: true, ImportStateVerify: true,
				// What was there before is only known where it was changed.
				ImportStateVerifyIgnore: []string{"restore_network_connectivity_config_id", "restore_network_policy_id"},
			},
			{Config: networkConfig(id, quoted(ours), ourPolicy), ResourceName: networkAddress, ImportState: true, ImportStateKind: tftest.ImportBlockWithID},
		},
	})
}

// What another hand has bound since stays, and the rest is put back.
func TestWorkspaceNetworkDestroyLeavesWhatIsForeign(t *testing.T) {
	theirs, ours := sharedNetworks(t)
	id, other := seedTheirWorkspace(t, theirs), sharedNCC(t)
	tftest.UnitTest(t, tftest.TestCase{
		ProtoV6ProviderFactories: acctest.Providers(),
		CheckDestroy:             func(*terraform.State) error { return hasNetwork(t, id, other, theirPolicy) },
		Steps: []tftest.TestStep{
			{Config: networkConfig(id, quoted(ours), ourPolicy)},
			{
				PreConfig: func() {
					if err := acctest.Sandbox(t).Databricks().BindNCC(id, other); err != nil {
						t.Error(err)
					}
				},
				Config: networkConfig(id, quoted(ours), ourPolicy), Destroy: true,
			},
		},
	})
}

func TestWorkspaceNetworkWaitsForRules(t *testing.T) {
	theirs, _ := sharedNetworks(t)
	id, s, ncc := seedTheirWorkspace(t, theirs), offer(t), sharedNCC(t)
	rule := addedRule(t, s)
	given := networkConfig(id, quoted(ncc), ourPolicy, fmt.Sprintf("private_endpoint_rule_ids = [%q]", rule), "wait_for_rules = false")
	tftest.UnitTest(t, tftest.TestCase{
		ProtoV6ProviderFactories: acctest.Providers(),
		CheckDestroy:             func(*terraform.State) error { return hasNetwork(t, id, theirs, theirPolicy) },
		Steps: []tftest.TestStep{
			{
				Config: given, ConfigPlanChecks: planned(creates(networkAddress)), ExpectNonEmptyPlan: true,
				ConfigStateChecks: knowns(networkAddress, map[string]knownvalue.Check{
					"status": text("waiting_for_rules"), "status_reason": text("rule " + rule + " is PENDING"), "workspace_status": text("RUNNING"),
				}),
			},
			{
				PreConfig: func() {
					if err := hasNetwork(t, id, theirs, theirPolicy); err != nil {
						t.Error(err)
					}
					accepted(t, s)
				},
				Config: given, ConfigPlanChecks: planned(updates(networkAddress)),
				ConfigStateChecks: knowns(networkAddress, map[string]knownvalue.Check{"status": text("bound"), "status_reason": text("")}),
			},
			{Config: given, ConfigPlanChecks: settled()},
		},
	})
}

func TestWorkspaceNetworkWithNothingToPutBack(t *testing.T) {
	cloud := acctest.Sandbox(t).Databricks()
	_, ours := sharedNetworks(t)
	id := seedTheirWorkspace(t, "")
	plain := networkConfig(id, quoted(ours), ourPolicy)
	former, err := cloud.SeedNCC(unique("former"), "")
	if err != nil {
		t.Fatal(err)
	}
	unchanged := func() {
		if err := hasNetwork(t, id, ours, ourPolicy); err != nil {
			t.Error(err)
		}
	}
	tftest.UnitTest(t, tftest.TestCase{
		ProtoV6ProviderFactories: acctest.Providers(),
		CheckDestroy:             func(*terraform.State) error { return hasNetwork(t, id, ours, theirPolicy) },
		Steps: []tftest.TestStep{
			{Config: plain, ConfigStateChecks: knowns(networkAddress, map[string]knownvalue.Check{"restore_network_connectivity_config_id": knownvalue.Null()})},
			{Config: plain, ConfigPlanChecks: settled()},
			{Config: plain, Destroy: true, ExpectError: said("There is no NCC to put back", "had none before", "Nothing was changed", "Set restore_network_connectivity_config_id")},
			{PreConfig: unchanged, Config: networkConfig(id, quoted(ours), ourPolicy, fmt.Sprintf("restore_network_connectivity_config_id = %q", former))},
			// What is to be put back is deleted meanwhile.
			{
				PreConfig: func() { cloud.ForgetNCC(former) },
				Config:    plain, Destroy: true, ExpectError: said("The NCC to put back does not exist any more", former, "Nothing was changed", "Set restore_network_connectivity_config_id"),
			},
			{PreConfig: unchanged, Config: networkConfig(id, quoted(ours), ourPolicy, fmt.Sprintf("restore_network_connectivity_config_id = %q", ours))},
		},
	})
}

// administrator is the Databricks account as another administrator has it.
func administrator(t *testing.T) *databrickssdk.AccountClient {
	t.Helper()
	cloud := acctest.Sandbox(t).Databricks()
	client, err := databrickssdk.NewAccountClient(&databrickssdk.Config{
		Host: cloud.URL(), AccountID: cloud.AccountID(), ClientID: cloud.ClientID(), ClientSecret: cloud.ClientSecret(), AuthType: "oauth-m2m",
	})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// The policy that a workspace had is deleted while it has ours: the destroy is refused as a whole, until the
// configuration names another one.
func TestWorkspaceNetworkWithAPolicyToPutBackThatIsGone(t *testing.T) {
	cloud := acctest.Sandbox(t).Databricks()
	theirs, ours := sharedNetworks(t)
	id, former := seedTheirWorkspace(t, theirs), unique("former")
	for _, err := range []error{cloud.SeedPolicy(former), cloud.AttachPolicy(id, former)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	plain := networkConfig(id, quoted(ours), ourPolicy)
	tftest.UnitTest(t, tftest.TestCase{
		ProtoV6ProviderFactories: acctest.Providers(),
		CheckDestroy:             func(*terraform.State) error { return hasNetwork(t, id, theirs, defaultPolicy) },
		Steps: []tftest.TestStep{
			{Config: plain, ConfigStateChecks: knowns(networkAddress, map[string]knownvalue.Check{"restore_network_policy_id": text(former)})},
			{
				PreConfig: func() {
					if err := administrator(t).NetworkPolicies.DeleteNetworkPolicyRpc(t.Context(), settings.DeleteNetworkPolicyRequest{NetworkPolicyId: former}); err != nil {
						t.Error(err)
					}
				},
				Config: plain, Destroy: true, ExpectError: said("The network policy to put back does not exist any more", former, "Nothing was changed", "Set restore_network_policy_id", "default-policy"),
			},
			{
				PreConfig: func() {
					if err := hasNetwork(t, id, ours, ourPolicy); err != nil {
						t.Error(err)
					}
				},
				Config: networkConfig(id, quoted(ours), ourPolicy, fmt.Sprintf("restore_network_policy_id = %q", defaultPolicy)), ConfigPlanChecks: planned(updates(networkAddress)),
			},
		},
	})
}

// Several workspaces get one NCC in one apply, up to the most that it may have, while one of them is busy: the one too
// many is refused by name and keeps what it has, and each of the others is bound, repaired and put back by itself.
func TestWorkspaceNetworkOfSeveralWorkspaces(t *testing.T) {
	const most, several = 50, 6
	cloud := acctest.Sandbox(t).Databricks()
	theirs, _ := sharedNetworks(t)
	shared, err := cloud.SeedNCC(unique("shared"), "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cloud.ForgetNCC(shared) })
	for range most - several {
		seedTheirWorkspace(t, shared)
	}
	var ids []int64
	for range several + 1 {
		ids = append(ids, seedTheirWorkspace(t, theirs))
	}
	config := func(ids []int64) string {
		var keys []string
		for _, id := range ids {
			keys = append(keys, fmt.Sprint(id))
		}
		return fmt.Sprintf(`
resource "crosscloudlink_databricks_workspace_network" "test" {
  for_each                       = toset(%s)
  workspace_id                   = tonumber(each.key)
  network_connectivity_config_id = %q
  network_policy_id              = %q
}
`, hcl(keys...), shared, ourPolicy)
	}
	// having are the workspaces that have a network.
	having := func(ncc, policy string) (found []int64) {
		for _, id := range ids {
			if hasNetwork(t, id, ncc, policy) == nil {
				found = append(found, id)
			}
		}
		return found
	}

	s := newStage(t, config(ids))
	output, err := s.tf.Do(t.Context(), arguments(apply)...)
	if err == nil || !said("The workspace's network could not be changed", "is as it was", shared+" has 50 workspaces", "Give another NCC").MatchString(strings.ReplaceAll(output, "│", "")) {
		t.Errorf("with one workspace too many: %v\n%s", err, output)
	}
	bound, left := having(shared, ourPolicy), having(theirs, theirPolicy)
	if len(bound) != several || len(left) != 1 {
		t.Fatalf("of %v, %v are bound, and %v are as they were", ids, bound, left)
	}

	// Without it all is well; one of them is bound elsewhere by hand, and another one refuses for a while.
	for _, problem := range []error{cloud.BindNCC(bound[0], theirs), cloud.AttachPolicy(bound[1], theirPolicy)} {
		if problem != nil {
			t.Fatal(problem)
		}
	}
	cloud.Faults.Add(fault.Rule{
		Method: http.MethodPatch, Path: regexp.MustCompile(fmt.Sprintf("/workspaces/%d$", bound[0])), Times: 2,
		Status: http.StatusBadRequest, Code: "INVALID_STATE", Message: "The workspace is being updated.",
	})
	s.configure(t, config(bound))
	if output := s.do(t, arguments(apply)...); !strings.Contains(output, "0 added, 2 changed, 0 destroyed") {
		t.Errorf("the repair of two has said\n%s", output)
	}
	if got := having(shared, ourPolicy); !slices.Equal(got, bound) {
		t.Errorf("%v are bound, want %v", got, bound)
	}
	s.do(t, "plan", "-detailed-exitcode", "-input=false", "-no-color")

	s.do(t, arguments(destroy)...)
	if got := having(theirs, theirPolicy); !slices.Equal(got, ids) {
		t.Errorf("%v have their network again, want %v", got, ids)
	}
}

func TestWorkspaceNetworkOfAWorkspaceThatIsGone(t *testing.T) {
	theirs, ours := sharedNetworks(t)
	id := seedTheirWorkspace(t, theirs)
	plain := networkConfig(id, quoted(ours), ourPolicy)
	tftest.UnitTest(t, tftest.TestCase{
		ProtoV6ProviderFactories: acctest.Providers(),
		Steps: []tftest.TestStep{
			{Config: plain},
			{
				PreConfig: func() { acctest.Sandbox(t).Databricks().ForgetWorkspace(id) },
				Config:    plain, ExpectError: said("The workspace does not exist", "workspace_id", "=", "Check the id"),
			},
		},
	})
}

func TestDatabricksDataSources(t *testing.T) {
	theirs, _ := sharedNetworks(t)
	id, s, ncc := seedTheirWorkspace(t, theirs), offer(t), sharedNCC(t)
	workspace := func(id int64) string {
		return fmt.Sprintf("data \"crosscloudlink_databricks_workspace\" \"test\" {\n  workspace_id = %d\n}\n", id)
	}
	rule := func(id string) string {
		return fmt.Sprintf("data \"crosscloudlink_databricks_private_endpoint_rule\" \"test\" {\n  network_connectivity_config_id = %q\n  private_endpoint_rule_id       = %q\n}\n", ncc, id)
	}
	ruleID := addRule(t, s) // still CREATING
	failing, err := acctest.Sandbox(t).Databricks().CreateRule(ncc, "com.amazonaws.vpce.us-east-1.vpce-svc-0123456789abcdef0", modelHost)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { acctest.Sandbox(t).Databricks().ForgetRule(failing) })
	tftest.UnitTest(t, tftest.TestCase{
		ProtoV6ProviderFactories: acctest.Providers(),
		Steps: []tftest.TestStep{
			{
				Config: workspace(id) + rule(ruleID),
				ConfigStateChecks: append(knowns("data.crosscloudlink_databricks_workspace.test", map[string]knownvalue.Check{
					"id": text(fmt.Sprint(id)), "account_id": text(databricks.DefaultAccountID), "name": text(fmt.Sprintf("e2e-%d", id)), "region": text("us-east-1"), "status": text("RUNNING"),
					"pricing_tier": text("ENTERPRISE"), "network_connectivity_config_id": text(theirs), "network_policy_id": text(theirPolicy),
				}), knowns("data.crosscloudlink_databricks_private_endpoint_rule.test", map[string]knownvalue.Check{
					"id": text(ncc + "/" + ruleID), "endpoint_service": text(s.name), "domain_names": knownvalue.ListExact([]knownvalue.Check{text(modelHost)}), "connection_state": text("PENDING"),
					"vpc_endpoint_id": knownvalue.StringRegexp(regexp.MustCompile("^vpce-[0-9a-f]+$")), "deactivated": knownvalue.Bool(false), "error_message": text(""),
				})...),
			},
			{Config: workspace(42), ExpectError: said("The workspace does not exist", "workspace_id", "=", "Reading workspace 42")},
			{Config: rule("nope"), ExpectError: said("The private endpoint rule does not exist", "private_endpoint_rule_id", "=", "nope")},
			{Config: rule(failing), ExpectError: said("Databricks could not make the VPC endpoint", "CREATE_FAILED", "private-connectivity-role")},
		},
	})
}

func TestWorkspaceNetworkRefusedAtPlan(t *testing.T) {
	cloud := acctest.Sandbox(t).Databricks()
	theirs, ours := sharedNetworks(t)
	id := seedTheirWorkspace(t, theirs)
	elsewhere, err := cloud.SeedNCC(unique("elsewhere"), "eu-west-1")
	if err != nil {
		t.Fatal(err)
	}
	full, err := cloud.SeedNCC(unique("full"), "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cloud.ForgetNCC(full) })
	for range 50 {
		seedTheirWorkspace(t, full)
	}
	for _, bad := range []struct {
		name, config string
		want         *regexp.Regexp
	}{
		{"workspace that does not exist", networkConfig(42, quoted(ours), ourPolicy),
			said("The workspace does not exist", "workspace_id", "= 42", "Check the id")},
		{"NCC that does not exist", networkConfig(id, quoted("00000000-0000-0000-0000-000000000000"), ourPolicy),
			said("The network connectivity configuration does not exist", "network_connectivity_config_id =", "Check the id")},
		{"NCC of another region", networkConfig(id, quoted(elsewhere), ourPolicy),
			said("The network connectivity configuration is in another region", "network_connectivity_config_id =", "is in eu-west-1", "give an NCC in us-east-1")},
		{"NCC with all the workspaces it may have", networkConfig(id, quoted(full), ourPolicy),
			said("The network connectivity configuration is full", "network_connectivity_config_id =", "50", "Give another NCC in us-east-1")},
		{"rule that does not exist", networkConfig(id, quoted(ours), ourPolicy, `private_endpoint_rule_ids = ["nope"]`),
			said("The private endpoint rule does not exist", "private_endpoint_rule_ids", "=", "has no rule nope", "Write ids of rules of this NCC")},
		{"policy id that is too long", networkConfig(id, quoted(ours), strings.Repeat("p", 33)),
			said("network_policy_id", "must be the id of a network policy: 1 to 32 letters")},
		{"nothing to bind", fmt.Sprintf("resource \"crosscloudlink_databricks_workspace_network\" \"test\" {\n  workspace_id = %d\n}\n", id),
			said("network_connectivity_config_id", "network_policy_id")},
	} {
		t.Run(bad.name, func(t *testing.T) {
			before := len(changes(t))
			tftest.UnitTest(t, tftest.TestCase{ProtoV6ProviderFactories: acctest.Providers(), Steps: []tftest.TestStep{
				{Config: bad.config, PlanOnly: true, ExpectError: bad.want},
			}})
			if made := changes(t)[before:]; len(made) > 0 {
				t.Errorf("the plan has made the changes %v", made)
			}
		})
	}
}

func TestWorkspaceNetworkStruck(t *testing.T) {
	const creating, modifying, destroying = networkAddress + ": Creating...", networkAddress + ": Modifying...", networkAddress + ": Destroying..."
	cloud := acctest.Sandbox(t).Databricks()
	theirs, _ := sharedNetworks(t)
	ours := sharedNCC(t)
	var (
		id int64
		s  service
	)
	// A killed apply loses what was there before, so the configuration names it.
	restores := []string{fmt.Sprintf("restore_network_connectivity_config_id = %q", theirs), fmt.Sprintf("restore_network_policy_id = %q", theirPolicy)}
	set := func(t *testing.T) *stage {
		id = seedTheirWorkspace(t, theirs)
		st := newStage(t, networkConfig(id, quoted(ours), ourPolicy, restores...))
		st.intact = func(t *testing.T) {
			t.Helper()
			if err := hasNetwork(t, id, ours, ourPolicy); err != nil {
				t.Error(err)
			}
		}
		st.gone = func(t *testing.T) {
			t.Helper()
			if err := hasNetwork(t, id, theirs, theirPolicy); err != nil {
				t.Error(err)
			}
		}
		st.saved = func(t *testing.T, state string) {
			t.Helper()
			if hasNetwork(t, id, theirs, theirPolicy) != nil && !strings.Contains(state, fmt.Sprintf("%d", id)) {
				t.Error("the workspace was changed, and the state does not have it")
			}
		}
		return st
	}
	call := func(method, end string) fault.Rule {
		return fault.Rule{Method: method, Path: regexp.MustCompile(fmt.Sprintf("/workspaces/%d%s$", id, end))}
	}
	applied := func(t *testing.T, st *stage) { st.apply(t) }
	holding := func(method, end string, before bool) func(*testing.T, *stage) trap {
		return func(*testing.T, *stage) trap { return hold(&cloud.Faults, call(method, end), before, nil) }
	}
	lookAfter := func(method, end string) func(*testing.T, *stage) trap {
		return func(*testing.T, *stage) trap {
			after := call(method, end)
			return hold(&cloud.Faults, call(http.MethodGet, ""), false, &after)
		}
	}
	// A rule that nobody accepts.
	withRule := func(t *testing.T, st *stage) {
		s = offer(t)
		rule := addedRule(t, s)
		st.configure(t, networkConfig(id, quoted(ours), ourPolicy, append(restores, fmt.Sprintf("private_endpoint_rule_ids = [%q]", rule))...))
	}
	waitingForRule := func(*testing.T, *stage) trap {
		list := fault.Rule{Method: http.MethodGet, Path: regexp.MustCompile(ours + "/private-endpoint-rules$")}
		return trap{release: func(*testing.T) {}, inside: func(t *testing.T, run *tfrun.Run) {
			t.Helper()
			await(t, creating, run.Done(), func() bool { return strings.Contains(run.Output(), creating) })
			seen := len(cloud.Faults.Matching(list))
			await(t, "two looks for the rule", run.Done(), func() bool { return len(cloud.Faults.Matching(list)) >= seen+2 })
		}}
	}
	moved := func(t *testing.T, st *stage) {
		st.configure(t, networkConfig(id, quoted(theirs), defaultPolicy, restores...))
		st.apply(t)
		st.configure(t, networkConfig(id, quoted(ours), ourPolicy, restores...))
	}
	strikeAll(t, set, []moment{
		// Terraform plans twice, and each plan looks.
		{wait: "workspace at first", command: apply, began: creating, arm: func(*testing.T, *stage) trap {
			look := call(http.MethodGet, "")
			look.Skip = 2
			return hold(&cloud.Faults, look, false, nil)
		}},
		{wait: "rule not established", command: apply, began: creating, prepare: withRule, arm: waitingForRule, between: func(t *testing.T, _ *stage) { accepted(t, s) }},
		{wait: "policy on its way", command: apply, began: creating, arm: holding(http.MethodPut, "/network", true)},
		{wait: "policy unanswered", command: apply, began: creating, arm: holding(http.MethodPut, "/network", false)},
		{wait: "binding on its way", command: apply, began: creating, arm: holding(http.MethodPatch, "", true)},
		{wait: "binding unanswered", command: apply, began: creating, arm: holding(http.MethodPatch, "", false)},
		{wait: "workspace after the binding", command: apply, began: creating, arm: lookAfter(http.MethodPatch, "")},
		{wait: "binding in an update", command: apply, began: modifying, prepare: moved, arm: holding(http.MethodPatch, "", false)},
		{wait: "binding back on its way", command: destroy, began: destroying, prepare: applied, arm: holding(http.MethodPatch, "", true)},
		{wait: "binding back unanswered", command: destroy, began: destroying, prepare: applied, arm: holding(http.MethodPatch, "", false)},
		{wait: "policy back unanswered", command: destroy, began: destroying, prepare: applied, arm: holding(http.MethodPut, "/network", false)},
		{wait: "workspace after the binding back", command: destroy, began: destroying, prepare: applied, arm: lookAfter(http.MethodPut, "/network")},
	})
}
