package workspacenetwork

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/databricks/databricks-sdk-go/apierr"
	"github.com/databricks/databricks-sdk-go/common"
)

// denied is a refusal of a right, with the request as the SDK keeps it.
func denied(call string) error {
	return &apierr.APIError{
		StatusCode: http.StatusForbidden, ErrorCode: "PERMISSION_DENIED", Message: "not an account admin",
		ResponseWrapper: &common.ResponseWrapper{Response: &http.Response{Request: &http.Request{Method: http.MethodPost, URL: &url.URL{Path: "/" + call}}}},
	}
}

// The right to one call of each operation is missing, and what is said names the call, and the role that has it.
func TestDeniedAtEachCall(t *testing.T) {
	withRule := given(attrs{"private_endpoint_rule_ids": []string{ruleID}, "restore_network_connectivity_config_id": otherNCC})
	for operation, c := range map[string]struct {
		calls []string
		// run is the operation; at the apply nothing is denied of what the plan asks.
		run func(t *testing.T, w *world, deny func()) (said func(...string), ok bool)
	}{
		"plan": {
			calls: []string{getWorkspace, getPolicyOf, getNCC, listCall, listRules},
			run: func(t *testing.T, w *world, deny func()) (func(...string), bool) {
				tf := newTerraform(t, w)
				deny()
				_, ok := tf.Plan(withRule)
				return tf.ExpectSaid, ok
			},
		},
		"create": {
			calls: []string{getWorkspace, getPolicyOf, listRules, attachCall, bindCall},
			run: func(t *testing.T, w *world, deny func()) (func(...string), bool) {
				tf := newTerraform(t, w)
				p, ok := tf.Plan(withRule)
				tf.Expect(ok)
				deny()
				ok = tf.ApplyPlan(t.Context(), p)
				if !tf.State.IsNull() {
					t.Errorf("state holds %s", tf.State)
				}
				w.expectNetwork(t, theirNCC, theirPolicy)
				return tf.ExpectSaid, ok
			},
		},
		"update": {
			calls: []string{getWorkspace, getPolicyOf, listRules, attachCall, bindCall},
			run: func(t *testing.T, w *world, deny func()) (func(...string), bool) {
				tf := newTerraform(t, w)
				tf.Expect(tf.Apply(t.Context(), given(nil)))
				for i := range w.rules {
					w.rules[i].NetworkConnectivityConfigId = otherNCC
				}
				p, ok := tf.Plan(given(attrs{"private_endpoint_rule_ids": []string{ruleID}, "network_connectivity_config_id": otherNCC, "network_policy_id": otherPolicy}))
				tf.Expect(ok)
				deny()
				return tf.ExpectSaid, tf.ApplyPlan(t.Context(), p)
			},
		},
		"refresh": {
			calls: []string{getWorkspace, getPolicyOf},
			run: func(t *testing.T, w *world, deny func()) (func(...string), bool) {
				tf := newTerraform(t, w)
				tf.Expect(tf.Apply(t.Context(), given(nil)))
				deny()
				return tf.ExpectSaid, tf.Refresh()
			},
		},
		"plan of a destroy": {
			calls: []string{getWorkspace, getPolicyOf, getNCC, listCall, getPolicy},
			run: func(t *testing.T, w *world, deny func()) (func(...string), bool) {
				tf := newTerraform(t, w)
				tf.Expect(tf.Apply(t.Context(), given(nil)))
				deny()
				ok := tf.PlanDestroy()
				w.expectNetwork(t, ourNCC, ourPolicy)
				return tf.ExpectSaid, ok
			},
		},
		"destroy": {
			calls: []string{getWorkspace, getPolicyOf, getNCC, getPolicy, bindCall, attachCall},
			run: func(t *testing.T, w *world, deny func()) (func(...string), bool) {
				tf := newTerraform(t, w)
				tf.Expect(tf.Apply(t.Context(), given(nil)))
				deny()
				ok := tf.DestroyUnplanned(t.Context())
				if tf.State.IsNull() {
					t.Error("the state is lost")
				}
				return tf.ExpectSaid, ok
			},
		},
	} {
		for _, call := range c.calls {
			t.Run(operation+"/"+call, func(t *testing.T) {
				w := newWorld()
				w.addRule(ruleID, "ESTABLISHED")
				said, ok := c.run(t, w, func() {
					w.fault = func(made string, _ int) error {
						if made == call {
							return denied(call)
						}
						return nil
					}
				})
				if ok {
					t.Error("succeeded")
				}
				said("POST /"+call, "not an account admin", "account admin role")
			})
		}
	}
}
