package ipfirewall_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

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

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/clients"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/ipfirewall"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/azure"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/fault"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/tfrun"
)

// pluginName is the file name by which Terraform finds a provider in a folder. Started
// under that name, the test program is the provider, in a process that can be killed.
const pluginName = "terraform-provider-crosscloudlink"

func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) != pluginName {
		code := m.Run()
		closeTheCloud()
		os.Exit(code)
	}
	err := providerserver.Serve(context.Background(), newProvider, providerserver.ServeOpts{Address: "registry.terraform.io/crosscloudlink/crosscloudlink"})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// firewallOnly is a provider of this one resource, configured by the environment.
type firewallOnly struct{}

func newProvider() provider.Provider { return firewallOnly{} }

func (firewallOnly) Metadata(_ context.Context, _ provider.MetadataRequest, resp *provider.MetadataResponse) {
	resp.TypeName = "crosscloudlink"
}

func (firewallOnly) Schema(context.Context, provider.SchemaRequest, *provider.SchemaResponse) {}

func (firewallOnly) Configure(_ context.Context, _ provider.ConfigureRequest, resp *provider.ConfigureResponse) {
	resp.ResourceData = clients.New(clients.Config{Version: "test", Getenv: os.Getenv})
}

func (firewallOnly) Resources(context.Context) []func() resource.Resource {
	return []func() resource.Resource{ipfirewall.NewResource}
}

func (firewallOnly) DataSources(context.Context) []func() datasource.DataSource { return nil }

var factories = map[string]func() (tfprotov6.ProviderServer, error){
	"crosscloudlink": providerserver.NewProtocol6WithError(newProvider()),
}

const theirHost, theirRange = "9.9.9.9", "8.8.8.0/24"

// theCloud is one sandbox for all tests: Go reads the trusted authorities once a process.
// closeTheCloud ends it, if any test has asked for it.
var (
	theCloud = sync.OnceValues(func() (*azure.Cloud, error) {
		dir, err := os.MkdirTemp("", "ipfirewall")
		if err != nil {
			return nil, err
		}
		c, err := azure.New(context.Background(), azure.Options{Dir: dir})
		closeTheCloud = func() {
			if err == nil {
				_ = c.Close()
			}
			_ = os.RemoveAll(dir)
		}
		return c, err
	})
	closeTheCloud = func() {}
)

// environment names what leads a provider to the sandbox.
func environment(c *azure.Cloud) map[string]string {
	return map[string]string{
		"SSL_CERT_FILE":         c.CAFile(),
		"ARM_METADATA_HOSTNAME": strings.TrimPrefix(c.URL(), "https://"),
		"ARM_TENANT_ID":         c.TenantID(),
		"ARM_SUBSCRIPTION_ID":   c.SubscriptionID(),
		"ARM_CLIENT_ID":         c.ClientID(),
		"ARM_CLIENT_SECRET":     c.ClientSecret(),
		"ARM_USE_CLI":           "false",
	}
}

