package assignerbench

import (
	"io"
	"testing"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/bench"
)

func TestModel(t *testing.T) {
	rows, err := model(t.Context(), bench.Environment{Steps: bench.NewSteps(io.Discard)}, 4)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]bench.Row{}
	for _, row := range rows {
		got[row.Name] = row
	}
	for name, want := range map[string][2]float64{
		"model_4_steals_blog":              {0, 3},
		"model_4_doubles_blog":             {0, 1},
		"model_4_unassigned_blog":          {0, 3},
		"model_4_not_admitted_blog":        {0, 3},
		"model_4_unassigned_manager":       {0, 1}, // of four launches in three zones two share one
		"model_4_steals_manager":           {0, 1},
		"model_gated_not_admitted_blog":    {0, 100},
		"model_empty_unassigned_blog":      {10, 10},
		"model_empty_not_admitted_blog":    {0, 0},
		"model_empty_not_admitted_manager": {0, 10},
	} {
		row, ok := got[name]
		if !ok || row.Theirs == nil || row.Ours != want[0] || *row.Theirs != want[1] {
			t.Errorf("%s: %+v, want %v", name, row, want)
		}
	}
	if row := got["model_4_race_calls_per_launch_blog"]; row.Theirs == nil || *row.Theirs != 3 {
		t.Errorf("the blog's function makes three calls: %+v", row)
	}
}
