package ipfirewall

import (
	"context"
	"crypto/tls"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/azureaccount"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/resourcetest"
	sandbox "github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/azure"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/waiter"
)

const foreignHost, foreignRange = "9.9.9.9", "8.8.8.0/24"

// azure is a sandbox with one account that others listed two entries in, and the
// resource in front of it, driven over Terraform's protocol. Sandbox and resource share one
// clock that waiting moves, so that nothing here takes real time.
type azure struct {
	*sandbox.Cloud
	t         *testing.T
	clock     *waiter.FakeClock
	accountID string
	resource  *Resource
	server    *resourcetest.Server
	client    *http.Client
	// intercept, if set, may answer a request in the cloud's place.
	intercept func(*http.Request) (*http.Response, error)
	// saved has the whole state, private part included, that a *model was read from.
	saved *sync.Map
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
	a := &azure{Cloud: c, t: t, clock: clock, accountID: id, saved: &sync.Map{}, client: &http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: c.CAPool(), MinVersion: tls.VersionTLS12}, ForceAttemptHTTP2: true,
	}}}
	client := azureaccount.New(pipelineOf(t, c, a), c.URL())
	a.serve(&Resource{cloud: &cloudAccess{
		owner:     "default",
		reachable: func() bool { return true },
		accounts:  func(context.Context) (*azureaccount.Client, diag.Diagnostics) { return client, nil },
		waiter:    waiter.Waiter{Clock: clock, Min: time.Second, Max: 10 * time.Second},
		locks:     &keyedLocks{},
	}})
	return a
}

func (a *azure) serve(r *Resource) {
	a.resource = r
	a.server = resourcetest.NewServer(a.t, func() resource.Resource { return r })
}

