package elasticip

import "net/netip"

// card is a network interface that was launched with an automatic public address. EC2 takes it when the
// interface gets an Elastic IP, or the instance stops, and gives another afterwards.
type card struct {
	target     Target
	ip         netip.Addr // zero: none at present
	stopped    bool
	interfaces int // of the instance
}

// LaunchWithPublicIP tells that an instance was launched with an automatic public address on an interface
// (associate_public_ip_address, or the subnet's MapPublicIpOnLaunch), and returns that address. Automatic addresses
// are Amazon's: they count against no quota and appear in no listing.
func (b *Book) LaunchWithPublicIP(to Target) netip.Addr {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.cards[to.InterfaceID] == nil {
		b.cards[to.InterfaceID] = &card{target: to, interfaces: 1}
		b.settle(to)
	}
	return b.cards[to.InterfaceID].ip
}

// SetInterfaces tells how many network interfaces an instance has. One with several gets no automatic
// address in place of one that it has lost.
func (b *Book) SetInterfaces(instanceID string, n int) {
	b.eachCard(instanceID, func(c *card) { c.interfaces = n })
}

// StopInstance tells that an instance was stopped: it keeps its Elastic IPs, and loses its automatic addresses.
func (b *Book) StopInstance(instanceID string) {
	b.setStopped(instanceID, true)
}

// StartInstance tells that a stopped instance was started: it gets new automatic addresses. One that runs gets none.
func (b *Book) StartInstance(instanceID string) {
	b.setStopped(instanceID, false)
}

func (b *Book) setStopped(instanceID string, stopped bool) {
	b.eachCard(instanceID, func(c *card) {
		if c.stopped != stopped {
			c.stopped = stopped
			b.settle(c.target)
		}
	})
}

func (b *Book) eachCard(instanceID string, do func(*card)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range b.cards {
		if c.target.InstanceID == instanceID {
			do(c)
		}
	}
}

// AutomaticIPs returns the present automatic public addresses by network interface.
func (b *Book) AutomaticIPs() map[string]netip.Addr {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := map[string]netip.Addr{}
	for id, c := range b.cards {
		if c.ip.IsValid() {
			out[id] = c.ip
		}
	}
	return out
}

// settle gives or takes the automatic address of a target whose Elastic IP has changed, and
// tells which public address its instance has now.
func (b *Book) settle(target Target) {
	if c := b.cards[target.InterfaceID]; c != nil {
		b.refresh(c)
	}
	b.tell(target, b.outgoing(target))
}

// outgoing returns the public address that an interface's traffic leaves from: that of its primary private address. Which one
// is primary the Book knows only of an interface with automatic addresses; else it is the one that target names.
func (b *Book) outgoing(target Target) string {
	primary := target.socket()
	if c := b.cards[target.InterfaceID]; c != nil {
		if c.ip.IsValid() {
			return c.ip.String()
		}
		primary = c.target.socket()
	}
	if e := b.bySocket[primary]; e != nil {
		return e.now.PublicIP.String()
	}
	for _, e := range b.entries {
		if assoc := e.now.Association; assoc != nil && assoc.Target.InterfaceID == target.InterfaceID {
			return e.now.PublicIP.String()
		}
	}
	return ""
}

// refresh applies the rules of automatic addresses to an interface.
func (b *Book) refresh(c *card) {
	if c.stopped || b.bySocket[c.target.socket()] != nil {
		c.ip = netip.Addr{}
		return
	}
	if !c.ip.IsValid() && c.interfaces <= 1 && !b.hasElasticIP(c.target.InterfaceID) {
		c.ip, _ = b.automatic.take(func(netip.Addr) bool { return false })
	}
}

// hasElasticIP reports whether any private address of an interface has one. One on a secondary private address is
// enough that EC2 gives no automatic address again.
func (b *Book) hasElasticIP(interfaceID string) bool {
	for s := range b.bySocket {
		if s.interfaceID == interfaceID {
			return true
		}
	}
	return false
}
