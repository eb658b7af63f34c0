package azure

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"time"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/fault"
)

// armError is an error as Resource Manager answers it.
type armError struct {
	status  int
	code    string
	message string
}

func armErrorf(status int, code, format string, args ...any) *armError {
	return &armError{status: status, code: code, message: fmt.Sprintf(format, args...)}
}

func badRequest(code, format string, args ...any) *armError {
	return armErrorf(http.StatusBadRequest, code, format, args...)
}

func writeARMError(w http.ResponseWriter, err *armError) {
	writeJSON(w, err.status, map[string]any{"error": map[string]string{"code": err.code, "message": err.message}})
}

// writeARMFault is writeARMError for scripted faults.
func writeARMFault(w http.ResponseWriter, _ *http.Request, status int, code, message string) {
	writeARMError(w, &armError{status: status, code: code, message: message})
}

// armCall is one authenticated call of Resource Manager. Handlers run with Cloud.mu held.
type armCall struct {
	cloud  *Cloud
	r      *http.Request
	header http.Header // of the answer
	params map[string]string
	now    time.Time
}

// reply is a successful answer; a nil body is sent as none.
type reply struct {
	status int
	body   any
}

// route is one operation of Resource Manager. Literal segments of the path compare
// without regard to case, as Resource Manager's do; {x} captures a segment.
type route struct {
	method, path, operation string
	handle                  func(*armCall) (reply, *armError)
}

const (
	subscriptionPath = "/subscriptions/{sub}"
	groupPath        = subscriptionPath + "/resourceGroups/{group}"
	cognitivePath    = "/providers/Microsoft.CognitiveServices"
	accountPath      = groupPath + cognitivePath + "/accounts/{account}"
	deploymentPath   = accountPath + "/deployments/{deployment}"
	deletedPath      = subscriptionPath + cognitivePath + "/locations/{location}/resourceGroups/{group}/deletedAccounts/{account}"
	diagnosticsPath  = accountPath + "/providers/Microsoft.Insights/diagnosticSettings"
	operationPath    = subscriptionPath + "/providers/{namespace}/locations/{location}/operationResults/{operation}"
)

var routes = []route{
	{http.MethodGet, subscriptionPath, "Subscriptions_Get", getSubscription},
	{http.MethodGet, subscriptionPath + "/providers", "Providers_List", listResourceProviders},
	{http.MethodGet, groupPath, "ResourceGroups_Get", getGroup},
	{http.MethodPut, groupPath, "ResourceGroups_CreateOrUpdate", putGroup},
	{http.MethodPatch, groupPath, "ResourceGroups_Update", patchGroup},
	{http.MethodDelete, groupPath, "ResourceGroups_Delete", deleteGroup},
	{http.MethodGet, groupPath + "/resources", "Resources_ListByResourceGroup", listGroupResources},
	{http.MethodGet, subscriptionPath + cognitivePath + "/accounts", "Accounts_List", listAccounts},
	{http.MethodGet, groupPath + cognitivePath + "/accounts", "Accounts_ListByResourceGroup", listAccounts},
	{http.MethodGet, accountPath, "Accounts_Get", getAccount},
	{http.MethodPut, accountPath, "Accounts_Create", putAccount},
	{http.MethodPatch, accountPath, "Accounts_Update", patchAccount},
	{http.MethodDelete, accountPath, "Accounts_Delete", deleteAccount},
	{http.MethodPost, accountPath + "/listKeys", "Accounts_ListKeys", listKeys},
	{http.MethodGet, accountPath + "/privateEndpointConnections", "PrivateEndpointConnections_List", listPrivateEndpointConnections},
	{http.MethodGet, accountPath + "/networkSecurityPerimeterConfigurations", "NetworkSecurityPerimeterConfigurations_List", listPerimeterConfigurations},
	{http.MethodGet, accountPath + "/deployments", "Deployments_List", listDeployments},
	{http.MethodGet, deploymentPath, "Deployments_Get", getDeployment},
	{http.MethodPut, deploymentPath, "Deployments_CreateOrUpdate", putDeployment},
	{http.MethodDelete, deploymentPath, "Deployments_Delete", deleteDeployment},
	{http.MethodPost, subscriptionPath + cognitivePath + "/checkDomainAvailability", "CheckDomainAvailability", checkDomainAvailability},
	{http.MethodGet, subscriptionPath + cognitivePath + "/deletedAccounts", "DeletedAccounts_List", listDeletedAccounts},
	{http.MethodGet, deletedPath, "DeletedAccounts_Get", getDeletedAccount},
	{http.MethodDelete, deletedPath, "DeletedAccounts_Purge", purgeDeletedAccount},
	{http.MethodGet, diagnosticsPath, "DiagnosticSettings_List", listDiagnosticSettings},
	{http.MethodGet, diagnosticsPath + "/{setting}", "DiagnosticSettings_Get", getDiagnosticSetting},
	{http.MethodPut, diagnosticsPath + "/{setting}", "DiagnosticSettings_CreateOrUpdate", putDiagnosticSetting},
	{http.MethodDelete, diagnosticsPath + "/{setting}", "DiagnosticSettings_Delete", deleteDiagnosticSetting},
	{http.MethodGet, operationPath, "Operations_Get", getOperation},
}

// match compares path with a route's pattern and returns the captured segments.
func match(pattern, path string) (map[string]string, bool) {
	want := strings.Split(pattern, "/")
	got := strings.Split(strings.TrimSuffix(path, "/"), "/")
	if len(want) != len(got) {
		return nil, false
	}
	params := map[string]string{}
	for i, w := range want {
		if strings.HasPrefix(w, "{") {
			if got[i] == "" {
				return nil, false
			}
			params[strings.Trim(w, "{}")] = got[i]
			continue
		}
		if !strings.EqualFold(w, got[i]) {
			return nil, false
		}
	}
	return params, true
}

