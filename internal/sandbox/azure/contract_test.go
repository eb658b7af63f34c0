package azure_test

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
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/azure"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/tfrun"
)

// contractTimeout bounds one Terraform command. The stock provider alone waits for more than a
// minute, whatever the cloud answers, until a diagnostic setting is gone.
const contractTimeout = 10 * time.Minute

// TestStockResourceContract applies every stock resource that the modules use with the real Azure provider: it
// must come up, plan nothing afterwards, take an update in place, and leave nothing behind.
func TestStockResourceContract(t *testing.T) {
	terraform, cloud := rootModule(t, "testdata/contract")
	variables := []string{
		"-var=log_analytics_workspace_id=" + cloud.SeedLogAnalyticsWorkspace("rg-logs", "logs"),
		"-var=user_assigned_identity_id=" + cloud.SeedUserAssignedIdentity("rg-identities", "ai"),
	}
	before := cloud.LeftOvers()

	run(t, terraform, "apply", variables...)
	resources := state(t, terraform)
	t.Run("plan after apply", func(t *testing.T) { wantNoChanges(t, terraform, resources, variables...) })
	t.Run("values", func(t *testing.T) { wantValues(t, cloud, resources) })
	variables = append(variables, "-var=revision=2")
	t.Run("updates in place", func(t *testing.T) { wantUpdates(t, terraform, variables...) })
	run(t, terraform, "apply", variables...)
	t.Run("plan after update", func(t *testing.T) { wantNoChanges(t, terraform, state(t, terraform), variables...) })
	run(t, terraform, "destroy", variables...)
	if left := cloud.LeftOvers(); !slices.Equal(left, before) {
		t.Errorf("destroy left something: before the apply there were\n%s\nand now\n%s", strings.Join(before, "\n"), strings.Join(left, "\n"))
	}
	wantAnswered(t, cloud)
}

// TestAccountUpdateBesideAnotherWriter shows what becomes of another writer's firewall entries
// when the Azure provider changes an account's tags: it sends its own copy of the firewall
// with them. Only ignore_changes makes that copy the one just read.
func TestAccountUpdateBesideAnotherWriter(t *testing.T) {
	const theirs = "52.94.76.9"
	terraform, cloud := rootModule(t, "testdata/networkacls")
	cloud.SeedLogAnalyticsWorkspace("rg-shared", "neighbour")
	run(t, terraform, "apply")
	owning := accountID(cloud, "owning")
	ignoring := []string{accountID(cloud, "ignoring"), accountID(cloud, "ignoring-lists")}
	for _, id := range append(slices.Clone(ignoring), owning) {
		if err := cloud.AddRule(id, theirs); err != nil {
			t.Fatal(err)
		}
	}
	if planned := plan(t, terraform); len(planned) != 1 || planned["azurerm_cognitive_account.owning"] == nil {
		t.Errorf("another's entries plan to %v, want a change of the account without ignore_changes alone", planned)
	}
	run(t, terraform, "apply", "-var=revision=2")
	for _, id := range ignoring {
		if got := rules(t, cloud, id); !slices.Equal(got, []string{theirs}) {
			t.Errorf("with ignore_changes the entries of %s became %v", id, got)
		}
	}
	if got := rules(t, cloud, owning); len(got) != 0 {
		t.Errorf("without ignore_changes the entries stayed %v: is the line in the module needed?", got)
	}

	// ignore_changes is no fence: what a plan has read is what its apply sends.
	const later = "52.94.76.10"
	plan(t, terraform, "-var=revision=3")
	for _, id := range ignoring {
		if err := cloud.AddRule(id, later); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := terraform.Do(t.Context(), "apply", "-no-color", tfrun.PlanFile); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, id := range ignoring {
		if got := rules(t, cloud, id); !slices.Equal(got, []string{theirs}) {
			t.Errorf("an apply of an older plan left %v in %s; the documentation says that it takes away what came after the plan", got, id)
		}
	}
	run(t, terraform, "destroy")
}

// rootModule prepares a copy of a folder to be run against a cloud of its own, or skips the test.
func rootModule(t *testing.T, folder string) (tfrun.Terraform, *azure.Cloud) {
	t.Helper()
	if testing.Short() {
		t.Skip("a whole Terraform run takes minutes; -short leaves it out")
	}
	if _, err := exec.LookPath("terraform"); err != nil {
		t.Skip("terraform is not on PATH")
	}
	t.Parallel()
	cloud, err := azure.New(t.Context(), azure.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cloud.Close(); err != nil {
			t.Error(err)
		}
	})
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(folder)); err != nil {
		t.Fatal(err)
	}
	cliConfig, err := plugins.Write(t.Context(), plugins.Options{BuildDir: filepath.Join(dir, ".build")})
	if err != nil {
		t.Fatal(err)
	}
	terraform := tfrun.Terraform{Dir: dir, Env: environment("TF_CLI_CONFIG_FILE="+cliConfig, "TF_IN_AUTOMATION=1", "CHECKPOINT_DISABLE=1")}
	if out, err := terraform.Do(t.Context(), "init", "-input=false", "-no-color"); err != nil {
		if slices.Contains(plugins.Missing(out), "hashicorp/azurerm") {
			t.Skip("the provider hashicorp/azurerm is neither in a filesystem mirror of this machine nor in reach")
		}
		t.Fatalf("terraform init: %v\n%s", err, out)
	}
	// Not before init: a registry's certificate does not come from the sandbox.
	terraform.Env = append(terraform.Env,
		"ARM_METADATA_HOSTNAME="+strings.TrimPrefix(cloud.URL(), "https://"), "SSL_CERT_FILE="+cloud.CAFile(),
		"ARM_TENANT_ID="+cloud.TenantID(), "ARM_CLIENT_ID="+cloud.ClientID(), "ARM_CLIENT_SECRET="+cloud.ClientSecret(),
		"ARM_SUBSCRIPTION_ID="+cloud.SubscriptionID(),
		// What up to 4.x is the default.
		"ARM_PROVIDER_ENHANCED_VALIDATION_LOCATIONS=true", "ARM_PROVIDER_ENHANCED_VALIDATION_RESOURCE_PROVIDERS=true",
	)
	return terraform, cloud
}

