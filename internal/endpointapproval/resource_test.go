package endpointapproval

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/databricks/databricks-sdk-go/apierr"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/resourcetest"
)

type attrs = resourcetest.Attrs

func newTerraform(t *testing.T, w *world) *resourcetest.Terraform {
	t.Helper()
	return resourcetest.New(t, func() resource.Resource { return &Resource{connector: w} })
}

func byNCC(more attrs) attrs {
	given := attrs{"endpoint_service_id": serviceID, "network_connectivity_config_id": nccID}
	for name, value := range more {
		given[name] = value
	}
	return given
}

func TestTheRuleAppearsWhileTheApplyWaits(t *testing.T) {
	w := newWorld()
	w.steps = []func(){
		func() {},
		func() { w.addRule("CREATING") },
		func() {},
		func() { w.setRule(w.rules[0], "PENDING") },
	}
	tf := newTerraform(t, w)
	_, ok := tf.Plan(byNCC(nil))
	tf.Expect(ok)
	tf.ExpectSaid("The apply will wait for a private endpoint rule", serviceName, nccID)
	tf.Expect(tf.Apply(t.Context(), byNCC(nil)))
	tf.ExpectState(attrs{
		"id": nccID + "/" + serviceID, "status": "established", "rule_id": ruleID, "private_endpoint_rule_id": ruleID, "vpc_endpoint_id": endpointID,
		"vpc_endpoint_owner": owner, "aws_state": "available", "connection_state": "ESTABLISHED", "endpoint_service_name": serviceName,
	})
	w.expectCalls(t, map[string]int{"Accept": 1, "Reject": 0})

	tf.Expect(tf.Refresh())
	tf.ExpectPlan(byNCC(nil), "none")
	tf.ExpectPlan(byNCC(attrs{"private_endpoint_rule_id": ruleID}), "none")
	tf.ExpectPlan(byNCC(attrs{"private_endpoint_rule_id": "rule-9"}), "replace")
	tf.ExpectPlan(byNCC(attrs{"wait_for_rule": false}), "update")

	tf.Expect(tf.Destroy(t.Context()))
	w.expectCalls(t, map[string]int{"Reject": 1})
	if state := w.connection(endpointID).VpcEndpointState; state != "rejected" {
		t.Errorf("the connection is %s after destroy", state)
	}
}

func TestARefreshIsTwoCalls(t *testing.T) {
	w := newWorld()
	w.addRule("PENDING")
	tf := newTerraform(t, w)
	tf.Expect(tf.Apply(t.Context(), byNCC(nil)))
	w.calls = map[string]int{}
	tf.Expect(tf.Refresh())
	tf.ExpectPlan(byNCC(nil), "none")
	w.expectCalls(t, map[string]int{"GetRule": 1, "DescribeConnections": 1, "ListRules": 0, "GetNCC": 0, "DescribeServices": 0})
}

func TestWithoutWaitingEveryPlanShowsAnUpdateUntilEstablished(t *testing.T) {
	w := newWorld()
	tf := newTerraform(t, w)
	given := byNCC(attrs{"wait_for_rule": false})
	tf.Expect(tf.Apply(t.Context(), given))
	tf.ExpectState(attrs{"status": "waiting_for_rule", "rule_id": "", "vpc_endpoint_id": "", "endpoint_service_name": serviceName})
	tf.ExpectSaid("Waiting for a private endpoint rule", serviceName)

	tf.Expect(tf.Refresh())
	tf.ExpectPlan(given, "update")
	tf.Expect(tf.Apply(t.Context(), given))
	tf.ExpectState(attrs{"status": "waiting_for_rule"})

	w.addRule("PENDING")
	tf.Expect(tf.Refresh())
	tf.ExpectState(attrs{"status": "pending_acceptance", "vpc_endpoint_id": endpointID})
	tf.ExpectPlan(given, "update")
	w.expectCalls(t, map[string]int{"Accept": 0})
	tf.Expect(tf.Apply(t.Context(), given))
	tf.ExpectState(attrs{"status": "established"})
	tf.Expect(tf.Refresh())
	tf.ExpectPlan(given, "none")
	w.expectCalls(t, map[string]int{"Accept": 1})
}

