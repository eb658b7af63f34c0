package e2e_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	tftest "github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/acctest"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/eiptag"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/fault"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/tfrun"
)

func serves(n int64) map[string]knownvalue.Check {
	return map[string]knownvalue.Check{
		"status": text("in_service"), "status_reason": text(""), "in_service_count": knownvalue.Int64Exact(n), "drifted_parts": knownvalue.ListSizeExact(0),
	}
}

func TestAssignerLifecycle(t *testing.T) {
	f := newFleet(t, 3)
	small := f.config(2, 3)
	large := f.config(3, 3, "heartbeat_timeout = 600", `reconcile_schedule = "rate(2 minutes)"`, "log_retention_in_days = 7", `tags = { team = "egress" }`)
	tftest.UnitTest(t, tftest.TestCase{
		ProtoV6ProviderFactories: acctest.Providers(),
		CheckDestroy:             func(*terraform.State) error { return f.notGone(t) },
		Steps: []tftest.TestStep{
			{
				Config: small,
				ConfigPlanChecks: planned(creates(assignerAddress), plancheck.ExpectUnknownValue(assignerAddress, tfjsonpath.New("status")),
					plancheck.ExpectKnownValue(assignerAddress, tfjsonpath.New("function_name"), knownvalue.StringRegexp(regexp.MustCompile("^"+f.name+"-[0-9a-f]{8}$")))),
				ConfigStateChecks: knowns(assignerAddress, serves(2)),
			},
			{PreConfig: func() { f.wantServing(t, 2) }, Config: small, ConfigPlanChecks: settled()},
			{Config: large, ConfigPlanChecks: planned(updates(assignerAddress)), ConfigStateChecks: knowns(assignerAddress, serves(3))},
			{
				PreConfig: func() {
					f.wantServing(t, 3)
					f.wantSettings(t)
				},
				Config: large, ConfigPlanChecks: settled(),
			},
			{
				Config: large, ResourceName: assignerAddress, ImportState: true, ImportStateId: f.name + "," + f.arn,
				ImportStateVerify: true, ImportStateVerifyIgnore: []string{"pool_size", "desired_capacity"},
			},
			{Config: large, ResourceName: assignerAddress, ImportState: true, ImportStateId: f.name + "," + f.arn, ImportStateKind: tftest.ImportBlockWithID},
			{
				Config: f.config(1, 2, "desired_capacity = 2"), ConfigPlanChecks: planned(updates(assignerAddress)),
				Check: func(*terraform.State) error { return f.notServing(t, 2) },
			},
		},
	})
}

// wantSettings asserts that AWS has what the update of TestAssignerLifecycle changed.
func (f *fleet) wantSettings(t *testing.T) {
	t.Helper()
	ctx := context.Background()
	hooks := must(f.scaling.DescribeLifecycleHooks(ctx, &autoscaling.DescribeLifecycleHooksInput{AutoScalingGroupName: &f.name}))(t).LifecycleHooks
	for _, hook := range hooks {
		if aws.ToInt32(hook.HeartbeatTimeout) != 600 {
			t.Errorf("hook %s has the heartbeat %d", aws.ToString(hook.LifecycleHookName), aws.ToInt32(hook.HeartbeatTimeout))
		}
	}
	name := f.functionName(t)
	rule := must(f.events.DescribeRule(ctx, &eventbridge.DescribeRuleInput{Name: aws.String(name + "-schedule")}))(t)
	if got := aws.ToString(rule.ScheduleExpression); got != "rate(2 minutes)" {
		t.Errorf("the schedule is %s", got)
	}
	function := must(f.lambda.GetFunction(ctx, &lambda.GetFunctionInput{FunctionName: &name}))(t)
	if function.Tags["team"] != "egress" || function.Tags[eiptag.Owner] == "" {
		t.Errorf("the function's tags are %v", function.Tags)
	}
	if got := f.retention(t); got != 7 {
		t.Errorf("the log is kept for %d days", got)
	}
}

func (f *fleet) functionName(t *testing.T) string {
	t.Helper()
	for _, part := range f.parts(t) {
		if name, ok := strings.CutPrefix(part, "function "); ok {
			return name
		}
	}
	t.Fatal("there is no function")
	return ""
}

