package pooltest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// Core drives one resource instance over the provider protocol as Terraform's core
// does, and holds it to core's rules: what a plan says is what an apply does.
type Core struct {
	t        *testing.T
	server   tfprotov6.ProviderServer
	typeName string
	schema   *tfprotov6.Schema
	object   tftypes.Object

	// State is the instance's state; null while it does not exist.
	State tftypes.Value
	// Tainted says that the last create failed and left a state.
	Tainted bool
	private []byte
}

type stubProvider struct {
	resource func() resource.Resource
}

// Metadata names the provider.
func (stubProvider) Metadata(_ context.Context, _ provider.MetadataRequest, resp *provider.MetadataResponse) {
	resp.TypeName = "crosscloudlink"
}

// Schema is empty: tests hand the resource its cloud.
func (stubProvider) Schema(context.Context, provider.SchemaRequest, *provider.SchemaResponse) {}

// Configure hands nothing to the resource.
func (stubProvider) Configure(context.Context, provider.ConfigureRequest, *provider.ConfigureResponse) {
}

// DataSources are none.
func (stubProvider) DataSources(context.Context) []func() datasource.DataSource { return nil }

// Resources is the one resource.
func (p stubProvider) Resources(context.Context) []func() resource.Resource {
	return []func() resource.Resource{p.resource}
}

// NewCore returns a core for a resource that does not exist yet.
func NewCore(t *testing.T, newResource func() resource.Resource) *Core {
	t.Helper()
	c := &Core{t: t, server: providerserver.NewProtocol6(stubProvider{newResource})()}
	resp, err := c.server.GetProviderSchema(t.Context(), &tfprotov6.GetProviderSchemaRequest{})
	if err != nil {
		t.Fatal(err)
	}
	c.fatal("schema", resp.Diagnostics)
	for name, schema := range resp.ResourceSchemas {
		c.typeName, c.schema = name, schema
	}
	object, ok := c.schema.ValueType().(tftypes.Object)
	if !ok {
		t.Fatalf("the schema of %s is no object", c.typeName)
	}
	c.object = object
	c.State = tftypes.NewValue(object, nil)
	return c
}

func (c *Core) fatal(what string, diags []*tfprotov6.Diagnostic) {
	c.t.Helper()
	for _, d := range diags {
		if d.Severity == tfprotov6.DiagnosticSeverityError {
			c.t.Fatalf("%s: %s: %s", what, d.Summary, d.Detail)
		}
	}
}

// Result is what came of a step: its diagnostics, as "error: SUMMARY: DETAIL" (with @ATTRIBUTE) and "warning: …".
type Result struct {
	Failed bool
	Said   []string
}

func result(diags []*tfprotov6.Diagnostic) Result {
	var r Result
	for _, d := range diags {
		kind := "warning"
		if d.Severity == tfprotov6.DiagnosticSeverityError {
			kind, r.Failed = "error", true
		}
		at := ""
		if d.Attribute != nil {
			at = "@" + d.Attribute.String()
		}
		r.Said = append(r.Said, fmt.Sprintf("%s%s: %s: %s", kind, at, d.Summary, d.Detail))
	}
	return r
}

// String is all that was said.
func (r Result) String() string { return strings.Join(r.Said, "\n") }

// Config is a configuration: values of attributes, what is left out being null. A value may be a bool, int, string,
// []string (set or list), map[string]string, or a tftypes.Value.
type Config map[string]any

// With returns a copy with further values.
func (c Config) With(values Config) Config {
	out := maps.Clone(c)
	maps.Copy(out, values)
	return out
}

