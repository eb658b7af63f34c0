package e2e_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	astypes "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/google/uuid"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/acctest"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/eiptag"
)

// grants is an IAM policy.
type grants struct {
	Version   string
	Statement []grant
}

type grant struct {
	Sid, Effect      string
	Action, Resource []string
	Condition        map[string]map[string][]string `json:",omitempty"`
}

func parseGrants(t *testing.T, document string) grants {
	t.Helper()
	var g grants
	if err := json.Unmarshal([]byte(document), &g); err != nil {
		t.Fatalf("%s: %v", document, err)
	}
	return g
}

// without is the policy less one action of one statement.
func (g grants) without(sid, action string) grants {
	less := grants{Version: g.Version}
	for _, s := range g.Statement {
		if s.Sid == sid {
			s.Action = slices.DeleteFunc(slices.Clone(s.Action), func(a string) bool { return a == action })
		}
		if len(s.Action) > 0 {
			less.Statement = append(less.Statement, s)
		}
	}
	return less
}

const rolePolicy = "eip-assigner"

// grants reads what the function's role allows.
func (f *fleet) grants(t *testing.T) grants {
	t.Helper()
	out := must(f.iam.GetRolePolicy(t.Context(), &iam.GetRolePolicyInput{RoleName: aws.String(f.functionName(t)), PolicyName: aws.String(rolePolicy)}))(t)
	document := must(url.PathUnescape(aws.ToString(out.PolicyDocument)))(t)
	return parseGrants(t, document)
}

// grant has the role allow this and no more.
func (f *fleet) grant(t *testing.T, g grants) {
	t.Helper()
	document := string(must(json.Marshal(g))(t))
	must(f.iam.PutRolePolicy(t.Context(), &iam.PutRolePolicyInput{RoleName: aws.String(f.functionName(t)), PolicyName: aws.String(rolePolicy), PolicyDocument: &document}))(t)
}

// need has the function use a right, and returns what it answered if it was asked directly.
type need func(t *testing.T, f *fleet) (answer string)

// launching launches an instance, which waits for as long as the right is missing.
func launching(t *testing.T, f *fleet) string {
	t.Helper()
	f.scale(t, *f.group(t).DesiredCapacity+1)
	f.awaitStates(t, astypes.LifecycleStatePendingWait, 1)
	return ""
}

// launchingAsked asks the function while an instance launches.
func launchingAsked(t *testing.T, f *fleet) string {
	t.Helper()
	launching(t, f)
	answer, _ := f.invoke(t, `{"report":true}`)
	return answer
}

// launchingFound loses the event of a launch, and has a run over the group find the instance.
func launchingFound(t *testing.T, f *fleet) string {
	t.Helper()
	f.setRule(t, "launch", false)
	launching(t, f)
	f.setRule(t, "launch", true)
	answer, _ := f.invoke(t, `{"reconcile":true}`)
	return answer
}

// launchingWithoutAddress is launchingFound with no address to be had: the wait has to be prolonged.
func launchingWithoutAddress(t *testing.T, f *fleet) string {
	t.Helper()
	for _, a := range poolMembers(t, f.name) {
		if a.AssociationId == nil {
			retag(t, *a.AllocationId, eiptag.Admission, eiptag.AdmissionRequired)
		}
	}
	answer := launchingFound(t, f)
	f.admission(t, "")
	return answer
}

// leaving has an instance leave.
func leaving(t *testing.T, f *fleet) string {
	t.Helper()
	f.scale(t, *f.group(t).DesiredCapacity-1)
	return ""
}

// abandoning has the function give up a launch.
func abandoning(t *testing.T, f *fleet) string {
	t.Helper()
	f.abandonOne(t)
	return ""
}

// abandonOne launches an instance that the function gives up because it has an address of somebody
// else, and returns its id once it is gone. The function looks twice, half a minute apart.
func (f *fleet) abandonOne(t *testing.T) (instanceID string) {
	t.Helper()
	f.setRule(t, "launch", false)
	launching(t, f)
	waiting := f.awaitStates(t, astypes.LifecycleStatePendingWait, 1)[0]
	foreign := must(compute(t).AllocateAddress(t.Context(), &ec2.AllocateAddressInput{}))(t)
	defer release(t, *foreign.AllocationId)
	must(compute(t).AssociateAddress(t.Context(), &ec2.AssociateAddressInput{AllocationId: foreign.AllocationId, InstanceId: &waiting}))(t)
	f.setRule(t, "launch", true)
	event := must(json.Marshal(map[string]any{
		"source": "aws.autoscaling", "detail-type": "EC2 Instance-launch Lifecycle Action", "time": time.Now().UTC().Format(time.RFC3339),
		"detail": map[string]string{
			"AutoScalingGroupName": f.name, "LifecycleHookName": f.functionName(t) + "-launch", "EC2InstanceId": waiting,
			"LifecycleTransition": "autoscaling:EC2_INSTANCE_LAUNCHING", "LifecycleActionToken": uuid.NewString(),
		},
	}))(t)
	must(f.lambda.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String(f.functionName(t)), InvocationType: lambdatypes.InvocationTypeEvent, Payload: event}))(t)
	await(t, waiting+" to be given up", nil, func() bool {
		out := must(compute(t).DescribeAddresses(t.Context(), &ec2.DescribeAddressesInput{AllocationIds: []string{*foreign.AllocationId}}))(t)
		return !slices.Contains(f.instances(t), waiting) && out.Addresses[0].AssociationId == nil
	})
	return waiting
}

