package provider

import (
	"context"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
)

// notBlank refuses an empty or blank string and says what to do instead.
func notBlank(instead string) validator.String { return notBlankValidator{instead} }

type notBlankValidator struct{ instead string }

func (v notBlankValidator) Description(context.Context) string { return "must not be blank" }

func (v notBlankValidator) MarkdownDescription(ctx context.Context) string { return v.Description(ctx) }

func (v notBlankValidator) ValidateString(_ context.Context, req validator.StringRequest, resp *validator.StringResponse) {
	if req.ConfigValue.IsNull() || req.ConfigValue.IsUnknown() || strings.TrimSpace(req.ConfigValue.ValueString()) != "" {
		return
	}
	resp.Diagnostics.AddAttributeError(req.Path, "Empty "+req.Path.String(), "The value is blank. "+v.instead)
}
