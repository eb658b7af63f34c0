package endpointapproval

import (
	"testing"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/endpointapproval/approvaltest"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/resourcetest"
)

// Whoever lacks a right is told which, wherever it is first needed, and nothing has changed.
func TestDeniedCalls(t *testing.T) {
	denied := func(operation string) error { return approvaltest.AWSError(operation, "UnauthorizedOperation") }
	forbidden := func(path string) error {
		return approvaltest.DatabricksError(403, "PERMISSION_DENIED", "not allowed", "network-connectivity-configs/"+path)
	}
	const rules = nccID + "/private-endpoint-rules"
	plan := func(given attrs) func(*testing.T, *world, *resourcetest.Terraform) bool {
		return func(_ *testing.T, _ *world, tf *resourcetest.Terraform) bool { _, ok := tf.Plan(given); return ok }
	}
	// applied is an apply of something that the plan could not look at.
	applied := func(t *testing.T, _ *world, tf *resourcetest.Terraform) bool {
		return tf.Apply(t.Context(), byNCC(nil))
	}
	refreshed := func(_ *testing.T, _ *world, tf *resourcetest.Terraform) bool { return tf.Refresh() }
	destroyed := func(t *testing.T, _ *world, tf *resourcetest.Terraform) bool { return tf.Destroy(t.Context()) }
	cases := map[string]struct {
		call     string
		err      error
		approved bool // beforehand
		do       func(*testing.T, *world, *resourcetest.Terraform) bool
		says     []string
	}{
		"the service at plan":       {call: "DescribeServices", err: denied("DescribeVpcEndpointServiceConfigurations"), do: plan(byNCC(nil)), says: []string{"endpoint_service_id", "ec2:DescribeVpcEndpointServiceConfigurations"}},
		"the NCC at plan":           {call: "GetNCC", err: forbidden(nccID), do: plan(byNCC(nil)), says: []string{"network_connectivity_config_id", "GET /api/2.0/accounts/acc-1/network-connectivity-configs/ncc-1", "account admin"}},
		"the rules at plan":         {call: "ListRules", err: forbidden(rules), do: plan(byNCC(nil)), says: []string{"GET /api/2.0/accounts/acc-1/network-connectivity-configs/ncc-1/private-endpoint-rules", "account admin"}},
		"the rule at plan":          {call: "GetRule", err: forbidden(rules + "/" + ruleID), do: plan(byNCC(attrs{"private_endpoint_rule_id": ruleID})), says: []string{"private-endpoint-rules/rule-1", "account admin"}},
		"the connections at plan":   {call: "DescribeConnections", err: denied("DescribeVpcEndpointConnections"), do: plan(byNCC(nil)), says: []string{"ec2:DescribeVpcEndpointConnections"}},
		"the acceptance":            {call: "Accept", err: denied("AcceptVpcEndpointConnections"), do: applied, says: []string{"could not be accepted", "ec2:AcceptVpcEndpointConnections", serviceID}},
		"the rule at refresh":       {call: "GetRule", err: forbidden(rules + "/" + ruleID), approved: true, do: refreshed, says: []string{"private-endpoint-rules/rule-1", "account admin"}},
		"the connection at refresh": {call: "DescribeConnections", err: denied("DescribeVpcEndpointConnections"), approved: true, do: refreshed, says: []string{"ec2:DescribeVpcEndpointConnections"}},
		"the connection at destroy": {call: "DescribeConnections", err: denied("DescribeVpcEndpointConnections"), approved: true, do: destroyed, says: []string{"ec2:DescribeVpcEndpointConnections", "Destroy again"}},
		"the rejection":             {call: "Reject", err: denied("RejectVpcEndpointConnections"), approved: true, do: destroyed, says: []string{"could not be rejected", "ec2:RejectVpcEndpointConnections", endpointID}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w, untouched := withDecoys()
			tf := newTerraform(t, w)
			want := "pendingAcceptance"
			if c.approved {
				tf, want = w.approved(t), "available"
			} else {
				w.AddRule("PENDING")
			}
			state := tf.State
			w.Before = failing(c.call, c.err, 99)
			tf.Refuse(c.do(t, w, tf), c.says...)
			if !tf.State.Equal(state) {
				t.Errorf("the state became %s", tf.State)
			}
			if got := string(w.Connection(endpointID).VpcEndpointState); got != want {
				t.Errorf("the connection became %s", got)
			}
			untouched(t)

			// With the right it goes on.
			w.Before = nil
			if c.approved {
				tf.Expect(tf.Destroy(t.Context()))
			} else {
				tf.Expect(tf.Apply(t.Context(), byNCC(nil)))
			}
		})
	}
}

// A right that is lost between plan and apply is missed by the apply, in the same words.
func TestRightsLostAfterThePlan(t *testing.T) {
	forbidden := func(path string) error {
		return approvaltest.DatabricksError(403, "PERMISSION_DENIED", "not allowed", "network-connectivity-configs/"+path)
	}
	denied := func(operation string) error { return approvaltest.AWSError(operation, "UnauthorizedOperation") }
	for call, c := range map[string]struct {
		err  error
		says string
	}{
		"DescribeServices":    {denied("DescribeVpcEndpointServiceConfigurations"), "ec2:DescribeVpcEndpointServiceConfigurations"},
		"DescribeConnections": {denied("DescribeVpcEndpointConnections"), "ec2:DescribeVpcEndpointConnections"},
		"GetNCC":              {forbidden(nccID), "GET /api/2.0/accounts/acc-1/network-connectivity-configs/ncc-1"},
		"ListRules":           {forbidden(nccID + "/private-endpoint-rules"), "ncc-1/private-endpoint-rules"},
	} {
		t.Run(call, func(t *testing.T) {
			w := newWorld()
			w.AddRule("PENDING")
			tf := newTerraform(t, w)
			p, ok := tf.Plan(byNCC(nil))
			tf.Expect(ok)
			w.Before = failing(call, c.err, 99)
			tf.Refuse(tf.ApplyPlan(t.Context(), p), c.says)
			w.expectCalls(t, map[string]int{"Accept": 0})
		})
	}
}
