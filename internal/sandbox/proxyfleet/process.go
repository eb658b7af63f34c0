package proxyfleet

import (
	"context"
	"os"
	"os/exec"
	"time"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/child"
)

// stopTimeout is how long a proxy may take to leave after SIGTERM.
const stopTimeout = 3 * time.Second

// process is a running program. The kernel kills it when this process dies.
type process struct {
	cmd    *exec.Cmd
	exited chan struct{} // closed when the process is gone
	err    error         // how it ended; to be read when exited is closed
}

// start starts argv in dir with the environment env. output receives what it writes and is closed when it is
// gone.
func start(argv, env []string, dir string, output *os.File) (*process, error) {
	p := &process{exited: make(chan struct{})}
	// It outlives the call that starts it, so no caller's context may end it.
	p.cmd = exec.CommandContext(context.Background(), argv[0], argv[1:]...)
	p.cmd.Dir = dir
	p.cmd.Env = env
	p.cmd.Stdout, p.cmd.Stderr = output, output
	err := child.Start(p.cmd, func(err error) {
		p.err = err
		_ = output.Close()
		close(p.exited)
	})
	if err != nil {
		return nil, err
	}
	return p, nil
}

// running reports whether the process lives. A nil process does not.
func (p *process) running() bool {
	if p == nil {
		return false
	}
	select {
	case <-p.exited:
		return false
	default:
		return true
	}
}

// stop ends the process and returns when it is gone.
func (p *process) stop() {
	if !p.running() {
		return
	}
	child.Terminate(p.cmd.Process)
	select {
	case <-p.exited:
	case <-time.After(stopTimeout):
		child.Kill(p.cmd.Process)
		<-p.exited
	}
}
