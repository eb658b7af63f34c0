package azure

import "slices"

// LeftOvers returns the ARM ids of all that the subscription holds, sorted: resource groups,
// accounts, those that were deleted and not purged, diagnostic settings, and what was seeded
// beside them.
func (c *Cloud) LeftOvers() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.settle(c.options.Now())
	left := c.diagnosticSettingIDs()
	for _, g := range c.groups {
		left = append(left, c.groupID(g.name))
	}
	for _, a := range c.accounts {
		left = append(left, a.id)
	}
	for _, d := range c.deleted {
		left = append(left, c.deletedAccountID(d.account))
	}
	for _, n := range c.neighbours {
		left = append(left, n.id)
	}
	slices.Sort(left)
	return left
}
