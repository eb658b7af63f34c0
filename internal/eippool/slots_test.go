package eippool

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/eippool/pooltest"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/eiptag"
)

func slot(name string) func(*Address) { return func(a *Address) { a.Tags[eiptag.Slot] = name } }

func TestFillSlots(t *testing.T) {
	ab := setOf([]string{"a", "b"})
	for name, c := range map[string]struct {
		spec              Spec
		ours, joining     []Address
		before, returning slotMap
		slots             slotMap
		fresh, unserved   []string
		drain, shrink     []string
	}{
		"none wanted":               {spec: Spec{Size: 1}, ours: []Address{addr("1", slot("a"))}, slots: slotMap{}},
		"new pool":                  {spec: Spec{Size: 2, Slots: ab}, slots: slotMap{}, fresh: []string{"a", "b"}},
		"as it is":                  {spec: Spec{Size: 2, Slots: ab}, ours: []Address{addr("1", slot("b"), used), addr("2", slot("a"), used)}, slots: slotMap{"a": "2", "b": "1"}},
		"tag lost, state knows":     {spec: Spec{Size: 2, Slots: ab}, ours: []Address{addr("1", used), addr("2", slot("a"))}, before: slotMap{"b": "1"}, slots: slotMap{"a": "2", "b": "1"}},
		"state is behind the tags":  {spec: Spec{Size: 2, Slots: ab}, ours: []Address{addr("1", slot("a"), used), addr("2", used, slot("b"))}, before: slotMap{"a": "2", "b": "1"}, slots: slotMap{"a": "1", "b": "2"}},
		"twice, the used one wins":  {spec: Spec{Size: 2, Slots: setOf([]string{"a"})}, ours: []Address{addr("1", slot("a")), addr("2", slot("a"), used)}, slots: slotMap{"a": "2"}},
		"spare ones":                {spec: Spec{Size: 3, Slots: ab}, ours: []Address{addr("1", used), addr("2"), addr("3", isAdmitted)}, slots: slotMap{"a": "3", "b": "2"}},
		"spare, and a new one":      {spec: Spec{Size: 3, Slots: ab}, ours: []Address{addr("1", used), addr("2")}, slots: slotMap{"a": "2"}, fresh: []string{"b"}},
		"all used by others":        {spec: Spec{Size: 2, Slots: ab}, ours: []Address{addr("1", used), addr("2")}, slots: slotMap{"a": "2"}, unserved: []string{"b"}},
		"the user's own":            {spec: Spec{Size: 2, Slots: ab, Existing: setOf([]string{"8", "9"})}, joining: []Address{addr("8"), addr("9", used)}, slots: slotMap{"a": "8"}, unserved: []string{"b"}},
		"retired, in use":           {spec: Spec{Size: 2, Slots: ab, Retire: setOf([]string{"1"})}, ours: []Address{addr("1", slot("a"), used), addr("2", slot("b"), used)}, slots: slotMap{"b": "2"}, fresh: []string{"a"}, drain: []string{"1"}},
		"retired, a spare one":      {spec: Spec{Size: 2, Slots: setOf([]string{"a"}), Retire: setOf([]string{"1"})}, ours: []Address{addr("1", slot("a"), used), addr("2")}, slots: slotMap{"a": "2"}, drain: []string{"1"}},
		"draining":                  {spec: Spec{Size: 1, Slots: setOf([]string{"a"})}, ours: []Address{addr("1", slot("a"), used, draining), addr("2", slot("a"))}, slots: slotMap{"a": "2"}},
		"another slot":              {spec: Spec{Size: 2, Slots: ab}, ours: []Address{addr("1", slot("b"), used)}, slots: slotMap{"b": "1"}, fresh: []string{"a"}},
		"slot and size go, in use":  {spec: Spec{Size: 1, Slots: setOf([]string{"b"})}, ours: []Address{addr("1", slot("a"), used), addr("2", slot("b"), used)}, slots: slotMap{"b": "2"}, drain: []string{"1"}},
		"slot and size go, unused":  {spec: Spec{Size: 1, Slots: setOf([]string{"b"})}, ours: []Address{addr("2", slot("b")), addr("1", slot("a"))}, slots: slotMap{"b": "2"}, shrink: []string{"1"}},
		"slot goes, size stays":     {spec: Spec{Size: 2, Slots: setOf([]string{"b"})}, ours: []Address{addr("1", slot("a"), used), addr("2", slot("b"), used)}, slots: slotMap{"b": "2"}},
		"slot changes its name":     {spec: Spec{Size: 1, Slots: setOf([]string{"c"})}, ours: []Address{addr("1", slot("a"), used)}, slots: slotMap{}, unserved: []string{"c"}},
		"shrink spares the slots":   {spec: Spec{Size: 2, Slots: ab}, ours: []Address{addr("1"), addr("2", slot("a")), addr("3", slot("b"))}, slots: slotMap{"a": "2", "b": "3"}, shrink: []string{"1"}},
		"one that comes back":       {spec: Spec{Size: 2, Slots: ab}, ours: []Address{addr("2", slot("b"), used)}, returning: slotMap{"a": "1"}, slots: slotMap{"a": "1", "b": "2"}},
		"no room for one that does": {spec: Spec{Size: 1, Slots: setOf([]string{"b"})}, ours: []Address{addr("2", slot("b"), used)}, returning: slotMap{"a": "1"}, slots: slotMap{"b": "2"}},
	} {
		t.Run(name, func(t *testing.T) {
			d := decide(c.spec, c.ours, c.joining, c.before, c.returning)
			expect(t, "slots", d.Slots, c.slots)
			for what, pair := range map[string][2][]string{
				"new slots": {d.NewSlots, c.fresh}, "unserved": {d.Unserved, c.unserved}, "drain": {IDs(d.Drain), c.drain}, "shrink": {IDs(d.Shrink), c.shrink},
			} {
				if len(pair[0])+len(pair[1]) > 0 {
					expect(t, what, pair[0], pair[1])
				}
			}
		})
	}
}

