package eipadmission

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/eippool"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/eippool/pooltest"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/eiptag"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/resourcetest"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/waiter"
)

func newAdmission(t *testing.T, region *pooltest.Region) *pooltest.Core {
	t.Helper()
	clock := waiter.NewFakeClock(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	return pooltest.NewCore(t, func() resource.Resource {
		return &Resource{
			reachable: func() bool { return true },
			connect: func(context.Context) (backend, diag.Diagnostics) {
				return backend{region: eippool.Region{EC2: region, Waiter: waiter.Waiter{Clock: clock}}, owner: "team-a"}, nil
			},
		}
	})
}

// addAddress puts an address of the pool "egress" there that waits for its admission.
func addAddress(region *pooltest.Region, extra map[string]string) pooltest.Elastic {
	tags := map[string]string{eiptag.DefaultPoolKey: "egress", eiptag.Owner: "team-a", eiptag.Admission: eiptag.AdmissionRequired}
	maps.Copy(tags, extra)
	id := region.Add(tags)
	e, _ := region.Find(id)
	return e
}

func threeAddresses() (*pooltest.Region, [3]pooltest.Elastic) {
	region := pooltest.NewRegion()
	return region, [3]pooltest.Elastic{addAddress(region, nil), addAddress(region, nil), addAddress(region, nil)}
}

// wall is a firewall of a configuration; effective is null if it is nil, onDestroy if it is "".
type wall struct {
	admitted, effective []string
	onDestroy           string
}

var (
	setType  = tftypes.Set{ElementType: tftypes.String}
	wallType = tftypes.Object{AttributeTypes: map[string]tftypes.Type{attrAdmitted: setType, attrEffective: setType, attrOnDestroy: tftypes.String}}
)

// value is the firewall as a configuration has it.
func (w wall) value() tftypes.Value {
	set := func(ips []string) tftypes.Value {
		elements := []tftypes.Value{}
		for _, ip := range ips {
			elements = append(elements, tftypes.NewValue(tftypes.String, ip))
		}
		return tftypes.NewValue(setType, elements)
	}
	values := map[string]tftypes.Value{attrAdmitted: set(w.admitted), attrEffective: tftypes.NewValue(setType, nil), attrOnDestroy: tftypes.NewValue(tftypes.String, nil)}
	if w.effective != nil {
		values[attrEffective] = set(w.effective)
	}
	if w.onDestroy != "" {
		values[attrOnDestroy] = tftypes.NewValue(tftypes.String, w.onDestroy)
	}
	return tftypes.NewValue(wallType, values)
}

// behind is the configuration of an admission on the pool "egress" behind firewalls.
func behind(walls map[string]wall) pooltest.Config {
	values := map[string]tftypes.Value{}
	for name, w := range walls {
		values[name] = w.value()
	}
	return firewallsOf(tftypes.NewValue(tftypes.Map{ElementType: wallType}, values))
}

func firewallsOf(firewalls any) pooltest.Config {
	return pooltest.Config{"pool_name": "egress", attrFirewalls: firewalls}
}

// lists is an admission behind one firewall that lists these.
func lists(ips ...string) pooltest.Config {
	return behind(map[string]wall{"openai": {admitted: ips}})
}

func admissionOf(t *testing.T, region *pooltest.Region, id string) string {
	t.Helper()
	e, ok := region.Find(id)
	if !ok {
		t.Fatalf("%s is gone", id)
	}
	return e.Tags[eiptag.Admission]
}

func expect(t *testing.T, what string, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func expectSaid(t *testing.T, r pooltest.Result, failed bool, parts ...string) {
	t.Helper()
	if r.Failed != failed {
		t.Errorf("failed = %t, want %t; said: %s", r.Failed, failed, r)
	}
	for _, part := range parts {
		if !strings.Contains(r.String(), part) {
			t.Errorf("%q is not in: %s", part, r)
		}
	}
}

func expectCalls(t *testing.T, region *pooltest.Region, want map[string]int) {
	t.Helper()
	for _, call := range []string{"ReleaseAddress", "DescribeAddresses", "CreateTags", "DeleteTags", "DisassociateAddress"} {
		if got := region.Count(call); got != want[call] {
			t.Errorf("%s was called %d times, want %d", call, got, want[call])
		}
	}
}

func TestAdmitsWhatTheFirewallLists(t *testing.T) {
	region, a := threeAddresses()
	admission := newAdmission(t, region)
	config := lists(a[0].IP, a[1].IP+"/32", "52.99.0.1")
	p := admission.Plan(config)
	expectSaid(t, p.Result, false)
	region.ResetCalls()
	expectSaid(t, admission.Apply(t.Context(), p), false)
	expectCalls(t, region, map[string]int{"DescribeAddresses": 2, "CreateTags": 1})
	expect(t, "admitted", admission.Strings("admitted_allocation_ids"), []string{a[0].ID, a[1].ID})
	expect(t, "pending", admission.Strings("pending_public_ips"), []string{a[2].IP})
	expect(t, "foreign", admission.Strings("foreign_public_ips"), []string{"52.99.0.1"})
	for i, claimable := range []bool{true, true, false} {
		e, _ := region.Find(a[i].ID)
		expect(t, "claimable", eiptag.Claimable(e.Tags), claimable)
	}
	region.ResetCalls()
	admission.ExpectEmptyPlan(config)
	expectCalls(t, region, map[string]int{"DescribeAddresses": 1})
}

func TestFollowsTheFirewall(t *testing.T) {
	region, a := threeAddresses()
	admission := newAdmission(t, region)
	admission.Run(lists(a[0].IP, a[1].IP))
	region.Attach(a[0].ID, "i-busy")
	region.ResetCalls()
	_, r := admission.Run(lists(a[1].IP, a[2].IP))
	// The one in use is withdrawn too, in words.
	expectSaid(t, r, false, "lost their admission while in use", a[0].ID, "instance i-busy")
	expectCalls(t, region, map[string]int{"DescribeAddresses": 3, "CreateTags": 2})
	expect(t, "withdrawn", admissionOf(t, region, a[0].ID), eiptag.AdmissionRequired)
	expect(t, "admitted", admission.Strings("admitted_allocation_ids"), []string{a[1].ID, a[2].ID})
	admission.ExpectEmptyPlan(lists(a[1].IP, a[2].IP))

	admission.Run(lists())
	expect(t, "admitted", admission.Strings("admitted_allocation_ids"), []string{})
}

// A NAT gateway keeps its address whatever the firewalls list, so that the words have to say which one is meant.
func TestNamesTheNATGateway(t *testing.T) {
	region, a := threeAddresses()
	admission := newAdmission(t, region)
	admission.Run(lists(a[0].IP, a[1].IP, a[2].IP))
	region.AttachNAT(a[0].ID, "nat-a")
	region.AttachNAT(a[1].ID, "nat-b")
	region.Change(a[1].ID, func(e *pooltest.Elastic) { e.Tags[eiptag.Lifecycle] = eiptag.LifecycleRetired })
	_, r := admission.Run(lists(a[2].IP))
	expectSaid(t, r, false, "lost their admission while in use", a[0].ID, "NAT gateway nat-a", "A retired address is still in use", a[1].ID, "it is used by NAT gateway nat-b")
	expect(t, "released", len(region.Released()), 0)
}

func TestClosesTheGateBeforeItOpensIt(t *testing.T) {
	region, a := threeAddresses()
	admission := newAdmission(t, region)
	admission.Run(lists(a[0].IP))
	p := admission.Plan(lists(a[1].IP))
	made := region.Count("CreateTags")
	region.Before = func(call string, n int) error {
		if call == "CreateTags" && n == made+2 {
			return pooltest.APIError("UnauthorizedOperation", "not you")
		}
		return nil
	}
	expectSaid(t, admission.Apply(t.Context(), p), true, "Cannot admit addresses", "UnauthorizedOperation", a[1].ID)
	expect(t, "withdrawn", admissionOf(t, region, a[0].ID), eiptag.AdmissionRequired)
	region.Before = nil
	admission.Run(lists(a[1].IP))
	expect(t, "admitted", admission.Strings("admitted_allocation_ids"), []string{a[1].ID})
}

func TestReleasesRetiredOnesThatTheFirewallForgot(t *testing.T) {
	region, a := threeAddresses()
	admission := newAdmission(t, region)
	admission.Run(lists(a[0].IP, a[1].IP, a[2].IP))
	retire := func(e *pooltest.Elastic) { e.Tags[eiptag.Lifecycle] = eiptag.LifecycleRetired }
	region.Change(a[1].ID, retire)
	region.Change(a[2].ID, retire)

	// Still listed: they stay.
	admission.ExpectEmptyPlan(lists(a[0].IP, a[1].IP, a[2].IP))
	expect(t, "number", len(region.Addresses()), 3)

	region.Attach(a[2].ID, "i-late")
	_, r := admission.Run(lists(a[0].IP))
	expectSaid(t, r, false, "A retired address is still in use", a[2].ID, "i-late")
	expect(t, "released", admission.Strings("released_allocation_ids"), []string{a[1].ID})
	expect(t, "pending", admission.Strings("pending_public_ips"), []string{a[2].IP})
	expect(t, "unsettled", admission.Strings("unsettled_allocation_ids"), []string{a[2].ID})

	// An update is planned until it is gone.
	admission.Refresh()
	if p := admission.Plan(lists(a[0].IP)); p.Empty {
		t.Error("no update is planned for the retired address in use")
	}
	region.Detach(a[2].ID)
	admission.Run(lists(a[0].IP))
	expect(t, "released", admission.Strings("released_allocation_ids"), []string{a[2].ID})
	admission.ExpectEmptyPlan(lists(a[0].IP))
}

func TestEntriesThatAKilledApplyLeftInTheFirewall(t *testing.T) {
	region, a := threeAddresses()
	admission := newAdmission(t, region)
	admission.Run(lists(a[0].IP))
	for _, e := range a[1:] {
		region.Change(e.ID, func(e *pooltest.Elastic) { e.Tags[eiptag.Lifecycle] = eiptag.LifecycleRetired })
	}
	// No state knows of the entry, so that it is not among the admitted ones; ranges are others' affair.
	lingering := behind(map[string]wall{"openai": {admitted: []string{a[0].IP}, effective: []string{a[0].IP, a[2].IP, "52.20.0.0/24"}}})
	_, r := admission.Run(lingering)
	expectSaid(t, r, false, "A firewall still lists a retired address", a[2].ID, `firewalls["openai"]`, "unmanaged_ip_rules")
	expect(t, "lingering", admission.Get("lingering_public_ips"), map[string]string{"openai": fmt.Sprint([]string{a[2].IP})})
	expect(t, "released", admission.Strings("released_allocation_ids"), []string{a[1].ID})
	expect(t, "unsettled", admission.Strings("unsettled_allocation_ids"), []string{a[2].ID})
	expect(t, "pending", admission.Strings("pending_public_ips"), []string{a[2].IP})
	admission.Refresh()
	if p := admission.Plan(lingering); p.Empty {
		t.Error("no update is planned for the address that the firewall still lists")
	}
	forgotten := behind(map[string]wall{"openai": {admitted: []string{a[0].IP}, effective: []string{a[0].IP}}})
	admission.Run(forgotten)
	expect(t, "released", admission.Strings("released_allocation_ids"), []string{a[2].ID})
	admission.ExpectEmptyPlan(forgotten)
}

func TestEntriesOfWhatIsRetiredInTheSameApply(t *testing.T) {
	region, a := threeAddresses()
	admission := newAdmission(t, region)
	admission.Run(lists(a[0].IP))
	region.Change(a[1].ID, func(e *pooltest.Elastic) { e.Tags[eiptag.Lifecycle] = eiptag.LifecycleRetired })
	// The refresh was before that.
	p := admission.Plan(behind(map[string]wall{"openai": {admitted: []string{a[0].IP}, effective: []string{a[1].IP}}}))
	expectSaid(t, admission.Apply(t.Context(), p), false, "A firewall still lists a retired address", a[1].ID)
	expect(t, "unsettled", admission.Strings("unsettled_allocation_ids"), []string{a[1].ID})
}

func TestClaimDuringTheReleaseWins(t *testing.T) {
	region, a := threeAddresses()
	region.Change(a[2].ID, func(e *pooltest.Elastic) { e.Tags[eiptag.Lifecycle] = eiptag.LifecycleRetired })
	region.Before = func(call string, _ int) error {
		if call == "ReleaseAddress" {
			region.Attach(a[2].ID, "i-late")
		}
		return nil
	}
	admission := newAdmission(t, region)
	_, r := admission.Run(lists(a[0].IP))
	expectSaid(t, r, false, "A retired address is still in use", "just claimed it")
	expect(t, "number", len(region.Addresses()), 3)
}

func TestReleaseRefusedIsNoFailure(t *testing.T) {
	region, a := threeAddresses()
	region.Change(a[2].ID, func(e *pooltest.Elastic) { e.Tags[eiptag.Lifecycle] = eiptag.LifecycleRetired })
	region.Before = func(call string, _ int) error {
		if call == "ReleaseAddress" {
			return pooltest.APIError("UnauthorizedOperation", "not you")
		}
		return nil
	}
	admission := newAdmission(t, region)
	_, r := admission.Run(lists(a[0].IP))
	expectSaid(t, r, false, "A retired address could not be released", "UnauthorizedOperation")
	expect(t, "unsettled", admission.Strings("unsettled_allocation_ids"), []string{a[2].ID})
	region.Before = nil
	admission.Run(lists(a[0].IP))
	expect(t, "released", admission.Strings("released_allocation_ids"), []string{a[2].ID})
}

func TestUsersOwnAddressesAreNeverReleased(t *testing.T) {
	region := pooltest.NewRegion()
	a := addAddress(region, nil)
	addAddress(region, map[string]string{eiptag.Existing: eiptag.ExistingTrue, eiptag.Lifecycle: eiptag.LifecycleRetired})
	admission := newAdmission(t, region)
	admission.Run(lists(a.IP))
	expect(t, "number", len(region.Addresses()), 2)
	admission.ExpectEmptyPlan(lists(a.IP))
}

func TestDrift(t *testing.T) {
	for name, change := range map[string]func(tags map[string]string){
		"admission removed by hand": func(tags map[string]string) { delete(tags, eiptag.Admission) },
		"withdrawn by hand":         func(tags map[string]string) { tags[eiptag.Admission] = eiptag.AdmissionRequired },
		"odd":                       func(tags map[string]string) { tags[eiptag.Admission] = "perhaps" },
	} {
		t.Run(name, func(t *testing.T) {
			region, a := threeAddresses()
			admission := newAdmission(t, region)
			config := lists(a[0].IP)
			admission.Run(config)
			region.Change(a[0].ID, func(e *pooltest.Elastic) { change(e.Tags) })
			admission.Refresh()
			if p := admission.Plan(config); p.Empty {
				t.Error("the drift is not planned to be repaired")
			}
			admission.Run(config)
			expect(t, "tag", admissionOf(t, region, a[0].ID), eiptag.AdmissionAdmitted)
			admission.ExpectEmptyPlan(config)
		})
	}
	t.Run("admitted by hand", func(t *testing.T) {
		region, a := threeAddresses()
		admission := newAdmission(t, region)
		config := lists(a[0].IP)
		admission.Run(config)
		region.Change(a[1].ID, func(e *pooltest.Elastic) { e.Tags[eiptag.Admission] = eiptag.AdmissionAdmitted })
		admission.Run(config)
		expect(t, "tag", admissionOf(t, region, a[1].ID), eiptag.AdmissionRequired)
	})
}

func TestRefusesWhatItCannotGuard(t *testing.T) {
	region := pooltest.NewRegion()
	admission := newAdmission(t, region)
	p := admission.Plan(lists("52.20.0.2")) // the pool may come in the same apply
	expectSaid(t, p.Result, false)
	expectSaid(t, admission.Apply(t.Context(), p), true, `@AttributeName("pool_name")`, "No such pool")
	expect(t, "state is null", admission.State.IsNull(), true)

	region.Add(map[string]string{eiptag.DefaultPoolKey: "egress", eiptag.Owner: "team-a"})
	expectSaid(t, admission.Apply(t.Context(), admission.Plan(lists("52.20.0.2"))), true, "require_admission = true")

	region = pooltest.NewRegion()
	addAddress(region, map[string]string{eiptag.Owner: "team-b"})
	expectSaid(t, newAdmission(t, region).Plan(lists("52.20.0.2")).Result, true, "another owner", "team-b")
}

func TestPoolOfAnotherCase(t *testing.T) {
	region := pooltest.NewRegion()
	near := region.Add(map[string]string{eiptag.DefaultPoolKey: "Egress", eiptag.Owner: "team-a"})
	admission := newAdmission(t, region)
	p := admission.Plan(lists("52.20.0.2"))
	expectSaid(t, p.Result, false, `@AttributeName("pool_name")`, "another case", near, `"Egress"`)
	expectSaid(t, admission.Apply(t.Context(), p), true, "No such pool", `"egress"`, near, `"Egress"`)
	if e, _ := region.Find(near); len(e.Tags) != 2 {
		t.Errorf("the other pool's address has the tags %v", e.Tags)
	}
}

func TestAdoptionIsAnnounced(t *testing.T) {
	region, a := threeAddresses()
	region.Change(a[0].ID, func(e *pooltest.Elastic) { e.Tags[eiptag.Admission] = eiptag.AdmissionAdmitted })
	expectSaid(t, newAdmission(t, region).Plan(lists(a[0].IP)).Result, false, "1 addresses of this pool are admitted already", a[0].ID)
}

func TestForeignAddressesStayAsTheyAre(t *testing.T) {
	region, a := threeAddresses()
	foreign := addAddress(region, map[string]string{eiptag.Owner: "team-b", eiptag.Lifecycle: eiptag.LifecycleRetired})
	admission := newAdmission(t, region)
	admission.Run(lists(a[0].IP, foreign.IP))
	admission.Run(lists())
	expect(t, "tag", admissionOf(t, region, foreign.ID), eiptag.AdmissionRequired)
	admission.Run(nil)
	expect(t, "number", len(region.Addresses()), 4)
}

func TestDestroyWithdrawsAll(t *testing.T) {
	region, a := threeAddresses()
	admission := newAdmission(t, region)
	admission.Run(lists(a[0].IP, a[1].IP))
	region.Attach(a[1].ID, "i-busy")
	region.Lag = 2
	admission.Refresh()
	r := admission.Apply(t.Context(), admission.Plan(nil))
	expectSaid(t, r, false, "i-busy")
	for _, e := range region.Addresses() {
		expect(t, "tag", e.Tags[eiptag.Admission], eiptag.AdmissionRequired)
	}
	expect(t, "state is null", admission.State.IsNull(), true)
}

func TestPoolThatIsGone(t *testing.T) {
	region, a := threeAddresses()
	admission := newAdmission(t, region)
	admission.Run(lists(a[0].IP))
	for _, e := range region.Addresses() {
		region.Lose(e.ID)
	}
	expectSaid(t, admission.Apply(t.Context(), admission.Plan(nil)), false)
	admission.Import("egress")
	expect(t, "state is null", admission.State.IsNull(), true)
}

func TestReadOfAPoolThatIsGone(t *testing.T) {
	region, a := threeAddresses()
	admission := newAdmission(t, region)
	admission.Run(lists(a[0].IP))
	for _, e := range region.Addresses() {
		region.Lose(e.ID)
	}
	expectSaid(t, admission.Refresh(), false, "The pool has no addresses any more")
	expect(t, "state is null", admission.State.IsNull(), true)
}

func TestLaggingListings(t *testing.T) {
	region, a := threeAddresses()
	region.Lag = 3
	admission := newAdmission(t, region)
	admission.Run(lists(a[0].IP))
	admission.ExpectEmptyPlan(lists(a[0].IP))
	admission.Run(lists(a[1].IP))
	admission.ExpectEmptyPlan(lists(a[1].IP))
}

func TestCancelled(t *testing.T) {
	region, a := threeAddresses()
	admission := newAdmission(t, region)
	p := admission.Plan(lists(a[0].IP))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	region.Before = func(call string, _ int) error {
		if call == "CreateTags" {
			cancel() // the write is finished, and seen
		}
		return nil
	}
	expectSaid(t, admission.Apply(ctx, p), false)
	expect(t, "admitted", admission.Strings("admitted_allocation_ids"), []string{a[0].ID})
}

// An import cannot know the firewalls: the next apply tells, and finds nothing to do.
func TestImport(t *testing.T) {
	region, a := threeAddresses()
	config := lists(a[0].IP, a[2].IP)
	newAdmission(t, region).Run(config)
	admission := newAdmission(t, region)
	expectSaid(t, admission.Import("egress"), false)
	expect(t, "firewalls", admission.Get(attrFirewalls), nil)
	expect(t, "admitted", admission.Strings("admitted_allocation_ids"), []string{a[0].ID, a[2].ID})
	expect(t, "pending", admission.Strings("pending_public_ips"), []string{a[1].IP})
	expect(t, "unsettled", admission.Strings("unsettled_allocation_ids"), []string{})
	expect(t, "unlisted", admission.Get("unlisted_public_ips"), map[string]string{})
	expectSaid(t, admission.Refresh(), false)
	region.ResetCalls()
	if p, _ := admission.Run(config); p.Action != "update" {
		t.Errorf("after an import the plan is to %s", p.Action)
	}
	expectCalls(t, region, map[string]int{"DescribeAddresses": 3})
	admission.ExpectEmptyPlan(config)
	expectSaid(t, admission.Import("a,b,c"), true, "NAME,TAG_KEY")
}

func TestUnknownAndInvalid(t *testing.T) {
	region, a := threeAddresses()
	admission := newAdmission(t, region)
	mapType := tftypes.Map{ElementType: wallType}
	withUnknown := func(attribute string) pooltest.Config {
		values := resourcetest.Attributes(wall{admitted: []string{a[0].IP}}.value())
		values[attribute] = tftypes.NewValue(values[attribute].Type(), tftypes.UnknownValue)
		return firewallsOf(tftypes.NewValue(mapType, map[string]tftypes.Value{"openai": tftypes.NewValue(wallType, values)}))
	}
	unknowns := map[string]pooltest.Config{
		"all firewalls":           firewallsOf(tftypes.NewValue(mapType, tftypes.UnknownValue)),
		"one firewall":            firewallsOf(tftypes.NewValue(mapType, map[string]tftypes.Value{"a": wall{}.value(), "b": tftypes.NewValue(wallType, tftypes.UnknownValue)})),
		"what it admits":          withUnknown(attrAdmitted),
		"what it lists":           withUnknown(attrEffective),
		"what becomes of entries": withUnknown(attrOnDestroy),
		"the pool":                lists(a[0].IP).With(pooltest.Config{"pool_name": pooltest.Unknown()}),
	}
	for name, config := range unknowns {
		p := admission.Plan(config)
		expectSaid(t, p.Result, false)
		expect(t, name+": admitted_allocation_ids", p.Get("admitted_allocation_ids"), "?")
	}
	admission.Run(lists(a[0].IP))
	for name, config := range unknowns {
		p := admission.Plan(config)
		expect(t, name+": admitted_allocation_ids", p.Get("admitted_allocation_ids"), "?")
		expect(t, name+": replaces", p.Replaces, name == "the pool")
	}
	expect(t, "replaces", admission.Plan(lists(a[0].IP).With(pooltest.Config{"pool_name": "other"})).Replaces, true)
	for _, entry := range []string{"52.20.0.0/24", "2001:db8::1", "egress", ""} {
		expectSaid(t, admission.Validate(lists(entry)), true, "Not the address of one host")
	}
	expectSaid(t, admission.Validate(behind(map[string]wall{"openai": {onDestroy: "retain"}})), true, "on_destroy", `"remove_entries"`)
	expectSaid(t, admission.Validate(behind(nil)), true, "firewalls", "at least 1")
	expectSaid(t, admission.Validate(firewallsOf(tftypes.NewValue(mapType, map[string]tftypes.Value{"a": tftypes.NewValue(wallType, nil)}))), true, "Null Map Value")
	silent := tftypes.NewValue(wallType, map[string]tftypes.Value{attrAdmitted: tftypes.NewValue(setType, nil), attrEffective: tftypes.NewValue(setType, nil), attrOnDestroy: tftypes.NewValue(tftypes.String, nil)})
	expectSaid(t, admission.Validate(firewallsOf(tftypes.NewValue(mapType, map[string]tftypes.Value{"a": silent}))), true, "A firewall does not say what it lists", `"a"`, attrAdmitted)
	many := map[string]wall{}
	for i := range 101 {
		many[fmt.Sprint(i)] = wall{}
	}
	expectSaid(t, admission.Validate(behind(many)), true, "at most 100")
}

// Whatever one to three firewalls, instances and hands do, in any order: an admitted address is one that all firewalls list, and
// nothing is released that is in use, active, listed by any firewall or not ours.
func TestPropertyGate(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	for round := range 40 {
		rng := rand.New(rand.NewPCG(seed, uint64(round)))
		region := pooltest.NewRegion()
		region.Quota, region.Lag = 50, rng.IntN(3)
		for range 2 + rng.IntN(5) {
			extra := map[string]string{}
			if rng.IntN(6) == 0 {
				extra[eiptag.Owner] = "team-b"
			}
			if rng.IntN(6) == 0 {
				extra[eiptag.Existing] = eiptag.ExistingTrue
			}
			addAddress(region, extra)
		}
		keeper := addAddress(region, nil) // a pool keeps at least one address
		admission := newAdmission(t, region)
		faulty := false
		region.Before = func(call string, _ int) error {
			if faulty && call != "DescribeAddresses" && rng.IntN(4) == 0 {
				return pooltest.APIError("RequestLimitExceeded", "slow down")
			}
			if call == "ReleaseAddress" && rng.IntN(3) == 0 {
				all := region.Addresses()
				region.Attach(all[rng.IntN(len(all))].ID, "i-racing")
			}
			return nil
		}
		for range 10 {
			released := len(region.Released())
			for _, e := range region.Addresses() {
				switch rng.IntN(8) {
				case 0:
					region.Attach(e.ID, "i-any")
				case 1:
					region.Detach(e.ID)
				case 2:
					if e.ID != keeper.ID {
						region.Change(e.ID, func(e *pooltest.Elastic) { e.Tags[eiptag.Lifecycle] = eiptag.LifecycleRetired })
					}
				case 3:
					region.Change(e.ID, func(e *pooltest.Elastic) { e.Tags[eiptag.Admission] = eiptag.AdmissionAdmitted })
				}
			}
			walls := map[string]wall{}
			by, listed := map[string]int{}, map[string]bool{} // how many list an address as their owner's, and whether any does at all
			for i := range 1 + rng.IntN(3) {
				var w wall
				for _, e := range region.Addresses() {
					switch rng.IntN(4) {
					case 0, 1:
						w.admitted = append(w.admitted, e.IP)
						by[e.IP]++
						listed[e.IP] = true
					case 2:
						w.effective = append(w.effective, e.IP)
						listed[e.IP] = true
					}
				}
				walls[fmt.Sprint(i)] = w
			}
			region.CatchUp() // what hands did long ago is seen; only what this apply writes lags
			foreignBefore := foreignOf(region)
			faulty = rng.IntN(3) == 0
			admission.Refresh()
			p := admission.Plan(behind(walls))
			if p.Failed {
				t.Fatalf("seed %d round %d: %s", seed, round, p.Result)
			}
			ok := p.Empty || !admission.Apply(t.Context(), p).Failed
			faulty = false
			for _, e := range region.Released()[released:] {
				if e.InUse() || e.Tags[eiptag.Lifecycle] != eiptag.LifecycleRetired || listed[e.IP] || e.Tags[eiptag.Owner] != "team-a" || e.Tags[eiptag.Existing] != "" {
					t.Fatalf("seed %d round %d: released %+v behind %v", seed, round, e, walls)
				}
			}
			for _, e := range region.Addresses() {
				if ok && e.Tags[eiptag.Owner] == "team-a" && (e.Tags[eiptag.Admission] == eiptag.AdmissionAdmitted) != (by[e.IP] == len(walls)) {
					t.Fatalf("seed %d round %d: %+v behind %v", seed, round, e, walls)
				}
			}
			if got := foreignOf(region); !reflect.DeepEqual(got, foreignBefore) {
				t.Fatalf("seed %d round %d: foreign addresses changed: %v, before %v", seed, round, got, foreignBefore)
			}
		}
	}
	t.Logf("seed %d", seed)
}

func foreignOf(region *pooltest.Region) []map[string]string {
	var tags []map[string]string
	for _, e := range region.Addresses() {
		if e.Tags[eiptag.Owner] != "team-a" {
			tags = append(tags, e.Tags)
		}
	}
	return tags
}
