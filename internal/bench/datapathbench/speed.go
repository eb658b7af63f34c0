package datapathbench

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/bench"
)

// lane is a contender that is measured for speed, with one client for the whole time.
type lane struct {
	client  client
	workers []int
}

// lanes are all that are measured for speed, by name.
type lanes map[string]lane

// names are those that could be had, in a fixed order.
func (l lanes) names() []string { return slices.Sorted(maps.Keys(l)) }

// speed measures how fast, how promptly and for how much processor time.
func (s *session) speed(ctx context.Context) (rows []bench.Row, err error) {
	proxies, err := s.beginAll(ctx, ours, blog, nginx)
	defer func() { err = errors.Join(err, closeProxies(ctx, proxies)) }()
	if err != nil {
		return nil, err
	}
	open := lanes{direct: {client: s.clientOf(nil)}}
	for name, p := range proxies {
		workers, err := p.workers()
		if err != nil {
			return nil, err
		}
		open[name] = lane{client: s.clientOf(p), workers: workers}
	}
	rows, small, err := s.answers(ctx, open, smallRow, smallAnswer)
	if err != nil {
		return rows, err
	}
	more, large, err := s.answers(ctx, open, largeRow, largeAnswer)
	rows = append(rows, more...)
	if err != nil {
		return rows, err
	}
	rows = append(rows, costs("cpu_per_gb", bench.SecondsPerGB, large, func(one stretch) float64 {
		return one.proxy.Seconds() / (float64(one.done) * largeAnswer / 1e9)
	})...)
	more, err = s.connections(ctx, open)
	rows = append(rows, more...)
	if err != nil {
		return rows, err
	}
	most := bench.Median(bench.Each(small[ours], stretch.perSecond))
	more, err = s.promptness(ctx, open, "", most/2)
	rows = append(rows, more...)
	if err != nil {
		return rows, err
	}
	more, err = s.promptness(ctx, open, "_quarter", most/4)
	return append(rows, more...), err
}

// answers measures questions on kept connections.
func (s *session) answers(ctx context.Context, open lanes, row string, size int) ([]bench.Row, samples[stretch], error) {
	taken, err := s.stretches(ctx, open, fmt.Sprintf("answers of %d bytes", size), func(l lane) (stretch, error) {
		return saturate(ctx, l.client, l.workers, size, s.extent.length)
	})
	if err != nil {
		return nil, nil, err
	}
	return taken.values(stretch.perSecond).rows(row, bench.PerSecond, versus{"", blog}, versus{"_nginx", nginx}, versus{"_direct", direct}), taken, nil
}

// connections measures new connections.
func (s *session) connections(ctx context.Context, open lanes) ([]bench.Row, error) {
	taken, err := s.stretches(ctx, open, "new TLS connections", func(l lane) (stretch, error) {
		return connect(ctx, l.client, l.workers, s.extent.length)
	})
	if err != nil {
		return nil, err
	}
	rows := taken.values(stretch.perSecond).rows(connectRow, bench.PerSecond, versus{"", blog}, versus{"_nginx", nginx}, versus{"_direct", direct})
	return append(rows, costs("cpu_per_conn_ms", bench.Milliseconds, taken, func(one stretch) float64 {
		return one.proxy.Seconds() * 1e3 / float64(one.done)
	})...), nil
}

// undisturbed is the least part of the processors that a load takes which nothing else disturbs.
const undisturbed = 0.9

// stretches measures every lane in turns, and notes what a reader of the rates should know of each.
func (s *session) stretches(ctx context.Context, open lanes, what string, measure func(lane) (stretch, error)) (taken samples[stretch], err error) {
	err = s.steps.Do(fmt.Sprintf("%s, %d rounds", what, s.extent.rounds), func() error {
		taken, err = turns(s.extent.rounds, open.names(), func(name string) (*stretch, error) {
			one, err := measure(open[name])
			if err != nil {
				return nil, errors.Join(fmt.Errorf("%s: %w", name, err), ctx.Err())
			}
			return &one, nil
		})
		return err
	})
	leastBusy := 1.0
	for _, name := range open.names() {
		if all := taken[name]; len(all) > 0 {
			busy := bench.Median(bench.Each(all, stretch.busy))
			leastBusy = min(leastBusy, busy)
			s.steps.Note("    %s: %.0f a second, %.0f %% of the processors, the proxy's share of that %.0f %%", name,
				bench.Median(bench.Each(all, stretch.perSecond)), 100*busy, 100*bench.Median(bench.Each(all, stretch.share)))
		}
	}
	if leastBusy < undisturbed {
		s.steps.Note("    something else keeps this machine busy, so these rates mean little")
	}
	return taken, err
}

// costs are rows of processor time.
func costs(row, unit string, taken samples[stretch], of func(stretch) float64) []bench.Row {
	return taken.values(of).rows(row, unit, versus{"", blog}, versus{"_nginx", nginx})
}

// promptness measures how long answers take at a rate. load goes into the rows' names.
func (s *session) promptness(ctx context.Context, open lanes, load string, perSecond float64) (rows []bench.Row, err error) {
	var taken samples[[]time.Duration]
	err = s.steps.Do(fmt.Sprintf("%.0f answers of %d bytes a second, %d rounds", perSecond, smallAnswer, s.extent.rounds), func() error {
		taken, err = turns(s.extent.rounds, open.names(), func(name string) (*[]time.Duration, error) {
			waits, err := pace(ctx, open[name].client, perSecond, smallAnswer, s.extent.length)
			if err == nil && len(waits) == 0 {
				err = errors.New("no answer in time")
			}
			if err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			return &waits, nil
		})
		return err
	})
	if err != nil {
		return nil, err
	}
	at := func(part float64) series {
		return taken.values(func(waits []time.Duration) float64 { return quantile(waits, part).Seconds() * 1e3 })
	}
	others := []versus{{"", direct}, {"_blog", blog}, {"_nginx", nginx}}
	rows = at(0.99).added(direct).rows(addedRow+load, bench.Milliseconds, others...)
	rows = append(rows, at(0.50).rows("p50_ms"+load, bench.Milliseconds, others...)...)
	return append(rows, at(0.99).rows("p99_ms"+load, bench.Milliseconds, others...)...), nil
}
