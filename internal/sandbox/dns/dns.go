// Package dns is the sandbox's name server: the one that the emulated network's
// 169.254.169.253 stands for. It answers A questions over UDP from a lookup function
// and knows no other server.
package dns

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"

	"golang.org/x/net/dns/dnsmessage"
)

// Lookup returns the IPv4 address of a name, which is lower case and without its
// final dot. It returns false for a name that does not exist. It may be called from
// many goroutines at once.
type Lookup func(name string) (netip.Addr, bool)

// TTL is the time to live of every answer, in seconds: short, so that a change of
// the sandbox shows at once.
const TTL = 1

// Server is a running name server.
type Server struct {
	conn   *net.UDPConn
	lookup Lookup
	done   sync.WaitGroup
	asked  sync.Map // name asked (string) → struct{}
}

// Start starts a name server on a free UDP port of 127.0.0.1.
func Start(lookup Lookup) (*Server, error) {
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return nil, fmt.Errorf("starting the sandbox's name server: %w", err)
	}
	s := &Server{conn: conn, lookup: lookup}
	s.done.Go(s.serve)
	return s, nil
}

// Addr is the address that the server listens on.
func (s *Server) Addr() netip.AddrPort {
	return netip.MustParseAddrPort(s.conn.LocalAddr().String())
}

// Asked reports whether somebody has asked for name (lower case, no final dot).
func (s *Server) Asked(name string) bool {
	_, ok := s.asked.Load(name)
	return ok
}

// Close stops the server.
func (s *Server) Close() error {
	err := s.conn.Close()
	s.done.Wait()
	return err
}

func (s *Server) serve() {
	// A question that needs more than the largest UDP payload is not one.
	buf := make([]byte, 65535)
	for {
		n, from, err := s.conn.ReadFromUDPAddrPort(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue
		}
		if out, ok := s.answer(buf[:n]); ok {
			// A lost answer is what UDP allows: the asker repeats its question.
			_, _ = s.conn.WriteToUDPAddrPort(out, from)
		}
	}
}

// answer makes the answer to one packet; false for a packet that deserves none.
func (s *Server) answer(packet []byte) ([]byte, bool) {
	var parser dnsmessage.Parser
	header, err := parser.Start(packet)
	if err != nil || header.Response {
		return nil, false
	}
	reply := dnsmessage.Message{Header: dnsmessage.Header{
		ID: header.ID, Response: true, OpCode: header.OpCode, Authoritative: true, RecursionDesired: header.RecursionDesired,
	}}
	questions, err := parser.AllQuestions()
	switch {
	case err != nil || len(questions) != 1:
		reply.RCode = dnsmessage.RCodeFormatError
	case header.OpCode != 0:
		reply.RCode = dnsmessage.RCodeNotImplemented
	default:
		reply.Questions = questions
		s.resolve(questions[0], &reply)
	}
	out, err := reply.Pack()
	return out, err == nil
}

func (s *Server) resolve(q dnsmessage.Question, reply *dnsmessage.Message) {
	name := strings.TrimSuffix(strings.ToLower(q.Name.String()), ".")
	s.asked.Store(name, struct{}{})
	addr, ok := s.lookup(name)
	if !ok {
		reply.RCode = dnsmessage.RCodeNameError
		return
	}
	// A name that exists without a record of the type asked for: no error, no answer.
	if q.Class != dnsmessage.ClassINET || q.Type != dnsmessage.TypeA || !addr.Unmap().Is4() {
		return
	}
	reply.Answers = []dnsmessage.Resource{{
		Header: dnsmessage.ResourceHeader{Name: q.Name, Type: dnsmessage.TypeA, Class: dnsmessage.ClassINET, TTL: TTL},
		Body:   &dnsmessage.AResource{A: addr.Unmap().As4()},
	}}
}