// account makes an account in which others listed two entries, and returns its id.
func account(t *testing.T) (*azure.Cloud, string) {
	t.Helper()
	c, err := theCloud()
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range environment(c) {
		t.Setenv(name, value)
	}
	name := strings.ToLower(regexp.MustCompile(`[\W_]+`).ReplaceAllString(t.Name(), "-"))
	id, err := c.SeedAccount(azure.Account{ResourceGroup: "theirs", Name: name, Subdomain: name, IPRules: []string{theirHost, theirRange}, DefaultAction: "Deny"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Faults.Clear)
	return c, id
}

func listed(c *azure.Cloud, id string) []string {
	state, _ := c.State(id)
	slices.Sort(state.IPRules)
	return state.IPRules
}

// wantListed asserts what the account lists beside the others' entries.
func wantListed(t *testing.T, c *azure.Cloud, id string, own ...string) {
	t.Helper()
	want := append([]string{theirHost, theirRange}, own...)
	slices.Sort(want)
	if got := listed(c, id); !slices.Equal(got, want) {
		t.Fatalf("the account lists %q, want %q", got, want)
	}
}

const address = "crosscloudlink_aoai_ip_firewall.test"

func configuration(id, rules string, more ...string) string {
	return fmt.Sprintf(`
resource "crosscloudlink_aoai_ip_firewall" "test" {
  account_id = %q
  owner      = "team"
  ip_rules   = %s
  %s
}
`, id, rules, strings.Join(more, "\n  "))
}

func TestTerraformLifecycle(t *testing.T) {
	c, id := account(t)
	// The addresses are known after apply only, as those of a pool are.
	unknown := `
resource "terraform_data" "pool" {
  input = ["52.1.2.3", "52.1.2.4"]
}
`
	patches := func(want int) func() {
		return func() {
			if got := c.Faults.Counts()["Accounts_Update"]; got != want {
				t.Errorf("%d writes, want %d", got, want)
			}
		}
	}
	c.Faults.ClearLog()
	empty := test.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()}}
	updated := test.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{plancheck.ExpectResourceAction(address, plancheck.ResourceActionUpdate)}}
	admitted := func(ips ...string) []statecheck.StateCheck {
		var values []knownvalue.Check
		for _, ip := range ips {
			values = append(values, knownvalue.StringExact(ip))
		}
		return []statecheck.StateCheck{statecheck.ExpectKnownValue(address, tfjsonpath.New("admitted_public_ips"), knownvalue.SetExact(values))}
	}
	test.UnitTest(t, test.TestCase{
		ProtoV6ProviderFactories: factories,
		Steps: []test.TestStep{
			{
				Config: unknown + configuration(id, "terraform_data.pool.output"),
				ConfigPlanChecks: test.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
					plancheck.ExpectUnknownValue(address, tfjsonpath.New("admitted_public_ips")),
					plancheck.ExpectKnownValue(address, tfjsonpath.New("id"), knownvalue.StringExact(id+"#team")),
				}},
				ConfigStateChecks: admitted("52.1.2.3", "52.1.2.4"),
			},
			{
				PreConfig:         patches(1),
				Config:            unknown + configuration(id, "terraform_data.pool.output"),
				ConfigPlanChecks:  empty,
				ConfigStateChecks: admitted("52.1.2.3", "52.1.2.4"),
			},
			{Config: configuration(id, `["52.1.2.3/32", "52.1.2.4"]`), ConfigPlanChecks: test.ConfigPlanChecks{
				PreApply: []plancheck.PlanCheck{plancheck.ExpectResourceAction(address, plancheck.ResourceActionNoop)}}},
			{Config: configuration(strings.ToUpper(id), `["52.1.2.3/32", "52.1.2.4"]`), ConfigPlanChecks: empty},
			{
				Config: configuration(id, `["52.1.2.3", "52.1.2.4"]`, `default_action = "Deny"`),
				ConfigPlanChecks: test.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
					plancheck.ExpectResourceAction(address, plancheck.ResourceActionUpdate),
					plancheck.ExpectKnownValue(address, tfjsonpath.New("admitted_public_ips"), knownvalue.SetSizeExact(2)),
				}},
			},
			{
				// Somebody takes one of ours out by hand, and adds one of theirs.
				PreConfig: func() {
					patches(1)()
					if err := c.RemoveRule(id, "52.1.2.3"); err != nil {
						t.Error(err)
					}
					if err := c.AddRule(id, "7.7.7.7"); err != nil {
						t.Error(err)
					}
				},
				Config:            configuration(id, `["52.1.2.3", "52.1.2.4"]`, `default_action = "Deny"`),
				ConfigPlanChecks:  updated,
				ConfigStateChecks: admitted("52.1.2.3", "52.1.2.4"),
			},
			{
				Config:            configuration(id, `["52.1.2.4/31", "52.1.9.0/24"]`),
				ConfigPlanChecks:  updated,
				ConfigStateChecks: admitted("52.1.2.4", "52.1.2.5"),
			},
			{
				ResourceName:      address,
				ImportState:       true,
				ImportStateId:     id + "#team#52.1.2.4/31,52.1.9.0/24",
				ImportStateVerify: true,
			},
			{
				ResourceName:            address,
				ImportState:             true,
				ImportStateId:           id + "#team",
				ImportStateVerify:       true,
				ImportStateVerifyIgnore: []string{"ip_rules", "admitted_public_ips", "unmanaged_ip_rules"},
			},
			{Config: configuration(id, `[]`), ConfigPlanChecks: updated, ConfigStateChecks: admitted()},
			{Config: configuration(id, `["52.1.2.4"]`)},
			{
				Config: strings.Replace(configuration(id, `["52.1.2.4"]`), `"team"`, `"another-team"`, 1),
				ConfigPlanChecks: test.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
					plancheck.ExpectResourceAction(address, plancheck.ResourceActionDestroyBeforeCreate),
				}},
				ConfigStateChecks: admitted("52.1.2.4"),
			},
		},
	})
	wantListed(t, c, id, "7.7.7.7")
}

