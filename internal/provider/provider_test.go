package provider

import (
	"context"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/function"
	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/clients"
)

// configured runs Configure on a configuration in which only some attributes are set;
// the others are null.
func configured(t *testing.T, set map[string]tftypes.Value) (provider.ConfigureResponse, *clients.Clients) {
	t.Helper()
	p := &Provider{version: "1.2.3", getenv: func(string) string { return "" }}
	var schemaResp provider.SchemaResponse
	p.Schema(t.Context(), provider.SchemaRequest{}, &schemaResp)
	typ, ok := schemaResp.Schema.Type().TerraformType(t.Context()).(tftypes.Object)
	if !ok {
		t.Fatal("the schema is no object")
	}
	raw := object(typ, set)
	var resp provider.ConfigureResponse
	p.Configure(t.Context(), provider.ConfigureRequest{Config: tfsdk.Config{Schema: schemaResp.Schema, Raw: raw}}, &resp)
	c, _ := resp.ResourceData.(*clients.Clients)
	return resp, c
}

func object(typ tftypes.Object, set map[string]tftypes.Value) tftypes.Value {
	values := map[string]tftypes.Value{}
	for name, attribute := range typ.AttributeTypes {
		values[name] = tftypes.NewValue(attribute, nil)
		if v, ok := set[name]; ok {
			values[name] = v
		}
	}
	return tftypes.NewValue(typ, values)
}

func blockType(t *testing.T, name string) tftypes.Object {
	t.Helper()
	typ, ok := configSchema().Attributes[name].GetType().TerraformType(t.Context()).(tftypes.Object)
	if !ok {
		t.Fatalf("%s is no object", name)
	}
	return typ
}

func TestConfigureReachesNoCloud(t *testing.T) {
	resp, c := configured(t, nil)
	if resp.Diagnostics.HasError() || c == nil {
		t.Fatalf("an empty configuration is refused: %v", resp.Diagnostics)
	}
	if c.Owner() != clients.DefaultOwner {
		t.Errorf("owner %q", c.Owner())
	}
}

func TestUnknownValuesMakeOnlyTheirBlockUnknown(t *testing.T) {
	resp, c := configured(t, map[string]tftypes.Value{
		"aws":   object(blockType(t, "aws"), map[string]tftypes.Value{"region": tftypes.NewValue(tftypes.String, tftypes.UnknownValue)}),
		"azure": object(blockType(t, "azure"), map[string]tftypes.Value{"client_id": tftypes.NewValue(tftypes.String, "me")}),
	})
	if resp.Diagnostics.HasError() {
		t.Fatalf("an unknown region is refused at plan: %v", resp.Diagnostics)
	}
	if c.KnownAWS() || !c.KnownAzure() || !c.KnownDatabricksAccount() {
		t.Errorf("known: aws %t, azure %t, databricks %t; want only aws unknown", c.KnownAWS(), c.KnownAzure(), c.KnownDatabricksAccount())
	}
}

func TestAnUnknownOwnerIsRefused(t *testing.T) {
	resp, _ := configured(t, map[string]tftypes.Value{"owner": tftypes.NewValue(tftypes.String, tftypes.UnknownValue)})
	if !resp.Diagnostics.HasError() || !strings.Contains(resp.Diagnostics[0].Detail(), "CROSSCLOUDLINK_OWNER") {
		t.Errorf("diagnostics %v", resp.Diagnostics)
	}
}

func TestEverythingIsDescribed(t *testing.T) {
	p := New("test")()
	for _, create := range p.Resources(t.Context()) {
		r := create()
		var meta resource.MetadataResponse
		r.Metadata(t.Context(), resource.MetadataRequest{ProviderTypeName: "crosscloudlink"}, &meta)
		var resp resource.SchemaResponse
		r.Schema(t.Context(), resource.SchemaRequest{}, &resp)
		if resp.Diagnostics.HasError() {
			t.Fatal(resp.Diagnostics)
		}
		if diags := resp.Schema.ValidateImplementation(t.Context()); diags.HasError() {
			t.Errorf("%s: %v", meta.TypeName, diags)
		}
		if resp.Schema.MarkdownDescription == "" {
			t.Errorf("%s has no description", meta.TypeName)
		}
		for name, attribute := range resp.Schema.Attributes {
			if attribute.GetMarkdownDescription() == "" && name != "timeouts" {
				t.Errorf("%s.%s has no description", meta.TypeName, name)
			}
		}
	}
	for _, create := range p.(provider.ProviderWithFunctions).Functions(t.Context()) {
		var meta function.MetadataResponse
		create().Metadata(t.Context(), function.MetadataRequest{}, &meta)
		var resp function.DefinitionResponse
		create().Definition(t.Context(), function.DefinitionRequest{}, &resp)
		var validated function.DefinitionValidateResponse
		resp.Definition.ValidateImplementation(t.Context(), function.DefinitionValidateRequest{FuncName: meta.Name}, &validated)
		if resp.Diagnostics.HasError() || validated.Diagnostics.HasError() {
			t.Errorf("%s: %v %v", meta.Name, resp.Diagnostics, validated.Diagnostics)
		}
		if resp.Definition.Summary == "" || resp.Definition.MarkdownDescription == "" {
			t.Errorf("%s has no description", meta.Name)
		}
	}
	var resp provider.SchemaResponse
	p.Schema(context.Background(), provider.SchemaRequest{}, &resp)
	if diags := resp.Schema.ValidateImplementation(t.Context()); diags.HasError() {
		t.Error(diags)
	}
}
