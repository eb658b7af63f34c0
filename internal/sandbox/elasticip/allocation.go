package elasticip

import (
	"maps"
	"net/netip"
	"slices"
)

// Allocation is a request for an address; empty fields take EC2's defaults.
type Allocation struct {
	Pool        string // AmazonPool
	BorderGroup string // the Region's own
	Ask         string // a former address to get back; empty: any
	Tags        map[string]string
}

// Allocate gives the account an address: a fresh one, or the released one that is asked for.
func (b *Book) Allocate(want Allocation) (Address, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if want.Pool == "" {
		want.Pool = AmazonPool
	}
	if want.BorderGroup == "" {
		want.BorderGroup = b.options.BorderGroups[0]
	}
	from, ok := b.pools[want.Pool]
	switch {
	case !ok:
		return Address{}, refuse("InvalidPublicIpv4PoolID.NotFound", "The pool ID '%s' does not exist", want.Pool)
	case !slices.Contains(b.options.BorderGroups, want.BorderGroup):
		return Address{}, refuse("InvalidParameterValue", "Invalid value '%s' for network border group.", want.BorderGroup)
	case want.Pool == AmazonPool && b.counted(want.BorderGroup) >= b.options.Quota:
		return Address{}, refuse("AddressLimitExceeded", "The maximum number of addresses has been reached.")
	case len(want.Tags) > MaxTags:
		return Address{}, tooManyTags()
	}
	ip, err := b.pick(from, want.Ask)
	if err != nil {
		return Address{}, err
	}
	delete(b.released, ip)
	e := &entry{now: Address{AllocationID: b.options.NewID("eipalloc"), PublicIP: ip, Pool: want.Pool, BorderGroup: want.BorderGroup, Tags: maps.Clone(want.Tags)}}
	b.byID[e.now.AllocationID], b.byIP[ip] = e, e
	b.entries = append(b.entries, e)
	b.remember(e)
	return e.now, nil
}

// counted returns how many addresses count against the quota of a border group: Amazon's, not brought ones.
func (b *Book) counted(borderGroup string) int {
	n := 0
	for _, e := range b.byID {
		if e.now.Pool == AmazonPool && e.now.BorderGroup == borderGroup {
			n++
		}
	}
	return n
}

// pick finds the address to give. A released one is never given to someone who did not ask for it (a pool gives
// each once), so that a test may rely on getting it back.
func (b *Book) pick(from *pool, ask string) (netip.Addr, error) {
	if ask == "" {
		ip, ok := from.take(func(ip netip.Addr) bool { return b.taken[ip] })
		if !ok {
			return ip, refuse("InsufficientAddressCapacity", "There are no addresses left in the pool '%s'.", from.name)
		}
		return ip, nil
	}
	ip, err := netip.ParseAddr(ask)
	if err != nil {
		return ip, refuse("InvalidParameterValue", "Value (%s) for parameter address is invalid.", ask)
	}
	if !b.released[ip] {
		// AWS documents that the address must have been the account's and be free, but not the code.
		return ip, noAddress(ask)
	}
	return ip, nil
}

// Release gives an address back to Amazon, unless something has it. It may be asked back.
func (b *Book) Release(allocationID, borderGroup string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	e := b.byID[allocationID]
	switch {
	case e == nil:
		return noAllocation(allocationID)
	case borderGroup != "" && borderGroup != e.now.BorderGroup:
		return refuse("InvalidAddress.NotFound", "The address with allocation id [%s] is not in the network border group '%s'.", allocationID, borderGroup)
	case e.now.kept():
		return notYours()
	case e.now.InUse():
		return refuse("InvalidIPAddress.InUse", "Address %s is in use.", e.now.PublicIP)
	}
	delete(b.byID, allocationID)
	delete(b.byIP, e.now.PublicIP)
	b.released[e.now.PublicIP] = true
	b.forgetEntry(e)
	return nil
}

// GiveAway has another account get an address that this one does not hold: it can no longer be asked back.
// It returns false if this account holds it.
func (b *Book) GiveAway(ip netip.Addr) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.byIP[ip] != nil {
		return false
	}
	delete(b.released, ip)
	b.taken[ip] = true
	return true
}

func tooManyTags() *Error {
	return refuse("TagLimitExceeded", "The maximum number of tags for a resource has been reached.")
}

// pool hands out the addresses of some ranges, each once.
type pool struct {
	name   string
	ranges []netip.Prefix // those not used up
	next   netip.Addr     // zero: the start of the first range
}

// take returns the pool's next address that is not used; false if it is exhausted.
func (p *pool) take(used func(netip.Addr) bool) (netip.Addr, bool) {
	for len(p.ranges) > 0 {
		block := p.ranges[0].Masked()
		if !p.next.IsValid() {
			p.next = block.Addr()
		}
		for block.Contains(p.next) {
			ip := p.next
			p.next = ip.Next()
			if last := ip.As4()[3]; last != 0 && last != 255 && !used(ip) { // EC2 gives neither .0 nor .255
				return ip, true
			}
		}
		p.ranges, p.next = p.ranges[1:], netip.Addr{}
	}
	return netip.Addr{}, false
}