func TestTerraformRefusesAtPlan(t *testing.T) {
	_, id := account(t)
	for name, wrong := range map[string]struct{ config, want string }{
		"private":    {configuration(id, `["52.1.2.3", "10.1.2.3"]`), `(?s)ip_rules.*10\.1\.2\.3 lies in 10\.0\.0\.0/8.*Elastic IP`},
		"unaligned":  {configuration(id, `["52.1.2.3/24"]`), `(?s)Write\s+52\.1\.2\.0/24`},
		"duplicate":  {configuration(id, `["52.1.2.3", "52.1.2.3/32"]`), `(?s)Duplicate ip rule.*two\s+spellings`},
		"ipv6":       {configuration(id, `["2001:db8::1"]`), `(?s)IPv6`},
		"everything": {configuration(id, `["0.0.0.0/0"]`), `(?s)whole\s+internet`},
		"endpoint":   {configuration("https://x.openai.azure.com/", `["52.1.2.3"]`), `(?s)account_id.*is an endpoint`},
		"missing":    {configuration(id+"-not", `["52.1.2.3"]`), `(?s)The account does not exist.*ResourceNotFound`},
		"shared":     {configuration(id, `["52.1.2.3"]`, `shared_ip_rules = ["52.1.2.4"]`), `(?s)Shared rule is not in ip_rules`},
		"action":     {configuration(id, `["52.1.2.3"]`, `default_action = "deny"`), `(?s)default_action.*"Allow".*"Deny"`},
		"on_destroy": {configuration(id, `["52.1.2.3"]`, `on_destroy = "restore"`), `(?s)on_destroy.*"remove_entries".*"keep"`},
		"deployment": {configuration(id+"/deployments/gpt", `["52.1.2.3"]`), `(?s)account_id.*part\s+of\s+an\s+account`},
		"other type": {configuration(strings.Replace(id, "CognitiveServices/accounts", "Search/searchServices", 1), `["52.1.2.3"]`), `(?s)account_id.*Microsoft\.Search/searchServices`},
		"owner":      {strings.Replace(configuration(id, `["52.1.2.3"]`), `"team"`, `"a#b"`, 1), `(?s)owner.*without # and white space`},
	} {
		t.Run(name, func(t *testing.T) {
			test.UnitTest(t, test.TestCase{ProtoV6ProviderFactories: factories, Steps: []test.TestStep{{
				Config: wrong.config, PlanOnly: true, ExpectError: regexp.MustCompile(wrong.want),
			}}})
		})
	}
}

func TestTerraformWithoutCredentials(t *testing.T) {
	_, id := account(t)
	t.Setenv("ARM_CLIENT_SECRET", "")
	test.UnitTest(t, test.TestCase{ProtoV6ProviderFactories: factories, Steps: []test.TestStep{{
		Config: configuration(id, `["52.1.2.3"]`), PlanOnly: true, ExpectError: regexp.MustCompile("(?s)No usable Azure credentials.*`azure`\\s+block"),
	}}})
}

// terraform is a root module whose provider is this test program, in its own process.
func terraform(t *testing.T, config string) tfrun.Terraform {
	t.Helper()
	dir := t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(self, filepath.Join(dir, pluginName)); err != nil {
		t.Fatal(err)
	}
	write := func(name, text string) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	write("main.tf", `terraform {
  required_providers {
    crosscloudlink = { source = "crosscloudlink/crosscloudlink" }
  }
}
`+config)
	cli := write("cli.tfrc", fmt.Sprintf("provider_installation {\n  dev_overrides {\n    \"crosscloudlink/crosscloudlink\" = %q\n  }\n  direct {}\n}\n", dir))
	t.Setenv("TF_CLI_CONFIG_FILE", cli)
	return tfrun.Terraform{Dir: dir}
}

var apply = []string{"apply", "-auto-approve", "-input=false", "-no-color"}

// strike runs an apply that is struck by what at the moment that the rule names, and
// waits for its end.
func strike(t *testing.T, c *azure.Cloud, tf tfrun.Terraform, rule fault.Rule, at string, what func(*tfrun.Run) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	runs := make(chan *tfrun.Run, 1)
	act := func() {
		if err := what(<-runs); err != nil {
			t.Error(err)
		}
	}
	if at == "before" {
		rule.Before = act
	} else {
		rule.Then = act
	}
	c.Faults.Add(rule)
	run, err := tf.Start(ctx, nil, apply...)
	if err != nil {
		t.Fatal(err)
	}
	runs <- run
	output, err := run.Wait()
	if err == nil {
		t.Errorf("an apply that was struck ended well:\n%s", output)
	}
	if n := c.Faults.Unused(); n != 0 {
		t.Fatalf("the apply was not struck:\n%s", output)
	}
	c.Faults.Clear()
}

