package endpointapproval

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// What ten minutes of waiting may cost, and how much later than the clouds themselves an approval
// may be done, on average.
const (
	callsOfTenMinutes = 60
	overheadOnAverage = 5 * time.Second
)

// jitter spreads pauses as the waiter's own does, by a seed.
func jitter(seed uint64) func(time.Duration) time.Duration {
	random := rand.New(rand.NewPCG(seed, seed))
	return func(d time.Duration) time.Duration { return time.Duration(float64(d) * (0.75 + random.Float64()/2)) }
}

// run approves a connection in the world's time. The world's calls are those of the last wait.
func (w *world) run(ctx context.Context, t Target, seed uint64) (Observation, error) {
	c := w.clouds()
	c.Waiter.Jitter = jitter(seed)
	seen, err := c.Look(ctx, t)
	if err != nil {
		return seen, err
	}
	w.ForgetCalls()
	if seen, err = c.AwaitAccepted(ctx, seen, []string{owner}); err != nil {
		return seen, err
	}
	w.ForgetCalls()
	return c.AwaitSettled(ctx, seen)
}

// Ten minutes of waiting for any one thing cost fewer than 60 calls, the last look at both clouds included.
func TestCallsOfALongWait(t *testing.T) {
	byRule := Target{ServiceID: serviceID, NCCID: nccID}
	const never = -time.Second
	cases := map[string]struct {
		target Target
		set    func(w *world)
		status status
	}{
		"for a rule":                        {target: byRule, set: func(*world) {}, status: waitingForRule},
		"for an endpoint id":                {target: byRule, set: func(w *world) { w.AddRule("CREATING") }, status: waitingForEndpoint},
		"for an endpoint id, rule given":    {target: Target{ServiceID: serviceID, NCCID: nccID, RuleID: ruleID}, set: func(w *world) { w.AddRule("CREATING") }, status: waitingForEndpoint},
		"for a given endpoint to show":      {target: Target{ServiceID: serviceID, EndpointID: endpointID}, set: func(*world) {}, status: waitingForEndpoint},
		"for AWS":                           {target: byRule, set: func(w *world) { w.Delays.Available = time.Hour; w.AddRule("PENDING") }, status: waitingForAWS},
		"for ESTABLISHED":                   {target: byRule, set: func(w *world) { w.Delays.Established = never; w.AddRule("PENDING") }, status: waitingForDatabricks},
		"for AWS, and then for ESTABLISHED": {target: byRule, set: func(w *world) { w.Delays.Available, w.Delays.Established = 40*time.Second, never; w.AddRule("PENDING") }, status: waitingForDatabricks},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			most := 0
			for seed := range uint64(100) {
				w := newWorld()
				c.set(w)
				ctx, cancel := context.WithCancel(t.Context())
				w.In(10*time.Minute, cancel)
				seen, err := w.run(ctx, c.target, seed)
				if !isStopped(err) || seen.status() != c.status {
					t.Fatalf("seed %d: %v, %s", seed, err, seen.describe())
				}
				most = max(most, w.TotalCalls())
			}
			if most >= callsOfTenMinutes {
				t.Errorf("%d calls, want fewer than %d", most, callsOfTenMinutes)
			}
			t.Logf("%d calls at most", most)
		})
	}
}

// spread is how long a cloud takes by itself, in seconds.
type spread struct{ least, most float64 }

func (s spread) draw(random *rand.Rand) time.Duration {
	return time.Duration((s.least + random.Float64()*(s.most-s.least)) * float64(time.Second))
}

// What an approval takes beyond the clouds' own delays, from the endpoint's showing to ESTABLISHED, is short on
// average: whether the rule is there when the wait begins, or comes at some time of the next ten minutes.
func TestOverheadOfAnApproval(t *testing.T) {
	endpoint, available, notice := spread{5, 60}, spread{5, 30}, spread{5, 60}
	for name, rule := range map[string]spread{"the rule is there": {}, "the rule comes later": {0, 600}} {
		t.Run(name, func(t *testing.T) {
			const rounds = 1000
			seed := rand.Uint64()
			random := rand.New(rand.NewPCG(seed, seed))
			var overhead time.Duration
			for range rounds {
				w := newWorld()
				w.Delays.Endpoint, w.Delays.Available, w.Delays.Established = endpoint.draw(random), available.draw(random), notice.draw(random)
				w.In(rule.draw(random), func() { w.AddRule("CREATING") })
				seen, err := w.run(t.Context(), Target{ServiceID: serviceID, NCCID: nccID}, random.Uint64())
				if err != nil || seen.status() != established {
					t.Fatalf("seed %d: %v, %s", seed, err, seen.describe())
				}
				overhead += w.Clock.Now().Sub(w.Shown()) - w.Delays.Available - w.Delays.Established
			}
			average := (overhead / rounds).Round(time.Millisecond)
			if average >= overheadOnAverage {
				t.Errorf("seed %d: %s on average, want less than %s", seed, average, overheadOnAverage)
			}
			t.Logf("%s on average", average)
		})
	}
}

// A poll asks one cloud, and the other one too only where there is news.
func TestAPollAsksOneCloud(t *testing.T) {
	w := newWorld()
	w.Delays.Endpoint, w.Delays.Available, w.Delays.Established = 10*time.Second, 10*time.Second, 10*time.Second
	w.AddRule("CREATING")
	var polls []string
	before := map[string]int{}
	count := func() {
		since := func(names ...string) (n int) {
			for _, name := range names {
				n += w.Calls[name] - before[name]
			}
			return n
		}
		polls = append(polls, fmt.Sprintf("%d Databricks, %d AWS", since("ListRules", "GetRule"), since("DescribeConnections")))
		before = maps.Clone(w.Calls)
	}
	move := w.Clock.OnAfter
	w.Clock.OnAfter = func(now time.Time) { count(); move(now) }
	tf := newTerraform(t, w)
	tf.Expect(tf.Apply(t.Context(), byNCC(nil)))
	count()
	// The plan's look and the apply's first, waiting for the endpoint, the endpoint and its acceptance read back,
	// waiting for AWS, AWS, waiting for Databricks, the end.
	want := []string{
		"2 Databricks, 0 AWS", "1 Databricks, 0 AWS", "1 Databricks, 2 AWS",
		"0 Databricks, 1 AWS", "1 Databricks, 1 AWS", "1 Databricks, 0 AWS", "1 Databricks, 1 AWS",
	}
	if got := slices.Compact(polls); !slices.Equal(got, want) {
		t.Errorf("polls ask %q, want %q", got, want)
	}
}
