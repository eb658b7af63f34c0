package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/fault"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/tfrun"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/waiter"
)

// Bounds of the story's waits: generous, for machines are noisy.
const (
	settleTimeout = 2 * time.Minute
	pollInterval  = 100 * time.Millisecond
)

// grown is what the apply that gets killed is to change: one proxy and one address more,
// and the addresses no longer protected, for the destroy.
var grown = []string{"-var=min_size=3", "-var=max_size=3", "-var=deletion_protection=false"}

// story is the demo after the sandbox runs.
type story struct {
	*report
	example   example
	sandbox   *sandbox.Sandbox
	terraform tfrun.Terraform
	clouds    *clouds
}

// tell goes through the story. Checks that fail are in the report and do not end it; an
// error does.
func (s *story) tell(ctx context.Context) (err error) {
	if s.clouds, err = newClouds(s.sandbox); err != nil {
		return err
	}
	if err := s.example.remember(ctx, s); err != nil {
		return err
	}

	if err := s.step("terraform init", func() error { return s.do(ctx, "init", "-input=false", "-no-color") }); err != nil {
		return err
	}
	if err := s.step("terraform plan", func() error {
		changes, err := s.terraform.Plan(ctx)
		fmt.Fprintf(s.out, "    %d changes\n", len(changes))
		return err
	}); err != nil {
		return err
	}
	if err := s.example.apply(ctx, s); err != nil {
		return err
	}

	s.check("query-200", func() (string, error) { return s.queryAll(ctx) })
	s.drift(ctx)
	s.check("healed-200", func() (string, error) {
		if err := s.do(ctx, "apply", "-input=false", "-no-color", tfrun.PlanFile); err != nil {
			return "", err
		}
		return s.queryAll(ctx)
	})
	s.check("plan-empty", func() (string, error) { return "a second plan has no changes", s.planEmpty(ctx) })
	s.check("kill-and-resume", func() (string, error) { return s.killAndResume(ctx) })

	if err := s.step("terraform destroy", func() error {
		return s.do(ctx, append([]string{"destroy", "-auto-approve", "-input=false", "-no-color"}, grown...)...)
	}); err != nil {
		return err
	}
	s.check("destroy-aws", func() (string, error) { return s.clouds.awsIsEmpty(ctx) })
	s.example.destroyed(ctx, s)
	return nil
}

func (s *story) do(ctx context.Context, args ...string) error {
	_, err := s.terraform.Do(ctx, args...)
	return err
}

func (s *story) apply(ctx context.Context, vars ...string) error {
	return s.do(ctx, append([]string{"apply", "-auto-approve", "-input=false", "-no-color"}, vars...)...)
}

// queryAll asks the serving endpoint until every proxy in service has served a query. From
// the first 200 on, nothing but 200 may come.
func (s *story) queryAll(ctx context.Context) (string, error) {
	if s.sandbox.Proxy() == "none" {
		return "", fmt.Errorf("HAProxy is not to be had here: %w", errSkipped)
	}
	want, err := s.clouds.inServiceAddresses(ctx)
	if err != nil {
		return "", err
	}
	if len(want) == 0 {
		return "", errors.New("no proxy is in service")
	}
	served := map[string]int{}
	queries := 0
	err = await(ctx, "every proxy in service to serve a query", func(ctx context.Context) (string, bool, error) {
		answer, err := s.clouds.query(ctx)
		if err != nil {
			return "", false, err
		}
		queries++
		if answer.status != 200 {
			if len(served) > 0 {
				return "", false, fmt.Errorf("query %d was answered %s after others had been answered 200", queries, answer)
			}
			return answer.String(), false, nil
		}
		if !slices.Contains(want, answer.source) {
			return "", false, fmt.Errorf("a query reached Azure from %s, which is no address of a proxy in service (%v)", answer.source, want)
		}
		served[answer.source]++
		return fmt.Sprintf("%d of %d proxies", len(served), len(want)), len(served) == len(want), nil
	})
	return fmt.Sprintf("%d queries, served by %s", queries, strings.Join(slices.Sorted(maps.Keys(served)), ", ")), err
}

// drift takes one address out of the firewall by hand. Exactly the proxy on it gets Azure's
// refusal, and the next plan means to put the address back.
func (s *story) drift(ctx context.Context) {
	var removed string
	s.check("drift-403", func() (string, error) {
		addresses, err := s.clouds.inServiceAddresses(ctx)
		if err != nil {
			return "", err
		}
		if len(addresses) < 2 {
			return "", fmt.Errorf("%d proxies are in service; one to refuse and one to admit are needed", len(addresses))
		}
		removed = addresses[0]
		if err := s.clouds.removeRule(removed); err != nil {
			return "", err
		}
		if s.sandbox.Proxy() == "none" {
			return "", fmt.Errorf("HAProxy is not to be had here: %w", errSkipped)
		}
		return s.onlyRefused(ctx, removed, addresses)
	})
	s.check("drift-planned", func() (string, error) {
		if removed == "" {
			return "", errors.New("no address was taken out")
		}
		changes, err := s.terraform.Plan(ctx)
		if err != nil {
			return "", err
		}
		return fmt.Sprintf("%s is missing, and the plan puts it back", removed), onlyFirewall(changes)
	})
}

