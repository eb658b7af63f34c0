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
		"":                                       "not the ARM id",
		"my-account":                             "azurerm_cognitive_account",
		"https://my-account.openai.azure.com/":   "endpoint",
		"my-account.openai.azure.com":            "endpoint",
		"a.cognitiveservices.azure.com":          "endpoint",
		"a.services.ai.azure.com":                "endpoint",
		"https://a.openai.azure.us":              "endpoint",
		id + "/deployments/x":                    "own ARM id: " + id,
		id + "/":                                 "own ARM id: " + id,
		" " + id:                                 "not the ARM id",
		"/subscriptions/S/resourceGroups/G":      "not the ARM id",
		strings.TrimPrefix(id, "/"):              "not the ARM id",
		strings.TrimPrefix(id, "/subscriptions"): "not the ARM id",
		strings.Replace(id, "Group-1", "", 1):    "not the ARM id",
		strings.Replace(id, "CognitiveServices/accounts", "Storage/storageAccounts", 1): "of a Microsoft.Storage/storageAccounts",
		id[:len(id)-len("/accounts/Acc")] + "/locations/eastus":                         "of a Microsoft.CognitiveServices/locations",
	} {
		if _, err := ParseID(bad); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("ParseID(%q): %v lacks %q", bad, err, want)
		}
	}
}
