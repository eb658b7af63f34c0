package firewallbench

import (
	"context"
	"errors"
	"fmt"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/bench"
)

// New returns the bench.
func New() bench.Bench { return bench.Bench{Name: "firewall", Aims: aims(), Measure: measure} }

// aims are what has to be reached.
func aims() []bench.Aim {
	all := []bench.Aim{
		{Row: planRow + callsSuffix, Bound: bench.AtMost(1), Because: "a plan without a change reads the account once"},
		{Row: overheadRow, Bound: bench.AtMost(5), Because: "nobody waits long for what both clouds have done"},
		{Row: longWaitRow, Bound: bench.AtMost(59), Because: "a long wait must not use up the clouds' limits"},
		{Row: lostRow + honouredSuffix, Because: "nobody's entries are lost where Azure honours If-Match"},
		{Row: missingRow + honouredSuffix, Because: "what was applied is there where Azure honours If-Match"},
	}
	for _, size := range sizes {
		all = append(all, bench.Aim{
			Row: fmt.Sprintf(addRow, size) + callsSuffix, Bound: bench.AtMost(9),
			Because: "the refresh, account and perimeter for each of Terraform's two plans, a read before the write and one after it, the write, a poll: all entries go in one write",
		})
	}
	return all
}

// measure runs what does not hang together one after the other, so that one that fails leaves the others' rows.
func measure(ctx context.Context, env bench.Environment) (rows []bench.Row, failed error) {
	for _, part := range []func(context.Context, bench.Environment) ([]bench.Row, error){entries, contests, approval} {
		if err := ctx.Err(); err != nil {
			return rows, errors.Join(failed, err)
		}
		more, err := part(ctx, env)
		rows, failed = append(rows, more...), errors.Join(failed, err)
	}
	return rows, failed
}
