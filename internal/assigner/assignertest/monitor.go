package assignertest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/eiptag"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/elasticip"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/lifecycle"
)

// grace is how long after another actor's change a function may still act on what it read before: reads lag, and
// nobody can undo what happens in that time.
const grace = maxLag + 30*time.Second

func (w *World) violate(format string, args ...any) {
	text := fmt.Sprintf("at %s: ", w.Elapsed().Round(time.Millisecond)) + fmt.Sprintf(format, args...)
	w.trace("VIOLATION %s", text)
	w.Violations = append(w.Violations, text)
}

// holder is who has an address: an instance, or an interface of its own, or "".
func holder(a elasticip.Address) string {
	switch {
	case a.Association == nil:
		return ""
	case a.Association.Target.InstanceID != "":
		return a.Association.Target.InstanceID
	}
	return a.Association.Target.InterfaceID
}

// noteOwners remembers who has what after something that was not the function's doing.
func (w *World) noteOwners() {
	clear(w.owners)
	for _, a := range w.book.List() {
		w.owners[a.AllocationID] = holder(a)
	}
}

// look compares who had each address before a call of the function with who has it after.
func (w *World) look(call Call, err error) {
	switch call.Op {
	case "AssociateAddress", "DisassociateAddress", "ReleaseAddress":
	default:
		return
	}
	if err != nil {
		return
	}
	for _, a := range w.book.List() {
		before, after := w.owners[a.AllocationID], holder(a)
		if before == after {
			continue
		}
		w.owners[a.AllocationID] = after
		if after != "" {
			if w.given[a.AllocationID] == nil {
				w.given[a.AllocationID] = map[string]bool{}
			}
			w.given[a.AllocationID][after] = true
		}
		switch m := w.machine(before); {
		case before == "":
		case after != "":
			w.violate("run %d: %s (%s) changed hands from %s to %s without a release", call.Run, a.AllocationID, a.PublicIP, before, after)
		case a.Tags[PoolTagKey] != PoolName && !w.excused(w.machine(before), a):
			w.violate("run %d: %s took %s, which is not of the pool, from %s", call.Run, call.Op, a.PublicIP, before)
		case m == nil:
			w.violate("run %d: %s took %s from %s, which is no instance's", call.Run, call.Op, a.PublicIP, before)
		case m.lifecycleState() == lifecycle.InService && len(w.sound(m)) == 0 && !w.excused(m, a):
			w.violate("run %d: %s took %s from %s, which is in service and has no other", call.Run, call.Op, a.PublicIP, before)
		}
	}
}

// excused reports whether another actor has lately changed a machine or an address.
func (w *World) excused(m *machine, addresses ...elasticip.Address) bool {
	recent := func(t time.Time) bool { return !t.IsZero() && w.line.now.Sub(t) <= grace }
	return m != nil && recent(m.handled) || slices.ContainsFunc(addresses, func(a elasticip.Address) bool { return recent(w.handled[a.AllocationID]) })
}

// holdings lists the Elastic IPs on a machine's interfaces, of the pool or not.
func (w *World) holdings(m *machine) []elasticip.Address {
	var out []elasticip.Address
	for _, a := range w.book.List() {
		if holder(a) == m.id {
			out = append(out, a)
		}
	}
	return out
}

// sound lists the machine's addresses of the pool on the primary private address of its primary interface.
func (w *World) sound(m *machine) []elasticip.Address {
	return slices.DeleteFunc(w.holdings(m), func(a elasticip.Address) bool {
		to := a.Association.Target
		return a.Tags[PoolTagKey] != PoolName || to.InterfaceID != m.eni || to.PrivateIP != m.privateIP
	})
}

// servable reports whether a firewall lets an instance serve from an address with these tags.
func servable(a elasticip.Address) bool {
	admission, gated := a.Tags[eiptag.Admission]
	return a.Tags[eiptag.Lifecycle] != eiptag.LifecycleRetired && (!gated || admission == eiptag.AdmissionAdmitted)
}

// checkEntry judges a machine that enters service.
func (w *World) checkEntry(m *machine) {
	all, sound := w.holdings(m), w.sound(m)
	switch {
	case w.excused(m, all...):
	case len(sound) != 1 || len(all) != 1:
		w.violate("%s enters service with %s", m.id, listed(all))
	case !servable(sound[0]):
		w.violate("%s enters service on %s, which it may not serve from: %v", m.id, sound[0].PublicIP, sound[0].Tags)
	}
}

func listed(addresses []elasticip.Address) string {
	if len(addresses) == 0 {
		return "no address"
	}
	var words []string
	for _, a := range addresses {
		words = append(words, fmt.Sprintf("%s at %s", a.PublicIP, a.Association.Target.PrivateIP))
	}
	return strings.Join(words, " and ")
}

// Unsettled lists what keeps the world from the state that it shall come to when nobody disturbs it: every
// instance in service has exactly one address of the pool, the group has its desired capacity as far as there are addresses, nobody waits
// in vain, and what is gone, resting, retained or not of the group holds nothing.
func (w *World) Unsettled() []string {
	var out []string
	add := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	free := 0
	for _, a := range w.pool() {
		if !a.InUse() && eiptag.Claimable(a.Tags) {
			free++
		}
	}
	serving := 0
	for _, m := range w.machines {
		state, sound := m.lifecycleState(), w.sound(m)
		var pooled []elasticip.Address
		for _, a := range w.holdings(m) {
			if a.Tags[PoolTagKey] == PoolName {
				pooled = append(pooled, a)
			}
		}
		switch {
		case state == lifecycle.InService:
			serving++
			if len(pooled) == 0 && free == 0 && !m.handled.IsZero() {
				// Another actor took its address, and there is none to give it.
				continue
			}
			// One that a hand has put on the second private address is the hand's choice, if it is the only one.
			if len(pooled) != 1 || len(sound) != 1 && m.handled.IsZero() {
				add("%s is in service with %s", m.id, listed(pooled))
			}
		case state == lifecycle.PendingWait && free == 0:
		case state == "" || state.Resting() || state.Retained():
			if len(pooled) > 0 {
				add("%s (%q, %s) holds %s", m.id, state, m.state.last(), listed(pooled))
			}
		case state == lifecycle.Pending && free == 0:
		default:
			add("%s is %s", m.id, state)
		}
	}
	if serving > w.desired || serving < w.desired && free > 0 {
		add("%d instances are in service, %d are desired and %d addresses are free", serving, w.desired, free)
	}
	return out
}

// settleWithin is how long after the last fault the world may take: as long as an instance may wait for an
// address, and a pause between failing launches.
const settleWithin = 90 * time.Minute

// Play runs a schedule from its beginning to its end and until all is settled. It returns
// the broken promises: none if all is well. log may be nil.
func (s Schedule) Play(f Function, log func(line string)) []string {
	w := NewWorld(s, f, log)
	defer w.Close()
	w.Run(s.Active)
	limit := s.Active + settleWithin
	calm := 0
	var unsettled []string
	for calm < 2 && len(w.Violations) == 0 && w.Elapsed() < limit {
		w.Run(time.Minute)
		if unsettled = w.Unsettled(); len(unsettled) == 0 {
			calm++
		} else {
			calm = 0
		}
	}
	if len(w.Violations) == 0 && calm < 2 {
		for _, text := range unsettled {
			w.violate("%s after the last fault: %s", settleWithin, text)
		}
	}
	return w.Violations
}
