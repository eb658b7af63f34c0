package pooltest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/resourcetest"
)

// Core drives one resource instance over the provider protocol as Terraform's core
// does, and holds it to core's rules: what a plan says is what an apply does.
type Core struct {
	t      *testing.T
	server *resourcetest.Server

	// State is the instance's state; null while it does not exist.
	State resourcetest.State
	// Tainted says that the last create failed and left a state.
	Tainted bool
}

// NewCore returns a core for a resource that does not exist yet.
func NewCore(t *testing.T, newResource func() resource.Resource) *Core {
	t.Helper()
	server := resourcetest.NewServer(t, newResource)
	return &Core{t: t, server: server, State: server.Nothing()}
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

// Config is a configuration: values of attributes as resourcetest.Attrs has them, what is left out being null.
type Config map[string]any

// With returns a copy with further values.
func (c Config) With(values Config) Config {
	out := maps.Clone(c)
	maps.Copy(out, values)
	return out
}

// Unknown is a string that is only known after apply.
func Unknown() tftypes.Value { return tftypes.NewValue(tftypes.String, tftypes.UnknownValue) }

// Validate validates a configuration.
func (c *Core) Validate(config Config) Result {
	c.t.Helper()
	return result(c.server.Validate(c.server.Config(config)))
}

// Plan is a planned change.
type Plan struct {
	Result
	resourcetest.Plan
	// Empty says that nothing would change; Replaces that the instance would be destroyed first.
	Empty, Replaces bool
	core            *Core
}

// Get returns the planned value of an attribute; see Core.Get.
func (p Plan) Get(name string) any { return p.core.goValue(p.Planned, name) }

// Plan validates and plans a configuration; nil plans the destruction.
func (c *Core) Plan(config Config) Plan {
	c.t.Helper()
	if config == nil {
		return c.plan(c.server.Nothing().Value)
	}
	if r := c.Validate(config); r.Failed {
		return Plan{Result: r, core: c}
	}
	return c.plan(c.server.Config(config))
}

func (c *Core) plan(config tftypes.Value) Plan {
	c.t.Helper()
	p, diags := c.server.Plan(c.State, config)
	return Plan{Result: result(diags), Plan: p, core: c, Empty: p.Action == "none", Replaces: p.Action == "replace"}
}

// Apply carries a plan out, and fails the test where core would report a bug of the provider.
func (c *Core) Apply(ctx context.Context, p Plan) Result {
	c.t.Helper()
	if p.Failed {
		c.t.Fatalf("applying a failed plan: %s", p.Result)
	}
	creating := c.State.IsNull()
	after, diags := c.server.Apply(ctx, c.State, p.Plan)
	r := result(diags)
	c.State, c.Tainted = after, r.Failed && creating && !after.IsNull()
	return r
}

// Refresh reads the instance.
func (c *Core) Refresh() Result {
	c.t.Helper()
	if c.State.IsNull() {
		return Result{}
	}
	after, diags := c.server.Read(c.State)
	c.State = after
	return result(diags)
}

// Import imports and reads an instance.
func (c *Core) Import(id string) Result {
	c.t.Helper()
	imported, diags := c.server.Import(id)
	if r := result(diags); r.Failed {
		return r
	}
	c.State = imported
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
		c.t.Errorf("the plan is not empty: %s %s\nbefore %s\nafter  %s", p.Result, resourcetest.Disagreement(c.State.Value, p.Planned, "plan"), c.State, p.Planned)
	}
}

// Get returns a state attribute: string, bool, []string (sets sorted), map[string]string (collections in it as fmt.Sprint
// writes them), nil for null; an unknown value or element is "?".
func (c *Core) Get(name string) any { return c.goValue(c.State.Value, name) }

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
	v, ok := resourcetest.Attributes(object)[name]
	if !ok {
		c.t.Fatalf("no attribute %s", name)
	}
	return plain(v)
}

// plain is a value as Core.Get gives it.
func plain(v tftypes.Value) any {
	switch {
	case !v.IsKnown():
		return "?"
	case v.IsNull():
		return nil
	}
	typ := v.Type()
	switch {
	case typ.Is(tftypes.List{}), typ.Is(tftypes.Set{}):
		var elements []tftypes.Value
		_ = v.As(&elements)
		out := make([]string, 0, len(elements))
		for _, e := range elements {
			out = append(out, fmt.Sprint(plain(e)))
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
			out[key] = fmt.Sprint(plain(e))
		}
		return out
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
