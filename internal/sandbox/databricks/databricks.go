// Package databricks is the sandbox's Databricks: the account API's serverless network
// objects, one host's workspaces with their serving endpoints, and the way of a query
// from an endpoint through a private endpoint to the model.
package databricks

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/fault"
)

// Identity of the sandbox's one account and its administrator, used where Options leaves
// a field empty. Nothing outside the sandbox knows them.
const (
	DefaultAccountID    = "0d26daa6-5e44-4c97-a497-ef015f91254a"
	DefaultClientID     = "5b1f7e0a-3c84-4d29-b6e1-90a7c2d8f413"
	DefaultClientSecret = "sandbox-databricks-client-secret"
	DefaultRegion       = "us-east-1"
)

// OwnerAccountID is the AWS account in which Databricks makes its VPC endpoints; GovCloud has
// one for each of its shards.
const (
	OwnerAccountID            = "565502421330"
	GovCivilianOwnerAccountID = "347038500609"
	GovDoDOwnerAccountID      = "347034940029"
)

// Tempo used where Options leaves a duration zero.
const (
	DefaultProvisionTime = 150 * time.Millisecond
	DefaultEstablishTime = 150 * time.Millisecond
	DefaultPollInterval  = 20 * time.Millisecond
)

// Life of a private endpoint rule, as the API reference tells it:
// https://docs.databricks.com/api/account/networkconnectivity
const (
	ruleExpiry         = 14 * 24 * time.Hour // not approved; or after REJECTED, DISCONNECTED
	deactivatedFor     = 24 * time.Hour      // until a deleted rule is gone
	endpointKeptFor    = 7 * 24 * time.Hour  // how long the endpoint of a deleted rule stays in AWS
	defaultPageSize    = 25
	defaultHostType    = "unified"
	tokenLife          = time.Hour
	queryTimeout       = time.Minute
	principalRoleStart = "private-connectivity-role-"
)

// AWS is what Databricks does in its own AWS account.
type AWS interface {
	// AllowsByName reports whether a service exists and has the principal's very ARN among those
	// that it allows; what a wildcard allows does not count.
	AllowsByName(serviceName, principalARN string) bool
	// CreateVPCEndpoint asks for an interface endpoint to a service by its full name
	// ("com.amazonaws.vpce.REGION.vpce-svc-…"), as principalARN, in ownerAccount. It fails when
	// the service is unknown or does not allow the principal.
	CreateVPCEndpoint(serviceName, principalARN, ownerAccount string) (vpcEndpointID string, err error)
	// VPCEndpointState returns the state that AWS gives the endpoint ("pendingAcceptance",
	// "available", …), and false for one that is not there.
	VPCEndpointState(vpcEndpointID string) (state string, ok bool)
	// DeleteVPCEndpoint deletes the endpoint; one that is not there is no error.
	DeleteVPCEndpoint(vpcEndpointID string)
}

// Options configure a Cloud. AWS and Dial are required.
type Options struct {
	// AWS makes VPC endpoints.
	AWS AWS
	// Dial opens a connection through a VPC endpoint to its service's port 443.
	Dial func(ctx context.Context, vpcEndpointID string) (net.Conn, error)
	// RootCAs are what serving endpoints trust; nil means the system's.
	RootCAs *x509.CertPool

	// AccountID is the Databricks account; ClientID and ClientSecret are the OAuth
	// credentials of its administrator. Empty means the Default constant of that name.
	AccountID, ClientID, ClientSecret string
	// WorkspaceToken is a personal access token of the administrator: good for workspace
	// calls, refused by account calls. Empty means there is none.
	WorkspaceToken string
	// Region is the AWS region of all that is seeded without one.
	Region string
	// DoD makes it the shard of the Department of Defense: in GovCloud regions it connects from
	// that one's account, not from the civilian one.
	DoD bool
	// HostType is what host discovery answers: "unified" (the default), "account" or
	// "workspace". The host serves both APIs in any case.
	HostType string
	// PageSize is the number of items on a page of a list; 0 means 25.
	PageSize int

	// ProvisionTime is how long a rule stays CREATING, a workspace PROVISIONING and a serving
	// endpoint NOT_READY. Negative means none.
	ProvisionTime time.Duration
	// EstablishTime is how long after AWS says available a rule becomes ESTABLISHED.
	// Negative means none.
	EstablishTime time.Duration
	// PollInterval is how often Databricks looks at its VPC endpoints.
	PollInterval time.Duration
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// Logger gets what the server complains about; nil discards it.
	Logger *slog.Logger
}

