package databrickslive_test

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
	dbsdk "github.com/databricks/databricks-sdk-go"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/acctest"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/clients"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/live"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/live/databrickslive"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/live/livetest"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/fault"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/waiter"
)

// workspaceID is the sandbox's workspace.
const workspaceID = 4058233711027561

// world is a sandbox with what the questions about rules need: two endpoint services and a workspace.
type world struct {
	*sandbox.Sandbox
	clients *clients.Clients
	options databrickslive.Options
	inputs  map[string]string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	sb := acctest.OwnSandbox(t, sandbox.SeedWorkspace)
	w := &world{Sandbox: sb, clients: livetest.Clients(sb)}
	w.options = databrickslive.Options{
		Account: func(ctx context.Context) (*dbsdk.AccountClient, error) {
			account, diags := w.clients.DatabricksAccount(ctx)
			return account, live.Refusal(diags)
		},
		AWS: func(ctx context.Context) (*clients.AWS, error) {
			cloud, diags := w.clients.AWS(ctx)
			return cloud, live.Refusal(diags)
		},
	}
	cloud, err := w.options.AWS(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	w.inputs = map[string]string{
		"CROSSCLOUDLINK_LIVE_ENDPOINT_SERVICE_ID":          livetest.EndpointService(t, cloud, "exact", livetest.DatabricksRole),
		"CROSSCLOUDLINK_LIVE_WILDCARD_ENDPOINT_SERVICE_ID": livetest.EndpointService(t, cloud, "any", "*"),
		"CROSSCLOUDLINK_LIVE_DATABRICKS_TEST_WORKSPACE_ID": fmt.Sprint(workspaceID),
	}
	return w
}

func (w *world) ask(t *testing.T, ids ...string) map[string]live.Result {
	t.Helper()
	before := len(w.Databricks().NCCs())
	results := livetest.Ask(t, databrickslive.Suite(w.options), func(name string) string { return w.inputs[name] }, ids...)
	if after := w.Databricks().NCCs(); len(after) != before {
		t.Errorf("the suite left a network connectivity configuration: %v", after)
	}
	return results
}

// aboutRules are the ids of all questions that need no serving endpoint.
var aboutRules = []string{
	"databricks-approval-states", "databricks-rejected-state", "databricks-deleted-rule", "databricks-deactivated-rule-ncc",
	"databricks-names-per-rule", "databricks-wildcard-principal", "databricks-unbind", "databricks-busy-workspace", "databricks-policy-while-provisioning",
}

func TestAnswersOfTheSandboxAboutRules(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	livetest.Want(t, w.ask(t, aboutRules...), map[string]string{
		"databricks-approval-states":           "agrees: pendingAcceptance, then ESTABLISHED",
		"databricks-rejected-state":            "agrees: DISCONNECTED",
		"databricks-deleted-rule":              "agrees: kept, and deactivated",
		"databricks-deactivated-rule-ncc":      "agrees: deleted",
		"databricks-names-per-rule":            "agrees: refused",
		"databricks-wildcard-principal":        "agrees: CREATE_FAILED",
		"databricks-unbind":                    "agrees: refused",
		"databricks-busy-workspace":            "agrees: INVALID_STATE",
		"databricks-policy-while-provisioning": "agrees: taken",
	})
	w.wantNothingConnected(t)
}

// wantNothingConnected checks that no connection keeps the endpoint services from being deleted.
func (w *world) wantNothingConnected(t *testing.T) {
	t.Helper()
	cloud, err := w.options.AWS(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, input := range []string{"CROSSCLOUDLINK_LIVE_ENDPOINT_SERVICE_ID", "CROSSCLOUDLINK_LIVE_WILDCARD_ENDPOINT_SERVICE_ID"} {
		out, err := cloud.EC2.DeleteVpcEndpointServiceConfigurations(t.Context(), &ec2.DeleteVpcEndpointServiceConfigurationsInput{ServiceIds: []string{w.inputs[input]}})
		if err != nil || len(out.Unsuccessful) > 0 {
			t.Errorf("the service of %s cannot be deleted: %v %v", input, err, out)
		}
	}
}

func TestOtherAnswersAboutRules(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	faults := &w.Databricks().Faults
	times := func(n int, method, path string, status int, code string) fault.Rule {
		return fault.Rule{Method: method, Path: regexp.MustCompile(path), Times: n, Status: status, Code: code, Message: "so it is"}
	}
	const oneNCC, oneRule, rules, workspaces = `network-connectivity-configs/[^/]+$`, `private-endpoint-rules/[^/]+$`, `private-endpoint-rules$`, `workspaces/[0-9]+$`
	tests := map[string]struct {
		id    string
		fault fault.Rule
		want  string
	}{
		"a configuration that is held for a while": {"databricks-deactivated-rule-ncc", times(3, http.MethodDelete, oneNCC, http.StatusBadRequest, "INVALID_STATE"), "agrees: deleted"},
		"a rule that is gone at once":              {"databricks-deleted-rule", fault.Rule{Method: http.MethodDelete, Path: regexp.MustCompile(oneRule), Then: func() { w.forgetRules() }}, "differs: gone"},
		"a wildcard that is refused":               {"databricks-wildcard-principal", times(1, http.MethodPost, rules, http.StatusBadRequest, "INVALID_PARAMETER_VALUE"), "agrees: refused"},
		"another code while busy":                  {"databricks-busy-workspace", fault.Rule{Method: http.MethodPatch, Path: regexp.MustCompile(workspaces), Skip: 1, Status: http.StatusConflict, Code: "RESOURCE_CONFLICT", Message: "later"}, "agrees: 409"},
		"a policy that must wait":                  {"databricks-policy-while-provisioning", times(1, http.MethodPut, `/network$`, http.StatusBadRequest, "INVALID_STATE"), "differs: refused"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			faults.Clear()
			faults.Add(test.fault)
			livetest.Want(t, w.ask(t, test.id), map[string]string{test.id: test.want})
		})
	}
}

// forgetRules lets time take all deleted rules.
func (w *world) forgetRules() {
	for _, rule := range w.Databricks().Rules() {
		if rule.Deactivated {
			w.Databricks().ForgetRule(rule.ID)
		}
	}
}

// TestADeactivatedRuleThatHoldsItsNCC is the answer that the provider does not expect: the suite says so, and
// what is left. Virtual time passes as it waits.
func TestADeactivatedRuleThatHoldsItsNCC(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Databricks().Faults.Add(fault.Rule{Method: http.MethodDelete, Path: regexp.MustCompile(`network-connectivity-configs/[^/]+$`), Times: -1,
		Status: http.StatusBadRequest, Code: "INVALID_STATE", Message: "it has one or more private endpoint rules"})
	results, err := livetest.AskWith(t, waiter.Waiter{Clock: waiter.NewFakeClock(time.Now())}, databrickslive.Suite(w.options),
		func(name string) string { return w.inputs[name] }, "databricks-deactivated-rule-ncc")
	if got := results["databricks-deactivated-rule-ncc"]; got.Answer != "refused" || !got.Broken() {
		t.Errorf("the refusal does not count as a defect: %s", got.Text())
	}
	if err == nil || !strings.Contains(err.Error(), "network connectivity configuration "+live.Prefix) {
		t.Errorf("nothing is said of what is left: %v", err)
	}
}

// TestAnUncertainAcceptanceLeavesNothingConnected loses the answer to the acceptance.
func TestAnUncertainAcceptanceLeavesNothingConnected(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.AWSCloud().Faults.Add(fault.Rule{Operation: "ec2:AcceptVpcEndpointConnections", LoseAnswer: true})
	got := w.ask(t, "databricks-approval-states")["databricks-approval-states"]
	if got.Status != live.Failed {
		t.Errorf("the answer was lost, and yet: %s", got.Text())
	}
	w.wantNothingConnected(t)
}
