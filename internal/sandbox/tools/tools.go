// Package tools finds the programs that the sandbox runs beside itself: the AWS
// emulator moto and the proxy HAProxy. What the machine has is used; what it lacks
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

// run runs a program in dir and returns its standard output. The error of a failed
// run ends with the last line the program wrote.
func run(ctx context.Context, dir string, env []string, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), env...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		if last := lastLine(stderr.String()); last != "" {
			return stdout.String(), fmt.Errorf("%s: %w: %s", filepath.Base(name), err, last)
		}
		return stdout.String(), fmt.Errorf("%s: %w", filepath.Base(name), err)
	}
	return stdout.String(), nil
}

func lastLine(s string) string {
	s = strings.TrimSpace(s)
	return s[strings.LastIndex(s, "\n")+1:]
}
