package assignertest

import (
	"fmt"
	"slices"
	"time"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/eiptag"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/elasticip"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/lifecycle"
)

// natInterface is a NAT Gateway's: no instance's.
const natInterface = "eni-0000000000000000a"

// Do lets something happen at once; see Step for the verbs. It does nothing where there is
// nothing to do it to.
func (w *World) Do(verb string, args ...int) { w.do(Step{Verb: verb, Args: args}) }

func (w *World) do(s Step) {
	w.trace("step: %s %v", s.Verb, s.Args)
	arg := func(n int) int {
		if n < len(s.Args) {
			return s.Args[n]
		}
		return 0
	}
	switch s.Verb {
	case "desired":
		w.desired = arg(0)
		w.balanceSoon()
	case "refresh":
		w.startRefresh(min(max(arg(0), 100), 200))
	case "end", "unhealthy", "abandon", "detach", "foreign":
		w.doToMember(s.Verb, arg(0))
	case "give":
		w.give(arg(0), arg(1))
	case "add":
		w.mustAllocate(map[string]string{PoolTagKey: PoolName, eiptag.Admission: eiptag.AdmissionRequired})
	default:
		w.doToAddress(s.Verb, arg(0))
	}
	w.noteOwners()
}

// pick takes one of a list, counting round.
func pick[T any](list []T, n int) (one T, ok bool) {
	if len(list) == 0 {
		return one, false
	}
	return list[n%len(list)], true
}

// chosen lists the machines in one of these lifecycle states, oldest first.
func (w *World) chosen(states ...lifecycle.State) []*machine {
	var out []*machine
	for _, m := range w.machines {
		if slices.Contains(states, m.lifecycleState()) {
			out = append(out, m)
		}
	}
	return out
}

func (w *World) doToMember(verb string, n int) {
	candidates := w.chosen(lifecycle.Pending, lifecycle.PendingWait, lifecycle.PendingProceed, lifecycle.InService)
	switch verb {
	case "abandon":
		candidates = w.chosen(lifecycle.PendingWait, lifecycle.TerminatingWait, lifecycle.WarmedPendingWait)
	case "detach":
		candidates = w.chosen(lifecycle.InService)
	case "foreign":
		candidates = w.chosen(lifecycle.Pending, lifecycle.PendingWait)
	}
	m, ok := pick(candidates, n)
	if !ok {
		return
	}
	m.handled = w.line.now
	switch verb {
	case "end":
		w.end(m, func() {})
		w.foundDead(m, time.Minute)
	case "unhealthy":
		w.sendAway(m, lifecycle.Departure{})
	case "abandon":
		for _, action := range m.life.Actions() {
			_ = w.complete(action.Hook.Name, action.Token, "", string(lifecycle.Abandon)) // an action that has just run out
		}
	case "detach":
		m.moves++
		m.member.set(w.line.now, "")
		w.balanceSoon()
	case "foreign":
		if len(w.holdings(m)) == 0 {
			foreign := w.mustAllocate(map[string]string{"Name": "bastion"})
			_, _ = w.book.Associate(foreign.AllocationID, "", m.target(m.eni, m.privateIP), false) // or the function was faster
		}
	}
}

// foundDead has Auto Scaling's health check find, within a time, that a machine has ended.
func (w *World) foundDead(m *machine, within time.Duration) {
	w.line.after(m.between(time.Second, within), func() {
		if m.member.last() != "" {
			w.sendAway(m, lifecycle.Departure{})
		}
	})
}

// give associates a free address with a member, on its second private address if the first has one.
func (w *World) give(n, member int) {
	var free []elasticip.Address
	for _, a := range w.pool() {
		if !a.InUse() {
			free = append(free, a)
		}
	}
	a, found := pick(free, n)
	m, ok := pick(w.chosen(lifecycle.PendingWait, lifecycle.InService), member)
	if !found || !ok || !m.alive() {
		return
	}
	private := m.privateIP
	if len(w.holdings(m)) > 0 {
		private = m.secondPrivateIP()
	}
	w.touch(a)
	m.handled = w.line.now
	_, _ = w.book.Associate(a.AllocationID, "", m.target(m.eni, private), false) // a foreign address may be there
}

func (w *World) doToAddress(verb string, n int) {
	a, ok := pick(w.pool(), n)
	if !ok {
		return
	}
	lent := a.Association != nil && a.Association.Target.InterfaceID == natInterface
	if verb == "return" {
		for _, other := range w.pool() {
			if other.Association != nil && other.Association.Target.InterfaceID == natInterface {
				a, lent = other, true
			}
		}
	}
	id := a.AllocationID
	retag := func(change func(tags map[string]string)) {
		_ = w.book.Retag([]string{id}, change) // it was there a moment ago
	}
	w.touch(a)
	switch {
	case verb == "return" && lent, verb == "take" && a.Association != nil && !lent:
		_ = w.book.Disassociate(a.Association.ID, "") // as read
	case verb == "release" && !lent:
		if a.Association != nil {
			_ = w.book.Disassociate(a.Association.ID, "") // as read
		}
		_ = w.book.Release(id, "") // free by now
	case verb == "admit":
		retag(func(tags map[string]string) {
			if tags[eiptag.Admission] == eiptag.AdmissionRequired {
				tags[eiptag.Admission] = eiptag.AdmissionAdmitted
			}
		})
	case verb == "retire" && a.InUse():
		retag(func(tags map[string]string) { tags[eiptag.Lifecycle] = eiptag.LifecycleDraining })
	case a.InUse():
		// The others are done to free addresses only.
	case verb == "lend":
		_, _ = w.book.Associate(id, "", elasticip.Target{InterfaceID: natInterface, PrivateIP: fmt.Sprintf("10.0.255.%d", n%200), OwnerID: accountID}, false) // it is free
	case verb == "revoke":
		retag(func(tags map[string]string) { tags[eiptag.Admission] = eiptag.AdmissionRequired })
	case verb == "retire":
		retag(func(tags map[string]string) { tags[eiptag.Lifecycle] = eiptag.LifecycleRetired })
	case verb == "untag":
		retag(func(tags map[string]string) { delete(tags, PoolTagKey) })
	}
}

// touch notes that another actor than the function changed an address, and whoever has it.
func (w *World) touch(a elasticip.Address) {
	w.handled[a.AllocationID] = w.line.now
	if a.Association != nil {
		if m := w.machine(a.Association.Target.InstanceID); m != nil {
			m.handled = w.line.now
		}
	}
}
