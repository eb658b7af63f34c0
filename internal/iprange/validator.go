package iprange

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
)

// Distinct refuses, each on the element's own path, rules that are not public IPv4
// addresses or aligned ranges, and rules that name an address twice.
func Distinct() validator.Set { return distinct{} }

type distinct struct{}

// Description says what is refused.
func (distinct) Description(context.Context) string {
	return "each element must be a public IPv4 address or an aligned public CIDR range, and no address may be named twice"
}

// MarkdownDescription says what is refused.
func (d distinct) MarkdownDescription(ctx context.Context) string { return d.Description(ctx) }

// ValidateSet looks at the known elements.
func (distinct) ValidateSet(_ context.Context, req validator.SetRequest, resp *validator.SetResponse) {
	type known struct {
		element attr.Value
		text    string
		parsed  Range
	}
	var seen []known
	for _, element := range req.ConfigValue.Elements() {
		value, ok := element.(Value)
		if !ok || value.IsUnknown() {
			continue
		}
		at := req.Path.AtSetValue(element)
		if value.IsNull() {
			resp.Diagnostics.AddAttributeError(at, "Invalid ip rule", "An element is null. Leave it out, for example with compact([…]).")
			continue
		}
		parsed, err := Parse(value.ValueString())
		if err != nil {
			resp.Diagnostics.AddAttributeError(at, "Invalid ip rule", err.Error()+".")
			continue
		}
		for _, other := range seen {
			if !parsed.Overlaps(other.parsed) {
				continue
			}
			// Sets come sorted by nothing in particular: name the narrower one as the one to drop.
			drop, keep, at := value.ValueString(), other.text, at
			if other.parsed.prefix.Bits() > parsed.prefix.Bits() {
				drop, keep, at = other.text, value.ValueString(), req.Path.AtSetValue(other.element)
			}
			what := fmt.Sprintf("%s is already covered by %s", drop, keep)
			if parsed == other.parsed {
				what = fmt.Sprintf("%s and %s are the same address or range in two spellings", drop, keep)
			}
			resp.Diagnostics.AddAttributeError(at, "Duplicate ip rule", fmt.Sprintf("%s. Keep one of them: remove %s.", what, drop))
		}
		seen = append(seen, known{element, value.ValueString(), parsed})
	}
}
