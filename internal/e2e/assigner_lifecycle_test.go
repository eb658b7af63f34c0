package e2e_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	astypes "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/acctest"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/assigner"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/eiptag"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/fault"
)

// calls are the AWS calls that were answered well, but for the first ones.
func calls(t *testing.T, after int) []fault.Entry {
	t.Helper()
	return slices.DeleteFunc(acctest.Sandbox(t).AWSCloud().Faults.Log()[after:], func(e fault.Entry) bool { return e.Status >= 400 })
}

// A destroy empties the group while the function serves it, has every address given back, and
// only then takes the assigner apart, the hooks first and the role last.
func TestAssignerDestroyOrder(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 3)
	s := assignerStage(t, f, f.config(3, 3))
	s.apply(t)
	var associations []string
	for _, association := range f.holders(t) {
		associations = append(associations, association)
	}
	before := len(acctest.Sandbox(t).AWSCloud().Faults.Log())
	function := f.functionName(t)
	s.do(t, arguments(destroy)...)
	s.gone(t)

	var resized, hooks, rules, functionGone, roleGone []int
	var released int
	for at, e := range calls(t, before) {
		ours := e.Caller == s.key
		switch {
		case ours && e.Operation == "autoscaling:UpdateAutoScalingGroup":
			resized = append(resized, at)
		case ours && e.Operation == "autoscaling:DeleteLifecycleHook":
			hooks = append(hooks, at)
		case ours && (e.Operation == "events:RemoveTargets" || e.Operation == "events:DeleteRule"):
			rules = append(rules, at)
		case ours && e.Operation == "lambda:DELETE /2015-03-31/functions/"+function:
			functionGone = append(functionGone, at)
		case ours && e.Operation == "iam:DeleteRole":
			roleGone = append(roleGone, at)
		case strings.HasPrefix(e.Caller, "ASIA") && e.Operation == "ec2:DisassociateAddress" && len(hooks) == 0:
			released++
		}
	}
	for _, stage := range []struct {
		what string
		at   []int
		n    int
	}{{"resize", resized, 1}, {"hooks deleted", hooks, 2}, {"rules deleted", rules, 6}, {"function deleted", functionGone, 1}, {"role deleted", roleGone, 1}} {
		if len(stage.at) != stage.n {
			t.Errorf("%s: %d calls, want %d", stage.what, len(stage.at), stage.n)
		}
	}
	if order := slices.Concat(resized, hooks, rules, functionGone, roleGone); !slices.IsSorted(order) {
		t.Errorf("resize %v, hooks %v, rules %v, function %v, role %v: not in this order", resized, hooks, rules, functionGone, roleGone)
	}
	// Other tests' functions give back theirs at the same time.
	if released < len(associations) {
		t.Errorf("%d addresses were given back before the hooks went, want %d", released, len(associations))
	}
	for _, a := range poolMembers(t, f.name) {
		if reason := tagOf(a, eiptag.LastReason); !strings.Contains(reason, "leaves the group") {
			t.Errorf("%s has the last reason %q", *a.AllocationId, reason)
		}
	}
}

// A group that somebody deleted does not block a destroy, and its successor of the same name gets
// an assigner of its own.
func TestAssignerGroupReplaced(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 2)
	s := assignerStage(t, f, f.config(2, 2))
	s.apply(t)
	before := f.functionName(t)

	f.deleteGroup(t)
	f.makeGroup(t)
	s.configure(t, f.config(2, 2))
	if actions, drifted := s.plannedParts(t); !slices.Equal(actions, []string{"delete", "create"}) {
		t.Errorf("a new group plans %v, drifted %v", actions, drifted)
	}
	s.apply(t)
	s.intact(t)
	if after := f.functionName(t); after == before {
		t.Error("the new group has the old group's function")
	}

	f.deleteGroup(t)
	if actions, _ := s.plannedParts(t); !slices.Equal(actions, []string{"update"}) {
		t.Errorf("without its group the plan is %v", actions)
	}
	s.do(t, arguments(destroy)...)
	f.wantGone(t)
}

