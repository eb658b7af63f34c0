package functions

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// document is an IAM policy document.
type document struct{ Statement []policyStatement }

// policyStatement is one statement. Absent elements are nil.
type policyStatement struct {
	Effect      string
	Action      texts
	NotAction   texts
	Resource    texts
	NotResource texts
	Principal   principals
	// Condition is operator → key → values.
	Condition map[string]map[string]texts
}

// texts is IAM's "a string or a list of strings"; booleans and numbers count as their text.
type texts []string

// UnmarshalJSON reads a value or a list of values.
func (t *texts) UnmarshalJSON(data []byte) error {
	var one any
	if err := json.Unmarshal(data, &one); err != nil {
		return err
	}
	list, ok := one.([]any)
	if !ok {
		list = []any{one}
	}
	*t = texts{}
	for _, v := range list {
		switch v := v.(type) {
		case string:
			*t = append(*t, v)
		case bool:
			*t = append(*t, strconv.FormatBool(v))
		case float64:
			*t = append(*t, strconv.FormatFloat(v, 'f', -1, 64))
		default:
			return fmt.Errorf("a policy's value must be text, not %s", data)
		}
	}
	return nil
}

// principals is a Principal element: "*" or type → names.
type principals map[string]texts

// UnmarshalJSON reads "*" or an object.
func (p *principals) UnmarshalJSON(data []byte) error {
	if string(data) == `"*"` {
		*p = principals{"*": {"*"}}
		return nil
	}
	return json.Unmarshal(data, (*map[string]texts)(p))
}

// decodeDocument reads a document whose Statement is one or a list.
func decodeDocument(data []byte) (document, error) {
	var raw struct{ Statement json.RawMessage }
	if err := json.Unmarshal(data, &raw); err != nil {
		return document{}, fmt.Errorf("it is not a policy document: %w", err)
	}
	var d document
	if strings.HasPrefix(strings.TrimSpace(string(raw.Statement)), "{") {
		d.Statement = make([]policyStatement, 1)
		return d, json.Unmarshal(raw.Statement, &d.Statement[0])
	}
	if len(raw.Statement) == 0 {
		return d, nil
	}
	return d, json.Unmarshal(raw.Statement, &d.Statement)
}

// access is one question: may this action be done to this resource?
type access struct {
	action   string
	resource string // ARN, or "*" for actions without resources
	// keys are the condition keys in lower case, with their values. A key without values
	// is one that is present and empty; an absent one does not exist.
	keys map[string][]string
}

// decision is the outcome of an evaluation.
type decision int

const (
	implicitlyDenied decision = iota
	explicitlyDenied
	explicitlyDeniedByBoundary
	boundaryDenied
	allowed
)

// allows is IAM's evaluation within one account: an explicit Deny anywhere wins, then
// policies and boundary must both allow.
func (r *role) allows(a access) decision {
	inPolicies := judgeAll(r.policies, a)
	if inPolicies == explicitlyDenied || r.boundary == nil {
		return inPolicies
	}
	switch inBoundary := judgeAll([]document{*r.boundary}, a); {
	case inBoundary == explicitlyDenied:
		return explicitlyDeniedByBoundary
	case inPolicies == allowed && inBoundary != allowed:
		return boundaryDenied
	}
	return inPolicies
}

func judgeAll(documents []document, a access) decision {
	out := implicitlyDenied
	for _, d := range documents {
		for _, st := range d.Statement {
			switch {
			case !st.covers(a):
			case st.Effect == "Deny":
				return explicitlyDenied
			case st.Effect == "Allow":
				out = allowed
			}
		}
	}
	return out
}

// trusts reports whether the trust policy lets a service assume the role.
func (r *role) trusts(service string) bool {
	trusted := false
	for _, st := range r.trust.Statement {
		names := slices.Concat(st.Principal["Service"], st.Principal["*"])
		if !slices.Contains(names, service) && !slices.Contains(names, "*") {
			continue
		}
		if !matchesAny(st.Action, "sts:AssumeRole", true) {
			continue
		}
		if st.Effect == "Deny" {
			return false
		}
		trusted = trusted || st.Effect == "Allow"
	}
	return trusted
}

