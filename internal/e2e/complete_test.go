package e2e_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/acctest"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/azure"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/databricks"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/tfrun"
)

// stack is a root module with the variables that were written for it so far.
type stack struct {
	t *testing.T
	tfrun.Terraform
	variables map[string]any
}

// newStack copies an example; only variables of the environment that begin with one of the
// prefixes lead its runs to a cloud.
func newStack(t *testing.T, sb *sandbox.Sandbox, folder string, clouds ...string) *stack {
	t.Helper()
	s := &stack{t: t, Terraform: acctest.Root(t, sb, folder), variables: map[string]any{}}
	s.Env = slices.DeleteFunc(slices.Clone(s.Env), func(variable string) bool {
		ofCloud := slices.ContainsFunc([]string{"AWS_", "ARM_", "AZURE_", "DATABRICKS_"}, func(prefix string) bool { return strings.HasPrefix(variable, prefix) })
		return ofCloud && !slices.ContainsFunc(clouds, func(prefix string) bool { return strings.HasPrefix(variable, prefix) })
	})
	return s
}

// write sets variables, in a file as a person would; nil leaves a variable out.
func (s *stack) write(variables map[string]any) {
	s.t.Helper()
	maps.Copy(s.variables, variables)
	text, err := json.Marshal(s.variables)
	if err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(s.Dir, "test.auto.tfvars.json"), text, 0o600); err != nil {
		s.t.Fatal(err)
	}
}

func (s *stack) run(command string, args ...string) {
	s.t.Helper()
	if _, err := s.Do(s.t.Context(), append(arguments(command), args...)...); err != nil {
		s.t.Fatal(err)
	}
}

// outputs are the state's outputs, decoded.
func (s *stack) outputs() map[string]any {
	s.t.Helper()
	text, err := s.Do(s.t.Context(), "output", "-json")
	if err != nil {
		s.t.Fatal(err)
	}
	var raw map[string]struct{ Value any }
	if err := json.Unmarshal([]byte(text), &raw); err != nil {
		s.t.Fatal(err)
	}
	out := map[string]any{}
	for name, output := range raw {
		out[name] = output.Value
	}
	return out
}

// settled checks that a plan has nothing to do.
func (s *stack) settled() {
	s.t.Helper()
	if planned, err := s.Plan(s.t.Context()); err != nil || len(planned) > 0 {
		s.t.Fatalf("a second plan of %s: %v, %v", filepath.Base(s.Dir), planned, err)
	}
}

// refused checks that a command ends with an error that says this.
func (s *stack) refused(command []string, parts ...string) {
	s.t.Helper()
	out, err := s.Do(s.t.Context(), command...)
	if err == nil {
		s.t.Errorf("terraform %s was not refused", command[0])
	} else if !said(parts...).MatchString(strings.ReplaceAll(out, "│", "")) {
		s.t.Errorf("the error does not say %q", parts)
	}
}

func planning(args ...string) []string {
	return append([]string{"plan", "-input=false", "-no-color"}, args...)
}

// before is what of the clouds a destroy must leave as it was.
type before struct {
	sandbox     *sandbox.Sandbox
	azure       []string
	nccs        map[string]string
	policies    []string
	ncc, policy string
}

func lookBefore(t *testing.T, sb *sandbox.Sandbox) before {
	t.Helper()
	b := before{sandbox: sb, azure: sb.Azure().LeftOvers(), nccs: sb.Databricks().NCCs(), policies: sb.Databricks().Policies()}
	b.ncc, b.policy, _ = sb.Databricks().WorkspaceNetwork(sb.World.WorkspaceID)
	return b
}

// intact checks that all is as it was before.
func (b before) intact(t *testing.T) {
	t.Helper()
	left, err := b.sandbox.AWS().LeftOvers(t.Context())
	if err != nil || len(left) > 0 {
		t.Errorf("left in AWS: %v, %v", left, err)
	}
	if now := b.sandbox.Azure().LeftOvers(); !slices.Equal(now, b.azure) {
		t.Errorf("in Azure there is %q, and there was %q", now, b.azure)
	}
	b.databricksIntact(t)
}

func (b before) databricksIntact(t *testing.T) {
	t.Helper()
	cloud := b.sandbox.Databricks()
	if nccs, policies := cloud.NCCs(), cloud.Policies(); !maps.Equal(nccs, b.nccs) || !slices.Equal(policies, b.policies) {
		t.Errorf("Databricks has the NCCs %v and policies %v, and had %v and %v", nccs, policies, b.nccs, b.policies)
	}
	if ncc, policy, _ := cloud.WorkspaceNetwork(b.sandbox.World.WorkspaceID); ncc != b.ncc || policy != b.policy {
		t.Errorf("the workspace has %s and %s, and had %s and %s", ncc, policy, b.ncc, b.policy)
	}
}

