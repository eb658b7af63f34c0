package functions_test

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	asg "github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/autoscaling"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/awsapi"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/functions"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/moto"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/tools"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/waiter"
)

const (
	region  = "us-east-1"
	account = "123456789012"
)

// world is an endpoint that serves Auto Scaling, Lambda and EventBridge from here and the
// rest from a moto server, with the SDK's clients on it.
type world struct {
	*functions.Service
	url   string
	logs  *lockedBuffer
	asg   *autoscaling.Service
	ASG   *asg.Client
	EC2   *ec2.Client
	IAM   *iam.Client
	Logs  *cloudwatchlogs.Client
	Fn    *lambda.Client
	Rules *eventbridge.Client

	mu   sync.Mutex
	tags map[string]map[string]string
}

// lockedBuffer is a log that a test can read while it is written.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func newWorld(t *testing.T, change ...func(*functions.Deps)) *world {
	t.Helper()
	motoURL := startMoto(t)
	w := &world{logs: &lockedBuffer{}, tags: map[string]map[string]string{}}
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, req *http.Request) { w.serve(t, motoURL, rw, req) }))
	w.url = server.URL
	logger := slog.New(slog.NewTextHandler(w.logs, nil))
	var service *functions.Service
	w.asg = autoscaling.New(autoscaling.Deps{
		MotoURL: motoURL, Region: region, AccountID: account, Step: 10 * time.Millisecond, Logger: logger,
		Events: func(detailType string, detail any, resources []string) {
			service.PutEvent("aws.autoscaling", detailType, detail, resources...)
		},
	})
	deps := functions.Deps{
		MotoURL: motoURL, GatewayURL: func() string { return server.URL }, Region: region, AccountID: account,
		Dir: t.TempDir(), GroupARN: w.asg.GroupARN, Minute: 300 * time.Millisecond, Logger: logger,
		ResourceTags: func(arn string) (map[string]string, bool) {
			w.mu.Lock()
			defer w.mu.Unlock()
			tags, ok := w.tags[arn]
			return tags, ok
		},
	}
	for _, f := range change {
		f(&deps)
	}
	var err error
	if service, err = functions.New(deps); err != nil {
		t.Fatal(err)
	}
	w.Service = service
	t.Cleanup(func() {
		w.asg.Close()
		service.Close()
		server.Close()
		if t.Failed() {
			t.Logf("log:\n%s", w.logs)
		}
	})
	cfg := aws.Config{Region: region, BaseEndpoint: aws.String(server.URL), Credentials: credentials.NewStaticCredentialsProvider("AKIAADMIN", "x", "")}
	w.ASG, w.EC2, w.IAM = asg.NewFromConfig(cfg), ec2.NewFromConfig(cfg), iam.NewFromConfig(cfg)
	w.Logs, w.Fn, w.Rules = cloudwatchlogs.NewFromConfig(cfg), lambda.NewFromConfig(cfg), eventbridge.NewFromConfig(cfg)
	return w
}

func (w *world) serve(t *testing.T, motoURL string, rw http.ResponseWriter, req *http.Request) {
	r, err := awsapi.Parse(req)
	if err != nil {
		t.Errorf("parsing %s: %s", req.URL, err)
		return
	}
	if refusal := w.Authorize(r); refusal != nil {
		awsapi.WriteError(rw, r, refusal)
		return
	}
	if w.asg.Serve(rw, r) || w.Serve(rw, r) {
		return
	}
	target, err := url.Parse(motoURL)
	if err != nil {
		t.Error(err)
		return
	}
	proxy := httputil.NewSingleHostReverseProxy(target)
	proxy.ServeHTTP(rw, r.HTTP)
}

