package azure

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/arm"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/golang-jwt/jwt/v5"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/fault"
)

// apiVersion is the one that the provider speaks.
const apiVersion = "2025-06-01"

// peers plays the registry of loopback twins: 127.0.0.1 stands for the address set last.
type peers struct {
	mu sync.Mutex
	ip string
}

func (p *peers) set(ip string) { p.mu.Lock(); defer p.mu.Unlock(); p.ip = ip }

func (p *peers) publicIP(net.Addr) (string, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.ip, p.ip != ""
}

// harness is a sandbox Azure with the real SDK's pipeline in front of it.
type harness struct {
	t     *testing.T
	cloud *Cloud
	peers *peers
	id    string // of the seeded account
	arm   *arm.Client
}

func start(t *testing.T, change func(*Options)) *harness {
	t.Helper()
	h := &harness{t: t, peers: &peers{}}
	options := Options{Dir: t.TempDir(), PublicIP: h.peers.publicIP, OperationTime: 20 * time.Millisecond, Propagation: 30 * time.Millisecond}
	if change != nil {
		change(&options)
	}
	var err error
	if h.cloud, err = New(t.Context(), options); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.cloud.Close(); err != nil {
			t.Error(err)
		}
	})
	h.id, err = h.cloud.SeedAccount(Account{
		ResourceGroup: "rg-ai", Name: "acme", Subdomain: "acme", IPRules: []string{"20.30.40.50", "20.31.0.0/24"},
		Bypass: "AzureServices", Deployments: map[string]string{"chat": "gpt-4o"}, Key: "secret-key",
	})
	if err != nil {
		t.Fatal(err)
	}
	h.arm = h.client(h.cloud.ClientSecret())
	return h
}

// httpClient trusts the sandbox's CA file and nothing else.
func (h *harness) httpClient() *http.Client {
	h.t.Helper()
	raw, err := os.ReadFile(h.cloud.CAFile())
	if err != nil {
		h.t.Fatal(err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(raw) {
		h.t.Fatal("the CA file holds no certificate")
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}, ForceAttemptHTTP2: true}
	h.t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

func (h *harness) credential(secret string) *azidentity.ClientSecretCredential {
	h.t.Helper()
	credential, err := azidentity.NewClientSecretCredential(h.cloud.TenantID(), h.cloud.ClientID(), secret,
		&azidentity.ClientSecretCredentialOptions{ClientOptions: h.clientOptions(), DisableInstanceDiscovery: true})
	if err != nil {
		h.t.Fatal(err)
	}
	return credential
}

func (h *harness) clientOptions() policy.ClientOptions {
	configuration := cloud.Configuration{
		ActiveDirectoryAuthorityHost: h.cloud.URL(),
		Services:                     map[cloud.ServiceName]cloud.ServiceConfiguration{cloud.ResourceManager: {Endpoint: h.cloud.URL(), Audience: "https://management.azure.com"}},
	}
	return policy.ClientOptions{Cloud: configuration, Transport: h.httpClient(), Retry: policy.RetryOptions{MaxRetries: -1}}
}

func (h *harness) client(secret string) *arm.Client {
	h.t.Helper()
	client, err := arm.NewClient("sandbox-test", "v0.0.0", h.credential(secret), &arm.ClientOptions{ClientOptions: h.clientOptions(), DisableRPRegistration: true})
	if err != nil {
		h.t.Fatal(err)
	}
	return client
}

// send runs one ARM request; path is below the endpoint, headers are name, value, and so on.
func (h *harness) send(client *arm.Client, method, path string, body any, headers ...string) (*http.Response, map[string]any, error) {
	h.t.Helper()
	req, err := runtime.NewRequest(h.t.Context(), method, h.cloud.URL()+path+"?api-version="+apiVersion)
	if err != nil {
		h.t.Fatal(err)
	}
	if body != nil {
		if err := runtime.MarshalAsJSON(req, body); err != nil {
			h.t.Fatal(err)
		}
	}
	for i := 0; i < len(headers); i += 2 {
		req.Raw().Header.Set(headers[i], headers[i+1])
	}
	resp, err := client.Pipeline().Do(req)
	if err != nil {
		return nil, nil, err
	}
	if resp.StatusCode >= 300 {
		return resp, nil, runtime.NewResponseError(resp)
	}
	raw, err := runtime.Payload(resp)
	if err != nil {
		h.t.Fatal(err)
	}
	var out map[string]any
	if len(raw) > 0 {
		if err := json.Unmarshal(raw, &out); err != nil {
			h.t.Fatal(err)
		}
	}
	return resp, out, nil
}

// mustSend is send that must succeed, and waits for the operation that it starts.
func (h *harness) mustSend(method, path string, body any, headers ...string) map[string]any {
	h.t.Helper()
	resp, out, err := h.send(h.arm, method, path, body, headers...)
	if err != nil {
		h.t.Fatal(err)
	}
	if resp.Header.Get("Azure-AsyncOperation") != "" {
		poller, err := runtime.NewPoller[any](resp, h.arm.Pipeline(), nil)
		if err != nil {
			h.t.Fatal(err)
		}
		for !poller.Done() {
			if _, err := poller.Poll(h.t.Context()); err != nil {
				h.t.Fatal(err)
			}
		}
	}
	return out
}

func wantARM(t *testing.T, err error, status int, code string) {
	t.Helper()
	var response *azcore.ResponseError
	if !errors.As(err, &response) || response.StatusCode != status || response.ErrorCode != code {
		t.Errorf("got %v, want %d %s", err, status, code)
	}
}

func rulesBody(rules ...string) map[string]any {
	return map[string]any{"properties": map[string]any{"networkAcls": map[string]any{"ipRules": ruleObjects(rules)}}}
}

func (h *harness) rules() []string {
	h.t.Helper()
	state, ok := h.cloud.State(h.id)
	if !ok {
		h.t.Fatal("the account is gone")
	}
	return state.IPRules
}

// eventually polls until ok, on a ticker, and fails after five seconds.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("never: %s", what)
		}
	}
}

