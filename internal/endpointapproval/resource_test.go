package endpointapproval

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/endpointapproval/approvaltest"
)

func TestTheRuleAppearsWhileTheApplyWaits(t *testing.T) {
	w := newWorld()
	w.Steps = []func(){
		func() {},
		func() { w.AddRule("CREATING") },
		func() {},
		func() { w.SetRule(w.Rules[0], "PENDING") },
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
	if state := w.Connection(endpointID).VpcEndpointState; state != "rejected" {
		t.Errorf("the connection is %s after destroy", state)
	}
}

func TestARefreshIsTwoCalls(t *testing.T) {
	w := newWorld()
	w.AddRule("PENDING")
	tf := newTerraform(t, w)
	tf.Expect(tf.Apply(t.Context(), byNCC(nil)))
	w.Calls = map[string]int{}
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

	w.AddRule("PENDING")
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
	rule := w.AddRule("PENDING")
	w.After = func(call string, _ int) error {
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
		w.Steps = []func(){cancel}
		tf := newTerraform(t, w)
		if tf.Apply(ctx, byNCC(nil)) || !tf.State.IsNull() {
			t.Fatalf("state %s, said %s", tf.State, tf.Said())
		}
		w.expectCalls(t, map[string]int{"Accept": 0})
	})
	t.Run("during the accept it is finished, read back and saved", func(t *testing.T) {
		w := newWorld()
		w.AddRule("PENDING")
		ctx, cancel := context.WithCancel(t.Context())
		w.Before = func(call string, _ int) error {
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
		rule := w.AddRule("PENDING")
		ctx, cancel := context.WithCancel(t.Context())
		w.After = func(call string, _ int) error {
			if call == "Accept" {
				rule.ConnectionState = "PENDING"
				w.Steps = []func(){cancel}
			}
			return nil
		}
		tf := newTerraform(t, w)
		tf.Expect(tf.Apply(ctx, byNCC(nil)))
		tf.ExpectState(attrs{"status": "waiting_for_databricks"})
	})
	t.Run("during the rejection it is finished", func(t *testing.T) {
		w := newWorld()
		w.AddRule("PENDING")
		tf := newTerraform(t, w)
		tf.Expect(tf.Apply(t.Context(), byNCC(nil)))
		ctx, cancel := context.WithCancel(t.Context())
		w.Before = func(call string, _ int) error {
			if call == "Reject" {
				cancel()
			}
			return nil
		}
		if tf.Destroy(ctx) {
			t.Fatal("a canceled destroy that did not see the end must be done again")
		}
		w.expectCalls(t, map[string]int{"Reject": 1})
		w.Before = nil
		tf.Expect(tf.Destroy(t.Context()))
		w.expectCalls(t, map[string]int{"Reject": 1})
	})
}

func TestAKilledApplyIsTakenUp(t *testing.T) {
	w := newWorld()
	w.AddRule("PENDING")
	w.Connection(endpointID).VpcEndpointState = "available"
	w.Rules[0].ConnectionState = "ESTABLISHED"
	tf := newTerraform(t, w)
	tf.Expect(tf.Apply(t.Context(), byNCC(nil)))
	tf.ExpectState(attrs{"status": "established"})
	w.expectCalls(t, map[string]int{"Accept": 0})
}

func TestALostAnswerOfTheAccept(t *testing.T) {
	w := newWorld()
	w.AddRule("PENDING")
	w.After = func(call string, _ int) error {
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
	w.AddRule("PENDING")
	w.Before = func(call string, _ int) error {
		if call == "Accept" {
			w.Connection(endpointID).VpcEndpointState = "Available" // as the SDK's constants spell it
			w.Rules[0].ConnectionState = "ESTABLISHED"
		}
		return nil
	}
	tf := newTerraform(t, w)
	tf.Expect(tf.Apply(t.Context(), byNCC(nil)))
	tf.ExpectState(attrs{"status": "established"})
}

func TestAnUnsuccessfulAcceptIsAnError(t *testing.T) {
	w := newWorld()
	w.AddRule("PENDING")
	w.Before = func(call string, _ int) error {
		if call == "Accept" {
			w.Connection(endpointID).VpcEndpointState = "failed"
		}
		return nil
	}
	tf := newTerraform(t, w)
	if tf.Apply(t.Context(), byNCC(nil)) {
		t.Fatal("succeeded")
	}
	tf.ExpectSaid("AWS did not accept the connection", "InvalidState", endpointID, "Apply again", "VPC console")
}

// In GovCloud the endpoint belongs to another account of Databricks, that of the civilian shard or of the DoD.
func TestGovCloud(t *testing.T) {
	for _, account := range []string{"347038500609", "347034940029"} {
		w := newWorld()
		w.Region, w.NCCRegion, w.Partition = "us-gov-west-1", "us-gov-west-1", "aws-us-gov"
		w.Services[serviceID].Principals = []string{"arn:aws-us-gov:iam::" + account + ":role/private-connectivity-role-us-gov-west-1"}
		w.Steps = []func(){func() { w.AddRule("PENDING"); w.Connections[0].VpcEndpointOwner = aws.String(account) }}
		tf := newTerraform(t, w)
		tf.Expect(tf.Apply(t.Context(), byNCC(nil)))
		tf.ExpectState(attrs{"status": "established", "vpc_endpoint_owner": account, "endpoint_service_name": "com.amazonaws.vpce.us-gov-west-1." + serviceID})
		tf.Expect(tf.Destroy(t.Context()))
	}
	w := newWorld()
	w.Region, w.NCCRegion, w.Partition = "us-gov-west-1", "us-gov-west-1", "aws-us-gov"
	w.AddRule("PENDING") // of Databricks' commercial account
	tf := newTerraform(t, w)
	tf.Refuse(tf.Apply(t.Context(), byNCC(nil)), "was not accepted", owner, "347038500609, 347034940029")
}

// A refresh outlasts what passes.
func TestFaultsOfDatabricksAtRefresh(t *testing.T) {
	w := newWorld()
	tf := w.approved(t)
	w.ForgetCalls()
	w.Before = failing("GetRule", approvaltest.DatabricksError(502, "BAD_GATEWAY", "try again", "network-connectivity-configs"), 2)
	tf.Expect(tf.Refresh())
	tf.ExpectState(attrs{"status": "established"})
	w.expectCalls(t, map[string]int{"GetRule": 3, "DescribeConnections": 1})
}

func TestFaultsOfDatabricksAreOutlasted(t *testing.T) {
	troubles := []int{500, 502, 504, 429}
	trouble := func(n int) error {
		return approvaltest.DatabricksError(troubles[n-1], "INTERNAL_ERROR", "try again", "network-connectivity-configs")
	}
	t.Run("at the first look", func(t *testing.T) {
		w := newWorld()
		w.AddRule("PENDING")
		tf := newTerraform(t, w)
		p, ok := tf.Plan(byNCC(nil))
		tf.Expect(ok)
		w.ForgetCalls()
		w.Before = func(call string, n int) error {
			if call == "ListRules" && n <= len(troubles) {
				return trouble(n)
			}
			return nil
		}
		tf.Expect(tf.ApplyPlan(t.Context(), p))
		tf.ExpectState(attrs{"status": "established"})
		w.expectCalls(t, map[string]int{"ListRules": 5, "Accept": 1})
	})
	t.Run("while waiting", func(t *testing.T) {
		w := newWorld()
		w.Delays.Endpoint = time.Minute
		w.AddRule("CREATING")
		tf := newTerraform(t, w)
		failed := 0
		w.Before = func(call string, n int) error {
			if call == "ListRules" && n > 2 && failed < len(troubles) {
				failed++
				return trouble(failed)
			}
			return nil
		}
		tf.Expect(tf.Apply(t.Context(), byNCC(nil)))
		tf.ExpectState(attrs{"status": "established"})
		w.expectCalls(t, map[string]int{"Accept": 1})
		if failed != len(troubles) {
			t.Errorf("%d calls failed, want %d", failed, len(troubles))
		}
	})
}

func TestAForbiddenCallIsNotRepeated(t *testing.T) {
	w := newWorld()
	w.Before = func(call string, _ int) error {
		if call == "ListRules" {
			return approvaltest.DatabricksError(403, "PERMISSION_DENIED", "not an account admin", "network-connectivity-configs")
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
			spoil: func(w *world) { w.Connections[0].VpcEndpointOwner = aws.String("111111111111") },
			want:  []string{"was not accepted", endpointID, `"111111111111"`, owner},
		},
		"rule for another service": {
			spoil: func(w *world) { w.Rules[0].EndpointService = "com.amazonaws.vpce.us-east-1.vpce-svc-0bad" },
			given: attrs{"private_endpoint_rule_id": ruleID},
			want:  []string{"was not accepted", ruleID, "vpce-svc-0bad", serviceID},
		},
		"account not on the list given": {
			spoil: func(w *world) { w.Services[serviceID].Principals = []string{"*"} },
			given: attrs{"allowed_owner_account_ids": []string{"222222222222"}},
			want:  []string{"was not accepted", owner, "222222222222"},
		},
		"two live rules": {
			spoil: func(w *world) { w.AddRule("CREATING") },
			want:  []string{"More than one rule", "rule-1, rule-2", "private_endpoint_rule_id"},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			w.AddRule("PENDING")
			c.spoil(w)
			tf := newTerraform(t, w)
			if _, ok := tf.Plan(byNCC(c.given)); ok {
				t.Error("the plan does not refuse")
			}
			tf.ExpectSaid(c.want...)

			// What the plan could not know yet is refused by the apply.
			w = newWorld()
			w.Services[serviceID].Principals = []string{"*"}
			w.Steps = []func(){func() { w.AddRule("PENDING"); c.spoil(w) }}
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
	w.Connect("vpce-0bad", "pendingAcceptance")
	w.AddRule("PENDING")
	tf := newTerraform(t, w)
	tf.Expect(tf.Apply(t.Context(), byNCC(nil)))
	tf.Expect(tf.Destroy(t.Context()))
	if state := w.Connection("vpce-0bad").VpcEndpointState; state != "pendingAcceptance" {
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
		"id in capitals":                  {given: attrs{"endpoint_service_id": "VPCE-SVC-0A1B", "network_connectivity_config_id": nccID}, want: []string{"endpoint_service_id", `Write "vpce-svc-0a1b".`}},
		"endpoint in capitals":            {given: attrs{"endpoint_service_id": serviceID, "vpc_endpoint_id": "VPCE-0C11"}, want: []string{"vpc_endpoint_id", "lower case"}},
		"endpoint in place of a service":  {given: attrs{"endpoint_service_id": endpointID, "network_connectivity_config_id": nccID}, want: []string{"endpoint_service_id", "vpce-svc-0123456789abcdef0"}},
		"composed id of a rule":           {given: byNCC(attrs{"private_endpoint_rule_id": nccID + "/" + ruleID}), want: []string{"private_endpoint_rule_id", "not its `id`"}},
		"composed id of an NCC":           {given: attrs{"endpoint_service_id": serviceID, "network_connectivity_config_id": "acc-1/" + nccID}, want: []string{"network_connectivity_config_id", "without slash"}},
		"unknown partition":               {given: byNCC(nil), spoil: func(w *world) { w.Partition = "aws-cn" }, want: []string{"accounts are not known", `"aws-cn"`, "allowed_owner_account_ids"}},
		"no id at all":                    {given: attrs{"endpoint_service_id": "mine", "network_connectivity_config_id": nccID}, want: []string{"endpoint_service_id", "vpce-svc-0123456789abcdef0"}},
		"service that does not exist":     {given: attrs{"endpoint_service_id": "vpce-svc-0dead", "network_connectivity_config_id": nccID}, want: []string{"endpoint_service_id", "does not exist", "us-east-1"}},
		"NCC of another region":           {given: byNCC(nil), spoil: func(w *world) { w.NCCRegion = "eu-west-1" }, want: []string{"network_connectivity_config_id", "another region", "eu-west-1", "us-east-1"}},
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
	w.Steps = []func(){func() { w.Connect(endpointID, "pendingAcceptance") }}
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
		"rejected":     func(w *world) { w.Rules[0].ConnectionState = "REJECTED" },
		"disconnected": func(w *world) { w.Rules[0].ConnectionState = "DISCONNECTED" },
		"expired":      func(w *world) { w.Rules[0].ConnectionState = "EXPIRED" },
		"deactivated":  func(w *world) { w.Rules[0].Deactivated = true },
		"deleted":      func(w *world) { w.Rules = w.Rules[1:] },
		"rejected in AWS by hand": func(w *world) {
			w.Connections[0].VpcEndpointState = "rejected"
			w.Rules[0].Deactivated = true // and its rule deleted, so that a new one can take its place
		},
	}
	for name, kill := range kills {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			w.AddRule("PENDING")
			tf := newTerraform(t, w)
			tf.Expect(tf.Apply(t.Context(), byNCC(nil)))

			w.AddRule("PENDING")
			kill(w)
			tf.Expect(tf.Refresh())
			tf.ExpectSaid("no longer be")
			tf.ExpectPlan(byNCC(nil), "replace")
			tf.Expect(tf.Apply(t.Context(), byNCC(nil)))
			tf.ExpectState(attrs{"status": "established", "rule_id": "rule-2", "vpc_endpoint_id": "vpce-0c2"})
			if state := w.Connection(endpointID).VpcEndpointState; state != "rejected" {
				t.Errorf("the old connection is still %s", state)
			}
		})
	}
}

func TestADeadRuleAloneIsAnErrorThatSaysTheFix(t *testing.T) {
	for _, state := range []string{"CREATE_FAILED", "REJECTED", "EXPIRED"} {
		t.Run(state, func(t *testing.T) {
			w := newWorld()
			w.AddRule(state).ErrorMessage = "NOT_FOUND: The provided resource could not be found."
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
			w.Rules[0].Deactivated = true
			w.AddRule("PENDING")
			tf.Expect(tf.Refresh())
			tf.Expect(tf.Apply(t.Context(), given))
			tf.ExpectState(attrs{"status": "established", "rule_id": "rule-2"})
		})
	}
}

func TestTheServiceIsGone(t *testing.T) {
	w := newWorld()
	w.AddRule("PENDING")
	tf := newTerraform(t, w)
	tf.Expect(tf.Apply(t.Context(), byNCC(nil)))
	w.Connections = nil
	delete(w.Services, serviceID)
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
	w.AddRule("PENDING")
	tf.Expect(tf.Destroy(t.Context()))
	w.expectCalls(t, map[string]int{"Reject": 1})
}

func TestDestroyNeedsNoDatabricks(t *testing.T) {
	w := newWorld()
	w.AddRule("PENDING")
	tf := newTerraform(t, w)
	tf.Expect(tf.Apply(t.Context(), byNCC(nil)))
	w.noDatabricks = true
	tf.Expect(tf.Destroy(t.Context()))
}

func TestDestroyWaitsUntilAWSHasClosedTheConnection(t *testing.T) {
	w := newWorld()
	w.AddRule("PENDING")
	tf := newTerraform(t, w)
	given := byNCC(attrs{"timeouts": map[string]string{"delete": "50ms"}})
	tf.Expect(tf.Apply(t.Context(), given))
	w.After = func(call string, _ int) error {
		if call == "Reject" {
			w.Connection(endpointID).VpcEndpointState = "available"
		}
		return nil
	}
	if tf.Destroy(t.Context()) {
		t.Fatal("did not wait")
	}
	tf.ExpectSaid("could not be rejected", "to be closed", "available")
	w.expectCalls(t, map[string]int{"Reject": 1})
	w.Connection(endpointID).VpcEndpointState = "deleted"
	tf.Expect(tf.Destroy(t.Context()))
}

func TestImport(t *testing.T) {
	for _, id := range []string{nccID + "/" + ruleID + "/" + serviceID, nccID + "/" + serviceID} {
		t.Run(id, func(t *testing.T) {
			w := newWorld()
			w.AddRule("PENDING")
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
	w.AddRule("PENDING")
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
