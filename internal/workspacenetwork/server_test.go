package workspacenetwork

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

const typeName = "crosscloudlink_databricks_workspace_network"

// soloProvider serves this one resource, connected to a world.
type soloProvider struct{ connector connector }

func (soloProvider) Metadata(_ context.Context, _ provider.MetadataRequest, resp *provider.MetadataResponse) {
	resp.TypeName = "crosscloudlink"
}
func (soloProvider) Schema(context.Context, provider.SchemaRequest, *provider.SchemaResponse) {}
func (soloProvider) Configure(context.Context, provider.ConfigureRequest, *provider.ConfigureResponse) {
}
func (soloProvider) DataSources(context.Context) []func() datasource.DataSource { return nil }
func (p soloProvider) Resources(context.Context) []func() resource.Resource {
	return []func() resource.Resource{func() resource.Resource { return &Resource{connector: p.connector} }}
}

// terraform plays the part of Terraform over the plugin protocol: validate, plan, apply,
// refresh, import, destroy, for one resource with its private state, without the binary.
type terraform struct {
	t      *testing.T
	server tfprotov6.ProviderServer
	typ    tftypes.Object
	// computed names the attributes that the provider may set.
	computed map[string]bool
	state    tftypes.Value
	private  []byte
	// last is what the last operation reported.
	last []*tfprotov6.Diagnostic
}

func newTerraform(t *testing.T, c connector) *terraform {
	t.Helper()
	server := providerserver.NewProtocol6(soloProvider{c})()
	answer, err := server.GetProviderSchema(t.Context(), &tfprotov6.GetProviderSchemaRequest{})
	if err != nil {
		t.Fatal(err)
	}
	schema := answer.ResourceSchemas[typeName]
	typ, ok := schema.ValueType().(tftypes.Object)
	if !ok {
		t.Fatalf("schema is a %T", schema.ValueType())
	}
	tf := &terraform{t: t, server: server, typ: typ, computed: map[string]bool{}}
	for _, attribute := range schema.Block.Attributes {
		tf.computed[attribute.Name] = attribute.Computed
	}
	tf.forget()
	return tf
}

// forget is a state that was lost.
func (tf *terraform) forget() { tf.state, tf.private = tftypes.NewValue(tf.typ, nil), nil }

type attrs map[string]any

func strs(values ...string) []tftypes.Value {
	out := make([]tftypes.Value, len(values))
	for i, value := range values {
		out[i] = tftypes.NewValue(tftypes.String, value)
	}
	return out
}

func (tf *terraform) timeout(kind, value string) map[string]tftypes.Value {
	values := map[string]tftypes.Value{}
	for _, name := range []string{"create", "read", "update", "delete"} {
		values[name] = tftypes.NewValue(tftypes.String, nil)
	}
	values[kind] = tftypes.NewValue(tftypes.String, value)
	return values
}

func (tf *terraform) config(given attrs) tftypes.Value {
	values := map[string]tftypes.Value{}
	for name, typ := range tf.typ.AttributeTypes {
		values[name] = tftypes.NewValue(typ, given[name])
	}
	return tftypes.NewValue(tf.typ, values)
}

func (tf *terraform) dynamic(v tftypes.Value) *tfprotov6.DynamicValue {
	tf.t.Helper()
	d, err := tfprotov6.NewDynamicValue(tf.typ, v)
	if err != nil {
		tf.t.Fatal(err)
	}
	return &d
}

func (tf *terraform) value(d *tfprotov6.DynamicValue) tftypes.Value {
	tf.t.Helper()
	if d == nil {
		return tftypes.NewValue(tf.typ, nil)
	}
	v, err := d.Unmarshal(tf.typ)
	if err != nil {
		tf.t.Fatal(err)
	}
	return v
}

func (tf *terraform) fields(v tftypes.Value) map[string]tftypes.Value {
	tf.t.Helper()
	fields := map[string]tftypes.Value{}
	if v.IsNull() {
		return fields
	}
	if err := v.As(&fields); err != nil {
		tf.t.Fatal(err)
	}
	return maps.Clone(fields)
}

func hasError(diags []*tfprotov6.Diagnostic) bool {
	for _, d := range diags {
		if d.Severity == tfprotov6.DiagnosticSeverityError {
			return true
		}
	}
	return false
}

