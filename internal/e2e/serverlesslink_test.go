package e2e_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/ec2"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/acctest"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/databricks"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/tfrun"
)

// serverlessLinkConfig is a root module around modules/databricks-serverless-link. The
// module waits for a resource, as one does that another module's depends_on holds back.
func serverlessLinkConfig(inputs ...string) string {
	return fmt.Sprintf(`
terraform {
  required_providers {
    databricks     = { source = "databricks/databricks" }
    crosscloudlink = { source = "crosscloudlink/crosscloudlink" }
  }
}

variable "before" {
  default = "1"
}

variable "service" {
  type = string
}

variable "domain_names" {
  type    = list(string)
  default = [%q]
}

variable "policy" {
  type    = string
  default = null
}

variable "name" {
  type = string
}

variable "wait" {
  type    = bool
  default = true
}

variable "mode" {
  default = "ENFORCED"
}

variable "rule" {
  type    = string
  default = null
}

resource "terraform_data" "before" {
  input = var.before
}

module "link" {
  source = "../../modules/databricks-serverless-link"

  name                  = var.name
  endpoint_service_name = var.service
  domain_names          = var.domain_names
  network_policy_id     = var.policy
  enforcement_mode      = var.mode

  private_endpoint_rule_id = var.rule
  %s

  depends_on = [terraform_data.before]
}

output "link" {
  value = module.link
}
`, modelHost, strings.Join(inputs, "\n  "))
}

const (
	linkNCC       = "module.link.databricks_mws_network_connectivity_config.this[0]"
	linkRule      = "module.link.databricks_mws_ncc_private_endpoint_rule.this[0]"
	linkApproval  = "module.link.crosscloudlink_databricks_private_endpoint_approval.this[0]"
	linkPolicy    = "module.link.databricks_account_network_policy.this"
	linkWorkspace = "module.link.crosscloudlink_databricks_workspace_network.this"
)

// serverlessLink is such a root module, with the workspace it binds.
type serverlessLink struct {
	t *testing.T
	tfrun.Terraform
	workspace int64
	ncc       string // that the workspace had before
	name      string
}

// newServerlessLink makes a workspace with an NCC of its own; "%d" in an input stands for
// the workspace's id and "%s" for that of its NCC.
func newServerlessLink(t *testing.T, s service, env []string, inputs ...string) *serverlessLink {
	t.Helper()
	cloud := acctest.Sandbox(t).Databricks()
	l := &serverlessLink{t: t, workspace: 5_000_000_000_000_000 + sequence.Add(1), name: unique("link")}
	var err error
	if l.ncc, err = cloud.SeedNCC(unique("before"), ""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cloud.ForgetNCC(l.ncc) })
	if err := cloud.SeedWorkspace(databricks.Workspace{ID: l.workspace, Name: l.name, NCCID: l.ncc}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cloud.ForgetWorkspace(l.workspace) })
	for i, input := range inputs {
		inputs[i] = strings.NewReplacer("%d", fmt.Sprint(l.workspace), "%s", l.ncc).Replace(input)
	}
	env = append([]string{"TF_VAR_name=" + l.name, "TF_VAR_service=" + s.name}, env...)
	l.Terraform = acctest.Config(t, acctest.Sandbox(t), serverlessLinkConfig(inputs...), env...)
	return l
}

func (l *serverlessLink) run(command string, args ...string) {
	l.t.Helper()
	if _, err := l.Do(l.t.Context(), append(arguments(command), args...)...); err != nil {
		l.t.Fatal(err)
	}
}

