package azureaccount

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
)

// APIVersion is the version of Microsoft.CognitiveServices that is spoken: the newest
// in which networkAcls was checked against the published specification.
const APIVersion = "2025-06-01"

// Client talks to one ARM endpoint.
type Client struct {
	pipeline runtime.Pipeline
	endpoint string
}

// New returns a client of the ARM base URL endpoint, such as https://management.azure.com.
// The pipeline brings authentication and the retries of single requests.
func New(pipeline runtime.Pipeline, endpoint string) *Client {
	return &Client{pipeline: pipeline, endpoint: strings.TrimRight(endpoint, "/")}
}

// Get reads an account. Errors of ARM are *azcore.ResponseError.
func (c *Client) Get(ctx context.Context, id ID) (*Account, error) {
	resp, err := c.do(ctx, http.MethodGet, c.accountURL(id), nil, nil)
	if err != nil {
		return nil, err
	}
	defer closeBody(resp)
	if !runtime.HasStatusCode(resp, http.StatusOK) {
		return nil, runtime.NewResponseError(resp)
	}
	var wire wireAccount
	if err := runtime.UnmarshalAsJSON(resp, &wire); err != nil {
		return nil, err
	}
	return wire.account(resp.Header.Get("ETag")), nil
}

// NetworkChange is all that a PATCH of the firewall carries; sku, kind, location, tags
// and identity are never part of it.
type NetworkChange struct {
	ACLs NetworkACLs
	// PublicNetworkAccess is left out when empty.
	PublicNetworkAccess string
}

// PatchNetwork starts a change of the account's network settings, provided that the
// account still has the ETag (unless that is empty). It is sent once: what was read may be
// out of date by the time that the pipeline would send it again. The change runs on in
// Azure whatever becomes of ctx; Operation.Poll follows it.
func (c *Client) PatchNetwork(ctx context.Context, id ID, etag string, change NetworkChange) (*Operation, error) {
	type properties struct {
		NetworkACLs         NetworkACLs `json:"networkAcls"`
		PublicNetworkAccess string      `json:"publicNetworkAccess,omitempty"`
	}
	acls := change.ACLs
	if acls.IPRules == nil {
		acls.IPRules = []IPRule{}
	}
	if acls.VirtualNetworkRules == nil {
		acls.VirtualNetworkRules = []json.RawMessage{}
	}
	body := struct {
		Properties properties `json:"properties"`
	}{properties{acls, change.PublicNetworkAccess}}

	header := http.Header{}
	if etag != "" {
		header.Set("If-Match", etag)
	}
	once := policy.WithRetryOptions(ctx, policy.RetryOptions{MaxRetries: -1})
	resp, err := c.do(once, http.MethodPatch, c.accountURL(id), header, body)
	if err != nil {
		return nil, err
	}
	defer closeBody(resp)
	return c.startOperation(resp, id)
}

func (c *Client) accountURL(id ID) string {
	return c.endpoint + id.path() + "?api-version=" + APIVersion
}

func (c *Client) do(ctx context.Context, method, url string, header http.Header, body any) (*http.Response, error) {
	req, err := runtime.NewRequest(ctx, method, url)
	if err != nil {
		return nil, err
	}
	req.Raw().Header.Set("Accept", "application/json")
	for name, values := range header {
		req.Raw().Header[name] = values
	}
	if body != nil {
		if err := runtime.MarshalAsJSON(req, body); err != nil {
			return nil, err
		}
	}
	return c.pipeline.Do(req)
}

// closeBody ends with an answer. The pipeline has read it into memory, where an error
// made of it can still be read.
func closeBody(resp *http.Response) { _ = resp.Body.Close() }
