//go:build linux

package datapath

import (
	"crypto/tls"
	"maps"
	"net/netip"
	"slices"
	"testing"
	"time"
)

// quickDNS asks the name server so often that a test sees many questions soon.
var quickDNS = map[string]time.Duration{
	"timeout resolve": 50 * time.Millisecond,
	"timeout retry":   20 * time.Millisecond,
}

// outages are all ways to fail.
var outages = []Outage{Silent, Refused, ServerFailure, NoSuchName, NoAddresses}

// shortHold is how long a name's address outlives the last answer in tests of longer outages:
// long enough that a slow machine is no outage.
const shortHold = 2 * time.Second

// quickDNSWith is quickDNS with every hold of the configuration cut down to a time.
func quickDNSWith(hold time.Duration) map[string]time.Duration {
	durations := map[string]time.Duration{"hold nx": hold, "hold other": hold, "hold refused": hold, "hold timeout": hold}
	maps.Copy(durations, quickDNS)
	return durations
}

// awaitQuestions awaits that the name server has been asked n more times for a name.
func (l *link) awaitQuestions(name string, n int) {
	l.t.Helper()
	before := l.names.Asked(name)
	l.await("questions to the name server", func() bool { return l.names.Asked(name) >= before+n })
}

// worker is the one worker process.
func (l *link) worker() int {
	l.t.Helper()
	workers, err := l.Workers()
	if err != nil || len(workers) != 1 {
		l.t.Fatalf("workers %v, %v; want one", workers, err)
	}
	return workers[0]
}

func TestAddressChangeIsFollowed(t *testing.T) {
	t.Parallel()
	l := newLink(t, setup{durations: quickDNS})
	worker := l.worker()
	before := l.dial(openaiName)
	l.wantEcho(before)

	for range 3 {
		next := l.upstream(int(l.openai.Addr().Port()), nil)
		l.names.Set(openaiName, next.Addr().Addr())
		l.await("the new address", func() bool { return l.resolvedTo("upstream-openai") == next.Addr().Addr() })
		conn := l.dial(openaiName)
		if Reached(conn) != next.Addr().Addr() {
			t.Errorf("reached %s, want %s", Reached(conn), next.Addr().Addr())
		}
		l.wantEcho(conn)
	}
	l.wantEcho(before)
	if Reached(before) != l.openai.Addr().Addr() {
		t.Errorf("the open connection goes to %s", Reached(before))
	}
	if l.worker() != worker {
		t.Error("the worker was replaced")
	}
}

func TestSeveralAddressesOfAName(t *testing.T) {
	t.Parallel()
	l := newLink(t, setup{unresolved: true, durations: quickDNS, inputs: map[string]any{"upstreams": map[string]any{
		"openai": map[string]any{"hostname": openaiName, "addresses": 3},
	}}})
	port := int(l.openai.Addr().Port())
	servers := map[netip.Addr]*Upstream{}
	for range 4 {
		u := l.upstream(port, nil)
		servers[u.Addr().Addr()] = u
	}
	sorted := slices.SortedFunc(maps.Keys(servers), netip.Addr.Compare)
	wantUse := func(addresses []netip.Addr) {
		t.Helper()
		l.names.Set(openaiName, addresses...)
		l.await("the addresses", func() bool {
			return slices.Equal(l.addresses("upstream-openai"), addresses) && l.usable("upstream-openai") == len(addresses)
		})
		reached := map[netip.Addr]bool{}
		for range 4 * len(addresses) {
			conn := l.dial(openaiName)
			reached[Reached(conn)] = true
		}
		if got := slices.SortedFunc(maps.Keys(reached), netip.Addr.Compare); !slices.Equal(got, addresses) {
			t.Errorf("reached %v, want %v", got, addresses)
		}
	}
	wantUse(sorted[:3])
	wantUse(sorted[1:4])
	// Fewer than there are servers for: one address is enough.
	wantUse(sorted[3:4])
}

// TestOneOfTwoAddressesIsDead has a name with two addresses of which one refuses connections:
// those are sent to the other, and no client notices.
func TestOneOfTwoAddressesIsDead(t *testing.T) {
	t.Parallel()
	l := newLink(t, setup{unresolved: true, inputs: map[string]any{"upstreams": map[string]any{
		"openai": map[string]any{"hostname": openaiName, "addresses": 2},
	}}})
	dead := l.upstream(int(l.openai.Addr().Port()), nil)
	if err := dead.Close(); err != nil {
		t.Fatal(err)
	}
	l.names.Set(openaiName, l.openai.Addr().Addr(), dead.Addr().Addr())
	l.await("both addresses", func() bool { return l.usable("upstream-openai") == 2 })
	var conns []*tls.Conn
	for range 4 {
		conn := l.dial(openaiName)
		l.wantEcho(conn)
		conns = append(conns, conn)
	}
	retried := 0
	for _, conn := range conns {
		_ = conn.Close()
		if l.entryOf(conn.LocalAddr())["retries"] != "0" {
			retried++
		}
	}
	if retried == 0 {
		t.Error("no connection was tried at the dead address")
	}
}