func (f *fleet) retention(t *testing.T) int32 {
	t.Helper()
	groups := must(f.logs.DescribeLogGroups(context.Background(), &cloudwatchlogs.DescribeLogGroupsInput{LogGroupNamePrefix: aws.String("/aws/lambda/" + f.name + "-")}))(t).LogGroups
	if len(groups) != 1 {
		t.Fatalf("%d log groups", len(groups))
	}
	return aws.ToInt32(groups[0].RetentionInDays)
}

// assignerStage is a stage with a fleet and an assigner for two of its instances.
func assignerStage(t *testing.T, f *fleet, config string) *stage {
	t.Helper()
	s := newStage(t, config)
	s.intact = func(t *testing.T) {
		t.Helper()
		f.wantServing(t, 2)
		if parts := f.parts(t); len(parts) != wholeAssigner {
			t.Errorf("%d parts, want %d: %v", len(parts), wholeAssigner, parts)
		}
	}
	s.gone = func(t *testing.T) {
		t.Helper()
		if err := f.notGone(t); err != nil {
			t.Error(err)
		}
	}
	s.saved = func(t *testing.T, state string) {
		t.Helper()
		if parts := f.parts(t); len(parts) > 0 && !strings.Contains(state, assignerAddress) {
			t.Errorf("the state does not have the assigner, and AWS has %v", parts)
		}
	}
	return s
}

// plannedParts plans, and returns what is planned for the assigner and which of its parts the
// refresh found drifted.
func (s *stage) plannedParts(t *testing.T) (actions, drifted []string) {
	t.Helper()
	changes, err := s.tf.Plan(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range changes {
		if c.Address == assignerAddress {
			actions = c.Actions
		}
	}
	var plan struct {
		PriorState struct {
			Values struct {
				RootModule struct {
					Resources []struct {
						Values struct {
							DriftedParts []string `json:"drifted_parts"`
						}
					}
				} `json:"root_module"`
			}
		} `json:"prior_state"`
	}
	quiet := tfrun.Terraform{Dir: s.tf.Dir, Env: s.tf.Env}
	shown, err := quiet.Do(t.Context(), "show", "-json", "tfrun.tfplan")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(shown), &plan); err != nil {
		t.Fatal(err)
	}
	for _, r := range plan.PriorState.Values.RootModule.Resources {
		drifted = append(drifted, r.Values.DriftedParts...)
	}
	return actions, drifted
}

