package autoscaling

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/lifecycle"
)

// launch is one launch before there is an instance.
type launch struct {
	group    *group
	to       lifecycle.Place
	template templateRef
	subnet   string
	tags     map[string]string
	activity *activity
	// serial counts the launches of the group.
	serial int
	// pending counts the launches into the same place that have no instance id yet.
	pending map[string]int
}

// runInstance is the life of one instance: one move after the other, as the rules say.
func (s *Service) runInstance(l launch) {
	i, err := s.boot(l)
	if err != nil {
		s.notStarted(l, err)
		return
	}
	for {
		s.mu.Lock()
		next, to := i.next, i.life.To()
		s.mu.Unlock()
		switch to {
		case lifecycle.AutoScalingGroup:
			s.bringIntoService(i, next)
		case lifecycle.WarmPool:
			s.bringIntoPool(i, next)
		default:
			if gone := s.takeOut(i, next); gone {
				return
			}
		}
		select {
		case <-s.ctx.Done():
			return
		case <-next:
		}
	}
}

// boot starts the machine and adds it to the group.
func (s *Service) boot(l launch) (*instance, error) {
	tmpl, err := s.cloud.Template(s.ctx, l.template)
	if err != nil {
		return nil, err
	}
	m, err := s.cloud.Run(s.ctx, launchSpec{template: tmpl, subnet: l.subnet, tags: l.tags, token: l.activity.id})
	if err != nil {
		return nil, err
	}
	g := l.group
	i := &instance{
		group: g, id: m.id, eni: m.eni, privateIP: m.privateIP, subnet: l.subnet, zone: m.zone, health: healthy,
		template: tmpl.ref, userData: tmpl.userData, profileARN: m.profileARN, instanceType: m.instanceType, imageID: m.imageID, launched: s.deps.Clock.Now(),
		next: make(chan struct{}), changed: make(chan struct{}, 1), activity: l.activity,
	}
	s.mu.Lock()
	next := i.next
	i.life, i.serial = lifecycle.New(i.id, l.to, s.rules(g)), l.serial
	i.protected = g.protectedFromScaleIn
	l.pending[l.subnet]--
	g.instances = append(g.instances, i)
	l.activity.description = launching(l.to) + ": " + i.id
	l.activity.detail = details(i.zone, l.subnet)
	switch {
	case g.deleting:
		s.sendAwayLocked(i, departure{cause: "The AutoScalingGroup is being deleted.", skipHooks: true})
	case l.to == lifecycle.WarmPool && (g.pool == nil || g.pool.Deleting):
		s.sendAwayLocked(i, departure{cause: "The warm pool is being deleted."})
	}
	s.mu.Unlock()
	s.up(i, next)
	// The group may have shrunk while the machine started.
	g.kick()
	return i, nil
}

// up lets a machine that EC2 has started boot.
func (s *Service) up(i *instance, next <-chan struct{}) {
	s.pause(next)
	if err := s.deps.Launched(s.ctx, Instance{
		ID: i.id, NetworkInterfaceID: i.eni, PrivateIP: i.privateIP, UserData: i.userData,
		InstanceProfileARN: i.profileARN, AvailabilityZone: i.zone, SubnetID: i.subnet,
	}); err != nil && s.ctx.Err() == nil {
		s.deps.Logger.Error("an instance's software did not start", "instance", i.id, "error", err)
	}
}

// notStarted ends a launch that brought no instance.
func (s *Service) notStarted(l launch, err error) {
	s.mu.Lock()
	l.pending[l.subnet]--
	s.removeIfEmptyLocked(l.group)
	if s.ctx.Err() != nil {
		s.mu.Unlock()
		return
	}
	event, resources := s.failedLocked(l.group, l.activity, nil, "Failed", fmt.Sprintf("%s. Launching EC2 instance failed", err))
	s.mu.Unlock()
	s.deps.Events(lifecycle.EventLaunchFailed, event, resources)
}

// pause lets one step pass, or less when the instance begins another move.
func (s *Service) pause(next <-chan struct{}) {
	select {
	case <-s.deps.Clock.After(s.deps.Step):
	case <-next:
	case <-s.ctx.Done():
	}
}

