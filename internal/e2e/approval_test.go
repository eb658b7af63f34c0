package e2e_test

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
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
	approvalAddress = "crosscloudlink_databricks_private_endpoint_approval.test"
	// databricksPrincipal is who opens the VPC endpoints of Databricks.
	databricksPrincipal = "arn:aws:iam::565502421330:role/private-connectivity-role-us-east-1"
	modelHost           = "models.openai.azure.com"
)

// service is an endpoint service of ours.
type service struct{ id, name string }

// offer makes an endpoint service that Databricks may connect to.
func offer(t *testing.T) service {
	t.Helper()
	return offerTo(t, databricksPrincipal)
}

// offerTo makes an endpoint service that lets some principals connect.
func offerTo(t *testing.T, principals ...string) service {
	t.Helper()
	c := compute(t)
	made, err := c.CreateVpcEndpointServiceConfiguration(t.Context(), &ec2.CreateVpcEndpointServiceConfigurationInput{
		AcceptanceRequired: aws.Bool(true), NetworkLoadBalancerArns: []string{sharedNetwork(t).balancer},
	})
	if err != nil {
		t.Fatal(err)
	}
	s := service{aws.ToString(made.ServiceConfiguration.ServiceId), aws.ToString(made.ServiceConfiguration.ServiceName)}
	s.allow(t, principals...)
	t.Cleanup(func() {
		for _, r := range rulesTo(t, s) {
			acctest.Sandbox(t).Databricks().ForgetRule(r.ID)
		}
	})
	return s
}

// allow lets principals connect, beside those that may already.
func (s service) allow(t *testing.T, principals ...string) {
	t.Helper()
	_, err := compute(t).ModifyVpcEndpointServicePermissions(t.Context(), &ec2.ModifyVpcEndpointServicePermissionsInput{ServiceId: &s.id, AddAllowedPrincipals: principals})
	if err != nil {
		t.Fatal(err)
	}
}

