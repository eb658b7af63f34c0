package eippool

import (
	"context"
	"fmt"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
)

// sizeValidator refuses an empty pool in words.
type sizeValidator struct{}

// Description says what is accepted.
func (sizeValidator) Description(context.Context) string {
	return "at least 1"
}

// MarkdownDescription is Description.
func (v sizeValidator) MarkdownDescription(ctx context.Context) string { return v.Description(ctx) }

// ValidateInt64 refuses a size below 1.
func (sizeValidator) ValidateInt64(_ context.Context, req validator.Int64Request, resp *validator.Int64Response) {
	if req.ConfigValue.IsNull() || req.ConfigValue.IsUnknown() || req.ConfigValue.ValueInt64() >= 1 {
		return
	}
	resp.Diagnostics.AddAttributeError(req.Path, "The pool has no room for an address",
		fmt.Sprintf("size is %d, and a pool holds at least 1 address. Write the largest number of instances that are to run at once, plus one for each that may start while another one stops. To give all addresses back, destroy the pool.", req.ConfigValue.ValueInt64()))
}

// unreservedKey refuses tag keys that are AWS's or the product's own.
type unreservedKey struct{}

// Description says what is accepted.
func (unreservedKey) Description(context.Context) string {
	return "not a key that begins with aws: or crosscloudlink:"
}

// MarkdownDescription is Description.
func (v unreservedKey) MarkdownDescription(ctx context.Context) string { return v.Description(ctx) }

// ValidateString refuses what the description excludes; null and unknown pass.
func (unreservedKey) ValidateString(_ context.Context, req validator.StringRequest, resp *validator.StringResponse) {
	if key := req.ConfigValue; !key.IsNull() && !key.IsUnknown() && reservedKey(key.ValueString()) {
		resp.Diagnostics.AddAttributeError(req.Path, "The tag key is reserved",
			fmt.Sprintf("%q is a key that AWS or this provider writes itself. Use a key that begins with neither aws: nor crosscloudlink:.", key.ValueString()))
	}
}

// notAWSKey refuses the keys that AWS keeps for itself.
type notAWSKey struct{}

// Description says what is accepted.
func (notAWSKey) Description(context.Context) string { return "not a key that begins with aws:" }

// MarkdownDescription is Description.
func (v notAWSKey) MarkdownDescription(ctx context.Context) string { return v.Description(ctx) }

// ValidateString refuses what the description excludes; null and unknown pass.
func (notAWSKey) ValidateString(_ context.Context, req validator.StringRequest, resp *validator.StringResponse) {
	if key := req.ConfigValue; !key.IsNull() && !key.IsUnknown() && strings.HasPrefix(strings.ToLower(key.ValueString()), "aws:") {
		resp.Diagnostics.AddAttributeError(req.Path, "The tag key is reserved",
			fmt.Sprintf("AWS keeps keys that begin with aws: for itself, %q among them. Leave tag_key out, or write a key of your own.", key.ValueString()))
	}
}
