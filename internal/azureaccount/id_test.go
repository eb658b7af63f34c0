package azureaccount

import (
	"strings"
	"testing"
)

func TestParseID(t *testing.T) {
	const id = "/subscriptions/S/resourceGroups/Group-1/providers/Microsoft.CognitiveServices/accounts/Acc"
	upper, err := ParseID(strings.ToUpper(id))
	if err != nil {
		t.Fatal(err)
	}
	exact, err := ParseID(id)
	if err != nil {
		t.Fatal(err)
	}
	if exact.String() != id || exact.Key() != upper.Key() {
		t.Errorf("%s, keys %s and %s", exact, exact.Key(), upper.Key())
	}
	for bad, want := range map[string]string{
		"":                                        "not the ARM id",
		"my-account":                              "azurerm_cognitive_account",
		"https://my-account.openai.azure.com/":    "endpoint",
		"my-account.openai.azure.com":             "endpoint",
		id + "/deployments/x":                     "not the ARM id",
		strings.TrimPrefix(id, "/subscriptions"):  "not the ARM id",
		strings.Replace(id, "Group-1", "", 1):     "not the ARM id",
		strings.Replace(id, "Cogn", "Storage", 1): "not the ARM id",
	} {
		if _, err := ParseID(bad); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("ParseID(%q): %v lacks %q", bad, err, want)
		}
	}
}
