package datapath

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/child"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/haproxyconfig"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/tools"
)

// loaded is what the master process of HAProxy reports when its new worker serves.
const loaded = "Loading success."

// pollInterval is the pause between two looks at what another process does.
const pollInterval = 2 * time.Millisecond

// Options are what a proxy needs of its surroundings.
type Options struct {
	// HAProxy is the program.
	HAProxy *tools.HAProxyBinary
	// Configuration is what the instance's files say.
	Configuration Configuration
	// Nameserver takes the place of the VPC's.
	Nameserver netip.AddrPort
	// Metadata takes the place of the instance metadata service; it may be zero for a
	// configuration that does not ask it.
	Metadata netip.AddrPort
	// HTTPSPort is the port on this machine of upstreams, which listen on 443 out there.
	HTTPSPort int
	// Source is the address that connections to upstreams come from; it may be zero.
	Source netip.Addr
}

// Proxy is a HAProxy in master-worker mode, as the distributions' service runs it.
type Proxy struct {
	options Options
	root    string // stands for the instance's /
	listen  netip.Addr
	ports   map[int]int

	master *os.Process
	exited chan struct{}
}

// Start starts a proxy and returns when it listens.
func Start(ctx context.Context, options Options) (*Proxy, error) {
	ports, err := haproxyconfig.ListenPorts(options.Configuration.Files[ConfigPath])
	if err != nil {
		return nil, err
	}
	root, err := os.MkdirTemp("", "datapath-")
	if err != nil {
		return nil, err
	}
	p := &Proxy{options: options, root: root, listen: loopback(), exited: make(chan struct{})}
	if p.ports, err = freePorts(ctx, p.listen, ports); err != nil {
		return nil, errors.Join(err, os.RemoveAll(root))
	}
	if err = p.Configure(options.Configuration); err == nil {
		err = p.run()
	}
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(root))
	}
	if err := p.awaitLoaded(ctx, 1); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	return p, nil
}

// freePorts finds a free port of an address for each of the ports.
func freePorts(ctx context.Context, address netip.Addr, ports []int) (map[int]int, error) {
	free := map[int]int{}
	for _, port := range ports {
		l, err := new(net.ListenConfig).Listen(ctx, "tcp4", netip.AddrPortFrom(address, 0).String())
		if err != nil {
			return nil, fmt.Errorf("finding a free port: %w", err)
		}
		// Held until all are found, so that no two are the same.
		defer func() { _ = l.Close() }()
		free[port] = int(netip.MustParseAddrPort(l.Addr().String()).Port())
	}
	return free, nil
}

