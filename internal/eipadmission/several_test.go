package eipadmission

import (
	"fmt"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/eippool/pooltest"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/eiptag"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/ipfirewall"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/resourcetest"
)

func TestAdmitsWhatAllFirewallsList(t *testing.T) {
	region, a := threeAddresses()
	admission := newAdmission(t, region)
	config := behind(map[string]wall{
		"east": {admitted: []string{a[0].IP, a[1].IP, "52.99.0.1"}},
		"west": {admitted: []string{a[1].IP, a[2].IP, "52.99.0.2"}},
	})
	_, r := admission.Run(config)
	expect(t, "said", len(r.Said), 0)
	expect(t, "admitted", admission.Strings("admitted_allocation_ids"), []string{a[1].ID})
	expect(t, "pending", admission.Strings("pending_public_ips"), []string{a[0].IP, a[2].IP})
	expect(t, "unlisted", admission.Get("unlisted_public_ips"), map[string]string{"east": fmt.Sprint([]string{a[2].IP}), "west": fmt.Sprint([]string{a[0].IP})})
	expect(t, "foreign", admission.Strings("foreign_public_ips"), []string{"52.99.0.1", "52.99.0.2"})
	region.ResetCalls()
	admission.ExpectEmptyPlan(config)
	expectCalls(t, region, map[string]int{"DescribeAddresses": 1})
}

// A firewall that joins closes the gate for what it does not list yet, before anything else; one that leaves no longer counts.
func TestFirewallsComeAndGo(t *testing.T) {
	region, a := threeAddresses()
	admission := newAdmission(t, region)
	east := wall{admitted: []string{a[0].IP, a[1].IP}}
	admission.Run(behind(map[string]wall{"east": east}))
	region.Attach(a[0].ID, "i-busy")
	first := ""
	region.After = func(call string, _ int) error {
		if call == "CreateTags" && first == "" {
			first = admissionOf(t, region, a[0].ID)
			expect(t, "others before the withdrawal", admissionOf(t, region, a[2].ID), eiptag.AdmissionRequired)
		}
		return nil
	}
	both := behind(map[string]wall{"east": {admitted: []string{a[0].IP, a[1].IP, a[2].IP}}, "west": {admitted: []string{a[1].IP, a[2].IP}}})
	_, r := admission.Run(both)
	expect(t, "first written", first, eiptag.AdmissionRequired)
	expectSaid(t, r, false, "lost their admission while in use", `not listed any more by firewalls["west"]`, a[0].ID, "i-busy")
	expect(t, "admitted", admission.Strings("admitted_allocation_ids"), []string{a[1].ID, a[2].ID})
	admission.ExpectEmptyPlan(both)

	region.After = nil
	admission.Run(behind(map[string]wall{"east": east}))
	expect(t, "admitted", admission.Strings("admitted_allocation_ids"), []string{a[0].ID, a[1].ID})
	admission.Run(behind(map[string]wall{"east": east, "west": {}}))
	expect(t, "admitted", admission.Strings("admitted_allocation_ids"), []string{})
}

func TestReleasesWhatAllFirewallsForgot(t *testing.T) {
	region, a := threeAddresses()
	admission := newAdmission(t, region)
	all := []string{a[0].IP, a[1].IP, a[2].IP}
	admission.Run(behind(map[string]wall{"east": {admitted: all}, "west": {admitted: all}}))
	for _, e := range a[1:] {
		region.Change(e.ID, func(e *pooltest.Elastic) { e.Tags[eiptag.Lifecycle] = eiptag.LifecycleRetired })
	}

	// One has forgotten both; the other team's still lists one, and has lost the other one's entry from its state.
	half := behind(map[string]wall{
		"east": {admitted: []string{a[0].IP}},
		"west": {admitted: []string{a[0].IP, a[1].IP}, effective: []string{a[1].IP, a[2].IP}},
	})
	_, r := admission.Run(half)
	expectSaid(t, r, false, "A firewall still lists a retired address", a[2].ID, `firewalls["west"]`)
	expect(t, "warnings", len(r.Said), 1)
	expect(t, "released", admission.Strings("released_allocation_ids"), []string{})
	expect(t, "pending", admission.Strings("pending_public_ips"), []string{a[1].IP, a[2].IP})
	expect(t, "lingering", admission.Get("lingering_public_ips"), map[string]string{"west": fmt.Sprint([]string{a[1].IP, a[2].IP})})
	expect(t, "unlisted", admission.Get("unlisted_public_ips"), map[string]string{})
	expect(t, "unsettled", admission.Strings("unsettled_allocation_ids"), []string{a[2].ID})
	expect(t, "tag", admissionOf(t, region, a[1].ID), eiptag.AdmissionRequired)

	none := behind(map[string]wall{"east": {admitted: []string{a[0].IP}}, "west": {admitted: []string{a[0].IP}}})
	admission.Run(none)
	expect(t, "released", admission.Strings("released_allocation_ids"), []string{a[1].ID, a[2].ID})
	expect(t, "lingering", admission.Get("lingering_public_ips"), map[string]string{})
	admission.ExpectEmptyPlan(none)
}

