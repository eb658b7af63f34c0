package assignertest_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/assigner/assignertest"
)

func TestScheduleIsItsText(t *testing.T) {
	steps, faults := map[string]bool{}, map[string]bool{}
	for seed := range uint64(500) {
		s := assignertest.Generate(seed)
		again, err := assignertest.ParseSchedule(s.String())
		if err != nil || again.String() != s.String() {
			t.Fatalf("seed %d: %v\n%s\nbecame\n%s", seed, err, s, again)
		}
		for _, step := range s.Steps {
			steps[step.Verb] = true
		}
		for _, fault := range s.Faults {
			faults[fault.Kind] = true
		}
	}
	if len(steps) != 17 || len(faults) != 13 {
		t.Errorf("of 17 steps and 13 faults only %v and %v are generated", steps, faults)
	}
}

func TestMalformedScheduleNamesItsLines(t *testing.T) {
	for text, want := range map[string]string{
		"at 1m dance":                     `no step is called "dance"`,
		"seed 1\nat soon refresh 100":     "line 2",
		"at 1m refresh":                   "refresh takes 1 numbers",
		"at 1m give 1 -2":                 `"-2"`,
		"from 0s for 1m rain 0.5":         `no fault is called "rain"`,
		"from 0s for 1m stale 0.5":        "duration",
		"addresses many":                  "many",
		"colour blue":                     "neither a setting",
		"# a comment\n\nat 1m take 1\nat": "line 4",
	} {
		if _, err := assignertest.ParseSchedule(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

func TestShrinkKeepsWhatFails(t *testing.T) {
	s := assignertest.Generate(4)
	for n := range 20 {
		s.Steps = append(s.Steps, assignertest.Step{Verb: "take", Args: []int{n}})
	}
	needs := func(s assignertest.Schedule) bool {
		has := func(n int) bool {
			return slices.ContainsFunc(s.Steps, func(step assignertest.Step) bool { return step.Verb == "take" && step.Args[0] == n })
		}
		return has(3) && has(17)
	}
	least := assignertest.Shrink(s, 1000, needs)
	if len(least.Steps) != 2 || len(least.Faults) != 0 || !needs(least) {
		t.Errorf("%s", least)
	}
}
