package endpointapproval

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/endpointapproval/approvaltest"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/resourcetest"
)

const decoy = "vpce-0bad"

// situation is what both clouds say at one moment, and what is made of it at each: "" of the rule is
// none and of AWS no connection. Nothing changes by itself after it.
type situation struct {
	rule, aws string
	// plan is what the plan of a creation says, "" for nothing.
	plan string
	// create is the status that a creation ends with, or else, with a colon, its error.
	create string
	// refresh is the status that an approval which was established has next, and next what is planned then.
	refresh, next string
	// destroy is "rejects", "nothing" or "waits".
	destroy string
}

const (
	ruleDead       = "The private endpoint rule can no longer be used"
	connectionDead = "The connection can no longer be established"
	waitsForRule   = "The apply will wait for a private endpoint rule"
	noneInTime     = ": could not be accepted in time"
	deleted        = "deleted" // a rule that is listed as deactivated
)

var situations = []situation{
	{rule: "", plan: waitsForRule, create: noneInTime, refresh: "rule_unusable", next: "replace", destroy: "nothing"},
	{rule: "", aws: "available", plan: waitsForRule, create: noneInTime, refresh: "rule_unusable", next: "replace", destroy: "rejects"},
	{rule: deleted, aws: "available", plan: waitsForRule, create: noneInTime, refresh: "rule_unusable", next: "replace", destroy: "rejects"},
	{rule: "CREATING", create: noneInTime, refresh: "waiting_for_endpoint", next: "update", destroy: "nothing"},
	{rule: "PENDING", create: noneInTime, refresh: "waiting_for_endpoint", next: "update", destroy: "nothing"},
	{rule: "PENDING", aws: "pendingAcceptance", create: "established", refresh: "pending_acceptance", next: "update", destroy: "rejects"},
	{rule: "PENDING", aws: "PendingAcceptance", create: "established", refresh: "pending_acceptance", next: "update", destroy: "rejects"},
	{rule: "PENDING", aws: "pending", create: "waiting_for_aws", refresh: "waiting_for_aws", next: "update", destroy: "waits"},
	{rule: "PENDING", aws: "available", create: "waiting_for_databricks", refresh: "waiting_for_databricks", next: "update", destroy: "rejects"},
	{rule: "PENDING", aws: "Available", create: "waiting_for_databricks", refresh: "waiting_for_databricks", next: "update", destroy: "rejects"},
	{rule: "PENDING", aws: "partial", create: "waiting_for_aws", refresh: "waiting_for_aws", next: "update", destroy: "rejects"},
	{rule: "PENDING", aws: "somethingNew", create: "waiting_for_aws", refresh: "waiting_for_aws", next: "update", destroy: "rejects"},
	{rule: "PENDING", aws: "rejected", plan: connectionDead, create: ": " + connectionDead, refresh: "connection_unusable", next: "replace", destroy: "nothing"},
	{rule: "PENDING", aws: "failed", plan: connectionDead, create: ": " + connectionDead, refresh: "connection_unusable", next: "replace", destroy: "nothing"},
	{rule: "PENDING", aws: "expired", plan: connectionDead, create: ": " + connectionDead, refresh: "connection_unusable", next: "replace", destroy: "nothing"},
	{rule: "PENDING", aws: "deleting", plan: connectionDead, create: ": " + connectionDead, refresh: "connection_unusable", next: "replace", destroy: "waits"},
	{rule: "PENDING", aws: "deleted", plan: connectionDead, create: ": " + connectionDead, refresh: "connection_unusable", next: "replace", destroy: "nothing"},
	{rule: "ESTABLISHED", aws: "available", create: "established", refresh: "established", next: "none", destroy: "rejects"},
	{rule: "ESTABLISHED", aws: "pending", create: "waiting_for_aws", refresh: "waiting_for_aws", next: "update", destroy: "waits"},
	{rule: "ESTABLISHED", create: noneInTime, refresh: "waiting_for_endpoint", next: "update", destroy: "nothing"},
	{rule: "ESTABLISHED", aws: "rejected", plan: connectionDead, create: ": " + connectionDead, refresh: "connection_unusable", next: "replace", destroy: "nothing"},
	{rule: "CREATE_FAILED", plan: ruleDead, create: ": " + ruleDead, refresh: "rule_unusable", next: "replace", destroy: "nothing"},
	{rule: "REJECTED", aws: "rejected", plan: ruleDead, create: ": " + ruleDead, refresh: "rule_unusable", next: "replace", destroy: "nothing"},
	{rule: "DISCONNECTED", aws: "available", plan: ruleDead, create: ": " + ruleDead, refresh: "rule_unusable", next: "replace", destroy: "rejects"},
	{rule: "DISCONNECTED", plan: ruleDead, create: ": " + ruleDead, refresh: "rule_unusable", next: "replace", destroy: "nothing"},
	{rule: "EXPIRED", aws: "pendingAcceptance", plan: ruleDead, create: ": " + ruleDead, refresh: "rule_unusable", next: "replace", destroy: "rejects"},
	{rule: "SOMETHING_NEW", aws: "available", create: "waiting_for_databricks", refresh: "waiting_for_databricks", next: "update", destroy: "rejects"},
	{rule: "SOMETHING_NEW", aws: "pendingAcceptance", create: "established", refresh: "pending_acceptance", next: "update", destroy: "rejects"},
}

