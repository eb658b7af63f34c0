package proxyfleet

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// handOverTimeout bounds the wait for a new proxy to take over from the old one.
const handOverTimeout = 5 * time.Second

// program is a proxy with the configuration that an instance's user data gives it.
type program interface {
	// ports are the TCP ports that the configuration listens on.
	ports() ([]int, error)
	// dirs are the folders, as on the instance, that have to be there.
	dirs() ([]string, error)
	// sockets are the paths, as on the instance, of the UNIX sockets that it listens on.
	sockets() ([]string, error)
	// command writes the configuration for a place and returns what runs it there.
	command(at place) (command, error)
}

// place is where on this machine an instance is.
type place struct {
	// dir is the instance's folder; root, in it, stands for the instance's own /.
	dir, root string
	// files are those that the user data writes.
	files []file
	// listen and ports are the instance's address, and the port here of each port there.
	listen netip.Addr
	ports  map[int]int
	// source is the address that the instance's traffic comes from.
	source     netip.Addr
	nameserver netip.AddrPort
	metadata   netip.AddrPort
	httpsPort  int
}

// written are the paths, as on the instance, of the user data's files.
func (p place) written() []string {
	var paths []string
	for _, f := range p.files {
		paths = append(paths, f.path)
	}
	return paths
}

// command is how a program is started.
type command struct {
	argv []string
	env  []string // beside this process' own
	log  string   // path of the file that takes what it writes
	// relieve are the further arguments with which a new process takes over from one that
	// runs; nil means that the old one has to end first.
	relieve func(pid int) []string
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

// startStandIn starts what an instance runs where there are no proxies, or tells it of
// another address. The caller holds i.mu.
func (i *instance) startStandIn() error {
	if i.standIn == nil {
		sockets, err := i.program.sockets()
		if err != nil {
			return err
		}
		if i.standIn, err = startStandIn(i.loopback, i.ports, i.root(), sockets); err != nil {
			return err
		}
	}
	i.standIn.setAddressed(i.leavesFrom() != "")
	return nil
}

// startProxy starts the instance's proxy with the source that its public address asks
// for. A proxy that runs already serves until the new one listens, where the program can
// do that, and is then ended with all its connections, which an address that comes or
// goes cuts too. The caller holds i.mu.
func (f *Fleet) startProxy(i *instance) error {
	if f.opts.HAProxy == nil {
		return i.startStandIn()
	}
	source := NoAddress
	if address := i.leavesFrom(); address != "" {
		public, err := netip.ParseAddr(address)
		if err != nil {
			return fmt.Errorf("the instance's public address: %w", err)
		}
		source = f.opts.Twins.Of(public)
	}
	c, err := i.program.command(place{
		dir: i.dir, root: i.root(), files: i.files, listen: i.loopback, ports: i.ports, source: source,
		nameserver: f.opts.Nameserver, metadata: i.metadata.Addr(), httpsPort: f.opts.HTTPSPort,
	})
	if err != nil {
		return err
	}
	output, err := os.OpenFile(c.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	i.log = c.log
	old := i.proxy
	switch {
	case !old.running():
	case c.relieve == nil:
		old.stop()
	default:
		c.argv = append(c.argv, c.relieve(old.cmd.Process.Pid)...)
	}
	i.proxy, err = start(c.argv, append(os.Environ(), c.env...), i.root(), output)
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

// programOf finds the proxy that the user data's files configure.
func (f *Fleet) programOf(files []file) (program, error) {
	for _, file := range files {
		if filepath.Base(file.path) == "haproxy.cfg" {
			return &haproxy{binary: f.opts.HAProxy, config: string(file.content)}, nil
		}
	}
	if n, ok := nginxOf(files); ok {
		n.find = f.opts.Nginx
		return n, nil
	}
	return nil, errNoProxy
}

// freePort is the port here of a port of the instance, as text; "" if it has none.
func freePort(ports map[int]int, port string) string {
	number, err := strconv.Atoi(port)
	if err != nil || ports[number] == 0 {
		return ""
	}
	return strconv.Itoa(ports[number])
}
