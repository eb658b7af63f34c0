//go:build linux

package datapath

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"slices"
	"testing"
)

// errRecorded ends a handshake whose first flight is all that is wanted.
var errRecorded = errors.New("recorded")

// recorder is a connection that keeps the first thing written and then fails.
type recorder struct {
	net.Conn
	written []byte
}

func (r *recorder) Write(b []byte) (int, error) {
	r.written = slices.Clone(b)
	return 0, errRecorded
}

// clientHello is the first flight of a TLS client: one record that holds a ClientHello.
func clientHello(t *testing.T, config *tls.Config) []byte {
	t.Helper()
	r := &recorder{}
	if err := tls.Client(r, config).HandshakeContext(t.Context()); !errors.Is(err, errRecorded) {
		t.Fatalf("recording a ClientHello: %v", err)
	}
	return r.written
}

// helloFor is the ClientHello of Go's TLS client for a name, as large as key shares of
// post-quantum cryptography make it.
func helloFor(t *testing.T, serverName string) []byte {
	t.Helper()
	config := &tls.Config{ServerName: serverName, MinVersion: tls.VersionTLS12}
	if serverName == "" {
		config.InsecureSkipVerify = true // a client must want either a name or no verification
	}
	return clientHello(t, config)
}

// helloNaming is a ClientHello with any bytes as its server name, which a TLS client would
// not send.
func helloNaming(t *testing.T, serverName []byte) []byte {
	t.Helper()
	// The name with all that comes before it in its extension (RFC 6066): the lengths of the
	// list and of the name.
	field := func(name []byte) []byte {
		out := binary.BigEndian.AppendUint16(nil, uint16(len(name)+3))
		out = append(out, 0)
		out = binary.BigEndian.AppendUint16(out, uint16(len(name)))
		return append(out, name...)
	}
	stand := bytes.Repeat([]byte("0"), len(serverName))
	hello := helloFor(t, string(stand))
	if bytes.Count(hello, field(stand)) != 1 {
		t.Fatalf("the name %q is not once in the ClientHello", stand)
	}
	return bytes.Replace(hello, field(stand), field(serverName), 1)
}

// recordHeader is the length of the header of a TLS record: type, version, length.
const recordHeader = 5

// inRecords spreads the handshake message of one record over several of size bytes each.
func inRecords(record []byte, size int) []byte {
	var out []byte
	for part := range slices.Chunk(record[recordHeader:], size) {
		out = append(out, record[:3]...)
		out = binary.BigEndian.AppendUint16(out, uint16(len(part)))
		out = append(out, part...)
	}
	return out
}

// segmentedConn sends the first thing written in segments, each one when the other end has
// read what came before.
type segmentedConn struct {
	*net.TCPConn
	t    *testing.T
	size int
	// edit changes the first thing written, if not nil.
	edit     func([]byte) []byte
	done     bool
	segments int
}

func (c *segmentedConn) Write(b []byte) (int, error) {
	if c.done {
		return c.TCPConn.Write(b)
	}
	c.done = true
	whole := b
	if c.edit != nil {
		whole = c.edit(b)
	}
	for segment := range slices.Chunk(whole, c.size) {
		if _, err := c.TCPConn.Write(segment); err != nil {
			return 0, err
		}
		c.segments++
		awaitRead(c.t, c.TCPConn)
	}
	return len(b), nil
}

// awaitRead awaits that the process at the other end of a connection on this machine has read
// all that was sent.
func awaitRead(t *testing.T, conn net.Conn) {
	t.Helper()
	local, remote := netip.MustParseAddrPort(conn.LocalAddr().String()), netip.MustParseAddrPort(conn.RemoteAddr().String())
	await(t, "the other end to read", func() bool {
		s, ok := socketBetween(t, remote, local)
		return !ok || s.unread == 0
	})
}