// bringIntoService runs launch hooks, registers the instance and puts it in service.
func (s *Service) bringIntoService(i *instance, next <-chan struct{}) {
	if !s.wake(i, next) || !s.hold(i, next) {
		return
	}
	s.mu.Lock()
	targets := slices.Clone(i.group.targetGroups)
	register := !i.group.isSuspended("AddToLoadBalancer")
	i.registered = i.registered || register
	s.mu.Unlock()
	if register {
		s.register(i.id, targets)
	}
	s.arrive(i, next, lifecycle.EventLaunched)
}

// wake starts a machine that EC2 had stopped. It returns false when the instance's move is over.
func (s *Service) wake(i *instance, next <-chan struct{}) bool {
	s.mu.Lock()
	halted := i.halted
	s.mu.Unlock()
	if !halted {
		return true
	}
	if !s.insist("starting an instance", i, next, func(ctx context.Context) error { return s.cloud.Start(ctx, i.id) }) {
		return false
	}
	s.mu.Lock()
	i.halted = false
	s.mu.Unlock()
	s.up(i, next)
	return true
}

// bringIntoPool runs the hooks of the way into the warm pool and puts the instance to rest.
func (s *Service) bringIntoPool(i *instance, next <-chan struct{}) {
	s.drain(i)
	if !s.hold(i, next) {
		return
	}
	s.mu.Lock()
	bound, event := i.life.Bound(), lifecycle.EventLaunched
	if i.life.Transition() == lifecycle.Termination {
		event = lifecycle.EventTerminated
	}
	s.mu.Unlock()
	if bound == lifecycle.WarmedStopped || bound == lifecycle.WarmedHibernated {
		stop := func(ctx context.Context) error { return s.cloud.Stop(ctx, i.id, bound == lifecycle.WarmedHibernated) }
		if !s.insist("stopping an instance", i, next, stop) {
			return
		}
		s.mu.Lock()
		i.halted = true
		s.mu.Unlock()
		s.deps.Stopped(i.id)
	}
	s.arrive(i, next, event)
}

// arrive ends the instance's present move, unless it has begun another one.
func (s *Service) arrive(i *instance, next <-chan struct{}, detailType string) {
	s.mu.Lock()
	if i.next != next {
		s.mu.Unlock()
		return
	}
	now := s.deps.Clock.Now()
	g, state := i.group, i.life.Arrive()
	if state.Retained() {
		i.activity.finish(now, "Cancelled", "The instance is retained: a terminate lifecycle hook was abandoned.")
		g.kick()
		s.mu.Unlock()
		return
	}
	if state == lifecycle.InService {
		i.inService = now
	}
	if i.life.Transition() == lifecycle.Launching {
		g.backoff.Succeeded()
	}
	i.activity.finish(now, "Successful", "")
	event, resources := s.activityEventLocked(g, i.activity, i)
	g.kick()
	s.mu.Unlock()
	s.deps.Events(detailType, event, resources)
}

func (s *Service) register(instanceID string, targetGroups []string) {
	for _, arn := range targetGroups {
		if err := s.cloud.Register(s.ctx, arn, instanceID); err != nil && s.ctx.Err() == nil {
			s.deps.Logger.Error("registering a target", "instance", instanceID, "target_group", arn, "error", err)
		}
	}
}

// hold lets the hooks of the present move hold the instance. It returns false when the move
// is over: the instance was sent away, its launch was abandoned, or the service stops.
func (s *Service) hold(i *instance, next <-chan struct{}) bool {
	s.mu.Lock()
	if i.next != next {
		s.mu.Unlock()
		return false
	}
	events := i.life.Hold(s.rules(i.group), s.deps.Clock.Now())
	if len(events) > 0 {
		i.activity.status, i.activity.progress = "MidLifecycleAction", 40
	}
	resources := []string{i.group.arn}
	s.mu.Unlock()
	for _, e := range events {
		s.deps.Events(e.DetailType, e, resources)
	}
	for {
		wait, goesOn := s.judge(i, next)
		if wait <= 0 {
			return goesOn
		}
		select {
		case <-s.deps.Clock.After(wait):
		case <-i.changed:
		case <-next:
		case <-s.ctx.Done():
			return false
		}
	}
}