func TestWrongSecret(t *testing.T) {
	h := start(t, nil)
	_, _, err := h.send(h.client("wrong"), http.MethodGet, h.id, nil)
	var failed *azidentity.AuthenticationFailedError
	if !errors.As(err, &failed) || failed.RawResponse.StatusCode != http.StatusUnauthorized || !strings.Contains(err.Error(), "AADSTS7000215") || !strings.Contains(err.Error(), "invalid_client") {
		t.Errorf("got %v", err)
	}
}

// TestMetadataAndTokenClaims holds the fields without which azurerm does not start.
func TestMetadataAndTokenClaims(t *testing.T) {
	h := start(t, nil)
	get := func(path string, into any) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, h.cloud.URL()+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := h.httpClient().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = resp.Body.Close() }()
		if err := json.NewDecoder(resp.Body).Decode(into); err != nil {
			t.Fatal(err)
		}
	}
	var metadata struct {
		Name, ResourceManager, MicrosoftGraphResourceID string
		Authentication                                  struct {
			LoginEndpoint string
			Audiences     []string
		}
	}
	get("/metadata/endpoints?api-version=2022-09-01", &metadata)
	if metadata.Name == "" || metadata.ResourceManager != h.cloud.URL() || metadata.MicrosoftGraphResourceID == "" || metadata.Authentication.LoginEndpoint != h.cloud.URL() || len(metadata.Authentication.Audiences) == 0 {
		t.Errorf("metadata %+v", metadata)
	}
	var keys struct{ Keys []struct{ Kid, N, E string } }
	get("/"+h.cloud.TenantID()+"/discovery/v2.0/keys", &keys)
	if len(keys.Keys) != 1 || keys.Keys[0].N == "" || keys.Keys[0].E != "AQAB" {
		t.Errorf("keys %+v", keys)
	}

	token, err := h.credential(h.cloud.ClientSecret()).GetToken(t.Context(), policy.TokenRequestOptions{Scopes: []string{dataAudience + "/.default"}})
	if err != nil {
		t.Fatal(err)
	}
	claims := jwt.MapClaims{}
	if _, _, err := jwt.NewParser().ParseUnverified(token.Token, claims); err != nil {
		t.Fatal(err)
	}
	if claims["tid"] != h.cloud.TenantID() || claims["appid"] != h.cloud.ClientID() || claims["oid"] == nil || claims["aud"] != dataAudience || claims["exp"] == nil {
		t.Errorf("claims %v", claims)
	}

	h.peers.set("20.30.40.50")
	if status, _, body := h.ask("acme.openai.azure.com", "chat", "Bearer "+token.Token); status != 200 {
		t.Errorf("a token for the data plane: %d %v", status, body)
	}
	management, err := h.credential(h.cloud.ClientSecret()).GetToken(t.Context(), policy.TokenRequestOptions{Scopes: []string{managementAudience + "/.default"}})
	if err != nil {
		t.Fatal(err)
	}
	if status, _, _ := h.ask("acme.openai.azure.com", "chat", "Bearer "+management.Token); status != 401 {
		t.Errorf("a token for Resource Manager opened the data plane: %d", status)
	}
}