// serveARM answers the metadata document, the identity provider and Resource Manager.
func (c *Cloud) serveARM(w http.ResponseWriter, r *http.Request) {
	if c.serveIdentity(w, r) {
		return
	}
	w.Header().Set("X-Ms-Request-Id", newID())
	w.Header().Set("X-Ms-Correlation-Request-Id", newID())
	if err := c.checkBearer(r, managementAudience, managementLegacyAudience, c.url); err != nil {
		refuseBearer(w, c, err)
		return
	}
	for _, route := range routes {
		if route.method != r.Method {
			continue
		}
		params, ok := match(route.path, r.URL.Path)
		if !ok {
			continue
		}
		fault.SetOperation(r, route.operation)
		answer, err := c.run(route, w.Header(), r, params)
		switch {
		case err != nil:
			writeARMError(w, err)
		case answer.body == nil:
			w.WriteHeader(answer.status)
		default:
			writeJSON(w, answer.status, answer.body)
		}
		return
	}
	writeARMError(w, armErrorf(http.StatusNotImplemented, "NotImplemented", "The sandbox does not implement %s %s.", r.Method, r.URL.Path))
}

func refuseBearer(w http.ResponseWriter, c *Cloud, err error) {
	w.Header().Set("Www-Authenticate", fmt.Sprintf(`Bearer authorization_uri="%s/%s", error="invalid_token", error_description="The authentication failed."`, c.url, c.options.TenantID))
	if errors.Is(err, errNoToken) {
		writeARMError(w, armErrorf(http.StatusUnauthorized, "AuthenticationFailed", "Authentication failed. The 'Authorization' header is missing."))
		return
	}
	writeARMError(w, armErrorf(http.StatusUnauthorized, "InvalidAuthenticationToken", "The access token is invalid: %s.", err))
}

func (c *Cloud) run(route route, header http.Header, r *http.Request, params map[string]string) (reply, *armError) {
	if r.URL.Query().Get("api-version") == "" {
		return reply{}, badRequest("MissingApiVersionParameter", "The api-version query parameter (?api-version=) is required for all requests.")
	}
	if !strings.EqualFold(params["sub"], c.options.SubscriptionID) {
		return reply{}, armErrorf(http.StatusNotFound, "SubscriptionNotFound", "The subscription '%s' could not be found.", params["sub"])
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	call := &armCall{cloud: c, r: r, header: header, params: params, now: c.options.Now()}
	c.settle(call.now)
	return route.handle(call)
}

// settle removes what finished being deleted. The caller holds mu.
func (c *Cloud) settle(now time.Time) {
	for key, g := range c.groups {
		if g.deleting && !now.Before(g.deletedFrom) {
			c.emptyGroup(g)
			delete(c.groups, key)
		}
	}
	for _, a := range c.accounts {
		if a.deleting && !now.Before(a.busyUntil) {
			c.softDelete(a, a.busyUntil)
			continue
		}
		for name, d := range a.deployments {
			if d.deleting && !now.Before(a.busyUntil) {
				delete(a.deployments, name)
			}
		}
	}
	maps.DeleteFunc(c.deleted, func(_ string, d *deletedAccount) bool { return d.gone(now) })
}

// decode reads the request body as a JSON object.
func (call *armCall) decode() (map[string]any, *armError) {
	raw, err := io.ReadAll(call.r.Body)
	if err != nil {
		return nil, badRequest("InvalidRequestContent", "The request content could not be read: %s.", err)
	}
	var body map[string]any
	if err := json.Unmarshal(raw, &body); err != nil {
		return nil, badRequest("InvalidRequestContent", "The request content was invalid and could not be deserialized: '%s'.", err)
	}
	return body, nil
}

// operation is a long-running operation, known by its id and finished by the clock.
type operation struct {
	until time.Time
}

// startOperation makes an operation that ends at until, and names it in the answer's
// headers as Resource Manager does.
func (call *armCall) startOperation(namespace, location string, until time.Time) {
	id := newID()
	call.cloud.operations[id] = &operation{until: until}
	call.header.Set("Azure-Asyncoperation", fmt.Sprintf("%s/subscriptions/%s/providers/%s/locations/%s/operationResults/%s?api-version=%s",
		call.cloud.url, call.params["sub"], namespace, location, id, call.r.URL.Query().Get("api-version")))
	call.header.Set("Retry-After", "1")
}

func getOperation(call *armCall) (reply, *armError) {
	id := call.params["operation"]
	op, ok := call.cloud.operations[id]
	if !ok {
		return reply{}, armErrorf(http.StatusNotFound, "OperationNotFound", "The operation '%s' was not found.", id)
	}
	status := "Succeeded"
	if call.now.Before(op.until) {
		status = "InProgress"
		call.header.Set("Retry-After", "1")
	}
	return reply{http.StatusOK, map[string]string{"id": call.r.URL.Path, "name": id, "status": status}}, nil
}

func getSubscription(call *armCall) (reply, *armError) {
	return reply{http.StatusOK, map[string]any{
		"id":                  "/subscriptions/" + call.cloud.options.SubscriptionID,
		"subscriptionId":      call.cloud.options.SubscriptionID,
		"tenantId":            call.cloud.options.TenantID,
		"displayName":         "crosscloudlink sandbox",
		"state":               "Enabled",
		"authorizationSource": "RoleBased",
	}}, nil
}
