// Package proxyfleet runs the instances of the sandbox. Each has a metadata service, the
// files that its user data writes, a real HAProxy or nginx process with the very
// configuration among them, and the commands of its user data that are scripts of its own.
// Only addresses, ports, paths, the user, the name server and the metadata service are
// substituted, and a source address is added that stands for the instance's public address.
// What an instance does not do: install packages, run services, keep an agent.
package proxyfleet

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/imds"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/tools"
)

// Options are what a fleet needs of its surroundings.
type Options struct {
	// HAProxy is what instances run whose user data writes a haproxy.cfg. Without it no
	// instance runs a proxy: each has a stand-in that passes nothing on, and counts as healthy.
	HAProxy *tools.HAProxyBinary
	// Nginx returns what those run whose user data writes an nginx.conf with a stream block.
	// It is asked when the first one boots. nil means that there is none.
	Nginx func() (*tools.NginxBinary, error)
	// Dir is the folder in which each instance gets a folder of its own.
	Dir string
	// Twins says which loopback address stands for a public one.
	Twins *Twins
	// Nameserver is the sandbox's name server.
	Nameserver netip.AddrPort
	// HTTPSPort is the port on this machine of servers that listen on 443 out there.
	HTTPSPort int
	// Region is what the metadata services say.
	Region string
	// Credentials returns those of an instance profile's role for an instance; nil means that
	// no instance gets any.
	Credentials func(ctx context.Context, profileARN, instanceID string) (imds.Credentials, error)
	// AWSEndpoint returns the URL of the emulated AWS, which the instances' own scripts call.
	// It is asked at each boot. nil is none.
	AWSEndpoint func() string
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
	// InstanceProfileARN is the instance profile whose role the instance may use; "" is none.
	InstanceProfileARN string
	// AvailabilityZone is where it runs (us-east-1a).
	AvailabilityZone string
}

// Fleet holds the running instances. It is safe for concurrent use.
type Fleet struct {
	opts Options

	mu        sync.Mutex
	instances map[string]*instance
	booted    map[string]bool   // ids of all that have ever booted
	expected  map[string]string // address of a NAT gateway, by the id of an instance to come
	hasShims  bool
	last      netip.Addr
	next      map[string]int // endpoint id → how many connections it has opened
}

// New returns a fleet without instances.
func New(opts Options) *Fleet {
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	if opts.Nginx == nil {
		opts.Nginx = func() (*tools.NginxBinary, error) { return nil, errors.New("this fleet has no nginx") }
	}
	return &Fleet{
		opts:      opts,
		instances: map[string]*instance{},
		booted:    map[string]bool{},
		expected:  map[string]string{},
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
	i := &instance{Instance: launched, dir: filepath.Join(f.opts.Dir, launched.ID), loopback: f.nextAddress(), firstBoot: !f.booted[launched.ID]}
	i.natIP = f.expected[i.ID]
	delete(f.expected, i.ID)
	f.instances[i.ID], f.booted[i.ID] = i, true
	f.mu.Unlock()

	i.mu.Lock()
	defer i.mu.Unlock()
	if i.problem = f.boot(i); i.problem != nil {
		f.opts.Logger.Warn("instance runs without a proxy", "instance", i.ID, "problem", i.problem)
	}
	return nil
}

// nextAddress is the loopback address of one more instance. Only Linux has more than one, and
// stand-ins need none of their own. The caller holds f.mu.
func (f *Fleet) nextAddress() netip.Addr {
	if f.opts.HAProxy == nil {
		return netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	f.last = f.last.Next()
	return f.last
}

// SetPublicIP gives an instance a public address, or takes it away ("").
func (f *Fleet) SetPublicIP(instanceID, publicIP string) {
	f.readdress(instanceID, func(i *instance) { i.publicIP = publicIP })
}

// SetNATGatewayIP tells which address of a NAT gateway an instance leaves from as long as
// it has no public address of its own; "" is none. An instance may be told of before its
// launch, so that its first connection leaves from there.
func (f *Fleet) SetNATGatewayIP(instanceID, publicIP string) {
	f.mu.Lock()
	if f.instances[instanceID] == nil && publicIP != "" {
		f.expected[instanceID] = publicIP
	}
	f.mu.Unlock()
	f.readdress(instanceID, func(i *instance) { i.natIP = publicIP })
}

// readdress changes the addresses of an instance, and its proxy if it leaves from another
// one now.
func (f *Fleet) readdress(instanceID string, change func(*instance)) {
	i, ok := f.instance(instanceID)
	if !ok {
		return
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	before, shown := i.leavesFrom(), i.publicIP
	change(i)
	if i.gone || i.metadata == nil {
		return
	}
	// What the metadata say is never more than what holds: they forget an address first, and
	// tell of it last.
	if shown != i.publicIP {
		i.metadata.SetPublicIP("")
	}
	i.out.setOpen(i.leavesFrom() != "")
	if i.leavesFrom() != before && i.problem == nil {
		if i.problem = f.startProxy(i); i.problem != nil {
			f.opts.Logger.Warn("instance lost its proxy", "instance", i.ID, "problem", i.problem)
		}
	}
	i.metadata.SetPublicIP(i.publicIP)
}

// Terminate stops an instance and forgets it. Its files stay, for those who look for
// the reason of a failure.
func (f *Fleet) Terminate(instanceID string) {
	f.mu.Lock()
	i, ok := f.instances[instanceID]
	delete(f.instances, instanceID)
	delete(f.expected, instanceID)
	f.mu.Unlock()
	if !ok {
		return
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.gone = true
	i.own.end()
	i.proxy.stop()
	i.standIn.stop()
	i.out.close()
	if i.metadata != nil {
		i.metadata.Close()
	}
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

// Problem says why an instance has no running proxy, or else what its own commands failed
// of; nil when all is well.
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
	if !i.proxy.running() && !i.standIn.running() {
		return fmt.Errorf("its proxy ended: %s", logTail(i.log))
	}
	return i.own.problem()
}

// Running returns how many proxies, or stand-ins for them, run.
func (f *Fleet) Running() int {
	f.mu.Lock()
	all := slices.Collect(maps.Values(f.instances))
	f.mu.Unlock()
	n := 0
	for _, i := range all {
		i.mu.Lock()
		if i.proxy.running() || i.standIn.running() {
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
		if strings.HasPrefix(line, "[ALERT]") || strings.Contains(line, "[emerg]") {
			alerts = append(alerts, line)
		}
	}
	if len(alerts) == 0 {
		return lines[len(lines)-1]
	}
	return strings.Join(alerts[max(0, len(alerts)-3):], "; ")
}
