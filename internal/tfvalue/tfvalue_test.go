package tfvalue

import (
	"maps"
	"slices"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

func TestOnlyKnownStringsComeOut(t *testing.T) {
	mixed := []attr.Value{types.StringValue("a"), types.StringUnknown(), types.StringNull(), types.StringValue("")}
	if got, want := Strings(mixed), []string{"a", ""}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	m := types.MapValueMust(types.StringType, map[string]attr.Value{"a": types.StringValue("1"), "b": types.StringUnknown()})
	if got, want := StringMap(m), map[string]string{"a": "1"}; !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if Strings(nil) == nil || StringMap(types.MapNull(types.StringType)) == nil {
		t.Error("nothing comes out as nil")
	}
}

func TestThereAndBack(t *testing.T) {
	values := []string{"b", "a"}
	if got := Strings(List(values).Elements()); !slices.Equal(got, values) {
		t.Errorf("list: got %q", got)
	}
	if got := Strings(Set(values).Elements()); !slices.Equal(got, values) {
		t.Errorf("set: got %q", got)
	}
	if got := StringMap(Map(map[string]string{"k": "v"})); got["k"] != "v" {
		t.Errorf("map: got %v", got)
	}
	if List(nil).IsNull() || Set(nil).IsNull() || Map(nil).IsNull() {
		t.Error("nothing becomes null")
	}
	if !StringOrNull("").IsNull() || StringOrNull("x").ValueString() != "x" {
		t.Error("StringOrNull")
	}
}
