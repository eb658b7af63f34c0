// Package azure is the sandbox's Azure: the part of Resource Manager that Azure OpenAI
// needs, an identity provider for it, and the data plane that answers at
// https://<subdomain>.openai.azure.com to whom the account's firewall admits.
package azure

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/fault"
)

// Identity of the sandbox's one tenant, subscription and service principal, used
// where Options leaves a field empty. Nothing outside the sandbox knows them.
const (
	DefaultTenantID       = "7d1c7c3e-54a5-4f0c-8b7e-5d0f3a1c9e20"
	DefaultSubscriptionID = "2f8b7c14-9a3e-4c61-a1d5-6b0e9f7d3c42"
	DefaultClientID       = "c0a4e8d2-1b6f-4e3a-9d57-8f2c6a0b1e93"
	DefaultClientSecret   = "sandbox~azure~client~secret"
	DefaultLocation       = "eastus"
)

// Tempo used where Options leaves a duration zero.
const (
	DefaultOperationTime = 150 * time.Millisecond
	DefaultPropagation   = 200 * time.Millisecond
)

// Options configure a Cloud. Only Dir is required.
type Options struct {
	// Dir is an existing folder; the CA certificate is written there.
	Dir string
	// TenantID, SubscriptionID, ClientID and ClientSecret are what clients must
	// present; empty means the Default constant of that name.
	TenantID, SubscriptionID, ClientID, ClientSecret string
	// PublicIP tells which public address a peer of the data plane stands for. A peer
	// that it does not know keeps its own address. Nil knows none.
	PublicIP func(remote net.Addr) (publicIP string, ok bool)
	// OperationTime is how long a write keeps an account busy (provisioningState
	// Accepted, further writes refused). Negative means none.
	OperationTime time.Duration
	// Propagation is how long after the end of a write the data plane still obeys the
	// firewall as it was before. Negative means none.
	Propagation time.Duration
	// IgnoreIfMatch is what IgnoreIfMatch is called with at the start.
	IgnoreIfMatch bool
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// Logger gets what the servers complain about; nil discards it.
	Logger *slog.Logger
}

// Cloud is a running Azure. Its methods are safe for concurrent use.
type Cloud struct {
	// Faults is the fault script and request log of Resource Manager and the identity
	// provider.
	Faults fault.Script
	// DataFaults is the fault script and request log of the data plane.
	DataFaults fault.Script

	options   Options
	url       string
	dataAddr  string
	caFile    string
	caPool    *x509.CertPool
	signer    *rsa.PrivateKey
	keyID     string
	armServer *http.Server
	data      *http.Server

	mu          sync.Mutex
	groups      map[string]*resourceGroup     // by lower-cased name
	accounts    map[string]*account           // by lower-cased ARM id
	deleted     map[string]*deletedAccount    // by the lower-cased ARM id that the account had
	diagnostics map[string]*diagnosticSetting // by lower-cased ARM id
	neighbours  map[string]*neighbour         // by lower-cased ARM id
	operations  map[string]*operation         // by operation id
	requests    []DataRequest

	foreignSubdomains map[string]bool // lower-cased
	ignoreIfMatch     bool
}

// New starts the servers on free ports of 127.0.0.1 and writes the CA file. ctx bounds
// the start only; Close stops the servers.
func New(ctx context.Context, options Options) (*Cloud, error) {
	c := &Cloud{
		options:     options.withDefaults(),
		groups:      map[string]*resourceGroup{},
		accounts:    map[string]*account{},
		deleted:     map[string]*deletedAccount{},
		diagnostics: map[string]*diagnosticSetting{},
		neighbours:  map[string]*neighbour{},
		operations:  map[string]*operation{},

		foreignSubdomains: map[string]bool{},
		ignoreIfMatch:     options.IgnoreIfMatch,
	}
	var err error
	if c.signer, err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
		return nil, fmt.Errorf("making the token signing key: %w", err)
	}
	c.keyID = newID()
	authority, err := newAuthority(c.options.Now())
	if err != nil {
		return nil, fmt.Errorf("making the certificate authority: %w", err)
	}
	if c.caFile, err = authority.writeTo(c.options.Dir); err != nil {
		return nil, err
	}
	c.caPool = authority.pool()

	var listen net.ListenConfig
	arm, err := listen.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listening for Resource Manager: %w", err)
	}
	data, err := listen.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, errors.Join(fmt.Errorf("listening for the data plane: %w", err), arm.Close())
	}
	c.url = "https://" + arm.Addr().String()
	c.dataAddr = data.Addr().String()
	if c.armServer, err = c.serve(arm, authority, []string{"localhost"}, c.Faults.Wrap(http.HandlerFunc(c.serveARM), writeARMFault)); err != nil {
		return nil, errors.Join(err, arm.Close(), data.Close())
	}
	if c.data, err = c.serve(data, authority, append([]string{"localhost"}, dataHostPatterns()...), c.DataFaults.Wrap(http.HandlerFunc(c.serveData), writeDataFault)); err != nil {
		return nil, errors.Join(err, c.armServer.Close(), data.Close())
	}
	return c, nil
}