type plan struct {
	planned tftypes.Value
	action  string // create, update, replace, none
	private []byte
	config  tftypes.Value
}

// plan validates and plans; ok is false when an error was reported.
func (tf *terraform) plan(given attrs) (plan, bool) {
	tf.t.Helper()
	config := tf.config(given)
	answer, err := tf.server.ValidateResourceConfig(tf.t.Context(), &tfprotov6.ValidateResourceConfigRequest{TypeName: typeName, Config: tf.dynamic(config)})
	if err != nil {
		tf.t.Fatal(err)
	}
	tf.last = answer.Diagnostics
	if hasError(answer.Diagnostics) {
		return plan{}, false
	}
	return tf.planFrom(tf.state, tf.private, config)
}

func (tf *terraform) planFrom(prior tftypes.Value, private []byte, config tftypes.Value) (plan, bool) {
	tf.t.Helper()
	// As Terraform proposes it: what the configuration leaves out stays as it was.
	proposed, before := tf.fields(config), tf.fields(prior)
	for name, value := range proposed {
		if value.IsNull() && tf.computed[name] && !prior.IsNull() {
			proposed[name] = before[name]
		}
	}
	answer, err := tf.server.PlanResourceChange(tf.t.Context(), &tfprotov6.PlanResourceChangeRequest{
		TypeName: typeName, PriorState: tf.dynamic(prior), ProposedNewState: tf.dynamic(tftypes.NewValue(tf.typ, proposed)), Config: tf.dynamic(config), PriorPrivate: private,
	})
	if err != nil {
		tf.t.Fatal(err)
	}
	tf.last = answer.Diagnostics
	p := plan{planned: tf.value(answer.PlannedState), private: answer.PlannedPrivate, config: config}
	switch {
	case prior.IsNull():
		p.action = "create"
	case len(answer.RequiresReplace) > 0:
		p.action = "replace"
	case p.planned.Equal(prior):
		p.action = "none"
	default:
		p.action = "update"
	}
	return p, !hasError(answer.Diagnostics)
}

// apply plans and applies, and reports whether there was no error. A created resource
// whose creation failed with something in state would be tainted: that fails the test.
func (tf *terraform) apply(ctx context.Context, given attrs) bool {
	tf.t.Helper()
	p, ok := tf.plan(given)
	if !ok || p.action == "none" {
		return ok
	}
	if p.action == "replace" {
		if !tf.destroy(ctx) {
			return false
		}
		if p, ok = tf.planFrom(tf.state, nil, p.config); !ok {
			return false
		}
	}
	return tf.applyPlan(ctx, p)
}

func (tf *terraform) applyPlan(ctx context.Context, p plan) bool {
	tf.t.Helper()
	created := tf.state.IsNull()
	answer, err := tf.server.ApplyResourceChange(ctx, &tfprotov6.ApplyResourceChangeRequest{
		TypeName: typeName, PriorState: tf.dynamic(tf.state), PlannedState: tf.dynamic(p.planned), Config: tf.dynamic(p.config), PlannedPrivate: p.private,
	})
	if err != nil {
		tf.t.Fatal(err)
	}
	tf.last = answer.Diagnostics
	tf.state, tf.private = tf.value(answer.NewState), answer.Private
	if hasError(answer.Diagnostics) {
		if created && !tf.state.IsNull() {
			tf.t.Errorf("the creation failed and left something in state, which taints: %s", tf.said())
		}
		return false
	}
	after := tf.fields(tf.state)
	for name, want := range tf.fields(p.planned) {
		if want.IsFullyKnown() && !want.Equal(after[name]) {
			tf.t.Errorf("inconsistent result after apply: %s was planned as %s and is %s", name, want, after[name])
		}
		if !after[name].IsFullyKnown() {
			tf.t.Errorf("%s is unknown after apply", name)
		}
	}
	return true
}

// destroy plans and applies a destruction.
func (tf *terraform) destroy(ctx context.Context) bool {
	tf.t.Helper()
	return tf.planDestroy() && tf.destroyUnplanned(ctx)
}

