package autoscaling

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/awsapi"
)

// Detail types of the events that are not a hook's.
const (
	eventLaunched       = "EC2 Instance Launch Successful"
	eventLaunchFailed   = "EC2 Instance Launch Unsuccessful"
	eventTerminated     = "EC2 Instance Terminate Successful"
	eventLaunchHook     = "EC2 Instance-launch Lifecycle Action"
	eventTerminateHook  = "EC2 Instance-terminate Lifecycle Action"
	maxActivities       = 200
	firstPauseInSteps   = 4
	launchDescription   = "Launching a new EC2 instance"
	terminateDescribing = "Terminating EC2 instance: "
)

// runGroup keeps a group at its desired capacity until the group or the service ends.
func (s *Service) runGroup(g *group) {
	for {
		pause := s.balance(g)
		if pause < 0 {
			return
		}
		var timer <-chan time.Time
		if pause > 0 {
			timer = s.deps.Clock.After(pause)
		}
		select {
		case <-s.ctx.Done():
			return
		case <-g.wake:
		case <-timer:
		}
	}
}

// balance starts and ends instances. It returns how long to wait before the next look
// (zero: until something changes), or less than zero when the group is gone.
func (s *Service) balance(g *group) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.groups[g.name] != g {
		return -1
	}
	if g.deleting {
		return 0
	}
	now := s.deps.Clock.Now()
	missing := g.desired - g.live()
	switch {
	case missing > 0 && !g.isSuspended("Launch"):
		if wait := g.noLaunchBefore.Sub(now); wait > 0 {
			return wait
		}
		cause := fmt.Sprintf("At %s an instance was started in response to a difference between desired and actual capacity, increasing the capacity from %d to %d.",
			now.UTC().Format(time.RFC3339), g.live(), g.desired)
		for range missing {
			s.launchLocked(g, cause)
		}
	case missing < 0 && !g.isSuspended("Terminate"):
		cause := fmt.Sprintf("At %s an instance was taken out of service in response to a difference between desired and actual capacity, shrinking the capacity from %d to %d.",
			now.UTC().Format(time.RFC3339), g.live(), g.desired)
		for _, id := range scaleInChoice(g.scaleInMembers(), -missing) {
			if i := g.instance(id); i != nil {
				s.sendAwayLocked(i, departure{cause: cause})
			}
		}
	}
	return 0
}

func (g *group) instance(id string) *instance {
	for _, i := range g.instances {
		if i.id == id {
			return i
		}
	}
	return nil
}

func (g *group) scaleInMembers() []member {
	newest := ""
	for _, i := range g.instances {
		if len(i.template.Version) > len(newest) || (len(i.template.Version) == len(newest) && i.template.Version > newest) {
			newest = i.template.Version
		}
	}
	var out []member
	for _, i := range g.instances {
		if !i.leaving() {
			out = append(out, member{id: i.id, zone: i.zone, outdated: i.template.Version != newest, protected: i.protected, launched: i.launched})
		}
	}
	return out
}

func (s *Service) findInstance(id string) (*group, *instance) {
	for _, g := range s.groups {
		if i := g.instance(id); i != nil {
			return g, i
		}
	}
	return nil, nil
}

// sendAwayLocked makes an instance leave, once.
func (s *Service) sendAwayLocked(i *instance, how departure) {
	if i.leaving() {
		if how.skipHooks && !i.leaveHow.skipHooks {
			i.leaveHow.skipHooks = true
			i.signal()
		}
		return
	}
	i.leaveHow = how
	i.terminate = s.startActivityLocked(i.group, terminateDescribing+i.id, how.cause, i.zone, i.subnet)
	close(i.leave)
}

func (s *Service) startActivityLocked(g *group, description, cause, zone, subnet string) *activity {
	a := &activity{
		id: uuid.NewString(), groupName: g.name, groupARN: g.arn, description: description, cause: cause,
		start: s.deps.Clock.Now(), status: "InProgress", detail: details(zone, subnet),
	}
	g.activities = append(g.activities, a)
	if len(g.activities) > maxActivities {
		g.activities = g.activities[1:]
	}
	return a
}

