// Package proxyfleet runs the instances of the sandbox: for each one a real HAProxy
// process with the very configuration that the instance's user data writes. Only
// addresses, ports, paths, the user and the name server are substituted, and a source
// address is added that stands for the instance's public address.
package proxyfleet

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/tools"
)

const (
	// probeTimeout bounds one health check, as a target group's default does.
	probeTimeout = 2 * time.Second
	// handOverTimeout bounds the wait for a new proxy to take over from the old one.
	handOverTimeout = 5 * time.Second
)

// Options are what a fleet needs of its surroundings.
type Options struct {
	// HAProxy is the program that every instance runs.
	HAProxy *tools.HAProxyBinary
	// Dir is the folder in which each instance gets a folder of its own.
	Dir string
	// Twins says which loopback address stands for a public one.
	Twins *Twins
	// Nameserver is the sandbox's name server.
	Nameserver netip.AddrPort
	// HTTPSPort is the port on this machine of servers that listen on 443 out there.
	HTTPSPort int
	// Logger may be nil.
	Logger *slog.Logger
}

// Instance is a machine to launch.
type Instance struct {
	// ID is the instance's id (i-…).
	ID string
	// PrivateIP is its address in its subnet.
	PrivateIP string
	// UserData is what cloud-init would read, decoded.
	UserData []byte
}

// Fleet holds the running instances. It is safe for concurrent use.
type Fleet struct {
	opts   Options
	client *http.Client

	mu        sync.Mutex
	instances map[string]*instance
	last      netip.Addr
	next      map[string]int // endpoint id → how many connections it has opened
}

// instance is one machine with its proxy, if it has one.
type instance struct {
	id       string
	dir      string
	loopback netip.Addr
	userData []byte

	mu       sync.Mutex
	config   string
	written  []string
	ports    map[int]int
	publicIP string
	proxy    *process
	problem  error // why there is no proxy
	gone     bool
}

// New returns a fleet without instances.
func New(opts Options) *Fleet {
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	return &Fleet{
		opts: opts,
		client: &http.Client{
			// Each probe stands alone, and a redirect is an answer.
			Transport:     &http.Transport{DisableKeepAlives: true},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
			Timeout:       probeTimeout,
		},
		instances: map[string]*instance{},
		last:      instanceBlock.Addr(),
		next:      map[string]int{},
	}
}

// Launch boots an instance. What is wrong with the instance's own user data is no
// error of Launch, as little as of EC2: the instance runs, without a proxy, and never
// becomes healthy; Problem says why.
func (f *Fleet) Launch(_ context.Context, launched Instance) error {
	f.mu.Lock()
	if _, again := f.instances[launched.ID]; again {
		f.mu.Unlock()
		return fmt.Errorf("instance %s runs already", launched.ID)
	}
	f.last = f.last.Next()
	i := &instance{id: launched.ID, dir: filepath.Join(f.opts.Dir, launched.ID), loopback: f.last, userData: launched.UserData}
	f.instances[i.id] = i
	f.mu.Unlock()

	i.mu.Lock()
	defer i.mu.Unlock()
	if i.problem = f.boot(i); i.problem != nil {
		f.opts.Logger.Warn("instance runs without a proxy", "instance", i.id, "problem", i.problem)
	}
	return nil
}

// boot writes the instance's files and starts its proxy.
func (f *Fleet) boot(i *instance) error {
	files, err := parseUserData(i.userData)
	if err != nil {
		return err
	}
	for _, file := range files {
		if !filepath.IsAbs(file.path) {
			return fmt.Errorf("write_files: %q is not an absolute path", file.path)
		}
		if filepath.Base(file.path) == "haproxy.cfg" {
			i.config = string(file.content)
		}
		i.written = append(i.written, file.path)
	}
	if i.config == "" {
		return errors.New("the user data writes no haproxy.cfg")
	}
	ports, err := listenPorts(i.config)
	if err != nil {
		return fmt.Errorf("haproxy.cfg: %w", err)
	}
	if i.ports, err = freePorts(i.loopback, ports); err != nil {
		return err
	}
	for _, file := range files {
		if err := i.write(file.path, file.content, file.mode); err != nil {
			return err
		}
	}
	for _, dir := range socketDirs(i.config) {
		if err := os.MkdirAll(filepath.Join(i.root(), dir), 0o755); err != nil {
			return err
		}
	}
	return f.startProxy(i)
}

// root is the folder that stands for the instance's own /.
func (i *instance) root() string { return filepath.Join(i.dir, "rootfs") }

func (i *instance) write(path string, content []byte, mode os.FileMode) error {
	path = filepath.Join(i.root(), filepath.Clean("/"+path))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, content, mode)
}

// freePorts finds a free port for each of an instance's ports.
func freePorts(address netip.Addr, ports []int) (map[int]int, error) {
	free := map[int]int{}
	for _, port := range ports {
		// Held until all are found, so that no two are the same.
		l, err := net.ListenTCP("tcp4", net.TCPAddrFromAddrPort(netip.AddrPortFrom(address, 0)))
		if err != nil {
			return nil, fmt.Errorf("finding a free port: %w", err)
		}
		defer func() { _ = l.Close() }()
		free[port] = int(netip.MustParseAddrPort(l.Addr().String()).Port())
	}
	return free, nil
}

