package accountavailability

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/azureaccount"
)

// read runs Read on what asked asks.
func read(t *testing.T, azure accounts, subscriptionID string) diag.Diagnostics {
	t.Helper()
	schema := dataSourceSchema()
	objectType := schema.Type().TerraformType(t.Context())
	values := map[string]tftypes.Value{}
	for name, attribute := range schema.Attributes {
		values[name] = tftypes.NewValue(attribute.GetType().TerraformType(t.Context()), nil)
	}
	for name, value := range map[string]string{
		"name": asked.id.Name, "resource_group_name": asked.id.ResourceGroup, "location": asked.location, "custom_subdomain_name": asked.subdomain,
	} {
		values[name] = tftypes.NewValue(tftypes.String, value)
	}
	d := &DataSource{azure: func(context.Context) (accounts, string, diag.Diagnostics) { return azure, subscriptionID, nil }}
	resp := &datasource.ReadResponse{State: tfsdk.State{Schema: schema, Raw: tftypes.NewValue(objectType, nil)}}
	d.Read(t.Context(), datasource.ReadRequest{Config: tfsdk.Config{Schema: schema, Raw: tftypes.NewValue(objectType, values)}}, resp)
	return resp.Diagnostics
}

func TestWarningsNameWhatIsMissing(t *testing.T) {
	for name, test := range map[string]struct {
		err  error
		want []string
	}{
		"rights":       {azureError(http.StatusForbidden, "AuthorizationFailed"), []string{rightToCheckDomain, rightToReadDeleted}},
		"registration": {azureError(http.StatusConflict, codeNotRegistered), []string{"Register the resource provider", "Register the resource provider"}},
	} {
		t.Run(name, func(t *testing.T) {
			diags := read(t, &fake{
				t: t,
				get: func() (*azureaccount.Account, error) {
					return nil, azureError(http.StatusNotFound, "ResourceNotFound")
				},
				domain:  func() (azureaccount.DomainAvailability, error) { return azureaccount.DomainAvailability{}, test.err },
				deleted: func() (*azureaccount.DeletedAccount, error) { return nil, test.err },
			}, "s")
			if diags.HasError() || diags.WarningsCount() != len(test.want) {
				t.Fatalf("diagnostics %v", diags)
			}
			for i, want := range test.want {
				if got := diags[i].Detail(); !strings.Contains(got, want) || !strings.Contains(got, asked.id.String()) {
					t.Errorf("warning %d lacks %q: %s", i, want, got)
				}
			}
		})
	}
}

func TestSubscriptionIsNeeded(t *testing.T) {
	diags := read(t, &fake{t: t}, "")
	if diags.ErrorsCount() != 1 || !strings.Contains(diags[0].Detail(), "ARM_SUBSCRIPTION_ID") {
		t.Errorf("diagnostics %v", diags)
	}
}
