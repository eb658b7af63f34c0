package proxyfleet

import (
	"net/netip"
	"testing"
)

func TestScriptSubstitution(t *testing.T) {
	t.Parallel()
	s := scriptSubstitution{
		root: "/build/rootfs", listen: netip.MustParseAddr("127.64.0.1"), ports: map[int]int{8404: 18404},
		metadata: netip.MustParseAddrPort("127.64.0.1:40080"),
	}
	for text, want := range map[string]string{
		"#!/bin/bash":                               "#!/bin/bash",
		"#!/usr/bin/env bash":                       "#!/usr/bin/env bash",
		"curl http://169.254.169.254/latest":        "curl http://127.64.0.1:40080/latest",
		"curl http://169.254.169.254:80/latest":     "curl http://127.64.0.1:40080/latest",
		"curl http://localhost:8404/healthz":        "curl http://127.64.0.1:18404/healthz",
		"curl 127.0.0.1:8404 localhost:8405":        "curl 127.64.0.1:18404 localhost:8405",
		"curl http://localhost/var/x":               "curl http://localhost/var/x",
		"--unix-socket /run/haproxy/a.sock":         "--unix-socket run/haproxy/a.sock",
		`socket="/run/a" x=/etc/y >/var/log/z`:      `socket="run/a" x=/build/rootfs/etc/y >/build/rootfs/var/log/z`,
		"/usr/local/sbin/ready && /usr/sbin/x":      "/build/rootfs/usr/local/sbin/ready && /usr/sbin/x",
		"cat /dev/null /proc/self /variable /etc":   "cat /dev/null /proc/self /variable /build/rootfs/etc",
		"${root}/etc $dir/run a/tmp ./tmp ../opt/x": "${root}/etc $dir/run a/tmp ./tmp ../opt/x",
	} {
		if got := s.apply(text); got != want {
			t.Errorf("%q became\n%q, want\n%q", text, got, want)
		}
	}
}

func TestOwnScripts(t *testing.T) {
	t.Parallel()
	files := []file{{path: "/opt/ready"}}
	for line, want := range map[string]bool{
		"/opt/ready": true, "/opt/ready; reboot": true, "'/opt/ready' 'x'": true, "bash -eu /opt/ready": true, "/bin/sh /opt/ready": true,
		"echo /opt/ready": false, "systemctl start x": false, "": false, "bash -c 'rm -rf /'": false, "/opt/ready2": false,
	} {
		if got := (shellCommand{line}).callsOneOf(files); got != want {
			t.Errorf("%q: got %t", line, got)
		}
	}
}
