package awscloud

import (
	"crypto/rand"
	"encoding/hex"
	"maps"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/awsapi"
)

// amazonPool is the name of Amazon's own address pool.
const amazonPool = "amazon"

// address is one Elastic IP of the account.
type address struct {
	allocationID string
	publicIP     netip.Addr
	pool         string
	borderGroup  string
	tags         map[string]string
	assoc        *association // nil: not associated
}

// association ties an address to a network interface.
type association struct {
	id     string
	target target
}

// target is a network interface, and the instance that it is attached to, if any.
type target struct {
	interfaceID string
	instanceID  string
	privateIP   string
	ownerID     string
	borderGroup string
}

// addressBook holds the account's Elastic IPs. It knows EC2's rules, and neither HTTP nor moto.
type addressBook struct {
	quota        int
	borderGroups []string // the first is the Region's own
	pools        map[string]*addressPool
	// moved is called after each change of an instance's public address, in the order of the changes.
	moved func(instanceID, publicIP string)

	mu       sync.Mutex
	byID     map[string]*address
	order    []string            // allocation ids, oldest first
	released map[netip.Addr]bool // once ours, may be asked back
	taken    map[netip.Addr]bool // of the Region, but another account's
	past     map[string]bool     // association ids that are no more
}

// addressPool hands out the addresses of some ranges, each once.
type addressPool struct {
	name   string
	ranges []netip.Prefix // those not used up
	next   netip.Addr     // zero: the start of the first range
}

func newAddressBook(quota int, borderGroups []string, pools map[string][]netip.Prefix) *addressBook {
	book := &addressBook{
		quota: quota, borderGroups: borderGroups, pools: map[string]*addressPool{},
		moved: func(string, string) {},
		byID:  map[string]*address{}, released: map[netip.Addr]bool{}, taken: map[netip.Addr]bool{}, past: map[string]bool{},
	}
	for name, ranges := range pools {
		book.pools[name] = &addressPool{name: name, ranges: ranges}
	}
	return book
}

// take returns the pool's next address that is not used; false if it is exhausted.
func (p *addressPool) take(used func(netip.Addr) bool) (netip.Addr, bool) {
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

func badRequest(code, format string, args ...any) *awsapi.Error {
	return awsapi.Errorf(http.StatusBadRequest, code, format, args...)
}

// newID makes an id with 17 hexadecimal digits, as EC2's are: eipalloc-0123456789abcdef0.
func newID(prefix string) string {
	var b [8]byte
	_, _ = rand.Read(b[:])
	return prefix + "-0" + hex.EncodeToString(b[:])
}

// allocation is a request for an address; empty fields take EC2's defaults.
type allocation struct {
	pool, borderGroup string
	ask               string // a former address to get back
	tags              map[string]string
}

func (b *addressBook) allocate(want allocation) (address, *awsapi.Error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if want.pool == "" {
		want.pool = amazonPool
	}
	if want.borderGroup == "" {
		want.borderGroup = b.borderGroups[0]
	}
	pool, ok := b.pools[want.pool]
	if !ok {
		return address{}, badRequest("InvalidPublicIpv4PoolID.NotFound", "The pool ID '%s' does not exist", want.pool)
	}
	if !slices.Contains(b.borderGroups, want.borderGroup) {
		return address{}, badRequest("InvalidParameterValue", "Invalid value '%s' for network border group.", want.borderGroup)
	}
	if len(b.byID) >= b.quota {
		return address{}, badRequest("AddressLimitExceeded", "The maximum number of addresses has been reached.")
	}
	if len(want.tags) > maxTags {
		return address{}, badRequest("TagLimitExceeded", "The maximum number of tags for a resource has been reached.")
	}
	ip, err := b.pick(pool, want.ask)
	if err != nil {
		return address{}, err
	}
	delete(b.released, ip)
	a := &address{allocationID: newID("eipalloc"), publicIP: ip, pool: want.pool, borderGroup: want.borderGroup, tags: maps.Clone(want.tags)}
	b.byID[a.allocationID] = a
	b.order = append(b.order, a.allocationID)
	return a.copy(), nil
}

// pick finds the address to give: a fresh one, or the one that is asked back. A released
// address is never given to someone who did not ask for it, so that a test may rely on getting it back.
func (b *addressBook) pick(pool *addressPool, ask string) (netip.Addr, *awsapi.Error) {
	if ask == "" {
		ip, ok := pool.take(func(ip netip.Addr) bool {
			return b.released[ip] || b.taken[ip] || b.byIP(ip) != nil
		})
		if !ok {
			return ip, badRequest("InsufficientAddressCapacity", "There are no addresses left in the pool '%s'.", pool.name)
		}
		return ip, nil
	}
	ip, err := netip.ParseAddr(ask)
	if err != nil {
		return ip, badRequest("InvalidParameterValue", "Value (%s) for parameter address is invalid.", ask)
	}
	if !b.released[ip] {
		// AWS documents that the address must have been the account's and be free, but not the code.
		return ip, badRequest("InvalidAddress.NotFound", "Address '%s' not found.", ask)
	}
	return ip, nil
}

func (b *addressBook) byIP(ip netip.Addr) *address {
	for _, a := range b.byID {
		if a.publicIP == ip {
			return a
		}
	}
	return nil
}

// giveAway has another account take an address that was released: it can no longer be asked back.
// It returns false if the address is not free.
func (b *addressBook) giveAway(ip netip.Addr) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.byIP(ip) != nil {
		return false
	}
	delete(b.released, ip)
	b.taken[ip] = true
	return true
}

