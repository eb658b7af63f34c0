package eipadmission

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/resource"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/eippool"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/eippool/pooltest"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/eiptag"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/powercut"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/resourcetest"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/waiter"
)

// theirEntry is what others have in the firewall.
const theirEntry = "20.50.60.70"

// firewall plays crosscloudlink_aoai_ip_firewall and the account behind it: a list of public IPs.
type firewall struct {
	// listed is what the account admits; own is what the state of the resource holds.
	listed, own map[string]bool
	// call wraps a call of the account, as Region's hooks wrap those of EC2.
	call func(name string, effect func()) error
}

func (f *firewall) refresh() {
	maps.DeleteFunc(f.own, func(ip string, _ bool) bool { return !f.listed[ip] })
}

// apply adds what came and removes the own entries that left, in one write, as the resource does; it returns
// admitted_public_ips, read back.
func (f *firewall) apply(rules []string) (admitted []string, err error) {
	wanted := map[string]bool{}
	changes := len(rules) != len(f.own)
	for _, ip := range rules {
		wanted[ip] = true
		changes = changes || !f.own[ip] || !f.listed[ip]
	}
	if changes {
		err := f.call("PATCH", func() {
			for ip := range f.own {
				if !wanted[ip] {
					delete(f.listed, ip)
				}
			}
			maps.Copy(f.listed, wanted)
		})
		if err == nil {
			err = f.call("GET", func() {})
		}
		if err != nil {
			return nil, err
		}
		f.own = wanted
	}
	for _, ip := range rules {
		if f.listed[ip] {
			admitted = append(admitted, ip)
		}
	}
	return admitted, nil
}

// graph is a configuration of pool → firewall → admission, and the clouds that it is applied to.
type graph struct {
	t         *testing.T
	region    *pooltest.Region
	pool      *pooltest.Core
	firewall  *firewall
	admission *pooltest.Core
	cut       *powercut.Cut
	// meanwhile is what others do at every call; nil for nothing.
	meanwhile func()
	// late says that the firewall is another team's, which has not followed the pool yet.
	late bool
	// at is which run it is, for messages.
	at string
}

