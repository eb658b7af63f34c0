package eipassigner

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	tf "github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/eiptag"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/tfvalue"
)

// planned is a model as a plan of a plain configuration has it: two instances, defaults.
func planned() model {
	noTimeouts := timeouts.Value{Object: tf.ObjectNull(map[string]attr.Type{"create": tf.StringType, "read": tf.StringType, "update": tf.StringType, "delete": tf.StringType})}
	m := model{
		Name: tf.StringValue("egress"), AutoScalingGroupARN: tf.StringValue(testGroupARN), PoolName: tf.StringValue(testPool),
		TagKey: tf.StringValue(eiptag.DefaultPoolKey), MinSize: tf.Int64Value(2), MaxSize: tf.Int64Value(3), DesiredCapacity: tf.Int64Value(2),
		Architecture: tf.StringValue(archARM), HeartbeatTimeout: tf.Int64Value(300), ReconcileSchedule: tf.StringValue(defaultSchedule),
		LogRetentionInDays: tf.Int64Value(30), RolePath: tf.StringValue("/"), VPCConfig: tf.ObjectNull(vpcConfigTypes),
		Tags: tfvalue.Map(map[string]string{"cost": "42"}), Timeouts: noTimeouts, SourceCodeHash: tf.StringUnknown(),
	}
	m.setDerivedUnknown()
	m.setStatusUnknown()
	return m
}

func emptyState(t *testing.T) tfsdk.State {
	t.Helper()
	s := resourceSchema(t.Context())
	return tfsdk.State{Schema: s, Raw: tftypes.NewValue(s.Type().TerraformType(t.Context()), nil)}
}

func planFor(t *testing.T, m model) tfsdk.Plan {
	t.Helper()
	empty := emptyState(t)
	plan := tfsdk.Plan(empty)
	must(t, plan.Set(t.Context(), m))
	return plan
}

func stateFor(t *testing.T, m model) tfsdk.State {
	t.Helper()
	state := emptyState(t)
	must(t, state.Set(t.Context(), m))
	return state
}

func must(t *testing.T, diags diag.Diagnostics) {
	t.Helper()
	if diags.HasError() {
		t.Fatalf("%v", diags)
	}
}

// stateOf reads a state, or returns nil if there is none.
func stateOf(t *testing.T, state tfsdk.State) *model {
	t.Helper()
	if state.Raw.IsNull() {
		return nil
	}
	var m model
	must(t, state.Get(t.Context(), &m))
	return &m
}

func create(ctx context.Context, t *testing.T, w *world, m model) (*model, diag.Diagnostics) {
	t.Helper()
	resp := resource.CreateResponse{State: emptyState(t)}
	w.resource(archARM, archX86).Create(ctx, resource.CreateRequest{Plan: planFor(t, m)}, &resp)
	return stateOf(t, resp.State), resp.Diagnostics
}

func read(t *testing.T, w *world, m model) (*model, diag.Diagnostics) {
	t.Helper()
	resp := resource.ReadResponse{State: stateFor(t, m)}
	w.resource(archARM, archX86).Read(t.Context(), resource.ReadRequest{State: stateFor(t, m)}, &resp)
	return stateOf(t, resp.State), resp.Diagnostics
}

func update(ctx context.Context, t *testing.T, w *world, from, to model) (*model, diag.Diagnostics) {
	t.Helper()
	resp := resource.UpdateResponse{State: stateFor(t, from)}
	w.resource(archARM, archX86).Update(ctx, resource.UpdateRequest{Plan: planFor(t, to), State: stateFor(t, from)}, &resp)
	return stateOf(t, resp.State), resp.Diagnostics
}

func remove(ctx context.Context, t *testing.T, w *world, m model) diag.Diagnostics {
	t.Helper()
	resp := resource.DeleteResponse{State: stateFor(t, m)}
	w.resource(archARM, archX86).Delete(ctx, resource.DeleteRequest{State: stateFor(t, m)}, &resp)
	return resp.Diagnostics
}

// made is a state after a Create without a hitch.
func made(t *testing.T, w *world) model {
	t.Helper()
	return madeFrom(t, w, planned())
}

