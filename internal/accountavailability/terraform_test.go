package accountavailability_test

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	test "github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/accountavailability"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/clients"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/azure"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/fault"
)

func TestMain(m *testing.M) {
	code := m.Run()
	if c, err := theCloud(); err == nil {
		_ = c.Close()
		_ = os.RemoveAll(filepath.Dir(c.CAFile()))
	}
	os.Exit(code)
}

// availabilityOnly is a provider of this one data source, configured by the environment.
type availabilityOnly struct{}

func (availabilityOnly) Metadata(_ context.Context, _ provider.MetadataRequest, resp *provider.MetadataResponse) {
	resp.TypeName = "crosscloudlink"
}

func (availabilityOnly) Schema(context.Context, provider.SchemaRequest, *provider.SchemaResponse) {}

func (availabilityOnly) Configure(_ context.Context, _ provider.ConfigureRequest, resp *provider.ConfigureResponse) {
	resp.DataSourceData = clients.New(clients.Config{Version: "test", Getenv: os.Getenv})
}

func (availabilityOnly) Resources(context.Context) []func() resource.Resource { return nil }

func (availabilityOnly) DataSources(context.Context) []func() datasource.DataSource {
	return []func() datasource.DataSource{accountavailability.NewDataSource}
}

var factories = map[string]func() (tfprotov6.ProviderServer, error){
	"crosscloudlink": providerserver.NewProtocol6WithError(availabilityOnly{}),
}

// theCloud is one sandbox for all tests: Go reads the trusted authorities once a process.
var theCloud = sync.OnceValues(func() (*azure.Cloud, error) {
	dir, err := os.MkdirTemp("", "accountavailability")
	if err != nil {
		return nil, err
	}
	return azure.New(context.Background(), azure.Options{Dir: dir})
})

func cloud(t *testing.T) *azure.Cloud {
	t.Helper()
	c, err := theCloud()
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{
		"SSL_CERT_FILE":         c.CAFile(),
		"ARM_METADATA_HOSTNAME": strings.TrimPrefix(c.URL(), "https://"),
		"ARM_TENANT_ID":         c.TenantID(),
		"ARM_SUBSCRIPTION_ID":   c.SubscriptionID(),
		"ARM_CLIENT_ID":         c.ClientID(),
		"ARM_CLIENT_SECRET":     c.ClientSecret(),
		"ARM_USE_CLI":           "false",
	} {
		t.Setenv(name, value)
	}
	t.Cleanup(c.Faults.Clear)
	return c
}

const address = "data.crosscloudlink_aoai_account_availability.test"

func configuration(name, location string) string {
	return fmt.Sprintf(`
data "crosscloudlink_aoai_account_availability" "test" {
  name                  = %[1]q
  resource_group_name   = "theirs"
  location              = %[2]q
  custom_subdomain_name = %[1]q
}
`, name, location)
}

// value checks one attribute.
func value(attribute string, want knownvalue.Check) statecheck.StateCheck {
	return statecheck.ExpectKnownValue(address, tfjsonpath.New(attribute), want)
}

func values(exists bool, available, deleted knownvalue.Check, deletedID, reason knownvalue.Check) []statecheck.StateCheck {
	return []statecheck.StateCheck{
		value("account_exists", knownvalue.Bool(exists)),
		value("subdomain_available", available),
		value("soft_deleted", deleted),
		value("deleted_account_id", deletedID),
		value("reason", reason),
	}
}

// wantCalls checks what Resource Manager was asked, once for each of reads reads.
func wantCalls(t *testing.T, c *azure.Cloud, operations ...string) func() {
	return func() {
		got := c.Faults.Counts()
		maps.DeleteFunc(got, func(operation string, _ int) bool {
			return strings.HasPrefix(operation, "OIDC_") || operation == "Metadata_Endpoints"
		})
		c.Faults.ClearLog()
		reads := got[operations[0]]
		if reads == 0 || len(got) != len(operations) {
			t.Errorf("called %v, want %v", got, operations)
		}
		for _, operation := range operations {
			if got[operation] != reads {
				t.Errorf("called %v, want each of %v as often", got, operations)
			}
		}
	}
}

