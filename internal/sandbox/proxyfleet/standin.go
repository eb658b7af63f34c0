package proxyfleet

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// standIn is what an instance runs where there are no proxies. It listens where the
// proxy's configuration says, and answers every HTTP request by 200 while the instance's
// traffic would have an address to leave from, else by 503, so that the instance's own
// commands find what they wait for. It passes nothing on.
type standIn struct {
	listeners []net.Listener
	served    sync.WaitGroup

	mu        sync.Mutex
	addressed bool
	closed    bool
}

// standInTimeout bounds a connection to a stand-in.
const standInTimeout = 5 * time.Second

// startStandIn listens on the ports of listen and on sockets, which are paths below root.
func startStandIn(listen netip.Addr, ports map[int]int, root string, sockets []string) (*standIn, error) {
	s := &standIn{}
	for _, port := range ports {
		l, err := net.ListenTCP("tcp4", net.TCPAddrFromAddrPort(netip.AddrPortFrom(listen, uint16(port))))
		if err != nil {
			s.stop()
			return nil, err
		}
		s.listeners = append(s.listeners, l)
	}
	for _, socket := range sockets {
		l, err := listenBelow(root, socket)
		if err != nil {
			s.stop()
			return nil, err
		}
		s.listeners = append(s.listeners, l)
	}
	for _, l := range s.listeners {
		s.served.Go(func() { s.serve(l) })
	}
	return s, nil
}

// listenBelow listens on a UNIX socket below root. Its path may be no longer than about a
// hundred bytes, which root alone may be, so a short link leads there meanwhile.
func listenBelow(root, socket string) (l net.Listener, err error) {
	dir, err := os.MkdirTemp("", "socket-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	link := filepath.Join(dir, "root")
	if err := os.Symlink(root, link); err != nil {
		return nil, err
	}
	if err := os.Remove(filepath.Join(root, socket)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	unix, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(link, socket), Net: "unix"})
	if err != nil {
		return nil, err
	}
	unix.SetUnlinkOnClose(false) // by a path that is gone
	return unix, nil
}

func (s *standIn) serve(l net.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		s.served.Go(func() { s.answer(conn) })
	}
}

// answer answers one request. What is no HTTP is closed.
func (s *standIn) answer(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(time.Now().Add(standInTimeout)); err != nil {
		return
	}
	in := bufio.NewReader(conn)
	if err := skipProxyHeader(in); err != nil {
		return
	}
	req, err := http.ReadRequest(in)
	if err != nil {
		return
	}
	s.mu.Lock()
	status := http.StatusServiceUnavailable
	if s.addressed {
		status = http.StatusOK
	}
	s.mu.Unlock()
	resp := &http.Response{StatusCode: status, ProtoMajor: 1, ProtoMinor: 1, Request: req, Close: true}
	_ = resp.Write(conn)
}

// skipProxyHeader discards a header of PROXY protocol, version 1 or 2, if there is one.
func skipProxyHeader(in *bufio.Reader) error {
	const v1, v2 = "PROXY ", "\r\n\r\n\x00\r\nQUIT\n"
	begin, err := in.Peek(len(v1))
	if err != nil {
		return err
	}
	switch {
	case string(begin) == v1:
		_, err := in.ReadString('\n')
		return err
	case strings.HasPrefix(v2, string(begin)):
		head := make([]byte, len(v2)+4)
		if _, err := io.ReadFull(in, head); err != nil {
			return err
		}
		if !bytes.HasPrefix(head, []byte(v2)) {
			return fmt.Errorf("no header of PROXY protocol: %q", head)
		}
		_, err := in.Discard(int(binary.BigEndian.Uint16(head[len(v2)+2:])))
		return err
	default:
		return nil
	}
}

// setAddressed tells whether the instance's traffic has an address to leave from.
func (s *standIn) setAddressed(addressed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.addressed = addressed
}

// running reports whether it listens. A nil stand-in does not.
func (s *standIn) running() bool {
	if s == nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.closed
}

// stop ends it and returns when it listens no more.
func (s *standIn) stop() {
	if !s.running() {
		return
	}
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	for _, l := range s.listeners {
		_ = l.Close()
	}
	s.served.Wait()
}
