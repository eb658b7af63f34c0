package awscloud_test

import (
	"encoding/base64"
	"net/http"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/awsapi"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/awscloud"
)

// Each protocol has its own format of errors: the SDK reads the code only from the right one.
func TestUnknownOperationsAreRefusedOnceInTheirServicesFormat(t *testing.T) {
	calls := 0
	cloud := start(t, awscloud.Options{Middleware: func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			calls++
			next.ServeHTTP(w, r)
		})
	}})
	cfg := config(cloud)
	for name, call := range map[string]func() error{
		"EC2, unknown to moto": func() error {
			_, err := ec2.NewFromConfig(cfg).ModifyAddressAttribute(t.Context(), &ec2.ModifyAddressAttributeInput{AllocationId: aws.String("eipalloc-1")})
			return err
		},
		"EC2, not passed on": func() error {
			_, err := ec2.NewFromConfig(cfg).CreateNatGateway(t.Context(), &ec2.CreateNatGatewayInput{SubnetId: aws.String("subnet-1"), SecondaryAllocationIds: []string{"eipalloc-1"}})
			return err
		},
		"query XML": func() error {
			_, err := iam.NewFromConfig(cfg).GenerateOrganizationsAccessReport(t.Context(), &iam.GenerateOrganizationsAccessReportInput{EntityPath: aws.String("o-a1b2c3d4e5/r-f6g7h8i9j0example/ou-1a2b3c")})
			return err
		},
		"JSON": func() error {
			_, err := cloudwatchlogs.NewFromConfig(cfg).ListLogAnomalyDetectors(t.Context(), &cloudwatchlogs.ListLogAnomalyDetectorsInput{})
			return err
		},
		"Auto Scaling without its service": func() error {
			_, err := autoscaling.NewFromConfig(cfg).DescribeTags(t.Context(), &autoscaling.DescribeTagsInput{})
			return err
		},
		"Lambda without its service": func() error {
			_, err := lambda.NewFromConfig(cfg).ListFunctions(t.Context(), &lambda.ListFunctionsInput{})
			return err
		},
		"EventBridge without its service": func() error {
			_, err := eventbridge.NewFromConfig(cfg).ListRules(t.Context(), &eventbridge.ListRulesInput{})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			calls = 0
			wantCode(t, call(), "NotImplemented")
			if calls != 1 {
				t.Errorf("the SDK tried %d times, want once", calls)
			}
		})
	}
}

func TestCallsPassToMoto(t *testing.T) {
	cloud := start(t, awscloud.Options{})
	who := must(sts.NewFromConfig(config(cloud)).GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{}))(t)
	if *who.Account != awscloud.DefaultAccountID {
		t.Errorf("the account is %s, want %s", *who.Account, awscloud.DefaultAccountID)
	}
	_, err := ec2.NewFromConfig(config(cloud)).DescribeVpcs(t.Context(), &ec2.DescribeVpcsInput{VpcIds: []string{"vpc-0123456789abcdef0"}})
	wantCode(t, err, "InvalidVpcID.NotFound")
}

func TestAuthorizeIsAskedFirst(t *testing.T) {
	cloud := start(t, awscloud.Options{Authorize: func(r *awsapi.Request) *awsapi.Error {
		if r.Action == "DescribeAddresses" {
			return nil
		}
		return awsapi.Errorf(http.StatusForbidden, "UnauthorizedOperation", "You are not authorized to perform this operation.")
	}})
	client := ec2.NewFromConfig(config(cloud))
	_, err := client.DescribeAddresses(t.Context(), &ec2.DescribeAddressesInput{})
	wantCode(t, err, "")
	_, err = client.AllocateAddress(t.Context(), &ec2.AllocateAddressInput{})
	wantCode(t, err, "UnauthorizedOperation")
}

func TestMountedHandlersComeFirst(t *testing.T) {
	mounted := awsapi.HandlerFunc(func(w http.ResponseWriter, r *awsapi.Request) bool {
		if r.Service != "autoscaling" {
			return false
		}
		awsapi.WriteError(w, r, awsapi.Errorf(http.StatusBadRequest, "ValidationError", "mounted"))
		return true
	})
	cloud := start(t, awscloud.Options{Handlers: []awsapi.Handler{mounted}})
	_, err := autoscaling.NewFromConfig(config(cloud)).DescribeTags(t.Context(), &autoscaling.DescribeTagsInput{})
	wantCode(t, err, "ValidationError")
}

func TestMotoThatDoesNotAnswer(t *testing.T) {
	cloud, err := awscloud.New(t.Context(), awscloud.Options{MotoURL: "http://127.0.0.1:1"})
	if err != nil {
		t.Fatal(err)
	}
	defer cloud.Close()
	client := ec2.NewFromConfig(config(cloud), func(o *ec2.Options) { o.RetryMaxAttempts = 1 })
	_, err = client.DescribeVpcs(t.Context(), &ec2.DescribeVpcsInput{})
	wantCode(t, err, "ServiceUnavailable")
	if _, err := awscloud.New(t.Context(), awscloud.Options{}); err == nil {
		t.Error("a gateway without moto was started")
	}
}

func TestInstancesAskedOfEC2RunOnTheHypervisor(t *testing.T) {
	proxies := &fleet{}
	s := newSite(t, start(t, awscloud.Options{Hypervisor: proxies}))
	const userData = "#cloud-config\nwrite_files: []\n"
	out := must(s.client.RunInstances(t.Context(), &ec2.RunInstancesInput{
		ImageId: aws.String("ami-12c6146b"), InstanceType: types.InstanceTypeT3Micro, MinCount: aws.Int32(1), MaxCount: aws.Int32(1), SubnetId: &s.subnet,
		UserData: aws.String(base64.StdEncoding.EncodeToString([]byte(userData))),
	}))(t)
	id := *out.Instances[0].InstanceId
	if got, ok := proxies.instance(id); !ok || string(got.UserData) != userData || got.PrivateIP != *out.Instances[0].PrivateIpAddress {
		t.Errorf("the hypervisor runs %+v", got)
	}
	must(s.client.TerminateInstances(t.Context(), &ec2.TerminateInstancesInput{InstanceIds: []string{id}}))(t)
	if _, ok := proxies.instance(id); ok {
		t.Error("the instance runs on after its termination")
	}
}
