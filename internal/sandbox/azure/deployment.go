package azure

import (
	"maps"
	"net/http"
	"slices"
	"strings"
)

// deployment is a model that an account serves under a name.
type deployment struct {
	name, etag string
	sku        any
	properties map[string]any
	deleting   bool
}

// model is the name of the model served, "gpt-4o".
func (d *deployment) model() string {
	m, _ := d.properties["model"].(map[string]any)
	name, _ := m["name"].(string)
	return name
}

func (call *armCall) deploymentBody(a *account, d *deployment) any {
	properties := maps.Clone(d.properties)
	properties["provisioningState"] = "Succeeded"
	if state := a.state(call.now); state != "Succeeded" {
		properties["provisioningState"] = state
	}
	return map[string]any{
		"id": a.id + "/deployments/" + d.name, "name": d.name, "type": accountType + "/deployments",
		"etag": d.etag, "sku": d.sku, "properties": properties,
	}
}

func (call *armCall) deployment() (*account, *deployment, *armError) {
	a, err := call.account()
	if err != nil {
		return nil, nil, err
	}
	d, ok := a.deployments[strings.ToLower(call.params["deployment"])]
	if !ok {
		return a, nil, armErrorf(http.StatusNotFound, "ResourceNotFound", "The Resource '%s/%s/deployments/%s' was not found.", accountType, a.name, call.params["deployment"])
	}
	return a, d, nil
}

func listDeployments(call *armCall) (reply, *armError) {
	a, err := call.account()
	if err != nil {
		return reply{}, err
	}
	items := []any{}
	for _, name := range slices.Sorted(maps.Keys(a.deployments)) {
		items = append(items, call.deploymentBody(a, a.deployments[name]))
	}
	return reply{http.StatusOK, map[string]any{"value": items}}, nil
}

func getDeployment(call *armCall) (reply, *armError) {
	a, d, err := call.deployment()
	if err != nil {
		return reply{}, err
	}
	return reply{http.StatusOK, call.deploymentBody(a, d)}, nil
}

// putDeployment makes the whole account busy, so that a write to the account beside it
// gets RequestConflict, as on Azure.
func putDeployment(call *armCall) (reply, *armError) {
	a, err := call.account()
	if err != nil {
		return reply{}, err
	}
	body, err := call.decode()
	if err != nil {
		return reply{}, err
	}
	if err := call.writable(a); err != nil {
		return reply{}, err
	}
	properties, _ := body["properties"].(map[string]any)
	d := &deployment{name: call.params["deployment"], etag: `"` + newID() + `"`, sku: body["sku"], properties: merge(nil, without(properties, []string{"provisioningState"}))}
	if d.model() == "" {
		return reply{}, badRequest("InvalidRequestContent", "The property properties.model.name is required.")
	}
	key := strings.ToLower(d.name)
	status := http.StatusCreated
	if old, exists := a.deployments[key]; exists {
		d.name, status = old.name, http.StatusOK
	}
	a.deployments[key] = d
	call.begin(a, "Creating")
	return reply{status, call.deploymentBody(a, d)}, nil
}

func deleteDeployment(call *armCall) (reply, *armError) {
	a, d, err := call.deployment()
	if err != nil {
		return reply{status: http.StatusNoContent}, nil
	}
	if err := call.writable(a); err != nil {
		return reply{}, err
	}
	d.deleting = true
	call.begin(a, "Deleting")
	return reply{status: http.StatusAccepted}, nil
}
