package databricks

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Connection states of a private endpoint rule.
const (
	stateCreating     = "CREATING"
	stateCreateFailed = "CREATE_FAILED"
	statePending      = "PENDING"
	stateEstablished  = "ESTABLISHED"
	stateRejected     = "REJECTED"
	stateDisconnected = "DISCONNECTED"
	stateExpired      = "EXPIRED"
)

// rule is a private endpoint rule towards a customer's endpoint service.
type rule struct {
	sequence           int
	id, nccID, service string
	domains            []string
	state, message     string
	vpcEndpointID      string
	created, updated   time.Time
	availableSince     time.Time // when AWS was first seen to say available; zero before
	stateSince         time.Time
	deactivated        bool
	deactivatedAt      time.Time
	creating           bool // the endpoint is being asked for right now
}

// ruleJSON is a rule on the wire; what is unset is left out.
type ruleJSON struct {
	RuleID          string   `json:"rule_id"`
	NCCID           string   `json:"network_connectivity_config_id"`
	AccountID       string   `json:"account_id"`
	EndpointService string   `json:"endpoint_service"`
	DomainNames     []string `json:"domain_names,omitempty"`
	VPCEndpointID   string   `json:"vpc_endpoint_id,omitempty"`
	ConnectionState string   `json:"connection_state"`
	ErrorMessage    string   `json:"error_message,omitempty"`
	CreationTime    int64    `json:"creation_time"`
	UpdatedTime     int64    `json:"updated_time"`
	Deactivated     bool     `json:"deactivated,omitempty"`
	DeactivatedAt   int64    `json:"deactivated_at,omitempty"`
}

func (c *Cloud) ruleBody(r *rule) ruleJSON {
	return ruleJSON{
		RuleID: r.id, NCCID: r.nccID, AccountID: c.options.AccountID, EndpointService: r.service,
		DomainNames: slices.Clone(r.domains), VPCEndpointID: r.vpcEndpointID, ConnectionState: r.state, ErrorMessage: r.message,
		CreationTime: millis(r.created), UpdatedTime: millis(r.updated), Deactivated: r.deactivated, DeactivatedAt: millis(r.deactivatedAt),
	}
}

func (r *rule) become(state string, now time.Time) {
	r.state, r.stateSince, r.updated = state, now, now
}

// observe moves the rule on by what AWS says of its endpoint; known is false when AWS has
// no such endpoint. Rejecting an established connection ends as DISCONNECTED, rejecting one
// that waits as REJECTED; neither comes back.
func (r *rule) observe(awsState string, known bool, now time.Time, establishTime time.Duration) {
	available := known && strings.EqualFold(awsState, "available")
	waiting := known && (strings.EqualFold(awsState, "pendingAcceptance") || strings.EqualFold(awsState, "pending"))
	switch r.state {
	case statePending:
		switch {
		case available:
			if r.availableSince.IsZero() {
				r.availableSince = now
			}
			if now.Sub(r.availableSince) >= establishTime {
				r.become(stateEstablished, now)
			}
		case known && strings.EqualFold(awsState, "rejected"):
			r.become(stateRejected, now)
		case !waiting:
			r.become(stateDisconnected, now)
		case now.Sub(r.created) >= ruleExpiry:
			r.become(stateExpired, now)
		}
	case stateEstablished:
		if !available {
			r.become(stateDisconnected, now)
		}
	case stateRejected, stateDisconnected:
		if now.Sub(r.stateSince) >= ruleExpiry {
			r.become(stateExpired, now)
		}
	}
}

