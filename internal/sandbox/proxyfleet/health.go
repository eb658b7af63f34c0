package proxyfleet

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/proxyprotocol"
)

// probeTimeout bounds one health check, as a target group's default does.
const probeTimeout = 2 * time.Second

// Healthy asks an instance as a target group's health check does: by a TCP connection
// to port, or, with a path, by an HTTP request that must be answered 200 to 399. With
// proxyProtocol a header of PROXY protocol v2 and command LOCAL comes before the request,
// as from a target group whose attribute proxy_protocol_v2.enabled is true. Without proxies
// every instance counts as healthy.
func (f *Fleet) Healthy(instanceID string, port int, healthPath string, proxyProtocol bool) bool {
	if f.opts.HAProxy == nil {
		return true
	}
	ctx, cancel := context.WithTimeout(context.Background(), probeTimeout)
	defer cancel()
	address, err := f.address(instanceID, port)
	if err != nil {
		return false
	}
	conn, err := new(net.Dialer).DialContext(ctx, "tcp4", address.String())
	if err != nil {
		return false
	}
	defer func() { _ = conn.Close() }()
	if healthPath == "" {
		return true
	}
	deadline, _ := ctx.Deadline()
	if err := conn.SetDeadline(deadline); err != nil {
		return false
	}
	if proxyProtocol {
		conn = withHeader(conn, proxyprotocol.Local())
	}
	return asksWell(ctx, conn, address.String(), healthPath)
}

// asksWell sends one request over conn. A redirect is an answer.
func asksWell(ctx context.Context, conn net.Conn, host, path string) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+host+path, nil)
	if err != nil {
		return false
	}
	req.Close = true // each probe stands alone
	if err := req.Write(conn); err != nil {
		return false
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), req)
	if err != nil {
		return false
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close()
	return resp.StatusCode >= http.StatusOK && resp.StatusCode < http.StatusBadRequest
}