func madeFrom(t *testing.T, w *world, plan model) model {
	t.Helper()
	m, diags := create(t.Context(), t, w, plan)
	must(t, diags)
	if len(diags) != 0 || m.Status.ValueString() != statusInService {
		t.Fatalf("created with status %s: %v", m.Status, diags)
	}
	w.forget()
	return *m
}

func TestCreateMakesAllAndWaits(t *testing.T) {
	w := newWorld(3)
	m, diags := create(t.Context(), t, w, planned())
	must(t, diags)
	if len(diags) != 0 {
		t.Errorf("warnings: %v", diags)
	}
	if m.Status.ValueString() != statusInService || m.InServiceCount.ValueInt64() != 2 || len(m.DriftedParts.Elements()) != 0 {
		t.Errorf("status %s, %s in service, drifted %s", m.Status, m.InServiceCount, m.DriftedParts)
	}
	if got := len(w.left()); got != 8 {
		t.Errorf("made %d objects: %v", got, w.left())
	}
	order := slices.DeleteFunc(slices.Clone(w.log), func(op string) bool {
		return !strings.Contains(op, ".Create") && !strings.Contains(op, ".Put") && !strings.Contains(op, ".Add") && !strings.Contains(op, ".Update")
	})
	want := "iam.CreateRole iam.PutRolePolicy logs.CreateLogGroup logs.PutRetentionPolicy lambda.CreateFunction lambda.PutFunctionEventInvokeConfig " +
		"events.PutRule events.PutTargets events.PutRule events.PutTargets events.PutRule events.PutTargets lambda.AddPermission lambda.AddPermission lambda.AddPermission " +
		"autoscaling.PutLifecycleHook autoscaling.PutLifecycleHook autoscaling.UpdateAutoScalingGroup"
	if got := strings.Join(order, " "); got != want {
		t.Errorf("order of writes:\n got %s\nwant %s", got, want)
	}
	for _, hook := range w.hooks {
		if *hook.NotificationMetadata != "crosscloudlink:default:"+m.FunctionName.ValueString() {
			t.Errorf("hook %s has the metadata %q", *hook.LifecycleHookName, *hook.NotificationMetadata)
		}
	}
	if function := w.functions[m.FunctionName.ValueString()]; function.Tags[eiptag.Owner] != "default" || function.Tags["team"] != "ml" || function.Tags["cost"] != "42" {
		t.Errorf("tags %v", function.Tags)
	}
}

func TestReadAfterCreateShowsNoDriftInFewCalls(t *testing.T) {
	w := newWorld(3)
	m := made(t, w)
	got, diags := read(t, w, m)
	must(t, diags)
	if got.Status != m.Status || len(got.DriftedParts.Elements()) != 0 || !got.MinSize.Equal(m.MinSize) {
		t.Errorf("read %+v", got)
	}
	total := 0
	for _, n := range w.calls {
		total += n
	}
	if w.writes() != 0 || total > 20 {
		t.Errorf("%d calls, %d of them writes: %v", total, w.writes(), w.calls)
	}
}

func TestCreateWaitsForTheRoleToSpread(t *testing.T) {
	w := newWorld(3)
	w.before = func(op string, n int) error {
		if op == "lambda.CreateFunction" && n < 4 {
			return awsError("InvalidParameterValueException", "The role defined for the function cannot be assumed by Lambda.")
		}
		return nil
	}
	m, diags := create(t.Context(), t, w, planned())
	must(t, diags)
	if m.Status.ValueString() != statusInService || w.calls["lambda.CreateFunction"] != 4 {
		t.Errorf("status %s after %d tries", m.Status, w.calls["lambda.CreateFunction"])
	}
}

