package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
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
	if err := b.Run(t.Context(), &out, dir); err != nil {
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
	for _, want := range []string{"work …", "work: done in", "1 aims reached: steals_100 ≤ 0"} {
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
		Aims:    []Aim{{Row: "steals_100"}, {Row: "alone", AtMost: 1000, Because: "it is heavy"}, {Row: "not_there", AtMost: 2}},
		Measure: func(context.Context, Environment) ([]Row, error) { return rows(), nil },
	}
	err := b.Run(t.Context(), &out, t.TempDir())
	if miss, ok := errors.AsType[*MissedError](err); !ok || miss.Row != "alone" || *miss.Got != 1234.5 {
		t.Errorf("the first miss is %v", err)
	}
	if err == nil || !strings.Contains(err.Error(), "alone is 1234 and must be at most 1000: it is heavy") ||
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
	err := b.Run(t.Context(), &out, t.TempDir())
	if !errors.Is(err, broken) || !strings.Contains(err.Error(), "start it: no emulator") {
		t.Errorf("the error is %v", err)
	}
	if !strings.Contains(out.String(), "start it: FAILED") || !strings.Contains(out.String(), "steals_100") {
		t.Errorf("what was measured is not printed:\n%s", out.String())
	}
}