func TestNoBearerAndUnknownOperation(t *testing.T) {
	h := start(t, nil)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, h.cloud.URL()+h.id+"?api-version="+apiVersion, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := h.httpClient().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusUnauthorized || resp.Header.Get("Www-Authenticate") == "" {
		t.Errorf("without a token: %s", resp.Status)
	}
	_, _, err = h.send(h.arm, http.MethodGet, h.id+"/models", nil)
	wantARM(t, err, http.StatusNotImplemented, "NotImplemented")
	_, _, err = h.send(h.arm, http.MethodGet, strings.Replace(h.id, h.cloud.SubscriptionID(), newID(), 1), nil)
	wantARM(t, err, http.StatusNotFound, "SubscriptionNotFound")
	_, _, err = h.send(h.arm, http.MethodGet, h.id+"x", nil)
	wantARM(t, err, http.StatusNotFound, "ResourceNotFound")
}

func TestPatchMergesByFieldAndReplacesRules(t *testing.T) {
	h := start(t, nil)
	before := h.mustSend(http.MethodGet, strings.ToUpper(h.id), nil)
	h.mustSend(http.MethodPatch, h.id, rulesBody("20.30.40.50", "52.1.2.3"), "If-Match", before["etag"].(string))
	after := h.mustSend(http.MethodGet, h.id, nil)
	acls := after["properties"].(map[string]any)["networkAcls"].(map[string]any)
	if fmt.Sprint(ruleValues(acls)) != "[20.30.40.50 52.1.2.3]" || acls["defaultAction"] != "Deny" || acls["bypass"] != "AzureServices" {
		t.Errorf("networkAcls after the PATCH: %v", acls)
	}
	if after["etag"] == before["etag"] {
		t.Error("the etag did not change")
	}
	h.mustSend(http.MethodPatch, h.id, rulesBody())
	if got := h.rules(); len(got) != 0 {
		t.Errorf("an empty array left %v", got)
	}
}

func TestStaleEtagAndBusyAccount(t *testing.T) {
	h := start(t, nil)
	etag := h.mustSend(http.MethodGet, h.id, nil)["etag"].(string)
	if err := h.cloud.AddRule(h.id, "40.1.1.1"); err != nil {
		t.Fatal(err)
	}
	_, _, err := h.send(h.arm, http.MethodPatch, h.id, rulesBody("52.1.2.3"), "If-Match", etag)
	wantARM(t, err, http.StatusPreconditionFailed, "IfMatchPreconditionFailed")
	if got := h.rules(); !slices.Contains(got, "40.1.1.1") {
		t.Errorf("the refused write changed the rules to %v", got)
	}

	resp, body, err := h.send(h.arm, http.MethodPatch, h.id, rulesBody("52.1.2.3"), "If-Match", "*")
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != http.StatusAccepted || body["properties"].(map[string]any)["provisioningState"] != "Accepted" {
		t.Errorf("PATCH answered %s %v", resp.Status, body)
	}
	_, _, err = h.send(h.arm, http.MethodPut, h.id+"/deployments/second", map[string]any{"properties": map[string]any{"model": map[string]any{"name": "gpt-4o"}}})
	wantARM(t, err, http.StatusConflict, "RequestConflict")
	eventually(t, "the account comes to rest", func() bool {
		state, _ := h.cloud.State(h.id)
		return state.ProvisioningState == "Succeeded"
	})
}

