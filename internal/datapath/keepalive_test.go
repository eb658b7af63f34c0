//go:build linux

package datapath

import (
	"crypto/tls"
	"net"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// natTimeout is after how long a load balancer and PrivateLink forget a silent connection.
const natTimeout = 350 * time.Second

// TestKeepalivesAreSoonEnough looks at the timers of both legs of a silent connection, with
// the configuration as it is shipped.
func TestKeepalivesAreSoonEnough(t *testing.T) {
	t.Parallel()
	l := newLink(t, setup{})
	conn := l.dial(openaiName)
	l.wantEcho(conn)
	client := netip.MustParseAddrPort(conn.LocalAddr().String())
	legs := map[string][2]netip.AddrPort{
		"to the client":   {l.Addr(443), client},
		"to the upstream": {l.openai.Peers()[0], l.openai.Addr()},
	}
	for name, ends := range legs {
		l.await("a keepalive timer "+name, func() bool {
			s, ok := socketBetween(t, ends[0], ends[1])
			if !ok {
				t.Fatalf("no socket %s", name)
			}
			return s.timer == timerKeepalive && s.expires > 0 && s.expires < natTimeout
		})
	}
}

// TestKeepalivesOnBothLegs counts what arrives on both ends of a silent connection.
func TestKeepalivesOnBothLegs(t *testing.T) {
	t.Parallel()
	served := make(chan *tls.Conn, 1)
	second := time.Second // the kernel counts in seconds
	l := newLink(t, setup{
		durations: map[string]time.Duration{"clitcpka-idle": second, "clitcpka-intvl": second, "srvtcpka-idle": second, "srvtcpka-intvl": second},
		handle: func(conn *tls.Conn) {
			if err := conn.HandshakeContext(t.Context()); err == nil {
				served <- conn
			}
			Echo(conn)
		},
	})
	conn := l.dial(openaiName)
	l.wantEcho(conn)
	for name, end := range map[string]net.Conn{"client": conn.NetConn(), "upstream": (<-served).NetConn()} {
		before := tcpInfo(t, end)
		var now *unix.TCPInfo
		l.await("probes to the "+name, func() bool {
			now = tcpInfo(t, end)
			return now.Segs_in >= before.Segs_in+2
		})
		if now.Bytes_received != before.Bytes_received {
			t.Errorf("the %s got %d bytes; that is no keepalive", name, now.Bytes_received-before.Bytes_received)
		}
	}
}

// tcpInfo is what the kernel knows of one end of a connection.
func tcpInfo(t *testing.T, conn net.Conn) *unix.TCPInfo {
	t.Helper()
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		t.Fatalf("%T is no TCP connection", conn)
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var info *unix.TCPInfo
	var infoErr error
	if err := raw.Control(func(fd uintptr) { info, infoErr = unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO) }); err != nil {
		t.Fatal(err)
	}
	if infoErr != nil {
		t.Fatal(infoErr)
	}
	return info
}