func (o Options) withDefaults() Options {
	set := func(field *string, value string) {
		if *field == "" {
			*field = value
		}
	}
	set(&o.TenantID, DefaultTenantID)
	set(&o.SubscriptionID, DefaultSubscriptionID)
	set(&o.ClientID, DefaultClientID)
	set(&o.ClientSecret, DefaultClientSecret)
	if o.PublicIP == nil {
		o.PublicIP = func(net.Addr) (string, bool) { return "", false }
	}
	o.OperationTime = tempo(o.OperationTime, DefaultOperationTime)
	o.Propagation = tempo(o.Propagation, DefaultPropagation)
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

// tempo resolves a duration option: zero is the default, negative is none.
func tempo(d, fallback time.Duration) time.Duration {
	switch {
	case d == 0:
		return fallback
	case d < 0:
		return 0
	default:
		return d
	}
}

func (c *Cloud) serve(l net.Listener, authority *authority, names []string, h http.Handler) (*http.Server, error) {
	config, err := authority.serverConfig(l.Addr(), names)
	if err != nil {
		return nil, fmt.Errorf("making the certificate of %s: %w", l.Addr(), err)
	}
	s := &http.Server{
		Handler:           h,
		TLSConfig:         config,
		ReadHeaderTimeout: 30 * time.Second,
		ErrorLog:          slog.NewLogLogger(c.options.Logger.Handler(), slog.LevelDebug),
	}
	go func() {
		if err := s.ServeTLS(l, "", ""); !errors.Is(err, http.ErrServerClosed) {
			c.options.Logger.Error("azure server stopped", "address", l.Addr().String(), "error", err)
		}
	}()
	return s, nil
}

// Close stops the servers and cuts their connections.
func (c *Cloud) Close() error {
	return errors.Join(c.armServer.Close(), c.data.Close())
}

// URL is the base of Resource Manager, the metadata document and the identity provider:
// https://127.0.0.1:PORT, without a slash at the end.
func (c *Cloud) URL() string { return c.url }

// DataPlaneAddr is the 127.0.0.1:PORT where every account's data plane listens; clients
// must name the account's host in SNI and Host.
func (c *Cloud) DataPlaneAddr() string { return c.dataAddr }

// CAFile is the path of the PEM file of the authority that both servers' certificates come from.
func (c *Cloud) CAFile() string { return c.caFile }

// CAPool holds the authority of CAFile alone.
func (c *Cloud) CAPool() *x509.CertPool { return c.caPool }

// TenantID is the tenant that tokens are issued for.
func (c *Cloud) TenantID() string { return c.options.TenantID }

// SubscriptionID is the one subscription there is.
func (c *Cloud) SubscriptionID() string { return c.options.SubscriptionID }

// ClientID is the application id of the one service principal there is.
func (c *Cloud) ClientID() string { return c.options.ClientID }

// ClientSecret is that service principal's secret.
func (c *Cloud) ClientSecret() string { return c.options.ClientSecret }

// IgnoreIfMatch chooses whether writes to accounts take an If-Match that does not hold any
// more. The service keeps etags, but its specification declares no such header, so that a
// client must be ready for either.
func (c *Cloud) IgnoreIfMatch(ignore bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ignoreIfMatch = ignore
}

// newID returns a fresh random UUID.
func newID() string {
	var b [16]byte
	_, _ = rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[0:4], b[4:6], b[6:8], b[8:10], b[10:])
}
