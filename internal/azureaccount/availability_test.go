package azureaccount

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
)

func TestCheckDomainAvailability(t *testing.T) {
	for name, test := range map[string]struct {
		answer string
		want   DomainAvailability
	}{
		"free":  {`{"isSubdomainAvailable":true,"subdomainName":"acme","novel":{}}`, DomainAvailability{Available: true}},
		"taken": {`{"isSubdomainAvailable":false,"reason":"Sub domain name 'acme' is already used.","kind":null}`, DomainAvailability{Reason: "Sub domain name 'acme' is already used."}},
	} {
		t.Run(name, func(t *testing.T) {
			client, _ := newTestClient(t, func(w http.ResponseWriter, r *http.Request) {
				if r.Method != http.MethodPost || r.URL.Path != "/subscriptions/s u/b/providers/Microsoft.CognitiveServices/checkDomainAvailability" || r.URL.Query().Get("api-version") != APIVersion {
					t.Errorf("asked %s %s", r.Method, r.URL)
				}
				var body map[string]string
				if err := json.NewDecoder(r.Body).Decode(&body); err != nil || len(body) != 2 || body["subdomainName"] != "acme" || body["type"] != "Microsoft.CognitiveServices/accounts" {
					t.Errorf("sent %v, %v", body, err)
				}
				_, _ = io.WriteString(w, test.answer)
			})
			got, err := client.CheckDomainAvailability(t.Context(), "s u/b", "acme")
			if err != nil || got != test.want {
				t.Errorf("got %+v, %v; want %+v", got, err, test.want)
			}
		})
	}
}

func TestCheckDomainAvailabilityGivesARMsError(t *testing.T) {
	client, _ := newTestClient(t, refuse(http.StatusForbidden, "AuthorizationFailed"))
	_, err := client.CheckDomainAvailability(t.Context(), "s", "acme")
	wantResponseError(t, err, http.StatusForbidden, "AuthorizationFailed")
}

// refuse answers with an error in ARM's format.
func refuse(status int, code string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, `{"error":{"code":"`+code+`","message":"no"}}`)
	}
}

func wantResponseError(t *testing.T, err error, status int, code string) {
	t.Helper()
	var response *azcore.ResponseError
	if !errors.As(err, &response) || response.StatusCode != status || response.ErrorCode != code {
		t.Errorf("got %v, want %d %s", err, status, code)
	}
}
