package azure

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"
)

func TestResourceGroupLife(t *testing.T) {
	now := time.Now()
	h := start(t, func(o *Options) { o.Now, o.OperationTime = func() time.Time { return now }, time.Minute })
	group := h.subscription() + "/resourcegroups/rg-ai"
	workspace := h.cloud.SeedLogAnalyticsWorkspace("RG-AI", "logs")
	patched := h.mustSend(http.MethodPatch, group, map[string]any{"tags": map[string]any{"a": "1"}})
	if fmt.Sprint(patched["tags"]) != "map[a:1]" || patched["location"] != "eastus" {
		t.Errorf("patched %v", patched)
	}
	var ids []string
	for _, item := range h.mustSend(http.MethodGet, group+"/resources", nil)["value"].([]any) {
		ids = append(ids, item.(map[string]any)["id"].(string))
	}
	if !slices.Equal(ids, []string{h.id, workspace}) {
		t.Errorf("the group holds %v", ids)
	}

	resp, _, err := h.send(h.arm, http.MethodDelete, group, nil)
	if err != nil || resp.StatusCode != http.StatusAccepted || resp.Header.Get("Azure-AsyncOperation") == "" {
		t.Fatalf("delete: %v, %v", resp, err)
	}
	if state := h.mustSend(http.MethodGet, group, nil)["properties"].(map[string]any)["provisioningState"]; state != "Deleting" {
		t.Errorf("the group is %v", state)
	}
	for method, body := range map[string]any{http.MethodPut: map[string]any{"location": "eastus"}, http.MethodPatch: map[string]any{}} {
		_, _, err = h.send(h.arm, method, group, body)
		wantARM(t, err, http.StatusConflict, "ResourceGroupBeingDeleted")
	}
	_, _, err = h.send(h.arm, http.MethodPut, h.id+"-two", h.accountBody("two"))
	wantARM(t, err, http.StatusConflict, "ResourceGroupBeingDeleted")

	now = now.Add(time.Minute)
	_, _, err = h.send(h.arm, http.MethodGet, group, nil)
	wantARM(t, err, http.StatusNotFound, "ResourceGroupNotFound")
	if got := h.cloud.LeftOvers(); !slices.Equal(got, []string{h.deletedID()}) {
		t.Errorf("the delete left %v", got)
	}
}

func TestResourceProvidersAreRegistered(t *testing.T) {
	h := start(t, nil)
	states := map[string]any{}
	for _, item := range h.mustSend(http.MethodGet, h.subscription()+"/providers", nil)["value"].([]any) {
		provider := item.(map[string]any)
		states[provider["namespace"].(string)] = provider["registrationState"]
	}
	if states["Microsoft.CognitiveServices"] != "Registered" || states["Microsoft.Insights"] != "Registered" {
		t.Errorf("the providers are %v", states)
	}
}
