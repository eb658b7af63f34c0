//go:build linux

package datapath

import (
	"bufio"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/imds"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/proxyprotocol"
)

// get sends a request over a connection and returns the status and the body of the answer.
func get(t *testing.T, conn net.Conn, path string) (int, []byte) {
	t.Helper()
	_ = conn.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(conn, "GET "+path+" HTTP/1.1\r\nHost: 10.0.0.1:8404\r\nConnection: close\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, body
}

// health asks as a Network Load Balancer's health check does.
func (l *link) health(port int) int {
	l.t.Helper()
	client := Client{Proxy: l.Addr(port)}
	conn, err := client.Dial(l.t.Context())
	if err != nil {
		l.t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := conn.Write(proxyprotocol.Local()); err != nil {
		l.t.Fatal(err)
	}
	status, _ := get(l.t, conn, "/healthz")
	return status
}

// ownHealth asks over the socket that is for the instance itself.
func (l *link) ownHealth() int {
	l.t.Helper()
	conn, err := net.Dial("unix", l.Path(l.config.HealthSocket)) //nolint:noctx // a socket of this machine
	if err != nil {
		l.t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	status, _ := get(l.t, conn, "/healthz")
	return status
}

// quickMetadata asks the metadata service so often that a test sees a change soon.
var quickMetadata = map[string]time.Duration{"inter": 50 * time.Millisecond, "fastinter": 50 * time.Millisecond, "downinter": 50 * time.Millisecond}

// metadata starts an instance metadata service, which ends with the test.
func metadata(t *testing.T) *imds.Server {
	t.Helper()
	s, err := imds.Start(loopback(), imds.Facts{InstanceID: "i-0123456789abcdef0", PrivateIP: "10.0.1.17", Region: "us-east-1", AvailabilityZone: "us-east-1a"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func TestHealthFollowsTheAddress(t *testing.T) {
	t.Parallel()
	instance := metadata(t)
	l := newLink(t, setup{inputs: map[string]any{"require_public_ip": true}, durations: quickMetadata, metadata: instance.Addr()})
	wantHealth := func(status int) {
		t.Helper()
		l.await("both health checks to show the address", func() bool { return l.health(8404) == status && l.ownHealth() == status })
	}
	wantHealth(503)
	for range 2 {
		instance.SetPublicIP("203.0.113.7")
		wantHealth(200)
		instance.SetPublicIP("")
		wantHealth(503)
	}
	// Traffic is not the health check's to stop: what is on its way passes.
	l.wantEcho(l.dial(openaiName))

	instance.SetPublicIP("203.0.113.7")
	wantHealth(200)
	instance.Close()
	wantHealth(503)
}

// TestMetadataInPieces is a metadata service whose answers come in two segments, headers first.
func TestMetadataInPieces(t *testing.T) {
	t.Parallel()
	instance := metadata(t)
	instance.SetPublicIP("203.0.113.7")
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp4", netip.AddrPortFrom(loopback(), 0).String())
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{ReadHeaderTimeout: patience, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		forward := r.Clone(r.Context())
		forward.RequestURI, forward.URL.Scheme, forward.URL.Host = "", "http", instance.Addr().String()
		resp, err := http.DefaultClient.Do(forward)
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		defer func() { _ = resp.Body.Close() }()
		w.Header().Set("Content-Length", strconv.FormatInt(resp.ContentLength, 10))
		w.WriteHeader(resp.StatusCode)
		_ = http.NewResponseController(w).Flush()
		local, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
		await(t, "HAProxy to read the headers", func() bool {
			s, ok := socketBetween(t, netip.MustParseAddrPort(r.RemoteAddr), netip.MustParseAddrPort(local.String()))
			return !ok || s.unread == 0
		})
		_, _ = io.Copy(w, resp.Body)
	})}
	t.Cleanup(func() { _ = server.Close() })
	go func() { _ = server.Serve(listener) }()
	l := newLink(t, setup{
		inputs: map[string]any{"require_public_ip": true}, durations: quickMetadata,
		metadata: netip.MustParseAddrPort(listener.Addr().String()),
	})
	l.await("health", func() bool { return l.health(8404) == 200 })
}

// TestHealthOverReload reloads while the address is there: at no time may a new worker say
// that it is unhealthy for longer than it takes to look.
func TestHealthOverReload(t *testing.T) {
	t.Parallel()
	instance := metadata(t)
	instance.SetPublicIP("203.0.113.7")
	l := newLink(t, setup{inputs: map[string]any{"require_public_ip": true}, metadata: instance.Addr()})
	l.await("health", func() bool { return l.health(8404) == 200 })
	for range 3 {
		if err := l.reload(); err != nil {
			t.Fatal(err)
		}
		l.await("health after a reload", func() bool { return l.health(8404) == 200 && l.ownHealth() == 200 })
	}
}

// TestHealthIsNotTheUpstreams takes everything away that is not the instance's own.
func TestHealthIsNotTheUpstreams(t *testing.T) {
	t.Parallel()
	instance := metadata(t)
	instance.SetPublicIP("203.0.113.7")
	durations := quickDNSWith(shortHold)
	l := newLink(t, setup{inputs: map[string]any{"require_public_ip": true, "status_port": 8405}, durations: durations, metadata: instance.Addr()})
	l.await("health", func() bool { return l.health(8404) == 200 })
	for _, u := range []*Upstream{l.openai, l.login} {
		if err := u.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := l.tryDial(openaiName); err == nil {
		t.Error("an upstream that is gone was reached")
	}
	l.names.Fail(Silent)
	l.await("the addresses to be given up", func() bool { return l.usable("upstream-openai") == 0 && l.usable("upstream-login") == 0 })
	if l.health(8404) != 200 || l.ownHealth() != 200 {
		t.Error("the health check depends on the upstreams")
	}
}

// TestOtherPathsDoNotExist asks the health port and the status port for more than they have.
func TestOtherPathsDoNotExist(t *testing.T) {
	t.Parallel()
	l := newLink(t, setup{inputs: map[string]any{"status_port": 8405}})
	for port, paths := range map[int][]string{
		8404: {"/", "/status", "/healthz/x", "/haproxy?stats"},
		8405: {"/", "/healthz", "/status/x", "/haproxy?stats"},
	} {
		for _, path := range paths {
			client := Client{Proxy: l.Addr(port), Header: &proxyprotocol.Header{}}
			conn, err := client.Dial(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if status, _ := get(t, conn, path); status != 404 {
				t.Errorf("port %d, %s: %d", port, path, status)
			}
			_ = conn.Close()
		}
	}
	info, err := os.Stat(l.Path(l.config.HealthSocket))
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("the instance's own socket has mode %s", info.Mode().Perm())
	}
}

// status is the answer of the status port.
type status struct {
	Instance  string
	PublicIP  string `json:"public_ip"`
	Endpoint  string
	HAProxy   string
	Upstreams []struct {
		Name, Hostname      string
		Resolved, Reachable bool
	}
}

// of returns what is said of an upstream.
func (s status) of(name string) (resolved, reachable bool) {
	for _, u := range s.Upstreams {
		if u.Name == name {
			return u.Resolved, u.Reachable
		}
	}
	return false, false
}

// status asks through the endpoint.
func (l *link) status() status {
	l.t.Helper()
	client := Client{Proxy: l.Addr(8405), Header: &proxyprotocol.Header{EndpointID: endpointID}}
	conn, err := client.Dial(l.t.Context())
	if err != nil {
		l.t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	code, body := get(l.t, conn, "/status")
	var s status
	if err := json.Unmarshal(body, &s); err != nil || code != 200 {
		l.t.Fatalf("status %d: %q: %v", code, body, err)
	}
	return s
}

func TestStatusTellsTheLegsApart(t *testing.T) {
	t.Parallel()
	instance := metadata(t)
	durations := quickDNSWith(shortHold)
	durations["inter"] = 50 * time.Millisecond
	durations["downinter"] = 50 * time.Millisecond
	l := newLink(t, setup{
		inputs:    map[string]any{"require_public_ip": true, "status_port": 8405},
		durations: durations, metadata: instance.Addr(),
	})
	instance.SetPublicIP("203.0.113.7")
	want := func(what string, resolved, reachable bool) {
		t.Helper()
		l.await(what, func() bool {
			gotResolved, gotReachable := l.status().of("openai")
			return gotResolved == resolved && gotReachable == reachable
		})
		if resolved, reachable := l.status().of("login"); what != "no name to be resolved" && (!resolved || !reachable) {
			t.Errorf("the other upstream is resolved: %t, reachable: %t", resolved, reachable)
		}
	}
	l.await("both upstreams to be reachable", func() bool {
		_, openai := l.status().of("openai")
		_, login := l.status().of("login")
		return openai && login
	})
	l.await("the instance's facts", func() bool {
		s := l.status()
		return s.Instance == "i-0123456789abcdef0" && s.PublicIP == "203.0.113.7"
	})
	s := l.status()
	if wantEndpoint := versionAtLeast(t, haproxy(t), 2, 9); (s.Endpoint == endpointID) != wantEndpoint {
		t.Errorf("HAProxy %s says endpoint %q", haproxy(t).Version, s.Endpoint)
	}
	if s.HAProxy == "" || len(s.Upstreams) != 2 {
		t.Errorf("status %+v", s)
	}
	for _, u := range s.Upstreams {
		if u.Hostname != map[string]string{"openai": openaiName, "login": loginName}[u.Name] {
			t.Errorf("upstream %+v", u)
		}
	}

	address := l.openai.Addr()
	if err := l.openai.Close(); err != nil {
		t.Fatal(err)
	}
	want("the closed upstream to be unreachable", true, false)
	l.names.Set(openaiName, l.upstream(int(address.Port()), nil).Addr().Addr())
	want("the upstream to be reachable at its new address", true, true)
	l.names.Fail(Silent)
	want("no name to be resolved", false, false)
	l.names.Fail(NoOutage)
	want("the upstream to be reachable again", true, true)

	instance.SetPublicIP("")
	l.await("the address to be gone", func() bool { return netip.MustParseAddr("203.0.113.7").String() != l.status().PublicIP })
}
