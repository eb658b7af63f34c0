package clients

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/arm"
	armruntime "github.com/Azure/azure-sdk-for-go/sdk/azcore/arm/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/hashicorp/terraform-plugin-framework/diag"
)

// AzureConfig is the provider's `azure` block. What is empty comes from the ARM_*
// environment variables that azurerm and azapi read.
type AzureConfig struct {
	// Unknown says that a part of the block is not known yet.
	Unknown bool

	SubscriptionID string
	TenantID       string
	ClientID       string
	ClientSecret   string
	// OIDCToken is an identity token; OIDCTokenFilePath a file that holds one.
	OIDCToken         string
	OIDCTokenFilePath string
	// UseMSI and UseCLI allow a managed identity and the Azure CLI; nil reads the
	// environment, then false and true.
	UseMSI *bool
	UseCLI *bool
	// Environment is "public", "usgovernment" or "china"; ignored beside MetadataHost.
	Environment string
	// MetadataHost is the host (and port) of an Azure metadata endpoint to ask for all the others.
	MetadataHost string
	// ResourceManagerEndpoint, ResourceManagerAudience and AuthorityHost replace what the
	// environment says.
	ResourceManagerEndpoint string
	ResourceManagerAudience string
	AuthorityHost           string
}

// Azure holds what the resources use of Azure Resource Manager.
type Azure struct {
	// SubscriptionID is the configured subscription, or empty: resources go by full ids.
	SubscriptionID string
	// Endpoint is ARM's base URL, without a slash at the end.
	Endpoint string
	// Pipeline authenticates, and retries 408, 429, 500, 502, 503 and 504.
	Pipeline runtime.Pipeline
}

// metadataAPIVersion is the version of the metadata document that azurerm reads too.
const metadataAPIVersion = "2022-09-01"

var azureEnvironments = map[string]cloud.Configuration{
	"public":       cloud.AzurePublic,
	"usgovernment": cloud.AzureGovernment,
	"china":        cloud.AzureChina,
}

// KnownAzure reports whether the `azure` block has no unknown part, so that a plan may use Azure.
func (c *Clients) KnownAzure() bool { return !c.config.Azure.Unknown }

// Azure returns a client of the provider's `azure` block.
func (c *Clients) Azure(ctx context.Context) (*Azure, diag.Diagnostics) {
	return c.azure.get(ctx, c.newAzure)
}

func (c *Clients) newAzure(ctx context.Context) (*Azure, diag.Diagnostics) {
	var diags diag.Diagnostics
	if c.config.Azure.Unknown {
		return nil, append(diags, unknownError("azure"))
	}
	block := c.azureWithEnvironment()
	configuration, custom, err := azureCloud(ctx, block)
	if err != nil {
		diags.AddError("Cannot find out Azure's endpoints", fmt.Sprintf("%s\n\nCheck `environment`, `metadata_host` and the endpoint overrides in the provider's `azure` block, or ARM_ENVIRONMENT and ARM_METADATA_HOSTNAME.", err))
		return nil, diags
	}
	credential, tried, err := azureCredential(block, configuration, custom)
	if err == nil {
		service := configuration.Services[cloud.ResourceManager]
		_, err = credential.GetToken(ctx, policy.TokenRequestOptions{Scopes: []string{strings.TrimRight(service.Audience, "/") + "/.default"}})
	}
	if err != nil {
		diags.AddError("No usable Azure credentials for the provider's `azure` block",
			fmt.Sprintf("Tried, in this order: %s.\n\nWhat came back: %s\n\nGive a service principal by `client_id`, `tenant_id` and one of `client_secret` or `oidc_token` (ARM_CLIENT_ID, ARM_TENANT_ID, ARM_CLIENT_SECRET or ARM_OIDC_TOKEN), or `use_msi`, or log in with `az login`; in HCP Terraform turn on dynamic credentials for Azure.",
				tried, azureCredentialText(err)))
		return nil, diags
	}
	pipeline, err := armruntime.NewPipeline("crosscloudlink", c.config.Version, credential, runtime.PipelineOptions{},
		&arm.ClientOptions{
			ClientOptions:         policy.ClientOptions{Cloud: configuration, PerCallPolicies: []policy.Policy{userAgentPolicy(c.userAgent())}},
			DisableRPRegistration: true,
		})
	if err != nil {
		diags.AddError("Cannot set up the Azure client", err.Error())
		return nil, diags
	}
	return &Azure{
		SubscriptionID: block.SubscriptionID,
		Endpoint:       strings.TrimRight(configuration.Services[cloud.ResourceManager].Endpoint, "/"),
		Pipeline:       pipeline,
	}, nil
}