// A refusal at any write leaves nothing and no state; Create may simply be run again.
func TestCreateRollsBackWhateverIsRefused(t *testing.T) {
	for _, op := range []string{
		"iam.CreateRole", "iam.PutRolePolicy", "logs.CreateLogGroup", "logs.PutRetentionPolicy", "lambda.CreateFunction", "lambda.PutFunctionEventInvokeConfig",
		"events.PutRule", "events.PutTargets", "lambda.AddPermission", "autoscaling.PutLifecycleHook",
	} {
		t.Run(op, func(t *testing.T) {
			w := newWorld(3)
			w.before = func(called string, _ int) error {
				if called == op {
					return awsError("AccessDeniedException", "User is not authorized to perform "+op)
				}
				return nil
			}
			m, diags := create(t.Context(), t, w, planned())
			if !diags.HasError() || m != nil {
				t.Fatalf("state %v, diagnostics %v", m, diags)
			}
			if left := w.left(); len(left) != 0 {
				t.Errorf("left: %v", left)
			}
			if detail := diags[0].Detail(); !strings.Contains(detail, "not authorized to perform "+op) || !strings.Contains(detail, testGroup) {
				t.Errorf("the error does not say what and where: %s", detail)
			}
			if w.calls["autoscaling.UpdateAutoScalingGroup"] != 0 {
				t.Error("the group was touched")
			}
		})
	}
}

// Killed after any write: the next Create finds what is there and finishes, nothing doubled.
func TestCreateAdoptsWhatAKilledOneLeft(t *testing.T) {
	complete := newWorld(3)
	made(t, complete)
	for cut := range 18 {
		w := newWorld(3)
		ctx, cancel := context.WithCancel(t.Context())
		writes := 0
		w.before = func(op string, _ int) error {
			_, name, _ := strings.Cut(op, ".")
			if strings.HasPrefix(name, "Create") || strings.HasPrefix(name, "Put") || strings.HasPrefix(name, "Add") || strings.HasPrefix(name, "Update") {
				if writes++; writes > cut {
					cancel()
				}
			}
			return nil
		}
		_, _ = create(ctx, t, w, planned())
		w.before = nil
		m, diags := create(t.Context(), t, w, planned())
		must(t, diags)
		if m.Status.ValueString() != statusInService || fmt.Sprint(w.left()) != fmt.Sprint(complete.left()) {
			t.Errorf("cut after %d writes: status %s, left %v", cut, m.Status, w.left())
		}
		cancel()
	}
}

func TestCreateInterruptedInTheWaitKeepsTheStateAndIsNoError(t *testing.T) {
	w := newWorld(3)
	w.stuck = true
	ctx, cancel := context.WithCancel(t.Context())
	w.before = func(op string, n int) error {
		if op == "autoscaling.DescribeAutoScalingGroups" && n == 9 {
			cancel()
		}
		return nil
	}
	m, diags := create(ctx, t, w, planned())
	if diags.HasError() || m == nil || len(diags) != 1 {
		t.Fatalf("state %v, diagnostics %v", m, diags)
	}
	if m.Status.ValueString() != statusWaitingForAddresses || !strings.Contains(m.StatusReason.ValueString(), "i-1 (Pending:Wait)") {
		t.Errorf("status %s: %s", m.Status, m.StatusReason)
	}
	if text := diags[0].Detail(); !strings.Contains(text, "The apply ended") || !strings.Contains(text, "the next plan shows an update") {
		t.Errorf("warning: %s", text)
	}
	// The next plan is an update, and that finishes.
	w.before = nil
	now, diags := read(t, w, *m)
	must(t, diags)
	w.stuck = false
	next := replan(t, w, *now, planned(), nil)
	if !next.Status.IsUnknown() {
		t.Errorf("the next plan has the status %s", next.Status)
	}
	w.forget()
	done, diags := update(t.Context(), t, w, *now, next)
	must(t, diags)
	if done.Status.ValueString() != statusInService || w.writes() != 0 {
		t.Errorf("status %s after %d writes", done.Status, w.writes())
	}
}

