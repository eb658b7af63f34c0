package azure

import (
	"net/http"
	"strings"
	"testing"
)

func TestManagedIdentities(t *testing.T) {
	h := start(t, nil)
	own := h.cloud.SeedUserAssignedIdentity("rg-identities", "own")
	identity := func(kind string, ids ...string) map[string]any {
		named := map[string]any{}
		for _, id := range ids {
			named[id] = map[string]any{}
		}
		return map[string]any{"identity": map[string]any{"type": kind, "userAssignedIdentities": named}}
	}
	patch := func(body map[string]any) map[string]any {
		t.Helper()
		h.mustSend(http.MethodPatch, h.id, body)
		got, _ := h.mustSend(http.MethodGet, h.id, nil)["identity"].(map[string]any)
		return got
	}
	system := patch(identity("SystemAssigned"))
	if system["principalId"] == nil || system["tenantId"] != h.cloud.TenantID() {
		t.Errorf("system assigned: %v", system)
	}
	both := patch(identity("SystemAssigned, UserAssigned", own))
	if both["principalId"] != system["principalId"] || both["userAssignedIdentities"].(map[string]any)[own].(map[string]any)["clientId"] == nil {
		t.Errorf("both: %v", both)
	}
	if user := patch(identity("UserAssigned", own)); user["principalId"] != nil || user["type"] != "UserAssigned" {
		t.Errorf("user assigned: %v", user)
	}
	if none := patch(identity("None")); none != nil {
		t.Errorf("none: %v", none)
	}
	for code, body := range map[string]map[string]any{
		"FailedIdentityOperation": identity("UserAssigned", own+"x"),
		"InvalidIdentityValues":   identity("UserAssigned"),
		"InvalidRequestContent":   identity("Everything"),
	} {
		_, _, err := h.send(h.arm, http.MethodPatch, h.id, body)
		wantARM(t, err, http.StatusBadRequest, code)
	}
	// What a PUT leaves out is taken away; what it names is kept.
	system = patch(identity("SystemAssigned"))
	body := h.accountBody("acme")
	body["identity"] = map[string]any{"type": "SystemAssigned"}
	if again := h.mustSend(http.MethodPut, h.id, body)["identity"].(map[string]any); again["principalId"] != system["principalId"] {
		t.Errorf("a PUT gave another principal: %v", again)
	}
}

func TestEndpointsOfAIServices(t *testing.T) {
	h := start(t, nil)
	body := h.accountBody("foundry")
	body["kind"] = "AIServices"
	h.mustSend(http.MethodPut, h.id+"-foundry", body)
	properties := h.mustSend(http.MethodGet, h.id+"-foundry", nil)["properties"].(map[string]any)
	if properties["endpoint"] != "https://foundry.cognitiveservices.azure.com/" {
		t.Errorf("endpoint %v", properties["endpoint"])
	}
	all := properties["endpoints"].(map[string]any)
	for _, want := range []string{"https://foundry.openai.azure.com/", "https://foundry.services.ai.azure.com/"} {
		found := false
		for _, endpoint := range all {
			found = found || strings.EqualFold(endpoint.(string), want)
		}
		if !found {
			t.Errorf("the endpoints %v lack %s", all, want)
		}
	}
}