// judge looks whether hooks still hold the instance. It returns how long they may at least,
// or zero and whether the present move goes on.
func (s *Service) judge(i *instance, next <-chan struct{}) (wait time.Duration, goesOn bool) {
	s.mu.Lock()
	if i.next != next {
		s.mu.Unlock()
		return 0, false
	}
	now := s.deps.Clock.Now()
	v := i.life.Judge(s.rules(i.group), now)
	if !v.Done {
		s.mu.Unlock()
		return v.Next.Sub(now), true
	}
	if v.Abandoned == nil || v.Abandoned.Hook.Transition != lifecycle.Launching {
		i.activity.status = "InProgress"
		s.mu.Unlock()
		return 0, true
	}
	message := fmt.Sprintf("Instance failed to complete user's Lifecycle Action: Lifecycle Action with token %s was abandoned: %s", v.Abandoned.Token, v.Abandoned.Reason)
	event, resources := s.failedLocked(i.group, i.activity, i, "Cancelled", message)
	s.moveLocked(i, fmt.Sprintf("At %s an instance was taken out of service in response to a launch failure.", now.UTC().Format(time.RFC3339)))
	s.mu.Unlock()
	s.deps.Events(lifecycle.EventLaunchFailed, event, resources)
	return 0, false
}

// takeOut is the way from Terminating to gone, or to where a retained instance stays.
func (s *Service) takeOut(i *instance, next <-chan struct{}) (gone bool) {
	g := i.group
	s.drain(i)
	if !s.hold(i, next) {
		return false
	}
	s.mu.Lock()
	bound := i.life.Bound()
	s.mu.Unlock()
	if bound.Retained() {
		s.arrive(i, next, lifecycle.EventTerminated)
		return false
	}
	if !s.insist("terminating an instance", i, next, func(ctx context.Context) error { return s.cloud.Terminate(ctx, i.id) }) {
		return false
	}
	s.deps.Terminated(i.id)
	s.mu.Lock()
	i.life.Arrive()
	g.instances = slices.DeleteFunc(g.instances, func(other *instance) bool { return other == i })
	i.activity.finish(s.deps.Clock.Now(), "Successful", "")
	event, resources := s.activityEventLocked(g, i.activity, i)
	s.removeIfEmptyLocked(g)
	s.mu.Unlock()
	s.deps.Events(lifecycle.EventTerminated, event, resources)
	g.kick()
	return true
}

// insist does something with a machine until it succeeds. It returns false when the
// instance's move is over before that.
func (s *Service) insist(what string, i *instance, next <-chan struct{}, do func(context.Context) error) bool {
	for {
		err := do(s.ctx)
		if err == nil {
			return true
		}
		if s.ctx.Err() != nil {
			return false
		}
		s.deps.Logger.Error(what, "instance", i.id, "error", err)
		select {
		case <-s.deps.Clock.After(s.deps.CheckInterval):
		case <-next:
			return false
		case <-s.ctx.Done():
			return false
		}
	}
}

// drain takes the instance out of its target groups and waits out their deregistration
// delay, shortened to one step: real delays are minutes.
func (s *Service) drain(i *instance) {
	s.mu.Lock()
	registered, served := i.registered, i.life.WasInService()
	targetGroups := slices.Clone(i.group.targetGroups)
	i.registered = false
	s.mu.Unlock()
	if !registered && !served {
		return
	}
	delays, err := s.cloud.TargetGroups(s.ctx, targetGroups)
	if err != nil && !notFound(err) && s.ctx.Err() == nil {
		s.deps.Logger.Error("reading target groups", "instance", i.id, "error", err)
	}
	longest := 0
	for _, arn := range targetGroups {
		if err := s.cloud.Deregister(s.ctx, arn, i.id); err != nil && s.ctx.Err() == nil {
			s.deps.Logger.Error("deregistering a target", "instance", i.id, "target_group", arn, "error", err)
		}
		longest = max(longest, delays[arn])
	}
	if !served || longest == 0 {
		return
	}
	select {
	case <-s.deps.Clock.After(s.deps.Step):
	case <-s.ctx.Done():
	}
}
