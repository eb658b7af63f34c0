package databricks

import (
	"context"
	"fmt"
	"strings"
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
		id, err := c.makeEndpoint(r)
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
	ncc, rule, service string
	as                 identity
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
			out = append(out, wantedEndpoint{ncc: n.id, rule: r.id, service: r.service, as: c.identityIn(n.region)})
		}
	}
	return out
}

// identity is as whom Databricks comes to an endpoint service.
type identity struct {
	account string // AWS account id
	role    string // ARN
}

// identityIn is Databricks' identity in a region: the accounts and the name of the role are those
// of https://github.com/databricks/terraform-databricks-sra (aws/customizations/serverless_privatelink).
func (c *Cloud) identityIn(region string) identity {
	partition, account := "aws", OwnerAccountID
	if strings.HasPrefix(region, "us-gov-") {
		partition, account = "aws-us-gov", GovCivilianOwnerAccountID
		if c.options.DoD {
			account = GovDoDOwnerAccountID
		}
	}
	return identity{account, fmt.Sprintf("arn:%s:iam::%s:role/%s%s", partition, account, principalRoleStart, region)}
}

// makeEndpoint asks AWS for an endpoint. AWS lets a principal in by a wildcard too, but users report
// that Databricks refuses a service that does not allow its very role. The words are the example of
// the SDK's NccPrivateEndpointRule.ErrorMessage.
func (c *Cloud) makeEndpoint(w wantedEndpoint) (string, error) {
	if !c.options.AWS.AllowsByName(w.service, w.as.role) {
		return "", fmt.Errorf("NOT_FOUND: The provided resource %s could not be found", w.service)
	}
	return c.options.AWS.CreateVPCEndpoint(w.service, w.as.role, w.as.account)
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
