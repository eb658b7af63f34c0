// Package moto runs the moto server, a Python emulator of AWS, as a child
// process on a free loopback port.
package moto

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/child"
)

const (
	// startTimeout bounds the wait for the first answer; importing moto takes
	// about a second, several on a cold disk.
	startTimeout = 60 * time.Second
	// stopTimeout is how long the process may take to leave after SIGTERM.
	stopTimeout = 3 * time.Second
	// tailLines is how much of the log an error about a failed start quotes.
	tailLines = 20
)

// Options say how to start a server. The zero value starts the moto of the python3 on PATH
// and throws its log away.
type Options struct {
	// Command is the program with its leading arguments; empty means
	// python3 -m moto.server. Host and port arguments are appended.
	Command []string
	// LogFile receives the server's output (created, else appended to); empty discards it.
	LogFile string
	// Env are additional NAME=value settings, for example MOTO_AMIS_PATH.
	Env []string
}

// Server is a running moto server. It ends with Close, or with this process,
// however that ends.
type Server struct {
	// URL is http://127.0.0.1:PORT.
	URL string

	cmd    *exec.Cmd
	exited chan struct{} // closed when the process is gone and its output is drained
	close  sync.Once
}

// Start runs a server and returns once it answers. Cancelling ctx afterwards does not stop it:
// call Close.
func Start(ctx context.Context, opts Options) (*Server, error) {
	log, err := openLog(opts.LogFile)
	if err != nil {
		return nil, err
	}
	command := opts.Command
	if len(command) == 0 {
		command = []string{"python3", "-m", "moto.server"}
	}
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()

	s := &Server{exited: make(chan struct{})}
	out := &output{log: log, address: make(chan string, 1)}
	started := make(chan error, 1)
	go s.run(command, opts.Env, out, started)
	if err := <-started; err != nil {
		return nil, fmt.Errorf("starting moto with %q: %w", strings.Join(command, " "), err)
	}
	select {
	case s.URL = <-out.address:
		err = awaitAnswer(ctx, s.URL)
	case <-s.exited:
		err = errors.New("it ended before it listened")
	case <-ctx.Done():
		err = ctx.Err()
	}
	if err != nil {
		s.Close()
		return nil, fmt.Errorf("starting moto with %q: %w; its last output:\n%s", strings.Join(command, " "), err, out.tail())
	}
	return s, nil
}

// run owns the process from start to end. It stays on one OS thread, since the
// kernel's parent-death signal is tied to the thread that forked.
func (s *Server) run(command, env []string, out *output, started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer close(s.exited)
	defer out.closeLog()

	// Port 0: the server takes a free port and prints it; picking one here would race.
	argv := append(append([]string{}, command[1:]...), "-H", "127.0.0.1", "-p", "0")
	s.cmd = exec.CommandContext(context.Background(), command[0], argv...)
	s.cmd.Env = append(environment(os.Environ()), env...)
	s.cmd.SysProcAttr = child.Attributes()
	pipe, err := s.cmd.StdoutPipe()
	if err != nil {
		started <- err
		return
	}
	s.cmd.Stderr = s.cmd.Stdout
	err = s.cmd.Start()
	started <- err
	if err != nil {
		return
	}
	out.readFrom(pipe)
	_ = s.cmd.Wait() // its exit status says nothing: Close ends it by a signal
}

// Close stops the server and returns when the process is gone. It may be called more than once.
func (s *Server) Close() {
	s.close.Do(func() {
		select {
		case <-s.exited:
			return // its process id may be another's by now
		default:
		}
		child.Terminate(s.cmd.Process)
		select {
		case <-s.exited:
		case <-time.After(stopTimeout):
			child.Kill(s.cmd.Process)
			<-s.exited
		}
	})
}

// environment drops what could point the server itself at a real cloud or change its ways. Moto knows
// AWS's own IAM policies only if told to.
func environment(environ []string) []string {
	out := []string{"PYTHONUNBUFFERED=1", "AWS_ACCESS_KEY_ID=moto", "AWS_SECRET_ACCESS_KEY=moto", "MOTO_IAM_LOAD_MANAGED_POLICIES=true"}
	for _, kv := range environ {
		if !strings.HasPrefix(kv, "AWS_") && !strings.HasPrefix(kv, "MOTO_") {
			out = append(out, kv)
		}
	}
	return out
}

// awaitAnswer asks the server's own status page; it listens by now, so one question waits in its queue.
func awaitAnswer(ctx context.Context, url string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/moto-api/", nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("its status page answers %s", resp.Status)
	}
	return nil
}

func openLog(path string) (io.WriteCloser, error) {
	if path == "" {
		return nil, nil
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening the log of moto: %w", err)
	}
	return f, nil
}

// listening is werkzeug's line " * Running on http://127.0.0.1:43211".
var listening = regexp.MustCompile(`Running on (http://127\.0\.0\.1:\d+)`)

// output drains the process's output: into the log, into a short tail for errors, and looking for the address.
type output struct {
	log     io.WriteCloser // may be nil
	address chan string    // gets the URL once

	mu    sync.Mutex
	lines []string
}

func (o *output) readFrom(r io.Reader) {
	found := false
	lines := bufio.NewReader(r)
	for {
		line, err := lines.ReadString('\n')
		if line != "" {
			o.add(line)
			if m := listening.FindStringSubmatch(line); m != nil && !found {
				found = true
				o.address <- m[1]
			}
		}
		if err != nil {
			return
		}
	}
}

func (o *output) add(line string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.log != nil {
		_, _ = io.WriteString(o.log, line)
	}
	o.lines = append(o.lines, line)
	if len(o.lines) > tailLines {
		o.lines = o.lines[1:]
	}
}

func (o *output) tail() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return strings.Join(o.lines, "")
}

func (o *output) closeLog() {
	if o.log != nil {
		_ = o.log.Close()
	}
}
