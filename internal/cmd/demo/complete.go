package main

import (
	"context"
	"fmt"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/tfrun"
)

// complete is examples/complete: only the workspace is there, with a network of its own.
type complete struct {
	databricks databricksState
}

func (*complete) folder() string { return "examples/complete" }

func (*complete) seed() sandbox.Seed { return sandbox.SeedWorkspace }

// foreignRules are none: the account is made by the example itself.
func (*complete) foreignRules() []string { return nil }

func (c *complete) remember(ctx context.Context, s *story) (err error) {
	c.databricks, err = s.clouds.databricksState(ctx)
	return err
}

func (*complete) apply(ctx context.Context, s *story) error {
	if err := s.step("terraform apply", func() error { return s.do(ctx, "apply", "-input=false", "-no-color", tfrun.PlanFile) }); err != nil {
		return err
	}
	return s.step("a data team makes a serving endpoint for the model", func() error { return s.clouds.addServingEndpoint(ctx) })
}

func (c *complete) destroyed(ctx context.Context, s *story) {
	s.check("destroy-azure", func() (string, error) {
		left := s.sandbox.Azure().LeftOvers()
		if len(left) > 0 {
			return "", fmt.Errorf("there is still %v", left)
		}
		return "no resource group, no account and no deleted account that could be restored is left", nil
	})
	s.check("destroy-databricks", func() (string, error) {
		return "configurations and policies are those from before", s.clouds.databricksIs(ctx, databricksState{objects: c.databricks.objects})
	})
	s.check("workspace-restored", func() (string, error) {
		return "the workspace has the configuration and the policy that it had before", s.clouds.databricksIs(ctx, databricksState{workspaces: c.databricks.workspaces})
	})
}
