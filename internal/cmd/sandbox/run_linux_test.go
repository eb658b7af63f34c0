package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/tools"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/waiter"
)

// asSandbox makes the test binary the sandbox command; marker is inherited by every process
// that a run starts, and tells them from all others of the machine.
const (
	asSandbox = "CROSSCLOUDLINK_TEST_AS_SANDBOX"
	marker    = "CROSSCLOUDLINK_TEST_MARKER"
)

func TestMain(m *testing.M) {
	if os.Getenv(asSandbox) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// sandboxRun is a running sandbox command.
type sandboxRun struct {
	t      *testing.T
	cmd    *exec.Cmd
	mark   string
	stdout *bufio.Reader
	stderr bytes.Buffer
}

func begin(t *testing.T, args ...string) *sandboxRun {
	t.Helper()
	buildDir, err := filepath.Abs(filepath.Join("..", "..", "..", ".build"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tools.Moto(t.Context(), buildDir); errors.Is(err, tools.ErrUnavailable) {
		t.Skip(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	r := &sandboxRun{t: t, mark: fmt.Sprintf("%s=%d-%s", marker, os.Getpid(), t.Name())}
	args = append([]string{args[0], "-build-dir", buildDir}, args[1:]...)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	r.cmd = exec.CommandContext(ctx, self, args...)
	r.cmd.Env = append(os.Environ(), asSandbox+"=1", r.mark)
	r.cmd.Stderr = &r.stderr
	// Like a shell without job control and without a terminal.
	r.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	stdin, err := r.cmd.StdinPipe() // stays open: a command that reads waits
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = stdin.Close() })
	stdout, err := r.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	r.stdout = bufio.NewReader(stdout)
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return r
}

// awaitLine waits until the run's output has a line that begins with prefix.
func (r *sandboxRun) awaitLine(prefix string) {
	r.t.Helper()
	for {
		line, err := r.stdout.ReadString('\n')
		if strings.HasPrefix(line, prefix) {
			return
		}
		if err != nil {
			r.t.Fatalf("waiting for %q: %v\n%s", prefix, err, r.stderr.String())
		}
	}
}

func (r *sandboxRun) signal(s os.Signal) {
	r.t.Helper()
	if err := r.cmd.Process.Signal(s); err != nil {
		r.t.Fatal(err)
	}
}

// end waits for the run's end, compares its exit status, and looks for what it left.
func (r *sandboxRun) end(status int) {
	r.t.Helper()
	_, _ = io.Copy(io.Discard, r.stdout)
	_ = r.cmd.Wait()
	if got := r.cmd.ProcessState.ExitCode(); got != status {
		r.t.Errorf("exit status %d, want %d\n%s", got, status, r.stderr.String())
	}
	if left := marked(r.t, r.mark); len(left) > 0 {
		r.t.Errorf("left behind: %q", left)
	}
}

// marked lists the running processes with mark in their environment.
func marked(t *testing.T, mark string) []string {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/environ")
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, file := range files {
		environ, err := os.ReadFile(file)
		if err != nil || !bytes.Contains(append([]byte{0}, environ...), []byte("\x00"+mark+"\x00")) {
			continue
		}
		cmdline, err := os.ReadFile(filepath.Join(filepath.Dir(file), "cmdline"))
		if err == nil && len(cmdline) > 0 {
			found = append(found, filepath.Base(filepath.Dir(file))+" "+string(bytes.ReplaceAll(cmdline, []byte{0}, []byte(" "))))
		}
	}
	return found
}

func TestFailingCommand(t *testing.T) {
	t.Parallel()
	r := begin(t, "exec", "--", "sh", "-c", "test -n \"$AWS_ENDPOINT_URL\" && exit 3")
	r.end(3)
}

func TestCommandThatDoesNotExist(t *testing.T) {
	t.Parallel()
	r := begin(t, "exec", "-no-proxies", "--", "no-such-command-here")
	r.end(exitUnknown)
}

func TestInterruptedCommandEndsInItsOwnWay(t *testing.T) {
	t.Parallel()
	r := begin(t, "exec", "-no-proxies", "--", "sh", "-c", "trap 'exit 7' INT; echo ready; while :; do sleep 0.05; done")
	r.awaitLine("ready")
	r.signal(os.Interrupt)
	r.end(7)
}

func TestTerminatedCommand(t *testing.T) {
	t.Parallel()
	r := begin(t, "exec", "-no-proxies", "--", "sh", "-c", "echo ready; exec cat")
	r.awaitLine("ready")
	r.signal(syscall.SIGTERM)
	r.end(exitSignal + int(syscall.SIGTERM))
}

func TestStubbornCommandIsKilledAtLast(t *testing.T) {
	t.Parallel()
	// Each signal is answered by a line, so that none is sent before the last has arrived.
	r := begin(t, "exec", "-no-proxies", "--", "sh", "-c", "trap 'echo no' TERM; echo ready; while :; do sleep 0.05; done")
	r.awaitLine("ready")
	for range patience {
		r.signal(syscall.SIGTERM)
		r.awaitLine("no")
	}
	r.signal(syscall.SIGTERM)
	r.end(exitSignal + int(syscall.SIGKILL))
}

func TestUpStaysUntilASignal(t *testing.T) {
	t.Parallel()
	r := begin(t, "up", "-no-proxies")
	r.awaitLine("export AWS_ENDPOINT_URL=")
	r.signal(os.Interrupt)
	r.end(0)
}

func TestInterruptWhileItStarts(t *testing.T) {
	t.Parallel()
	r := begin(t, "up", "-no-proxies")
	// The first child, moto or the look for it, is there long before the clouds are.
	await(t, "a child of the sandbox", func() bool { return len(marked(t, r.mark)) > 1 })
	r.signal(os.Interrupt)
	r.end(exitFailed)
	if !strings.Contains(r.stderr.String(), "stopped by interrupt") {
		t.Errorf("it says %q", r.stderr.String())
	}
}

func TestKilledSandboxLeavesNothing(t *testing.T) {
	t.Parallel()
	r := begin(t, "exec", "--", "sh", "-c", "echo ready; exec cat")
	r.awaitLine("ready")
	if len(marked(t, r.mark)) < 3 {
		t.Errorf("the sandbox, moto and the command should run, and there are %q", marked(t, r.mark))
	}
	r.signal(syscall.SIGKILL)
	_ = r.cmd.Wait()
	await(t, "the sandbox's processes to end", func() bool { return len(marked(t, r.mark)) == 0 })
}

func await(t *testing.T, what string, condition func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	wait := waiter.Waiter{Min: 10 * time.Millisecond, Max: 100 * time.Millisecond}
	err := wait.Until(ctx, what, func(context.Context) (string, bool, error) {
		ok := condition()
		return strconv.FormatBool(ok), ok, nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
