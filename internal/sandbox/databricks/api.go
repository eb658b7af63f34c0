package databricks

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/fault"
)

// Error codes of Databricks' APIs.
const (
	codeInvalidParameter = "INVALID_PARAMETER_VALUE"
	codeInvalidState     = "INVALID_STATE"
	codeMalformed        = "MALFORMED_REQUEST"
	codeNotFound         = "RESOURCE_DOES_NOT_EXIST"
	codeExists           = "RESOURCE_ALREADY_EXISTS"
	codeDenied           = "PERMISSION_DENIED"
	codeUnauthenticated  = "UNAUTHENTICATED"
	codeInternal         = "INTERNAL_ERROR"
	codeNotImplemented   = "NOT_IMPLEMENTED"
	// codeLimit is assumed: Databricks documents its limits, not how it refuses to pass them.
	codeLimit = "LIMIT_EXCEEDED"
)

// apiError is an error as Databricks answers it.
type apiError struct {
	status        int
	code, message string
}

func errorf(status int, code, format string, args ...any) *apiError {
	return &apiError{status: status, code: code, message: fmt.Sprintf(format, args...)}
}

func invalid(format string, args ...any) *apiError {
	return errorf(http.StatusBadRequest, codeInvalidParameter, format, args...)
}

func invalidState(format string, args ...any) *apiError {
	return errorf(http.StatusBadRequest, codeInvalidState, format, args...)
}

func notFound(format string, args ...any) *apiError {
	return errorf(http.StatusNotFound, codeNotFound, format, args...)
}

func notImplemented(format string, args ...any) *apiError {
	return errorf(http.StatusNotImplemented, codeNotImplemented, "The sandbox does not implement "+format, args...)
}

func writeError(w http.ResponseWriter, err *apiError) {
	writeJSON(w, err.status, map[string]any{
		"error_code": err.code,
		"message":    err.message,
		"details": []any{map[string]string{
			"@type":        "type.googleapis.com/google.rpc.RequestInfo",
			"request_id":   newID(),
			"serving_data": "",
		}},
	})
}

