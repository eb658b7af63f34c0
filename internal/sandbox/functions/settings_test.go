package functions_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

const signingProfile = "arn:aws:signer:us-east-1:123456789012:/signing-profiles/egress/aBcDeFgHiJ"

// signing makes a code signing configuration and returns its ARN.
func (w *world) signing(t *testing.T, policy lambdatypes.CodeSigningPolicy) string {
	t.Helper()
	out, err := w.Fn.CreateCodeSigningConfig(t.Context(), &lambda.CreateCodeSigningConfigInput{
		AllowedPublishers:   &lambdatypes.AllowedPublishers{SigningProfileVersionArns: []string{signingProfile}},
		CodeSigningPolicies: &lambdatypes.CodeSigningPolicies{UntrustedArtifactOnDeployment: policy},
	})
	if err != nil {
		t.Fatal(err)
	}
	return *out.CodeSigningConfig.CodeSigningConfigArn
}

func TestCodeSigning(t *testing.T) {
	w := newWorld(t)
	role := w.role(t, "probe", allowAll)
	warn, enforce := w.signing(t, lambdatypes.CodeSigningPolicyWarn), w.signing(t, lambdatypes.CodeSigningPolicyEnforce)
	create := func(name, arn string) error {
		_, err := w.Fn.CreateFunction(t.Context(), &lambda.CreateFunctionInput{
			FunctionName: aws.String(name), Role: aws.String(role), Runtime: lambdatypes.RuntimeProvidedal2023, Handler: aws.String("bootstrap"),
			Architectures: []lambdatypes.Architecture{hostArchitecture()}, Code: &lambdatypes.FunctionCode{ZipFile: probeZip(t)}, CodeSigningConfigArn: aws.String(arn),
		})
		return err
	}
	update := func() error {
		_, err := w.Fn.UpdateFunctionCode(t.Context(), &lambda.UpdateFunctionCodeInput{FunctionName: aws.String("f"), ZipFile: probeZip(t)})
		return err
	}
	configured := func() string {
		out, err := w.Fn.GetFunctionCodeSigningConfig(t.Context(), &lambda.GetFunctionCodeSigningConfigInput{FunctionName: aws.String("f")})
		if err != nil {
			t.Fatal(err)
		}
		return aws.ToString(out.CodeSigningConfigArn)
	}
	wantCode(t, create("f", enforce), "CodeVerificationFailedException", "signature")
	wantCode(t, create("f", warn+"0"), "CodeSigningConfigNotFoundException", "cannot be found")
	if err := create("f", warn); err != nil {
		t.Fatal(err)
	}
	if err := update(); err != nil || configured() != warn {
		t.Errorf("code with a warning: %v, configured %s", err, configured())
	}
	_, err := w.Fn.DeleteCodeSigningConfig(t.Context(), &lambda.DeleteCodeSigningConfigInput{CodeSigningConfigArn: aws.String(warn)})
	wantCode(t, err, "ResourceConflictException", "in use")

	// What runs stays; the next code does not come in.
	if _, err := w.Fn.PutFunctionCodeSigningConfig(t.Context(), &lambda.PutFunctionCodeSigningConfigInput{FunctionName: aws.String("f"), CodeSigningConfigArn: aws.String(enforce)}); err != nil {
		t.Fatal(err)
	}
	if got, fault := w.invoke(t, "f", `{"getenv":"AWS_REGION"}`); fault != "" {
		t.Errorf("the function does not run any more: %s", got)
	}
	wantCode(t, update(), "CodeVerificationFailedException", "Check the provided signature for f.")
	if _, err := w.Fn.DeleteFunctionCodeSigningConfig(t.Context(), &lambda.DeleteFunctionCodeSigningConfigInput{FunctionName: aws.String("f")}); err != nil {
		t.Fatal(err)
	}
	if err := update(); err != nil || configured() != "" {
		t.Errorf("without a configuration: %v, configured %q", err, configured())
	}
	if _, err := w.Fn.DeleteCodeSigningConfig(t.Context(), &lambda.DeleteCodeSigningConfigInput{CodeSigningConfigArn: aws.String(warn)}); err != nil {
		t.Error(err)
	}
}

