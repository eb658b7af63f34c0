package eippooldata

import (
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/eippool"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/eiptag"
)

func dataSourceSchema() schema.Schema {
	return schema.Schema{
		MarkdownDescription: "The Elastic IPs of a pool as they are now: who has each of them, since when, and why. For whoever is on call, and for configurations that use a pool which another one manages.\n\n" +
			"It shows every address that carries the pool's tag, whoever manages it, since instances find addresses by that tag. It changes nothing, and asks AWS for the addresses, and for the instances and the NAT gateways among their users if there are any.",
		Attributes: map[string]schema.Attribute{
			"id": schema.StringAttribute{Computed: true, MarkdownDescription: "The pool's name; with a `tag_key` other than the default, `NAME,TAG_KEY`."},
			"name": schema.StringAttribute{Required: true, Validators: eippool.NameValidators(),
				MarkdownDescription: "Name of the pool, the value of the tag `tag_key` on each of its addresses. Upper and lower case make a difference. A pool without any address is an error."},
			"tag_key": schema.StringAttribute{Optional: true, Computed: true, Validators: eippool.TagKeyValidators(),
				MarkdownDescription: fmt.Sprintf("Key of the tag that marks the pool's addresses. Default `%s`.", eiptag.DefaultPoolKey)},

			"size": schema.Int64Attribute{Computed: true,
				MarkdownDescription: "Number of addresses that instances may claim or have; draining and retired ones do not count."},
			"allocation_ids": schema.ListAttribute{Computed: true, ElementType: types.StringType,
				MarkdownDescription: "Allocation ids of the active and the draining addresses, sorted."},
			"public_ips": schema.ListAttribute{Computed: true, ElementType: types.StringType,
				MarkdownDescription: "Public IPv4 addresses, in the order of `allocation_ids`: what a firewall has to admit."},
			"cidr_blocks": schema.ListAttribute{Computed: true, ElementType: types.StringType,
				MarkdownDescription: "The same as CIDR blocks of one address (`a.b.c.d/32`)."},
			"addresses": schema.MapNestedAttribute{Computed: true,
				MarkdownDescription: "All addresses of the pool, retired ones included, by allocation id.",
				NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
					"public_ip":            text("Public IPv4 address."),
					"zone":                 text("Availability zone of the instance that has the address, or else of the one that had it last. Null if nothing tells."),
					"instance_id":          text("Instance that has the address. Null if none has."),
					"nat_gateway_id":       text("NAT gateway that has the address. Null if none has, or if it may not be looked up (ec2:DescribeNatGateways)."),
					"slot":                 text("Slot that keeps the address; see `slots` of the resource. Null if any instance may claim it."),
					"network_interface_id": text("Network interface that has the address. Null if none has."),
					"state": text("`free`: an instance may claim it; `reserved`: its slot keeps it, and nothing uses it; `in_use`: an instance of the fleet has it, or a NAT gateway by its slot; `waiting_for_admission`: no firewall has admitted it (yet, or any more); " +
						"`draining`: it may not be claimed any more; `retired`: it has left the pool, and is released once the firewall has forgotten it; " +
						fmt.Sprintf("`foreign`: it is used by what is not of the pool's fleet, an instance without the tag `%s` = NAME, or without a slot a NAT gateway.", eiptag.DefaultPoolKey)),
					"since":       text("When its holder last changed, as an RFC 3339 time: when the instance that has it was launched, or when `crosscloudlink_lifecycle_eip_assigner` last took it from one, whichever is later. Null if nothing tells."),
					"last_reason": text("Why `crosscloudlink_lifecycle_eip_assigner` last took it from an instance. Null if it never did."),
					"existing":    schema.BoolAttribute{Computed: true, MarkdownDescription: "Whether it is of `existing_allocation_ids`, so that the pool never releases it."},
				}}},
			"counts": schema.MapAttribute{Computed: true, ElementType: types.Int64Type,
				MarkdownDescription: "Number of addresses by state; each state has its entry."},
		},
	}
}

func text(description string) schema.StringAttribute {
	return schema.StringAttribute{Computed: true, MarkdownDescription: description}
}
