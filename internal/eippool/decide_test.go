package eippool

import (
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/eiptag"
)

func addr(id string, changes ...func(*Address)) Address {
	a := Address{AllocationID: id, PublicIP: "52.1.1." + id, Tags: map[string]string{}}
	for _, change := range changes {
		change(&a)
	}
	return a
}

func used(a *Address)     { a.AssociationID, a.InstanceID = "eipassoc-1", "i-1" }
func draining(a *Address) { a.Tags[eiptag.Lifecycle] = eiptag.LifecycleDraining }
func isRetired(a *Address) {
	a.Tags[eiptag.Lifecycle] = eiptag.LifecycleRetired
}
func oddLife(a *Address)    { a.Tags[eiptag.Lifecycle] = "resting" }
func brought(a *Address)    { a.Tags[eiptag.Existing] = eiptag.ExistingTrue }
func isAdmitted(a *Address) { a.Tags[eiptag.Admission] = eiptag.AdmissionAdmitted }

func TestDecide(t *testing.T) {
	type want struct {
		stay, retired, adopt, drain, leave, shrink, untag, blocked []string
		missing, short                                             int
	}
	for name, c := range map[string]struct {
		spec    Spec
		ours    []Address
		joining []Address
		want    want
	}{
		"empty":        {spec: Spec{Size: 2}, want: want{missing: 2}},
		"as it is":     {spec: Spec{Size: 2}, ours: []Address{addr("2"), addr("1", used)}, want: want{stay: []string{"2", "1"}}},
		"growth":       {spec: Spec{Size: 3}, ours: []Address{addr("1")}, want: want{stay: []string{"1"}, missing: 2}},
		"growth, join": {spec: Spec{Size: 3, Existing: setOf([]string{"9"})}, ours: []Address{addr("1")}, joining: []Address{addr("9")}, want: want{stay: []string{"1"}, adopt: []string{"9"}, missing: 1}},

		"shrink takes the youngest":             {spec: Spec{Size: 1}, ours: []Address{addr("1"), addr("2"), addr("3")}, want: want{stay: []string{"1"}, shrink: []string{"3", "2"}}},
		"shrink takes unused ones":              {spec: Spec{Size: 1}, ours: []Address{addr("1"), addr("2", used)}, want: want{stay: []string{"2"}, shrink: []string{"1"}}},
		"shrink takes ones not admitted":        {spec: Spec{Size: 1, RequireAdmission: true}, ours: []Address{addr("1"), addr("2", isAdmitted)}, want: want{stay: []string{"2"}, shrink: []string{"1"}}},
		"shrink is refused whole":               {spec: Spec{Size: 1}, ours: []Address{addr("1", used), addr("2", used), addr("3")}, want: want{stay: []string{"1", "2", "3"}, blocked: []string{"2", "1"}, short: 1}},
		"shrink leaves the user's own":          {spec: Spec{Size: 1, Existing: setOf([]string{"2"})}, ours: []Address{addr("1"), addr("2", brought)}, want: want{stay: []string{"2"}, shrink: []string{"1"}}},
		"shrink by force, unused first":         {spec: Spec{Size: 1, ForceRelease: true}, ours: []Address{addr("1"), addr("2", used), addr("3", used)}, want: want{stay: []string{"2"}, shrink: []string{"1", "3"}}},
		"shrink by force is not for gated ones": {spec: Spec{Size: 1, ForceRelease: true, RequireAdmission: true}, ours: []Address{addr("1", used), addr("2", used)}, want: want{stay: []string{"1", "2"}, blocked: []string{"2", "1"}, short: 1}},

		"retire, unused":               {spec: Spec{Size: 1, Retire: setOf([]string{"1"})}, ours: []Address{addr("1")}, want: want{leave: []string{"1"}, missing: 1}},
		"retire, in use":               {spec: Spec{Size: 1, Retire: setOf([]string{"1"})}, ours: []Address{addr("1", used)}, want: want{drain: []string{"1"}, missing: 1}},
		"retire with a smaller size":   {spec: Spec{Size: 1, Retire: setOf([]string{"1"})}, ours: []Address{addr("1", used), addr("2", used)}, want: want{stay: []string{"2"}, drain: []string{"1"}}},
		"draining, in use":             {spec: Spec{Size: 1}, ours: []Address{addr("1", draining, used), addr("2")}, want: want{stay: []string{"1", "2"}}},
		"draining, instance gone":      {spec: Spec{Size: 1}, ours: []Address{addr("1", draining), addr("2")}, want: want{stay: []string{"2"}, leave: []string{"1"}}},
		"unknown lifecycle is leaving": {spec: Spec{Size: 1}, ours: []Address{addr("1", oddLife, used)}, want: want{stay: []string{"1"}, missing: 1}},
		"retired, gated":               {spec: Spec{Size: 1, RequireAdmission: true}, ours: []Address{addr("1", isRetired), addr("2")}, want: want{stay: []string{"2"}, retired: []string{"1"}}},
		"retired, not gated":           {spec: Spec{Size: 1}, ours: []Address{addr("1", isRetired), addr("2")}, want: want{stay: []string{"2"}, leave: []string{"1"}}},
		"retired, claimed":             {spec: Spec{Size: 1, RequireAdmission: true}, ours: []Address{addr("1", isRetired, used), addr("2")}, want: want{stay: []string{"2"}, drain: []string{"1"}}},
		"retired, the user's own":      {spec: Spec{Size: 1, Existing: setOf([]string{"1"})}, ours: []Address{addr("1", isRetired, brought), addr("2")}, want: want{stay: []string{"2"}, retired: []string{"1"}}},

		"the user's own leaves":          {spec: Spec{Size: 1}, ours: []Address{addr("1", brought), addr("2")}, want: want{stay: []string{"2"}, untag: []string{"1"}}},
		"the user's own, in use":         {spec: Spec{Size: 1}, ours: []Address{addr("1", brought, used), addr("2")}, want: want{stay: []string{"2"}, blocked: []string{"1"}, short: 1}},
		"the user's own, by force":       {spec: Spec{Size: 1, ForceRelease: true}, ours: []Address{addr("1", brought, used), addr("2")}, want: want{stay: []string{"2"}, untag: []string{"1"}}},
		"the user's own does not rejoin": {spec: Spec{Size: 1, Existing: setOf([]string{"1"}), Retire: setOf([]string{"1"})}, joining: []Address{addr("1")}, want: want{missing: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			d := decide(c.spec, c.ours, c.joining, nil, nil)
			for what, pair := range map[string][2][]string{
				"stay": {IDs(d.Stay), c.want.stay}, "retired": {IDs(d.Retired), c.want.retired}, "adopt": {IDs(d.Adopt), c.want.adopt}, "drain": {IDs(d.Drain), c.want.drain},
				"leave": {IDs(d.Leave), c.want.leave}, "shrink": {IDs(d.Shrink), c.want.shrink}, "untag": {IDs(d.Untag), c.want.untag}, "blocked": {IDs(d.Blocked), c.want.blocked},
			} {
				if len(pair[0])+len(pair[1]) > 0 {
					expect(t, what, pair[0], pair[1])
				}
			}
			expect(t, "missing", d.Missing, c.want.missing)
			expect(t, "short", d.Short, c.want.short)
		})
	}
}

