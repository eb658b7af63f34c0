package tools

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
)

// HAProxyBinary is a HAProxy that has been run once.
type HAProxyBinary struct {
	// Path is the program's path.
	Path string
	// Version is what the program itself says, for example "2.6.12-1+deb12u4".
	Version string
	// Env is what the program needs in its environment beside the caller's own
	// (LD_LIBRARY_PATH, when it was unpacked into the build directory).
	Env []string
}

// haproxyVariable names the environment variable whose value, the path of a HAProxy, is
// used instead of all others: to run everything with another version.
const haproxyVariable = "HAPROXY"

// HAProxy returns the HAProxy that the environment variable HAPROXY names, else the
// machine's own, else one that is unpacked into buildDir from the distribution's packages
// (Debian and Ubuntu) with what they need. An error is ErrUnavailable, unless HAPROXY names
// something that is no HAProxy.
func HAProxy(ctx context.Context, buildDir string) (*HAProxyBinary, error) {
	if err := proxiesRunHere("HAProxy"); err != nil {
		return nil, err
	}
	if chosen := os.Getenv(haproxyVariable); chosen != "" {
		found, err := probeHAProxy(ctx, chosen, nil)
		if err != nil {
			return nil, fmt.Errorf("the environment variable %s names no HAProxy that runs here: %w", haproxyVariable, err)
		}
		return found, nil
	}
	for _, name := range []string{"haproxy", "/usr/sbin/haproxy", "/usr/local/sbin/haproxy"} {
		if path, err := exec.LookPath(name); err == nil {
			if found, err := probeHAProxy(ctx, path, nil); err == nil {
				return found, nil
			}
		}
	}
	buildDir, err := filepath.Abs(buildDir)
	if err != nil {
		return nil, haproxyUnavailable(err)
	}
	unlock, err := lock(buildDir, "haproxy")
	if err != nil {
		return nil, haproxyUnavailable(err)
	}
	defer unlock()
	root := filepath.Join(buildDir, "haproxy")
	if found, err := probeUnpacked(ctx, root); err == nil {
		return found, nil
	}
	if err := unpack(ctx, buildDir, root, "haproxy"); err != nil {
		return nil, haproxyUnavailable(err)
	}
	found, err := probeUnpacked(ctx, root)
	if err != nil {
		return nil, haproxyUnavailable(err)
	}
	return found, nil
}

func probeUnpacked(ctx context.Context, root string) (*HAProxyBinary, error) {
	env, err := librariesOf(root)
	if err != nil {
		return nil, err
	}
	return probeHAProxy(ctx, filepath.Join(root, "usr", "sbin", "haproxy"), env)
}

// haproxyVersion finds the version in "HAProxy version 2.6.12-1+deb12u4 2023/…",
// which HAProxy before 2.4 wrote as "HA-Proxy version …".
var haproxyVersion = regexp.MustCompile(`^HA-?Proxy version (\S+)`)

func probeHAProxy(ctx context.Context, path string, env []string) (*HAProxyBinary, error) {
	out, err := run(ctx, "", env, path, "-v")
	if err != nil {
		return nil, err
	}
	match := haproxyVersion.FindStringSubmatch(out)
	if match == nil {
		return nil, fmt.Errorf("%s -v does not say its version: %q", path, out)
	}
	return &HAProxyBinary{Path: path, Version: match[1], Env: env}, nil
}

func haproxyUnavailable(cause error) error {
	return &unavailable{
		tool:    "HAProxy",
		install: "Install it with the system's package manager (Debian, Ubuntu: apt install haproxy; Fedora, Amazon Linux: dnf install haproxy).",
		cause:   cause,
	}
}
