package datapathbench

import (
	"context"
	"net/netip"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/datapath"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/proxyprotocol"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/tools"
)

// surroundings are what all contenders share.
type surroundings struct {
	haproxy *tools.HAProxyBinary
	// ours is the configuration that the module renders.
	ours datapath.Configuration
	// nginx is nil where there is none.
	nginx      *tools.NginxBinary
	nameserver netip.AddrPort
	// upstream is where the upstream is at the start. It has the same port at each of its addresses.
	upstream netip.AddrPort
}

// proxy is a running contender.
type proxy interface {
	// address is where it listens, and prefix what the load balancer puts before a client's bytes.
	address() netip.AddrPort
	prefix() []byte
	// workers are the processes that carry the traffic.
	workers() ([]int, error)
	// reload makes it read its configuration again, and returns when it has.
	reload(ctx context.Context) error
	// follow is what a person does when the upstream has moved; nothing where the proxy sees it by itself.
	follow(ctx context.Context, upstream netip.AddrPort) error
	close(ctx context.Context) error
}

// Contenders' names.
const (
	direct   = "direct"
	ours     = "ours"
	blog     = "the blog's"
	graceful = "the blog's, reloaded by SIGUSR2"
	nginx    = "nginx"
)

// endpoint is the header that a load balancer sends for a client behind a PrivateLink endpoint.
var endpoint = proxyprotocol.Header{
	Source: netip.MustParseAddrPort("172.18.0.10:40000"), Destination: netip.MustParseAddrPort("10.0.1.10:443"),
	EndpointID: "vpce-08d2bf15fac5001c9",
}.Bytes()

// start starts a contender, or returns nil where it cannot be had.
func start(ctx context.Context, name string, with surroundings) (proxy, error) {
	switch {
	case name == ours:
		return startOurs(ctx, with)
	case name == blog:
		return startPlain(ctx, with, (*plain).restart)
	case name == graceful:
		return startPlain(ctx, with, (*plain).signal)
	case name == nginx && with.nginx != nil:
		return startNGINX(ctx, with)
	default:
		return nil, nil
	}
}
