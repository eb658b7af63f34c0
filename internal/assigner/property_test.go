package assigner_test

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/assigner/assignertest"
)

// schedules is how many random schedules the property test plays, and with -short.
const (
	schedules      = 10_000
	schedulesShort = 500
)

var (
	replay    = flag.String("assigner.schedule", "", "a file with a schedule, as a failing test prints it, to play with each step printed")
	firstSeed = flag.Uint64("assigner.seed", 1, "the first seed of the random schedules")
)

// violated plays schedules from a seed on, on all processors, until one breaks a promise in words
// that contain how. It returns that schedule, or false if none of the n does.
func violated(f assignertest.Function, how string, from uint64, n int) (assignertest.Schedule, bool) {
	// Worlds are small and short-lived: most of what a collection would look at is garbage.
	defer debug.SetGCPercent(debug.SetGCPercent(800))
	var next atomic.Uint64
	var found atomic.Pointer[assignertest.Schedule]
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for found.Load() == nil {
				k := next.Add(1) - 1
				if k >= uint64(n) {
					return
				}
				if s := assignertest.Generate(from + k); breaks(s, f, how) {
					found.CompareAndSwap(nil, &s)
				}
			}
		})
	}
	workers.Wait()
	if s := found.Load(); s != nil {
		return *s, true
	}
	return assignertest.Schedule{}, false
}

func breaks(s assignertest.Schedule, f assignertest.Function, how string) bool {
	return slices.ContainsFunc(s.Play(f, nil), func(violation string) bool { return strings.Contains(violation, how) })
}

// explain describes a failing schedule: what it broke, and the least of it that still breaks something, as text that replays.
func explain(s assignertest.Schedule, f assignertest.Function) string {
	var b strings.Builder
	fmt.Fprintf(&b, "seed %d:\n  %s\n", s.Seed, strings.Join(s.Play(f, nil), "\n  "))
	least := assignertest.Shrink(s, 300, func(candidate assignertest.Schedule) bool { return breaks(candidate, f, "") })
	fmt.Fprintf(&b, "shrunk; write this to a file and run `go test ./internal/assigner -run TestReplay -v -assigner.schedule=<file>`:\n\n%s\n", least)
	fmt.Fprintf(&b, "which breaks:\n  %s\n", strings.Join(least.Play(f, nil), "\n  "))
	return b.String()
}

// At every step an address has at most one owner and none changes owner without a release; who
// enters service has exactly one address that it may serve from; and in the end every instance in
// service has exactly one, and nobody else has any.
func TestNoAddressIsLostStolenOrDoubled(t *testing.T) {
	n := schedules
	if testing.Short() {
		n = schedulesShort
	}
	if s, failed := violated(handle, "", *firstSeed, n); failed {
		t.Fatal(explain(s, handle))
	}
}

// A failing schedule replays from its text, step by step, and so does what Shrink leaves of it.
func TestFailingScheduleReplaysFromItsText(t *testing.T) {
	found, failed := violated(thief.handle, thief.breaks, *firstSeed, mutantSchedules)
	if !failed {
		t.Fatal("no schedule finds the thief out")
	}
	least := assignertest.Shrink(found, 300, func(s assignertest.Schedule) bool { return breaks(s, thief.handle, thief.breaks) })
	if len(least.Steps)+len(least.Faults) > len(found.Steps)+len(found.Faults) {
		t.Errorf("shrinking made it longer:\n%s", least)
	}
	for name, s := range map[string]assignertest.Schedule{"as found": found, "shrunk": least} {
		t.Run(name, func(t *testing.T) {
			again, err := assignertest.ParseSchedule(s.String())
			if err != nil {
				t.Fatal(err)
			}
			var first, second []string
			want := s.Play(thief.handle, func(line string) { first = append(first, line) })
			got := again.Play(thief.handle, func(line string) { second = append(second, line) })
			if len(want) == 0 || !slices.Equal(got, want) {
				t.Errorf("the text breaks %q, the schedule %q", got, want)
			}
			if !slices.Equal(first, second) {
				t.Errorf("the text goes another way:\n%s", s)
			}
		})
	}
}

// TestReplay plays the schedule of a file and prints each step.
func TestReplay(t *testing.T) {
	if *replay == "" {
		t.Skip("no -assigner.schedule given")
	}
	text, err := os.ReadFile(*replay)
	if err != nil {
		t.Fatal(err)
	}
	s, err := assignertest.ParseSchedule(string(text))
	if err != nil {
		t.Fatal(err)
	}
	for _, violation := range s.Play(handle, func(line string) { t.Log(line) }) {
		t.Error(violation)
	}
}
