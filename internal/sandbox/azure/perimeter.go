package azure

import (
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// Access modes of a resource's association with a network security perimeter.
const (
	// PerimeterEnforced lets in what the perimeter's rules name and nobody else.
	PerimeterEnforced = "Enforced"
	// PerimeterLearning, also called transition mode, lets in what either the perimeter's
	// rules or the account's own name.
	PerimeterLearning = "Learning"
	// PerimeterAudit is in the API and not in the documentation. Here it only observes.
	PerimeterAudit = "Audit"
)

// Perimeter is a network security perimeter that an account stands in.
type Perimeter struct {
	// Name is the perimeter's name, Location its region; empty means "perimeter" and the
	// account's own region.
	Name, Location string
	// AccessMode is PerimeterEnforced, PerimeterLearning or PerimeterAudit.
	AccessMode string
	// AddressPrefixes are the ranges that the perimeter's inbound rules let in.
	AddressPrefixes []string
}

// SetPerimeter puts an account into a perimeter, or into another one, by the hand of the
// perimeter's administrator. The data plane follows after the propagation delay.
func (c *Cloud) SetPerimeter(accountID string, p Perimeter) error {
	if !slices.Contains([]string{PerimeterEnforced, PerimeterLearning, PerimeterAudit}, p.AccessMode) {
		return fmt.Errorf("a perimeter has no access mode %q", p.AccessMode)
	}
	for _, prefix := range p.AddressPrefixes {
		if _, err := netip.ParsePrefix(prefix); err != nil {
			return fmt.Errorf("the perimeter's inbound rule: %w", err)
		}
	}
	return c.associate(accountID, func(a *account) *association {
		location := p.Location
		if location == "" {
			location = a.location
		}
		name := p.Name
		if name == "" {
			name = "perimeter"
		}
		return &association{perimeter: p, name: name, location: location, guid: newID(), id: newID()}
	})
}

// LeavePerimeter is the reverse of SetPerimeter.
func (c *Cloud) LeavePerimeter(accountID string) error {
	return c.associate(accountID, func(*account) *association { return nil })
}

func (c *Cloud) associate(accountID string, of func(*account) *association) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	a, ok := c.accounts[strings.ToLower(accountID)]
	if !ok {
		return fmt.Errorf("there is no account %s", accountID)
	}
	a.association = of(a)
	a.changed(c.options.Now(), c.options.Propagation, "")
	return nil
}

// association is what ties an account to a perimeter; an account has one at most.
type association struct {
	perimeter                Perimeter
	name, location, guid, id string
}

// listPerimeterConfigurations answers with the account's one perimeter, or none
// (Microsoft.CognitiveServices 2025-06-01, NetworkSecurityPerimeterConfigurations_List).
func listPerimeterConfigurations(call *armCall) (reply, *armError) {
	a, err := call.account()
	if err != nil {
		return reply{}, err
	}
	items := []any{}
	if a.association != nil {
		items = append(items, call.cloud.perimeterConfiguration(a, a.association))
	}
	return reply{http.StatusOK, map[string]any{"value": items}}, nil
}

func (c *Cloud) perimeterConfiguration(a *account, s *association) any {
	rules := []any{}
	if prefixes := s.perimeter.AddressPrefixes; len(prefixes) > 0 {
		rules = append(rules, map[string]any{
			"name":       "inbound",
			"properties": map[string]any{"direction": "Inbound", "addressPrefixes": prefixes},
		})
	}
	name := s.guid + "." + s.id
	return map[string]any{
		"id": a.id + "/networkSecurityPerimeterConfigurations/" + name, "name": name,
		"type": accountType + "/networkSecurityPerimeterConfigurations",
		"properties": map[string]any{
			"provisioningState":  "Succeeded",
			"provisioningIssues": []any{},
			"networkSecurityPerimeter": map[string]any{
				"id":            c.groupID(a.group) + "/providers/Microsoft.Network/networkSecurityPerimeters/" + s.name,
				"perimeterGuid": s.guid, "location": s.location,
			},
			"resourceAssociation": map[string]any{"name": s.id, "accessMode": s.perimeter.AccessMode},
			"profile": map[string]any{
				"name": "default", "accessRules": rules, "accessRulesVersion": 0,
				"diagnosticSettingsVersion": 0, "enabledLogCategories": []any{},
			},
		},
	}
}
