package elasticip

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

const memory = 10 * time.Second

// account makes random calls to a Book one after the other, and knows what must come of each.
type account struct {
	*Book
	rng  *rand.Rand
	now  time.Time
	told told

	quota    int
	launched map[string]bool // instances with an automatic address
	mapped   map[string]bool // allocation ids that were associated once
	released map[netip.Addr]bool
	past     []snapshot
	script   []string
}

// snapshot is a listing with the moment from which it was true.
type snapshot struct {
	since time.Time
	list  []Address
}

func newAccount(rng *rand.Rand) *account {
	a := &account{
		rng: rng, now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), told: told{}, quota: 2 + rng.IntN(4),
		launched: map[string]bool{}, mapped: map[string]bool{}, released: map[netip.Addr]bool{},
	}
	serial := 0
	a.Book = New(Options{
		Quota: a.quota, Remember: memory, Lenient: rng.IntN(2) == 0, Moved: a.told.moved, Now: func() time.Time { return a.now },
		NewID: func(prefix string) string { serial++; return fmt.Sprint(prefix, "-", serial) },
	})
	a.past = []snapshot{{since: a.now}}
	return a
}

// call is one random call: what it was, its error, and what it may do.
type call struct {
	text      string
	err       error
	id        string // the allocation id that it associates
	reassigns bool   // it may take an address from a holder
}

func (a *account) anyTarget() Target {
	target := machine(a.rng.IntN(4))
	if a.rng.IntN(6) == 0 {
		target.PrivateIP = "10.0.0.2"
	}
	return target
}

// anyID is mostly an allocation id that exists.
func (a *account) anyID() string {
	list := a.List()
	if len(list) == 0 || a.rng.IntN(20) == 0 {
		return "eipalloc-unknown"
	}
	return list[a.rng.IntN(len(list))].AllocationID
}

// step makes one random call.
func (a *account) step(t *testing.T) call {
	t.Helper()
	id, target := a.anyID(), a.anyTarget()
	switch a.rng.IntN(14) {
	case 0, 1:
		return a.allocate(t)
	case 2:
		return call{text: "release " + id, err: a.Release(id, "")}
	case 3, 4:
		assoc := "eipassoc-" + fmt.Sprint(a.rng.IntN(60))
		if held := a.held(); len(held) > 0 && a.rng.IntN(4) > 0 {
			assoc = held[a.rng.IntN(len(held))].Association.ID
		}
		return call{text: "disassociate " + assoc, err: a.Disassociate(assoc, "")}
	case 5:
		a.ForgetInstance(target.InstanceID)
		delete(a.launched, target.InstanceID)
		return call{text: "forget " + target.InstanceID}
	case 6:
		return call{text: "tag " + id, err: a.Retag([]string{id}, func(tags map[string]string) { tags["k"] = fmt.Sprint(a.rng.Int()) })}
	case 7:
		service := []string{"", "", "nlb"}[a.rng.IntN(3)]
		return call{text: fmt.Sprintf("manage %s by %q", id, service), err: a.Manage(id, service)}
	case 8:
		target.PrivateIP = machine(0).PrivateIP
		a.LaunchWithPublicIP(target)
		a.launched[target.InstanceID] = true
		return call{text: "launch " + target.InstanceID}
	default:
		reassociate := a.rng.IntN(2) == 0
		_, err := a.Associate(id, "", target, reassociate)
		return call{text: fmt.Sprintf("associate %s with %+v, %t", id, target, reassociate), err: err, id: id, reassigns: reassociate}
	}
}

func (a *account) held() []Address {
	return slices.DeleteFunc(a.List(), func(address Address) bool { return address.Association == nil })
}

