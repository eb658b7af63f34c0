package databricks

import (
	"context"
	"fmt"
	"time"
)

// discardedEndpoint is a VPC endpoint whose rule is deleted.
type discardedEndpoint struct {
	id  string
	due time.Time
}

// discard has a VPC endpoint deleted when due; an empty id is none. The caller holds mu.
func (c *Cloud) discard(vpcEndpointID string, due time.Time) {
	if vpcEndpointID != "" {
		c.discarded = append(c.discarded, discardedEndpoint{vpcEndpointID, due})
	}
}

// watchEndpoints is Databricks' own work in AWS, whether or not anybody asks: it makes the
// endpoints of new rules, follows the state of the others and deletes discarded ones.
func (c *Cloud) watchEndpoints(ctx context.Context) {
	defer close(c.done)
	tick := time.NewTicker(c.options.PollInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			c.advance(c.options.Now())
		}
	}
}

// advance looks at each rule once. Calls to AWS are made without holding mu.
func (c *Cloud) advance(now time.Time) {
	for _, r := range c.rulesToMake(now) {
		id, err := c.options.AWS.CreateVPCEndpoint(r.service, r.principal, OwnerAccountID)
		c.made(r, id, err, now)
	}
	observed := map[string]string{}
	for _, id := range c.endpointsToWatch() {
		if state, ok := c.options.AWS.VPCEndpointState(id); ok {
			observed[id] = state
		} else {
			observed[id] = ""
		}
	}
	for _, id := range c.settleRules(observed, now) {
		c.options.AWS.DeleteVPCEndpoint(id)
	}
}

// wantedEndpoint is a rule for which an endpoint must be asked.
type wantedEndpoint struct {
	ncc, rule, service, principal string
}

func (c *Cloud) rulesToMake(now time.Time) []wantedEndpoint {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []wantedEndpoint
	for _, n := range c.nccs {
		for _, r := range n.rules {
			if r.state != stateCreating || r.deactivated || r.creating || now.Sub(r.created) < c.options.ProvisionTime {
				continue
			}
			r.creating = true
			out = append(out, wantedEndpoint{ncc: n.id, rule: r.id, service: r.service, principal: principalARN(n.region)})
		}
	}
	return out
}

// principalARN is the role as which Databricks connects from a region; an endpoint service
// must allow it by name.
func principalARN(region string) string {
	return fmt.Sprintf("arn:aws:iam::%s:role/%s%s", OwnerAccountID, principalRoleStart, region)
}

// made records the outcome of asking for an endpoint. A rule that was deleted meanwhile
// gives its endpoint up.
func (c *Cloud) made(w wantedEndpoint, vpcEndpointID string, err error, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var r *rule
	if n, ok := c.nccs[w.ncc]; ok {
		r = n.rules[w.rule]
	}
	if r == nil || r.deactivated {
		c.discard(vpcEndpointID, now)
		return
	}
	r.creating = false
	if err != nil {
		r.message = err.Error()
		r.become(stateCreateFailed, now)
		return
	}
	r.vpcEndpointID = vpcEndpointID
	r.become(statePending, now)
}

func (c *Cloud) endpointsToWatch() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var ids []string
	for _, n := range c.nccs {
		for _, r := range n.rules {
			if r.vpcEndpointID != "" {
				ids = append(ids, r.vpcEndpointID)
			}
		}
	}
	return ids
}

// settleRules applies what AWS said ("" for an endpoint that is gone), forgets rules whose
// time is up, and returns the endpoints to delete now.
func (c *Cloud) settleRules(observed map[string]string, now time.Time) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, n := range c.nccs {
		for _, r := range n.rules {
			if r.deactivated && now.Sub(r.deactivatedAt) >= deactivatedFor {
				delete(n.rules, r.id)
				continue
			}
			if state, ok := observed[r.vpcEndpointID]; ok && r.vpcEndpointID != "" {
				r.observe(state, state != "", now, c.options.EstablishTime)
			}
		}
	}
	var due []string
	var later []discardedEndpoint
	for _, d := range c.discarded {
		if d.due.After(now) {
			later = append(later, d)
			continue
		}
		due = append(due, d.id)
	}
	c.discarded = later
	return due
}
