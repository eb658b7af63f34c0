package azure

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Types of the neighbours that a sandbox can be seeded with.
const (
	workspaceType        = "Microsoft.OperationalInsights/workspaces"
	assignedIdentityType = "Microsoft.ManagedIdentity/userAssignedIdentities"
)

// neighbour is a resource of another service, which accounts and their settings refer to by
// id. The sandbox knows that it exists and does not implement its own API.
type neighbour struct {
	id, kind, name, group, location string
	principalID, clientID           string // of an identity
}

// SeedLogAnalyticsWorkspace makes a Log Analytics workspace, and its group when it does not
// exist, for diagnostic settings to send to. It returns the workspace's ARM id.
func (c *Cloud) SeedLogAnalyticsWorkspace(resourceGroup, name string) string {
	return c.seedNeighbour(workspaceType, resourceGroup, name).id
}

// SeedUserAssignedIdentity makes a managed identity, and its group when it does not exist,
// for accounts to have. It returns the identity's ARM id.
func (c *Cloud) SeedUserAssignedIdentity(resourceGroup, name string) string {
	return c.seedNeighbour(assignedIdentityType, resourceGroup, name).id
}

func (c *Cloud) seedNeighbour(kind, group, name string) *neighbour {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := &neighbour{
		id:   fmt.Sprintf("%s/providers/%s/%s", c.groupID(group), kind, name),
		kind: kind, name: name, group: group, location: DefaultLocation, principalID: newID(), clientID: newID(),
	}
	if key := strings.ToLower(group); c.groups[key] == nil {
		c.groups[key] = &resourceGroup{name: group, location: DefaultLocation}
	}
	c.neighbours[strings.ToLower(n.id)] = n
	return n
}

func (c *Cloud) sortedNeighbours() []*neighbour {
	return slices.SortedFunc(maps.Values(c.neighbours), func(x, y *neighbour) int { return strings.Compare(x.id, y.id) })
}
