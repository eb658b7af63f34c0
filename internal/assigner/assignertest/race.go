package assignertest

import (
	"time"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/eiptag"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/lifecycle"
)

// Contest is a number of instances that are launched at the same instant: one run of the function for
// each, and each run's first look at the addresses shows all of them free. Nothing else goes wrong.
type Contest struct {
	Launches, Addresses int
	// Waiting is how many of Addresses the firewall does not admit.
	Waiting int
	Zones   int
	// Seed decides latencies and ids.
	Seed uint64
	// Scheduled runs the function every minute besides.
	Scheduled bool
	// For is how long the contest goes on; zero is 15 minutes.
	For time.Duration
}

// Tally is what came of a contest.
type Tally struct {
	Launches, Addresses int
	// Calls counts the function's calls to AWS by operation; AllCalls is their sum.
	Calls    map[string]int
	AllCalls int
	// InService is how many instances are in service in the end.
	InService int
	// Steals counts associations that took an address from its holder. Doubles counts the addresses that
	// the function gave to more than one instance.
	Steals, Doubles int
	// Unassigned is how many instances have no address of the pool in the end, in service or not.
	Unassigned int
	// NotAdmitted is how many instances are in service with an Elastic IP that is not of the pool or
	// that the firewall does not admit.
	NotAdmitted int
	// Naked is how many of those in service have no Elastic IP at all.
	Naked int
	// Failed counts runs of the function that ended with an error.
	Failed int
	// Took is the time, in the world, until the last instance was in service.
	Took time.Duration
}

// AssociatePerLaunch is how many associations were asked for, on the average of the launches.
func (t Tally) AssociatePerLaunch() float64 {
	return float64(t.Calls["AssociateAddress"]) / float64(max(t.Launches, 1))
}

// CallsPerLaunch is how many calls were made, on the average of the launches.
func (t Tally) CallsPerLaunch() float64 { return float64(t.AllCalls) / float64(max(t.Launches, 1)) }

// Race has n instances launch at once on n addresses.
func Race(n int, f Function) Tally {
	return Contest{Launches: n, Addresses: n, Zones: 3, Seed: 1}.Run(f)
}

// Run plays the contest.
func (c Contest) Run(f Function) Tally {
	w := NewWorld(Schedule{Seed: c.Seed, Addresses: c.Addresses, Zones: c.Zones}, f, nil)
	defer w.Close()
	w.unrestricted, w.unscheduled, w.noReplacement = true, !c.Scheduled, true
	for n, a := range w.book.List() {
		if n < c.Waiting {
			_ = w.book.Retag([]string{a.AllocationID}, func(tags map[string]string) { tags[eiptag.Admission] = eiptag.AdmissionRequired }) // just listed
		}
	}
	seen := map[int]bool{}
	w.Script(func(call Call) Interference {
		if call.Op != "DescribeAddresses" || seen[call.Run] {
			return Interference{}
		}
		seen[call.Run] = true
		return Interference{Stale: w.Elapsed() + time.Second}
	})
	w.desired = c.Launches
	for range c.Launches {
		w.launchReady()
	}
	length := c.For
	if length == 0 {
		length = 15 * time.Minute
	}
	w.Run(length)
	return w.tally(c)
}

// launchReady launches a machine that runs and waits for its hook at once.
func (w *World) launchReady() {
	subnets, zones, in := w.subnets()
	m := w.newMachine(zones[lifecycle.LeastUsedSubnet(subnets, zones, in)])
	m.life = lifecycle.New(m.id, lifecycle.AutoScalingGroup, w.group)
	m.state.set(w.line.now, stateRunning)
	for _, e := range m.life.Hold(w.group, w.line.now) {
		w.Deliver(w.lifecycleEvent(e))
	}
	w.record(m)
	w.judge(m)
}

func (w *World) tally(c Contest) Tally {
	t := Tally{Launches: c.Launches, Addresses: c.Addresses, Calls: w.calls, Steals: w.book.Steals(), Failed: w.failed}
	for _, n := range w.calls {
		t.AllCalls += n
	}
	for _, holders := range w.given {
		if len(holders) > 1 {
			t.Doubles++
		}
	}
	for _, m := range w.machines {
		sound := w.sound(m)
		if len(sound) == 0 {
			t.Unassigned++
		}
		if m.lifecycleState() != lifecycle.InService {
			continue
		}
		t.InService++
		t.Took = max(t.Took, m.inService.Sub(epoch))
		switch held := w.holdings(m); {
		case len(held) == 0:
			t.Naked++
		case len(sound) == 0 || !servable(sound[0]):
			t.NotAdmitted++
		}
	}
	return t
}
