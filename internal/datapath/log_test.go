//go:build linux

package datapath

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/proxyprotocol"
)

func TestLogOfAConnection(t *testing.T) {
	t.Parallel()
	l := newLink(t, setup{})
	l.client.Header = &proxyprotocol.Header{Source: netip.MustParseAddrPort("172.18.0.9:50000"), EndpointID: endpointID}
	start := time.Now().UTC().Truncate(time.Second)
	conn := l.dial(openaiName)
	const size = 100_000
	if err := exchange(conn, strings.Repeat("x", size)); err != nil {
		t.Fatal(err)
	}
	if err := conn.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if _, err := readAll(t, conn); err != nil {
		t.Fatal(err)
	}
	_ = conn.Close()
	e := l.entryOf(fakeAddr("172.18.0.9:50000"))
	l.wantEndpoint(e, endpointID)
	for field, want := range map[string]any{
		"decision": "allowed", "sni": openaiName, "backend": "upstream-openai",
		"server": l.openai.Addr().Addr().String(), "termination": "--", "retries": "0",
	} {
		if e[field] != want {
			t.Errorf("%s is %v, want %v", field, e[field], want)
		}
	}
	for _, field := range []string{"bytes_in", "bytes_out"} {
		if n, ok := e[field].(float64); !ok || n < size || n > 2*size {
			t.Errorf("%s is %v, want a little more than %d", field, e[field], size)
		}
	}
	for _, field := range []string{"connect_ms", "total_ms"} {
		if n, ok := e[field].(float64); !ok || n < 0 {
			t.Errorf("%s is %v", field, e[field])
		}
	}
	stamp, _ := e["time"].(string)
	if at, err := time.Parse(time.RFC3339, stamp); err != nil || at.Before(start) || at.After(time.Now().Add(time.Second)) {
		t.Errorf("time is %q: %v", stamp, err)
	}
	if messages := l.Messages(); strings.Contains(messages, "172.18.0.9") {
		t.Errorf("the connection is also among HAProxy's own messages:\n%s", messages)
	}
}

// TestLogIsJSON sends server names that try to break out of a line.
func TestLogIsJSON(t *testing.T) {
	t.Parallel()
	l := newLink(t, setup{durations: map[string]time.Duration{"inspect-delay": 300 * time.Millisecond}})
	names := [][]byte{
		[]byte(`"`), []byte(`\`), []byte(`","decision":"allowed","x":"`), []byte("a\nb\r\nc"), []byte("tab\tbell\a"),
		[]byte("\x00"), []byte("\x1b[31mred"), []byte("%[env(PATH)]"), []byte("%ci"), []byte("${HOME}"), []byte("'; drop"),
		[]byte("\u2028\u2029"), []byte("bücher.example"), []byte("\U0001F600.example"),
		{0xff, 0xfe}, {0xc0, 0x80}, {0xed, 0xa0, 0x80}, {0xf4, 0x90, 0x80, 0x80}, {0xe2, 0x82},
		bytes.Repeat([]byte{'"'}, 255), bytes.Repeat([]byte{0}, 255), bytes.Repeat([]byte{0xff}, 255), bytes.Repeat([]byte("a"), 1000),
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0)) //nolint:gosec // no secret
	for range 100 {
		name := make([]byte, 1+random.IntN(255))
		for i := range name {
			name[i] = byte(random.IntN(256))
		}
		names = append(names, name)
	}
	for i, name := range names {
		source := netip.AddrPortFrom(netip.MustParseAddr("172.18.0.1"), uint16(1+i))
		client := l.client
		client.Header = &proxyprotocol.Header{Source: source, EndpointID: endpointID}
		conn, err := client.Dial(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		_, _ = conn.Write(helloNaming(t, name))
		wantClosed(t, conn)
		_ = conn.Close()
		// One after the other: HAProxy drops a line if another thread takes too long to write one.
		e := l.entryOf(fakeAddr(source.String()))
		if e["decision"] != "denied" {
			t.Errorf("%q: logged %v", name, e)
		}
		// HAProxy's JSON has no way to write what is beyond the basic plane, and leaves it out.
		beyond := bytes.ContainsFunc(name, func(r rune) bool { return r > 0xFFFF })
		if got, _ := e["sni"].(string); utf8.Valid(name) && !beyond && len(name) <= 255 && got != string(name) {
			t.Errorf("%q is logged as %q", name, got)
		}
	}
	if n := len(l.LogLines()); n != len(names) {
		t.Errorf("%d log lines for %d connections", n, len(names))
	}
}

// TestLogIsJSONWhateverTheEndpoint puts what a load balancer never would into the endpoint's id.
func TestLogIsJSONWhateverTheEndpoint(t *testing.T) {
	t.Parallel()
	l := newLink(t, setup{})
	worker := l.worker()
	for i, id := range []string{`"`, `\`, "\x00\x01", "\xff\xfe", "a\nb", strings.Repeat("x", 65), strings.Repeat(`"`, 1000)} {
		source := netip.AddrPortFrom(netip.MustParseAddr("172.18.0.1"), uint16(1+i))
		l.client.Header = &proxyprotocol.Header{Source: source, EndpointID: id}
		conn := l.dial(openaiName)
		l.wantEcho(conn)
		_ = conn.Close()
		e := l.entryOf(fakeAddr(source.String()))
		if got, _ := e["endpoint"].(string); len(got) > 64 {
			t.Errorf("an id of %d bytes is logged with %d", len(id), len(got))
		}
	}
	if l.worker() != worker {
		t.Error("the worker was replaced")
	}
}

// TestMessagesAreNoLog shows that what HAProxy says of itself does not get among the log lines.
func TestMessagesAreNoLog(t *testing.T) {
	t.Parallel()
	l := newLink(t, setup{durations: quickDNSWith(shortHold)})
	l.names.Fail(NoSuchName)
	l.await("the address to be given up", func() bool { return l.usable("upstream-openai") == 0 })
	l.await("HAProxy to say so", func() bool { return strings.Contains(l.Messages(), "upstream-openai") })
	if _, err := l.tryDial(openaiName); err == nil {
		t.Error("an upstream without an address was reached")
	}
	l.await("the connection's line", func() bool { return len(l.LogLines()) > 0 })
	for _, line := range l.LogLines() {
		if !json.Valid([]byte(line)) {
			t.Errorf("log line %q", line)
		}
	}
}