func TestCreateRefusesBeforeAnythingExists(t *testing.T) {
	tests := map[string]struct {
		arrange func(w *world)
		says    string
	}{
		"no group": {func(w *world) { w.group = nil }, "There is no Auto Scaling group proxies"},
		"a successor group": {func(w *world) {
			w.group.AutoScalingGroupARN = aws.String(strings.Replace(testGroupARN, "0123", "9999", 1))
		}, "There is no Auto Scaling group proxies"},
		"a small pool": {func(w *world) { w.addresses = w.addresses[:2] }, "max_size is 3, and pool \"egress\" has 2 addresses"},
		"a pool on its way out": {func(w *world) {
			w.addresses[0].Tags = append(w.addresses[0].Tags, ec2types.Tag{Key: aws.String(eiptag.Lifecycle), Value: aws.String(eiptag.LifecycleRetired)})
		}, "has 2 addresses"},
		"somebody else's hook": {func(w *world) {
			s, _ := planned().toSpec(context.Background(), "default", nil)
			w.hooks[s.hookName(kindLaunch)] = types.LifecycleHook{AutoScalingGroupName: aws.String(testGroup), LifecycleHookName: aws.String(s.hookName(kindLaunch)), NotificationMetadata: aws.String("theirs")}
		}, `notification metadata "theirs"`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(3)
			test.arrange(w)
			m, diags := create(t.Context(), t, w, planned())
			if !diags.HasError() || m != nil || !strings.Contains(diags[0].Detail(), test.says) {
				t.Errorf("state %v, diagnostics %v; want %q", m, diags, test.says)
			}
			if w.writes() != 0 {
				t.Errorf("%d writes: %v", w.writes(), w.calls)
			}
		})
	}
}

// replan runs ModifyPlan as Terraform does for a resource that exists.
func replan(t *testing.T, w *world, state, config model, edit func(*model)) model {
	t.Helper()
	plan := state
	if edit != nil {
		edit(&plan)
		edit(&config)
	}
	resp := resource.ModifyPlanResponse{Plan: planFor(t, plan)}
	w.resource(archARM, archX86).ModifyPlan(t.Context(), resource.ModifyPlanRequest{
		Config: tfsdk.Config(planFor(t, config)), Plan: planFor(t, plan), State: stateFor(t, state),
	}, &resp)
	must(t, resp.Diagnostics)
	var got model
	must(t, resp.Plan.Get(t.Context(), &got))
	return got
}

func TestSecondPlanIsEmpty(t *testing.T) {
	w := newWorld(3)
	m := made(t, w)
	seen, diags := read(t, w, m)
	must(t, diags)
	next := replan(t, w, *seen, planned(), nil)
	a, b := planFor(t, next), planFor(t, m)
	if !a.Raw.Equal(b.Raw) {
		t.Errorf("a second plan differs:\n%s\n%s", a.Raw, b.Raw)
	}
}

func TestScalingWithinTheBoundsIsNoDrift(t *testing.T) {
	w := newWorld(3)
	m := made(t, w)
	w.group.DesiredCapacity = aws.Int32(3)
	for range 3 {
		w.settle()
	}
	seen, diags := read(t, w, m)
	must(t, diags)
	next := replan(t, w, *seen, planned(), nil)
	if next.InServiceCount.ValueInt64() != 3 || next.Status.ValueString() != statusInService {
		t.Errorf("%s in service, status %s", next.InServiceCount, next.Status)
	}
}

func TestUpdateChangesInPlace(t *testing.T) {
	w := newWorld(5)
	m := made(t, w)
	next := replan(t, w, m, planned(), func(m *model) {
		m.MaxSize, m.MinSize, m.HeartbeatTimeout, m.Architecture = tf.Int64Value(5), tf.Int64Value(4), tf.Int64Value(600), tf.StringValue(archX86)
		m.Tags = tfvalue.Map(map[string]string{"stage": "prod"})
	})
	if next.SourceCodeHash.ValueString() != "hash-of-x86_64" {
		t.Errorf("planned hash %s", next.SourceCodeHash)
	}
	done, diags := update(t.Context(), t, w, m, next)
	must(t, diags)
	if done.InServiceCount.ValueInt64() != 4 || aws.ToInt32(w.group.MaxSize) != 5 {
		t.Errorf("%s in service, group %d..%d", done.InServiceCount, *w.group.MinSize, *w.group.MaxSize)
	}
	function := w.functions[m.FunctionName.ValueString()]
	if *function.Configuration.CodeSha256 != "hash-of-x86_64" || function.Configuration.Environment.Variables["HEARTBEAT_TIMEOUT_SECONDS"] != "600" {
		t.Errorf("function %+v", function.Configuration)
	}
	if _, kept := function.Tags["cost"]; kept || function.Tags["stage"] != "prod" || function.Tags["team"] != "ml" {
		t.Errorf("tags %v", function.Tags)
	}
}