// TestOutageChangesNothing is an outage of the name server under the holds of the
// configuration as it is shipped: for as long as an instance lives, nothing happens.
func TestOutageChangesNothing(t *testing.T) {
	t.Parallel()
	for _, outage := range outages {
		t.Run(outage.String(), func(t *testing.T) {
			t.Parallel()
			l := newLink(t, setup{durations: quickDNS})
			open := l.dial(openaiName)
			l.names.Fail(outage)
			l.awaitQuestions(openaiName, 40)
			l.wantEcho(open)
			for range 5 {
				l.wantEcho(l.dial(openaiName))
			}
			// An answer is followed as soon as there is one again.
			next := l.upstream(int(l.openai.Addr().Port()), nil)
			l.names.Set(openaiName, next.Addr().Addr())
			l.names.Fail(NoOutage)
			l.await("the new address", func() bool { return l.resolvedTo("upstream-openai") == next.Addr().Addr() })
			l.wantEcho(open)
			l.wantEcho(l.dial(openaiName))
		})
	}
}

// TestOutageBeyondHold is an outage that outlasts the holds, which are cut down for that:
// no new connection passes, an open one goes on, and all is well when answers come again.
func TestOutageBeyondHold(t *testing.T) {
	t.Parallel()
	for _, outage := range outages {
		t.Run(outage.String(), func(t *testing.T) {
			t.Parallel()
			l := newLink(t, setup{durations: quickDNSWith(shortHold)})
			worker := l.worker()
			open := l.dial(openaiName)
			l.names.Fail(outage)
			l.await("the address to be given up", func() bool { return l.usable("upstream-openai") == 0 })
			l.wantEcho(open)
			before := l.openai.Accepted()
			if conn, err := l.tryDial(openaiName); err == nil {
				t.Errorf("a new connection passes, to %s", Reached(conn))
			}
			if l.openai.Accepted() != before {
				t.Error("a new connection reached the upstream")
			}
			l.names.Fail(NoOutage)
			l.await("the address to be back", func() bool { return l.usable("upstream-openai") == 1 })
			l.wantEcho(open)
			l.wantEcho(l.dial(openaiName))
			if l.worker() != worker {
				t.Error("the worker was replaced")
			}
		})
	}
}

// TestReloadDuringOutage reloads while no name can be resolved: the addresses stay.
func TestReloadDuringOutage(t *testing.T) {
	t.Parallel()
	for _, outage := range outages {
		t.Run(outage.String(), func(t *testing.T) {
			t.Parallel()
			l := newLink(t, setup{durations: quickDNS})
			open := l.dial(openaiName)
			l.names.Fail(outage)
			for range 3 {
				if err := l.reload(); err != nil {
					t.Fatal(err)
				}
				l.wantEcho(l.dial(openaiName))
				l.wantEcho(l.dial(loginName))
				l.awaitQuestions(openaiName, 20)
				l.wantEcho(l.dial(openaiName))
			}
			l.wantEcho(open)
			next := l.upstream(int(l.openai.Addr().Port()), nil)
			l.names.Set(openaiName, next.Addr().Addr())
			l.names.Fail(NoOutage)
			l.await("the new address", func() bool { return l.resolvedTo("upstream-openai") == next.Addr().Addr() })
			if conn := l.dial(openaiName); Reached(conn) != next.Addr().Addr() {
				t.Errorf("reached %s, want %s", Reached(conn), next.Addr().Addr())
			}
		})
	}
}

// TestStartWithoutDNS starts while no name can be resolved: the proxy runs and is healthy,
// closes connections, and serves once there are answers.
func TestStartWithoutDNS(t *testing.T) {
	t.Parallel()
	for _, outage := range outages {
		t.Run(outage.String(), func(t *testing.T) {
			t.Parallel()
			l := newLink(t, setup{durations: quickDNS, outage: outage, unresolved: true})
			worker := l.worker()
			l.awaitQuestions(openaiName, 10)
			conn := l.raw()
			if _, err := conn.Write(helloFor(t, openaiName)); err != nil {
				t.Fatal(err)
			}
			wantClosed(t, conn)
			if got := l.health(8404); got != 200 {
				t.Errorf("health is %d", got)
			}
			l.names.Fail(NoOutage)
			l.await("the address", func() bool { return l.usable("upstream-openai") == 1 })
			l.wantEcho(l.dial(openaiName))
			if l.worker() != worker {
				t.Error("the worker was replaced")
			}
		})
	}
}
