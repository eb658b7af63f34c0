package assigner_test

import (
	"testing"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/assigner/assignertest"
)

// All instances launch at once and see the same snapshot. Their first choices collide as random ones do, for 37 % of
// them; after that, they are matched.
func TestLaunchesAtOnceRarelyCollideTwice(t *testing.T) {
	const launches = 100
	for seed := range uint64(3) {
		got := assignertest.Contest{Launches: launches, Addresses: launches, Zones: 3, Seed: seed + 1}.Run(handle)
		if got.InService != launches || got.Steals+got.Doubles+got.Unassigned+got.Failed != 0 {
			t.Errorf("seed %d: %+v", seed+1, got)
		}
		if per := got.AssociatePerLaunch(); per > 1.5 {
			t.Errorf("seed %d: %.2f associations a launch", seed+1, per)
		}
	}
}
