package databricks

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/contract"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/fault"
)

// contractTimeout bounds one Terraform command.
const contractTimeout = 3 * time.Minute

const (
	stockRule   = "databricks_mws_ncc_private_endpoint_rule.this"
	stockPolicy = "databricks_account_network_policy.this"
)

// TestStockResourceContract applies every stock resource that the modules use with the real Databricks
// provider, by environment alone: it must come up, plan nothing afterwards, take an update
// in place, and leave nothing behind.
func TestStockResourceContract(t *testing.T) { testContract(t, false) }

// TestStockResourceContractOfPluginFrameworkRule does so with the other implementation of
// the private endpoint rule, which waits for its endpoint.
func TestStockResourceContractOfPluginFrameworkRule(t *testing.T) { testContract(t, true) }

func testContract(t *testing.T, waitingRule bool) {
	var env []string
	if waitingRule {
		env = append(env, "DATABRICKS_TF_ENABLED_PF_RESOURCES=databricks_mws_ncc_private_endpoint_rule")
	}
	h, terraform := stock(t, "testdata/contract", env...)
	before := h.inventory()

	terraform.Run(t, "apply")
	if id := terraform.State(t)[stockRule]["vpc_endpoint_id"]; waitingRule != (id != "") {
		t.Errorf("after the apply the rule's vpc_endpoint_id is %q", id)
	}
	terraform.WantNoChanges(t, nil)
	// What the endpoint service's owner does changes nothing in the plan.
	h.aws.set(h.awaitOnlyRule(statePending).VPCEndpointID, "available")
	h.awaitOnlyRule(stateEstablished)
	terraform.WantNoChanges(t, nil)
	terraform.Run(t, "apply", "-refresh-only")
	wantValues(t, h, terraform.State(t))

	h.cloud.Faults.ClearLog()
	terraform.Run(t, "apply", "-var=revision=2")
	if got := h.writes(); !slices.Equal(got, []string{"NetworkPolicies_Update", "PrivateEndpointRules_Update"}) {
		t.Errorf("the update sent %v", got)
	}
	terraform.WantNoChanges(t, nil, "-var=revision=2")
	terraform.Run(t, "destroy", "-var=revision=2")
	if left := h.inventory(); !slices.Equal(left, before) {
		t.Errorf("destroy left something: before the apply there were %v, now %v", before, left)
	}
}

// TestStockBindingsStay shows what the stock resources for a workspace's network leave
// behind: their destruction sends nothing, and what they bound cannot go then.
func TestStockBindingsStay(t *testing.T) {
	h, terraform := stock(t, "testdata/binding")
	before := h.inventory()
	terraform.Run(t, "apply")
	bound := fmt.Sprint(terraform.State(t)["databricks_mws_network_connectivity_config.this"]["network_connectivity_config_id"])
	wantNetwork := func(when, ncc, policy string) {
		t.Helper()
		if gotNCC, gotPolicy, _ := h.cloud.WorkspaceNetwork(workspaceID); gotNCC != ncc || gotPolicy != policy {
			t.Errorf("%s the workspace has %s and %s, want %s and %s", when, gotNCC, gotPolicy, ncc, policy)
		}
	}
	wantNetwork("after the apply", bound, "attached")
	terraform.WantNoChanges(t, nil)

	// Nor do they notice another hand.
	if err := h.cloud.BindNCC(workspaceID, h.ncc); err != nil {
		t.Fatal(err)
	}
	terraform.WantNoChanges(t, nil)
	if err := h.cloud.BindNCC(workspaceID, bound); err != nil {
		t.Fatal(err)
	}

	h.cloud.Faults.ClearLog()
	out, err := terraform.Do(t.Context(), "destroy", "-auto-approve", "-no-color")
	if err == nil || !strings.Contains(out, "attached to one or more workspaces") || !strings.Contains(out, "attached to workspace") {
		t.Errorf("destroy should be refused for the workspace's sake: %v\n%s", err, out)
	}
	if got := h.writes(); !slices.Equal(got, []string{"NetworkConnectivity_Delete", "NetworkPolicies_Delete"}) {
		t.Errorf("destroy sent %v", got)
	}
	wantNetwork("after the destroy", bound, "attached")

	if err := h.cloud.BindNCC(workspaceID, h.ncc); err != nil {
		t.Fatal(err)
	}
	if err := h.cloud.AttachPolicy(workspaceID, "locked"); err != nil {
		t.Fatal(err)
	}
	terraform.Run(t, "destroy")
	if left := h.inventory(); !slices.Equal(left, before) {
		t.Errorf("destroy left something: before the apply there were %v, now %v", before, left)
	}
}

