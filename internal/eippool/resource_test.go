package eippool

import (
	"context"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/eippool/pooltest"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/eiptag"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/waiter"
)

// newPool returns a core that drives the resource against a played Region, as owner "team-a".
func newPool(t *testing.T, region *pooltest.Region) *pooltest.Core {
	t.Helper()
	clock := waiter.NewFakeClock(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	return pooltest.NewCore(t, func() resource.Resource {
		r := &Resource{}
		r.Connect(func() bool { return true }, func(context.Context) (Backend, diag.Diagnostics) {
			return Backend{Region: Region{EC2: region, Waiter: waiter.Waiter{Clock: clock}}, Quotas: region, Owner: "team-a",
				HomeGroup: pooltest.Home, DefaultTags: map[string]string{"cost-centre": "42"}}, nil
		})
		return r
	})
}

func poolTags(extra map[string]string) map[string]string {
	tags := map[string]string{eiptag.DefaultPoolKey: "egress", eiptag.Owner: "team-a", "Name": "egress", "cost-centre": "42"}
	maps.Copy(tags, extra)
	return tags
}

func ids(region *pooltest.Region) []string {
	var out []string
	for _, e := range region.Addresses() {
		out = append(out, e.ID)
	}
	return out
}

func tagsOf(t *testing.T, region *pooltest.Region, id string) map[string]string {
	t.Helper()
	e, ok := region.Find(id)
	if !ok {
		t.Fatalf("%s is gone", id)
	}
	return e.Tags
}

func expect[T any](t *testing.T, what string, got, want T) {
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
	for _, call := range []string{"AllocateAddress", "ReleaseAddress", "DescribeAddresses", "CreateTags", "DeleteTags", "DisassociateAddress"} {
		if got := region.Count(call); got != want[call] {
			t.Errorf("%s was called %d times, want %d", call, got, want[call])
		}
	}
}

var egress3 = pooltest.Config{"name": "egress", "size": 3, "tags": map[string]string{"team": "platform"}}

func TestCreateTagsAtomicallyAndPlansLengths(t *testing.T) {
	region := pooltest.NewRegion()
	pool := newPool(t, region)
	p := pool.Plan(egress3)
	expectSaid(t, p.Result, false)
	expect(t, "planned allocation_ids", p.Get("allocation_ids"), any([]string{"?", "?", "?"}))
	expect(t, "planned cidr_blocks", p.Get("cidr_blocks"), any([]string{"?", "?", "?"}))
	expect(t, "planned addresses", p.Get("addresses"), any("?"))
	expect(t, "planned id", p.Get("id"), any("egress"))
	region.ResetCalls()

	expectSaid(t, pool.Apply(t.Context(), p), false)
	// Look, allocate each with its tags, look: no tag call, so no moment without tags.
	expectCalls(t, region, map[string]int{"AllocateAddress": 3, "DescribeAddresses": 2})
	expect(t, "allocation_ids", pool.Strings("allocation_ids"), ids(region))
	for i, e := range region.Addresses() {
		expect(t, "tags", e.Tags, poolTags(map[string]string{"team": "platform"}))
		expect(t, "public_ip", pool.Strings("public_ips")[i], e.IP)
		expect(t, "cidr", pool.Strings("cidr_blocks")[i], e.IP+"/32")
	}
	region.ResetCalls()
	pool.ExpectEmptyPlan(egress3)
	expectCalls(t, region, map[string]int{"DescribeAddresses": 1})
}

func TestReadIsOneCallWhateverTheSize(t *testing.T) {
	for _, size := range []int{1, 40} {
		region := pooltest.NewRegion()
		region.Quota = 100
		pool := newPool(t, region)
		pool.Run(egress3.With(pooltest.Config{"size": size}))
		region.ResetCalls()
		expectSaid(t, pool.Refresh(), false)
		expectCalls(t, region, map[string]int{"DescribeAddresses": 1})
	}
}

func TestCreateAdoptsWhatAKilledApplyLeft(t *testing.T) {
	region := pooltest.NewRegion()
	a := region.Add(poolTags(map[string]string{"team": "platform"}))
	b := region.Add(poolTags(nil)) // its user tag is missing
	pool := newPool(t, region)
	p := pool.Plan(egress3)
	expectSaid(t, p.Result, false, "2 addresses of this name exist and will be adopted", a, b)
	expect(t, "planned length", len(p.Get("allocation_ids").([]string)), 3)
	region.ResetCalls()
	expectSaid(t, pool.Apply(t.Context(), p), false)
	expectCalls(t, region, map[string]int{"AllocateAddress": 1, "DescribeAddresses": 2, "CreateTags": 1})
	expect(t, "allocation_ids", pool.Strings("allocation_ids"), ids(region))
	expect(t, "tags", tagsOf(t, region, b), poolTags(map[string]string{"team": "platform"}))
	pool.ExpectEmptyPlan(egress3)
}

func TestCreateRefusesForeignPools(t *testing.T) {
	region := pooltest.NewRegion()
	region.Add(map[string]string{eiptag.DefaultPoolKey: "egress", eiptag.Owner: "team-b"})
	expectSaid(t, newPool(t, region).Plan(egress3).Result, true, "team-b", "The pool belongs to another owner")

	region = pooltest.NewRegion()
	id := region.Add(map[string]string{eiptag.DefaultPoolKey: "egress"})
	expectSaid(t, newPool(t, region).Plan(egress3).Result, true, "existing_allocation_ids", id)
	expectSaid(t, newPool(t, region).Plan(egress3.With(pooltest.Config{"existing_allocation_ids": []string{id}})).Result, false)
}

func TestNamesOfAnotherCase(t *testing.T) {
	region := pooltest.NewRegion()
	near := region.Add(map[string]string{eiptag.DefaultPoolKey: "Egress", eiptag.Owner: "team-a"})
	nearKey := region.Add(map[string]string{"Crosscloudlink:EIP-Pool": "egress"})
	region.Add(map[string]string{eiptag.DefaultPoolKey: "egress-2", "other": "egress"})
	region.Quota = 10
	pool := newPool(t, region)
	p := pool.Plan(egress3)
	expectSaid(t, p.Result, false, `@AttributeName("name")`, "in another case", near, `"Egress"`, nearKey, "Crosscloudlink:EIP-Pool")
	region.ResetCalls()
	expectSaid(t, pool.Apply(t.Context(), p), false)
	expectCalls(t, region, map[string]int{"AllocateAddress": 3, "DescribeAddresses": 2})
	expect(t, "tags", tagsOf(t, region, near), map[string]string{eiptag.DefaultPoolKey: "Egress", eiptag.Owner: "team-a"})
	pool.ExpectEmptyPlan(egress3)

	// A hand that misspells the tag of a member takes it out of the pool: the plan names it.
	all := pool.Strings("allocation_ids")
	region.Change(all[0], func(e *pooltest.Elastic) { e.Tags[eiptag.DefaultPoolKey] = "EGRESS" })
	expectSaid(t, pool.Refresh(), false, "Addresses of the pool are gone", all[0])
	p = pool.Plan(egress3)
	expectSaid(t, p.Result, false, "in another case", all[0], `"EGRESS"`)
	region.Change(all[0], func(e *pooltest.Elastic) { e.Tags[eiptag.DefaultPoolKey] = "egress" })
	region.Lose(near)
	region.Lose(nearKey)
	pool.ExpectEmptyPlan(egress3)
}

func TestAdoptionRefusesAnotherBorderGroup(t *testing.T) {
	region := pooltest.NewRegion()
	id := region.Add(poolTags(nil))
	region.Change(id, func(e *pooltest.Elastic) { e.BorderGroup = "us-east-1-wl1-bos-wlz-1" })
	pool := newPool(t, region)
	expectSaid(t, pool.Plan(egress3).Result, true, `@AttributeName("network_border_group")`, id, "us-east-1-wl1-bos-wlz-1", "Nothing was changed")
	expectSaid(t, pool.Plan(egress3.With(pooltest.Config{"network_border_group": "us-east-1-wl1-bos-wlz-1"})).Result, false)
	expectCalls(t, region, map[string]int{"DescribeAddresses": 2})

	// The same in an apply whose plan did not see it.
	region = pooltest.NewRegion()
	pool = newPool(t, region)
	p := pool.Plan(egress3)
	id = region.Add(poolTags(nil))
	region.Change(id, func(e *pooltest.Elastic) { e.BorderGroup = "us-east-1-wl1-bos-wlz-1" })
	expectSaid(t, pool.Apply(t.Context(), p), true, "another network border group", id)
	expect(t, "left", ids(region), []string{id})
}

func TestQuotaAtPlan(t *testing.T) {
	region := pooltest.NewRegion()
	region.Add(nil)
	region.Add(nil)
	region.Add(nil)
	expectSaid(t, newPool(t, region).Plan(egress3).Result, true, `@AttributeName("size")`, "uses 3 of the 5", "at least 6", "L-0263D0A3")

	// Addresses of one's own pools do not count.
	region.Change(ids(region)[0], func(e *pooltest.Elastic) { e.Pool = "ipv4pool-ec2-0abc" })
	expectSaid(t, newPool(t, region).Plan(egress3).Result, false)
	region.Change(ids(region)[0], func(e *pooltest.Elastic) { e.Pool = "amazon" })

	// Where the quota cannot be read the apply is where AWS says no.
	region.Before = func(call string, _ int) error {
		if call == "GetServiceQuota" {
			return pooltest.APIError("AccessDeniedException", "no")
		}
		return nil
	}
	expectSaid(t, newPool(t, region).Plan(egress3).Result, false)

	// An account that never asked for a raise has AWS's default.
	region.Before = func(call string, _ int) error {
		if call == "GetServiceQuota" {
			return pooltest.APIError("NoSuchResourceException", "no")
		}
		return nil
	}
	expectSaid(t, newPool(t, region).Plan(egress3).Result, true, "uses 3 of the 5")
}

func TestCreateGivesBackWhatItMadeWhenTheQuotaEnds(t *testing.T) {
	region := pooltest.NewRegion()
	adopted := region.Add(poolTags(nil))
	pool := newPool(t, region)
	p := pool.Plan(egress3.With(pooltest.Config{"size": 4}))
	region.Quota = 3
	r := pool.Apply(t.Context(), p)
	expectSaid(t, r, true, "AddressLimitExceeded", "needs 3 more", "at least 4")
	expect(t, "state is null", pool.State.IsNull(), true)
	expect(t, "left", ids(region), []string{adopted})
}

func TestRollbackThatFailsNamesWhatIsLeft(t *testing.T) {
	region := pooltest.NewRegion()
	pool := newPool(t, region)
	p := pool.Plan(egress3)
	region.Quota = 1
	region.Before = func(call string, _ int) error {
		if call == "ReleaseAddress" {
			return pooltest.APIError("UnauthorizedOperation", "not you")
		}
		return nil
	}
	expectSaid(t, pool.Apply(t.Context(), p), true, "Addresses of the failed call are left", ids(region)[0], "the next apply finds and keeps them")
	expect(t, "state is null", pool.State.IsNull(), true)
	region.Quota, region.Before = 5, nil
	pool.Run(egress3)
	expect(t, "number", len(region.Addresses()), 3)
}

func TestCreateCancelled(t *testing.T) {
	region := pooltest.NewRegion()
	pool := newPool(t, region)
	p := pool.Plan(egress3)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	region.Before = func(call string, n int) error {
		if call == "AllocateAddress" && n == 2 {
			cancel() // in the middle of a call: the call is finished, and then all is given back
		}
		return nil
	}
	expectSaid(t, pool.Apply(ctx, p), true, "context canceled")
	expect(t, "state is null", pool.State.IsNull(), true)
	expect(t, "left", len(region.Addresses()), 0)
	expect(t, "released", len(region.Released()), 2)
}

func TestCancelledAfterTheLastAllocationIsDone(t *testing.T) {
	region := pooltest.NewRegion()
	pool := newPool(t, region)
	p := pool.Plan(egress3)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	region.After = func(call string, n int) error {
		if call == "AllocateAddress" && n == 3 {
			cancel()
		}
		return nil
	}
	expectSaid(t, pool.Apply(ctx, p), false)
	expect(t, "allocation_ids", pool.Strings("allocation_ids"), ids(region))
}

func TestLaggingListings(t *testing.T) {
	region := pooltest.NewRegion()
	region.Lag = 3
	pool := newPool(t, region)
	pool.Run(egress3)
	pool.ExpectEmptyPlan(egress3)
	grown := egress3.With(pooltest.Config{"size": 5, "tags": map[string]string{"team": "core"}})
	pool.Run(grown)
	pool.ExpectEmptyPlan(grown)
	expect(t, "number", len(region.Addresses()), 5)
}

func TestAnswerLostOnItsWayDoublesNothing(t *testing.T) {
	region := pooltest.NewRegion()
	pool := newPool(t, region)
	// The SDK repeats a call whose answer was lost: the fake's first answer is the error, the resource's own
	// repeat is the next apply.
	region.After = func(call string, n int) error {
		if call == "AllocateAddress" && n == 2 {
			return pooltest.APIError("InternalError", "lost")
		}
		return nil
	}
	p := pool.Plan(egress3)
	expectSaid(t, pool.Apply(t.Context(), p), true, "InternalError")
	// The address whose answer was lost is there and tagged; the next apply adopts it.
	expect(t, "left", len(region.Addresses()), 1)
	pool.Run(egress3)
	expect(t, "number", len(region.Addresses()), 3)
	pool.ExpectEmptyPlan(egress3)

	// And where a repeat inside the call has doubled an address, the surplus goes.
	region.After = nil
	region.Before = func(call string, n int) error {
		if call == "AllocateAddress" && n == 5 {
			region.Add(poolTags(nil)) // what the first try made
		}
		return nil
	}
	grown := egress3.With(pooltest.Config{"size": 4})
	pool.Run(grown)
	expect(t, "number", len(region.Addresses()), 4)
	pool.ExpectEmptyPlan(grown)
}

func TestTagEditLeavesTheListsAlone(t *testing.T) {
	region := pooltest.NewRegion()
	pool := newPool(t, region)
	pool.Run(egress3)
	before := pool.Strings("public_ips")
	edited := egress3.With(pooltest.Config{"tags": map[string]string{"stage": "prod"}})
	expectSaid(t, pool.Refresh(), false)
	region.ResetCalls()
	p := pool.Plan(edited)
	expect(t, "planned public_ips", p.Get("public_ips"), any(before))
	expect(t, "planned addresses", p.Get("addresses"), pool.Get("addresses"))
	expectCalls(t, region, map[string]int{})
	pool.Apply(t.Context(), p)
	expectCalls(t, region, map[string]int{"DescribeAddresses": 2, "CreateTags": 1, "DeleteTags": 1})
	for _, e := range region.Addresses() {
		expect(t, "tags", e.Tags, poolTags(map[string]string{"stage": "prod"}))
	}
	pool.ExpectEmptyPlan(edited)
}

func TestGrowth(t *testing.T) {
	region := pooltest.NewRegion()
	pool := newPool(t, region)
	pool.Run(egress3)
	before := pool.Strings("allocation_ids")
	grown := egress3.With(pooltest.Config{"size": 5})
	p, _ := pool.Run(grown)
	expect(t, "planned", p.Get("allocation_ids"), any(append(slices.Clone(before), "?", "?")))
	expect(t, "allocation_ids", pool.Strings("allocation_ids"), ids(region))
	pool.ExpectEmptyPlan(grown)

	region.Quota = 5
	p = pool.Plan(grown.With(pooltest.Config{"size": 6}))
	expectSaid(t, p.Result, true, "uses 5 of the 5")
	region.Quota = 7
	p = pool.Plan(grown.With(pooltest.Config{"size": 7}))
	region.Quota = 6
	expectSaid(t, pool.Apply(t.Context(), p), true, "AddressLimitExceeded", "needs 2 more")
	expect(t, "after a failed growth", pool.Strings("allocation_ids"), ids(region))
	expect(t, "number", len(region.Addresses()), 5)
	pool.ExpectEmptyPlan(grown)
}

func TestShrink(t *testing.T) {
	region := pooltest.NewRegion()
	pool := newPool(t, region)
	pool.Run(egress3)
	all := ids(region)
	region.Attach(all[2], "i-busy")
	smaller := egress3.With(pooltest.Config{"size": 2})
	p, _ := pool.Run(smaller)
	// The last one is in use, so the one before it goes; the plan shows which.
	expect(t, "planned", p.Get("allocation_ids"), any([]string{all[0], all[2]}))
	expect(t, "left", ids(region), []string{all[0], all[2]})
	pool.ExpectEmptyPlan(smaller)

	region.Attach(all[0], "i-busy-too")
	region.ResetCalls()
	expectSaid(t, pool.Plan(egress3.With(pooltest.Config{"size": 1})).Result, true, `@AttributeName("size")`, all[0], "instance i-busy-too", all[2], "instance i-busy", "Nothing was released")
	expectCalls(t, region, map[string]int{"DescribeAddresses": 1})

	// An address that is claimed between plan and apply is not taken from its instance.
	region.Detach(all[0])
	region.Detach(all[2])
	p = pool.Plan(egress3.With(pooltest.Config{"size": 1}))
	expect(t, "planned", p.Get("allocation_ids"), any([]string{all[0]}))
	region.Attach(all[2], "i-quick")
	expectSaid(t, pool.Apply(t.Context(), p), true, "The pool has changed since the plan")
	expect(t, "left", len(region.Addresses()), 2)
	pool.Run(egress3.With(pooltest.Config{"size": 1}))
	expect(t, "left", ids(region), []string{all[2]})
}

func TestShrinkOfAClaimDuringTheRelease(t *testing.T) {
	region := pooltest.NewRegion()
	pool := newPool(t, region)
	pool.Run(egress3)
	all := ids(region)
	p := pool.Plan(egress3.With(pooltest.Config{"size": 2}))
	region.Before = func(call string, _ int) error {
		if call == "ReleaseAddress" {
			region.Attach(all[2], "i-quick")
		}
		return nil
	}
	expectSaid(t, pool.Apply(t.Context(), p), true, "An address was claimed since the plan")
	region.Before = nil
	expect(t, "state", pool.Strings("allocation_ids"), all)
	pool.Run(egress3.With(pooltest.Config{"size": 2}))
	expect(t, "left", ids(region), []string{all[0], all[2]})
}

func TestForceRelease(t *testing.T) {
	region := pooltest.NewRegion()
	pool := newPool(t, region)
	pool.Run(egress3)
	for _, id := range ids(region) {
		region.Attach(id, "i-busy")
	}
	forced := egress3.With(pooltest.Config{"size": 2, "force_release": true})
	pool.Run(forced)
	expect(t, "left", len(region.Addresses()), 2)
	pool.Run(nil)
	expect(t, "left", len(region.Addresses()), 0)
}

var gated = egress3.With(pooltest.Config{"require_admission": true})

func TestGatedShrinkOnlyRetires(t *testing.T) {
	region := pooltest.NewRegion()
	pool := newPool(t, region)
	pool.Run(gated)
	all := ids(region)
	for _, e := range region.Addresses() {
		expect(t, "admission", e.Tags[eiptag.Admission], eiptag.AdmissionRequired)
		expect(t, "claimable", eiptag.Claimable(e.Tags), false)
	}
	region.Change(all[0], func(e *pooltest.Elastic) { e.Tags[eiptag.Admission] = eiptag.AdmissionAdmitted })
	pool.ExpectEmptyPlan(gated) // an admission is not drift
	smaller := gated.With(pooltest.Config{"size": 1})
	pool.Run(smaller)
	expect(t, "nothing released", len(region.Released()), 0)
	expect(t, "public", pool.Strings("allocation_ids"), all[:1]) // the admitted one stays
	expect(t, "retired", pool.Strings("retired_allocation_ids"), all[1:])
	expect(t, "claimable", eiptag.Claimable(tagsOf(t, region, all[2])), false)
	pool.ExpectEmptyPlan(smaller)

	// The admission releases one; that is no change of the pool.
	region.Lose(all[2])
	pool.ExpectEmptyPlan(smaller)
	expect(t, "retired", pool.Strings("retired_allocation_ids"), all[1:2])
}

func TestGatedDestroyRefusesAdmitted(t *testing.T) {
	region := pooltest.NewRegion()
	pool := newPool(t, region)
	pool.Run(gated)
	all := ids(region)
	region.Change(all[1], func(e *pooltest.Elastic) { e.Tags[eiptag.Admission] = eiptag.AdmissionAdmitted })
	pool.Refresh()
	expectSaid(t, pool.Apply(t.Context(), pool.Plan(nil)), true, "A firewall still admits", all[1], "crosscloudlink_eip_admission")
	expect(t, "nothing released", len(region.Released()), 0)
	region.Change(all[1], func(e *pooltest.Elastic) { e.Tags[eiptag.Admission] = eiptag.AdmissionRequired })
	pool.Run(nil)
	expect(t, "left", len(region.Addresses()), 0)
}

func TestRetire(t *testing.T) {
	for _, gate := range []bool{false, true} {
		region := pooltest.NewRegion()
		config := egress3.With(pooltest.Config{"require_admission": gate})
		pool := newPool(t, region)
		pool.Run(config)
		all := ids(region)
		region.Attach(all[0], "i-busy")
		rotate := config.With(pooltest.Config{"retire": []string{all[0], all[1]}})
		p, _ := pool.Run(rotate)
		expect(t, "planned length", p.Get("allocation_ids"), any("?"))
		expect(t, "draining", pool.Strings("draining_allocation_ids"), all[:1])
		expect(t, "lists", len(pool.Strings("public_ips")), 4) // 3 active, 1 draining
		expect(t, "claimable", eiptag.Claimable(tagsOf(t, region, all[0])), false)
		if _, there := region.Find(all[1]); there != gate {
			t.Errorf("gated %t: the unused one is there: %t", gate, there)
		}
		pool.ExpectEmptyPlan(rotate)

		// Its instance goes, and a planned update retires it.
		region.Detach(all[0])
		pool.Refresh()
		if p := pool.Plan(rotate); p.Empty || p.Get("allocation_ids") != any("?") {
			t.Errorf("no update is planned for the drained address: %s", p.Planned)
		}
		pool.Run(rotate)
		if _, there := region.Find(all[0]); there != gate {
			t.Errorf("gated %t: the drained one is there: %t", gate, there)
		}
		expect(t, "draining", pool.Strings("draining_allocation_ids"), []string{})
		expect(t, "lists", len(pool.Strings("public_ips")), 3)
		pool.ExpectEmptyPlan(rotate)
		if !gate {
			pool.ExpectEmptyPlan(rotate)
			continue
		}
		expect(t, "retired", pool.Strings("retired_allocation_ids"), all[:2])

		// A claim that was under way when it was retired wins: it drains again.
		region.Attach(all[1], "i-late")
		pool.Run(rotate)
		expect(t, "draining", pool.Strings("draining_allocation_ids"), all[1:2])
		expect(t, "listed again", slices.Contains(pool.Strings("allocation_ids"), all[1]), true)
		pool.ExpectEmptyPlan(rotate)
	}
}

func TestRetireThatRacesWithAClaim(t *testing.T) {
	for _, gate := range []bool{false, true} {
		region := pooltest.NewRegion()
		config := egress3.With(pooltest.Config{"require_admission": gate})
		pool := newPool(t, region)
		pool.Run(config)
		all := ids(region)
		rotate := config.With(pooltest.Config{"retire": all[:1]})
		p := pool.Plan(rotate)
		region.Before = func(call string, _ int) error {
			if call == "ReleaseAddress" || call == "CreateTags" {
				region.Attach(all[0], "i-quick")
			}
			return nil
		}
		expectSaid(t, pool.Apply(t.Context(), p), false, "The claim wins")
		region.Before = nil
		expect(t, "draining", pool.Strings("draining_allocation_ids"), all[:1])
		expect(t, "lifecycle", tagsOf(t, region, all[0])[eiptag.Lifecycle], eiptag.LifecycleDraining)
		pool.ExpectEmptyPlan(rotate)
	}
}

func TestExistingAddresses(t *testing.T) {
	region := pooltest.NewRegion()
	mine := region.Add(map[string]string{"Name": "bastion", "keep": "me"})
	pool := newPool(t, region)
	config := egress3.With(pooltest.Config{"existing_allocation_ids": []string{mine}})
	pool.Run(config)
	expect(t, "number", len(region.Addresses()), 3)
	expect(t, "tags", tagsOf(t, region, mine), map[string]string{"Name": "bastion", "keep": "me", eiptag.DefaultPoolKey: "egress", eiptag.Owner: "team-a", eiptag.Existing: "true"})
	pool.ExpectEmptyPlan(config)

	region.Attach(mine, "i-busy")
	expectSaid(t, pool.Plan(egress3).Result, true, `@AttributeName("existing_allocation_ids")`, "i-busy")
	region.Detach(mine)
	pool.Run(egress3)
	expect(t, "tags", tagsOf(t, region, mine), map[string]string{"Name": "bastion", "keep": "me"})
	expect(t, "number", len(region.Addresses()), 4)
	pool.ExpectEmptyPlan(egress3)

	pool.Run(config.With(pooltest.Config{"size": 4}))
	pool.Run(nil)
	expect(t, "left", ids(region), []string{mine})
	expect(t, "tags", tagsOf(t, region, mine), map[string]string{"Name": "bastion", "keep": "me"})
}

func TestExistingAddressesThatCannotJoin(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*pooltest.Elastic)
		says   string
	}{
		"another pool":    {func(e *pooltest.Elastic) { e.Tags[eiptag.DefaultPoolKey] = "other" }, `belongs to pool "other"`},
		"another owner":   {func(e *pooltest.Elastic) { e.Tags[eiptag.Owner] = "team-b" }, `belongs to owner "team-b"`},
		"managed":         {func(e *pooltest.Elastic) { e.Managed = "nlb" }, "managed by the AWS service nlb"},
		"another group":   {func(e *pooltest.Elastic) { e.BorderGroup = "us-east-1-wl1-bos-wlz-1" }, "network border group"},
		"does not exist":  {func(e *pooltest.Elastic) { e.ID = "eipalloc-0ffffffffffffffff" }, "does not exist"},
		"can join at all": {func(*pooltest.Elastic) {}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			region := pooltest.NewRegion()
			id := region.Add(nil)
			region.Change(id, c.change)
			r := newPool(t, region).Plan(egress3.With(pooltest.Config{"existing_allocation_ids": []string{id}})).Result
			expectSaid(t, r, c.says != "", c.says)
			if c.says != "" {
				expectSaid(t, r, true, `@AttributeName("existing_allocation_ids")`)
			}
		})
	}
}