func TestATimeOutBeforeTheAcceptSavesNothing(t *testing.T) {
	w := newWorld()
	tf := newTerraform(t, w)
	if tf.Apply(t.Context(), byNCC(attrs{"timeouts": map[string]string{"create": "50ms"}})) {
		t.Fatal("succeeded without a rule")
	}
	tf.ExpectSaid("could not be accepted in time", "waiting_for_rule", serviceName, "wait_for_rule = false", "Nothing was accepted")
	if !tf.State.IsNull() {
		t.Errorf("state holds %s", tf.State)
	}
	w.expectCalls(t, map[string]int{"Accept": 0})
}

func TestATimeOutAfterTheAcceptIsAWarning(t *testing.T) {
	w := newWorld()
	rule := w.addRule("PENDING")
	w.afterEffect = func(call string, _ int) error {
		if call == "Accept" {
			rule.ConnectionState = "PENDING" // Databricks is slow to notice.
		}
		return nil
	}
	tf := newTerraform(t, w)
	given := byNCC(attrs{"timeouts": map[string]string{"create": "50ms"}})
	tf.Expect(tf.Apply(t.Context(), given))
	tf.ExpectState(attrs{"status": "waiting_for_databricks", "aws_state": "available", "connection_state": "PENDING"})
	tf.ExpectSaid("accepted but not established yet")
	tf.Expect(tf.Refresh())
	tf.ExpectPlan(given, "update")
	rule.ConnectionState = "ESTABLISHED"
	tf.Expect(tf.Apply(t.Context(), given))
	tf.ExpectState(attrs{"status": "established"})
	w.expectCalls(t, map[string]int{"Accept": 1})
}

func TestCancellation(t *testing.T) {
	t.Run("before the accept nothing is done", func(t *testing.T) {
		w := newWorld()
		ctx, cancel := context.WithCancel(t.Context())
		w.steps = []func(){cancel}
		tf := newTerraform(t, w)
		if tf.Apply(ctx, byNCC(nil)) || !tf.State.IsNull() {
			t.Fatalf("state %s, said %s", tf.State, tf.Said())
		}
		w.expectCalls(t, map[string]int{"Accept": 0})
	})
	t.Run("during the accept it is finished, read back and saved", func(t *testing.T) {
		w := newWorld()
		w.addRule("PENDING")
		ctx, cancel := context.WithCancel(t.Context())
		w.fault = func(call string, _ int) error {
			if call == "Accept" {
				cancel()
			}
			return nil
		}
		tf := newTerraform(t, w)
		tf.Expect(tf.Apply(ctx, byNCC(nil)))
		tf.ExpectState(attrs{"status": "established", "vpc_endpoint_id": endpointID})
	})
	t.Run("after the accept the state is kept", func(t *testing.T) {
		w := newWorld()
		rule := w.addRule("PENDING")
		ctx, cancel := context.WithCancel(t.Context())
		w.afterEffect = func(call string, _ int) error {
			if call == "Accept" {
				rule.ConnectionState = "PENDING"
				w.steps = []func(){cancel}
			}
			return nil
		}
		tf := newTerraform(t, w)
		tf.Expect(tf.Apply(ctx, byNCC(nil)))
		tf.ExpectState(attrs{"status": "waiting_for_databricks"})
	})
	t.Run("during the rejection it is finished", func(t *testing.T) {
		w := newWorld()
		w.addRule("PENDING")
		tf := newTerraform(t, w)
		tf.Expect(tf.Apply(t.Context(), byNCC(nil)))
		ctx, cancel := context.WithCancel(t.Context())
		w.fault = func(call string, _ int) error {
			if call == "Reject" {
				cancel()
			}
			return nil
		}
		if tf.Destroy(ctx) {
			t.Fatal("a canceled destroy that did not see the end must be done again")
		}
		w.expectCalls(t, map[string]int{"Reject": 1})
		w.fault = nil
		tf.Expect(tf.Destroy(t.Context()))
		w.expectCalls(t, map[string]int{"Reject": 1})
	})
}

