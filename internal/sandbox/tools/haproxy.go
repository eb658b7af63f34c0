package tools

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
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

// HAProxy returns the machine's own HAProxy, or one that is unpacked into buildDir
// from the distribution's packages (Debian and Ubuntu) with what they need. An error
// is ErrUnavailable.
func HAProxy(ctx context.Context, buildDir string) (*HAProxyBinary, error) {
	// The sandbox gives each proxy and each public address an address of its own in
	// 127.0.0.0/8, all of which only Linux has without configuration.
	if runtime.GOOS != "linux" {
		return nil, &unavailable{
			tool:    "HAProxy",
			install: "Run the sandbox on Linux, or in a Linux container, to have the data path too.",
			cause:   fmt.Errorf("the sandbox's proxies need Linux' loopback network, this is %s", runtime.GOOS),
		}
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
	if err := unpackHAProxy(ctx, buildDir, root); err != nil {
		return nil, haproxyUnavailable(err)
	}
	found, err := probeUnpacked(ctx, root)
	if err != nil {
		return nil, haproxyUnavailable(err)
	}
	return found, nil
}

// unpackHAProxy downloads HAProxy and what the machine lacks for it into work and
// unpacks all into root, which exists afterwards only if all went well.
func unpackHAProxy(ctx context.Context, buildDir, root string) (err error) {
	work, err := os.MkdirTemp(buildDir, "haproxy-download-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(work)) }()
	apt, err := newAPT(work)
	if err != nil {
		return err
	}
	// One unreachable source among several is no reason to give up: what is missing
	// in the end is said by the next step.
	updateErr := apt.update(ctx)
	packages, err := apt.missingFor(ctx, "haproxy")
	if err != nil {
		return errors.Join(err, updateErr)
	}
	files, err := apt.download(ctx, packages)
	if err != nil {
		return errors.Join(err, updateErr)
	}
	unpacked := filepath.Join(work, "root")
	for _, file := range files {
		if _, err := run(ctx, "", nil, "dpkg-deb", "--extract", file, unpacked); err != nil {
			return fmt.Errorf("unpacking %s: %w", filepath.Base(file), err)
		}
	}
	if err := os.RemoveAll(root); err != nil {
		return err
	}
	return os.Rename(unpacked, root)
}

func probeUnpacked(ctx context.Context, root string) (*HAProxyBinary, error) {
	libraries, err := libraryDirs(root)
	if err != nil {
		return nil, err
	}
	path := strings.Join(libraries, string(os.PathListSeparator))
	if inherited := os.Getenv("LD_LIBRARY_PATH"); inherited != "" {
		path += string(os.PathListSeparator) + inherited
	}
	return probeHAProxy(ctx, filepath.Join(root, "usr", "sbin", "haproxy"), []string{"LD_LIBRARY_PATH=" + path})
}

// libraryDirs are the folders under root that hold shared libraries.
func libraryDirs(root string) ([]string, error) {
	var dirs []string
	for _, pattern := range []string{"usr/lib/*/*.so*", "lib/*/*.so*", "usr/lib/*.so*", "lib/*.so*"} {
		files, err := filepath.Glob(filepath.Join(root, filepath.FromSlash(pattern)))
		if err != nil {
			return nil, err
		}
		for _, file := range files {
			if dir := filepath.Dir(file); len(dirs) == 0 || dirs[len(dirs)-1] != dir {
				dirs = append(dirs, dir)
			}
		}
	}
	return dirs, nil
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