func TestOperationOfAnotherKeepsTheAccountBusy(t *testing.T) {
	var mu sync.Mutex
	now := time.Now()
	clock := func() time.Time { mu.Lock(); defer mu.Unlock(); return now }
	h := start(t, func(o *Options) { o.Now, o.OperationTime = clock, -1 })
	for _, d := range []time.Duration{time.Minute, time.Second} {
		if err := h.cloud.BeginOperation(h.id, d); err != nil {
			t.Fatal(err)
		}
	}
	for _, step := range []struct {
		wait time.Duration
		busy bool
	}{{0, true}, {59 * time.Second, true}, {time.Second, false}} {
		mu.Lock()
		now = now.Add(step.wait)
		mu.Unlock()
		want := map[bool]string{true: "Accepted", false: "Succeeded"}[step.busy]
		if got := h.mustSend(http.MethodGet, h.id, nil)["properties"].(map[string]any)["provisioningState"]; got != want {
			t.Errorf("after another %s the account is %v, want %s", step.wait, got, want)
		}
		_, _, err := h.send(h.arm, http.MethodPatch, h.id, rulesBody("52.1.2.3"))
		if step.busy {
			wantARM(t, err, http.StatusConflict, "RequestConflict")
		} else if err != nil {
			t.Errorf("the account at rest refused a write: %v", err)
		}
	}
	if err := h.cloud.BeginOperation(h.id+"x", time.Minute); err == nil {
		t.Error("an account that is not there was made busy")
	}
}

func TestHistoryTellsWhoWroteWhat(t *testing.T) {
	h := start(t, func(o *Options) { o.OperationTime = -1 })
	h.mustSend(http.MethodPatch, h.id, rulesBody("52.1.2.3"), "User-Agent", "somebody")
	if _, _, err := h.send(h.arm, http.MethodPatch, h.id, rulesBody("10.0.0.1"), "User-Agent", "refused"); err == nil {
		t.Error("a private address was taken")
	}
	if err := h.cloud.AddRule(h.id, "40.1.1.1"); err != nil {
		t.Fatal(err)
	}
	got := h.cloud.History(h.id)
	if len(got) != 3 || got[0].By != "" || fmt.Sprint(got[0].IPRules) != "[20.30.40.50 20.31.0.0/24]" ||
		!strings.Contains(got[1].By, "somebody") || fmt.Sprint(got[1].IPRules) != "[52.1.2.3]" ||
		got[2].By != "" || fmt.Sprint(got[2].IPRules) != "[52.1.2.3 40.1.1.1]" {
		t.Errorf("history %+v", got)
	}
	if got := h.cloud.History(h.id + "x"); got != nil {
		t.Errorf("an account that is not there has the history %v", got)
	}
}

// TestStaleEtagIgnored switches the precondition off and on again, for both ways to write.
func TestStaleEtagIgnored(t *testing.T) {
	h := start(t, func(o *Options) { o.OperationTime, o.IgnoreIfMatch = -1, true })
	const stale = `"stale"`
	whole := map[string]any{"location": "eastus", "kind": "OpenAI", "sku": map[string]any{"name": "S0"},
		"properties": map[string]any{"customSubDomainName": "acme", "networkAcls": map[string]any{"defaultAction": "Deny"}}}
	h.mustSend(http.MethodPatch, h.id, rulesBody("52.1.2.3"), "If-Match", stale)
	if got := fmt.Sprint(h.rules()); got != "[52.1.2.3]" {
		t.Errorf("the rules are %s", got)
	}
	h.mustSend(http.MethodPut, h.id, whole, "If-Match", stale)
	h.cloud.IgnoreIfMatch(false)
	_, _, err := h.send(h.arm, http.MethodPatch, h.id, rulesBody("52.1.2.4"), "If-Match", stale)
	wantARM(t, err, http.StatusPreconditionFailed, "IfMatchPreconditionFailed")
	_, _, err = h.send(h.arm, http.MethodPut, h.id, whole, "If-Match", stale)
	wantARM(t, err, http.StatusPreconditionFailed, "IfMatchPreconditionFailed")
	h.cloud.IgnoreIfMatch(true)
	h.mustSend(http.MethodPatch, h.id, rulesBody("52.1.2.4"), "If-Match", stale)
	if got := fmt.Sprint(h.rules()); got != "[52.1.2.4]" {
		t.Errorf("the rules are %s", got)
	}
}

