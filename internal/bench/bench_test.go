package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func ptr(value float64) *float64 { return &value }

func rows() []Row {
	return []Row{
		Beside("steals_100", 0, 99, Associations),
		Beside("doubles_100", 0, 0, Launches),
		Beside("cold_wall", 0.02512345, 0.25, Seconds),
		Alone("alone", 1234.5, Megabytes),
	}
}

// turned are rows of runs: the medians' ratio would be 0.8, and that of the pairs is another.
func turned() []Row {
	return []Row{
		Over("rate", []float64{60, 80, 100}, []float64{80, 100, 101}, PerSecond),
		Over("added", []float64{-0.5, 0.25}, []float64{0, 0}, Milliseconds),
		AloneOver("lonely", []float64{3, 1}, Megabytes),
	}
}

func TestRatioOfRunsIsTheMedianOfThePairs(t *testing.T) {
	for i, want := range []*float64{ptr(0.8), nil, nil} {
		if got := turned()[i].Ratio(); (got == nil) != (want == nil) || got != nil && *got != *want {
			t.Errorf("%s: ratio %v, want %v", turned()[i].Name, number(got), number(want))
		}
	}
	// Whole rounds that were disturbed do not move it.
	row := Over("rate", []float64{50, 99, 100}, []float64{100, 200, 100}, PerSecond)
	if got := row.Ratio(); *got != 0.5 || row.Ours != 99 || *row.Theirs != 100 {
		t.Errorf("got %v of %v and %v", *got, row.Ours, *row.Theirs)
	}
	if got := Over("added", []float64{1, 1}, []float64{2, -1}, Milliseconds).Ratio(); got != nil {
		t.Errorf("a ratio to a number below 0: %v", *got)
	}
}

func TestSpreadIsTheFifthColumnAndInTheFile(t *testing.T) {
	var out bytes.Buffer
	printTable(&out, append(turned(), rows()[3]))
	want := `name   |      ours |  theirs | ratio | spread
rate   |    80 1/s | 100 1/s | 0.800 | ours 60..100, theirs 80..101, ratio 0.750..0.990
added  | -0.125 ms |    0 ms |     - | ours -0.500..0.250, theirs 0..0
lonely |      2 MB |       - |     - | ours 1..3
alone  |   1234 MB |       - |     -
`
	if out.String() != want {
		t.Errorf("the table is not as it should be:\n%s", out.String())
	}
	for i, want := range []string{
		`{"name":"rate","ours":80,"theirs":100,"unit":"1/s","ratio":0.8,"spread":{"ours":[60,100],"theirs":[80,101],"ratio":[0.75,0.9901]}}`,
		`{"name":"added","ours":-0.125,"theirs":0,"unit":"ms","ratio":null,"spread":{"ours":[-0.5,0.25],"theirs":[0,0]}}`,
		`{"name":"lonely","ours":2,"theirs":null,"unit":"MB","ratio":null,"spread":{"ours":[1,3]}}`,
	} {
		if got, err := json.Marshal(turned()[i]); err != nil || string(got) != want {
			t.Errorf("got %s, %v, want %s", got, err, want)
		}
	}
}

