package firewallbench

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/azure"
)

func newPlainContest(t *testing.T) *contest {
	t.Helper()
	cloud, err := azure.New(t.Context(), azure.Options{Dir: t.TempDir(), OperationTime: -1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cloud.Close() })
	plain, err := newPlainWriter(t.Context(), cloud)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(plain.close)
	c, err := newContest(cloud, "plain")
	if err != nil {
		t.Fatal(err)
	}
	c.bringPlain(plain)
	return c
}

// Of plain writers that have all read the same list, the last is heard, and nobody who wrote before them. What all of
// them read stays.
func TestARoundOfPlainWritersKeepsOneEntry(t *testing.T) {
	c := newPlainContest(t)
	var cost tally
	for round := range 3 {
		if err := c.round(t.Context(), round, &cost); err != nil {
			t.Fatal(err)
		}
		if want := (tally{lost: round + 1, missing: (round + 1) * (contestants - 1)}); cost != want {
			t.Errorf("after round %d the contest has cost %+v, want %+v", round, cost, want)
		}
		foreign := fmt.Sprintf("20.50.60.%d", round+1)
		if !slices.ContainsFunc(c.cloud.History(c.accountID), func(v azure.RulesVersion) bool { return slices.Contains(v.IPRules, foreign) }) {
			t.Errorf("%s was never there to be lost", foreign)
		}
		state, _ := c.cloud.State(c.accountID)
		if !slices.Contains(state.IPRules, "20.50.60.250") || len(state.IPRules) < 2 {
			t.Errorf("round %d left %v", round, state.IPRules)
		}
	}
}

func TestARoundWithAWriterThatFailsEnds(t *testing.T) {
	c := newPlainContest(t)
	broken := errors.New("no terraform")
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	c.side[0] = func(context.Context, string) error { return broken }
	var cost tally
	if err := c.round(ctx, 0, &cost); !errors.Is(err, broken) || cost != (tally{}) {
		t.Errorf("the round ended with %v and %+v", err, cost)
	}
}

func TestWhatIsLostOnceIsCountedOnce(t *testing.T) {
	c, cost := &contest{foreign: []string{"t1", "t2", "t3"}}, tally{}
	c.count([]string{"t1", "t3", "o1", "x"}, []string{"o1", "o2"}, &cost)
	c.count([]string{"t3", "o2"}, []string{"o1", "o2"}, &cost)
	c.count([]string{"t3", "o1", "o2"}, []string{"o1", "o2"}, &cost)
	if want := (tally{lost: 2, missing: 2}); cost != want || fmt.Sprint(c.foreign) != "[t3]" {
		t.Errorf("counted %+v with %v left, want %+v", cost, c.foreign, want)
	}
}
