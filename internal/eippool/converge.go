package eippool

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/clouderr"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/eiptag"
)

const (
	// rollbackTimeout bounds giving back what a failed call allocated.
	rollbackTimeout = 3 * time.Minute
	// settleLimit bounds the wait for EC2's listing to show what was written.
	settleLimit = 2 * time.Minute
)

// convergence carries a decision out. It keeps the pool's addresses in step with each
// write, so that state is right whatever EC2's listings still show.
type convergence struct {
	backend
	spec    Spec
	dropped map[string]string
	lost    map[string]string
	all     []Address
	// ours are the pool's addresses as the writes so far have made them.
	ours []Address
	// made are those that this call allocated, joined those of the user's that it tagged.
	made, joined []Address
	// saved is called after each allocation.
	saved func(ours []Address)
	diags *diag.Diagnostics
}

// gain brings in what is missing. New addresses come before old ones go, so that a retirement never
// leaves the fleet short. If it returns false, what it brought in is gone again.
func (c *convergence) gain(ctx context.Context, d decision) bool {
	if !c.adopt(ctx, d.Adopt) || !c.retag(ctx, d) || !c.allocate(ctx, d.Missing) {
		c.rollBack(ctx)
		return false
	}
	return true
}

func (c *convergence) adopt(ctx context.Context, joining []Address) bool {
	if len(joining) == 0 {
		return true
	}
	tags := c.spec.existingTags()
	if err := c.region.Tag(ctx, IDs(joining), tags); err != nil {
		clouderr.Add(c.diags, "Cannot tag existing Elastic IPs", err, fmt.Sprintf("Pool %q is to take over %s.", c.spec.Name, Names(joining)))
		return false
	}
	for _, a := range joining {
		a.Tags = merged(a.Tags, tags)
		c.ours, c.joined = append(c.ours, a), append(c.joined, a)
	}
	return true
}

// retag brings the tags of all addresses that stay in order, one call for all that need the same.
func (c *convergence) retag(ctx context.Context, d decision) bool {
	leaving := setOf(IDs(d.Untag))
	type batch struct {
		fix tagFix
		ids []string
	}
	batches := map[string]*batch{}
	for i, a := range c.ours {
		fix := c.spec.tagFixFor(a, c.dropped)
		if leaving[a.AllocationID] || fix.none() {
			continue
		}
		key := fmt.Sprint(fix.set, fix.remove) // fmt prints maps in the order of their keys
		if batches[key] == nil {
			batches[key] = &batch{fix: fix}
		}
		batches[key].ids = append(batches[key].ids, a.AllocationID)
		c.ours[i].Tags = without(merged(a.Tags, fix.set), fix.remove)
	}
	for _, key := range sortedKeys(batches) {
		b := batches[key]
		err := c.region.Tag(ctx, b.ids, b.fix.set)
		if err == nil {
			err = c.region.Untag(ctx, b.ids, b.fix.remove)
		}
		if err != nil {
			clouderr.Add(c.diags, "Cannot tag the pool's Elastic IPs", err, fmt.Sprintf("Pool %q: the tags of %s were to be brought in order.", c.spec.Name, strings.Join(b.ids, ", ")))
			return false
		}
	}
	return true
}

func (c *convergence) allocate(ctx context.Context, missing int) bool {
	lost := sortedKeys(c.lost)
	for n := 1; n <= missing; n++ {
		var a Address
		var err error
		if len(lost) > 0 {
			a, err = c.recover(ctx, lost[0])
			lost = lost[1:]
		} else {
			a, err = c.region.Allocate(ctx, "", c.spec.IPv4Pool, c.spec.BorderGroup, c.spec.newTags())
		}
		if err != nil {
			c.reportAllocation(err, n, missing)
			return false
		}
		c.ours, c.made = append(c.ours, a), append(c.made, a)
		c.saved(c.ours)
	}
	return true
}

