package azure

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
)

const insightsNamespace = "Microsoft.Insights"

// What an account can log; see
// https://learn.microsoft.com/azure/azure-monitor/reference/supported-logs/microsoft-cognitiveservices-accounts-logs.
var (
	logCategories    = []string{"Audit", "AzureOpenAIRequestUsage", "RequestResponse", "Trace"}
	logGroups        = []string{"allLogs", "audit"}
	metricCategories = []string{"AllMetrics"}
)

// maxDiagnosticSettings is the service's documented cap for one resource.
const maxDiagnosticSettings = 5

// diagnosticSetting sends an account's logs and metrics somewhere. As on Azure it outlives
// its account, and takes effect again on one that is made in the same place.
type diagnosticSetting struct {
	target     string // the account's ARM id
	name       string
	properties map[string]any
}

func (d *diagnosticSetting) id() string {
	return d.target + "/providers/" + insightsNamespace + "/diagnosticSettings/" + d.name
}

func (d *diagnosticSetting) body() any {
	return map[string]any{
		"id": d.id(), "name": d.name, "type": insightsNamespace + "/diagnosticSettings",
		"location": nil, "kind": nil, "tags": nil, "identity": nil, "properties": d.properties,
	}
}

// DiagnosticSettings returns the ARM ids of all diagnostic settings, sorted.
func (c *Cloud) DiagnosticSettings() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.settle(c.options.Now())
	return c.diagnosticSettingIDs()
}

func (c *Cloud) diagnosticSettingIDs() []string {
	ids := []string{}
	for _, d := range c.diagnostics {
		ids = append(ids, d.id())
	}
	slices.Sort(ids)
	return ids
}

func (call *armCall) diagnosticSetting() (*account, *diagnosticSetting, *armError) {
	a, err := call.account()
	if err != nil {
		return nil, nil, err
	}
	wanted := &diagnosticSetting{target: a.id, name: call.params["setting"]}
	d, ok := call.cloud.diagnostics[strings.ToLower(wanted.id())]
	if !ok {
		return a, nil, armErrorf(http.StatusNotFound, "ResourceNotFound", "The Resource '%s' was not found.", wanted.id())
	}
	return a, d, nil
}

func getDiagnosticSetting(call *armCall) (reply, *armError) {
	_, d, err := call.diagnosticSetting()
	if err != nil {
		return reply{}, err
	}
	return reply{http.StatusOK, d.body()}, nil
}

func listDiagnosticSettings(call *armCall) (reply, *armError) {
	a, err := call.account()
	if err != nil {
		return reply{}, err
	}
	items := []any{}
	for _, key := range slices.Sorted(maps.Keys(call.cloud.diagnostics)) {
		if d := call.cloud.diagnostics[key]; d.target == a.id {
			items = append(items, d.body())
		}
	}
	return reply{http.StatusOK, map[string]any{"value": items}}, nil
}

func putDiagnosticSetting(call *armCall) (reply, *armError) {
	a, old, err := call.diagnosticSetting()
	if a == nil {
		return reply{}, err
	}
	body, err := call.decode()
	if err != nil {
		return reply{}, err
	}
	sent, _ := body["properties"].(map[string]any)
	properties, err := call.cloud.diagnosticProperties(sent)
	if err != nil {
		return reply{}, err
	}
	d := &diagnosticSetting{target: a.id, name: call.params["setting"], properties: properties}
	if old != nil {
		d.name = old.name
	} else if err := call.cloud.diagnosticLimit(a.id); err != nil {
		return reply{}, err
	}
	call.cloud.diagnostics[strings.ToLower(d.id())] = d
	return reply{http.StatusOK, d.body()}, nil
}

func (c *Cloud) diagnosticLimit(target string) *armError {
	count := 0
	for _, d := range c.diagnostics {
		if d.target == target {
			count++
		}
	}
	if count >= maxDiagnosticSettings {
		return armErrorf(http.StatusConflict, "Conflict", "The resource '%s' already has the maximum of %d diagnostic settings.", target, maxDiagnosticSettings)
	}
	return nil
}

func deleteDiagnosticSetting(call *armCall) (reply, *armError) {
	_, d, err := call.diagnosticSetting()
	if err != nil {
		return reply{status: http.StatusNoContent}, nil
	}
	delete(call.cloud.diagnostics, strings.ToLower(d.id()))
	return reply{status: http.StatusOK}, nil
}

