package azureaccount

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
)

var testID = ID{SubscriptionID: "s", ResourceGroup: "g", Name: "a"}

// newTestClient returns a client of a server that is made of handler.
func newTestClient(t *testing.T, handler http.HandlerFunc) (*Client, *httptest.Server) {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	pipeline := runtime.NewPipeline("test", "0", runtime.PipelineOptions{}, &policy.ClientOptions{
		Transport: server.Client(),
		Retry:     policy.RetryOptions{MaxRetries: -1, RetryDelay: time.Millisecond},
	})
	return New(pipeline, server.URL+"/"), server
}

// accountJSON has what broke typed SDKs (networkInjections as a list), fields that
// nobody knows yet, and a rule with more in it than a value.
const accountJSON = `{
	"id": "/subscriptions/s/resourceGroups/g/providers/Microsoft.CognitiveServices/accounts/a", "name": "a", "kind": "OpenAI", "etag": "\"e1\"",
	"properties": {
		"provisioningState": "Succeeded", "customSubDomainName": "sub", "networkInjections": [{"scenario": "agent"}], "novel": {"x": [1]},
		"networkAcls": {
			"bypass": "AzureServices", "defaultAction": "Deny", "novel": true,
			"ipRules": [{"value": "9.9.9.9", "note": "theirs"}, {"value": "8.8.8.0/24"}],
			"virtualNetworkRules": [{"id": "/subnet", "ignoreMissingVnetServiceEndpoint": false, "novel": 1}]},
		"privateEndpointConnections": [
			{"properties": {"privateLinkServiceConnectionState": {"status": "Approved"}}},
			{"properties": {"privateLinkServiceConnectionState": {"status": "Pending"}}}]}}`

func TestGetReadsTolerantly(t *testing.T) {
	client, _ := newTestClient(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet || r.URL.Path != testID.String() || r.URL.Query().Get("api-version") != APIVersion {
			t.Errorf("asked %s %s", r.Method, r.URL)
		}
		_, _ = io.WriteString(w, accountJSON)
	})
	account, err := client.Get(t.Context(), testID)
	if err != nil {
		t.Fatal(err)
	}
	if account.ETag != `"e1"` || account.Kind != "OpenAI" || account.CustomSubDomain != "sub" || account.ApprovedPrivateEndpoints != 1 ||
		account.DefaultAction() != ActionDeny || account.PublicAccess() != AccessEnabled || !account.Settled() {
		t.Errorf("read %+v", account)
	}
	if got := account.ACLs.Values(); !slices.Equal(got, []string{"9.9.9.9", "8.8.8.0/24"}) {
		t.Errorf("rules %q", got)
	}
}

func TestGetOfAnAccountWithoutNetworkRules(t *testing.T) {
	client, _ := newTestClient(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("ETag", `"h"`)
		_, _ = io.WriteString(w, `{"properties":{"networkAcls":null}}`)
	})
	account, err := client.Get(t.Context(), testID)
	if err != nil {
		t.Fatal(err)
	}
	if account.ACLs == nil || account.DefaultAction() != ActionAllow || account.ETag != `"h"` {
		t.Errorf("read %+v", account)
	}
}

func TestGetGivesARMsError(t *testing.T) {
	client, _ := newTestClient(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusNotFound)
		_, _ = io.WriteString(w, `{"error":{"code":"ResourceNotFound","message":"gone"}}`)
	})
	_, err := client.Get(t.Context(), testID)
	var azureErr *azcore.ResponseError
	if !errors.As(err, &azureErr) || azureErr.StatusCode != http.StatusNotFound || azureErr.ErrorCode != "ResourceNotFound" {
		t.Errorf("error %v", err)
	}
}

// All four fields are sent, what is not ours byte for byte, and nothing but them.
func TestPatchSendsTheFirewallAndNothingElse(t *testing.T) {
	var body, match string
	client, _ := newTestClient(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPatch {
			raw, _ := io.ReadAll(r.Body)
			body, match = string(raw), r.Header.Get("If-Match")
		}
		_, _ = io.WriteString(w, accountJSON)
	})
	account, err := client.Get(t.Context(), testID)
	if err != nil {
		t.Fatal(err)
	}
	change := NetworkChange{ACLs: *account.ACLs}
	change.ACLs.IPRules = append(change.ACLs.IPRules, IPRule{Value: "52.1.2.3"})
	operation, err := client.PatchNetwork(t.Context(), testID, account.ETag, change)
	if err != nil || !operation.Done() {
		t.Fatalf("operation %+v: %v", operation, err)
	}
	want := `{"properties":{"networkAcls":{"bypass":"AzureServices","defaultAction":"Deny",` +
		`"ipRules":[{"value":"9.9.9.9","note":"theirs"},{"value":"8.8.8.0/24"},{"value":"52.1.2.3"}],` +
		`"virtualNetworkRules":[{"id":"/subnet","ignoreMissingVnetServiceEndpoint":false,"novel":1}]}}}`
	if body != want || match != `"e1"` {
		t.Errorf("sent with If-Match %s\n%s\nwant\n%s", match, body, want)
	}

	// The last entry goes by an empty list: a missing one would leave it.
	if _, err := client.PatchNetwork(t.Context(), testID, "", NetworkChange{PublicNetworkAccess: AccessDisabled}); err != nil {
		t.Fatal(err)
	}
	want = `{"properties":{"networkAcls":{"ipRules":[],"virtualNetworkRules":[]},"publicNetworkAccess":"Disabled"}}`
	if body != want || match != "" {
		t.Errorf("sent with If-Match %q\n%s\nwant\n%s", match, body, want)
	}
}

