package lifecycle

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func TestRefreshBounds(t *testing.T) {
	for _, c := range []struct {
		r                     Refresh
		desired, lower, upper int
	}{
		{Refresh{90, 100}, 10, 9, 10},
		{Refresh{90, 110}, 10, 9, 11},
		{Refresh{100, 150}, 4, 4, 6},
		{Refresh{50, 100}, 3, 2, 3},
		{Refresh{0, 100}, 3, 0, 3},
		// No room to replace anything: who named a maximum gets a launch first, else a
		// termination goes first.
		{Refresh{90, 100}, 3, 3, 4},
		{Refresh{90, 0}, 3, 2, 3},
		{Refresh{100, 100}, 10, 10, 11},
		{Refresh{100, 0}, 10, 9, 10},
		{Refresh{90, 0}, 1, 0, 1},
	} {
		if lower, upper := c.r.Bounds(c.desired); lower != c.lower || upper != c.upper {
			t.Errorf("%+v of %d: %d to %d, want %d to %d", c.r, c.desired, lower, upper, c.lower, c.upper)
		}
	}
}

func TestRefreshPlan(t *testing.T) {
	outdated := func(n int) (out []RefreshMember) {
		for i := range n {
			out = append(out, RefreshMember{ID: fmt.Sprint("old", i), Replace: true, Healthy: true})
		}
		return out
	}
	updated := func(healthy bool) RefreshMember { return RefreshMember{ID: "new", Healthy: healthy} }
	for name, c := range map[string]struct {
		r       Refresh
		desired int
		members []RefreshMember
		want    RefreshPlan
	}{
		"terminate first":                    {Refresh{50, 100}, 4, outdated(4), RefreshPlan{Terminate: []string{"old0", "old1"}, Remaining: 4}},
		"and wait for the replacements":      {Refresh{50, 100}, 4, append(outdated(2), updated(false)), RefreshPlan{Remaining: 4}},
		"launch first":                       {Refresh{100, 150}, 4, outdated(4), RefreshPlan{Surge: 2, Remaining: 4}},
		"and terminate once they are there":  {Refresh{100, 150}, 4, append(outdated(4), updated(true), updated(true)), RefreshPlan{Surge: 2, Terminate: []string{"old0", "old1"}, Remaining: 4}},
		"at the same time":                   {Refresh{90, 110}, 10, outdated(10), RefreshPlan{Surge: 1, Terminate: []string{"old0"}, Remaining: 10}},
		"all at once":                        {Refresh{0, 100}, 2, outdated(2), RefreshPlan{Terminate: []string{"old0", "old1"}, Remaining: 2}},
		"one instance, maximum not named":    {Refresh{90, 0}, 1, outdated(1), RefreshPlan{Terminate: []string{"old0"}, Remaining: 1}},
		"one instance, maximum named":        {Refresh{90, 100}, 1, outdated(1), RefreshPlan{Surge: 1, Remaining: 1}},
		"unhealthy ones cost nothing":        {Refresh{100, 150}, 2, []RefreshMember{{ID: "sick", Replace: true}, {ID: "old", Replace: true, Healthy: true}}, RefreshPlan{Surge: 1, Terminate: []string{"sick"}, Remaining: 2}},
		"the last replacement is warming up": {Refresh{90, 0}, 1, []RefreshMember{updated(false)}, RefreshPlan{Remaining: 1}},
		"done":                               {Refresh{90, 0}, 1, []RefreshMember{updated(true)}, RefreshPlan{Done: true}},
		"an empty group":                     {Refresh{90, 100}, 0, nil, RefreshPlan{Done: true}},
	} {
		t.Run(name, func(t *testing.T) {
			got := c.r.Plan(c.desired, c.members)
			if got.Surge != c.want.Surge || got.Remaining != c.want.Remaining || got.Done != c.want.Done || !slices.Equal(got.Terminate, c.want.Terminate) {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
		})
	}
}

// TestARefreshReplacesAllWithinItsBounds runs refreshes of random groups to their end while
// launches take random times: never fewer healthy instances than the lower bound, never more
// than the upper one, and nobody is left behind.
func TestARefreshReplacesAllWithinItsBounds(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	for round := range 2000 {
		rng := rand.New(rand.NewPCG(seed, uint64(round)))
		r := Refresh{MinHealthy: rng.IntN(101)}
		if rng.IntN(3) > 0 {
			r.MaxHealthy = 100 + rng.IntN(r.MinHealthy+1)
		}
		desired := rng.IntN(30)
		lower, upper := r.Bounds(desired)
		var members []RefreshMember
		for n := range desired {
			members = append(members, RefreshMember{ID: fmt.Sprint("old", n), Replace: true, Healthy: true})
		}
		steps, launched := 0, 0
		for ; ; steps++ {
			if steps > 1000 {
				t.Fatalf("seed %d round %d: %+v of %d does not end: %+v", seed, round, r, desired, members)
			}
			plan := r.Plan(desired, members)
			if plan.Done {
				break
			}
			members = slices.DeleteFunc(members, func(m RefreshMember) bool { return slices.Contains(plan.Terminate, m.ID) })
			d := Balance(Census{Desired: desired, Max: desired, Live: len(members), Surge: plan.Surge}, noon)
			if d.Terminate > 0 {
				t.Fatalf("seed %d round %d: %+v of %d shrinks the group: %+v", seed, round, r, desired, d)
			}
			for range d.Launch {
				launched++
				members = append(members, RefreshMember{ID: fmt.Sprint("new", launched)})
			}
			healthy := 0
			for _, m := range members {
				if m.Healthy {
					healthy++
				}
			}
			if healthy < lower || len(members) > upper {
				t.Fatalf("seed %d round %d: %+v of %d: %d healthy of %d, bounds %d to %d", seed, round, r, desired, healthy, len(members), lower, upper)
			}
			for n := range members {
				members[n].Healthy = members[n].Healthy || rng.IntN(2) == 0
			}
		}
		if launched != desired {
			t.Fatalf("seed %d round %d: %d launches for %d instances", seed, round, launched, desired)
		}
	}
}
