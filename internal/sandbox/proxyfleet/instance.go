package proxyfleet

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"sync"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/imds"
)

// errNoProxy is the problem of an instance whose user data configures no proxy.
var errNoProxy = errors.New("the user data writes no haproxy.cfg, and no nginx.conf with a stream block")

// instance is one machine with its proxy, if it has one.
type instance struct {
	Instance

	dir      string
	loopback netip.Addr
	// firstBoot is false when it comes back from a stop: cloud-init runs commands once.
	firstBoot bool

	mu       sync.Mutex
	metadata *imds.Server // nil until it boots
	out      *wayOut      // nil without an AWS to call
	program  program
	files    []file
	ports    map[int]int
	publicIP string
	natIP    string
	proxy    *process
	standIn  *standIn // in place of a proxy, where there are none
	log      string   // path of the proxy's log
	own      *commands
	problem  error // why there is no proxy
	gone     bool
}

// root is the folder that stands for the instance's own /.
func (i *instance) root() string { return filepath.Join(i.dir, "rootfs") }

// boot starts the metadata service, writes the instance's files, and starts its proxy and
// then its own commands. The caller holds i.mu.
func (f *Fleet) boot(i *instance) error {
	var err error
	if i.metadata, err = imds.Start(i.loopback, f.facts(i.Instance)); err != nil {
		return err
	}
	if f.opts.AWSEndpoint != nil {
		if i.out, err = startWayOut(i.loopback, f.opts.AWSEndpoint(), f.opts.Logger); err != nil {
			return err
		}
		i.out.setOpen(i.leavesFrom() != "")
	}
	data, err := parseUserData(i.UserData)
	if err != nil {
		return err
	}
	i.files = data.files
	if i.program, err = f.programOf(data.files); err != nil {
		return err
	}
	ports, err := i.program.ports()
	if err != nil {
		return err
	}
	if i.ports, err = freePorts(i.loopback, ports); err != nil {
		return err
	}
	if err := i.writeFiles(); err != nil {
		return err
	}
	if err := f.startProxy(i); err != nil {
		return err
	}
	return f.runCommands(i, data.commands)
}

// facts are what the metadata service tells.
func (f *Fleet) facts(i Instance) imds.Facts {
	facts := imds.Facts{
		InstanceID: i.ID, PrivateIP: i.PrivateIP, Region: f.opts.Region, AvailabilityZone: i.AvailabilityZone,
		InstanceProfileARN: i.InstanceProfileARN, UserData: i.UserData, Logger: f.opts.Logger,
	}
	if f.opts.Credentials != nil {
		facts.Credentials = func(ctx context.Context) (imds.Credentials, error) {
			return f.opts.Credentials(ctx, i.InstanceProfileARN, i.ID)
		}
	}
	return facts
}

// writeFiles writes the user data's files, scripts with the substitutions made, and the
// folders that the proxy expects.
func (i *instance) writeFiles() error {
	move := i.scriptSubstitution()
	for _, file := range i.files {
		if !filepath.IsAbs(file.path) {
			return fmt.Errorf("write_files: %q is not an absolute path", file.path)
		}
		content := file.content
		if file.isScript() {
			content = []byte(move.apply(string(content)))
		}
		path := filepath.Join(i.root(), filepath.Clean(file.path))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, content, file.mode); err != nil {
			return err
		}
	}
	dirs, err := i.program.dirs()
	if err != nil {
		return err
	}
	for _, dir := range append(dirs, "/etc", "/root", "/run", "/tmp", "/var/lib", "/var/log") {
		if err := os.MkdirAll(filepath.Join(i.root(), dir), 0o755); err != nil {
			return err
		}
	}
	return nil
}

// leavesFrom is the public address that an instance's traffic has out there; "" is none.
func (i *instance) leavesFrom() string {
	if i.publicIP != "" {
		return i.publicIP
	}
	return i.natIP
}
