package elasticip

import "net/netip"

// Associate gives an address, named by its allocation id or else by itself, to a target. With reassociate
// (EC2's default in a VPC, which the caller applies) it takes the address from its present holder, and the
// target's present address from the target; without, either is refused (but see Options.Lenient). Repeating
// an association changes nothing, and counts as a remap. Neither has a way to an address that a service manages.
func (b *Book) Associate(allocationID, publicIP string, to Target, reassociate bool) (associationID string, _ error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if to.BorderGroup == "" {
		to.BorderGroup = b.options.BorderGroups[0]
	}
	e := b.byID[allocationID]
	if allocationID == "" {
		if e = b.entryOf(publicIP); e == nil {
			return "", noAddress(publicIP)
		}
	}
	if e == nil {
		return "", noAllocation(allocationID)
	}
	if e.now.Managed != "" || e.now.kept() && !to.RequesterManaged {
		return "", notYours()
	}
	if e.now.BorderGroup != to.BorderGroup {
		return "", refuse("InvalidParameterCombination", "The address '%s' of network border group '%s' cannot be associated with '%s' of '%s'.",
			e.now.AllocationID, e.now.BorderGroup, to.InterfaceID, to.BorderGroup)
	}
	before := e.now.Association
	if before != nil && before.Target.socket() == to.socket() {
		b.counts.Remaps++
		return before.ID, nil
	}
	present := b.bySocket[to.socket()]
	if present != nil && present.now.kept() {
		return "", notYours()
	}
	if !reassociate {
		if before != nil {
			return "", refuse("Resource.AlreadyAssociated", "resource %s is already associated with associate-id %s", e.now.AllocationID, before.ID)
		}
		if present != nil && !b.options.Lenient {
			return "", refuse("Resource.AlreadyAssociated", "resource %s is already associated with associate-id %s", to.InterfaceID, present.now.Association.ID)
		}
	}
	b.count(e, to, present)
	if before != nil {
		b.end(e)
		b.settle(before.Target)
	}
	if present != nil {
		b.end(present)
	}
	e.now.Association = &Association{ID: b.options.NewID("eipassoc"), Target: to}
	e.mapped = true
	b.byAssoc[e.now.Association.ID], b.bySocket[to.socket()] = e, e
	b.remember(e)
	b.settle(to)
	return e.now.Association.ID, nil
}

// count adds to the counts what an association is about to do.
func (b *Book) count(e *entry, to Target, present *entry) {
	if e.mapped {
		b.counts.Remaps++
	}
	if before := e.now.Association; before != nil && before.Target.holder() != to.holder() {
		b.counts.Steals++
	}
	if present != nil {
		b.counts.Swaps++
	}
}

// Disassociate ends an association, named by its id or else by the address. Ending one again is no error, as AWS
// documents; an id that never was is.
func (b *Book) Disassociate(associationID, publicIP string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	e := b.byAssoc[associationID]
	switch {
	case associationID == "":
		if e = b.entryOf(publicIP); e == nil {
			return noAddress(publicIP)
		}
		if e.now.Association == nil {
			return nil
		}
	case e == nil && b.past[associationID]:
		return nil
	case e == nil:
		return refuse("InvalidAssociationID.NotFound", "The association ID '%s' does not exist", associationID)
	}
	if e.now.kept() {
		return notYours()
	}
	target := e.now.Association.Target
	b.end(e)
	b.settle(target)
	return nil
}

// ForgetInstance ends the associations of an instance that is gone, and its automatic public addresses.
func (b *Book) ForgetInstance(instanceID string) {
	b.forget(func(t Target) bool { return t.InstanceID == instanceID })
}

// ForgetInterface ends the associations of a network interface that is gone, and its automatic public address.
func (b *Book) ForgetInterface(interfaceID string) {
	b.forget(func(t Target) bool { return t.InterfaceID == interfaceID })
}

func (b *Book) forget(gone func(Target) bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for id, c := range b.cards {
		if gone(c.target) {
			delete(b.cards, id)
			b.tell(c.target, "")
		}
	}
	for _, e := range b.entries {
		if assoc := e.now.Association; assoc != nil && gone(assoc.Target) {
			b.end(e)
			b.settle(assoc.Target)
		}
	}
}

// end ends an address's association. The caller settles what its target has instead.
func (b *Book) end(e *entry) {
	assoc := e.now.Association
	b.past[assoc.ID] = true
	delete(b.byAssoc, assoc.ID)
	delete(b.bySocket, assoc.Target.socket())
	e.now.Association = nil
	b.remember(e)
}

// MoveInterface tells that a network interface was attached to an instance, or, if instanceID is empty, to none any
// more. Its addresses go with it.
func (b *Book) MoveInterface(interfaceID, instanceID string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if c := b.cards[interfaceID]; c != nil {
		c.target.InstanceID = instanceID
	}
	for _, e := range b.entries {
		assoc := e.now.Association
		if assoc == nil || assoc.Target.InterfaceID != interfaceID || assoc.Target.InstanceID == instanceID {
			continue
		}
		moved := *assoc
		moved.Target.InstanceID = instanceID
		e.now.Association = &moved
		b.remember(e)
		b.tell(assoc.Target, "")
		b.tell(moved.Target, e.now.PublicIP.String())
	}
}

// tell passes on which public address a target's instance has now.
func (b *Book) tell(target Target, publicIP string) {
	if target.InstanceID != "" {
		b.options.Moved(target.InstanceID, publicIP)
	}
}

func (b *Book) entryOf(publicIP string) *entry {
	ip, err := netip.ParseAddr(publicIP)
	if err != nil {
		return nil
	}
	return b.byIP[ip]
}

// notYours is what EC2 says to who associates, disassociates or releases what a service of AWS has: see
// hashicorp/terraform-provider-aws issue 3572 (associate), kubernetes/kops issue 1604 and genevieve/leftovers issue 33
// (release).
func notYours() *Error {
	return refuse("AuthFailure", "You do not have permission to access the specified resource.")
}