func (c *Core) value(typ tftypes.Type, v any) tftypes.Value {
	c.t.Helper()
	switch v := v.(type) {
	case nil:
		return tftypes.NewValue(typ, nil)
	case tftypes.Value:
		return v
	case int:
		return tftypes.NewValue(tftypes.Number, int64(v))
	case bool, string:
		return tftypes.NewValue(typ, v)
	case []string:
		elements := make([]tftypes.Value, 0, len(v))
		for _, s := range v {
			elements = append(elements, tftypes.NewValue(tftypes.String, s))
		}
		return tftypes.NewValue(typ, elements)
	case map[string]string:
		elements := make(map[string]tftypes.Value, len(v))
		for key, s := range v {
			elements[key] = tftypes.NewValue(tftypes.String, s)
		}
		return tftypes.NewValue(typ, elements)
	default:
		c.t.Fatalf("no value of a configuration: %T", v)
		return tftypes.Value{}
	}
}

// Unknown is a string that is only known after apply.
func Unknown() tftypes.Value { return tftypes.NewValue(tftypes.String, tftypes.UnknownValue) }

func (c *Core) config(config Config) tftypes.Value {
	c.t.Helper()
	attributes := map[string]tftypes.Value{}
	for name, typ := range c.object.AttributeTypes {
		attributes[name] = c.value(typ, config[name])
	}
	for name := range config {
		if _, ok := c.object.AttributeTypes[name]; !ok {
			c.t.Fatalf("%s has no attribute %s", c.typeName, name)
		}
	}
	return tftypes.NewValue(c.object, attributes)
}

func (c *Core) dynamic(v tftypes.Value) *tfprotov6.DynamicValue {
	c.t.Helper()
	d, err := tfprotov6.NewDynamicValue(c.object, v)
	if err != nil {
		c.t.Fatal(err)
	}
	return &d
}

func (c *Core) undynamic(d *tfprotov6.DynamicValue) tftypes.Value {
	c.t.Helper()
	if d == nil {
		return tftypes.NewValue(c.object, nil)
	}
	v, err := d.Unmarshal(c.object)
	if err != nil {
		c.t.Fatal(err)
	}
	return v
}

// Validate validates a configuration.
func (c *Core) Validate(config Config) Result {
	c.t.Helper()
	resp, err := c.server.ValidateResourceConfig(c.t.Context(), &tfprotov6.ValidateResourceConfigRequest{TypeName: c.typeName, Config: c.dynamic(c.config(config))})
	if err != nil {
		c.t.Fatal(err)
	}
	return result(resp.Diagnostics)
}

// Plan is a planned change.
type Plan struct {
	Result
	Config, Planned tftypes.Value
	// Empty says that nothing would change; Replaces that the instance would be destroyed first.
	Empty, Replaces bool
	private         []byte
	core            *Core
}

// Get returns the planned value of an attribute; see Core.Get.
func (p Plan) Get(name string) any { return p.core.goValue(p.Planned, name) }

// Plan validates and plans a configuration; nil plans the destruction.
func (c *Core) Plan(config Config) Plan {
	c.t.Helper()
	if config == nil {
		null := tftypes.NewValue(c.object, nil)
		return c.plan(null, null)
	}
	if r := c.Validate(config); r.Failed {
		return Plan{Result: r, core: c}
	}
	wanted := c.config(config)
	return c.plan(wanted, c.proposed(wanted))
}

func (c *Core) plan(config, proposed tftypes.Value) Plan {
	c.t.Helper()
	resp, err := c.server.PlanResourceChange(c.t.Context(), &tfprotov6.PlanResourceChangeRequest{
		TypeName: c.typeName, PriorState: c.dynamic(c.State), ProposedNewState: c.dynamic(proposed), Config: c.dynamic(config), PriorPrivate: c.private})
	if err != nil {
		c.t.Fatal(err)
	}
	p := Plan{Result: result(resp.Diagnostics), Config: config, core: c, private: resp.PlannedPrivate, Replaces: len(resp.RequiresReplace) > 0}
	if !p.Failed {
		p.Planned = c.undynamic(resp.PlannedState)
		p.Empty = p.Planned.Equal(c.State)
	}
	return p
}