// diagnosticProperties checks what a client sent and makes of it what the service answers.
func (c *Cloud) diagnosticProperties(sent map[string]any) (map[string]any, *armError) {
	for _, field := range []string{"eventHubAuthorizationRuleId", "storageAccountId", "marketplacePartnerId"} {
		if v, _ := sent[field].(string); v != "" {
			return nil, armErrorf(http.StatusNotImplemented, "NotImplemented", "The sandbox does not implement diagnostic settings with %s, only with workspaceId.", field)
		}
	}
	workspace, _ := sent["workspaceId"].(string)
	if err := c.checkWorkspace(workspace); err != nil {
		return nil, err
	}
	logs, err := diagnosticItems(sent["logs"], logItem)
	if err != nil {
		return nil, err
	}
	metrics, err := diagnosticItems(sent["metrics"], metricItem)
	if err != nil {
		return nil, err
	}
	return map[string]any{
		"workspaceId": workspace, "logAnalyticsDestinationType": sent["logAnalyticsDestinationType"],
		"storageAccountId": nil, "serviceBusRuleId": nil, "eventHubAuthorizationRuleId": nil, "eventHubName": nil,
		"logs": withDisabled(logs, logCategories), "metrics": withDisabled(metrics, metricCategories),
	}, nil
}

func (c *Cloud) checkWorkspace(id string) *armError {
	if id == "" {
		return badRequest("BadRequest", "At least one data sink needs to be specified.")
	}
	subscription := "/subscriptions/" + c.options.SubscriptionID + "/"
	if len(id) < len(subscription) || !strings.EqualFold(id[:len(subscription)], subscription) {
		return armErrorf(http.StatusForbidden, "LinkedAuthorizationFailed", "The client '%s' has permission to perform action 'Microsoft.Insights/diagnosticSettings/write'; however, it does not have permission to perform action 'Microsoft.OperationalInsights/workspaces/sharedKeys/action' on the linked scope(s) '%s' or the linked scope(s) are invalid.", c.options.ClientID, id)
	}
	if n, ok := c.neighbours[strings.ToLower(id)]; !ok || n.kind != workspaceType {
		return armErrorf(http.StatusNotFound, "ResourceNotFound", "The Resource '%s' was not found.", id)
	}
	return nil
}

// diagnosticItems reads logs or metrics, each by item.
func diagnosticItems(sent any, item func(map[string]any) *armError) ([]map[string]any, *armError) {
	list, _ := sent.([]any)
	out := make([]map[string]any, 0, len(list))
	for _, entry := range list {
		object, _ := entry.(map[string]any)
		if err := item(object); err != nil {
			return nil, err
		}
		kept := maps.Clone(object)
		kept["retentionPolicy"] = map[string]any{"days": 0, "enabled": false}
		out = append(out, kept)
	}
	return out, nil
}

func logItem(object map[string]any) *armError {
	category, _ := object["category"].(string)
	group, _ := object["categoryGroup"].(string)
	switch {
	case category != "" && group == "" && slices.Contains(logCategories, category):
		return nil
	case category == "" && slices.Contains(logGroups, group):
		return nil
	case category != "" && group != "":
		return badRequest("BadRequest", "A log names either a category or a categoryGroup, not both.")
	case group != "":
		return badRequest("BadRequest", "Category group '%s' is not supported.", group)
	default:
		return badRequest("BadRequest", "Category '%s' is not supported.", category)
	}
}

func metricItem(object map[string]any) *armError {
	category, _ := object["category"].(string)
	if !slices.Contains(metricCategories, category) {
		return badRequest("BadRequest", "Metric category '%s' is not supported, supported categories are: '%s'.", category, strings.Join(metricCategories, ", "))
	}
	return nil
}

// withDisabled adds the categories that are off, which the service lists as well, unless
// whole groups are named.
func withDisabled(items []map[string]any, categories []string) []map[string]any {
	if slices.ContainsFunc(items, func(i map[string]any) bool {
		return fmt.Sprint(i["categoryGroup"]) != "<nil>" && i["categoryGroup"] != ""
	}) {
		return items
	}
	for _, category := range categories {
		if !slices.ContainsFunc(items, func(i map[string]any) bool { return i["category"] == category }) {
			items = append(items, map[string]any{"category": category, "enabled": false, "retentionPolicy": map[string]any{"days": 0, "enabled": false}})
		}
	}
	return items
}
