package ipfirewall

import (
	"slices"
	"strings"
	"testing"
)

func TestImportID(t *testing.T) {
	const account = "/subscriptions/s/resourceGroups/g/providers/Microsoft.CognitiveServices/accounts/a"
	got, err := parseImportID(account + "#team")
	if err != nil || got.accountID != account || got.owner != "team" || got.rules != nil {
		t.Errorf("%+v: %v", got, err)
	}
	got, err = parseImportID(account + "#team#52.1.2.3,52.1.3.0/24")
	if err != nil || !slices.Equal(got.rules, []string{"52.1.2.3", "52.1.3.0/24"}) {
		t.Errorf("%+v: %v", got, err)
	}
	for bad, want := range map[string]string{
		account:                    "ACCOUNT_ID#OWNER",
		account + "#":              "ACCOUNT_ID#OWNER",
		account + "#a#52.1.2.3#b":  "ACCOUNT_ID#OWNER",
		"my-account#team":          "ARM id",
		account + "#team#10.0.0.1": "private",
		account + "#team#":         "empty",
	} {
		if _, err := parseImportID(bad); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("parseImportID(%q): %v lacks %q", bad, err, want)
		}
	}
}

func TestModelTranslation(t *testing.T) {
	m := model{IPRules: ruleSet([]string{"52.1.2.2/31", "52.1.3.0/24", "52.1.4.4/32"}), SharedIPRules: ruleSet([]string{"52.1.4.4"})}
	if got, want := m.desired(nil).list, []string{"52.1.2.2", "52.1.2.3", "52.1.3.0/24", "52.1.4.4"}; !slices.Equal(got, want) {
		t.Errorf("list %q, want %q", got, want)
	}
	next := model{IPRules: ruleSet([]string{"52.1.2.2"}), SharedIPRules: ruleSet(nil)}
	if got, want := next.desired(&m).drop, []string{"52.1.2.3", "52.1.3.0/24"}; !slices.Equal(got, want) {
		t.Errorf("drop %q, want %q: what was or is shared stays", got, want)
	}

	// One of the pair is gone: that shows as drift, and the other one stays ours.
	m.observe(accountWith(t, "9.9.9.9", "52.1.2.3", "52.1.3.0/24"))
	if got := m.AdmittedPublicIPs.String(); got != `["52.1.2.3"]` {
		t.Errorf("admitted %s", got)
	}
	if got := m.UnmanagedIPRules.String(); got != `["9.9.9.9"]` {
		t.Errorf("unmanaged %s", got)
	}
	m.refresh(accountWith(t, "9.9.9.9", "52.1.2.3", "52.1.3.0/24"))
	if got := rulesOf(m.IPRules); !slices.Equal(got, []string{"52.1.2.3", "52.1.3.0/24"}) {
		t.Errorf("refreshed %q", got)
	}
}

func TestUnionOfRules(t *testing.T) {
	got := unionOfRules([]string{"52.1.2.3", "52.1.2.4/31"}, []string{"52.1.2.3/32", "52.1.2.5", "52.1.2.6"})
	if !slices.Equal(got, []string{"52.1.2.3", "52.1.2.4/31", "52.1.2.6"}) {
		t.Errorf("union %q", got)
	}
}
