//go:build linux

package datapath

import (
	"bytes"
	"crypto/tls"
	"encoding/hex"
	"net/netip"
	"testing"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/proxyprotocol"
)

// nlbHeader is a PROXY header of a Network Load Balancer behind an endpoint service, as AWS
// itself captured it (aws/elastic-load-balancing-tools, proprot's compatibility test).
var nlbHeader = mustHex("0d0a0d0a000d0a515549540a" + "2111" + "0054" +
	"ac1f0771" + "ac1f0a1f" + "c8f2" + "0050" +
	"030004e8d6892d" +
	"ea001701" + hex.EncodeToString([]byte("vpce-08d2bf15fac5001c9")) +
	"040024" + "000000000000000000000000000000000000000000000000000000000000000000000000")

func mustHex(text string) []byte {
	raw, err := hex.DecodeString(text)
	if err != nil {
		panic(err)
	}
	return raw
}

// wantEndpoint fails the test if a log line does not name the endpoint, or names one though
// the HAProxy cannot know it.
func (l *link) wantEndpoint(e entry, endpoint string) {
	l.t.Helper()
	if !versionAtLeast(l.t, haproxy(l.t), 2, 9) {
		endpoint = "-"
	}
	if got := e["endpoint"]; got != endpoint {
		l.t.Errorf("logged endpoint %q, want %q", got, endpoint)
	}
}

func TestHeaderOfARealLoadBalancer(t *testing.T) {
	t.Parallel()
	l := newLink(t, setup{})
	client := l.client
	client.Header = nil
	conn, err := client.Dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := conn.Write(append(bytes.Clone(nlbHeader), helloFor(t, openaiName)...)); err != nil {
		t.Fatal(err)
	}
	// A ServerHello's record has type 22.
	first := make([]byte, 1)
	if _, err := conn.Read(first); err != nil || first[0] != 22 {
		t.Fatalf("got %v, %v", first, err)
	}
	_ = conn.Close()
	e := l.entryOf(fakeAddr("172.31.7.113:51442"))
	l.wantEndpoint(e, "vpce-08d2bf15fac5001c9")
	if e["sni"] != openaiName {
		t.Errorf("logged %v", e)
	}
}

// fakeAddr is the address of a client as a PROXY header tells it.
type fakeAddr string

func (fakeAddr) Network() string  { return "tcp" }
func (a fakeAddr) String() string { return string(a) }

// TestLocalHeader is a connection of the load balancer's own on the port of the traffic.
func TestLocalHeader(t *testing.T) {
	t.Parallel()
	l := newLink(t, setup{})
	client := l.client
	client.Header = nil
	raw, err := client.Dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = raw.Close() }()
	if _, err := raw.Write(proxyprotocol.Local()); err != nil {
		t.Fatal(err)
	}
	conn := tls.Client(raw, &tls.Config{ServerName: openaiName, RootCAs: client.Roots, MinVersion: tls.VersionTLS12})
	l.wantEcho(conn)
	_ = conn.Close()
	l.wantEndpoint(l.entryOf(raw.LocalAddr()), "-")
}

// TestHeaderWithoutEndpoint is a client that came to the load balancer by no endpoint.
func TestHeaderWithoutEndpoint(t *testing.T) {
	t.Parallel()
	l := newLink(t, setup{})
	l.client.Header = &proxyprotocol.Header{Source: netip.MustParseAddrPort("10.0.3.4:40000")}
	conn := l.dial(openaiName)
	l.wantEcho(conn)
	_ = conn.Close()
	l.wantEndpoint(l.entryOf(fakeAddr("10.0.3.4:40000")), "-")
}

func TestWrongHeaderIsRefused(t *testing.T) {
	t.Parallel()
	l := newLink(t, setup{inputs: map[string]any{"status_port": 8405}})
	hello := helloFor(t, openaiName)
	request := []byte("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
	damaged := bytes.Clone(nlbHeader)
	damaged[16]++ // a byte of the client's address, which the checksum covers
	truncated := append([]byte{}, nlbHeader[:40]...)
	for name, header := range map[string][]byte{
		"none":             {},
		"zeros":            make([]byte, 100),
		"a wrong checksum": damaged,
		"a short one":      truncated,
		"version 3":        append(bytes.Clone(nlbHeader[:12]), 0x31, 0x11, 0, 0),
		"no such command":  append(bytes.Clone(nlbHeader[:12]), 0x2f, 0x11, 0, 0),
		"version 1, wrong": []byte("PROXY TCP4 nonsense\r\n"),
	} {
		for _, port := range []int{443, 8404, 8405} {
			client := Client{Proxy: l.Addr(port)}
			conn, err := client.Dial(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			rest := hello
			if port != 443 {
				rest = request
			}
			_, _ = conn.Write(append(bytes.Clone(header), rest...))
			_ = conn.CloseWrite()
			if got, _ := readAll(t, conn); len(got) > 0 {
				t.Errorf("%s, port %d: got %d bytes", name, port, len(got))
			}
			_ = conn.Close()
		}
	}
	if n := l.openai.Accepted(); n != 0 {
		t.Errorf("%d connections reached the upstream", n)
	}
	l.wantEcho(l.dial(openaiName))
	l.entries()
}

func TestWithoutProxyProtocol(t *testing.T) {
	t.Parallel()
	l := newLink(t, setup{inputs: map[string]any{"proxy_protocol": false}})
	conn := l.raw()
	_, _ = conn.Write(helloFor(t, openaiName))
	wantClosed(t, conn)

	l.client.Header = nil
	l.wantEcho(l.dial(openaiName))
	client := Client{Proxy: l.Addr(8404)}
	health, err := client.Dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = health.Close() }()
	if status, _ := get(t, health, "/healthz"); status != 200 {
		t.Errorf("health is %d", status)
	}
}