func newGraph(t *testing.T, lag int) *graph {
	t.Helper()
	region := pooltest.NewRegion()
	region.Quota = 100
	g := &graph{t: t, region: region, admission: newAdmission(t, region), cut: &powercut.Cut{}}
	clock := waiter.NewFakeClock(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	g.pool = pooltest.NewCore(t, func() resource.Resource {
		r := &eippool.Resource{}
		r.Connect(func() bool { return true }, func(context.Context) (eippool.Backend, diag.Diagnostics) {
			return eippool.Backend{Region: eippool.Region{EC2: region, Waiter: waiter.Waiter{Clock: clock}}, Quotas: region, Owner: "team-a", HomeGroup: pooltest.Home}, nil
		})
		return r
	})
	g.firewall = &firewall{listed: map[string]bool{theirEntry: true}, own: map[string]bool{}, call: func(name string, effect func()) error {
		if err := region.Before(name, 0); err != nil {
			return err
		}
		effect()
		return region.After(name, 0)
	}}
	region.Before = func(call string, n int) error {
		err := g.cut.Before(call, n)
		if g.meanwhile != nil {
			g.meanwhile()
		}
		g.watch(call)
		return err
	}
	region.After = func(call string, n int) error {
		g.watch(call)
		return g.cut.After(call, n)
	}
	region.Lag = lag
	return g
}

// watch is the promise: at no moment is an address claimable that the firewall does not list, and none
// is released that it lists.
func (g *graph) watch(call string) {
	g.t.Helper()
	there := map[string]bool{}
	for _, e := range g.region.Addresses() {
		there[e.IP] = true
		if e.Tags[eiptag.DefaultPoolKey] == "egress" && eiptag.Claimable(e.Tags) && !g.firewall.listed[e.IP] {
			g.t.Fatalf("%s: at %s %s (%s) may be claimed, and the firewall lists %v", g.at, call, e.ID, e.IP, slices.Sorted(maps.Keys(g.firewall.listed)))
		}
	}
	for _, e := range g.region.Released() {
		if g.firewall.listed[e.IP] && !there[e.IP] {
			g.t.Fatalf("%s: at %s %s (%s) is released, and the firewall lists it", g.at, call, e.ID, e.IP)
		}
	}
}

// states are those of the three resources.
type states struct {
	pool, admission resourcetest.State
	own             map[string]bool
}

func (g *graph) states() states {
	return states{g.pool.State, g.admission.State, maps.Clone(g.firewall.own)}
}

func (g *graph) restore(s states) {
	g.pool.State, g.admission.State, g.firewall.own = s.pool, s.admission, s.own
}

// gate is the configuration of the admission.
func (g *graph) gate(admitted []string) pooltest.Config {
	var lingering []string
	for _, ip := range g.pool.Strings("retired_public_ips") {
		if g.firewall.listed[ip] {
			lingering = append(lingering, ip)
		}
	}
	return lists(admitted...).With(pooltest.Config{"effective_ip_rules": lingering})
}

// apply is terraform apply. A run that is cut off leaves the states as after the last resource
// that was done, or, if it forgets, as they were before it: a remote state is written now and then only. ok is false if a
// resource failed; said is what it said.
func (g *graph) apply(config pooltest.Config, forgets bool) (said string, ok bool) {
	g.t.Helper()
	before := g.states()
	saved := before
	defer func() {
		switch {
		case g.cut.Dead() && forgets:
			g.restore(before)
		case g.cut.Dead():
			g.restore(saved)
		}
		g.cut = &powercut.Cut{}
	}()
	if r := g.pool.Refresh(); r.Failed {
		return r.String(), false
	}
	if r := g.admission.Refresh(); r.Failed {
		return r.String(), false
	}
	g.firewall.refresh()
	saved = g.states()

	p := g.pool.Plan(config)
	if p.Failed {
		return p.String(), false
	}
	if !p.Empty {
		if r := g.pool.Apply(g.t.Context(), p); r.Failed {
			return r.String(), false
		}
	}
	if g.cut.Dead() {
		return "", false
	}
	saved.pool = g.pool.State
	rules := g.pool.Strings("public_ips")
	if g.late {
		rules = slices.Collect(maps.Keys(g.firewall.own))
	}
	admitted, err := g.firewall.apply(rules)
	if err != nil {
		return err.Error(), false
	}
	saved.own = maps.Clone(g.firewall.own)
	p = g.admission.Plan(g.gate(admitted))
	if p.Failed {
		return p.String(), false
	}
	if !p.Empty {
		if r := g.admission.Apply(g.t.Context(), p); r.Failed {
			return r.String(), false
		}
	}
	saved.admission = g.admission.State
	return "", true
}

// destroy is terraform destroy, the other way round.
func (g *graph) destroy() (said string, ok bool) {
	g.t.Helper()
	saved := g.states()
	defer func() {
		if g.cut.Dead() {
			g.restore(saved)
		}
		g.cut = &powercut.Cut{}
	}()
	if r := g.pool.Refresh(); r.Failed {
		return r.String(), false
	}
	if r := g.admission.Refresh(); r.Failed {
		return r.String(), false
	}
	g.firewall.refresh()
	if !g.admission.State.IsNull() {
		if r := g.admission.Apply(g.t.Context(), g.admission.Plan(nil)); r.Failed || g.cut.Dead() {
			return r.String(), false
		}
	}
	saved.admission = g.admission.State
	if _, err := g.firewall.apply(nil); err != nil {
		return err.Error(), false
	}
	saved.own = maps.Clone(g.firewall.own)
	if !g.pool.State.IsNull() {
		if r := g.pool.Apply(g.t.Context(), g.pool.Plan(nil)); r.Failed {
			return r.String(), false
		}
	}
	saved.pool = g.pool.State
	return "", true
}

func (g *graph) must(said string, ok bool) {
	g.t.Helper()
	if !ok {
		g.t.Fatalf("%s: %s", g.at, said)
	}
	if g.t.Failed() {
		g.t.Fatalf("%s: see above", g.at)
	}
}

// settled asserts that all is as configured, and a plan empty.
func (g *graph) settled(config pooltest.Config, retired int) {
	g.t.Helper()
	g.region.CatchUp()
	g.pool.ExpectEmptyPlan(config)
	public := g.pool.Strings("public_ips")
	g.admission.ExpectEmptyPlan(g.gate(public))
	expect(g.t, g.at+": the firewall lists", slices.Sorted(maps.Keys(g.firewall.listed)), slices.Sorted(slices.Values(append([]string{theirEntry}, public...))))
	claimable, there := 0, 0
	for _, e := range g.region.Addresses() {
		there++
		if eiptag.Claimable(e.Tags) {
			claimable++
		}
	}
	expect(g.t, g.at+": claimable", claimable, config["size"].(int))
	expect(g.t, g.at+": addresses in all", there, len(public)+retired)
}

func egress(size int, more pooltest.Config) pooltest.Config {
	return pooltest.Config{"name": "egress", "size": size, "require_admission": true}.With(more)
}

// graphScenes are changes of a pool of three admitted addresses, the first of which an instance has: what hands
// do before, and the configuration, nil to destroy.
var graphScenes = map[string]struct {
	empty   bool // there is no pool before
	between func(g *graph, all []string)
	want    func(all []string) pooltest.Config
}{
	"create": {empty: true, want: func([]string) pooltest.Config { return egress(3, nil) }},
	"grow":   {want: func([]string) pooltest.Config { return egress(5, nil) }},
	"shrink": {want: func([]string) pooltest.Config { return egress(1, nil) }},
	"rotate": {want: func(all []string) pooltest.Config { return egress(3, pooltest.Config{"retire": all[:2]}) }},
	"rotate what has drained": {
		between: func(g *graph, all []string) {
			g.must(g.apply(egress(3, pooltest.Config{"retire": all[:1]}), false))
			g.region.Detach(all[0])
		},
		want: func(all []string) pooltest.Config { return egress(3, pooltest.Config{"retire": all[:1]}) },
	},
	"grow and rotate":   {want: func(all []string) pooltest.Config { return egress(4, pooltest.Config{"retire": all[:2]}) }},
	"shrink and rotate": {want: func(all []string) pooltest.Config { return egress(2, pooltest.Config{"retire": all[:1]}) }},
	"ask a lost address back": {
		between: func(g *graph, all []string) { g.region.Lose(all[1]) },
		want:    func([]string) pooltest.Config { return egress(4, nil) },
	},
	"replace a lost address": {
		between: func(g *graph, all []string) {
			e, _ := g.region.Find(all[1])
			g.region.Gone[e.IP] = true
			g.region.Lose(all[1])
		},
		want: func([]string) pooltest.Config { return egress(3, nil) },
	},
	"destroy": {between: func(g *graph, all []string) { g.region.Detach(all[0]) }, want: func([]string) pooltest.Config { return nil }},
}

// The promise of the gate: pool, firewall and admission are killed at their k-th call, for every k, with the
// call's effect and without, and the monitors look at every call. Then the same is applied again.
func TestPromiseKilledAtEveryCall(t *testing.T) {
	for name, scene := range graphScenes {
		t.Run(name, func(t *testing.T) {
			for _, how := range []struct {
				lag             int
				effect, forgets bool
			}{{0, false, false}, {0, true, false}, {0, true, true}, {2, true, false}} {
				for k, cut := 1, true; cut; k++ {
					g := newGraph(t, 0)
					g.at = "setting up"
					var all []string
					if !scene.empty {
						g.must(g.apply(egress(3, nil), false))
						all = g.pool.Strings("allocation_ids")
						g.region.Attach(all[0], "i-busy")
					}
					if scene.between != nil {
						scene.between(g, all)
					}
					g.region.CatchUp()
					g.region.Lag = how.lag
					config := scene.want(all)
					run := func() (string, bool) {
						if config == nil {
							return g.destroy()
						}
						return g.apply(config, how.forgets)
					}
					g.at = fmt.Sprintf("lag %d, killed at call %d, effect %t, forgets %t", how.lag, k, how.effect, how.forgets)
					struck := &powercut.Cut{At: k, Effect: how.effect}
					g.cut = struck
					said, ok := run()
					if cut = struck.Dead(); !cut {
						g.must(said, ok)
					}
					g.must(run())
					if config == nil {
						expect(t, g.at+": left", len(g.region.Addresses()), 0)
						expect(t, g.at+": the firewall lists", slices.Sorted(maps.Keys(g.firewall.listed)), []string{theirEntry})
					} else {
						g.settled(config, 0)
					}
					if t.Failed() {
						t.Fatalf("%s: see above", g.at)
					}
				}
			}
		})
	}
}

// Runs are killed anywhere, sizes and rotations change, the firewall follows late, instances claim by what they read
// some calls ago and let go, in a random order: the promise holds at every call, and once it is quiet all is as configured.
func TestPropertyPromise(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	for round := range 20 {
		rng := rand.New(rand.NewPCG(seed, uint64(round)))
		g := newGraph(t, rng.IntN(3))
		var seen []string // what a claimer has read as free and claimable
		g.meanwhile = func() {
			all := g.region.Addresses()
			if len(all) == 0 {
				return
			}
			switch rng.IntN(12) {
			case 0, 1:
				seen = nil
				for _, e := range all {
					if !e.InUse() && eiptag.Claimable(e.Tags) {
						seen = append(seen, e.ID)
					}
				}
			case 2:
				if len(seen) > 0 {
					if e, ok := g.region.Find(seen[rng.IntN(len(seen))]); ok && !e.InUse() {
						g.region.Attach(e.ID, "i-claims")
					}
				}
			case 3, 4:
				g.region.Detach(all[rng.IntN(len(all))].ID)
			}
		}
		config := egress(3, nil)
		for step := range 12 {
			g.at = fmt.Sprintf("seed %d round %d step %d lag %d", seed, round, step, g.region.Lag)
			if rng.IntN(3) > 0 { // else the same again
				config = egress(1+rng.IntN(5), nil)
				if !g.pool.State.IsNull() && rng.IntN(2) == 0 {
					if listed := g.pool.Strings("allocation_ids"); len(listed) > 0 {
						config["retire"] = listed[:1+rng.IntN(len(listed))]
					}
				}
			}
			if rng.IntN(3) > 0 {
				g.cut = &powercut.Cut{At: 1 + rng.IntN(20), Effect: rng.IntN(2) == 0}
			}
			g.late = rng.IntN(4) == 0
			// A refusal is the right answer to some claims; the promise is what counts.
			_, _ = g.apply(config, false)
			g.region.CatchUp()
			if rng.IntN(8) == 0 && g.again(config) {
				_, _ = g.destroy()
				g.region.CatchUp()
			}
		}
		g.at = fmt.Sprintf("seed %d round %d at the end", seed, round)
		if !g.again(config) {
			t.Fatalf("%s: no rest", g.at)
		}
		g.settled(config, 0)
	}
}

// again lets all instances go and applies until nothing is left to do.
func (g *graph) again(config pooltest.Config) bool {
	g.t.Helper()
	others := g.meanwhile
	g.meanwhile, g.late = nil, false
	defer func() { g.meanwhile = others }()
	for _, e := range g.region.Addresses() {
		g.region.Detach(e.ID)
	}
	g.region.CatchUp()
	for range 4 {
		g.must(g.apply(config, false))
		// The hand that a warning asks for: entries that a killed run left and no state knows.
		maps.DeleteFunc(g.firewall.listed, func(ip string, _ bool) bool { return ip != theirEntry && !g.firewall.own[ip] })
		g.region.CatchUp()
		g.pool.Refresh()
		g.admission.Refresh()
		if g.pool.Plan(config).Empty && g.admission.Plan(g.gate(g.pool.Strings("public_ips"))).Empty {
			return true
		}
	}
	return false
}
