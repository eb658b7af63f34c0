package azure

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

// retention is how long the service keeps a deleted account, with its name and subdomain.
const retention = 48 * time.Hour

// deletedAccount is an account that was deleted and may still be purged.
type deletedAccount struct {
	account    *account
	deletedAt  time.Time
	purging    bool
	purgeUntil time.Time
}

func (d *deletedAccount) gone(now time.Time) bool {
	return d.purging && !now.Before(d.purgeUntil) || !now.Before(d.deletedAt.Add(retention))
}

func (c *Cloud) deletedAccountID(a *account) string {
	return "/subscriptions/" + c.options.SubscriptionID + "/providers/" + namespace + "/locations/" + a.location +
		"/resourceGroups/" + a.group + "/deletedAccounts/" + a.name
}

func (c *Cloud) deletedAccountBody(d *deletedAccount, now time.Time) any {
	properties := d.account.shownProperties(now)
	properties["deletionDate"] = d.deletedAt.UTC().Format(time.RFC3339)
	properties["scheduledPurgeDate"] = d.deletedAt.Add(retention).UTC().Format(time.RFC3339)
	body := c.accountBody(d.account, now)
	body["id"] = c.deletedAccountID(d.account)
	body["type"] = namespace + "/locations/resourceGroups/deletedAccounts"
	body["properties"] = properties
	return body
}

// softDelete takes an account out of its group and keeps it for its retention. The caller holds mu.
func (c *Cloud) softDelete(a *account, at time.Time) {
	key := strings.ToLower(a.id)
	delete(c.accounts, key)
	// What was under way ended with the account.
	a.busyUntil = time.Time{}
	c.deleted[key] = &deletedAccount{account: a, deletedAt: at}
}

func (c *Cloud) sortedDeleted() []*deletedAccount {
	return slices.SortedFunc(maps.Values(c.deleted), func(x, y *deletedAccount) int { return strings.Compare(x.account.id, y.account.id) })
}

func (call *armCall) deletedAccount() (*deletedAccount, *armError) {
	location, group, name := call.params["location"], call.params["group"], call.params["account"]
	d, ok := call.cloud.deleted[strings.ToLower(call.cloud.accountID(group, name))]
	if !ok || !strings.EqualFold(d.account.location, location) {
		return nil, armErrorf(http.StatusNotFound, "ResourceNotFound", "The deleted account '%s' of resource group '%s' was not found in location '%s'.", name, group, location)
	}
	return d, nil
}

func getDeletedAccount(call *armCall) (reply, *armError) {
	d, err := call.deletedAccount()
	if err != nil {
		return reply{}, err
	}
	return reply{http.StatusOK, call.cloud.deletedAccountBody(d, call.now)}, nil
}

func listDeletedAccounts(call *armCall) (reply, *armError) {
	items := []any{}
	for _, d := range call.cloud.sortedDeleted() {
		items = append(items, call.cloud.deletedAccountBody(d, call.now))
	}
	return reply{http.StatusOK, map[string]any{"value": items}}, nil
}

// purgeDeletedAccount frees the account's name and subdomain, once it has ended.
func purgeDeletedAccount(call *armCall) (reply, *armError) {
	d, err := call.deletedAccount()
	if err != nil {
		return reply{status: http.StatusNoContent}, nil
	}
	if !d.purging {
		d.purging, d.purgeUntil = true, call.now.Add(call.cloud.options.OperationTime)
	}
	call.startOperation(namespace, d.account.location, d.purgeUntil)
	return reply{status: http.StatusAccepted}, nil
}

// refuseSoftDeleted refuses to make an account whose id a deleted one still has.
func (call *armCall) refuseSoftDeleted(id string, properties map[string]any) *armError {
	d, ok := call.cloud.deleted[strings.ToLower(id)]
	if !ok {
		return nil
	}
	if restore, _ := properties["restore"].(bool); restore {
		return armErrorf(http.StatusNotImplemented, "NotImplemented", "The sandbox does not implement Accounts_Create with restore; purge %s instead.", call.cloud.deletedAccountID(d.account))
	}
	return armErrorf(http.StatusConflict, "FlagMustBeSetForRestore", "An existing resource with ID '%s' has been soft-deleted. To restore the resource, you must specify 'restore' to be 'true' in the property. If you don't want to restore existing resource, please purge it first.", d.account.id)
}
