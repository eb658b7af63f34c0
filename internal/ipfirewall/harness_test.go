package ipfirewall

import (
	"context"
	"crypto/tls"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/arm"
	armruntime "github.com/Azure/azure-sdk-for-go/sdk/azcore/arm/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/azureaccount"
	sandbox "github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/azure"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/waiter"
)

const foreignHost, foreignRange = "9.9.9.9", "8.8.8.0/24"

// azure is a sandbox with one account that others listed two entries in, and the
// resource in front of it. Sandbox and resource share one clock that waiting moves, so
// that nothing here takes real time.
type azure struct {
	*sandbox.Cloud
	t         *testing.T
	clock     *waiter.FakeClock
	accountID string
	resource  *Resource
	client    *http.Client
	// intercept, if set, may answer a request in the cloud's place.
	intercept func(*http.Request) *http.Response
}

func newAzure(t *testing.T, seed ...sandbox.Account) *azure {
	t.Helper()
	clock := waiter.NewFakeClock(time.Now())
	c, err := sandbox.New(t.Context(), sandbox.Options{Dir: t.TempDir(), Now: clock.Now, OperationTime: 3 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	account := sandbox.Account{ResourceGroup: "theirs", Name: "aoai", Subdomain: "aoai-theirs", IPRules: []string{foreignHost, foreignRange}, DefaultAction: "Deny"}
	if len(seed) > 0 {
		account = seed[0]
	}
	id, err := c.SeedAccount(account)
	if err != nil {
		t.Fatal(err)
	}
	a := &azure{Cloud: c, t: t, clock: clock, accountID: id, client: &http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: c.CAPool(), MinVersion: tls.VersionTLS12}, ForceAttemptHTTP2: true,
	}}}
	client := azureaccount.New(pipelineOf(t, c, a), c.URL())
	a.resource = &Resource{cloud: &cloudAccess{
		owner:     "default",
		reachable: func() bool { return true },
		accounts:  func(context.Context) (*azureaccount.Client, diag.Diagnostics) { return client, nil },
		waiter:    waiter.Waiter{Clock: clock, Min: time.Second, Max: 10 * time.Second},
		locks:     &keyedLocks{},
	}}
	return a
}

// Do sends a request of the resource, unless it is intercepted.
func (a *azure) Do(req *http.Request) (*http.Response, error) {
	if a.intercept != nil {
		if resp := a.intercept(req); resp != nil {
			resp.Request = req
			return resp, nil
		}
	}
	return a.client.Do(req)
}

// otherProcess is the same cloud as another process sees it: with locks of its own.
func (a *azure) otherProcess() *azure {
	other, access := *a, *a.resource.cloud
	access.locks = &keyedLocks{}
	other.resource = &Resource{cloud: &access}
	return &other
}

// pipelineOf is the provider's pipeline, trusting the sandbox and with short pauses
// between the retries of single requests.
func pipelineOf(t *testing.T, c *sandbox.Cloud, transport policy.Transporter) runtime.Pipeline {
	t.Helper()
	options := policy.ClientOptions{
		Cloud: cloud.Configuration{ActiveDirectoryAuthorityHost: c.URL(), Services: map[cloud.ServiceName]cloud.ServiceConfiguration{
			cloud.ResourceManager: {Endpoint: c.URL(), Audience: c.URL()},
		}},
		Transport: transport,
		Retry:     policy.RetryOptions{RetryDelay: time.Millisecond, MaxRetryDelay: time.Millisecond},
	}
	credential, err := azidentity.NewClientSecretCredential(c.TenantID(), c.ClientID(), c.ClientSecret(),
		&azidentity.ClientSecretCredentialOptions{ClientOptions: options, DisableInstanceDiscovery: true})
	if err != nil {
		t.Fatal(err)
	}
	pipeline, err := armruntime.NewPipeline("test", "0", credential, runtime.PipelineOptions{}, &arm.ClientOptions{ClientOptions: options, DisableRPRegistration: true})
	if err != nil {
		t.Fatal(err)
	}
	return pipeline
}

// config is a configuration of the account's firewall.
func (a *azure) config(rules ...string) model {
	m := emptyModel(a.t)
	m.AccountID = types.StringValue(a.accountID)
	m.IPRules = ruleSet(rules)
	return m
}

// emptyModel has a null of the right type in every attribute.
func emptyModel(t *testing.T) model {
	t.Helper()
	ctx := t.Context()
	var m model
	state := nullState(ctx)
	empty := tfsdk.State{Schema: state.Schema, Raw: emptyObject(ctx)}
	if diags := empty.Get(ctx, &m); diags.HasError() {
		t.Fatal(diags)
	}
	return m
}

func nullState(ctx context.Context) tfsdk.State {
	s := resourceSchema(ctx)
	return tfsdk.State{Schema: s, Raw: tftypes.NewValue(s.Type().TerraformType(ctx), nil)}
}

func emptyObject(ctx context.Context) tftypes.Value {
	object, _ := resourceSchema(ctx).Type().TerraformType(ctx).(tftypes.Object)
	values := map[string]tftypes.Value{}
	for name, typ := range object.AttributeTypes {
		values[name] = tftypes.NewValue(typ, nil)
	}
	return tftypes.NewValue(object, values)
}

func stateOf(t *testing.T, m *model) tfsdk.State {
	t.Helper()
	ctx := t.Context()
	state := nullState(ctx)
	if m != nil {
		if diags := state.Set(ctx, *m); diags.HasError() {
			t.Fatal(diags)
		}
	}
	return state
}

