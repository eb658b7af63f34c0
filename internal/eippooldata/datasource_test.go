package eippooldata

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/eippool/pooltest"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/eiptag"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/tfvalue"
)

var launched = time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)

// cloud is a Region with instances.
type cloud struct {
	*pooltest.Region
	// pools are the instances that EC2 shows: the value of their pool tag by id.
	pools map[string]string
	// asked counts calls of DescribeInstances, denied refuses them.
	asked  int
	denied bool
}

func (c *cloud) DescribeInstances(_ context.Context, in *ec2.DescribeInstancesInput, _ ...func(*ec2.Options)) (*ec2.DescribeInstancesOutput, error) {
	c.asked++
	switch {
	case c.denied:
		return nil, pooltest.APIError("UnauthorizedOperation", "not you")
	case len(in.InstanceIds) > 0 || len(in.Filters) != 1 || aws.ToString(in.Filters[0].Name) != "instance-id":
		return nil, pooltest.APIError("InvalidInstanceID.NotFound", "instances are looked up by filter: a list of ids fails as a whole")
	case len(in.Filters[0].Values) > 200:
		return nil, pooltest.APIError("FilterLimitExceeded", "200 values at most")
	}
	out := &ec2.DescribeInstancesOutput{}
	for _, id := range in.Filters[0].Values {
		if pool, ok := c.pools[id]; ok {
			out.Reservations = append(out.Reservations, ec2types.Reservation{Instances: []ec2types.Instance{{
				InstanceId: aws.String(id), LaunchTime: aws.Time(launched), Placement: &ec2types.Placement{AvailabilityZone: aws.String("us-east-1b")},
				Tags: []ec2types.Tag{{Key: aws.String("Name"), Value: aws.String("proxy")}, {Key: aws.String(eiptag.DefaultPoolKey), Value: aws.String(pool)}},
			}}})
		}
	}
	return out, nil
}

func newCloud() *cloud {
	c := &cloud{Region: pooltest.NewRegion(), pools: map[string]string{}}
	c.Quota = 1000
	return c
}

// member puts an address of the pool "egress" there.
func (c *cloud) member(tags ...string) string {
	all := map[string]string{eiptag.DefaultPoolKey: "egress", eiptag.Owner: "team-a"}
	for i := 0; i < len(tags); i += 2 {
		all[tags[i]] = tags[i+1]
	}
	return c.Add(all)
}

func read(t *testing.T, c *cloud, given map[string]string) (model, diag.Diagnostics) {
	t.Helper()
	d := &DataSource{connect: func(context.Context) (API, diag.Diagnostics) { return c, nil }}
	s := dataSourceSchema()
	typ, ok := s.Type().TerraformType(t.Context()).(tftypes.Object)
	if !ok {
		t.Fatal("the schema is no object")
	}
	values := map[string]tftypes.Value{}
	for name, attribute := range typ.AttributeTypes {
		values[name] = tftypes.NewValue(attribute, nil)
	}
	for name, value := range given {
		values[name] = tftypes.NewValue(tftypes.String, value)
	}
	resp := datasource.ReadResponse{State: tfsdk.State{Schema: s}}
	d.Read(t.Context(), datasource.ReadRequest{Config: tfsdk.Config{Schema: s, Raw: tftypes.NewValue(typ, values)}}, &resp)
	var m model
	if !resp.Diagnostics.HasError() {
		resp.Diagnostics.Append(resp.State.Get(t.Context(), &m)...)
	}
	return m, resp.Diagnostics
}

func expect[T any](t *testing.T, what string, got, want T) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

// described is an element of addresses; "-" stands for null.
type described struct {
	PublicIP    string       `tfsdk:"public_ip"`
	State       string       `tfsdk:"state"`
	Zone        types.String `tfsdk:"zone"`
	InstanceID  types.String `tfsdk:"instance_id"`
	NATGateway  types.String `tfsdk:"nat_gateway_id"`
	Slot        types.String `tfsdk:"slot"`
	InterfaceID types.String `tfsdk:"network_interface_id"`
	Since       types.String `tfsdk:"since"`
	LastReason  types.String `tfsdk:"last_reason"`
	Existing    bool         `tfsdk:"existing"`
}

func (d described) String() string {
	parts := []string{d.State}
	for _, s := range []types.String{d.Zone, d.InstanceID, d.InterfaceID, d.Since, d.LastReason} {
		if s.IsNull() {
			s = types.StringValue("-")
		}
		parts = append(parts, s.ValueString())
	}
	parts = append(parts, fmt.Sprint(d.Existing))
	for _, s := range []types.String{d.Slot, d.NATGateway} {
		if !s.IsNull() {
			parts = append(parts, s.ValueString())
		}
	}
	return strings.Join(parts, " | ")
}

