package lifecycle

import (
	"math/rand/v2"
	"testing"
	"time"
)

func TestBalance(t *testing.T) {
	pool := &Pool{MaxPrepared: -1}
	for name, c := range map[string]struct {
		census Census
		want   Decision
	}{
		"nothing to do":             {Census{Desired: 2, Max: 4, Live: 2}, Decision{}},
		"too few":                   {Census{Desired: 3, Max: 4, Live: 1}, Decision{Launch: 2}},
		"too many":                  {Census{Desired: 1, Max: 4, Live: 3}, Decision{Terminate: 2}},
		"a surge":                   {Census{Desired: 2, Max: 2, Live: 2, Surge: 1}, Decision{Launch: 1}},
		"launches suspended":        {Census{Desired: 3, Live: 1, LaunchSuspended: true}, Decision{}},
		"terminations suspended":    {Census{Desired: 1, Live: 3, TerminateSuspended: true}, Decision{}},
		"a pause after failures":    {Census{Desired: 3, Live: 1, NotBefore: at(7)}, Decision{Wait: 7 * time.Second}},
		"a pause that is over":      {Census{Desired: 3, Live: 1, NotBefore: at(0)}, Decision{Launch: 2}},
		"a pause with nothing due":  {Census{Desired: 1, Live: 1, NotBefore: at(7)}, Decision{}},
		"shrinking during a pause":  {Census{Desired: 1, Live: 2, NotBefore: at(7)}, Decision{Terminate: 1}},
		"an empty warm pool":        {Census{Desired: 2, Max: 5, Live: 2, Pool: pool}, Decision{Warm: 3}},
		"a full warm pool":          {Census{Desired: 2, Max: 5, Live: 2, Pool: pool, Warm: 3, Resting: 3}, Decision{}},
		"a warm start and a refill": {Census{Desired: 3, Max: 5, Live: 2, Pool: pool, Warm: 3, Resting: 3}, Decision{Start: 1}},
		"warm and cold starts":      {Census{Desired: 5, Max: 5, Live: 2, Pool: pool, Warm: 3, Resting: 2}, Decision{Start: 2, Launch: 1, Cool: 1}},
		"a least size of the pool":  {Census{Desired: 3, Max: 3, Live: 2, Pool: &Pool{MaxPrepared: -1, MinSize: 2}, Warm: 2, Resting: 2}, Decision{Start: 1, Warm: 1}},
		"a most prepared":           {Census{Desired: 3, Max: 9, Live: 3, Pool: &Pool{MaxPrepared: 5}}, Decision{Warm: 2}},
		"a pool pauses too":         {Census{Desired: 3, Max: 9, Live: 3, Pool: &Pool{MaxPrepared: 5}, NotBefore: at(7)}, Decision{Wait: 7 * time.Second}},
		"a deleted pool":            {Census{Desired: 3, Max: 9, Live: 3, Pool: &Pool{MaxPrepared: 5, MinSize: 4, Deleting: true}, Warm: 2, Resting: 2}, Decision{Cool: 2}},
		"shrinking into the pool":   {Census{Desired: 1, Max: 3, Live: 3, Pool: &Pool{MaxPrepared: -1, ReuseOnScaleIn: true}}, Decision{Terminate: 2}},
		"shrinking beside the pool": {Census{Desired: 1, Max: 3, Live: 3, Pool: pool}, Decision{Terminate: 2, Warm: 2}},
		"suspended, the pool is kept for the group": {
			Census{Desired: 3, Max: 3, Live: 1, Pool: pool, Warm: 2, Resting: 2, LaunchSuspended: true}, Decision{},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Balance(c.census, noon); got != c.want {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
		})
	}
}

func TestPool(t *testing.T) {
	for _, c := range []struct {
		pool          Pool
		desired, most int
		size          int
		reuses        bool
	}{
		{Pool{MaxPrepared: -1}, 6, 10, 4, false},
		{Pool{MaxPrepared: 8}, 6, 10, 2, false},
		{Pool{MaxPrepared: 5}, 6, 10, 0, false},
		{Pool{MaxPrepared: 5, MinSize: 1, ReuseOnScaleIn: true}, 6, 10, 1, true},
		{Pool{MaxPrepared: 0}, 0, 10, 0, false},
		{Pool{MaxPrepared: -1, MinSize: 3, ReuseOnScaleIn: true, Deleting: true}, 6, 10, 0, false},
	} {
		if size, reuses := c.pool.Size(c.desired, c.most), c.pool.Reuses(); size != c.size || reuses != c.reuses {
			t.Errorf("%+v beside %d of %d: size %d, reuses %v", c.pool, c.desired, c.most, size, reuses)
		}
	}
	if (*Pool)(nil).Reuses() {
		t.Error("no pool reuses")
	}
}

func TestBackoffDoublesUpToItsMost(t *testing.T) {
	b := Backoff{First: 4 * time.Second, Max: time.Minute}
	if !b.Until().IsZero() {
		t.Error("a pause before the first failure")
	}
	pauses := func(n int) (out []time.Duration) {
		for range n {
			b.Failed(noon)
			out = append(out, b.Until().Sub(noon)/time.Second)
		}
		return out
	}
	for n, got := range pauses(40) {
		want := []time.Duration{4, 8, 16, 32, 60}[min(n, 4)]
		if got != want {
			t.Errorf("pause %d is %d s, want %d", n, got, want)
		}
	}
	b.Succeeded()
	if got := pauses(1)[0]; got != 4 {
		t.Errorf("pause after a success is %d s", got)
	}
}

// TestAGroupSettles lets a group with random sizes follow its decisions: it must come to rest
// at its desired capacity with its warm pool at its size.
func TestAGroupSettles(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	for round := range 2000 {
		rng := rand.New(rand.NewPCG(seed, uint64(round)))
		c := Census{Max: rng.IntN(20), Live: rng.IntN(20)}
		c.Desired = rng.IntN(c.Max + 1)
		if rng.IntN(2) == 0 {
			c.Pool = &Pool{MaxPrepared: rng.IntN(20) - 1, MinSize: rng.IntN(5), ReuseOnScaleIn: rng.IntN(2) == 0, Deleting: rng.IntN(5) == 0}
			c.Warm = rng.IntN(10)
			c.Resting = rng.IntN(c.Warm + 1)
		}
		var d Decision
		for range 10 {
			if d = Balance(c, noon); d == (Decision{}) {
				break
			}
			if d.Start > c.Resting || d.Start < 0 || d.Launch < 0 || d.Terminate > c.Live || d.Cool > c.Warm-d.Start || d.Warm < 0 {
				t.Fatalf("seed %d round %d: %+v for %+v", seed, round, d, c)
			}
			c.Live += d.Start + d.Launch - d.Terminate
			c.Warm += d.Warm - d.Cool - d.Start
			if c.Pool.Reuses() {
				c.Warm += d.Terminate
			}
			c.Resting = c.Warm
		}
		if d != (Decision{}) || c.Live != c.Desired || c.Pool != nil && c.Warm != c.Pool.Size(c.Desired, c.Max) {
			t.Fatalf("seed %d round %d: %+v has not settled, next %+v", seed, round, c, d)
		}
	}
}
