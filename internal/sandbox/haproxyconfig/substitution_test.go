package haproxyconfig

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
)

// moduleConfig has every kind of line that is substituted, among many that are not.
const moduleConfig = `# Egress proxy: the name "server a b:443" in a comment is not a server.
global
  log stdout format raw local0 info
  user haproxy
  group haproxy
	chroot /var/lib/haproxy   # locked in
  daemon
  pidfile /run/haproxy.pid
  stats socket /run/haproxy/admin.sock mode 660 level admin expose-fd listeners
  server-state-file /var/lib/haproxy/server-state
  maxconn 20000

resolvers vpc
  nameserver aws 169.254.169.253:53
  hold valid 10s

defaults
  mode tcp
  timeout connect 5s
  timeout client 350s
  timeout server 350s
  default-server inter 2s

frontend health
  mode http
  bind :8404
  bind unix@/run/haproxy/health.sock mode 600
  monitor-uri /healthz
  monitor fail if { nbsrv(address) lt 1 }

backend address
  option httpchk
  http-check connect
  http-check connect addr 169.254.169.254 port 80
  http-check send meth GET uri /latest/meta-data/public-ipv4 hdr Host 169.254.169.254
  server metadata 169.254.169.254:80 check inter 10s

frontend https-in
  bind *:443 accept-proxy,:8443
  tcp-request inspect-delay 5s
  tcp-request content accept if { req.ssl_hello_type 1 } { req.ssl_sni -i -f /etc/haproxy/allowed-sni.lst }
  tcp-request content set-var(sess.backend) req.ssl_sni,lower,map_str(/etc/haproxy/upstreams.map,none)
  tcp-request content reject if { src -M -f /etc/haproxy/other.map }
  use_backend %[req.ssl_sni,map(/etc/haproxy/a.map),concat(/x)] if { path,map_beg(/etc/haproxy/b.map) -m found } # map(/c)
  default_backend aoai

backend aoai
  server aoai team.openai.azure.com:443 check resolvers vpc init-addr none resolve-prefer ipv4   # the model
  server "other one" 10.0.0.7:8443 source 0.0.0.0 check
  server local unix@/run/other.sock
  server bare bare.openai.azure.com:443
  server-template web 2 many.openai.azure.com:443 resolvers vpc
  log-format "%ci:%cp # server x y:443"
`

func testSubstitution() *Substitution {
	return &Substitution{
		Listen:     netip.MustParseAddr("127.64.0.1"),
		Ports:      map[int]int{443: 10443, 8404: 18404, 8443: 18443},
		Source:     netip.MustParseAddr("127.128.0.1"),
		Nameserver: netip.MustParseAddrPort("127.0.0.1:5353"),
		HTTPSPort:  9443,
		Metadata:   netip.MustParseAddrPort("127.64.0.1:40080"),
		Root:       "/build/i-1/rootfs",
		Written:    []string{"/etc/haproxy/haproxy.cfg", "/etc/haproxy/allowed-sni.lst"},
	}
}

func TestSubstitutionChangesNothingElse(t *testing.T) {
	t.Parallel()
	want := map[string]string{
		"  user haproxy":                          "#   user haproxy",
		"  group haproxy":                         "#   group haproxy",
		"\tchroot /var/lib/haproxy   # locked in": "# \tchroot /var/lib/haproxy   # locked in",
		"  daemon":                                "#   daemon",
		"  pidfile /run/haproxy.pid":              "  pidfile /build/i-1/rootfs/run/haproxy.pid",
		"  stats socket /run/haproxy/admin.sock mode 660 level admin expose-fd listeners": "  stats socket unix@run/haproxy/admin.sock mode 660 level admin expose-fd listeners",
		"  nameserver aws 169.254.169.253:53":                                             "  nameserver aws 127.0.0.1:5353",
		"  bind :8404":                                                                    "  bind 127.64.0.1:18404",
		"  tcp-request content accept if { req.ssl_hello_type 1 } { req.ssl_sni -i -f /etc/haproxy/allowed-sni.lst }":  "  tcp-request content accept if { req.ssl_hello_type 1 } { req.ssl_sni -i -f /build/i-1/rootfs/etc/haproxy/allowed-sni.lst }",
		"  server aoai team.openai.azure.com:443 check resolvers vpc init-addr none resolve-prefer ipv4   # the model": "  server aoai team.openai.azure.com:9443 check resolvers vpc init-addr none resolve-prefer ipv4 source 127.128.0.1   # the model",
		`  server "other one" 10.0.0.7:8443 source 0.0.0.0 check`:                                                      `  server "other one" 10.0.0.7:8443 source 127.128.0.1 check`,
		"  server-template web 2 many.openai.azure.com:443 resolvers vpc":                                              "  server-template web 2 many.openai.azure.com:9443 resolvers vpc source 127.128.0.1",
	}
	want["  server-state-file /var/lib/haproxy/server-state"] = "  server-state-file /build/i-1/rootfs/var/lib/haproxy/server-state"
	want["  bind unix@/run/haproxy/health.sock mode 600"] = "  bind unix@run/haproxy/health.sock mode 600"
	want["  http-check connect addr 169.254.169.254 port 80"] = "  http-check connect addr 127.64.0.1 port 40080"
	want["  server bare bare.openai.azure.com:443"] = "  server bare bare.openai.azure.com:9443 source 127.128.0.1"
	want["  server local unix@/run/other.sock"] = "  server local unix@run/other.sock"
	want["  tcp-request content reject if { src -M -f /etc/haproxy/other.map }"] = "  tcp-request content reject if { src -M -f /build/i-1/rootfs/etc/haproxy/other.map }"
	// It never leaves the instance: no source.
	want["  server metadata 169.254.169.254:80 check inter 10s"] = "  server metadata 127.64.0.1:40080 check inter 10s"
	want["  tcp-request content set-var(sess.backend) req.ssl_sni,lower,map_str(/etc/haproxy/upstreams.map,none)"] = "  tcp-request content set-var(sess.backend) req.ssl_sni,lower,map_str(/build/i-1/rootfs/etc/haproxy/upstreams.map,none)"
	want["  use_backend %[req.ssl_sni,map(/etc/haproxy/a.map),concat(/x)] if { path,map_beg(/etc/haproxy/b.map) -m found } # map(/c)"] =
		"  use_backend %[req.ssl_sni,map(/build/i-1/rootfs/etc/haproxy/a.map),concat(/x)] if { path,map_beg(/build/i-1/rootfs/etc/haproxy/b.map) -m found } # map(/c)"
	config := strings.Replace(moduleConfig, "  bind *:443 accept-proxy,:8443\n", "  bind *:443,:8443 accept-proxy\n", 1)
	want["  bind *:443,:8443 accept-proxy"] = "  bind 127.64.0.1:10443,127.64.0.1:18443 accept-proxy"

	got, err := testSubstitution().Apply(config)
	if err != nil {
		t.Fatal(err)
	}
	before, after := strings.Split(config, "\n"), strings.Split(got, "\n")
	if len(before) != len(after) {
		t.Fatalf("%d lines became %d", len(before), len(after))
	}
	for i, line := range before {
		expected, changed := want[line]
		if !changed {
			expected = line
		}
		if after[i] != expected {
			t.Errorf("line %d\n%q became\n%q, want\n%q", i+1, line, after[i], expected)
		}
		delete(want, line)
	}
	for line := range want {
		t.Errorf("the test's configuration has no line %q", line)
	}
}