func TestAssignerHealsDrift(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 3)
	s := assignerStage(t, f, f.config(2, 3))
	s.apply(t)
	s.intact(t)

	// Between the bounds the desired capacity is whatever scaling makes of it.
	must(f.scaling.SetDesiredCapacity(t.Context(), &autoscaling.SetDesiredCapacityInput{AutoScalingGroupName: &f.name, DesiredCapacity: aws.Int32(3)}))(t)
	f.awaitServing(t, 3)
	if actions, drifted := s.plannedParts(t); actions != nil {
		t.Errorf("scaling within the bounds plans %v, drifted %v", actions, drifted)
	}

	removeHook := f.foreignHook(t, "TERMINATING")
	removeLaunchHook := f.foreignHook(t, "LAUNCHING")
	const foreignRule = "somebody-elses-rule"
	pattern := fmt.Sprintf(`{"source":["aws.autoscaling"],"detail":{"AutoScalingGroupName":[%q]}}`, f.name)
	must(f.events.PutRule(t.Context(), &eventbridge.PutRuleInput{Name: aws.String(foreignRule), EventPattern: &pattern}))(t)

	function := f.functionName(t)
	name := &function
	rule := func(kind string) *string { return aws.String(function + "-" + kind) }
	for _, drift := range []struct {
		what    string
		drifted []string
		by      func(ctx context.Context) error
	}{
		{"hook deleted", []string{"launch_hook"}, func(ctx context.Context) error {
			_, err := f.scaling.DeleteLifecycleHook(ctx, &autoscaling.DeleteLifecycleHookInput{AutoScalingGroupName: &f.name, LifecycleHookName: rule("launch")})
			return err
		}},
		{"rule disabled and another deleted", []string{"launch_rule", "terminate_rule"}, func(ctx context.Context) error {
			if _, err := f.events.DisableRule(ctx, &eventbridge.DisableRuleInput{Name: rule("launch")}); err != nil {
				return err
			}
			if _, err := f.events.RemoveTargets(ctx, &eventbridge.RemoveTargetsInput{Rule: rule("terminate"), Ids: []string{"eip-assigner"}}); err != nil {
				return err
			}
			_, err := f.events.DeleteRule(ctx, &eventbridge.DeleteRuleInput{Name: rule("terminate")})
			return err
		}},
		{"target removed", []string{"schedule_rule"}, func(ctx context.Context) error {
			_, err := f.events.RemoveTargets(ctx, &eventbridge.RemoveTargetsInput{Rule: rule("schedule"), Ids: []string{"eip-assigner"}})
			return err
		}},
		{"permission removed", []string{"launch_permission"}, func(ctx context.Context) error {
			_, err := f.lambda.RemovePermission(ctx, &lambda.RemovePermissionInput{FunctionName: name, StatementId: aws.String("crosscloudlink-launch")})
			return err
		}},
		{"policy changed", []string{"role_policy"}, func(ctx context.Context) error {
			_, err := f.iam.PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: name, PolicyName: aws.String("eip-assigner"),
				PolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["ec2:*"],"Resource":["*"]}]}`)})
			return err
		}},
		{"environment and log retention changed", []string{"log_group", "function"}, func(ctx context.Context) error {
			if _, err := f.logs.PutRetentionPolicy(ctx, &cloudwatchlogs.PutRetentionPolicyInput{LogGroupName: aws.String("/aws/lambda/" + function), RetentionInDays: aws.Int32(1)}); err != nil {
				return err
			}
			_, err := f.lambda.UpdateFunctionConfiguration(ctx, &lambda.UpdateFunctionConfigurationInput{FunctionName: name,
				Environment: &lambdatypes.Environment{Variables: map[string]string{"POOL_NAME": "theirs"}}})
			return err
		}},
		{"trust widened", []string{"role"}, func(ctx context.Context) error {
			_, err := f.iam.UpdateAssumeRolePolicy(ctx, &iam.UpdateAssumeRolePolicyInput{RoleName: name,
				PolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":["lambda.amazonaws.com","ec2.amazonaws.com"]},"Action":"sts:AssumeRole"}]}`)})
			return err
		}},
		{"code replaced", []string{"function"}, func(ctx context.Context) error {
			_, err := f.lambda.UpdateFunctionCode(ctx, &lambda.UpdateFunctionCodeInput{FunctionName: name, ZipFile: zipOf(t, "bootstrap", "#!/bin/sh\nexit 1\n")})
			return err
		}},
		{"retries changed", []string{"function_retries"}, func(ctx context.Context) error {
			_, err := f.lambda.PutFunctionEventInvokeConfig(ctx, &lambda.PutFunctionEventInvokeConfigInput{FunctionName: name, MaximumRetryAttempts: aws.Int32(0)})
			return err
		}},
		{"bounds moved", nil, func(ctx context.Context) error {
			_, err := f.scaling.UpdateAutoScalingGroup(ctx, &autoscaling.UpdateAutoScalingGroupInput{AutoScalingGroupName: &f.name, MinSize: aws.Int32(3), MaxSize: aws.Int32(4)})
			return err
		}},
	} {
		if err := drift.by(t.Context()); err != nil {
			t.Fatalf("%s: %s", drift.what, err)
		}
		actions, drifted := s.plannedParts(t)
		if !slices.Equal(actions, []string{"update"}) || !slices.Equal(drifted, drift.drifted) {
			t.Errorf("%s: planned %v, drifted %v; want an update, drifted %v", drift.what, actions, drifted, drift.drifted)
		}
		s.do(t, "apply", "-input=false", "-no-color", "tfrun.tfplan")
	}
	if actions, drifted := s.plannedParts(t); actions != nil {
		t.Errorf("after all repairs the plan is %v, drifted %v", actions, drifted)
	}
	f.wantServing(t, 3)
	if group := f.group(t); *group.MinSize != 2 || *group.MaxSize != 3 {
		t.Errorf("the group's bounds are %d and %d", *group.MinSize, *group.MaxSize)
	}

	// What is somebody else's holds the instances back: the destroy waits for it, and leaves it.
	run, err := s.tf.Start(t.Context(), nil, arguments(destroy)...)
	if err != nil {
		t.Fatal(err)
	}
	await(t, "the instances to wait for somebody else's hook", run.Done(), func() bool { return f.states(t)["Terminating:Wait"] == 3 })
	if hooks := f.hooks(t); len(hooks) != 4 {
		t.Errorf("the group has the hooks %v while its instances leave, want ours and somebody else's", hooks)
	}
	removeHook(t)
	if _, err := run.Wait(); err != nil {
		t.Fatal(err)
	}
	s.gone(t)
	if hooks := f.hooks(t); len(hooks) != 1 {
		t.Errorf("the destroy has left the hooks %v, want somebody else's launch hook", hooks)
	}
	removeLaunchHook(t)
	left := must(f.events.DescribeRule(t.Context(), &eventbridge.DescribeRuleInput{Name: aws.String(foreignRule)}))(t)
	if aws.ToString(left.EventPattern) != pattern {
		t.Errorf("somebody else's rule is %s now", aws.ToString(left.EventPattern))
	}
	must(f.events.DeleteRule(t.Context(), &eventbridge.DeleteRuleInput{Name: aws.String(foreignRule)}))(t)
}

