// Package tools finds the programs that the sandbox runs beside itself: the AWS
// emulator moto and the proxies HAProxy and nginx. What the machine has is used; what it lacks
// is brought into the build directory, without root and without touching the system.
package tools

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// ErrUnavailable is the error of a tool that the machine does not have and that
// could not be brought. Its text says what to install.
var ErrUnavailable = errors.New("tool is not available")

// unavailable is an ErrUnavailable with its reason and its remedy.
type unavailable struct {
	tool    string
	install string
	cause   error
}

func (e *unavailable) Error() string {
	return fmt.Sprintf("%s is not available: %v. %s", e.tool, e.cause, e.install)
}

func (e *unavailable) Is(target error) bool { return target == ErrUnavailable }

func (e *unavailable) Unwrap() error { return e.cause }

// proxiesRunHere returns an error on systems where the sandbox's proxies cannot run: it gives
// each proxy and each public address an address of its own in 127.0.0.0/8, all of which only
// Linux has without configuration.
func proxiesRunHere(tool string) error {
	if runtime.GOOS == "linux" {
		return nil
	}
	return &unavailable{
		tool:    tool,
		install: "Run the sandbox on Linux, or in a Linux container, to have the data path too.",
		cause:   fmt.Errorf("the sandbox's proxies need Linux' loopback network, this is %s", runtime.GOOS),
	}
}

// run runs a program in dir and returns its standard output. The error of a failed
// run ends with the last line the program wrote.
func run(ctx context.Context, dir string, env []string, name string, args ...string) (string, error) {
	stdout, _, err := runBoth(ctx, dir, env, name, args...)
	return stdout, err
}

// runBoth is run, and returns the standard error too.
func runBoth(ctx context.Context, dir string, env []string, name string, args ...string) (out, diagnostics string, err error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), env...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		if last := lastLine(stderr.String()); last != "" {
			return stdout.String(), stderr.String(), fmt.Errorf("%s: %w: %s", filepath.Base(name), err, last)
		}
		return stdout.String(), stderr.String(), fmt.Errorf("%s: %w", filepath.Base(name), err)
	}
	return stdout.String(), stderr.String(), nil
}

func lastLine(s string) string {
	s = strings.TrimSpace(s)
	return s[strings.LastIndex(s, "\n")+1:]
}
