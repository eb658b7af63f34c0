package firewallbench

import (
	"bytes"
	"strings"
	"testing"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/bench"
)

func samples(seconds ...float64) []sample {
	var all []sample
	for i, s := range seconds {
		all = append(all, sample{calls: calls{account: bench.CallCounts{"Accounts_Get": i + 1}, aside: bench.CallCounts{"OIDC_Token": 7}}, seconds: s})
	}
	return all
}

func TestRowsOfAStepAreMediansAndTheSpreadIsNoted(t *testing.T) {
	var out bytes.Buffer
	env := bench.Environment{Steps: bench.NewSteps(&out)}
	rows := series{ours: samples(3, 1, 2), theirs: samples(10, 30, 20)}.rows(env, "fw_step")
	if len(rows) != 2 || rows[0].Name != "fw_step_calls" || rows[0].Ours != 2 || *rows[0].Theirs != 2 || rows[0].Unit != bench.Calls ||
		rows[1].Name != "fw_step_wall" || rows[1].Ours != 2 || *rows[1].Theirs != 20 || rows[1].Unit != bench.Seconds {
		t.Errorf("rows %+v", rows)
	}
	for _, want := range []string{"fw_step_wall: ours 1 to 3 in 3 rounds, theirs 10 to 30 in 3 rounds", "ours: Accounts_Get ×3 (aside: OIDC_Token ×7)"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("nothing says %q in:\n%s", want, &out)
		}
	}
	for _, row := range (series{ours: samples(1)}).rows(env, "alone") {
		if row.Theirs != nil {
			t.Errorf("%s has theirs without them: %v", row.Name, *row.Theirs)
		}
	}
}

// Every aim is for a row that is measured, and every size has one.
func TestAimsAreForRows(t *testing.T) {
	var out bytes.Buffer
	env := bench.Environment{Steps: bench.NewSteps(&out)}
	rows, err := approval(t.Context(), env)
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{"fw_lost_foreign_if_match": true, "fw_missing_own_if_match": true}
	for _, step := range []string{"fw_add1", "fw_add10", "fw_add100", "fw_plan"} {
		rows = append(rows, series{ours: samples(1)}.rows(env, step)...)
	}
	for _, row := range rows {
		names[row.Name] = true
	}
	for _, aim := range aims() {
		if !names[aim.Row] {
			t.Errorf("%s is aimed at, and not measured", aim.Row)
		}
	}
	if len(aims()) != 5+len(sizes) {
		t.Errorf("%d aims", len(aims()))
	}
}
