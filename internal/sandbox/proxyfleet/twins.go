package proxyfleet

import (
	"net/netip"
	"sync"
)

// NoAddress is the source of a proxy whose instance has no public address. It is of
// the block that RFC 5737 keeps for documentation, so no machine has it: every connect
// fails at once, health checks of HAProxy included, as nothing leaves a VPC without a
// public address. A loopback address would not do, since the kernel accepts what comes
// from one before any server can refuse it.
var NoAddress = netip.MustParseAddr("192.0.2.1")

// The blocks of the loopback network that addresses are taken from, in order. They
// lie outside 127.0.0.0/16, where other programs of a machine listen.
var (
	instanceBlock = netip.MustParsePrefix("127.64.0.0/10")
	twinBlock     = netip.MustParsePrefix("127.128.0.0/9")
)

// Twins gives each public address a loopback address of its own, its twin, which
// stands for it on this machine: what leaves an instance with an Elastic IP comes
// from that address' twin. A twin is given once and kept. It is safe for concurrent
// use.
type Twins struct {
	mu       sync.Mutex
	last     netip.Addr
	byPublic map[netip.Addr]netip.Addr
	byTwin   map[netip.Addr]netip.Addr
}

// NewTwins returns an empty registry.
func NewTwins() *Twins {
	return &Twins{last: twinBlock.Addr(), byPublic: map[netip.Addr]netip.Addr{}, byTwin: map[netip.Addr]netip.Addr{}}
}

// Of returns the twin of a public address.
func (t *Twins) Of(public netip.Addr) netip.Addr {
	t.mu.Lock()
	defer t.mu.Unlock()
	public = public.Unmap()
	if twin, ok := t.byPublic[public]; ok {
		return twin
	}
	t.last = t.last.Next()
	t.byPublic[public], t.byTwin[t.last] = t.last, public
	return t.last
}

// PublicIP returns the public address that a loopback address stands for; false for
// an address that is no twin.
func (t *Twins) PublicIP(twin netip.Addr) (netip.Addr, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	public, ok := t.byTwin[twin.Unmap()]
	return public, ok
}