func TestRefusedRules(t *testing.T) {
	h := start(t, nil)
	tooMany := make([]string, maxIPRules+1)
	for i := range tooMany {
		tooMany[i] = fmt.Sprintf("52.0.%d.1", i)
	}
	for _, rules := range [][]string{
		{"13.34.9.100/32"}, {"13.34.9.100/31"}, {"10.0.0.1"}, {"172.16.5.0/24"}, {"192.168.1.1"}, {"100.64.0.1"},
		{"52.1.2.3/24"}, {"2001:db8::1"}, {"0.0.0.0/0"}, {"8.0.0.0/5"}, {"nonsense"}, {"52.1.2.3", "52.1.2.3"}, tooMany,
	} {
		_, _, err := h.send(h.arm, http.MethodPatch, h.id, rulesBody(rules...))
		var response *azcore.ResponseError
		if !errors.As(err, &response) || response.StatusCode != http.StatusBadRequest {
			t.Errorf("%v: %v", rules, err)
		} else if len(rules) == 1 && !strings.Contains(err.Error(), "Invalid IP address or range "+rules[0]+".") {
			t.Errorf("%v: unexpected text in %v", rules, err)
		}
	}
	h.mustSend(http.MethodPatch, h.id, rulesBody(tooMany[:maxIPRules]...))
}

func TestAccountLifeThroughARM(t *testing.T) {
	h := start(t, nil)
	group := "/subscriptions/" + h.cloud.SubscriptionID() + "/resourceGroups/rg-new"
	account := group + "/providers/Microsoft.CognitiveServices/accounts/fresh"
	body := map[string]any{"location": "eastus", "kind": "AIServices", "sku": map[string]any{"name": "S0"}, "properties": map[string]any{}}
	_, _, err := h.send(h.arm, http.MethodPut, account, body)
	wantARM(t, err, http.StatusNotFound, "ResourceGroupNotFound")
	h.mustSend(http.MethodPut, group, map[string]any{"location": "eastus"})
	h.mustSend(http.MethodPut, account, body)

	_, _, err = h.send(h.arm, http.MethodPatch, account, rulesBody("52.1.2.3"))
	wantARM(t, err, http.StatusBadRequest, "CustomSubDomainNotConfigured")
	subdomain := func(s string) map[string]any {
		return map[string]any{"properties": map[string]any{"customSubDomainName": s}}
	}
	_, _, err = h.send(h.arm, http.MethodPatch, account, subdomain("acme"))
	wantARM(t, err, http.StatusConflict, "CustomDomainInUse")
	h.mustSend(http.MethodPatch, account, subdomain("fresh"))
	_, _, err = h.send(h.arm, http.MethodPatch, account, subdomain("other"))
	wantARM(t, err, http.StatusBadRequest, "CustomSubDomainCannotBeChanged")

	h.mustSend(http.MethodPut, account+"/deployments/d1", map[string]any{"sku": map[string]any{"name": "Standard"}, "properties": map[string]any{"model": map[string]any{"format": "OpenAI", "name": "gpt-4o"}}})
	if got := h.mustSend(http.MethodGet, account+"/deployments", nil)["value"].([]any); len(got) != 1 {
		t.Errorf("deployments %v", got)
	}
	h.mustSend(http.MethodDelete, account+"/deployments/d1", nil)
	_, _, err = h.send(h.arm, http.MethodGet, account+"/deployments/d1", nil)
	wantARM(t, err, http.StatusNotFound, "ResourceNotFound")
	if got := h.mustSend(http.MethodGet, account+"/privateEndpointConnections", nil)["value"].([]any); len(got) != 0 {
		t.Errorf("connections %v", got)
	}
	if got := h.mustSend(http.MethodGet, "/subscriptions/"+h.cloud.SubscriptionID()+"/providers/Microsoft.CognitiveServices/accounts", nil)["value"].([]any); len(got) != 2 {
		t.Errorf("%d accounts", len(got))
	}
	h.mustSend(http.MethodDelete, account, nil)
	eventually(t, "the account is gone", func() bool { return len(h.cloud.Accounts()) == 1 })
	h.mustSend(http.MethodDelete, group, nil)
}

