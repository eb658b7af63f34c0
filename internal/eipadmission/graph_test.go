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

// account plays a crosscloudlink_aoai_ip_firewall and the account behind it: a list of public IPs.
type account struct {
	name string
	// listed is what the account admits; own is what the state of the resource holds.
	listed, own map[string]bool
	// call wraps a call of the account, as Region's hooks wrap those of EC2.
	call func(name string, effect func()) error
	// late says that the firewall is another team's, which has not followed the pool yet.
	late bool
	// joins says that no apply with this firewall has been through, leaves that it is no longer configured.
	joins, leaves bool
}

func (c *account) refresh() {
	maps.DeleteFunc(c.own, func(ip string, _ bool) bool { return !c.listed[ip] })
}

// apply adds what came and removes the own entries that left, in one write, as the resource does, and reads back.
func (c *account) apply(rules []string) error {
	wanted := map[string]bool{}
	changes := len(rules) != len(c.own)
	for _, ip := range rules {
		wanted[ip] = true
		changes = changes || !c.own[ip] || !c.listed[ip]
	}
	if !changes {
		return nil
	}
	err := c.call("PATCH "+c.name, func() {
		for ip := range c.own {
			if !wanted[ip] {
				delete(c.listed, ip)
			}
		}
		maps.Copy(c.listed, wanted)
	})
	if err == nil {
		err = c.call("GET "+c.name, func() {})
	}
	if err == nil {
		c.own = wanted
	}
	return err
}

// admitted is admitted_public_ips.
func (c *account) admitted() []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(c.own)), func(ip string) bool { return !c.listed[ip] })
}

// graph is a configuration of pool → firewalls → admission, and the clouds that it is applied to.
type graph struct {
	t         *testing.T
	region    *pooltest.Region
	pool      *pooltest.Core
	accounts  []*account
	admission *pooltest.Core
	cut       *powercut.Cut
	// meanwhile is what others do at every call; nil for nothing.
	meanwhile func()
	// at is which run it is, for messages.
	at string
}