// stock starts a cloud and prepares a copy of a root module to be run against it with the
// stock provider, or skips the test.
func stock(t *testing.T, folder string, env ...string) (*harness, *contract.Root) {
	t.Helper()
	terraform := contract.New(t, folder, contractTimeout)
	h := start(t, nil)
	terraform.Env = append(terraform.Env,
		"DATABRICKS_HOST="+h.cloud.URL(), "DATABRICKS_ACCOUNT_ID="+h.cloud.AccountID(), "DATABRICKS_CLIENT_ID="+h.cloud.ClientID(),
		"DATABRICKS_CLIENT_SECRET="+h.cloud.ClientSecret(), "DATABRICKS_AUTH_TYPE=oauth-m2m",
		"TF_VAR_account_id="+h.cloud.AccountID(), "TF_VAR_endpoint_service_name="+service, fmt.Sprintf("TF_VAR_workspace_id=%d", workspaceID),
	)
	terraform.Env = append(terraform.Env, env...)
	return h, terraform
}

// wantValues checks what an empty plan cannot show: computed values.
func wantValues(t *testing.T, h *harness, resources contract.Resources) {
	t.Helper()
	ncc := fmt.Sprint(resources["databricks_mws_network_connectivity_config.this"]["network_connectivity_config_id"])
	for _, tc := range []struct{ address, attribute, want string }{
		{"databricks_mws_network_connectivity_config.this", "account_id", h.cloud.AccountID()},
		{"data.databricks_mws_network_connectivity_config.this", "network_connectivity_config_id", ncc},
		{"data.databricks_mws_network_connectivity_configs.region", "names", "[team-ncc contract]"},
		// Null where there are none: the modules, which count them, must expect that.
		{"data.databricks_mws_network_connectivity_configs.elsewhere", "names", "<nil>"},
		{stockRule, "connection_state", stateEstablished},
		{stockRule, "deactivated", "false"},
		{stockRule, "account_id", h.cloud.AccountID()},
		{stockPolicy, "network_policy_id", "contract"},
		{"data.databricks_workspace_network_option.this", "network_policy_id", "locked"},
	} {
		if got := fmt.Sprint(resources[tc.address][tc.attribute]); got != tc.want {
			t.Errorf("%s.%s: want %s, got %s", tc.address, tc.attribute, tc.want, got)
		}
	}
	policies, ok := resources["data.databricks_account_network_policies.all"]["items"].([]any)
	if !ok || len(policies) != len(h.cloud.Policies()) {
		t.Errorf("the data source lists %d policies, there are %v", len(policies), h.cloud.Policies())
	}
}

// awaitOnlyRule waits until the only rule there is has a state.
func (h *harness) awaitOnlyRule(state string) RuleState {
	h.t.Helper()
	var found []RuleState
	eventually(h.t, "the only rule is "+state, func() bool {
		found = h.cloud.Rules()
		return len(found) == 1 && found[0].ConnectionState == state
	})
	return found[0]
}

// inventory names the objects of the account. A deleted rule that only waits to disappear
// is none.
func (h *harness) inventory() []string {
	var out []string
	for _, name := range h.cloud.NCCs() {
		out = append(out, "NCC "+name)
	}
	for _, id := range h.cloud.Policies() {
		out = append(out, "policy "+id)
	}
	for _, r := range h.cloud.Rules() {
		if !r.Deactivated {
			out = append(out, "rule "+r.ID)
		}
	}
	ncc, policy, _ := h.cloud.WorkspaceNetwork(workspaceID)
	out = append(out, "workspace "+ncc+" "+policy)
	slices.Sort(out)
	return out
}

// writes are the operations asked for that change something, each once, sorted.
func (h *harness) writes() []string {
	var out []string
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
		for _, e := range h.cloud.Faults.Matching(fault.Rule{Method: method}) {
			if e.Operation != "OIDC_Token" {
				out = append(out, e.Operation)
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
