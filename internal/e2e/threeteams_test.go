package e2e_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/acctest"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox"
)

// teams are the three states of examples/three-teams, each with the credentials of its own
// cloud and no others.
type teams struct {
	t                      *testing.T
	aws, azure, databricks *stack
}

func threeTeams(t *testing.T, sb *sandbox.Sandbox) teams {
	t.Helper()
	return teams{
		t:          t,
		aws:        newStack(t, sb, "examples/three-teams/aws", "AWS_"),
		azure:      newStack(t, sb, "examples/three-teams/azure", "ARM_"),
		databricks: newStack(t, sb, "examples/three-teams/databricks", "DATABRICKS_"),
	}
}

// hand writes outputs of one team into variables of another: the README's table. What one team
// has not made yet is not handed over.
func (teams) hand(from, to *stack, names ...string) {
	values := from.outputs()
	variables := map[string]any{}
	for _, name := range names {
		output, variable, renamed := strings.Cut(name, "→")
		if !renamed {
			variable = output
		}
		if values[output] != nil {
			variables[variable] = values[output]
		}
	}
	to.write(variables)
}

// applied applies a state, and checks what it says is to do next: each of the sentences, in order,
// must hold these words.
func (s *stack) applied(next ...string) {
	s.t.Helper()
	s.run("apply")
	steps, _ := s.outputs()["next_steps"].([]any)
	if len(steps) != len(next) {
		s.t.Fatalf("the next steps are %q, want %d of them", steps, len(next))
	}
	for i, words := range next {
		if !strings.Contains(fmt.Sprint(steps[i]), words) {
			s.t.Errorf("step %d is %q, and does not name %q", i+1, steps[i], words)
		}
	}
}

// wantDone checks that the link is whole, and that no state has anything left to do.
func (w teams) wantDone(sb *sandbox.Sandbox) {
	w.t.Helper()
	aws, azure, dbx := w.aws.outputs(), w.azure.outputs(), w.databricks.outputs()
	wantLink(w.t, sb, dbx["network_connectivity_config_id"], dbx["network_policy_id"], aws["endpoint_service_name"])
	account := accountOf(w.t, sb, azure["account_id"])
	if rules := slices.Sorted(slices.Values(account.IPRules)); account.DefaultAction != "Deny" || !slices.Equal(rules, sorted(aws["public_ips"])) {
		w.t.Errorf("the account lists %v by default %s, the proxies come from %v", rules, account.DefaultAction, aws["public_ips"])
	}
	for _, s := range []*stack{w.aws, w.azure, w.databricks} {
		s.settled()
		if steps, _ := s.outputs()["next_steps"].([]any); len(steps) > 0 {
			w.t.Errorf("there is still to do: %q", steps)
		}
	}
}

// TestThreeTeams applies the three states in different orders, each with its own cloud's
// credentials, and destroys them in different orders.
func TestThreeTeams(t *testing.T) {
	t.Parallel()
	sb := acctest.OwnSandbox(t, sandbox.SeedWorkspace)
	w := threeTeams(t, sb)
	was := lookBefore(t, sb)
	const (
		toAzure      = "Give the Azure team the output public_ips"
		toDatabricks = "Give the Databricks team the outputs endpoint_service_name and domain_names"
		toAWS        = "Give the AWS team the output vpc_endpoint_id"
		admission    = "Give the AWS team the output hostnames"
	)

	// A long way round: each state goes as far as it can, and says what it lacks.
	w.azure.applied(admission)
	w.hand(w.azure, w.aws, "hostnames")
	w.aws.applied(toAzure, toDatabricks)
	if got := w.aws.outputs()["proxy_status"]; got != "no_proxies" {
		t.Errorf("the proxies are %v before the firewall lists their addresses", got)
	}
	w.hand(w.aws, w.databricks, "endpoint_service_name", "domain_names")
	w.databricks.applied(toAWS)
	if ncc, policy, _ := sb.Databricks().WorkspaceNetwork(sb.World.WorkspaceID); ncc != was.ncc || policy != was.policy {
		t.Errorf("the workspace has %s and %s before the connection is accepted", ncc, policy)
	}
	w.hand(w.databricks, w.aws, "vpc_endpoint_id")
	w.aws.applied(toAzure, "is not accepted yet, because no proxy is in service")
	w.databricks.applied(toAWS)
	w.hand(w.aws, w.azure, "public_ips→proxy_public_ips")
	w.azure.applied()
	w.hand(w.azure, w.aws, "firewall")
	w.aws.applied()
	w.databricks.applied()
	w.wantDone(sb)

	// azurerm sends the firewall's entries with every change of the account.
	w.azure.write(map[string]any{"tags": map[string]string{"team": "models"}})
	w.azure.applied()
	w.wantDone(sb)

	// Two teams start anew while the proxies stand.
	w.databricks.run("destroy")
	was.databricksIntact(t)
	w.azure.run("destroy")
	w.aws.write(map[string]any{"firewall": nil, "vpc_endpoint_id": nil})
	w.aws.applied(toAzure, toDatabricks)

	// The shortest way: AWS, Azure and Databricks, AWS, Databricks.
	w.azure.applied()
	w.databricks.applied(toAWS)
	w.hand(w.azure, w.aws, "firewall")
	w.hand(w.databricks, w.aws, "vpc_endpoint_id")
	w.aws.write(map[string]any{"deletion_protection": false})
	w.aws.applied()
	w.databricks.applied()
	w.wantDone(sb)

	// The other way round than the README advises: the connection goes before the workspace left it.
	w.aws.run("destroy")
	w.databricks.run("destroy")
	w.azure.run("destroy")
	was.intact(t)
}

// TestThreeTeamsOutOfOrder plans states out of order, or with what is not meant.
func TestThreeTeamsOutOfOrder(t *testing.T) {
	t.Parallel()
	w := threeTeams(t, acctest.OwnSandbox(t, sandbox.SeedWorkspace))
	w.aws.refused(planning(), "hostnames is missing", "output hostnames of the Azure team's state (examples/three-teams/azure)")
	w.databricks.refused(planning(),
		"endpoint_service_name is missing", "output endpoint_service_name of the AWS team's state (examples/three-teams/aws), which has to be applied first")
	w.databricks.refused(planning("-var=endpoint_service_name=com.amazonaws.vpce.us-east-1.vpce-svc-0123456789abcdef0"),
		"domain_names is missing", "output domain_names of the AWS team's state (examples/three-teams/aws)")
	w.databricks.refused(planning("-var=endpoint_service_name=com.amazonaws.vpce.eu-west-1.vpce-svc-0123456789abcdef0", `-var=domain_names=["acme-models.openai.azure.com"]`),
		"endpoint_service_name is com.amazonaws.vpce.eu-west-1", "the workspaces and their NCC are in us-east-1")
	w.aws.refused(planning(`-var=hostnames=["acme-models.openai.azure.com"]`, "-var=vpc_endpoint_id=vpce-svc-0123456789abcdef0"),
		"vpc_endpoint_id must be the id of a VPC endpoint", "output vpc_endpoint_id of the Databricks team's state (examples/three-teams/databricks)")
	w.azure.refused(planning(`-var=proxy_public_ips=["52.94.76.0/24"]`),
		"proxy_public_ips must hold single IPv4 addresses", "output public_ips of the AWS team's state (examples/three-teams/aws)")
}
