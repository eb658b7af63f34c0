package eipadmission

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework-validators/setvalidator"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringdefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/eippool"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/eiptag"
)

func resourceSchema(ctx context.Context) schema.Schema {
	replace := []planmodifier.String{stringplanmodifier.RequiresReplace()}
	return schema.Schema{
		MarkdownDescription: "The gate between a firewall and those who use a `crosscloudlink_eip_pool` with `require_admission`: an address may be claimed once the firewall lists it, and goes back to AWS once the firewall no longer does.\n\n" +
			"Put it between the firewall and the assigner: the assigner depends on it, and it reads `admitted_public_ips` of the firewall. " +
			"Destroying it withdraws the admission from all addresses of the pool.",
		Attributes: map[string]schema.Attribute{
			"id": schema.StringAttribute{Computed: true, MarkdownDescription: "The pool's name; with a `tag_key` other than the default, `NAME,TAG_KEY`. It is what `terraform import` takes."},
			"pool_name": schema.StringAttribute{Required: true, Validators: eippool.NameValidators(), PlanModifiers: replace,
				MarkdownDescription: "Name of the pool; take it from the `crosscloudlink_eip_pool`. Changing this forces a new resource."},
			"tag_key": schema.StringAttribute{Optional: true, Computed: true, Default: stringdefault.StaticString(eiptag.DefaultPoolKey), Validators: eippool.TagKeyValidators(), PlanModifiers: replace,
				MarkdownDescription: fmt.Sprintf("The pool's `tag_key`. Default `%s`. Changing this forces a new resource.", eiptag.DefaultPoolKey)},
			"admitted_public_ips": schema.SetAttribute{Required: true, ElementType: types.StringType, Validators: []validator.Set{setvalidator.ValueStringsAre(hostValidator{})},
				MarkdownDescription: "Public IPv4 addresses that the firewall lists: `admitted_public_ips` of the `crosscloudlink_aoai_ip_firewall`, which are read back from Azure. Those that are not of the pool have no effect. An empty set withdraws all admissions."},
			"effective_ip_rules": schema.SetAttribute{Optional: true, ElementType: types.StringType,
				MarkdownDescription: "Entries that the firewall lists, whoever's they are, of which no retired address may be one when it is released: `setintersection` of `effective_ip_rules` of the `crosscloudlink_aoai_ip_firewall` and `retired_public_ips` of the pool. An apply that is killed while it writes the firewall can leave an entry that no state knows and that `admitted_public_ips` therefore lacks. Ranges have no effect. Left out, only `admitted_public_ips` counts."},

			"admitted_allocation_ids": schema.ListAttribute{Computed: true, ElementType: types.StringType,
				MarkdownDescription: "Allocation ids of the pool's addresses that are admitted, sorted."},
			"pending_public_ips": schema.SetAttribute{Computed: true, ElementType: types.StringType,
				MarkdownDescription: "Public IPs of the pool that the firewall does not list: not to be claimed."},
			"released_allocation_ids": schema.ListAttribute{Computed: true, ElementType: types.StringType,
				MarkdownDescription: "Retired addresses that the last apply released, because the firewall no longer lists them and nothing uses them; sorted."},
			"foreign_public_ips": schema.SetAttribute{Computed: true, ElementType: types.StringType,
				MarkdownDescription: "Entries of `admitted_public_ips` that are no addresses of the pool: they have no effect here."},
			"unsettled_allocation_ids": schema.ListAttribute{Computed: true, ElementType: types.StringType,
				MarkdownDescription: "Addresses whose tags do not say what the firewall lists, because they were changed behind Terraform's back, and retired ones that are still in use; sorted. While there are any, an update is planned."},
			"timeouts": timeouts.Attributes(ctx, timeouts.Opts{Create: true, Read: true, Update: true, Delete: true}),
		},
	}
}

// hostValidator refuses what is not the address of one host.
type hostValidator struct{}

// Description says what is accepted.
func (hostValidator) Description(context.Context) string { return "an IPv4 address" }

// MarkdownDescription is Description.
func (v hostValidator) MarkdownDescription(ctx context.Context) string { return v.Description(ctx) }

// ValidateString refuses what the description excludes; null and unknown pass.
func (hostValidator) ValidateString(_ context.Context, req validator.StringRequest, resp *validator.StringResponse) {
	if req.ConfigValue.IsNull() || req.ConfigValue.IsUnknown() {
		return
	}
	if _, err := host(req.ConfigValue.ValueString()); err != nil {
		resp.Diagnostics.AddAttributeError(req.Path, "Not the address of one host", err.Error()+".")
	}
}
