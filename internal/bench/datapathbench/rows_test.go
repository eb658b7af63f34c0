package datapathbench

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/bench"
)

func TestEveryRoundOfTurnsBeginsWithAnother(t *testing.T) {
	var order []string
	taken, err := turns(4, []string{"a", "b", "c"}, func(name string) (*int, error) {
		order = append(order, name)
		if name == "c" {
			return nil, nil
		}
		n := len(order)
		return &n, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"a", "b", "c", "b", "c", "a", "c", "a", "b", "a", "b", "c"}; !slices.Equal(order, want) {
		t.Errorf("the order is %v, want %v", order, want)
	}
	if want := []int{1, 6, 8, 10}; !slices.Equal(taken["a"], want) {
		t.Errorf("a has %v, want %v", taken["a"], want)
	}
	if _, ok := taken["c"]; ok {
		t.Error("a contender that cannot be had has samples")
	}
}

func TestTurnsEndWithTheFirstFailure(t *testing.T) {
	broken := errors.New("broken")
	if _, err := turns(2, []string{"a"}, func(string) (*int, error) { return nil, broken }); !errors.Is(err, broken) {
		t.Errorf("the error is %v", err)
	}
}

func TestAddedIsAgainstTheSameRound(t *testing.T) {
	got := series{ours: {3, 9}, direct: {1, 5}}.added(direct)
	if want := []float64{2, 4}; !slices.Equal(got[ours], want) || !slices.Equal(got[direct], []float64{0, 0}) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestRowsStandBesideWhoWasMeasured(t *testing.T) {
	rows := series{ours: {4, 6}, blog: {8, 8}}.rows("rate", bench.PerSecond, versus{"", blog}, versus{"_nginx", nginx})
	if len(rows) != 2 || rows[0].Name != "rate" || rows[1].Name != "rate_nginx" {
		t.Fatalf("the rows are %v", rows)
	}
	if rows[0].Ours != 5 || *rows[0].Theirs != 8 || *rows[0].Ratio() != 0.625 {
		t.Errorf("beside the blog's: %v", rows[0])
	}
	if rows[1].Ours != 5 || rows[1].Theirs != nil {
		t.Errorf("beside nobody: %v", rows[1])
	}
	if rows := (series{blog: {1}}).rows("rate", bench.PerSecond, versus{"", blog}); rows != nil {
		t.Errorf("rows without ours: %v", rows)
	}
}

func TestFailuresAreRefusedAndCut(t *testing.T) {
	rows := failures("failed", map[string]toll{ours: {opened: 9}, blog: {opened: 9, refused: 2, cut: 1}})
	if len(rows) != 3 || rows[0].Name != "failed" || rows[0].Ours != 0 || *rows[0].Theirs != 3 {
		t.Fatalf("the rows are %v", rows)
	}
	if rows[1].Name != "failed_sigusr2" || rows[1].Theirs != nil || rows[2].Name != "failed_nginx" || rows[2].Theirs != nil {
		t.Errorf("beside nobody: %v", rows[1:])
	}
	if rows := failures("failed", map[string]toll{blog: {}}); rows != nil {
		t.Errorf("rows without ours: %v", rows)
	}
}

func TestQuantileIsTheNearestRank(t *testing.T) {
	var waits []time.Duration
	for n := 200; n > 0; n-- {
		waits = append(waits, time.Duration(n))
	}
	for part, want := range map[float64]time.Duration{0: 1, 0.5: 100, 0.99: 198, 1: 200} {
		if got := quantile(waits, part); got != want {
			t.Errorf("quantile %v is %v, want %v", part, got, want)
		}
	}
	if got := quantile([]time.Duration{7}, 0.99); got != 7 {
		t.Errorf("the quantile of one is %v", got)
	}
}

func TestStretch(t *testing.T) {
	s := stretch{took: 2 * time.Second, done: 300, proxy: time.Second, bench: 3 * time.Second}
	if s.perSecond() != 150 || s.share() != 0.25 {
		t.Errorf("%v a second, share %v", s.perSecond(), s.share())
	}
}
