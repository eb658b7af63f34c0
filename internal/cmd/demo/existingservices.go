package main

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/tfrun"
)

// existingServices is examples/existing-services: account, workspace, network and serving
// endpoint belong to others, and a Databricks administrator adds the rule.
type existingServices struct {
	foreign    []string
	databricks databricksState
	ruleID     string
}

func (*existingServices) folder() string { return "examples/existing-services" }

func (*existingServices) seed() sandbox.Seed { return sandbox.SeedExistingServices }

func (e *existingServices) foreignRules() []string { return e.foreign }

func (e *existingServices) remember(ctx context.Context, s *story) (err error) {
	if e.foreign, err = s.clouds.firewallRules(); err != nil {
		return err
	}
	e.databricks, err = s.clouds.databricksState(ctx)
	return err
}

func (e *existingServices) apply(ctx context.Context, s *story) error {
	return s.step("terraform apply, while a Databricks administrator adds the rule", func() error { return e.applyAndAddRule(ctx, s) })
}

// serviceMade matches the line by which Terraform tells that the endpoint service is there.
var serviceMade = regexp.MustCompile(`aws_vpc_endpoint_service\.this(?:\[0\])?: Creation complete after \S+ \[id=(vpce-svc-[0-9a-f]+)\]`)

// applyAndAddRule applies while the administrator of Databricks, who knows nothing but what
// Terraform tells its user, adds the private endpoint rule.
func (e *existingServices) applyAndAddRule(ctx context.Context, s *story) error {
	services := make(chan string, 1)
	run, err := s.terraform.Start(ctx, func(line string) {
		if match := serviceMade.FindStringSubmatch(line); match != nil {
			services <- "com.amazonaws.vpce." + sandbox.Region + "." + match[1]
		}
	}, "apply", "-input=false", "-no-color", tfrun.PlanFile)
	if err != nil {
		return err
	}
	select {
	case <-run.Done():
		_, err := run.Wait()
		return errors.Join(errors.New("the apply ended before it told of the endpoint service"), err)
	case service := <-services:
		fmt.Fprintf(s.out, "    the administrator adds a rule for %s\n", service)
		if e.ruleID, err = s.clouds.addRule(ctx, service); err != nil {
			_ = run.Interrupt()
			_, _ = run.Wait()
			return fmt.Errorf("the Databricks administrator: %w", err)
		}
	}
	_, err = run.Wait()
	return err
}

func (e *existingServices) destroyed(ctx context.Context, s *story) {
	s.check("destroy-azure", func() (string, error) {
		now, err := s.clouds.firewallRules()
		if err == nil && !slices.Equal(now, e.foreign) {
			err = fmt.Errorf("the account's firewall lists %v, and listed %v before", now, e.foreign)
		}
		return fmt.Sprintf("the firewall lists the %d entries of others, and nothing else", len(e.foreign)), err
	})
	s.check("destroy-databricks", func() (string, error) {
		state, err := s.clouds.removeRuleOf(ctx, e.ruleID)
		if err == nil {
			err = s.clouds.databricksIs(ctx, e.databricks)
		}
		return fmt.Sprintf("the rule of the administrator is %s; workspace, configuration and policy are as before", state), err
	})
}
