package assigner

import (
	"context"
	"fmt"
	"time"
)

// Reconciliation is what one run over the whole group did. An instance or address with
// nothing to do is not listed.
type Reconciliation struct {
	Group   string   `json:"group"`
	Results []Result `json:"results"`
}

// maxRepairs is how much one run repairs. EC2 lets an account make some dozens of changing calls at once and a few a
// second after that; a repair makes two or three, and the launches of the same minute need
// theirs. What is left is the next run's.
const maxRepairs = 20

// youngFor is how long after its launch a member in service may just have got its address. Most do within seconds.
const youngFor = time.Minute

// Reconcile brings group and pool in line whatever event was lost: it takes second addresses
// back, and those that are not where they belong, completes waits that nobody else completes, and gives
// members the address that they lack; in this order, so that what comes free is used in the same run. A member in
// service that seems to lack its address shortly after its launch is looked at again half a minute later. An
// error means that the run could not see; what one instance's turn could not do is left to the next run.
func (a *Assigner) Reconcile(ctx context.Context) (Reconciliation, error) {
	r := a.begin(ctx)
	done := Reconciliation{Group: a.Config.Group, Results: []Result{}}
	v, err := r.look(ctx)
	if err != nil {
		a.Log.WarnContext(ctx, "nothing reconciled", "error", err.Error())
		a.emit(ctx, append([]metric{count("ReconcilerRuns", 1)}, r.tally.metrics()...))
		return done, err
	}
	repairs := 0
	for _, turn := range r.turns(v) {
		if r.closing() || repairs == maxRepairs {
			break
		}
		began := r.now()
		result, ok := turn(ctx)
		if !ok {
			continue
		}
		if result.repaired() {
			repairs++
		}
		r.decided(ctx, result, began, nil)
		done.Results = append(done.Results, result)
	}
	found := r.census(v)
	attrs := []any{"group", a.Config.Group, "pool", a.Config.PoolName, "repairs", repairs}
	for _, m := range found {
		attrs = append(attrs, m.name, m.value)
	}
	a.Log.InfoContext(ctx, "reconciled", attrs...)
	a.emit(ctx, append(found, count("Repairs", repairs), count("ReconcilerRuns", 1)))
	return done, nil
}

// repaired reports whether a result changed anything.
func (r Result) repaired() bool {
	return r.Outcome != OutcomeIgnored && r.Outcome != OutcomeHandedOver
}

// turn repairs one thing, if it still has to be. It reports whether there is something to tell.
type turn func(context.Context) (Result, bool)

// turns lists what a run has to do, in order.
func (r *run) turns(v view) []turn {
	var doubles, strays, leaving, lacking, waits, young []turn
	seen := r.now()
	for _, a := range v.pool {
		switch v.standing(a, r.Config.PoolName) {
		case holdingEnded:
			strays = append(strays, func(ctx context.Context) (Result, bool) { return r.takeBack(ctx, v, a, "the instance is gone") })
		case holdingStray:
			strays = append(strays, func(ctx context.Context) (Result, bool) { return r.stray(ctx, v, a) })
		case holdingNone, holdingMember, holdingUnseen, holdingForeign:
		}
	}
	short := false
	for _, id := range v.order {
		i, shown := v.instances[id]
		has := len(own(v.pool, i))
		switch v.members[id] {
		case stateTerminatingWait:
			leaving = append(leaving, func(ctx context.Context) (Result, bool) { return r.letGo(ctx, id) })
		case stateTerminatingRetained:
			if has > 0 {
				leaving = append(leaving, func(ctx context.Context) (Result, bool) {
					return Result{InstanceID: id, Outcome: OutcomeReleased, Reason: "the instance is retained after its end"}, r.release(ctx, id, "the instance is retained after its end")
				})
			}
		case statePendingWait:
			waits = append(waits, func(ctx context.Context) (Result, bool) { return r.resume(ctx, i, id, &short, has) })
		case stateInService:
			switch {
			case has > 1:
				doubles = append(doubles, func(ctx context.Context) (Result, bool) { return r.repair(ctx, id, &short) })
			case has == 0 && shown && seen.Sub(i.launched) > youngFor:
				lacking = append(lacking, func(ctx context.Context) (Result, bool) { return r.repair(ctx, id, &short) })
			case has == 0 && shown:
				// It may have got its address after what the pool's listing shows: look again once that cannot be.
				young = append(young, func(ctx context.Context) (Result, bool) {
					return r.repairFrom(ctx, id, seen.Add(settle), &short)
				})
			}
		}
	}
	out := append(doubles, strays...)
	out = append(out, leaving...)
	out = append(out, lacking...)
	out = append(out, waits...)
	return append(out, young...)
}

