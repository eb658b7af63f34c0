package eippool

import (
	"context"
	"fmt"
	"regexp"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework-validators/mapvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/setvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/booldefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringdefault"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/eiptag"
)

var (
	noOuterSpace   = regexp.MustCompile(`^(\S(.*\S)?)?$`)
	anAllocationID = regexp.MustCompile(`^eipalloc-[0-9a-f]+$`)
)

// NameValidators are the rules for a pool's name: it is a tag value, a filter of
// DescribeAddresses, a condition in the assigner's policy, and part of an import id.
func NameValidators() []validator.String {
	return []validator.String{
		stringvalidator.RegexMatches(eiptag.ValuePattern, eiptag.ValueRule),
		stringvalidator.RegexMatches(noOuterSpace, "must not begin or end with white space"),
	}
}

// TagKeyValidators are the rules for the key of the tag whose value is a pool's name.
func TagKeyValidators() []validator.String {
	return []validator.String{
		stringvalidator.RegexMatches(eiptag.KeyPattern, eiptag.KeyRule),
		stringvalidator.NoneOfCaseInsensitive(nameTag, eiptag.Owner, eiptag.Admission, eiptag.Lifecycle, eiptag.Existing, eiptag.Slot),
		notAWSKey{},
	}
}

func allocationIDs() []validator.Set {
	return []validator.Set{setvalidator.ValueStringsAre(stringvalidator.RegexMatches(anAllocationID,
		"must be the allocation id of an Elastic IP, such as eipalloc-0123456789abcdef0 (not its IP address, and not an association id)"))}
}

