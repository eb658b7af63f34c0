package datapath

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/proxyprotocol"
)

// Client opens connections to a proxy as a load balancer does for those behind it.
type Client struct {
	// Proxy is where the proxy listens.
	Proxy netip.AddrPort
	// Header, if not nil, is sent first. A header without addresses gets the connection's own.
	Header *proxyprotocol.Header
	// Roots are whom the client trusts.
	Roots *x509.CertPool
}

// Dial connects and sends the header.
func (c Client) Dial(ctx context.Context) (*net.TCPConn, error) {
	opened, err := new(net.Dialer).DialContext(ctx, "tcp4", c.Proxy.String())
	if err != nil {
		return nil, err
	}
	conn, ok := opened.(*net.TCPConn)
	if !ok {
		return nil, errors.Join(fmt.Errorf("a TCP connection is a %T", opened), opened.Close())
	}
	if c.Header == nil {
		return conn, nil
	}
	header := *c.Header
	if !header.Source.IsValid() {
		header.Source = netip.MustParseAddrPort(conn.LocalAddr().String())
	}
	if !header.Destination.IsValid() {
		header.Destination = c.Proxy
	}
	if _, err := conn.Write(header.Bytes()); err != nil {
		return nil, errors.Join(fmt.Errorf("sending the PROXY header: %w", err), conn.Close())
	}
	return conn, nil
}

// DialTLS connects and shakes hands with the server that the proxy picks for serverName,
// whose certificate must hold for that name.
func (c Client) DialTLS(ctx context.Context, serverName string) (*tls.Conn, error) {
	raw, err := c.Dial(ctx)
	if err != nil {
		return nil, err
	}
	conn := tls.Client(raw, &tls.Config{ServerName: serverName, RootCAs: c.Roots, MinVersion: tls.VersionTLS12})
	if err := conn.HandshakeContext(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("TLS handshake for %s: %w", serverName, err), raw.Close())
	}
	return conn, nil
}