// allocate asks for any address, or for a released one back, and checks which it gets.
func (a *account) allocate(t *testing.T) call {
	t.Helper()
	want := Allocation{}
	if a.rng.IntN(2) == 0 {
		for ip := range a.released {
			want.Ask = ip.String()
			break
		}
	}
	full := len(a.List()) >= a.quota
	got, err := a.Allocate(want)
	switch {
	case full != (err != nil):
		a.fail(t, "%d of %d addresses, and the answer is %v", len(a.List()), a.quota, err)
	case full:
		wantCode(t, err, "AddressLimitExceeded")
	case want.Ask != "" && got.PublicIP.String() != want.Ask:
		a.fail(t, "asked for %s, got %s", want.Ask, got.PublicIP)
	case want.Ask == "" && a.released[got.PublicIP]:
		a.fail(t, "the released address %s came unasked", got.PublicIP)
	}
	delete(a.released, got.PublicIP)
	return call{text: "allocate " + want.Ask, err: err}
}

func (a *account) fail(t *testing.T, format string, args ...any) {
	t.Helper()
	t.Fatalf("%s\nafter %s", fmt.Sprintf(format, args...), strings.Join(a.script, "\n      "))
}

// check compares the book after a call with the one before it.
func (a *account) check(t *testing.T, done call, before []Address, counted Counts) {
	t.Helper()
	after, counts := a.List(), a.Counts()
	var refused *Error
	if done.err != nil && (!errors.As(done.err, &refused) || !reflect.DeepEqual(after, before) || counts != counted) {
		a.fail(t, "refused with %v, and yet something changed: %+v, before %+v", done.err, after, before)
	}
	if len(after) > max(a.quota, len(before)) {
		a.fail(t, "%d addresses with a quota of %d", len(after), a.quota)
	}
	steals := 0
	was := map[string]Address{}
	for _, b := range before {
		was[b.AllocationID] = b
	}
	for _, now := range after {
		old, known := was[now.AllocationID]
		delete(was, now.AllocationID)
		if !known || old.Association == nil || now.Association == nil || old.Association.Target.holder() == now.Association.Target.holder() {
			continue
		}
		steals++
		if !done.reassigns {
			a.fail(t, "%s went from %+v to %+v", now.AllocationID, old.Association, now.Association)
		}
	}
	for _, gone := range was {
		a.released[gone.PublicIP] = true
		if gone.InUse() {
			a.fail(t, "%+v was released while in use", gone)
		}
	}
	if counts.Steals-counted.Steals != steals {
		a.fail(t, "%d changes of holder without a release, counted %d", steals, counts.Steals-counted.Steals)
	}
	remaps := 0
	if done.id != "" && done.err == nil {
		if a.mapped[done.id] {
			remaps = 1
		}
		a.mapped[done.id] = true
	}
	if counts.Remaps-counted.Remaps != remaps {
		a.fail(t, "%d remaps, counted %d", remaps, counts.Remaps-counted.Remaps)
	}
	a.checkHolders(t, after)
	a.past = append(a.past, snapshot{a.now, after})
}

// checkHolders holds every private address to one public one, and what instances were told to what they have.
func (a *account) checkHolders(t *testing.T, list []Address) {
	t.Helper()
	holds := map[socket]string{}
	ips := map[netip.Addr]bool{}
	for _, address := range list {
		if ips[address.PublicIP] {
			a.fail(t, "%s is there twice", address.PublicIP)
		}
		ips[address.PublicIP] = true
		if address.Association == nil {
			continue
		}
		place := address.Association.Target.socket()
		if holds[place] != "" {
			a.fail(t, "%+v has %s and %s", place, holds[place], address.PublicIP)
		}
		holds[place] = address.PublicIP.String()
	}
	automatic := a.AutomaticIPs()
	for i := range 4 {
		m := machine(i)
		elastic, secondary, auto := holds[m.socket()], holds[socket{m.InterfaceID, "10.0.0.2"}], automatic[m.InterfaceID]
		switch {
		case auto.IsValid() && (elastic != "" || !a.launched[m.InstanceID] || ips[auto]):
			a.fail(t, "%s has the automatic address %s beside %q", m.InstanceID, auto, elastic)
		case a.launched[m.InstanceID] && !auto.IsValid() && elastic == "" && secondary == "":
			a.fail(t, "%s has no address at all", m.InstanceID)
		}
		want := elastic
		if auto.IsValid() {
			want = auto.String()
		}
		// Which private address is primary is known only of instances that were launched with an automatic address.
		if secondary == "" || want != "" && a.launched[m.InstanceID] {
			if a.told[m.InstanceID] != want {
				a.fail(t, "%s was told %q, and has %q", m.InstanceID, a.told[m.InstanceID], want)
			}
		}
	}
}

