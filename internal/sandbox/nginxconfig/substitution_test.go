package nginxconfig

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
)

// config has every kind of directive that is changed, among many that are not.
const config = `# user nginx; listen 443;
user nginx;
worker_processes auto;
load_module /usr/lib64/nginx/modules/ngx_stream_module.so;
include /usr/share/nginx/modules/*.conf;
error_log /var/log/nginx/error.log warn;
pid /run/nginx.pid;
events { worker_connections 1024; }
stream {
    log_format link '{"sni":"$ssl_preread_server_name;"}';
    access_log /dev/stdout link;
    resolver 169.254.169.253 10.0.0.2 valid=30s ipv6=off; # the VPC's
    map $ssl_preread_server_name $upstream {
        hostnames;
        team.openai.azure.com team.openai.azure.com:443;
        "other.openai.azure.com" 'other.openai.azure.com:443';
        include /etc/nginx/names.map;
    }
    server {
        listen 443 proxy_protocol so_keepalive=on;
        listen [::]:443 proxy_protocol;
        ssl_preread on;
        proxy_pass $upstream;
        proxy_timeout 30m;
    }
    server {
        listen unix:/run/nginx/local.sock;
        proxy_bind $server_addr transparent;
        proxy_pass ${name}:443;
    }
    include conf.d/*.stream;
}
http {
    access_log off;
    proxy_temp_path /var/cache/nginx/proxy;
    server {
        listen *:8404 proxy_protocol;
        location = /healthz { return 200 "ok;\n"; }
        location /token { proxy_pass http://169.254.169.254/latest/api/token; }
        location /two { proxy_pass http://169.254.169.254:80/; }
    }
}
`

const moved = `load_module /modules/stream.so; daemon off; master_process off; pid /build/rootfs/run/nginx.pid;
# user nginx; listen 443;




error_log /build/rootfs/var/log/nginx/error.log warn;

events { worker_connections 1024; }
stream {
    log_format link '{"sni":"$ssl_preread_server_name;"}';
    access_log /dev/stdout link;
    resolver 127.0.0.1:5353  valid=30s ipv6=off; # the VPC's
    map $ssl_preread_server_name $upstream {
        hostnames;
        team.openai.azure.com team.openai.azure.com:9443;
        "other.openai.azure.com" other.openai.azure.com:9443;
        include /build/rootfs/etc/nginx/names.map;
    }
    server {
        listen 127.64.0.1:10443 proxy_protocol so_keepalive=on;
        
        ssl_preread on;
        proxy_pass $upstream; proxy_bind 127.128.0.1;
        proxy_timeout 30m;
    }
    server {
        listen unix:run/nginx/local.sock;
        proxy_bind 127.128.0.1 transparent;
        proxy_pass ${name}:9443;
    }
    
}
http { client_body_temp_path /build/rootfs/var/lib/nginx/client_body; fastcgi_temp_path /build/rootfs/var/lib/nginx/fastcgi; uwsgi_temp_path /build/rootfs/var/lib/nginx/uwsgi; scgi_temp_path /build/rootfs/var/lib/nginx/scgi;
    access_log off;
    proxy_temp_path /build/rootfs/var/cache/nginx/proxy;
    server {
        listen 127.64.0.1:18404 proxy_protocol;
        location = /healthz { return 200 "ok;\n"; }
        location /token { proxy_pass http://127.64.0.1:40080/latest/api/token; }
        location /two { proxy_pass http://127.64.0.1:40080/; }
    }
}
`

func testSubstitution() *Substitution {
	return &Substitution{
		Listen:     netip.MustParseAddr("127.64.0.1"),
		Ports:      map[int]int{443: 10443, 8404: 18404},
		Source:     netip.MustParseAddr("127.128.0.1"),
		Nameserver: netip.MustParseAddrPort("127.0.0.1:5353"),
		HTTPSPort:  9443,
		Metadata:   netip.MustParseAddrPort("127.64.0.1:40080"),
		Root:       "/build/rootfs",
		Written:    []string{"/etc/nginx/nginx.conf", "/etc/nginx/names.map"},
		Modules:    []string{"/modules/stream.so"},
	}
}

func TestSubstitution(t *testing.T) {
	t.Parallel()
	got, err := testSubstitution().Apply(config)
	if err != nil {
		t.Fatal(err)
	}
	have, want := strings.Split(got, "\n"), strings.Split(moved, "\n")
	for i := range min(len(have), len(want)) {
		if have[i] != want[i] {
			t.Errorf("line %d\n%q, want\n%q", i+1, have[i], want[i])
		}
	}
	if len(have) != len(want) {
		t.Errorf("%d lines, want %d", len(have), len(want))
	}
}

func TestIncludedFile(t *testing.T) {
	t.Parallel()
	got, err := testSubstitution().ApplyIncluded("server { listen 443; proxy_pass a.example:443; }")
	want := "server { listen 127.64.0.1:10443; proxy_pass a.example:9443; proxy_bind 127.128.0.1; }"
	if got != want || err != nil {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"stream {\n listen 80-90; }":       "line 2 (listen 80-90;)",
		"stream { listen 1234; }":          "no port was set aside for 1234",
		"stream {":                         "ends inside",
		"user":                             "ends inside",
		"a b }":                            "line 1: unexpected",
		"}":                                "line 1: unexpected",
		"\n;":                              "line 2: unexpected",
		"log_format x 'no end\n stream {}": "line 1: a quoted word has no end",
	} {
		if got, err := testSubstitution().Apply(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q became %q, %v, want %q", text, got, err, want)
		}
	}
}

func TestListenPorts(t *testing.T) {
	t.Parallel()
	got, err := ListenPorts(config + "http { server { listen 10.0.0.1; listen 0.0.0.0:8404; listen localhost:81; listen [::1]; } }")
	if want := []int{443, 8404, 80, 81}; err != nil || !slices.Equal(got, want) {
		t.Errorf("got %v, %v, want %v", got, err, want)
	}
}

func TestDirs(t *testing.T) {
	t.Parallel()
	got, err := Dirs(config)
	want := []string{"/run", "/var/lib/nginx", "/run/nginx", "/var/log/nginx", "/var/cache/nginx"}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("got %v, %v, want %v", got, err, want)
	}
}

func TestSockets(t *testing.T) {
	t.Parallel()
	got, err := Sockets(config)
	if want := []string{"/run/nginx/local.sock"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("got %v, %v, want %v", got, err, want)
	}
}

func TestHasStream(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{config: true, "http { }": false, "# stream {\n": false, "stream;": false, "stream {": false} {
		if got := HasStream(text); got != want {
			t.Errorf("%q: got %t", text, got)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(config)
	f.Add(`a "b\"c" 'd' ${e}f\;g { # h
}`)
	f.Fuzz(func(t *testing.T, text string) {
		d, err := parse(text)
		if err != nil {
			return
		}
		for _, x := range d.directives {
			if x.from < 0 || x.to > len(text) || x.from >= x.to || x.parent >= len(d.directives) {
				t.Fatalf("%q: directive %+v", text, x)
			}
			for n := range x.words {
				d.word(x, n)
			}
		}
	})
}