// proposed merges prior state into a configuration as core does: a computed attribute that the configuration leaves out keeps its value.
func (c *Core) proposed(config tftypes.Value) tftypes.Value {
	wanted, prior := c.attributes(config), c.attributes(c.State)
	for _, attribute := range c.schema.Block.Attributes {
		if v, ok := prior[attribute.Name]; ok && attribute.Computed && wanted[attribute.Name].IsNull() {
			wanted[attribute.Name] = v
		}
	}
	return tftypes.NewValue(c.object, wanted)
}

func (c *Core) attributes(v tftypes.Value) map[string]tftypes.Value {
	attributes := map[string]tftypes.Value{}
	if !v.IsNull() {
		if err := v.As(&attributes); err != nil {
			c.t.Fatal(err)
		}
	}
	return maps.Clone(attributes) // As hands out the value's own map
}

// Apply carries a plan out, and fails the test where core would report a bug of the provider.
func (c *Core) Apply(ctx context.Context, p Plan) Result {
	c.t.Helper()
	if p.Failed {
		c.t.Fatalf("applying a failed plan: %s", p.Result)
	}
	creating := c.State.IsNull()
	config := p.Config
	resp, err := c.server.ApplyResourceChange(ctx, &tfprotov6.ApplyResourceChangeRequest{
		TypeName: c.typeName, PriorState: c.dynamic(c.State), PlannedState: c.dynamic(p.Planned), Config: c.dynamic(config), PlannedPrivate: p.private})
	if err != nil {
		c.t.Fatal(err)
	}
	r := result(resp.Diagnostics)
	c.State, c.private = c.undynamic(resp.NewState), resp.Private
	c.Tainted = r.Failed && creating && !c.State.IsNull()
	if !c.State.IsFullyKnown() {
		c.t.Errorf("the state after the apply is not wholly known: %s", c.State)
	}
	if !r.Failed {
		if diff := disagreement(p.Planned, c.State, "state"); diff != "" {
			c.t.Errorf("core: provider produced inconsistent result after apply: %s\n%s", diff, r)
		}
	}
	return r
}

// disagreement tells where a result is not what was planned: known values stay, unknown ones may become anything but unknown.
func disagreement(planned, got tftypes.Value, at string) string {
	if !planned.IsKnown() || planned.Equal(got) {
		return ""
	}
	if planned.IsNull() || got.IsNull() || planned.IsFullyKnown() && !isCollection(planned) {
		return fmt.Sprintf("%s was planned as %s and became %s", at, planned, got)
	}
	if planned.Type().Is(tftypes.List{}) {
		var was, is []tftypes.Value
		if planned.As(&was) != nil || got.As(&is) != nil || len(was) != len(is) {
			return fmt.Sprintf("%s was planned with %d elements and has %d", at, len(was), len(is))
		}
		for i := range was {
			if diff := disagreement(was[i], is[i], fmt.Sprintf("%s[%d]", at, i)); diff != "" {
				return diff
			}
		}
		return ""
	}
	if planned.Type().Is(tftypes.Map{}) || planned.Type().Is(tftypes.Object{}) {
		var was, is map[string]tftypes.Value
		if planned.As(&was) != nil || got.As(&is) != nil || len(was) != len(is) {
			return fmt.Sprintf("%s was planned as %s and became %s", at, planned, got)
		}
		for _, key := range slices.Sorted(maps.Keys(was)) {
			if diff := disagreement(was[key], is[key], at+"."+key); diff != "" {
				return diff
			}
		}
		return ""
	}
	return fmt.Sprintf("%s was planned as %s and became %s", at, planned, got)
}

func isCollection(v tftypes.Value) bool {
	return v.Type().Is(tftypes.List{}) || v.Type().Is(tftypes.Map{}) || v.Type().Is(tftypes.Object{})
}