// azureWithEnvironment is the block with the ARM_* environment applied.
func (c *Clients) azureWithEnvironment() AzureConfig {
	block, getenv := c.config.Azure, c.config.Getenv
	block.SubscriptionID = cmp.Or(block.SubscriptionID, getenv("ARM_SUBSCRIPTION_ID"))
	block.TenantID = cmp.Or(block.TenantID, getenv("ARM_TENANT_ID"))
	block.ClientID = cmp.Or(block.ClientID, getenv("ARM_CLIENT_ID"))
	block.ClientSecret = cmp.Or(block.ClientSecret, getenv("ARM_CLIENT_SECRET"))
	block.OIDCToken = cmp.Or(block.OIDCToken, getenv("ARM_OIDC_TOKEN"))
	block.OIDCTokenFilePath = cmp.Or(block.OIDCTokenFilePath, getenv("ARM_OIDC_TOKEN_FILE_PATH"), getenv("AZURE_FEDERATED_TOKEN_FILE"))
	block.Environment = cmp.Or(block.Environment, getenv("ARM_ENVIRONMENT"), "public")
	block.MetadataHost = cmp.Or(block.MetadataHost, getenv("ARM_METADATA_HOSTNAME"), getenv("ARM_METADATA_HOST"))
	block.ResourceManagerEndpoint = cmp.Or(block.ResourceManagerEndpoint, getenv("ARM_RESOURCE_MANAGER_ENDPOINT"))
	block.ResourceManagerAudience = cmp.Or(block.ResourceManagerAudience, getenv("ARM_RESOURCE_MANAGER_AUDIENCE"))
	block.AuthorityHost = cmp.Or(block.AuthorityHost, getenv("ARM_ACTIVE_DIRECTORY_AUTHORITY_HOST"))
	block.UseMSI = envBool(block.UseMSI, getenv("ARM_USE_MSI"), false)
	block.UseCLI = envBool(block.UseCLI, getenv("ARM_USE_CLI"), true)
	return block
}

func envBool(set *bool, env string, otherwise bool) *bool {
	if set != nil {
		return set
	}
	if v, err := strconv.ParseBool(env); err == nil {
		return &v
	}
	return &otherwise
}

// azureCloud finds the endpoints; custom tells that they are not those of a public
// Azure cloud, whose instance discovery would then fail.
func azureCloud(ctx context.Context, block AzureConfig) (configuration cloud.Configuration, custom bool, err error) {
	if block.MetadataHost != "" {
		configuration, err = azureMetadata(ctx, block.MetadataHost)
		custom = true
	} else {
		known, ok := azureEnvironments[block.Environment]
		if !ok {
			return cloud.Configuration{}, false, fmt.Errorf("there is no Azure environment %q; write public, usgovernment or china", block.Environment)
		}
		configuration = cloud.Configuration{ActiveDirectoryAuthorityHost: known.ActiveDirectoryAuthorityHost, Services: map[cloud.ServiceName]cloud.ServiceConfiguration{cloud.ResourceManager: known.Services[cloud.ResourceManager]}}
	}
	if err != nil {
		return cloud.Configuration{}, custom, err
	}
	service := configuration.Services[cloud.ResourceManager]
	service.Endpoint = cmp.Or(block.ResourceManagerEndpoint, service.Endpoint)
	service.Audience = cmp.Or(block.ResourceManagerAudience, service.Audience)
	configuration.Services[cloud.ResourceManager] = service
	if block.AuthorityHost != "" {
		configuration.ActiveDirectoryAuthorityHost, custom = block.AuthorityHost, true
	}
	return configuration, custom, nil
}

// azureMetadata reads the document from which azurerm too takes its endpoints.
func azureMetadata(ctx context.Context, host string) (cloud.Configuration, error) {
	address := url.URL{Scheme: "https", Host: strings.TrimSuffix(strings.TrimPrefix(host, "https://"), "/"), Path: "/metadata/endpoints", RawQuery: "api-version=" + metadataAPIVersion}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address.String(), nil)
	if err != nil {
		return cloud.Configuration{}, fmt.Errorf("the metadata host %q is no host name: %w", host, err)
	}
	response, err := plainHTTPClient().Do(request)
	if err != nil {
		return cloud.Configuration{}, fmt.Errorf("asking the metadata host: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		return cloud.Configuration{}, errors.Join(fmt.Errorf("the metadata host %s answered %s", host, response.Status), err)
	}
	var document struct {
		ResourceManager string `json:"resourceManager"`
		Authentication  struct {
			LoginEndpoint string   `json:"loginEndpoint"`
			Audiences     []string `json:"audiences"`
		} `json:"authentication"`
	}
	if err := json.Unmarshal(body, &document); err != nil {
		return cloud.Configuration{}, fmt.Errorf("the metadata of %s cannot be read: %w", host, err)
	}
	if document.ResourceManager == "" || document.Authentication.LoginEndpoint == "" || len(document.Authentication.Audiences) == 0 {
		return cloud.Configuration{}, fmt.Errorf("the metadata of %s lacks resourceManager, loginEndpoint or audiences", host)
	}
	return cloud.Configuration{
		ActiveDirectoryAuthorityHost: document.Authentication.LoginEndpoint,
		Services: map[cloud.ServiceName]cloud.ServiceConfiguration{
			cloud.ResourceManager: {Endpoint: document.ResourceManager, Audience: document.Authentication.Audiences[0]},
		},
	}, nil
}

