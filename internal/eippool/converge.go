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
	Backend
	spec Spec
	// slots are the slots whose address is known, newSlots those that new addresses have yet to take.
	slots    slotMap
	newSlots []string
	dropped  map[string]string
	lost     map[string]string
	all      []Address
	// ours are the pool's addresses as the writes so far have made them.
	ours []Address
	// made are the new addresses that this call allocated, joined those of the user's that it tagged.
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
	tags := c.spec.existingTags("")
	if err := c.Region.Tag(ctx, IDs(joining), tags); err != nil {
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
	untagged, leaving := setOf(IDs(d.Untag)), setOf(IDs(slices.Concat(d.Drain, d.Leave, d.Shrink)))
	type batch struct {
		fix tagFix
		ids []string
	}
	batches := map[string]*batch{}
	for i, a := range c.ours {
		fix := c.spec.tagFixFor(a, c.slots.wantedSlot(a, leaving[a.AllocationID]), c.dropped)
		if untagged[a.AllocationID] || fix.none() {
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
		err := c.Region.Tag(ctx, b.ids, b.fix.set)
		if err == nil {
			err = c.Region.Untag(ctx, b.ids, b.fix.remove)
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
	var refused []refusal
	for n := 1; n <= missing; n++ {
		a, err := c.takeBack(ctx, &lost, &refused)
		if err == nil && a.AllocationID == "" {
			a, err = c.takeNew(ctx, &refused)
		}
		if err != nil {
			c.reportAllocation(err, n, missing)
			return false
		}
		c.ours = append(c.ours, a)
		c.saved(c.ours)
	}
	return true
}

// refusal is a lost address that cannot be had back, and why.
type refusal struct {
	id  string
	why error
	// elsewhere is the pool that it went to, if that is why.
	elsewhere string
}

// takeBack gets the first of the lost addresses that is still to be had, and takes those it has tried off the list;
// the zero Address if there is none. All are tried before any is replaced: a run that was killed
// may have replaced the others already.
func (c *convergence) takeBack(ctx context.Context, lost *[]string, refused *[]refusal) (Address, error) {
	for len(*lost) > 0 {
		id := (*lost)[0]
		*lost = (*lost)[1:]
		if i := slices.IndexFunc(c.all, func(a Address) bool { return a.AllocationID == id }); i >= 0 {
			a, err := c.tagBack(ctx, c.all[i])
			if err != nil || a.AllocationID != "" {
				return a, err
			}
			*refused = append(*refused, refusal{id: id, elsewhere: c.all[i].Tags[c.spec.TagKey]})
			continue
		}
		// It stays, also if the rest of the gain fails: firewalls may list it all along.
		a, err := c.Region.Allocate(ctx, c.lost[id], c.spec.IPv4Pool, c.spec.BorderGroup, c.spec.newTags(c.nextSlot()))
		if err == nil {
			c.slotTaken()
			c.diags.AddWarning("A lost address is back", fmt.Sprintf("Pool %q had lost %s (%s); AWS gave the same address back as %s.", c.spec.Name, c.lost[id], id, a.AllocationID))
			return a, nil
		}
		if ctx.Err() != nil || isLimit(err) {
			return Address{}, err
		}
		*refused = append(*refused, refusal{id: id, why: err})
	}
	return Address{}, nil
}

// tagBack makes an address that only lost its tags one of the pool again; the zero Address if it belongs to another pool now.
func (c *convergence) tagBack(ctx context.Context, a Address) (Address, error) {
	if pool := a.Tags[c.spec.TagKey]; pool != "" && pool != c.spec.Name {
		return Address{}, nil
	}
	tags := c.spec.newTags(c.slots.of(a.AllocationID))
	if err := c.Region.Tag(ctx, []string{a.AllocationID}, tags); err != nil {
		return Address{}, err
	}
	a.Tags = merged(a.Tags, tags)
	c.diags.AddWarning("An address of the pool had lost its tags", fmt.Sprintf("Pool %q: %s had lost the tags that make it one of the pool; they are back.", c.spec.Name, a))
	return a, nil
}

// nextSlot is the slot that the next new address takes, "" for none.
func (c *convergence) nextSlot() string {
	if len(c.newSlots) == 0 {
		return ""
	}
	return c.newSlots[0]
}

func (c *convergence) slotTaken() { c.newSlots = c.newSlots[min(1, len(c.newSlots)):] }

// takeNew allocates whatever address AWS gives, in place of the first refused one if there is one.
func (c *convergence) takeNew(ctx context.Context, refused *[]refusal) (Address, error) {
	a, err := c.Region.Allocate(ctx, "", c.spec.IPv4Pool, c.spec.BorderGroup, c.spec.newTags(c.nextSlot()))
	if err != nil {
		return Address{}, err
	}
	c.slotTaken()
	c.made = append(c.made, a)
	if len(*refused) > 0 {
		first := (*refused)[0]
		*refused = (*refused)[1:]
		c.reportReplacement(first, a)
	}
	return a, nil
}

func (c *convergence) reportReplacement(r refusal, a Address) {
	gone := Address{AllocationID: r.id, PublicIP: c.lost[r.id]}
	if r.elsewhere != "" {
		c.diags.AddWarning("An address has gone to another pool", fmt.Sprintf("Pool %q: %s now belongs to pool %q; %s takes its place here.", c.spec.Name, gone, r.elsewhere, a))
		return
	}
	clouderr.AddWarning(c.diags, "A lost address had to be replaced", r.why,
		fmt.Sprintf("Pool %q had lost %s (%s), and AWS did not give it back; %s takes its place.", c.spec.Name, gone.PublicIP, gone.AllocationID, a),
		"Allow-lists that this configuration does not manage have to be told.")
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

// rollBack gives back what gain brought in, whatever became of the caller's context. Lost addresses that are back stay:
// they were the pool's before.
func (c *convergence) rollBack(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), rollbackTimeout)
	defer cancel()
	var left []Address
	var lastErr error
	for _, a := range c.made {
		if err := c.Region.Release(ctx, a); err != nil {
			left, lastErr = append(left, a), err
			continue
		}
		c.ours = drop(c.ours, a)
	}
	for _, a := range c.joined {
		if err := c.Region.Untag(ctx, []string{a.AllocationID}, c.spec.existingTags(c.slots.of(a.AllocationID))); err != nil {
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
			err = c.Region.Untag(ctx, []string{a.AllocationID}, c.spec.ownTags(a))
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
	if err := c.Region.Tag(ctx, IDs(addresses), tags); err != nil {
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

func (b Backend) release(ctx context.Context, s Spec, a Address) error {
	if err := b.takeAway(ctx, s, a); err != nil {
		return err
	}
	return b.Region.Release(ctx, a)
}

func (b Backend) takeAway(ctx context.Context, s Spec, a Address) error {
	if !s.ForceRelease || !a.InUse() {
		return nil
	}
	return b.Region.Disassociate(ctx, a)
}

func (c *convergence) release(ctx context.Context, a Address) error {
	return c.Backend.release(ctx, c.spec, a)
}

func (c *convergence) takeAway(ctx context.Context, a Address) error {
	return c.Backend.takeAway(ctx, c.spec, a)
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
	found, seen, err := c.Region.AwaitPool(ctx, c.spec.TagKey, c.spec.Name, fmt.Sprintf("EC2 to list pool %q as it was written", c.spec.Name), settleLimit, func(found []Address) (string, bool) {
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

// giveBackDouble gives back one address too many: this call must have allocated it without hearing of it. If it is
// one that was asked back, it stays, and a new one goes in its place.
func (c *convergence) giveBackDouble(ctx context.Context, a Address) {
	seenBefore := setOf(IDs(c.all))
	if len(c.made) == 0 || seenBefore[a.AllocationID] || a.Tags[eiptag.Owner] != c.spec.Owner || a.InUse() || a.Existing() || a.Tags[eiptag.Admission] == eiptag.AdmissionAdmitted {
		return
	}
	surplus := a
	if slices.Contains(slices.Collect(maps.Values(c.lost)), a.PublicIP) {
		surplus = c.made[len(c.made)-1]
	}
	if err := c.Region.Release(ctx, surplus); err != nil {
		clouderr.AddWarning(c.diags, "An address too many", err, fmt.Sprintf("Pool %q got %s in a call whose answer was lost. The next plan takes one out of the pool.", c.spec.Name, a))
		return
	}
	if surplus.AllocationID == a.AllocationID {
		return
	}
	c.made = c.made[:len(c.made)-1]
	c.ours = append(drop(c.ours, surplus), a)
	c.diags.AddWarning("A lost address is back", fmt.Sprintf("Pool %q had lost %s; AWS gave the same address back as %s, and %s in its place was not needed.", c.spec.Name, a.PublicIP, a.AllocationID, surplus))
}

// letClaimsWin turns retired addresses that an instance has begun to use back: to draining if they were to be rotated
// out, to active if only the size left no room for them.
func (c *convergence) letClaimsWin(ctx context.Context, raced []Address, shrinking map[string]bool) (problems diag.Diagnostics) {
	for _, a := range c.Region.Named(ctx, raced) {
		var err error
		if shrinking[a.AllocationID] {
			if err = c.Region.Untag(ctx, []string{a.AllocationID}, map[string]string{eiptag.Lifecycle: eiptag.LifecycleRetired}); err == nil {
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
	return []string{s.TagKey, eiptag.Owner, eiptag.Lifecycle, eiptag.Existing, eiptag.Slot}
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
