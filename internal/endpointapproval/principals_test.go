package endpointapproval

import (
	"testing"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/endpointapproval/approvaltest"
)

const otherRole = "arn:aws:iam::111122223333:role/other"

// A service that does not let Databricks in is a warning at plan, and an error at apply before anything is waited for.
func TestAllowedPrincipals(t *testing.T) {
	const (
		notLetIn  = "does not let Databricks connect"
		notByName = "does not name Databricks' role"
		civilian  = "arn:aws-us-gov:iam::347038500609:role/private-connectivity-role-us-gov-west-1"
		dod       = "arn:aws-us-gov:iam::347034940029:role/private-connectivity-role-us-gov-west-1"
		another   = "arn:aws:iam::222233334444:role/private-connectivity-role-us-east-1"
	)
	cases := map[string]struct {
		allowed []string
		owners  []string
		gov     bool
		warns   string   // "" for no warning
		refused bool     // at apply
		says    []string // with the warning and the refusal
	}{
		"the role":                       {allowed: []string{role}},
		"the role on a later page":       {allowed: []string{otherRole, "arn:aws:iam::111122223333:user/a", role}},
		"nobody":                         {warns: notLetIn, refused: true, says: []string{serviceID + " allows nobody", role, "allowed_principals", "depends_on"}},
		"somebody else":                  {allowed: []string{otherRole}, warns: notLetIn, refused: true, says: []string{"only " + otherRole, role}},
		"the role of another region":     {allowed: []string{"arn:aws:iam::565502421330:role/private-connectivity-role-us-west-2"}, warns: notLetIn, refused: true, says: []string{role}},
		"the role in other letters":      {allowed: []string{"arn:aws:iam::565502421330:role/Private-Connectivity-Role-us-east-1"}, warns: notLetIn, refused: true, says: []string{role}},
		"all of another account":         {allowed: []string{"arn:aws:iam::111122223333:root"}, warns: notLetIn, refused: true},
		"everybody":                      {allowed: []string{"*"}, warns: notByName, says: []string{"by * alone", role}},
		"all of Databricks' account":     {allowed: []string{"arn:aws:iam::565502421330:root"}, warns: notByName, says: []string{"arn:aws:iam::565502421330:root", role}},
		"everybody and the role":         {allowed: []string{"*", role}},
		"GovCloud, civilian":             {gov: true, allowed: []string{civilian}},
		"GovCloud, DoD":                  {gov: true, allowed: []string{dod}},
		"GovCloud, the commercial role":  {gov: true, allowed: []string{role}, warns: notLetIn, refused: true, says: []string{civilian, dod, "one of"}},
		"GovCloud, all of one account":   {gov: true, allowed: []string{"arn:aws-us-gov:iam::347034940029:root"}, warns: notByName, says: []string{civilian, dod}},
		"an account of one's own":        {owners: []string{"222233334444"}, allowed: []string{another}},
		"an account of one's own is not": {owners: []string{"222233334444"}, allowed: []string{role}, warns: notLetIn, refused: true, says: []string{another, "allowed_owner_account_ids"}},
		"one of two accounts":            {owners: []string{"222233334444", owner}, allowed: []string{role}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			if c.gov {
				w.Region, w.NCCRegion, w.Partition = "us-gov-west-1", "us-gov-west-1", "aws-us-gov"
			}
			w.Services[serviceID].Principals = c.allowed
			given := byNCC(attrs{"wait_for_rule": false})
			if c.owners != nil {
				given["allowed_owner_account_ids"] = c.owners
			}
			tf := newTerraform(t, w)
			p, ok := tf.Plan(given)
			tf.Expect(ok)
			if c.warns == "" {
				tf.ExpectSilence()
			} else {
				tf.ExpectSaid(append(c.says, c.warns, "endpoint_service_id")...)
			}
			start := w.Clock.Now()
			w.ForgetCalls()
			ok = tf.ApplyPlan(t.Context(), p)
			if ok == c.refused {
				t.Fatalf("the apply: %t, said %s", ok, tf.Said())
			}
			if c.warns != "" {
				tf.ExpectSaid(append(c.says, c.warns, "endpoint_service_id")...)
			}
			if c.refused {
				if waited := w.Clock.Now().Sub(start); waited.Minutes() > 1 {
					t.Errorf("waited %s before the refusal", waited)
				}
				w.expectCalls(t, map[string]int{"ListRules": 1, "Accept": 0})
			}
		})
	}
}