func TestAKilledApplyIsTakenUp(t *testing.T) {
	w := newWorld()
	w.addRule("PENDING")
	w.connection(endpointID).VpcEndpointState = "available"
	w.rules[0].ConnectionState = "ESTABLISHED"
	tf := newTerraform(t, w)
	tf.Expect(tf.Apply(t.Context(), byNCC(nil)))
	tf.ExpectState(attrs{"status": "established"})
	w.expectCalls(t, map[string]int{"Accept": 0})
}

func TestALostAnswerOfTheAccept(t *testing.T) {
	w := newWorld()
	w.addRule("PENDING")
	w.afterEffect = func(call string, _ int) error {
		if call == "Accept" {
			return errors.New("connection reset by peer")
		}
		return nil
	}
	tf := newTerraform(t, w)
	tf.Expect(tf.Apply(t.Context(), byNCC(nil)))
	tf.ExpectState(attrs{"status": "established"})
	w.expectCalls(t, map[string]int{"Accept": 1})
}

func TestSomebodyElseAcceptsInBetween(t *testing.T) {
	w := newWorld()
	w.addRule("PENDING")
	w.fault = func(call string, _ int) error {
		if call == "Accept" {
			w.connection(endpointID).VpcEndpointState = "Available" // as the SDK's constants spell it
			w.rules[0].ConnectionState = "ESTABLISHED"
		}
		return nil
	}
	tf := newTerraform(t, w)
	tf.Expect(tf.Apply(t.Context(), byNCC(nil)))
	tf.ExpectState(attrs{"status": "established"})
}

func TestAnUnsuccessfulAcceptIsAnError(t *testing.T) {
	w := newWorld()
	w.addRule("PENDING")
	w.fault = func(call string, _ int) error {
		if call == "Accept" {
			w.connection(endpointID).VpcEndpointState = "failed"
		}
		return nil
	}
	tf := newTerraform(t, w)
	if tf.Apply(t.Context(), byNCC(nil)) {
		t.Fatal("succeeded")
	}
	tf.ExpectSaid("InvalidState", endpointID)
}

func TestFaultsOfDatabricksAreOutlasted(t *testing.T) {
	w := newWorld()
	w.addRule("PENDING")
	tf := newTerraform(t, w)
	p, ok := tf.Plan(byNCC(nil))
	tf.Expect(ok)
	w.fault = func(call string, n int) error {
		if call == "ListRules" && n <= 4 {
			return &apierr.APIError{StatusCode: []int{500, 502, 504, 429}[n-1], ErrorCode: "INTERNAL_ERROR", Message: "try again"}
		}
		return nil
	}
	w.calls = map[string]int{}
	r := &Resource{connector: w}
	c, _ := r.connector.connect(t.Context(), true)
	seen, err := c.awaitAccepted(t.Context(), target{serviceID: serviceID, nccID: nccID}, []string{owner})
	if err != nil || !seen.status().accepted() {
		t.Fatalf("%v, %s (plan %s)", err, seen.describe(), p.Action)
	}
	w.expectCalls(t, map[string]int{"ListRules": 5, "Accept": 1})
}

func TestAForbiddenCallIsNotRepeated(t *testing.T) {
	w := newWorld()
	w.fault = func(call string, _ int) error {
		if call == "ListRules" {
			return &apierr.APIError{StatusCode: 403, ErrorCode: "PERMISSION_DENIED", Message: "not an account admin"}
		}
		return nil
	}
	tf := newTerraform(t, w)
	if _, ok := tf.Plan(byNCC(nil)); ok {
		t.Fatal("plan succeeded")
	}
	tf.ExpectSaid("PERMISSION_DENIED", "not an account admin")
	w.expectCalls(t, map[string]int{"ListRules": 1})
}