// letGo releases what an instance in Terminating:Wait has, and lets it go on.
func (r *run) letGo(ctx context.Context, id string) (Result, bool) {
	r.release(ctx, id, "the instance leaves the group")
	if r.complete(ctx, action{instanceID: id, hook: r.Config.TerminateHook}, resultContinue, byTokenOrInstance) != completed {
		return Result{}, false
	}
	return Result{InstanceID: id, Outcome: OutcomeContinue, Reason: "found in " + stateTerminatingWait}, true
}

// resume makes one attempt for an instance in Pending:Wait that has a number of addresses. short is whether an
// attempt of this run has found no free one: then those that have none are only kept alive, or abandoned.
func (r *run) resume(ctx context.Context, i instance, id string, short *bool, has int) (Result, bool) {
	w := r.newWait(action{instanceID: id, hook: r.Config.LaunchHook})
	w.waits = true
	if !i.launched.IsZero() {
		w.since = i.launched
	}
	var got attempt
	var done bool
	if *short && has == 0 {
		got, done = r.act(ctx, w, attempt{instance: i, reason: fmt.Sprintf("pool %s has no free address", r.Config.PoolName)})
	} else {
		got, done = r.step(ctx, w)
	}
	if done {
		return w.result, !w.passed
	}
	*short = *short || got.short
	r.heartbeat(ctx, w.action)
	w.ends(OutcomeHandedOver, got.reason)
	return w.result, true
}

// repair gives a member in service the one address that it should have.
func (r *run) repair(ctx context.Context, id string, short *bool) (Result, bool) {
	got := r.try(ctx, id, standingServing)
	*short = *short || got.short
	if got.verdict != held {
		return Result{InstanceID: id, Outcome: OutcomeIgnored, Reason: "in service without its address: " + got.reason}, true
	}
	return Result{InstanceID: id, Outcome: OutcomeRepaired, AllocationID: got.address.allocationID, PublicIP: got.address.publicIP}, true
}

// repairFrom is repair at a time or later.
func (r *run) repairFrom(ctx context.Context, id string, at time.Time, short *bool) (Result, bool) {
	err := r.Waiter.Until(ctx, "reads to show what instance "+id+" holds", func(context.Context) (string, bool, error) {
		return "", r.closing() || !r.now().Before(at), nil
	})
	if err != nil || r.closing() {
		return Result{}, false
	}
	return r.repair(ctx, id, short)
}

// census counts what is not as it should be, and the addresses.
func (r *run) census(v view) []metric {
	var without, doubles, strays, foreign, launches, terminations, used int
	for _, a := range v.pool {
		if !a.free() {
			used++
		}
		switch v.standing(a, r.Config.PoolName) {
		case holdingEnded, holdingStray:
			strays++
		case holdingForeign:
			foreign++
		case holdingNone, holdingMember, holdingUnseen:
		}
	}
	for _, id := range v.order {
		i := v.instances[id]
		has := len(own(v.pool, i))
		if has > 1 {
			doubles++
		}
		switch v.members[id] {
		case stateInService:
			if has == 0 {
				without++
			}
		case statePendingWait:
			if has == 0 && !i.launched.IsZero() && r.now().Sub(i.launched) > stuckAfter {
				launches++
			}
		case stateTerminatingWait:
			terminations++
		}
	}
	return []metric{
		count("MembersWithoutAddress", without), count("DoubleAddresses", doubles), count("StrayAddresses", strays),
		count("ForeignHolders", foreign), count("StuckLaunches", launches), count("StuckTerminations", terminations),
		count("AddressesFree", len(free(v.pool, nil))), count("AddressesInUse", used), count("AddressesTotal", len(v.pool)),
	}
}

// stuckAfter is how long after its launch an instance that still waits for an address counts as stuck.
const stuckAfter = 5 * time.Minute
