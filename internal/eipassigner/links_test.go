package eipassigner

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	astypes "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	"github.com/hashicorp/terraform-plugin-framework/resource"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/resourcetest"
)

// newTerraform plays Terraform on an account.
func newTerraform(t *testing.T, w *world) *resourcetest.Terraform {
	t.Helper()
	return resourcetest.New(t, func() resource.Resource { return w.resource(archARM, archX86) })
}

// Two links in one account, with assigners of one name: whatever is done to one, the parts of
// the other stay byte for byte, and so does its plan.
func TestTwoAssignersNeverTouchEachOther(t *testing.T) {
	other := assignerConfig(resourcetest.Attrs{"auto_scaling_group_arn": testOtherGroupARN, "pool_name": testOtherPool, "max_size": 2})
	// alone is the account with only the other assigner.
	alone := newWorld(5)
	alone.secondGroup(2)
	tf := newTerraform(t, alone)
	tf.Expect(tf.Apply(t.Context(), other))

	w := newWorld(5)
	w.secondGroup(2)
	first, second := newTerraform(t, w), newTerraform(t, w)
	first.Expect(first.Apply(t.Context(), assignerConfig(allOptions)))
	second.Expect(second.Apply(t.Context(), other))
	for _, step := range []struct {
		name string
		do   func() bool
	}{
		{"changed", func() bool {
			return first.Apply(t.Context(), assignerConfig(resourcetest.Attrs{"heartbeat_timeout": 600, "tags": map[string]string{"stage": "prod"}, "max_size": 4}))
		}},
		{"refreshed", first.Refresh},
		{"replaced", func() bool { return first.Apply(t.Context(), assignerConfig(resourcetest.Attrs{"name": "egress2"})) }},
		{"destroyed", func() bool { return first.Destroy(t.Context()) }},
	} {
		first.Expect(step.do())
		second.Expect(second.Refresh())
		p, ok := second.Plan(other)
		second.Expect(ok)
		if p.Action != "none" {
			t.Errorf("after the one was %s, the plan of the other is %q", step.name, p.Action)
		}
	}
	if got, want := w.snapshot(t), alone.snapshot(t); got != want {
		t.Errorf("after the one was destroyed there is\n%s\nand with the other alone there was\n%s", got, want)
	}
	for _, i := range w.other.Instances {
		if i.LifecycleState != astypes.LifecycleStateInService || *i.InstanceId != aws.ToString(w.addresses[5].InstanceId) && *i.InstanceId != aws.ToString(w.addresses[6].InstanceId) {
			t.Errorf("an instance of the other: %+v", i)
		}
	}
}

// A group that was deleted by hand blocks neither a plan nor a destroy.
func TestAGroupDeletedByHandDoesNotBlockDestroy(t *testing.T) {
	w := newWorld(3)
	tf := newTerraform(t, w)
	tf.Expect(tf.Apply(t.Context(), assignerConfig()))
	w.group = nil
	clear(w.hooks) // AWS deletes them with the group
	tf.Expect(tf.Refresh())
	tf.ExpectState(resourcetest.Attrs{"status": statusGroupNotFound})
	tf.Expect(tf.Destroy(t.Context()))
	if left := w.left(); len(left) > 0 || !tf.State.IsNull() {
		t.Errorf("left: %v, state %s", left, tf.State)
	}
}

// A group deleted between a look at it and the next call is no error either.
func TestAGroupDeletedDuringDestroyDoesNotBlockIt(t *testing.T) {
	for _, at := range []string{"autoscaling.UpdateAutoScalingGroup", "autoscaling.DescribeLifecycleHooks", "autoscaling.DeleteLifecycleHook"} {
		t.Run(at, func(t *testing.T) {
			w := newWorld(3)
			tf := newTerraform(t, w)
			tf.Expect(tf.Apply(t.Context(), assignerConfig()))
			w.before = func(op string, _ int) error {
				if op == at {
					w.group = nil
					clear(w.hooks)
				}
				return nil
			}
			tf.Expect(tf.Destroy(t.Context()))
			if left := w.left(); len(left) > 0 {
				t.Errorf("left: %v", left)
			}
		})
	}
}

// A replaced group has another ARN, and that replaces the assigner: the parts for the group that
// is gone go, and the new group gets its own.
func TestAReplacedGroupReplacesTheAssigner(t *testing.T) {
	w := newWorld(3)
	tf := newTerraform(t, w)
	tf.Expect(tf.Apply(t.Context(), assignerConfig()))
	before := tf.Get(tf.State.Value, "function_name")
	successor := strings.Replace(testGroupARN, "01234567", "89abcdef", 1)
	w.group = emptyGroup(testGroup, successor)
	clear(w.hooks)
	for n := range w.addresses {
		w.addresses[n].AssociationId, w.addresses[n].InstanceId = nil, nil
	}
	tf.Expect(tf.Refresh())
	want := assignerConfig(resourcetest.Attrs{"auto_scaling_group_arn": successor})
	p, ok := tf.Plan(want)
	tf.Expect(ok)
	if p.Action != "replace" {
		t.Errorf("the plan is %q", p.Action)
	}
	tf.Expect(tf.Apply(t.Context(), want))
	tf.ExpectState(resourcetest.Attrs{"status": statusInService, "auto_scaling_group_arn": successor})
	if now := tf.Get(tf.State.Value, "function_name"); now == before || len(w.functions) != 1 || w.functions[now] == nil {
		t.Errorf("function %s, then %s; there are %d", before, now, len(w.functions))
	}
	if left := w.left(); len(left) != 8 || slices.ContainsFunc(left, func(name string) bool { return strings.Contains(name, before) }) {
		t.Errorf("there is %v", left)
	}
}

// Scaling moves the desired capacity within the bounds: the plan is empty, and an apply leaves it.
func TestThePlanIsEmptyWhereverScalingIs(t *testing.T) {
	w := newWorld(5)
	tf := newTerraform(t, w)
	config := assignerConfig(resourcetest.Attrs{"max_size": 5, "desired_capacity": 2})
	tf.Expect(tf.Apply(t.Context(), config))
	for _, desired := range []int32{3, 5, 2, 4} {
		w.group.DesiredCapacity = aws.Int32(desired)
		w.settle()
		w.settle()
		w.settle()
		tf.Expect(tf.Refresh())
		p, ok := tf.Plan(config)
		tf.Expect(ok)
		if p.Action != "none" {
			t.Errorf("with %d instances the plan is %q", desired, p.Action)
		}
	}
	tf.Expect(tf.Apply(t.Context(), assignerConfig(resourcetest.Attrs{"max_size": 5, "desired_capacity": 2, "heartbeat_timeout": 600})))
	if got := aws.ToInt32(w.group.DesiredCapacity); got != 4 {
		t.Errorf("an apply set the desired capacity to %d", got)
	}
}

// While it waits for a connection's end or a slow instance, destroy can be interrupted and gone on with.
func TestDestroyGoesOnWhereItWasInterrupted(t *testing.T) {
	w := newWorld(3)
	tf := newTerraform(t, w)
	tf.Expect(tf.Apply(t.Context(), assignerConfig()))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	w.before = func(op string, _ int) error {
		if op == "lambda.DeleteFunction" {
			cancel()
		}
		return nil
	}
	tf.Refuse(tf.Destroy(ctx), "Destroy again to go on")
	w.before = nil
	tf.Expect(tf.Refresh())
	tf.Expect(tf.Destroy(t.Context()))
	if left := w.left(); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}
