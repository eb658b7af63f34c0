package datapathbench

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/datapath"
)

// patience is how long anything may take that a client waits for.
const patience = 5 * time.Second

// client opens connections to the upstream by one way.
type client struct {
	to netip.AddrPort
	// prefix goes before the first bytes of a connection, in one piece with them.
	prefix []byte
	config *tls.Config
}

// newClient returns a client that resumes its sessions. TLS 1.2 with tickets has the cheapest real handshake, without any
// public-key cryptography but for the first one, so that the proxy's part of a connection is the largest it can be.
func newClient(to netip.AddrPort, prefix []byte, authority *datapath.Authority) client {
	return client{to: to, prefix: prefix, config: &tls.Config{
		ServerName: hostname, RootCAs: authority.Roots(), MaxVersion: tls.VersionTLS12,
		ClientSessionCache: tls.NewLRUClientSessionCache(1),
	}}
}

// prefixed is a connection before whose first bytes something goes.
type prefixed struct {
	net.Conn
	prefix []byte
}

// Write sends the prefix first if it has not been sent.
func (p *prefixed) Write(data []byte) (int, error) {
	if p.prefix == nil {
		return p.Conn.Write(data)
	}
	first := slices.Concat(p.prefix, data)
	n, err := p.Conn.Write(first)
	n = max(n-len(p.prefix), 0)
	p.prefix = nil
	return n, err
}

// connection is one on which questions can be asked.
type connection struct {
	net.Conn
	question, answer []byte
}

// open connects, shakes hands and has one byte echoed, all within patience.
func (c client) open(ctx context.Context) (*connection, error) {
	deadline := time.Now().Add(patience)
	ctx, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	raw, err := new(net.Dialer).DialContext(ctx, "tcp4", c.to.String())
	if err != nil {
		return nil, err
	}
	conn := &connection{Conn: raw, question: make([]byte, questionBytes)}
	if err := conn.greet(deadline, c); err != nil {
		return nil, errors.Join(err, raw.Close())
	}
	return conn, nil
}

func (c *connection) greet(deadline time.Time, by client) error {
	if err := c.SetDeadline(deadline); err != nil {
		return err
	}
	secured := tls.Client(&prefixed{c.Conn, by.prefix}, by.config)
	if _, err := secured.Write(c.question[:1]); err != nil {
		return fmt.Errorf("handshake: %w", err)
	}
	if _, err := io.ReadFull(secured, c.question[:1]); err != nil {
		return fmt.Errorf("first byte: %w", err)
	}
	return c.SetDeadline(time.Time{})
}

// reach returns when a connection could be opened: a proxy that looks names up while it runs may not know the
// upstream's address when it starts to listen.
func reach(ctx context.Context, c client) error {
	limit, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		conn, err := c.open(limit)
		if err == nil {
			return conn.Close()
		}
		if ended := pause(limit, retryAfter, nil); ended != nil {
			return fmt.Errorf("the upstream is not reached: %w", err)
		}
	}
}

// want makes the next questions ask for size bytes.
func (c *connection) want(size int) {
	binary.BigEndian.PutUint32(c.question, uint32(size))
	c.answer = make([]byte, size)
}

// ask sends the question and reads the answer.
func (c *connection) ask() error {
	if _, err := c.Write(c.question); err != nil {
		return err
	}
	_, err := io.ReadFull(c, c.answer)
	return err
}

// askWithin is ask with a limit.
func (c *connection) askWithin(limit time.Duration) error {
	if err := c.SetDeadline(time.Now().Add(limit)); err != nil {
		return err
	}
	return c.ask()
}
