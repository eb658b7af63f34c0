package endpointrule

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/databricks/databricks-sdk-go/apierr"
	"github.com/databricks/databricks-sdk-go/service/settings"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/waiter"
)

type fakeRules struct {
	get func(nccID, ruleID string) (*settings.NccPrivateEndpointRule, error)
}

func (f fakeRules) GetPrivateEndpointRule(ctx context.Context, in settings.GetPrivateEndpointRuleRequest) (*settings.NccPrivateEndpointRule, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return f.get(in.NetworkConnectivityConfigId, in.PrivateEndpointRuleId)
}

// answers plays one answer after the other, and the last one from then on.
type answers struct {
	rules []settings.NccPrivateEndpointRule
	errs  []error
	calls int
}

func (a *answers) get(string, string) (*settings.NccPrivateEndpointRule, error) {
	a.calls++
	if a.calls <= len(a.errs) {
		return nil, a.errs[a.calls-1]
	}
	rule := a.rules[min(a.calls-len(a.errs), len(a.rules))-1]
	return &rule, nil
}

func read(ctx context.Context, t *testing.T, a *answers, timeout string) (model, diag.Diagnostics) {
	t.Helper()
	d := &DataSource{connect: func(context.Context) (account, diag.Diagnostics) {
		return account{rules: fakeRules{a.get}, waiter: waiter.Waiter{Clock: waiter.NewFakeClock(time.Unix(0, 0))}}, nil
	}}
	s := dataSourceSchema(t.Context())
	typ, ok := s.Type().TerraformType(t.Context()).(tftypes.Object)
	if !ok {
		t.Fatal("the schema is no object")
	}
	values := map[string]tftypes.Value{}
	for name, attribute := range typ.AttributeTypes {
		values[name] = tftypes.NewValue(attribute, nil)
	}
	values["network_connectivity_config_id"] = tftypes.NewValue(tftypes.String, "ncc-1")
	values["private_endpoint_rule_id"] = tftypes.NewValue(tftypes.String, "rule-1")
	if timeout != "" {
		values["timeouts"] = tftypes.NewValue(typ.AttributeTypes["timeouts"], map[string]tftypes.Value{"read": tftypes.NewValue(tftypes.String, timeout)})
	}
	resp := datasource.ReadResponse{State: tfsdk.State{Schema: s}}
	d.Read(ctx, datasource.ReadRequest{Config: tfsdk.Config{Schema: s, Raw: tftypes.NewValue(typ, values)}}, &resp)
	var m model
	if !resp.Diagnostics.HasError() {
		resp.Diagnostics.Append(resp.State.Get(t.Context(), &m)...)
	}
	return m, resp.Diagnostics
}

func rule(state string, change func(*settings.NccPrivateEndpointRule)) settings.NccPrivateEndpointRule {
	r := settings.NccPrivateEndpointRule{
		RuleId: "rule-1", EndpointService: "com.amazonaws.vpce.us-east-1.vpce-svc-0a1b", DomainNames: []string{"b.example.com", "a.example.com"},
		ConnectionState: settings.NccPrivateEndpointRulePrivateLinkConnectionState(state),
	}
	if state != "CREATING" && state != "CREATE_FAILED" {
		r.VpcEndpointId = "vpce-0c11"
	}
	if change != nil {
		change(&r)
	}
	return r
}