// Do sends a request of the resource, unless it is intercepted.
func (a *azure) Do(req *http.Request) (*http.Response, error) {
	if a.intercept != nil {
		switch resp, err := a.intercept(req); {
		case err != nil:
			return nil, err
		case resp != nil:
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
	other.serve(&Resource{cloud: &access})
	return &other
}

// pipelineOf is the provider's pipeline, trusting the sandbox and with short pauses
// between the retries of single requests.
func pipelineOf(t *testing.T, c *sandbox.Cloud, transport policy.Transporter) runtime.Pipeline {
	t.Helper()
	pipeline, err := c.Access().Pipeline(policy.ClientOptions{
		Transport: transport, Retry: policy.RetryOptions{RetryDelay: time.Millisecond, MaxRetryDelay: time.Millisecond},
	})
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

func withOwner(config model, owner string) model {
	config.Owner = types.StringValue(owner)
	return config
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

// object is a model in Terraform's own form.
func object(t *testing.T, m model) tftypes.Value {
	t.Helper()
	state := nullState(t.Context())
	if diags := state.Set(t.Context(), m); diags.HasError() {
		t.Fatal(diags)
	}
	return state.Raw
}

// state is the whole state that goes with a model; nil is no instance.
func (a *azure) state(m *model) resourcetest.State {
	a.t.Helper()
	if m == nil {
		return a.server.Nothing()
	}
	saved, _ := a.saved.Load(m)
	state, _ := saved.(resourcetest.State)
	state.Value = object(a.t, *m)
	return state
}

// modelOf is the reverse of state.
func (a *azure) modelOf(state resourcetest.State) *model {
	a.t.Helper()
	if state.IsNull() {
		return nil
	}
	m := a.read(state.Value)
	a.saved.Store(&m, state)
	return &m
}

func (a *azure) read(value tftypes.Value) (m model) {
	a.t.Helper()
	state := tfsdk.State{Schema: resourceSchema(a.t.Context()), Raw: value}
	if diags := state.Get(a.t.Context(), &m); diags.HasError() {
		a.t.Fatal(diags)
	}
	return m
}

// said translates what the resource reported; of attributes only the first step is kept.
func said(reported []*tfprotov6.Diagnostic) diag.Diagnostics {
	var diags diag.Diagnostics
	for _, d := range reported {
		var one diag.Diagnostic = diag.NewErrorDiagnostic(d.Summary, d.Detail)
		if d.Severity == tfprotov6.DiagnosticSeverityWarning {
			one = diag.NewWarningDiagnostic(d.Summary, d.Detail)
		}
		if d.Attribute != nil {
			if name, ok := d.Attribute.Steps()[0].(tftypes.AttributeName); ok {
				one = diag.WithPath(path.Root(string(name)), one)
			}
		}
		diags.Append(one)
	}
	return diags
}

// planned is a plan, with what it says of the resource.
type planned struct {
	model
	plan resourcetest.Plan
}

// plan is Terraform's plan of config after prior.
func (a *azure) plan(config model, prior *model) (planned, diag.Diagnostics) {
	a.t.Helper()
	plan, diags := a.server.Plan(a.state(prior), object(a.t, config))
	return planned{a.read(plan.Planned), plan}, said(diags)
}

// apply plans config after prior and carries the plan out. The state is nil if none is saved.
func (a *azure) apply(ctx context.Context, config model, prior *model) (*model, diag.Diagnostics) {
	a.t.Helper()
	planned, diags := a.plan(config, prior)
	if diags.HasError() {
		return prior, diags
	}
	return a.applyPlan(ctx, planned, prior)
}

func (a *azure) applyPlan(ctx context.Context, planned planned, prior *model) (*model, diag.Diagnostics) {
	a.t.Helper()
	after, diags := a.server.Apply(ctx, a.state(prior), planned.plan)
	return a.modelOf(after), said(diags)
}

func (a *azure) mustApply(config model, prior *model) *model {
	a.t.Helper()
	state, diags := a.apply(a.t.Context(), config, prior)
	if diags.HasError() || state == nil {
		a.t.Fatalf("apply: %v", diags)
	}
	return state
}

// refresh reads the instance; one that cannot be read stays as it was.
func (a *azure) refresh(prior *model) (*model, diag.Diagnostics) {
	a.t.Helper()
	after, diags := a.server.Read(a.state(prior))
	return a.modelOf(after), said(diags)
}

// planDestroy is what the plan of a destruction reports.
func (a *azure) planDestroy(state *model) diag.Diagnostics {
	a.t.Helper()
	_, diags := a.server.Plan(a.state(state), a.server.Nothing().Value)
	return said(diags)
}

// destroy carries out the destruction of an instance, without its plan.
func (a *azure) destroy(ctx context.Context, state *model) diag.Diagnostics {
	a.t.Helper()
	nothing := a.server.Nothing().Value
	_, diags := a.server.Apply(ctx, a.state(state), resourcetest.Plan{Config: nothing, Planned: nothing})
	return said(diags)
}

func (a *azure) mustDestroy(state *model) {
	a.t.Helper()
	if diags := a.destroy(a.t.Context(), state); diags.HasError() {
		a.t.Fatalf("destroy: %v", diags)
	}
}

// importOf imports an instance and reads it.
func (a *azure) importOf(id string) *model {
	a.t.Helper()
	imported, diags := a.server.Import(id)
	if resourcetest.HasError(diags) {
		a.t.Fatal(said(diags))
	}
	state, reported := a.refresh(a.modelOf(imported))
	if reported.HasError() || state == nil {
		a.t.Fatal(reported)
	}
	return state
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

// wantCalls asserts the requests since they were last counted; polls of operations are
// as many as it takes.
func (a *azure) wantCalls(what string, want map[string]int) {
	a.t.Helper()
	got := a.calls()
	if want["Accounts_Update"] > 0 && got["Operations_Get"] > 0 {
		delete(got, "Operations_Get")
	}
	if !maps.Equal(got, want) {
		a.t.Errorf("%s called %v, want %v", what, got, want)
	}
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