var threeZones = egress3.With(pooltest.Config{"require_admission": true, "slots": []string{"us-east-1a", "us-east-1b", "us-east-1c"}})

// gateways has a NAT gateway use the address of each slot, as an apply does after the pool.
func gateways(t *testing.T, region *pooltest.Region, pool *pooltest.Core) map[string]string {
	t.Helper()
	slots, ok := pool.Get("slot_allocation_ids").(map[string]string)
	if !ok {
		t.Fatalf("no map of slots: %v", pool.Get("slot_allocation_ids"))
	}
	for _, e := range region.Addresses() {
		region.Detach(e.ID)
	}
	for zone, id := range slots {
		region.AttachNAT(id, "nat-"+zone)
	}
	return slots
}

func TestSlotsOfANewPool(t *testing.T) {
	region := pooltest.NewRegion()
	pool := newPool(t, region)
	p := pool.Plan(threeZones)
	expect(t, "planned", p.Get("slot_allocation_ids"), any(map[string]string{"us-east-1a": "?", "us-east-1b": "?", "us-east-1c": "?"}))
	region.ResetCalls()
	expectSaid(t, pool.Apply(t.Context(), p), false)
	expectCalls(t, region, map[string]int{"AllocateAddress": 3, "DescribeAddresses": 2})
	for zone, id := range pool.Get("slot_allocation_ids").(map[string]string) {
		expect(t, "tag", tagsOf(t, region, id)[eiptag.Slot], zone)
		region.Change(id, func(e *pooltest.Elastic) { e.Tags[eiptag.Admission] = eiptag.AdmissionAdmitted })
		expect(t, "claimable by an instance", eiptag.Claimable(tagsOf(t, region, id)), false)
	}
	pool.ExpectEmptyPlan(threeZones)
}