var (
	// The full name of a customer's endpoint service, with its region captured.
	servicePattern = regexp.MustCompile(`^com\.amazonaws\.vpce\.([a-z0-9-]+)\.vpce-svc-[0-9a-f]+$`)
	// A fully qualified host name: no wildcard, no port, no scheme.
	hostPattern = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}$`)
)

// ruleRequest is the body of a create, and of an update.
type ruleRequest struct {
	EndpointService string   `json:"endpoint_service"`
	DomainNames     []string `json:"domain_names"`
	ResourceNames   []string `json:"resource_names"`
	ResourceID      string   `json:"resource_id"`
	GroupID         string   `json:"group_id"`
}

func checkDomains(domains []string) *apiError {
	if len(domains) == 0 || len(domains) > maxDomains {
		return invalid("A private endpoint rule needs 1 to %d domain names, not %d.", maxDomains, len(domains))
	}
	for _, d := range domains {
		if !hostPattern.MatchString(strings.ToLower(d)) {
			return invalid("The domain name %q is not a valid hostname.", d)
		}
	}
	return nil
}

func createRule(call *call) (any, *apiError) {
	n, err := call.ncc()
	if err != nil {
		return nil, err
	}
	var body ruleRequest
	if err := call.decode(&body); err != nil {
		return nil, err
	}
	r, err := call.cloud.addRule(n, body, call.now)
	if err != nil {
		return nil, err
	}
	return call.cloud.ruleBody(r), nil
}

// addRule makes a rule in state CREATING. The caller holds mu.
func (c *Cloud) addRule(n *ncc, body ruleRequest, now time.Time) (*rule, *apiError) {
	if body.ResourceID != "" || body.GroupID != "" {
		return nil, invalid("resource_id and group_id are not valid for a network connectivity configuration on AWS.")
	}
	if strings.HasSuffix(body.EndpointService, ".s3") || len(body.ResourceNames) > 0 {
		return nil, notImplemented("private endpoint rules for AWS' own services, only for endpoint services (com.amazonaws.vpce.REGION.vpce-svc-…).")
	}
	m := servicePattern.FindStringSubmatch(body.EndpointService)
	if m == nil {
		return nil, invalid("The endpoint service %q is not a full AWS endpoint service name (com.amazonaws.vpce.REGION.vpce-svc-…).", body.EndpointService)
	}
	if m[1] != n.region {
		return nil, invalid("The endpoint service %s is not in region %s of the network connectivity configuration.", body.EndpointService, n.region)
	}
	if err := checkDomains(body.DomainNames); err != nil {
		return nil, err
	}
	inRegion := 0
	for _, other := range c.nccs {
		if other.region == n.region {
			inRegion += len(other.rules)
		}
	}
	if inRegion >= maxRulesPerRegion {
		return nil, errorf(http.StatusBadRequest, codeLimit, "The account has %d private endpoints in region %s, the most there may be.", inRegion, n.region)
	}
	r := &rule{
		sequence: c.next(), id: newID(), nccID: n.id, service: body.EndpointService, domains: slices.Clone(body.DomainNames),
		created: now,
	}
	r.become(stateCreating, now)
	n.rules[r.id] = r
	return r, nil
}

func (call *call) rule() (*ncc, *rule, *apiError) {
	n, err := call.ncc()
	if err != nil {
		return nil, nil, err
	}
	r, ok := n.rules[call.params["rule"]]
	if !ok {
		return nil, nil, notFound("Private endpoint rule with id %s does not exist in Network Connectivity Config %s.", call.params["rule"], n.id)
	}
	return n, r, nil
}

func listRules(call *call) (any, *apiError) {
	n, err := call.ncc()
	if err != nil {
		return nil, err
	}
	items := []item{}
	for _, r := range n.rules {
		items = append(items, item{r.sequence, call.cloud.ruleBody(r)})
	}
	return call.page(items)
}

func getRule(call *call) (any, *apiError) {
	_, r, err := call.rule()
	if err != nil {
		return nil, err
	}
	return call.cloud.ruleBody(r), nil
}

func updateRule(call *call) (any, *apiError) {
	_, r, err := call.rule()
	if err != nil {
		return nil, err
	}
	mask := call.r.URL.Query().Get("update_mask")
	if mask == "" {
		return nil, invalid("Update mask must be specified.")
	}
	var body ruleRequest
	if err := call.decode(&body); err != nil {
		return nil, err
	}
	if r.deactivated {
		return nil, invalidState("Private endpoint rule %s is deactivated and cannot be updated.", r.id)
	}
	for field := range strings.SplitSeq(mask, ",") {
		switch field {
		case "domain_names":
			if err := checkDomains(body.DomainNames); err != nil {
				return nil, err
			}
			r.domains = slices.Clone(body.DomainNames)
		case "enabled":
			return nil, invalid("Field enabled can only be updated for private endpoint rules to AWS' own services.")
		case "resource_names":
			return nil, invalid("Field resource_names is not valid for a private endpoint rule to an endpoint service.")
		default:
			return nil, invalid("Field %s of the update mask cannot be updated.", field)
		}
	}
	r.updated = call.now
	return call.cloud.ruleBody(r), nil
}

// deleteRule removes a rule that waits for approval or expired at once, with its endpoint;
// any other is deactivated, and it and its endpoint stay for a while.
func deleteRule(call *call) (any, *apiError) {
	n, r, err := call.rule()
	if err != nil {
		return nil, err
	}
	switch {
	case r.state == statePending || r.state == stateExpired:
		delete(n.rules, r.id)
		call.cloud.discard(r.vpcEndpointID, call.now)
	case !r.deactivated:
		r.deactivated, r.deactivatedAt, r.updated = true, call.now, call.now
		call.cloud.discard(r.vpcEndpointID, call.now.Add(endpointKeptFor))
	}
	return call.cloud.ruleBody(r), nil
}
