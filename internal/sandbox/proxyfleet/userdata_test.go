package proxyfleet

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"fmt"
	"reflect"
	"strings"
	"testing"
)

func gz(t *testing.T, s string) []byte {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := w.Write([]byte(s)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestParseUserData(t *testing.T) {
	t.Parallel()
	config := fmt.Sprintf(`#cloud-config
packages: [haproxy]
write_files:
  - path: /etc/haproxy/haproxy.cfg
    permissions: "0640"
    content: |
      global
        maxconn 10
  - {path: /a, encoding: b64, content: %s}
  - {path: /b, encoding: gz+b64, content: %s}
  - {path: /a, append: true, content: "+more"}
runcmd:
  - [systemctl, enable, --now, "it's"]
  - /a --now
`, base64.StdEncoding.EncodeToString([]byte("plain")), base64.StdEncoding.EncodeToString(gz(t, "packed")))
	want := cloudConfig{
		files: []file{
			{"/etc/haproxy/haproxy.cfg", []byte("global\n  maxconn 10\n"), 0o640},
			{"/a", []byte("plain+more"), 0o644},
			{"/b", []byte("packed"), 0o644},
		},
		commands: []shellCommand{{"'systemctl' 'enable' '--now' 'it'\\''s'"}, {"/a --now"}},
	}
	for name, data := range map[string][]byte{"plain": []byte(config), "compressed": gz(t, config)} {
		if got, err := parseUserData(data); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %v, %v", name, got, err)
		}
	}
}

func TestParseUserDataRefuses(t *testing.T) {
	t.Parallel()
	for data, want := range map[string]string{
		"":                        "no #cloud-config",
		"#!/bin/sh\nyum update":   "no #cloud-config",
		"#cloud-config\n\t- x: [": "parsing the cloud-config",
		"#cloud-config\nwrite_files: [{path: /a, encoding: rot13, content: x}]":  `/a: unknown encoding "rot13"`,
		"#cloud-config\nwrite_files: [{path: /a, permissions: u+x, content: x}]": "not octal",
		"#cloud-config\nwrite_files: [{path: /a, encoding: b64, content: '*'}]":  "/a: illegal base64",
	} {
		if _, err := parseUserData([]byte(data)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", data, err, want)
		}
	}
}
