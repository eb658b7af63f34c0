//go:build linux

package datapath

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// socket is what the kernel knows of a TCP socket of this machine: a part of struct
// inet_diag_msg of linux/inet_diag.h.
type socket struct {
	local netip.AddrPort
	// timer is the kind of the socket's next timer, expires when it fires.
	timer   uint8
	expires time.Duration
	// unread is what has arrived and was not yet read by the process, in bytes.
	unread uint32
}

// timerKeepalive is the number of a timer that will send a keepalive.
const timerKeepalive = 2

// stateListen is a listening socket's number in net/tcp_states.h.
const stateListen = 10

// The sizes of the structs of linux/inet_diag.h, in bytes.
const (
	diagRequestSize = 56
	diagMessageSize = 72
)

// socketBetween is the socket with these ends; false if there is none.
func socketBetween(t *testing.T, local, remote netip.AddrPort) (socket, bool) {
	t.Helper()
	found := diagnose(t, local, remote, ^uint32(0), 0)
	if len(found) == 0 {
		return socket{}, false
	}
	return found[0], true
}

// listeners are the sockets that listen on IPv4 addresses.
func listeners(t *testing.T) []socket {
	t.Helper()
	return diagnose(t, netip.AddrPort{}, netip.AddrPort{}, 1<<stateListen, unix.NLM_F_DUMP)
}

// diagnose asks the kernel for sockets, as sock_diag(7) describes: with NLM_F_DUMP for all in
// the states given, else for the one with these ends.
func diagnose(t *testing.T, local, remote netip.AddrPort, states uint32, flags uint16) []socket {
	t.Helper()
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, unix.NETLINK_SOCK_DIAG)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unix.Close(fd) }()
	request := make([]byte, unix.SizeofNlMsghdr, unix.SizeofNlMsghdr+diagRequestSize)
	binary.NativeEndian.PutUint32(request, uint32(cap(request)))
	binary.NativeEndian.PutUint16(request[4:], unix.SOCK_DIAG_BY_FAMILY)
	binary.NativeEndian.PutUint16(request[6:], unix.NLM_F_REQUEST|flags)
	request = append(request, unix.AF_INET, unix.IPPROTO_TCP, 0, 0)
	request = binary.NativeEndian.AppendUint32(request, states)
	request = binary.BigEndian.AppendUint16(request, local.Port())
	request = binary.BigEndian.AppendUint16(request, remote.Port())
	for _, end := range []netip.AddrPort{local, remote} {
		address := make([]byte, 16)
		copy(address, end.Addr().AsSlice())
		request = append(request, address...)
	}
	request = binary.NativeEndian.AppendUint32(request, 0)          // any interface
	request = binary.NativeEndian.AppendUint64(request, ^uint64(0)) // any cookie
	if err := unix.Sendto(fd, request, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		t.Fatal(err)
	}
	var all []socket
	buf := make([]byte, 1<<16)
	for {
		n, _, err := unix.Recvfrom(fd, buf, 0)
		if err != nil {
			t.Fatal(err)
		}
		messages, err := syscall.ParseNetlinkMessage(buf[:n])
		if err != nil {
			t.Fatal(err)
		}
		for _, message := range messages {
			switch {
			case message.Header.Type == unix.NLMSG_DONE:
				return all
			case message.Header.Type == unix.NLMSG_ERROR:
				errno := unix.Errno(-int32(binary.NativeEndian.Uint32(message.Data)))
				if !errors.Is(errno, unix.ENOENT) {
					t.Fatalf("asking the kernel for sockets: %s", errno)
				}
				return nil
			case len(message.Data) >= diagMessageSize:
				all = append(all, parseSocket(message.Data))
			}
			if flags&unix.NLM_F_DUMP == 0 {
				return all
			}
		}
	}
}

func parseSocket(data []byte) socket {
	address := netip.AddrFrom4([4]byte(data[8:12]))
	return socket{
		local:   netip.AddrPortFrom(address, binary.BigEndian.Uint16(data[4:])),
		timer:   data[2],
		expires: time.Duration(binary.NativeEndian.Uint32(data[52:])) * time.Millisecond,
		unread:  binary.NativeEndian.Uint32(data[56:]),
	}
}
