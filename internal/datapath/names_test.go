//go:build linux

package datapath

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/proxyprotocol"
)

func TestListedNamesPass(t *testing.T) {
	t.Parallel()
	l := newLink(t, setup{})
	for name, server := range map[string]*Upstream{
		openaiName:                  l.openai,
		loginName:                   l.login,
		"TEAM.OpenAI.Azure.COM":     l.openai,
		"LOGIN.MICROSOFTONLINE.COM": l.login,
	} {
		conn := l.dial(name)
		if got := Reached(conn); got != server.Addr().Addr() {
			t.Errorf("%s reached %s, want %s", name, got, server.Addr().Addr())
		}
		l.wantEcho(conn)
	}
}

// TestNothingElsePasses sends what is no ClientHello for a listed name.
func TestNothingElsePasses(t *testing.T) {
	t.Parallel()
	l := newLink(t, setup{durations: map[string]time.Duration{"inspect-delay": 300 * time.Millisecond}})
	listed := helloFor(t, openaiName)
	serverHello := bytes.Clone(listed)
	serverHello[recordHeader] = 2 // the type of the handshake message
	applicationData := bytes.Clone(listed)
	applicationData[0] = 23 // the type of the record

	denied := map[string][]byte{
		"no server name":                helloFor(t, ""),
		"another name":                  helloFor(t, "other.openai.azure.com"),
		"a name that ends alike":        helloFor(t, "evil-"+openaiName),
		"a name that starts alike":      helloFor(t, openaiName+".example.com"),
		"the parent domain":             helloFor(t, "openai.azure.com"),
		"a child domain":                helloFor(t, "a."+openaiName),
		"a wildcard":                    helloNaming(t, []byte("*.openai.azure.com")),
		"a final dot":                   helloNaming(t, []byte(openaiName+".")),
		"a blank before":                helloNaming(t, []byte(" "+openaiName)),
		"a null byte after":             helloNaming(t, []byte(openaiName+"\x00.example.com")),
		"the map's line":                helloNaming(t, []byte(openaiName+" upstream-openai")),
		"a backend's name":              helloNaming(t, []byte("upstream-openai")),
		"an address":                    helloNaming(t, []byte(l.openai.Addr().Addr().String())),
		"HTTP":                          []byte("GET / HTTP/1.1\r\nHost: " + openaiName + "\r\n\r\n"),
		"HTTP CONNECT":                  []byte("CONNECT " + openaiName + ":443 HTTP/1.1\r\n\r\n"),
		"SSH":                           []byte("SSH-2.0-OpenSSH_9.6\r\n"),
		"zeros":                         make([]byte, 512),
		"a second PROXY header":         append(proxyprotocol.Header{Source: l.Addr(443), Destination: l.openai.Addr()}.Bytes(), listed...),
		"a ServerHello":                 serverHello,
		"application data":              applicationData,
		"an alert":                      {21, 3, 1, 0, 2, 2, 40},
		"a byte before the ClientHello": append([]byte{0}, listed...),
		// What could still become a ClientHello is closed when the inspection's time is over.
		"half a ClientHello":                           listed[:len(listed)/2],
		"all but the last byte":                        listed[:len(listed)-1],
		"the first byte of a ClientHello":              listed[:1],
		"nothing":                                      {},
		"a ClientHello longer than the proxy's buffer": helloFor(t, openaiName+string(bytes.Repeat([]byte(".x"), 10000))),
	}
	for name, sent := range denied {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn, err := l.client.Dial(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = conn.Close() }()
			// The proxy may have closed the connection before it is all sent.
			_, _ = conn.Write(sent)
			wantClosed(t, conn)
		})
	}
	t.Cleanup(func() {
		if n := l.openai.Accepted() + l.login.Accepted(); n != 0 {
			t.Errorf("%d connections reached an upstream", n)
		}
		for _, e := range l.entries() {
			if e["decision"] != "denied" {
				t.Errorf("logged %v", e)
			}
		}
	})
}

// TestSilentConnectIsNoFault is a connection without a byte, as a TCP health check makes it.
func TestSilentConnectIsNoFault(t *testing.T) {
	t.Parallel()
	l := newLink(t, setup{})
	client := l.client
	client.Header = nil
	conn, err := client.Dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	wantClosed(t, conn)
	l.wantEcho(l.dial(openaiName))
	if n := l.openai.Accepted(); n != 1 {
		t.Errorf("%d connections reached the upstream, want 1", n)
	}
}