func descriptions(t *testing.T, m model) map[string]described {
	t.Helper()
	out := map[string]described{}
	if diags := m.Addresses.ElementsAs(t.Context(), &out, false); diags.HasError() {
		t.Fatal(diags)
	}
	return out
}

func TestStatesOfAddresses(t *testing.T) {
	c := newCloud()
	const note, zone = eiptag.LastReason, eiptag.LastZone
	fresh := c.member()
	free := c.member(note, "2026-02-01T10:00:00Z recycled at the end of i-1", zone, "us-east-1a")
	waiting := c.member(eiptag.Admission, eiptag.AdmissionRequired)
	busy := c.member(eiptag.Admission, eiptag.AdmissionAdmitted, note, "2026-02-01T10:00:00Z recycled at the end of i-1", zone, "us-east-1a")
	moved := c.member(note, "2026-04-01T10:00:00Z taken from i-4", eiptag.Existing, eiptag.ExistingTrue)
	draining := c.member(eiptag.Lifecycle, eiptag.LifecycleDraining)
	retired := c.member(eiptag.Lifecycle, eiptag.LifecycleRetired, note, "by hand")
	gateway := c.member()
	slotted := c.member(eiptag.Slot, "us-east-1a", eiptag.Admission, eiptag.AdmissionAdmitted)
	withdrawn := c.member(eiptag.Slot, "us-east-1b", eiptag.Admission, eiptag.AdmissionRequired)
	empty := c.member(eiptag.Slot, "us-east-1c")
	squatted := c.member(eiptag.Slot, "us-east-1d")
	bastion := c.member()
	unseen := c.member()
	managed := c.member()
	others := c.member(eiptag.Owner, "team-b")
	c.Add(map[string]string{eiptag.DefaultPoolKey: "egress-2"})
	c.pools = map[string]string{"i-busy": "egress", "i-moved": "egress", "i-drains": "egress", "i-bastion": "", "i-managed": "egress"}
	c.Attach(busy, "i-busy")
	c.Attach(moved, "i-moved")
	c.Attach(draining, "i-drains")
	c.AttachNAT(gateway, "nat-theirs")
	c.AttachNAT(slotted, "nat-a")
	c.AttachNAT(withdrawn, "nat-b")
	c.Attach(squatted, "i-busy")
	c.Attach(bastion, "i-bastion")
	c.Attach(unseen, "i-unseen")
	c.Attach(managed, "i-managed")
	c.Change(managed, func(e *pooltest.Elastic) { e.Managed = "nlb" })

	c.ResetCalls()
	m, diags := read(t, c, map[string]string{"name": "egress"})
	if len(diags) > 0 {
		t.Fatal(diags)
	}
	expect(t, "calls", []int{c.Count("DescribeAddresses"), c.asked, c.Count("DescribeNatGateways")}, []int{1, 1, 1})
	eni := func(id string) string {
		e, _ := c.Find(id)
		return e.Interface
	}
	const start = "2026-03-01T08:00:00Z"
	got := descriptions(t, m)
	for id, want := range map[string]string{
		fresh:     "free | - | - | - | - | - | false",
		free:      "free | us-east-1a | - | - | 2026-02-01T10:00:00Z | recycled at the end of i-1 | false",
		waiting:   "waiting_for_admission | - | - | - | - | - | false",
		busy:      "in_use | us-east-1b | i-busy | " + eni(busy) + " | " + start + " | recycled at the end of i-1 | false",
		moved:     "in_use | us-east-1b | i-moved | " + eni(moved) + " | 2026-04-01T10:00:00Z | taken from i-4 | true",
		draining:  "draining | us-east-1b | i-drains | " + eni(draining) + " | " + start + " | - | false",
		retired:   "retired | - | - | - | - | by hand | false",
		gateway:   "foreign | - | - | " + eni(gateway) + " | - | - | false | nat-theirs",
		slotted:   "in_use | - | - | " + eni(slotted) + " | - | - | false | us-east-1a | nat-a",
		withdrawn: "waiting_for_admission | - | - | " + eni(withdrawn) + " | - | - | false | us-east-1b | nat-b",
		empty:     "reserved | - | - | - | - | - | false | us-east-1c",
		squatted:  "foreign | us-east-1b | i-busy | " + eni(squatted) + " | " + start + " | - | false | us-east-1d",
		bastion:   "foreign | us-east-1b | i-bastion | " + eni(bastion) + " | " + start + " | - | false",
		unseen:    "foreign | - | i-unseen | " + eni(unseen) + " | - | - | false",
		managed:   "foreign | us-east-1b | i-managed | " + eni(managed) + " | " + start + " | - | false",
		others:    "free | - | - | - | - | - | false",
	} {
		e, _ := c.Find(id)
		expect(t, id, got[id].String(), want)
		expect(t, "public_ip", got[id].PublicIP, e.IP)
	}
	expect(t, "number", len(got), 16)
	expect(t, "counts", m.Counts.String(), `{"draining":1,"foreign":5,"free":3,"in_use":3,"reserved":1,"retired":1,"waiting_for_admission":2}`)
	expect(t, "size", m.Size.ValueInt64(), 14)
	want := []string{fresh, free, waiting, busy, moved, draining, gateway, slotted, withdrawn, empty, squatted, bastion, unseen, managed, others}
	slices.Sort(want)
	expect(t, "allocation_ids", tfvalue.Strings(m.AllocationIDs.Elements()), want)
	for i, id := range want {
		e, _ := c.Find(id)
		expect(t, "public_ip", tfvalue.Strings(m.PublicIPs.Elements())[i], e.IP)
		expect(t, "cidr_block", tfvalue.Strings(m.CIDRBlocks.Elements())[i], e.IP+"/32")
	}
	expect(t, "id and tag_key", []string{m.ID.ValueString(), m.TagKey.ValueString()}, []string{"egress", eiptag.DefaultPoolKey})
}