// Configure writes other files for the next reload. They listen on the same ports.
func (p *Proxy) Configure(configuration Configuration) error {
	substitution := haproxyconfig.Substitution{
		Listen: p.listen, Ports: p.ports, Source: p.options.Source, Nameserver: p.options.Nameserver,
		HTTPSPort: p.options.HTTPSPort, Root: p.root, Written: slices.Collect(maps.Keys(configuration.Files)),
		Metadata: p.options.Metadata,
	}
	for path, content := range configuration.Files {
		if path == ConfigPath {
			var err error
			if content, err = substitution.Apply(content); err != nil {
				return fmt.Errorf("%s: %w", path, err)
			}
			for _, dir := range haproxyconfig.SocketDirs(configuration.Files[path]) {
				if err := os.MkdirAll(p.Path(dir), 0o755); err != nil {
					return err
				}
			}
		}
		if err := os.MkdirAll(filepath.Dir(p.Path(path)), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(p.Path(path), []byte(content), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// Path is where a path of the instance is on this machine.
func (p *Proxy) Path(path string) string { return filepath.Join(p.root, path) }

// Addr is where a port of the instance is on this machine; the zero AddrPort for a port
// that the configuration does not listen on.
func (p *Proxy) Addr(port int) netip.AddrPort {
	free, ok := p.ports[port]
	if !ok {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(p.listen, uint16(free))
}

// run starts the master process. The kernel kills it if this process dies, and a worker
// ends with its master.
func (p *Proxy) run() error {
	// Files, since HAProxy drops log lines when a pipe is full.
	output, err := p.appendTo(outputFile)
	if err != nil {
		return err
	}
	messages, err := p.appendTo(messagesFile)
	if err != nil {
		return errors.Join(err, output.Close())
	}
	cmd := exec.CommandContext(context.Background(), p.options.HAProxy.Path, "-W", "-f", p.Path(ConfigPath))
	cmd.Dir = p.root // the paths of sockets are relative to it
	cmd.Env = append(os.Environ(), p.options.HAProxy.Env...)
	cmd.Stdout, cmd.Stderr = output, messages
	err = child.Start(cmd, func(error) {
		_, _ = output.Close(), messages.Close()
		close(p.exited)
	})
	p.master = cmd.Process
	return err
}

// The files that take what HAProxy writes, in the instance's root.
const (
	outputFile   = "stdout"
	messagesFile = "stderr"
)

func (p *Proxy) appendTo(name string) (*os.File, error) {
	return os.OpenFile(p.Path(name), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
}

// awaitLoaded waits until the master has reported count loads and takes signals again: it
// ignores them from the start of a load until shortly after its report, so that a second
// reload which follows too soon is lost.
func (p *Proxy) awaitLoaded(ctx context.Context, count int) error {
	return p.await(ctx, "HAProxy to load its configuration", func() bool {
		return strings.Count(p.Messages(), loaded) >= count && catches(p.master.Pid, signalReload)
	})
}

func (p *Proxy) await(ctx context.Context, what string, done func() bool) error {
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for !done() {
		select {
		case <-tick.C:
		case <-p.exited:
			return fmt.Errorf("waiting for %s: HAProxy ended: %s", what, p.Messages())
		case <-ctx.Done():
			return fmt.Errorf("waiting for %s: %w; it said: %s", what, ctx.Err(), p.Messages())
		}
	}
	return nil
}

// SaveState writes the servers' addresses to where a reload finds them.
func (p *Proxy) SaveState(ctx context.Context) error {
	state, err := p.Command(ctx, "show servers state")
	if err != nil {
		return err
	}
	return os.WriteFile(p.Path(ServerStatePath), []byte(state), 0o600)
}

// Reload does what the instance's service does: it checks the configuration, saves the
// servers' addresses and signals the master. It returns when the new worker serves. The old
// one goes on with the connections that it has.
func (p *Proxy) Reload(ctx context.Context) error {
	check := exec.CommandContext(ctx, p.options.HAProxy.Path, "-c", "-f", p.Path(ConfigPath))
	check.Dir = p.root
	check.Env = append(os.Environ(), p.options.HAProxy.Env...)
	if out, err := check.CombinedOutput(); err != nil {
		return fmt.Errorf("the configuration is not valid, nothing was reloaded: %w: %s", err, out)
	}
	if err := p.SaveState(ctx); err != nil {
		return err
	}
	before := strings.Count(p.Messages(), loaded)
	if err := p.master.Signal(signalReload); err != nil {
		return err
	}
	return p.awaitLoaded(ctx, before+1)
}

// SoftStop asks the proxy to take no more connections and to end with its last one.
func (p *Proxy) SoftStop() error { return p.master.Signal(signalSoftStop) }

// Exited is closed when the proxy is gone.
func (p *Proxy) Exited() <-chan struct{} { return p.exited }

// Close ends the proxy at once, with all its connections, and removes its files.
func (p *Proxy) Close() error {
	_ = p.master.Signal(syscall.SIGTERM)
	grace := time.NewTimer(stopTimeout)
	defer grace.Stop()
	select {
	case <-p.exited:
	case <-grace.C:
		child.Kill(p.master)
		<-p.exited
	}
	return os.RemoveAll(p.root)
}

// stopTimeout is how long a proxy may take to leave after SIGTERM.
const stopTimeout = 3 * time.Second

// Command sends a command to HAProxy's Runtime API and returns the answer.
func (p *Proxy) Command(ctx context.Context, command string) (string, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "unix", p.Path(p.options.Configuration.StatsSocket))
	if err != nil {
		return "", err
	}
	defer func() { _ = conn.Close() }()
	if deadline, ok := ctx.Deadline(); ok {
		_ = conn.SetDeadline(deadline)
	}
	if _, err := io.WriteString(conn, command+"\n"); err != nil {
		return "", fmt.Errorf("%s: %w", command, err)
	}
	answer, err := io.ReadAll(conn)
	if err != nil {
		return "", fmt.Errorf("%s: %w", command, err)
	}
	return string(answer), nil
}

// LogLines are the lines that the proxy has logged so far.
func (p *Proxy) LogLines() []string {
	text := p.read(outputFile)
	whole := text[:strings.LastIndex(text, "\n")+1]
	if whole == "" {
		return nil
	}
	return strings.Split(strings.TrimSuffix(whole, "\n"), "\n")
}

// Messages are what HAProxy said beside its log: its state, warnings, alerts.
func (p *Proxy) Messages() string { return p.read(messagesFile) }

// read returns a file of output; it is there from before the process starts until Close.
func (p *Proxy) read(name string) string {
	data, err := os.ReadFile(p.Path(name))
	if err != nil {
		return err.Error()
	}
	return string(data)
}
