package azure_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/azure"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/contract"
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

	terraform.Run(t, "apply", variables...)
	resources := terraform.State(t)
	t.Run("plan after apply", func(t *testing.T) { terraform.WantNoChanges(t, resources, variables...) })
	t.Run("values", func(t *testing.T) { wantValues(t, cloud, resources) })
	variables = append(variables, "-var=revision=2")
	t.Run("updates in place", func(t *testing.T) { wantUpdates(t, terraform, variables...) })
	terraform.Run(t, "apply", variables...)
	t.Run("plan after update", func(t *testing.T) { terraform.WantNoChanges(t, terraform.State(t), variables...) })
	terraform.Run(t, "destroy", variables...)
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
	terraform.Run(t, "apply")
	owning := accountID(cloud, "owning")
	ignoring := []string{accountID(cloud, "ignoring"), accountID(cloud, "ignoring-lists")}
	for _, id := range append(slices.Clone(ignoring), owning) {
		if err := cloud.AddRule(id, theirs); err != nil {
			t.Fatal(err)
		}
	}
	if planned := terraform.Changes(t); len(planned) != 1 || planned["azurerm_cognitive_account.owning"] == nil {
		t.Errorf("another's entries plan to %v, want a change of the account without ignore_changes alone", planned)
	}
	terraform.Run(t, "apply", "-var=revision=2")
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
	terraform.Changes(t, "-var=revision=3")
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
	terraform.Run(t, "destroy")
}

// rootModule prepares a copy of a folder to be run against a cloud of its own, or skips the test.
func rootModule(t *testing.T, folder string) (*contract.Root, *azure.Cloud) {
	t.Helper()
	t.Parallel()
	terraform := contract.New(t, folder, contractTimeout)
	cloud, err := azure.New(t.Context(), azure.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cloud.Close(); err != nil {
			t.Error(err)
		}
	})
	terraform.Env = append(terraform.Env,
		"ARM_METADATA_HOSTNAME="+strings.TrimPrefix(cloud.URL(), "https://"), "SSL_CERT_FILE="+cloud.CAFile(),
		"ARM_TENANT_ID="+cloud.TenantID(), "ARM_CLIENT_ID="+cloud.ClientID(), "ARM_CLIENT_SECRET="+cloud.ClientSecret(),
		"ARM_SUBSCRIPTION_ID="+cloud.SubscriptionID(),
		// What up to 4.x is the default.
		"ARM_PROVIDER_ENHANCED_VALIDATION_LOCATIONS=true", "ARM_PROVIDER_ENHANCED_VALIDATION_RESOURCE_PROVIDERS=true",
	)
	return terraform, cloud
}

// wantUpdates plans, and wants what `revision` changes to be updated, and nothing replaced.
func wantUpdates(t *testing.T, terraform *contract.Root, args ...string) {
	t.Helper()
	planned := terraform.Changes(t, args...)
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

// wantValues checks what an empty plan cannot show: computed values.
func wantValues(t *testing.T, cloud *azure.Cloud, resources contract.Resources) {
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
