package datapath

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"

	"golang.org/x/net/dns/dnsmessage"
)

// Outage is a way in which a name server fails.
type Outage int

// The outages.
const (
	// NoOutage is a name server that answers.
	NoOutage Outage = iota
	// Silent is one that takes questions and never answers.
	Silent
	// Refused answers every question with REFUSED.
	Refused
	// ServerFailure answers every question with SERVFAIL.
	ServerFailure
	// NoSuchName says of every name that it does not exist (NXDOMAIN).
	NoSuchName
	// NoAddresses says of every name that it exists, without any address.
	NoAddresses
)

// String names the outage.
func (o Outage) String() string {
	return [...]string{"no outage", "silent", "refused", "server failure", "no such name", "no addresses"}[o]
}

// NameServer answers A questions over UDP with what it was told, and can be told to fail. It
// is safe for concurrent use.
type NameServer struct {
	conn *net.UDPConn
	done sync.WaitGroup

	mu        sync.Mutex
	addresses map[string][]netip.Addr
	outage    Outage
	asked     map[string]int
}

// StartNameServer starts a name server that knows no name yet, on a free port.
func StartNameServer() (*NameServer, error) {
	conn, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(loopback(), 0)))
	if err != nil {
		return nil, fmt.Errorf("starting a name server: %w", err)
	}
	s := &NameServer{conn: conn, addresses: map[string][]netip.Addr{}, asked: map[string]int{}}
	s.done.Go(s.serve)
	return s, nil
}

// Addr is the address that the server listens on.
func (s *NameServer) Addr() netip.AddrPort {
	return netip.MustParseAddrPort(s.conn.LocalAddr().String())
}

// Set makes addresses all the addresses of a name (lower case, no final dot).
func (s *NameServer) Set(name string, addresses ...netip.Addr) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.addresses[name] = addresses
}

// Fail makes the server fail from the next question on; NoOutage ends that.
func (s *NameServer) Fail(outage Outage) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.outage = outage
}

// Asked is how often a name has been asked for, with whatever success.
func (s *NameServer) Asked(name string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked[name]
}

// Close stops the server.
func (s *NameServer) Close() error {
	err := s.conn.Close()
	s.done.Wait()
	return err
}

func (s *NameServer) serve() {
	buf := make([]byte, 65535)
	for {
		n, from, err := s.conn.ReadFromUDPAddrPort(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue
		}
		if out := s.answer(buf[:n]); out != nil {
			_, _ = s.conn.WriteToUDPAddrPort(out, from)
		}
	}
}

// answer makes the answer to one packet; nil for a packet that gets none.
func (s *NameServer) answer(packet []byte) []byte {
	var question dnsmessage.Message
	if err := question.Unpack(packet); err != nil || question.Response || len(question.Questions) != 1 {
		return nil
	}
	q := question.Questions[0]
	reply := dnsmessage.Message{
		Header:    dnsmessage.Header{ID: question.ID, Response: true, RecursionDesired: question.RecursionDesired, RecursionAvailable: true},
		Questions: question.Questions,
	}
	name := strings.TrimSuffix(strings.ToLower(q.Name.String()), ".")
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked[name]++
	addresses, known := s.addresses[name]
	switch s.outage {
	case Silent:
		return nil
	case Refused:
		reply.RCode = dnsmessage.RCodeRefused
	case ServerFailure:
		reply.RCode = dnsmessage.RCodeServerFailure
	case NoSuchName:
		reply.RCode = dnsmessage.RCodeNameError
	case NoAddresses:
	case NoOutage:
		if !known {
			reply.RCode = dnsmessage.RCodeNameError
		}
		if q.Type != dnsmessage.TypeA {
			break
		}
		for _, address := range addresses {
			reply.Answers = append(reply.Answers, dnsmessage.Resource{
				Header: dnsmessage.ResourceHeader{Name: q.Name, Type: dnsmessage.TypeA, Class: dnsmessage.ClassINET, TTL: 1},
				Body:   &dnsmessage.AResource{A: address.As4()},
			})
		}
	}
	out, err := reply.Pack()
	if err != nil {
		return nil
	}
	return out
}
