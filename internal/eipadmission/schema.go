package eipadmission

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework-validators/mapvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/setvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringdefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/eippool"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/eiptag"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/ipfirewall"
)

func resourceSchema(ctx context.Context) schema.Schema {
	replace := []planmodifier.String{stringplanmodifier.RequiresReplace()}
	return schema.Schema{
		MarkdownDescription: "The gate between firewalls and those who use a `crosscloudlink_eip_pool` with `require_admission`: an address may be claimed once every firewall lists it, and goes back to AWS once none does any more.\n\n" +
			"Put it between the firewalls and the assigner: the assigner depends on it, and it reads `admitted_public_ips` of the firewalls. " +
			"Destroying it withdraws the admission from all addresses of the pool.",
		Attributes: map[string]schema.Attribute{
			"id": schema.StringAttribute{Computed: true, MarkdownDescription: "The pool's name; with a `tag_key` other than the default, `NAME,TAG_KEY`. It is what `terraform import` takes."},
			"pool_name": schema.StringAttribute{Required: true, Validators: eippool.NameValidators(), PlanModifiers: replace,
				MarkdownDescription: "Name of the pool; take it from the `crosscloudlink_eip_pool`. Changing this forces a new resource."},
			"tag_key": schema.StringAttribute{Optional: true, Computed: true, Default: stringdefault.StaticString(eiptag.DefaultPoolKey), Validators: eippool.TagKeyValidators(), PlanModifiers: replace,
				MarkdownDescription: fmt.Sprintf("The pool's `tag_key`. Default `%s`. Changing this forces a new resource.", eiptag.DefaultPoolKey)},
			attrFirewalls: schema.MapNestedAttribute{Required: true, Validators: []validator.Map{mapvalidator.SizeBetween(1, 100), mapvalidator.NoNullValues()},
				MarkdownDescription: "The firewalls that the addresses have to pass, by names of your own: 1 to 100. An address is admitted once *all* of them list it, and a retired one released once *all* of them have forgotten it. " +
					"A `crosscloudlink_aoai_ip_firewall` has all three attributes. A firewall that is added withdraws what it does not list yet. Take one out together with its resource, which Terraform destroys first; behind a firewall of another state, only once that lists none of the addresses.",
				NestedObject: schema.NestedAttributeObject{Validators: []validator.Object{listValidator{}}, Attributes: map[string]schema.Attribute{
					// Not Required: the framework would miss it in a firewall that is not known yet, such as one that terraform validate looks at.
					attrAdmitted: schema.SetAttribute{Optional: true, ElementType: types.StringType, Validators: []validator.Set{setvalidator.ValueStringsAre(hostValidator{})},
						MarkdownDescription: "Public IPv4 addresses that the firewall lists; they must be given: `admitted_public_ips` of the `crosscloudlink_aoai_ip_firewall`, which are read back from Azure. Those that are not of the pool have no effect. An empty set withdraws all admissions."},
					attrEffective: schema.SetAttribute{Optional: true, ElementType: types.StringType,
						MarkdownDescription: "Entries that the firewall lists, whoever's they are, of which no retired address may be one when it is released: `setintersection` of `effective_ip_rules` of the `crosscloudlink_aoai_ip_firewall` and `retired_public_ips` of the pool. An apply that is killed while it writes the firewall can leave an entry that no state knows and that `admitted_public_ips` therefore lacks. Ranges have no effect. Left out, only `admitted_public_ips` counts."},
					attrOnDestroy: schema.StringAttribute{Optional: true, Validators: []validator.String{stringvalidator.OneOf(ipfirewall.OnDestroyRemove, ipfirewall.OnDestroyKeep)},
						MarkdownDescription: "`on_destroy` of the `crosscloudlink_aoai_ip_firewall`. `keep` is refused unless AWS shows that every address of the pool was brought by its user (`existing_allocation_ids`): any other would go back to AWS and still be let in. Left out, the same as `remove_entries`."},
				}}},

			"admitted_allocation_ids": schema.ListAttribute{Computed: true, ElementType: types.StringType,
				MarkdownDescription: "Allocation ids of the pool's addresses that are admitted, sorted."},
			"pending_public_ips": schema.SetAttribute{Computed: true, ElementType: types.StringType,
				MarkdownDescription: "Public IPs of the pool that not all firewalls list: not to be claimed."},
			"unlisted_public_ips": schema.MapAttribute{Computed: true, ElementType: setOfStrings,
				MarkdownDescription: "By firewall, the public IPs of the pool that it has yet to list. A firewall that lists all of them is not in the map."},
			"lingering_public_ips": schema.MapAttribute{Computed: true, ElementType: setOfStrings,
				MarkdownDescription: "By firewall, the public IPs of retired addresses that it still lists, as far as that is told: they are not released. A firewall that lists none is not in the map."},
			"released_allocation_ids": schema.ListAttribute{Computed: true, ElementType: types.StringType,
				MarkdownDescription: "Retired addresses that the last apply released, because no firewall lists them any more and nothing uses them; sorted."},
			"foreign_public_ips": schema.SetAttribute{Computed: true, ElementType: types.StringType,
				MarkdownDescription: "Entries of any `admitted_public_ips` that are no addresses of the pool: they have no effect here."},
			"unsettled_allocation_ids": schema.ListAttribute{Computed: true, ElementType: types.StringType,
				MarkdownDescription: "Addresses whose tags do not say what the firewalls list, because they were changed behind Terraform's back, and retired ones that are still in use or listed as an entry of nobody's; sorted. While there are any, an update is planned."},
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

// listValidator refuses a firewall that does not say what it lists.
type listValidator struct{}

// Description says what is accepted.
func (listValidator) Description(context.Context) string {
	return "a firewall with " + attrAdmitted
}

// MarkdownDescription is Description.
func (v listValidator) MarkdownDescription(ctx context.Context) string { return v.Description(ctx) }

// ValidateObject refuses what the description excludes; null and unknown pass.
func (listValidator) ValidateObject(_ context.Context, req validator.ObjectRequest, resp *validator.ObjectResponse) {
	if req.ConfigValue.IsNull() || req.ConfigValue.IsUnknown() {
		return
	}
	if firewallOf(req.ConfigValue).admitted.IsNull() {
		resp.Diagnostics.AddAttributeError(req.Path, "A firewall does not say what it lists",
			fmt.Sprintf("%s is missing. Write admitted_public_ips of the crosscloudlink_aoai_ip_firewall, or an empty set for a firewall that lists no address of the pool.", attrAdmitted))
	}
}
