package databricks

import (
	"net/http"
	"regexp"
	"time"
)

// Limits of serverless network objects, as Databricks documents them:
// https://docs.databricks.com/aws/en/security/network/serverless-network-security/pl-to-internal-network
const (
	maxNCCsPerRegion  = 10
	maxRulesPerRegion = 30
	maxDomains        = 10
	maxWorkspaces     = 50 // per NCC
)

// ncc is a network connectivity configuration.
type ncc struct {
	sequence         int
	id, name, region string
	created          time.Time
	rules            map[string]*rule // by id
}

var nccName = regexp.MustCompile(`^[0-9a-zA-Z-_]{3,30}$`)

func (call *call) nccBody(n *ncc) any {
	rules := []item{}
	for _, r := range n.rules {
		rules = append(rules, item{r.sequence, call.cloud.ruleBody(r)})
	}
	target := map[string]any{}
	if len(rules) > 0 {
		target["aws_private_endpoint_rules"] = bodies(rules)
	}
	return map[string]any{
		"network_connectivity_config_id": n.id,
		"account_id":                     call.cloud.options.AccountID,
		"name":                           n.name,
		"region":                         n.region,
		"creation_time":                  millis(n.created),
		"updated_time":                   millis(n.created),
		"egress_config": map[string]any{
			// A documentation range: the sandbox's Databricks has no public addresses of its own.
			"default_rules": map[string]any{"aws_stable_ip_rule": map[string]any{"cidr_blocks": []string{"192.0.2.0/28"}}},
			"target_rules":  target,
		},
	}
}

func (call *call) ncc() (*ncc, *apiError) {
	id := call.params["ncc"]
	n, ok := call.cloud.nccs[id]
	if !ok {
		return nil, notFound("Network Connectivity Config with id %s does not exist.", id)
	}
	return n, nil
}

func createNCC(call *call) (any, *apiError) {
	var body struct{ Name, Region string }
	if err := call.decode(&body); err != nil {
		return nil, err
	}
	n, err := call.cloud.addNCC(body.Name, body.Region, call.now)
	if err != nil {
		return nil, err
	}
	return call.nccBody(n), nil
}

// addNCC makes an NCC. The caller holds mu.
func (c *Cloud) addNCC(name, region string, now time.Time) (*ncc, *apiError) {
	if !nccName.MatchString(name) {
		return nil, invalid("The name %q does not match ^[0-9a-zA-Z-_]{3,30}$.", name)
	}
	if region == "" {
		return nil, invalid("The region of the network connectivity configuration must be set.")
	}
	inRegion := 0
	for _, n := range c.nccs {
		if n.region == region {
			inRegion++
		}
	}
	if inRegion >= maxNCCsPerRegion {
		return nil, errorf(http.StatusBadRequest, codeLimit, "The account has %d network connectivity configurations in region %s, the most there may be.", inRegion, region)
	}
	n := &ncc{sequence: c.next(), id: newID(), name: name, region: region, created: now, rules: map[string]*rule{}}
	c.nccs[n.id] = n
	return n, nil
}

func listNCCs(call *call) (any, *apiError) {
	items := []item{}
	for _, n := range call.cloud.nccs {
		items = append(items, item{n.sequence, call.nccBody(n)})
	}
	return call.page(items)
}

func getNCC(call *call) (any, *apiError) {
	n, err := call.ncc()
	if err != nil {
		return nil, err
	}
	return call.nccBody(n), nil
}

// deleteNCC is refused while a rule is active or a workspace is bound. A rule that is
// only waiting to disappear does not hold it.
func deleteNCC(call *call) (any, *apiError) {
	n, err := call.ncc()
	if err != nil {
		return nil, err
	}
	for _, r := range n.rules {
		if !r.deactivated {
			return nil, invalidState("Network Connectivity Config with id %s is unable to be deleted because it has one or more private endpoint rules.", n.id)
		}
	}
	for _, w := range call.cloud.workspaces {
		if w.nccID == n.id {
			return nil, invalidState("Network Connectivity Config with id %s is unable to be deleted because it is attached to one or more workspaces.", n.id)
		}
	}
	delete(call.cloud.nccs, n.id)
	return map[string]any{}, nil
}
