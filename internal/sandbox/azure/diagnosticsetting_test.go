package azure

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
)

func setting(workspace string, logs, metrics []any) map[string]any {
	return map[string]any{"properties": map[string]any{"workspaceId": workspace, "logs": logs, "metrics": metrics}}
}

func enabled(key, name string) map[string]any { return map[string]any{key: name, "enabled": true} }

// states are the categories or groups of a list of logs or metrics, and whether they are on.
func states(list any) string {
	var out []string
	for _, item := range list.([]any) {
		object := item.(map[string]any)
		name := object["category"]
		if name == nil {
			name = object["categoryGroup"]
		}
		out = append(out, fmt.Sprintf("%v:%v", name, object["enabled"]))
	}
	return strings.Join(out, " ")
}

func TestDiagnosticSettings(t *testing.T) {
	h := start(t, nil)
	workspace := h.cloud.SeedLogAnalyticsWorkspace("rg-logs", "logs")
	path := h.id + "/providers/microsoft.insights/diagnosticSettings/"

	_, _, err := h.send(h.arm, http.MethodGet, path+"one", nil)
	wantARM(t, err, http.StatusNotFound, "ResourceNotFound")
	one := h.mustSend(http.MethodPut, path+"one", setting(strings.ToUpper(workspace), []any{enabled("category", "Audit")}, nil))["properties"].(map[string]any)
	if got, want := states(one["logs"]), "Audit:true AzureOpenAIRequestUsage:false RequestResponse:false Trace:false"; got != want {
		t.Errorf("logs %s, want %s", got, want)
	}
	if got, want := states(one["metrics"]), "AllMetrics:false"; got != want {
		t.Errorf("metrics %s, want %s", got, want)
	}
	all := h.mustSend(http.MethodPut, path+"all", setting(workspace, []any{enabled("categoryGroup", "allLogs")}, []any{enabled("category", "AllMetrics")}))["properties"].(map[string]any)
	if got := states(all["logs"]) + " " + states(all["metrics"]); got != "allLogs:true AllMetrics:true" {
		t.Errorf("logs and metrics %s", got)
	}
	if got := h.mustSend(http.MethodGet, strings.TrimSuffix(path, "/"), nil)["value"].([]any); len(got) != 2 {
		t.Errorf("listed %v", got)
	}
	if got, want := h.cloud.DiagnosticSettings(), []string{h.id + "/providers/Microsoft.Insights/diagnosticSettings/all", h.id + "/providers/Microsoft.Insights/diagnosticSettings/one"}; !slices.Equal(got, want) {
		t.Errorf("settings %v, want %v", got, want)
	}
	for range 2 {
		h.mustSend(http.MethodDelete, path+"all", nil)
	}
	_, _, err = h.send(h.arm, http.MethodGet, path+"all", nil)
	wantARM(t, err, http.StatusNotFound, "ResourceNotFound")
}

func TestRefusedDiagnosticSettings(t *testing.T) {
	h := start(t, nil)
	workspace := h.cloud.SeedLogAnalyticsWorkspace("rg-logs", "logs")
	audit := []any{enabled("category", "Audit")}
	withStorage := setting(workspace, audit, nil)
	withStorage["properties"].(map[string]any)["storageAccountId"] = "/subscriptions/s/storage"
	path := h.id + "/providers/Microsoft.Insights/diagnosticSettings/"
	for name, test := range map[string]struct {
		body   map[string]any
		status int
		code   string
	}{
		"no-sink":           {setting("", audit, nil), http.StatusBadRequest, "BadRequest"},
		"no-such-workspace": {setting(workspace+"x", audit, nil), http.StatusNotFound, "ResourceNotFound"},
		"others-workspace":  {setting(strings.Replace(workspace, h.cloud.SubscriptionID(), newID(), 1), audit, nil), http.StatusForbidden, "LinkedAuthorizationFailed"},
		"no-workspace":      {setting(h.cloud.SeedUserAssignedIdentity("rg-logs", "no-workspace"), audit, nil), http.StatusNotFound, "ResourceNotFound"},
		"unknown-log":       {setting(workspace, []any{enabled("category", "AuditEvent")}, nil), http.StatusBadRequest, "BadRequest"},
		"unknown-group":     {setting(workspace, []any{enabled("categoryGroup", "everything")}, nil), http.StatusBadRequest, "BadRequest"},
		"unknown-metric":    {setting(workspace, nil, []any{enabled("category", "Run")}), http.StatusBadRequest, "BadRequest"},
		"storage":           {withStorage, http.StatusNotImplemented, "NotImplemented"},
	} {
		_, _, err := h.send(h.arm, http.MethodPut, path+name, test.body)
		t.Run(name, func(t *testing.T) { wantARM(t, err, test.status, test.code) })
	}
	_, _, err := h.send(h.arm, http.MethodPut, strings.Replace(path, "/accounts/acme/", "/accounts/none/", 1)+"x", setting(workspace, audit, nil))
	wantARM(t, err, http.StatusNotFound, "ResourceNotFound")
	_, _, err = h.send(h.arm, http.MethodGet, workspace, nil)
	wantARM(t, err, http.StatusNotImplemented, "NotImplemented")
	for i := range maxDiagnosticSettings {
		h.mustSend(http.MethodPut, fmt.Sprintf("%s%d", path, i), setting(workspace, audit, nil))
	}
	_, _, err = h.send(h.arm, http.MethodPut, path+"sixth", setting(workspace, audit, nil))
	wantARM(t, err, http.StatusConflict, "Conflict")
	h.mustSend(http.MethodPut, path+"0", setting(workspace, audit, nil))
}