// launchLocked starts a worker that brings up one instance and stays with it to its end.
func (s *Service) launchLocked(g *group, cause string) {
	inSubnet := map[string]int{}
	for _, i := range g.instances {
		if !i.leaving() {
			inSubnet[i.subnet]++
		}
	}
	for subnet, n := range g.starting {
		inSubnet[subnet] += n
	}
	subnet := leastUsedSubnet(g.subnets, g.zones, inSubnet)
	g.starting[subnet]++
	a := s.startActivityLocked(g, launchDescription, cause, g.zones[subnet], subnet)
	ref := g.template
	tags := map[string]string{"aws:autoscaling:groupName": g.name}
	for _, t := range g.tags {
		if t.Propagate {
			tags[t.Key] = t.Value
		}
	}
	s.backgroundLocked(func() { s.runInstance(g, a, ref, subnet, tags) })
}

// runInstance is the life of one instance.
func (s *Service) runInstance(g *group, a *activity, ref templateRef, subnet string, tags map[string]string) {
	i, err := s.boot(g, a, ref, subnet, tags)
	if err != nil {
		s.launchFailed(g, a, nil, "Failed", err.Error())
		return
	}
	abandoned := s.bringIntoService(i, a)
	select {
	case <-s.ctx.Done():
		return
	case <-i.leave:
	}
	s.takeOut(i, abandoned)
}

// boot starts the machine and adds it to the group.
func (s *Service) boot(g *group, a *activity, ref templateRef, subnet string, tags map[string]string) (*instance, error) {
	tmpl, err := s.cloud.Template(s.ctx, ref)
	if err != nil {
		return nil, s.notStarted(g, subnet, err)
	}
	m, err := s.cloud.Run(s.ctx, launchSpec{template: tmpl, subnet: subnet, tags: tags, token: a.id})
	if err != nil {
		return nil, s.notStarted(g, subnet, err)
	}
	i := &instance{
		group: g, id: m.id, eni: m.eni, subnet: subnet, zone: m.zone, state: statePending, health: healthy,
		template: tmpl.ref, instanceType: m.instanceType, imageID: m.imageID, launched: s.deps.Clock.Now(),
		leave: make(chan struct{}), changed: make(chan struct{}, 1),
	}
	s.mu.Lock()
	i.protected = g.protectedFromScaleIn
	g.starting[subnet]--
	g.instances = append(g.instances, i)
	a.description = launchDescription + ": " + i.id
	a.detail = details(i.zone, subnet)
	if g.deleting {
		s.sendAwayLocked(i, departure{cause: "The AutoScalingGroup is being deleted.", skipHooks: true})
	}
	s.mu.Unlock()
	s.pause(i)
	if err := s.deps.Launched(s.ctx, Instance{ID: m.id, NetworkInterfaceID: m.eni, PrivateIP: m.privateIP, UserData: tmpl.userData}); err != nil && s.ctx.Err() == nil {
		s.deps.Logger.Error("an instance's software did not start", "instance", m.id, "error", err)
	}
	// The group may have shrunk while the machine started.
	g.kick()
	return i, nil
}

func (s *Service) notStarted(g *group, subnet string, err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	g.starting[subnet]--
	s.removeIfEmptyLocked(g)
	return fmt.Errorf("%w. Launching EC2 instance failed", err)
}

// pause lets one step pass, or less when the instance must leave.
func (s *Service) pause(i *instance) {
	select {
	case <-s.deps.Clock.After(s.deps.Step):
	case <-i.leave:
	case <-s.ctx.Done():
	}
}

// launchFailed ends a launch's activity and delays the next one: the first failure costs
// a few steps, each further one in a row twice the last.
func (s *Service) launchFailed(g *group, a *activity, i *instance, status, message string) {
	if s.ctx.Err() != nil {
		return
	}
	s.mu.Lock()
	now := s.deps.Clock.Now()
	a.finish(now, status, message)
	g.failures++
	wait := s.deps.MaxLaunchPause
	if shift := g.failures - 1; shift < 20 {
		wait = min(wait, s.deps.Step*firstPauseInSteps<<shift)
	}
	g.noLaunchBefore = now.Add(wait)
	event, resources := s.activityEvent(a, i)
	s.mu.Unlock()
	s.deps.Events(eventLaunchFailed, event, resources)
	g.kick()
}

