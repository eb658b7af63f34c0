// Package clients turns the provider's configuration into SDK clients, one file a
// cloud. Nothing is set up, and no credential is asked for, before a resource needs it.
package clients

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/databricks/databricks-sdk-go"
	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/waiter"
)

// DefaultOwner is the owner that objects are marked with unless the configuration names one.
const DefaultOwner = "default"

// Config is the provider's configuration, defaults and environment applied.
type Config struct {
	// Version is the provider's version, for user agents.
	Version string
	// TerraformVersion is the version of the CLI that runs the provider.
	TerraformVersion string
	// Owner marks what this configuration makes; see Clients.Owner.
	Owner      string
	AWS        AWSConfig
	Azure      AzureConfig
	Databricks DatabricksConfig
	// Getenv reads the environment.
	Getenv func(string) string
}

// Clients hands out one client for each cloud and Databricks level, made when first asked for.
type Clients struct {
	config     Config
	aws        lazy[*AWS]
	azure      lazy[*Azure]
	databricks lazy[*databricks.AccountClient]
}

// New returns the clients of a configuration. It reaches no cloud.
func New(config Config) *Clients { return &Clients{config: config} }

// FromProviderData returns the clients that the provider's Configure handed to a
// resource, or nil before Configure ran (then there is nothing to report).
func FromProviderData(data any, diags *diag.Diagnostics) *Clients {
	if data == nil {
		return nil
	}
	c, ok := data.(*Clients)
	if !ok {
		diags.AddError("Unexpected provider data",
			fmt.Sprintf("The provider handed over %T where *clients.Clients was expected. Please report this to the provider's developers.", data))
		return nil
	}
	return c
}

// Owner names the configuration that objects in the clouds belong to. It is written
// as a tag; an object of the same name with another owner is never touched.
func (c *Clients) Owner() string {
	if c.config.Owner == "" {
		return DefaultOwner
	}
	return c.config.Owner
}

// Waiter is how all resources of the provider wait.
func (c *Clients) Waiter() waiter.Waiter {
	return waiter.Waiter{Min: time.Second, Max: 10 * time.Second}
}

// userAgent names product and version as the Terraform ecosystem does.
func (c *Clients) userAgent() string {
	return fmt.Sprintf("HashiCorp Terraform/%s terraform-provider-crosscloudlink/%s", c.config.TerraformVersion, c.config.Version)
}

// lazy makes a value once it is asked for, and keeps it unless making it failed.
type lazy[T any] struct {
	mu    sync.Mutex
	made  bool
	value T
}

func (l *lazy[T]) get(ctx context.Context, create func(context.Context) (T, diag.Diagnostics)) (T, diag.Diagnostics) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.made {
		return l.value, nil
	}
	value, diags := create(ctx)
	if !diags.HasError() {
		l.value, l.made = value, true
	}
	return value, diags
}

// unknownError says that a block cannot be used yet because part of it is not known.
func unknownError(block string) diag.Diagnostic {
	return diag.NewErrorDiagnostic(
		fmt.Sprintf("The provider's %s configuration is not known yet", block),
		fmt.Sprintf("A value in the provider's `%s` block comes from something that is only known after apply, so this cloud cannot be reached now. "+
			"Either apply what it comes from first (terraform apply -target=…), or give the value directly, or leave it out and use the environment.", block))
}

// httpTimeout bounds a single HTTP exchange that is made outside of an SDK.
const httpTimeout = 30 * time.Second

func plainHTTPClient() *http.Client { return &http.Client{Timeout: httpTimeout} }
