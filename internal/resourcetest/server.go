// Package resourcetest plays Terraform against one resource over the provider protocol,
// without the binary. Tests of resources drive plans, applies, refreshes, imports and
// destructions with it, and it holds the resource to Terraform's rules.
package resourcetest

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// Server is the protocol server of a provider that has one resource. It keeps nothing of an
// instance: Terraform, and whoever else drives it, does.
type Server struct {
	t        *testing.T
	server   tfprotov6.ProviderServer
	typeName string
	object   tftypes.Object
	// computed names the attributes that the provider may set.
	computed map[string]bool
}

// soloProvider serves one resource, which tests hand its clouds themselves.
type soloProvider struct{ newResource func() resource.Resource }

func (soloProvider) Metadata(_ context.Context, _ provider.MetadataRequest, resp *provider.MetadataResponse) {
	resp.TypeName = "crosscloudlink"
}
func (soloProvider) Schema(context.Context, provider.SchemaRequest, *provider.SchemaResponse) {}
func (soloProvider) Configure(context.Context, provider.ConfigureRequest, *provider.ConfigureResponse) {
}
func (soloProvider) DataSources(context.Context) []func() datasource.DataSource { return nil }
func (p soloProvider) Resources(context.Context) []func() resource.Resource {
	return []func() resource.Resource{p.newResource}
}

