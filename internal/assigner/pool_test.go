package assigner

import (
	"fmt"
	"maps"
	"testing"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/eiptag"
)

func TestCandidatesSpreadClaimersAndAreStable(t *testing.T) {
	var pool []address
	for n := range 16 {
		pool = append(pool, address{allocationID: fmt.Sprintf("eipalloc-%02d", n)})
	}
	pool[3].tags = map[string]string{eiptag.Lifecycle: eiptag.LifecycleDraining}
	pool[4].associationID = "eipassoc-1"
	pool[5].managed = true
	firsts := map[string]int{}
	for n := range 400 {
		id := fmt.Sprintf("i-%03d", n)
		order := candidates(free(pool, nil), claimant{id: id})
		if len(order) != 13 {
			t.Fatalf("%d candidates, want 13", len(order))
		}
		if again := candidates(free(pool, nil), claimant{id: id}); again[0].allocationID != order[0].allocationID {
			t.Fatalf("%s begins at %s and then at %s", id, order[0].allocationID, again[0].allocationID)
		}
		firsts[order[0].allocationID]++
	}
	for id, n := range firsts {
		// 400 claimers over 13 addresses: 31 each, if spread evenly.
		if n < 10 || n > 60 {
			t.Errorf("%d of 400 claimers begin at %s", n, id)
		}
	}
	if len(firsts) != 13 {
		t.Errorf("claimers begin at %d of 13 addresses", len(firsts))
	}
}

func TestConfigSurvivesTheEnvironment(t *testing.T) {
	environment := testConfig.Environment()
	got, err := ConfigFromEnvironment(func(name string) string { return environment[name] })
	if err != nil || got != testConfig {
		t.Errorf("got %+v, %v", got, err)
	}
	for name := range environment {
		broken := maps.Clone(environment)
		broken[name] = ""
		if _, err := ConfigFromEnvironment(func(name string) string { return broken[name] }); err == nil {
			t.Errorf("without %s there is no error", name)
		}
	}
}
