package azureaccount

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
)

// DeletedAccount is an account that was deleted and not yet purged: it keeps its name and
// its subdomain.
type DeletedAccount struct {
	// ID is the id by which Azure purges it.
	ID string
	// CustomSubDomain is the subdomain that it still holds, or "".
	CustomSubDomain string
}

// GetDeletedAccount reads the account that had the id in a location ("eastus", "East US")
// before it was deleted. Azure answers 404 if there is none to restore or to purge.
func (c *Client) GetDeletedAccount(ctx context.Context, id ID, location string) (*DeletedAccount, error) {
	asked := deletedID(id, location, func(s string) string { return s })
	resp, err := c.do(ctx, http.MethodGet, c.endpoint+deletedID(id, location, url.PathEscape)+"?api-version="+APIVersion, nil, nil)
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
	deleted := &DeletedAccount{ID: wire.ID, CustomSubDomain: wire.Properties.CustomSubDomainName}
	if deleted.ID == "" {
		deleted.ID = asked
	}
	return deleted, nil
}

// NormalizeLocation gives a location's name in ARM's ids: "East US" is "eastus".
func NormalizeLocation(location string) string {
	return strings.ReplaceAll(strings.ToLower(location), " ", "")
}

func deletedID(id ID, location string, escape func(string) string) string {
	return fmt.Sprintf("/subscriptions/%s/providers/Microsoft.CognitiveServices/locations/%s/resourceGroups/%s/deletedAccounts/%s",
		escape(id.SubscriptionID), escape(NormalizeLocation(location)), escape(id.ResourceGroup), escape(id.Name))
}
