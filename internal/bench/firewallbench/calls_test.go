package firewallbench

import (
	"testing"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/fault"
)

func TestACallCountsWhenItIsAboutTheAccount(t *testing.T) {
	const account = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.CognitiveServices/accounts/models"
	for _, c := range []struct {
		entry   fault.Entry
		account bool
	}{
		{fault.Entry{Method: "GET", Path: account, Operation: "Accounts_Get"}, true},
		{fault.Entry{Method: "PATCH", Path: "/subscriptions/s/resourcegroups/RG/providers/microsoft.cognitiveservices/accounts/Models", Operation: "Accounts_Update"}, true},
		{fault.Entry{Method: "POST", Path: account + "/listKeys", Operation: "Accounts_ListKeys"}, true},
		// A call that was cut off before the cloud knew it is a call.
		{fault.Entry{Method: "GET", Path: account, Cut: true}, true},
		{fault.Entry{Method: "GET", Path: "/subscriptions/s/providers/Microsoft.CognitiveServices/locations/eastus/operationResults/1", Operation: "Operations_Get"}, true},
		{fault.Entry{Method: "GET", Path: account + "-of-others", Operation: "Accounts_Get"}, false},
		{fault.Entry{Method: "GET", Path: "/subscriptions/s/resourceGroups/rg", Operation: "ResourceGroups_Get"}, false},
		{fault.Entry{Method: "GET", Path: "/metadata/endpoints", Operation: "Metadata_Endpoints"}, false},
		{fault.Entry{Method: "POST", Path: "/t/oauth2/v2.0/token", Operation: "OIDC_Token"}, false},
	} {
		counted := countCalls([]fault.Entry{c.entry, c.entry}, account)
		about, aside := 0, 2
		if c.account {
			about, aside = 2, 0
		}
		if counted.account.Total() != about || counted.aside.Total() != aside {
			t.Errorf("%s %s: counted as %s", c.entry.Method, c.entry.Path, counted)
		}
	}
	listed := countCalls([]fault.Entry{{Method: "GET", Path: account}, {Path: account, Operation: "Accounts_Get"}, {Path: "/x", Operation: "OIDC_Token"}}, account)
	if want := "Accounts_Get ×1, GET ×1 (aside: OIDC_Token ×1)"; listed.String() != want {
		t.Errorf("listed as %s, want %s", listed, want)
	}
}
