package azureaccount

import (
	"context"
	"net/http"
	"net/url"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
)

// resourceType is what a subdomain is asked for.
const resourceType = "Microsoft.CognitiveServices/accounts"

// DomainAvailability is Azure's answer to whether a new account may take a subdomain.
type DomainAvailability struct {
	Available bool
	// Reason is Azure's own text on why not, or "".
	Reason string
}

// CheckDomainAvailability asks whether a new account of the subscription may take a
// subdomain. Subdomains are unique in all of Azure, so that the one in the way may be
// another tenant's, and a deleted account keeps its own until it is purged.
func (c *Client) CheckDomainAvailability(ctx context.Context, subscriptionID, subdomain string) (DomainAvailability, error) {
	address := c.endpoint + "/subscriptions/" + url.PathEscape(subscriptionID) +
		"/providers/Microsoft.CognitiveServices/checkDomainAvailability?api-version=" + APIVersion
	resp, err := c.do(ctx, http.MethodPost, address, nil, map[string]string{"subdomainName": subdomain, "type": resourceType})
	if err != nil {
		return DomainAvailability{}, err
	}
	defer closeBody(resp)
	if !runtime.HasStatusCode(resp, http.StatusOK) {
		return DomainAvailability{}, runtime.NewResponseError(resp)
	}
	var answer struct {
		Available bool   `json:"isSubdomainAvailable"`
		Reason    string `json:"reason"`
	}
	if err := runtime.UnmarshalAsJSON(resp, &answer); err != nil {
		return DomainAvailability{}, err
	}
	return DomainAvailability{Available: answer.Available, Reason: answer.Reason}, nil
}
