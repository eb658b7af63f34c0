package firewallbench

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/bench"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/clients"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/endpointapproval"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/endpointapproval/approvaltest"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/waiter"
)

const (
	// longWait is the wait whose calls are counted.
	longWait = 10 * time.Minute
	// scriptPause is between two looks of the script that ours stands beside.
	scriptPause = 10 * time.Second
	// approvals is how many connections are approved in each way.
	approvals = 200
	// waits is how often each long wait is made: pauses have jitter.
	waits = 20

	// Names of rows.
	overheadRow, longWaitRow = "approval_overhead_s", "approval_calls_10min"
)

// approval measures the wait for a connection, in virtual time.
func approval(ctx context.Context, env bench.Environment) (rows []bench.Row, _ error) {
	err := env.Steps.Do("approvals in virtual time", func() error {
		overhead, err := meanOverhead(ctx, env)
		if err != nil {
			return err
		}
		calls, err := mostCalls(ctx, env)
		rows = append(rows, overhead, calls)
		return err
	})
	return rows, err
}

// delays are the clouds' own, after the time that the administrator takes to add the rule; 0 is a rule, or an endpoint,
// that is there already.
type delays struct {
	rule time.Duration
	approvaltest.Delays
}

// span is from a least to a most; none is no delay at all.
type span struct{ least, most time.Duration }

// draw is evenly spread over the span's logarithms.
func (s span) draw(r *rand.Rand) time.Duration {
	if s == (span{}) {
		return 0
	}
	return time.Duration(float64(s.least) * math.Pow(float64(s.most)/float64(s.least), r.Float64()))
}

// Spans of the delays. No source tells how long clouds and administrators take: they are wide.
var (
	ruleTakes     = span{10 * time.Second, 10 * time.Minute}
	endpointTakes = span{10 * time.Second, 4 * time.Minute}
	// acceptedTakes is each cloud's time after the acceptance.
	acceptedTakes = span{2 * time.Second, time.Minute}
)

// ways are how a connection comes about, equally often.
var ways = []struct {
	what           string
	rule, endpoint span
}{
	{"endpoint there already", span{}, span{}},
	{"rule there, endpoint in the making", span{}, endpointTakes},
	{"rule added meanwhile", ruleTakes, endpointTakes},
}

// meanOverhead is how long it takes on average from the endpoint's being visible until ESTABLISHED is seen, beyond the
// clouds' own delays.
func meanOverhead(ctx context.Context, env bench.Environment) (bench.Row, error) {
	var ours, theirs []float64
	random := rand.New(rand.NewPCG(1, 1)) //nolint:gosec // the same delays each time
	for _, way := range ways {
		first := len(ours)
		for range approvals {
			d := delays{rule: way.rule.draw(random), Delays: approvaltest.Delays{
				Endpoint: way.endpoint.draw(random), Available: acceptedTakes.draw(random), Established: acceptedTakes.draw(random),
			}}
			overhead, err := approve(ctx, d)
			if err != nil {
				return bench.Row{}, fmt.Errorf("%s, %+v: %w", way.what, d, err)
			}
			ours, theirs = append(ours, overhead.Seconds()), append(theirs, scriptOverhead(d).Seconds())
		}
		env.Steps.Note("    %s: ours %.2f s on average, theirs %.2f s", way.what, mean(ours[first:]), mean(theirs[first:]))
	}
	row := bench.Beside(overheadRow, mean(ours), mean(theirs), bench.Seconds)
	env.Steps.Note("%s: ours %s, theirs %s", row.Name, spread(ours), spread(theirs))
	return row, nil
}

// newWorld returns two clouds in virtual time, and the resource's own way to them with the provider's patience.
func newWorld() (*approvaltest.World, *endpointapproval.Clouds) {
	w := approvaltest.NewWorld()
	patience := clients.New(clients.Config{}).Waiter()
	patience.Clock = w.Clock
	return w, &endpointapproval.Clouds{EC2: w.EC2(), Databricks: w.Databricks(), Region: w.Region, Partition: w.Partition, Waiter: patience}
}