func TestSubstitutionWithoutNameservers(t *testing.T) {
	t.Parallel()
	got, err := testSubstitution().Apply("resolvers r\r\n\tparse-resolv-conf\r\n")
	if want := "resolvers r\r\n\tnameserver sandbox 127.0.0.1:5353\r\n"; got != want || err != nil {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
}

func TestSubstitutionWithoutSourceAndMetadata(t *testing.T) {
	t.Parallel()
	s := testSubstitution()
	s.Source, s.Metadata = netip.Addr{}, netip.AddrPort{}
	config := "backend b\n server a 10.0.0.7:80 source 10.0.0.1 check\n server m 169.254.169.254:80\n"
	if got, err := s.Apply(config); got != config || err != nil {
		t.Errorf("got %q, %v, want it as it was", got, err)
	}
}

func TestSubstitutionRefuses(t *testing.T) {
	t.Parallel()
	for _, config := range []string{"frontend f\n bind :80-90\n", "frontend f\n bind fd@3\n", "frontend f\n bind :0\n", "frontend f\n bind :1234\n"} {
		if got, err := testSubstitution().Apply(config); err == nil || !strings.Contains(err.Error(), "line 2") {
			t.Errorf("%q became %q, %v: want an error that names line 2", config, got, err)
		}
	}
}

func TestListenPorts(t *testing.T) {
	t.Parallel()
	got, err := ListenPorts("frontend a\n bind :443,*:8443 v4v6\n bind ipv4@10.0.0.1:443\n bind /run/x.sock\n bind :::8404\n#bind :1\n")
	if want := []int{443, 8443, 8404}; err != nil || !slices.Equal(got, want) {
		t.Errorf("got %v, %v, want %v", got, err, want)
	}
}

func TestSocketDirs(t *testing.T) {
	t.Parallel()
	got := SocketDirs(moduleConfig + "frontend x\n bind :1,/run/x/y.sock\n bind unix@relative.sock\nglobal\n server-state-base /srv/state\n")
	if want := []string{"/run", "/run/haproxy", "/var/lib/haproxy", "/run/x", "/srv/state"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestSockets(t *testing.T) {
	t.Parallel()
	got := Sockets(moduleConfig + "frontend x\n bind :1,/run/x/y.sock\n bind unix@relative.sock\n#bind /run/no.sock\n")
	if want := []string{"/run/haproxy/health.sock", "/run/x/y.sock"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestMaxConnections(t *testing.T) {
	t.Parallel()
	for config, want := range map[string]int{moduleConfig: 20000, "defaults\n maxconn 5\nglobal\n nbthread 2\n": 0} {
		if got := MaxConnections(config); got != want {
			t.Errorf("got %d, want %d", got, want)
		}
	}
}

func TestParseLineAsHAProxyDoes(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]string{
		`  bind :443`: {"bind", ":443"},
		`acl a path "/x y" 'b # c' d\ e # comment`: {"acl", "a", "path", `"/x y"`, "'b # c'", `d\ e`},
		`a "b\" c" d`: {"a", `"b\" c"`, "d"},
		`a#b`:         {"a"},
		"":            nil,
		" # only":     nil,
		"a \\":        {"a", "\\"},
	} {
		l := parseLine(text)
		var got []string
		for i := range l.words {
			got = append(got, l.word(i))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
		if l.String() != text {
			t.Errorf("%q came back as %q", text, l.String())
		}
	}
}

func FuzzSubstitutionWithoutSectionsChangesNothing(f *testing.F) {
	f.Add("a b \"c\" # d\n\tuser haproxy\r\n")
	f.Fuzz(func(t *testing.T, text string) {
		if l := parseLine(text); l.String() != text {
			t.Errorf("%q came back as %q", text, l.String())
		}
	})
}