func TestRefusals(t *testing.T) {
	cases := map[string]struct {
		spoil func(*world)
		given attrs
		want  []string
	}{
		"endpoint of another account": {
			spoil: func(w *world) { w.connections[0].VpcEndpointOwner = aws.String("111111111111") },
			want:  []string{"was not accepted", endpointID, `"111111111111"`, owner},
		},
		"rule for another service": {
			spoil: func(w *world) { w.rules[0].EndpointService = "com.amazonaws.vpce.us-east-1.vpce-svc-0bad" },
			given: attrs{"private_endpoint_rule_id": ruleID},
			want:  []string{"was not accepted", ruleID, "vpce-svc-0bad", serviceID},
		},
		"account not on the list given": {
			spoil: func(*world) {},
			given: attrs{"allowed_owner_account_ids": []string{"222222222222"}},
			want:  []string{"was not accepted", owner, "222222222222"},
		},
		"two live rules": {
			spoil: func(w *world) { w.addRule("CREATING") },
			want:  []string{"More than one rule", "rule-1, rule-2", "private_endpoint_rule_id"},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			w.addRule("PENDING")
			c.spoil(w)
			tf := newTerraform(t, w)
			if _, ok := tf.Plan(byNCC(c.given)); ok {
				t.Error("the plan does not refuse")
			}
			tf.ExpectSaid(c.want...)

			// What the plan could not know yet is refused by the apply.
			w = newWorld()
			w.steps = []func(){func() { w.addRule("PENDING"); c.spoil(w) }}
			if c.given["private_endpoint_rule_id"] == nil {
				tf = newTerraform(t, w)
				if tf.Apply(t.Context(), byNCC(c.given)) || !tf.State.IsNull() {
					t.Errorf("the apply does not refuse; state %s", tf.State)
				}
				tf.ExpectSaid(c.want...)
			}
			w.expectCalls(t, map[string]int{"Accept": 0})
		})
	}
}

// The connections of others to the same service are never touched.
func TestOthersConnectionsStay(t *testing.T) {
	w := newWorld()
	w.addConnection("vpce-0bad", "pendingAcceptance")
	w.addRule("PENDING")
	tf := newTerraform(t, w)
	tf.Expect(tf.Apply(t.Context(), byNCC(nil)))
	tf.Expect(tf.Destroy(t.Context()))
	if state := w.connection("vpce-0bad").VpcEndpointState; state != "pendingAcceptance" {
		t.Errorf("a foreign connection became %s", state)
	}
}