func TestDeleteEmptiesTheGroupFirstAndLeavesNothing(t *testing.T) {
	w := newWorld(3)
	m := made(t, w)
	must(t, remove(t.Context(), t, w, m))
	if left := w.left(); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
	if len(w.group.Instances) != 0 {
		t.Errorf("the group has %d instances", len(w.group.Instances))
	}
	at := func(op string) int { return slices.Index(w.log, op) }
	if at("autoscaling.UpdateAutoScalingGroup") >= at("autoscaling.DeleteLifecycleHook") || at("autoscaling.DeleteLifecycleHook") >= at("lambda.DeleteFunction") ||
		at("lambda.DeleteFunction") >= at("iam.DeleteRole") {
		t.Errorf("order: %v", w.log)
	}
	// Once more: all is gone, and that is no error.
	must(t, remove(t.Context(), t, w, m))
}

func TestDeleteInterruptedKeepsFunctionAndHooks(t *testing.T) {
	w := newWorld(3)
	m := made(t, w)
	ctx, cancel := context.WithCancel(t.Context())
	w.before = func(op string, _ int) error {
		if op == "autoscaling.UpdateAutoScalingGroup" {
			cancel()
		}
		return nil
	}
	diags := remove(ctx, t, w, m)
	if !diags.HasError() || len(w.left()) != 8 || aws.ToInt32(w.group.MaxSize) != 0 {
		t.Errorf("left %v, diagnostics %v", w.left(), diags)
	}
	w.before = nil
	must(t, remove(t.Context(), t, w, m))
	if left := w.left(); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
}

func TestDeleteLeavesForeignHooksAndASuccessorGroup(t *testing.T) {
	w := newWorld(3)
	m := made(t, w)
	w.hooks["theirs"] = types.LifecycleHook{AutoScalingGroupName: aws.String(testGroup), LifecycleHookName: aws.String("theirs")}
	hook := w.hooks[m.LaunchHookName.ValueString()]
	hook.NotificationMetadata = aws.String("taken over")
	w.hooks[m.LaunchHookName.ValueString()] = hook
	diags := remove(t.Context(), t, w, m)
	must(t, diags)
	if len(w.left()) != 2 || len(diags) != 1 || !strings.Contains(diags[0].Detail(), "taken over") {
		t.Errorf("left %v, diagnostics %v", w.left(), diags)
	}
	w = newWorld(3)
	m = made(t, w)
	w.group.AutoScalingGroupARN = aws.String(strings.Replace(testGroupARN, "0123", "9999", 1))
	must(t, remove(t.Context(), t, w, m))
	if w.calls["autoscaling.UpdateAutoScalingGroup"]+w.calls["autoscaling.DeleteLifecycleHook"] != 0 {
		t.Errorf("the group's successor was touched: %v", w.calls)
	}
}

func TestReadWithoutAnythingLeftForgetsTheResource(t *testing.T) {
	w := newWorld(3)
	m := made(t, w)
	got, diags := read(t, newWorld(3), m)
	if diags.HasError() || got != nil || len(diags) != 1 {
		t.Errorf("state %v, diagnostics %v", got, diags)
	}
}

func TestImportThenPlanIsEmpty(t *testing.T) {
	w := newWorld(3)
	m := made(t, w)
	state := resource.ImportStateResponse{State: emptyState(t)}
	w.resource(archARM).ImportState(t.Context(), resource.ImportStateRequest{ID: "egress," + testGroupARN}, &state)
	must(t, state.Diagnostics)
	resp := resource.ReadResponse{State: state.State}
	w.resource(archARM).Read(t.Context(), resource.ReadRequest{State: state.State}, &resp)
	must(t, resp.Diagnostics)
	imported := stateOf(t, resp.State)
	m.PoolSize = imported.PoolSize
	a, b := stateFor(t, *imported), stateFor(t, m)
	if !a.Raw.Equal(b.Raw) {
		t.Errorf("imported:\n%s\nmade:\n%s", a.Raw, b.Raw)
	}
	for _, id := range []string{"", "egress", "egress,proxies", "," + testGroupARN} {
		resp := resource.ImportStateResponse{State: emptyState(t)}
		w.resource(archARM).ImportState(t.Context(), resource.ImportStateRequest{ID: id}, &resp)
		if !resp.Diagnostics.HasError() {
			t.Errorf("import id %q was taken", id)
		}
	}
}
