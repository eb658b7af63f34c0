// Package azurelive asks Azure what its documentation leaves open about network rules of Azure OpenAI accounts.
package azurelive

import (
	"cmp"
	"context"
	"net/http"
	"time"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/clients"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/live"
)

// Variables that the suite reads.
const (
	inputLocation      = "CROSSCLOUDLINK_LIVE_AZURE_LOCATION"
	inputGroup         = "CROSSCLOUDLINK_LIVE_AZURE_RESOURCE_GROUP"
	inputPublicIP      = "CROSSCLOUDLINK_LIVE_PUBLIC_IP"
	inputModel         = "CROSSCLOUDLINK_LIVE_AZURE_MODEL"
	inputSubnetAccount = "CROSSCLOUDLINK_LIVE_AZURE_SUBNET_ACCOUNT_ID"
	inputGroupClient   = "CROSSCLOUDLINK_LIVE_AZURE_GROUP_CLIENT_ID"
	inputGroupSecret   = "CROSSCLOUDLINK_LIVE_AZURE_GROUP_CLIENT_SECRET"
)

// defaultLocation is where accounts are made unless inputLocation says otherwise.
const defaultLocation = "eastus"

// Options are how the suite reaches Azure.
type Options struct {
	// Connect returns the client of the identity that the questions are asked as.
	Connect func(context.Context) (*clients.Azure, error)
	// ConnectAs returns the client of another service principal of the tenant.
	ConnectAs func(ctx context.Context, clientID, clientSecret string) (*clients.Azure, error)
	// Data asks the data plane.
	Data *http.Client
	// Getenv reads the inputs.
	Getenv func(string) string
}

// Live reaches the Azure that the environment leads to, as the provider does.
func Live(getenv func(string) string) Options {
	connect := func(config clients.AzureConfig) func(context.Context) (*clients.Azure, error) {
		return func(ctx context.Context) (*clients.Azure, error) {
			azure, diags := clients.New(clients.Config{Azure: config, Getenv: getenv}).Azure(ctx)
			return azure, live.Refusal(diags)
		}
	}
	return Options{
		Connect: connect(clients.AzureConfig{}),
		ConnectAs: func(ctx context.Context, clientID, clientSecret string) (*clients.Azure, error) {
			return connect(clients.AzureConfig{ClientID: clientID, ClientSecret: clientSecret})(ctx)
		},
		Data:   &http.Client{Timeout: 10 * time.Second},
		Getenv: getenv,
	}
}

// suite is what the questions share.
type suite struct {
	options Options
	azure   *clients.Azure

	connected live.Once[*clients.Azure]
	madeGroup live.Once[string]
	account   live.Once[*account]
}

// Suite returns the questions, in the order in which they are asked.
func Suite(options Options) live.Suite {
	s := &suite{options: options}
	return live.Suite{
		Cloud: "azure", Switch: "TF_ACC_AZURE",
		Inputs: []live.Input{
			{Name: inputLocation, Meaning: "where accounts are made; " + defaultLocation + " unless set"},
			{Name: inputGroup, Meaning: "an existing resource group for them; one is made unless set"},
			{Name: inputPublicIP, Meaning: "the public IPv4 address by which this machine reaches the internet"},
			{Name: inputModel, Meaning: "a model to deploy, as NAME:VERSION:SKU, for example text-embedding-3-small:1:GlobalStandard"},
			{Name: inputSubnetAccount, Meaning: "the ARM id of an account of yours that lists a subnet on which your identity has no right; it is sent its own network rules, unchanged"},
			{Name: inputGroupClient, Meaning: "the client id of a service principal with rights on a resource group alone"},
			{Name: inputGroupSecret, Meaning: "its secret"},
		},
		Questions: append(s.writing(), s.reading()...),
	}
}

// location is where accounts are made.
func (s *suite) location() string { return cmp.Or(s.options.Getenv(inputLocation), defaultLocation) }

// connect logs in; the clients are there from then on.
func (s *suite) connect(ctx context.Context) error {
	var err error
	s.azure, err = s.connected.Get(func() (*clients.Azure, error) { return s.options.Connect(ctx) })
	return err
}

// onAccount is a question about the account that most of them share.
func (s *suite) onAccount(ask func(ctx context.Context, session *live.Session, a *account) (live.Answer, error)) func(context.Context, *live.Session) (live.Answer, error) {
	return func(ctx context.Context, session *live.Session) (live.Answer, error) {
		if err := s.connect(ctx); err != nil {
			return live.Answer{}, err
		}
		a, err := s.account.Get(func() (*account, error) { return s.newAccount(ctx, session, "acct", hostA) })
		if err != nil {
			return live.Answer{}, err
		}
		return ask(ctx, session, a)
	}
}
