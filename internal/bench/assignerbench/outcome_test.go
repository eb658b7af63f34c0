package assignerbench

import (
	"strings"
	"testing"
)

func TestOutcome(t *testing.T) {
	admitted := map[string]bool{"a1": true, "a2": true, "a3": false}
	for name, c := range map[string]struct {
		seen observation
		want outcome
	}{
		"each has one": {
			observation{
				launches: []string{"i1", "i2"}, given: given("a1 i1", "a2 i2"),
				held: map[string][]string{"i1": {"a1"}, "i2": {"a2"}}, inService: map[string]bool{"i1": true, "i2": true}, associateCalls: 3, calls: 11,
			},
			outcome{launches: 2, associateCalls: 3, calls: 11},
		},
		"one took the other's": {
			observation{
				launches: []string{"i1", "i2"}, given: given("a1 i1", "a1 i2"),
				held: map[string][]string{"i2": {"a1"}}, inService: map[string]bool{"i1": true, "i2": true}, steals: 1,
			},
			outcome{launches: 2, steals: 1, doubles: 1, unassigned: 1, notAdmitted: 1},
		},
		"one waits": {
			observation{
				launches: []string{"i1", "i2"}, given: given("a1 i1"),
				held: map[string][]string{"i1": {"a1"}}, inService: map[string]bool{"i1": true},
			},
			outcome{launches: 2, unassigned: 1},
		},
		"one serves before the firewall knows": {
			observation{
				launches: []string{"i1"}, given: given("a3 i1"),
				held: map[string][]string{"i1": {"a3"}}, inService: map[string]bool{"i1": true},
			},
			outcome{launches: 1, notAdmitted: 1},
		},
	} {
		t.Run(name, func(t *testing.T) {
			c.seen.admitted = admitted
			if got := c.seen.outcome(); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

// given reads pairs of an address and an instance that it was associated with.
func given(pairs ...string) map[string]map[string]bool {
	all := map[string]map[string]bool{}
	for _, pair := range pairs {
		allocation, instance, _ := strings.Cut(pair, " ")
		if all[allocation] == nil {
			all[allocation] = map[string]bool{}
		}
		all[allocation][instance] = true
	}
	return all
}