// What a plan did not know is refused before anything is changed.
func TestFirewallsThatDoNotSayWhatTheyList(t *testing.T) {
	mapType := tftypes.Map{ElementType: wallType}
	null := func(attribute string) tftypes.Value {
		values := map[string]tftypes.Value{attrAdmitted: tftypes.NewValue(setType, []tftypes.Value{}), attrEffective: tftypes.NewValue(setType, nil), attrOnDestroy: tftypes.NewValue(tftypes.String, nil)}
		values[attribute] = tftypes.NewValue(setType, nil)
		return tftypes.NewValue(wallType, values)
	}
	for said, came := range map[string]map[string]tftypes.Value{
		"No firewall":                           {},
		"A firewall does not say what it lists": {"east": wall{}.value(), "west": null(attrAdmitted)},
		`firewalls["west"] is null`:             {"west": tftypes.NewValue(wallType, nil)},
	} {
		region, a := threeAddresses()
		admission := newAdmission(t, region)
		admission.Run(lists(a[0].IP))
		region.Change(a[1].ID, func(e *pooltest.Elastic) { e.Tags[eiptag.Lifecycle] = eiptag.LifecycleRetired })
		admission.Refresh()
		p := admission.Plan(firewallsOf(tftypes.NewValue(mapType, tftypes.UnknownValue)))
		expectSaid(t, p.Result, false)
		learned := admission.Plan(lists()).Plan
		p.Config = replaceFirewalls(t, learned.Config, tftypes.NewValue(mapType, came))
		p.Planned = replaceFirewalls(t, p.Planned, tftypes.NewValue(mapType, came))
		before := region.Addresses()
		region.ResetCalls()
		expectSaid(t, admission.Apply(t.Context(), p), true, said, "Nothing was changed")
		expectCalls(t, region, map[string]int{})
		expect(t, "addresses", region.Addresses(), before)
	}
}

// A firewall that keeps its entries when it is destroyed must not stand behind a pool that releases addresses.
func TestFirewallsThatKeep(t *testing.T) {
	const refused = "A firewall would keep addresses that go back to AWS"
	at := `@AttributeName("firewalls").ElementKeyString("west")`
	own := map[string]string{eiptag.Existing: eiptag.ExistingTrue}
	keeping := func(ips ...string) pooltest.Config {
		return behind(map[string]wall{"east": {admitted: ips, onDestroy: ipfirewall.OnDestroyRemove}, "west": {admitted: ips, onDestroy: ipfirewall.OnDestroyKeep}})
	}
	t.Run("pool of one's own addresses", func(t *testing.T) {
		region := pooltest.NewRegion()
		a, b := addAddress(region, own), addAddress(region, own)
		admission := newAdmission(t, region)
		admission.Run(keeping(a.IP, b.IP))
		expect(t, "admitted", admission.Strings("admitted_allocation_ids"), []string{a.ID, b.ID})
		admission.ExpectEmptyPlan(keeping(a.IP, b.IP))
		p := admission.Plan(nil)
		expectSaid(t, p.Result, false)
		expectSaid(t, admission.Apply(t.Context(), p), false)
	})
	t.Run("pool that is not there yet", func(t *testing.T) {
		r := newAdmission(t, pooltest.NewRegion()).Plan(keeping("52.20.0.2"))
		expectSaid(t, r.Result, true, refused, at, "has no addresses yet", "existing_allocation_ids", "Apply the pool first")
	})
	t.Run("pool that releases", func(t *testing.T) {
		region := pooltest.NewRegion()
		mine, allocated := addAddress(region, own), addAddress(region, nil)
		admission := newAdmission(t, region)
		r := admission.Plan(keeping(mine.IP))
		expectSaid(t, r.Result, true, refused, at, allocated.ID, `on_destroy = "remove_entries"`)
		// An update is refused too, though nothing else changes.
		admission.Run(behind(map[string]wall{"east": {admitted: []string{mine.IP}}, "west": {admitted: []string{mine.IP}}}))
		region.ResetCalls()
		expectSaid(t, admission.Plan(keeping(mine.IP)).Result, true, refused, at)
		expectCalls(t, region, map[string]int{"DescribeAddresses": 1})
	})
	t.Run("pool that comes to release in the same apply", func(t *testing.T) {
		region := pooltest.NewRegion()
		mine := addAddress(region, own)
		admission := newAdmission(t, region)
		admission.Run(keeping(mine.IP))
		p := admission.Plan(keeping(mine.IP, "52.20.0.9"))
		expectSaid(t, p.Result, false)
		allocated := addAddress(region, nil)
		region.ResetCalls()
		expectSaid(t, admission.Apply(t.Context(), p), true, refused, at, allocated.ID)
		expectCalls(t, region, map[string]int{"DescribeAddresses": 1})

		// The way to the pool's destruction stays closed, at plan and in a destruction whose plan knew less.
		expectSaid(t, admission.Plan(nil).Result, true, refused, at, allocated.ID)
		region.Lose(allocated.ID)
		p = admission.Plan(nil)
		addAddress(region, nil)
		state := admission.State
		expectSaid(t, admission.Apply(t.Context(), p), true, refused, at)
		expect(t, "tag", admissionOf(t, region, mine.ID), eiptag.AdmissionAdmitted)
		expect(t, "state is as it was", admission.State.Equal(state), true)

		// The way out.
		removing := behind(map[string]wall{"east": {admitted: []string{mine.IP}}, "west": {admitted: []string{mine.IP}, onDestroy: ipfirewall.OnDestroyRemove}})
		admission.Run(removing)
		expectSaid(t, admission.Apply(t.Context(), admission.Plan(nil)), false)
	})
}

// replaceFirewalls is an object with other firewalls.
func replaceFirewalls(t *testing.T, object, firewalls tftypes.Value) tftypes.Value {
	t.Helper()
	attributes := resourcetest.Attributes(object)
	attributes[attrFirewalls] = firewalls
	return tftypes.NewValue(object.Type(), attributes)
}