func wantChanges(t *testing.T, tf tfrun.Terraform, want int) {
	t.Helper()
	got, err := tf.Plan(t.Context())
	if err != nil || len(got) != want {
		t.Fatalf("planned %v, want %d changes: %v", got, want, err)
	}
}

func mustDo(t *testing.T, tf tfrun.Terraform, args ...string) string {
	t.Helper()
	output, err := tf.Do(t.Context(), args...)
	if err != nil {
		t.Fatal(err)
	}
	return output
}

// What a destroy leaves is said in its plan, and so is what it takes that was there before:
// this is in the private state, which Terraform keeps.
func TestTerraformDestroySaysWhatItDoes(t *testing.T) {
	c, id := account(t)
	tf := terraform(t, configuration(id, `["52.1.2.3"]`, `on_destroy = "keep"`))
	mustDo(t, tf, apply...)
	wantChanges(t, tf, 0)
	output := mustDo(t, tf, "destroy", "-auto-approve", "-no-color")
	if !strings.Contains(output, "Firewall entries will stay") {
		t.Errorf("the destroy does not say what stays:\n%s", output)
	}
	wantListed(t, c, id, "52.1.2.3")

	tf = terraform(t, configuration(id, `["52.1.2.3", "52.1.2.4"]`))
	mustDo(t, tf, apply...)
	wantChanges(t, tf, 0)
	output = mustDo(t, tf, "destroy", "-auto-approve", "-no-color")
	if !strings.Contains(output, "Adopted firewall entries will be removed") || strings.Contains(output, "52.1.2.4 before") {
		t.Errorf("the destroy does not say what it takes:\n%s", output)
	}
	wantListed(t, c, id)
}

// SIGKILL of Terraform and provider, at each point of a create: the next apply takes up
// what is there, and a destroy leaves nothing.
func TestTerraformKilled(t *testing.T) {
	// Terraform plans a create twice, with a read each; then come the create's own two.
	readBack := fault.Rule{Method: http.MethodGet, Path: regexp.MustCompile("(?i)/accounts/[^/]+$"), Skip: 3}
	for name, moment := range map[string]struct {
		rule fault.Rule
		at   string
		left int // entries of ours
	}{
		"before the write":    {fault.Rule{Method: http.MethodPatch, Status: 500}, "before", 0},
		"after the write":     {fault.Rule{Method: http.MethodPatch}, "then", 2},
		"while Azure works":   {fault.Rule{Path: regexp.MustCompile("operationResults")}, "before", 2},
		"while reading back":  {readBack, "before", 2},
		"with its answer out": {readBack, "then", 2},
	} {
		t.Run(name, func(t *testing.T) {
			c, id := account(t)
			tf := terraform(t, configuration(id, `["52.1.2.3", "52.1.2.4"]`))
			strike(t, c, tf, moment.rule, moment.at, (*tfrun.Run).Kill)
			if got := len(listed(c, id)); got != 2+moment.left {
				t.Fatalf("after the kill the account lists %d entries", got)
			}
			output := mustDo(t, tf, apply...)
			if warned := strings.Contains(output, "Existing firewall entries will be adopted"); warned != (moment.left > 0) {
				t.Errorf("warned of adoption: %t\n%s", warned, output)
			}
			wantListed(t, c, id, "52.1.2.3", "52.1.2.4")
			wantChanges(t, tf, 0)
			mustDo(t, tf, "destroy", "-auto-approve", "-no-color")
			wantListed(t, c, id)
		})
	}
}

// Ctrl-C: before the write nothing is left and nothing is saved; after it the write is
// finished, read back and saved.
func TestTerraformInterrupted(t *testing.T) {
	for name, moment := range map[string]struct {
		rule    fault.Rule
		at      string
		changes int // of the next plan
	}{
		"before the write":  {fault.Rule{Method: http.MethodPatch, Status: 409, Code: "RequestConflict"}, "then", 1},
		"with the write":    {fault.Rule{Method: http.MethodPatch}, "before", 0},
		"while Azure works": {fault.Rule{Path: regexp.MustCompile("operationResults")}, "before", 0},
	} {
		t.Run(name, func(t *testing.T) {
			c, id := account(t)
			tf := terraform(t, configuration(id, `["52.1.2.3", "52.1.2.4"]`))
			strike(t, c, tf, moment.rule, moment.at, (*tfrun.Run).Interrupt)
			if got := len(listed(c, id)); got != 4-2*moment.changes {
				t.Fatalf("after Ctrl-C the account lists %d entries", got)
			}
			wantChanges(t, tf, moment.changes)
			mustDo(t, tf, apply...)
			mustDo(t, tf, "destroy", "-auto-approve", "-no-color")
			wantListed(t, c, id)
		})
	}
}