// denial is what one missing action leads to.
type denial struct {
	sid, action string
	need        need
	// resource is a part of the resource that the refusal names; "" if it names all ("*").
	resource string
	// harmless: the function does its work all the same.
	harmless bool
}

var denials = []denial{
	{"Look", "autoscaling:DescribeAutoScalingGroups", launchingAsked, "", true},
	{"Look", "autoscaling:DescribeAutoScalingInstances", launchingFound, "", false},
	{"Look", "ec2:DescribeAddresses", launchingAsked, "", false},
	{"Look", "ec2:DescribeInstances", launchingAsked, "", false},
	{"MoveAddressesOfThePool", "ec2:AssociateAddress", launching, ":elastic-ip/eipalloc-", false},
	{"MoveAddressesOfThePool", "ec2:DisassociateAddress", leaving, ":elastic-ip/eipalloc-", false},
	{"MoveThemToTheFleet", "ec2:AssociateAddress", launching, ":network-interface/eni-", false},
	{"MoveThemToTheFleet", "ec2:DisassociateAddress", leaving, ":network-interface/eni-", false},
	{"RecordTheReason", "ec2:CreateTags", leaving, ":elastic-ip/eipalloc-", true},
	{"RecordAnAbandonedLaunch", "ec2:CreateTags", abandoning, ":instance/i-", true},
	{"CompleteLifecycleActions", "autoscaling:CompleteLifecycleAction", launching, ":autoScalingGroupName/", false},
	{"CompleteLifecycleActions", "autoscaling:RecordLifecycleActionHeartbeat", launchingWithoutAddress, ":autoScalingGroupName/", true},
	{"Log", "logs:CreateLogStream", launching, "", true},
	{"Log", "logs:PutLogEvents", launching, "", true},
}

// Each action that the role allows is needed, is all that is needed, and fails closed, by its
// name, where somebody takes it away.
func TestAssignerRights(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 3)
	s := assignerStage(t, f, f.config(1, 3))
	s.apply(t)
	stop := f.watch(t)
	whole := f.grants(t)
	t.Run("none changes anything", func(t *testing.T) { wantNoWriteOnAll(t, whole) })
	covered := map[string]bool{}
	for _, d := range denials {
		covered[d.sid+" "+d.action] = true
		t.Run("without "+d.action+" of "+d.sid, func(t *testing.T) { f.deny(t, whole, d) })
	}
	for _, statement := range whole.Statement {
		for _, action := range statement.Action {
			if !covered[statement.Sid+" "+action] {
				t.Errorf("no test takes %s of %s away", action, statement.Sid)
			}
		}
	}
	t.Run("within a boundary that lacks one", func(t *testing.T) { f.bound(t, s) })
	t.Run("for another pool", func(t *testing.T) { f.bendToAnotherPool(t, s) })
	t.Run("for another's interface", f.bendToAnotherInterface)
	stop()
	s.do(t, arguments(destroy)...)
	s.gone(t)
}

// wantNoWriteOnAll asserts that what the role may do to everything is to look.
func wantNoWriteOnAll(t *testing.T, g grants) {
	t.Helper()
	for _, s := range g.Statement {
		for _, action := range s.Action {
			_, name, _ := strings.Cut(action, ":")
			if s.Effect != "Allow" || strings.Contains(action, "*") || slices.Contains(s.Resource, "*") && !strings.HasPrefix(name, "Describe") {
				t.Errorf("statement %s allows %s on %v", s.Sid, action, s.Resource)
			}
		}
	}
}

// room brings the group to where it can launch another instance and lose one.
func (f *fleet) room(t *testing.T) {
	t.Helper()
	const middle = 2
	if *f.group(t).DesiredCapacity != middle {
		f.scale(t, middle)
	}
	f.awaitServing(t, middle)
}