// What the same apply adds may show late; a principal that never shows costs no more than some looks.
func TestAPrincipalThatShowsLate(t *testing.T) {
	for looks := 1; looks <= principalLooks; looks++ {
		w := newWorld()
		w.Services[serviceID].Principals = nil
		for range looks - 2 {
			w.Steps = append(w.Steps, func() {})
		}
		if looks > 1 {
			w.Steps = append(w.Steps, func() { w.Services[serviceID].Principals = []string{role} })
		} else {
			w.Services[serviceID].Principals = []string{role}
		}
		tf := newTerraform(t, w)
		p, ok := tf.Plan(byNCC(attrs{"wait_for_rule": false}))
		tf.Expect(ok)
		w.ForgetCalls()
		tf.Expect(tf.ApplyPlan(t.Context(), p))
		w.expectCalls(t, map[string]int{"DescribePermissions": looks})
	}
}

// Who may connect is asked only while Databricks has an endpoint to make.
func TestPrincipalsAreLookedAtOnlyBeforeThereIsAnEndpoint(t *testing.T) {
	t.Run("with a connection", func(t *testing.T) {
		w := newWorld()
		w.Services[serviceID].Principals = nil
		w.AddRule("PENDING")
		tf := newTerraform(t, w)
		tf.Expect(tf.Apply(t.Context(), byNCC(nil)))
		tf.ExpectState(attrs{"status": "established"})
		tf.Expect(tf.Refresh())
		w.expectCalls(t, map[string]int{"DescribePermissions": 0})
	})
	t.Run("with an endpoint that AWS does not show yet", func(t *testing.T) {
		w := newWorld()
		w.AddRule("PENDING")
		w.Connections = nil
		w.Steps = []func(){func() { w.Connect(endpointID, "pendingAcceptance") }}
		tf := newTerraform(t, w)
		tf.Expect(tf.Apply(t.Context(), byNCC(nil)))
		w.expectCalls(t, map[string]int{"DescribePermissions": 0, "Accept": 1})
	})
	t.Run("with a given endpoint", func(t *testing.T) {
		w := newWorld()
		w.Services[serviceID].Principals = nil
		w.Steps = []func(){func() { w.Connect(endpointID, "pendingAcceptance") }}
		tf := newTerraform(t, w)
		tf.Expect(tf.Apply(t.Context(), attrs{"endpoint_service_id": serviceID, "vpc_endpoint_id": endpointID}))
		w.expectCalls(t, map[string]int{"DescribePermissions": 0, "Accept": 1})
	})
}

// A rule that has failed for want of the principal says both: add it, and have the rule added anew.
func TestAFailedRuleAndNoPrincipal(t *testing.T) {
	w := newWorld()
	w.Services[serviceID].Principals = nil
	w.AddRule("CREATE_FAILED").ErrorMessage = "NOT_FOUND: no such service"
	tf := newTerraform(t, w)
	_, ok := tf.Plan(byNCC(nil))
	tf.Expect(ok)
	tf.ExpectSaid("does not let Databricks connect", "CREATE_FAILED", "NOT_FOUND: no such service")
	tf.Refuse(tf.Apply(t.Context(), byNCC(nil)), "does not let Databricks connect", role, "NOT_FOUND: no such service", "deleted and added again")

	// The one is put right, and then the other.
	w.Services[serviceID].Principals = []string{role}
	tf.Refuse(tf.Apply(t.Context(), byNCC(nil)), "The private endpoint rule can no longer be used", role, "deleted and added again")
	w.Rules[0].Deactivated = true
	w.AddRule("PENDING")
	tf.Expect(tf.Apply(t.Context(), byNCC(nil)))
	tf.ExpectState(attrs{"status": "established", "rule_id": "rule-2"})
}

// Who may not read the principals is told so, and goes on.
func TestPrincipalsThatMayNotBeRead(t *testing.T) {
	w := newWorld()
	w.Before = failing("DescribePermissions", approvaltest.AWSError("DescribeVpcEndpointServicePermissions", "UnauthorizedOperation"), 99)
	w.Steps = []func(){func() { w.AddRule("PENDING") }}
	tf := newTerraform(t, w)
	_, ok := tf.Plan(byNCC(nil))
	tf.Expect(ok)
	tf.ExpectSaid("WARNING", "ec2:DescribeVpcEndpointServicePermissions", role)
	w.ForgetCalls()
	tf.Expect(tf.Apply(t.Context(), byNCC(nil)))
	tf.ExpectSaid("WARNING", "ec2:DescribeVpcEndpointServicePermissions", role)
	tf.ExpectState(attrs{"status": "established"})

	w = newWorld()
	w.Before = failing("DescribePermissions", approvaltest.AWSError("DescribeVpcEndpointServicePermissions", "InternalError"), 99)
	tf = newTerraform(t, w)
	_, ok = tf.Plan(byNCC(nil))
	tf.Refuse(ok, "ERROR", "Cannot read the allowed principals", "InternalError")
}
