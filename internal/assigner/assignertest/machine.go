package assignertest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/elasticip"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/lifecycle"
)

// EC2's instance states.
const (
	statePending      = "pending"
	stateRunning      = "running"
	stateStopping     = "stopping"
	stateStopped      = "stopped"
	stateShuttingDown = "shutting-down"
	stateTerminated   = "terminated"
)

// past is a value and what it was before; the zero value was always "".
type past []moment

type moment struct {
	since time.Time
	value string
}

func (p past) last() string {
	if len(p) == 0 {
		return ""
	}
	return p[len(p)-1].value
}

func (p past) asOf(when time.Time) string {
	for _, m := range slices.Backward(p) {
		if !m.since.After(when) {
			return m.value
		}
	}
	return ""
}

func (p *past) set(when time.Time, value string) {
	if p.last() != value {
		*p = append(*p, moment{when, value})
	}
}

// machine is an EC2 instance.
type machine struct {
	id, eni, privateIP, zone string
	// second is the interface with device index 1, if it has one.
	second   string
	launched time.Time
	tags     map[string]string
	rng      *rand.Rand
	// state is EC2's, member Auto Scaling's lifecycle state, "" once the group does not have it.
	state, member past
	life          *lifecycle.Instance
	// moves counts the moves of its lifecycle begun so far: what was due in an earlier one is void.
	moves      int
	generation int
	inService  time.Time
	// handled is when another actor last changed what it holds.
	handled time.Time
}

type networkInterface struct {
	id         string
	privateIPs []string
}

// interfaces lists the interfaces by device index. The primary one has a second private address.
func (m *machine) interfaces() []networkInterface {
	out := []networkInterface{{m.eni, []string{m.privateIP, m.secondPrivateIP()}}}
	if m.second != "" {
		out = append(out, networkInterface{m.second, []string{m.privateIP + "00"}})
	}
	return out
}

func (m *machine) secondPrivateIP() string { return m.privateIP + "0" }

func (m *machine) target(interfaceID, privateIP string) elasticip.Target {
	return elasticip.Target{InterfaceID: interfaceID, InstanceID: m.id, PrivateIP: privateIP, OwnerID: accountID}
}

// between is one of the machine's own durations.
func (m *machine) between(least, most time.Duration) time.Duration {
	return least + upTo(m.rng, most-least)
}

// lifecycleState is Auto Scaling's for the machine, "" for one that the group does not have.
func (m *machine) lifecycleState() lifecycle.State { return lifecycle.State(m.member.last()) }

func (m *machine) alive() bool {
	return m.state.last() == stateRunning || m.state.last() == statePending
}

func (w *World) newMachine(zone string) *machine {
	n := len(w.machines) + 1
	rng := w.rng(streamMachine, n)
	m := &machine{
		id: fmt.Sprintf("i-0%016x", rng.Uint64()), eni: fmt.Sprintf("eni-0%016x", rng.Uint64()), privateIP: fmt.Sprintf("10.0.%d.%d", n/20, 1+n%20), zone: zone,
		launched: w.line.now, tags: map[string]string{PoolTagKey: PoolName, "aws:autoscaling:groupName": GroupName}, rng: rng, generation: w.generation,
	}
	if rng.IntN(4) == 0 {
		m.second = fmt.Sprintf("eni-0%016x", rng.Uint64())
	}
	w.machines = append(w.machines, m)
	w.byID[m.id] = m
	return m
}

func (w *World) machine(id string) *machine { return w.byID[id] }

// boot starts a machine; it runs some time later.
func (w *World) boot(m *machine) {
	m.state.set(w.line.now, statePending)
	if w.schedule.Automatic {
		w.book.LaunchWithPublicIP(m.target(m.eni, m.privateIP))
		w.book.StartInstance(m.id)
	}
	w.line.after(m.between(2*time.Second, 25*time.Second), func() {
		if m.state.last() == statePending {
			m.state.set(w.line.now, stateRunning)
		}
	})
}

// end is EC2's termination of a machine, whoever asked for it.
func (w *World) end(m *machine, gone func()) {
	if m.state.last() != stateTerminated && m.state.last() != stateShuttingDown {
		m.state.set(w.line.now, stateShuttingDown)
	}
	w.line.after(m.between(2*time.Second, 40*time.Second), func() {
		if m.state.last() != stateTerminated {
			m.state.set(w.line.now, stateTerminated)
			w.book.ForgetInstance(m.id)
			w.noteOwners()
		}
		gone()
	})
}
