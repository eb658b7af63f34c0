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
	// Location is where it was, as Azure spells it.
	Location string
	// DeletedAt and PurgedAt are when it was deleted and when Azure will purge it, as Azure
	// writes these times (RFC 3339), or "".
	DeletedAt, PurgedAt string
}

// GetDeletedAccount reads the account that had the id in a location ("eastus", "East US")
// before it was deleted. Azure answers 404 if there is none to restore or to purge.
func (c *Client) GetDeletedAccount(ctx context.Context, id ID, location string) (*DeletedAccount, error) {
	asked := deletedID(id, location, verbatim)
	resp, err := c.do(ctx, http.MethodGet, c.endpoint+deletedID(id, location, url.PathEscape)+"?api-version="+APIVersion, nil, nil)
	if err != nil {
		return nil, err
	}
	defer closeBody(resp)
	if !runtime.HasStatusCode(resp, http.StatusOK) {
		return nil, runtime.NewResponseError(resp)
	}
	var wire wireDeleted
	if err := runtime.UnmarshalAsJSON(resp, &wire); err != nil {
		return nil, err
	}
	deleted := wire.deleted()
	if deleted.ID == "" {
		deleted.ID = asked
	}
	return deleted, nil
}

// FindDeletedAccount looks for the account that had the id among the subscription's deleted
// ones, wherever it was; nil if there is none to restore or to purge.
func (c *Client) FindDeletedAccount(ctx context.Context, id ID) (*DeletedAccount, error) {
	var found *DeletedAccount
	address := c.endpoint + "/subscriptions/" + url.PathEscape(id.SubscriptionID) + "/providers/Microsoft.CognitiveServices/deletedAccounts"
	err := list(ctx, c, address, func(wire wireDeleted) bool {
		if deleted := wire.deleted(); strings.EqualFold(deleted.ID, deletedID(id, deleted.Location, verbatim)) {
			found = deleted
		}
		return found == nil
	})
	return found, err
}

// wireDeleted is the part of ARM's JSON of a deleted account that is read.
type wireDeleted struct {
	ID         string `json:"id"`
	Location   string `json:"location"`
	Properties struct {
		CustomSubDomainName string `json:"customSubDomainName"`
		DeletionDate        string `json:"deletionDate"`
		ScheduledPurgeDate  string `json:"scheduledPurgeDate"`
	} `json:"properties"`
}

func (w wireDeleted) deleted() *DeletedAccount {
	return &DeletedAccount{
		ID: w.ID, Location: w.Location, CustomSubDomain: w.Properties.CustomSubDomainName,
		DeletedAt: w.Properties.DeletionDate, PurgedAt: w.Properties.ScheduledPurgeDate,
	}
}

// NormalizeLocation gives a location's name in ARM's ids: "East US" is "eastus".
func NormalizeLocation(location string) string {
	return strings.ReplaceAll(strings.ToLower(location), " ", "")
}

func verbatim(s string) string { return s }

func deletedID(id ID, location string, escape func(string) string) string {
	return fmt.Sprintf("/subscriptions/%s/providers/Microsoft.CognitiveServices/locations/%s/resourceGroups/%s/deletedAccounts/%s",
		escape(id.SubscriptionID), escape(NormalizeLocation(location)), escape(id.ResourceGroup), escape(id.Name))
}