// Cloud is a running Databricks. Its methods are safe for concurrent use.
type Cloud struct {
	// Faults is the fault script and request log of the host.
	Faults fault.Script

	options Options
	url     string
	server  *http.Server
	stop    context.CancelFunc
	done    chan struct{}

	mu         sync.Mutex
	sequence   int
	principals map[string]*principal // by application id
	tokens     map[string]*token     // by access token
	nccs       map[string]*ncc       // by id
	policies   map[string]*policy    // by id
	workspaces map[int64]*workspace  // by id
	secrets    map[string]string     // by "scope/key"
	discarded  []discardedEndpoint
}

// New starts the host on a free port of 127.0.0.1. ctx bounds the start only; Close stops
// the host.
func New(ctx context.Context, options Options) (*Cloud, error) {
	if options.AWS == nil || options.Dial == nil {
		return nil, errors.New("databricks: Options.AWS and Options.Dial are required")
	}
	c := &Cloud{
		options:    options.withDefaults(),
		principals: map[string]*principal{},
		tokens:     map[string]*token{},
		nccs:       map[string]*ncc{},
		policies:   map[string]*policy{},
		workspaces: map[int64]*workspace{},
		secrets:    map[string]string{},
		done:       make(chan struct{}),
	}
	c.principals[c.options.ClientID] = &principal{id: c.options.ClientID, secret: c.options.ClientSecret, admin: true}
	if t := c.options.WorkspaceToken; t != "" {
		c.tokens[t] = &token{principal: c.options.ClientID, workspaceOnly: true}
	}
	c.policies[defaultPolicyID] = &policy{id: defaultPolicyID, body: fullAccess()}

	var listen net.ListenConfig
	l, err := listen.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listening for Databricks: %w", err)
	}
	c.url = "http://" + l.Addr().String()
	c.server = &http.Server{
		Handler:           c.Faults.Wrap(http.HandlerFunc(c.serve), writeFault),
		ReadHeaderTimeout: 30 * time.Second,
		ErrorLog:          slog.NewLogLogger(c.options.Logger.Handler(), slog.LevelDebug),
	}
	background, stop := context.WithCancel(context.Background())
	c.stop = stop
	go func() {
		if err := c.server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			c.options.Logger.Error("databricks server stopped", "error", err)
		}
	}()
	go c.watchEndpoints(background)
	return c, nil
}

func (o Options) withDefaults() Options {
	set := func(field *string, value string) {
		if *field == "" {
			*field = value
		}
	}
	set(&o.AccountID, DefaultAccountID)
	set(&o.ClientID, DefaultClientID)
	set(&o.ClientSecret, DefaultClientSecret)
	set(&o.Region, DefaultRegion)
	set(&o.HostType, defaultHostType)
	if o.PageSize <= 0 {
		o.PageSize = defaultPageSize
	}
	o.ProvisionTime = tempo(o.ProvisionTime, DefaultProvisionTime)
	o.EstablishTime = tempo(o.EstablishTime, DefaultEstablishTime)
	if o.PollInterval <= 0 {
		o.PollInterval = DefaultPollInterval
	}
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

// Close stops the host and cuts its connections.
func (c *Cloud) Close() error {
	c.stop()
	<-c.done
	return c.server.Close()
}

// URL is the host, for account and workspace calls: http://127.0.0.1:PORT.
func (c *Cloud) URL() string { return c.url }

// AccountID is the one account there is.
func (c *Cloud) AccountID() string { return c.options.AccountID }

// ClientID is the application id of the account's administrator.
func (c *Cloud) ClientID() string { return c.options.ClientID }

// ClientSecret is that administrator's OAuth secret.
func (c *Cloud) ClientSecret() string { return c.options.ClientSecret }

// next numbers objects in the order in which they were made. The caller holds mu.
func (c *Cloud) next() int {
	c.sequence++
	return c.sequence
}

// newID returns a fresh random UUID.
func newID() string {
	var b [16]byte
	_, _ = rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[0:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// newHexID returns 32 random hexadecimal digits, the form of serving endpoint ids.
func newHexID() string { return strings.ReplaceAll(newID(), "-", "") }

// millis is how the API writes times.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}
