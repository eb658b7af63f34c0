// Package imds is an instance's metadata service, version 2: what answers on
// 169.254.169.254 there. Version 1, without a token, is refused, as on an instance
// whose metadata options require tokens.
package imds

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"
)

// Facts are what a metadata service tells of its instance and what does not change.
type Facts struct {
	InstanceID string
	PrivateIP  string
	Region     string
	// AvailabilityZone is the zone's name (us-east-1a).
	AvailabilityZone string
	// InstanceProfileARN is "" without an instance profile.
	InstanceProfileARN string
	// UserData is what the instance was launched with.
	UserData []byte
	// Credentials returns the credentials of the instance profile's role. It is asked each time
	// that somebody looks for them, and only with an instance profile.
	Credentials func(ctx context.Context) (Credentials, error)
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// Logger may be nil.
	Logger *slog.Logger
}

// Credentials are those of an instance profile's role.
type Credentials struct {
	RoleName        string
	AccessKeyID     string
	SecretAccessKey string
	Token           string
}

// Server is a running metadata service. It is safe for concurrent use.
type Server struct {
	facts  Facts
	tokens *tokens
	addr   netip.AddrPort
	server *http.Server
	served sync.WaitGroup

	mu       sync.Mutex
	publicIP string
}

// Start starts a metadata service on a free port of address.
func Start(address netip.Addr, facts Facts) (*Server, error) {
	if facts.Logger == nil {
		facts.Logger = slog.New(slog.DiscardHandler)
	}
	if facts.Now == nil {
		facts.Now = time.Now
	}
	listener, err := net.ListenTCP("tcp4", net.TCPAddrFromAddrPort(netip.AddrPortFrom(address, 0)))
	if err != nil {
		return nil, fmt.Errorf("starting the metadata service of %s: %w", facts.InstanceID, err)
	}
	s := &Server{facts: facts, tokens: newTokens(facts.Now), addr: netip.MustParseAddrPort(listener.Addr().String())}
	s.server = &http.Server{Handler: s.handler(), ReadHeaderTimeout: time.Minute}
	s.served.Go(func() {
		if err := s.server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			facts.Logger.Error("a metadata service stopped", "instance", facts.InstanceID, "error", err)
		}
	})
	return s, nil
}

// Addr is where the service listens.
func (s *Server) Addr() netip.AddrPort { return s.addr }

// SetPublicIP changes the public IPv4 address that the instance has; "" is none.
func (s *Server) SetPublicIP(publicIP string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.publicIP = publicIP
}

// Close stops the service. Calls under way are cut.
func (s *Server) Close() {
	_ = s.server.Close()
	s.served.Wait()
}

func (s *Server) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("PUT /latest/api/token", s.tokens.serve)
	mux.HandleFunc("GET /latest/", func(w http.ResponseWriter, r *http.Request) {
		if !s.tokens.holds(r.Header.Get(tokenHeader)) {
			refuse(w, http.StatusUnauthorized)
			return
		}
		s.serveTree(w, r)
	})
	return mux
}

// serveTree answers a path below /latest/: a fact, or the names under a folder.
func (s *Server) serveTree(w http.ResponseWriter, r *http.Request) {
	path := strings.TrimPrefix(r.URL.Path, "/latest/")
	tree := s.tree()
	if strings.HasPrefix(path, "meta-data/iam") && path != "meta-data/iam/info" {
		credentials, err := s.credentials(r.Context())
		if err != nil {
			s.facts.Logger.Warn("a metadata service has no credentials", "instance", s.facts.InstanceID, "error", err)
		}
		maps.Copy(tree, credentials)
	}
	w.Header().Set("Content-Type", "text/plain")
	if value, ok := tree[path]; ok {
		_, _ = w.Write([]byte(value))
		return
	}
	names := namesUnder(tree, strings.TrimSuffix(path, "/"))
	if len(names) == 0 {
		refuse(w, http.StatusNotFound)
		return
	}
	_, _ = w.Write([]byte(strings.Join(names, "\n")))
}

// refuse answers as the service does: with a small page.
func refuse(w http.ResponseWriter, status int) {
	w.Header().Set("Content-Type", "text/html")
	w.WriteHeader(status)
	text := http.StatusText(status)
	_, _ = fmt.Fprintf(w, "<?xml version=\"1.0\" encoding=\"iso-8859-1\"?>\n<html><head><title>%d - %s</title></head><body><h1>%d - %s</h1></body></html>\n", status, text, status, text)
}
