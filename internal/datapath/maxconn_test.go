//go:build linux

package datapath

import (
	"errors"
	"net"
	"os"
	"testing"
	"time"
)

// TestFullProxy fills a proxy to its limit: one more connection waits in the kernel's queue,
// without an error and without an answer, until there is room. Health does not suffer.
func TestFullProxy(t *testing.T) {
	t.Parallel()
	const limit = 100 // the least that the module takes
	l := newLink(t, setup{inputs: map[string]any{"max_connections": limit, "status_port": 8405}})
	conns := make([]net.Conn, limit)
	for i := range conns {
		conns[i] = l.dial(openaiName)
	}
	waiting := l.raw()
	if _, err := waiting.Write(helloFor(t, openaiName)); err != nil {
		t.Fatal(err)
	}
	_ = waiting.SetReadDeadline(time.Now().Add(300 * time.Millisecond))
	if n, err := waiting.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("connection %d: %d bytes, %v; want it to wait", limit+1, n, err)
	}
	if n := l.openai.Accepted(); n != limit {
		t.Errorf("%d connections at the upstream, want %d", n, limit)
	}
	if l.health(8404) != 200 || l.ownHealth() != 200 {
		t.Error("a full proxy is not healthy")
	}
	if len(l.status().Upstreams) != 2 {
		t.Error("a full proxy shows no status")
	}
	for _, conn := range conns {
		l.wantEcho(conn)
	}
	_ = conns[0].Close()
	_ = waiting.SetReadDeadline(time.Now().Add(patience))
	if _, err := waiting.Read(make([]byte, 1)); err != nil {
		t.Errorf("with room for it, the connection that waited gets %v", err)
	}
}