func TestLostAddressComesBack(t *testing.T) {
	region := pooltest.NewRegion()
	pool := newPool(t, region)
	pool.Run(egress3)
	all, ips := ids(region), pool.Strings("public_ips")
	region.Lose(all[1])
	expectSaid(t, pool.Refresh(), false, "Addresses of the pool are gone", all[1], ips[1])
	expect(t, "lost", pool.Get("lost_addresses"), any(map[string]string{all[1]: ips[1]}))
	expectSaid(t, pool.Refresh(), false, "Addresses of the pool are gone") // it is not forgotten
	p := pool.Plan(egress3)
	expect(t, "planned", p.Get("allocation_ids"), any([]string{all[0], all[2], "?"}))
	r := pool.Apply(t.Context(), p)
	expectSaid(t, r, false, "A lost address is back", ips[1])
	expect(t, "public_ips", pool.Strings("public_ips"), []string{ips[0], ips[2], ips[1]})
	pool.ExpectEmptyPlan(egress3)

	// AWS has given it to somebody else: replaced, with both named.
	region.Lose(pool.Strings("allocation_ids")[0])
	region.Gone[ips[0]] = true
	_, r = pool.Run(egress3)
	got := pool.Strings("public_ips")
	expectSaid(t, r, false, "A lost address had to be replaced", ips[0], got[2], "InvalidAddress.NotFound")
	pool.ExpectEmptyPlan(egress3)

	// All of them: still the same pool.
	for _, id := range ids(region) {
		region.Lose(id)
	}
	want := slices.Sorted(slices.Values(got))
	pool.Run(egress3)
	expect(t, "public_ips", slices.Sorted(slices.Values(pool.Strings("public_ips"))), want)
}

