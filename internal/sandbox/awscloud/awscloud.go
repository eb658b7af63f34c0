// Package awscloud is the sandbox's AWS: one HTTP endpoint that plays every AWS
// service that the product and the stock AWS provider ask. It owns what
// must be faithful (Elastic IPs, endpoint services and their connections, quotas, and the services
// mounted on it), and passes the rest to a moto server, correcting what moto gets wrong.
// What neither knows is refused with 501 in the service's own format.
package awscloud

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/awsapi"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/elasticip"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/fault"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/moto"
)

// Defaults of Options.
const (
	DefaultRegion       = "us-east-1"
	DefaultAccountID    = "123456789012"
	DefaultAddressQuota = 20
	DefaultTempo        = 200 * time.Millisecond
)

// Options configure a Cloud. MotoURL is required; other zero values take the defaults above.
type Options struct {
	// MotoURL is the moto server that the rest is passed to. It must be a fresh one.
	MotoURL   string
	Region    string
	AccountID string
	// Hypervisor runs the instances; nil runs nothing.
	Hypervisor Hypervisor
	// AddressQuota is how many Elastic IPs the account may hold in the Region.
	AddressQuota int
	// AddressPools are brought address ranges beside Amazon's own, by pool id (ipv4pool-ec2-…).
	AddressPools map[string][]netip.Prefix
	// Tempo is how long a passing state lasts, such as an accepted connection's way to available.
	Tempo time.Duration
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// Authorize decides whether a call may be made; nil lets all pass. It is asked before any handler.
	Authorize func(r *awsapi.Request) *awsapi.Error
	// Handlers serve the services that are emulated elsewhere. They are offered each call in
	// order, before the gateway's own handlers and moto.
	Handlers []awsapi.Handler
	// Middleware wraps the whole endpoint, for example to inject faults; nil is none.
	Middleware func(http.Handler) http.Handler
	Logger     *slog.Logger
}

// elsewhere are services of which nothing is passed to moto: it would answer, but keep the
// objects in the wrong place, or run nothing.
var elsewhere = map[string]bool{"autoscaling": true, "lambda": true, "events": true}

// Cloud is a running gateway.
type Cloud struct {
	// URL is http://127.0.0.1:PORT, the value for AWS_ENDPOINT_URL.
	URL string
	// Faults is the fault script and request log. Operations are named SERVICE:ACTION
	// ("ec2:AllocateAddress"), for REST services SERVICE:METHOD PATH; callers are access key ids.
	Faults fault.Script

	options   Options
	addresses addresses
	endpoints *endpoints
	moto      *motoProxy
	client    moto.Client
	vpc       *vpc
	elb       *elbCorrections
	rules     *ruleDescriptions
	nats      *natGateways
	routes    natRoutes
	handlers  []awsapi.Handler
	server    *http.Server
	served    sync.WaitGroup
}

// New starts a gateway on a free loopback port. It stops with Close, not with ctx.
func New(ctx context.Context, opts Options) (*Cloud, error) {
	if opts.MotoURL == "" {
		return nil, errors.New("awscloud: MotoURL is required")
	}
	opts = withDefaults(opts)
	c := &Cloud{options: opts}
	c.moto = &motoProxy{url: opts.MotoURL, account: opts.AccountID, client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16}}, logger: opts.Logger}
	c.client = moto.NewClient(opts.MotoURL, opts.Region)
	c.elb, c.rules = newELBCorrections(), newRuleDescriptions()
	c.vpc = &vpc{moto: c.moto, elbARNs: c.elb, region: opts.Region, account: opts.AccountID, observe: c.observe}
	c.addresses = addresses{elasticip.New(elasticip.Options{
		Quota: opts.AddressQuota, BorderGroups: borderGroups(opts.Region), Pools: opts.AddressPools, Now: opts.Now, Moved: c.publicIPMoved,
	})}
	c.nats, c.routes.told = &natGateways{tempo: opts.Tempo, now: opts.Now}, map[string]string{}
	c.endpoints = &endpoints{region: opts.Region, tempo: opts.Tempo, now: opts.Now}
	c.handlers = append(append([]awsapi.Handler{}, opts.Handlers...),
		&quotaService{region: opts.Region, account: opts.AccountID, addresses: opts.AddressQuota},
		&natService{gateways: c.nats, addresses: c.addresses, vpc: c.vpc, moto: c.moto, moved: c.followRoutes},
		&addressService{book: c.addresses, network: c.vpc},
		&endpointAPI{endpoints: c.endpoints, balancers: c.vpc, moto: c.moto},
		&metricFilterService{moto: c.moto, client: c.client},
		&tagService{kinds: []taggable{c.addresses, c.endpoints, c.nats}, moto: c.moto},
		awsapi.HandlerFunc(c.serveNetwork),
		awsapi.HandlerFunc(c.serveRules),
		awsapi.HandlerFunc(c.serveELB),
	)

	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listening for AWS calls: %w", err)
	}
	c.URL = "http://" + listener.Addr().String()
	handler := c.withFaults()
	if opts.Middleware != nil {
		handler = opts.Middleware(handler)
	}
	c.server = &http.Server{Handler: handler, ReadHeaderTimeout: time.Minute}
	c.served.Go(func() {
		if err := c.server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			opts.Logger.Error("the AWS endpoint stopped", "error", err)
		}
	})
	return c, nil
}