func TestBadInput(t *testing.T) {
	cases := map[string]struct {
		given attrs
		spoil func(*world)
		want  []string
	}{
		"service name in place of the id": {given: attrs{"endpoint_service_id": serviceName, "network_connectivity_config_id": nccID}, want: []string{"endpoint_service_id", `Write "vpce-svc-0a1b"`}},
		"arn in place of the id":          {given: attrs{"endpoint_service_id": "arn:aws:ec2:us-east-1:123456789012:vpc-endpoint-service/vpce-svc-0a1b", "network_connectivity_config_id": nccID}, want: []string{`Write "vpce-svc-0a1b"`}},
		"no id at all":                    {given: attrs{"endpoint_service_id": "mine", "network_connectivity_config_id": nccID}, want: []string{"endpoint_service_id", "vpce-svc-0123456789abcdef0"}},
		"service that does not exist":     {given: attrs{"endpoint_service_id": "vpce-svc-0dead", "network_connectivity_config_id": nccID}, want: []string{"endpoint_service_id", "does not exist", "us-east-1"}},
		"NCC of another region":           {given: byNCC(nil), spoil: func(w *world) { w.nccRegion = "eu-west-1" }, want: []string{"network_connectivity_config_id", "another region", "eu-west-1", "us-east-1"}},
		"NCC that does not exist":         {given: attrs{"endpoint_service_id": serviceID, "network_connectivity_config_id": "ncc-9"}, want: []string{"network_connectivity_config_id", "does not exist"}},
		"rule that does not exist":        {given: byNCC(attrs{"private_endpoint_rule_id": "rule-9"}), want: []string{"private_endpoint_rule_id", "no rule rule-9"}},
		"empty account_id":                {given: byNCC(nil), spoil: func(w *world) { w.noDatabricks = true }, want: []string{"No Databricks account id"}},
		"neither NCC nor endpoint":        {given: attrs{"endpoint_service_id": serviceID}, want: []string{"network_connectivity_config_id", "vpc_endpoint_id"}},
		"both NCC and endpoint":           {given: byNCC(attrs{"vpc_endpoint_id": endpointID}), want: []string{"network_connectivity_config_id", "vpc_endpoint_id"}},
		"rule without NCC":                {given: attrs{"endpoint_service_id": serviceID, "vpc_endpoint_id": endpointID, "private_endpoint_rule_id": ruleID}, want: []string{"private_endpoint_rule_id"}},
		"service id as endpoint id":       {given: attrs{"endpoint_service_id": serviceID, "vpc_endpoint_id": serviceID}, want: []string{"vpc_endpoint_id", "vpce-0123456789abcdef0"}},
		"no account id":                   {given: byNCC(attrs{"allowed_owner_account_ids": []string{"me"}}), want: []string{"allowed_owner_account_ids", "12 digits"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			if c.spoil != nil {
				c.spoil(w)
			}
			tf := newTerraform(t, w)
			if _, ok := tf.Plan(c.given); ok {
				t.Fatal("the plan does not refuse")
			}
			tf.ExpectSaid(c.want...)
			w.expectCalls(t, map[string]int{"Accept": 0})
		})
	}
}

func TestUnknownInputPlansCleanly(t *testing.T) {
	w := newWorld()
	tf := newTerraform(t, w)
	for _, given := range []attrs{
		{"endpoint_service_id": tftypes.UnknownValue, "network_connectivity_config_id": nccID},
		{"endpoint_service_id": serviceID, "network_connectivity_config_id": tftypes.UnknownValue},
		{"endpoint_service_id": serviceID, "network_connectivity_config_id": nccID, "private_endpoint_rule_id": tftypes.UnknownValue},
		{"endpoint_service_id": serviceID, "vpc_endpoint_id": tftypes.UnknownValue},
		byNCC(attrs{"allowed_owner_account_ids": tftypes.UnknownValue}),
	} {
		tf.ExpectPlan(given, "create")
		tf.ExpectSilence()
	}
}

func TestByEndpointWithoutDatabricks(t *testing.T) {
	w := newWorld()
	w.noDatabricks = true
	w.steps = []func(){func() { w.addConnection(endpointID, "pendingAcceptance") }}
	tf := newTerraform(t, w)
	given := attrs{"endpoint_service_id": serviceID, "vpc_endpoint_id": endpointID}
	tf.Expect(tf.Apply(t.Context(), given))
	tf.ExpectState(attrs{"id": endpointID + "/" + serviceID, "status": "approved", "aws_state": "available", "connection_state": "", "rule_id": ""})
	tf.Expect(tf.Refresh())
	tf.ExpectPlan(given, "none")
	tf.ExpectPlan(attrs{"endpoint_service_id": serviceID, "vpc_endpoint_id": "vpce-0c12"}, "replace")

	tf.Forget()
	tf.Expect(tf.Import(endpointID + "/" + serviceID))
	tf.ExpectPlan(given, "none")
	tf.Expect(tf.Destroy(t.Context()))
	w.expectCalls(t, map[string]int{"Accept": 1, "Reject": 1, "GetNCC": 0, "ListRules": 0, "GetRule": 0})
}

