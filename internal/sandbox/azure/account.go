package azure

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

const (
	accountType = "Microsoft.CognitiveServices/accounts"
	namespace   = "Microsoft.CognitiveServices"
)

// account is a Cognitive Services account of kind OpenAI or AIServices.
type account struct {
	id, name, group, location, kind string
	sku, tags, identity             any
	properties                      map[string]any // what clients wrote, merged
	etag                            string         // with its quotes
	keys                            [2]string
	created                         time.Time
	deployments                     map[string]*deployment // by lower-cased name

	busyUntil time.Time
	busyState string // provisioningState until busyUntil
	deleting  bool

	association *association // with a network security perimeter, or nil

	history []firewallVersion // oldest first
}

// firewallVersion is a firewall and when the data plane begins to obey it.
type firewallVersion struct {
	from     time.Time
	firewall firewall
	by       string // user agent of the writer; empty for another's hand
}

func (a *account) subdomain() string {
	s, _ := a.properties["customSubDomainName"].(string)
	return s
}

func (a *account) state(now time.Time) string {
	if now.Before(a.busyUntil) {
		return a.busyState
	}
	return "Succeeded"
}

// effectiveFirewall is the firewall that the data plane obeys now.
func (a *account) effectiveFirewall(now time.Time) firewall {
	current := a.history[0].firewall
	for _, v := range a.history[1:] {
		if !v.from.After(now) {
			current = v.firewall
		}
	}
	return current
}

// changed gives the account a new etag and lets its firewall spread from until on. by is
// the user agent of who changed it.
func (a *account) changed(until time.Time, propagation time.Duration, by string) {
	a.etag = `"` + newID() + `"`
	from := until.Add(propagation)
	if len(a.history) == 0 {
		from = time.Time{}
	}
	a.history = append(a.history, firewallVersion{from: from, firewall: a.firewall(), by: by})
}

// begin makes the account busy with a write; it returns when the write ends.
func (call *armCall) begin(a *account, state string) time.Time {
	a.busyUntil = call.now.Add(call.cloud.options.OperationTime)
	a.busyState = state
	call.startOperation(namespace, a.location, a.busyUntil)
	return a.busyUntil
}

// endpoints are the account's own one, and those of the services behind it.
func (a *account) endpoints() (own string, all map[string]string) {
	sub := a.subdomain()
	regional := "https://" + a.location + ".api.cognitive.microsoft.com/"
	switch {
	case sub == "":
		return regional, map[string]string{"OpenAI Language Model Instance API": regional}
	case a.kind == "AIServices":
		own = "https://" + sub + servicesDomain + "/"
		return own, map[string]string{
			"OpenAI Language Model Instance API": "https://" + sub + dataDomain + "/",
			"AI Foundry API":                     "https://" + sub + foundryDomain + "/",
			"Azure AI Model Inference API":       "https://" + sub + foundryDomain + "/",
		}
	default:
		own = "https://" + sub + dataDomain + "/"
		return own, map[string]string{"OpenAI Language Model Instance API": own}
	}
}

// shownProperties are those that clients wrote, and the service's own.
func (a *account) shownProperties(now time.Time) map[string]any {
	properties := maps.Clone(a.properties)
	if _, ok := properties["publicNetworkAccess"]; !ok {
		properties["publicNetworkAccess"] = "Enabled"
	}
	properties["endpoint"], properties["endpoints"] = a.endpoints()
	properties["privateEndpointConnections"] = []any{}
	properties["provisioningState"] = a.state(now)
	properties["dateCreated"] = a.created.UTC().Format(time.RFC3339Nano)
	return properties
}

func (c *Cloud) accountBody(a *account, now time.Time) map[string]any {
	body := map[string]any{
		"id": a.id, "name": a.name, "type": accountType, "location": a.location, "kind": a.kind,
		"etag": a.etag, "sku": a.sku, "properties": a.shownProperties(now),
	}
	if a.tags != nil {
		body["tags"] = a.tags
	}
	if a.identity != nil {
		body["identity"] = a.identity
	}
	return body
}

func (c *Cloud) accountID(group, name string) string {
	return c.groupID(group) + "/providers/" + accountType + "/" + name
}

func (call *armCall) account() (*account, *armError) {
	if _, err := call.group(); err != nil {
		return nil, err
	}
	group, name := call.params["group"], call.params["account"]
	a, ok := call.cloud.accounts[strings.ToLower(call.cloud.accountID(group, name))]
	if !ok {
		return nil, armErrorf(http.StatusNotFound, "ResourceNotFound", "The Resource '%s/%s' under resource group '%s' was not found.", accountType, name, group)
	}
	return a, nil
}

