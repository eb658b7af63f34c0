package azure

import (
	"net/http"
	"strings"
)

// resourceGroup is a container of accounts.
type resourceGroup struct {
	name, location string
	tags           any
}

func (c *Cloud) groupID(name string) string {
	return "/subscriptions/" + c.options.SubscriptionID + "/resourceGroups/" + name
}

func (c *Cloud) groupBody(g *resourceGroup) any {
	body := map[string]any{
		"id": c.groupID(g.name), "name": g.name, "type": "Microsoft.Resources/resourceGroups", "location": g.location,
		"properties": map[string]string{"provisioningState": "Succeeded"},
	}
	if g.tags != nil {
		body["tags"] = g.tags
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
	if !strings.EqualFold(g.location, location) {
		return reply{}, armErrorf(http.StatusConflict, "InvalidResourceGroupLocation", "Invalid resource group location '%s'. The Resource group already exists in location '%s'.", location, g.location)
	}
	g.tags = body["tags"]
	return reply{status, call.cloud.groupBody(g)}, nil
}

// deleteGroup removes the group and all in it, at once.
func deleteGroup(call *armCall) (reply, *armError) {
	if _, err := call.group(); err != nil {
		return reply{}, err
	}
	key := strings.ToLower(call.params["group"])
	for id, a := range call.cloud.accounts {
		if strings.ToLower(a.group) == key {
			delete(call.cloud.accounts, id)
		}
	}
	delete(call.cloud.groups, key)
	return reply{status: http.StatusOK}, nil
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
	return reply{http.StatusOK, map[string]any{"value": items}}, nil
}
