package ipfirewall

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/azureaccount"
)

// accountWith returns an account whose firewall has the rules, as read from Azure.
func accountWith(t testing.TB, rules ...string) *azureaccount.Account {
	t.Helper()
	acls := &azureaccount.NetworkACLs{DefaultAction: azureaccount.ActionDeny, Bypass: azureaccount.BypassAzureServices,
		VirtualNetworkRules: []json.RawMessage{json.RawMessage(`{"id":"/theirs"}`)}}
	for _, rule := range rules {
		var read azureaccount.IPRule
		if err := json.Unmarshal(fmt.Appendf(nil, `{"value":%q,"note":"as read"}`, rule), &read); err != nil {
			t.Fatal(err)
		}
		acls.IPRules = append(acls.IPRules, read)
	}
	return &azureaccount.Account{ID: "/account", Kind: "OpenAI", CustomSubDomain: "sub", ProvisioningState: "Succeeded", ACLs: acls}
}

func TestMerge(t *testing.T) {
	tests := map[string]struct {
		have       []string
		list, drop []string
		want       []string
	}{
		"adds behind the others":        {have: []string{"9.9.9.9"}, list: []string{"52.1.2.3"}, want: []string{"9.9.9.9", "52.1.2.3"}},
		"drops in place":                {have: []string{"9.9.9.9", "52.1.2.3", "8.8.8.0/24"}, drop: []string{"52.1.2.3"}, want: []string{"9.9.9.9", "8.8.8.0/24"}},
		"rotates in one change":         {have: []string{"9.9.9.9", "52.1.2.3"}, list: []string{"52.1.2.4"}, drop: []string{"52.1.2.3"}, want: []string{"9.9.9.9", "52.1.2.4"}},
		"sees another spelling":         {have: []string{"52.1.2.3/32"}, list: []string{"52.1.2.3"}, want: []string{"52.1.2.3/32"}},
		"drops another spelling":        {have: []string{"52.1.2.3/32"}, drop: []string{"52.1.2.3"}, want: nil},
		"leaves a range around a host":  {have: []string{"52.1.2.0/24"}, drop: []string{"52.1.2.3"}, want: []string{"52.1.2.0/24"}},
		"adds a host beside its range":  {have: []string{"52.1.2.0/24"}, list: []string{"52.1.2.3"}, want: []string{"52.1.2.0/24", "52.1.2.3"}},
		"leaves half of a foreign pair": {have: []string{"52.1.2.2/31"}, drop: []string{"52.1.2.3"}, want: []string{"52.1.2.2/31"}},
		"leaves what it cannot read":    {have: []string{"novel:1", "52.1.2.3"}, drop: []string{"52.1.2.3"}, want: []string{"novel:1"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			d := desired{list: test.list, drop: test.drop}
			account := accountWith(t, test.have...)
			change := d.mergeInto(account)
			if got := change.ACLs.Values(); !slices.Equal(got, test.want) {
				t.Errorf("rules %q, want %q", got, test.want)
			}
			if change.ACLs.DefaultAction != account.ACLs.DefaultAction || change.ACLs.Bypass != account.ACLs.Bypass || change.PublicNetworkAccess != "" {
				t.Errorf("settings changed: %+v", change)
			}
			account.ACLs.IPRules = change.ACLs.IPRules
			if !d.heldBy(account) {
				t.Errorf("%q is not as desired: it would be written again and again", test.want)
			}
		})
	}
}

func TestMergeSetsOnlyWhatIsNamed(t *testing.T) {
	account := accountWith(t, "9.9.9.9")
	account.ACLs.DefaultAction, account.ACLs.Bypass = "", ""
	change := desired{list: []string{"52.1.2.3"}}.mergeInto(account)
	if change.ACLs.DefaultAction != "" || change.ACLs.Bypass != "" || change.PublicNetworkAccess != "" {
		t.Errorf("settings came from nowhere: %+v", change)
	}
	change = desired{defaultAction: "Deny", bypass: "None", publicNetworkAccess: "Disabled"}.mergeInto(account)
	if change.ACLs.DefaultAction != "Deny" || change.ACLs.Bypass != "None" || change.PublicNetworkAccess != "Disabled" {
		t.Errorf("settings are not as named: %+v", change)
	}
}

func TestRefusals(t *testing.T) {
	crowded := make([]string, maxIPRules-1)
	for i := range crowded {
		crowded[i] = fmt.Sprintf("9.9.%d.0/24", i)
	}
	bare := func(change func(*azureaccount.Account), rules ...string) *azureaccount.Account {
		account := accountWith(t, rules...)
		account.ACLs.VirtualNetworkRules = nil
		if change != nil {
			change(account)
		}
		return account
	}
	tests := map[string]struct {
		desired desired
		account *azureaccount.Account
		want    string // summary, or "" for none
	}{
		"fits":                       {desired{list: []string{"52.1.2.3"}}, accountWith(t, crowded...), ""},
		"too many":                   {desired{list: []string{"52.1.2.3", "52.1.2.5"}}, accountWith(t, crowded...), "Too many ip rules"},
		"fits, since one goes":       {desired{list: []string{"52.1.2.3", "52.1.2.5"}, drop: []string{"9.9.0.0/24"}}, accountWith(t, crowded...), ""},
		"too many, but fewer":        {desired{drop: []string{"9.9.0.0/24"}}, accountWith(t, slices.Concat(crowded, []string{"8.8.8.8", "8.8.4.4", "8.8.4.5"})...), ""},
		"no subdomain":               {desired{list: []string{"52.1.2.3"}}, bare(func(a *azureaccount.Account) { a.CustomSubDomain = "" }), "The account has no custom subdomain"},
		"bypass of another kind":     {desired{bypass: "AzureServices", list: []string{"52.1.2.3"}}, bare(func(a *azureaccount.Account) { a.Kind = "Face" }), "The account's kind has no bypass"},
		"lock-out by the last drop":  {desired{drop: []string{"52.1.2.3"}}, bare(nil, "52.1.2.3"), "Nobody could reach the account"},
		"lock-out by Deny":           {desired{defaultAction: "Deny"}, bare(func(a *azureaccount.Account) { a.ACLs.DefaultAction = "Allow" }), "Nobody could reach the account"},
		"lock-out allowed":           {desired{drop: []string{"52.1.2.3"}, allowLockout: true}, bare(nil, "52.1.2.3"), ""},
		"a subnet is left":           {desired{drop: []string{"52.1.2.3"}}, accountWith(t, "52.1.2.3"), ""},
		"a private endpoint is left": {desired{drop: []string{"52.1.2.3"}}, bare(func(a *azureaccount.Account) { a.ApprovedPrivateEndpoints = 1 }, "52.1.2.3"), ""},
		"closed already":             {desired{}, bare(nil), ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := test.desired.refusals(test.account)
			switch {
			case test.want == "" && len(got) != 0, test.want != "" && (len(got) != 1 || got[0].summary != test.want):
				t.Errorf("refusals %v, want %q", got, test.want)
			}
		})
	}
}