// writable refuses a write to a busy account, and one whose If-Match does not hold.
func (call *armCall) writable(a *account) *armError {
	if call.now.Before(a.busyUntil) {
		return armErrorf(http.StatusConflict, "RequestConflict", "Another operation is being performed on the parent resource '%s'. Please retry after the operation finishes.", a.id)
	}
	want := call.r.Header.Get("If-Match")
	if want != "" && want != "*" && want != a.etag && !call.cloud.ignoreIfMatch {
		return armErrorf(http.StatusPreconditionFailed, "IfMatchPreconditionFailed", "The specified precondition 'If-Match = %s' failed.", want)
	}
	return nil
}

func (call *armCall) answerAccount(status int, a *account) reply {
	call.header.Set("Etag", a.etag)
	return reply{status, call.cloud.accountBody(a, call.now)}
}

func getAccount(call *armCall) (reply, *armError) {
	a, err := call.account()
	if err != nil {
		return reply{}, err
	}
	return call.answerAccount(http.StatusOK, a), nil
}

func (c *Cloud) sortedAccounts() []*account {
	return slices.SortedFunc(maps.Values(c.accounts), func(x, y *account) int { return strings.Compare(x.id, y.id) })
}

func listAccounts(call *armCall) (reply, *armError) {
	group, inGroup := call.params["group"]
	if inGroup {
		if _, err := call.group(); err != nil {
			return reply{}, err
		}
	}
	items := []any{}
	for _, a := range call.cloud.sortedAccounts() {
		if !inGroup || strings.EqualFold(a.group, group) {
			items = append(items, call.cloud.accountBody(a, call.now))
		}
	}
	return reply{http.StatusOK, map[string]any{"value": items}}, nil
}

// readOnlyProperties are the service's own; what a client sends in them is dropped.
var readOnlyProperties = []string{
	"endpoint", "endpoints", "provisioningState", "privateEndpointConnections", "dateCreated",
	"capabilities", "internalId", "isMigrated", "callRateLimit", "quotaLimit", "skuChangeInfo",
}

// putAccount creates the account, or replaces all of it.
func putAccount(call *armCall) (reply, *armError) {
	g, err := call.group()
	if err != nil {
		return reply{}, err
	}
	if err := g.standing(); err != nil {
		return reply{}, err
	}
	body, err := call.decode()
	if err != nil {
		return reply{}, err
	}
	old, _ := call.account()
	if old != nil {
		if err := call.writable(old); err != nil {
			return reply{}, err
		}
	}
	a, err := call.newAccount(g, old, body)
	if err != nil {
		return reply{}, err
	}
	if err := call.cloud.checkAccount(a); err != nil {
		return reply{}, err
	}
	call.cloud.accounts[strings.ToLower(a.id)] = a
	if old != nil {
		a.changed(call.begin(a, "Accepted"), call.cloud.options.Propagation, call.r.UserAgent())
		return call.answerAccount(http.StatusOK, a), nil
	}
	a.changed(call.begin(a, "Creating"), 0, call.r.UserAgent())
	return call.answerAccount(http.StatusCreated, a), nil
}

// newAccount makes the account that a PUT describes; old is nil for a new one.
func (call *armCall) newAccount(g *resourceGroup, old *account, body map[string]any) (*account, *armError) {
	location, _ := body["location"].(string)
	if location == "" {
		return nil, badRequest("LocationRequired", "The location property is required for this definition.")
	}
	kind, _ := body["kind"].(string)
	properties, _ := body["properties"].(map[string]any)
	a := &account{
		id: call.cloud.accountID(g.name, call.params["account"]), name: call.params["account"], group: g.name,
		location: location, kind: kind, sku: body["sku"], tags: body["tags"],
		properties: merge(nil, without(properties, readOnlyProperties)),
		keys:       [2]string{newKey(), newKey()}, created: call.now, deployments: map[string]*deployment{},
	}
	if a.sku == nil {
		return nil, badRequest("InvalidRequestContent", "The sku property is required.")
	}
	if old != nil {
		if !strings.EqualFold(old.location, location) {
			return nil, armErrorf(http.StatusConflict, "InvalidResourceLocation", "The resource '%s' already exists in location '%s'. A resource with the same name cannot be created in location '%s'.", a.name, old.location, location)
		}
		a.id, a.name, a.keys, a.created, a.deployments, a.history, a.identity = old.id, old.name, old.keys, old.created, old.deployments, old.history, old.identity
		a.association = old.association
		if err := sameSubdomain(old, a.subdomain()); err != nil {
			return nil, err
		}
	} else if err := call.refuseSoftDeleted(a.id, properties); err != nil {
		return nil, err
	}
	var err *armError
	a.identity, err = call.cloud.managedIdentity(a, body["identity"])
	return a, err
}

