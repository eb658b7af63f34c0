//go:build linux

package datapath

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/netip"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/proxyprotocol"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/tools"
)

// patience bounds every wait of a test for something that must come.
const patience = 60 * time.Second

// The names that the proxies of the tests let pass, and the keys of their upstreams.
const (
	openaiName = "team.openai.azure.com"
	loginName  = "login.microsoftonline.com"
)

// endpointID is the VPC endpoint that the tests' connections come through.
const endpointID = "vpce-0123456789abcdef0"

var moduleDir = filepath.Join("..", "..", "modules", "haproxy-config")

// inputs are the module's inputs that most tests use, with changes.
func inputs(changes map[string]any) map[string]any {
	all := map[string]any{
		"upstreams": map[string]any{
			"openai": map[string]any{"hostname": openaiName},
			"login":  map[string]any{"hostname": loginName},
		},
		"require_public_ip": false,
		// HAProxy takes two file descriptors a connection, and this machine's limit may be low.
		"max_connections": 1000,
	}
	maps.Copy(all, changes)
	return all
}

// rendered holds what Terraform has rendered, by input.
var rendered struct {
	sync.Mutex
	byInput map[string]func() (Configuration, error)
}

// render renders the module, once for equal inputs.
func render(t *testing.T, inputs map[string]any) Configuration {
	t.Helper()
	key, err := json.Marshal(inputs)
	if err != nil {
		t.Fatal(err)
	}
	rendered.Lock()
	if rendered.byInput == nil {
		rendered.byInput = map[string]func() (Configuration, error){}
	}
	once, ok := rendered.byInput[string(key)]
	if !ok {
		once = sync.OnceValues(func() (Configuration, error) {
			return Render(context.Background(), moduleDir, inputs)
		})
		rendered.byInput[string(key)] = once
	}
	rendered.Unlock()
	configuration, err := once()
	if err != nil {
		t.Fatal(err)
	}
	return configuration
}

// haproxy is the machine's HAProxy; a test without one is skipped.
func haproxy(t *testing.T) *tools.HAProxyBinary {
	t.Helper()
	binary, err := tools.HAProxy(t.Context(), filepath.Join("..", "..", ".build"))
	if errors.Is(err, tools.ErrUnavailable) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return binary
}

// versionAtLeast reports whether a HAProxy is of a version or later.
func versionAtLeast(t *testing.T, binary *tools.HAProxyBinary, major, minor int) bool {
	t.Helper()
	parts := strings.SplitN(binary.Version, ".", 3)
	if len(parts) < 2 {
		t.Fatalf("unexpected version %q", binary.Version)
	}
	gotMajor, err1 := strconv.Atoi(parts[0])
	gotMinor, err2 := strconv.Atoi(parts[1])
	if err1 != nil || err2 != nil {
		t.Fatalf("unexpected version %q", binary.Version)
	}
	return gotMajor > major || gotMajor == major && gotMinor >= minor
}

// setup is how the surroundings of a test's proxy differ from the usual ones.
type setup struct {
	// inputs are changes to the module's inputs.
	inputs map[string]any
	// durations are changes to the configuration's durations, as for Retime.
	durations map[string]time.Duration
	// handle serves the connections of the upstreams; nil is Echo.
	handle func(*tls.Conn)
	// outage is how the name server fails from the start.
	outage Outage
	// metadata is the instance metadata service.
	metadata netip.AddrPort
	// unresolved is true for a test that starts before the names are resolved.
	unresolved bool
}

// link is a proxy between clients and upstreams.
type link struct {
	*Proxy
	t         *testing.T
	authority *Authority
	names     *NameServer
	// openai and login are the upstreams of the two names.
	openai, login *Upstream
	// client is a load balancer's, with the endpoint's id.
	client Client
	config Configuration
}

// newLink starts a link, which ends with the test.
func newLink(t *testing.T, s setup) *link {
	t.Helper()
	binary := haproxy(t)
	configuration := render(t, inputs(s.inputs))
	configuration, err := configuration.Retime(s.durations)
	if err != nil {
		t.Fatal(err)
	}
	l := &link{t: t, config: configuration}
	if l.authority, err = NewAuthority(); err != nil {
		t.Fatal(err)
	}
	if l.names, err = StartNameServer(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.names.Close() })
	l.openai = l.upstream(0, s.handle)
	l.login = l.upstream(int(l.openai.Addr().Port()), s.handle)
	l.names.Set(openaiName, l.openai.Addr().Addr())
	l.names.Set(loginName, l.login.Addr().Addr())
	l.names.Fail(s.outage)
	l.Proxy, err = Start(t.Context(), Options{
		HAProxy: binary, Configuration: configuration, Nameserver: l.names.Addr(), Metadata: s.metadata,
		HTTPSPort: int(l.openai.Addr().Port()),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			defer cancel()
			state, err := l.Command(ctx, "show servers state")
			t.Logf("HAProxy %s said:\n%s\nits log:\n%s\nits servers: %s (%v)", binary.Version, l.Messages(), strings.Join(tail(l.LogLines(), 20), "\n"), state, err)
		}
		if err := l.Proxy.Close(); err != nil {
			t.Error(err)
		}
	})
	l.client = Client{Proxy: l.Addr(443), Header: &proxyprotocol.Header{EndpointID: endpointID}, Roots: l.authority.Roots()}
	if !s.unresolved {
		l.await("the names to be resolved", func() bool {
			return l.resolvedTo("upstream-openai") == l.openai.Addr().Addr() && l.resolvedTo("upstream-login") == l.login.Addr().Addr()
		})
	}
	return l
}

