package functions_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	asg "github.com/aws/aws-sdk-go-v2/service/autoscaling"
	asgtypes "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	ebtypes "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/clouderr"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/functions"
)

const allowAll = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`

func wantCode(t *testing.T, err error, code, text string) {
	t.Helper()
	if !clouderr.IsAWS(err, code) || !strings.Contains(clouderr.AWSMessage(err), text) {
		t.Fatalf("got %v, want %s with %q", err, code, text)
	}
}

func TestFunctionRunsInItsOwnEnvironment(t *testing.T) {
	w := newWorld(t)
	if _, err := w.Logs.CreateLogGroup(t.Context(), &cloudwatchlogs.CreateLogGroupInput{LogGroupName: aws.String("/aws/lambda/probe")}); err != nil {
		t.Fatal(err)
	}
	role := w.role(t, "probe", allowAll)
	t.Setenv("OF_THE_MACHINE", "leaked")
	created := w.function(t, "probe", role, withEnvironment("GREETING", "hello"), func(in *lambda.CreateFunctionInput) { in.Timeout = aws.Int32(2) })
	digest := sha256.Sum256(probeZip(t))
	if got, want := aws.ToString(created.CodeSha256), base64.StdEncoding.EncodeToString(digest[:]); got != want {
		t.Errorf("CodeSha256 %s, want %s", got, want)
	}
	for name, want := range map[string]string{"GREETING": `"hello"`, "AWS_ENDPOINT_URL": `"` + w.url + `"`, "AWS_REGION": `"us-east-1"`, "OF_THE_MACHINE": `""`} {
		if got, fault := w.invoke(t, "probe", `{"getenv":"`+name+`"}`); got != want || fault != "" {
			t.Errorf("%s: %s %s, want %s", name, got, fault, want)
		}
	}
	if got, fault := w.invoke(t, "probe", `{"fail":"no address left"}`); fault != "Unhandled" || !strings.Contains(got, "no address left") {
		t.Errorf("failure: %s %q", got, fault)
	}
	if got, fault := w.invoke(t, "probe", `{"exit":true}`); fault != "Unhandled" || !strings.Contains(got, "Runtime.ExitError") {
		t.Errorf("exit: %s %q", got, fault)
	}
	if got, fault := w.invoke(t, "probe", `{"hang":true}`); fault != "Unhandled" || !strings.Contains(got, "Task timed out after 2.00 seconds") {
		t.Errorf("time-out: %s %q", got, fault)
	}
	w.invoke(t, "probe", `{"print":"a line of the function"}`)
	await(t, "the log event", func(ctx context.Context) (string, bool, error) {
		out, err := w.Logs.FilterLogEvents(ctx, &cloudwatchlogs.FilterLogEventsInput{LogGroupName: aws.String("/aws/lambda/probe")})
		if err != nil {
			return "", false, err
		}
		for _, e := range out.Events {
			if aws.ToString(e.Message) == "a line of the function" {
				return "", true, nil
			}
		}
		return "not there", false, nil
	})
}

func TestCreateFunctionRefusals(t *testing.T) {
	w := newWorld(t, func(d *functions.Deps) { d.PropagationDelay = 0 })
	role := w.role(t, "probe", "")
	create := func(change func(*lambda.CreateFunctionInput)) error {
		in := &lambda.CreateFunctionInput{
			FunctionName: aws.String("f"), Role: aws.String(role), Runtime: lambdatypes.RuntimeProvidedal2023, Handler: aws.String("bootstrap"),
			Code: &lambdatypes.FunctionCode{ZipFile: probeZip(t)},
		}
		change(in)
		_, err := w.Fn.CreateFunction(t.Context(), in)
		return err
	}
	other, err := w.IAM.CreateRole(t.Context(), &iam.CreateRoleInput{
		RoleName: aws.String("ec2"), AssumeRolePolicyDocument: aws.String(strings.ReplaceAll(lambdaTrust, "lambda.", "ec2.")),
	})
	if err != nil {
		t.Fatal(err)
	}
	const notAssumable = "The role defined for the function cannot be assumed by Lambda."
	wantCode(t, create(func(in *lambda.CreateFunctionInput) { in.Role = other.Role.Arn }), "InvalidParameterValueException", notAssumable)
	wantCode(t, create(func(in *lambda.CreateFunctionInput) { in.Role = aws.String("arn:aws:iam::123456789012:role/none") }), "InvalidParameterValueException", notAssumable)
	wantCode(t, create(func(in *lambda.CreateFunctionInput) { in.Code.ZipFile = []byte("no zip") }), "InvalidParameterValueException", "Could not unzip")
	wantCode(t, create(func(in *lambda.CreateFunctionInput) { in.Runtime = lambdatypes.RuntimePython312 }), "NotImplemented", "provided.al2023")
	wantCode(t, create(func(in *lambda.CreateFunctionInput) { withEnvironment("AWS_REGION", "x")(in) }), "InvalidParameterValueException", "Reserved keys used in this request: AWS_REGION")
	if err := create(func(*lambda.CreateFunctionInput) {}); err != nil {
		t.Fatal(err)
	}
	wantCode(t, create(func(*lambda.CreateFunctionInput) {}), "ResourceConflictException", "Function already exist: f")
	_, err = w.Fn.GetFunction(t.Context(), &lambda.GetFunctionInput{FunctionName: aws.String("g")})
	wantCode(t, err, "ResourceNotFoundException", "Function not found: arn:aws:lambda:us-east-1:123456789012:function:g")
}

func TestOtherArchitectureIsRefusedAtInvoke(t *testing.T) {
	w := newWorld(t)
	architecture, machine := lambdatypes.ArchitectureArm64, uint16(183)
	if hostArchitecture() == architecture {
		architecture, machine = lambdatypes.ArchitectureX8664, 62
	}
	foreign, err := zipOf("bootstrap", 0o755, elfOf(machine))
	if err != nil {
		t.Fatal(err)
	}
	w.function(t, "f", w.role(t, "probe", allowAll), func(in *lambda.CreateFunctionInput) {
		in.Code.ZipFile = foreign
		in.Architectures = []lambdatypes.Architecture{architecture}
	})
	_, err = w.Fn.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String("f")})
	wantCode(t, err, "NotImplemented", "set the function's architecture to")
}

// elfOf is the smallest ELF header that names a machine.
func elfOf(machine uint16) []byte {
	h := make([]byte, 64)
	copy(h, "\x7fELF\x02\x01\x01")
	binary.LittleEndian.PutUint16(h[16:], 2)
	binary.LittleEndian.PutUint16(h[18:], machine)
	binary.LittleEndian.PutUint32(h[20:], 1)
	binary.LittleEndian.PutUint16(h[52:], 64)
	return h
}

func TestAsynchronousInvocationIsTriedThreeTimes(t *testing.T) {
	w := newWorld(t)
	marks := filepath.Join(t.TempDir(), "marks")
	w.function(t, "f", w.role(t, "probe", allowAll), withEnvironment("MARKS", marks))
	event := func(payload string) {
		t.Helper()
		if _, err := w.Fn.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String("f"), InvocationType: lambdatypes.InvocationTypeEvent, Payload: []byte(payload)}); err != nil {
			t.Fatal(err)
		}
	}
	event(`{}`)
	event(`{"fail":"always"}`)
	await(t, "the last try", func(context.Context) (string, bool, error) {
		return w.logs.String(), strings.Contains(w.logs.String(), "RetriesExhausted"), nil
	})
	text, err := os.ReadFile(marks)
	if err != nil || string(text) != "x" {
		t.Errorf("marks %q, %v", text, err)
	}
	out, err := w.Logs.FilterLogEvents(t.Context(), &cloudwatchlogs.FilterLogEventsInput{LogGroupName: aws.String("/aws/lambda/f"), FilterPattern: aws.String("START")})
	if err != nil || len(out.Events) != 1+3 {
		t.Errorf("%d invocations, want 4: %v", len(out.Events), err)
	}
}

// rule makes a rule on lifecycle events with the function as target.
func (w *world) rule(t *testing.T, pattern, function string) (arn string) {
	t.Helper()
	rule, err := w.Rules.PutRule(t.Context(), &eventbridge.PutRuleInput{Name: aws.String("launch"), EventPattern: aws.String(pattern)})
	if err != nil {
		t.Fatal(err)
	}
	targets, err := w.Rules.PutTargets(t.Context(), &eventbridge.PutTargetsInput{Rule: aws.String("launch"), Targets: []ebtypes.Target{{Id: aws.String("f"), Arn: aws.String(function)}}})
	if err != nil || targets.FailedEntryCount != 0 {
		t.Fatal(err, targets)
	}
	return *rule.RuleArn
}

func (w *world) permit(t *testing.T, function, ruleARN string) {
	t.Helper()
	if _, err := w.Fn.AddPermission(t.Context(), &lambda.AddPermissionInput{
		FunctionName: aws.String(function), StatementId: aws.String("rule"), Action: aws.String("lambda:InvokeFunction"),
		Principal: aws.String("events.amazonaws.com"), SourceArn: aws.String(ruleARN),
	}); err != nil {
		t.Fatal(err)
	}
}

// group makes a group of one instance, held by a launch hook, and returns its ARN.
func (w *world) group(t *testing.T, name string) {
	t.Helper()
	subnets := w.subnets(t)
	if _, err := w.ASG.CreateAutoScalingGroup(t.Context(), &asg.CreateAutoScalingGroupInput{
		AutoScalingGroupName: aws.String(name), MinSize: aws.Int32(0), MaxSize: aws.Int32(3), VPCZoneIdentifier: aws.String(strings.Join(subnets, ",")),
		LaunchTemplate: &asgtypes.LaunchTemplateSpecification{LaunchTemplateId: aws.String(w.launchTemplate(t))},
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.ASG.PutLifecycleHook(t.Context(), &asg.PutLifecycleHookInput{
		AutoScalingGroupName: aws.String(name), LifecycleHookName: aws.String("launch"), LifecycleTransition: aws.String("autoscaling:EC2_INSTANCE_LAUNCHING"),
		HeartbeatTimeout: aws.Int32(300),
	}); err != nil {
		t.Fatal(err)
	}
}

func (w *world) desire(t *testing.T, name string, n int32) {
	t.Helper()
	if _, err := w.ASG.SetDesiredCapacity(t.Context(), &asg.SetDesiredCapacityInput{AutoScalingGroupName: aws.String(name), DesiredCapacity: aws.Int32(n)}); err != nil {
		t.Fatal(err)
	}
}

// states returns the lifecycle states of a group's instances.
func (w *world) states(ctx context.Context, name string) ([]string, error) {
	out, err := w.ASG.DescribeAutoScalingGroups(ctx, &asg.DescribeAutoScalingGroupsInput{AutoScalingGroupNames: []string{name}})
	if err != nil {
		return nil, err
	}
	var states []string
	for _, i := range out.AutoScalingGroups[0].Instances {
		states = append(states, string(i.LifecycleState))
	}
	return states, nil
}

func (w *world) awaitStates(t *testing.T, name, want string) {
	t.Helper()
	await(t, "states "+want, func(ctx context.Context) (string, bool, error) {
		states, err := w.states(ctx, name)
		got := strings.Join(states, ",")
		return got, got == want, err
	})
}

const launchPattern = `{"source":["aws.autoscaling"],"detail-type":["EC2 Instance-launch Lifecycle Action"],"detail":{"AutoScalingGroupName":["proxies"]}}`

// completePolicy allows to complete actions of the group proxies only.
const completePolicy = `{"Version":"2012-10-17","Statement":[
 {"Effect":"Allow","Action":["autoscaling:CompleteLifecycleAction"],"Resource":"arn:aws:autoscaling:us-east-1:123456789012:autoScalingGroup:*:autoScalingGroupName/proxies"},
 {"Effect":"Allow","Action":["logs:*"],"Resource":"*"}]}`

func TestLaunchEventReachesTheFunctionAndPutsTheInstanceInService(t *testing.T) {
	w := newWorld(t)
	f := w.function(t, "f", w.role(t, "probe", completePolicy), withEnvironment("RESULT", "CONTINUE"))
	w.permit(t, "f", w.rule(t, launchPattern, *f.FunctionArn))
	w.group(t, "proxies")
	w.desire(t, "proxies", 2)
	w.awaitStates(t, "proxies", "InService,InService")
}

func TestEventWithoutPermissionIsNotDelivered(t *testing.T) {
	w := newWorld(t)
	f := w.function(t, "f", w.role(t, "probe", completePolicy), withEnvironment("RESULT", "CONTINUE"))
	rule := w.rule(t, launchPattern, *f.FunctionArn)
	w.permit(t, "f", rule+"-of-another-name")
	w.group(t, "proxies")
	w.desire(t, "proxies", 1)
	await(t, "the refusal", func(context.Context) (string, bool, error) {
		return "", strings.Contains(w.logs.String(), "does not allow the rule to invoke it"), nil
	})
	w.awaitStates(t, "proxies", "Pending:Wait")
}

func TestRoleWithoutRightsCannotComplete(t *testing.T) {
	w := newWorld(t)
	policy := strings.ReplaceAll(completePolicy, "autoScalingGroupName/proxies", "autoScalingGroupName/others")
	f := w.function(t, "f", w.role(t, "probe", policy), withEnvironment("RESULT", "CONTINUE"))
	w.permit(t, "f", w.rule(t, launchPattern, *f.FunctionArn))
	w.group(t, "proxies")
	w.desire(t, "proxies", 1)
	await(t, "the refusal", func(ctx context.Context) (string, bool, error) {
		text := w.logs.String()
		return text, strings.Contains(text, "AccessDenied") && strings.Contains(text, "autoscaling:CompleteLifecycleAction on resource: arn:aws:autoscaling"), nil
	})
	w.awaitStates(t, "proxies", "Pending:Wait")
}

func TestAbandonReplacesTheInstance(t *testing.T) {
	w := newWorld(t)
	f := w.function(t, "f", w.role(t, "probe", completePolicy), withEnvironment("RESULT", "ABANDON"))
	w.permit(t, "f", w.rule(t, launchPattern, *f.FunctionArn))
	w.group(t, "proxies")
	w.desire(t, "proxies", 1)
	await(t, "two abandoned launches", func(ctx context.Context) (string, bool, error) {
		out, err := w.ASG.DescribeScalingActivities(ctx, &asg.DescribeScalingActivitiesInput{AutoScalingGroupName: aws.String("proxies")})
		if err != nil {
			return "", false, err
		}
		n := 0
		for _, a := range out.Activities {
			if strings.Contains(aws.ToString(a.StatusMessage), "Lifecycle Action Completed with ABANDON Result") {
				n++
			}
		}
		return "", n >= 2, nil
	})
	if _, err := w.Fn.UpdateFunctionConfiguration(t.Context(), &lambda.UpdateFunctionConfigurationInput{
		FunctionName: aws.String("f"), Environment: &lambdatypes.Environment{Variables: map[string]string{"RESULT": "CONTINUE"}},
	}); err != nil {
		t.Fatal(err)
	}
	w.awaitStates(t, "proxies", "InService")
}

func TestPoliciesDecideOverCallsOfFunctions(t *testing.T) {
	w := newWorld(t)
	address, err := w.EC2.AllocateAddress(t.Context(), &ec2.AllocateAddressInput{})
	if err != nil {
		t.Fatal(err)
	}
	eni, err := w.EC2.CreateNetworkInterface(t.Context(), &ec2.CreateNetworkInterfaceInput{SubnetId: aws.String(w.subnets(t)[0])})
	if err != nil {
		t.Fatal(err)
	}
	allocation, enID := *address.AllocationId, *eni.NetworkInterface.NetworkInterfaceId
	const arn = "arn:aws:ec2:us-east-1:123456789012:"
	w.tags[arn+"elastic-ip/"+allocation] = map[string]string{"crosscloudlink:eip-pool": "mine"}
	w.tags[arn+"network-interface/"+enID] = map[string]string{}
	const policy = `{"Version":"2012-10-17","Statement":[
	 {"Effect":"Allow","Action":"ec2:Describe*","Resource":"*"},
	 {"Effect":"Allow","Action":"ec2:AssociateAddress","Resource":"arn:aws:ec2:*:*:elastic-ip/*","Condition":{"StringEquals":{"aws:ResourceTag/crosscloudlink:eip-pool":"POOL"}}}
	 INTERFACES ]}`
	const interfaces = `,{"Effect":"Allow","Action":"ec2:AssociateAddress","Resource":"arn:aws:ec2:*:*:network-interface/*"}`
	role := w.role(t, "probe", strings.NewReplacer("POOL", "mine", "INTERFACES", "").Replace(policy))
	w.function(t, "f", role)
	associate := `{"call":"AssociateAddress","argument":"` + allocation + `","argument2":"` + enID + `"}`

	if got, fault := w.invoke(t, "f", `{"call":"DescribeAddresses"}`); fault != "" {
		t.Errorf("DescribeAddresses: %s", got)
	}
	got, _ := w.invoke(t, "f", associate)
	if !strings.Contains(got, "UnauthorizedOperation") || !strings.Contains(got, "ec2:AssociateAddress on resource: "+arn+"network-interface/"+enID) {
		t.Errorf("without a right on the interface: %s", got)
	}
	w.policy(t, "probe", strings.NewReplacer("POOL", "other", "INTERFACES", interfaces).Replace(policy))
	got, _ = w.invoke(t, "f", associate)
	if !strings.Contains(got, "UnauthorizedOperation") || !strings.Contains(got, "elastic-ip/"+allocation) {
		t.Errorf("with another pool's tag: %s", got)
	}
	w.policy(t, "probe", strings.NewReplacer("POOL", "mine", "INTERFACES", interfaces).Replace(policy))
	if got, fault := w.invoke(t, "f", associate); fault != "" {
		t.Errorf("with all rights: %s", got)
	}
}

func TestScheduleTicksAndStops(t *testing.T) {
	w := newWorld(t, func(d *functions.Deps) { d.Minute = 50 * time.Millisecond })
	marks := filepath.Join(t.TempDir(), "marks")
	f := w.function(t, "f", w.role(t, "probe", allowAll), withEnvironment("MARKS", marks))
	rule, err := w.Rules.PutRule(t.Context(), &eventbridge.PutRuleInput{Name: aws.String("tick"), ScheduleExpression: aws.String("rate(1 minute)")})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Rules.PutTargets(t.Context(), &eventbridge.PutTargetsInput{Rule: aws.String("tick"), Targets: []ebtypes.Target{{Id: aws.String("f"), Arn: f.FunctionArn}}}); err != nil {
		t.Fatal(err)
	}
	w.permit(t, "f", *rule.RuleArn)
	await(t, "three rounds", func(context.Context) (string, bool, error) {
		text, err := os.ReadFile(marks)
		if os.IsNotExist(err) {
			return "none", false, nil
		}
		return string(text), len(text) >= 3, err
	})
	_, err = w.Rules.DeleteRule(t.Context(), &eventbridge.DeleteRuleInput{Name: aws.String("tick")})
	wantCode(t, err, "ValidationException", "Rule can't be deleted since it has targets.")
	if _, err := w.Rules.RemoveTargets(t.Context(), &eventbridge.RemoveTargetsInput{Rule: aws.String("tick"), Ids: []string{"f"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Rules.DeleteRule(t.Context(), &eventbridge.DeleteRuleInput{Name: aws.String("tick")}); err != nil {
		t.Fatal(err)
	}
	for expression, code := range map[string]string{"rate(1 minutes)": "ValidationException", "rate(5 minute)": "ValidationException", "cron(0 * * * ? *)": "NotImplemented", "hourly": "ValidationException"} {
		_, err := w.Rules.PutRule(t.Context(), &eventbridge.PutRuleInput{Name: aws.String("bad"), ScheduleExpression: aws.String(expression)})
		if !clouderr.IsAWS(err, code) {
			t.Errorf("%s: %v, want %s", expression, err, code)
		}
	}
	_, err = w.Rules.PutRule(t.Context(), &eventbridge.PutRuleInput{Name: aws.String("bad"), EventPattern: aws.String(`{"detail":{"n":[{"numeric":[">",1]}]}}`)})
	wantCode(t, err, "InvalidEventPatternException", "numeric")
}

// TestNoProcessOutlivesClose closes the service while one function hangs and others idle.
func TestNoProcessOutlivesClose(t *testing.T) {
	w := newWorld(t)
	role := w.role(t, "probe", allowAll)
	pids := filepath.Join(t.TempDir(), "pids")
	// The script waits for its own child, which must go with it.
	script := "#!/bin/sh\nsleep 1000 &\necho $$ $! > " + pids + "\nwait\n"
	hanging, err := zipOf("bootstrap", 0o755, []byte(script))
	if err != nil {
		t.Fatal(err)
	}
	w.function(t, "hanging", role, func(in *lambda.CreateFunctionInput) { in.Code.ZipFile = hanging })
	if _, err := w.Fn.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String("hanging"), InvocationType: lambdatypes.InvocationTypeEvent}); err != nil {
		t.Fatal(err)
	}
	var ids []string
	await(t, "the processes", func(context.Context) (string, bool, error) {
		text, err := os.ReadFile(pids)
		if os.IsNotExist(err) {
			return "no file", false, nil
		}
		ids = strings.Fields(string(text))
		return string(text), len(ids) == 2, err
	})
	w.Close()
	await(t, "their end", func(context.Context) (string, bool, error) {
		for _, id := range ids {
			if alive(id) {
				return id + " is alive", false, nil
			}
		}
		return "", true, nil
	})
}

// alive reports whether a process runs: one that is dead but not yet reaped does not.
func alive(pid string) bool {
	n, err := strconv.Atoi(pid)
	if err != nil {
		return false
	}
	if status, err := os.ReadFile("/proc/" + pid + "/stat"); err == nil {
		_, rest, _ := strings.Cut(string(status), ") ")
		return !strings.HasPrefix(rest, "Z")
	}
	return syscall.Kill(n, 0) == nil
}

func TestADeletedFunctionsKeyIsRefused(t *testing.T) {
	w := newWorld(t)
	w.function(t, "f", w.role(t, "probe", allowAll))
	key, _ := w.invoke(t, "f", `{"getenv":"AWS_ACCESS_KEY_ID"}`)
	token, _ := w.invoke(t, "f", `{"getenv":"AWS_SESSION_TOKEN"}`)
	client := ec2.New(ec2.Options{
		Region: region, BaseEndpoint: aws.String(w.url),
		Credentials: credentials.NewStaticCredentialsProvider(strings.Trim(key, `"`), "x", strings.Trim(token, `"`)),
	})
	if _, err := client.DescribeAddresses(t.Context(), &ec2.DescribeAddressesInput{}); err != nil {
		t.Errorf("with a living function: %s", err)
	}
	if _, err := w.Fn.DeleteFunction(t.Context(), &lambda.DeleteFunctionInput{FunctionName: aws.String("f")}); err != nil {
		t.Fatal(err)
	}
	_, err := client.DescribeAddresses(t.Context(), &ec2.DescribeAddressesInput{})
	wantCode(t, err, "AuthFailure", "security token")
}