// patchAccount merges the body into the account by field; arrays replace arrays, which
// is what Microsoft's own CLI relies on to take an entry out of ipRules.
func patchAccount(call *armCall) (reply, *armError) {
	a, err := call.account()
	if err != nil {
		return reply{}, err
	}
	body, err := call.decode()
	if err != nil {
		return reply{}, err
	}
	if err := call.writable(a); err != nil {
		return reply{}, err
	}
	next := *a
	if sent, ok := body["properties"].(map[string]any); ok {
		next.properties = merge(a.properties, without(sent, readOnlyProperties))
	}
	for field, target := range map[string]*any{"sku": &next.sku, "tags": &next.tags} {
		if v, ok := body[field]; ok {
			*target = v
		}
	}
	if sent, ok := body["identity"]; ok {
		if next.identity, err = call.cloud.managedIdentity(a, sent); err != nil {
			return reply{}, err
		}
	}
	if err := sameSubdomain(a, next.subdomain()); err != nil {
		return reply{}, err
	}
	if err := call.cloud.checkAccount(&next); err != nil {
		return reply{}, err
	}
	*a = next
	a.changed(call.begin(a, "Accepted"), call.cloud.options.Propagation, call.r.UserAgent())
	return call.answerAccount(http.StatusAccepted, a), nil
}

// deleteAccount answers 204 where there is nothing to delete, as Resource Manager does.
func deleteAccount(call *armCall) (reply, *armError) {
	a, err := call.account()
	if err != nil {
		return reply{status: http.StatusNoContent}, nil
	}
	if err := call.writable(a); err != nil {
		return reply{}, err
	}
	a.deleting = true
	call.begin(a, "Deleting")
	return reply{status: http.StatusAccepted}, nil
}

func listKeys(call *armCall) (reply, *armError) {
	a, err := call.account()
	if err != nil {
		return reply{}, err
	}
	return reply{http.StatusOK, map[string]string{"key1": a.keys[0], "key2": a.keys[1]}}, nil
}

// listPrivateEndpointConnections is always empty: the sandbox has no Azure network.
func listPrivateEndpointConnections(call *armCall) (reply, *armError) {
	if _, err := call.account(); err != nil {
		return reply{}, err
	}
	return reply{http.StatusOK, map[string]any{"value": []any{}}}, nil
}

// checkAccount refuses an account that the service would not have. The caller holds mu.
func (c *Cloud) checkAccount(a *account) *armError {
	if a.kind != "OpenAI" && a.kind != "AIServices" {
		return armErrorf(http.StatusNotImplemented, "NotImplemented", "The sandbox does not implement accounts of kind '%s', only OpenAI and AIServices.", a.kind)
	}
	if err := c.checkSubdomain(a.subdomain(), a.id); err != nil {
		return err
	}
	if access, ok := a.properties["publicNetworkAccess"]; ok && !slices.Contains(publicAccesses, fmt.Sprint(access)) {
		return badRequest("InvalidRequestContent", "The value %v of publicNetworkAccess is not one of %s.", access, strings.Join(publicAccesses, ", "))
	}
	acls, ok := a.properties["networkAcls"].(map[string]any)
	if !ok {
		return nil
	}
	for _, list := range []string{"ipRules", "virtualNetworkRules"} {
		if acls[list] == nil {
			acls[list] = []any{}
		}
	}
	if acls["defaultAction"] == nil {
		acls["defaultAction"] = "Allow"
	}
	return checkNetworkACLs(acls, a.kind, a.subdomain())
}

// merge returns base with patch laid over it: objects by field, anything else replaced,
// null removed (RFC 7396). Neither argument is changed.
func merge(base, patch map[string]any) map[string]any {
	out := maps.Clone(base)
	if out == nil {
		out = map[string]any{}
	}
	for k, v := range patch {
		if v == nil {
			delete(out, k)
			continue
		}
		if object, ok := v.(map[string]any); ok {
			under, _ := out[k].(map[string]any)
			out[k] = merge(under, object)
			continue
		}
		out[k] = v
	}
	return out
}

func without(m map[string]any, keys []string) map[string]any {
	out := maps.Clone(m)
	for _, k := range keys {
		delete(out, k)
	}
	return out
}

// newKey returns an API key: 32 hexadecimal digits, as the service's older keys are.
func newKey() string { return strings.ReplaceAll(newID(), "-", "") }
