package e2e_test

import (
	"fmt"
	"regexp"
	"testing"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/acctest"
)

// SIGKILL of Terraform and provider behind each call to Databricks, from the first write of a create, an update and a
// destroy on: the next run ends with the workspace as configured, and in the end it has what it had before, but for
// what only a create that was killed has known.
func TestWorkspaceNetworkKilledAtEveryCall(t *testing.T) {
	cloud := acctest.Sandbox(t).Databricks()
	theirs, ours := sharedNetworks(t)
	id, neighbour, other := seedTheirWorkspace(t, theirs), seedTheirWorkspace(t, theirs), sharedNCC(t)
	s := newStage(t, "")
	g := &guillotine{stage: s}
	g.hookDatabricks(t, regexp.MustCompile(fmt.Sprintf("/workspaces/%d(/network)?$", id)))
	// back is what a destroy is to put back.
	var backNCC, backPolicy string
	holds := func(ncc, policy string) error {
		if err := hasNetwork(t, neighbour, theirs, theirPolicy); err != nil {
			return err
		}
		return hasNetwork(t, id, ncc, policy)
	}
	given := func(ncc, policy string) func() {
		return func() { s.configure(t, networkConfig(id, quoted(ncc), policy)) }
	}
	g.everyCall(t, func() []act {
		for _, err := range []error{cloud.BindNCC(id, theirs), cloud.AttachPolicy(id, theirPolicy)} {
			if err != nil {
				t.Fatal(err)
			}
		}
		backNCC, backPolicy = theirs, theirPolicy
		return []act{
			{command: apply, prepare: given(ours, ourPolicy), holds: func() error { return holds(ours, ourPolicy) }, killed: func() {
				// The next create finds this, and cannot tell it from what the workspace had all along.
				backNCC, backPolicy, _ = cloud.WorkspaceNetwork(id)
			}},
			{command: apply, prepare: given(other, defaultPolicy), holds: func() error { return holds(other, defaultPolicy) }},
			{command: destroy, holds: func() error { return holds(backNCC, backPolicy) }},
		}
	})
}