// recover gets a lost address back: by its tags if it only lost those, else by asking AWS for the same address, else a new one.
func (c *convergence) recover(ctx context.Context, id string) (Address, error) {
	ip, tags := c.lost[id], c.spec.newTags()
	if i := slices.IndexFunc(c.all, func(a Address) bool { return a.AllocationID == id }); i >= 0 {
		a := c.all[i]
		if pool := a.Tags[c.spec.TagKey]; pool == "" || pool == c.spec.Name {
			if err := c.region.Tag(ctx, []string{id}, tags); err != nil {
				return Address{}, err
			}
			a.Tags = merged(a.Tags, tags)
			c.diags.AddWarning("An address of the pool had lost its tags", fmt.Sprintf("Pool %q: %s had lost the tags that make it one of the pool; they are back.", c.spec.Name, a))
			return a, nil
		}
		c.diags.AddWarning("An address has gone to another pool", fmt.Sprintf("Pool %q: %s now belongs to pool %q; a new address takes its place here.", c.spec.Name, a, a.Tags[c.spec.TagKey]))
		return c.region.Allocate(ctx, "", c.spec.IPv4Pool, c.spec.BorderGroup, tags)
	}
	a, err := c.region.Allocate(ctx, ip, c.spec.IPv4Pool, c.spec.BorderGroup, tags)
	if err == nil {
		c.diags.AddWarning("A lost address is back", fmt.Sprintf("Pool %q had lost %s (%s); AWS gave the same address back as %s.", c.spec.Name, ip, id, a.AllocationID))
		return a, nil
	}
	if ctx.Err() != nil || isLimit(err) {
		return Address{}, err
	}
	refusal := err
	a, err = c.region.Allocate(ctx, "", c.spec.IPv4Pool, c.spec.BorderGroup, tags)
	if err == nil {
		clouderr.AddWarning(c.diags, "A lost address had to be replaced", refusal,
			fmt.Sprintf("Pool %q had lost %s (%s), and AWS did not give it back; %s takes its place.", c.spec.Name, ip, id, a),
			"Allow-lists that this configuration does not manage have to be told.")
	}
	return a, err
}

func isLimit(err error) bool { return clouderr.IsAWS(err, "AddressLimitExceeded") }

func (c *convergence) reportAllocation(err error, n, missing int) {
	what := fmt.Sprintf("Pool %q of size %d needs %d more Elastic IPs; number %d was not to be had.", c.spec.Name, c.spec.Size, missing, n)
	if isLimit(err) {
		used := countAgainstQuota(c.all)
		clouderr.AddAttribute(c.diags, path.Root("size"), "AWS has no more Elastic IPs for this account", err, what,
			fmt.Sprintf("The quota \"EC2-VPC Elastic IPs\" (%s) must allow at least %d in this Region (%d were in use before, %d more are needed). Request an increase, lower size, or release addresses that are no longer needed.",
				quotaCode, used+missing, used, missing))
		return
	}
	clouderr.Add(c.diags, "Cannot allocate Elastic IPs", err, what)
}

// rollBack gives back what gain brought in, whatever became of the caller's context.
func (c *convergence) rollBack(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), rollbackTimeout)
	defer cancel()
	var left []Address
	var lastErr error
	known := setOf(IDs(c.all))
	for _, a := range c.made {
		if known[a.AllocationID] { // it only got its tags back
			continue
		}
		if err := c.region.Release(ctx, a); err != nil {
			left, lastErr = append(left, a), err
			continue
		}
		c.ours = drop(c.ours, a)
	}
	for _, a := range c.joined {
		if err := c.region.Untag(ctx, []string{a.AllocationID}, c.spec.existingTags()); err != nil {
			left, lastErr = append(left, a), err
			continue
		}
		c.ours = drop(c.ours, a)
	}
	if len(left) > 0 {
		clouderr.Add(c.diags, "Addresses of the failed call are left", lastErr,
			fmt.Sprintf("Giving back what the failed call had brought into pool %q failed too, for %s.", c.spec.Name, Names(left)),
			fmt.Sprintf("They carry the tag %s = %q: the next apply finds and keeps them. Without one, release them by hand.", c.spec.TagKey, c.spec.Name))
	}
	c.saved(c.ours)
}