// writeFault is writeError for scripted faults.
func writeFault(w http.ResponseWriter, _ *http.Request, status int, code, message string) {
	writeError(w, &apiError{status: status, code: code, message: message})
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

// call is one authenticated call. Handlers run with Cloud.mu held and answer 200.
type call struct {
	cloud  *Cloud
	r      *http.Request
	params map[string]string
	caller *principal
	now    time.Time
	// workspace is the one that a workspace call is for.
	workspace *workspace
}

// route is one operation. {x} in the path captures a segment.
type route struct {
	method, path, operation string
	handle                  func(*call) (any, *apiError)
}

const (
	accountBase = "/api/2.0/accounts/{account}"
	nccPath     = accountBase + "/network-connectivity-configs"
	rulePath    = nccPath + "/{ncc}/private-endpoint-rules"
	policyPath  = accountBase + "/network-policies"
	wsPath      = accountBase + "/workspaces"
	servingPath = "/api/2.0/serving-endpoints"
	aclPath     = "/api/2.0/permissions/serving-endpoints/{endpoint}"
)

var accountRoutes = []route{
	{http.MethodPost, nccPath, "NetworkConnectivity_Create", createNCC},
	{http.MethodGet, nccPath, "NetworkConnectivity_List", listNCCs},
	{http.MethodGet, nccPath + "/{ncc}", "NetworkConnectivity_Get", getNCC},
	{http.MethodDelete, nccPath + "/{ncc}", "NetworkConnectivity_Delete", deleteNCC},
	{http.MethodPost, rulePath, "PrivateEndpointRules_Create", createRule},
	{http.MethodGet, rulePath, "PrivateEndpointRules_List", listRules},
	{http.MethodGet, rulePath + "/{rule}", "PrivateEndpointRules_Get", getRule},
	{http.MethodPatch, rulePath + "/{rule}", "PrivateEndpointRules_Update", updateRule},
	{http.MethodDelete, rulePath + "/{rule}", "PrivateEndpointRules_Delete", deleteRule},
	{http.MethodPost, policyPath, "NetworkPolicies_Create", createPolicy},
	{http.MethodGet, policyPath, "NetworkPolicies_List", listPolicies},
	{http.MethodGet, policyPath + "/{policy}", "NetworkPolicies_Get", getPolicy},
	{http.MethodPut, policyPath + "/{policy}", "NetworkPolicies_Update", putPolicy},
	{http.MethodDelete, policyPath + "/{policy}", "NetworkPolicies_Delete", deletePolicy},
	{http.MethodGet, wsPath, "Workspaces_List", listWorkspaces},
	{http.MethodGet, wsPath + "/{workspace}", "Workspaces_Get", getWorkspace},
	{http.MethodPatch, wsPath + "/{workspace}", "Workspaces_Update", patchWorkspace},
	{http.MethodGet, wsPath + "/{workspace}/network", "WorkspaceNetwork_Get", getWorkspaceNetwork},
	{http.MethodPut, wsPath + "/{workspace}/network", "WorkspaceNetwork_Update", putWorkspaceNetwork},
}

var workspaceRoutes = []route{
	{http.MethodGet, "/api/2.0/preview/scim/v2/Me", "CurrentUser_Me", getMe},
	{http.MethodPost, servingPath, "ServingEndpoints_Create", createServing},
	{http.MethodGet, servingPath, "ServingEndpoints_List", listServing},
	{http.MethodGet, servingPath + "/{name}", "ServingEndpoints_Get", getServing},
	{http.MethodPut, servingPath + "/{name}/config", "ServingEndpoints_UpdateConfig", putServingConfig},
	{http.MethodDelete, servingPath + "/{name}", "ServingEndpoints_Delete", deleteServing},
	{http.MethodGet, aclPath, "Permissions_Get", getPermissions},
	{http.MethodPut, aclPath, "Permissions_Set", setPermissions},
	{http.MethodPatch, aclPath, "Permissions_Update", updatePermissions},
}

// find returns the route of a request and what its path captures.
func find(routes []route, r *http.Request) (route, map[string]string, bool) {
	for _, route := range routes {
		if route.method != r.Method {
			continue
		}
		if params, ok := match(route.path, r.URL.Path); ok {
			return route, params, true
		}
	}
	return route{}, nil, false
}

func match(pattern, path string) (map[string]string, bool) {
	want, got := strings.Split(pattern, "/"), strings.Split(path, "/")
	if len(want) != len(got) {
		return nil, false
	}
	params := map[string]string{}
	for i, w := range want {
		switch {
		case strings.HasPrefix(w, "{") && got[i] != "":
			params[strings.Trim(w, "{}")] = got[i]
		case w != got[i]:
			return nil, false
		}
	}
	return params, true
}

func (c *Cloud) serve(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Request-Id", newID())
	if c.serveLogin(w, r) {
		return
	}
	var answer any
	var err *apiError
	if strings.HasPrefix(r.URL.Path, "/api/2.0/accounts/") {
		answer, err = c.serveAccount(r)
	} else if params, ok := match("/serving-endpoints/{name}/invocations", r.URL.Path); ok && r.Method == http.MethodPost {
		fault.SetOperation(r, "ServingEndpoints_Query")
		c.serveQuery(w, r, params["name"])
		return
	} else {
		answer, err = c.serveWorkspace(r)
	}
	if err != nil {
		writeError(w, err)
		return
	}
	writeJSON(w, http.StatusOK, answer)
}

// serveAccount runs an account call: only with an OAuth token of an account administrator.
func (c *Cloud) serveAccount(r *http.Request) (any, *apiError) {
	c.mu.Lock()
	defer c.mu.Unlock()
	call := &call{cloud: c, r: r, now: c.options.Now()}
	who, err := c.authenticate(r, call.now)
	if err != nil {
		return nil, err
	}
	if who.workspaceOnly {
		return nil, errUnsupportedCredential
	}
	call.caller = c.principals[who.principal]
	route, params, ok := find(accountRoutes, r)
	if !ok {
		return nil, notImplemented("%s %s.", r.Method, r.URL.Path)
	}
	fault.SetOperation(r, route.operation)
	call.params = params
	if params["account"] != c.options.AccountID {
		return nil, errorf(http.StatusForbidden, codeDenied, "The token is not valid for account %s.", params["account"])
	}
	if !call.caller.admin {
		return nil, errorf(http.StatusForbidden, codeDenied, "%s is not an administrator of account %s.", call.caller.id, c.options.AccountID)
	}
	return route.handle(call)
}

func (c *Cloud) serveWorkspace(r *http.Request) (any, *apiError) {
	c.mu.Lock()
	defer c.mu.Unlock()
	call, err := c.workspaceCall(r)
	if err != nil {
		return nil, err
	}
	route, params, ok := find(workspaceRoutes, r)
	if !ok {
		return nil, notImplemented("%s %s.", r.Method, r.URL.Path)
	}
	fault.SetOperation(r, route.operation)
	call.params = params
	return route.handle(call)
}

// workspaceCall authenticates a workspace call and finds its workspace: the one that the
// X-Databricks-Workspace-Id header names, or the only one. The caller holds mu.
func (c *Cloud) workspaceCall(r *http.Request) (*call, *apiError) {
	call := &call{cloud: c, r: r, now: c.options.Now()}
	who, err := c.authenticate(r, call.now)
	if err != nil {
		return nil, err
	}
	call.caller = c.principals[who.principal]
	header := r.Header.Get("X-Databricks-Workspace-Id")
	if header == "" {
		if len(c.workspaces) != 1 {
			return nil, invalid("The host serves %d workspaces; the X-Databricks-Workspace-Id header must name one.", len(c.workspaces))
		}
		for _, w := range c.workspaces {
			call.workspace = w
		}
		return call, nil
	}
	id, parseErr := strconv.ParseInt(header, 10, 64)
	w, ok := c.workspaces[id]
	if parseErr != nil || !ok {
		return nil, notFound("Workspace %s does not exist.", header)
	}
	call.workspace = w
	return call, nil
}

// decode reads the request's body into v, ignoring fields that v does not have.
func (call *call) decode(v any) *apiError {
	raw, err := io.ReadAll(call.r.Body)
	if err != nil {
		return errorf(http.StatusBadRequest, codeMalformed, "Could not read the request: %s", err)
	}
	if err := json.Unmarshal(raw, v); err != nil {
		return errorf(http.StatusBadRequest, codeMalformed, "Could not parse the request object: %s", err)
	}
	return nil
}

// item is an element of a list and its place in it.
type item struct {
	sequence int
	body     any
}

// page answers one page of a list: the items after the one that page_token names.
func (call *call) page(items []item) (any, *apiError) {
	after := 0
	if encoded := call.r.URL.Query().Get("page_token"); encoded != "" {
		raw, err := base64.RawURLEncoding.DecodeString(encoded)
		if err == nil {
			after, err = strconv.Atoi(string(raw))
		}
		if err != nil {
			return nil, invalid("Invalid page token %q.", encoded)
		}
	}
	slices.SortFunc(items, func(a, b item) int { return a.sequence - b.sequence })
	onPage := []any{}
	token := ""
	for _, it := range items {
		if it.sequence <= after {
			continue
		}
		if len(onPage) == call.cloud.options.PageSize {
			token = base64.RawURLEncoding.EncodeToString([]byte(strconv.Itoa(after)))
			break
		}
		onPage = append(onPage, it.body)
		after = it.sequence
	}
	answer := map[string]any{"items": onPage}
	if token != "" {
		answer["next_page_token"] = token
	}
	return answer, nil
}

// bodies returns the items' bodies in their order.
func bodies(items []item) []any {
	slices.SortFunc(items, func(a, b item) int { return a.sequence - b.sequence })
	out := make([]any, len(items))
	for i, it := range items {
		out[i] = it.body
	}
	return out
}
