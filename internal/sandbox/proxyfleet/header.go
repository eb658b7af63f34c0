package proxyfleet

import (
	"net"
	"sync"
)

// headedConn puts a header before the first bytes that are written to it. A Network Load
// Balancer sends its own only together with the client's first bytes, too.
type headedConn struct {
	net.Conn

	mu     sync.Mutex
	header []byte
}

func withHeader(conn net.Conn, header []byte) net.Conn {
	return &headedConn{Conn: conn, header: header}
}

// Write writes the header, if it is still to be written, and p in one piece.
func (c *headedConn) Write(p []byte) (int, error) {
	c.mu.Lock()
	header := c.header
	c.header = nil
	if header == nil {
		c.mu.Unlock()
		return c.Conn.Write(p)
	}
	defer c.mu.Unlock()
	n, err := c.Conn.Write(append(header, p...))
	return max(0, n-len(header)), err
}