func TestGrowthThatFailsKeepsWhatCameBack(t *testing.T) {
	region := pooltest.NewRegion()
	pool := newPool(t, region)
	pool.Run(gated)
	all, ips := pool.Strings("allocation_ids"), pool.Strings("public_ips")
	region.Lose(all[0])
	region.Lose(all[1])
	pool.Refresh()
	p := pool.Plan(gated.With(pooltest.Config{"size": 5}))
	region.Quota = 4
	expectSaid(t, pool.Apply(t.Context(), p), true, "AddressLimitExceeded", "number 4", "A lost address is back", ips[0], ips[1])
	// A firewall may have listed them all the time, so that they must not go a second time; the new one goes.
	expect(t, "public_ips", pool.Strings("public_ips"), []string{ips[2], ips[0], ips[1]})
	expect(t, "lost", pool.Get("lost_addresses"), any(map[string]string{}))
	expect(t, "number", len(region.Addresses()), 3)
	for _, e := range region.Released() {
		if slices.Contains(ips, e.IP) {
			t.Errorf("%s was given back", e.IP)
		}
	}
	pool.ExpectEmptyPlan(gated)
}

func TestKilledOnceAnAddressIsBack(t *testing.T) {
	region := pooltest.NewRegion()
	pool := newPool(t, region)
	pool.Run(egress3)
	all, ips := pool.Strings("allocation_ids"), pool.Strings("public_ips")
	region.Lose(all[1])
	pool.Refresh()
	before := pool.State
	pool.Run(egress3)
	pool.State = before
	// It has another allocation id, and is not lost.
	expect(t, "said", pool.Refresh().String(), "")
	expect(t, "lost", pool.Get("lost_addresses"), any(map[string]string{}))
	expect(t, "public_ips", slices.Sorted(slices.Values(pool.Strings("public_ips"))), slices.Sorted(slices.Values(ips)))
	pool.ExpectEmptyPlan(egress3)
}

