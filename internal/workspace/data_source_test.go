package workspace

import (
	"context"
	"strings"
	"testing"

	"github.com/databricks/databricks-sdk-go/apierr"
	"github.com/databricks/databricks-sdk-go/service/provisioning"
	"github.com/databricks/databricks-sdk-go/service/settings"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

type fakeWorkspaces struct {
	get func(id int64) (*provisioning.Workspace, error)
}

func (f fakeWorkspaces) Get(_ context.Context, in provisioning.GetWorkspaceRequest) (*provisioning.Workspace, error) {
	return f.get(in.WorkspaceId)
}

type fakeOptions struct {
	get func(id int64) (string, error)
}

func (f fakeOptions) GetWorkspaceNetworkOptionRpc(_ context.Context, in settings.GetWorkspaceNetworkOptionRequest) (*settings.WorkspaceNetworkOption, error) { //nolint:staticcheck // The name is the SDK\'s.
	policy, err := f.get(in.WorkspaceId)
	return &settings.WorkspaceNetworkOption{NetworkPolicyId: policy}, err
}

// read reads workspace 42 of an account.
func read(t *testing.T, a account) (model, diag.Diagnostics) {
	t.Helper()
	d := &DataSource{connect: func(context.Context) (account, diag.Diagnostics) { return a, nil }}
	var described datasource.SchemaResponse
	d.Schema(t.Context(), datasource.SchemaRequest{}, &described)
	typ, ok := described.Schema.Type().TerraformType(t.Context()).(tftypes.Object)
	if !ok {
		t.Fatal("the schema is no object")
	}
	values := map[string]tftypes.Value{}
	for name, attribute := range typ.AttributeTypes {
		values[name] = tftypes.NewValue(attribute, nil)
	}
	values["workspace_id"] = tftypes.NewValue(tftypes.Number, 42)
	raw := tftypes.NewValue(typ, values)
	resp := datasource.ReadResponse{State: tfsdk.State{Schema: described.Schema}}
	d.Read(t.Context(), datasource.ReadRequest{Config: tfsdk.Config{Schema: described.Schema, Raw: raw}}, &resp)
	var m model
	if !resp.Diagnostics.HasError() {
		resp.Diagnostics.Append(resp.State.Get(t.Context(), &m)...)
	}
	return m, resp.Diagnostics
}

func TestRead(t *testing.T) {
	calls := 0
	a := account{
		workspaces: fakeWorkspaces{func(id int64) (*provisioning.Workspace, error) {
			calls++
			return &provisioning.Workspace{
				WorkspaceId: id, AccountId: "acc", WorkspaceName: "data", AwsRegion: "us-east-1", WorkspaceStatus: "RUNNING",
				PricingTier: "ENTERPRISE", NetworkConnectivityConfigId: "ncc-1",
			}, nil
		}},
		options: fakeOptions{func(int64) (string, error) { calls++; return "locked", nil }},
	}
	m, diags := read(t, a)
	if diags.HasError() {
		t.Fatal(diags)
	}
	got := []string{m.ID.ValueString(), m.AccountID.ValueString(), m.Name.ValueString(), m.Region.ValueString(), m.Status.ValueString(), m.PricingTier.ValueString(), m.NCCID.ValueString(), m.PolicyID.ValueString()}
	if want := "42 acc data us-east-1 RUNNING ENTERPRISE ncc-1 locked"; strings.Join(got, " ") != want {
		t.Errorf("read %v, want %s", got, want)
	}
	if calls != 2 {
		t.Errorf("%d calls, want 2", calls)
	}
}

func TestAWorkspaceWithoutNetwork(t *testing.T) {
	m, diags := read(t, account{
		workspaces: fakeWorkspaces{func(id int64) (*provisioning.Workspace, error) {
			return &provisioning.Workspace{WorkspaceId: id, WorkspaceStatus: "PROVISIONING"}, nil
		}},
		options: fakeOptions{func(int64) (string, error) { return "", nil }},
	})
	if diags.HasError() {
		t.Fatal(diags)
	}
	if !m.NCCID.IsNull() || m.PolicyID.ValueString() != "default-policy" || !m.PricingTier.IsNull() {
		t.Errorf("read %+v", m)
	}
}

func TestErrorsNameTheWorkspace(t *testing.T) {
	missing := &apierr.APIError{StatusCode: 404, ErrorCode: "RESOURCE_DOES_NOT_EXIST", Message: "no such object"}
	denied := &apierr.APIError{StatusCode: 403, ErrorCode: "PERMISSION_DENIED", Message: "not an account admin"}
	for summary, a := range map[string]account{
		"The workspace does not exist": {workspaces: fakeWorkspaces{func(int64) (*provisioning.Workspace, error) { return nil, missing }}},
		"Cannot read the workspace":    {workspaces: fakeWorkspaces{func(int64) (*provisioning.Workspace, error) { return nil, denied }}},
		"Cannot read the workspace's network policy": {
			workspaces: fakeWorkspaces{func(int64) (*provisioning.Workspace, error) { return &provisioning.Workspace{}, nil }},
			options:    fakeOptions{func(int64) (string, error) { return "", denied }},
		},
	} {
		_, diags := read(t, a)
		if len(diags) != 1 || diags[0].Summary() != summary || !strings.Contains(diags[0].Detail(), "workspace 42") {
			t.Errorf("said %v, want %q", diags, summary)
		}
	}
}