func resourceSchema(ctx context.Context) schema.Schema {
	return schema.Schema{
		MarkdownDescription: "A pool of Elastic IPs with stable addresses, found by tag: what a firewall on the other side pins, and what instances claim.\n\n" +
			"The pool's memory is the tags on its addresses, written in the call that allocates them. A create that was killed loses nothing: the next one finds the addresses and adopts them. " +
			"Nothing ever replaces a pool, and no address is released that something uses.",
		Attributes: map[string]schema.Attribute{
			"id": schema.StringAttribute{Computed: true, MarkdownDescription: "The pool's name; with a `tag_key` other than the default, `NAME,TAG_KEY`. It is what `terraform import` takes."},
			"name": schema.StringAttribute{Required: true, Validators: NameValidators(),
				MarkdownDescription: "Name of the pool, the value of the tag `tag_key` on each of its addresses. It cannot be changed: instances find the pool by it."},
			"size": schema.Int64Attribute{Required: true, Validators: []validator.Int64{sizeValidator{}},
				MarkdownDescription: "Number of addresses that instances may claim, at least 1; addresses of `existing_allocation_ids` count, draining and retired ones do not. " +
					"A smaller size takes addresses that nothing uses, and is refused when there are not enough of these. The Region's quota (L-0263D0A3, 5 unless raised) is checked in the plan where it may be read."},
			"tag_key": schema.StringAttribute{Optional: true, Computed: true, Default: stringdefault.StaticString(eiptag.DefaultPoolKey), Validators: TagKeyValidators(),
				MarkdownDescription: fmt.Sprintf("Key of the tag that marks the pool's addresses. Default `%s`. It cannot be changed.", eiptag.DefaultPoolKey)},
			"existing_allocation_ids": schema.SetAttribute{Optional: true, ElementType: types.StringType, Validators: allocationIDs(),
				MarkdownDescription: "Allocation ids of Elastic IPs of your own that join the pool. They get the pool's tags and no others, are never released, and only lose those tags when they leave."},
			"public_ipv4_pool": schema.StringAttribute{Optional: true, Validators: []validator.String{stringvalidator.LengthAtLeast(1)},
				MarkdownDescription: "Id of a public IPv4 pool of your own (BYOIP, `ipv4pool-ec2-…`) to allocate from. Default: Amazon's. A change counts for addresses allocated from then on."},
			"network_border_group": schema.StringAttribute{Optional: true, Validators: []validator.String{stringvalidator.LengthAtLeast(1)},
				MarkdownDescription: "Network border group of the addresses, such as `us-east-1-wl1-bos-wlz-1`. Default: the Region. It cannot be changed: an address stays in its group, and only instances of that group can take it."},
			"tags": schema.MapAttribute{Optional: true, ElementType: types.StringType, Validators: []validator.Map{
				mapvalidator.KeysAre(stringvalidator.LengthBetween(1, 128), unreservedKey{}), mapvalidator.ValueStringsAre(stringvalidator.LengthAtMost(256)), mapvalidator.SizeAtMost(40)},
				MarkdownDescription: "Further tags of the addresses that the pool allocates, over the provider's default tags. `Name` is the pool's name unless set here or there. At most 40."},
			"retire": schema.SetAttribute{Optional: true, ElementType: types.StringType, Validators: allocationIDs(),
				MarkdownDescription: "Allocation ids to rotate out, each replaced by a new address. One that an instance uses is *draining* until its instance is gone: not claimable, and still in `public_ips`; then an update is planned that retires it. " +
					"Retirement is one way: taking an id off this list does not bring the address back. Ids that are not of the pool (any more) have no effect."},
			"slots": schema.SetAttribute{Optional: true, ElementType: types.StringType, Validators: []validator.Set{
				setvalidator.ValueStringsAre(stringvalidator.RegexMatches(eiptag.ValuePattern, eiptag.ValueRule), stringvalidator.RegexMatches(noOuterSpace, "must not begin or end with white space"))},
				MarkdownDescription: "Names of places that keep one address each, for what is not an instance of an Auto Scaling group: the availability zones of NAT gateways, say. At most `size`. " +
					"An address stays in its slot until it is retired, and its successor takes the slot over; no other slot moves. Instances do not claim an address that has a slot. " +
					"An address whose slot is taken away together with the size drains as if it were in `retire`."},
			"require_admission": schema.BoolAttribute{Optional: true, Computed: true, Default: booldefault.StaticBool(false),
				MarkdownDescription: "Whether a firewall must admit an address (see `crosscloudlink_eip_admission`) before an instance may claim it. Addresses that leave are then only *retired*, and released once the firewall no longer lists them. Default `false`."},
			"deletion_protection": schema.BoolAttribute{Optional: true, Computed: true, Default: booldefault.StaticBool(false),
				MarkdownDescription: "Whether a plan to destroy the pool is refused: addresses that others have on their allow-lists cannot be had back for certain. Default `false`."},
			"force_release": schema.BoolAttribute{Optional: true, Computed: true, Default: booldefault.StaticBool(false),
				MarkdownDescription: "Whether destroy and, without `require_admission`, shrink take addresses from those who use them; on destroy also whether addresses go that a firewall still admits. The way out when the fleet or the admission cannot be reached any more. Default `false`."},

			"allocation_ids": schema.ListAttribute{Computed: true, ElementType: types.StringType,
				MarkdownDescription: "Allocation ids of the active and the draining addresses, in the order in which they joined. Its length is known in the plan unless an address drains or retires in it."},
			"public_ips": schema.ListAttribute{Computed: true, ElementType: types.StringType,
				MarkdownDescription: "Public IPv4 addresses, in the order of `allocation_ids`: what a firewall has to admit."},
			"cidr_blocks": schema.ListAttribute{Computed: true, ElementType: types.StringType,
				MarkdownDescription: "The same as CIDR blocks of one address (`a.b.c.d/32`)."},
			"addresses": schema.MapAttribute{Computed: true, ElementType: types.StringType,
				MarkdownDescription: "Public IPv4 addresses by allocation id."},
			"slot_allocation_ids": schema.MapAttribute{Computed: true, ElementType: types.StringType,
				MarkdownDescription: "Allocation ids by slot. In a plan only those are unknown that are yet to be allocated."},
			"draining_allocation_ids": schema.ListAttribute{Computed: true, ElementType: types.StringType,
				MarkdownDescription: "Addresses that may not be claimed any more and that an instance still uses."},
			"retired_allocation_ids": schema.ListAttribute{Computed: true, ElementType: types.StringType,
				MarkdownDescription: "Addresses that have left `public_ips` and wait to be released until a firewall has forgotten them."},
			"retired_public_ips": schema.ListAttribute{Computed: true, ElementType: types.StringType,
				MarkdownDescription: "Public IPv4 addresses of `retired_allocation_ids`, in that order: what no firewall should list any more."},
			"lost_addresses": schema.MapAttribute{Computed: true, ElementType: types.StringType,
				MarkdownDescription: "Public IPv4 addresses by former allocation id that have vanished from the pool behind Terraform's back. The next apply asks AWS for the very same addresses, and replaces those that it does not give back."},
			"drifted_allocation_ids": schema.ListAttribute{Computed: true, ElementType: types.StringType,
				MarkdownDescription: "Addresses whose tags were changed behind Terraform's back; the next apply repairs them."},
			"timeouts": timeouts.Attributes(ctx, timeouts.Opts{Create: true, Read: true, Update: true, Delete: true}),
		},
	}
}