// bringIntoService runs launch hooks, registers the instance and puts it in service. It
// reports whether a hook abandoned the launch; then the instance is leaving.
func (s *Service) bringIntoService(i *instance, a *activity) (abandoned bool) {
	outcome := s.hold(i, transitionLaunching, statePendingWait, a)
	switch {
	case outcome.left:
		s.mu.Lock()
		a.finish(s.deps.Clock.Now(), "Cancelled", "The instance was terminated before it was in service.")
		s.mu.Unlock()
		return false
	case outcome.abandoned != nil:
		message := fmt.Sprintf("Instance failed to complete user's Lifecycle Action: Lifecycle Action with token %s was abandoned: %s",
			outcome.abandoned.token, outcome.abandoned.reason)
		s.mu.Lock()
		s.sendAwayLocked(i, departure{
			cause:     fmt.Sprintf("At %s an instance was taken out of service in response to a launch failure.", s.deps.Clock.Now().UTC().Format(time.RFC3339)),
			skipHooks: !s.deps.TerminateHooksAfterAbandon,
		})
		s.mu.Unlock()
		s.launchFailed(i.group, a, i, "Cancelled", message)
		return true
	}
	s.mu.Lock()
	targets := slices.Clone(i.group.targetGroups)
	suspended := i.group.isSuspended("AddToLoadBalancer")
	s.mu.Unlock()
	if !suspended {
		s.register(i.id, targets)
	}
	s.mu.Lock()
	if i.leaving() {
		a.finish(s.deps.Clock.Now(), "Cancelled", "The instance was terminated before it was in service.")
		s.mu.Unlock()
		return false
	}
	now := s.deps.Clock.Now()
	i.state, i.inService = stateInService, now
	i.group.failures = 0
	a.finish(now, "Successful", "")
	event, resources := s.activityEvent(a, i)
	s.mu.Unlock()
	s.deps.Events(eventLaunched, event, resources)
	return false
}

func (s *Service) register(instanceID string, targetGroups []string) {
	for _, arn := range targetGroups {
		if err := s.cloud.Register(s.ctx, arn, instanceID); err != nil && s.ctx.Err() == nil {
			s.deps.Logger.Error("registering a target", "instance", instanceID, "target_group", arn, "error", err)
		}
	}
}

// outcome of holding an instance for its hooks; at most one is set.
type outcome struct {
	// left: the instance was sent away, or the service stops.
	left      bool
	abandoned *lifecycleAction
}

// hold runs the hooks of a transition. A launching instance can be sent away meanwhile; a
// terminating one only has its hooks cut short by a forced deletion.
func (s *Service) hold(i *instance, transition, waiting string, a *activity) outcome {
	launching := transition == transitionLaunching
	s.mu.Lock()
	if launching && i.leaving() || !launching && i.leaveHow.skipHooks {
		s.mu.Unlock()
		return outcome{left: true}
	}
	events := s.startActionsLocked(i, transition)
	resources := []string{i.group.arn}
	if len(events) > 0 {
		i.state = waiting
		a.status, a.progress = "MidLifecycleAction", 40
	}
	s.mu.Unlock()
	if len(events) == 0 {
		return outcome{}
	}
	detailType := eventLaunchHook
	if !launching {
		detailType = eventTerminateHook
	}
	for _, e := range events {
		s.deps.Events(detailType, e, resources)
	}
	out := s.awaitActions(i, launching)
	s.mu.Lock()
	defer s.mu.Unlock()
	i.actions = nil
	if out.left || out.abandoned != nil {
		return out
	}
	if launching {
		i.state = statePendingProceed
	} else {
		i.state = stateTerminatingProceed
	}
	a.status = "InProgress"
	return out
}

func (s *Service) awaitActions(i *instance, launching bool) outcome {
	leave := i.leave
	if !launching {
		leave = nil
	}
	for {
		s.mu.Lock()
		now := s.deps.Clock.Now()
		v := judge(i.actions, now)
		cut := !launching && i.leaveHow.skipHooks
		s.mu.Unlock()
		switch {
		case cut:
			return outcome{left: true}
		case v.done:
			return outcome{abandoned: v.abandoned}
		}
		select {
		case <-s.deps.Clock.After(v.next.Sub(now)):
		case <-i.changed:
		case <-leave:
			return outcome{left: true}
		case <-s.ctx.Done():
			return outcome{left: true}
		}
	}
}

