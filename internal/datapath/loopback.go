package datapath

import (
	"math/rand/v2"
	"net/netip"
)

// loopback returns an address of 127.32.0.0/11 that most likely nobody else has: there are
// two million, and the sandbox and the usual servers of a machine use others. With an
// address of its own a listener's port cannot be taken by somebody's outgoing connection.
func loopback() netip.Addr {
	n := rand.Uint32N(1<<21-2) + 1
	return netip.AddrFrom4([4]byte{127, byte(32 + n>>16), byte(n >> 8), byte(n)})
}