func TestTerraform(t *testing.T) {
	c := cloud(t)
	c.TakeSubdomain("elsewhere")
	var id string
	yes, no, empty := knownvalue.Bool(true), knownvalue.Bool(false), knownvalue.StringExact("")
	taken := knownvalue.StringRegexp(regexp.MustCompile("already used by a resource"))
	plansNothing := test.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()}}
	all := []string{"Accounts_Get", "CheckDomainAvailability", "DeletedAccounts_Get"}
	c.Faults.ClearLog()
	test.UnitTest(t, test.TestCase{
		ProtoV6ProviderFactories: factories,
		Steps: []test.TestStep{
			{Config: configuration("fresh", "eastus"), ConfigPlanChecks: plansNothing, ConfigStateChecks: append(
				values(false, yes, no, knownvalue.Null(), empty),
				value("id", knownvalue.StringExact("/subscriptions/"+c.SubscriptionID()+"/resourceGroups/theirs/providers/Microsoft.CognitiveServices/accounts/fresh")))},
			{
				PreConfig: wantCalls(t, c, all...),
				Config:    configuration("elsewhere", "eastus"), ConfigStateChecks: values(false, no, no, knownvalue.Null(), taken),
			},
			{
				PreConfig: func() {
					var err error
					if id, err = c.SeedAccount(azure.Account{ResourceGroup: "theirs", Name: "fresh", Subdomain: "fresh"}); err != nil {
						t.Fatal(err)
					}
					c.Faults.ClearLog()
				},
				Config: configuration("fresh", "eastus"), ConfigStateChecks: values(true, yes, no, knownvalue.Null(), empty),
			},
			{
				PreConfig: func() {
					wantCalls(t, c, "Accounts_Get")()
					if err := c.DeleteAccount(id); err != nil {
						t.Fatal(err)
					}
				},
				Config: configuration("fresh", "East US"), ConfigStateChecks: values(false, no, yes,
					knownvalue.StringExact("/subscriptions/"+c.SubscriptionID()+"/providers/Microsoft.CognitiveServices/locations/eastus/resourceGroups/theirs/deletedAccounts/fresh"), taken),
			},
			{
				PreConfig: func() {
					wantCalls(t, c, all...)()
					c.Faults.Add(
						fault.Rule{Path: regexp.MustCompile("checkDomainAvailability"), Times: -1, Status: 403, Code: "AuthorizationFailed", Message: "no right"},
						fault.Rule{Path: regexp.MustCompile("deletedAccounts"), Times: -1, Status: 403, Code: "AuthorizationFailed", Message: "no right"})
				},
				Config: configuration("other", "eastus"), ConfigStateChecks: values(false, knownvalue.Null(), knownvalue.Null(), knownvalue.Null(), empty),
			},
			{
				PreConfig: func() {
					c.Faults.Clear()
					c.Faults.Add(fault.Rule{Path: regexp.MustCompile("/accounts/"), Times: -1, Status: 403, Code: "AuthorizationFailed", Message: "no right to read"})
				},
				Config:      configuration("other", "eastus"),
				ExpectError: regexp.MustCompile(`(?s)Cannot find out whether the account can be made.*reading the account.*no right to read`),
			},
		},
	})
}

func TestTerraformRefusesBadInput(t *testing.T) {
	cloud(t)
	good := configuration("fresh", "eastus")
	for name, tc := range map[string]struct{ from, to, want string }{
		"a host name":   {`custom_subdomain_name = "fresh"`, `custom_subdomain_name = "fresh.openai.azure.com"`, `write\s+the\s+first\s+label\s+alone`},
		"an underscore": {`custom_subdomain_name = "fresh"`, `custom_subdomain_name = "fre_sh"`, `letters,\s+digits\s+and\s+hyphens`},
		"a group's id":  {`"theirs"`, `"/subscriptions/s/resourceGroups/theirs"`, `not\s+its\s+id`},
		"a short name":  {`name                  = "fresh"`, `name = "f"`, `2\s+to\s+64`},
		"a location":    {`"eastus"`, `"east-us"`, `an\s+Azure\s+location`},
	} {
		t.Run(name, func(t *testing.T) {
			config := strings.Replace(good, tc.from, tc.to, 1)
			if config == good {
				t.Fatal("nothing was replaced")
			}
			test.UnitTest(t, test.TestCase{ProtoV6ProviderFactories: factories, Steps: []test.TestStep{{Config: config, ExpectError: regexp.MustCompile(tc.want)}}})
		})
	}
}