// NewServer serves a resource.
func NewServer(t *testing.T, newResource func() resource.Resource) *Server {
	t.Helper()
	s := &Server{t: t, server: providerserver.NewProtocol6(soloProvider{newResource})(), computed: map[string]bool{}}
	answer, err := s.server.GetProviderSchema(t.Context(), &tfprotov6.GetProviderSchemaRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if HasError(answer.Diagnostics) {
		t.Fatalf("schema: %s", said(answer.Diagnostics))
	}
	for name, schema := range answer.ResourceSchemas {
		object, ok := schema.ValueType().(tftypes.Object)
		if !ok {
			t.Fatalf("the schema of %s is a %T", name, schema.ValueType())
		}
		s.typeName, s.object = name, object
		for _, attribute := range schema.Block.Attributes {
			s.computed[attribute.Name] = attribute.Computed
		}
	}
	return s
}

// HasError reports whether there is an error among diagnostics.
func HasError(diags []*tfprotov6.Diagnostic) bool {
	for _, d := range diags {
		if d.Severity == tfprotov6.DiagnosticSeverityError {
			return true
		}
	}
	return false
}

func said(diags []*tfprotov6.Diagnostic) string {
	var lines []string
	for _, d := range diags {
		lines = append(lines, fmt.Sprintf("%s %s: %s: %s", d.Severity, d.Attribute, d.Summary, d.Detail))
	}
	return strings.Join(lines, "\n")
}

// State is what Terraform keeps of an instance: its attributes, and the private state, which
// the provider keeps beside them. The attributes are null while there is no instance.
type State struct {
	tftypes.Value
	private []byte
}

// Equal reports whether two states have the same attributes.
func (s State) Equal(other State) bool { return s.Value.Equal(other.Value) }

// Nothing is the state while there is no instance.
func (s *Server) Nothing() State { return State{Value: tftypes.NewValue(s.object, nil)} }

// Plan is a planned change.
type Plan struct {
	// Config is null if a destruction is planned.
	Config, Planned tftypes.Value
	// Action is "create", "update", "replace", "destroy" or "none".
	Action  string
	private []byte
}

// Validate validates a configuration.
func (s *Server) Validate(config tftypes.Value) []*tfprotov6.Diagnostic {
	s.t.Helper()
	answer, err := s.server.ValidateResourceConfig(s.t.Context(), &tfprotov6.ValidateResourceConfigRequest{TypeName: s.typeName, Config: s.dynamic(config)})
	if err != nil {
		s.t.Fatal(err)
	}
	return answer.Diagnostics
}

// Plan plans how a configuration, null for a destruction, comes about.
func (s *Server) Plan(prior State, config tftypes.Value) (Plan, []*tfprotov6.Diagnostic) {
	s.t.Helper()
	answer, err := s.server.PlanResourceChange(s.t.Context(), &tfprotov6.PlanResourceChangeRequest{
		TypeName: s.typeName, PriorState: s.dynamic(prior.Value), ProposedNewState: s.dynamic(s.propose(prior, config)), Config: s.dynamic(config), PriorPrivate: prior.private,
	})
	if err != nil {
		s.t.Fatal(err)
	}
	p := Plan{Config: config, Planned: s.value(answer.PlannedState), private: answer.PlannedPrivate}
	switch {
	case len(answer.RequiresReplace) > 0 && !prior.IsNull():
		p.Action = "replace"
	case p.Planned.Equal(prior.Value):
		p.Action = "none"
	case prior.IsNull():
		p.Action = "create"
	case config.IsNull():
		p.Action = "destroy"
	default:
		p.Action = "update"
	}
	return p, answer.Diagnostics
}

// propose merges what was before into a configuration as Terraform does: a computed
// attribute that the configuration leaves out keeps its value.
func (s *Server) propose(prior State, config tftypes.Value) tftypes.Value {
	if prior.IsNull() || config.IsNull() {
		return config
	}
	proposed, before := Attributes(config), Attributes(prior.Value)
	for name, value := range proposed {
		if value.IsNull() && s.computed[name] {
			proposed[name] = before[name]
		}
	}
	return tftypes.NewValue(s.object, proposed)
}

// Apply carries a plan out, and fails the test where Terraform would report a bug of the
// provider.
func (s *Server) Apply(ctx context.Context, prior State, p Plan) (State, []*tfprotov6.Diagnostic) {
	s.t.Helper()
	answer, err := s.server.ApplyResourceChange(ctx, &tfprotov6.ApplyResourceChangeRequest{
		TypeName: s.typeName, PriorState: s.dynamic(prior.Value), PlannedState: s.dynamic(p.Planned), Config: s.dynamic(p.Config), PlannedPrivate: p.private,
	})
	if err != nil {
		s.t.Fatal(err)
	}
	after := State{s.value(answer.NewState), answer.Private}
	if !after.IsFullyKnown() {
		s.t.Errorf("the state after the apply is not wholly known: %s", after)
	}
	if !HasError(answer.Diagnostics) {
		if difference := Disagreement(p.Planned, after.Value, "state"); difference != "" {
			s.t.Errorf("inconsistent result after apply: %s\n%s", difference, said(answer.Diagnostics))
		}
	}
	return after, answer.Diagnostics
}

// Read refreshes a state; one that cannot be read stays as it was.
func (s *Server) Read(state State) (State, []*tfprotov6.Diagnostic) {
	s.t.Helper()
	answer, err := s.server.ReadResource(s.t.Context(), &tfprotov6.ReadResourceRequest{TypeName: s.typeName, CurrentState: s.dynamic(state.Value), Private: state.private})
	if err != nil {
		s.t.Fatal(err)
	}
	if HasError(answer.Diagnostics) {
		return state, answer.Diagnostics
	}
	return State{s.value(answer.NewState), answer.Private}, answer.Diagnostics
}

// Import imports an instance, which Terraform then refreshes. A failed import yields nothing.
func (s *Server) Import(id string) (State, []*tfprotov6.Diagnostic) {
	s.t.Helper()
	answer, err := s.server.ImportResourceState(s.t.Context(), &tfprotov6.ImportResourceStateRequest{TypeName: s.typeName, ID: id})
	if err != nil {
		s.t.Fatal(err)
	}
	if HasError(answer.Diagnostics) {
		return s.Nothing(), answer.Diagnostics
	}
	imported := answer.ImportedResources[0]
	return State{s.value(imported.State), imported.Private}, answer.Diagnostics
}

func (s *Server) dynamic(v tftypes.Value) *tfprotov6.DynamicValue {
	s.t.Helper()
	d, err := tfprotov6.NewDynamicValue(s.object, v)
	if err != nil {
		s.t.Fatal(err)
	}
	return &d
}

func (s *Server) value(d *tfprotov6.DynamicValue) tftypes.Value {
	s.t.Helper()
	if d == nil {
		return tftypes.NewValue(s.object, nil)
	}
	v, err := d.Unmarshal(s.object)
	if err != nil {
		s.t.Fatal(err)
	}
	return v
}
