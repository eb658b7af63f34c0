package databricks

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/plugins"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/fault"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/tfrun"
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

	run(t, terraform, "apply", "-auto-approve")
	if id := state(t, terraform)[stockRule]["vpc_endpoint_id"]; waitingRule != (id != "") {
		t.Errorf("after the apply the rule's vpc_endpoint_id is %q", id)
	}
	wantNoChanges(t, terraform)
	// What the endpoint service's owner does changes nothing in the plan.
	h.aws.set(h.awaitOnlyRule(statePending).VPCEndpointID, "available")
	h.awaitOnlyRule(stateEstablished)
	wantNoChanges(t, terraform)
	run(t, terraform, "apply", "-auto-approve", "-refresh-only")
	wantValues(t, h, state(t, terraform))

	h.cloud.Faults.ClearLog()
	run(t, terraform, "apply", "-auto-approve", "-var=revision=2")
	if got := h.writes(); !slices.Equal(got, []string{"NetworkPolicies_Update", "PrivateEndpointRules_Update"}) {
		t.Errorf("the update sent %v", got)
	}
	wantNoChanges(t, terraform, "-var=revision=2")
	run(t, terraform, "destroy", "-auto-approve", "-var=revision=2")
	if left := h.inventory(); !slices.Equal(left, before) {
		t.Errorf("destroy left something: before the apply there were %v, now %v", before, left)
	}
}

// TestStockBindingsStay shows what the stock resources for a workspace's network leave
// behind: their destruction sends nothing, and what they bound cannot go then.
func TestStockBindingsStay(t *testing.T) {
	h, terraform := stock(t, "testdata/binding")
	before := h.inventory()
	run(t, terraform, "apply", "-auto-approve")
	bound := fmt.Sprint(state(t, terraform)["databricks_mws_network_connectivity_config.this"]["network_connectivity_config_id"])
	wantNetwork := func(when, ncc, policy string) {
		t.Helper()
		if gotNCC, gotPolicy, _ := h.cloud.WorkspaceNetwork(workspaceID); gotNCC != ncc || gotPolicy != policy {
			t.Errorf("%s the workspace has %s and %s, want %s and %s", when, gotNCC, gotPolicy, ncc, policy)
		}
	}
	wantNetwork("after the apply", bound, "attached")
	wantNoChanges(t, terraform)

	// Nor do they notice another hand.
	if err := h.cloud.BindNCC(workspaceID, h.ncc); err != nil {
		t.Fatal(err)
	}
	wantNoChanges(t, terraform)
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
	run(t, terraform, "destroy", "-auto-approve")
	if left := h.inventory(); !slices.Equal(left, before) {
		t.Errorf("destroy left something: before the apply there were %v, now %v", before, left)
	}
}

// stock starts a cloud and prepares a copy of a root module to be run against it with the
// stock provider, or skips the test.
func stock(t *testing.T, folder string, env ...string) (*harness, tfrun.Terraform) {
	t.Helper()
	if testing.Short() {
		t.Skip("whole Terraform runs take long; -short leaves them out")
	}
	if _, err := exec.LookPath("terraform"); err != nil {
		t.Skip("terraform is not on PATH")
	}
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(folder)); err != nil {
		t.Fatal(err)
	}
	cliConfig, err := plugins.Write(t.Context(), plugins.Options{BuildDir: filepath.Join(dir, ".build")})
	if err != nil {
		t.Fatal(err)
	}
	h := start(t, nil)
	environment := append(cleanEnviron(),
		"DATABRICKS_HOST="+h.cloud.URL(), "DATABRICKS_ACCOUNT_ID="+h.cloud.AccountID(), "DATABRICKS_CLIENT_ID="+h.cloud.ClientID(),
		"DATABRICKS_CLIENT_SECRET="+h.cloud.ClientSecret(), "DATABRICKS_AUTH_TYPE=oauth-m2m",
		"TF_VAR_account_id="+h.cloud.AccountID(), "TF_VAR_endpoint_service_name="+service, fmt.Sprintf("TF_VAR_workspace_id=%d", workspaceID),
		"TF_CLI_CONFIG_FILE="+cliConfig, "TF_IN_AUTOMATION=1", "CHECKPOINT_DISABLE=1",
	)
	terraform := tfrun.Terraform{Dir: dir, Env: append(environment, env...)}
	if out, err := terraform.Do(t.Context(), "init", "-no-color"); err != nil {
		if missing := plugins.Missing(out); len(missing) > 0 {
			t.Skipf("neither a filesystem mirror nor the registry has %s", strings.Join(missing, ", "))
		}
		t.Fatalf("terraform init: %v\n%s", err, out)
	}
	return h, terraform
}

// cleanEnviron is this process's environment without what would lead the provider elsewhere.
func cleanEnviron() []string {
	return slices.DeleteFunc(os.Environ(), func(kv string) bool {
		return strings.HasPrefix(kv, "DATABRICKS_") || strings.HasPrefix(kv, "ARM_") || strings.HasPrefix(kv, "TF_")
	})
}

func run(t *testing.T, terraform tfrun.Terraform, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), contractTimeout)
	defer cancel()
	out, err := terraform.Do(ctx, append(args, "-no-color")...)
	if err != nil {
		t.Fatalf("terraform %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

// state returns the values of all managed resources and data sources by address.
func state(t *testing.T, terraform tfrun.Terraform) map[string]map[string]any {
	t.Helper()
	var shown struct {
		Values struct {
			RootModule struct {
				Resources []struct {
					Address string
					Values  map[string]any
				}
			} `json:"root_module"`
		}
	}
	if err := json.Unmarshal([]byte(run(t, terraform, "show", "-json")), &shown); err != nil {
		t.Fatal(err)
	}
	out := map[string]map[string]any{}
	for _, r := range shown.Values.RootModule.Resources {
		out[r.Address] = r.Values
	}
	if len(out) == 0 {
		t.Fatal("the state is empty")
	}
	return out
}

func wantNoChanges(t *testing.T, terraform tfrun.Terraform, args ...string) {
	t.Helper()
	changes, err := terraform.Plan(t.Context(), args...)
	if err != nil {
		t.Fatal(err)
	}
	if len(changes) > 0 {
		out, err := terraform.Do(t.Context(), append([]string{"plan", "-no-color"}, args...)...)
		t.Errorf("plans %+v (%v)\n%s", changes, err, out)
	}
}

// wantValues checks what an empty plan cannot show: computed values.
func wantValues(t *testing.T, h *harness, resources map[string]map[string]any) {
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