// lose carries out what leaves, and returns what could not be done as problems: the pool
// is whole then, only further from the wanted one than planned.
func (c *convergence) lose(ctx context.Context, d decision) (problems diag.Diagnostics) {
	report := func(err error, format string, args ...any) {
		clouderr.Add(&problems, "Cannot take addresses out of the pool", err, fmt.Sprintf("Pool %q: ", c.spec.Name)+fmt.Sprintf(format, args...))
	}
	if err := c.setLifecycle(ctx, d.Drain, eiptag.LifecycleDraining); err != nil {
		report(err, "%s were to drain.", Names(d.Drain))
		return problems
	}
	var retiring, releasing []Address
	for _, a := range slices.Concat(d.Leave, d.Shrink) {
		if c.spec.goesTo(a) == retired {
			retiring = append(retiring, a)
		} else {
			releasing = append(releasing, a)
		}
	}
	if err := c.setLifecycle(ctx, retiring, eiptag.LifecycleRetired); err != nil {
		report(err, "%s were to be retired.", Names(retiring))
		return problems
	}
	shrinking := setOf(IDs(d.Shrink))
	for _, a := range releasing {
		switch err := c.release(ctx, a); {
		case err == nil:
			c.ours = drop(c.ours, a)
		case !IsInUse(err):
			report(err, "%s was to be released.", a)
			return problems
		case shrinking[a.AllocationID]:
			problems.AddError("An address was claimed since the plan", fmt.Sprintf("Pool %q: %s was to be released for the smaller size, but something has begun to use it. Plan again: another address will be chosen if there is one.", c.spec.Name, a))
		case !a.Listed():
			// It was retired before, and the plan has said so: the next one turns it back.
			c.diags.Append(claimWon(c.spec, a, "A later plan turns it back to draining"))
		default:
			c.diags.Append(claimWon(c.spec, a, drainsNow))
			if err := c.setLifecycle(ctx, []Address{a}, eiptag.LifecycleDraining); err != nil {
				report(err, "%s was to drain.", a)
			}
		}
	}
	for _, a := range d.Untag {
		err := c.takeAway(ctx, a)
		if err == nil {
			err = c.region.Untag(ctx, []string{a.AllocationID}, c.spec.ownTags(a))
		}
		if err != nil {
			report(err, "%s was to be let go.", a)
			return problems
		}
		c.ours = drop(c.ours, a)
	}
	return problems
}

// finish lets go of what leaves and looks whether EC2 shows it all.
func (c *convergence) finish(ctx context.Context, d decision) diag.Diagnostics {
	problems := c.lose(ctx, d)
	problems.Append(c.settle(ctx, d)...)
	return problems
}

func (c *convergence) setLifecycle(ctx context.Context, addresses []Address, lifecycle string) error {
	tags := map[string]string{eiptag.Lifecycle: lifecycle}
	if err := c.region.Tag(ctx, IDs(addresses), tags); err != nil {
		return err
	}
	changed := setOf(IDs(addresses))
	for i, a := range c.ours {
		if changed[a.AllocationID] {
			c.ours[i].Tags = merged(a.Tags, tags)
		}
	}
	return nil
}

func (b backend) release(ctx context.Context, s Spec, a Address) error {
	if err := b.takeAway(ctx, s, a); err != nil {
		return err
	}
	return b.region.Release(ctx, a)
}

func (b backend) takeAway(ctx context.Context, s Spec, a Address) error {
	if !s.ForceRelease || !a.InUse() {
		return nil
	}
	return b.region.Disassociate(ctx, a)
}

func (c *convergence) release(ctx context.Context, a Address) error {
	return c.backend.release(ctx, c.spec, a)
}

func (c *convergence) takeAway(ctx context.Context, a Address) error {
	return c.backend.takeAway(ctx, c.spec, a)
}

// settle waits until EC2's listing shows what was written, gives back what an answer that was lost on its way
// allocated twice, and lets a claim win that raced with a retirement.
func (c *convergence) settle(ctx context.Context, d decision) (problems diag.Diagnostics) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleLimit)
	defer cancel()
	expected := make(map[string]Address, len(c.ours))
	for _, a := range c.ours {
		expected[a.AllocationID] = a
	}
	found, seen, err := c.region.AwaitPool(ctx, c.spec.TagKey, c.spec.Name, fmt.Sprintf("EC2 to list pool %q as it was written", c.spec.Name), settleLimit, func(found []Address) (string, bool) {
		shown := 0
		for _, a := range found {
			if want, ok := expected[a.AllocationID]; ok && showsTags(a, want.Tags, c.spec.controlKeys()) {
				shown++
			}
		}
		return fmt.Sprintf("%d of %d addresses listed", shown, len(expected)), shown == len(expected)
	})
	if err != nil || !seen {
		clouderr.AddWarning(c.diags, "The pool is written but not seen yet", err,
			fmt.Sprintf("All changes to pool %q were accepted; EC2 does not show all of them yet.", c.spec.Name), "The next plan looks again.")
		return nil
	}
	// Only what was listed until now: that the lists may still change was planned for these.
	leaving := setOf(IDs(Keep(slices.Concat(d.Leave, d.Shrink), Address.Listed)))
	var raced []Address
	for _, a := range found {
		want, ok := expected[a.AllocationID]
		switch {
		case !ok:
			c.giveBackDouble(ctx, a)
		case leaving[a.AllocationID] && want.Lifecycle() == eiptag.LifecycleRetired && a.InUse():
			raced = append(raced, a)
		}
	}
	return c.letClaimsWin(ctx, raced, setOf(IDs(d.Shrink)))
}