func withDefaults(o Options) Options {
	if o.Region == "" {
		o.Region = DefaultRegion
	}
	if o.AccountID == "" {
		o.AccountID = DefaultAccountID
	}
	if o.AddressQuota == 0 {
		o.AddressQuota = DefaultAddressQuota
	}
	if o.Tempo == 0 {
		o.Tempo = DefaultTempo
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

// borderGroups are the Region's own, one of a Local Zone and one of a Wavelength Zone.
func borderGroups(region string) []string {
	return []string{region, region + "-bos-1", region + "-wl1-bos-wlz-1"}
}

// Close stops the gateway. Calls under way are cut.
func (c *Cloud) Close() {
	_ = c.server.Close()
	c.served.Wait()
	c.moto.client.CloseIdleConnections()
	c.client.Close()
}

// ServeHTTP answers one AWS call.
func (c *Cloud) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	r, err := awsapi.Parse(req)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	c.options.Logger.Debug("call", "service", r.Service, "operation", operation(r))
	if c.options.Authorize != nil {
		if refusal := c.options.Authorize(r); refusal != nil {
			awsapi.WriteError(w, r, refusal)
			return
		}
	}
	for _, h := range c.handlers {
		if h.Serve(w, r) {
			return
		}
	}
	if elsewhere[r.Service] {
		c.options.Logger.Warn("refused: not implemented", "service", r.Service, "operation", operation(r))
		awsapi.WriteError(w, r, awsapi.NotImplemented(r))
		return
	}
	c.moto.serve(w, r)
}

// publicIPMoved passes the news of an instance's public address to the Hypervisor.
func (c *Cloud) publicIPMoved(instanceID, publicIP string) {
	if c.options.Hypervisor != nil {
		c.options.Hypervisor.SetPublicIP(instanceID, publicIP)
	}
}

// InstanceTerminated ends the address associations of an instance that is gone. Whoever terminates
// instances behind the gateway's back calls it.
func (c *Cloud) InstanceTerminated(instanceID string) {
	c.addresses.ForgetInstance(instanceID)
	c.forgetRoute(instanceID)
}

// GiveAwayAddress has another AWS account take an address that this one has released: from then on
// AllocateAddress cannot get it back. It reports false for an address that the account still holds.
func (c *Cloud) GiveAwayAddress(publicIP netip.Addr) bool { return c.addresses.GiveAway(publicIP) }

// ManageAddress has a service of AWS (alb, nlb, rds, rnat) keep one of the account's Elastic IPs for itself, or,
// if service is empty, give it up. An unknown allocation id is an error.
func (c *Cloud) ManageAddress(allocationID, service string) error {
	return c.addresses.Manage(allocationID, service)
}

// AddressCounts tells how often Elastic IPs were remapped, stolen and swapped so far.
func (c *Cloud) AddressCounts() elasticip.Counts { return c.addresses.Counts() }

// CreateVPCEndpoint makes a consumer's interface endpoint to one of the account's endpoint
// services, as a principal of another account would. The error carries EC2's code.
func (c *Cloud) CreateVPCEndpoint(serviceName, principalARN, ownerAccount string) (vpceID string, err error) {
	id, refusal := c.endpoints.connect(serviceName, principalARN, ownerAccount)
	if refusal != nil {
		return "", refusal
	}
	return id, nil
}

// AllowsByName reports whether an endpoint service, by its full name, has the principal's very ARN
// among those that it allows. A wildcard or the principal's whole account do not count.
func (c *Cloud) AllowsByName(serviceName, principalARN string) bool {
	return c.endpoints.allowsByName(serviceName, principalARN)
}

// VPCEndpointState returns the state of a consumer's endpoint in EC2's spelling (pendingAcceptance, pending,
// available, rejected, deleting); false if there is none.
func (c *Cloud) VPCEndpointState(vpceID string) (state string, ok bool) {
	return c.endpoints.state(vpceID)
}

// DeleteVPCEndpoint deletes a consumer's endpoint. An unknown id is no error.
func (c *Cloud) DeleteVPCEndpoint(vpceID string) { c.endpoints.disconnect(vpceID) }