func TestGoesTo(t *testing.T) {
	for name, c := range map[string]struct {
		spec Spec
		a    Address
		want destination
	}{
		"own, open":   {Spec{}, addr("1"), released},
		"own, gated":  {Spec{RequireAdmission: true}, addr("1"), retired},
		"user's tag":  {Spec{}, addr("1", brought), retired},
		"user's list": {Spec{Existing: setOf([]string{"1"})}, addr("1"), retired},
	} {
		expect(t, name, c.spec.goesTo(c.a), c.want)
	}
}

func TestInUse(t *testing.T) {
	for name, c := range map[string]struct {
		a    Address
		user string
	}{
		"instance":    {Address{AssociationID: "eipassoc-1", InterfaceID: "eni-1", InstanceID: "i-1"}, "instance i-1, network interface eni-1"},
		"NAT gateway": {Address{AssociationID: "eipassoc-1", InterfaceID: "eni-1"}, "network interface eni-1"},
		"service":     {Address{ServiceManaged: "nlb"}, "the AWS service nlb"},
		"association": {Address{AssociationID: "eipassoc-1"}, "association eipassoc-1"},
	} {
		expect(t, name, c.a.InUse(), true)
		expect(t, name, c.a.User(), c.user)
	}
	expect(t, "nobody", Address{}.InUse(), false)
}

