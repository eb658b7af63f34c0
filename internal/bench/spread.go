package bench

import (
	"fmt"
	"slices"
	"strings"
)

// span is the least and the most of some values.
type span [2]float64

// spread is how far the runs of a row lie apart.
type spread struct {
	Ours   *span `json:"ours"`
	Theirs *span `json:"theirs,omitempty"`
	Ratio  *span `json:"ratio,omitempty"`
}

// spread is nil where a number was taken once.
func (r Row) spread() *spread {
	if r.Runs == nil {
		return nil
	}
	return &spread{Ours: spanOf(r.Runs.Ours), Theirs: spanOf(r.Runs.Theirs), Ratio: spanOf(r.pairs())}
}

func spanOf(values []float64) *span {
	if len(values) == 0 {
		return nil
	}
	least, most := slices.Min(values), slices.Max(values)
	return &span{*rounded(&least), *rounded(&most)}
}

// String writes "ours 1..2, theirs 2..3, ratio 0.500..0.667".
func (s *spread) String() string {
	var parts []string
	for _, part := range []struct {
		of   string
		span *span
	}{{"ours", s.Ours}, {"theirs", s.Theirs}, {"ratio", s.Ratio}} {
		if part.span != nil {
			parts = append(parts, fmt.Sprintf("%s %s..%s", part.of, number(&part.span[0]), number(&part.span[1])))
		}
	}
	return strings.Join(parts, ", ")
}
