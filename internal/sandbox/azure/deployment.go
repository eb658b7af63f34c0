package azure

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

// deployment is a model that an account serves under a name.
type deployment struct {
	name, etag string
	sku        any
	properties map[string]any
	// busyState is the provisioningState until the account has finished with the write that
	// busyUntil ends.
	busyState string
	busyUntil time.Time
	deleting  bool
}

// What the service adds to a deployment that does not name it.
const (
	defaultUpgradeOption = "OnceNewDefaultVersionAvailable"
	defaultRAIPolicy     = "Microsoft.DefaultV2"
)

// defaultVersions are the versions that the service gives to models that are deployed
// without one.
var defaultVersions = map[string]string{
	"gpt-4o": "2024-11-20", "gpt-4o-mini": "2024-07-18", "gpt-4.1": "2025-04-14", "gpt-4.1-mini": "2025-04-14",
	"text-embedding-3-small": "1", "text-embedding-3-large": "1", "text-embedding-ada-002": "2",
}

// complete adds what a client may leave out.
func (d *deployment) complete() *armError {
	model, _ := d.properties["model"].(map[string]any)
	if d.model() == "" {
		return badRequest("InvalidRequestContent", "The property properties.model.name is required.")
	}
	if version, _ := model["version"].(string); version == "" {
		version, known := defaultVersions[d.model()]
		if !known {
			return armErrorf(http.StatusNotImplemented, "NotImplemented", "The sandbox does not know the default version of the model '%s'; name a version.", d.model())
		}
		d.properties = merge(d.properties, map[string]any{"model": map[string]any{"version": version}})
	}
	for property, value := range map[string]string{"versionUpgradeOption": defaultUpgradeOption, "raiPolicyName": defaultRAIPolicy} {
		if set, _ := d.properties[property].(string); set == "" {
			d.properties[property] = value
		}
	}
	return d.checkSKU()
}

// checkSKU wants a SKU with a capacity, one unit of it unless the client says more.
func (d *deployment) checkSKU() *armError {
	sku, _ := d.sku.(map[string]any)
	if name, _ := sku["name"].(string); name == "" {
		return badRequest("InvalidRequestContent", "The property sku.name is required.")
	}
	sku = maps.Clone(sku)
	if capacity, ok := sku["capacity"].(float64); !ok {
		sku["capacity"] = 1
	} else if capacity < 1 {
		return badRequest("InvalidCapacity", "The capacity %v of the deployment '%s' should be at least 1.", capacity, d.name)
	}
	d.sku = sku
	return nil
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
	if call.now.Before(d.busyUntil) {
		properties["provisioningState"] = d.busyState
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

// readOnlyDeploymentProperties are the service's own; what a client sends in them is dropped.
var readOnlyDeploymentProperties = []string{"provisioningState", "callRateLimit", "capabilities", "rateLimits", "currentCapacity"}

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
	d := &deployment{name: call.params["deployment"], etag: `"` + newID() + `"`, sku: body["sku"], properties: merge(nil, without(properties, readOnlyDeploymentProperties))}
	if err := d.complete(); err != nil {
		return reply{}, err
	}
	key := strings.ToLower(d.name)
	status := http.StatusCreated
	if old, exists := a.deployments[key]; exists {
		d.name, status = old.name, http.StatusOK
	}
	a.deployments[key] = d
	d.busyState, d.busyUntil = "Creating", call.begin(a, "Creating")
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
	d.busyState, d.busyUntil = "Deleting", call.begin(a, "Deleting")
	return reply{status: http.StatusAccepted}, nil
}
