package proxyfleet

import (
	"net/netip"
	"strings"
	"testing"
)

// metadataUserData is a proxy that is healthy while its metadata service shows a public
// address, and that tells a load balancer's client where the connection comes from.
const metadataUserData = `#cloud-config
write_files:
  - path: /etc/haproxy/upstreams.map
    content: |
      team.openai.azure.com aoai
  - path: /etc/haproxy/haproxy.cfg
    content: |
      global
        log stdout format raw local0
        maxconn 50000000
      resolvers vpc
        nameserver aws 169.254.169.253:53
      defaults
        mode tcp
        timeout connect 5s
        timeout client 30s
        timeout server 30s
      backend address
        option httpchk
        http-check connect
        http-check send meth PUT uri /latest/api/token ver HTTP/1.1 hdr Host 169.254.169.254 hdr X-aws-ec2-metadata-token-ttl-seconds 60
        http-check expect status 200
        http-check set-var(check.token) res.body
        http-check connect
        http-check send meth GET uri /latest/meta-data/public-ipv4 ver HTTP/1.1 hdr Host 169.254.169.254 hdr X-aws-ec2-metadata-token %[var(check.token)]
        http-check expect status 200
        server metadata 169.254.169.254:80 check inter 200ms rise 1 fall 1
      frontend health
        mode http
        bind :8404 accept-proxy
        bind unix@/run/haproxy/health.sock mode 600
        monitor-uri /healthz
        monitor fail if { nbsrv(address) lt 1 }
      frontend peer
        mode http
        bind :8405 accept-proxy
        http-request return status 200 content-type text/plain lf-string "%[src]:%[src_port] %[dst]:%[dst_port]"
      frontend https
        bind :443 accept-proxy
        tcp-request inspect-delay 5s
        tcp-request content set-var(sess.backend) req.ssl_sni,lower,map_str(/etc/haproxy/upstreams.map)
        tcp-request content accept if { var(sess.backend) -m found }
        tcp-request content reject
        use_backend %[var(sess.backend)]
      backend aoai
        server aoai team.openai.azure.com:443 resolvers vpc init-addr none resolve-prefer ipv4
`

func TestHealthFollowsTheMetadata(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if err := w.Launch(t.Context(), Instance{ID: "i-1", PrivateIP: "10.0.0.5", UserData: []byte(metadataUserData)}); err != nil {
		t.Fatal(err)
	}
	healthy := func() bool { return w.Healthy("i-1", 8404, "/healthz", true) }
	targets := []Target{{InstanceID: "i-1", Port: 443, Healthy: true, ProxyProtocol: true}}
	query := func() (string, error) {
		conn, err := w.DialEndpoint(t.Context(), "vpce-1", targets)
		if err != nil {
			return "", err
		}
		return w.queryOver(conn, "team.openai.azure.com")
	}
	w.await(t, "the instance to listen", func() bool { return w.Healthy("i-1", 443, "", true) })
	w.await(t, "the health check to fail", func() bool { return !healthy() })

	w.SetNATGatewayIP("i-2", "44.1.1.1")
	if err := w.Launch(t.Context(), Instance{ID: "i-2", UserData: []byte(metadataUserData)}); err != nil {
		t.Fatal(err)
	}
	if early, _ := w.instance("i-2"); early.leavesFrom() != "44.1.1.1" {
		t.Errorf("the address that was told before the launch is %q", early.leavesFrom())
	}

	// An address of a NAT gateway carries the traffic and is not the instance's own.
	w.SetNATGatewayIP("i-1", "44.1.1.1")
	want := w.twins.Of(netip.MustParseAddr("44.1.1.1")).String()
	w.await(t, "traffic through the NAT gateway", func() bool { got, err := query(); return err == nil && got == want })
	w.await(t, "the health check to fail", func() bool { return !healthy() })

	w.SetPublicIP("i-1", "52.1.2.3")
	want = w.twins.Of(netip.MustParseAddr("52.1.2.3")).String()
	w.await(t, "the health check to pass", healthy)
	w.await(t, "traffic from the instance's own address", func() bool { got, err := query(); return err == nil && got == want })

	// The gateway's address changes while it is not used: nothing is cut.
	i, _ := w.instance("i-1")
	before := i.proxy
	w.SetNATGatewayIP("i-1", "44.2.2.2")
	if i.proxy != before {
		t.Error("the proxy was restarted for an address that it does not use")
	}
	w.SetPublicIP("i-1", "")
	want = w.twins.Of(netip.MustParseAddr("44.2.2.2")).String()
	w.await(t, "traffic through the NAT gateway again", func() bool { got, err := query(); return err == nil && got == want })
	w.await(t, "the health check to fail again", func() bool { return !healthy() })
}

func TestProxyProtocolTellsOfTheClient(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if err := w.Launch(t.Context(), Instance{ID: "i-1", PrivateIP: "10.0.0.5", UserData: []byte(metadataUserData)}); err != nil {
		t.Fatal(err)
	}
	w.await(t, "the instance to listen", func() bool { return w.Healthy("i-1", 8405, "/", true) })
	if w.Healthy("i-1", 8405, "/", false) {
		t.Error("a health check without a header was answered")
	}
	conn, err := w.DialEndpoint(t.Context(), "vpce-1", []Target{{InstanceID: "i-1", Port: 8405, Healthy: true, ProxyProtocol: true}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := conn.Write([]byte("GET / HTTP/1.0\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	answer := make([]byte, 4096)
	n := 0
	for !strings.Contains(string(answer[:n]), ":8405") {
		m, err := conn.Read(answer[n:])
		if n += m; err != nil {
			break
		}
	}
	if want := conn.LocalAddr().String() + " 10.0.0.5:8405"; !strings.Contains(string(answer[:n]), want) {
		t.Errorf("got %q, want %q in it", answer[:n], want)
	}
}