// wantGone asserts that nothing of the assigner is left and nothing of the pool in use, whether or not
// the group exists.
func (f *fleet) wantGone(t *testing.T) {
	t.Helper()
	if left := f.parts(t); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
	if held := f.holders(t); len(held) > 0 {
		t.Errorf("in use: %v", held)
	}
}

// Two links in one account, of the same name: what happens to one does not reach the other.
func TestAssignerTwoLinks(t *testing.T) {
	t.Parallel()
	name := unique("link")
	left, right := newFleet(t, 2), newFleet(t, 2)
	left.assigner, right.assigner = name, name
	one, other := assignerStage(t, left, left.config(1, 2)), assignerStage(t, right, right.config(1, 2))
	one.apply(t)
	other.apply(t)
	parts := func() []string { return left.parts(t) } // by the name that both have
	// Both lists have both links' parts but one group's hooks.
	if got, want := len(parts()), 2*(wholeAssigner-2)+2; got != want {
		t.Fatalf("%d parts, want %d: %v", got, want, parts())
	}

	held, instances := right.holders(t), right.instances(t)
	stop := right.watch(t)
	left.scale(t, 2)
	left.awaitServing(t, 2)
	ended := left.instances(t)[0]
	must(compute(t).TerminateInstances(t.Context(), &ec2.TerminateInstancesInput{InstanceIds: []string{ended}}))(t)
	await(t, "the ended instance to be replaced", nil, func() bool { return !slices.Contains(left.instances(t), ended) && left.notServing(t, 2) == nil })
	one.do(t, arguments(destroy)...)
	stop()

	if got := right.parts(t); len(got) != wholeAssigner {
		t.Errorf("the other link has %d parts, want %d: %v", len(got), wholeAssigner, got)
	}
	if now := right.holders(t); fmt.Sprint(now) != fmt.Sprint(held) || !slices.Equal(right.instances(t), instances) {
		t.Errorf("the other link has the associations %v and the instances %v, and had %v and %v", now, right.instances(t), held, instances)
	}
	if in := left.holders(t); len(in) > 0 {
		t.Errorf("of the destroyed link's pool these are in use: %v", in)
	}
	if actions, drifted := other.plannedParts(t); actions != nil {
		t.Errorf("for the other link planned %v, drifted %v", actions, drifted)
	}
	right.scale(t, 2)
	right.awaitServing(t, 2)
	other.do(t, arguments(destroy)...)
	other.gone(t)
}

// Those on call ask the function itself.
func TestAssignerAnswers(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 3)
	s := assignerStage(t, f, f.config(2, 3))
	s.apply(t)
	report := func() assigner.Report {
		answer, failed := f.invoke(t, `{"report":true}`)
		var r assigner.Report
		if err := json.Unmarshal([]byte(answer), &r); err != nil || failed {
			t.Fatalf("%s: %v", answer, err)
		}
		return r
	}
	reconcile := func() assigner.Reconciliation {
		answer, failed := f.invoke(t, `{"reconcile":true}`)
		var r assigner.Reconciliation
		if err := json.Unmarshal([]byte(answer), &r); err != nil || failed {
			t.Fatalf("%s: %v", answer, err)
		}
		return r
	}
	states := func(r assigner.Report) map[string]int {
		counts := map[string]int{}
		for _, a := range r.Addresses {
			counts[a.State]++
		}
		return counts
	}
	r := report()
	if got := states(r); r.Pool != f.name || r.Group != f.name || !r.Found || got["in_use"] != 2 || got["free"] != 1 || len(r.Without) != 0 {
		t.Errorf("the report is %+v", r)
	}
	for _, a := range r.Addresses {
		if a.State == "in_use" && (a.InstanceID == "" || a.LifecycleState != "InService" || a.Since == nil) {
			t.Errorf("the report says %+v", a)
		}
	}
	if done := reconcile(); len(done.Results) != 0 {
		t.Errorf("with nothing to do it did %+v", done)
	}

	// A launch that was given up is found by its reason.
	given := f.abandonOne(t)
	f.awaitServing(t, 3)
	if r := report(); len(r.Abandoned) != 1 || r.Abandoned[0].InstanceID != given || !strings.Contains(r.Abandoned[0].Reason, "a foreign address is never swapped") {
		t.Errorf("after an abandoned launch: %+v", r)
	}
	f.scale(t, 2)
	f.awaitServing(t, 2)

	// Another hand takes an address away.
	f.setRule(t, "schedule", false)
	var victim string
	for _, a := range poolMembers(t, f.name) {
		if a.AssociationId != nil {
			victim = *a.InstanceId
			must(compute(t).DisassociateAddress(t.Context(), &ec2.DisassociateAddressInput{AssociationId: a.AssociationId}))(t)
			break
		}
	}
	if r := report(); len(r.Without) != 1 || r.Without[0].InstanceID != victim || states(r)["free"] != 2 {
		t.Errorf("without an address: %+v", r)
	}
	if done := reconcile(); len(done.Results) != 1 || done.Results[0].InstanceID != victim || done.Results[0].Outcome != assigner.OutcomeRepaired {
		t.Errorf("reconciled: %+v", done)
	}
	f.wantServing(t, 2)
	if r := report(); len(r.Without) != 0 {
		t.Errorf("after the repair: %+v", r)
	}
	answer, failed := f.invoke(t, `{"detail-type":"EC2 Instance-launch Lifecycle Action","source":"aws.autoscaling","detail":{"AutoScalingGroupName":"another"}}`)
	if failed || !strings.Contains(answer, assigner.OutcomeIgnored) {
		t.Errorf("an event of another group: %s", answer)
	}
	f.setRule(t, "schedule", true)
	s.do(t, arguments(destroy)...)
	s.gone(t)
}

