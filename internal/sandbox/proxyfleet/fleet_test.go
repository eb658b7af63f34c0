package proxyfleet

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/dns"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/tools"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/waiter"
)

var buildDir = filepath.Join("..", "..", "..", ".build")

const userData = `#cloud-config
write_files:
  - path: /etc/haproxy/allowed-sni.lst
    content: |
      team.openai.azure.com
  - path: /etc/haproxy/haproxy.cfg
    content: |
      global
        log stdout format raw local0
        user haproxy
        group haproxy
        stats socket /run/haproxy/admin.sock mode 660 level admin
      resolvers vpc
        nameserver aws 169.254.169.253:53
        accepted_payload_size 8192
      defaults
        mode tcp
        timeout connect 5s
        timeout client 30s
        timeout server 30s
      frontend health
        mode http
        bind :8404
        monitor-uri /healthz
        monitor fail if { nbsrv(aoai) lt 1 }
      frontend https
        bind :443
        tcp-request inspect-delay 5s
        tcp-request content accept if { req.ssl_hello_type 1 } { req.ssl_sni -i -f /etc/haproxy/allowed-sni.lst }
        tcp-request content reject
        default_backend aoai
      backend aoai
        server aoai team.openai.azure.com:443 check inter 200ms resolvers vpc init-addr none resolve-prefer ipv4
`

// world is a fleet between a name server and a TLS server that answers each request
// with the address it came from.
type world struct {
	*Fleet
	twins *Twins
	cloud *httptest.Server
}

func newWorld(t *testing.T, changes ...func(*Options)) *world {
	t.Helper()
	haproxy, err := tools.HAProxy(t.Context(), buildDir)
	if errors.Is(err, tools.ErrUnavailable) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	cloud := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, _ := net.SplitHostPort(r.RemoteAddr)
		_, _ = io.WriteString(w, host)
	}))
	cloud.StartTLS()
	t.Cleanup(cloud.Close)
	names, err := dns.Start(func(name string) (netip.Addr, bool) {
		return netip.MustParseAddr("127.0.0.1"), name == "team.openai.azure.com"
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = names.Close() })
	twins := NewTwins()
	options := Options{
		HAProxy: haproxy, Dir: t.TempDir(), Twins: twins, Nameserver: names.Addr(),
		HTTPSPort: cloud.Listener.Addr().(*net.TCPAddr).Port,
		Nginx:     func() (*tools.NginxBinary, error) { return tools.Nginx(context.Background(), buildDir) },
		Region:    "us-east-1",
	}
	for _, change := range changes {
		change(&options)
	}
	f := New(options)
	t.Cleanup(f.Close)
	return &world{Fleet: f, twins: twins, cloud: cloud}
}

// query sends one HTTPS request through an instance and returns the answer's body.
func (w *world) query(ctx context.Context, instanceID, serverName string) (string, error) {
	raw, err := w.DialInstance(ctx, instanceID, 443)
	if err != nil {
		return "", err
	}
	return w.queryOver(raw, serverName)
}

