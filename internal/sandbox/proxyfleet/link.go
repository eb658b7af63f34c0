package proxyfleet

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/proxyprotocol"
)

// Target is one registered target behind a VPC endpoint.
type Target struct {
	// InstanceID is the instance that is registered.
	InstanceID string
	// PublicIP is its public address, if it has one.
	PublicIP string
	// Port is the port it is registered with.
	Port int
	// Healthy is the target group's opinion.
	Healthy bool
	// ProxyProtocol tells that the target group sends a header of PROXY protocol v2.
	ProxyProtocol bool
}

// DialEndpoint connects through a VPC endpoint to one of its targets: the healthy ones
// in turn, as a Network Load Balancer spreads its connections. The header of PROXY
// protocol v2, where the target group sends one, names the endpoint. The error says at
// which hop the way ends.
func (f *Fleet) DialEndpoint(ctx context.Context, endpointID string, targets []Target) (net.Conn, error) {
	var healthy []Target
	var unhealthy []string
	for _, t := range targets {
		if t.Healthy {
			healthy = append(healthy, t)
			continue
		}
		why := fmt.Sprintf("%s port %d", t.InstanceID, t.Port)
		if problem := f.Problem(t.InstanceID); problem != nil {
			why += ": " + problem.Error()
		}
		unhealthy = append(unhealthy, why)
	}
	switch {
	case len(targets) == 0:
		return nil, fmt.Errorf("%s: %w: no target is registered", endpointID, ErrNoTarget)
	case len(healthy) == 0:
		return nil, fmt.Errorf("%s: %w: none of %d is healthy (%s)", endpointID, ErrNoTarget, len(targets), strings.Join(unhealthy, "; "))
	}
	f.mu.Lock()
	turn := f.next[endpointID]
	f.next[endpointID]++
	f.mu.Unlock()
	target := healthy[turn%len(healthy)]
	conn, err := f.DialInstance(ctx, target.InstanceID, target.Port)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", endpointID, err)
	}
	if target.ProxyProtocol {
		conn = withHeader(conn, f.header(conn, endpointID, target))
	}
	return conn, nil
}

// header is what a load balancer tells of a client behind an endpoint. The client's own
// address is the one that it has on this machine.
func (f *Fleet) header(client net.Conn, endpointID string, target Target) []byte {
	h := proxyprotocol.Header{Source: netip.MustParseAddrPort(client.LocalAddr().String()), EndpointID: endpointID}
	destination := netip.MustParseAddrPort(client.RemoteAddr().String()).Addr()
	if i, ok := f.instance(target.InstanceID); ok {
		if private, err := netip.ParseAddr(i.PrivateIP); err == nil {
			destination = private
		}
	}
	h.Destination = netip.AddrPortFrom(destination, uint16(target.Port))
	return h.Bytes()
}

// ErrNoTarget is the error of a load balancer that has nowhere to send a connection.
var ErrNoTarget = errors.New("the load balancer has no target")