// What happens to the fleet between two applies is the function's to mend.
func TestAssignerMendsTheFleet(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 3)
	s := assignerStage(t, f, f.config(2, 3))
	s.apply(t)

	ended := f.instances(t)[0]
	must(compute(t).TerminateInstances(t.Context(), &ec2.TerminateInstancesInput{InstanceIds: []string{ended}}))(t)
	await(t, "the ended instance to be replaced", nil, func() bool { return !slices.Contains(f.instances(t), ended) && f.notServing(t, 2) == nil })

	// The event of the next launch gets lost; the schedule finds the instance.
	launched := aws.String(f.functionName(t) + "-launch")
	must(f.events.DisableRule(t.Context(), &eventbridge.DisableRuleInput{Name: launched}))(t)
	must(f.scaling.SetDesiredCapacity(t.Context(), &autoscaling.SetDesiredCapacityInput{AutoScalingGroupName: &f.name, DesiredCapacity: aws.Int32(3)}))(t)
	await(t, "the launch to wait", nil, func() bool { return f.states(t)["Pending:Wait"] == 1 })
	must(f.events.EnableRule(t.Context(), &eventbridge.EnableRuleInput{Name: launched}))(t)
	f.awaitServing(t, 3)

	if actions, drifted := s.plannedParts(t); actions != nil {
		t.Errorf("planned %v, drifted %v", actions, drifted)
	}
	s.do(t, arguments(destroy)...)
	s.gone(t)
}

// Slow is not broken: an apply that cannot wait longer warns, and the next goes on.
func TestAssignerWaitsForAddresses(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 2)
	f.admission(t, eiptag.AdmissionRequired)
	s := assignerStage(t, f, f.config(2, 2, `timeouts = { create = "3s", update = "3s" }`))
	for _, turn := range []string{"create", "update"} {
		output := strings.Join(strings.Fields(strings.ReplaceAll(s.do(t, arguments(apply)...), "│", " ")), " ")
		for _, says := range []string{
			"Warning: The assigner is not ready: waiting_for_addresses",
			"0 of at least 2 instances of group " + f.name + " are in service",
			"Pool " + f.name + " has 2 active addresses; 2 of them wait for the firewall's admission",
			"the next plan shows an update",
		} {
			if !strings.Contains(output, says) {
				t.Errorf("the %s does not say %q", turn, says)
			}
		}
		if states := f.states(t); states["Pending:Wait"] != 2 {
			t.Errorf("the instances are %v", states)
		}
		if actions, drifted := s.plannedParts(t); !slices.Equal(actions, []string{"update"}) || drifted != nil {
			t.Errorf("after the %s the plan is %v, drifted %v", turn, actions, drifted)
		}
	}

	f.admission(t, eiptag.AdmissionAdmitted)
	s.configure(t, f.config(2, 2))
	if output := s.do(t, arguments(apply)...); strings.Contains(output, "not ready") {
		t.Error("the apply after the admission did not wait")
	}
	s.intact(t)
	if actions, drifted := s.plannedParts(t); actions != nil {
		t.Errorf("once all serve the plan is %v, drifted %v", actions, drifted)
	}
	s.do(t, arguments(destroy)...)
	s.gone(t)
}

