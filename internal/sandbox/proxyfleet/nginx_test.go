package proxyfleet

import (
	"errors"
	"net/netip"
	"testing"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/tools"
)

const nginxUserData = `#cloud-config
write_files:
  - path: /etc/nginx/nginx.conf
    content: |
      user nginx;
      worker_processes auto;
      include /usr/share/nginx/modules/*.conf;
      error_log /var/log/nginx/error.log;
      pid /run/nginx.pid;
      events { worker_connections 1024; }
      stream {
        resolver 169.254.169.253 valid=5s ipv6=off;
        include /etc/nginx/upstreams.conf;
        server {
          listen 443 proxy_protocol;
          listen [::]:443 proxy_protocol;
          ssl_preread on;
          proxy_pass $upstream;
        }
      }
      http {
        access_log off;
        server {
          listen 8404 proxy_protocol;
          location = /healthz { return 200; }
        }
      }
  - path: /etc/nginx/upstreams.conf
    content: |
      map $ssl_preread_server_name $upstream {
        team.openai.azure.com team.openai.azure.com:443;
      }
`

// TestNginxServesFromItsPublicAddress is TestInstanceServesFromItsPublicAddress with nginx, and
// with the load balancer's headers.
func TestNginxServesFromItsPublicAddress(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if _, err := w.opts.Nginx(); errors.Is(err, tools.ErrUnavailable) {
		t.Skip(err)
	}
	if err := w.Launch(t.Context(), Instance{ID: "i-1", PrivateIP: "10.0.0.5", UserData: []byte(nginxUserData)}); err != nil {
		t.Fatal(err)
	}
	w.await(t, "nginx to answer", func() bool { return w.Healthy("i-1", 8404, "/healthz", true) })
	if w.Healthy("i-1", 8404, "/healthz", false) {
		t.Error("a health check without a header was answered")
	}
	target := []Target{{InstanceID: "i-1", Port: 443, Healthy: true, ProxyProtocol: true}}
	query := func(serverName string) (string, error) {
		conn, err := w.DialEndpoint(t.Context(), "vpce-1", target)
		if err != nil {
			t.Fatal(err)
		}
		return w.queryOver(conn, serverName)
	}
	if got, err := query("team.openai.azure.com"); err == nil {
		t.Errorf("without an address the request was answered %q", got)
	}
	for _, public := range []string{"52.1.2.3", "3.4.5.6"} {
		w.SetPublicIP("i-1", public)
		want := w.twins.Of(netip.MustParseAddr(public)).String()
		w.await(t, "nginx to answer again", func() bool { return w.Healthy("i-1", 8404, "/healthz", true) })
		if got, err := query("team.openai.azure.com"); err != nil || got != want {
			t.Errorf("with %s the request came from %q (%v), want its twin %s", public, got, err, want)
		}
	}
	if got, err := query("example.com"); err == nil {
		t.Errorf("a name that is not on the list was answered %q", got)
	}
	w.SetPublicIP("i-1", "")
	w.await(t, "nginx to answer again", func() bool { return w.Healthy("i-1", 8404, "/healthz", true) })
	if got, err := query("team.openai.azure.com"); err == nil {
		t.Errorf("without an address the request was answered %q", got)
	}
	if err := w.Problem("i-1"); err != nil {
		t.Error(err)
	}
}

func TestInstanceWithABrokenNginxConfiguration(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if _, err := w.opts.Nginx(); errors.Is(err, tools.ErrUnavailable) {
		t.Skip(err)
	}
	text := "#cloud-config\nwrite_files: [{path: /etc/nginx/nginx.conf, content: \"events {} stream { no_such_directive; }\"}]\n"
	if err := w.Launch(t.Context(), Instance{ID: "i-1", UserData: []byte(text)}); err != nil {
		t.Fatal(err)
	}
	w.await(t, "nginx to end", func() bool { return w.Running() == 0 })
	w.wantProblem(t, "i-1", `unknown directive "no_such_directive"`)
}
