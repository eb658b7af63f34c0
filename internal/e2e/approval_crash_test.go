package e2e_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/acctest"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/databricks"
)

// SIGKILL of Terraform and provider behind each call to AWS and Databricks, from the acceptance of a create and of an
// update on, and from the rejection of a destroy on: the next run ends with the rule's own connection established, or
// closed. That of another NCC to the same service waits for its owner all along.
func TestApprovalKilledAtEveryCall(t *testing.T) {
	cloud := acctest.Sandbox(t).Databricks()
	ncc, err := cloud.SeedNCC(unique("killed"), "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cloud.ForgetNCC(ncc) })
	s := newStage(t, "")
	g := &guillotine{stage: s}
	g.hookAWS(t, "ec2:AcceptVpcEndpointConnections", "ec2:RejectVpcEndpointConnections")
	g.hookDatabricks(t, regexp.MustCompile(ncc+"/private-endpoint-rules"))

	var offered service
	var foreign string // rule of the other NCC
	open := func() {
		offered = offer(t)
		foreign = addedRule(t, offered)
	}
	addOurs := func() {
		rule, err := cloud.CreateRule(ncc, offered.name, modelHost)
		if err != nil {
			t.Fatal(err)
		}
		await(t, "the rule to be PENDING", nil, func() bool { return ruleOf(t, offered, rule).ConnectionState == "PENDING" })
	}
	holds := func(awsState, ruleState string) func() error {
		return func() error {
			want := []string{ruleOf(t, offered, foreign).VPCEndpointID + " pendingacceptance"}
			for _, rule := range rulesTo(t, offered) {
				if rule.ID == foreign {
					continue
				}
				await(t, "the rule to be "+ruleState, nil, func() bool { return strings.Contains(ruleState, ruleOf(t, offered, rule.ID).ConnectionState) })
				want = append(want, rule.VPCEndpointID+" "+awsState)
			}
			if got := connections(t, offered); !slices.Equal(slices.Sorted(slices.Values(got)), slices.Sorted(slices.Values(want))) {
				return fmt.Errorf("the connections are %v, want %v", got, want)
			}
			return nil
		}
	}
	// closed also ends the scene: without the rules nothing keeps the endpoint service.
	closed := func() error {
		if err := holds("rejected", "REJECTED DISCONNECTED")(); err != nil {
			return err
		}
		for _, rule := range rulesTo(t, offered) {
			cloud.ForgetRule(rule.ID)
		}
		await(t, "the connections to be closed", nil, func() bool { return len(live(connections(t, offered))) == 0 })
		return withdraw(t, offered)
	}
	g.everyCall(t, func() []act {
		return []act{
			{command: apply, holds: holds("available", "ESTABLISHED"), prepare: func() {
				open()
				addOurs()
				s.configure(t, approvalConfig(ncc, quoted(offered.id)))
			}},
			{command: destroy, holds: closed},
			{command: apply, holds: holds("available", "ESTABLISHED"), prepare: func() {
				open()
				s.configure(t, approvalConfig(ncc, quoted(offered.id), "wait_for_rule = false"))
				s.apply(t)
				addOurs()
				s.configure(t, approvalConfig(ncc, quoted(offered.id)))
			}},
			{command: destroy, holds: closed},
		}
	})
}

// ruleOf is a rule that leads to an endpoint service.
func ruleOf(t *testing.T, s service, id string) databricks.RuleState {
	t.Helper()
	rules := rulesTo(t, s)
	i := slices.IndexFunc(rules, func(r databricks.RuleState) bool { return r.ID == id })
	if i < 0 {
		t.Fatalf("there is no rule %s", id)
	}
	return rules[i]
}
