package azureaccount

import (
	"context"
	"strings"
)

// Perimeter is a network security perimeter that an account is associated with.
type Perimeter struct {
	// ID is the perimeter's ARM id.
	ID string
	// Association is the name of the account's association with it.
	Association string
	// AccessMode is "Enforced", "Learning" or "Audit" (other values may appear).
	AccessMode string
}

// Enforced reports whether the perimeter's access rules decide in place of the account's
// network rules; in the other modes they only add to them, or to the logs.
func (p Perimeter) Enforced() bool { return strings.EqualFold(p.AccessMode, "Enforced") }

// ListPerimeters lists the network security perimeters of an account: none for most.
// Errors of ARM are *azcore.ResponseError.
func (c *Client) ListPerimeters(ctx context.Context, id ID) ([]Perimeter, error) {
	type configuration struct {
		Properties struct {
			NetworkSecurityPerimeter struct {
				ID string `json:"id"`
			} `json:"networkSecurityPerimeter"`
			ResourceAssociation struct {
				Name       string `json:"name"`
				AccessMode string `json:"accessMode"`
			} `json:"resourceAssociation"`
		} `json:"properties"`
	}
	var perimeters []Perimeter
	err := list(ctx, c, c.endpoint+id.path()+"/networkSecurityPerimeterConfigurations", func(found configuration) bool {
		properties := found.Properties
		perimeters = append(perimeters, Perimeter{
			ID: properties.NetworkSecurityPerimeter.ID, Association: properties.ResourceAssociation.Name, AccessMode: properties.ResourceAssociation.AccessMode,
		})
		return true
	})
	return perimeters, err
}
