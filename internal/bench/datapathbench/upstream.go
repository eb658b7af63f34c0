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
	"sync"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/datapath"
)

// hostname is the upstream's.
const hostname = "bench.openai.azure.com"

// questionBytes is the length of a question. Its first four bytes are the length of the answer that it wants.
const questionBytes = 256

// largestAnswer is the most that a question may ask for.
const largestAnswer = 1 << 17

// upstream is a server at one address. After a real TLS handshake and one byte each way through it, it answers
// questions with as many bytes as they ask for, without encryption: what a proxy passes on is opaque to it, and a machine that
// need not encrypt has more left to show what the proxy costs.
type upstream struct {
	listener net.Listener
	config   *tls.Config
	done     sync.WaitGroup
}

// startUpstream listens on an address; port 0 is a free one.
func startUpstream(ctx context.Context, authority *datapath.Authority, address netip.AddrPort) (*upstream, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp4", address.String())
	if err != nil {
		return nil, fmt.Errorf("starting an upstream: %w", err)
	}
	u := &upstream{listener: listener, config: authority.ServerConfig(address.Addr())}
	u.done.Go(u.accept)
	return u, nil
}

func (u *upstream) address() netip.AddrPort {
	return netip.MustParseAddrPort(u.listener.Addr().String())
}

// leave refuses new connections and goes on with those that are open.
func (u *upstream) leave() error {
	if err := u.listener.Close(); !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}

// close leaves, and returns when the other ends have closed all connections.
func (u *upstream) close() error {
	err := u.leave()
	u.done.Wait()
	return err
}

func (u *upstream) accept() {
	for {
		conn, err := u.listener.Accept()
		if err != nil {
			return
		}
		u.done.Go(func() {
			defer func() { _ = conn.Close() }()
			// The client, or the proxy between, tells of what failed.
			_ = answer(tls.Server(conn, u.config))
		})
	}
}

// answer serves one connection until its other end closes.
func answer(secured *tls.Conn) error {
	conn := secured.NetConn()
	question := make([]byte, questionBytes)
	if _, err := io.ReadFull(secured, question[:1]); err != nil {
		return err
	}
	// The client sends no more before it has this, so nothing can be left in the TLS layer's buffer.
	if _, err := secured.Write(question[:1]); err != nil {
		return err
	}
	for {
		if _, err := io.ReadFull(conn, question); err != nil {
			return err
		}
		size := binary.BigEndian.Uint32(question)
		if size > largestAnswer {
			return fmt.Errorf("a question asks for %d bytes", size)
		}
		if _, err := conn.Write(blank[:size]); err != nil {
			return err
		}
	}
}

// blank is what answers are cut from.
var blank [largestAnswer]byte
