package azure

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

func (h *harness) subscription() string { return "/subscriptions/" + h.cloud.SubscriptionID() }

func (h *harness) deletedID() string {
	return h.subscription() + "/providers/Microsoft.CognitiveServices/locations/eastus/resourceGroups/rg-ai/deletedAccounts/acme"
}

func (h *harness) accountBody(subdomain string) map[string]any {
	return map[string]any{"location": "eastus", "kind": "OpenAI", "sku": map[string]any{"name": "S0"}, "properties": map[string]any{"customSubDomainName": subdomain}}
}

// available asks whether a subdomain may be had, and why not.
func (h *harness) available(subdomain string) (bool, string) {
	h.t.Helper()
	answer := h.mustSend(http.MethodPost, h.subscription()+"/providers/Microsoft.CognitiveServices/checkDomainAvailability",
		map[string]any{"subdomainName": subdomain, "type": "Microsoft.CognitiveServices/accounts"})
	reason, _ := answer["reason"].(string)
	return answer["isSubdomainAvailable"].(bool), reason
}

// TestDeletedAccountKeepsNameAndSubdomain walks the way of an account that is deleted, stands in the
// way, and is purged.
func TestDeletedAccountKeepsNameAndSubdomain(t *testing.T) {
	h := start(t, nil)
	_, _, err := h.send(h.arm, http.MethodGet, h.deletedID(), nil)
	wantARM(t, err, http.StatusNotFound, "ResourceNotFound")
	h.mustSend(http.MethodDelete, h.id, nil)
	_, _, err = h.send(h.arm, http.MethodGet, h.id, nil)
	wantARM(t, err, http.StatusNotFound, "ResourceNotFound")

	deleted := h.mustSend(http.MethodGet, strings.ToUpper(h.deletedID()), nil)
	properties := deleted["properties"].(map[string]any)
	if deleted["id"] != h.deletedID() || properties["customSubDomainName"] != "acme" || properties["deletionDate"] == nil || properties["scheduledPurgeDate"] == nil {
		t.Errorf("the deleted account is %v", deleted)
	}
	_, _, err = h.send(h.arm, http.MethodGet, strings.Replace(h.deletedID(), "eastus", "westus", 1), nil)
	wantARM(t, err, http.StatusNotFound, "ResourceNotFound")
	if got := h.cloud.DeletedAccounts(); !slices.Equal(got, []string{h.deletedID()}) {
		t.Errorf("deleted accounts %v", got)
	}
	if got := h.mustSend(http.MethodGet, h.subscription()+"/providers/Microsoft.CognitiveServices/deletedAccounts", nil)["value"].([]any); len(got) != 1 {
		t.Errorf("listed %v", got)
	}

	_, _, err = h.send(h.arm, http.MethodPut, h.id, h.accountBody("acme"))
	wantARM(t, err, http.StatusConflict, "FlagMustBeSetForRestore")
	restoring := h.accountBody("acme")
	restoring["properties"].(map[string]any)["restore"] = true
	_, _, err = h.send(h.arm, http.MethodPut, h.id, restoring)
	wantARM(t, err, http.StatusNotImplemented, "NotImplemented")
	_, _, err = h.send(h.arm, http.MethodPut, h.id+"-two", h.accountBody("acme"))
	wantARM(t, err, http.StatusConflict, "CustomDomainInUse")
	if free, _ := h.available("acme"); free {
		t.Error("the subdomain of a deleted account is free")
	}

	h.mustSend(http.MethodDelete, h.deletedID(), nil)
	if free, reason := h.available("acme"); !free {
		t.Errorf("after the purge: %s", reason)
	}
	if resp, _, err := h.send(h.arm, http.MethodDelete, h.deletedID(), nil); err != nil || resp.StatusCode != http.StatusNoContent {
		t.Errorf("a second purge: %v, %v", resp, err)
	}
	h.mustSend(http.MethodPut, h.id, h.accountBody("acme"))
	if got := h.mustSend(http.MethodGet, h.id+"/deployments", nil)["value"].([]any); len(got) != 0 {
		t.Errorf("the new account has the old one's deployments: %v", got)
	}
}

func TestDeletedAccountIsKeptFor48Hours(t *testing.T) {
	now := time.Now()
	h := start(t, func(o *Options) { o.Now = func() time.Time { return now } })
	if err := h.cloud.DeleteAccount(h.id); err != nil {
		t.Fatal(err)
	}
	now = now.Add(retention - time.Minute)
	if got := h.cloud.DeletedAccounts(); len(got) != 1 {
		t.Errorf("deleted accounts %v", got)
	}
	now = now.Add(2 * time.Minute)
	if got := h.cloud.DeletedAccounts(); len(got) != 0 {
		t.Errorf("deleted accounts %v", got)
	}
}

func TestCheckDomainAvailability(t *testing.T) {
	h := start(t, nil)
	h.cloud.TakeSubdomain("Elsewhere")
	for subdomain, want := range map[string]string{
		"fresh":     "",
		"acme":      "'acme' is not available as it's already used by a resource",
		"ACME":      "not valid",
		"elsewhere": "'elsewhere' is not available as it's already used by a resource",
		"a_b":       "not valid",
	} {
		free, reason := h.available(subdomain)
		if free != (want == "") || !strings.Contains(reason, want) {
			t.Errorf("%s: %t, %q", subdomain, free, reason)
		}
	}
	h.mustSend(http.MethodPut, h.subscription()+"/resourceGroups/rg-ai", map[string]any{"location": "eastus"})
	_, _, err := h.send(h.arm, http.MethodPut, h.id+"-two", h.accountBody("elsewhere"))
	wantARM(t, err, http.StatusConflict, "CustomDomainInUse")
	h.cloud.FreeSubdomain("elsewhere")
	h.mustSend(http.MethodPut, h.id+"-two", h.accountBody("elsewhere"))
	_, _, err = h.send(h.arm, http.MethodPost, h.subscription()+"/providers/Microsoft.CognitiveServices/checkDomainAvailability", map[string]any{"subdomainName": "x"})
	wantARM(t, err, http.StatusBadRequest, "InvalidRequestContent")
}