func TestAnswerLostWhenAskingBack(t *testing.T) {
	region := pooltest.NewRegion()
	pool := newPool(t, region)
	pool.Run(egress3)
	all, ips := pool.Strings("allocation_ids"), pool.Strings("public_ips")
	region.Lose(all[1])
	made := region.Count("AllocateAddress")
	region.After = func(call string, n int) error {
		if call == "AllocateAddress" && n == made+1 {
			return pooltest.APIError("InvalidAddress.NotFound", "what a repeat of the call is told")
		}
		return nil
	}
	_, r := pool.Run(egress3)
	expectSaid(t, r, false, "A lost address is back", ips[1])
	expect(t, "public_ips", pool.Strings("public_ips"), []string{ips[0], ips[2], ips[1]})
	expect(t, "number", len(region.Addresses()), 3)
	pool.ExpectEmptyPlan(egress3)
}

func TestDriftedTags(t *testing.T) {
	region := pooltest.NewRegion()
	pool := newPool(t, region)
	pool.Run(gated)
	all := ids(region)
	want := poolTags(map[string]string{"team": "platform", eiptag.Admission: eiptag.AdmissionRequired})
	for name, change := range map[string]func(tags map[string]string){
		"user tag":      func(tags map[string]string) { delete(tags, "team") },
		"default tag":   func(tags map[string]string) { tags["cost-centre"] = "43" },
		"owner":         func(tags map[string]string) { delete(tags, eiptag.Owner) },
		"admission":     func(tags map[string]string) { delete(tags, eiptag.Admission) },
		"admission odd": func(tags map[string]string) { tags[eiptag.Admission] = "sure" },
		"pool":          func(tags map[string]string) { delete(tags, eiptag.DefaultPoolKey) },
	} {
		t.Run(name, func(t *testing.T) {
			region.Change(all[1], func(e *pooltest.Elastic) { change(e.Tags) })
			pool.Refresh()
			if p := pool.Plan(gated); p.Empty {
				t.Errorf("the drift is not planned to be repaired: %s", p.Result)
			}
			pool.Run(gated)
			expect(t, "tags", tagsOf(t, region, all[1]), want)
			expect(t, "number", len(region.Addresses()), 3)
			pool.ExpectEmptyPlan(gated)
		})
	}
	// Tags of others stay.
	region.Change(all[0], func(e *pooltest.Elastic) { e.Tags["scanner"] = "seen" })
	pool.ExpectEmptyPlan(gated)
}

