package proxyfleet

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
  monitor-uri /healthz
  monitor fail if { nbsrv(aoai) lt 1 }

frontend https-in
  bind *:443 accept-proxy,:8443
  tcp-request inspect-delay 5s
  tcp-request content accept if { req.ssl_hello_type 1 } { req.ssl_sni -i -f /etc/haproxy/allowed-sni.lst }
  tcp-request content reject
  default_backend aoai

backend aoai
  server aoai team.openai.azure.com:443 check resolvers vpc init-addr none resolve-prefer ipv4   # the model
  server "other one" 10.0.0.7:8443 source 0.0.0.0 check
  server-template web 2 many.openai.azure.com:443 resolvers vpc
  log-format "%ci:%cp # server x y:443"
`

func testSubstitution() *substitution {
	return &substitution{
		listen:     netip.MustParseAddr("127.64.0.1"),
		ports:      map[int]int{443: 10443, 8404: 18404, 8443: 18443},
		source:     netip.MustParseAddr("127.128.0.1"),
		nameserver: netip.MustParseAddrPort("127.0.0.1:5353"),
		httpsPort:  9443,
		root:       "/build/i-1/rootfs",
		written:    []string{"/etc/haproxy/haproxy.cfg", "/etc/haproxy/allowed-sni.lst"},
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
	config := strings.Replace(moduleConfig, "  bind *:443 accept-proxy,:8443\n", "  bind *:443,:8443 accept-proxy\n", 1)
	want["  bind *:443,:8443 accept-proxy"] = "  bind 127.64.0.1:10443,127.64.0.1:18443 accept-proxy"

	got, err := testSubstitution().apply(config)
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
	got, err := testSubstitution().apply("resolvers r\r\n\tparse-resolv-conf\r\n")
	if want := "resolvers r\r\n\tnameserver sandbox 127.0.0.1:5353\r\n"; got != want || err != nil {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
}

func TestSubstitutionRefuses(t *testing.T) {
	t.Parallel()
	for _, config := range []string{"frontend f\n bind :80-90\n", "frontend f\n bind fd@3\n", "frontend f\n bind :0\n", "frontend f\n bind :1234\n"} {
		if got, err := testSubstitution().apply(config); err == nil || !strings.Contains(err.Error(), "line 2") {
			t.Errorf("%q became %q, %v: want an error that names line 2", config, got, err)
		}
	}
}

func TestListenPorts(t *testing.T) {
	t.Parallel()
	got, err := listenPorts("frontend a\n bind :443,*:8443 v4v6\n bind ipv4@10.0.0.1:443\n bind /run/x.sock\n bind :::8404\n#bind :1\n")
	if want := []int{443, 8443, 8404}; err != nil || !slices.Equal(got, want) {
		t.Errorf("got %v, %v, want %v", got, err, want)
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

func TestTwins(t *testing.T) {
	t.Parallel()
	twins := NewTwins()
	seen := map[netip.Addr]bool{NoAddress: true}
	public := netip.MustParseAddr("52.1.0.0")
	for range 1000 {
		public = public.Next()
		twin := twins.Of(public)
		if seen[twin] || !twinBlock.Contains(twin) || netip.MustParsePrefix("127.0.0.0/16").Contains(twin) {
			t.Fatalf("%v got twin %v, which is taken or in the wrong block", public, twin)
		}
		seen[twin] = true
		if back, ok := twins.PublicIP(twin); !ok || back != public {
			t.Fatalf("%v stands for %v, %t", twin, back, ok)
		}
		if again := twins.Of(public); again != twin {
			t.Fatalf("%v got %v, and then %v", public, twin, again)
		}
	}
	if public, ok := twins.PublicIP(NoAddress); ok {
		t.Errorf("no address is the twin of %v", public)
	}
}
