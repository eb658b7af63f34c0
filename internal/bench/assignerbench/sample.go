package assignerbench

import (
	"os"
	"slices"
	"time"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/bench"
)

// sample is one cold run.
type sample struct {
	// firstCall and answer are the times from the start of the process to its first request to AWS, and to its answer.
	firstCall, answer time.Duration
	// cpu is the process's own and the kernel's time for it.
	cpu time.Duration
	// memory is the highest resident set, in bytes.
	memory int64
	// calls to AWS.
	calls bench.CallCounts
}

// newSample is what an ended process took. peak is what peakMemory said of it while it ran.
func newSample(state *os.ProcessState, peak int64) sample {
	return sample{cpu: state.UserTime() + state.SystemTime(), memory: peak}
}

// coldRows are median, least and most of each measure.
func coldRows(ours, theirs []sample) []bench.Row {
	measures := []struct {
		name, unit string
		of         func(sample) float64
	}{
		{"calls_per_launch", bench.Calls, func(s sample) float64 { return float64(s.calls.Total()) }},
		{"cold_wall", bench.Seconds, func(s sample) float64 { return s.answer.Seconds() }},
		{"cold_first_call", bench.Seconds, func(s sample) float64 { return s.firstCall.Seconds() }},
		{"cold_cpu", bench.Seconds, func(s sample) float64 { return s.cpu.Seconds() }},
		{"cold_rss", bench.Megabytes, func(s sample) float64 { return float64(s.memory) / 1e6 }},
	}
	var rows []bench.Row
	for _, m := range measures {
		a, b := bench.Each(ours, m.of), bench.Each(theirs, m.of)
		rows = append(rows,
			bench.Beside(m.name, bench.Median(a), bench.Median(b), m.unit),
			bench.Beside(m.name+"_min", slices.Min(a), slices.Min(b), m.unit),
			bench.Beside(m.name+"_max", slices.Max(a), slices.Max(b), m.unit),
		)
	}
	return rows
}
