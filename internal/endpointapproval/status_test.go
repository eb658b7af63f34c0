package endpointapproval

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/databricks/databricks-sdk-go/service/settings"
)

func TestStatus(t *testing.T) {
	const none = "-"
	cases := []struct {
		rule, aws string
		want      status
	}{
		{none, none, waitingForRule},
		{"CREATING", none, waitingForEndpoint},
		{"PENDING", none, waitingForEndpoint},
		{"PENDING", "pendingAcceptance", pendingAcceptance},
		{"PENDING", "PendingAcceptance", pendingAcceptance},
		{"PENDING", "pending", waitingForAWS},
		{"PENDING", "available", waitingForDatabricks},
		{"PENDING", "Available", waitingForDatabricks},
		{"ESTABLISHED", "available", established},
		{"ESTABLISHED", "pending", waitingForAWS},
		{"ESTABLISHED", none, waitingForEndpoint},
		{"SOMETHING_NEW", "available", waitingForDatabricks},
		{"PENDING", "somethingNew", waitingForAWS},
		{"ESTABLISHED", "rejected", connectionUnusable},
		{"ESTABLISHED", "deleting", connectionUnusable},
		{"ESTABLISHED", "Expired", connectionUnusable},
		{"CREATE_FAILED", none, ruleUnusable},
		{"REJECTED", "rejected", ruleUnusable},
		{"DISCONNECTED", "available", ruleUnusable},
		{"EXPIRED", "pendingAcceptance", ruleUnusable},
	}
	for _, c := range cases {
		seen := Observation{target: Target{ServiceID: serviceID, NCCID: nccID}, asksDatabricks: true}
		if c.rule != none {
			seen.rule = &settings.NccPrivateEndpointRule{RuleId: ruleID, ConnectionState: settings.NccPrivateEndpointRulePrivateLinkConnectionState(c.rule)}
			if c.rule != "CREATING" && c.rule != "CREATE_FAILED" {
				seen.rule.VpcEndpointId = endpointID
			}
		}
		if c.aws != none {
			seen.connection = &types.VpcEndpointConnection{VpcEndpointId: aws.String(endpointID), VpcEndpointState: types.State(c.aws)}
		}
		if got := seen.status(); got != c.want {
			t.Errorf("rule %s, AWS %s: %s, want %s", c.rule, c.aws, got, c.want)
		}
		if s := c.want; s.dead() && (s.accepted() || s.settled()) || s.settled() && !s.accepted() {
			t.Errorf("%s is of two kinds", s)
		}
	}
}

func TestChooseRule(t *testing.T) {
	rule := func(id, state string, created int64) settings.NccPrivateEndpointRule {
		return settings.NccPrivateEndpointRule{RuleId: id, EndpointService: serviceName, CreationTime: created,
			ConnectionState: settings.NccPrivateEndpointRulePrivateLinkConnectionState(state)}
	}
	other := rule("other", "ESTABLISHED", 9)
	other.EndpointService = "com.amazonaws.vpce.us-east-1.vpce-svc-10a1b"
	gone := rule("gone", "ESTABLISHED", 9)
	gone.Deactivated = true
	cases := map[string]struct {
		rules []settings.NccPrivateEndpointRule
		want  string
		fails bool
	}{
		"none":                                {},
		"of another service":                  {rules: []settings.NccPrivateEndpointRule{other}},
		"deleted":                             {rules: []settings.NccPrivateEndpointRule{gone}},
		"the live one":                        {rules: []settings.NccPrivateEndpointRule{rule("dead", "EXPIRED", 5), rule("live", "CREATING", 1), rule("dead2", "REJECTED", 7)}, want: "live"},
		"the youngest of the dead":            {rules: []settings.NccPrivateEndpointRule{rule("old", "EXPIRED", 1), rule("young", "REJECTED", 7), rule("older", "EXPIRED", 0)}, want: "young"},
		"two live ones":                       {rules: []settings.NccPrivateEndpointRule{rule("a", "PENDING", 1), rule("b", "CREATING", 2)}, fails: true},
		"a live one beside others' and gone ": {rules: []settings.NccPrivateEndpointRule{other, gone, rule("live", "PENDING", 1)}, want: "live"},
	}
	for name, c := range cases {
		chosen, err := chooseRule(Target{ServiceID: serviceID, NCCID: nccID}, c.rules)
		got := ""
		if chosen != nil {
			got = chosen.RuleId
		}
		if got != c.want || (err != nil) != c.fails {
			t.Errorf("%s: %q, %v; want %q, an error: %v", name, got, err, c.want, c.fails)
		}
	}
}