// A rotation plans a new address for one slot, and says in the plan that all others keep theirs: what an unknown value
// would do to them is to replace their NAT gateways.
func TestRotationInASlotMovesNoOther(t *testing.T) {
	region := pooltest.NewRegion()
	pool := newPool(t, region)
	pool.Run(threeZones)
	before := gateways(t, region, pool)
	rotate := threeZones.With(pooltest.Config{"retire": []string{before["us-east-1b"]}})

	p, _ := pool.Run(rotate)
	expect(t, "planned", p.Get("slot_allocation_ids"), any(map[string]string{"us-east-1a": before["us-east-1a"], "us-east-1b": "?", "us-east-1c": before["us-east-1c"]}))
	expect(t, "draining", pool.Strings("draining_allocation_ids"), []string{before["us-east-1b"]})
	expect(t, "listed", len(pool.Strings("public_ips")), 4)
	expect(t, "tag of the one that drains", tagsOf(t, region, before["us-east-1b"])[eiptag.Slot], "us-east-1b")
	pool.ExpectEmptyPlan(rotate)

	after := gateways(t, region, pool)
	pool.Refresh()
	p, _ = pool.Run(rotate)
	expect(t, "planned", p.Get("slot_allocation_ids"), any(after))
	expect(t, "retired", pool.Strings("retired_allocation_ids"), []string{before["us-east-1b"]})
	pool.ExpectEmptyPlan(rotate)
	expect(t, "slots", pool.Get("slot_allocation_ids"), any(after))
}

func TestZonesComeAndGo(t *testing.T) {
	region := pooltest.NewRegion()
	pool := newPool(t, region)
	pool.Run(threeZones)
	before := gateways(t, region, pool)

	fewer := threeZones.With(pooltest.Config{"size": 2, "slots": []string{"us-east-1a", "us-east-1c"}})
	p, _ := pool.Run(fewer)
	kept := map[string]string{"us-east-1a": before["us-east-1a"], "us-east-1c": before["us-east-1c"]}
	expect(t, "planned", p.Get("slot_allocation_ids"), any(kept))
	expect(t, "draining", pool.Strings("draining_allocation_ids"), []string{before["us-east-1b"]})
	gateways(t, region, pool)
	pool.Run(fewer)
	expect(t, "retired", pool.Strings("retired_allocation_ids"), []string{before["us-east-1b"]})
	pool.ExpectEmptyPlan(fewer)

	more := threeZones.With(pooltest.Config{"slots": []string{"us-east-1a", "us-east-1c", "us-east-1d"}})
	p, _ = pool.Run(more)
	expect(t, "planned", p.Get("slot_allocation_ids"), any(map[string]string{"us-east-1a": before["us-east-1a"], "us-east-1c": before["us-east-1c"], "us-east-1d": "?"}))
	pool.ExpectEmptyPlan(more)
}

func TestTagsOfASlotLostByHand(t *testing.T) {
	for _, key := range []string{eiptag.Slot, eiptag.DefaultPoolKey, eiptag.Owner, "all"} {
		region := pooltest.NewRegion()
		pool := newPool(t, region)
		pool.Run(threeZones)
		before := gateways(t, region, pool)
		region.Change(before["us-east-1b"], func(e *pooltest.Elastic) {
			if delete(e.Tags, key); key == "all" {
				clear(e.Tags)
			}
		})
		pool.Refresh()
		p, _ := pool.Run(threeZones)
		expect(t, key+": planned", p.Get("slot_allocation_ids"), any(before))
		expect(t, key+": tag", tagsOf(t, region, before["us-east-1b"])[eiptag.Slot], "us-east-1b")
		pool.ExpectEmptyPlan(threeZones)
	}
}

func TestSlotsThatMoveAfterThePlan(t *testing.T) {
	region := pooltest.NewRegion()
	pool := newPool(t, region)
	pool.Run(threeZones)
	slots := pool.Get("slot_allocation_ids").(map[string]string)
	p := pool.Plan(threeZones.With(pooltest.Config{"size": 4}))
	for zone, other := range map[string]string{"us-east-1a": "us-east-1b", "us-east-1b": "us-east-1a"} {
		region.Change(slots[zone], func(e *pooltest.Elastic) { e.Tags[eiptag.Slot] = other })
	}
	expectSaid(t, pool.Apply(t.Context(), p), true, "The pool has changed since the plan", "Nothing was changed")
}

func TestImportFindsSlots(t *testing.T) {
	region := pooltest.NewRegion()
	newPool(t, region).Run(threeZones)
	pool := newPool(t, region)
	expectSaid(t, pool.Import("egress"), false)
	expect(t, "slots", pool.Strings("slots"), []string{"us-east-1a", "us-east-1b", "us-east-1c"})
	pool.ExpectEmptyPlan(threeZones.With(pooltest.Config{"deletion_protection": false}))
}