// deny takes one action away, and gives it back once the function has named it.
func (f *fleet) deny(t *testing.T, whole grants, d denial) {
	f.room(t)
	since := time.Now()
	f.grant(t, whole.without(d.sid, d.action))
	if d.sid == "Log" {
		// A process that runs has its stream.
		must(f.lambda.UpdateFunctionConfiguration(t.Context(), &lambda.UpdateFunctionConfigurationInput{FunctionName: aws.String(f.functionName(t))}))(t)
	}
	defer func() {
		f.grant(t, whole)
		f.awaitServing(t, int(*f.group(t).DesiredCapacity))
	}()
	answer := d.need(t, f)
	says := []string{"is not authorized to perform: " + d.action + " on resource: ", d.resource}
	await(t, "a line that says "+d.action, nil, func() bool {
		if d.sid == "Log" {
			return sandboxLogged(t, since, "does not allow "+d.action+" on", f.functionName(t))
		}
		return containsAll(answer, says) || f.logged(t, since, says...)
	})
	switch n := int(*f.group(t).DesiredCapacity); {
	case d.harmless:
		f.awaitServing(t, n)
	case n == 3 && len(f.serving(t)) != 2:
		t.Errorf("without %s, %v serve; want the two from before", d.action, f.serving(t))
	}
	if d.sid == "Log" && f.logged(t, since.Add(time.Second)) {
		t.Errorf("the function logs without %s", d.action)
	}
}

// sandboxLogged reports whether Lambda itself has complained since then.
func sandboxLogged(t *testing.T, since time.Time, says ...string) bool {
	t.Helper()
	text := must(os.ReadFile(filepath.Join(acctest.Sandbox(t).Dir(), "sandbox.log")))(t)
	for line := range strings.Lines(string(text)) {
		stamp, _, _ := strings.Cut(strings.TrimPrefix(line, "time="), " ")
		if at, err := time.Parse(time.RFC3339Nano, stamp); err == nil && !at.Before(since) && containsAll(line, says) {
			return true
		}
	}
	return false
}