// comeAbout makes the clouds say what the situation is, whatever they said before.
func (s situation) comeAbout(w *world) {
	if len(w.Rules) == 0 && s.rule != "" {
		w.AddRule("CREATING")
	}
	w.Disconnect(endpointID)
	switch s.rule {
	case "":
		w.Rules = nil
	case deleted:
		w.Rules[0].Deactivated, w.Rules[0].VpcEndpointId = true, endpointID
	case "CREATING", "CREATE_FAILED":
		w.SetRule(w.Rules[0], s.rule)
		w.Rules[0].VpcEndpointId = ""
	default:
		w.SetRule(w.Rules[0], s.rule)
		w.Rules[0].VpcEndpointId = endpointID
		w.Disconnect(endpointID)
	}
	if s.aws != "" {
		w.Connect(endpointID, s.aws)
	}
}

// forAWhile ends what is done in the world's time after ten minutes.
func (w *world) forAWhile(t *testing.T) context.Context {
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	w.In(10*time.Minute, cancel)
	return ctx
}

// withDecoys is a world with connections of others to the same service, in several states.
func withDecoys() (w *world, untouched func(t *testing.T)) {
	w = newWorld()
	want := map[string]string{decoy: "pendingAcceptance", "vpce-0bad1": "available", "vpce-0bad2": "pendingAcceptance"}
	for _, id := range []string{decoy, "vpce-0bad1", "vpce-0bad2"} {
		w.Connect(id, want[id])
	}
	w.Connection("vpce-0bad2").VpcEndpointOwner = aws.String("111111111111")
	return w, func(t *testing.T) {
		t.Helper()
		for id, state := range want {
			if c := w.Connection(id); c == nil || c.VpcEndpointState != types.State(state) {
				t.Errorf("a foreign connection, %s, became %+v", id, c)
			}
		}
		if slices.ContainsFunc(slices.Concat(w.Accepted, w.Rejected), func(id string) bool { return strings.HasPrefix(id, decoy) }) {
			t.Errorf("accepted %v, rejected %v", w.Accepted, w.Rejected)
		}
	}
}

func TestEverySituationAtEveryMoment(t *testing.T) {
	for _, s := range situations {
		t.Run(s.rule+" "+s.aws, func(t *testing.T) {
			t.Run("at plan", s.atPlan)
			t.Run("at create", s.atCreate)
			t.Run("while waiting", s.whileWaiting)
			t.Run("at refresh", s.atRefresh)
			t.Run("at destroy", s.atDestroy)
		})
	}
}

