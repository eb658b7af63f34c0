package databricks

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/fault"
)

// principal is a service principal of the account, a member of every workspace.
type principal struct {
	id, secret string
	admin      bool // of the account and of every workspace
}

// token is an access token in force.
type token struct {
	principal string
	expires   time.Time // zero for a token that does not
	// workspaceOnly is true for tokens that account APIs do not take: personal access
	// tokens, and OAuth tokens that the workspace's own issuer gave.
	workspaceOnly bool
}

var errUnsupportedCredential = &apiError{status: http.StatusUnauthorized, code: codeUnauthenticated, message: "Credential was not sent or was of an unsupported type for this API."}

// authenticate finds the token that a request carries. The caller holds mu.
func (c *Cloud) authenticate(r *http.Request, now time.Time) (*token, *apiError) {
	raw, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		return nil, errUnsupportedCredential
	}
	t, ok := c.tokens[raw]
	switch {
	case !ok:
		return nil, errUnsupportedCredential
	case !t.expires.IsZero() && now.After(t.expires):
		return nil, errorf(http.StatusUnauthorized, codeUnauthenticated, "Access token expired.")
	default:
		return t, nil
	}
}

// serveLogin answers host discovery, OAuth discovery and the token endpoints, which need
// no token. It returns false for any other path.
func (c *Cloud) serveLogin(w http.ResponseWriter, r *http.Request) bool {
	accountIssuer := "/oidc/accounts/" + c.options.AccountID
	const workspaceIssuer, discovery, tokenPath = "/oidc", "/.well-known/oauth-authorization-server", "/v1/token"
	get, post := r.Method == http.MethodGet, r.Method == http.MethodPost
	switch path := r.URL.Path; {
	case get && path == "/.well-known/databricks-config":
		fault.SetOperation(r, "Host_Config")
		writeJSON(w, http.StatusOK, c.hostConfig())
	case get && path == accountIssuer+discovery:
		fault.SetOperation(r, "OIDC_Discovery")
		writeJSON(w, http.StatusOK, c.issuer(accountIssuer))
	case get && path == workspaceIssuer+discovery:
		fault.SetOperation(r, "OIDC_Discovery")
		writeJSON(w, http.StatusOK, c.issuer(workspaceIssuer))
	case post && path == accountIssuer+tokenPath:
		fault.SetOperation(r, "OIDC_Token")
		c.issue(w, r, false)
	case post && path == workspaceIssuer+tokenPath:
		fault.SetOperation(r, "OIDC_Token")
		c.issue(w, r, true)
	default:
		return false
	}
	return true
}

// hostConfig is what clients ask a host first. An account host serves many accounts and
// leaves the account to be filled in; the others belong to one.
func (c *Cloud) hostConfig() any {
	config := map[string]any{"cloud": "AWS", "host_type": c.options.HostType}
	switch c.options.HostType {
	case "account":
		config["oidc_endpoint"] = c.url + "/oidc/accounts/{account_id}"
	case "workspace":
		config["oidc_endpoint"] = c.url + "/oidc"
		config["account_id"] = c.options.AccountID
	default:
		config["oidc_endpoint"] = c.url + "/oidc/accounts/" + c.options.AccountID
		config["account_id"] = c.options.AccountID
	}
	return config
}

func (c *Cloud) issuer(path string) any {
	base := c.url + path
	return map[string]any{
		"issuer":                                base,
		"authorization_endpoint":                base + "/v1/authorize",
		"token_endpoint":                        base + "/v1/token",
		"grant_types_supported":                 []string{"client_credentials"},
		"token_endpoint_auth_methods_supported": []string{"client_secret_basic"},
	}
}

// issue is the client-credentials grant.
func (c *Cloud) issue(w http.ResponseWriter, r *http.Request, workspaceOnly bool) {
	fail := func(status int, code, description string) {
		writeJSON(w, status, map[string]string{"error": code, "error_description": description})
	}
	if err := r.ParseForm(); err != nil {
		fail(http.StatusBadRequest, "invalid_request", err.Error())
		return
	}
	if grant := r.PostForm.Get("grant_type"); grant != "client_credentials" {
		fail(http.StatusBadRequest, "unsupported_grant_type", "The sandbox grants client_credentials only, not "+grant+".")
		return
	}
	id, secret, ok := r.BasicAuth()
	c.mu.Lock()
	defer c.mu.Unlock()
	p, known := c.principals[id]
	if !ok || !known || p.secret != secret {
		fail(http.StatusUnauthorized, "invalid_client", "Client authentication failed")
		return
	}
	access := "sandbox-" + newHexID()
	c.tokens[access] = &token{principal: id, expires: c.options.Now().Add(tokenLife), workspaceOnly: workspaceOnly}
	writeJSON(w, http.StatusOK, map[string]any{
		"access_token": access, "token_type": "Bearer", "scope": "all-apis", "expires_in": int(tokenLife.Seconds()),
	})
}

// groups returns the workspace groups that a principal is in.
func (p *principal) groups() []string {
	if p.admin {
		return []string{"admins", "users"}
	}
	return []string{"users"}
}

func (p *principal) in(group string) bool { return slices.Contains(p.groups(), group) }

// getMe answers who the caller is, in SCIM.
func getMe(call *call) (any, *apiError) {
	groups := []any{}
	for _, g := range call.caller.groups() {
		groups = append(groups, map[string]string{"display": g, "type": "direct"})
	}
	return map[string]any{
		"schemas":     []string{"urn:ietf:params:scim:schemas:core:2.0:User"},
		"id":          call.caller.id,
		"userName":    call.caller.id,
		"displayName": call.caller.id,
		"active":      true,
		"groups":      groups,
	}, nil
}