// newGraph is a graph with as many firewalls, before its first apply.
func newGraph(t *testing.T, firewalls, lag int) *graph {
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
	for range firewalls {
		g.addAccount()
	}
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

func (g *graph) addAccount() *account {
	c := &account{name: fmt.Sprintf("models-%d", len(g.accounts)), listed: map[string]bool{theirEntry: true}, own: map[string]bool{}, call: func(name string, effect func()) error {
		if err := g.region.Before(name, 0); err != nil {
			return err
		}
		effect()
		return g.region.After(name, 0)
	}}
	g.accounts = append(g.accounts, c)
	return c
}

// watch is the promise: at no moment is an address claimable that not every firewall lists, and none
// is released that any of them lists. A firewall that has just joined has the gate closed by the first apply with it; one that
// leaves no longer has a say in what is claimable.
func (g *graph) watch(call string) {
	g.t.Helper()
	there := map[string]bool{}
	all := g.region.Addresses()
	for _, e := range all {
		there[e.IP] = true
	}
	for _, c := range g.accounts {
		for _, e := range all {
			if !c.joins && !c.leaves && e.Tags[eiptag.DefaultPoolKey] == "egress" && eiptag.Claimable(e.Tags) && !c.listed[e.IP] {
				g.t.Fatalf("%s: at %s %s (%s) may be claimed, and %s lists %v", g.at, call, e.ID, e.IP, c.name, slices.Sorted(maps.Keys(c.listed)))
			}
		}
		for _, e := range g.region.Released() {
			if c.listed[e.IP] && !there[e.IP] {
				g.t.Fatalf("%s: at %s %s (%s) is released, and %s lists it", g.at, call, e.ID, e.IP, c.name)
			}
		}
	}
}

// states are those of the resources; own are those of the firewalls.
type states struct {
	pool, admission resourcetest.State
	own             []map[string]bool
}

func (g *graph) states() states {
	s := states{pool: g.pool.State, admission: g.admission.State}
	for _, c := range g.accounts {
		s.own = append(s.own, maps.Clone(c.own))
	}
	return s
}

func (g *graph) restore(s states) {
	g.pool.State, g.admission.State = s.pool, s.admission
	for i, c := range g.accounts {
		c.own = maps.Clone(s.own[i])
	}
}

// gate is the configuration of the admission.
func (g *graph) gate() pooltest.Config {
	walls := map[string]wall{}
	for _, c := range g.accounts {
		if !c.leaves {
			lingering := slices.DeleteFunc(g.pool.Strings("retired_public_ips"), func(ip string) bool { return !c.listed[ip] })
			walls[c.name] = wall{admitted: c.admitted(), effective: lingering}
		}
	}
	return behind(walls)
}

// refresh is the first part of every run.
func (g *graph) refresh() pooltest.Result {
	g.t.Helper()
	r := g.pool.Refresh()
	if !r.Failed {
		r = g.admission.Refresh()
	}
	if !r.Failed {
		for _, c := range g.accounts {
			c.refresh()
		}
	}
	return r
}

// run is one resource's part of an apply: an empty plan changes nothing.
func run(t *testing.T, core *pooltest.Core, config pooltest.Config) (said string, ok bool) {
	t.Helper()
	p := core.Plan(config)
	if p.Failed || p.Empty {
		return p.String(), !p.Failed
	}
	r := core.Apply(t.Context(), p)
	return r.String(), !r.Failed
}

// apply is terraform apply; firewalls that leave are destroyed before the admission is updated. A run that is cut off leaves
// the states as after the last resource that was done, or, if it forgets, as they were before it: a remote state is written now
// and then only. ok is false if a resource failed; said is what it said.
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
	if r := g.refresh(); r.Failed {
		return r.String(), false
	}
	saved = g.states()

	if said, ok := run(g.t, g.pool, config); !ok || g.cut.Dead() {
		return said, false
	}
	saved.pool = g.pool.State
	for i, c := range g.accounts {
		rules := g.pool.Strings("public_ips")
		switch {
		case c.leaves:
			rules = nil
		case c.late:
			rules = slices.Collect(maps.Keys(c.own))
		}
		if err := c.apply(rules); err != nil {
			return err.Error(), false
		}
		saved.own[i] = maps.Clone(c.own)
	}
	if said, ok := run(g.t, g.admission, g.gate()); !ok {
		return said, false
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
	if r := g.refresh(); r.Failed {
		return r.String(), false
	}
	if !g.admission.State.IsNull() {
		if said, ok := run(g.t, g.admission, nil); !ok || g.cut.Dead() {
			return said, false
		}
	}
	saved.admission = g.admission.State
	for i, c := range g.accounts {
		if err := c.apply(nil); err != nil {
			return err.Error(), false
		}
		saved.own[i] = maps.Clone(c.own)
	}
	if !g.pool.State.IsNull() {
		if said, ok := run(g.t, g.pool, nil); !ok {
			return said, false
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
func (g *graph) settled(config pooltest.Config) {
	g.t.Helper()
	g.region.CatchUp()
	g.pool.ExpectEmptyPlan(config)
	public := g.pool.Strings("public_ips")
	g.admission.ExpectEmptyPlan(g.gate())
	for _, c := range g.accounts {
		want := []string{theirEntry}
		if !c.leaves {
			want = append(want, public...)
		}
		g.expectListed(c, want...)
	}
	claimable, there := 0, 0
	for _, e := range g.region.Addresses() {
		there++
		if eiptag.Claimable(e.Tags) {
			claimable++
		}
	}
	expect(g.t, g.at+": claimable", claimable, config["size"].(int))
	expect(g.t, g.at+": addresses in all", there, len(public))
}

func (g *graph) expectListed(c *account, want ...string) {
	g.t.Helper()
	expect(g.t, g.at+": "+c.name+" lists", slices.Sorted(maps.Keys(c.listed)), slices.Sorted(slices.Values(want)))
}

// joined applies with one more firewall.
func (g *graph) joined(config pooltest.Config) (said string, ok bool) {
	g.t.Helper()
	c := g.addAccount()
	c.joins = true
	said, ok = g.apply(config, false)
	c.joins = false
	return said, ok
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
	"a firewall joins": {
		between: func(g *graph, _ []string) { g.addAccount().joins = true },
		want:    func([]string) pooltest.Config { return egress(3, nil) },
	},
	"a firewall joins, grow and rotate": {
		between: func(g *graph, _ []string) { g.addAccount().joins = true },
		want:    func(all []string) pooltest.Config { return egress(4, pooltest.Config{"retire": all[1:]}) },
	},
	"a firewall leaves, shrink and rotate": {
		between: func(g *graph, all []string) {
			g.must(g.joined(egress(3, nil)))
			g.accounts[0].leaves = true
		},
		want: func(all []string) pooltest.Config { return egress(2, pooltest.Config{"retire": all[:1]}) },
	},
	"destroy": {between: func(g *graph, all []string) { g.region.Detach(all[0]) }, want: func([]string) pooltest.Config { return nil }},
}

// The promise of the gate, behind one firewall and behind two: pool, firewalls and admission are killed at their k-th call, for
// every k, with the call's effect and without, and the monitors look at every call. Then the same is applied again.
func TestPromiseKilledAtEveryCall(t *testing.T) {
	for name, scene := range graphScenes {
		t.Run(name, func(t *testing.T) {
			for _, how := range []struct {
				firewalls, lag  int
				effect, forgets bool
			}{{1, 0, true, false}, {2, 0, false, false}, {2, 0, true, true}, {2, 2, true, false}} {
				for k, cut := 1, true; cut; k++ {
					g := newGraph(t, how.firewalls, 0)
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
					g.at = fmt.Sprintf("%d firewalls, lag %d, killed at call %d, effect %t, forgets %t", how.firewalls, how.lag, k, how.effect, how.forgets)
					struck := &powercut.Cut{At: k, Effect: how.effect}
					g.cut = struck
					said, ok := run()
					if cut = struck.Dead(); !cut {
						g.must(said, ok)
					}
					g.must(run())
					if config == nil {
						expect(t, g.at+": left", len(g.region.Addresses()), 0)
						for _, c := range g.accounts {
							g.expectListed(c, theirEntry)
						}
					} else {
						g.settled(config)
					}
					if t.Failed() {
						t.Fatalf("%s: see above", g.at)
					}
				}
			}
		})
	}
}

// Runs are killed anywhere, sizes and rotations change, one to three firewalls follow late, instances claim by what they read
// some calls ago and let go, in a random order: the promise holds at every call, and once it is quiet all is as configured.
func TestPropertyPromise(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	for round := range 20 {
		rng := rand.New(rand.NewPCG(seed, uint64(round)))
		g := newGraph(t, 1+rng.IntN(3), rng.IntN(3))
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
			for _, c := range g.accounts {
				c.late = rng.IntN(4) == 0
			}
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
		g.settled(config)
	}
}

// again lets all instances go and applies until nothing is left to do.
func (g *graph) again(config pooltest.Config) bool {
	g.t.Helper()
	others := g.meanwhile
	g.meanwhile = nil
	for _, c := range g.accounts {
		c.late = false
	}
	defer func() { g.meanwhile = others }()
	for _, e := range g.region.Addresses() {
		g.region.Detach(e.ID)
	}
	g.region.CatchUp()
	for range 4 {
		g.must(g.apply(config, false))
		// The hand that a warning asks for: entries that a killed run left and no state knows.
		for _, c := range g.accounts {
			maps.DeleteFunc(c.listed, func(ip string, _ bool) bool { return ip != theirEntry && !c.own[ip] })
		}
		g.region.CatchUp()
		g.refresh()
		if g.pool.Plan(config).Empty && g.admission.Plan(g.gate()).Empty {
			return true
		}
	}
	return false
}
