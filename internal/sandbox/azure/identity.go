package azure

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/fault"
)

// tokenLife is the lifetime of an access token, Entra ID's shortest default.
const tokenLife = time.Hour

// objectID is the object id of the sandbox's service principal. azurerm reads it from the
// token's oid claim; without it it would ask Microsoft Graph.
const objectID = "e3b0c442-98fc-4c14-9afb-f4c8996fb924"

// Audiences of access tokens, without a slash at the end.
const (
	managementAudience       = "https://management.azure.com"
	managementLegacyAudience = "https://management.core.windows.net"
	dataAudience             = "https://cognitiveservices.azure.com"
)

// serveIdentity answers the metadata document and the identity provider's paths, which
// need no credential. It returns false for any other path.
func (c *Cloud) serveIdentity(w http.ResponseWriter, r *http.Request) bool {
	tenant, path, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	switch {
	case r.Method == http.MethodGet && r.URL.Path == "/metadata/endpoints":
		fault.SetOperation(r, "Metadata_Endpoints")
		writeJSON(w, http.StatusOK, c.metadata())
	case r.Method == http.MethodGet && path == "v2.0/.well-known/openid-configuration":
		fault.SetOperation(r, "OIDC_Discovery")
		writeJSON(w, http.StatusOK, c.discovery(tenant))
	case r.Method == http.MethodGet && path == "discovery/v2.0/keys":
		fault.SetOperation(r, "OIDC_Keys")
		writeJSON(w, http.StatusOK, c.keys())
	case r.Method == http.MethodPost && path == "oauth2/v2.0/token":
		fault.SetOperation(r, "OIDC_Token")
		c.token(w, r, tenant)
	default:
		return false
	}
	return true
}

// metadata is the cloud description that azurerm asks for when a metadata host is set.
func (c *Cloud) metadata() any {
	return map[string]any{
		"name":                     "CrosscloudlinkSandbox",
		"portal":                   c.url,
		"resourceManager":          c.url,
		"microsoftGraphResourceId": c.url + "/graph",
		"authentication": map[string]any{
			"loginEndpoint":    c.url,
			"audiences":        []string{managementLegacyAudience + "/", managementAudience},
			"tenant":           "common",
			"identityProvider": "AAD",
		},
		"suffixes": map[string]string{
			"keyVaultDns":    "vault.azure.net",
			"storage":        "core.windows.net",
			"acrLoginServer": "azurecr.io",
		},
	}
}

func (c *Cloud) discovery(tenant string) any {
	base := c.url + "/" + tenant
	return map[string]any{
		"issuer":                                base + "/v2.0",
		"authorization_endpoint":                base + "/oauth2/v2.0/authorize",
		"token_endpoint":                        base + "/oauth2/v2.0/token",
		"jwks_uri":                              base + "/discovery/v2.0/keys",
		"token_endpoint_auth_methods_supported": []string{"client_secret_post", "client_secret_basic"},
		"response_types_supported":              []string{"code", "id_token", "token"},
		"subject_types_supported":               []string{"pairwise"},
		"id_token_signing_alg_values_supported": []string{"RS256"},
		"scopes_supported":                      []string{"openid", "profile", "offline_access"},
	}
}

func (c *Cloud) keys() any {
	public := c.signer.PublicKey
	encode := base64.RawURLEncoding.EncodeToString
	return map[string]any{"keys": []any{map[string]string{
		"kty": "RSA", "use": "sig", "alg": "RS256", "kid": c.keyID,
		"n": encode(public.N.Bytes()),
		"e": encode(big.NewInt(int64(public.E)).Bytes()),
	}}}
}

