package proxyfleet

import (
	"context"
	"embed"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// shims are commands that an instance of the sandbox has in place of its own.
//
//go:embed shims
var shims embed.FS

// withoutEffect are commands that an instance's scripts may call and that do nothing in the
// sandbox: they would change this machine.
var withoutEffect = []string{
	"amazon-cloudwatch-agent-ctl", "apt", "apt-get", "dnf", "halt", "logger", "modprobe", "mount", "poweroff", "reboot", "rpm",
	"shutdown", "sysctl", "systemctl", "systemd-run", "umount", "useradd", "usermod", "yum",
}

// commands are an instance's own commands as they run, one after the other.
type commands struct {
	stop context.CancelFunc
	done chan struct{} // closed when all have ended

	mu     sync.Mutex
	failed error // of the last one that failed
}

// problem is why one of the commands failed; nil while none has.
func (c *commands) problem() error {
	if c == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.failed
}

// end ends the commands and returns when none is left.
func (c *commands) end() {
	if c == nil {
		return
	}
	c.stop()
	<-c.done
}

// runCommands starts those commands of an instance's user data that are scripts of its own.
// Like cloud-init's, a command that fails does not keep the next from running. The caller
// holds i.mu.
func (f *Fleet) runCommands(i *instance, list []shellCommand) error {
	list = slices.DeleteFunc(list, func(c shellCommand) bool { return !c.callsOneOf(i.files) })
	if len(list) == 0 || !i.firstBoot {
		return nil
	}
	shell, err := exec.LookPath("bash")
	if err != nil {
		return fmt.Errorf("running the user data's own scripts: %w", err)
	}
	if _, err := exec.LookPath("curl"); err != nil {
		return fmt.Errorf("running the user data's own scripts: %w", err)
	}
	bin, err := f.shimDir()
	if err != nil {
		return err
	}
	move := i.scriptSubstitution()
	environment := f.scriptEnvironment(i, bin)
	ctx, cancel := context.WithCancel(context.Background())
	own := &commands{stop: cancel, done: make(chan struct{})}
	i.own = own
	// Whoever starts a service on an instance returns when it listens.
	ready := i.listens()
	go func() {
		defer close(own.done)
		ready(ctx)
		for _, c := range list {
			if ctx.Err() != nil {
				return
			}
			err := i.runCommand(ctx, []string{shell, "-c", move.apply(c.line)}, environment)
			if err != nil && ctx.Err() == nil {
				own.mu.Lock()
				own.failed = fmt.Errorf("its command %s failed: %w", c.line, err)
				own.mu.Unlock()
				f.opts.Logger.Warn("a command of an instance failed", "instance", i.ID, "command", c.line, "error", err)
			}
		}
	}()
	return nil
}

// listenInterval is the pause between looks for a proxy that is to listen; listenTimeout is
// after how long it is started without one.
const (
	listenInterval = 10 * time.Millisecond
	listenTimeout  = 5 * time.Second
)

// listens returns a function that returns when the instance's proxy listens, or nobody waits
// for it any longer. The caller holds i.mu.
func (i *instance) listens() func(context.Context) {
	var address string
	for _, free := range i.ports {
		address = netip.AddrPortFrom(i.loopback, uint16(free)).String()
	}
	return func(ctx context.Context) {
		ctx, cancel := context.WithTimeout(ctx, listenTimeout)
		defer cancel()
		tick := time.NewTicker(listenInterval)
		defer tick.Stop()
		for {
			conn, err := new(net.Dialer).DialContext(ctx, "tcp4", address)
			if err == nil {
				_ = conn.Close()
				return
			}
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
		}
	}
}

// runCommand runs one command to its end, or to ctx's.
func (i *instance) runCommand(ctx context.Context, argv, environment []string) error {
	log := filepath.Join(i.dir, "cloud-init-output.log")
	output, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	p, err := start(argv, environment, i.root(), output)
	if err != nil {
		return err
	}
	select {
	case <-ctx.Done():
		p.stop()
		return ctx.Err()
	case <-p.exited:
	}
	if p.err != nil {
		return fmt.Errorf("%w: %s", p.err, lastLine(log))
	}
	return nil
}

// scriptEnvironment is what a script finds in its environment: nothing of this process' own
// but where programs are, least of all the credentials of whoever runs the sandbox.
func (f *Fleet) scriptEnvironment(i *instance, bin string) []string {
	environment := []string{
		"PATH=" + bin + string(os.PathListSeparator) + os.Getenv("PATH"),
		"HOME=" + filepath.Join(i.root(), "root"),
		"TMPDIR=" + filepath.Join(i.root(), "tmp"),
		"LANG=C.UTF-8",
		"AWS_EC2_METADATA_SERVICE_ENDPOINT=http://" + i.metadata.Addr().String(),
	}
	if i.out != nil {
		environment = append(environment, "AWS_ENDPOINT_URL="+i.out.url)
	}
	return environment
}

// shimDir is the folder of the shims, which are written when the first instance needs them.
func (f *Fleet) shimDir() (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	dir := filepath.Join(f.opts.Dir, "bin")
	if f.hasShims {
		return dir, nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	entries, err := shims.ReadDir("shims")
	if err != nil {
		return "", err
	}
	for _, entry := range entries {
		text, err := shims.ReadFile("shims/" + entry.Name())
		if err != nil {
			return "", err
		}
		if err := writeProgram(filepath.Join(dir, entry.Name()), text); err != nil {
			return "", err
		}
	}
	for _, name := range withoutEffect {
		text := fmt.Sprintf("#!/bin/sh\necho \"in the sandbox without effect: %s $*\"\n", name)
		if err := writeProgram(filepath.Join(dir, name), []byte(text)); err != nil {
			return "", err
		}
	}
	f.hasShims = true
	return dir, nil
}

func writeProgram(path string, text []byte) error {
	return os.WriteFile(path, text, 0o755) //nolint:gosec // it is to be run
}

// lastLine is a log's last line.
func lastLine(path string) string {
	data, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	text := strings.TrimSpace(string(data))
	return text[strings.LastIndex(text, "\n")+1:]
}
