package e2e_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/acctest"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/clouderr"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/eiptag"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox"
)

// callAWS makes a call of a JSON service for which there is no client of the SDK here.
func callAWS(t *testing.T, service, target string, in, out any) {
	t.Helper()
	config := acctest.Sandbox(t).AWS().Config
	body := must(json.Marshal(in))(t)
	req := must(http.NewRequestWithContext(context.Background(), http.MethodPost, *config.BaseEndpoint, bytes.NewReader(body)))(t)
	req.Header.Set("Content-Type", "application/x-amz-json-1.1")
	req.Header.Set("X-Amz-Target", target)
	digest := sha256.Sum256(body)
	key := must(config.Credentials.Retrieve(context.Background()))(t)
	if err := v4.NewSigner().SignHTTP(context.Background(), key, req, hex.EncodeToString(digest[:]), service, config.Region, time.Now()); err != nil {
		t.Fatal(err)
	}
	resp := must(config.HTTPClient.Do(req))(t)
	defer func() { _ = resp.Body.Close() }()
	answer := must(io.ReadAll(resp.Body))(t)
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s %s", target, resp.Status, answer)
	}
	if out == nil {
		return
	}
	if err := json.Unmarshal(answer, out); err != nil {
		t.Fatalf("%s: %s: %v", target, answer, err)
	}
}

// surroundings are what an assigner of a strict account refers to.
type surroundings struct {
	boundary, key, signing, queue, queueURL, subnet, securityGroup string
}

