package assignertest

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"time"
)

// Generate makes the schedule that a seed stands for. Schedules are small on purpose, a handful of instances and
// about as many addresses, so that what they do gets into each other's way, and many can be played.
func Generate(seed uint64) Schedule {
	rng := rand.New(rand.NewPCG(seed, 0))
	s := Schedule{
		Seed: seed, Desired: 1 + rng.IntN(5), Zones: 1 + rng.IntN(3), Active: time.Duration(5+rng.IntN(8)) * time.Minute,
		Lenient: rng.IntN(2) == 0, Retain: rng.IntN(4) == 0, Asked: rng.IntN(2) == 0, Automatic: rng.IntN(3) == 0,
	}
	// Mostly enough addresses, sometimes too few.
	s.Addresses = max(1, s.Desired+rng.IntN(4)-1)
	s.Stale = time.Duration(rng.IntN(3)) * 2 * time.Second
	if rng.IntN(5) == 0 {
		s.Warm, s.Reuse = 1+rng.IntN(2), rng.IntN(2) == 0
	}
	generateSteps(&s, rng)
	generateFaults(&s, rng)
	return s
}

// commonVerbs are those of everyday life, rareVerbs those of hands and of an
// administrator. Each stands as often as it is likely.
var (
	commonVerbs = []string{"desired", "desired", "refresh", "end", "end", "unhealthy", "unhealthy"}
	rareVerbs   = []string{
		"abandon", "abandon", "detach", "take", "take", "give", "give", "lend", "return", "foreign", "release",
		"add", "admit", "revoke", "retire", "untag",
	}
)

func generateSteps(s *Schedule, rng *rand.Rand) {
	moment := func() time.Duration {
		return time.Duration(rng.Int64N(int64(s.Active/time.Millisecond))) * time.Millisecond
	}
	add := func(verb string) {
		step := Step{At: moment(), Verb: verb}
		for range verbs[verb] {
			step.Args = append(step.Args, rng.IntN(8))
		}
		switch verb {
		case "desired":
			step.Args[0] = 1 + rng.IntN(s.Desired+2)
		case "refresh":
			step.Args[0] = []int{100, 100, 110, 150, 200}[rng.IntN(5)]
		}
		s.Steps = append(s.Steps, step)
	}
	for range 1 + rng.IntN(4) {
		add(commonVerbs[rng.IntN(len(commonVerbs))])
	}
	if rng.IntN(2) == 0 {
		for range 1 + rng.IntN(4) {
			add(rareVerbs[rng.IntN(len(rareVerbs))])
		}
	}
	slices.SortStableFunc(s.Steps, func(x, y Step) int { return cmp.Compare(x.At, y.At) })
}

// measures is the greatest chance, or the longest lag, that a kind of fault is generated with.
var measures = []struct {
	kind   string
	chance float64
	lag    time.Duration
}{
	{"throttle", 0.9, 0}, {"error", 0.5, 0}, {"lost", 0.5, 0}, {"deny", 1, 0}, {"contend", 0.9, 0}, {"phantom", 0.6, 0}, {"kill", 0.3, 0},
	{"lose", 1, 0}, {"double", 1, 0}, {"miss", 1, 0}, {"stale", 0, 20 * time.Second}, {"slow", 0, 4 * time.Second}, {"late", 0, 4 * time.Minute},
}

func generateFaults(s *Schedule, rng *rand.Rand) {
	for range rng.IntN(6) {
		m := measures[rng.IntN(len(measures))]
		f := Fault{Kind: m.kind, Lag: time.Duration(rng.Float64() * float64(m.lag)).Round(time.Second)}
		if m.chance > 0 {
			f.Chance = float64(1+rng.IntN(int(m.chance*10))) / 10
		}
		f.From = time.Duration(rng.Int64N(int64(s.Active))).Round(time.Second)
		if rng.IntN(2) == 0 {
			f.From = 0 // the first launches are the busiest time
		}
		f.For = min(time.Duration(10+rng.IntN(400))*time.Second, s.Active-f.From)
		s.Faults = append(s.Faults, f)
	}
}