func TestDestroy(t *testing.T) {
	region := pooltest.NewRegion()
	other := region.Add(map[string]string{eiptag.DefaultPoolKey: "egress-2", eiptag.Owner: "team-a"})
	pool := newPool(t, region)
	pool.Run(egress3)
	all := pool.Strings("allocation_ids")
	region.Attach(all[1], "i-busy")
	expectSaid(t, pool.Apply(t.Context(), pool.Plan(nil)), true, "Addresses of the pool are in use", "i-busy", "Nothing was released")
	expect(t, "left", len(region.Addresses()), 4)

	// An instance that is being terminated lets go after a while.
	listings := region.Count("DescribeAddresses")
	region.Before = func(call string, n int) error {
		if call == "DescribeAddresses" && n == listings+3 {
			region.Detach(all[1])
		}
		return nil
	}
	expectSaid(t, pool.Apply(t.Context(), pool.Plan(nil)), false)
	expect(t, "left", ids(region), []string{other})
	expect(t, "state is null", pool.State.IsNull(), true)
}

func TestDestroyGoesOnAfterAFault(t *testing.T) {
	region := pooltest.NewRegion()
	pool := newPool(t, region)
	pool.Run(egress3)
	region.Before = func(call string, n int) error {
		if call == "ReleaseAddress" && n == 2 {
			return pooltest.APIError("InternalError", "later")
		}
		return nil
	}
	expectSaid(t, pool.Apply(t.Context(), pool.Plan(nil)), true, "1 addresses are gone")
	region.Before, region.Lag = nil, 2
	pool.Run(nil)
	expect(t, "left", len(region.Addresses()), 0)
}

