package tools

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

// NginxBinary is an nginx that has been run once and can pass TCP connections on (stream).
type NginxBinary struct {
	// Path is the program's path.
	Path string
	// Version is what the program itself says, for example "1.22.1".
	Version string
	// Env is what the program needs in its environment beside the caller's own.
	Env []string
	// Modules are the paths of the modules to load: that of stream, unless it is built in.
	Modules []string
}

// streamModule is the file of nginx' module for TCP connections.
const streamModule = "ngx_stream_module.so"

// Nginx returns the machine's own nginx, if it has the stream module, or one that is
// unpacked into buildDir from the distribution's packages (Debian and Ubuntu) with what
// they need. An error is ErrUnavailable.
func Nginx(ctx context.Context, buildDir string) (*NginxBinary, error) {
	if err := proxiesRunHere("nginx"); err != nil {
		return nil, err
	}
	buildDir, err := filepath.Abs(buildDir)
	if err != nil {
		return nil, nginxUnavailable(err)
	}
	root := filepath.Join(buildDir, "nginx")
	if found, err := findNginx(ctx, root); err == nil {
		return found, nil
	}
	unlock, err := lock(buildDir, "nginx")
	if err != nil {
		return nil, nginxUnavailable(err)
	}
	defer unlock()
	if found, err := findNginx(ctx, root); err == nil { // another process has just brought it
		return found, nil
	}
	if err := unpack(ctx, buildDir, root, "nginx", "libnginx-mod-stream"); err != nil {
		return nil, nginxUnavailable(err)
	}
	found, err := findNginx(ctx, root)
	if err != nil {
		return nil, nginxUnavailable(err)
	}
	return found, nil
}

// findNginx looks for a program and its module, on the machine and below root: one of them
// may be here and the other there.
func findNginx(ctx context.Context, root string) (*NginxBinary, error) {
	var failed error
	for _, name := range []string{"nginx", "/usr/sbin/nginx", "/usr/local/sbin/nginx"} {
		path, err := exec.LookPath(name)
		if err != nil {
			continue
		}
		found, err := probeNginx(ctx, path, nil, root)
		if err == nil {
			return found, nil
		}
		failed = errors.Join(failed, err)
	}
	env, err := librariesOf(root)
	if err != nil {
		return nil, err
	}
	found, err := probeNginx(ctx, filepath.Join(root, "usr", "sbin", "nginx"), env, root)
	if err != nil {
		return nil, errors.Join(failed, err)
	}
	return found, nil
}

var (
	// nginxVersion finds the version in "nginx version: nginx/1.22.1".
	nginxVersion = regexp.MustCompile(`(?m)^nginx version: \S+/(\S+)`)
	// nginxModules finds the folder of the modules among the arguments of nginx' build.
	nginxModules = regexp.MustCompile(`--modules-path=(\S+)`)
)

func probeNginx(ctx context.Context, path string, env []string, root string) (*NginxBinary, error) {
	_, built, err := runBoth(ctx, "", env, path, "-V")
	if err != nil {
		return nil, err
	}
	version := nginxVersion.FindStringSubmatch(built)
	if version == nil {
		return nil, fmt.Errorf("%s -V does not say its version: %q", path, built)
	}
	found := &NginxBinary{Path: path, Version: version[1], Env: env}
	if strings.Contains(built+" ", "--with-stream ") {
		return found, nil
	}
	dir := nginxModules.FindStringSubmatch(built)
	if dir == nil {
		return nil, fmt.Errorf("%s is built without its stream module", path)
	}
	for _, module := range []string{filepath.Join(dir[1], streamModule), filepath.Join(root, dir[1], streamModule)} {
		if _, err := os.Stat(module); err == nil {
			found.Modules = []string{module}
			return found, nil
		}
	}
	return nil, fmt.Errorf("%s has no %s", path, streamModule)
}

func nginxUnavailable(cause error) error {
	return &unavailable{
		tool:    "nginx with its stream module",
		install: "Install both with the system's package manager (Debian, Ubuntu: apt install nginx libnginx-mod-stream; Fedora, Amazon Linux: dnf install nginx nginx-mod-stream).",
		cause:   cause,
	}
}
