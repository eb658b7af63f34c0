package datapathbench

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/child"
)

// service is a program with a main process, whose children do the work, as systemd runs it.
type service struct {
	argv, env []string
	// dir is its working directory. What it says on both outputs goes to files there.
	dir string

	main   *os.Process
	exited chan struct{}
}

// Names of the files of a service's folder.
const (
	outputFile   = "stdout"
	messagesFile = "stderr"
)

// start starts the main process. The kernel kills it when this process dies.
func (s *service) start() error {
	output, err := s.appendTo(outputFile)
	if err != nil {
		return err
	}
	messages, err := s.appendTo(messagesFile)
	if err != nil {
		return errors.Join(err, output.Close())
	}
	// It outlives the call that starts it, so no caller's context may end it.
	cmd := exec.CommandContext(context.Background(), s.argv[0], s.argv[1:]...)
	cmd.Dir, cmd.Env = s.dir, append(os.Environ(), s.env...)
	cmd.Stdout, cmd.Stderr = output, messages
	exited := make(chan struct{})
	err = child.Start(cmd, func(error) {
		_, _ = output.Close(), messages.Close()
		close(exited)
	})
	s.main, s.exited = cmd.Process, exited
	return err
}

func (s *service) appendTo(name string) (*os.File, error) {
	return os.OpenFile(filepath.Join(s.dir, name), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
}

// messages are what the program has said on its standard error.
func (s *service) messages() string {
	text, err := os.ReadFile(filepath.Join(s.dir, messagesFile))
	if err != nil {
		return ""
	}
	return string(text)
}

// workers are the processes that carry the traffic.
func (s *service) workers() ([]int, error) { return children(s.main.Pid) }

// stop ends the service at once, as `systemctl stop` does, and returns when it is gone.
func (s *service) stop(ctx context.Context) error {
	if s.main == nil {
		return nil
	}
	if err := s.main.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	limit, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	select {
	case <-s.exited:
		return nil
	case <-limit.Done():
		child.Kill(s.main)
		<-s.exited
		return fmt.Errorf("%s did not end after SIGTERM and was killed", s.argv[0])
	}
}

// await returns when done is true. It fails when the program ends, or says nothing of the kind within patience.
func (s *service) await(ctx context.Context, what string, done func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-tick.C:
		case <-s.exited:
			return s.failure(what, errors.New("it ended"))
		case <-ctx.Done():
			return s.failure(what, ctx.Err())
		}
	}
	return nil
}

func (s *service) failure(what string, cause error) error {
	return fmt.Errorf("%s: waiting for %s: %w: %s", s.argv[0], what, cause, s.messages())
}

// freeAddress is an address with a port that nobody listens on.
func freeAddress(ctx context.Context, address netip.Addr) (netip.AddrPort, error) {
	found, err := new(net.ListenConfig).Listen(ctx, "tcp4", netip.AddrPortFrom(address, 0).String())
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("finding a free port: %w", err)
	}
	return netip.MustParseAddrPort(found.Addr().String()), found.Close()
}
