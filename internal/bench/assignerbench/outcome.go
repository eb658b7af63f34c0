package assignerbench

import (
	"fmt"
	"maps"
	"slices"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/bench"
)

// observation is what a race has left, as the account shows it.
type observation struct {
	// launches are the instances that raced.
	launches []string
	// given are the instances that an address was associated with, by its allocation id.
	given map[string]map[string]bool
	// held are the allocation ids of the pool that an instance has.
	held map[string][]string
	// admitted are the allocation ids that the firewall lets through.
	admitted map[string]bool
	// inService are the instances that serve.
	inService map[string]bool
	// associateCalls and calls are the claimers' calls, of AssociateAddress and of everything.
	associateCalls, calls int
	// steals are the associations that took an address from a holder.
	steals int
}

// outcome is a race in numbers; package documentation says what each counts.
type outcome struct {
	launches, associateCalls, calls          int
	steals, doubles, unassigned, notAdmitted int
}

// outcome counts what was observed.
func (o observation) outcome() outcome {
	out := outcome{launches: len(o.launches), associateCalls: o.associateCalls, calls: o.calls, steals: o.steals}
	for _, instances := range o.given {
		if len(instances) > 1 {
			out.doubles++
		}
	}
	for _, id := range o.launches {
		held := o.held[id]
		if len(held) == 0 {
			out.unassigned++
		}
		if o.inService[id] && !slices.ContainsFunc(held, func(allocation string) bool { return o.admitted[allocation] }) {
			out.notAdmitted++
		}
	}
	return out
}

func (o outcome) perLaunch(calls int) float64 { return float64(calls) / float64(o.launches) }

// rows are ours beside theirs; prefix and suffix go around the name of each count.
func (o outcome) rows(theirs outcome, prefix, suffix string) []bench.Row {
	name := func(count string) string { return prefix + count + suffix }
	return []bench.Row{
		bench.Beside(name("associate_per_launch"), o.perLaunch(o.associateCalls), theirs.perLaunch(theirs.associateCalls), bench.CallsPerLaunch),
		bench.Beside(name("race_calls_per_launch"), o.perLaunch(o.calls), theirs.perLaunch(theirs.calls), bench.CallsPerLaunch),
		bench.Beside(name("steals"), o.steals, theirs.steals, bench.Associations),
		bench.Beside(name("doubles"), o.doubles, theirs.doubles, bench.Addresses),
		bench.Beside(name("unassigned"), o.unassigned, theirs.unassigned, bench.Launches),
		bench.Beside(name("not_admitted"), o.notAdmitted, theirs.notAdmitted, bench.Launches),
	}
}

func (o outcome) String() string {
	return fmt.Sprintf("%d launches, %d AssociateAddress of %d calls, %d steals, %d doubles, %d unassigned, %d served from an address not admitted",
		o.launches, o.associateCalls, o.calls, o.steals, o.doubles, o.unassigned, o.notAdmitted)
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
