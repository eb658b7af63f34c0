package assignertest

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/elasticip"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/lifecycle"
)

// Instance is an instance of a world as it is.
type Instance struct {
	ID, InterfaceID, PrivateIP, Zone string
	// SecondInterfaceID is the interface with device index 1, or "".
	SecondInterfaceID string
	// State is EC2's, LifecycleState Auto Scaling's, "" once the group does not have the instance.
	State, LifecycleState string
	Tags                  map[string]string
	// Addresses are the Elastic IPs on its interfaces, of the pool or not.
	Addresses []elasticip.Address
}

// Instances lists every instance that there was, oldest first.
func (w *World) Instances() []Instance {
	out := make([]Instance, 0, len(w.machines))
	for _, m := range w.machines {
		out = append(out, Instance{
			ID: m.id, InterfaceID: m.eni, SecondInterfaceID: m.second, PrivateIP: m.privateIP, Zone: m.zone,
			State: m.state.last(), LifecycleState: m.member.last(), Tags: m.tags, Addresses: w.holdings(m),
		})
	}
	return out
}

// Instance is the instance with an id; the zero value if there is none.
func (w *World) Instance(id string) Instance {
	for _, i := range w.Instances() {
		if i.ID == id {
			return i
		}
	}
	return Instance{}
}

// In lists the instances in one of these lifecycle states, oldest first.
func (w *World) In(lifecycleStates ...string) []Instance {
	return slices.DeleteFunc(w.Instances(), func(i Instance) bool { return !slices.Contains(lifecycleStates, i.LifecycleState) })
}

// EventOf is the last event of a hook for an instance, or nil.
func (w *World) EventOf(hook, instanceID string) json.RawMessage {
	for _, event := range slices.Backward(w.Events) {
		if text := string(event); strings.Contains(text, hook) && strings.Contains(text, instanceID) {
			return event
		}
	}
	return nil
}

// Pool lists the pool's addresses.
func (w *World) Pool() []elasticip.Address { return w.pool() }

// Associate associates an address of the pool with an instance's primary interface, as another actor.
func (w *World) Associate(allocationID, instanceID string) error {
	m := w.machine(instanceID)
	m.handled = w.line.now
	defer w.noteOwners()
	_, err := w.book.Associate(allocationID, "", m.target(m.eni, m.privateIP), false)
	return err
}

// Disassociate frees an address, as another actor.
func (w *World) Disassociate(a elasticip.Address) error {
	w.touch(a)
	defer w.noteOwners()
	return w.book.Disassociate("", a.PublicIP.String())
}

// Retag changes an address's tags, as another actor.
func (w *World) Retag(a elasticip.Address, change func(tags map[string]string)) error {
	w.touch(a)
	return w.book.Retag([]string{a.AllocationID}, change)
}

// Terminate ends an instance at EC2 now, hooks or not; Auto Scaling finds out within a minute.
func (w *World) Terminate(instanceID string) {
	m := w.machine(instanceID)
	m.state.set(w.line.now, stateTerminated)
	w.book.ForgetInstance(m.id)
	w.noteOwners()
	w.foundDead(m, time.Minute)
}

// SendAway has an instance leave the group as on a scale-in.
func (w *World) SendAway(instanceID string) {
	w.desired--
	w.sendAway(w.machine(instanceID), lifecycle.Departure{Reuse: w.group.Pool.Reuses()})
}

// DeleteGroup deletes the group: its instances leave without hooks.
func (w *World) DeleteGroup() {
	w.groupDeleted = true
	w.desired = 0
	for _, m := range w.machines {
		if m.member.last() != "" {
			m.moves++
			m.member.set(w.line.now, "")
			w.end(m, func() {})
		}
	}
}

// Silence has nothing run the function from now on but Invoke and Deliver: no event, no schedule.
func (w *World) Silence() { w.unscheduled, w.silent = true, true }