// upstream starts one more upstream, which ends with the test.
func (l *link) upstream(port int, handle func(*tls.Conn)) *Upstream {
	l.t.Helper()
	u, err := StartUpstream(l.authority, port, handle)
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { _ = u.Close() })
	return u
}

// tail returns the last n lines.
func tail(lines []string, n int) []string { return lines[max(0, len(lines)-n):] }

// await polls until done.
func (l *link) await(what string, done func() bool) {
	l.t.Helper()
	await(l.t, what, done)
}

// await polls until done, and fails the test if that takes too long.
func await(t *testing.T, what string, done func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// command asks HAProxy's Runtime API.
func (l *link) command(command string) string {
	l.t.Helper()
	answer, err := l.Command(l.t.Context(), command)
	if err != nil {
		l.t.Fatal(err)
	}
	return answer
}

// addresses are those of a backend's servers as HAProxy has them, without those that have none.
func (l *link) addresses(backend string) []netip.Addr {
	l.t.Helper()
	var addresses []netip.Addr
	for line := range strings.Lines(l.command("show servers state " + backend)) {
		fields := strings.Fields(line)
		if len(fields) < 6 || fields[1] != backend {
			continue
		}
		if address, err := netip.ParseAddr(fields[4]); err == nil && !address.IsUnspecified() {
			addresses = append(addresses, address)
		}
	}
	slices.SortFunc(addresses, netip.Addr.Compare)
	return addresses
}

// resolvedTo is the address of a backend with one server; the zero address without one.
func (l *link) resolvedTo(backend string) netip.Addr {
	l.t.Helper()
	if addresses := l.addresses(backend); len(addresses) == 1 {
		return addresses[0]
	}
	return netip.Addr{}
}

// usable is how many servers of a backend HAProxy would send a connection to.
func (l *link) usable(backend string) int {
	l.t.Helper()
	n := 0
	for line := range strings.Lines(l.command("show servers state " + backend)) {
		fields := strings.Fields(line)
		// Operational state 2 is running; no bit of the administrative state may be set.
		if len(fields) > 6 && fields[1] == backend && fields[5] == "2" && fields[6] == "0" {
			n++
		}
	}
	return n
}

// dial opens a TLS connection to an upstream's name through the proxy.
func (l *link) dial(serverName string) *tls.Conn {
	l.t.Helper()
	conn, err := l.tryDial(serverName)
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func (l *link) tryDial(serverName string) (*tls.Conn, error) {
	ctx, cancel := context.WithTimeout(l.t.Context(), patience)
	defer cancel()
	return l.client.DialTLS(ctx, serverName)
}

// raw opens a TCP connection to the proxy and sends the PROXY header.
func (l *link) raw() *net.TCPConn {
	l.t.Helper()
	conn, err := l.client.Dial(l.t.Context())
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// reload reloads, as the instance's service does.
func (l *link) reload() error {
	ctx, cancel := context.WithTimeout(l.t.Context(), patience)
	defer cancel()
	return l.Reload(ctx)
}

// wantEcho fails the test if a connection does not bring back what is sent.
func (l *link) wantEcho(conn net.Conn) {
	l.t.Helper()
	if err := exchange(conn, "still there?"); err != nil {
		l.t.Fatal(err)
	}
}

// exchange sends a message and awaits its echo.
func exchange(conn net.Conn, message string) error {
	_ = conn.SetDeadline(time.Now().Add(patience))
	defer func() { _ = conn.SetDeadline(time.Time{}) }()
	if _, err := io.WriteString(conn, message); err != nil {
		return fmt.Errorf("sending: %w", err)
	}
	got := make([]byte, len(message))
	if _, err := io.ReadFull(conn, got); err != nil {
		return fmt.Errorf("awaiting the echo: %w", err)
	}
	if string(got) != message {
		return fmt.Errorf("sent %q, got %q", message, got)
	}
	return nil
}

// readAll reads until the other end closes, with whatever error that shows as; it fails the
// test if that does not come.
func readAll(t *testing.T, conn net.Conn) ([]byte, error) {
	t.Helper()
	_ = conn.SetReadDeadline(time.Now().Add(patience))
	got, err := io.ReadAll(conn)
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		t.Fatalf("the connection was not closed in %s; got %d bytes", patience, len(got))
	}
	return got, err
}

// wantClosed fails the test if the proxy sends anything or keeps the connection open.
func wantClosed(t *testing.T, conn net.Conn) {
	t.Helper()
	if got, _ := readAll(t, conn); len(got) > 0 {
		t.Fatalf("got %d bytes, want a closed connection", len(got))
	}
}

// entry is one line of the connection log.
type entry map[string]any

// entries are the lines of the connection log, which must all be JSON objects.
func (l *link) entries() []entry {
	l.t.Helper()
	var entries []entry
	for _, line := range l.LogLines() {
		var e entry
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			l.t.Fatalf("log line %q: %s", line, err)
		}
		entries = append(entries, e)
	}
	return entries
}

// entryOf awaits the log line of a client's connection.
func (l *link) entryOf(client net.Addr) entry {
	l.t.Helper()
	var found entry
	l.await("the log line of "+client.String(), func() bool {
		for _, e := range l.entries() {
			if e["client"] == client.String() {
				found = e
				return true
			}
		}
		return false
	})
	return found
}
