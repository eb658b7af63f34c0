package datapathbench

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/datapath"
)

// Times of what disturbs a proxy.
const (
	// betweenReloads is how long a load goes on after a reload.
	betweenReloads = 400 * time.Millisecond
	// overlap is how long the upstream serves at both of its addresses after its name has changed: six times as long as
	// the name server's answers hold. Azure leaves more.
	overlap = 6 * time.Second
	// notice is how long a person takes to see that the old address is gone and to act: less than anybody does.
	notice = time.Second
)

// overReloads reloads a proxy n times under load.
func overReloads(ctx context.Context, p proxy, c client, n int) (toll, error) {
	crowd := gather(ctx, c)
	err := pause(ctx, betweenReloads, nil)
	for range n {
		if err != nil {
			break
		}
		if err = p.reload(ctx); err == nil {
			err = pause(ctx, betweenReloads, nil)
		}
	}
	return crowd.dismiss(), err
}

// mover is an upstream that changes its address, and the name server that tells.
type mover struct {
	authority  *datapath.Authority
	nameserver *datapath.NameServer
	now        *upstream
	moves      int
}

// home is the nth address that an upstream has.
func home(n int) netip.Addr { return netip.AddrFrom4([4]byte{127, 83, 1, byte(n + 1)}) }

// settle starts the upstream at its first address.
func settle(ctx context.Context, authority *datapath.Authority, nameserver *datapath.NameServer) (*mover, error) {
	first, err := startUpstream(ctx, authority, netip.AddrPortFrom(home(0), 0))
	if err != nil {
		return nil, err
	}
	nameserver.Set(hostname, home(0))
	return &mover{authority: authority, nameserver: nameserver, now: first}, nil
}

// move gives the upstream its next address, and takes the old one from it after the overlap. Connections that are open stay.
func (m *mover) move(ctx context.Context) error {
	m.moves++
	next, err := startUpstream(ctx, m.authority, netip.AddrPortFrom(home(m.moves), m.now.address().Port()))
	if err != nil {
		return err
	}
	m.nameserver.Set(hostname, home(m.moves))
	old := m.now
	m.now = next
	return errors.Join(pause(ctx, overlap, nil), old.leave())
}

// overMoves lets the upstream move n times under the load of all proxies at once, and returns what became of
// the connections through each.
func overMoves(ctx context.Context, m *mover, proxies map[string]proxy, n int) (map[string]toll, error) {
	crowds := map[string]*crowd{}
	for name, p := range proxies {
		crowds[name] = gather(ctx, newClient(p.address(), p.prefix(), m.authority))
	}
	err := pause(ctx, betweenReloads, nil)
	for range n {
		if err != nil {
			break
		}
		if err = m.move(ctx); err == nil {
			err = followAll(ctx, m.now.address(), proxies)
		}
	}
	tolls := map[string]toll{}
	for name, crowd := range crowds {
		tolls[name] = crowd.dismiss()
	}
	return tolls, err
}

// followAll does what people do after a move, where they have to do anything.
func followAll(ctx context.Context, to netip.AddrPort, proxies map[string]proxy) error {
	if err := pause(ctx, notice, nil); err != nil {
		return err
	}
	for name, p := range proxies {
		if err := p.follow(ctx, to); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return pause(ctx, notice, nil)
}