func TestPackedIDs(t *testing.T) {
	for _, c := range [][2]string{{"egress", eiptag.DefaultPoolKey}, {"egress", "pool"}, {"a b", "k:e/y"}} {
		name, key, ok := UnpackID(PackID(c[0], c[1]))
		expect(t, "unpacked", []any{name, key, ok}, []any{c[0], c[1], true})
	}
	for _, id := range []string{"", ",", "a,", ",b", "a,b,c", " a", "a, b"} {
		if _, _, ok := UnpackID(id); ok {
			t.Errorf("%q was taken for an id", id)
		}
	}
}

func TestSameWhereKnown(t *testing.T) {
	list := func(ss ...string) types.List {
		var values []attr.Value
		for _, s := range ss {
			if s == "?" {
				values = append(values, types.StringUnknown())
			} else {
				values = append(values, types.StringValue(s))
			}
		}
		return types.ListValueMust(types.StringType, values)
	}
	unknown := types.ListUnknown(types.StringType)
	for name, c := range map[string]struct {
		planned, now types.List
		want         bool
	}{
		"all unknown":         {unknown, list("a"), true},
		"same":                {list("a", "?"), list("a", "?"), true},
		"found in time":       {list("a", "?"), list("a", "b"), true},
		"another":             {list("a"), list("b"), false},
		"gone":                {list("a"), list("?"), false},
		"longer":              {list("a"), list("a", "b"), false},
		"unknown now":         {list("a"), unknown, false},
		"unknown from before": {unknown, unknown, true},
	} {
		expect(t, name, sameWhereKnown(c.planned, c.now), c.want)
	}
}

func TestTagFix(t *testing.T) {
	s := Spec{Name: "egress", TagKey: eiptag.DefaultPoolKey, Owner: "team-a", RequireAdmission: true,
		DefaultTags: map[string]string{"Name": "from-default", "x": "default"}, UserTags: map[string]string{"x": "user"}}
	// The user's tags win over the provider's default ones, these over the pool's name.
	expect(t, "new tags", s.newTags(""), map[string]string{eiptag.DefaultPoolKey: "egress", eiptag.Owner: "team-a", eiptag.Admission: eiptag.AdmissionRequired, "Name": "from-default", "x": "user"})

	good := addr("1")
	good.Tags = s.newTags("")
	expect(t, "none", s.tagFixFor(good, "", nil).none(), true)
	good.Tags[eiptag.Admission] = eiptag.AdmissionAdmitted
	expect(t, "an admission is not the pool's to undo", s.tagFixFor(good, "", nil).none(), true)
	good.Tags["foreign"] = "stays"
	expect(t, "foreign", s.tagFixFor(good, "", map[string]string{"foreign": "was ours with another value"}).none(), true)
	good.Tags["old"] = "ours"
	expect(t, "dropped", s.tagFixFor(good, "", map[string]string{"old": "ours"}).remove, map[string]string{"old": "ours"})

	s.RequireAdmission = false
	expect(t, "gate removed", s.tagFixFor(good, "", nil).remove, map[string]string{eiptag.Admission: eiptag.AdmissionAdmitted})
}