// Refresh reads the instance.
func (c *Core) Refresh() Result {
	c.t.Helper()
	if c.State.IsNull() {
		return Result{}
	}
	resp, err := c.server.ReadResource(c.t.Context(), &tfprotov6.ReadResourceRequest{TypeName: c.typeName, CurrentState: c.dynamic(c.State), Private: c.private})
	if err != nil {
		c.t.Fatal(err)
	}
	r := result(resp.Diagnostics)
	if !r.Failed {
		c.State, c.private = c.undynamic(resp.NewState), resp.Private
	}
	return r
}

// Import imports and reads an instance.
func (c *Core) Import(id string) Result {
	c.t.Helper()
	resp, err := c.server.ImportResourceState(c.t.Context(), &tfprotov6.ImportResourceStateRequest{TypeName: c.typeName, ID: id})
	if err != nil {
		c.t.Fatal(err)
	}
	r := result(resp.Diagnostics)
	if r.Failed {
		return r
	}
	c.State, c.private = c.undynamic(resp.ImportedResources[0].State), resp.ImportedResources[0].Private
	return c.Refresh()
}

// Run is terraform apply: refresh, plan, apply; all must succeed.
func (c *Core) Run(config Config) (Plan, Result) {
	c.t.Helper()
	if r := c.Refresh(); r.Failed {
		c.t.Fatalf("refresh: %s", r)
	}
	p := c.Plan(config)
	if p.Failed {
		c.t.Fatalf("plan: %s", p.Result)
	}
	if p.Empty {
		return p, Result{}
	}
	r := c.Apply(c.t.Context(), p)
	if r.Failed {
		c.t.Fatalf("apply: %s", r)
	}
	return p, r
}

// ExpectEmptyPlan refreshes and plans, and fails the test if anything would change.
func (c *Core) ExpectEmptyPlan(config Config) {
	c.t.Helper()
	if r := c.Refresh(); len(r.Said) > 0 {
		c.t.Errorf("the refresh said: %s", r)
	}
	p := c.Plan(config)
	if p.Failed || !p.Empty {
		c.t.Errorf("the plan is not empty: %s %s\nbefore %s\nafter  %s", p.Result, disagreement(c.State, p.Planned, "plan"), c.State, p.Planned)
	}
}

// Get returns a state attribute: string, bool, int64, []string (sets sorted), map[string]string, nil for null; an unknown
// value or element is "?".
func (c *Core) Get(name string) any { return c.goValue(c.State, name) }

// Strings is Get for a list or set of strings.
func (c *Core) Strings(name string) []string {
	c.t.Helper()
	list, ok := c.Get(name).([]string)
	if !ok {
		c.t.Fatalf("%s is no list: %v", name, c.Get(name))
	}
	return list
}

func (c *Core) goValue(object tftypes.Value, name string) any {
	c.t.Helper()
	v, ok := c.attributes(object)[name]
	switch {
	case !ok:
		c.t.Fatalf("no attribute %s", name)
		return nil
	case !v.IsKnown():
		return "?"
	case v.IsNull():
		return nil
	}
	typ := v.Type()
	switch {
	case typ.Is(tftypes.String), typ.Is(tftypes.Bool):
		return scalar(v)
	case typ.Is(tftypes.List{}), typ.Is(tftypes.Set{}):
		var elements []tftypes.Value
		_ = v.As(&elements)
		out := make([]string, 0, len(elements))
		for _, e := range elements {
			out = append(out, fmt.Sprint(scalar(e)))
		}
		if typ.Is(tftypes.Set{}) {
			slices.Sort(out)
		}
		return out
	case typ.Is(tftypes.Map{}):
		var elements map[string]tftypes.Value
		_ = v.As(&elements)
		out := map[string]string{}
		for key, e := range elements {
			out[key] = fmt.Sprint(scalar(e))
		}
		return out
	default:
		return v.String()
	}
}

func scalar(v tftypes.Value) any {
	if !v.IsKnown() {
		return "?"
	}
	var s string
	if v.As(&s) == nil {
		return s
	}
	var b bool
	if v.As(&b) == nil {
		return b
	}
	return v.String()
}
