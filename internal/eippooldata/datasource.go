// Package eippooldata is the data source crosscloudlink_eip_pool: the addresses of a pool, who has
// them, and since when.
package eippooldata

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/clients"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/clouderr"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/eippool"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/eiptag"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/tfvalue"
)

// readTimeout bounds a read.
const readTimeout = 5 * time.Minute

var (
	_ datasource.DataSource              = (*DataSource)(nil)
	_ datasource.DataSourceWithConfigure = (*DataSource)(nil)
)

// DataSource is crosscloudlink_eip_pool.
type DataSource struct {
	// connect is nil until the provider is configured.
	connect func(context.Context) (API, diag.Diagnostics)
}

// NewDataSource returns the data source, not yet configured.
func NewDataSource() datasource.DataSource { return &DataSource{} }

// Metadata names the data source.
func (d *DataSource) Metadata(_ context.Context, req datasource.MetadataRequest, resp *datasource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_eip_pool"
}

// Schema describes the attributes.
func (d *DataSource) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	resp.Schema = dataSourceSchema()
}

// Configure takes the provider's clients.
func (d *DataSource) Configure(_ context.Context, req datasource.ConfigureRequest, resp *datasource.ConfigureResponse) {
	c := clients.FromProviderData(req.ProviderData, &resp.Diagnostics)
	if c == nil {
		return
	}
	d.connect = func(ctx context.Context) (API, diag.Diagnostics) {
		aws, diags := c.AWS(ctx)
		if diags.HasError() {
			return nil, diags
		}
		return aws.EC2, diags
	}
}

type model struct {
	ID            types.String `tfsdk:"id"`
	Name          types.String `tfsdk:"name"`
	TagKey        types.String `tfsdk:"tag_key"`
	Size          types.Int64  `tfsdk:"size"`
	AllocationIDs types.List   `tfsdk:"allocation_ids"`
	PublicIPs     types.List   `tfsdk:"public_ips"`
	CIDRBlocks    types.List   `tfsdk:"cidr_blocks"`
	Addresses     types.Map    `tfsdk:"addresses"`
	Counts        types.Map    `tfsdk:"counts"`
}

// addressType is the type of an element of addresses.
var addressType = types.ObjectType{AttrTypes: map[string]attr.Type{
	"public_ip": types.StringType, "zone": types.StringType, "instance_id": types.StringType, "nat_gateway_id": types.StringType, "slot": types.StringType, "network_interface_id": types.StringType,
	"state": types.StringType, "since": types.StringType, "last_reason": types.StringType, "existing": types.BoolType,
}}

// Read lists the pool in one call, and looks its holders up in one each for instances and for NAT gateways if there are any.
func (d *DataSource) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	var m model
	resp.Diagnostics.Append(req.Config.Get(ctx, &m)...)
	if resp.Diagnostics.HasError() {
		return
	}
	if d.connect == nil {
		resp.Diagnostics.AddError("The provider is not configured", "A data source was used before its provider was configured. Please report this to the provider's developers.")
		return
	}
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	api, diags := d.connect(ctx)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	name, key := m.Name.ValueString(), cmp.Or(m.TagKey.ValueString(), eiptag.DefaultPoolKey)
	region := eippool.Region{EC2: api}
	found, err := region.Pool(ctx, key, name)
	if err != nil {
		clouderr.Add(&resp.Diagnostics, "Cannot list the pool", err, fmt.Sprintf("The addresses of pool %q cannot be listed (ec2:DescribeAddresses).", name))
		return
	}
	if len(found) == 0 {
		detail := fmt.Sprintf("No Elastic IP in this account and Region carries the tag %s = %q. Write the name of a crosscloudlink_eip_pool, and its tag_key if that is not the default; the provider's Region and account must be the pool's.", key, name)
		if hint := region.CaseHint(ctx, key, name); hint != "" {
			detail += "\n\n" + hint
		}
		resp.Diagnostics.AddAttributeError(path.Root("name"), "No such pool", detail)
		return
	}
	holders, err := instances(ctx, api, found)
	if err != nil {
		clouderr.Add(&resp.Diagnostics, "Cannot look up who uses the pool", err, fmt.Sprintf("Addresses of pool %q are in use, and the instances that have them cannot be described (ec2:DescribeInstances).", name))
		return
	}
	m.take(name, key, region.Named(ctx, found), holders)
	resp.Diagnostics.Append(resp.State.Set(ctx, m)...)
}

// take fills the model from a pool's addresses and the instances among their holders.
func (m *model) take(name, key string, found []eippool.Address, holders map[string]instance) {
	m.ID, m.TagKey = types.StringValue(eippool.PackID(name, key)), types.StringValue(key)
	var ids, ips, cidrs []string
	var active int64
	addresses, counts := map[string]attr.Value{}, map[string]int64{}
	for _, a := range found {
		if a.Listed() {
			ids, ips, cidrs = append(ids, a.AllocationID), append(ips, a.PublicIP), append(cidrs, a.PublicIP+"/32")
		}
		if a.Lifecycle() == "" {
			active++
		}
		holder, ok := holders[a.InstanceID]
		f := inspect(a, name, holder, ok)
		counts[f.state]++
		addresses[a.AllocationID] = types.ObjectValueMust(addressType.AttrTypes, map[string]attr.Value{
			"public_ip": types.StringValue(a.PublicIP), "zone": tfvalue.StringOrNull(f.zone),
			"instance_id": tfvalue.StringOrNull(a.InstanceID), "nat_gateway_id": tfvalue.StringOrNull(a.NATGatewayID),
			"slot": tfvalue.StringOrNull(a.Tags[eiptag.Slot]), "network_interface_id": tfvalue.StringOrNull(a.InterfaceID),
			"state": types.StringValue(f.state), "since": stamp(f.since), "last_reason": tfvalue.StringOrNull(f.lastReason),
			"existing": types.BoolValue(a.Existing()),
		})
	}
	m.Size = types.Int64Value(active)
	m.AllocationIDs, m.PublicIPs, m.CIDRBlocks = tfvalue.List(ids), tfvalue.List(ips), tfvalue.List(cidrs)
	m.Addresses = types.MapValueMust(addressType, addresses)
	all := map[string]attr.Value{}
	for _, state := range states {
		all[state] = types.Int64Value(counts[state])
	}
	m.Counts = types.MapValueMust(types.Int64Type, all)
}

func stamp(t time.Time) types.String {
	if t.IsZero() {
		return types.StringNull()
	}
	return types.StringValue(t.UTC().Format(time.RFC3339))
}
