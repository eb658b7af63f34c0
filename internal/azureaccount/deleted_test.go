package azureaccount

import (
	"io"
	"net/http"
	"testing"
)

const deletedPath = "/subscriptions/s/providers/Microsoft.CognitiveServices/locations/eastus/resourceGroups/g/deletedAccounts/a"

func TestGetDeletedAccount(t *testing.T) {
	for name, test := range map[string]struct {
		answer string
		want   DeletedAccount
	}{
		"with its id":    {`{"id":"/theirs","properties":{"customSubDomainName":"sub","deletionDate":"2030-01-01","novel":[]}}`, DeletedAccount{ID: "/theirs", CustomSubDomain: "sub"}},
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
