package autoscaling

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/awsapi"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/lifecycle"
)

// watchHealth replaces instances that EC2 lost or that the load balancer finds unhealthy.
func (s *Service) watchHealth() {
	for {
		select {
		case <-s.ctx.Done():
			return
		case <-s.deps.Clock.After(s.deps.CheckInterval):
		}
		s.checkHealth()
	}
}

func (s *Service) checkHealth() {
	type candidate struct {
		i       *instance
		targets []string
		// resting: the machine may be stopped.
		resting bool
	}
	var ids []string
	var check []candidate
	s.mu.Lock()
	now := s.deps.Clock.Now()
	for _, g := range s.groups {
		if g.isSuspended("HealthCheck") || g.deleting {
			continue
		}
		for _, i := range g.instances {
			state := i.life.State()
			if state.Leaving() {
				continue
			}
			c := candidate{i: i, resting: state.InWarmPool() || i.halted || state.Retained()}
			grace := time.Duration(g.healthCheckGracePeriod) * time.Second
			if strings.Contains(g.healthCheckType, "ELB") && state == lifecycle.InService && now.Sub(i.inService) >= grace {
				c.targets = slices.Clone(g.targetGroups)
			}
			ids = append(ids, i.id)
			check = append(check, c)
		}
	}
	s.mu.Unlock()
	if len(ids) == 0 {
		return
	}
	states, err := s.cloud.States(s.ctx, ids)
	if err != nil {
		if s.ctx.Err() == nil {
			s.deps.Logger.Error("health check: asking EC2", "error", err)
		}
		return
	}
	for _, c := range check {
		state := states[c.i.id]
		if c.resting && (state == "stopping" || state == "stopped") {
			continue
		}
		if state != "running" && state != "pending" {
			s.markUnhealthy(c.i, fmt.Sprintf("an EC2 health check indicating it has been terminated or stopped (state %q)", state))
			continue
		}
		if s.deps.TargetHealthy == nil {
			continue
		}
		for _, arn := range c.targets {
			if !s.deps.TargetHealthy(c.i.id, arn) {
				s.markUnhealthy(c.i, "an ELB system health check failure")
				break
			}
		}
	}
}

func (s *Service) markUnhealthy(i *instance, why string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i.health = unhealthy
	if !i.group.isSuspended("ReplaceUnhealthy") {
		s.sendAwayLocked(i, departure{cause: fmt.Sprintf("At %s an instance was taken out of service in response to %s.", s.deps.Clock.Now().UTC().Format(time.RFC3339), why)})
	}
}

func (s *Service) setInstanceHealth(r *awsapi.Request) (any, *awsapi.Error) {
	if err := awsapi.RefuseUnknown(r, "InstanceId", "HealthStatus", "ShouldRespectGracePeriod"); err != nil {
		return nil, err
	}
	p := &params{r: r}
	id, status := p.required("InstanceId"), p.required("HealthStatus")
	respect := p.boolean("ShouldRespectGracePeriod")
	if p.err != nil {
		return nil, p.err
	}
	s.mu.Lock()
	g, i := s.findInstance(id)
	if i == nil {
		s.mu.Unlock()
		return nil, invalid("Instance Id not found - No managed instance found for instance ID: %s", id)
	}
	retained := i.life.State().Retained()
	inGrace := s.deps.Clock.Now().Sub(i.inService) < time.Duration(g.healthCheckGracePeriod)*time.Second
	s.mu.Unlock()
	switch {
	case status == healthy:
		s.mu.Lock()
		i.health = healthy
		s.mu.Unlock()
	case status != unhealthy:
		return nil, invalid("Invalid HealthStatus: %s", status)
	case (respect == nil || *respect) && inGrace || retained:
	default:
		s.markUnhealthy(i, "a user health-check")
	}
	return nil, nil
}

func (s *Service) terminateInstance(r *awsapi.Request) (any, *awsapi.Error) {
	p := &params{r: r}
	id := p.required("InstanceId")
	p.required("ShouldDecrementDesiredCapacity")
	decrement := p.boolean("ShouldDecrementDesiredCapacity")
	if p.err != nil {
		return nil, p.err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	g, i := s.findInstance(id)
	switch {
	case i == nil:
		return nil, invalid("Instance Id not found - No managed instance found for instance ID: %s", id)
	case i.life.State().InWarmPool() && !i.life.State().Retained():
		return nil, invalid("Instance %s is in the warm pool of AutoScalingGroup %s: TerminateInstanceInAutoScalingGroup cannot be called on it", id, g.name)
	case *decrement && i.life.State().Retained():
		return nil, invalid("Instance %s is retained and not part of the desired capacity: ShouldDecrementDesiredCapacity must be false", id)
	case *decrement && g.desired <= g.min:
		return nil, invalid("Currently, desiredSize equals minSize (%d). Terminating instance without replacement will violate group's min size constraint. Either set shouldDecrementDesiredCapacity flag to false or lower group's min size.", g.min)
	}
	if *decrement && !i.life.State().Leaving() {
		g.desired--
	}
	s.sendAwayLocked(i, departure{cause: fmt.Sprintf("At %s instance %s was taken out of service in response to a user request.", s.deps.Clock.Now().UTC().Format(time.RFC3339), id)})
	g.kick()
	return struct{ Activity activityXML }{i.activity.xml()}, nil
}