// bound puts the role into a boundary that does not allow to associate addresses.
func (f *fleet) bound(t *testing.T, s *stage) {
	f.room(t)
	since := time.Now()
	policy := f.boundary(t, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","NotAction":"ec2:AssociateAddress","Resource":"*"}]}`)
	must(f.iam.PutRolePermissionsBoundary(t.Context(), &iam.PutRolePermissionsBoundaryInput{RoleName: aws.String(f.functionName(t)), PermissionsBoundary: &policy}))(t)
	launching(t, f)
	await(t, "the boundary to be named", nil, func() bool {
		return f.logged(t, since, "because no permissions boundary allows the ec2:AssociateAddress action")
	})
	if states := f.states(t); states["Pending:Wait"] != 1 {
		t.Errorf("within the boundary the instances are %v", states)
	}
	f.repaired(t, s, "role")
	f.awaitServing(t, 3)
}

// boundary makes a managed policy that goes with the test.
func (f *fleet) boundary(t *testing.T, document string) (arn string) {
	t.Helper()
	made := must(f.iam.CreatePolicy(t.Context(), &iam.CreatePolicyInput{PolicyName: aws.String(unique("boundary")), PolicyDocument: &document}))(t)
	t.Cleanup(func() {
		if _, err := f.iam.DeletePolicy(context.Background(), &iam.DeletePolicyInput{PolicyArn: made.Policy.Arn}); err != nil {
			t.Error(err)
		}
	})
	return *made.Policy.Arn
}

// repaired asserts that a plan names the drifted part, and applies it.
func (f *fleet) repaired(t *testing.T, s *stage, parts ...string) {
	t.Helper()
	actions, drifted := s.plannedParts(t)
	if !slices.Equal(actions, []string{"update"}) || !slices.Equal(drifted, parts) {
		t.Errorf("planned %v, drifted %v; want an update, drifted %v", actions, drifted, parts)
	}
	s.do(t, "apply", "-input=false", "-no-color", "tfrun.tfplan")
}

// bendToAnotherPool has the function believe in another pool, of which the role knows nothing.
func (f *fleet) bendToAnotherPool(t *testing.T, s *stage) {
	f.room(t)
	other := newFleet(t, 1)
	since := time.Now()
	name := aws.String(f.functionName(t))
	environment := must(f.lambda.GetFunctionConfiguration(t.Context(), &lambda.GetFunctionConfigurationInput{FunctionName: name}))(t).Environment.Variables
	environment["POOL_NAME"] = other.name
	must(f.lambda.UpdateFunctionConfiguration(t.Context(), &lambda.UpdateFunctionConfigurationInput{FunctionName: name, Environment: &lambdatypes.Environment{Variables: environment}}))(t)
	launching(t, f)
	await(t, "the other pool's address to be named", nil, func() bool {
		return f.logged(t, since, "is not authorized to perform: ec2:AssociateAddress on resource: ", ":elastic-ip/"+other.allocations[0])
	})
	if held := other.holders(t); len(held) != 0 {
		t.Errorf("the other pool's addresses are in use: %v", held)
	}
	f.repaired(t, s, "function")
	f.awaitServing(t, 3)
}

// bendToAnotherInterface takes off an interface the tag that makes it one of the fleet.
func (f *fleet) bendToAnotherInterface(t *testing.T) {
	f.room(t)
	since := time.Now()
	f.setRule(t, "launch", false)
	launching(t, f)
	waiting := f.awaitStates(t, astypes.LifecycleStatePendingWait, 1)[0]
	described := must(compute(t).DescribeInstances(t.Context(), &ec2.DescribeInstancesInput{InstanceIds: []string{waiting}}))(t)
	card := described.Reservations[0].Instances[0].NetworkInterfaces[0].NetworkInterfaceId
	tag := []ec2types.Tag{{Key: aws.String(eiptag.DefaultPoolKey), Value: &f.name}}
	must(compute(t).DeleteTags(t.Context(), &ec2.DeleteTagsInput{Resources: []string{*card}, Tags: tag}))(t)
	f.setRule(t, "launch", true)
	answer, _ := f.invoke(t, `{"reconcile":true}`)
	says := []string{"is not authorized to perform: ec2:AssociateAddress on resource: ", ":network-interface/" + *card}
	await(t, "the interface to be named", nil, func() bool { return containsAll(answer, says) || f.logged(t, since, says...) })
	if held := f.holders(t); len(held) != 2 {
		t.Errorf("addresses in use: %v", held)
	}
	must(compute(t).CreateTags(t.Context(), &ec2.CreateTagsInput{Resources: []string{*card}, Tags: tag}))(t)
	f.awaitServing(t, 3)
}

// A role of one's own, made by the stock AWS provider in the same apply, has what the function
// assigner_policy gives, which is what policy_json says, and needs nothing else.
func TestAssignerRoleOfOnesOwn(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 2)
	key, name := accessKey(), unique("own")
	config := fmt.Sprintf(`
terraform {
  required_providers {
    aws            = { source = "hashicorp/aws" }
    crosscloudlink = { source = "crosscloudlink/crosscloudlink" }
  }
}

locals {
  policy = provider::crosscloudlink::assigner_policy({
    name                   = %q
    auto_scaling_group_arn = %q
    pool_name              = %q
  })
}

resource "aws_iam_role" "own" {
  name = %q
  path = "/service/"
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Principal = { Service = "lambda.amazonaws.com" }, Action = "sts:AssumeRole" }]
  })
}

resource "aws_iam_role_policy" "own" {
  name   = "egress"
  role   = aws_iam_role.own.name
  policy = local.policy
}

output "same" {
  value = crosscloudlink_lifecycle_eip_assigner.test.policy_json == local.policy
}
`, f.assigner, f.arn, f.name, name) + f.config(2, 2, "role_arn = aws_iam_role.own.arn", "depends_on = [aws_iam_role_policy.own]")
	s := &stage{key: key, tf: acctest.Config(t, acctest.Sandbox(t), config, "AWS_ACCESS_KEY_ID="+key)}
	s.apply(t)
	f.wantServing(t, 2)
	if same := s.do(t, "output", "-json", "same"); strings.TrimSpace(same) != "true" {
		t.Errorf("policy_json is what assigner_policy gives: %s", same)
	}
	if parts := f.parts(t); len(parts) != wholeAssigner-1 || slices.ContainsFunc(parts, func(p string) bool { return strings.HasPrefix(p, "role ") }) {
		t.Errorf("the parts are %v", parts)
	}
	function := must(f.lambda.GetFunctionConfiguration(t.Context(), &lambda.GetFunctionConfigurationInput{FunctionName: aws.String(f.functionName(t))}))(t)
	if !strings.HasSuffix(aws.ToString(function.Role), ":role/service/"+name) {
		t.Errorf("the function runs as %s", aws.ToString(function.Role))
	}
	s.do(t, "plan", "-detailed-exitcode", "-input=false", "-no-color")

	// The assigner alone goes, and leaves the role.
	s.do(t, append(arguments(destroy), "-target="+assignerAddress)...)
	if err := f.notGone(t); err != nil {
		t.Error(err)
	}
	if _, err := f.iam.GetRole(t.Context(), &iam.GetRoleInput{RoleName: &name}); err != nil {
		t.Errorf("the destroy has cost the role: %s", err)
	}
	s.do(t, arguments(destroy)...)
}