// connection is the one that is approved.
var connection = endpointapproval.Target{ServiceID: approvaltest.ServiceID, NCCID: approvaltest.NCCID}

// addRule adds the rule after its delay. Without any delay, the endpoint is visible at once.
func addRule(w *approvaltest.World, d delays) {
	w.Delays = d.Delays
	state := "CREATING"
	if d.Endpoint == 0 {
		state = "PENDING"
	}
	if d.rule == 0 {
		w.AddRule(state)
		return
	}
	w.In(d.rule, func() { w.AddRule(state) })
}

// approve approves a connection, and returns how much later that ended than the clouds' own delays alone would have it.
func approve(ctx context.Context, d delays) (overhead time.Duration, err error) {
	w, c := newWorld()
	addRule(w, d)
	seen, err := c.Look(ctx, connection)
	if err != nil {
		return 0, err
	}
	if seen, err = c.AwaitAccepted(ctx, seen, []string{approvaltest.Owner}); err != nil {
		return 0, err
	}
	if _, err = c.AwaitSettled(ctx, seen); err != nil {
		return 0, err
	}
	return w.Clock.Now().Sub(w.Shown()) - d.Available - d.Established, nil
}

// mostCalls is how many calls longWait of waiting for one thing costs at most.
func mostCalls(ctx context.Context, env bench.Environment) (bench.Row, error) {
	const soon, never = 20 * time.Second, 24 * time.Hour
	most := 0
	for _, long := range []struct {
		what string
		delays
	}{
		{"the rule", delays{rule: never}},
		{"the endpoint", delays{Delays: approvaltest.Delays{Endpoint: never}}},
		{"AWS", delays{Delays: approvaltest.Delays{Available: never}}},
		{"ESTABLISHED", delays{Delays: approvaltest.Delays{Established: never}}},
		{"AWS and then ESTABLISHED", delays{Delays: approvaltest.Delays{Available: soon, Established: never}}},
	} {
		var made []int
		for range waits {
			n, err := callsOf(ctx, long.delays)
			if err != nil {
				return bench.Row{}, fmt.Errorf("waiting for %s: %w", long.what, err)
			}
			made = append(made, n)
		}
		env.Steps.Note("    waiting %s for %s: %d to %d calls", longWait, long.what, slices.Min(made), slices.Max(made))
		most = max(most, slices.Max(made))
	}
	return bench.Beside(longWaitRow, most, int(longWait/scriptPause), bench.Calls), nil
}

// callsOf counts the calls of one wait that is ended after longWait, those of its end included.
func callsOf(ctx context.Context, d delays) (calls int, err error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	w, c := newWorld()
	addRule(w, d)
	seen, err := c.Look(ctx, connection)
	if err != nil {
		return 0, err
	}
	begin := func() {
		w.ForgetCalls()
		w.In(longWait, stop)
	}
	if len(w.Connections) == 0 {
		begin()
	}
	if seen, err = c.AwaitAccepted(ctx, seen, []string{approvaltest.Owner}); err == nil {
		begin()
		_, err = c.AwaitSettled(ctx, seen)
	}
	if _, stopped := errors.AsType[*waiter.Error](err); !stopped {
		return 0, errors.Join(errors.New("the wait did not last"), err)
	}
	return w.TotalCalls(), nil
}

// scriptOverhead is the overhead of a script that looks every scriptPause, first for the endpoint and then for
// ESTABLISHED, and of a person who accepts in no time between.
func scriptOverhead(d delays) time.Duration {
	late := func(awaited time.Duration) time.Duration { return (scriptPause - awaited%scriptPause) % scriptPause }
	return late(d.rule+d.Endpoint) + late(d.Available+d.Established)
}

func mean(values []float64) float64 {
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	return sum / float64(len(values))
}