// takeOut is the way from Terminating to gone.
func (s *Service) takeOut(i *instance, abandoned bool) {
	g := i.group
	s.mu.Lock()
	i.state = stateTerminating
	registered := !i.inService.IsZero()
	targets := slices.Clone(g.targetGroups)
	a := i.terminate
	s.mu.Unlock()
	// The group must not wait for a leaving instance before it replaces it.
	g.kick()
	if registered || !abandoned {
		s.drain(i, targets, registered)
	}
	s.hold(i, transitionTerminating, stateTerminatingWait, a)
	if s.ctx.Err() != nil {
		return
	}
	for {
		err := s.cloud.Terminate(s.ctx, i.id)
		if err == nil {
			break
		}
		if s.ctx.Err() != nil {
			return
		}
		s.deps.Logger.Error("terminating an instance", "instance", i.id, "error", err)
		select {
		case <-s.deps.Clock.After(s.deps.CheckInterval):
		case <-s.ctx.Done():
			return
		}
	}
	s.deps.Terminated(i.id)
	s.mu.Lock()
	g.instances = slices.DeleteFunc(g.instances, func(other *instance) bool { return other == i })
	a.finish(s.deps.Clock.Now(), "Successful", "")
	event, resources := s.activityEvent(a, i)
	s.removeIfEmptyLocked(g)
	s.mu.Unlock()
	s.deps.Events(eventTerminated, event, resources)
	g.kick()
}

// drain takes the instance out of its target groups and waits out their deregistration
// delay, shortened to one step: real delays are minutes.
func (s *Service) drain(i *instance, targetGroups []string, registered bool) {
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
	if !registered || longest == 0 {
		return
	}
	select {
	case <-s.deps.Clock.After(s.deps.Step):
	case <-s.ctx.Done():
	}
}

// activityEvent is the detail of the launch and terminate events. i is nil when no
// instance came to be.
func (s *Service) activityEvent(a *activity, i *instance) (detail any, resources []string) {
	type activityDetail struct {
		StatusCode           string
		Description          string
		AutoScalingGroupName string
		ActivityID           string `json:"ActivityId"`
		Details              map[string]string
		RequestID            string `json:"RequestId"`
		StatusMessage        string
		EndTime              string
		EC2InstanceID        string `json:"EC2InstanceId,omitempty"`
		StartTime            string
		Cause                string
	}
	status := a.status
	if status == "Successful" {
		// Auto Scaling sends "InProgress" in its success events.
		status = "InProgress"
	}
	d := activityDetail{
		StatusCode: status, Description: a.description, AutoScalingGroupName: a.groupName, ActivityID: a.id,
		RequestID: a.id, StatusMessage: a.message, EndTime: timestamp(a.end), StartTime: timestamp(a.start), Cause: a.cause,
		Details: map[string]string{},
	}
	resources = []string{a.groupARN}
	if i != nil {
		d.EC2InstanceID = i.id
		d.Details["Availability Zone"], d.Details["Subnet ID"] = i.zone, i.subnet
		resources = append(resources, fmt.Sprintf("arn:aws:ec2:%s:%s:instance/%s", s.deps.Region, s.deps.AccountID, i.id))
	}
	return d, resources
}

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
			if i.leaving() {
				continue
			}
			c := candidate{i: i}
			grace := time.Duration(g.healthCheckGracePeriod) * time.Second
			if strings.Contains(g.healthCheckType, "ELB") && i.state == stateInService && now.Sub(i.inService) >= grace {
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
		if state := states[c.i.id]; state != "running" && state != "pending" {
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
	if err := refuseUnknown(r, "InstanceId", "HealthStatus", "ShouldRespectGracePeriod"); err != nil {
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
	inGrace := s.deps.Clock.Now().Sub(i.inService) < time.Duration(g.healthCheckGracePeriod)*time.Second
	s.mu.Unlock()
	switch {
	case status == healthy:
		s.mu.Lock()
		i.health = healthy
		s.mu.Unlock()
	case status != unhealthy:
		return nil, invalid("Invalid HealthStatus: %s", status)
	case (respect == nil || *respect) && inGrace:
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
	case *decrement && g.desired <= g.min:
		return nil, invalid("Currently, desiredSize equals minSize (%d). Terminating instance without replacement will violate group's min size constraint. Either set shouldDecrementDesiredCapacity flag to false or lower group's min size.", g.min)
	}
	if *decrement && !i.leaving() {
		g.desired--
	}
	s.sendAwayLocked(i, departure{cause: fmt.Sprintf("At %s instance %s was taken out of service in response to a user request.", s.deps.Clock.Now().UTC().Format(time.RFC3339), id)})
	g.kick()
	return struct{ Activity activityXML }{i.terminate.xml()}, nil
}
