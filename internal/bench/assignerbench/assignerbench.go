package assignerbench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/bench"
)

// Sizes of what is measured.
const (
	smallRace, largeRace = 10, 100
	hugeRace             = 500 // in the model alone
	smallPool, largePool = 10, 100
	coldRounds           = 9
)

// New returns the bench.
func New() bench.Bench { return bench.Bench{Name: "assigner", Aims: aims(), Measure: measure} }

// aims are what the counts have to reach.
func aims() []bench.Aim {
	races := []string{
		fmt.Sprintf("%%s_%d", smallRace), fmt.Sprintf("%%s_%d", largeRace),
		fmt.Sprintf("model_%d_%%s_blog", largeRace), fmt.Sprintf("model_%d_%%s_blog", hugeRace),
	}
	var all []bench.Aim
	for _, race := range races {
		for _, aim := range []bench.Aim{
			{Row: "steals", Because: "no address is taken from its holder"},
			{Row: "doubles", Because: "no address is given to two instances"},
			{Row: "unassigned", Because: "there is an address for each launch"},
			{Row: "not_admitted", Because: "nobody serves from an address that the firewall refuses"},
		} {
			aim.Row = fmt.Sprintf(race, aim.Row)
			all = append(all, aim)
		}
	}
	return append(all,
		bench.Aim{Row: fmt.Sprintf("associate_per_launch_%d", largeRace), Bound: bench.AtMost(1.7), Because: "claimers that lost are matched to the free addresses, not sent along the whole list"},
		bench.Aim{Row: fmt.Sprintf("model_%d_associate_per_launch_blog", largeRace), Bound: bench.AtMost(1.7), Because: "the same"},
		bench.Aim{Row: "model_gated_not_admitted_blog", Because: "an address that the firewall does not admit is not claimed"},
		bench.Aim{Row: "model_empty_not_admitted_blog", Because: "without an address nobody serves"},
		bench.Aim{Row: "calls_per_launch", Bound: bench.AtMost(5), Because: "instance, pool, association, read-back, completion"},
		bench.Aim{Row: fmt.Sprintf("pool%d_plan_calls", largePool), Bound: bench.AtMost(2), Because: "who is it, and what does the pool have"},
	)
}

// measure runs everything; what fails leaves its rows out and the rest to be measured.
func measure(ctx context.Context, env bench.Environment) (rows []bench.Row, failed error) {
	for _, n := range []int{smallRace, largeRace} {
		measured, err := races(ctx, env, n)
		rows, failed = append(rows, measured...), errors.Join(failed, err)
	}
	measured, err := model(ctx, env, smallRace, largeRace, hugeRace)
	rows, failed = append(rows, measured...), errors.Join(failed, err)
	measured, err = cold(ctx, env)
	rows, failed = append(rows, measured...), errors.Join(failed, err)
	measured, err = pools(ctx, env, smallPool, largePool)
	return append(rows, measured...), errors.Join(failed, err)
}

// races has ours and theirs race n launches each.
func races(ctx context.Context, env bench.Environment, n int) ([]bench.Row, error) {
	var ours, theirs outcome
	for _, contender := range []struct {
		name  string
		to    *outcome
		serve contender
	}{{"ours", &ours, serveOurs}, {"the blog's function", &theirs, serveBlogs}} {
		if err := env.Steps.Do(fmt.Sprintf("%d launches at once, %s", n, contender.name), func() (err error) {
			*contender.to, err = race(ctx, env.BuildDir, n, contender.serve)
			return err
		}); err != nil {
			return nil, err
		}
		env.Steps.Note("    %s", *contender.to)
	}
	return ours.rows(theirs, "", fmt.Sprintf("_%d", n)), nil
}

// cold measures processes that serve one launch each.
func cold(ctx context.Context, env bench.Environment) (rows []bench.Row, _ error) {
	dir, err := os.MkdirTemp("", "crosscloudlink-bench-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	bootstrap, err := unpackBootstrap(dir)
	if err != nil {
		return nil, err
	}
	err = env.Steps.Do(fmt.Sprintf("%d cold runs of ours and of the blog's function, in turns", coldRounds), func() error {
		ours, theirs, err := coldRuns(ctx, env.BuildDir, bootstrap, coldRounds)
		if err == nil {
			rows = coldRows(ours, theirs)
			env.Steps.Note("    ours: %s", callsOf(ours))
			env.Steps.Note("    theirs: %s", callsOf(theirs))
		}
		return err
	})
	return rows, err
}

// callsOf lists the calls of cold runs, and how many runs made just these.
func callsOf(samples []sample) string {
	runs := map[string]int{}
	for _, s := range samples {
		runs[s.calls.String()]++
	}
	var parts []string
	for _, calls := range sortedKeys(runs) {
		parts = append(parts, fmt.Sprintf("%d runs made %s", runs[calls], calls))
	}
	return strings.Join(parts, "; ")
}
