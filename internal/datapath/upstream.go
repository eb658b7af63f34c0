package datapath

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"
)

// Upstream is a TLS server on an address of its own that plays a service which listens on
// port 443 out there.
type Upstream struct {
	listener net.Listener
	config   *tls.Config
	handle   func(*tls.Conn)
	done     sync.WaitGroup

	mu       sync.Mutex
	accepted int
	open     map[*net.TCPConn]bool
	closed   bool
}

// StartUpstream starts a server whose connections handle serves, each in a goroutine of its
// own, before the handshake; nil is Echo. A port of 0 takes a free one. The upstreams of one
// proxy need one port, as they do out there.
func StartUpstream(authority *Authority, port int, handle func(*tls.Conn)) (*Upstream, error) {
	address := loopback()
	listener, err := new(net.ListenConfig).Listen(context.Background(), "tcp4", netip.AddrPortFrom(address, uint16(port)).String())
	if err != nil {
		return nil, fmt.Errorf("starting an upstream: %w", err)
	}
	if handle == nil {
		handle = Echo
	}
	u := &Upstream{listener: listener, config: authority.ServerConfig(address), handle: handle, open: map[*net.TCPConn]bool{}}
	u.done.Go(u.serve)
	return u, nil
}

// Echo sends back what it gets, and ends when the client does.
func Echo(conn *tls.Conn) {
	if _, err := io.Copy(conn, conn); err == nil {
		_ = conn.CloseWrite()
	}
}

// Addr is where the server listens.
func (u *Upstream) Addr() netip.AddrPort {
	return netip.MustParseAddrPort(u.listener.Addr().String())
}

// Accepted is how many connections there have been, with a handshake or without.
func (u *Upstream) Accepted() int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.accepted
}

// Open is how many connections there are now.
func (u *Upstream) Open() int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return len(u.open)
}

// Peers are the addresses at the other end of all open connections.
func (u *Upstream) Peers() []netip.AddrPort {
	u.mu.Lock()
	defer u.mu.Unlock()
	peers := make([]netip.AddrPort, 0, len(u.open))
	for conn := range u.open {
		peers = append(peers, netip.MustParseAddrPort(conn.RemoteAddr().String()))
	}
	return peers
}

// Reset ends the connection with a peer by a TCP reset. It reports whether there was one.
func (u *Upstream) Reset(peer netip.AddrPort) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	for conn := range u.open {
		if conn.RemoteAddr().String() == peer.String() {
			_ = conn.SetLinger(0)
			_ = conn.Close()
			return true
		}
	}
	return false
}

// Close stops the server and cuts what is open.
func (u *Upstream) Close() error {
	err := u.listener.Close()
	u.mu.Lock()
	u.closed = true
	for conn := range u.open {
		_ = conn.Close()
	}
	u.mu.Unlock()
	u.done.Wait()
	return err
}

func (u *Upstream) serve() {
	for {
		conn, err := u.listener.Accept()
		if err != nil {
			return
		}
		tcp, ok := conn.(*net.TCPConn)
		if !ok || !u.admit(tcp) {
			_ = conn.Close()
			continue
		}
		u.done.Go(func() {
			defer u.leave(tcp)
			u.handle(tls.Server(tcp, u.config))
		})
	}
}

func (u *Upstream) admit(conn *net.TCPConn) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.closed {
		return false
	}
	u.accepted++
	u.open[conn] = true
	return true
}

func (u *Upstream) leave(conn *net.TCPConn) {
	_ = conn.Close()
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.open, conn)
}
