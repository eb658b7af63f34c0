// Package tfvalue translates between Go's strings and Terraform's collections of strings.
package tfvalue

import (
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// Strings returns the known strings among a collection's elements, in order; never nil.
func Strings(elements []attr.Value) []string {
	out := make([]string, 0, len(elements))
	for _, e := range elements {
		if s, ok := e.(types.String); ok && !s.IsNull() && !s.IsUnknown() {
			out = append(out, s.ValueString())
		}
	}
	return out
}

// StringMap returns the known strings of a map; never nil.
func StringMap(m types.Map) map[string]string {
	out := make(map[string]string, len(m.Elements()))
	for key, e := range m.Elements() {
		if s, ok := e.(types.String); ok && !s.IsNull() && !s.IsUnknown() {
			out[key] = s.ValueString()
		}
	}
	return out
}

// List makes a list; of nothing it is empty, not null.
func List(values []string) types.List { return types.ListValueMust(types.StringType, elements(values)) }

// Set makes a set; of nothing it is empty, not null. No value may stand twice.
func Set(values []string) types.Set { return types.SetValueMust(types.StringType, elements(values)) }

// Map makes a map; of nothing it is empty, not null.
func Map(values map[string]string) types.Map {
	out := make(map[string]attr.Value, len(values))
	for key, value := range values {
		out[key] = types.StringValue(value)
	}
	return types.MapValueMust(types.StringType, out)
}

// StringOrNull makes a string; of "" it is null.
func StringOrNull(value string) types.String {
	if value == "" {
		return types.StringNull()
	}
	return types.StringValue(value)
}

func elements(values []string) []attr.Value {
	out := make([]attr.Value, len(values))
	for i, value := range values {
		out[i] = types.StringValue(value)
	}
	return out
}