// accountOf is the account as Azure has it.
func accountOf(t *testing.T, sb *sandbox.Sandbox, id any) azure.AccountState {
	t.Helper()
	state, ok := sb.Azure().State(fmt.Sprint(id))
	if !ok {
		t.Fatalf("there is no account %v", id)
	}
	return state
}

// sorted are the strings of an output.
func sorted(output any) []string {
	var out []string
	list, _ := output.([]any)
	for _, element := range list {
		out = append(out, fmt.Sprint(element))
	}
	slices.Sort(out)
	return out
}

// wantLink checks that the workspace's queries are led to the endpoint service, by a connection
// that both clouds know.
func wantLink(t *testing.T, sb *sandbox.Sandbox, ncc, policy, service any) {
	t.Helper()
	gotNCC, gotPolicy, _ := sb.Databricks().WorkspaceNetwork(sb.World.WorkspaceID)
	if gotNCC != ncc || gotPolicy != policy {
		t.Errorf("the workspace has %s and %s, want %v and %v", gotNCC, gotPolicy, ncc, policy)
	}
	if !slices.ContainsFunc(sb.Databricks().Rules(), func(r databricks.RuleState) bool {
		return r.NCCID == ncc && r.EndpointService == service && r.ConnectionState == "ESTABLISHED" && slices.Equal(r.Domains, []string{sb.World.AzureHostname})
	}) {
		t.Errorf("no established rule leads to %v: %+v", service, sb.Databricks().Rules())
	}
}