// onlyFirewall checks that a plan updates the firewall, and beside it at most the admission,
// which follows from it.
func onlyFirewall(changes []tfrun.Change) error {
	firewall := false
	for _, change := range changes {
		update := slices.Equal(change.Actions, []string{"update"})
		switch {
		case update && strings.HasSuffix(change.Address, "crosscloudlink_aoai_ip_firewall.this"):
			firewall = true
		case update && strings.HasSuffix(change.Address, "crosscloudlink_eip_admission.this"):
		default:
			return fmt.Errorf("the plan has a change that does not follow from the drift: %v", change)
		}
	}
	if !firewall {
		return fmt.Errorf("the plan does not update the firewall: %v", changes)
	}
	return nil
}

func (s *story) onlyRefused(ctx context.Context, removed string, addresses []string) (string, error) {
	// The data plane learns of the change a little later.
	if err := await(ctx, "Azure to refuse "+removed, func(ctx context.Context) (string, bool, error) {
		answer, err := s.clouds.query(ctx)
		return answer.String(), err == nil && answer.status == 403 && answer.source == removed, err
	}); err != nil {
		return "", err
	}
	refused, admitted := 0, map[string]bool{}
	err := await(ctx, "every proxy to be asked again", func(ctx context.Context) (string, bool, error) {
		answer, err := s.clouds.query(ctx)
		switch {
		case err != nil:
			return "", false, err
		case answer.source == removed && answer.status == 403 && answer.azureFirewall:
			refused++
		case answer.source != removed && answer.status == 200:
			admitted[answer.source] = true
		default:
			return "", false, fmt.Errorf("from %s came %s, though %s was taken out of the firewall", answer.source, answer, removed)
		}
		return fmt.Sprintf("%d refused, %d admitted", refused, len(admitted)), refused > 0 && len(admitted) == len(addresses)-1, nil
	})
	return fmt.Sprintf("Azure's firewall refuses %s alone, of %d proxies", removed, len(addresses)), err
}

func (s *story) planEmpty(ctx context.Context, vars ...string) error {
	changes, err := s.terraform.Plan(ctx, vars...)
	if err == nil && len(changes) > 0 {
		err = fmt.Errorf("the plan has %d changes: %v", len(changes), changes)
	}
	return err
}

// killAndResume grows the fleet by one, and kills that apply twice, terraform and provider,
// inside a call: once when AWS has made the new address and its answer has not come, once
// when the new proxy has its address and the function is about to let it into service.
func (s *story) killAndResume(ctx context.Context) (string, error) {
	had, err := s.clouds.poolAddresses(ctx)
	if err != nil {
		return "", err
	}
	allocated, completing := fault.NewGate(), fault.NewGate()
	if err := s.kill(ctx, "the answer to ec2:AllocateAddress", allocated, fault.Rule{Operation: "ec2:AllocateAddress", Then: allocated.Hold}); err != nil {
		return "", err
	}
	if err := s.kill(ctx, "autoscaling:CompleteLifecycleAction of the new proxy", completing, fault.Rule{Operation: "autoscaling:CompleteLifecycleAction", Before: completing.Hold}); err != nil {
		return "", err
	}
	if err := s.apply(ctx, grown...); err != nil {
		return "", err
	}
	if err := s.planEmpty(ctx, grown...); err != nil {
		return "", err
	}
	if err := s.clouds.nothingLostOrDoubled(ctx, len(had)+1, s.example.foreignRules()); err != nil {
		return "", err
	}
	if s.sandbox.Proxy() == "none" {
		return "killed twice, then converged", nil
	}
	detail, err := s.queryAll(ctx)
	return "killed twice, then converged; " + detail, err
}

// kill starts an apply, kills it with all its plugins while the gate holds a call that the
// rule matches, and opens the gate then.
func (s *story) kill(ctx context.Context, what string, gate *fault.Gate, rule fault.Rule) error {
	defer gate.Open()
	s.sandbox.AWSCloud().Faults.Add(rule)
	run, err := s.terraform.Start(ctx, nil, append([]string{"apply", "-auto-approve", "-input=false", "-no-color"}, grown...)...)
	if err != nil {
		return err
	}
	select {
	case <-run.Done():
		_, err := run.Wait()
		return errors.Join(fmt.Errorf("the apply ended before it could be killed at %s", what), err)
	case <-gate.Held():
	}
	if err := run.Kill(); err != nil {
		return err
	}
	_, _ = run.Wait() // it was killed, so its error says nothing
	fmt.Fprintf(s.out, "    killed terraform and its plugins at %s\n", what)
	return nil
}

// await polls often: everything is on this machine.
func await(ctx context.Context, what string, poll func(ctx context.Context) (state string, done bool, err error)) error {
	ctx, cancel := context.WithTimeout(ctx, settleTimeout)
	defer cancel()
	return waiter.Waiter{Min: pollInterval, Max: pollInterval}.Until(ctx, what, poll)
}
