package iprange

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types/basetypes"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

var (
	_ basetypes.StringTypable                    = Type{}
	_ basetypes.StringValuableWithSemanticEquals = Value{}
)

// Type is the attribute type of an ip rule: a string whose spellings "a.b.c.d" and
// "a.b.c.d/32" are equal.
type Type struct{ basetypes.StringType }

// Equal reports whether o is this type.
func (t Type) Equal(o attr.Type) bool {
	other, ok := o.(Type)
	return ok && t.StringType.Equal(other.StringType)
}

// String names the type.
func (t Type) String() string { return "iprange.Type" }

// ValueFromString wraps a string value.
func (t Type) ValueFromString(_ context.Context, in basetypes.StringValue) (basetypes.StringValuable, diag.Diagnostics) {
	return Value{in}, nil
}

// ValueFromTerraform converts a value as Terraform sends it.
func (t Type) ValueFromTerraform(ctx context.Context, in tftypes.Value) (attr.Value, error) {
	value, err := t.StringType.ValueFromTerraform(ctx, in)
	if err != nil {
		return nil, err
	}
	s, ok := value.(basetypes.StringValue)
	if !ok {
		return nil, fmt.Errorf("unexpected value type %T for a string", value)
	}
	return Value{s}, nil
}

// ValueType returns the type's value.
func (t Type) ValueType(context.Context) attr.Value { return Value{} }

// Value is an ip rule in its user's spelling.
type Value struct{ basetypes.StringValue }

// NewValue returns a known value.
func NewValue(s string) Value { return Value{basetypes.NewStringValue(s)} }

// Type returns the attribute type.
func (v Value) Type(context.Context) attr.Type { return Type{} }

// Equal reports whether o is the same value in the same spelling.
func (v Value) Equal(o attr.Value) bool {
	other, ok := o.(Value)
	return ok && v.StringValue.Equal(other.StringValue)
}

// StringSemanticEquals reports whether the new value is another spelling of this one.
func (v Value) StringSemanticEquals(_ context.Context, newValue basetypes.StringValuable) (bool, diag.Diagnostics) {
	other, ok := newValue.(Value)
	if !ok {
		return false, diag.Diagnostics{diag.NewErrorDiagnostic("Unexpected value type",
			fmt.Sprintf("An ip rule was compared with %T. Please report this to the provider's developers.", newValue))}
	}
	return SameEntry(v.ValueString(), other.ValueString()), nil
}
