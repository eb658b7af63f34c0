package iprange

import (
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-framework/types/basetypes"
)

func validate(t *testing.T, elements ...attr.Value) *validator.SetResponse {
	t.Helper()
	resp := &validator.SetResponse{}
	Distinct().ValidateSet(t.Context(), validator.SetRequest{
		Path:        path.Root("ip_rules"),
		ConfigValue: types.SetValueMust(Type{}, elements),
	}, resp)
	return resp
}

func TestDistinctNamesTheElement(t *testing.T) {
	tests := map[string]struct {
		rules    []string
		on, text string
	}{
		"private":           {[]string{"52.1.2.3", "10.0.0.1"}, "10.0.0.1", "private"},
		"two spellings":     {[]string{"52.1.2.3", "52.1.2.3/32"}, "52.1.2.3/32", "two spellings"},
		"host in a range":   {[]string{"52.1.2.3", "52.1.2.0/24"}, "52.1.2.3", "already covered by 52.1.2.0/24"},
		"host in a pair":    {[]string{"52.1.2.2/31", "52.1.2.3"}, "52.1.2.3", "remove 52.1.2.3"},
		"range in a range":  {[]string{"52.1.0.0/16", "52.1.2.0/24"}, "52.1.2.0/24", "already covered by 52.1.0.0/16"},
		"unaligned, inside": {[]string{"52.1.2.9/24"}, "52.1.2.9/24", "52.1.2.0/24"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var elements []attr.Value
			for _, rule := range test.rules {
				elements = append(elements, NewValue(rule))
			}
			resp := validate(t, elements...)
			if len(resp.Diagnostics) != 1 {
				t.Fatalf("diagnostics %v", resp.Diagnostics)
			}
			want := path.Root("ip_rules").AtSetValue(NewValue(test.on))
			withPath, ok := resp.Diagnostics[0].(interface{ Path() path.Path })
			if !ok || !withPath.Path().Equal(want) {
				t.Errorf("%v is not on %s", resp.Diagnostics[0], want)
			}
			if !strings.Contains(resp.Diagnostics[0].Detail(), test.text) {
				t.Errorf("lacks %q: %s", test.text, resp.Diagnostics[0].Detail())
			}
		})
	}
}

func TestDistinctAccepts(t *testing.T) {
	resp := validate(t, NewValue("52.1.2.3"), NewValue("52.1.2.4/32"), NewValue("9.9.9.0/24"), Value{basetypes.NewStringUnknown()})
	if len(resp.Diagnostics) != 0 {
		t.Errorf("diagnostics %v", resp.Diagnostics)
	}
}

func TestSpellingsAreSemanticallyEqual(t *testing.T) {
	for _, test := range []struct {
		a, b string
		want bool
	}{{"52.1.2.3", "52.1.2.3/32", true}, {"52.1.2.3", "52.1.2.4", false}, {"52.1.2.0/24", "52.1.2.0", false}} {
		got, diags := NewValue(test.a).StringSemanticEquals(t.Context(), NewValue(test.b))
		if diags.HasError() || got != test.want {
			t.Errorf("%s and %s: %t %v", test.a, test.b, got, diags)
		}
	}
}
