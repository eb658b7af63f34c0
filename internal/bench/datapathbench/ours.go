package datapathbench

import (
	"context"
	"net/netip"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/datapath"
)

// proxyPort is where the instances' proxies listen.
const proxyPort = 443

// mostConnections is the limit of each contender: the blog's configuration has 4,000.
const mostConnections = 4000

// module is the folder, below the repository's root, of what renders our configuration.
const module = "modules/haproxy-config"

// render is our configuration. Nobody plays the instance metadata service here, so health does not ask it; the
// traffic never does.
func render(ctx context.Context) (datapath.Configuration, error) {
	return datapath.Render(ctx, module, map[string]any{
		"upstreams":         map[string]any{"bench": map[string]any{"hostname": hostname}},
		"max_connections":   mostConnections,
		"require_public_ip": false,
	})
}

// rendered is HAProxy with the module's configuration.
type rendered struct{ *datapath.Proxy }

func startOurs(ctx context.Context, with surroundings) (proxy, error) {
	started, err := datapath.Start(ctx, datapath.Options{
		HAProxy: with.haproxy, Configuration: with.ours, Nameserver: with.nameserver, HTTPSPort: int(with.upstream.Port()),
	})
	if err != nil {
		return nil, err
	}
	return rendered{started}, nil
}

func (r rendered) address() netip.AddrPort                    { return r.Addr(proxyPort) }
func (rendered) prefix() []byte                               { return endpoint }
func (r rendered) workers() ([]int, error)                    { return r.Workers() }
func (r rendered) reload(ctx context.Context) error           { return r.Reload(ctx) }
func (rendered) follow(context.Context, netip.AddrPort) error { return nil }
func (r rendered) close(context.Context) error                { return r.Close() }