// TestSplitClientHello sends a ClientHello as networks may cut it.
func TestSplitClientHello(t *testing.T) {
	t.Parallel()
	// So slow a client is beyond what a real one may take.
	l := newLink(t, setup{durations: map[string]time.Duration{"inspect-delay": patience}})
	if size := len(helloFor(t, openaiName)); size <= 1460 {
		t.Fatalf("a ClientHello of %d bytes fits into a packet; the test wants one with post-quantum key shares", size)
	}
	small := []tls.CurveID{tls.X25519}
	for _, tt := range []struct {
		segment int
		curves  []tls.CurveID
	}{
		{segment: 1460}, {segment: 536}, {segment: 100}, {segment: 4096},
		{segment: 1, curves: small}, {segment: 7, curves: small},
	} {
		t.Run(fmt.Sprintf("segments of %d bytes, curves %v", tt.segment, tt.curves), func(t *testing.T) {
			t.Parallel()
			raw, err := l.client.Dial(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = raw.Close() }()
			cut := &segmentedConn{TCPConn: raw, t: t, size: tt.segment}
			conn := tls.Client(cut, &tls.Config{ServerName: openaiName, RootCAs: l.authority.Roots(), CurvePreferences: tt.curves, MinVersion: tls.VersionTLS12})
			if err := conn.HandshakeContext(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := exchange(conn, "hello"); err != nil {
				t.Error(err)
			}
			if tt.segment < 1460 && cut.segments < 3 {
				t.Errorf("the ClientHello went in %d segments", cut.segments)
			}
		})
	}
}

// TestClientHelloOverSeveralRecords spreads a ClientHello over several TLS records, which TLS
// allows and no usual client does. HAProxy looks for the server name in the first record
// alone: a connection passes if the name is there, and is closed otherwise.
func TestClientHelloOverSeveralRecords(t *testing.T) {
	t.Parallel()
	l := newLink(t, setup{durations: map[string]time.Duration{"inspect-delay": 300 * time.Millisecond}})
	// dial shakes hands over records of size bytes.
	dial := func(t *testing.T, client Client, size int) (net.Conn, error) {
		raw, err := client.Dial(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = raw.Close() })
		spread := &segmentedConn{TCPConn: raw, t: t, size: 1 << 14, edit: func(hello []byte) []byte { return inRecords(hello, size) }}
		conn := tls.Client(spread, &tls.Config{ServerName: openaiName, RootCAs: l.authority.Roots(), MinVersion: tls.VersionTLS12})
		return conn, conn.HandshakeContext(t.Context())
	}
	hello := helloFor(t, openaiName)
	endOfName := bytes.Index(hello, []byte(openaiName)) + len(openaiName) - recordHeader
	for _, size := range []int{1, 64, endOfName - 1, endOfName, endOfName + 1, 512} {
		t.Run(fmt.Sprintf("records of %d bytes", size), func(t *testing.T) {
			t.Parallel()
			conn, err := dial(t, l.client, size)
			if size < endOfName {
				if err == nil {
					t.Error("passed")
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if err := exchange(conn, "hello"); err != nil {
				t.Error(err)
			}
		})
	}
	if _, err := dial(t, Client{Proxy: l.openai.Addr()}, 64); err != nil {
		t.Errorf("the server itself does not take it either: %s", err)
	}
}

// TestNoOtherDestination gives a client every way to name a server that is there, has a
// name, and is not listed.
func TestNoOtherDestination(t *testing.T) {
	t.Parallel()
	const otherName = "other.example.com"
	l := newLink(t, setup{inputs: map[string]any{"status_port": 8405}, durations: map[string]time.Duration{"inspect-delay": 300 * time.Millisecond}})
	other := l.upstream(int(l.openai.Addr().Port()), nil)
	l.names.Set(otherName, other.Addr().Addr())
	t.Cleanup(func() {
		if n := other.Accepted(); n != 0 {
			t.Errorf("%d connections reached the server that is not listed", n)
		}
		if n := l.names.Asked(otherName); n != 0 {
			t.Errorf("the name that is not listed was asked for %d times", n)
		}
	})

	t.Run("by server name", func(t *testing.T) {
		for _, name := range []string{otherName, other.Addr().Addr().String(), other.Addr().String()} {
			conn := l.raw()
			_, _ = conn.Write(helloNaming(t, []byte(name)))
			wantClosed(t, conn)
		}
	})
	t.Run("by the PROXY header", func(t *testing.T) {
		client := l.client
		client.Header = &proxyprotocol.Header{Destination: other.Addr(), EndpointID: endpointID}
		conn, err := client.DialTLS(t.Context(), openaiName)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close() }()
		if Reached(conn) != l.openai.Addr().Addr() {
			t.Errorf("reached %s", Reached(conn))
		}
	})
	t.Run("by HTTP on the other ports", func(t *testing.T) {
		for _, port := range []int{8404, 8405} {
			for _, request := range []string{"CONNECT " + other.Addr().String() + " HTTP/1.1\r\n\r\n", "GET http://" + other.Addr().String() + "/healthz HTTP/1.1\r\nHost: " + other.Addr().String() + "\r\n\r\n"} {
				client := Client{Proxy: l.Addr(port), Header: &proxyprotocol.Header{}}
				conn, err := client.Dial(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				if _, err := conn.Write([]byte(request)); err != nil {
					t.Fatal(err)
				}
				if err := conn.CloseWrite(); err != nil {
					t.Fatal(err)
				}
				if _, err := readAll(t, conn); err != nil {
					t.Error(err)
				}
				_ = conn.Close()
			}
		}
	})
	t.Run("by another port", func(t *testing.T) {
		want := map[netip.AddrPort]bool{l.Addr(443): true, l.Addr(8404): true, l.Addr(8405): true}
		for _, s := range listeners(t) {
			if s.local.Addr() == l.Addr(443).Addr() {
				if !want[s.local] {
					t.Errorf("the proxy also listens on %s", s.local)
				}
				delete(want, s.local)
			}
		}
		if len(want) > 0 {
			t.Errorf("the proxy does not listen on %v", want)
		}
	})
}
