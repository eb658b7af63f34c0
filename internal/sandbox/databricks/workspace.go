package databricks

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// workspace is a workspace of the account.
type workspace struct {
	sequence        int
	id              int64
	name, region    string
	nccID, policyID string
	busyUntil       time.Time            // PROVISIONING until then
	endpoints       map[string]*endpoint // serving endpoints by name
}

func (w *workspace) status(now time.Time) string {
	if now.Before(w.busyUntil) {
		return "PROVISIONING"
	}
	return "RUNNING"
}

func (call *call) workspaceBody(w *workspace) any {
	body := map[string]any{
		"workspace_id": w.id, "account_id": call.cloud.options.AccountID, "workspace_name": w.name, "aws_region": w.region,
		"cloud": "aws", "deployment_name": w.name, "pricing_tier": "ENTERPRISE",
		"workspace_status": w.status(call.now), "workspace_status_message": "Workspace is " + strings.ToLower(w.status(call.now)) + ".",
	}
	if w.nccID != "" {
		body["network_connectivity_config_id"] = w.nccID
	}
	return body
}

// findWorkspace is the workspace that the path names.
func (call *call) findWorkspace() (*workspace, *apiError) {
	raw := call.params["workspace"]
	id, err := strconv.ParseInt(raw, 10, 64)
	w, ok := call.cloud.workspaces[id]
	if err != nil || !ok {
		return nil, notFound("Workspace %s does not exist.", raw)
	}
	return w, nil
}

func getWorkspace(call *call) (any, *apiError) {
	w, err := call.findWorkspace()
	if err != nil {
		return nil, err
	}
	return call.workspaceBody(w), nil
}

// listWorkspaces answers a bare array, unlike every other list.
func listWorkspaces(call *call) (any, *apiError) {
	all := []*workspace{}
	for _, w := range call.cloud.workspaces {
		all = append(all, w)
	}
	slices.SortFunc(all, func(a, b *workspace) int { return a.sequence - b.sequence })
	bodies := []any{}
	for _, w := range all {
		bodies = append(bodies, call.workspaceBody(w))
	}
	return bodies, nil
}

// patchWorkspace binds an NCC; nothing else of a workspace changes here. An empty id is
// refused: no way of unbinding is documented.
func patchWorkspace(call *call) (any, *apiError) {
	w, err := call.findWorkspace()
	if err != nil {
		return nil, err
	}
	var body map[string]any
	if err := call.decode(&body); err != nil {
		return nil, err
	}
	const field = "network_connectivity_config_id"
	fields := strings.Split(call.r.URL.Query().Get("update_mask"), ",")
	if fields[0] == "" {
		fields = nil
		for name := range body {
			fields = append(fields, name)
		}
	}
	for _, f := range fields {
		if f != field {
			return nil, notImplemented("updating %s of a workspace, only %s.", f, field)
		}
	}
	if len(fields) == 0 {
		return nil, invalid("The request updates nothing.")
	}
	if w.status(call.now) != "RUNNING" {
		return nil, invalidState("Workspace %d is %s and cannot be updated.", w.id, w.status(call.now))
	}
	if err := call.cloud.bind(w, text(body[field])); err != nil {
		return nil, err
	}
	w.busyUntil = call.now.Add(call.cloud.options.ProvisionTime)
	return call.workspaceBody(w), nil
}

// bind attaches an NCC to a workspace. The caller holds mu.
func (c *Cloud) bind(w *workspace, nccID string) *apiError {
	if nccID == "" {
		return invalid("network_connectivity_config_id must not be empty.")
	}
	n, ok := c.nccs[nccID]
	if !ok {
		return notFound("Network Connectivity Config with id %s does not exist.", nccID)
	}
	if n.region != w.region {
		return invalid("Network Connectivity Config %s is in region %s and cannot be attached to workspace %d in region %s.", n.id, n.region, w.id, w.region)
	}
	bound := 0
	for _, other := range c.workspaces {
		if other.nccID == nccID && other != w {
			bound++
		}
	}
	if bound >= maxWorkspaces {
		return errorf(http.StatusBadRequest, codeLimit, "Network Connectivity Config %s is attached to %d workspaces, the most there may be.", n.id, bound)
	}
	w.nccID = nccID
	return nil
}

// networkOption is the wire form of a workspace's network policy.
func networkOption(w *workspace) any {
	return map[string]any{"workspace_id": w.id, "network_policy_id": w.policyID}
}

func getWorkspaceNetwork(call *call) (any, *apiError) {
	w, err := call.findWorkspace()
	if err != nil {
		return nil, err
	}
	return networkOption(w), nil
}

func putWorkspaceNetwork(call *call) (any, *apiError) {
	w, err := call.findWorkspace()
	if err != nil {
		return nil, err
	}
	var body struct {
		// WorkspaceID is a number, or its decimal digits in a string.
		WorkspaceID json.RawMessage `json:"workspace_id"`
		PolicyID    string          `json:"network_policy_id"`
	}
	if err := call.decode(&body); err != nil {
		return nil, err
	}
	if sent := strings.Trim(string(body.WorkspaceID), `"`); sent != "" && sent != strconv.FormatInt(w.id, 10) {
		return nil, invalid("workspace_id %s of the body is not the one of the path, %d.", sent, w.id)
	}
	if err := call.cloud.attach(w, body.PolicyID); err != nil {
		return nil, err
	}
	return networkOption(w), nil
}

// attach puts a workspace under a network policy. The caller holds mu.
func (c *Cloud) attach(w *workspace, policyID string) *apiError {
	if policyID == "" {
		return invalid("network_policy_id must be specified.")
	}
	if _, ok := c.policies[policyID]; !ok {
		return notFound("Network policy %s does not exist.", policyID)
	}
	w.policyID = policyID
	return nil
}