func TestEnvironmentUnderAKey(t *testing.T) {
	w := newWorld(t)
	role := w.role(t, "probe", "")
	id, arn := w.key(t)
	configure := func(key string) error {
		_, err := w.Fn.UpdateFunctionConfiguration(t.Context(), &lambda.UpdateFunctionConfigurationInput{FunctionName: aws.String("f"), KMSKeyArn: aws.String(key)})
		return err
	}
	w.function(t, "f", role, withEnvironment("GREETING", "hello"))
	wantCode(t, configure(strings.Replace(arn, id, "00000000-0000-4000-8000-000000000000", 1)), "InvalidParameterValueException", "the KMS key is invalid for CreateGrant. Please check your KMS key settings. KMS Exception: NotFoundException")
	if err := configure(arn); err != nil {
		t.Fatal(err)
	}
	invoke := func() error {
		_, err := w.Fn.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String("f"), Payload: []byte(`{"getenv":"GREETING"}`)})
		return err
	}
	wantCode(t, invoke(), "KMSAccessDeniedException", "assumed-role/probe/f is not authorized to perform: kms:Decrypt on resource: "+arn+" because no identity-based policy allows the kms:Decrypt action")
	w.policy(t, "probe", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"kms:Decrypt","Resource":"`+arn+`","Condition":{"StringEquals":{"kms:ViaService":"lambda.us-east-1.amazonaws.com"}}}]}`)
	if err := invoke(); err != nil {
		t.Errorf("with the right to decrypt: %s", err)
	}
	w.call(t, "kms", "TrentService.DisableKey", map[string]string{"KeyId": id}, nil)
	wantCode(t, configure(arn), "InvalidParameterValueException", "is disabled")
	if _, err := w.Fn.UpdateFunctionCode(t.Context(), &lambda.UpdateFunctionCodeInput{FunctionName: aws.String("f"), ZipFile: probeZip(t)}); err != nil {
		t.Fatal(err)
	}
	wantCode(t, invoke(), "KMSDisabledException", "is disabled")
}

func TestFunctionInAVPC(t *testing.T) {
	w := newWorld(t)
	role := w.role(t, "probe", "")
	subnets := w.subnets(t)
	described, err := w.EC2.DescribeSubnets(t.Context(), &ec2.DescribeSubnetsInput{SubnetIds: subnets[:1]})
	if err != nil {
		t.Fatal(err)
	}
	vpc := described.Subnets[0].VpcId
	group, err := w.EC2.CreateSecurityGroup(t.Context(), &ec2.CreateSecurityGroupInput{GroupName: aws.String("f"), Description: aws.String("f"), VpcId: vpc})
	if err != nil {
		t.Fatal(err)
	}
	foreign, err := w.EC2.DescribeSubnets(t.Context(), &ec2.DescribeSubnetsInput{})
	if err != nil {
		t.Fatal(err)
	}
	elsewhere := ""
	for _, s := range foreign.Subnets {
		if *s.VpcId != *vpc {
			elsewhere = *s.SubnetId
		}
	}
	w.function(t, "f", role)
	configure := func(subnets, groups []string) (*lambda.UpdateFunctionConfigurationOutput, error) {
		return w.Fn.UpdateFunctionConfiguration(t.Context(), &lambda.UpdateFunctionConfigurationInput{
			FunctionName: aws.String("f"), VpcConfig: &lambdatypes.VpcConfig{SubnetIds: subnets, SecurityGroupIds: groups},
		})
	}
	actions := []string{}
	for _, action := range []string{"CreateNetworkInterface", "DescribeNetworkInterfaces", "DeleteNetworkInterface"} {
		_, err := configure(subnets, []string{*group.GroupId})
		wantCode(t, err, "InvalidParameterValueException", "The provided execution role does not have permissions to call "+action+" on EC2")
		actions = append(actions, `"ec2:`+action+`"`)
		w.policy(t, "probe", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":[`+strings.Join(actions, ",")+`],"Resource":"*"}]}`)
	}
	for _, c := range []struct {
		subnets, groups []string
		says            string
	}{
		{subnets, nil, "must coexist or be both empty"},
		{[]string{"subnet-0123456789abcdef0"}, []string{*group.GroupId}, "EC2 Error Code: InvalidSubnetID.NotFound"},
		{subnets, []string{"sg-0123456789abcdef0"}, "EC2 Error Code: InvalidGroup.NotFound"},
		{[]string{elsewhere}, []string{*group.GroupId}, "must be in one VPC"},
	} {
		_, err := configure(c.subnets, c.groups)
		wantCode(t, err, "InvalidParameterValueException", c.says)
	}
	// Only what belongs to it, and only for Lambda itself.
	narrow := func(subnets ...string) string {
		const arn = "arn:aws:ec2:us-east-1:123456789012:"
		resources := []string{arn + "network-interface/*", arn + "security-group/" + *group.GroupId}
		for _, id := range subnets {
			resources = append(resources, arn+"subnet/"+id)
		}
		return `{"Version":"2012-10-17","Statement":[
		 {"Effect":"Allow","Action":"ec2:CreateNetworkInterface","Resource":["` + strings.Join(resources, `","`) + `"]},
		 {"Effect":"Allow","Action":"ec2:DescribeNetworkInterfaces","Resource":"*"},
		 {"Effect":"Allow","Action":"ec2:DeleteNetworkInterface","Resource":"` + arn + `*/*"},
		 {"Effect":"Deny","Action":"ec2:*","Resource":"*","Condition":{"ArnEquals":{"lambda:SourceFunctionArn":"arn:aws:lambda:us-east-1:123456789012:function:f"}}}]}`
	}
	w.policy(t, "probe", narrow(subnets[0]))
	_, err = configure(subnets, []string{*group.GroupId})
	wantCode(t, err, "InvalidParameterValueException", "permissions to call CreateNetworkInterface")
	w.policy(t, "probe", narrow(subnets...))
	out, err := configure(subnets, []string{*group.GroupId})
	if err != nil || aws.ToString(out.VpcConfig.VpcId) != *vpc || len(out.VpcConfig.SubnetIds) != 2 {
		t.Fatalf("%+v, %v", out, err)
	}
	if got, _ := w.invoke(t, "f", `{"call":"DescribeAddresses"}`); !strings.Contains(got, "with an explicit deny in an identity-based policy") {
		t.Errorf("the function's own code: %s", got)
	}
	if out, err = configure([]string{}, []string{}); err != nil || out.VpcConfig != nil && aws.ToString(out.VpcConfig.VpcId) != "" {
		t.Errorf("out of the VPC again: %+v, %v", out, err)
	}
}

