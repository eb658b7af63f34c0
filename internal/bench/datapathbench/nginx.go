package datapathbench

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
)

// nginxConfiguration is nginx with the stream module under the same load balancer, as near to ours as it gets: PROXY
// protocol, a list of names, names looked up while it runs, keepalives, a JSON line a connection.
//
// The verbs are the modules to load, workers, connections a worker, name server, name, name and port, where to listen.
const nginxConfiguration = `%s
worker_processes %d;
daemon off;
pid nginx.pid;
error_log stderr notice;

events {
    worker_connections %d;
}

stream {
    resolver %s ipv6=off;
    map $ssl_preread_server_name $upstream {
        %s %s;
        default "";
    }
    log_format line escape=json '{"time":"$time_iso8601","client":"$proxy_protocol_addr:$proxy_protocol_port",'
        '"sni":"$ssl_preread_server_name","server":"$upstream_addr","bytes_in":"$bytes_received","bytes_out":"$bytes_sent",'
        '"connect":"$upstream_connect_time","total":"$session_time","status":"$status"}';
    access_log access.log line;

    server {
        listen %s proxy_protocol so_keepalive=60s:60s:3;
        ssl_preread on;
        preread_timeout 5s;
        proxy_connect_timeout 5s;
        proxy_timeout 3600s;
        proxy_socket_keepalive on;
        proxy_pass $upstream;
    }
}
`

// stream is nginx with that configuration.
type stream struct {
	service
	listen netip.AddrPort
}

// nginxAddress is where it listens.
var nginxAddress = netip.MustParseAddr("127.83.0.3")

// nginxFile is the configuration's name in the service's folder.
const nginxFile = "nginx.conf"

func startNGINX(ctx context.Context, with surroundings) (proxy, error) {
	listen, err := freeAddress(ctx, nginxAddress)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "datapathbench-")
	if err != nil {
		return nil, err
	}
	s := &stream{listen: listen, service: service{
		argv: []string{with.nginx.Path, "-p", dir, "-c", nginxFile, "-e", "stderr"}, env: with.nginx.Env, dir: dir,
	}}
	var modules strings.Builder
	for _, module := range with.nginx.Modules {
		fmt.Fprintf(&modules, "load_module %s;\n", module)
	}
	config := fmt.Sprintf(nginxConfiguration, modules.String(), runtime.NumCPU(), 2*mostConnections, with.nameserver,
		hostname, fmt.Sprintf("%s:%d", hostname, with.upstream.Port()), listen)
	if err := os.WriteFile(filepath.Join(dir, nginxFile), []byte(config), 0o644); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	err = s.service.start()
	if err == nil {
		// They are started after it listens.
		err = s.await(ctx, "its workers", func() bool {
			workers, err := s.workers()
			return err == nil && len(workers) == runtime.NumCPU()
		})
	}
	if err != nil {
		return nil, errors.Join(err, s.close(ctx))
	}
	return s, nil
}

// reload is `systemctl reload`: new workers beside the old ones, which go on with the connections that they have.
func (s *stream) reload(ctx context.Context) error {
	before, err := s.workers()
	if err != nil {
		return err
	}
	if err := s.main.Signal(syscall.SIGHUP); err != nil {
		return err
	}
	return s.await(ctx, "new workers", func() bool {
		now, err := s.workers()
		return err == nil && slices.ContainsFunc(now, func(pid int) bool { return !slices.Contains(before, pid) })
	})
}

func (s *stream) address() netip.AddrPort                      { return s.listen }
func (s *stream) prefix() []byte                               { return endpoint }
func (s *stream) follow(context.Context, netip.AddrPort) error { return nil }

func (s *stream) close(ctx context.Context) error {
	return errors.Join(s.stop(ctx), os.RemoveAll(s.dir))
}