// queryOver sends one HTTPS request over a connection, and closes it.
func (w *world) queryOver(raw net.Conn, serverName string) (string, error) {
	defer func() { _ = raw.Close() }()
	_ = raw.SetDeadline(time.Now().Add(10 * time.Second))
	roots := w.cloud.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	// The test server's certificate is for example.com; what is asked for is the SNI.
	conn := tls.Client(raw, &tls.Config{ServerName: serverName, InsecureSkipVerify: true, RootCAs: roots}) //nolint:gosec // see above
	if _, err := fmt.Fprintf(conn, "GET / HTTP/1.0\r\n\r\n"); err != nil {
		return "", err
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return "", err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	return string(body), err
}

func (w *world) await(t *testing.T, what string, condition func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	wait := waiter.Waiter{Min: 20 * time.Millisecond, Max: 100 * time.Millisecond}
	err := wait.Until(ctx, what, func(context.Context) (string, bool, error) {
		ok := condition()
		return strconv.FormatBool(ok), ok, nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (w *world) wantProblem(t *testing.T, instanceID, want string) {
	t.Helper()
	if err := w.Problem(instanceID); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("the problem of %s is %v, want %q in it", instanceID, err, want)
	}
}

func TestInstanceServesFromItsPublicAddress(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if err := w.Launch(t.Context(), Instance{ID: "i-1", PrivateIP: "10.0.0.5", UserData: []byte(userData)}); err != nil {
		t.Fatal(err)
	}
	w.await(t, "the instance to listen", func() bool { return w.Healthy("i-1", 443, "", false) })
	if w.Healthy("i-1", 22, "", false) || w.Healthy("i-1", 8404, "/other", false) {
		t.Error("a port that nobody listens on, or a path that is unknown, counts as healthy")
	}
	// Without a public address nothing gets out: the proxy finds its server down.
	w.await(t, "the health check to fail", func() bool { return !w.Healthy("i-1", 8404, "/healthz", false) })

	for _, public := range []string{"52.1.2.3", "3.4.5.6"} {
		w.SetPublicIP("i-1", public)
		w.await(t, "the health check to pass with "+public, func() bool { return w.Healthy("i-1", 8404, "/healthz", false) })
		got, err := w.query(t.Context(), "i-1", "team.openai.azure.com")
		if want := w.twins.Of(netip.MustParseAddr(public)).String(); err != nil || got != want {
			t.Errorf("with %s the request came from %q (%v), want its twin %s", public, got, err, want)
		}
	}
	if got, err := w.query(t.Context(), "i-1", "example.com"); err == nil {
		t.Errorf("a name that is not on the allow-list was answered %q", got)
	}

	w.SetPublicIP("i-1", "")
	w.await(t, "the health check to fail again", func() bool { return !w.Healthy("i-1", 8404, "/healthz", false) })
	if got, err := w.query(t.Context(), "i-1", "team.openai.azure.com"); err == nil {
		t.Errorf("without an address the request was answered %q", got)
	}
}

func TestTerminateLeavesNoProcess(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, id := range []string{"i-1", "i-2"} {
		if err := w.Launch(t.Context(), Instance{ID: id, UserData: []byte(userData)}); err != nil {
			t.Fatal(err)
		}
	}
	i, _ := w.instance("i-1")
	pid := i.proxy.cmd.Process.Pid
	w.SetPublicIP("i-1", "52.1.2.3") // a second process takes over
	w.Terminate("i-1")
	w.Terminate("i-1") // is gone already
	for _, p := range []int{pid, i.proxy.cmd.Process.Pid} {
		if err := syscall.Kill(p, 0); !errors.Is(err, syscall.ESRCH) {
			t.Errorf("process %d: %v", p, err)
		}
	}
	if w.Running() != 1 {
		t.Errorf("%d proxies run, want 1", w.Running())
	}
	w.Close()
	if w.Running() != 0 {
		t.Errorf("%d proxies run after Close", w.Running())
	}
}

func TestInstanceWithABrokenConfiguration(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	tests := map[string]struct{ userData, want string }{
		"none":           {"", "no #cloud-config"},
		"without proxy":  {"#cloud-config\npackages: [haproxy]\n", "writes no haproxy.cfg"},
		"nginx alone":    {"#cloud-config\nwrite_files: [{path: /etc/nginx/nginx.conf, content: \"http {}\"}]\n", "no nginx.conf with a stream block"},
		"unknown option": {"#cloud-config\nwrite_files: [{path: /etc/haproxy/haproxy.cfg, content: \"frontend f\\n  bind :443\\n  no-such-option\\n\"}]\n", "no-such-option"},
		"port range":     {"#cloud-config\nwrite_files: [{path: /etc/haproxy/haproxy.cfg, content: \"frontend f\\n  bind :1-2\\n\"}]\n", "line 2"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			id := "i-" + strings.ReplaceAll(name, " ", "-")
			if err := w.Launch(t.Context(), Instance{ID: id, UserData: []byte(tt.userData)}); err != nil {
				t.Fatal(err)
			}
			w.await(t, "the problem to show", func() bool { return w.Problem(id) != nil })
			if problem := w.Problem(id); !strings.Contains(problem.Error(), tt.want) {
				t.Errorf("got %q, want %q", problem, tt.want)
			}
			if w.Healthy(id, 443, "", false) {
				t.Error("it is healthy")
			}
		})
	}
}

func TestDialEndpoint(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var targets []Target
	for n, id := range []string{"i-1", "i-2", "i-3"} {
		if err := w.Launch(t.Context(), Instance{ID: id, UserData: []byte(userData)}); err != nil {
			t.Fatal(err)
		}
		w.await(t, id+" to listen", func() bool { return w.Healthy(id, 443, "", false) })
		targets = append(targets, Target{InstanceID: id, Port: 443, Healthy: n > 0})
	}
	count := map[string]int{}
	for range 6 {
		conn, err := w.DialEndpoint(t.Context(), "vpce-1", targets)
		if err != nil {
			t.Fatal(err)
		}
		host, _, _ := net.SplitHostPort(conn.RemoteAddr().String())
		count[host]++
		_ = conn.Close()
	}
	if len(count) != 2 {
		t.Errorf("connections went to %v, want 3 each to two instances", count)
	}
	for host, n := range count {
		if n != 3 {
			t.Errorf("%d connections went to %s, want 3", n, host)
		}
	}

	if _, err := w.DialEndpoint(t.Context(), "vpce-1", nil); !errors.Is(err, ErrNoTarget) || !strings.Contains(err.Error(), "no target is registered") {
		t.Errorf("no targets: got %v", err)
	}
	_, err := w.DialEndpoint(t.Context(), "vpce-1", []Target{{InstanceID: "i-gone", Port: 443}})
	if !errors.Is(err, ErrNoTarget) || !strings.Contains(err.Error(), "no instance i-gone runs") {
		t.Errorf("no healthy target: got %v", err)
	}
}