// azureCredential chains the ways of authentication that the block has the inputs for,
// and says in words which ones those are.
func azureCredential(block AzureConfig, configuration cloud.Configuration, custom bool) (credential azcore.TokenCredential, tried string, err error) {
	options := policy.ClientOptions{Cloud: configuration}
	var chain []azcore.TokenCredential
	var names []string
	add := func(name string, credential azcore.TokenCredential, err error) error {
		names = append(names, name)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		chain = append(chain, credential)
		return nil
	}
	principal := block.TenantID != "" && block.ClientID != ""
	if principal && block.ClientSecret != "" {
		c, err := azidentity.NewClientSecretCredential(block.TenantID, block.ClientID, block.ClientSecret, &azidentity.ClientSecretCredentialOptions{ClientOptions: options, DisableInstanceDiscovery: custom})
		if err := add("client secret of "+block.ClientID, c, err); err != nil {
			return nil, strings.Join(names, "; "), err
		}
	}
	if principal && (block.OIDCToken != "" || block.OIDCTokenFilePath != "") {
		c, err := azidentity.NewClientAssertionCredential(block.TenantID, block.ClientID, oidcAssertion(block), &azidentity.ClientAssertionCredentialOptions{ClientOptions: options, DisableInstanceDiscovery: custom})
		if err := add("OIDC token of "+block.ClientID, c, err); err != nil {
			return nil, strings.Join(names, "; "), err
		}
	}
	if *block.UseMSI {
		msi := &azidentity.ManagedIdentityCredentialOptions{ClientOptions: options}
		if block.ClientID != "" {
			msi.ID = azidentity.ClientID(block.ClientID)
		}
		c, err := azidentity.NewManagedIdentityCredential(msi)
		if err := add("managed identity", c, err); err != nil {
			return nil, strings.Join(names, "; "), err
		}
	}
	if *block.UseCLI && len(chain) == 0 {
		c, err := azidentity.NewAzureCLICredential(&azidentity.AzureCLICredentialOptions{TenantID: block.TenantID})
		if err := add("Azure CLI", c, err); err != nil {
			return nil, strings.Join(names, "; "), err
		}
	}
	if len(chain) == 0 {
		return nil, "nothing, as neither a client secret, nor an OIDC token, nor a managed identity, nor the Azure CLI is set or allowed", errors.New("no way of authentication has its inputs")
	}
	chained, err := azidentity.NewChainedTokenCredential(chain, nil)
	return chained, strings.Join(names, "; "), err
}

// oidcAssertion reads the token anew each time: HCP Terraform renews the file during a run.
func oidcAssertion(block AzureConfig) func(context.Context) (string, error) {
	return func(context.Context) (string, error) {
		if block.OIDCToken != "" {
			return block.OIDCToken, nil
		}
		token, err := os.ReadFile(block.OIDCTokenFilePath)
		if err != nil {
			return "", fmt.Errorf("reading the OIDC token file: %w", err)
		}
		return strings.TrimSpace(string(token)), nil
	}
}

// azureCredentialText leaves out the raw HTTP answer that azidentity appends.
func azureCredentialText(err error) string {
	var failed *azidentity.AuthenticationFailedError
	if errors.As(err, &failed) && failed.RawResponse != nil && failed.RawResponse.Body != nil {
		var answer struct {
			Error       string `json:"error"`
			Description string `json:"error_description"`
		}
		if body, readErr := io.ReadAll(failed.RawResponse.Body); readErr == nil && json.Unmarshal(body, &answer) == nil && answer.Description != "" {
			return answer.Error + ": " + answer.Description
		}
	}
	return err.Error()
}

type userAgentPolicy string

func (p userAgentPolicy) Do(req *policy.Request) (*http.Response, error) {
	agent := string(p)
	if sdk := req.Raw().Header.Get("User-Agent"); sdk != "" {
		agent += " " + sdk
	}
	req.Raw().Header.Set("User-Agent", agent)
	return req.Next()
}