func TestScriptedFaults(t *testing.T) {
	h := start(t, nil)
	patch := regexp.MustCompile(`(?i)/accounts/acme$`)
	h.cloud.Faults.Add(
		fault.Rule{Method: http.MethodPatch, Path: patch, Status: http.StatusConflict, Code: "TransientError", Message: "Etag conflict on acme"},
		fault.Rule{Method: http.MethodPatch, Path: patch, LoseAnswer: true},
		fault.Rule{Method: http.MethodGet, Path: patch, Then: func() {
			if err := h.cloud.SetRules(h.id, "40.1.1.1"); err != nil {
				t.Error(err)
			}
		}},
	)
	_, _, err := h.send(h.arm, http.MethodPatch, h.id, rulesBody("52.1.2.3"))
	wantARM(t, err, http.StatusConflict, "TransientError")
	if _, _, err = h.send(h.arm, http.MethodPatch, h.id, rulesBody("52.1.2.3")); err == nil {
		t.Error("the lost answer arrived")
	}
	if got := fmt.Sprint(h.rules()); got != "[52.1.2.3]" {
		t.Errorf("after the lost answer the rules are %s", got)
	}
	seen := h.mustSend(http.MethodGet, h.id, nil)
	if got := fmt.Sprint(h.rules()); got != "[40.1.1.1]" {
		t.Errorf("after the foreign writer the rules are %s", got)
	}
	state, _ := h.cloud.State(h.id)
	if seen["etag"] == state.ETag {
		t.Error("the reader already had the foreign writer's etag")
	}
	if h.cloud.Faults.Unused() != 0 {
		t.Error("a fault did not apply")
	}
	if got := h.cloud.Faults.Counts(); got["Accounts_Get"] != 1 || got["Accounts_Update"] != 1 || got[http.MethodPatch] != 1 {
		t.Errorf("counts %v", got)
	}
}

// ask sends a chat request to https://host through a fresh TLS connection; key is an API
// key, or "Bearer " and a token.
func (h *harness) ask(host, deployment, key string) (int, http.Header, map[string]any) {
	h.t.Helper()
	client := &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		TLSClientConfig:   &tls.Config{RootCAs: h.cloud.CAPool(), MinVersion: tls.VersionTLS12},
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, h.cloud.DataPlaneAddr())
		},
	}}
	body := []byte(`{"messages":[{"role":"user","content":"hello from the other side"}]}`)
	req, err := http.NewRequestWithContext(h.t.Context(), http.MethodPost, "https://"+host+"/openai/deployments/"+deployment+"/chat/completions?api-version=2024-10-21", bytes.NewReader(body))
	if err != nil {
		h.t.Fatal(err)
	}
	if token, ok := strings.CutPrefix(key, "Bearer "); ok {
		req.Header.Set("Authorization", "Bearer "+token)
	} else {
		req.Header.Set("Api-Key", key)
	}
	resp, err := client.Do(req)
	if err != nil {
		h.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		h.t.Fatal(err)
	}
	var out map[string]any
	if err := json.Unmarshal(raw, &out); err != nil {
		h.t.Fatalf("%s: %v", raw, err)
	}
	return resp.StatusCode, resp.Header, out
}

func errorOf(body map[string]any) (code, message string) {
	e, _ := body["error"].(map[string]any)
	code, _ = e["code"].(string)
	message, _ = e["message"].(string)
	return code, message
}