func TestDeadRules(t *testing.T) {
	kills := map[string]func(w *world){
		"rejected":     func(w *world) { w.rules[0].ConnectionState = "REJECTED" },
		"disconnected": func(w *world) { w.rules[0].ConnectionState = "DISCONNECTED" },
		"expired":      func(w *world) { w.rules[0].ConnectionState = "EXPIRED" },
		"deactivated":  func(w *world) { w.rules[0].Deactivated = true },
		"deleted":      func(w *world) { w.rules = w.rules[1:] },
		"rejected in AWS by hand": func(w *world) {
			w.connections[0].VpcEndpointState = "rejected"
			w.rules[0].Deactivated = true // and its rule deleted, so that a new one can take its place
		},
	}
	for name, kill := range kills {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			w.addRule("PENDING")
			tf := newTerraform(t, w)
			tf.Expect(tf.Apply(t.Context(), byNCC(nil)))

			w.addRule("PENDING")
			kill(w)
			tf.Expect(tf.Refresh())
			tf.ExpectSaid("no longer be")
			tf.ExpectPlan(byNCC(nil), "replace")
			tf.Expect(tf.Apply(t.Context(), byNCC(nil)))
			tf.ExpectState(attrs{"status": "established", "rule_id": "rule-2", "vpc_endpoint_id": "vpce-0c2"})
			if state := w.connection(endpointID).VpcEndpointState; state != "rejected" {
				t.Errorf("the old connection is still %s", state)
			}
		})
	}
}

func TestADeadRuleAloneIsAnErrorThatSaysTheFix(t *testing.T) {
	for _, state := range []string{"CREATE_FAILED", "REJECTED", "EXPIRED"} {
		t.Run(state, func(t *testing.T) {
			w := newWorld()
			w.addRule(state).ErrorMessage = "NOT_FOUND: The provided resource could not be found."
			tf := newTerraform(t, w)
			_, ok := tf.Plan(byNCC(nil))
			tf.Expect(ok)
			tf.ExpectSaid("no longer be used")
			if tf.Apply(t.Context(), byNCC(nil)) || !tf.State.IsNull() {
				t.Fatal("succeeded")
			}
			tf.ExpectSaid(state, ruleID, "NOT_FOUND: The provided resource", "deleted and added again")

			given := byNCC(attrs{"wait_for_rule": false})
			tf.Expect(tf.Apply(t.Context(), given))
			tf.ExpectState(attrs{"status": "rule_unusable"})
			w.rules[0].Deactivated = true
			w.addRule("PENDING")
			tf.Expect(tf.Refresh())
			tf.Expect(tf.Apply(t.Context(), given))
			tf.ExpectState(attrs{"status": "established", "rule_id": "rule-2"})
		})
	}
}

func TestTheServiceIsGone(t *testing.T) {
	w := newWorld()
	w.addRule("PENDING")
	tf := newTerraform(t, w)
	tf.Expect(tf.Apply(t.Context(), byNCC(nil)))
	w.connections = nil
	delete(w.services, serviceID)
	saved := tf.State
	tf.Expect(tf.Destroy(t.Context()))
	tf.State = saved
	tf.Expect(tf.Refresh())
	tf.ExpectSaid("is gone")
	if !tf.State.IsNull() {
		t.Errorf("state still holds %s", tf.State)
	}
	w.expectCalls(t, map[string]int{"Reject": 0})
}

func TestDestroyBeforeTheRuleIsKnown(t *testing.T) {
	w := newWorld()
	tf := newTerraform(t, w)
	tf.Expect(tf.Apply(t.Context(), byNCC(attrs{"wait_for_rule": false})))
	saved := tf.State
	tf.Expect(tf.Destroy(t.Context()))
	w.expectCalls(t, map[string]int{"Reject": 0})

	// A connection that came since would keep the endpoint service from being deleted.
	tf.State = saved
	w.addRule("PENDING")
	tf.Expect(tf.Destroy(t.Context()))
	w.expectCalls(t, map[string]int{"Reject": 1})
}

