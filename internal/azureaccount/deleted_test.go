package azureaccount

import (
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
)

const deletedPath = "/subscriptions/s/providers/Microsoft.CognitiveServices/locations/eastus/resourceGroups/g/deletedAccounts/a"

func TestGetDeletedAccount(t *testing.T) {
	for name, test := range map[string]struct {
		answer string
		want   DeletedAccount
	}{
		"with its id":    {`{"id":"/theirs","properties":{"customSubDomainName":"sub","deletionDate":"2030-01-01","novel":[]}}`, DeletedAccount{ID: "/theirs", CustomSubDomain: "sub", DeletedAt: "2030-01-01"}},
		"without its id": {`{"properties":{}}`, DeletedAccount{ID: deletedPath}},
	} {
		t.Run(name, func(t *testing.T) {
			client, _ := newTestClient(t, func(w http.ResponseWriter, r *http.Request) {
				if r.Method != http.MethodGet || r.URL.Path != deletedPath || r.URL.Query().Get("api-version") != APIVersion {
					t.Errorf("asked %s %s", r.Method, r.URL)
				}
				_, _ = io.WriteString(w, test.answer)
			})
			got, err := client.GetDeletedAccount(t.Context(), ID{SubscriptionID: "s", ResourceGroup: "g", Name: "a"}, "East US")
			if err != nil {
				t.Fatal(err)
			}
			if *got != test.want {
				t.Errorf("got %+v, want %+v", *got, test.want)
			}
		})
	}
}

func TestGetDeletedAccountOfNone(t *testing.T) {
	client, _ := newTestClient(t, refuse(http.StatusNotFound, "ResourceNotFound"))
	_, err := client.GetDeletedAccount(t.Context(), testID, "eastus")
	wantResponseError(t, err, http.StatusNotFound, "ResourceNotFound")
}

func TestFindDeletedAccount(t *testing.T) {
	const list = "/subscriptions/s/providers/Microsoft.CognitiveServices/deletedAccounts"
	item := func(group, name string) string {
		return `{"id":"/subscriptions/S/providers/Microsoft.CognitiveServices/locations/EastUS/resourceGroups/` + group + `/deletedAccounts/` + name +
			`","location":"eastus","properties":{"deletionDate":"2030-01-01T00:00:00Z","scheduledPurgeDate":"2030-01-03T00:00:00Z","novel":1}}`
	}
	var server *httptest.Server
	var asked []string
	client, server := newTestClient(t, func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.Path+"?"+r.URL.RawQuery)
		switch r.URL.Query().Get("page") {
		case "":
			_, _ = io.WriteString(w, `{"value":[`+item("other", "a")+`,`+item("g", "other")+`],"nextLink":"`+server.URL+list+`?page=2"}`)
		case "2":
			_, _ = io.WriteString(w, `{"value":[`+item("G", "A")+`],"nextLink":"`+server.URL+list+`?page=3"}`)
		default:
			t.Errorf("asked for %s, behind what was looked for", r.URL)
		}
	})
	got, err := client.FindDeletedAccount(t.Context(), testID)
	if err != nil || got == nil {
		t.Fatalf("found %v: %v", got, err)
	}
	if got.Location != "eastus" || got.DeletedAt != "2030-01-01T00:00:00Z" || got.PurgedAt != "2030-01-03T00:00:00Z" {
		t.Errorf("found %+v", got)
	}
	if want := []string{list + "?api-version=" + APIVersion, list + "?page=2"}; !slices.Equal(asked, want) {
		t.Errorf("asked %q, want %q", asked, want)
	}
}

// A page on another host would get the bearer token.
func TestFindDeletedAccountOfNone(t *testing.T) {
	client, _ := newTestClient(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"value":[],"nextLink":"https://elsewhere.example/page"}`)
	})
	if got, err := client.FindDeletedAccount(t.Context(), testID); got != nil || err != nil {
		t.Errorf("found %v: %v", got, err)
	}
	client, _ = newTestClient(t, refuse(http.StatusForbidden, "AuthorizationFailed"))
	_, err := client.FindDeletedAccount(t.Context(), testID)
	wantResponseError(t, err, http.StatusForbidden, "AuthorizationFailed")
}