func (s situation) atPlan(t *testing.T) {
	w, untouched := withDecoys()
	s.comeAbout(w)
	tf := newTerraform(t, w)
	tf.ExpectPlan(byNCC(nil), "create")
	if s.plan == "" {
		tf.ExpectSilence()
	} else {
		tf.ExpectSaid(s.plan)
	}
	untouched(t)
	w.expectCalls(t, map[string]int{"Accept": 0, "Reject": 0})
}

func (s situation) atCreate(t *testing.T) {
	w, untouched := withDecoys()
	s.comeAbout(w)
	s.created(t, w)
	untouched(t)
}

// The situation comes about while an apply waits for the endpoint; nothing is different from then on.
func (s situation) whileWaiting(t *testing.T) {
	w, untouched := withDecoys()
	w.AddRule("CREATING")
	w.In(time.Minute, func() { s.comeAbout(w) })
	s.created(t, w)
	untouched(t)
}

// created expects what a creation makes of the situation.
func (s situation) created(t *testing.T, w *world) {
	t.Helper()
	tf := newTerraform(t, w)
	ok := tf.Apply(w.forAWhile(t), byNCC(nil))
	if failure, fails := strings.CutPrefix(s.create, ": "); fails {
		tf.Refuse(ok, failure)
		if !tf.State.IsNull() || len(w.Accepted) > 0 {
			t.Errorf("accepted %v, and the state is %s", w.Accepted, tf.State)
		}
		return
	}
	tf.Expect(ok)
	tf.ExpectState(attrs{"status": s.create, "vpc_endpoint_id": endpointID})
	accepted := 0
	if strings.EqualFold(s.aws, "pendingAcceptance") {
		accepted = 1
	}
	w.expectCalls(t, map[string]int{"Accept": accepted})
	if len(w.Accepted) != accepted || slices.ContainsFunc(w.Accepted, func(id string) bool { return id != endpointID }) {
		t.Errorf("accepted %v", w.Accepted)
	}
	if s.create != "established" {
		tf.ExpectSaid("accepted but not established yet", "Apply again")
	}
}

// approved is an approval that is established.
func (w *world) approved(t *testing.T) *resourcetest.Terraform {
	t.Helper()
	w.AddRule("PENDING")
	tf := newTerraform(t, w)
	tf.Expect(tf.Apply(t.Context(), byNCC(nil)))
	tf.ExpectState(attrs{"status": "established"})
	w.Accepted = nil
	return tf
}

func (s situation) atRefresh(t *testing.T) {
	w, untouched := withDecoys()
	tf := w.approved(t)
	s.comeAbout(w)
	tf.Expect(tf.Refresh())
	if status(s.refresh).dead() {
		tf.ExpectSaid("WARNING", "never comes back", "apply")
	} else {
		tf.ExpectSilence()
	}
	tf.ExpectState(attrs{"status": s.refresh})
	tf.ExpectPlan(byNCC(nil), s.next)
	untouched(t)
}

func (s situation) atDestroy(t *testing.T) {
	w, untouched := withDecoys()
	tf := w.approved(t)
	s.comeAbout(w)
	tf.Expect(tf.Refresh())
	ok := tf.Destroy(w.forAWhile(t))
	want := map[string][]string{"rejects": {endpointID}}[s.destroy]
	if !slices.Equal(w.Rejected, want) {
		t.Errorf("rejected %v, want %v", w.Rejected, want)
	}
	if s.destroy == "waits" {
		tf.Refuse(ok, "could not be rejected", s.aws, "Destroy again")
		// AWS gets on with it, and so does the destroy.
		w.Connection(endpointID).VpcEndpointState = types.State(map[string]string{"pending": "available", "deleting": "deleted"}[s.aws])
		ok = tf.Destroy(t.Context())
	}
	tf.Expect(ok)
	if slices.Contains(w.Live(), endpointID) {
		t.Errorf("the connections %v keep the endpoint service from being deleted", w.Live())
	}
	untouched(t)
}

