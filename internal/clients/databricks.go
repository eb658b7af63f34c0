package clients

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/databricks/databricks-sdk-go"
	"github.com/databricks/databricks-sdk-go/config"
	"github.com/databricks/databricks-sdk-go/useragent"
	"github.com/hashicorp/terraform-plugin-framework/diag"
)

// DatabricksConfig is the provider's `databricks` block: two levels, each set up only
// when a resource needs it.
type DatabricksConfig struct {
	Account DatabricksLevel
}

// DatabricksLevel is the `account` part of the `databricks` block. What is empty comes from
// the DATABRICKS_* environment variables or the profile.
type DatabricksLevel struct {
	// Unknown says that a part of the block is not known yet.
	Unknown bool

	Host         string
	AccountID    string
	ClientID     string
	ClientSecret string
	Profile      string
	// AuthType picks one way of authentication ("oauth-m2m", "env-oidc", "databricks-cli", …).
	// Empty means oauth-m2m when a client id is set, and the SDK's own chain otherwise.
	AuthType string
}

// defaultAccountHost is where the account API of Databricks on AWS lives.
const defaultAccountHost = "https://accounts.cloud.databricks.com"

// KnownDatabricksAccount reports whether the `databricks.account` block has no unknown part.
func (c *Clients) KnownDatabricksAccount() bool { return !c.config.Databricks.Account.Unknown }

// HasDatabricksAccount reports whether a Databricks account is configured at all, by
// block or by environment.
func (c *Clients) HasDatabricksAccount() bool {
	level := c.databricksAccount()
	return level.Unknown || level.AccountID != "" || level.Profile != ""
}

// DatabricksAccount returns a client of the Databricks account API.
func (c *Clients) DatabricksAccount(ctx context.Context) (*databricks.AccountClient, diag.Diagnostics) {
	return c.databricks.get(ctx, c.newDatabricksAccount)
}

// databricksAccount is the block with the environment applied.
func (c *Clients) databricksAccount() DatabricksLevel {
	level, getenv := c.config.Databricks.Account, c.config.Getenv
	level.AccountID = cmp.Or(level.AccountID, getenv("DATABRICKS_ACCOUNT_ID"))
	level.Profile = cmp.Or(level.Profile, getenv("DATABRICKS_CONFIG_PROFILE"))
	if level.Profile == "" {
		level.Host = cmp.Or(level.Host, getenv("DATABRICKS_HOST"), defaultAccountHost)
		level.ClientID = cmp.Or(level.ClientID, getenv("DATABRICKS_CLIENT_ID"))
		level.ClientSecret = cmp.Or(level.ClientSecret, getenv("DATABRICKS_CLIENT_SECRET"))
	}
	level.AuthType = cmp.Or(level.AuthType, getenv("DATABRICKS_AUTH_TYPE"))
	// ARM_* variables of another provider beside Databricks' own are ambiguous to the
	// SDK unless the way is named.
	if level.AuthType == "" && level.ClientID != "" && level.ClientSecret != "" {
		level.AuthType = "oauth-m2m"
	}
	return level
}

// nameProduct guards the SDK's one product name, which every client of the process reads.
var nameProduct sync.Once

func (c *Clients) newDatabricksAccount(ctx context.Context) (*databricks.AccountClient, diag.Diagnostics) {
	var diags diag.Diagnostics
	level := c.databricksAccount()
	if level.Unknown {
		return nil, append(diags, unknownError("databricks.account"))
	}
	if level.AccountID == "" && level.Profile == "" {
		diags.AddError("No Databricks account id",
			"The provider's `databricks.account` block has no `account_id`, and DATABRICKS_ACCOUNT_ID is not set. "+
				"Write the id that the Databricks account console shows beside your user name, for example `databricks = { account = { account_id = \"00000000-0000-0000-0000-000000000000\" } }`.")
		return nil, diags
	}
	nameProduct.Do(func() {
		useragent.WithProduct("terraform-provider-crosscloudlink", userAgentVersion(c.config.Version))
	})
	client, err := databricks.NewAccountClient((*databricks.Config)(&config.Config{
		Host: level.Host, AccountID: level.AccountID, ClientID: level.ClientID, ClientSecret: level.ClientSecret, Profile: level.Profile, AuthType: level.AuthType,
	}))
	if err == nil && client.Config.AccountID == "" {
		err = fmt.Errorf("the profile %q holds no account_id", level.Profile)
	}
	if err == nil {
		// The SDK asks for the first token with the first call; asked for now, its error
		// can name this block.
		_, err = client.Config.GetTokenSource().Token(ctx)
	}
	if err != nil {
		tried := "auth_type " + level.AuthType
		if level.AuthType == "" {
			tried = "oauth-m2m (`client_id` and `client_secret`, or DATABRICKS_CLIENT_ID and DATABRICKS_CLIENT_SECRET), databricks-cli, OIDC of the environment (env-oidc, file-oidc, github-oidc), azure-*"
		}
		diags.AddError("No usable Databricks account credentials for the provider's `databricks.account` block",
			fmt.Sprintf("Tried: %s, at %s.\n\nWhat came back: %s\n\nThe account API takes OAuth only: give a service principal with the account admin role, by `client_id` and `client_secret` or by a federation policy (`auth_type = \"env-oidc\"`). "+
				"A team without account rights can approve by `vpc_endpoint_id` instead, with no Databricks credential at all.",
				tried, cmp.Or(level.Host, "the host of profile "+level.Profile), strings.TrimSpace(err.Error())))
		return nil, diags
	}
	return client, nil
}

// userAgentVersion makes a version that the SDK accepts as semantic.
func userAgentVersion(version string) string {
	if version == "" || version[0] < '0' || version[0] > '9' {
		return "0.0.0-dev"
	}
	return version
}