// newSurroundings makes them; they go with the test.
func (f *fleet) newSurroundings(t *testing.T) surroundings {
	t.Helper()
	ctx := t.Context()
	var around surroundings
	around.boundary = f.boundary(t, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["autoscaling:*","ec2:*","kms:Decrypt","logs:*","sqs:SendMessage"],"Resource":"*"}]}`)
	var key struct {
		KeyMetadata struct{ Arn, KeyID string }
	}
	callAWS(t, "kms", "TrentService.CreateKey", struct{}{}, &key)
	around.key = key.KeyMetadata.Arn
	var queue struct {
		QueueURL string `json:"QueueUrl"`
	}
	name := unique("given-up")
	callAWS(t, "sqs", "AmazonSQS.CreateQueue", map[string]string{"QueueName": name}, &queue)
	around.queueURL, around.queue = queue.QueueURL, fmt.Sprintf("arn:aws:sqs:%s:%s:%s", sandbox.Region, sandbox.AccountID, name)
	around.signing = f.signing(t, lambdatypes.CodeSigningPolicyWarn)
	around.subnet = subnetWithInternet(t)
	vpc := must(compute(t).DescribeSubnets(ctx, &ec2.DescribeSubnetsInput{SubnetIds: []string{around.subnet}}))(t).Subnets[0].VpcId
	around.securityGroup = *must(compute(t).CreateSecurityGroup(ctx, &ec2.CreateSecurityGroupInput{GroupName: aws.String(unique("lambda")), Description: aws.String("the function's"), VpcId: vpc}))(t).GroupId
	t.Cleanup(func() {
		callAWS(t, "sqs", "AmazonSQS.DeleteQueue", map[string]string{"QueueUrl": queue.QueueURL}, nil)
		callAWS(t, "kms", "TrentService.ScheduleKeyDeletion", map[string]any{"KeyId": key.KeyMetadata.KeyID, "PendingWindowInDays": 7}, nil)
		if _, err := compute(t).DeleteSecurityGroup(context.Background(), &ec2.DeleteSecurityGroupInput{GroupId: &around.securityGroup}); err != nil {
			t.Error(err)
		}
	})
	return around
}

// signing makes a code signing configuration with this policy; it goes with the test.
func (f *fleet) signing(t *testing.T, policy lambdatypes.CodeSigningPolicy) (arn string) {
	t.Helper()
	profile := fmt.Sprintf("arn:aws:signer:%s:%s:/signing-profiles/egress/aBcDeFgHiJ", sandbox.Region, sandbox.AccountID)
	arn = *must(f.lambda.CreateCodeSigningConfig(t.Context(), &lambda.CreateCodeSigningConfigInput{
		AllowedPublishers:   &lambdatypes.AllowedPublishers{SigningProfileVersionArns: []string{profile}},
		CodeSigningPolicies: &lambdatypes.CodeSigningPolicies{UntrustedArtifactOnDeployment: policy},
	}))(t).CodeSigningConfig.CodeSigningConfigArn
	t.Cleanup(func() {
		if _, err := f.lambda.DeleteCodeSigningConfig(context.Background(), &lambda.DeleteCodeSigningConfigInput{CodeSigningConfigArn: &arn}); err != nil {
			t.Error(err)
		}
	})
	return arn
}

// arguments are the assigner's arguments for them.
func (around surroundings) arguments() []string {
	return []string{
		`role_path = "/service/egress/"`,
		fmt.Sprintf("permissions_boundary_arn = %q", around.boundary),
		fmt.Sprintf("kms_key_arn = %q", around.key),
		fmt.Sprintf("vpc_config = { subnet_ids = [%q], security_group_ids = [%q] }", around.subnet, around.securityGroup),
		fmt.Sprintf("code_signing_config_arn = %q", around.signing),
		fmt.Sprintf("failure_destination_arn = %q", around.queue),
		`tags = { team = "egress", stage = "test" }`,
	}
}

const defaultTags = `
provider "crosscloudlink" {
  aws = { default_tags = { owner = "platform", stage = "default" } }
}
`

// An assigner in an account where everything has to have its key, its network, its boundary and
// its tags: each is seen in AWS, is repaired where somebody undoes it, and is needed.
func TestAssignerSettings(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 2)
	around := f.newSurroundings(t)
	config := defaultTags + f.config(2, 2, around.arguments()...)
	s := assignerStage(t, f, config)
	s.apply(t)
	s.intact(t)
	f.wantSurroundings(t, around)
	if actions, drifted := s.plannedParts(t); actions != nil {
		t.Errorf("planned %v, drifted %v", actions, drifted)
	}
	t.Run("drift", func(t *testing.T) { f.undo(t, s, around) })
	t.Run("rights", func(t *testing.T) { f.denySurroundings(t, around) })
	t.Run("event given up", func(t *testing.T) { f.giveUpAnEvent(t, around) })
	t.Run("taken off again", func(t *testing.T) {
		s.configure(t, defaultTags+f.config(2, 2, `role_path = "/service/egress/"`))
		s.apply(t)
		s.intact(t)
		f.wantPlain(t)
		if actions, drifted := s.plannedParts(t); actions != nil {
			t.Errorf("planned %v, drifted %v", actions, drifted)
		}
	})
	s.do(t, arguments(destroy)...)
	s.gone(t)
}

// partTags are the tags of each part that can have any, by the part's name in drifted_parts.
func (f *fleet) partTags(t *testing.T) map[string]map[string]string {
	t.Helper()
	ctx := t.Context()
	name := f.functionName(t)
	all := map[string]map[string]string{"role": {}}
	for _, tag := range must(f.iam.ListRoleTags(ctx, &iam.ListRoleTagsInput{RoleName: &name}))(t).Tags {
		all["role"][*tag.Key] = *tag.Value
	}
	all["function"] = must(f.lambda.GetFunction(ctx, &lambda.GetFunctionInput{FunctionName: &name}))(t).Tags
	logGroup := fmt.Sprintf("arn:aws:logs:%s:%s:log-group:/aws/lambda/%s", sandbox.Region, sandbox.AccountID, name)
	all["log_group"] = must(f.logs.ListTagsForResource(ctx, &cloudwatchlogs.ListTagsForResourceInput{ResourceArn: &logGroup}))(t).Tags
	for _, kind := range []string{"launch", "terminate", "schedule"} {
		tags := map[string]string{}
		for _, tag := range must(f.events.ListTagsForResource(ctx, &eventbridge.ListTagsForResourceInput{ResourceARN: aws.String(f.ruleARN(t, kind))}))(t).Tags {
			tags[*tag.Key] = *tag.Value
		}
		all[kind+"_rule"] = tags
	}
	return all
}

func (f *fleet) ruleARN(t *testing.T, kind string) string {
	t.Helper()
	return fmt.Sprintf("arn:aws:events:%s:%s:rule/%s-%s", sandbox.Region, sandbox.AccountID, f.functionName(t), kind)
}

// settings are what AWS has of the surroundings.
func (f *fleet) settings(t *testing.T) (surroundings, string) {
	t.Helper()
	ctx, name := t.Context(), aws.String(f.functionName(t))
	role := must(f.iam.GetRole(ctx, &iam.GetRoleInput{RoleName: name}))(t).Role
	function := must(f.lambda.GetFunctionConfiguration(ctx, &lambda.GetFunctionConfigurationInput{FunctionName: name}))(t)
	signing := must(f.lambda.GetFunctionCodeSigningConfig(ctx, &lambda.GetFunctionCodeSigningConfigInput{FunctionName: name}))(t)
	invoke := must(f.lambda.GetFunctionEventInvokeConfig(ctx, &lambda.GetFunctionEventInvokeConfigInput{FunctionName: name}))(t)
	is := surroundings{key: aws.ToString(function.KMSKeyArn), signing: aws.ToString(signing.CodeSigningConfigArn)}
	if role.PermissionsBoundary != nil {
		is.boundary = aws.ToString(role.PermissionsBoundary.PermissionsBoundaryArn)
	}
	if vpc := function.VpcConfig; vpc != nil {
		is.subnet, is.securityGroup = strings.Join(vpc.SubnetIds, ","), strings.Join(vpc.SecurityGroupIds, ",")
	}
	if to := invoke.DestinationConfig; to != nil && to.OnFailure != nil {
		is.queue = aws.ToString(to.OnFailure.Destination)
	}
	return is, aws.ToString(role.Path)
}

// wantSurroundings asserts that every part is as the configuration wants it.
func (f *fleet) wantSurroundings(t *testing.T, want surroundings) {
	t.Helper()
	want.queueURL = ""
	if is, path := f.settings(t); is != want || path != "/service/egress/" {
		t.Errorf("AWS has %+v and the role's path %s, want %+v", is, path, want)
	}
	for part, tags := range f.partTags(t) {
		for key, value := range map[string]string{"team": "egress", "stage": "test", "owner": "platform", eiptag.Owner: "default"} {
			if tags[key] != value {
				t.Errorf("%s has the tags %v, want %s = %s", part, tags, key, value)
			}
		}
	}
}

// wantPlain asserts that nothing is left of them but the provider's default tags.
func (f *fleet) wantPlain(t *testing.T) {
	t.Helper()
	if is, _ := f.settings(t); is != (surroundings{}) {
		t.Errorf("AWS still has %+v", is)
	}
	for part, tags := range f.partTags(t) {
		if want := map[string]string{"owner": "platform", "stage": "default", eiptag.Owner: "default"}; !maps.Equal(tags, want) {
			t.Errorf("%s has the tags %v, want %v", part, tags, want)
		}
	}
}

// undo has another hand undo each setting, and asserts that the next apply puts it back.
func (f *fleet) undo(t *testing.T, s *stage, around surroundings) {
	ctx, name := t.Context(), aws.String(f.functionName(t))
	must(f.iam.DeleteRolePermissionsBoundary(ctx, &iam.DeleteRolePermissionsBoundaryInput{RoleName: name}))(t)
	logGroup := fmt.Sprintf("arn:aws:logs:%s:%s:log-group:/aws/lambda/%s", sandbox.Region, sandbox.AccountID, *name)
	must(f.logs.UntagResource(ctx, &cloudwatchlogs.UntagResourceInput{ResourceArn: &logGroup, TagKeys: []string{"team"}}))(t)
	must(f.events.UntagResource(ctx, &eventbridge.UntagResourceInput{ResourceARN: aws.String(f.ruleARN(t, "terminate")), TagKeys: []string{"owner"}}))(t)
	must(f.lambda.UpdateFunctionConfiguration(ctx, &lambda.UpdateFunctionConfigurationInput{
		FunctionName: name, KMSKeyArn: aws.String(""), VpcConfig: &lambdatypes.VpcConfig{SubnetIds: []string{}, SecurityGroupIds: []string{}},
	}))(t)
	must(f.lambda.PutFunctionEventInvokeConfig(ctx, &lambda.PutFunctionEventInvokeConfigInput{
		FunctionName: name, MaximumRetryAttempts: aws.Int32(2), MaximumEventAgeInSeconds: aws.Int32(21600),
	}))(t)
	f.repaired(t, s, "role", "log_group", "function", "function_retries", "terminate_rule")
	f.wantSurroundings(t, around)

	must(f.lambda.DeleteFunctionCodeSigningConfig(ctx, &lambda.DeleteFunctionCodeSigningConfigInput{FunctionName: name}))(t)
	must(f.iam.UntagRole(ctx, &iam.UntagRoleInput{RoleName: name, TagKeys: []string{"stage"}}))(t)
	f.repaired(t, s, "role", "function")
	f.wantSurroundings(t, around)
	if actions, drifted := s.plannedParts(t); actions != nil {
		t.Errorf("after the repairs planned %v, drifted %v", actions, drifted)
	}
}

// denySurroundings takes away what the role is allowed for the sake of the settings; Lambda itself
// refuses then, and names what it misses.
func (f *fleet) denySurroundings(t *testing.T, around surroundings) {
	whole, name := f.grants(t), aws.String(f.functionName(t))
	configure := func(ctx context.Context) error {
		_, err := f.lambda.UpdateFunctionConfiguration(ctx, &lambda.UpdateFunctionConfigurationInput{
			FunctionName: name, VpcConfig: &lambdatypes.VpcConfig{SubnetIds: []string{around.subnet}, SecurityGroupIds: []string{around.securityGroup}},
		})
		return err
	}
	invoke := func(ctx context.Context) error {
		_, err := f.lambda.Invoke(ctx, &lambda.InvokeInput{FunctionName: name, Payload: []byte(`{"report":true}`)})
		return err
	}
	direct := func(ctx context.Context) error {
		_, err := f.lambda.PutFunctionEventInvokeConfig(ctx, &lambda.PutFunctionEventInvokeConfigInput{
			FunctionName: name, MaximumRetryAttempts: aws.Int32(2), MaximumEventAgeInSeconds: aws.Int32(21600),
			DestinationConfig: &lambdatypes.DestinationConfig{OnFailure: &lambdatypes.OnFailure{Destination: &around.queue}},
		})
		return err
	}
	for action, c := range map[string]struct {
		by         func(context.Context) error
		code, says string
	}{
		"ec2:CreateNetworkInterface":    {configure, "InvalidParameterValueException", "does not have permissions to call CreateNetworkInterface on EC2"},
		"ec2:DescribeNetworkInterfaces": {configure, "InvalidParameterValueException", "does not have permissions to call DescribeNetworkInterfaces on EC2"},
		"ec2:DeleteNetworkInterface":    {configure, "InvalidParameterValueException", "does not have permissions to call DeleteNetworkInterface on EC2"},
		"kms:Decrypt":                   {invoke, "KMSAccessDeniedException", "is not authorized to perform: kms:Decrypt on resource: " + around.key},
		"sqs:SendMessage":               {direct, "InvalidParameterValueException", "does not have permissions to call SendMessage on " + around.queue},
	} {
		less := whole
		for _, statement := range whole.Statement {
			if statement.Effect == "Allow" {
				less = less.without(statement.Sid, action)
			}
		}
		// No process may go on with an environment that it has read before.
		must(f.lambda.UpdateFunctionConfiguration(t.Context(), &lambda.UpdateFunctionConfigurationInput{FunctionName: name}))(t)
		f.grant(t, less)
		err := c.by(t.Context())
		f.grant(t, whole)
		if !clouderr.IsAWS(err, c.code) || !strings.Contains(clouderr.AWSMessage(err), c.says) {
			t.Errorf("without %s: %v, want %s with %q", action, err, c.code, c.says)
		}
		if err := c.by(t.Context()); err != nil {
			t.Errorf("with %s: %s", action, err)
		}
	}
}

// giveUpAnEvent has Lambda give up an event, and finds it in the queue.
func (f *fleet) giveUpAnEvent(t *testing.T, around surroundings) {
	name := aws.String(f.functionName(t))
	must(f.lambda.PutFunctionConcurrency(t.Context(), &lambda.PutFunctionConcurrencyInput{FunctionName: name, ReservedConcurrentExecutions: aws.Int32(0)}))(t)
	must(f.lambda.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: name, InvocationType: lambdatypes.InvocationTypeEvent, Payload: []byte(`{"mark":"given up"}`)}))(t)
	var bodies []string
	await(t, "the record of the event", nil, func() bool {
		var out struct{ Messages []struct{ Body string } }
		callAWS(t, "sqs", "AmazonSQS.ReceiveMessage", map[string]any{"QueueUrl": around.queueURL, "MaxNumberOfMessages": 10}, &out)
		for _, m := range out.Messages {
			bodies = append(bodies, m.Body)
		}
		return slices.ContainsFunc(bodies, func(body string) bool {
			return containsAll(body, []string{`"requestPayload":{"mark":"given up"}`, `"condition":"ZeroReservedConcurrency"`, ":function:" + *name + ":$LATEST"})
		})
	})
	must(f.lambda.DeleteFunctionConcurrency(t.Context(), &lambda.DeleteFunctionConcurrencyInput{FunctionName: name}))(t)
}

// Code that must be signed is refused by name, and so is a key that does not exist; nothing is left of either.
func TestAssignerRefusedByLambda(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 1)
	missing := fmt.Sprintf("arn:aws:kms:%s:%s:key/00000000-0000-4000-8000-000000000000", sandbox.Region, sandbox.AccountID)
	for _, tc := range []struct{ what, argument, says string }{
		{"code that is not signed", fmt.Sprintf("code_signing_config_arn = %q", f.signing(t, lambdatypes.CodeSigningPolicyEnforce)), "CodeVerificationFailedException"},
		{"key that does not exist", fmt.Sprintf("kms_key_arn = %q", missing), "Lambda was unable to configure access to your environment variables"},
	} {
		s := assignerStage(t, f, f.config(1, 1, tc.argument))
		output, err := s.tf.Do(t.Context(), arguments(apply)...)
		flat := strings.Join(strings.Fields(strings.ReplaceAll(output, "│", " ")), " ")
		if err == nil || !containsAll(flat, []string{"Cannot make the assigner", tc.says, "What had been made was taken back."}) {
			t.Errorf("%s: %v", tc.what, err)
		}
		s.gone(t)
	}
}
