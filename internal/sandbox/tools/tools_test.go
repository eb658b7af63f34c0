package tools

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestParseSimulation(t *testing.T) {
	t.Parallel()
	got := parseSimulation(`NOTE: This is only a simulation!
Inst liblua5.3-0 (5.3.6-2 Debian:12.11/oldstable [amd64])
Inst libssl3 [3.0.15-1~deb12u1] (3.0.17-1~deb12u2 Debian-Security:12/oldstable [amd64])
Inst haproxy (2.6.12-1+deb12u4 Debian-Security:12/oldstable-security [amd64])
Conf liblua5.3-0 (5.3.6-2 Debian:12.11/oldstable [amd64])
`)
	want := []string{"liblua5.3-0=5.3.6-2", "libssl3=3.0.17-1~deb12u2", "haproxy=2.6.12-1+deb12u4"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestUnavailableSaysWhatToInstall(t *testing.T) {
	t.Parallel()
	cause := errors.New("no such file")
	for name, err := range map[string]error{"apt install haproxy": haproxyUnavailable(cause), "apt install nginx libnginx-mod-stream": nginxUnavailable(cause), "pip install 'moto[server]==5.2.1'": motoUnavailable(cause)} {
		if !errors.Is(err, ErrUnavailable) || !errors.Is(err, cause) {
			t.Errorf("%v: not ErrUnavailable, or its cause is lost", err)
		}
		if !strings.Contains(err.Error(), name) {
			t.Errorf("%v: does not name %q", err, name)
		}
	}
}

func TestMotoWithoutPython(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	if _, err := Moto(context.Background(), t.TempDir()); !errors.Is(err, ErrUnavailable) {
		t.Errorf("got %v, want ErrUnavailable", err)
	}
}

func TestHAProxyOfTheEnvironment(t *testing.T) {
	path := filepath.Join(t.TempDir(), "own")
	t.Setenv("HAPROXY", path)
	if _, err := HAProxy(context.Background(), t.TempDir()); err == nil || errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), "HAPROXY") {
		t.Errorf("a missing program: got %v, want an error that names the variable", err)
	}
	if err := os.WriteFile(path, []byte("#!/bin/sh\necho 'HAProxy version 9.9.9 2030/01/01'\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	if found, err := HAProxy(context.Background(), t.TempDir()); err != nil || found.Path != path || found.Version != "9.9.9" {
		t.Errorf("got %+v, %v", found, err)
	}
}

func TestProbeNginx(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	root := filepath.Join(dir, "root")
	modules := filepath.Join(dir, "modules")
	unpacked := filepath.Join(root, modules)
	if err := os.MkdirAll(unpacked, 0o755); err != nil {
		t.Fatal(err)
	}
	probe := func(name, arguments string) (*NginxBinary, error) {
		path := filepath.Join(dir, name)
		text := "#!/bin/sh\necho 'nginx version: nginx/1.22.1' >&2\necho 'configure arguments: " + arguments + "' >&2\n"
		if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
		return probeNginx(context.Background(), path, nil, root)
	}
	if found, err := probe("static", "--with-stream --with-threads"); err != nil || found.Version != "1.22.1" || len(found.Modules) != 0 {
		t.Errorf("built in: got %+v, %v", found, err)
	}
	for _, arguments := range []string{"--with-stream=dynamic --modules-path=" + modules, "--with-stream_ssl_module"} {
		if found, err := probe("none", arguments); err == nil {
			t.Errorf("%s: got %+v without a module", arguments, found)
		}
	}
	for _, folder := range []string{unpacked, modules} { // the program's own is found first
		if err := os.MkdirAll(folder, 0o755); err != nil {
			t.Fatal(err)
		}
		module := filepath.Join(folder, "ngx_stream_module.so")
		if err := os.WriteFile(module, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if found, err := probe("dynamic", "--with-stream=dynamic --modules-path="+modules); err != nil || !slices.Equal(found.Modules, []string{module}) {
			t.Errorf("got %+v, %v, want %s", found, err, module)
		}
	}
}

func TestProbeHAProxy(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	program := func(name, script string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte("#!/bin/sh\n"+script), 0o755); err != nil {
			t.Fatal(err)
		}
		return path
	}
	found, err := probeHAProxy(context.Background(), program("good", `echo "HAProxy version 3.0.5-8e879a5 2024/09/19 - https://haproxy.org/"`), nil)
	if err != nil || found.Version != "3.0.5-8e879a5" {
		t.Errorf("got %+v, %v", found, err)
	}
	_, err = probeHAProxy(context.Background(), program("bad", `echo "error while loading shared libraries: liblua5.3.so.0" >&2; exit 127`), nil)
	if err == nil || !strings.Contains(err.Error(), "liblua5.3.so.0") {
		t.Errorf("got %v, want the program's own last line", err)
	}
}