// giveBackDouble releases an address that this call must have allocated without hearing of it.
func (c *convergence) giveBackDouble(ctx context.Context, a Address) {
	seenBefore := setOf(IDs(c.all))
	if len(c.made) == 0 || seenBefore[a.AllocationID] || a.Tags[eiptag.Owner] != c.spec.Owner || a.InUse() || a.Existing() || a.Tags[eiptag.Admission] == eiptag.AdmissionAdmitted {
		return
	}
	if err := c.region.Release(ctx, a); err != nil {
		clouderr.AddWarning(c.diags, "An address too many", err, fmt.Sprintf("Pool %q got %s in a call whose answer was lost. The next plan takes it out of the pool.", c.spec.Name, a))
	}
}

// letClaimsWin turns retired addresses that an instance has begun to use back: to draining if they were to be rotated
// out, to active if only the size left no room for them.
func (c *convergence) letClaimsWin(ctx context.Context, raced []Address, shrinking map[string]bool) (problems diag.Diagnostics) {
	for _, a := range raced {
		var err error
		if shrinking[a.AllocationID] {
			if err = c.region.Untag(ctx, []string{a.AllocationID}, map[string]string{eiptag.Lifecycle: eiptag.LifecycleRetired}); err == nil {
				for i := range c.ours {
					if c.ours[i].AllocationID == a.AllocationID {
						c.ours[i].Tags = without(c.ours[i].Tags, map[string]string{eiptag.Lifecycle: ""})
					}
				}
			}
			problems.AddError("An address was claimed since the plan", fmt.Sprintf("Pool %q: %s was to be retired for the smaller size, but %s has begun to use it. Plan again: another address will be chosen if there is one.", c.spec.Name, a, a.User()))
		} else if err = c.setLifecycle(ctx, []Address{a}, eiptag.LifecycleDraining); err == nil {
			c.diags.Append(claimWon(c.spec, a, drainsNow))
		}
		if err != nil {
			clouderr.Add(&problems, "Cannot turn a retirement back", err, fmt.Sprintf("Pool %q: %s was claimed by %s while it was being retired.", c.spec.Name, a, a.User()))
		}
	}
	return problems
}

// drainsNow is what becomes of an address that was claimed while it was being rotated out.
const drainsNow = "It drains, and a later plan retires it once its instance is gone"

func claimWon(s Spec, a Address, then string) diag.Diagnostic {
	return diag.NewWarningDiagnostic("An address was claimed while it was being retired",
		fmt.Sprintf("Pool %q: an instance had begun to claim %s when it was taken out. The claim wins. %s.", s.Name, a, then))
}

// controlKeys are the tags that decide what an address is.
func (s Spec) controlKeys() []string {
	return []string{s.TagKey, eiptag.Owner, eiptag.Lifecycle, eiptag.Existing}
}

// showsTags reports whether a listed address has the tags that were written, as far as keys go.
func showsTags(a Address, want map[string]string, keys []string) bool {
	return !slices.ContainsFunc(keys, func(key string) bool {
		have, has := a.Tags[key]
		wanted, wants := want[key]
		return has != wants || have != wanted
	})
}

func merged(tags, over map[string]string) map[string]string {
	out := maps.Clone(tags)
	if out == nil {
		out = map[string]string{}
	}
	maps.Copy(out, over)
	return out
}

func without(tags, keys map[string]string) map[string]string {
	out := maps.Clone(tags)
	for key := range keys {
		delete(out, key)
	}
	return out
}

func drop(addresses []Address, gone Address) []Address {
	return Keep(addresses, func(a Address) bool { return a.AllocationID != gone.AllocationID })
}

// Keep returns the addresses that are wanted, in their order.
func Keep(addresses []Address, wanted func(Address) bool) []Address {
	return slices.DeleteFunc(slices.Clone(addresses), func(a Address) bool { return !wanted(a) })
}
