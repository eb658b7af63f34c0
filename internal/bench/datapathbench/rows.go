package datapathbench

import (
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/bench"
)

// Rows with aims, or measured in more than one part.
const (
	smallRow   = "rps_1k"
	largeRow   = "rps_100k"
	connectRow = "tls_conn_rate"
	addedRow   = "p99_added_ms"
	memoryRow  = "rss_per_1k_conns"
	reloadsRow = "failed_over_reloads"
	movesRow   = "failed_over_dns_changes"
)

// samples are the measurements of each contender, in the order of the rounds.
type samples[T any] map[string][]T

// turns has each contender measured once in each round. Every round begins with another one, so that none always
// follows the same one. A contender whose measurement is nil is left out.
func turns[T any](rounds int, names []string, measure func(name string) (*T, error)) (samples[T], error) {
	taken := samples[T]{}
	for round := range rounds {
		for i := range names {
			name := names[(round+i)%len(names)]
			sample, err := measure(name)
			if err != nil {
				return nil, err
			}
			if sample != nil {
				taken[name] = append(taken[name], *sample)
			}
		}
	}
	return taken, nil
}

// series are a number of each contender, in the order of the rounds.
type series map[string][]float64

// values are one number of each sample.
func (s samples[T]) values(of func(T) float64) series {
	values := series{}
	for name, all := range s {
		values[name] = bench.Each(all, of)
	}
	return values
}

// added is what each contender's number is above that of another's in the same round.
func (s series) added(above string) series {
	values := series{}
	for name, all := range s {
		for i, value := range all {
			values[name] = append(values[name], value-s[above][i])
		}
	}
	return values
}

// versus is a contender to stand beside, and how the row's name ends then.
type versus struct{ suffix, name string }

// rows are ours beside each of the others; beside nobody where that one could not be measured.
func (s series) rows(name, unit string, others ...versus) (rows []bench.Row) {
	if len(s[ours]) == 0 {
		return nil
	}
	for _, other := range others {
		if theirs := s[other.name]; len(theirs) > 0 {
			rows = append(rows, bench.Over(name+other.suffix, s[ours], theirs, unit))
		} else {
			rows = append(rows, bench.AloneOver(name+other.suffix, s[ours], unit))
		}
	}
	return rows
}

// failures are the rows of what was counted once.
func failures(name string, tolls map[string]toll) (rows []bench.Row) {
	mine, ok := tolls[ours]
	if !ok {
		return nil
	}
	for _, other := range []versus{{"", blog}, {"_sigusr2", graceful}, {"_nginx", nginx}} {
		if theirs, ok := tolls[other.name]; ok {
			rows = append(rows, bench.Beside(name+other.suffix, mine.failed(), theirs.failed(), bench.Connections))
		} else {
			rows = append(rows, bench.Alone(name+other.suffix, mine.failed(), bench.Connections))
		}
	}
	return rows
}
