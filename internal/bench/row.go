package bench

import (
	"encoding/json"
	"math"
)

// Units of rows.
const (
	Calls          = "calls"
	CallsPerLaunch = "calls/launch"
	Launches       = "launches"
	Associations   = "associations"
	Addresses      = "addresses"
	Entries        = "entries"
	Seconds        = "s"
	Megabytes      = "MB"
	Milliseconds   = "ms"
	PerSecond      = "1/s"
	SecondsPerGB   = "s/GB"
	Connections    = "connections"
)

// Row is one number of ours beside theirs.
type Row struct {
	// Name is the row's, in snake_case, unique in its bench.
	Name string
	// Ours is our number, in Unit.
	Ours float64
	// Theirs is the other's; nil where there is none.
	Theirs *float64
	Unit   string
	// Runs are what Ours and Theirs are the medians of; nil for a number that was taken once.
	Runs *Runs
}

// Runs are a number's values over the runs of a bench. Where there are theirs, the nth of them was measured beside
// the nth of ours.
type Runs struct{ Ours, Theirs []float64 }

// Beside is a row with both numbers.
func Beside[N int | float64](name string, ours, theirs N, unit string) Row {
	other := float64(theirs)
	return Row{Name: name, Ours: float64(ours), Theirs: &other, Unit: unit}
}

// Alone is a row without anybody to compare with.
func Alone[N int | float64](name string, ours N, unit string) Row {
	return Row{Name: name, Ours: float64(ours), Unit: unit}
}

// Over is a row of runs in turns, at least one: the medians, and beside them the spread.
func Over(name string, ours, theirs []float64, unit string) Row {
	row := Beside(name, Median(ours), Median(theirs), unit)
	row.Runs = &Runs{ours, theirs}
	return row
}

// AloneOver is a row of runs without anybody to compare with, at least one.
func AloneOver(name string, ours []float64, unit string) Row {
	row := Alone(name, Median(ours), unit)
	row.Runs = &Runs{Ours: ours}
	return row
}

// Ratio is ours/theirs, of runs in turns the median of their ratios: what disturbs the machine for a while
// disturbs both of a pair. It is nil where theirs is nil or not above 0, be it in one run.
func (r Row) Ratio() *float64 {
	pairs := r.pairs()
	if len(pairs) == 0 {
		return nil
	}
	ratio := Median(pairs)
	return &ratio
}

// pairs are the ratios that Ratio is the median of.
func (r Row) pairs() []float64 {
	if r.Theirs == nil {
		return nil
	}
	runs := r.Runs
	if runs == nil {
		runs = &Runs{[]float64{r.Ours}, []float64{*r.Theirs}}
	}
	var ratios []float64
	for i, theirs := range runs.Theirs {
		if theirs <= 0 {
			return nil
		}
		ratios = append(ratios, runs.Ours[i]/theirs)
	}
	return ratios
}

// MarshalJSON writes {"name", "ours", "theirs", "unit", "ratio"}, numbers to four decimals. A row of runs has a
// "spread" too: [least, most] of ours, theirs and the ratio, as far as it has them.
func (r Row) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Name   string   `json:"name"`
		Ours   float64  `json:"ours"`
		Theirs *float64 `json:"theirs"`
		Unit   string   `json:"unit"`
		Ratio  *float64 `json:"ratio"`
		Spread *spread  `json:"spread,omitempty"`
	}{r.Name, *rounded(&r.Ours), rounded(r.Theirs), r.Unit, rounded(r.Ratio()), r.spread()})
}

func rounded(number *float64) *float64 {
	if number == nil {
		return nil
	}
	short := math.Round(*number*1e4) / 1e4
	return &short
}