// token is the client-credentials grant. Its errors carry Entra ID's own AADSTS codes:
// https://learn.microsoft.com/entra/identity-platform/reference-error-codes
func (c *Cloud) token(w http.ResponseWriter, r *http.Request, tenant string) {
	if err := r.ParseForm(); err != nil {
		writeTokenError(w, http.StatusBadRequest, "invalid_request", 900144, "The request body could not be parsed: "+err.Error())
		return
	}
	id, secret, basic := r.BasicAuth()
	if !basic {
		id, secret = r.PostForm.Get("client_id"), r.PostForm.Get("client_secret")
	}
	audience, ok := audienceOf(r.PostForm.Get("scope"))
	switch {
	case tenant != c.options.TenantID:
		writeTokenError(w, http.StatusBadRequest, "invalid_request", 90002, fmt.Sprintf("Tenant '%s' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud.", tenant))
	case r.PostForm.Get("grant_type") != "client_credentials":
		writeTokenError(w, http.StatusBadRequest, "unsupported_grant_type", 70003, fmt.Sprintf("The app requested an unsupported grant type '%s'.", r.PostForm.Get("grant_type")))
	case id != c.options.ClientID:
		writeTokenError(w, http.StatusBadRequest, "unauthorized_client", 700016, fmt.Sprintf("Application with identifier '%s' was not found in the directory '%s'.", id, tenant))
	case secret == "":
		writeTokenError(w, http.StatusUnauthorized, "invalid_client", 7000218, "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.")
	case secret != c.options.ClientSecret:
		writeTokenError(w, http.StatusUnauthorized, "invalid_client", 7000215, fmt.Sprintf("Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '%s'.", id))
	case !ok:
		writeTokenError(w, http.StatusBadRequest, "invalid_scope", 70011, fmt.Sprintf("The provided value for the input parameter 'scope' is not valid. The scope '%s' does not exist.", r.PostForm.Get("scope")))
	default:
		signed, err := c.sign(audience)
		if err != nil {
			writeTokenError(w, http.StatusInternalServerError, "server_error", 90033, err.Error())
			return
		}
		writeJSON(w, http.StatusOK, map[string]any{
			"token_type":     "Bearer",
			"expires_in":     int(tokenLife.Seconds()),
			"ext_expires_in": int(tokenLife.Seconds()),
			"access_token":   signed,
		})
	}
}

// audienceOf finds the resource in a scope list such as
// "https://management.azure.com//.default openid offline_access".
func audienceOf(scopes string) (string, bool) {
	for _, scope := range strings.Fields(scopes) {
		if resource, ok := strings.CutSuffix(scope, "/.default"); ok && resource != "" {
			return resource, true
		}
	}
	return "", false
}

func (c *Cloud) sign(audience string) (string, error) {
	now := c.options.Now()
	token := jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.MapClaims{
		"aud":   audience,
		"iss":   c.url + "/" + c.options.TenantID + "/v2.0",
		"iat":   now.Unix(),
		"nbf":   now.Unix(),
		"exp":   now.Add(tokenLife).Unix(),
		"appid": c.options.ClientID,
		"idtyp": "app",
		"oid":   objectID,
		"sub":   objectID,
		"tid":   c.options.TenantID,
		"ver":   "1.0",
	})
	token.Header["kid"] = c.keyID
	return token.SignedString(c.signer)
}

// errNoToken says that a request carries no bearer token at all.
var errNoToken = errors.New("the request carries no bearer token")

// checkBearer verifies the request's bearer token: signed here, not expired, issued for
// one of the audiences.
func (c *Cloud) checkBearer(r *http.Request, audiences ...string) error {
	raw, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok || raw == "" {
		return errNoToken
	}
	token, err := jwt.Parse(raw, func(*jwt.Token) (any, error) { return &c.signer.PublicKey, nil },
		jwt.WithValidMethods([]string{"RS256"}), jwt.WithTimeFunc(c.options.Now), jwt.WithExpirationRequired())
	if err != nil {
		return err
	}
	got, err := token.Claims.GetAudience()
	if err != nil {
		return err
	}
	for _, audience := range audiences {
		for _, g := range got {
			if strings.TrimRight(g, "/") == audience {
				return nil
			}
		}
	}
	return fmt.Errorf("the token's audience %q is not one of %q", got, audiences)
}

func writeTokenError(w http.ResponseWriter, status int, oauthError string, aadsts int, text string) {
	trace := newID()
	writeJSON(w, status, map[string]any{
		"error":             oauthError,
		"error_description": fmt.Sprintf("AADSTS%d: %s Trace ID: %s", aadsts, text, trace),
		"error_codes":       []int{aadsts},
		"trace_id":          trace,
		"correlation_id":    newID(),
	})
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(body)
}