func TestDataPlaneObeysTheFirewall(t *testing.T) {
	h := start(t, nil)
	const host = "acme.openai.azure.com"
	h.peers.set("52.1.2.3")
	status, header, body := h.ask(host, "chat", "secret-key")
	code, message := errorOf(body)
	if status != 403 || code != "403" || message != refusedByRules || header.Get("Policy-Id") != "ThrowExceptionDueToTrafficDenied" || header.Get("Apim-Request-Id") == "" {
		t.Errorf("stranger: %d %v %v", status, header, body)
	}

	h.mustSend(http.MethodPatch, h.id, rulesBody("20.30.40.50", "20.31.0.0/24", "52.1.2.3"))
	eventually(t, "the new rule reaches the data plane", func() bool {
		status, _, body = h.ask(host, "chat", "secret-key")
		return status == 200
	})
	content := body["choices"].([]any)[0].(map[string]any)["message"].(map[string]any)["content"]
	if content != "gpt-4o heard: hello from the other side" {
		t.Errorf("content %q", content)
	}
	h.peers.set("20.31.0.77")
	if status, _, _ = h.ask(host, "chat", "secret-key"); status != 200 {
		t.Errorf("an address inside a range: %d", status)
	}
	if status, _, body = h.ask(host, "chat", "wrong"); status != 401 {
		t.Errorf("bad key: %d %v", status, body)
	}
	if status, _, body = h.ask(host, "nope", "secret-key"); status != 404 {
		t.Errorf("no deployment: %d", status)
	} else if code, _ := errorOf(body); code != "DeploymentNotFound" {
		t.Errorf("no deployment: %v", body)
	}
	if status, _, _ = h.ask("nobody.openai.azure.com", "chat", "secret-key"); status != 404 {
		t.Errorf("unknown host: %d", status)
	}

	if err := h.cloud.RemoveRule(h.id, "52.1.2.3"); err != nil {
		t.Fatal(err)
	}
	h.peers.set("52.1.2.3")
	eventually(t, "the removal reaches the data plane", func() bool {
		status, _, _ = h.ask(host, "chat", "secret-key")
		return status == 403
	})
	if err := h.cloud.SetPublicNetworkAccess(h.id, "Disabled"); err != nil {
		t.Fatal(err)
	}
	h.peers.set("20.31.0.77")
	eventually(t, "public access is off", func() bool {
		_, _, body = h.ask(host, "chat", "secret-key")
		_, message := errorOf(body)
		return message == refusedByPublicAccess
	})

	log := h.cloud.DataRequests()
	if log[0].SourceIP != "52.1.2.3" || log[0].Status != 403 || log[0].Deployment != "chat" || !strings.EqualFold(log[0].Account, h.id) {
		t.Errorf("log begins with %+v", log[0])
	}
}

func TestFirewallSpreadsLate(t *testing.T) {
	var mu sync.Mutex
	now := time.Now()
	clock := func() time.Time { mu.Lock(); defer mu.Unlock(); return now }
	advance := func(d time.Duration) { mu.Lock(); defer mu.Unlock(); now = now.Add(d) }
	h := start(t, func(o *Options) { o.Now, o.OperationTime, o.Propagation = clock, time.Second, time.Minute })
	h.peers.set("52.1.2.3")
	if _, _, err := h.send(h.arm, http.MethodPatch, h.id, rulesBody("52.1.2.3")); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		wait time.Duration
		want int
	}{{0, 403}, {60 * time.Second, 403}, {2 * time.Second, 200}} {
		advance(step.wait)
		if status, _, _ := h.ask("acme.openai.azure.com", "chat", "secret-key"); status != step.want {
			t.Errorf("after another %s: %d, want %d", step.wait, status, step.want)
		}
	}
}

// TestForeignRulesSurviveGuardedWriters runs writers that each add their own entry under
// If-Match: none may be lost to another.
func TestForeignRulesSurviveGuardedWriters(t *testing.T) {
	h := start(t, func(o *Options) { o.OperationTime = -1 })
	const writers = 4
	var wg sync.WaitGroup
	for i := range writers {
		wg.Add(1)
		go func() {
			defer wg.Done()
			own := fmt.Sprintf("52.9.9.%d", i+1)
			for range 200 {
				_, body, err := h.send(h.arm, http.MethodGet, h.id, nil)
				if err != nil {
					t.Error(err)
					return
				}
				rules := ruleValues(body["properties"].(map[string]any)["networkAcls"].(map[string]any))
				_, _, err = h.send(h.arm, http.MethodPatch, h.id, rulesBody(append(rules, own)...), "If-Match", body["etag"].(string))
				if err == nil {
					return
				}
			}
			t.Errorf("writer %d never got through", i)
		}()
	}
	wg.Wait()
	if got := h.rules(); len(got) != 2+writers {
		t.Errorf("rules %v", got)
	}
}