func TestAssignerRefusesAtPlan(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 1)
	missing := strings.Replace(f.arn, f.name, f.name+"-gone", 1)
	s := newStage(t, "")
	for _, tc := range []struct {
		what, config, attribute string
		says                    []string
	}{
		{"group that does not exist", strings.Replace(f.config(1, 1), f.arn, missing, 1), "auto_scaling_group_arn", []string{"does not exist", "aws_autoscaling_group.NAME.arn"}},
		{"name instead of an ARN", strings.Replace(f.config(1, 1), f.arn, f.name, 1), "auto_scaling_group_arn", []string{"not its name or id", "aws_autoscaling_group.NAME.arn"}},
		{"pool smaller than the fleet", f.config(1, 3, "pool_size = 2"), "max_size", []string{"max_size is 3", "`size` to at least 3"}},
		{"min over max", f.config(3, 2), "min_size", []string{"min_size is 3 and max_size is 2", "Write a min_size of at most 2"}},
		{"desired outside", f.config(1, 1, "desired_capacity = 4"), "desired_capacity", []string{"Write a number between them"}},
		{"heartbeat", f.config(1, 1, "heartbeat_timeout = 10"), "heartbeat_timeout", []string{"between 30 and 7200"}},
	} {
		s.configure(t, tc.config)
		wantRefusal(t, s.tf, tc.what, tc.attribute, tc.says...)
	}
	if parts := f.parts(t); len(parts) > 0 {
		t.Errorf("the plans have made %v", parts)
	}

	s.configure(t, f.config(1, 1))
	s.tf.Env = append(slices.Clone(s.tf.Env), "TF_CLI_CONFIG_FILE="+withoutArchives(t))
	wantRefusal(t, s.tf, "provider built without the archives", "architecture", "does not contain the function's archive", "`make build`")
}

// wantRefusal asserts that a plan fails with one error, on that attribute, that says all that.
func wantRefusal(t *testing.T, tf tfrun.Terraform, what, attribute string, says ...string) {
	t.Helper()
	output, err := tf.Do(t.Context(), "plan", "-input=false", "-no-color")
	if err == nil {
		t.Errorf("%s: the plan is not refused", what)
		return
	}
	// Terraform draws a frame and breaks lines.
	flat := strings.Join(strings.Fields(strings.ReplaceAll(output, "│", " ")), " ")
	if n := strings.Count(flat, "Error: "); n != 1 {
		t.Errorf("%s: %d errors, want 1\n%s", what, n, output)
	}
	if !regexp.MustCompile(`on main\.tf line \d+, in resource "crosscloudlink_lifecycle_eip_assigner" "test": \d+: ` + attribute + ` +=`).MatchString(flat) {
		t.Errorf("%s: the error is not on %s\n%s", what, attribute, output)
	}
	for _, part := range says {
		if !strings.Contains(flat, part) {
			t.Errorf("%s: the error does not say %q\n%s", what, part, output)
		}
	}
}

// withoutArchives builds the provider as it is before the Lambda archives are, and returns a CLI
// configuration that leads Terraform to it.
func withoutArchives(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	replace := map[string]string{}
	for _, architecture := range []string{"arm64", "x86_64"} {
		replace[filepath.Join(root, "internal", "eipassigner", "lambda", "eip-assigner-"+architecture+".zip")] = ""
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		t.Fatal(err)
	}
	file := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	build := exec.CommandContext(t.Context(), "go", "build", "-overlay", file("overlay.json", string(overlay)), "-o", filepath.Join(dir, "terraform-provider-crosscloudlink"), ".")
	build.Dir = root
	if output, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building the provider without the archives: %s\n%s", err, output)
	}
	return file("terraform.tfrc", fmt.Sprintf("provider_installation {\n  dev_overrides {\n    \"crosscloudlink/crosscloudlink\" = %q\n  }\n  direct {}\n}\n", dir))
}

