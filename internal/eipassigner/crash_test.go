package eipassigner

import (
	"context"
	"fmt"
	"maps"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	astypes "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/powercut"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/resourcetest"
)

// assignerConfig is a configuration, with edits over it.
func assignerConfig(edits ...resourcetest.Attrs) resourcetest.Attrs {
	given := resourcetest.Attrs{
		"name": "egress", "auto_scaling_group_arn": testGroupARN, "pool_name": testPool, "min_size": 2, "max_size": 3, "tags": map[string]string{"cost": "42"},
	}
	for _, edit := range edits {
		maps.Copy(given, edit)
	}
	return given
}

// vpcAttribute is vpc_config as a configuration has it.
func vpcAttribute(subnet string) tftypes.Value {
	set := tftypes.Set{ElementType: tftypes.String}
	one := func(id string) tftypes.Value {
		return tftypes.NewValue(set, []tftypes.Value{tftypes.NewValue(tftypes.String, id)})
	}
	return tftypes.NewValue(tftypes.Object{AttributeTypes: map[string]tftypes.Type{"subnet_ids": set, "security_group_ids": set}},
		map[string]tftypes.Value{"subnet_ids": one(subnet), "security_group_ids": one("sg-01")})
}

// allOptions are the optional attributes of an assigner, each with a value that is not its default.
var allOptions = resourcetest.Attrs{
	"permissions_boundary_arn": "arn:aws:iam::123456789012:policy/boundary", "kms_key_arn": "arn:aws:kms:us-east-1:123456789012:key/k", "vpc_config": vpcAttribute("subnet-0a"),
	"code_signing_config_arn": "arn:aws:lambda:us-east-1:123456789012:code-signing-config:csc-1", "failure_destination_arn": "arn:aws:sqs:us-east-1:123456789012:failed",
}

// crashScene is an apply that is cut off between any two of its calls.
type crashScene struct {
	// start is applied before, whole; nil: there is nothing.
	start resourcetest.Attrs
	// between is what hands do then.
	between func(w *world)
	// want is applied by the run that is cut off and by those after it; nil destroys.
	want resourcetest.Attrs
	// atWrites cuts off only before and after calls that write: behind one that reads lies the
	// same account as before it.
	atWrites bool
}

func crashScenes() map[string]crashScene {
	scenes := map[string]crashScene{
		"create":                   {want: assignerConfig()},
		"create with all options":  {want: assignerConfig(allOptions)},
		"destroy":                  {start: assignerConfig()},
		"destroy with all options": {start: assignerConfig(allOptions)},
		"role of one's own":        {start: assignerConfig(), want: assignerConfig(resourcetest.Attrs{"role_arn": "arn:aws:iam::123456789012:role/own"}), atWrites: true},
		"role made again":          {start: assignerConfig(resourcetest.Attrs{"role_arn": "arn:aws:iam::123456789012:role/own"}), want: assignerConfig(), atWrites: true},
		"all options off":          {start: assignerConfig(allOptions), want: assignerConfig(), atWrites: true},
		"another subnet":           {start: assignerConfig(allOptions), want: assignerConfig(allOptions, resourcetest.Attrs{"vpc_config": vpcAttribute("subnet-0b")}), atWrites: true},
		"replace":                  {start: assignerConfig(), want: assignerConfig(resourcetest.Attrs{"name": "egress2"}), atWrites: true},
		"repair of everything": {start: assignerConfig(), want: assignerConfig(), between: func(w *world) {
			for name := range w.functions {
				w.functions[name].Configuration.Timeout, w.functions[name].Configuration.CodeSha256 = aws.Int32(3), aws.String("patched")
				w.roles[name].AssumeRolePolicyDocument, w.logGroups["/aws/lambda/"+name].RetentionInDays = aws.String(`{}`), nil
				delete(w.permissions[name], "crosscloudlink-terminate")
				for _, kind := range ruleKinds {
					w.rules[name+"-"+kind].State = "DISABLED"
				}
			}
			clear(w.inline)
			clear(w.retries)
			clear(w.hooks)
			w.group.MinSize = aws.Int32(0)
		}},
	}
	for name, change := range map[string]any{
		"min_size": 3, "max_size": 4, "heartbeat_timeout": 600, "reconcile_schedule": "rate(5 minutes)", "log_retention_in_days": 7, "architecture": archX86,
		"tags": map[string]string{"stage": "prod"},
	} {
		scenes["update of "+name] = crashScene{start: assignerConfig(), want: assignerConfig(resourcetest.Attrs{name: change}), atWrites: true}
	}
	for name, change := range allOptions {
		scenes["update of "+name] = crashScene{start: assignerConfig(), want: assignerConfig(resourcetest.Attrs{name: change}), atWrites: true}
	}
	return scenes
}

// bystander is what is not the assigner's and has to stay as it is, whatever happens.
func bystander(t *testing.T, w *world) {
	t.Helper()
	w.secondGroup(2)
	other := resourcetest.New(t, func() resource.Resource { return w.resource(archARM, archX86) })
	other.Expect(other.Apply(t.Context(), assignerConfig(resourcetest.Attrs{"auto_scaling_group_arn": testOtherGroupARN, "pool_name": testOtherPool, "max_size": 2})))
	w.hooks["theirs"] = astypes.LifecycleHook{AutoScalingGroupName: aws.String(testGroup), LifecycleHookName: aws.String("theirs")}
}

