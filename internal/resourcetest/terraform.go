package resourcetest

import (
	"context"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// Terraform plays Terraform's part for one instance of a resource. What its methods return
// says whether there was no error.
type Terraform struct {
	t      *testing.T
	server *Server
	// State may be saved and put back, as if what came after had not been saved.
	State State
	// last is what the last operation reported.
	last []*tfprotov6.Diagnostic
}

// New returns a Terraform for an instance that does not exist yet.
func New(t *testing.T, newResource func() resource.Resource) *Terraform {
	t.Helper()
	server := NewServer(t, newResource)
	return &Terraform{t: t, server: server, State: server.Nothing()}
}

// Forget loses the state.
func (tf *Terraform) Forget() { tf.State = tf.server.Nothing() }

// Config is a configuration of the resource.
func (tf *Terraform) Config(given Attrs) tftypes.Value {
	tf.t.Helper()
	return tf.server.Config(given)
}

// reported keeps what an operation reported.
func (tf *Terraform) reported(diags []*tfprotov6.Diagnostic) bool {
	tf.last = diags
	return !HasError(diags)
}

// Plan validates and plans a configuration.
func (tf *Terraform) Plan(given Attrs) (Plan, bool) {
	tf.t.Helper()
	config := tf.Config(given)
	if !tf.reported(tf.server.Validate(config)) {
		return Plan{}, false
	}
	return tf.plan(tf.State, config)
}

func (tf *Terraform) plan(prior State, config tftypes.Value) (Plan, bool) {
	tf.t.Helper()
	p, diags := tf.server.Plan(prior, config)
	return p, tf.reported(diags)
}

// Apply plans a configuration and carries the plan out.
func (tf *Terraform) Apply(ctx context.Context, given Attrs) bool {
	tf.t.Helper()
	p, ok := tf.Plan(given)
	if !ok || p.Action == "none" {
		return ok
	}
	if p.Action == "replace" {
		if !tf.Destroy(ctx) {
			return false
		}
		if p, ok = tf.plan(tf.State, p.Config); !ok {
			return false
		}
	}
	return tf.ApplyPlan(ctx, p)
}

// ApplyPlan carries a plan out. A creation that fails and leaves something in state would
// taint it: that fails the test.
func (tf *Terraform) ApplyPlan(ctx context.Context, p Plan) bool {
	tf.t.Helper()
	creating := tf.State.IsNull()
	after, diags := tf.server.Apply(ctx, tf.State, p)
	tf.State = after
	ok := tf.reported(diags)
	if !ok && creating && !after.IsNull() {
		tf.t.Errorf("the creation failed and left something in state, which taints: %s", tf.Said())
	}
	return ok
}

// Destroy plans a destruction and carries the plan out.
func (tf *Terraform) Destroy(ctx context.Context) bool {
	tf.t.Helper()
	return tf.PlanDestroy() && tf.DestroyUnplanned(ctx)
}

// PlanDestroy plans a destruction.
func (tf *Terraform) PlanDestroy() bool {
	tf.t.Helper()
	_, ok := tf.plan(tf.State, tf.server.Nothing().Value)
	return ok
}

// DestroyUnplanned is a destruction whose plan knew less, as in a replacement.
func (tf *Terraform) DestroyUnplanned(ctx context.Context) bool {
	tf.t.Helper()
	nothing := tf.server.Nothing().Value
	after, diags := tf.server.Apply(ctx, tf.State, Plan{Config: nothing, Planned: nothing, Action: "destroy", private: tf.State.private})
	tf.State = after
	return tf.reported(diags)
}

// Refresh reads the instance.
func (tf *Terraform) Refresh() bool {
	tf.t.Helper()
	after, diags := tf.server.Read(tf.State)
	tf.State = after
	return tf.reported(diags)
}

// Import imports an instance and reads it.
func (tf *Terraform) Import(id string) bool {
	tf.t.Helper()
	imported, diags := tf.server.Import(id)
	if !tf.reported(diags) {
		return false
	}
	tf.State = imported
	return tf.Refresh()
}

// Get is a string attribute of a state, or of what is planned, as text; "" for null, "?" for
// unknown.
func (tf *Terraform) Get(object tftypes.Value, name string) string {
	tf.t.Helper()
	value := Attributes(object)[name]
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

// Said is what the last operation reported, a line for each diagnostic.
func (tf *Terraform) Said() string { return said(tf.last) }

// ExpectSaid expects the last operation to have reported all of these.
func (tf *Terraform) ExpectSaid(parts ...string) {
	tf.t.Helper()
	for _, part := range parts {
		if !strings.Contains(tf.Said(), part) {
			tf.t.Errorf("nothing says %q in: %s", part, tf.Said())
		}
	}
}

// ExpectSilence expects the last operation to have reported nothing.
func (tf *Terraform) ExpectSilence() {
	tf.t.Helper()
	if len(tf.last) > 0 {
		tf.t.Errorf("said %s", tf.Said())
	}
}

// Expect ends the test unless the last operation, whose result is ok, succeeded.
func (tf *Terraform) Expect(ok bool) {
	tf.t.Helper()
	if !ok {
		tf.t.Fatalf("failed: %s", tf.Said())
	}
}

// Refuse ends the test if the last operation, whose result is ok, succeeded, and expects it
// to have reported all of these.
func (tf *Terraform) Refuse(ok bool, parts ...string) {
	tf.t.Helper()
	if ok {
		tf.t.Fatal("succeeded")
	}
	tf.ExpectSaid(parts...)
}

// ExpectState expects string attributes of the state, as Get gives them.
func (tf *Terraform) ExpectState(want Attrs) {
	tf.t.Helper()
	for name, value := range want {
		if got := tf.Get(tf.State.Value, name); got != value {
			tf.t.Errorf("%s is %q, want %q", name, got, value)
		}
	}
}

// ExpectPlan expects what the plan of a configuration would do.
func (tf *Terraform) ExpectPlan(given Attrs, action string) {
	tf.t.Helper()
	p, ok := tf.Plan(given)
	if !ok {
		tf.t.Errorf("plan failed: %s", tf.Said())
	} else if p.Action != action {
		tf.t.Errorf("plan is %q, want %q: %s", p.Action, action, p.Planned)
	}
}