func TestDeletionProtection(t *testing.T) {
	region := pooltest.NewRegion()
	pool := newPool(t, region)
	pool.Run(egress3.With(pooltest.Config{"deletion_protection": true}))
	expectSaid(t, pool.Plan(nil).Result, true, "The pool is protected from deletion", "deletion_protection = false")
	region.ResetCalls()
	pool.Run(egress3)
	expectCalls(t, region, map[string]int{"DescribeAddresses": 3})
	pool.Run(nil)
}

func TestImport(t *testing.T) {
	for name, c := range map[string]struct {
		config pooltest.Config
		id     string
	}{
		"plain":     {pooltest.Config{"name": "egress", "size": 2}, "egress"},
		"own key":   {pooltest.Config{"name": "egress", "size": 2, "tag_key": "pool"}, "egress,pool"},
		"much":      {gated.With(pooltest.Config{"network_border_group": "us-east-1-wl1-bos-wlz-1", "public_ipv4_pool": "ipv4pool-ec2-0abc"}), "egress"},
		"just tags": {egress3, "egress"},
	} {
		t.Run(name, func(t *testing.T) {
			region := pooltest.NewRegion()
			made := newPool(t, region)
			made.Run(c.config)
			pool := newPool(t, region)
			expectSaid(t, pool.Import(c.id), false)
			pool.ExpectEmptyPlan(c.config)
			expect(t, "id", pool.Get("id"), any(c.id))
			if !pool.State.Equal(made.State) {
				t.Errorf("imported %s\nmade     %s", pool.State, made.State)
			}
		})
	}
}