// staged is a scene that is set up, ready for runs to be cut off.
type staged struct {
	crashScene
	tf *resourcetest.Terraform
	// w is the account that tf works on, begin the one before the run, and before its state.
	w, begin *world
	before   resourcetest.State
	// whole is the account after a run that nothing disturbed.
	whole string
	// calls are those of that run.
	calls []string
	// tried are the accounts and states from which a next run has been tried: calls that only
	// read leave the same ones.
	tried map[string]bool
}

func (scene crashScene) stage(t *testing.T) *staged {
	t.Helper()
	s := &staged{crashScene: scene, w: newWorld(5), tried: map[string]bool{}}
	bystander(t, s.w)
	s.tf = resourcetest.New(t, func() resource.Resource { return s.w.resource(archARM, archX86) })
	if scene.start != nil {
		s.tf.Expect(s.tf.Apply(t.Context(), scene.start))
	}
	if scene.between != nil {
		scene.between(s.w)
	}
	s.begin, s.before = s.w, s.tf.State
	s.rewind()
	s.tf.Expect(s.run(t.Context()))
	s.whole, s.calls = s.w.snapshot(t), s.w.log
	s.expectEmptyPlan(t)
	return s
}

// rewind goes back to before the run.
func (s *staged) rewind() { s.w, s.tf.State = s.begin.clone(), s.before }

// run refreshes and applies, or destroys, as one `terraform apply` does.
func (s *staged) run(ctx context.Context) bool {
	if !s.tf.State.IsNull() && !s.tf.Refresh() {
		return false
	}
	switch {
	case s.want != nil:
		return s.tf.Apply(ctx, s.want)
	case s.tf.State.IsNull():
		return true
	}
	return s.tf.Destroy(ctx)
}

func (s *staged) expectEmptyPlan(t *testing.T) {
	t.Helper()
	if s.want == nil {
		if !s.tf.State.IsNull() {
			t.Errorf("a state is left: %s", s.tf.State)
		}
		return
	}
	s.tf.Expect(s.tf.Refresh())
	p, ok := s.tf.Plan(s.want)
	s.tf.Expect(ok)
	if p.Action != "none" {
		t.Errorf("the plan after it is not empty but %q: %s", p.Action, resourcetest.Disagreement(p.Planned, s.tf.State.Value, "plan"))
	}
}

// A run that is killed after any number of calls, with or without the last one's effect, leaves
// nothing that the next run does not finish: the account ends as after one run that nothing
// disturbed, and the plan after that is empty. A killed run saves no state; one whose network
// failed or that was cancelled saves what it has.
func TestKilledBetweenAnyTwoCallsItConverges(t *testing.T) {
	for name, scene := range crashScenes() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := scene.stage(t)
			for at := range s.calls {
				if s.atWrites && !isWrite(s.calls[at]) {
					continue
				}
				s.strike(t, at+1, false)
				s.strike(t, at+1, true)
				s.interrupt(t, at+1)
			}
			if len(s.tried) < 2 {
				t.Errorf("%d calls were cut off, and left %d different things", len(s.calls), len(s.tried))
			}
		})
	}
}

// strike cuts one run off at a call and runs again: once with the state of before, and once
// more with the state that the run saved, if it saved one.
func (s *staged) strike(t *testing.T, at int, effect bool) {
	t.Helper()
	s.rewind()
	cut := &powercut.Cut{At: at, Effect: effect}
	s.w.before, s.w.after = cut.Before, cut.After
	s.run(t.Context())
	s.w.before, s.w.after = nil, nil
	if !cut.Dead() {
		t.Fatalf("a run ended after %d calls; one that nothing disturbed made %d", cut.Calls(), len(s.calls))
	}
	after, saved := s.w, s.tf.State
	s.w, s.tf.State = after.clone(), s.before
	s.expectConvergence(t, fmt.Sprintf("killed at call %d (effect %t)", at, effect))
	if !saved.Equal(s.before) {
		s.w, s.tf.State = after.clone(), saved
		s.expectConvergence(t, fmt.Sprintf("off the network from call %d (effect %t)", at, effect))
	}
}

// interrupt cancels one run at a call, as Ctrl-C and a timeout do, and runs again with the state
// that it saved. A cancelled run may finish its write, and reads back what it did.
func (s *staged) interrupt(t *testing.T, at int) {
	t.Helper()
	s.rewind()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	calls := 0
	s.w.before = func(string, int) error {
		if calls++; calls == at {
			cancel()
		}
		return nil
	}
	s.run(ctx)
	s.w.before = nil
	s.expectConvergence(t, fmt.Sprintf("cancelled at call %d", at))
}

func (s *staged) expectConvergence(t *testing.T, what string) {
	t.Helper()
	left := s.w.snapshot(t) + s.tf.State.String()
	if s.tried[left] {
		return
	}
	s.tried[left] = true
	if !s.run(t.Context()) {
		t.Fatalf("%s: the next run fails: %s", what, s.tf.Said())
	}
	if now := s.w.snapshot(t); now != s.whole {
		t.Fatalf("%s: the account is\n%s\nand should be\n%s", what, now, s.whole)
	}
	if s.expectEmptyPlan(t); t.Failed() {
		t.Fatalf("that was %s", what)
	}
}
