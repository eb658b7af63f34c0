package databricks

import (
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// defaultPolicyID is the policy of every workspace that has no other; it cannot be deleted.
const defaultPolicyID = "default-policy"

// policy is an account network policy; its body is kept as it was sent.
type policy struct {
	sequence int
	id       string
	body     map[string]any
}

var policyName = regexp.MustCompile(`^[a-zA-Z0-9_.-]{1,32}$`)

// Values and a field of policies.
const (
	modeFullAccess   = "FULL_ACCESS"
	modeRestricted   = "RESTRICTED_ACCESS"
	enforcementOn    = "ENFORCED"
	enforcementDry   = "DRY_RUN"
	productSQL       = "DBSQL"
	productServing   = "ML_SERVING"
	ingressAllowAll  = "ALLOW_ALL_REGISTERED_ENDPOINTS"
	destinationByDNS = "DNS_NAME"
	storageS3        = "AWS_S3"
	productFilter    = "dry_run_mode_product_filter"
)

// maxDestinations is how many destinations a policy may allow, of all kinds together:
// https://docs.databricks.com/aws/en/security/network/serverless-network-security/manage-network-policies
const maxDestinations = 2000

func fullAccess() map[string]any {
	return map[string]any{"egress": map[string]any{"network_access": map[string]any{"restriction_mode": modeFullAccess}}}
}

// restrictedTo is the body of a policy that allows these hosts and nothing else.
func restrictedTo(hosts []string) map[string]any {
	destinations := make([]any, len(hosts))
	for i, h := range hosts {
		destinations[i] = map[string]any{"destination": h, "internet_destination_type": destinationByDNS}
	}
	return map[string]any{"egress": map[string]any{"network_access": map[string]any{
		"restriction_mode": modeRestricted, "allowed_internet_destinations": destinations,
	}}}
}

// at walks nested JSON objects; it returns nil where a step is missing.
func at(v any, path ...string) any {
	for _, step := range path {
		object, _ := v.(map[string]any)
		v = object[step]
	}
	return v
}

func text(v any) string {
	s, _ := v.(string)
	return s
}

func list(v any) []any {
	l, _ := v.([]any)
	return l
}

// allows tells whether a serving endpoint under this policy may connect to host.
func (p *policy) allows(host string) bool {
	access := at(p.body, "egress", "network_access")
	if text(at(access, "restriction_mode")) != modeRestricted {
		return true
	}
	// A dry run of some products leaves calls to external models enforced even where
	// ML_SERVING is among them: only a dry run of all lets them through. Seen in the field;
	// the documentation says otherwise.
	if enforcement := at(access, "policy_enforcement"); text(at(enforcement, "enforcement_mode")) == enforcementDry && len(list(at(enforcement, productFilter))) == 0 {
		return true
	}
	names := func(field string) bool {
		return slices.ContainsFunc(list(at(access, field)), func(d any) bool {
			return strings.EqualFold(text(at(d, "destination")), host)
		})
	}
	return names("allowed_internet_destinations") && !names("blocked_internet_destinations")
}

func (call *call) policyBody(p *policy) any {
	body := maps.Clone(p.body)
	body["network_policy_id"] = p.id
	body["account_id"] = call.cloud.options.AccountID
	return body
}

func (call *call) policy() (*policy, *apiError) {
	p, ok := call.cloud.policies[call.params["policy"]]
	if !ok {
		return nil, notFound("Network policy %s does not exist.", call.params["policy"])
	}
	return p, nil
}

// decodePolicy reads and checks a policy, and fills in what the service fills in.
func (call *call) decodePolicy() (map[string]any, *apiError) {
	var body map[string]any
	if err := call.decode(&body); err != nil {
		return nil, err
	}
	return body, checkPolicy(body)
}

func checkPolicy(body map[string]any) *apiError {
	if access := at(body, "egress", "network_access"); access != nil {
		if err := checkEgress(access); err != nil {
			return err
		}
	}
	// The service answers ingress with private_access even when it was sent without
	// (databricks/terraform-provider-databricks#5884).
	for _, field := range []string{"ingress", "ingress_dry_run"} {
		ingress, ok := body[field].(map[string]any)
		if ok && ingress["private_access"] == nil {
			ingress["private_access"] = map[string]any{"restriction_mode": ingressAllowAll}
		}
	}
	return nil
}

// checkEgress checks what a policy says about the ways out.
func checkEgress(access any) *apiError {
	if mode := text(at(access, "restriction_mode")); mode != modeFullAccess && mode != modeRestricted {
		return invalid("restriction_mode %q is not one of FULL_ACCESS, RESTRICTED_ACCESS.", mode)
	}
	for _, field := range []string{"allowed_internet_destinations", "blocked_internet_destinations"} {
		for _, d := range list(at(access, field)) {
			destination := text(at(d, "destination"))
			if kind := text(at(d, "internet_destination_type")); kind != "" && kind != destinationByDNS {
				return invalid("%s: internet_destination_type %q is not DNS_NAME.", field, kind)
			}
			if !hostPattern.MatchString(strings.ToLower(destination)) {
				return invalid("%s: %q is not a valid hostname.", field, destination)
			}
			if strings.HasSuffix(strings.ToLower(destination), ".cloud.databricks.com") {
				return invalid("Workspace URL '%s' not allowed as internet destination: `%s`", destination, field)
			}
		}
	}
	for _, d := range list(at(access, "allowed_storage_destinations")) {
		if kind := text(at(d, "storage_destination_type")); kind != storageS3 {
			return notImplemented("storage destinations of type %q, only AWS_S3.", kind)
		}
		if text(at(d, "bucket_name")) == "" || text(at(d, "region")) == "" {
			return invalid("allowed_storage_destinations: an S3 destination needs bucket_name and region.")
		}
	}
	if n := len(list(at(access, "allowed_internet_destinations"))) + len(list(at(access, "allowed_storage_destinations"))); n > maxDestinations {
		return errorf(http.StatusBadRequest, codeLimit, "The network policy allows %d destinations; %d are the most there may be.", n, maxDestinations)
	}
	return checkEnforcement(at(access, "policy_enforcement"))
}

func checkEnforcement(enforcement any) *apiError {
	if mode := text(at(enforcement, "enforcement_mode")); mode != "" && mode != enforcementOn && mode != enforcementDry {
		return invalid("enforcement_mode %q is not one of ENFORCED, DRY_RUN.", mode)
	}
	for _, product := range list(at(enforcement, productFilter)) {
		if p := text(product); p != productSQL && p != productServing {
			return invalid("%s: %q is not one of DBSQL, ML_SERVING.", productFilter, p)
		}
	}
	return nil
}

func createPolicy(call *call) (any, *apiError) {
	body, err := call.decodePolicy()
	if err != nil {
		return nil, err
	}
	p, err := call.cloud.addPolicy(text(body["network_policy_id"]), body)
	if err != nil {
		return nil, err
	}
	return call.policyBody(p), nil
}

// addPolicy makes a policy of a checked body. The caller holds mu.
func (c *Cloud) addPolicy(id string, body map[string]any) (*policy, *apiError) {
	if !policyName.MatchString(id) {
		return nil, invalid("The network_policy_id %q does not match ^[a-zA-Z0-9_.-]{1,32}$.", id)
	}
	if _, exists := c.policies[id]; exists {
		return nil, errorf(http.StatusConflict, codeExists, "Network policy %s already exists.", id)
	}
	p := &policy{sequence: c.next(), id: id, body: body}
	c.policies[id] = p
	return p, nil
}

func listPolicies(call *call) (any, *apiError) {
	items := []item{}
	for _, p := range call.cloud.policies {
		// The default policy has sequence 0 and page tokens begin behind it.
		items = append(items, item{p.sequence + 1, call.policyBody(p)})
	}
	return call.page(items)
}

func getPolicy(call *call) (any, *apiError) {
	p, err := call.policy()
	if err != nil {
		return nil, err
	}
	return call.policyBody(p), nil
}

// putPolicy replaces all of a policy: a field left out is cleared.
func putPolicy(call *call) (any, *apiError) {
	p, err := call.policy()
	if err != nil {
		return nil, err
	}
	body, err := call.decodePolicy()
	if err != nil {
		return nil, err
	}
	p.body = body
	return call.policyBody(p), nil
}

func deletePolicy(call *call) (any, *apiError) {
	p, err := call.policy()
	if err != nil {
		return nil, err
	}
	if p.id == defaultPolicyID {
		return nil, invalid("The network policy %s cannot be deleted.", defaultPolicyID)
	}
	for _, w := range call.cloud.workspaces {
		if w.policyID == p.id {
			return nil, invalidState("Network policy %s cannot be deleted because it is attached to workspace %d.", p.id, w.id)
		}
	}
	delete(call.cloud.policies, p.id)
	return map[string]any{}, nil
}
