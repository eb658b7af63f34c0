package azure

import (
	"net/http"
	"strings"
	"time"
)

// resourceGroup is a container of accounts and their neighbours.
type resourceGroup struct {
	name, location string
	tags           any
	managedBy      any

	deleting    bool
	deletedFrom time.Time
}

func (c *Cloud) groupID(name string) string {
	return "/subscriptions/" + c.options.SubscriptionID + "/resourceGroups/" + name
}

func (c *Cloud) groupBody(g *resourceGroup) any {
	state := "Succeeded"
	if g.deleting {
		state = "Deleting"
	}
	body := map[string]any{
		"id": c.groupID(g.name), "name": g.name, "type": "Microsoft.Resources/resourceGroups", "location": g.location,
		"properties": map[string]string{"provisioningState": state},
	}
	if g.tags != nil {
		body["tags"] = g.tags
	}
	if g.managedBy != nil {
		body["managedBy"] = g.managedBy
	}
	return body
}

func (call *armCall) group() (*resourceGroup, *armError) {
	name := call.params["group"]
	g, ok := call.cloud.groups[strings.ToLower(name)]
	if !ok {
		return nil, armErrorf(http.StatusNotFound, "ResourceGroupNotFound", "Resource group '%s' could not be found.", name)
	}
	return g, nil
}

// standing refuses to write to a group that is going.
func (g *resourceGroup) standing() *armError {
	if g.deleting {
		return armErrorf(http.StatusConflict, "ResourceGroupBeingDeleted", "The resource group '%s' is in deprovisioning state and cannot perform this operation.", g.name)
	}
	return nil
}

func getGroup(call *armCall) (reply, *armError) {
	g, err := call.group()
	if err != nil {
		return reply{}, err
	}
	return reply{http.StatusOK, call.cloud.groupBody(g)}, nil
}

func putGroup(call *armCall) (reply, *armError) {
	body, err := call.decode()
	if err != nil {
		return reply{}, err
	}
	location, _ := body["location"].(string)
	if location == "" {
		return reply{}, badRequest("LocationRequired", "The location property is required for this definition.")
	}
	key := strings.ToLower(call.params["group"])
	g, exists := call.cloud.groups[key]
	status := http.StatusOK
	if !exists {
		g = &resourceGroup{name: call.params["group"], location: location}
		call.cloud.groups[key] = g
		status = http.StatusCreated
	}
	if err := g.standing(); err != nil {
		return reply{}, err
	}
	if !strings.EqualFold(g.location, location) {
		return reply{}, armErrorf(http.StatusConflict, "InvalidResourceGroupLocation", "Invalid resource group location '%s'. The Resource group already exists in location '%s'.", location, g.location)
	}
	g.tags, g.managedBy = body["tags"], body["managedBy"]
	return reply{status, call.cloud.groupBody(g)}, nil
}

// patchGroup changes tags and managedBy, each as a whole.
func patchGroup(call *armCall) (reply, *armError) {
	g, err := call.group()
	if err != nil {
		return reply{}, err
	}
	body, err := call.decode()
	if err != nil {
		return reply{}, err
	}
	if err := g.standing(); err != nil {
		return reply{}, err
	}
	for field, target := range map[string]*any{"tags": &g.tags, "managedBy": &g.managedBy} {
		if v, ok := body[field]; ok {
			*target = v
		}
	}
	return reply{http.StatusOK, call.cloud.groupBody(g)}, nil
}

// deleteGroup removes the group and all in it, once the operation has ended.
func deleteGroup(call *armCall) (reply, *armError) {
	g, err := call.group()
	if err != nil {
		return reply{}, err
	}
	if !g.deleting {
		g.deleting, g.deletedFrom = true, call.now.Add(call.cloud.options.OperationTime)
	}
	call.startOperation("Microsoft.Resources", g.location, g.deletedFrom)
	return reply{status: http.StatusAccepted}, nil
}

// emptyGroup takes away what is in a group that goes. Accounts are kept as after any other
// delete. The caller holds mu.
func (c *Cloud) emptyGroup(g *resourceGroup) {
	for _, a := range c.accounts {
		if strings.EqualFold(a.group, g.name) {
			c.softDelete(a, g.deletedFrom)
		}
	}
	for key, n := range c.neighbours {
		if strings.EqualFold(n.group, g.name) {
			delete(c.neighbours, key)
		}
	}
}

func listGroupResources(call *armCall) (reply, *armError) {
	g, err := call.group()
	if err != nil {
		return reply{}, err
	}
	items := []any{}
	for _, a := range call.cloud.sortedAccounts() {
		if strings.EqualFold(a.group, g.name) {
			items = append(items, map[string]any{"id": a.id, "name": a.name, "type": accountType, "location": a.location, "kind": a.kind})
		}
	}
	for _, n := range call.cloud.sortedNeighbours() {
		if strings.EqualFold(n.group, g.name) {
			items = append(items, map[string]any{"id": n.id, "name": n.name, "type": n.kind, "location": n.location})
		}
	}
	return reply{http.StatusOK, map[string]any{"value": items}}, nil
}