func TestDestroyNeedsNoDatabricks(t *testing.T) {
	w := newWorld()
	w.addRule("PENDING")
	tf := newTerraform(t, w)
	tf.Expect(tf.Apply(t.Context(), byNCC(nil)))
	w.noDatabricks = true
	tf.Expect(tf.Destroy(t.Context()))
}

func TestDestroyWaitsUntilAWSHasClosedTheConnection(t *testing.T) {
	w := newWorld()
	w.addRule("PENDING")
	tf := newTerraform(t, w)
	given := byNCC(attrs{"timeouts": map[string]string{"delete": "50ms"}})
	tf.Expect(tf.Apply(t.Context(), given))
	w.afterEffect = func(call string, _ int) error {
		if call == "Reject" {
			w.connection(endpointID).VpcEndpointState = "available"
		}
		return nil
	}
	if tf.Destroy(t.Context()) {
		t.Fatal("did not wait")
	}
	tf.ExpectSaid("could not be rejected", "to be closed", "available")
	w.connection(endpointID).VpcEndpointState = "deleted"
	tf.Expect(tf.Destroy(t.Context()))
}

func TestImport(t *testing.T) {
	for _, id := range []string{nccID + "/" + ruleID + "/" + serviceID, nccID + "/" + serviceID} {
		t.Run(id, func(t *testing.T) {
			w := newWorld()
			w.addRule("PENDING")
			tf := newTerraform(t, w)
			tf.Expect(tf.Apply(t.Context(), byNCC(nil)))
			applied := tf.State
			tf.Expect(tf.Import(id))
			if !tf.State.Equal(applied) {
				t.Errorf("imported %s, applied %s", tf.State, applied)
			}
			tf.ExpectPlan(byNCC(nil), "none")
			tf.ExpectPlan(byNCC(attrs{"private_endpoint_rule_id": ruleID}), "none")
		})
	}
	for _, id := range []string{"", "x", serviceID, nccID + "/", nccID + "/" + ruleID, "a/b/c/" + serviceID, "/" + serviceID, nccID + "/" + ruleID + "/" + serviceName} {
		tf := newTerraform(t, newWorld())
		if tf.Import(id) {
			t.Errorf("%q was imported", id)
		}
	}
	w := newWorld()
	tf := newTerraform(t, w)
	tf.Expect(tf.Import(nccID + "/rule-9/" + serviceID))
	if !tf.State.IsNull() {
		t.Errorf("a rule that does not exist was imported as %s", tf.State)
	}
}

func TestAllowedOwnersOfAnAcceptedConnection(t *testing.T) {
	w := newWorld()
	w.addRule("PENDING")
	tf := newTerraform(t, w)
	tf.Expect(tf.Apply(t.Context(), byNCC(nil)))
	tf.ExpectPlan(byNCC(attrs{"allowed_owner_account_ids": []string{owner}}), "update")
	tf.Expect(tf.Apply(t.Context(), byNCC(attrs{"allowed_owner_account_ids": []string{owner}})))
	w.expectCalls(t, map[string]int{"Accept": 1})
	if _, ok := tf.Plan(byNCC(attrs{"allowed_owner_account_ids": []string{"222222222222"}})); ok {
		t.Fatal("the plan does not refuse")
	}
	tf.ExpectSaid("allowed_owner_account_ids", owner, endpointID)
}

func TestEveryAttributeIsDescribed(t *testing.T) {
	for name, attribute := range resourceSchema(t.Context()).Attributes {
		if text := attribute.GetMarkdownDescription(); len(text) < 10 && !strings.EqualFold(name, "timeouts") {
			t.Errorf("%s: %q", name, text)
		}
	}
	if defaultApproveTimeout < 30*time.Minute {
		t.Error("an approval waits for people")
	}
}