func TestImportOfWhatIsNotThere(t *testing.T) {
	region := pooltest.NewRegion()
	pool := newPool(t, region)
	expectSaid(t, pool.Import("egress"), false)
	expect(t, "state is null", pool.State.IsNull(), true)
	for _, id := range []string{"", ",", "a,", ",b", "a,b,c", " a"} {
		expectSaid(t, pool.Import(id), true, "NAME,TAG_KEY")
	}
	region.Add(map[string]string{eiptag.DefaultPoolKey: "egress", eiptag.Owner: "team-b"})
	expectSaid(t, pool.Import("egress"), true, "another owner")
}

func TestUnchangeableArguments(t *testing.T) {
	region := pooltest.NewRegion()
	pool := newPool(t, region)
	pool.Run(egress3)
	for attribute, value := range map[string]string{"name": "other", "tag_key": "pool", "network_border_group": "us-east-1-wl1-bos-wlz-1"} {
		p := pool.Plan(egress3.With(pooltest.Config{attribute: value}))
		expectSaid(t, p.Result, true, `@AttributeName("`+attribute+`")`, "This cannot be changed on a pool", value)
	}
}

func TestInvalidConfiguration(t *testing.T) {
	pool := newPool(t, pooltest.NewRegion())
	for name, c := range map[string]struct {
		config pooltest.Config
		says   string
	}{
		"size 0":           {pooltest.Config{"size": 0}, "a pool holds at least 1 address"},
		"size -1":          {pooltest.Config{"size": -1}, "a pool holds at least 1 address"},
		"policy variable":  {pooltest.Config{"name": "egress-${aws:username}"}, "must have 1 to 256"},
		"wildcard":         {pooltest.Config{"name": "egress*"}, "must have 1 to 256"},
		"empty name":       {pooltest.Config{"name": ""}, "name"},
		"white space":      {pooltest.Config{"name": "egress "}, "white space"},
		"ip, not id":       {pooltest.Config{"existing_allocation_ids": []string{"52.1.2.3"}}, "eipalloc-0123456789abcdef0"},
		"reserved tag":     {pooltest.Config{"tags": map[string]string{"crosscloudlink:owner": "me"}}, "reserved"},
		"aws tag":          {pooltest.Config{"tags": map[string]string{"AWS:x": "me"}}, "reserved"},
		"tag key in tags":  {pooltest.Config{"tag_key": "pool", "tags": map[string]string{"pool": "x"}}, "reserved"},
		"tag key":          {pooltest.Config{"tag_key": "crosscloudlink:owner"}, "tag_key"},
		"more than size":   {pooltest.Config{"size": 1, "existing_allocation_ids": []string{"eipalloc-0a", "eipalloc-0b"}}, "size = 2 or more"},
		"retired not kept": {pooltest.Config{"size": 1, "existing_allocation_ids": []string{"eipalloc-0a", "eipalloc-0b"}, "retire": []string{"eipalloc-0b"}}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := pool.Validate(egress3.With(c.config))
			expectSaid(t, r, c.says != "", c.says)
		})
	}
}