// connect opens a connection from an AWS account, as a principal of it, and returns its VPC endpoint.
func (s service) connect(t *testing.T, principal, account string) string {
	t.Helper()
	id, err := acctest.Sandbox(t).AWSCloud().CreateVPCEndpoint(s.name, principal, account)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// withdraw deletes an endpoint service, which AWS refuses while anybody is connected.
func withdraw(t *testing.T, s service) error {
	t.Helper()
	out, err := compute(t).DeleteVpcEndpointServiceConfigurations(context.Background(), &ec2.DeleteVpcEndpointServiceConfigurationsInput{ServiceIds: []string{s.id}})
	if err != nil {
		return err
	}
	for _, failed := range out.Unsuccessful {
		return fmt.Errorf("the endpoint service cannot go: %s: %s", aws.ToString(failed.Error.Code), aws.ToString(failed.Error.Message))
	}
	return nil
}

// connections are those to an endpoint service, "endpoint state" each.
func connections(t *testing.T, s service) []string {
	t.Helper()
	out, err := compute(t).DescribeVpcEndpointConnections(context.Background(), &ec2.DescribeVpcEndpointConnectionsInput{
		Filters: []ec2types.Filter{{Name: aws.String("service-id"), Values: []string{s.id}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, c := range out.VpcEndpointConnections {
		found = append(found, aws.ToString(c.VpcEndpointId)+" "+strings.ToLower(string(c.VpcEndpointState)))
	}
	return found
}

func rulesTo(t *testing.T, s service) []databricks.RuleState {
	t.Helper()
	return slices.DeleteFunc(acctest.Sandbox(t).Databricks().Rules(), func(r databricks.RuleState) bool { return r.EndpointService != s.name })
}

var theNCC struct {
	sync.Once
	id  string
	err error
}

// sharedNCC is an NCC for the rules of these tests alone.
func sharedNCC(t *testing.T) string {
	t.Helper()
	cloud := acctest.Sandbox(t).Databricks()
	theNCC.Do(func() { theNCC.id, theNCC.err = cloud.SeedNCC("e2e", "") })
	if theNCC.err != nil {
		t.Fatal(theNCC.err)
	}
	return theNCC.id
}

// addRule is what the Databricks administrator does.
func addRule(t *testing.T, s service) string {
	t.Helper()
	id, err := acctest.Sandbox(t).Databricks().CreateRule(sharedNCC(t), s.name, modelHost)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// addedRule adds a rule and returns once Databricks has opened its connection.
func addedRule(t *testing.T, s service) string {
	t.Helper()
	id := addRule(t, s)
	await(t, "the rule to be PENDING", nil, func() bool {
		return slices.ContainsFunc(rulesTo(t, s), func(r databricks.RuleState) bool { return r.ID == id && r.ConnectionState == "PENDING" })
	})
	return id
}

func approvalConfig(ncc, service string, more ...string) string {
	return fmt.Sprintf(`
resource "crosscloudlink_databricks_private_endpoint_approval" "test" {
  endpoint_service_id            = %s
  network_connectivity_config_id = %q
  %s
}
`, service, ncc, strings.Join(more, "\n  "))
}

func quoted(s string) string { return fmt.Sprintf("%q", s) }

func TestApprovalLifecycle(t *testing.T) {
	ncc, s := sharedNCC(t), offer(t)
	unknown := fmt.Sprintf("resource \"terraform_data\" \"service\" {\n  input = %q\n}\n", s.id) + approvalConfig(ncc, "terraform_data.service.output", "wait_for_rule = false")
	plain := approvalConfig(ncc, quoted(s.id))
	var first, second string
	tftest.UnitTest(t, tftest.TestCase{
		ProtoV6ProviderFactories: acctest.Providers(),
		CheckDestroy:             func(*terraform.State) error { return withdraw(t, s) },
		Steps: []tftest.TestStep{
			// No rule yet: no failure, and an update is planned until the connection is established.
			{
				Config:             unknown,
				ConfigPlanChecks:   planned(creates(approvalAddress), plancheck.ExpectUnknownValue(approvalAddress, tfjsonpath.New("status"))),
				ExpectNonEmptyPlan: true,
				ConfigStateChecks: knowns(approvalAddress, map[string]knownvalue.Check{
					"id": text(ncc + "/" + s.id), "status": text("waiting_for_rule"), "endpoint_service_name": text(s.name), "rule_id": knownvalue.Null(),
				}),
			},
			{
				PreConfig:        func() { first = addRule(t, s) },
				Config:           plain,
				ConfigPlanChecks: planned(updates(approvalAddress)),
				ConfigStateChecks: knowns(approvalAddress, map[string]knownvalue.Check{
					"status": text("established"), "aws_state": text("available"), "connection_state": text("ESTABLISHED"), "vpc_endpoint_owner": text(databricks.OwnerAccountID),
					"domain_names": knownvalue.ListExact([]knownvalue.Check{text(modelHost)}), "vpc_endpoint_id": knownvalue.StringRegexp(regexp.MustCompile("^vpce-[0-9a-f]+$")),
				}),
			},
			{Config: plain, ConfigPlanChecks: settled()},
			{Config: approvalConfig(ncc, quoted(s.id), fmt.Sprintf("allowed_owner_account_ids = [%q]", databricks.OwnerAccountID)), ConfigPlanChecks: planned(updates(approvalAddress))},
			{Config: plain, ConfigPlanChecks: planned(updates(approvalAddress))},
			{ResourceName: approvalAddress, ImportState: true, ImportStateVerify: true, ImportStateIdFunc: func(*terraform.State) (string, error) { return ncc + "/" + first + "/" + s.id, nil }},
			{Config: plain, ResourceName: approvalAddress, ImportState: true, ImportStateKind: tftest.ImportBlockWithID, ImportStateId: ncc + "/" + s.id},
			// Another hand rejects the connection, and the rule never comes back: a new one replaces it.
			{
				PreConfig: func() {
					rules := rulesTo(t, s)
					_, err := compute(t).RejectVpcEndpointConnections(t.Context(), &ec2.RejectVpcEndpointConnectionsInput{ServiceId: &s.id, VpcEndpointIds: []string{rules[0].VPCEndpointID}})
					if err != nil {
						t.Error(err)
					}
					await(t, "the rule to be DISCONNECTED", nil, func() bool { return rulesTo(t, s)[0].ConnectionState == "DISCONNECTED" })
					second = addedRule(t, s)
				},
				Config:           plain,
				ConfigPlanChecks: planned(plancheck.ExpectResourceAction(approvalAddress, plancheck.ResourceActionReplace)),
				ConfigStateChecks: knowns(approvalAddress, map[string]knownvalue.Check{"status": text("established"), "rule_id": knownvalue.StringFunc(func(got string) error {
					if got != second {
						return fmt.Errorf("the rule is %s, want %s", got, second)
					}
					return nil
				})}),
			},
			{Config: plain, ConfigPlanChecks: settled()},
			// Another hand deletes rule and endpoint.
			{
				PreConfig: func() {
					acctest.Sandbox(t).Databricks().ForgetRule(second)
					await(t, "the connection to be gone", nil, func() bool { return len(live(connections(t, s))) == 0 })
					second = addedRule(t, s)
				},
				Config: plain, ConfigPlanChecks: planned(plancheck.ExpectResourceAction(approvalAddress, plancheck.ResourceActionReplace)),
				ConfigStateChecks: knowns(approvalAddress, map[string]knownvalue.Check{"status": text("established")}),
			},
			{Config: plain, ConfigPlanChecks: settled()},
		},
	})
}

// live are the connections that keep their endpoint service from being deleted.
func live(all []string) []string {
	return slices.DeleteFunc(slices.Clone(all), func(c string) bool {
		_, state, _ := strings.Cut(c, " ")
		return state != "available" && state != "pending" && state != "pendingacceptance"
	})
}

// report is what a run printed, in one line: without the frame and the line breaks that Terraform puts in.
func report(output string) string {
	return strings.Join(strings.Fields(strings.NewReplacer("│", " ", "╷", " ", "╵", " ").Replace(output)), " ")
}

// expectReport expects a command of Terraform to end well or not, and to print all of these.
func (s *stage) expectReport(t *testing.T, ends bool, args []string, parts ...string) {
	t.Helper()
	output, err := s.tf.Do(t.Context(), args...)
	if (err == nil) != ends {
		t.Fatalf("terraform %v: %v\n%s", args, err, output)
	}
	for _, part := range parts {
		if !strings.Contains(report(output), part) {
			t.Errorf("nothing says %q in\n%s", part, output)
		}
	}
}

func planArguments(more ...string) []string {
	return append([]string{"plan", "-input=false", "-no-color"}, more...)
}

// A service that does not let Databricks in is warned of at plan, since the same apply may see to it, and refused
// at apply before anything is waited for.
func TestApprovalOfAServiceThatDoesNotAllowDatabricks(t *testing.T) {
	t.Parallel()
	ncc := sharedNCC(t)
	const (
		notLetIn  = "The endpoint service does not let Databricks connect"
		notByName = "The endpoint service does not name Databricks' role"
	)
	t.Run("nobody is allowed", func(t *testing.T) {
		offered := offerTo(t, "arn:aws:iam::111122223333:role/other")
		s := newStage(t, approvalConfig(ncc, quoted(offered.id)))
		s.expectReport(t, true, planArguments(), "Warning: "+notLetIn, "Add "+databricksPrincipal+" to allowed_principals")
		s.expectReport(t, false, arguments(apply), "Error: "+notLetIn, `endpoint_service_id = "`+offered.id+`"`, "allows only arn:aws:iam::111122223333:role/other", "Add "+databricksPrincipal)
		if strings.Contains(s.do(t, "show", "-no-color"), offered.id) {
			t.Error("a refused apply saved something")
		}
		offered.allow(t, databricksPrincipal)
		addRule(t, offered)
		s.apply(t)
		s.expectReport(t, true, planArguments("-detailed-exitcode"), "No changes")
		s.do(t, arguments(destroy)...)
		if err := withdraw(t, offered); err != nil {
			t.Error(err)
		}
	})
	t.Run("everybody is allowed", func(t *testing.T) {
		offered := offerTo(t, "*")
		s := newStage(t, approvalConfig(ncc, quoted(offered.id)))
		s.expectReport(t, true, planArguments(), "Warning: "+notByName, databricksPrincipal)
		failed := addRule(t, offered)
		await(t, "the rule to fail", nil, func() bool { return rulesTo(t, offered)[0].ConnectionState == "CREATE_FAILED" })
		s.expectReport(t, false, arguments(apply), "Warning: "+notByName, "Error: The private endpoint rule can no longer be used", "CREATE_FAILED", "NOT_FOUND", databricksPrincipal, "deleted and added again")
		offered.allow(t, databricksPrincipal)
		acctest.Sandbox(t).Databricks().ForgetRule(failed)
		addRule(t, offered)
		s.apply(t)
		s.do(t, arguments(destroy)...)
		if err := withdraw(t, offered); err != nil {
			t.Error(err)
		}
	})
}

// Of several connections to one service, exactly the one that the rule names is accepted, and later rejected.
func TestApprovalAmongConnectionsOfOthers(t *testing.T) {
	t.Parallel()
	const stranger = "111122223333"
	ncc, offered := sharedNCC(t), offerTo(t, databricksPrincipal, "arn:aws:iam::"+stranger+":root")
	strangers := func() string { return offered.connect(t, "arn:aws:iam::"+stranger+":role/any", stranger) }
	waiting, accepted := strangers(), strangers()
	// Another customer's endpoint comes from the same account of Databricks.
	customers := offered.connect(t, databricksPrincipal, databricks.OwnerAccountID)
	if _, err := compute(t).AcceptVpcEndpointConnections(t.Context(), &ec2.AcceptVpcEndpointConnectionsInput{ServiceId: &offered.id, VpcEndpointIds: []string{accepted}}); err != nil {
		t.Fatal(err)
	}
	theirs := []string{waiting + " pendingacceptance", accepted + " available", customers + " pendingacceptance"}
	await(t, "the accepted connection to be available", nil, func() bool { return slices.Equal(connections(t, offered), theirs) })

	s := newStage(t, approvalConfig(ncc, quoted(offered.id)))
	addedRule(t, offered)
	ours := rulesTo(t, offered)[0].VPCEndpointID
	s.apply(t)
	if got, want := connections(t, offered), append(slices.Clone(theirs), ours+" available"); !slices.Equal(got, want) {
		t.Errorf("approved, the connections are %v, want %v", got, want)
	}
	s.do(t, planArguments("-detailed-exitcode")...)
	s.do(t, arguments(destroy)...)
	if got, want := connections(t, offered), append(slices.Clone(theirs), ours+" rejected"); !slices.Equal(got, want) {
		t.Errorf("destroyed, the connections are %v, want %v", got, want)
	}
	if err := withdraw(t, offered); err == nil {
		t.Error("the endpoint service went, with others connected to it")
	}

	// Nor is a given endpoint of theirs accepted.
	for endpoint, why := range map[string]string{waiting: stranger, ours: "It never comes back"} {
		given := newStage(t, fmt.Sprintf("resource \"crosscloudlink_databricks_private_endpoint_approval\" \"test\" {\n  endpoint_service_id = %q\n  vpc_endpoint_id = %q\n}\n", offered.id, endpoint))
		given.expectReport(t, false, arguments(apply), why)
	}
	if got := connections(t, offered)[:len(theirs)]; !slices.Equal(got, theirs) {
		t.Errorf("refused, the connections are %v, want %v", got, theirs)
	}
}

// The death of a connection shows in the next plan, with what to do; a new rule is taken up.
func TestApprovalWhoseConnectionDies(t *testing.T) {
	t.Parallel()
	cloud := acctest.Sandbox(t).Databricks()
	for name, death := range map[string]struct {
		strike func(t *testing.T, offered service, rule databricks.RuleState)
		says   []string
	}{
		"rejected in AWS": {
			strike: func(t *testing.T, offered service, rule databricks.RuleState) {
				t.Helper()
				if _, err := compute(t).RejectVpcEndpointConnections(t.Context(), &ec2.RejectVpcEndpointConnectionsInput{ServiceId: &offered.id, VpcEndpointIds: []string{rule.VPCEndpointID}}); err != nil {
					t.Fatal(err)
				}
				await(t, "the rule to be DISCONNECTED", nil, func() bool { return rulesTo(t, offered)[0].ConnectionState == "DISCONNECTED" })
			},
			says: []string{"DISCONNECTED", "is rejected in AWS"},
		},
		"deleted in Databricks": {
			strike: func(t *testing.T, _ service, rule databricks.RuleState) { t.Helper(); cloud.ForgetRule(rule.ID) },
			says:   []string{"does not exist any more"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			offered := offer(t)
			s := newStage(t, approvalConfig(sharedNCC(t), quoted(offered.id)))
			addRule(t, offered)
			s.apply(t)
			death.strike(t, offered, rulesTo(t, offered)[0])
			s.expectReport(t, true, planArguments(), append(death.says,
				"Warning: The private endpoint rule can no longer be used", "It never comes back. Have the rule deleted and added again", "must be replaced")...)
			second := addedRule(t, offered)
			s.apply(t)
			rules := rulesTo(t, offered)
			last := rules[len(rules)-1]
			if last.ID != second || last.ConnectionState != "ESTABLISHED" {
				t.Errorf("the rules are %+v", rules)
			}
			s.do(t, planArguments("-detailed-exitcode")...)
			s.do(t, arguments(destroy)...)
			if err := withdraw(t, offered); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestApprovalStruck(t *testing.T) {
	t.Parallel()
	const (
		creating, modifying, destroying = approvalAddress + ": Creating...", approvalAddress + ": Modifying...", approvalAddress + ": Destroying..."
		accepting, rejecting            = "ec2:AcceptVpcEndpointConnections", "ec2:RejectVpcEndpointConnections"
		looking                         = "ec2:DescribeVpcEndpointConnections"
	)
	cloud, ncc := acctest.Sandbox(t).Databricks(), sharedNCC(t)
	oneRule := regexp.MustCompile(ncc + "/private-endpoint-rules/.")
	allRules := regexp.MustCompile(ncc + "/private-endpoint-rules$")
	var offered service
	set := func(t *testing.T) *stage {
		offered = offer(t)
		s := newStage(t, approvalConfig(ncc, quoted(offered.id)))
		s.intact = func(t *testing.T) {
			t.Helper()
			rules, found := rulesTo(t, offered), connections(t, offered)
			if len(rules) != 1 || rules[0].ConnectionState != "ESTABLISHED" || !slices.Equal(found, []string{rules[0].VPCEndpointID + " available"}) {
				t.Fatalf("the rules are %+v, the connections %v", rules, found)
			}
		}
		s.gone = func(t *testing.T) {
			t.Helper()
			if err := withdraw(t, offered); err != nil {
				t.Error(err)
			}
		}
		s.saved = func(t *testing.T, state string) {
			t.Helper()
			for _, c := range live(connections(t, offered)) {
				id, connection, _ := strings.Cut(c, " ")
				if connection != "pendingacceptance" && !strings.Contains(state, id) {
					t.Errorf("the connection %s was accepted, and the state does not have it", c)
				}
			}
		}
		return s
	}
	ruleAdded := func(t *testing.T, _ *stage) { addedRule(t, offered) }
	approved := func(t *testing.T, s *stage) { addedRule(t, offered); s.apply(t) }
	holding := func(operation string, before bool) func(*testing.T, *stage) trap {
		return func(t *testing.T, s *stage) trap { return s.hold(t, fault.Rule{Operation: operation}, before, nil) }
	}
	lookAfter := func(operation string, skip int) func(*testing.T, *stage) trap {
		return func(t *testing.T, s *stage) trap {
			return s.hold(t, fault.Rule{Operation: looking, Skip: skip}, false, &fault.Rule{Operation: operation})
		}
	}
	// stays is inside a wait that nothing ends: it has looked twice for a rule since it began.
	stays := func(began string) func(*testing.T, *tfrun.Run) {
		return func(t *testing.T, run *tfrun.Run) {
			t.Helper()
			await(t, began, run.Done(), func() bool { return strings.Contains(run.Output(), began) })
			asked := func() int {
				return len(cloud.Faults.Matching(fault.Rule{Method: http.MethodGet, Path: allRules}))
			}
			seen := asked()
			await(t, "two looks for the rule", run.Done(), func() bool { return asked() >= seen+2 })
		}
	}
	waiting := func(began string) func(*testing.T, *stage) trap {
		return func(*testing.T, *stage) trap { return trap{inside: stays(began), release: func(*testing.T) {}} }
	}
	strikeAll(t, set, []moment{
		{wait: "no rule yet", command: apply, began: creating, arm: waiting(creating), between: ruleAdded},
		{wait: "no rule yet in an update", command: apply, began: modifying, between: ruleAdded, arm: waiting(modifying),
			prepare: func(t *testing.T, s *stage) {
				s.configure(t, approvalConfig(ncc, quoted(offered.id), "wait_for_rule = false"))
				s.apply(t)
				s.configure(t, approvalConfig(ncc, quoted(offered.id)))
			}},
		{wait: "no endpoint yet", command: apply, began: creating, arm: func(*testing.T, *stage) trap {
			// The rule appears with the first look, and keeps looking as it did then.
			cloud.Faults.Add(fault.Rule{Method: http.MethodGet, Path: allRules, Before: func() { _, _ = cloud.CreateRule(ncc, offered.name, modelHost) }},
				fault.Rule{Method: http.MethodGet, Path: allRules, Times: -1, Stale: true})
			return trap{inside: stays(creating), release: func(*testing.T) { cloud.Faults.Clear() }}
		}},
		{wait: "acceptance on its way", command: apply, began: creating, prepare: ruleAdded, arm: holding(accepting, true)},
		{wait: "acceptance unanswered", command: apply, began: creating, prepare: ruleAdded, arm: holding(accepting, false)},
		{wait: "reading the acceptance back", command: apply, began: creating, prepare: ruleAdded, arm: lookAfter(accepting, 0)},
		{wait: "AWS after the acceptance", command: apply, began: creating, prepare: ruleAdded, arm: lookAfter(accepting, 1)},
		{wait: "Databricks after the acceptance", command: apply, began: creating, prepare: ruleAdded, arm: func(t *testing.T, s *stage) trap {
			// The read of the rule by its id begins with the wait for both sides.
			return hold(&cloud.Faults, fault.Rule{Method: http.MethodGet, Path: oneRule}, false, nil)
		}},
		{wait: "rejection on its way", command: destroy, began: destroying, prepare: approved, arm: holding(rejecting, true)},
		{wait: "rejection unanswered", command: destroy, began: destroying, prepare: approved, arm: holding(rejecting, false)},
		{wait: "closing after the rejection", command: destroy, began: destroying, prepare: approved, arm: lookAfter(rejecting, 0)},
	})
}