// wantPlan compares the changes of a plan, "update ADDRESS" each, outputs left out.
func (l *serverlessLink) wantPlan(args []string, want ...string) {
	l.t.Helper()
	planned, err := l.Plan(l.t.Context(), args...)
	if err != nil {
		l.t.Fatal(err)
	}
	got := []string{}
	for _, c := range planned {
		if len(want) == 0 || !strings.HasPrefix(c.Address, "output.") {
			got = append(got, strings.Join(c.Actions, " ")+" "+c.Address)
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		l.t.Errorf("the plan changes %q, want %q", got, want)
	}
}

// linkOutputs are the outputs of the module that the tests look at.
type linkOutputs struct {
	NCC             string  `json:"network_connectivity_config_id"`
	Rule            string  `json:"private_endpoint_rule_id"`
	Endpoint        string  `json:"vpc_endpoint_id"`
	ConnectionState string  `json:"connection_state"`
	ApprovalStatus  *string `json:"approval_status"`
	Policy          *string `json:"network_policy_id"`
	Region          string  `json:"region"`
	Workspaces      map[string]struct {
		Status        string `json:"status"`
		RestoreNCC    string `json:"restore_network_connectivity_config_id"`
		RestorePolicy string `json:"restore_network_policy_id"`
	} `json:"workspaces"`
}

func (l *serverlessLink) outputs() linkOutputs {
	l.t.Helper()
	text, err := l.Do(l.t.Context(), "output", "-json", "link")
	if err != nil {
		l.t.Fatal(err)
	}
	var out linkOutputs
	if err := json.Unmarshal([]byte(text), &out); err != nil {
		l.t.Fatal(err)
	}
	return out
}

func (l *serverlessLink) status() string {
	l.t.Helper()
	return l.outputs().Workspaces[fmt.Sprint(l.workspace)].Status
}

// wantNetwork checks what the workspace has.
func (l *serverlessLink) wantNetwork(ncc, policy string) {
	l.t.Helper()
	gotNCC, gotPolicy, ok := acctest.Sandbox(l.t).Databricks().WorkspaceNetwork(l.workspace)
	if !ok || gotNCC != ncc || gotPolicy != policy {
		l.t.Errorf("the workspace has %s and %s, want %s and %s", gotNCC, gotPolicy, ncc, policy)
	}
}

// wantConnected checks that one rule leads to a service, established and accepted.
func wantConnected(t *testing.T, s service) databricks.RuleState {
	t.Helper()
	rules := slices.DeleteFunc(rulesTo(t, s), func(r databricks.RuleState) bool { return r.Deactivated })
	if len(rules) != 1 || rules[0].ConnectionState != "ESTABLISHED" || !slices.Equal(live(connections(t, s)), []string{rules[0].VPCEndpointID + " available"}) {
		t.Fatalf("the rules are %+v, the connections %v", rules, connections(t, s))
	}
	return rules[0]
}

// linksLeft are the objects of the account that bear a name.
func linksLeft(t *testing.T, name string) []string {
	t.Helper()
	cloud := acctest.Sandbox(t).Databricks()
	var out []string
	for _, ncc := range cloud.NCCs() {
		out = append(out, "NCC "+ncc)
	}
	for _, policy := range cloud.Policies() {
		out = append(out, "policy "+policy)
	}
	return slices.DeleteFunc(out, func(object string) bool { return !strings.Contains(object, name) })
}

func TestServerlessLinkLife(t *testing.T) {
	first, second := offer(t), offer(t)
	l := newServerlessLink(t, first, nil, "workspace_ids = [%d]")
	network := fmt.Sprintf("%s[\"%d\"]", linkWorkspace, l.workspace)
	policy := func(id string) string { return fmt.Sprintf("%s[%q]", linkPolicy, id) }

	l.run(apply)
	made := l.outputs()
	rule := wantConnected(t, first)
	l.wantNetwork(made.NCC, l.name)
	bound := made.Workspaces[fmt.Sprint(l.workspace)]
	if bound.Status != "bound" || bound.RestoreNCC != l.ncc || bound.RestorePolicy != "default-policy" {
		t.Errorf("the workspace is %+v", bound)
	}
	if made.Rule != rule.ID || made.Endpoint != rule.VPCEndpointID || made.ConnectionState != "ESTABLISHED" || *made.ApprovalStatus != "established" || made.Region != "us-east-1" {
		t.Errorf("the outputs are %+v", made)
	}
	l.wantPlan(nil)

	// A change of what the module depends on puts off the reading of its data sources, and replaces nothing.
	l.wantPlan([]string{"-var=before=2"}, "update terraform_data.before")
	l.run(apply, "-var=before=2")
	l.run(apply)

	args := []string{`-var=domain_names=["models.openai.azure.com","models-eu.openai.azure.com"]`, "-var=mode=DRY_RUN"}
	l.wantPlan(args, "update "+linkRule, "update "+policy(l.name))
	l.run(apply, args...)
	if got := wantConnected(t, first); got.ID != rule.ID || len(got.Domains) != 2 {
		t.Errorf("the rule is %+v", got)
	}
	l.wantPlan(args)

	// Another id is another policy, which the workspace must be under before the former can go.
	renamed := l.name + ".2"
	args = append(args, "-var=policy="+renamed)
	l.wantPlan(args, "create "+policy(renamed), "delete "+policy(l.name), "update "+network)
	l.run(apply, args...)
	l.wantNetwork(made.NCC, renamed)
	l.wantPlan(args)

	// Another endpoint service: the former can be deleted then.
	args = append(args, "-var=service="+second.name)
	l.wantPlan(args, "delete create "+linkApproval, "delete create "+linkRule, "update "+network)
	l.run(apply, args...)
	wantConnected(t, second)
	if err := withdraw(t, first); err != nil {
		t.Error(err)
	}
	l.wantPlan(args)

	// Another name: another NCC and another policy, which the workspace must have before the former can go.
	former, renamed := renamed, l.name+"-b"
	args = append(slices.DeleteFunc(args, func(arg string) bool { return strings.HasPrefix(arg, "-var=policy=") }), "-var=name="+renamed)
	l.wantPlan(args, "create delete "+linkNCC, "delete create "+linkApproval, "delete create "+linkRule,
		"create "+policy(renamed), "delete "+policy(former), "update "+network)
	l.run(apply, args...)
	l.wantNetwork(l.outputs().NCC, renamed)
	if got := linksLeft(t, l.name); !slices.Equal(got, []string{"NCC " + renamed, "policy " + renamed}) {
		t.Errorf("there are %v", got)
	}
	l.wantPlan(args)

	// A connection that another hand rejects is lost for good; a new rule is asked for.
	rule = wantConnected(t, second)
	if _, err := compute(t).RejectVpcEndpointConnections(t.Context(), &ec2.RejectVpcEndpointConnectionsInput{ServiceId: &second.id, VpcEndpointIds: []string{rule.VPCEndpointID}}); err != nil {
		t.Fatal(err)
	}
	await(t, "the rule to be DISCONNECTED", nil, func() bool {
		return slices.ContainsFunc(rulesTo(t, second), func(r databricks.RuleState) bool { return r.ID == rule.ID && r.ConnectionState == "DISCONNECTED" })
	})
	out, err := l.Do(t.Context(), append([]string{"plan", "-input=false", "-no-color"}, args...)...)
	if err == nil || !said("is DISCONNECTED, and never comes back", "-replace=ADDRESS").MatchString(strings.ReplaceAll(out, "│", "")) {
		t.Errorf("the plan does not say what to do: %v", err)
	}
	l.run(apply, append(args, "-replace="+linkRule)...)
	if got := wantConnected(t, second); got.ID == rule.ID {
		t.Error("the rule is the same")
	}
	l.wantPlan(args)

	l.run(destroy, args...)
	l.wantNetwork(l.ncc, "default-policy")
	if left := linksLeft(t, l.name); len(left) > 0 {
		t.Errorf("destroy left %v", left)
	}
	if err := withdraw(t, second); err != nil {
		t.Error(err)
	}
}

// TestServerlessLinkAcceptedByOthers applies without any right in AWS.
func TestServerlessLinkAcceptedByOthers(t *testing.T) {
	s := offer(t)
	l := newServerlessLink(t, s, []string{"AWS_ACCESS_KEY_ID=", "AWS_SECRET_ACCESS_KEY="},
		"workspace_ids = [%d]", "accept_connection = false", "wait_for_acceptance = var.wait", `proxy_status = "in_service"`)
	network := fmt.Sprintf("%s[\"%d\"]", linkWorkspace, l.workspace)

	accept := func(endpoint string) {
		t.Helper()
		if _, err := compute(t).AcceptVpcEndpointConnections(t.Context(), &ec2.AcceptVpcEndpointConnectionsInput{ServiceId: &s.id, VpcEndpointIds: []string{endpoint}}); err != nil {
			t.Fatal(err)
		}
	}
	wantBound := func() {
		t.Helper()
		bound := l.outputs()
		if l.status() != "bound" || bound.ConnectionState != "ESTABLISHED" {
			t.Errorf("the outputs are %+v", bound)
		}
		l.wantNetwork(bound.NCC, l.name)
	}
	wantAsBefore := func() {
		t.Helper()
		l.wantNetwork(l.ncc, "default-policy")
		if left := linksLeft(t, l.name); len(left) > 0 {
			t.Errorf("destroy left %v", left)
		}
	}
	const goingOn = "-var=wait=false"

	l.run(apply, goingOn)
	if status := l.status(); status != "waiting_for_rules" {
		t.Errorf("the workspace is %s", status)
	}
	l.wantNetwork(l.ncc, "default-policy")
	handedOver := l.outputs()
	if !slices.Equal(connections(t, s), []string{handedOver.Endpoint + " pendingacceptance"}) || handedOver.ApprovalStatus != nil {
		t.Fatalf("the outputs are %+v, the connections %v", handedOver, connections(t, s))
	}
	l.wantPlan([]string{goingOn}, "update "+network)
	accept(handedOver.Endpoint)
	await(t, "the rule to be ESTABLISHED", nil, func() bool { return rulesTo(t, s)[0].ConnectionState == "ESTABLISHED" })
	l.run(apply, goingOn)
	wantBound()
	l.wantPlan([]string{goingOn})
	l.run(destroy, goingOn)
	wantAsBefore()

	// The same in one apply, which waits while the other team accepts.
	waiting, err := l.Start(t.Context(), nil, arguments(apply)...)
	if err != nil {
		t.Fatal(err)
	}
	pending := func() string {
		for _, r := range rulesTo(t, s) {
			if r.ConnectionState == "PENDING" {
				return r.VPCEndpointID
			}
		}
		return ""
	}
	await(t, "the rule to be PENDING", waiting.Done(), func() bool { return pending() != "" })
	accept(pending())
	if _, err := waiting.Wait(); err != nil {
		t.Fatal(err)
	}
	wantBound()
	l.wantPlan(nil)
	l.run(destroy)
	wantAsBefore()
}

// TestServerlessLinkOfExisting uses the NCC that the workspace is bound to, with a rule that
// is there, and leaves both, and the workspace's policy, as they were.
func TestServerlessLinkOfExisting(t *testing.T) {
	s := offer(t)
	l := newServerlessLink(t, s, nil, "workspace_ids = [%d]", `network_connectivity_config_id = "%s"`, "create_network_policy = false")
	cloud := acctest.Sandbox(t).Databricks()
	ruleID, err := cloud.CreateRule(l.ncc, s.name, modelHost)
	if err != nil {
		t.Fatal(err)
	}
	l.Env = append(l.Env, "TF_VAR_rule="+ruleID)
	l.run(apply)
	if rule := wantConnected(t, s); rule.ID != ruleID {
		t.Errorf("the rule is %+v", rule)
	}
	l.wantNetwork(l.ncc, "default-policy")
	if got := l.outputs(); got.Policy != nil || got.Rule != ruleID || l.status() != "bound" {
		t.Errorf("the outputs are %+v", got)
	}
	l.wantPlan(nil)
	out, err := l.Do(t.Context(), "plan", "-input=false", "-no-color", `-var=domain_names=["other.openai.azure.com"]`)
	if err == nil || !said("does not lead to other.openai.azure.com").MatchString(strings.ReplaceAll(out, "│", "")) {
		t.Errorf("names that the rule does not lead to are planned: %v", err)
	}
	l.run(destroy)
	l.wantNetwork(l.ncc, "default-policy")
	if rules := rulesTo(t, s); len(rules) != 1 || rules[0].Deactivated {
		t.Errorf("the rules are %+v", rules)
	}
}

// TestServerlessLinkBeforeItsWorkspaces makes everything but the binding, without the
// account's id, and updates the policy in place all the same; with the stock rule's other
// implementation.
func TestServerlessLinkBeforeItsWorkspaces(t *testing.T) {
	s := offer(t)
	l := newServerlessLink(t, s, []string{"DATABRICKS_TF_ENABLED_PF_RESOURCES=databricks_mws_ncc_private_endpoint_rule"}, "workspace_ids = []", `region = "us-east-1"`)
	l.run(apply)
	wantConnected(t, s)
	l.wantPlan(nil)
	l.wantPlan([]string{"-var=mode=DRY_RUN"}, fmt.Sprintf("update %s[%q]", linkPolicy, l.name))
	l.run(apply, "-var=mode=DRY_RUN")
	l.wantPlan([]string{"-var=mode=DRY_RUN"})
	l.run(destroy)
	if left := linksLeft(t, l.name); len(left) > 0 {
		t.Errorf("destroy left %v", left)
	}
}