// find returns copies of the addresses that pass all of the given conditions, oldest first. An id or
// IP that the account does not hold fails the whole call.
func (b *addressBook) find(allocationIDs, publicIPs []string, filters []filter) ([]address, *awsapi.Error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var missing []string
	for _, id := range allocationIDs {
		if b.byID[id] == nil {
			missing = append(missing, id)
		}
	}
	switch {
	case len(missing) == 1:
		return nil, badRequest("InvalidAllocationID.NotFound", "The allocation ID '%s' does not exist", missing[0])
	case len(missing) > 1:
		return nil, badRequest("InvalidAllocationID.NotFound", "The allocation IDs '%s' do not exist", strings.Join(missing, ", "))
	}
	for _, ip := range publicIPs {
		if parsed, err := netip.ParseAddr(ip); err != nil || b.byIP(parsed) == nil {
			return nil, badRequest("InvalidAddress.NotFound", "Address '%s' not found.", ip)
		}
	}
	var out []address
	for _, id := range b.order {
		a := b.byID[id]
		if len(allocationIDs) > 0 && !slices.Contains(allocationIDs, id) || len(publicIPs) > 0 && !slices.Contains(publicIPs, a.publicIP.String()) {
			continue
		}
		if ok, err := a.subject().matches(filters); err != nil {
			return nil, err
		} else if ok {
			out = append(out, a.copy())
		}
	}
	if len(b.order) == 0 { // an unknown filter is refused whether or not there is anything to filter
		if _, err := (&address{}).subject().matches(filters); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// copy detaches what a reader may hold while the book changes.
func (a *address) copy() address {
	c := *a
	c.tags = maps.Clone(a.tags)
	if a.assoc != nil {
		assoc := *a.assoc
		c.assoc = &assoc
	}
	return c
}

func (a *address) subject() subject {
	s := subject{tags: a.tags, attributes: map[string][]string{
		"allocation-id": {a.allocationID}, "public-ip": {a.publicIP.String()}, "domain": {"vpc"}, "network-border-group": {a.borderGroup},
		"association-id": nil, "instance-id": nil, "network-interface-id": nil, "network-interface-owner-id": nil, "private-ip-address": nil,
	}}
	if a.assoc != nil {
		s.attributes["association-id"] = []string{a.assoc.id}
		s.attributes["network-interface-id"] = []string{a.assoc.target.interfaceID}
		s.attributes["network-interface-owner-id"] = []string{a.assoc.target.ownerID}
		s.attributes["private-ip-address"] = []string{a.assoc.target.privateIP}
		if a.assoc.target.instanceID != "" {
			s.attributes["instance-id"] = []string{a.assoc.target.instanceID}
		}
	}
	return s
}

// associate gives an address to a target. With reassociate (EC2's default in a VPC) it takes the address
// from its present holder, and the target's present address from the target; without, either is refused.
// Whether AWS refuses the second too is not documented: the stricter reading is played here.
func (b *addressBook) associate(allocationID, publicIP string, to target, reassociate bool) (associationID string, _ *awsapi.Error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	a := b.byID[allocationID]
	if allocationID == "" {
		ip, err := netip.ParseAddr(publicIP)
		if a = b.byIP(ip); err != nil || a == nil {
			return "", badRequest("InvalidAddress.NotFound", "Address '%s' not found.", publicIP)
		}
	}
	if a == nil {
		return "", badRequest("InvalidAllocationID.NotFound", "The allocation ID '%s' does not exist", allocationID)
	}
	if a.borderGroup != to.borderGroup {
		return "", badRequest("InvalidParameterCombination", "The address '%s' of network border group '%s' cannot be associated with '%s' of '%s'.",
			a.allocationID, a.borderGroup, to.interfaceID, to.borderGroup)
	}
	if a.assoc != nil && a.assoc.target == to {
		return a.assoc.id, nil
	}
	var present *address
	for _, other := range b.byID {
		if other != a && other.assoc != nil && other.assoc.target.interfaceID == to.interfaceID && other.assoc.target.privateIP == to.privateIP {
			present = other
		}
	}
	if !reassociate {
		if a.assoc != nil {
			return "", badRequest("Resource.AlreadyAssociated", "resource %s is already associated with associate-id %s", a.allocationID, a.assoc.id)
		}
		if present != nil {
			return "", badRequest("Resource.AlreadyAssociated", "resource %s is already associated with associate-id %s", to.interfaceID, present.assoc.id)
		}
	}
	b.detach(a)
	if present != nil {
		b.detach(present)
	}
	a.assoc = &association{id: newID("eipassoc"), target: to}
	b.moved(to.instanceID, a.publicIP.String())
	return a.assoc.id, nil
}

// detach ends an address's association, if it has one.
func (b *addressBook) detach(a *address) {
	if a.assoc == nil {
		return
	}
	b.past[a.assoc.id] = true
	instanceID := a.assoc.target.instanceID
	a.assoc = nil
	b.moved(instanceID, "")
}

// disassociate ends an association. Ending one again is no error, as AWS documents; an id that never was is.
func (b *addressBook) disassociate(associationID, publicIP string) *awsapi.Error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if associationID == "" {
		ip, err := netip.ParseAddr(publicIP)
		a := b.byIP(ip)
		if err != nil || a == nil {
			return badRequest("InvalidAddress.NotFound", "Address '%s' not found.", publicIP)
		}
		b.detach(a)
		return nil
	}
	for _, a := range b.byID {
		if a.assoc != nil && a.assoc.id == associationID {
			b.detach(a)
			return nil
		}
	}
	if b.past[associationID] {
		return nil
	}
	return badRequest("InvalidAssociationID.NotFound", "The association ID '%s' does not exist", associationID)
}

// release gives an address back to Amazon, unless it is associated.
func (b *addressBook) release(allocationID, borderGroup string) *awsapi.Error {
	b.mu.Lock()
	defer b.mu.Unlock()
	a := b.byID[allocationID]
	if a == nil {
		return badRequest("InvalidAllocationID.NotFound", "The allocation ID '%s' does not exist", allocationID)
	}
	if borderGroup != "" && borderGroup != a.borderGroup {
		return badRequest("InvalidAddress.NotFound", "The address with allocation id [%s] is not in the network border group '%s'.", allocationID, borderGroup)
	}
	if a.assoc != nil {
		return badRequest("InvalidIPAddress.InUse", "Address %s is in use.", a.publicIP)
	}
	delete(b.byID, allocationID)
	b.order = slices.DeleteFunc(b.order, func(id string) bool { return id == allocationID })
	b.released[a.publicIP] = true
	return nil
}

// forgetInstance ends the associations of an instance that is gone.
func (b *addressBook) forgetInstance(instanceID string) {
	b.forget(func(t target) bool { return t.instanceID == instanceID })
}

// forgetInterface ends the associations of a network interface that is gone.
func (b *addressBook) forgetInterface(interfaceID string) {
	b.forget(func(t target) bool { return t.interfaceID == interfaceID })
}

func (b *addressBook) forget(gone func(target) bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, a := range b.byID {
		if a.assoc != nil && gone(a.assoc.target) {
			b.detach(a)
		}
	}
}

// associated returns the associated addresses by network interface.
func (b *addressBook) associated() map[string]address {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := map[string]address{}
	for _, a := range b.byID {
		if a.assoc != nil {
			out[a.assoc.target.interfaceID] = a.copy()
		}
	}
	return out
}

// byInstance returns the public address of each instance that has one.
func (b *addressBook) byInstance() map[string]string {
	out := map[string]string{}
	for _, a := range b.associated() {
		if id := a.assoc.target.instanceID; id != "" {
			out[id] = a.publicIP.String()
		}
	}
	return out
}

func (b *addressBook) owns(id string) bool { return strings.HasPrefix(id, "eipalloc-") }

func (b *addressBook) retag(ids []string, change func(map[string]string)) *awsapi.Error {
	b.mu.Lock()
	defer b.mu.Unlock()
	changed := map[string]map[string]string{}
	for _, id := range ids {
		a := b.byID[id]
		if a == nil {
			return badRequest("InvalidElasticIpID.NotFound", "The elasticIp ID '%s' does not exist", id)
		}
		tags := maps.Clone(a.tags)
		if tags == nil {
			tags = map[string]string{}
		}
		change(tags)
		if len(tags) > maxTags {
			return badRequest("TagLimitExceeded", "The maximum number of tags for a resource has been reached.")
		}
		changed[id] = tags
	}
	for id, tags := range changed {
		b.byID[id].tags = tags
	}
	return nil
}

func (b *addressBook) tagged() (string, map[string]map[string]string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := map[string]map[string]string{}
	for id, a := range b.byID {
		out[id] = maps.Clone(a.tags)
	}
	return "elastic-ip", out
}