// A write that fails is the caller's to make again, from what the account is by then; reads
// are made again by the pipeline.
func TestPatchIsSentOnce(t *testing.T) {
	sent := map[string]int{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sent[r.Method]++
		w.WriteHeader(http.StatusServiceUnavailable)
	}))
	t.Cleanup(server.Close)
	client := New(runtime.NewPipeline("test", "0", runtime.PipelineOptions{}, &policy.ClientOptions{
		Transport: server.Client(), Retry: policy.RetryOptions{MaxRetries: 2, RetryDelay: time.Millisecond},
	}), server.URL)
	_, err := client.PatchNetwork(t.Context(), testID, `"e"`, NetworkChange{})
	wantResponseError(t, err, http.StatusServiceUnavailable, "")
	_, err = client.Get(t.Context(), testID)
	wantResponseError(t, err, http.StatusServiceUnavailable, "")
	if sent[http.MethodPatch] != 1 || sent[http.MethodGet] != 3 {
		t.Errorf("sent %v", sent)
	}
}

// Whichever way ARM chooses, an operation is followed to its end, and If-Match stays
// with the request that it guards.
func TestOperations(t *testing.T) {
	tests := map[string]struct {
		patch   func(w http.ResponseWriter, base string)
		polls   []func(w http.ResponseWriter) // the last one repeats
		path    string
		states  []string
		wantErr string
	}{
		"by status": {
			patch: func(w http.ResponseWriter, base string) {
				w.Header().Set("Azure-AsyncOperation", base+"/op?t=1")
				w.WriteHeader(http.StatusAccepted)
			},
			polls:  []func(http.ResponseWriter){text(200, `{"status":"InProgress"}`), text(200, `{"status":"Succeeded"}`)},
			path:   "/op",
			states: []string{"InProgress", "Succeeded"},
		},
		"by status, failing": {
			patch: func(w http.ResponseWriter, base string) {
				w.Header().Set("Azure-AsyncOperation", base+"/op")
				w.WriteHeader(http.StatusOK)
				_, _ = io.WriteString(w, `{}`)
			},
			polls:   []func(http.ResponseWriter){text(200, `{"status":"Failed","error":{"code":"TransientError","message":"again"}}`)},
			path:    "/op",
			wantErr: "TransientError",
		},
		"by location": {
			patch: func(w http.ResponseWriter, base string) {
				w.Header().Set("Location", "/loc")
				w.WriteHeader(http.StatusAccepted)
			},
			polls:  []func(http.ResponseWriter){text(202, ""), text(200, `{}`)},
			path:   "/loc",
			states: []string{"InProgress", "Succeeded"},
		},
		"by the account's state": {
			patch:  func(w http.ResponseWriter, _ string) { text(200, `{"properties":{"provisioningState":"Accepted"}}`)(w) },
			polls:  []func(http.ResponseWriter){text(200, `{"properties":{"provisioningState":"Accepted"}}`), text(200, accountJSON)},
			path:   testID.String(),
			states: []string{"Accepted", "Succeeded"},
		},
		"a token is not sent to another host": {
			patch: func(w http.ResponseWriter, _ string) {
				w.Header().Set("Azure-AsyncOperation", "https://elsewhere.example/op")
				w.WriteHeader(http.StatusAccepted)
			},
			polls:  []func(http.ResponseWriter){text(200, accountJSON)},
			path:   testID.String(),
			states: []string{"Succeeded"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var server *httptest.Server
			polls := test.polls
			client, server := newTestClient(t, func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodPatch {
					test.patch(w, server.URL)
					return
				}
				if r.URL.Path != test.path || r.Header.Get("If-Match") != "" {
					t.Errorf("polled %s with If-Match %q", r.URL, r.Header.Get("If-Match"))
				}
				polls[0](w)
				if len(polls) > 1 {
					polls = polls[1:]
				}
			})
			operation, err := client.PatchNetwork(t.Context(), testID, `"e"`, NetworkChange{})
			if err != nil || operation.Done() {
				t.Fatalf("operation %+v: %v", operation, err)
			}
			for _, want := range test.states {
				if err := operation.Poll(t.Context()); err != nil {
					t.Fatal(err)
				}
				if operation.State() != want || operation.Done() != (want == "Succeeded") {
					t.Fatalf("state %q, done %t, want %q", operation.State(), operation.Done(), want)
				}
			}
			if test.wantErr == "" {
				return
			}
			var azureErr *azcore.ResponseError
			if err := operation.Poll(t.Context()); !errors.As(err, &azureErr) || azureErr.ErrorCode != test.wantErr || !strings.Contains(err.Error(), "again") {
				t.Errorf("error %v", err)
			}
		})
	}
}

func text(status int, body string) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}
