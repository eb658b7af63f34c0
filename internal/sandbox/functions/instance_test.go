package functions_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	asg "github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/clouderr"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/functions"
)

// profile makes a role that EC2 can assume and an instance profile with it, and returns the profile's ARN.
func (w *world) profile(t *testing.T, name, trusted, policy string) string {
	t.Helper()
	trust := strings.ReplaceAll(lambdaTrust, "lambda.amazonaws.com", trusted)
	if _, err := w.IAM.CreateRole(t.Context(), &iam.CreateRoleInput{RoleName: &name, AssumeRolePolicyDocument: &trust}); err != nil {
		t.Fatal(err)
	}
	w.policy(t, name, policy)
	out, err := w.IAM.CreateInstanceProfile(t.Context(), &iam.CreateInstanceProfileInput{InstanceProfileName: &name})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.IAM.AddRoleToInstanceProfile(t.Context(), &iam.AddRoleToInstanceProfileInput{InstanceProfileName: &name, RoleName: &name}); err != nil {
		t.Fatal(err)
	}
	return *out.InstanceProfile.Arn
}

// as is the SDK's configuration of a program on an instance.
func (w *world) as(c functions.InstanceCredentials) aws.Config {
	return aws.Config{Region: region, BaseEndpoint: &w.url, Credentials: credentials.NewStaticCredentialsProvider(c.AccessKeyID, c.SecretAccessKey, c.Token)}
}

func TestAnInstanceCompletesItsLaunchHookWithItsRoleAlone(t *testing.T) {
	w := newWorld(t)
	profile := w.profile(t, "proxy", "ec2.amazonaws.com", completePolicy)
	stranger := w.profile(t, "stranger", "ec2.amazonaws.com", strings.ReplaceAll(completePolicy, "autoScalingGroupName/proxies", "autoScalingGroupName/others"))
	w.group(t, "proxies")
	w.desire(t, "proxies", 1)
	w.awaitStates(t, "proxies", "Pending:Wait")
	groups, err := w.ASG.DescribeAutoScalingGroups(t.Context(), &asg.DescribeAutoScalingGroupsInput{AutoScalingGroupNames: []string{"proxies"}})
	if err != nil {
		t.Fatal(err)
	}
	instance := *groups.AutoScalingGroups[0].Instances[0].InstanceId
	hooks, err := w.ASG.DescribeLifecycleHooks(t.Context(), &asg.DescribeLifecycleHooksInput{AutoScalingGroupName: aws.String("proxies")})
	if err != nil {
		t.Fatal(err)
	}
	hook := hooks.LifecycleHooks[0].LifecycleHookName
	complete := func(c functions.InstanceCredentials) error {
		_, err := asg.NewFromConfig(w.as(c)).CompleteLifecycleAction(t.Context(), &asg.CompleteLifecycleActionInput{
			AutoScalingGroupName: aws.String("proxies"), LifecycleHookName: hook, InstanceId: &instance, LifecycleActionResult: aws.String("CONTINUE"),
		})
		return err
	}
	credentialsOf := func(profile string) functions.InstanceCredentials {
		t.Helper()
		c, err := w.InstanceCredentials(t.Context(), profile, instance)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	refused := complete(credentialsOf(stranger))
	if !clouderr.IsAWS(refused, "AccessDenied") || !strings.Contains(refused.Error(), "assumed-role/stranger/"+instance+" is not authorized to perform: autoscaling:CompleteLifecycleAction") {
		t.Errorf("with a role for another group: %v", refused)
	}
	c := credentialsOf(profile)
	if again := credentialsOf(profile); c != again || c.RoleName != "proxy" {
		t.Errorf("credentials %+v, then %+v", c, again)
	}
	_, err = ec2.NewFromConfig(w.as(c)).DescribeInstances(t.Context(), &ec2.DescribeInstancesInput{})
	if !clouderr.IsAWS(err, "UnauthorizedOperation") {
		t.Errorf("what the role does not allow: %v", err)
	}
	if err := complete(c); err != nil {
		t.Fatal(err)
	}
	w.awaitStates(t, "proxies", "InService")
	w.EndInstance(instance)
	if err := complete(c); !clouderr.IsAWS(err, "InvalidClientTokenId") {
		t.Errorf("with the credentials of an instance that is gone: %v", err)
	}
}

func TestInstanceProfilesThatGiveNoCredentials(t *testing.T) {
	w := newWorld(t)
	empty, err := w.IAM.CreateInstanceProfile(t.Context(), &iam.CreateInstanceProfileInput{InstanceProfileName: aws.String("empty")})
	if err != nil {
		t.Fatal(err)
	}
	for text, profile := range map[string]string{
		"does not trust ec2.amazonaws.com": w.profile(t, "function", "lambda.amazonaws.com", completePolicy),
		"holds no role":                    *empty.InstanceProfile.Arn,
		"does not exist":                   *empty.InstanceProfile.Arn + "-of-another-name",
	} {
		_, err := w.InstanceCredentials(t.Context(), profile, "i-1")
		if !errors.Is(err, functions.ErrNotAssumable) || !strings.Contains(err.Error(), text) {
			t.Errorf("want %q, got %v", text, err)
		}
	}
}