// startMoto starts a server of the test's own.
func startMoto(t *testing.T) string {
	t.Helper()
	command, err := tools.Moto(t.Context(), buildDir(t))
	if err != nil {
		t.Skipf("moto is not available: %s", err)
	}
	server, err := moto.Start(t.Context(), moto.Options{Command: command, LogFile: filepath.Join(t.TempDir(), "moto.log")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	return server.URL
}

func buildDir(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../../../.build")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

var probe struct {
	once sync.Once
	zip  []byte
	err  error
}

// probeZip builds testdata/probe once per test binary.
func probeZip(t *testing.T) []byte {
	t.Helper()
	probe.once.Do(func() { probe.zip, probe.err = buildProbe() })
	if probe.err != nil {
		t.Fatal(probe.err)
	}
	return probe.zip
}

func buildProbe() ([]byte, error) {
	dir, err := os.MkdirTemp("", "probe")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	path := filepath.Join(dir, "bootstrap")
	cmd := exec.CommandContext(context.Background(), "go", "build", "-tags", "lambda.norpc", "-o", path, "./testdata/probe")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("building the probe: %w\n%s", err, out)
	}
	binary, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return zipOf("bootstrap", 0o755, binary)
}

func zipOf(name string, mode os.FileMode, content []byte) ([]byte, error) {
	var out bytes.Buffer
	archive := zip.NewWriter(&out)
	header := &zip.FileHeader{Name: name, Method: zip.Deflate}
	header.SetMode(mode)
	file, err := archive.CreateHeader(header)
	if err != nil {
		return nil, err
	}
	if _, err := io.Copy(file, bytes.NewReader(content)); err != nil {
		return nil, err
	}
	if err := archive.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// hostArchitecture is what functions of this machine declare.
func hostArchitecture() lambdatypes.Architecture {
	if runtime.GOARCH == "arm64" {
		return lambdatypes.ArchitectureArm64
	}
	return lambdatypes.ArchitectureX8664
}

const lambdaTrust = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}`

// role makes a role that Lambda can assume, with an inline policy if one is given.
func (w *world) role(t *testing.T, name, policy string) string {
	t.Helper()
	out, err := w.IAM.CreateRole(t.Context(), &iam.CreateRoleInput{RoleName: aws.String(name), AssumeRolePolicyDocument: aws.String(lambdaTrust)})
	if err != nil {
		t.Fatal(err)
	}
	if policy != "" {
		w.policy(t, name, policy)
	}
	return *out.Role.Arn
}

func (w *world) policy(t *testing.T, role, policy string) {
	t.Helper()
	if _, err := w.IAM.PutRolePolicy(t.Context(), &iam.PutRolePolicyInput{RoleName: aws.String(role), PolicyName: aws.String("inline"), PolicyDocument: aws.String(policy)}); err != nil {
		t.Fatal(err)
	}
}

// function makes a function of the probe.
func (w *world) function(t *testing.T, name, role string, change ...func(*lambda.CreateFunctionInput)) *lambda.CreateFunctionOutput {
	t.Helper()
	in := &lambda.CreateFunctionInput{
		FunctionName: aws.String(name), Role: aws.String(role), Runtime: lambdatypes.RuntimeProvidedal2023, Handler: aws.String("bootstrap"),
		Architectures: []lambdatypes.Architecture{hostArchitecture()}, Code: &lambdatypes.FunctionCode{ZipFile: probeZip(t)}, Timeout: aws.Int32(20),
	}
	for _, f := range change {
		f(in)
	}
	out, err := w.Fn.CreateFunction(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func withEnvironment(pairs ...string) func(*lambda.CreateFunctionInput) {
	return func(in *lambda.CreateFunctionInput) {
		in.Environment = &lambdatypes.Environment{Variables: map[string]string{}}
		for i := 0; i < len(pairs); i += 2 {
			in.Environment.Variables[pairs[i]] = pairs[i+1]
		}
	}
}

// invoke runs a function and returns its answer and X-Amz-Function-Error.
func (w *world) invoke(t *testing.T, name, payload string) (answer, functionError string) {
	t.Helper()
	out, err := w.Fn.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String(name), Payload: []byte(payload)})
	if err != nil {
		t.Fatal(err)
	}
	return string(out.Payload), aws.ToString(out.FunctionError)
}

// subnets makes a VPC with a subnet in each of two zones.
func (w *world) subnets(t *testing.T) []string {
	t.Helper()
	vpc, err := w.EC2.CreateVpc(t.Context(), &ec2.CreateVpcInput{CidrBlock: aws.String("10.9.0.0/16")})
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for i, zone := range []string{"us-east-1a", "us-east-1b"} {
		subnet, err := w.EC2.CreateSubnet(t.Context(), &ec2.CreateSubnetInput{
			VpcId: vpc.Vpc.VpcId, AvailabilityZone: aws.String(zone), CidrBlock: aws.String(fmt.Sprintf("10.9.%d.0/24", i)),
		})
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, *subnet.Subnet.SubnetId)
	}
	return out
}

// launchTemplate makes a launch template and returns its id.
func (w *world) launchTemplate(t *testing.T) string {
	t.Helper()
	out, err := w.EC2.CreateLaunchTemplate(t.Context(), &ec2.CreateLaunchTemplateInput{
		LaunchTemplateName: aws.String("proxy"),
		LaunchTemplateData: &ec2types.RequestLaunchTemplateData{ImageId: aws.String("ami-12345678"), InstanceType: ec2types.InstanceTypeT3Micro},
	})
	if err != nil {
		t.Fatal(err)
	}
	return *out.LaunchTemplate.LaunchTemplateId
}

// await polls until done, for as long as a test may reasonably take.
func await(t *testing.T, what string, poll func(ctx context.Context) (state string, done bool, err error)) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := (waiter.Waiter{Min: 20 * time.Millisecond, Max: 200 * time.Millisecond}).Until(ctx, what, poll); err != nil {
		t.Fatal(err)
	}
}
