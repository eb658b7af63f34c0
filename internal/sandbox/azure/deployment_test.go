package azure

import (
	"fmt"
	"net/http"
	"testing"
	"time"
)

func deploymentBody(model, version string, capacity int) map[string]any {
	described := map[string]any{"format": "OpenAI", "name": model}
	if version != "" {
		described["version"] = version
	}
	sku := map[string]any{"name": "GlobalStandard"}
	if capacity != 0 {
		sku["capacity"] = capacity
	}
	return map[string]any{"sku": sku, "properties": map[string]any{"model": described}}
}

// TestParallelDeploymentsAreRefused is what makes clients deploy one after another.
func TestParallelDeploymentsAreRefused(t *testing.T) {
	now := time.Now()
	h := start(t, func(o *Options) { o.Now, o.OperationTime = func() time.Time { return now }, time.Minute })
	first, second := h.id+"/deployments/first", h.id+"/deployments/second"
	if _, _, err := h.send(h.arm, http.MethodPut, first, deploymentBody("gpt-4o", "2024-11-20", 5)); err != nil {
		t.Fatal(err)
	}
	_, _, err := h.send(h.arm, http.MethodPut, second, deploymentBody("gpt-4o", "2024-11-20", 5))
	wantARM(t, err, http.StatusConflict, "RequestConflict")
	_, _, err = h.send(h.arm, http.MethodDelete, h.id+"/deployments/chat", nil)
	wantARM(t, err, http.StatusConflict, "RequestConflict")
	for name, want := range map[string]string{"first": "Creating", "chat": "Succeeded"} {
		if state := h.mustSend(http.MethodGet, h.id+"/deployments/"+name, nil)["properties"].(map[string]any)["provisioningState"]; state != want {
			t.Errorf("%s is %v, want %s", name, state, want)
		}
	}
	now = now.Add(time.Minute)
	if _, _, err := h.send(h.arm, http.MethodPut, second, deploymentBody("gpt-4o", "2024-11-20", 5)); err != nil {
		t.Fatal(err)
	}
}

func TestDeploymentIsCompleted(t *testing.T) {
	h := start(t, nil)
	path := h.id + "/deployments/d"
	h.mustSend(http.MethodPut, path, deploymentBody("gpt-4o-mini", "", 0))
	got := h.mustSend(http.MethodGet, path, nil)
	properties := got["properties"].(map[string]any)
	if text := fmt.Sprint(properties["model"], properties["raiPolicyName"], properties["versionUpgradeOption"], got["sku"]); text !=
		"map[format:OpenAI name:gpt-4o-mini version:2024-07-18]Microsoft.DefaultV2OnceNewDefaultVersionAvailablemap[capacity:1 name:GlobalStandard]" {
		t.Errorf("got %s", text)
	}
	// As a client does that changes the capacity: all that it read goes back.
	got["sku"].(map[string]any)["capacity"] = 7
	h.mustSend(http.MethodPut, path, got)
	if sku := h.mustSend(http.MethodGet, path, nil)["sku"].(map[string]any); sku["capacity"] != 7.0 {
		t.Errorf("sku %v", sku)
	}

	_, _, err := h.send(h.arm, http.MethodPut, path, deploymentBody("model-of-tomorrow", "", 1))
	wantARM(t, err, http.StatusNotImplemented, "NotImplemented")
	_, _, err = h.send(h.arm, http.MethodPut, path, deploymentBody("", "1", 1))
	wantARM(t, err, http.StatusBadRequest, "InvalidRequestContent")
	_, _, err = h.send(h.arm, http.MethodPut, path, deploymentBody("gpt-4o", "2024-11-20", -1))
	wantARM(t, err, http.StatusBadRequest, "InvalidCapacity")
	_, _, err = h.send(h.arm, http.MethodPut, path, map[string]any{"properties": map[string]any{"model": map[string]any{"name": "gpt-4o", "version": "1"}}})
	wantARM(t, err, http.StatusBadRequest, "InvalidRequestContent")
}