// startProxy starts the instance's proxy with the source that its public address asks
// for. A proxy that runs already serves until the new one listens, and is then ended
// with all its connections, which an address that comes or goes cuts too.
func (f *Fleet) startProxy(i *instance) error {
	source := NoAddress
	if i.publicIP != "" {
		public, err := netip.ParseAddr(i.publicIP)
		if err != nil {
			return fmt.Errorf("the instance's public address: %w", err)
		}
		source = f.opts.Twins.Of(public)
	}
	s := substitution{
		listen: i.loopback, ports: i.ports, source: source, nameserver: f.opts.Nameserver,
		httpsPort: f.opts.HTTPSPort, root: i.root(), written: i.written,
	}
	config, err := s.apply(i.config)
	if err != nil {
		return fmt.Errorf("haproxy.cfg: %w", err)
	}
	path := filepath.Join(i.dir, "haproxy.cfg")
	if err := os.WriteFile(path, []byte(config), 0o644); err != nil {
		return err
	}
	output, err := os.OpenFile(filepath.Join(i.dir, "haproxy.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	argv := []string{f.opts.HAProxy.Path, "-db", "-f", path}
	old := i.proxy
	if old.running() {
		argv = append(argv, "-st", strconv.Itoa(old.cmd.Process.Pid))
	}
	i.proxy, err = start(argv, f.opts.HAProxy.Env, i.root(), output)
	if err != nil {
		old.stop()
		return err
	}
	if old.running() {
		select {
		case <-old.exited:
		case <-i.proxy.exited:
		case <-time.After(handOverTimeout):
		}
		old.stop() // whatever became of the new one, nothing may leave from the old address
	}
	return nil
}

// SetPublicIP gives an instance a public address, or takes it away ("").
func (f *Fleet) SetPublicIP(instanceID, publicIP string) {
	i, ok := f.instance(instanceID)
	if !ok {
		return
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.publicIP == publicIP || i.gone {
		return
	}
	i.publicIP = publicIP
	if i.problem != nil {
		return
	}
	if i.problem = f.startProxy(i); i.problem != nil {
		f.opts.Logger.Warn("instance lost its proxy", "instance", i.id, "problem", i.problem)
	}
}

// Terminate stops an instance and forgets it. Its files stay, for those who look for
// the reason of a failure.
func (f *Fleet) Terminate(instanceID string) {
	f.mu.Lock()
	i, ok := f.instances[instanceID]
	delete(f.instances, instanceID)
	f.mu.Unlock()
	if !ok {
		return
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.gone = true
	i.proxy.stop()
}

// Close terminates all instances.
func (f *Fleet) Close() {
	f.mu.Lock()
	ids := slices.Collect(maps.Keys(f.instances))
	f.mu.Unlock()
	var all sync.WaitGroup
	for _, id := range ids {
		all.Go(func() { f.Terminate(id) })
	}
	all.Wait()
}

// Healthy asks an instance as a target group's health check does: by a TCP connection
// to port, or, with a path, by an HTTP request that must be answered 200 to 399.
func (f *Fleet) Healthy(instanceID string, port int, healthPath string) bool {
	ctx, cancel := context.WithTimeout(context.Background(), probeTimeout)
	defer cancel()
	address, err := f.address(instanceID, port)
	if err != nil {
		return false
	}
	if healthPath == "" {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp4", address.String())
		if err != nil {
			return false
		}
		return conn.Close() == nil
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address.String()+healthPath, nil)
	if err != nil {
		return false
	}
	resp, err := f.client.Do(req)
	if err != nil {
		return false
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close()
	return resp.StatusCode >= 200 && resp.StatusCode < 400
}

// Problem says why an instance has no running proxy; nil when it has one.
func (f *Fleet) Problem(instanceID string) error {
	i, ok := f.instance(instanceID)
	if !ok {
		return fmt.Errorf("no instance %s runs", instanceID)
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.problem != nil {
		return i.problem
	}
	if !i.proxy.running() {
		return fmt.Errorf("its HAProxy ended: %s", logTail(filepath.Join(i.dir, "haproxy.log")))
	}
	return nil
}

// Running returns how many proxies run.
func (f *Fleet) Running() int {
	f.mu.Lock()
	all := slices.Collect(maps.Values(f.instances))
	f.mu.Unlock()
	n := 0
	for _, i := range all {
		i.mu.Lock()
		if i.proxy.running() {
			n++
		}
		i.mu.Unlock()
	}
	return n
}

// DialInstance connects to a port of an instance, as its network would.
func (f *Fleet) DialInstance(ctx context.Context, instanceID string, port int) (net.Conn, error) {
	address, err := f.address(instanceID, port)
	if err != nil {
		return nil, err
	}
	conn, err := new(net.Dialer).DialContext(ctx, "tcp4", address.String())
	if err != nil {
		return nil, errors.Join(fmt.Errorf("connecting to port %d of instance %s: %w", port, instanceID, err), f.Problem(instanceID))
	}
	return conn, nil
}

// address is where a port of an instance is on this machine.
func (f *Fleet) address(instanceID string, port int) (netip.AddrPort, error) {
	i, ok := f.instance(instanceID)
	if !ok {
		return netip.AddrPort{}, fmt.Errorf("no instance %s runs", instanceID)
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.problem != nil {
		return netip.AddrPort{}, fmt.Errorf("instance %s has no proxy: %w", instanceID, i.problem)
	}
	free, ok := i.ports[port]
	if !ok {
		return netip.AddrPort{}, fmt.Errorf("nothing on instance %s listens on port %d", instanceID, port)
	}
	return netip.AddrPortFrom(i.loopback, uint16(free)), nil
}

func (f *Fleet) instance(id string) (*instance, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	i, ok := f.instances[id]
	return i, ok
}

// logTail returns the last lines of a log that are an error's, or its last line.
func logTail(path string) string {
	data, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(data)), "\n")
	var alerts []string
	for _, line := range lines {
		if strings.HasPrefix(line, "[ALERT]") {
			alerts = append(alerts, line)
		}
	}
	if len(alerts) == 0 {
		return lines[len(lines)-1]
	}
	return strings.Join(alerts[max(0, len(alerts)-3):], "; ")
}
