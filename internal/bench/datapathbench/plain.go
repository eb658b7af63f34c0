package datapathbench

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
)

// plainConfiguration is HAProxy as the blog sets it up: one server, looked up once when the process starts, with a
// TCP check; whatever name a client says is let through. Its limits and times are the blog's.
//
// The two verbs are where to listen and the address that the upstream's name has at the start: libc reads the machine's
// own resolver, which a bench must not touch, and what is left of a name after that look-up is an address. Its log goes to a
// file, as everybody's does here.
const plainConfiguration = `global
    log stdout format raw local0
    maxconn 4000
    stats socket unix@stats.sock

defaults
    log global
    option dontlognull
    option redispatch
    retries 3
    timeout queue 60s
    timeout connect 10s
    timeout client 60s
    timeout server 60s
    timeout check 10s
    maxconn 3000

frontend in
    mode tcp
    bind %s
    option tcplog
    default_backend out

backend out
    mode tcp
    server upstream %s check
`

// plain is HAProxy with that configuration.
type plain struct {
	service
	listen netip.AddrPort
	// renew makes it read its configuration again.
	renew func(*plain, context.Context) error
}

// startPlain starts one that is renewed by restart or by signal.
func startPlain(ctx context.Context, with surroundings, renew func(*plain, context.Context) error) (proxy, error) {
	listen, err := freeAddress(ctx, plainAddress)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "datapathbench-")
	if err != nil {
		return nil, err
	}
	p := &plain{listen: listen, renew: renew, service: service{
		argv: []string{with.haproxy.Path, "-W", "-f", plainFile}, env: with.haproxy.Env, dir: dir,
	}}
	if err := p.write(with.upstream); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	if err := p.launch(ctx); err != nil {
		return nil, errors.Join(err, p.close(ctx))
	}
	return p, nil
}

// plainFile is the configuration's name in the service's folder.
const plainFile = "haproxy.cfg"

// plainAddress is where it listens.
var plainAddress = netip.MustParseAddr("127.83.0.2")

func (p *plain) write(upstream netip.AddrPort) error {
	return os.WriteFile(filepath.Join(p.dir, plainFile), fmt.Appendf(nil, plainConfiguration, p.listen, upstream), 0o644)
}

// launch starts the service and returns when it serves.
func (p *plain) launch(ctx context.Context) error {
	return p.load(ctx, p.service.start)
}

// restart is `systemctl restart`.
func (p *plain) restart(ctx context.Context) error {
	if err := p.stop(ctx); err != nil {
		return err
	}
	return p.launch(ctx)
}

// signal is `systemctl reload`, as the distributions' unit does it.
func (p *plain) signal(ctx context.Context) error {
	return p.load(ctx, func() error { return p.main.Signal(reloadSignal) })
}

// load begins something that has the configuration read, and returns when HAProxy's master says that a new
// worker serves.
func (p *plain) load(ctx context.Context, begin func() error) error {
	count := func() int { return strings.Count(p.messages(), "Loading success.") }
	before := count()
	if err := begin(); err != nil {
		return err
	}
	return p.await(ctx, "the configuration to be loaded", func() bool { return count() > before })
}

func (p *plain) address() netip.AddrPort          { return p.listen }
func (p *plain) prefix() []byte                   { return nil }
func (p *plain) reload(ctx context.Context) error { return p.renew(p, ctx) }

// follow has the name looked up again.
func (p *plain) follow(ctx context.Context, upstream netip.AddrPort) error {
	if err := p.write(upstream); err != nil {
		return err
	}
	return p.renew(p, ctx)
}

func (p *plain) close(ctx context.Context) error {
	return errors.Join(p.stop(ctx), os.RemoveAll(p.dir))
}
