package eippool

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/eippool/pooltest"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/eiptag"
)

// chaos is a Region in which instances, hands, a firewall's admission and AWS itself do as they please.
type chaos struct {
	*pooltest.Region
	rng    *rand.Rand
	gated  bool
	faulty bool
	cancel context.CancelFunc
}

// hands changes the world between two applies.
func (c *chaos) hands() {
	for _, e := range c.Addresses() {
		if e.Tags[eiptag.DefaultPoolKey] != "egress" {
			continue
		}
		switch c.rng.IntN(14) {
		case 0, 1:
			if eiptag.Claimable(e.Tags) {
				c.Attach(e.ID, "i-claims")
			}
		case 2, 3, 4:
			c.Detach(e.ID)
		case 5:
			if e.Tags["Name"] != "bastion" {
				c.Lose(e.ID)
				c.Gone[e.IP] = c.rng.IntN(2) == 0
			}
		case 6:
			key := []string{eiptag.DefaultPoolKey, eiptag.Owner, "Name", "team"}[c.rng.IntN(4)]
			if e.Tags[eiptag.Existing] == "" {
				c.Change(e.ID, func(e *pooltest.Elastic) { delete(e.Tags, key) })
			}
		case 7, 8, 9:
			if c.gated {
				c.Change(e.ID, func(e *pooltest.Elastic) { e.Tags[eiptag.Admission] = eiptag.AdmissionAdmitted })
			}
		}
	}
	c.CatchUp()
}

// before plays faults, cancellations and claims that race with the apply.
func (c *chaos) before(call string, _ int) error {
	if !c.faulty || call == "DescribeAddresses" || call == "GetServiceQuota" {
		return nil
	}
	switch c.rng.IntN(12) {
	case 0:
		return pooltest.APIError("InternalError", "try later")
	case 1:
		c.cancel()
	case 2, 3:
		for _, e := range c.Addresses() {
			if e.Tags[eiptag.DefaultPoolKey] == "egress" && c.rng.IntN(3) == 0 {
				c.Attach(e.ID, "i-races")
			}
		}
	}
	return nil
}

func (c *chaos) after(call string, _ int) error {
	if c.faulty && call == "AllocateAddress" && c.rng.IntN(10) == 0 {
		return pooltest.APIError("InternalError", "the answer was lost")
	}
	return nil
}

// Whatever happens: nothing that is in use, the user's own or another owner's is released, a gated pool releases nothing that was there
// before the apply, nothing is taken from an instance, and once it is quiet an apply ends with the wanted pool and an empty plan.
func TestPropertyPool(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	for round := range 40 {
		rng := rand.New(rand.NewPCG(seed, uint64(round)))
		world := &chaos{Region: pooltest.NewRegion(), rng: rng, gated: rng.IntN(2) == 0, cancel: func() {}}
		world.Quota, world.Lag = 60, rng.IntN(3)
		world.Before, world.After = world.before, world.after
		foreign := world.Add(map[string]string{eiptag.DefaultPoolKey: "other", eiptag.Owner: "team-a"})
		mine := world.Add(map[string]string{"Name": "bastion"})
		where := func(step int) string {
			return fmt.Sprintf("seed %d round %d step %d gated %t lag %d", seed, round, step, world.gated, world.Lag)
		}
		pool := newPool(t, world.Region)
		config := egress3.With(pooltest.Config{"require_admission": world.gated})
		for step := range 8 {
			config = config.With(pooltest.Config{"size": 1 + rng.IntN(5), "existing_allocation_ids": nil, "retire": nil})
			if rng.IntN(2) == 0 {
				config["existing_allocation_ids"] = []string{mine}
			}
			if old := pool.State; !old.IsNull() && rng.IntN(2) == 0 {
				if listed := pool.Strings("allocation_ids"); len(listed) > 0 {
					config["retire"] = []string{listed[rng.IntN(len(listed))]}
				}
			}
			world.hands()
			before := map[string]bool{}
			for _, id := range ids(world.Region) {
				before[id] = true
			}
			releasedBefore := len(world.Released())
			world.faulty = rng.IntN(2) == 0
			pool.Refresh()
			if p := pool.Plan(config); !p.Failed && !p.Empty {
				ctx, cancel := context.WithCancel(t.Context())
				world.cancel = cancel
				pool.Apply(ctx, p)
				cancel()
			}
			world.faulty = false
			if pool.Tainted {
				t.Fatalf("%s: a failed create left a state", where(step))
			}
			for _, e := range world.Released()[releasedBefore:] {
				if e.InUse() || e.ID == mine || e.ID == foreign || e.Tags[eiptag.Owner] != "team-a" || world.gated && before[e.ID] {
					t.Fatalf("%s: released %+v", where(step), e)
				}
			}
			if n := world.Count("DisassociateAddress"); n != 0 {
				t.Fatalf("%s: %d addresses were taken from their users", where(step), n)
			}
			if e, ok := world.Find(foreign); !ok || len(e.Tags) != 2 {
				t.Fatalf("%s: the foreign address became %+v", where(step), e)
			}
		}
		converge(t, world, pool, config.With(pooltest.Config{"retire": nil}), where(-1))
		converge(t, world, pool, nil, where(-2))
		for _, e := range world.Addresses() {
			if e.Tags[eiptag.DefaultPoolKey] == "egress" && e.Tags[eiptag.Owner] == "team-a" {
				t.Fatalf("%s: %+v is left after the destroy", where(-2), e)
			}
		}
	}
}

// converge lets all instances go, and applies until nothing is left to do.
func converge(t *testing.T, world *chaos, pool *pooltest.Core, config pooltest.Config, where string) {
	t.Helper()
	for _, e := range world.Addresses() {
		world.Detach(e.ID)
		if config == nil {
			world.Change(e.ID, func(e *pooltest.Elastic) {
				if e.Tags[eiptag.Admission] != "" {
					e.Tags[eiptag.Admission] = eiptag.AdmissionRequired
				}
			})
		}
	}
	for range 4 {
		// Addresses whose owner was removed while the state did not know them are for a person to judge.
		for _, e := range world.Addresses() {
			if e.Tags[eiptag.DefaultPoolKey] == "egress" && e.Tags[eiptag.Owner] == "" {
				world.Change(e.ID, func(e *pooltest.Elastic) { e.Tags[eiptag.Owner] = "team-a" })
			}
		}
		world.CatchUp()
		pool.Refresh()
		if config == nil && pool.State.IsNull() {
			return
		}
		p := pool.Plan(config)
		if p.Failed {
			t.Fatalf("%s: %s", where, p.Result)
		}
		if p.Empty {
			active := 0
			for _, e := range world.Addresses() {
				_, leaving := e.Tags[eiptag.Lifecycle]
				if e.Tags[eiptag.DefaultPoolKey] == "egress" && !leaving {
					active++
				}
			}
			expect(t, where+": active addresses", active, config["size"].(int))
			return
		}
		if r := pool.Apply(t.Context(), p); r.Failed {
			t.Fatalf("%s: %s", where, r)
		}
	}
	if config != nil || !pool.State.IsNull() {
		t.Fatalf("%s: no rest after four applies", where)
	}
}
