package assignerbench

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/assigner"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/assigner/assignertest"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/bench"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/waiter"
)

// zones of every contest in the model, by their letters.
const zones = "abc"

// rivals are who ours is measured beside in the model, by the suffix of their rows.
var rivals = []struct {
	suffix, name string
	function     assignertest.Function
	// aside is an operation whose calls are not the rival's own.
	aside string
}{
	{"_blog", "the blog's function", blogInModel, "DescribeInstances"},
	{"_manager", "metaphor-cloud's manager", manager{zones}.launch, ""},
}

// oursInModel runs the assigner in the model's time.
func oursInModel(ctx context.Context, cloud assignertest.Clients, payload json.RawMessage) error {
	function := assigner.Assigner{
		Config: assigner.Config{
			PoolTagKey: assignertest.PoolTagKey, PoolName: assignertest.PoolName, Group: assignertest.GroupName,
			LaunchHook: assignertest.LaunchHook, TerminateHook: assignertest.TerminateHook, HeartbeatTimeout: assignertest.HeartbeatTimeout,
		},
		EC2: cloud.EC2, AutoScaling: cloud.AutoScaling, Log: slog.New(slog.DiscardHandler),
		Waiter: waiter.Waiter{Clock: cloud.Clock, Jitter: cloud.Jitter, Min: time.Second, Max: 5 * time.Second},
	}
	_, err := function.Handle(ctx, payload)
	return err
}

// contest is a race in the model; its rows are called by prefix and the names of the counts.
type contest struct {
	prefix, what string
	assignertest.Contest
}

// contests are the races of these sizes, each on as many addresses, and two on pools that cannot serve everybody.
func contests(sizes ...int) []contest {
	var all []contest
	for _, n := range sizes {
		all = append(all, contest{
			fmt.Sprintf("model_%d_", n), fmt.Sprintf("%d launches at once", n), assignertest.Contest{Launches: n, Addresses: n},
		})
	}
	all = append(all,
		contest{"model_gated_", "100 launches at once, 10 of 110 addresses not admitted", assignertest.Contest{Launches: 100, Addresses: 110, Waiting: 10}},
		contest{"model_empty_", "10 launches at once, no address", assignertest.Contest{Launches: 10}},
	)
	for i := range all {
		all[i].Zones, all[i].Seed = len(zones), 1
	}
	return all
}

// model has ours and the rivals race in the model.
func model(ctx context.Context, env bench.Environment, sizes ...int) (rows []bench.Row, _ error) {
	for _, c := range contests(sizes...) {
		err := env.Steps.Do("model, "+c.what, func() error {
			ours := tallied(c.Run(oursInModel))
			env.Steps.Note("    ours: %s", ours)
			for _, rival := range rivals {
				tally := c.Run(rival.function)
				theirs := tallied(tally)
				theirs.calls -= tally.Calls[rival.aside]
				env.Steps.Note("    %s: %s", rival.name, theirs)
				rows = append(rows, ours.rows(theirs, c.prefix, rival.suffix)...)
			}
			return ctx.Err()
		})
		if err != nil {
			return rows, err
		}
	}
	return rows, nil
}

// tallied is a race in the model in the numbers of one on the emulator.
func tallied(t assignertest.Tally) outcome {
	return outcome{
		launches: t.Launches, associateCalls: t.Calls["AssociateAddress"], calls: t.AllCalls,
		steals: t.Steals, doubles: t.Doubles, unassigned: t.Unassigned, notAdmitted: t.NotAdmitted + t.Naked,
	}
}