func (tf *terraform) planDestroy() bool {
	tf.t.Helper()
	null := tf.dynamic(tftypes.NewValue(tf.typ, nil))
	answer, err := tf.server.PlanResourceChange(tf.t.Context(), &tfprotov6.PlanResourceChangeRequest{
		TypeName: typeName, PriorState: tf.dynamic(tf.state), ProposedNewState: null, Config: null, PriorPrivate: tf.private,
	})
	if err != nil {
		tf.t.Fatal(err)
	}
	tf.last = answer.Diagnostics
	return !hasError(answer.Diagnostics)
}

// destroyUnplanned is a destruction whose plan knew less, as in a replacement.
func (tf *terraform) destroyUnplanned(ctx context.Context) bool {
	tf.t.Helper()
	null := tf.dynamic(tftypes.NewValue(tf.typ, nil))
	answer, err := tf.server.ApplyResourceChange(ctx, &tfprotov6.ApplyResourceChangeRequest{
		TypeName: typeName, PriorState: tf.dynamic(tf.state), PlannedState: null, Config: null, PlannedPrivate: tf.private,
	})
	if err != nil {
		tf.t.Fatal(err)
	}
	tf.last = answer.Diagnostics
	tf.state, tf.private = tf.value(answer.NewState), answer.Private
	return !hasError(answer.Diagnostics)
}

func (tf *terraform) refresh() bool {
	tf.t.Helper()
	answer, err := tf.server.ReadResource(tf.t.Context(), &tfprotov6.ReadResourceRequest{TypeName: typeName, CurrentState: tf.dynamic(tf.state), Private: tf.private})
	if err != nil {
		tf.t.Fatal(err)
	}
	tf.last = answer.Diagnostics
	if !hasError(answer.Diagnostics) {
		tf.state, tf.private = tf.value(answer.NewState), answer.Private
	}
	return !hasError(answer.Diagnostics)
}

func (tf *terraform) importID(id string) bool {
	tf.t.Helper()
	answer, err := tf.server.ImportResourceState(tf.t.Context(), &tfprotov6.ImportResourceStateRequest{TypeName: typeName, ID: id})
	if err != nil {
		tf.t.Fatal(err)
	}
	tf.last = answer.Diagnostics
	if hasError(answer.Diagnostics) {
		return false
	}
	tf.state, tf.private = tf.value(answer.ImportedResources[0].State), answer.ImportedResources[0].Private
	return tf.refresh()
}

// get is a string attribute of a value as text; "" for null, "?" for unknown.
func (tf *terraform) get(v tftypes.Value, name string) string {
	tf.t.Helper()
	value := tf.fields(v)[name]
	switch {
	case value.Type() == nil || value.IsNull():
		return ""
	case !value.IsKnown():
		return "?"
	}
	var text string
	if err := value.As(&text); err != nil {
		tf.t.Fatal(err)
	}
	return text
}

// said is what the last operation reported.
func (tf *terraform) said() string {
	var lines []string
	for _, d := range tf.last {
		lines = append(lines, fmt.Sprintf("%s %s: %s: %s", d.Severity, d.Attribute, d.Summary, d.Detail))
	}
	return strings.Join(lines, "\n")
}

func (tf *terraform) expectSaid(parts ...string) {
	tf.t.Helper()
	for _, part := range parts {
		if !strings.Contains(tf.said(), part) {
			tf.t.Errorf("nothing says %q in: %s", part, tf.said())
		}
	}
}

func (tf *terraform) expectSilence() {
	tf.t.Helper()
	if len(tf.last) > 0 {
		tf.t.Errorf("said %s", tf.said())
	}
}

func (tf *terraform) expect(ok bool) {
	tf.t.Helper()
	if !ok {
		tf.t.Fatalf("failed: %s", tf.said())
	}
}

func (tf *terraform) refuse(ok bool, parts ...string) {
	tf.t.Helper()
	if ok {
		tf.t.Fatal("succeeded")
	}
	tf.expectSaid(parts...)
}

func (tf *terraform) expectState(want attrs) {
	tf.t.Helper()
	for name, value := range want {
		if got := tf.get(tf.state, name); got != value {
			tf.t.Errorf("%s is %q, want %q", name, got, value)
		}
	}
}

func (tf *terraform) expectPlan(given attrs, action string) {
	tf.t.Helper()
	p, ok := tf.plan(given)
	if !ok {
		tf.t.Errorf("plan failed: %s", tf.said())
	} else if p.action != action {
		tf.t.Errorf("plan is %q, want %q: %s", p.action, action, p.planned)
	}
}