// TestCompleteExample applies examples/complete as a user does, from a workspace to the link
// and back. Beside it other tests may run: most of it is waiting for load balancers and deletions.
func TestCompleteExample(t *testing.T) {
	t.Parallel()
	sb := acctest.OwnSandbox(t, sandbox.SeedWorkspace)
	s := newStack(t, sb, "examples/complete", "AWS_", "ARM_", "DATABRICKS_")
	was := lookBefore(t, sb)

	planned, err := s.Plan(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	resources := 0
	for _, change := range planned {
		if !strings.HasPrefix(change.Address, "output.") {
			resources++
		}
		if !slices.Equal(change.Actions, []string{"create"}) {
			t.Errorf("the first plan means to %v %s", change.Actions, change.Address)
		}
	}
	if resources != 67 {
		t.Errorf("the plan has %d resources, and the README says 67", resources)
	}

	s.run("apply", tfrun.PlanFile)
	out := s.outputs()
	if out["status"] != "ready" || out["proxy_status"] != "in_service" {
		t.Errorf("the link is %v (%v), the proxies are %v", out["status"], out["status_reason"], out["proxy_status"])
	}
	wantLink(t, sb, out["network_connectivity_config_id"], out["network_policy_id"], out["endpoint_service_name"])
	wantAdmitted := func() {
		t.Helper()
		account := accountOf(t, sb, out["account_id"])
		if rules := slices.Sorted(slices.Values(account.IPRules)); account.DefaultAction != "Deny" || !slices.Equal(rules, sorted(out["public_ips"])) {
			t.Errorf("the account lists %v by default %s, the proxies come from %v", rules, account.DefaultAction, out["public_ips"])
		}
	}
	wantAdmitted()
	s.settled()

	// azurerm sends the firewall's entries with every change of the account.
	etag := accountOf(t, sb, out["account_id"]).ETag
	s.run("apply", "-var", `tags={team="platform"}`, "-target=module.link.module.azure_openai")
	if accountOf(t, sb, out["account_id"]).ETag == etag {
		t.Error("the tag did not change the account")
	}
	wantAdmitted()

	s.refused(arguments("destroy"), "The pool is protected from deletion")
	wantLink(t, sb, out["network_connectivity_config_id"], out["network_policy_id"], out["endpoint_service_name"])

	s.run("apply", "-var=deletion_protection=false")
	s.run("destroy", "-var=deletion_protection=false")
	was.intact(t)
}

// existingParts are what the reference deployment is given in place of what it would make.
type existingParts struct {
	service   service
	host, ncc string
	inputs    []string
}

// referenceConfig is a root module around modules/reference-deployment.
func referenceConfig(inputs ...string) string {
	return `
terraform {
  required_providers {
    aws            = { source = "hashicorp/aws" }
    azurerm        = { source = "hashicorp/azurerm" }
    databricks     = { source = "databricks/databricks" }
    crosscloudlink = { source = "crosscloudlink/crosscloudlink" }
  }
}

provider "azurerm" {
  resource_provider_registrations = "none"
  features {}
}

module "link" {
  source = "../../modules/reference-deployment"

  ` + strings.Join(inputs, "\n  ") + `
}

output "link" {
  value = module.link
}
`
}

// TestReferenceDeploymentOfExistingParts gives the module all of AWS and Azure, and in the second
// case all of Databricks as well: it adds what is missing between them, and takes only that away.
func TestReferenceDeploymentOfExistingParts(t *testing.T) {
	sb := acctest.Sandbox(t)
	cloud := sb.Databricks()
	for name, given := range map[string]func(t *testing.T, p *existingParts){
		"egress and account": func(*testing.T, *existingParts) {},
		"everything": func(t *testing.T, p *existingParts) {
			t.Helper()
			var err error
			if p.ncc, err = cloud.SeedNCC(unique("given"), ""); err != nil {
				t.Fatal(err)
			}
			rule, err := cloud.CreateRule(p.ncc, p.service.name, p.host)
			if err != nil {
				t.Fatal(err)
			}
			policy := unique("given")
			if err := cloud.SeedPolicy(policy, p.host); err != nil {
				t.Fatal(err)
			}
			p.inputs = append(p.inputs,
				fmt.Sprintf("network_connectivity_config_id = %q", p.ncc), fmt.Sprintf("private_endpoint_rule_id = %q", rule),
				"create_network_policy = false", fmt.Sprintf("network_policy_id = %q", policy))
		},
	} {
		t.Run(name, func(t *testing.T) {
			subdomain, foreign := unique("reference"), []string{"20.50.60.70"}
			p := existingParts{service: offer(t), host: subdomain + ".openai.azure.com"}
			account, err := sb.Azure().SeedAccount(azure.Account{ResourceGroup: unique("rg"), Name: subdomain, Subdomain: subdomain, DefaultAction: "Deny", IPRules: foreign})
			if err != nil {
				t.Fatal(err)
			}
			own, err := cloud.SeedNCC(unique("before"), "")
			if err != nil {
				t.Fatal(err)
			}
			workspace := 6_000_000_000_000_000 + sequence.Add(1)
			if err := cloud.SeedWorkspace(databricks.Workspace{ID: workspace, Name: unique("workspace"), NCCID: own}); err != nil {
				t.Fatal(err)
			}
			given(t, &p)
			nccs, policies := cloud.NCCs(), cloud.Policies()
			s := &stack{t: t, Terraform: acctest.Config(t, sb, referenceConfig(append(p.inputs,
				fmt.Sprintf("name = %q", subdomain),
				fmt.Sprintf("endpoint_service_name = %q", p.service.name), `proxy_public_ips = ["52.94.76.5", "52.94.76.6"]`,
				fmt.Sprintf("azure_openai_account_id = %q", account), fmt.Sprintf("azure_openai_hostnames = [%q]", p.host),
				fmt.Sprintf("workspace_ids = [%d]", workspace),
			)...))}

			s.run("apply")
			link, _ := s.outputs()["link"].(map[string]any)
			if link["status"] != "ready" {
				t.Errorf("the link is %v: %v", link["status"], link["status_reason"])
			}
			if ncc, policy, _ := cloud.WorkspaceNetwork(workspace); ncc != link["network_connectivity_config_id"] || policy != link["network_policy_id"] || p.ncc != "" && ncc != p.ncc {
				t.Errorf("the workspace has %s and %s, the outputs are %v", ncc, policy, link)
			}
			if got := live(connections(t, p.service)); !slices.Equal(got, []string{fmt.Sprint(link["vpc_endpoint_id"], " available")}) {
				t.Errorf("the connections are %v, want that of %v", got, link["vpc_endpoint_id"])
			}
			if rules := accountOf(t, sb, account).IPRules; len(rules) != 3 {
				t.Errorf("the account lists %v", rules)
			}
			s.settled()

			s.run("destroy")
			if ncc, policy, _ := cloud.WorkspaceNetwork(workspace); ncc != own || policy != "default-policy" {
				t.Errorf("the workspace has %s and %s after the destroy", ncc, policy)
			}
			if !maps.Equal(cloud.NCCs(), nccs) || !slices.Equal(cloud.Policies(), policies) {
				t.Errorf("Databricks has the NCCs %v and policies %v", cloud.NCCs(), cloud.Policies())
			}
			if rules := accountOf(t, sb, account).IPRules; !slices.Equal(rules, foreign) {
				t.Errorf("the account lists %v, and listed %v before", rules, foreign)
			}
			if err := withdraw(t, p.service); err != nil {
				t.Error(err)
			}
		})
	}
}