func TestCalls(t *testing.T) {
	c := newCloud()
	for range 300 {
		c.Add(map[string]string{"pool": "egress"})
	}
	c.ResetCalls()
	m, diags := read(t, c, map[string]string{"name": "egress", "tag_key": "pool"})
	if len(diags) > 0 {
		t.Fatal(diags)
	}
	expect(t, "calls while nothing is in use", []int{c.Count("DescribeAddresses"), c.asked}, []int{1, 0})
	expect(t, "id", m.ID.ValueString(), "egress,pool")
	expect(t, "counts", m.Counts.String(), `{"draining":0,"foreign":0,"free":300,"in_use":0,"reserved":0,"retired":0,"waiting_for_admission":0}`)

	for i, e := range c.Addresses() {
		if i < 250 {
			instance := fmt.Sprintf("i-%03d", i)
			c.Attach(e.ID, instance)
			c.pools[instance] = "egress"
		}
	}
	c.ResetCalls()
	if m, diags = read(t, c, map[string]string{"name": "egress", "tag_key": "pool"}); len(diags) > 0 {
		t.Fatal(diags)
	}
	// A filter takes 200 values.
	expect(t, "calls for 250 instances", []int{c.Count("DescribeAddresses"), c.asked}, []int{1, 2})
	expect(t, "counts", m.Counts.String(), `{"draining":0,"foreign":0,"free":50,"in_use":250,"reserved":0,"retired":0,"waiting_for_admission":0}`)
}

func TestErrors(t *testing.T) {
	for name, c := range map[string]struct {
		arrange  func(c *cloud)
		listings int
		says     []string
	}{
		"no such pool": {func(*cloud) {}, 2, []string{"No such pool", eiptag.DefaultPoolKey, `"egress"`}},
		"another case": {func(c *cloud) { c.Add(map[string]string{eiptag.DefaultPoolKey: "Egress"}) }, 2, []string{"No such pool", "Upper and lower case", `= "Egress"`}},
		"listing refused": {func(c *cloud) {
			c.Before = func(string, int) error { return pooltest.APIError("UnauthorizedOperation", "not you") }
		}, 1, []string{"Cannot list the pool", "ec2:DescribeAddresses", "UnauthorizedOperation"}},
		"instances refused": {func(c *cloud) {
			c.Attach(c.member(), "i-busy")
			c.denied = true
		}, 1, []string{"Cannot look up who uses the pool", "ec2:DescribeInstances", "UnauthorizedOperation"}},
	} {
		t.Run(name, func(t *testing.T) {
			cloud := newCloud()
			c.arrange(cloud)
			_, diags := read(t, cloud, map[string]string{"name": "egress"})
			if !diags.HasError() {
				t.Fatal("no error")
			}
			text := diags[0].Summary() + "\n" + diags[0].Detail()
			for _, part := range c.says {
				if !strings.Contains(text, part) {
					t.Errorf("%q is not in: %s", part, text)
				}
			}
			if name != "another case" && strings.Contains(text, "Upper and lower") {
				t.Errorf("a hint at nothing: %s", text)
			}
			expect(t, "listings", cloud.Count("DescribeAddresses"), c.listings)
		})
	}
}

func TestSchema(t *testing.T) {
	s := dataSourceSchema()
	if diags := s.ValidateImplementation(t.Context()); diags.HasError() {
		t.Fatal(diags)
	}
	var resp datasource.MetadataResponse
	NewDataSource().Metadata(t.Context(), datasource.MetadataRequest{ProviderTypeName: "crosscloudlink"}, &resp)
	expect(t, "type", resp.TypeName, "crosscloudlink_eip_pool")
	for name, attribute := range s.Attributes {
		if attribute.GetMarkdownDescription() == "" {
			t.Errorf("%s has no description", name)
		}
	}
}