func TestReadWaitsWhileCreating(t *testing.T) {
	late := rule("PENDING", func(r *settings.NccPrivateEndpointRule) { r.VpcEndpointId = "" })
	a := &answers{
		errs:  []error{&apierr.APIError{StatusCode: 500, ErrorCode: "INTERNAL_ERROR", Message: "try again"}},
		rules: []settings.NccPrivateEndpointRule{rule("CREATING", nil), rule("CREATING", nil), late, rule("PENDING", nil)},
	}
	m, diags := read(t.Context(), t, a, "")
	if diags.HasError() {
		t.Fatal(diags)
	}
	if a.calls != 5 {
		t.Errorf("%d calls, want 5", a.calls)
	}
	got := []string{m.ID.ValueString(), m.EndpointService.ValueString(), m.VPCEndpointID.ValueString(), m.ConnectionState.ValueString(), m.DomainNames.String()}
	if want := `ncc-1/rule-1 com.amazonaws.vpce.us-east-1.vpce-svc-0a1b vpce-0c11 PENDING ["b.example.com","a.example.com"]`; strings.Join(got, " ") != want {
		t.Errorf("read %v, want %s", got, want)
	}
	if m.Deactivated.ValueBool() || m.ErrorMessage.ValueString() != "" || m.ErrorMessage.IsNull() {
		t.Errorf("read %+v", m)
	}
}

func TestWhatIsMadeIsReadAtOnce(t *testing.T) {
	for name, r := range map[string]settings.NccPrivateEndpointRule{
		"established":      rule("ESTABLISHED", nil),
		"rejected":         rule("REJECTED", nil),
		"expired, without": rule("EXPIRED", func(r *settings.NccPrivateEndpointRule) { r.VpcEndpointId = "" }),
		"deleted":          rule("CREATING", func(r *settings.NccPrivateEndpointRule) { r.Deactivated = true }),
		"not known here":   rule("SOMETHING_NEW", nil),
	} {
		a := &answers{rules: []settings.NccPrivateEndpointRule{r}}
		m, diags := read(t.Context(), t, a, "")
		if diags.HasError() || a.calls != 1 {
			t.Errorf("%s: %d calls, %v", name, a.calls, diags)
		}
		if m.ConnectionState.ValueString() != string(r.ConnectionState) || m.Deactivated.ValueBool() != r.Deactivated || m.VPCEndpointID.IsNull() != (r.VpcEndpointId == "") {
			t.Errorf("%s: read %+v", name, m)
		}
	}
}

func TestErrors(t *testing.T) {
	creating := []settings.NccPrivateEndpointRule{rule("CREATING", nil)}
	failed := rule("CREATE_FAILED", func(r *settings.NccPrivateEndpointRule) { r.ErrorMessage = "NOT_FOUND: no such service" })
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	for name, c := range map[string]struct {
		ctx     context.Context
		answers answers
		timeout string
		want    []string
	}{
		"failed":    {answers: answers{rules: []settings.NccPrivateEndpointRule{rule("CREATING", nil), failed}}, want: []string{"could not make the VPC endpoint", "NOT_FOUND: no such service", "private-connectivity-role"}},
		"missing":   {answers: answers{errs: []error{&apierr.APIError{StatusCode: 404, ErrorCode: "RESOURCE_DOES_NOT_EXIST", Message: "gone"}}}, want: []string{"does not exist", "rule-1", "ncc-1"}},
		"denied":    {answers: answers{errs: []error{&apierr.APIError{StatusCode: 403, ErrorCode: "PERMISSION_DENIED", Message: "no"}}}, want: []string{"Cannot read", "PERMISSION_DENIED", "account admin role"}},
		"timed out": {answers: answers{rules: creating}, timeout: "50ms", want: []string{"has no VPC endpoint yet", `"CREATING"`, "timeouts.read"}},
		"canceled":  {ctx: canceled, answers: answers{rules: creating}, want: []string{"has no VPC endpoint yet"}},
	} {
		t.Run(name, func(t *testing.T) {
			ctx := c.ctx
			if ctx == nil {
				ctx = t.Context()
			}
			_, diags := read(ctx, t, &c.answers, c.timeout)
			if len(diags) != 1 {
				t.Fatalf("said %v", diags)
			}
			said := diags[0].Summary() + ": " + diags[0].Detail()
			for _, part := range c.want {
				if !strings.Contains(said, part) {
					t.Errorf("nothing says %q in %s", part, said)
				}
			}
		})
	}
}
