package azure

import (
	"fmt"
	"maps"
	"strings"
)

// managedIdentity makes what an account keeps of the identity that a client sent: the
// service adds the ids of the principals. A system-assigned one keeps its principal for as
// long as the account has it. The caller holds mu.
func (c *Cloud) managedIdentity(a *account, sent any) (any, *armError) {
	object, ok := sent.(map[string]any)
	if !ok {
		return nil, nil
	}
	kind, _ := object["type"].(string)
	system, user, err := identityKinds(kind)
	if err != nil || !system && !user {
		return nil, err
	}
	out := map[string]any{"type": kind}
	if system {
		out["tenantId"], out["principalId"] = c.options.TenantID, newID()
		if had, _ := a.identity.(map[string]any); had["principalId"] != nil {
			out["principalId"] = had["principalId"]
		}
	}
	if !user {
		return out, nil
	}
	named, _ := object["userAssignedIdentities"].(map[string]any)
	identities := map[string]any{}
	for id, value := range maps.All(named) {
		n, ok := c.neighbours[strings.ToLower(id)]
		switch {
		case value == nil:
			// A PATCH takes an identity away by null.
		case !ok || n.kind != assignedIdentityType:
			response := fmt.Sprintf(`{"error":{"code":"BadRequest","message":"Resource '%s' was not found."}}`, id)
			return nil, badRequest("FailedIdentityOperation", "Identity operation for resource '%s' failed with error 'Failed to perform resource identity operation. Status: 'BadRequest'. Response: '%s'.'.", a.id, response)
		default:
			identities[id] = map[string]any{"principalId": n.principalID, "clientId": n.clientID}
		}
	}
	if len(identities) == 0 {
		return nil, badRequest("InvalidIdentityValues", "The identity values are invalid: the type '%s' needs at least one user assigned identity.", kind)
	}
	out["userAssignedIdentities"] = identities
	return out, nil
}

// identityKinds reads an identity's type, such as "SystemAssigned, UserAssigned".
func identityKinds(kind string) (system, user bool, err *armError) {
	for _, part := range strings.Split(kind, ",") {
		switch strings.ToLower(strings.TrimSpace(part)) {
		case "none":
		case "systemassigned":
			system = true
		case "userassigned":
			user = true
		default:
			return false, false, badRequest("InvalidRequestContent", "The identity type '%s' is not one of None, SystemAssigned, UserAssigned, 'SystemAssigned, UserAssigned'.", kind)
		}
	}
	return system, user, nil
}