func TestUnknownArguments(t *testing.T) {
	region := pooltest.NewRegion()
	pool := newPool(t, region)
	unknownInt := tftypes.NewValue(tftypes.Number, tftypes.UnknownValue)
	unknownSet := tftypes.NewValue(tftypes.Set{ElementType: tftypes.String}, tftypes.UnknownValue)
	partlySet := tftypes.NewValue(tftypes.Set{ElementType: tftypes.String}, []tftypes.Value{pooltest.Unknown()})
	partlyMap := tftypes.NewValue(tftypes.Map{ElementType: tftypes.String}, map[string]tftypes.Value{"team": pooltest.Unknown()})
	for name, c := range map[string]struct {
		config pooltest.Config
		ids    any
	}{
		"size":           {pooltest.Config{"size": unknownInt}, "?"},
		"name":           {pooltest.Config{"name": pooltest.Unknown()}, "?"},
		"existing":       {pooltest.Config{"existing_allocation_ids": unknownSet}, "?"},
		"existing value": {pooltest.Config{"existing_allocation_ids": partlySet}, "?"},
		"retire":         {pooltest.Config{"retire": unknownSet}, "?"},
		"tag":            {pooltest.Config{"tags": partlyMap}, []string{"?", "?", "?"}},
	} {
		p := pool.Plan(egress3.With(c.config))
		expectSaid(t, p.Result, false)
		expect(t, name, p.Get("allocation_ids"), c.ids)
	}
	pool.Run(egress3)
	p := pool.Plan(egress3.With(pooltest.Config{"size": unknownInt}))
	expectSaid(t, p.Result, false)
	expect(t, "allocation_ids", p.Get("allocation_ids"), any("?"))
	p = pool.Plan(egress3.With(pooltest.Config{"tags": partlyMap}))
	expect(t, "allocation_ids", p.Get("allocation_ids"), any(pool.Strings("allocation_ids")))
}

func TestListingRefused(t *testing.T) {
	region := pooltest.NewRegion()
	pool := newPool(t, region)
	pool.Run(egress3)
	region.Before = func(string, int) error { return pooltest.APIError("UnauthorizedOperation", "not you") }
	expectSaid(t, pool.Refresh(), true, "UnauthorizedOperation", "ec2:DescribeAddresses", `"egress"`)
	expectSaid(t, newPool(t, region).Plan(egress3).Result, true, "UnauthorizedOperation")
	expectSaid(t, pool.Apply(t.Context(), pool.Plan(nil)), true, "nothing was released")
	expect(t, "left", len(region.Addresses()), 3)
}
