//go:build linux

package datapath

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestServerResetPassesOn resets one of several connections in the middle of what the server
// sends.
func TestServerResetPassesOn(t *testing.T) {
	t.Parallel()
	l := newLink(t, setup{})
	hit := l.dial(openaiName)
	l.wantEcho(hit)
	peer := l.openai.Peers()[0]
	others := []net.Conn{l.dial(openaiName), l.dial(openaiName), l.dial(loginName)}

	go func() {
		block := make([]byte, 1<<16)
		for {
			if _, err := hit.Write(block); err != nil {
				return
			}
		}
	}()
	_ = hit.SetReadDeadline(time.Now().Add(patience))
	if _, err := io.CopyN(io.Discard, hit, 1<<20); err != nil {
		t.Fatal(err)
	}
	if !l.openai.Reset(peer) {
		t.Fatalf("the upstream has no connection with %s", peer)
	}
	if _, err := io.Copy(io.Discard, hit); errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error("the client does not see it")
	}
	for _, conn := range others {
		l.wantEcho(conn)
	}
	l.wantEcho(l.dial(openaiName))
	if e := l.entryOf(hit.LocalAddr()); e["termination"] != "SD" {
		t.Errorf("logged %v, want termination SD: by the server, in the data phase", e)
	}
}

func TestClientResetPassesOn(t *testing.T) {
	t.Parallel()
	l := newLink(t, setup{})
	hit, other := l.dial(openaiName), l.dial(openaiName)
	l.wantEcho(hit)
	l.wantEcho(other)
	tcp, ok := hit.NetConn().(*net.TCPConn)
	if !ok {
		t.Fatal("no TCP connection")
	}
	_ = tcp.SetLinger(0)
	_ = tcp.Close()
	l.await("the upstream to see it", func() bool { return l.openai.Open() == 1 })
	l.wantEcho(other)
}

// TestAnswerAfterEndOfRequest is a client that closes its side and then reads for a while.
func TestAnswerAfterEndOfRequest(t *testing.T) {
	t.Parallel()
	l := newLink(t, setup{handle: func(conn *tls.Conn) {
		request, err := io.ReadAll(conn)
		if err != nil {
			return
		}
		for range 64 {
			if _, err := conn.Write(append(request, make([]byte, 1<<14)...)); err != nil {
				return
			}
		}
		_ = conn.CloseWrite()
	}})
	conn := l.dial(openaiName)
	if _, err := io.WriteString(conn, "request"); err != nil {
		t.Fatal(err)
	}
	if err := conn.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	got, err := readAll(t, conn)
	if want := 64 * (len("request") + 1<<14); err != nil || len(got) != want {
		t.Errorf("got %d bytes, %v; want %d", len(got), err, want)
	}
}

// timeouts are the durations that bound silence.
var timeouts = []string{"timeout client", "timeout server", "timeout tunnel", "timeout client-fin", "timeout server-fin"}

// faster returns the timeouts of the configuration, each that many times shorter.
func faster(t *testing.T, c Configuration, factor int) map[string]time.Duration {
	t.Helper()
	durations := map[string]time.Duration{}
	for _, keyword := range timeouts {
		found := regexp.MustCompile(`(?m)^\s*` + strings.ReplaceAll(keyword, " ", `\s+`) + `\s+(\d+s)$`).FindStringSubmatch(c.Files[ConfigPath])
		if found == nil {
			t.Fatalf("the configuration has no %s in seconds", keyword)
		}
		duration, err := time.ParseDuration(found[1])
		if err != nil {
			t.Fatal(err)
		}
		durations[keyword] = duration / time.Duration(factor)
	}
	return durations
}

// The silence of a model that thinks for ten minutes, and by how much the tests are faster.
const (
	silence  = 10 * time.Minute
	compress = 600
)

// TestLongSilence is a model that thinks for ten minutes before it answers, with all timeouts
// and the silence itself 600 times shorter.
func TestLongSilence(t *testing.T) {
	t.Parallel()
	durations := faster(t, render(t, inputs(nil)), compress)
	if durations["timeout client"]*2 > silence/compress || durations["timeout server"]*2 > silence/compress {
		t.Fatalf("timeouts %v: the silence is no longer than those of client and server", durations)
	}
	l := newLink(t, setup{durations: durations})
	conn := l.dial(openaiName)
	l.wantEcho(conn)
	_ = conn.SetReadDeadline(time.Now().Add(silence / compress))
	if n, err := conn.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("in the silence: %d bytes, %v", n, err)
	}
	l.wantEcho(conn)
}

// TestSilenceIsBounded is the same silence with the shortest tunnel_timeout.
func TestSilenceIsBounded(t *testing.T) {
	t.Parallel()
	short := map[string]any{"tunnel_timeout": 60}
	durations := faster(t, render(t, inputs(short)), compress/10)
	l := newLink(t, setup{inputs: short, durations: durations})
	start := time.Now()
	conn := l.dial(openaiName)
	l.wantEcho(conn)
	wantClosed(t, conn)
	if took := time.Since(start); took < durations["timeout tunnel"] {
		t.Errorf("closed after %s, want no sooner than %s", took, durations["timeout tunnel"])
	}
	l.await("the upstream's connection to end", func() bool { return l.openai.Open() == 0 })
	if e := l.entryOf(conn.LocalAddr()); e["termination"] != "cD" && e["termination"] != "sD" {
		t.Errorf("logged %v, want a timeout in the data phase", e)
	}
}
