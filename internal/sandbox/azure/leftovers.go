package azure

import (
	"slices"
)

// LeftOvers describes all that the subscription holds, sorted: resource groups and accounts.
func (c *Cloud) LeftOvers() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.settle(c.options.Now())
	left := []string{}
	for _, g := range c.groups {
		left = append(left, c.groupID(g.name))
	}
	for _, a := range c.accounts {
		left = append(left, a.id)
	}
	slices.Sort(left)
	return left
}