// A connection that AWS is still setting up is rejected as soon as AWS lets it be.
func TestDestroyWhileAWSSetsTheConnectionUp(t *testing.T) {
	w := newWorld()
	tf := w.approved(t)
	w.Connection(endpointID).VpcEndpointState = "pending"
	w.In(40*time.Second, func() { w.Connection(endpointID).VpcEndpointState = "available" })
	tf.Expect(tf.Destroy(t.Context()))
	if !slices.Equal(w.Rejected, []string{endpointID}) {
		t.Errorf("rejected %v", w.Rejected)
	}
}

// A connection that Databricks takes away is waited for, and not rejected.
func TestDestroyWhileTheConnectionGoes(t *testing.T) {
	w := newWorld()
	tf := w.approved(t)
	w.Connection(endpointID).VpcEndpointState = "deleting"
	w.In(40*time.Second, func() { w.Disconnect(endpointID) })
	start := w.Clock.Now()
	tf.Expect(tf.Destroy(t.Context()))
	if waited := w.Clock.Now().Sub(start); waited < 40*time.Second {
		t.Errorf("ended after %s, while AWS still had the connection", waited)
	}
	w.expectCalls(t, map[string]int{"Reject": 0})
}

// The death of a given endpoint shows in the next plan, too.
func TestSituationsOfAGivenEndpoint(t *testing.T) {
	given := attrs{"endpoint_service_id": serviceID, "vpc_endpoint_id": endpointID}
	for state, want := range map[string]struct{ status, next string }{
		"available": {"approved", "none"}, "pending": {"waiting_for_aws", "update"}, "pendingAcceptance": {"pending_acceptance", "update"}, "somethingNew": {"waiting_for_aws", "update"},
		"rejected": {"connection_unusable", "replace"}, "failed": {"connection_unusable", "replace"}, "deleting": {"connection_unusable", "replace"}, "expired": {"connection_unusable", "replace"},
	} {
		t.Run(state, func(t *testing.T) {
			w := newWorld()
			w.Connect(endpointID, "pendingAcceptance")
			tf := newTerraform(t, w)
			tf.Expect(tf.Apply(t.Context(), given))
			w.Connection(endpointID).VpcEndpointState = types.State(state)
			tf.Expect(tf.Refresh())
			tf.ExpectState(attrs{"status": want.status})
			tf.ExpectPlan(given, want.next)
			if want.next == "replace" {
				tf.Expect(tf.Refresh())
				tf.ExpectSaid("Have the VPC endpoint made anew, and write its id into vpc_endpoint_id")
			}
		})
	}
	t.Run("none", func(t *testing.T) {
		w := newWorld()
		tf := newTerraform(t, w)
		tf.Refuse(tf.Apply(w.forAWhile(t), given), "could not be accepted in time", "AWS shows no connection of "+endpointID, "Check with the Databricks administrator", approvaltest.ServiceName)
	})
}

// A wait that ends in vain says who has to do what.
func TestAWaitInVainSaysWhatIsMissing(t *testing.T) {
	for name, c := range map[string]struct {
		set  func(w *world)
		says []string
	}{
		"no rule":                  {func(*world) {}, []string{"waiting_for_rule", nccID, serviceName, "wait_for_rule = false", "Apply again"}},
		"a rule without endpoint":  {func(w *world) { w.AddRule("CREATING") }, []string{"waiting_for_endpoint", ruleID, "CREATING", "Databricks makes the VPC endpoint within some minutes", "deleted and added again", "Apply again"}},
		"an endpoint not in AWS":   {func(w *world) { w.AddRule("PENDING"); w.Connections = nil }, []string{"waiting_for_endpoint", "AWS shows no connection of " + endpointID, "deleted and added again"}},
		"an endpoint not accepted": {func(w *world) { w.AddRule("PENDING"); w.Connections[0].VpcEndpointState = "pending" }, []string{"waiting_for_aws", "Nothing is lost. Apply again"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			c.set(w)
			tf := newTerraform(t, w)
			tf.Apply(w.forAWhile(t), byNCC(nil))
			tf.ExpectSaid(c.says...)
		})
	}
}
