package assignerbench

import (
	"errors"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/bench"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/tools"
)

// buildDir is the repository's, where tools that were brought once are found again.
func buildDir(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../../../.build")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func must(t *testing.T, err error) {
	t.Helper()
	if errors.Is(err, tools.ErrUnavailable) {
		t.Skipf("no sandbox here: %s", err)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestRaceOfThree(t *testing.T) {
	t.Parallel()
	got, err := race(t.Context(), buildDir(t), 3, serveOurs)
	must(t, err)
	if got.steals+got.doubles+got.unassigned+got.notAdmitted != 0 || got.launches != 3 || got.associateCalls < 3 || got.calls < 15 {
		t.Errorf("ours: %s", got)
	}
	got, err = race(t.Context(), buildDir(t), 3, serveBlogs)
	must(t, err)
	if want := (outcome{launches: 3, associateCalls: 3, calls: 9, steals: 2, doubles: 1, unassigned: 2, notAdmitted: 2}); got != want {
		t.Errorf("the blog's function: %s", got)
	}
}

func TestColdRun(t *testing.T) {
	t.Parallel()
	bootstrap := filepath.Join(t.TempDir(), "bootstrap")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", bootstrap, "../../cmd/eip-assigner")
	if output, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building the function: %s\n%s", err, output)
	}
	ours, theirs, err := coldRuns(t.Context(), buildDir(t), bootstrap, 1)
	must(t, err)
	for name, samples := range map[string][]sample{"ours": ours, "theirs": theirs} {
		if len(samples) != 1 {
			t.Fatalf("%s has %d samples", name, len(samples))
		}
		s := samples[0]
		if s.firstCall <= 0 || s.answer <= s.firstCall || s.cpu <= 0 || s.memory < 1e6 {
			t.Errorf("%s: %+v", name, s)
		}
		if s.calls["ec2:AssociateAddress"] != 1 || s.calls["autoscaling:CompleteLifecycleAction"] != 1 {
			t.Errorf("%s made the calls %v", name, s.calls)
		}
	}
	names := map[string]bool{}
	for _, row := range coldRows(ours, theirs) {
		names[row.Name] = true
	}
	for _, want := range []string{"calls_per_launch", "cold_wall", "cold_first_call", "cold_cpu", "cold_rss", "cold_rss_max"} {
		if !names[want] {
			t.Errorf("there is no row %s", want)
		}
	}
}

func TestPoolRows(t *testing.T) {
	ours := poolRun{plan: command{calls: bench.CallCounts{"ec2:DescribeAddresses": 1, "sts:GetCallerIdentity": 1}}}
	theirs := poolRun{plan: command{calls: bench.CallCounts{"ec2:DescribeAddresses": 100}}}
	for _, row := range ours.rows(&theirs, 100) {
		if row.Name == "pool100_plan_calls" && (row.Ours != 2 || row.Theirs == nil || *row.Theirs != 100) {
			t.Errorf("%+v", row)
		}
	}
	alone := ours.rows(nil, 100)
	if len(alone) != 6 {
		t.Errorf("%d rows", len(alone))
	}
	for _, row := range alone {
		if row.Theirs != nil {
			t.Errorf("%s has %v of nobody", row.Name, *row.Theirs)
		}
	}
}
