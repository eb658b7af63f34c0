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
}

// Beside is a row with both numbers.
func Beside[N int | float64](name string, ours, theirs N, unit string) Row {
	other := float64(theirs)
	return Row{Name: name, Ours: float64(ours), Theirs: &other, Unit: unit}
}

// Alone is a row without anybody to compare with.
func Alone[N int | float64](name string, ours N, unit string) Row {
	return Row{Name: name, Ours: float64(ours), Unit: unit}
}

// Ratio is ours/theirs; nil where theirs is nil or 0.
func (r Row) Ratio() *float64 {
	if r.Theirs == nil || *r.Theirs == 0 {
		return nil
	}
	ratio := r.Ours / *r.Theirs
	return &ratio
}

// MarshalJSON writes {"name", "ours", "theirs", "unit", "ratio"}, numbers to four decimals.
func (r Row) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Name   string   `json:"name"`
		Ours   float64  `json:"ours"`
		Theirs *float64 `json:"theirs"`
		Unit   string   `json:"unit"`
		Ratio  *float64 `json:"ratio"`
	}{r.Name, *rounded(&r.Ours), rounded(r.Theirs), r.Unit, rounded(r.Ratio())})
}

func rounded(number *float64) *float64 {
	if number == nil {
		return nil
	}
	short := math.Round(*number*1e4) / 1e4
	return &short
}