// checkPast compares a stale listing with what was listed then.
func (a *account) checkPast(t *testing.T) {
	t.Helper()
	moment := a.now.Add(-time.Duration(a.rng.Int64N(int64(memory))))
	want := a.past[0].list
	for _, s := range a.past {
		if !s.since.After(moment) {
			want = s.list
		}
	}
	if got := a.ListAsOf(moment); len(got)+len(want) > 0 && !reflect.DeepEqual(got, want) {
		a.fail(t, "as of %s: %+v, want %+v", moment, got, want)
	}
}

// Whatever is called in whatever order: an address has one owner at most, and a private address one address; nobody
// loses an address but by a release or a counted steal; the quota holds; what was released can be had back; a refusal
// changes nothing; and a stale listing is a listing that once was true.
func TestPropertyBook(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	for round := range 60 {
		a := newAccount(rand.New(rand.NewPCG(seed, uint64(round))))
		for range 200 {
			if a.rng.IntN(2) == 0 {
				a.now = a.now.Add(time.Duration(a.rng.IntN(1500)) * time.Millisecond)
			}
			before, counted := a.List(), a.Counts()
			done := a.step(t)
			a.script = append(a.script, fmt.Sprintf("%s: %v", done.text, done.err))
			a.check(t, done, before, counted)
			a.checkPast(t)
		}
		if len(a.entries) > 200 {
			t.Errorf("%d addresses are remembered", len(a.entries))
		}
	}
}

// Several clients at once: no interface has two addresses, the quota holds, and what instances were told adds up.
func TestPropertyConcurrentClients(t *testing.T) {
	const quota, clients, steps = 5, 4, 400
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	news := told{} // guarded by the book, which calls one at a time
	book := New(Options{Quota: quota, Remember: time.Second, Moved: news.moved})
	check := func() {
		book.mu.Lock()
		defer book.mu.Unlock()
		has := map[string]string{}
		for _, e := range book.byID {
			if e.now.Association == nil {
				continue
			}
			id := e.now.Association.Target.InstanceID
			if other := has[id]; other != "" {
				t.Errorf("%s has %s and %s", id, other, e.now.PublicIP)
			}
			has[id] = e.now.PublicIP.String()
		}
		if len(book.byID) > quota {
			t.Errorf("%d addresses, quota %d", len(book.byID), quota)
		}
		for i := range 4 {
			if id := machine(i).InstanceID; news[id] != has[id] {
				t.Errorf("%s has %q, but was told %q", id, has[id], news[id])
			}
		}
	}
	var all sync.WaitGroup
	for client := range clients {
		rng := rand.New(rand.NewPCG(seed, uint64(client)))
		all.Go(func() {
			for range steps {
				list := book.ListAsOf(time.Now().Add(-time.Duration(rng.IntN(2)) * time.Millisecond))
				if len(list) == 0 || rng.IntN(6) == 0 {
					_, _ = book.Allocate(Allocation{})
					continue
				}
				a := list[rng.IntN(len(list))]
				switch rng.IntN(6) {
				case 0:
					_ = book.Release(a.AllocationID, "")
				case 1:
					if a.Association != nil {
						_ = book.Disassociate(a.Association.ID, "")
					}
				case 2:
					book.ForgetInstance(machine(rng.IntN(4)).InstanceID)
				case 3:
					_ = book.Retag([]string{a.AllocationID}, func(tags map[string]string) { tags["by"] = fmt.Sprint(client) })
				default:
					_, _ = book.Associate(a.AllocationID, "", machine(rng.IntN(4)), rng.IntN(2) == 0)
				}
				check()
			}
		})
	}
	all.Wait()
}