func TestBounds(t *testing.T) {
	row := Beside("rate", 95.0, 100, PerSecond)
	for _, test := range []struct {
		bound  Bound
		missed string
	}{
		{AtMost(95), ""},
		{AtMost(94), "rate: ours is 95 and must be at most 94: it pays"},
		{RatioAtLeast(0.95), ""},
		{RatioAtLeast(0.96), "rate: ratio is 0.950 and must be at least 0.960: it pays"},
	} {
		err := missed([]Aim{{Row: "rate", Bound: test.bound, Because: "it pays"}}, []Row{row})
		if got := fmt.Sprint(err); test.missed == "" && err != nil || test.missed != "" && got != test.missed {
			t.Errorf("got %q, want %q", got, test.missed)
		}
	}
	// Without anybody beside there is no ratio.
	err := missed([]Aim{{Row: "rate", Bound: RatioAtLeast(0.5), Because: "it pays"}}, []Row{Alone("rate", 1, PerSecond)})
	if got, want := fmt.Sprint(err), "rate was not measured; ratio must be at least 0.500: it pays"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestAQuickRunHasNoAimsAndWritesNothing(t *testing.T) {
	dir := t.TempDir()
	var out bytes.Buffer
	b := Bench{Name: "sample", Aims: []Aim{{Row: "not_there"}}, Measure: func(_ context.Context, env Environment) ([]Row, error) {
		if !env.Quick {
			t.Error("the bench does not know that it should be quick")
		}
		return rows(), nil
	}}
	if err := b.Run(t.Context(), &out, dir, true); err != nil || !strings.Contains(out.String(), "steals_100") {
		t.Errorf("%v: %s", err, out.String())
	}
	if _, err := os.Stat(filepath.Join(dir, "bench")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the folder of results: %v", err)
	}
}

func TestRatioIsOursOverTheirsWhereThereIsOne(t *testing.T) {
	for i, want := range []*float64{ptr(0), nil, ptr(0.1004938), nil} {
		got := rows()[i].Ratio()
		if (got == nil) != (want == nil) || got != nil && *got != *want {
			t.Errorf("%s: ratio %v, want %v", rows()[i].Name, number(got), number(want))
		}
	}
}

func TestRunWritesTableAndJSON(t *testing.T) {
	dir := t.TempDir()
	var out bytes.Buffer
	b := Bench{
		Name: "sample", Aims: []Aim{{Row: "steals_100", Because: "nothing is stolen"}},
		Measure: func(_ context.Context, env Environment) ([]Row, error) {
			return rows(), env.Steps.Do("work", func() error { return nil })
		},
	}
	if err := b.Run(t.Context(), &out, dir, false); err != nil {
		t.Fatal(err)
	}
	wantTable := `
name        |           ours |          theirs | ratio
steals_100  | 0 associations | 99 associations |     0
doubles_100 |     0 launches |      0 launches |     -
cold_wall   |        0.025 s |         0.250 s | 0.100
alone       |        1234 MB |               - |     -
`
	if !strings.Contains(out.String(), wantTable) {
		t.Errorf("the table is not as it should be:\n%s", out.String())
	}
	for _, want := range []string{"work …", "work: done in", "1 aims reached: steals_100 (ours) at most 0"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q was not printed:\n%s", want, out.String())
		}
	}
	text, err := os.ReadFile(filepath.Join(dir, "bench", "sample.json"))
	if err != nil {
		t.Fatal(err)
	}
	var got []map[string]any
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	want := []map[string]any{
		{"name": "steals_100", "ours": 0.0, "theirs": 99.0, "unit": "associations", "ratio": 0.0},
		{"name": "doubles_100", "ours": 0.0, "theirs": 0.0, "unit": "launches", "ratio": nil},
		{"name": "cold_wall", "ours": 0.0251, "theirs": 0.25, "unit": "s", "ratio": 0.1005},
		{"name": "alone", "ours": 1234.5, "theirs": nil, "unit": "MB", "ratio": nil},
	}
	for i := range want {
		if len(got) != len(want) || len(got[i]) != len(want[i]) {
			t.Fatalf("the file has %s", text)
		}
		for key, value := range want[i] {
			if have, ok := got[i][key]; !ok || have != value {
				t.Errorf("row %d: %s is %v, want %v", i, key, have, value)
			}
		}
	}
}

func TestAMissedAimFailsTheBench(t *testing.T) {
	var out bytes.Buffer
	b := Bench{
		Name:    "sample",
		Aims:    []Aim{{Row: "steals_100"}, {Row: "alone", Bound: AtMost(1000), Because: "it is heavy"}, {Row: "not_there", Bound: AtMost(2)}},
		Measure: func(context.Context, Environment) ([]Row, error) { return rows(), nil },
	}
	err := b.Run(t.Context(), &out, t.TempDir(), false)
	if miss, ok := errors.AsType[*MissedError](err); !ok || miss.Row != "alone" || *miss.Got != 1234.5 {
		t.Errorf("the first miss is %v", err)
	}
	if err == nil || !strings.Contains(err.Error(), "alone: ours is 1234 and must be at most 1000: it is heavy") ||
		!strings.Contains(err.Error(), "not_there was not measured") || strings.Contains(err.Error(), "steals_100") {
		t.Errorf("the error is %v", err)
	}
}

func TestWhatCouldNotBeMeasuredFailsTheBenchAfterTheTable(t *testing.T) {
	var out bytes.Buffer
	broken := errors.New("no emulator")
	b := Bench{Name: "sample", Measure: func(_ context.Context, env Environment) ([]Row, error) {
		return rows()[:1], env.Steps.Do("start it", func() error { return broken })
	}}
	err := b.Run(t.Context(), &out, t.TempDir(), false)
	if !errors.Is(err, broken) || !strings.Contains(err.Error(), "start it: no emulator") {
		t.Errorf("the error is %v", err)
	}
	if !strings.Contains(out.String(), "start it: FAILED") || !strings.Contains(out.String(), "steals_100") {
		t.Errorf("what was measured is not printed:\n%s", out.String())
	}
}
