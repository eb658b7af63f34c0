package datapathbench

import (
	"context"
	"crypto/tls"
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/datapath"
)

// upstreamOf starts an upstream, and returns it with a client that goes to it directly.
func upstreamOf(t *testing.T) (*upstream, client) {
	t.Helper()
	authority, err := datapath.NewAuthority()
	if err != nil {
		t.Fatal(err)
	}
	u, err := startUpstream(t.Context(), authority, netip.AddrPortFrom(netip.MustParseAddr("127.83.2.1"), 0))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := u.close(); err != nil {
			t.Error(err)
		}
	})
	return u, newClient(u.address(), nil, authority)
}

func TestPrefixGoesBeforeTheFirstBytesAlone(t *testing.T) {
	t.Parallel()
	near, far := net.Pipe()
	defer func() { _ = far.Close() }()
	go func() {
		defer func() { _ = near.Close() }()
		conn := &prefixed{near, []byte("PROXY ")}
		for _, data := range []string{"hello", " and more"} {
			if n, err := conn.Write([]byte(data)); n != len(data) || err != nil {
				t.Errorf("wrote %d bytes of %q: %v", n, data, err)
			}
		}
	}()
	// A pipe hands over what one write has written.
	for _, want := range []string{"PROXY hello", " and more"} {
		got := make([]byte, 100)
		if n, err := far.Read(got); err != nil || string(got[:n]) != want {
			t.Errorf("read %q, %v, want %q", got[:n], err, want)
		}
	}
}

func TestSaturateCountsAnswersAndTime(t *testing.T) {
	t.Parallel()
	_, c := upstreamOf(t)
	s, err := saturate(t.Context(), c, nil, largeAnswer, 200*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	if s.done == 0 || s.took < 200*time.Millisecond || s.bench == 0 || s.proxy != 0 {
		t.Errorf("got %+v", s)
	}
}

func TestConnectCountsConnections(t *testing.T) {
	t.Parallel()
	_, c := upstreamOf(t)
	s, err := connect(t.Context(), c, nil, 500*time.Millisecond)
	if err != nil || s.done == 0 {
		t.Errorf("got %+v, %v", s, err)
	}
}

func TestALoadThatFailsIsAnError(t *testing.T) {
	t.Parallel()
	u, c := upstreamOf(t)
	if err := u.leave(); err != nil {
		t.Fatal(err)
	}
	if s, err := connect(t.Context(), c, nil, time.Hour); err == nil {
		t.Errorf("got %+v", s)
	}
}

func TestPaceAsksAtItsRate(t *testing.T) {
	t.Parallel()
	_, c := upstreamOf(t)
	waits, err := pace(t.Context(), c, 1000, smallAnswer, 200*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	// Each connection's warm-up begins with its own first question, so the ends differ by a turn.
	if n := len(waits); n < 200-kept || n > 200+kept {
		t.Errorf("%d answers in 0.2 s at 1000 a second", n)
	}
	if least := slices.Min(waits); least <= 0 {
		t.Errorf("an answer came %s after its question was due", least)
	}
}

func TestPaceFeelsAPauseInAllQuestionsThatFallIntoIt(t *testing.T) {
	t.Parallel()
	_, c := upstreamOf(t)
	conn, err := c.open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	conn.want(smallAnswer)
	// Questions that were due 300, 200 and 100 ms ago are asked now, and one on time.
	l := listener{conn: conn, due: make(chan time.Time, 4)}
	now := time.Now()
	for _, ago := range []int{300, 200, 100, 0} {
		if err := l.ask(now.Add(time.Duration(-ago) * time.Millisecond)); err != nil {
			t.Fatal(err)
		}
	}
	close(l.due)
	l.listen()
	if l.failed != nil {
		t.Fatal(l.failed)
	}
	// The first 200 ms are the warm-up.
	if len(l.waits) != 2 || l.waits[0] < 100*time.Millisecond || l.waits[1] >= l.waits[0] {
		t.Errorf("the waits are %v", l.waits)
	}
}

func TestCrowdTellsRefusedFromCut(t *testing.T) {
	t.Parallel()
	u, c := upstreamOf(t)
	crowd := gather(t.Context(), c)
	await(t, crowd, func(now toll) bool { return now.opened > 2*(visitors+residents) })
	if now := crowd.look(); now.failed() != 0 {
		t.Errorf("failures without a disturbance: %s", now)
	}
	// An address that refuses new connections and keeps the open ones.
	if err := u.leave(); err != nil {
		t.Fatal(err)
	}
	await(t, crowd, func(now toll) bool { return now.refused > 0 })
	if got := crowd.dismiss(); got.cut != 0 {
		t.Errorf("connections that nobody cut: %s", got)
	}
}

func TestCrowdSeesWhatIsCut(t *testing.T) {
	t.Parallel()
	authority, err := datapath.NewAuthority()
	if err != nil {
		t.Fatal(err)
	}
	// This upstream can cut what is open.
	u, err := datapath.StartUpstream(authority, 0, func(conn *tls.Conn) { _ = answer(conn) })
	if err != nil {
		t.Fatal(err)
	}
	crowd := gather(t.Context(), newClient(u.Addr(), nil, authority))
	await(t, crowd, func(now toll) bool { return now.opened > 2*(visitors+residents) })
	if now := crowd.look(); now.failed() != 0 {
		t.Errorf("failures without a disturbance: %s", now)
	}
	if err := u.Close(); err != nil {
		t.Fatal(err)
	}
	await(t, crowd, func(now toll) bool { return now.cut >= residents && now.refused > 0 })
	crowd.dismiss()
}

// await waits until the crowd's toll is as wanted.
func await(t *testing.T, c *crowd, wanted func(toll) bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for !wanted(c.look()) {
		if err := pause(ctx, 5*time.Millisecond, nil); err != nil {
			t.Fatalf("%v; the toll is %s", err, c.look())
		}
	}
}

func TestLeavingLooksLikeNoFailure(t *testing.T) {
	t.Parallel()
	_, c := upstreamOf(t)
	for range 5 {
		crowd := gather(t.Context(), c)
		await(t, crowd, func(now toll) bool { return now.opened > 0 })
		if got := crowd.dismiss(); got.failed() != 0 {
			t.Errorf("failures without a disturbance: %s", got)
		}
	}
}