func modelOf(t *testing.T, state tfsdk.State) *model {
	t.Helper()
	if state.Raw.IsNull() {
		return nil
	}
	var m model
	if diags := state.Get(t.Context(), &m); diags.HasError() {
		t.Fatal(diags)
	}
	return &m
}

// plan is what Terraform's plan of config after prior is, as far as this resource has a say.
func (a *azure) plan(config model, prior *model) (model, diag.Diagnostics) {
	a.t.Helper()
	if config.AllowLockout.IsNull() {
		config.AllowLockout = types.BoolValue(false)
	}
	if config.Owner.IsNull() {
		config.Owner = types.StringUnknown()
		if prior != nil {
			config.Owner = prior.Owner
		}
	}
	priorState := stateOf(a.t, prior)
	proposed := stateOf(a.t, &config)
	resp := resource.ModifyPlanResponse{Plan: tfsdk.Plan(proposed)}
	a.resource.ModifyPlan(a.t.Context(), resource.ModifyPlanRequest{
		Config: tfsdk.Config(proposed), Plan: tfsdk.Plan(proposed), State: priorState,
	}, &resp)
	return *modelOf(a.t, tfsdk.State(resp.Plan)), resp.Diagnostics
}

// apply is Terraform's apply of config after prior, without the plan's own checks. The
// state is nil if none is saved.
func (a *azure) apply(ctx context.Context, config model, prior *model) (*model, diag.Diagnostics) {
	a.t.Helper()
	planned, diags := a.plan(config, prior)
	if diags.HasError() {
		return prior, diags
	}
	return a.applyPlan(ctx, planned, prior)
}

func (a *azure) applyPlan(ctx context.Context, planned model, prior *model) (*model, diag.Diagnostics) {
	a.t.Helper()
	state := stateOf(a.t, &planned)
	if prior == nil {
		resp := resource.CreateResponse{State: nullState(ctx)}
		a.resource.Create(ctx, resource.CreateRequest{Plan: tfsdk.Plan(state)}, &resp)
		return modelOf(a.t, resp.State), resp.Diagnostics
	}
	priorState := stateOf(a.t, prior)
	resp := resource.UpdateResponse{State: priorState}
	a.resource.Update(ctx, resource.UpdateRequest{Plan: tfsdk.Plan(state), State: priorState}, &resp)
	return modelOf(a.t, resp.State), resp.Diagnostics
}

func (a *azure) mustApply(config model, prior *model) *model {
	a.t.Helper()
	state, diags := a.apply(a.t.Context(), config, prior)
	if diags.HasError() || state == nil {
		a.t.Fatalf("apply: %v", diags)
	}
	return state
}

func (a *azure) refresh(prior *model) (*model, diag.Diagnostics) {
	a.t.Helper()
	state := stateOf(a.t, prior)
	resp := resource.ReadResponse{State: state}
	a.resource.Read(a.t.Context(), resource.ReadRequest{State: state}, &resp)
	return modelOf(a.t, resp.State), resp.Diagnostics
}

func (a *azure) destroy(ctx context.Context, state *model) diag.Diagnostics {
	a.t.Helper()
	prior := stateOf(a.t, state)
	resp := resource.DeleteResponse{State: prior}
	a.resource.Delete(ctx, resource.DeleteRequest{State: prior}, &resp)
	return resp.Diagnostics
}

// wantRules asserts what the account lists, in any order.
func (a *azure) wantRules(want ...string) {
	a.t.Helper()
	state, ok := a.State(a.accountID)
	if !ok {
		a.t.Fatal("the account is gone")
	}
	slices.Sort(state.IPRules)
	slices.Sort(want)
	if !slices.Equal(state.IPRules, want) {
		a.t.Fatalf("the account lists %q, want %q", state.IPRules, want)
	}
}

// calls counts the requests since the last call of it, by Azure's operation names; the
// token's are left out.
func (a *azure) calls() map[string]int {
	counts := map[string]int{}
	for name, n := range a.Faults.Counts() {
		if !strings.HasPrefix(name, "OIDC_") {
			counts[name] = n
		}
	}
	a.Faults.ClearLog()
	return counts
}

func wantSet(t *testing.T, what string, set types.Set, want ...string) {
	t.Helper()
	elements := make([]attr.Value, len(want))
	for i, value := range want {
		elements[i] = types.StringValue(value)
	}
	if !set.Equal(types.SetValueMust(types.StringType, elements)) {
		t.Errorf("%s is %s, want %q", what, set, want)
	}
}

func wantRuleSet(t *testing.T, set types.Set, want ...string) {
	t.Helper()
	if !set.Equal(ruleSet(want)) {
		t.Errorf("ip_rules is %s, want %q", set, want)
	}
}

// wantDiagnostic asserts one diagnostic with the summary, on the attribute if one is
// given, whose detail has the words.
func wantDiagnostic(t *testing.T, diags diag.Diagnostics, severity diag.Severity, at path.Path, summary string, words ...string) {
	t.Helper()
	for _, d := range diags {
		if d.Severity() != severity || d.Summary() != summary {
			continue
		}
		withPath, ok := d.(diag.DiagnosticWithPath)
		if !at.Equal(path.Empty()) && (!ok || !withPath.Path().Equal(at)) {
			t.Errorf("%q is not on %s: %v", summary, at, d)
		}
		for _, word := range words {
			if !strings.Contains(d.Detail(), word) {
				t.Errorf("%q lacks %q: %s", summary, word, d.Detail())
			}
		}
		return
	}
	t.Errorf("no %s %q in %v", severity, summary, diags)
}