// Ten launches at once on ten addresses: each gets one, and none takes another's. It runs alone:
// ten are half of what the account may have.
func TestAssignerTenLaunchesAtOnce(t *testing.T) {
	const n = 10
	f := newFleet(t, n)
	before := acctest.Sandbox(t).AWSCloud().AddressCounts()
	s := assignerStage(t, f, f.config(n, n))
	stop := f.watch(t)
	s.apply(t)
	stop()
	f.wantServing(t, n)
	after := acctest.Sandbox(t).AWSCloud().AddressCounts()
	if steals, swaps := after.Steals-before.Steals, after.Swaps-before.Swaps; steals != 0 || swaps != 0 {
		t.Errorf("%d addresses were stolen and %d swapped", steals, swaps)
	}
	s.do(t, arguments(destroy)...)
	s.gone(t)
}

// An instance refresh that may not exceed the capacity replaces every instance, and each address
// has its one instance all along.
func TestAssignerInstanceRefresh(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 3)
	s := assignerStage(t, f, f.config(3, 3))
	s.apply(t)
	before := f.instances(t)
	stop := f.watch(t)
	id := must(f.scaling.StartInstanceRefresh(t.Context(), &autoscaling.StartInstanceRefreshInput{
		AutoScalingGroupName: &f.name,
		Preferences:          &astypes.RefreshPreferences{MinHealthyPercentage: aws.Int32(60), MaxHealthyPercentage: aws.Int32(100), InstanceWarmup: aws.Int32(0)},
	}))(t).InstanceRefreshId
	await(t, "the refresh to end", nil, func() bool {
		out := must(f.scaling.DescribeInstanceRefreshes(t.Context(), &autoscaling.DescribeInstanceRefreshesInput{AutoScalingGroupName: &f.name, InstanceRefreshIds: []string{*id}}))(t)
		return out.InstanceRefreshes[0].Status == astypes.InstanceRefreshStatusSuccessful
	})
	f.awaitServing(t, 3)
	stop()
	for _, id := range f.instances(t) {
		if slices.Contains(before, id) {
			t.Errorf("instance %s was not replaced", id)
		}
	}
	if held := f.holders(t); len(held) != 3 {
		t.Errorf("addresses in use: %v", held)
	}
	if actions, drifted := s.plannedParts(t); actions != nil {
		t.Errorf("planned %v, drifted %v", actions, drifted)
	}
	s.do(t, arguments(destroy)...)
	s.gone(t)
}