func TestSlotsGivenUp(t *testing.T) {
	region := pooltest.NewRegion()
	pool := newPool(t, region)
	pool.Run(threeZones)
	open := threeZones.With(pooltest.Config{"slots": nil})
	pool.Run(open)
	for _, e := range region.Addresses() {
		expect(t, "tag", e.Tags[eiptag.Slot], "")
	}
	expect(t, "slots", pool.Get("slot_allocation_ids"), any(map[string]string{}))
	pool.ExpectEmptyPlan(open)
}

func TestRefusalsNameTheNATGateway(t *testing.T) {
	region := pooltest.NewRegion()
	pool := newPool(t, region)
	pool.Run(threeZones)
	slots := gateways(t, region, pool)
	a, b := slots["us-east-1a"], slots["us-east-1b"]

	p := pool.Plan(threeZones.With(pooltest.Config{"size": 2, "slots": []string{"us-east-1a"}, "existing_allocation_ids": []string{b}}))
	expectSaid(t, p.Result, false) // the user's own one is kept, and the two others suffice
	p = pool.Plan(threeZones.With(pooltest.Config{"slots": []string{"us-east-1a", "us-east-1b", "us-east-1d"}}))
	expectSaid(t, p.Result, true, "A slot has no address", "us-east-1d", "NAT gateway nat-us-east-1c", "raise size by 1")

	expectSaid(t, pool.Apply(t.Context(), pool.Plan(nil)), true, "in use", a, "NAT gateway nat-us-east-1a", "NAT gateway nat-us-east-1b")
	expect(t, "released", len(region.Released()), 0)

	// Without the right to list NAT gateways the network interface has to do.
	region.Before = func(call string, _ int) error {
		if call == "DescribeNatGateways" {
			return pooltest.APIError("UnauthorizedOperation", "not you")
		}
		return nil
	}
	expectSaid(t, pool.Apply(t.Context(), pool.Plan(nil)), true, "network interface eni-")
}

func TestMoreSlotsThanAddresses(t *testing.T) {
	region := pooltest.NewRegion()
	expectSaid(t, newPool(t, region).Validate(threeZones.With(pooltest.Config{"size": 2})), true, "fewer addresses than slots", "size = 3")
	expectSaid(t, newPool(t, region).Validate(threeZones.With(pooltest.Config{"slots": []string{" us-east-1a"}})), true, "white space")
}

// However zones, sizes and retirements change: an address in use never moves to another slot, a plan knows every address
// that stays, and in the end each slot has one of its own.
func TestPropertySlots(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	zones := []string{"a", "b", "c", "d"}
	for round := range 25 {
		rng := rand.New(rand.NewPCG(seed, uint64(round)))
		region := pooltest.NewRegion()
		region.Quota, region.Lag = 60, rng.IntN(2)
		pool := newPool(t, region)
		var before map[string]string
		for step := range 12 {
			wanted := slices.DeleteFunc(slices.Clone(zones), func(string) bool { return rng.IntN(3) == 0 })
			config := threeZones.With(pooltest.Config{"require_admission": rng.IntN(8) != 0, "slots": wanted, "size": max(1, len(wanted)+rng.IntN(2))})
			retiring := ""
			if len(before) > 0 && rng.IntN(2) == 0 {
				for _, retiring = range before {
					break
				}
				config["retire"] = []string{retiring}
			}
			region.CatchUp()
			pool.Refresh()
			p := pool.Plan(config)
			if p.Failed {
				continue // somebody still uses what would have to go
			}
			planned := p.Get("slot_allocation_ids").(map[string]string)
			for zone, id := range before {
				now, stays := planned[zone]
				if stays && id != retiring && now != id {
					t.Fatalf("seed %d round %d step %d: %s had %s and is planned to have %s", seed, round, step, zone, id, now)
				}
			}
			if !p.Empty {
				if r := pool.Apply(t.Context(), p); r.Failed {
					t.Fatalf("seed %d round %d step %d: %s", seed, round, step, r)
				}
			}
			region.CatchUp()
			before = gateways(t, region, pool)
			owners := map[string]string{}
			for _, zone := range wanted {
				id := before[zone]
				if id == "" || owners[id] != "" {
					t.Fatalf("seed %d round %d step %d: %s has %q, as has %q", seed, round, step, zone, id, owners[id])
				}
				owners[id] = zone
			}
		}
	}
}