// environment is this process's, without what would lead the Azure provider elsewhere.
func environment(extra ...string) []string {
	var out []string
	for _, kv := range os.Environ() {
		if !strings.HasPrefix(kv, "ARM_") && !strings.HasPrefix(kv, "AZURE_") && !strings.HasPrefix(kv, "TF_") {
			out = append(out, kv)
		}
	}
	return append(out, extra...)
}

// run runs a command that changes something.
func run(t *testing.T, terraform tfrun.Terraform, command string, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), contractTimeout)
	defer cancel()
	out, err := terraform.Do(ctx, append([]string{command, "-auto-approve", "-input=false", "-no-color"}, args...)...)
	if err != nil {
		t.Fatalf("terraform %s: %v\n%s", command, err, out)
	}
}

// state returns the values of all managed resources and data sources by address.
func state(t *testing.T, terraform tfrun.Terraform) map[string]map[string]any {
	t.Helper()
	text, err := terraform.Do(t.Context(), "show", "-json")
	if err != nil {
		t.Fatal(err)
	}
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
	if err := json.Unmarshal([]byte(text), &shown); err != nil {
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

// wantNoChanges plans, and reports the changes resource by resource.
func wantNoChanges(t *testing.T, terraform tfrun.Terraform, resources map[string]map[string]any, args ...string) {
	t.Helper()
	planned := plan(t, terraform, args...)
	for address, actions := range planned {
		if _, known := resources[address]; !known {
			t.Errorf("%s: plans to %v", address, actions)
		}
	}
	for address := range resources {
		if strings.HasPrefix(address, "data.") {
			continue
		}
		t.Run(address, func(t *testing.T) {
			if actions := planned[address]; actions != nil {
				t.Errorf("plans to %v", actions)
			}
		})
	}
	if len(planned) > 0 {
		out, err := terraform.Do(t.Context(), append([]string{"plan", "-input=false", "-no-color"}, args...)...)
		t.Logf("%v\n%s", err, out)
	}
}

// wantUpdates plans, and wants what `revision` changes to be updated, and nothing replaced.
func wantUpdates(t *testing.T, terraform tfrun.Terraform, args ...string) {
	t.Helper()
	planned := plan(t, terraform, args...)
	for _, address := range []string{
		"azurerm_resource_group.this", "azurerm_cognitive_account.openai", "azurerm_cognitive_account.ai_services",
		`azurerm_cognitive_deployment.openai["chat"]`, `azurerm_cognitive_deployment.openai["mini"]`, `azurerm_cognitive_deployment.openai["spare"]`,
		"azurerm_monitor_diagnostic_setting.categories",
	} {
		if actions := planned[address]; !slices.Equal(actions, []string{"update"}) {
			t.Errorf("%s: plans to %v, want an update", address, actions)
		}
		delete(planned, address)
	}
	if len(planned) > 0 {
		t.Errorf("plans more: %v", planned)
	}
}

// plan returns the planned actions by address.
func plan(t *testing.T, terraform tfrun.Terraform, args ...string) map[string][]string {
	t.Helper()
	changes, err := terraform.Plan(t.Context(), args...)
	if err != nil {
		t.Fatal(err)
	}
	planned := map[string][]string{}
	for _, c := range changes {
		planned[c.Address] = c.Actions
	}
	return planned
}

// wantValues checks what an empty plan cannot show: computed values.
func wantValues(t *testing.T, cloud *azure.Cloud, resources map[string]map[string]any) {
	t.Helper()
	for _, tc := range []struct{ address, attribute, want string }{
		{"data.azurerm_client_config.this", "tenant_id", cloud.TenantID()},
		{"data.azurerm_client_config.this", "subscription_id", cloud.SubscriptionID()},
		{"data.azurerm_subscription.this", "subscription_id", cloud.SubscriptionID()},
		{"data.azurerm_resource_group.this", "location", "eastus"},
		{"azurerm_cognitive_account.openai", "endpoint", "https://contract-openai.openai.azure.com/"},
		{"azurerm_cognitive_account.openai", "primary_access_key", ""},
		{"azurerm_cognitive_account.ai_services", "endpoint", "https://contract-foundry.cognitiveservices.azure.com/"},
		{`azurerm_cognitive_deployment.openai["chat"]`, "rai_policy_name", "Microsoft.DefaultV2"},
		{`azurerm_cognitive_deployment.openai["spare"]`, "rai_policy_name", "Microsoft.Default"},
		{"data.azurerm_cognitive_account.this", "kind", "AIServices"},
		{"data.azurerm_cognitive_account.this", "custom_subdomain_name", "contract-foundry"},
		{"data.azurerm_cognitive_account.this", "location", "eastus"},
		{"data.azurerm_cognitive_account.this", "local_auth_enabled", "true"},
	} {
		t.Run(tc.address+"."+tc.attribute, func(t *testing.T) {
			got := fmt.Sprint(resources[tc.address][tc.attribute])
			if resources[tc.address][tc.attribute] == nil {
				got = ""
			}
			if got != tc.want {
				t.Errorf("want %s, got %s", tc.want, got)
			}
		})
	}
	for _, address := range []string{"azurerm_cognitive_account.openai", "azurerm_cognitive_account.ai_services"} {
		identity, _ := resources[address]["identity"].([]any)
		if len(identity) != 1 || fmt.Sprint(identity[0].(map[string]any)["principal_id"]) == "" {
			t.Errorf("%s: the identity is %v", address, identity)
		}
	}
	if got := fmt.Sprint(resources["data.azurerm_cognitive_account.this"]["network_acls"]); !strings.Contains(got, "52.95.110.1") || !strings.Contains(got, "Deny") {
		t.Errorf("the account's network rules are read as %s", got)
	}
}

// wantAnswered checks that the provider asked nothing that the cloud does not know, did
// not write to an account that was busy, and did ask what it does up to 4.x.
func wantAnswered(t *testing.T, cloud *azure.Cloud) {
	t.Helper()
	for _, e := range cloud.Faults.Log() {
		if e.Status == http.StatusNotImplemented || e.Status == http.StatusConflict {
			t.Errorf("%s %s was answered %d", e.Method, e.Path, e.Status)
		}
	}
	if cloud.Faults.Counts()["Providers_List"] == 0 {
		t.Error("the provider did not ask for the registered resource providers")
	}
}

// accountID is the id of an account of rg-shared.
func accountID(cloud *azure.Cloud, name string) string {
	return "/subscriptions/" + cloud.SubscriptionID() + "/resourceGroups/rg-shared/providers/Microsoft.CognitiveServices/accounts/" + name
}

func rules(t *testing.T, cloud *azure.Cloud, accountID string) []string {
	t.Helper()
	state, ok := cloud.State(accountID)
	if !ok {
		t.Fatalf("there is no account %s", accountID)
	}
	return state.IPRules
}