// A boundary takes away what the role's own policy gives, and says so.
func TestBoundaryDecidesOverCallsOfFunctions(t *testing.T) {
	w := newWorld(t)
	w.function(t, "f", w.role(t, "probe", allowAll))
	for policy, says := range map[string]string{
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"logs:*","Resource":"*"}]}`:                                                      "because no permissions boundary allows the ec2:DescribeAddresses action",
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":"ec2:Describe*","Resource":"*"}]}`: "with an explicit deny in a permissions boundary",
	} {
		boundary, err := w.IAM.CreatePolicy(t.Context(), &iam.CreatePolicyInput{PolicyName: aws.String("boundary"), PolicyDocument: aws.String(policy)})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.IAM.PutRolePermissionsBoundary(t.Context(), &iam.PutRolePermissionsBoundaryInput{RoleName: aws.String("probe"), PermissionsBoundary: boundary.Policy.Arn}); err != nil {
			t.Fatal(err)
		}
		if got, _ := w.invoke(t, "f", `{"call":"DescribeAddresses"}`); !strings.Contains(got, "UnauthorizedOperation") || !strings.Contains(got, says) {
			t.Errorf("%s, want %q", got, says)
		}
		if _, err := w.IAM.DeleteRolePermissionsBoundary(t.Context(), &iam.DeleteRolePermissionsBoundaryInput{RoleName: aws.String("probe")}); err != nil {
			t.Fatal(err)
		}
		if got, fault := w.invoke(t, "f", `{"call":"DescribeAddresses"}`); fault != "" {
			t.Errorf("without a boundary: %s", got)
		}
		if _, err := w.IAM.DeletePolicy(t.Context(), &iam.DeletePolicyInput{PolicyArn: boundary.Policy.Arn}); err != nil {
			t.Fatal(err)
		}
	}
}
