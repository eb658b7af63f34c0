package assignertest

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/lifecycle"
)

// maxSize is the group's maximum size.
const maxSize = 1000

func isWarm(state string) bool { return lifecycle.State(state).InWarmPool() }

// members lists the lifecycles of the group's instances, warm pool included.
func (w *World) members() []*lifecycle.Instance {
	var out []*lifecycle.Instance
	for _, m := range w.machines {
		if m.member.last() != "" {
			out = append(out, m.life)
		}
	}
	return out
}

// record notes a member's lifecycle state after anything that may have changed it.
func (w *World) record(m *machine) {
	state := m.life.State()
	if state.Ended() {
		state = ""
	}
	if string(state) != m.member.last() {
		w.trace("%s is %s", m.id, cmpOr(string(state), "no member any more"))
		m.member.set(w.line.now, string(state))
		w.balanceSoon()
	}
}

func cmpOr(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

// later lets do happen unless the machine has begun another move by then.
func (w *World) later(m *machine, d time.Duration, do func()) {
	move := m.moves
	w.line.after(d, func() {
		if m.moves == move && m.member.last() != "" {
			do()
		}
	})
}

// balanceSoon has the group look at its capacity.
func (w *World) balanceSoon() {
	if w.balancing {
		return
	}
	w.balancing = true
	w.line.after(time.Second, func() {
		w.balancing = false
		w.balance()
	})
}

// balance does what Auto Scaling's rules decide for the group as it is.
func (w *World) balance() {
	census := lifecycle.Census{Desired: w.desired, Max: maxSize, Pool: w.group.Pool, NotBefore: w.backoff.Until(), LaunchSuspended: w.noReplacement}
	if w.refresh != nil {
		census.Surge = w.refresh.surge
	}
	inZone := map[string]int{}
	var serving, resting []lifecycle.Member
	for _, m := range w.machines {
		state := m.lifecycleState()
		one := lifecycle.Member{ID: m.id, Zone: m.zone, Outdated: m.generation < w.generation, Launched: m.launched}
		switch {
		case state.Capacity():
			census.Live++
			inZone[m.zone]++
			serving = append(serving, one)
		case state.Warm():
			census.Warm++
			if state.Resting() {
				census.Resting++
				resting = append(resting, one)
			}
		}
	}
	decision := lifecycle.Balance(census, w.line.now)
	for _, id := range lifecycle.StartChoice(resting, inZone, decision.Start) {
		w.startResting(w.machine(id))
	}
	for range decision.Launch {
		w.launch(lifecycle.AutoScalingGroup)
	}
	for range decision.Warm {
		w.launch(lifecycle.WarmPool)
	}
	for _, id := range lifecycle.ScaleInChoice(serving, decision.Terminate) {
		w.sendAway(w.machine(id), lifecycle.Departure{Reuse: w.group.Pool.Reuses()})
	}
	for _, one := range resting[:min(decision.Cool, len(resting))] {
		w.sendAway(w.machine(one.ID), lifecycle.Departure{})
	}
	if decision.Wait > 0 {
		w.line.after(decision.Wait, w.balanceSoon)
	}
}

// launch brings up one machine in the zone that has the fewest.
func (w *World) launch(to lifecycle.Place) {
	subnets, zones, in := w.subnets()
	m := w.newMachine(zones[lifecycle.LeastUsedSubnet(subnets, zones, in)])
	w.trace("%s is launched for %s", m.id, to)
	m.life = lifecycle.New(m.id, to, w.group)
	w.boot(m)
	w.record(m)
	w.later(m, m.between(2*time.Second, 15*time.Second), func() { w.hold(m) })
}

func (w *World) subnets() (subnets []string, zones map[string]string, inSubnet map[string]int) {
	zones, inSubnet = map[string]string{}, map[string]int{}
	for n := range w.schedule.Zones {
		subnet := fmt.Sprintf("subnet-%d", n)
		subnets = append(subnets, subnet)
		zones[subnet] = "us-east-1" + string(rune('a'+n))
	}
	for _, m := range w.machines {
		if !m.lifecycleState().Capacity() {
			continue
		}
		for subnet, zone := range zones {
			if zone == m.zone {
				inSubnet[subnet]++
			}
		}
	}
	return subnets, zones, inSubnet
}

// startResting takes a machine out of the warm pool.
func (w *World) startResting(m *machine) {
	if !m.life.Start() {
		return
	}
	m.moves++
	m.launched = w.line.now // EC2 shows the last start
	w.boot(m)
	w.record(m)
	w.later(m, m.between(2*time.Second, 15*time.Second), func() { w.hold(m) })
}

// hold asks the hooks, by events, and waits for what they say.
func (w *World) hold(m *machine) {
	for _, e := range m.life.Hold(w.group, w.line.now) {
		w.emit(w.lifecycleEvent(e))
	}
	w.record(m)
	w.judge(m)
}

// lifecycleEvent is EventBridge's envelope around a hook's event.
func (w *World) lifecycleEvent(e lifecycle.Event) json.RawMessage {
	detail, err := json.Marshal(e)
	if err != nil {
		panic(err) // strings only
	}
	payload := fmt.Appendf(nil, `{"version":"0","id":%q,"detail-type":%q,"source":"aws.autoscaling","account":%q,"time":%q,"region":"us-east-1","resources":["arn:aws:autoscaling:us-east-1:%s:autoScalingGroup:7:autoScalingGroupName/%s"],"detail":%s}`,
		w.newID("event"), e.DetailType, accountID, w.line.now.Format(time.RFC3339), accountID, GroupName, detail)
	w.Events = append(w.Events, payload)
	return payload
}

// judge sees whether a machine's wait is over.
func (w *World) judge(m *machine) {
	launching := m.life.Transition() == lifecycle.Launching
	verdict := m.life.Judge(w.group, w.line.now)
	w.record(m)
	switch {
	case !verdict.Done:
		move := m.moves
		w.line.at(verdict.Next, func() {
			if m.moves == move && m.member.last() != "" && m.life.State().Waiting() {
				w.judge(m)
			}
		})
	case verdict.Abandoned != nil && launching:
		w.trace("the launch of %s is abandoned: %s", m.id, verdict.Abandoned.Reason)
		w.backoff.Failed(w.line.now)
		w.departed(m)
	default:
		w.later(m, m.between(500*time.Millisecond, 3*time.Second), func() { w.arrive(m) })
	}
}

// sendAway has a machine leave the group.
func (w *World) sendAway(m *machine, how lifecycle.Departure) {
	if m.life.Leave(w.group, how) {
		w.departed(m)
	}
}

// departed lets a machine that has begun to leave drain, and then asks the hooks.
func (w *World) departed(m *machine) {
	m.moves++
	drain := time.Duration(0)
	if m.life.WasInService() {
		drain = m.between(2*time.Second, 30*time.Second)
	}
	w.record(m)
	w.later(m, drain, func() { w.hold(m) })
}

// arrive does what the end of a move asks for.
func (w *World) arrive(m *machine) {
	done := func() {
		m.life.Arrive()
		w.record(m)
	}
	move := m.moves
	switch bound := m.life.Bound(); {
	case bound == lifecycle.InService:
		w.backoff.Succeeded()
		m.inService = w.line.now
		done()
		w.checkEntry(m)
	case bound.Ended():
		w.end(m, func() {
			if m.moves == move {
				done()
			}
		})
	case bound == lifecycle.WarmedStopped:
		w.rest(m, done)
	default:
		done()
	}
}

// rest stops a machine that has come to the warm pool.
func (w *World) rest(m *machine, done func()) {
	if !m.alive() {
		// It has ended meanwhile: the health check finds it.
		done()
		return
	}
	m.state.set(w.line.now, stateStopping)
	move := m.moves
	w.line.after(m.between(time.Second, 10*time.Second), func() {
		if m.state.last() != stateStopping {
			return
		}
		m.state.set(w.line.now, stateStopped)
		w.book.StopInstance(m.id)
		if m.moves == move {
			done()
		}
	})
}

// complete is CompleteLifecycleAction.
func (w *World) complete(hook, token, instanceID, result string) error {
	i, err := lifecycle.Complete(w.members(), lifecycle.Call{Hook: hook, Token: token, InstanceID: instanceID}, lifecycle.Result(result), w.line.now)
	if err != nil {
		return asSDK(err)
	}
	m := w.machine(i.ID())
	w.line.after(0, func() {
		if m.member.last() != "" && m.life.State().Waiting() {
			w.judge(m)
		}
	})
	return nil
}

// heartbeat is RecordLifecycleActionHeartbeat.
func (w *World) heartbeat(hook, token, instanceID string) error {
	_, err := lifecycle.Heartbeat(w.members(), lifecycle.Call{Hook: hook, Token: token, InstanceID: instanceID}, w.line.now)
	return asSDK(err)
}

// refresh is an instance refresh that goes on.
type refresh struct {
	limits lifecycle.Refresh
	surge  int
}

// refreshEvery is how often a refresh looks what it may do next.
const refreshEvery = 20 * time.Second

func (w *World) startRefresh(maxHealthy int) {
	w.generation++
	limits := lifecycle.Refresh{MinHealthy: max(0, maxHealthy-100), MaxHealthy: maxHealthy}
	if maxHealthy == 100 {
		limits.MinHealthy = 50
	}
	running := w.refresh != nil
	w.refresh = &refresh{limits: limits}
	if !running {
		w.refreshOn()
	}
}

func (w *World) refreshOn() {
	if w.refresh == nil {
		return
	}
	if w.Elapsed() > w.schedule.Active {
		// Whoever began it cancels it: a refresh that launches first waits for ever on a pool without a spare address.
		w.refresh = nil
		w.balanceSoon()
		return
	}
	var members []lifecycle.RefreshMember
	for _, m := range w.machines {
		if state := m.lifecycleState(); state.Capacity() {
			members = append(members, lifecycle.RefreshMember{ID: m.id, Replace: m.generation < w.generation, Healthy: state == lifecycle.InService})
		}
	}
	plan := w.refresh.limits.Plan(w.desired, members)
	w.refresh.surge = plan.Surge
	for _, id := range plan.Terminate {
		w.sendAway(w.machine(id), lifecycle.Departure{})
	}
	w.balanceSoon()
	if plan.Done {
		w.refresh = nil
		return
	}
	w.line.after(refreshEvery, w.refreshOn)
}
