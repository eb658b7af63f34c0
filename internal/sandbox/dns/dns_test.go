package dns

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

func start(t *testing.T) (*Server, *net.Resolver) {
	t.Helper()
	s, err := Start(func(name string) (netip.Addr, bool) {
		switch name {
		case "team.openai.azure.com":
			return netip.MustParseAddr("127.0.0.9"), true
		default:
			return netip.Addr{}, false
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s, &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", s.Addr().String())
	}}
}

func TestLookup(t *testing.T) {
	t.Parallel()
	s, resolver := start(t)
	if s.Asked("team.openai.azure.com") {
		t.Error("a name nobody asked for counts as asked")
	}
	// DNS does not know upper from lower case.
	got, err := resolver.LookupNetIP(t.Context(), "ip4", "Team.OpenAI.azure.com.")
	if err != nil || len(got) != 1 || got[0] != netip.MustParseAddr("127.0.0.9") {
		t.Errorf("got %v, %v", got, err)
	}
	if !s.Asked("team.openai.azure.com") {
		t.Error("the question left no trace")
	}
}

func TestUnknownNameDoesNotExist(t *testing.T) {
	t.Parallel()
	_, resolver := start(t)
	_, err := resolver.LookupNetIP(t.Context(), "ip4", "other.openai.azure.com.")
	var notFound *net.DNSError
	if !errors.As(err, &notFound) || !notFound.IsNotFound {
		t.Errorf("got %v, want not found", err)
	}
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	s, _ := start(t)
	pack := func(m dnsmessage.Message) []byte {
		out, err := m.Pack()
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	question := func(name string, kind dnsmessage.Type) dnsmessage.Question {
		return dnsmessage.Question{Name: dnsmessage.MustNewName(name), Type: kind, Class: dnsmessage.ClassINET}
	}
	tests := map[string]struct {
		packet  []byte
		ignored bool
		code    dnsmessage.RCode
		answers int
	}{
		"A":                              {packet: pack(dnsmessage.Message{Questions: []dnsmessage.Question{question("team.openai.azure.com.", dnsmessage.TypeA)}}), answers: 1},
		"AAAA of a name that has A only": {packet: pack(dnsmessage.Message{Questions: []dnsmessage.Question{question("team.openai.azure.com.", dnsmessage.TypeAAAA)}})},
		"unknown name":                   {packet: pack(dnsmessage.Message{Questions: []dnsmessage.Question{question("x.test.", dnsmessage.TypeA)}}), code: dnsmessage.RCodeNameError},
		"no question":                    {packet: pack(dnsmessage.Message{}), code: dnsmessage.RCodeFormatError},
		"not a query":                    {packet: pack(dnsmessage.Message{Header: dnsmessage.Header{OpCode: 5}, Questions: []dnsmessage.Question{question("x.test.", dnsmessage.TypeA)}}), code: dnsmessage.RCodeNotImplemented},
		"an answer":                      {packet: pack(dnsmessage.Message{Header: dnsmessage.Header{Response: true}}), ignored: true},
		"noise":                          {packet: []byte("hello"), ignored: true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out, ok := s.answer(tt.packet)
			if ok == tt.ignored {
				t.Fatalf("answered: %t", ok)
			}
			if tt.ignored {
				return
			}
			var reply dnsmessage.Message
			if err := reply.Unpack(out); err != nil {
				t.Fatal(err)
			}
			if reply.RCode != tt.code || len(reply.Answers) != tt.answers {
				t.Errorf("got %v with %d answers, want %v with %d", reply.RCode, len(reply.Answers), tt.code, tt.answers)
			}
		})
	}
}
