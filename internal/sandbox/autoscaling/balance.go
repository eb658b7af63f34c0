package autoscaling

import (
	"fmt"
	"slices"
	"time"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/lifecycle"
)

// firstPauseInSteps is the pause after a failed launch, in Deps.Step.
const firstPauseInSteps = 4

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
	surge, wait := s.refreshLocked(g, now)
	if more, sooner := s.expireLocked(g, now); more > 0 || sooner > 0 {
		surge, wait = more, sooner
	}
	d := lifecycle.Balance(g.census(surge), now)
	s.followLocked(g, d, g.desired+surge, now)
	s.removeEmptyPoolLocked(g)
	if wait == 0 || d.Wait > 0 && d.Wait < wait {
		wait = d.Wait
	}
	return wait
}

// followLocked does what was decided for a group that wants this many instances.
func (s *Service) followLocked(g *group, d lifecycle.Decision, wanted int, now time.Time) {
	difference := func(what, change string) string {
		return fmt.Sprintf("At %s an instance was %s in response to a difference between desired and actual capacity, %s the capacity from %d to %d.",
			now.UTC().Format(time.RFC3339), what, change, g.live(), wanted)
	}
	cause := difference("started", "increasing")
	if d.Start > 0 {
		for _, id := range lifecycle.StartChoice(g.members(g.startable), g.inZone(), d.Start) {
			s.startLocked(g.instance(id), cause)
		}
	}
	for range d.Launch {
		s.launchLocked(g, lifecycle.AutoScalingGroup, cause)
	}
	if d.Terminate > 0 {
		cause := difference("taken out of service", "shrinking")
		for _, id := range lifecycle.ScaleInChoice(g.members(inState(lifecycle.State.Capacity)), d.Terminate) {
			s.sendAwayLocked(g.instance(id), departure{cause: cause, reuse: g.pool.Reuses()})
		}
	}
	for range d.Warm {
		s.launchLocked(g, lifecycle.WarmPool, fmt.Sprintf("At %s an instance was launched into the warm pool, which was below its size.", now.UTC().Format(time.RFC3339)))
	}
	if d.Cool > 0 {
		cause := fmt.Sprintf("At %s an instance was terminated in the warm pool, which was above its size.", now.UTC().Format(time.RFC3339))
		for _, id := range lifecycle.ScaleInChoice(g.members(inState(lifecycle.State.Warm)), d.Cool) {
			s.sendAwayLocked(g.instance(id), departure{cause: cause})
		}
	}
}

// inState asks about an instance's state.
func inState(in func(lifecycle.State) bool) func(*instance) bool {
	return func(i *instance) bool { return in(i.life.State()) }
}

// members are the instances in question, as choices see them. Protection from scale-in does
// not count in the warm pool.
func (g *group) members(in func(*instance) bool) []lifecycle.Member {
	newest := ""
	for _, i := range g.instances {
		if len(i.template.Version) > len(newest) || (len(i.template.Version) == len(newest) && i.template.Version > newest) {
			newest = i.template.Version
		}
	}
	var out []lifecycle.Member
	for _, i := range g.instances {
		if in(i) {
			out = append(out, lifecycle.Member{
				ID: i.id, Zone: i.zone, Outdated: i.template.Version != newest, Protected: i.protected && !i.life.State().InWarmPool(), Launched: i.launched,
			})
		}
	}
	return out
}

// inZone counts the members and launches of the group in each zone.
func (g *group) inZone() map[string]int {
	out := map[string]int{}
	for subnet, n := range g.inSubnet(lifecycle.State.Capacity, g.starting) {
		out[g.zones[subnet]] += n
	}
	return out
}

// inSubnet counts, by subnet, the instances whose state is in question and launches.
func (g *group) inSubnet(in func(lifecycle.State) bool, launches map[string]int) map[string]int {
	out := map[string]int{}
	for _, i := range g.instances {
		if in(i.life.State()) {
			out[i.subnet]++
		}
	}
	for subnet, n := range launches {
		out[subnet] += n
	}
	return out
}

// launchLocked starts a worker that brings up one instance, in the group or its warm pool,
// and stays with it to its end.
func (s *Service) launchLocked(g *group, to lifecycle.Place, cause string) {
	in, launches := lifecycle.State.Capacity, g.starting
	if to == lifecycle.WarmPool {
		in, launches = lifecycle.State.Warm, g.warming
	}
	g.launches++
	l := launch{
		group: g, to: to, serial: g.launches, template: g.launchTemplate(), tags: map[string]string{"aws:autoscaling:groupName": g.name},
		subnet: lifecycle.LeastUsedSubnet(g.subnets, g.zones, g.inSubnet(in, launches)), pending: launches,
	}
	launches[l.subnet]++
	l.activity = s.startActivityLocked(g, activity{description: launching(to), cause: cause, detail: details(g.zones[l.subnet], l.subnet), from: lifecycle.EC2, to: to})
	for _, t := range g.tags {
		if t.Propagate {
			l.tags[t.Key] = t.Value
		}
	}
	s.backgroundLocked(func() { s.runInstance(l) })
}

// departure says why and how an instance leaves.
type departure struct {
	cause     string
	skipHooks bool
	// reuse returns it to the warm pool.
	reuse bool
}

// sendAwayLocked makes an instance leave, once.
func (s *Service) sendAwayLocked(i *instance, how departure) {
	if i.life.Leave(s.rules(i.group), lifecycle.Departure{SkipHooks: how.skipHooks, Reuse: how.reuse}) {
		s.moveLocked(i, how.cause)
		return
	}
	// Hooks may be skipped from now on.
	i.signal()
}

// startLocked takes a resting instance out of the warm pool into the group.
func (s *Service) startLocked(i *instance, cause string) {
	if i.life.Start() {
		s.moveLocked(i, cause)
	}
}

// moveLocked makes the instance's worker follow the move that the instance has begun.
func (s *Service) moveLocked(i *instance, cause string) {
	if i.activity != nil && !i.activity.finished() {
		i.activity.finish(s.deps.Clock.Now(), "Cancelled", "The instance was terminated before it was in service.")
	}
	i.activity = s.startActivityLocked(i.group, activity{
		description: moveDescription(i.life), cause: cause, detail: details(i.zone, i.subnet), from: i.life.From(), to: i.life.To(),
	})
	close(i.next)
	i.next = make(chan struct{})
	// The group must not wait for a leaving instance before it replaces it.
	i.group.kick()
}

func (s *Service) findInstance(id string) (*group, *instance) {
	for _, g := range s.groups {
		if i := g.instance(id); i != nil {
			return g, i
		}
	}
	return nil, nil
}

// failedLocked ends a launch's activity and delays the next launch. It returns the event to send.
func (s *Service) failedLocked(g *group, a *activity, i *instance, status, message string) (detail any, resources []string) {
	now := s.deps.Clock.Now()
	a.finish(now, status, message)
	g.backoff.Failed(now)
	g.kick()
	return s.activityEventLocked(g, a, i)
}

// removeEmptyPoolLocked forgets a warm pool under deletion once its last instance is gone.
func (s *Service) removeEmptyPoolLocked(g *group) {
	if g.pool == nil || !g.pool.Deleting {
		return
	}
	for _, n := range g.warming {
		if n > 0 {
			return
		}
	}
	if !slices.ContainsFunc(g.instances, func(i *instance) bool { return i.life.State().InWarmPool() }) {
		g.pool = nil
	}
}