const createFunction = "lambda:POST /2015-03-31/functions"

func TestAssignerStruck(t *testing.T) {
	t.Parallel()
	const creating, modifying, destroying = assignerAddress + ": Creating...", assignerAddress + ": Modifying...", assignerAddress + ": Destroying..."
	fleets := map[*stage]*fleet{}
	set := func(t *testing.T) *stage {
		f := newFleet(t, 2)
		s := assignerStage(t, f, f.config(2, 2))
		fleets[s] = f
		return s
	}
	applied := func(t *testing.T, s *stage) { s.apply(t) }
	unadmitted := func(waiting int) func(t *testing.T, s *stage) trap {
		return func(t *testing.T, s *stage) trap {
			f := fleets[s]
			f.admission(t, eiptag.AdmissionRequired)
			return trap{
				inside: func(t *testing.T, run *tfrun.Run) {
					t.Helper()
					await(t, "instances to wait for an address", run.Done(), func() bool { return f.states(t)["Pending:Wait"] == waiting })
				},
				release: func(*testing.T) {},
			}
		}
	}
	admitted := func(t *testing.T, s *stage) { fleets[s].admission(t, eiptag.AdmissionAdmitted) }
	strikeAll(t, set, []moment{
		{wait: "role propagation", command: apply, began: creating, arm: func(t *testing.T, s *stage) trap {
			acctest.Sandbox(t).AWSCloud().Faults.Add(fault.Rule{
				Operation: createFunction, Caller: s.key, Times: 3, Status: http.StatusBadRequest,
				Code: "InvalidParameterValueException", Message: "The role defined for the function cannot be assumed by Lambda.",
			})
			return trap{
				inside: func(t *testing.T, run *tfrun.Run) {
					t.Helper()
					await(t, "a second try to create the function", run.Done(), func() bool { return s.asked(t, createFunction) >= 2 })
				},
				release: func(*testing.T) {},
			}
		}},
		{wait: "creation of the function unanswered", command: apply, began: creating, arm: func(t *testing.T, s *stage) trap {
			return s.hold(t, fault.Rule{Operation: createFunction}, false, nil)
		}},
		{wait: "function active", command: apply, began: creating, arm: func(t *testing.T, s *stage) trap {
			reading := fault.Rule{Method: http.MethodGet, Path: regexp.MustCompile(`^/2015-03-31/functions/[^/]+$`)}
			return s.hold(t, reading, false, &fault.Rule{Operation: createFunction})
		}},
		{wait: "raise of the group unanswered", command: apply, began: creating, arm: func(t *testing.T, s *stage) trap {
			return s.hold(t, fault.Rule{Operation: "autoscaling:UpdateAutoScalingGroup"}, false, nil)
		}},
		{wait: "instances in service", command: apply, began: creating, arm: unadmitted(2), between: admitted},
		{wait: "function's update unanswered", command: apply, began: modifying, prepare: func(t *testing.T, s *stage) {
			s.apply(t)
			s.configure(t, fleets[s].config(2, 2, "heartbeat_timeout = 600"))
		}, arm: func(t *testing.T, s *stage) trap {
			return s.hold(t, fault.Rule{Method: http.MethodPut, Path: regexp.MustCompile(`^/2015-03-31/functions/[^/]+/configuration$`)}, false, nil)
		}},
		{wait: "instances in service after an update", command: apply, began: modifying, prepare: func(t *testing.T, s *stage) {
			s.configure(t, fleets[s].config(1, 1))
			s.apply(t)
			s.configure(t, fleets[s].config(2, 2))
		}, arm: unadmitted(1), between: admitted},
		{wait: "instances gone", command: destroy, began: destroying, prepare: applied, arm: func(t *testing.T, s *stage) trap {
			f := fleets[s]
			removeHook := f.foreignHook(t, "TERMINATING")
			return trap{
				inside: func(t *testing.T, run *tfrun.Run) {
					t.Helper()
					await(t, "two instances to wait for somebody else's hook", run.Done(), func() bool { return f.states(t)["Terminating:Wait"] == 2 })
				},
				release: removeHook,
			}
		}},
	})
}
