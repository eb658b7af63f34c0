package azureaccount

import (
	"io"
	"net/http"
	"slices"
	"testing"
)

func TestListPerimeters(t *testing.T) {
	client, _ := newTestClient(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet || r.URL.Path != testID.String()+"/networkSecurityPerimeterConfigurations" || r.URL.Query().Get("api-version") != APIVersion {
			t.Errorf("asked %s %s", r.Method, r.URL)
		}
		_, _ = io.WriteString(w, `{"value":[
			{"properties":{"provisioningState":"Succeeded","novel":[],"networkSecurityPerimeter":{"id":"/fence"},"resourceAssociation":{"name":"tie","accessMode":"enforced"}}},
			{"properties":{"networkSecurityPerimeter":{"id":"/hedge"},"resourceAssociation":{"name":"knot","accessMode":"Learning"}}},
			{}]}`)
	})
	got, err := client.ListPerimeters(t.Context(), testID)
	want := []Perimeter{{ID: "/fence", Association: "tie", AccessMode: "enforced"}, {ID: "/hedge", Association: "knot", AccessMode: "Learning"}, {}}
	if err != nil || !slices.Equal(got, want) {
		t.Fatalf("listed %+v, want %+v: %v", got, want, err)
	}
	if !got[0].Enforced() || got[1].Enforced() || got[2].Enforced() {
		t.Error("only what is enforced decides in the account's place")
	}
}

func TestListPerimetersGivesARMsError(t *testing.T) {
	client, _ := newTestClient(t, refuse(http.StatusForbidden, "AuthorizationFailed"))
	_, err := client.ListPerimeters(t.Context(), testID)
	wantResponseError(t, err, http.StatusForbidden, "AuthorizationFailed")
	client, _ = newTestClient(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "no JSON") })
	if got, err := client.ListPerimeters(t.Context(), testID); err == nil {
		t.Errorf("listed %v", got)
	}
}