func (st policyStatement) covers(a access) bool {
	switch {
	case st.Action != nil && !matchesAny(st.Action, a.action, true):
		return false
	case st.Action == nil && (st.NotAction == nil || matchesAny(st.NotAction, a.action, true)):
		return false
	case st.Resource != nil && !st.coversResource(a, st.Resource):
		return false
	case st.Resource == nil && (st.NotResource == nil || st.coversResource(a, st.NotResource)):
		return false
	}
	for operator, keys := range st.Condition {
		for key, values := range keys {
			holds, known := condition(operator, strings.ToLower(key), values, a.keys)
			if !known {
				// What is not understood must not let anything through: it voids an Allow and
				// does not void a Deny.
				if st.Effect != "Deny" {
					return false
				}
				continue
			}
			if !holds {
				return false
			}
		}
	}
	return true
}

func (st policyStatement) coversResource(a access, patterns texts) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		pattern, ok := substituteVariables(p, a.keys)
		return ok && wildcard(pattern, a.resource, false)
	})
}

// substituteVariables replaces ${key} by the key's only value; false when it has none.
func substituteVariables(pattern string, keys map[string][]string) (string, bool) {
	for {
		before, rest, found := strings.Cut(pattern, "${")
		if !found {
			return pattern, true
		}
		name, after, found := strings.Cut(rest, "}")
		values := keys[strings.ToLower(name)]
		if !found || len(values) != 1 {
			return "", false
		}
		pattern = before + values[0] + after
	}
}

func matchesAny(patterns []string, value string, fold bool) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return wildcard(p, value, fold) })
}

// wildcard matches "*" (any text) and "?" (any character).
func wildcard(pattern, value string, fold bool) bool {
	if fold {
		pattern, value = strings.ToLower(pattern), strings.ToLower(value)
	}
	p, v := 0, 0
	star, mark := -1, 0
	for v < len(value) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, v
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == value[v]):
			p++
			v++
		case star >= 0:
			p = star + 1
			mark++
			v = mark
		default:
			return false
		}
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
}

// arnLike matches the six parts of an ARN one by one, each with wildcards.
func arnLike(pattern, arn string) bool {
	want, got := strings.SplitN(pattern, ":", 6), strings.SplitN(arn, ":", 6)
	if len(want) != 6 || len(got) != 6 {
		return false
	}
	for i := range want {
		if !wildcard(want[i], got[i], false) {
			return false
		}
	}
	return true
}

// operators compare one value of the request with one of the policy.
var operators = map[string]func(policy, request string) bool{
	"stringequals":           func(p, r string) bool { return p == r },
	"stringequalsignorecase": strings.EqualFold,
	"stringlike":             func(p, r string) bool { return wildcard(p, r, false) },
	"arnequals":              arnLike,
	"arnlike":                arnLike,
	"bool":                   strings.EqualFold,
	"ipaddress":              inNetwork,
}

// negations are the operators that hold when none of the policy's values fits.
var negations = map[string]string{
	"stringnotequals": "stringequals", "stringnotequalsignorecase": "stringequalsignorecase", "stringnotlike": "stringlike",
	"arnnotequals": "arnequals", "arnnotlike": "arnlike", "notipaddress": "ipaddress",
}

func inNetwork(network, address string) bool {
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return false
	}
	if prefix, err := netip.ParsePrefix(network); err == nil {
		return prefix.Contains(ip)
	}
	single, err := netip.ParseAddr(network)
	return err == nil && single == ip
}

// condition evaluates one key of one operator. known is false for an operator that is
// not implemented.
func condition(operator, key string, policy []string, keys map[string][]string) (holds, known bool) {
	name := strings.ToLower(operator)
	quantifier := ""
	if before, after, found := strings.Cut(name, ":"); found {
		quantifier, name = before, after
	}
	name, ifExists := strings.CutSuffix(name, "ifexists")
	request, present := keys[key]
	if name == "null" {
		return len(policy) == 1 && strings.EqualFold(policy[0], strconv.FormatBool(!present)), true
	}
	negated := false
	if positive, ok := negations[name]; ok {
		name, negated = positive, true
	}
	match, ok := operators[name]
	if !ok {
		return false, false
	}
	fits := func(value string) bool {
		for _, p := range policy {
			pattern, ok := substituteVariables(p, keys)
			if ok && match(pattern, value) {
				return !negated
			}
		}
		return negated
	}
	if !present {
		// "…a negated operator returns true if the key is not present"; ForAllValues too.
		return ifExists || negated && quantifier != "foranyvalue" || quantifier == "forallvalues", true
	}
	switch quantifier {
	case "forallvalues":
		return !slices.ContainsFunc(request, func(v string) bool { return !fits(v) }), true
	case "foranyvalue":
		return slices.ContainsFunc(request, fits), true
	case "":
		return len(request) == 1 && fits(request[0]), true
	}
	return false, false
}
