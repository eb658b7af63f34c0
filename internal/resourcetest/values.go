package resourcetest

import (
	"fmt"
	"maps"
	"slices"

	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// Attrs are values of attributes. A value may be a []string (for a set or list), a
// map[string]string (for a map, or an object whose other attributes are null), or whatever
// tftypes.NewValue takes, a whole tftypes.Value included.
type Attrs map[string]any

// Config is a configuration in which the attributes that are left out are null.
func (s *Server) Config(given map[string]any) tftypes.Value {
	s.t.Helper()
	for name := range given {
		if _, ok := s.object.AttributeTypes[name]; !ok {
			s.t.Fatalf("%s has no attribute %s", s.typeName, name)
		}
	}
	attributes := map[string]tftypes.Value{}
	for name, typ := range s.object.AttributeTypes {
		attributes[name] = configured(typ, given[name])
	}
	return tftypes.NewValue(s.object, attributes)
}

func configured(typ tftypes.Type, v any) tftypes.Value {
	switch v := v.(type) {
	case tftypes.Value:
		return v
	case []string:
		elements := make([]tftypes.Value, 0, len(v))
		for _, text := range v {
			elements = append(elements, tftypes.NewValue(tftypes.String, text))
		}
		return tftypes.NewValue(typ, elements)
	case map[string]string:
		elements := map[string]tftypes.Value{}
		if object, ok := typ.(tftypes.Object); ok {
			for name, attribute := range object.AttributeTypes {
				elements[name] = tftypes.NewValue(attribute, nil)
			}
		}
		for key, text := range v {
			elements[key] = tftypes.NewValue(tftypes.String, text)
		}
		return tftypes.NewValue(typ, elements)
	default:
		return tftypes.NewValue(typ, v)
	}
}

// Attributes are the attributes of an object, in a map of the caller's own; none for null.
func Attributes(object tftypes.Value) map[string]tftypes.Value {
	attributes := map[string]tftypes.Value{}
	if !object.IsNull() {
		if err := object.As(&attributes); err != nil {
			panic(err)
		}
	}
	return maps.Clone(attributes) // As hands out the value's own map
}

// Disagreement tells where a result is not what was planned, and is empty if it is: known values stay, unknown ones may
// become anything but unknown.
func Disagreement(planned, got tftypes.Value, at string) string {
	if !planned.IsKnown() || planned.Equal(got) {
		return ""
	}
	if planned.IsNull() || got.IsNull() || planned.IsFullyKnown() && !isCollection(planned) {
		return fmt.Sprintf("%s was planned as %s and became %s", at, planned, got)
	}
	if planned.Type().Is(tftypes.List{}) {
		var was, is []tftypes.Value
		if planned.As(&was) != nil || got.As(&is) != nil || len(was) != len(is) {
			return fmt.Sprintf("%s was planned with %d elements and has %d", at, len(was), len(is))
		}
		for i := range was {
			if difference := Disagreement(was[i], is[i], fmt.Sprintf("%s[%d]", at, i)); difference != "" {
				return difference
			}
		}
		return ""
	}
	if planned.Type().Is(tftypes.Map{}) || planned.Type().Is(tftypes.Object{}) {
		var was, is map[string]tftypes.Value
		if planned.As(&was) != nil || got.As(&is) != nil || len(was) != len(is) {
			return fmt.Sprintf("%s was planned as %s and became %s", at, planned, got)
		}
		for _, key := range slices.Sorted(maps.Keys(was)) {
			if difference := Disagreement(was[key], is[key], at+"."+key); difference != "" {
				return difference
			}
		}
		return ""
	}
	return fmt.Sprintf("%s was planned as %s and became %s", at, planned, got)
}

func isCollection(v tftypes.Value) bool {
	return v.Type().Is(tftypes.List{}) || v.Type().Is(tftypes.Map{}) || v.Type().Is(tftypes.Object{})
}
