package awscloud_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/smithy-go"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/awscloud"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/moto"
)

// emulator is the moto server that all tests of this package share; each has its own gateway.
var emulator struct {
	once   sync.Once
	server *moto.Server
	err    error
}

func TestMain(m *testing.M) {
	code := m.Run()
	if emulator.server != nil {
		emulator.server.Close()
	}
	os.Exit(code)
}

func motoURL(t *testing.T) string {
	t.Helper()
	emulator.once.Do(func() {
		if err := exec.CommandContext(t.Context(), "python3", "-c", "import moto.server").Run(); err != nil {
			emulator.err = errors.New("moto is not installed for python3 on PATH")
			return
		}
		emulator.server, emulator.err = moto.Start(context.Background(), moto.Options{LogFile: os.Getenv("SANDBOX_MOTO_LOG")})
	})
	if emulator.err != nil {
		t.Skip(emulator.err)
	}
	return emulator.server.URL
}

// start runs a gateway for one test.
func start(t *testing.T, opts awscloud.Options) *awscloud.Cloud {
	t.Helper()
	opts.MotoURL = motoURL(t)
	cloud, err := awscloud.New(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cloud.Close)
	return cloud
}

func config(cloud *awscloud.Cloud) aws.Config {
	return aws.Config{
		Region: awscloud.DefaultRegion, BaseEndpoint: &cloud.URL,
		Credentials: credentials.NewStaticCredentialsProvider("admin", "admin", ""),
	}
}

// clock is moved by hand.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// wantCode fails the test unless err is the AWS error with that code ("": no error).
func wantCode(t *testing.T, err error, code string) {
	t.Helper()
	got := ""
	var apiError smithy.APIError
	switch {
	case errors.As(err, &apiError):
		got = apiError.ErrorCode()
	case err != nil:
		got = err.Error()
	}
	if got != code {
		t.Fatalf("want the error code %q, got %q (%v)", code, got, err)
	}
}

// must returns v and ends the test on an error.
func must[T any](v T, err error) func(t *testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// site is a VPC with an internet gateway and a subnet.
type site struct {
	client  *ec2.Client
	vpc     string
	gateway string
	subnet  string
}

func newSite(t *testing.T, cloud *awscloud.Cloud) site {
	t.Helper()
	client := ec2.NewFromConfig(config(cloud))
	s := site{client: client}
	s.vpc = *must(client.CreateVpc(t.Context(), &ec2.CreateVpcInput{CidrBlock: aws.String("10.9.0.0/16")}))(t).Vpc.VpcId
	s.gateway = *must(client.CreateInternetGateway(t.Context(), &ec2.CreateInternetGatewayInput{}))(t).InternetGateway.InternetGatewayId
	must(client.AttachInternetGateway(t.Context(), &ec2.AttachInternetGatewayInput{VpcId: &s.vpc, InternetGatewayId: &s.gateway}))(t)
	s.subnet = *must(client.CreateSubnet(t.Context(), &ec2.CreateSubnetInput{VpcId: &s.vpc, CidrBlock: aws.String("10.9.1.0/24")}))(t).Subnet.SubnetId
	return s
}

// machine is a running instance.
type machine struct{ id, eni string }

func (s site) run(t *testing.T) machine {
	t.Helper()
	out := must(s.client.RunInstances(t.Context(), &ec2.RunInstancesInput{
		ImageId: aws.String("ami-12c6146b"), InstanceType: types.InstanceTypeT3Micro, MinCount: aws.Int32(1), MaxCount: aws.Int32(1), SubnetId: &s.subnet,
	}))(t)
	found := must(s.client.DescribeInstances(t.Context(), &ec2.DescribeInstancesInput{InstanceIds: []string{*out.Instances[0].InstanceId}}))(t)
	i := found.Reservations[0].Instances[0]
	return machine{*i.InstanceId, *i.NetworkInterfaces[0].NetworkInterfaceId}
}

func (s site) allocate(t *testing.T) *ec2.AllocateAddressOutput {
	t.Helper()
	return must(s.client.AllocateAddress(t.Context(), &ec2.AllocateAddressInput{Domain: types.DomainTypeVpc}))(t)
}

// claim associates as an instance's claimer does.
func (s site) claim(t *testing.T, allocationID *string, m machine, reassociate *bool) (string, error) {
	t.Helper()
	out, err := s.client.AssociateAddress(t.Context(), &ec2.AssociateAddressInput{
		AllocationId: allocationID, NetworkInterfaceId: &m.eni, AllowReassociation: reassociate,
	})
	if err != nil {
		return "", err
	}
	return *out.AssociationId, nil
}

func (s site) address(t *testing.T, allocationID *string) types.Address {
	t.Helper()
	out := must(s.client.DescribeAddresses(t.Context(), &ec2.DescribeAddressesInput{AllocationIds: []string{*allocationID}}))(t)
	return out.Addresses[0]
}

// fleet is a Hypervisor that writes down what it is told.
type fleet struct {
	mu      sync.Mutex
	running map[string]awscloud.Instance
	ips     map[string]string
	nats    map[string]string
	healthy map[string]bool
	asked   []string
}

func (f *fleet) Launch(_ context.Context, i awscloud.Instance) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.running == nil {
		f.running = map[string]awscloud.Instance{}
	}
	f.running[i.ID] = i
	return nil
}

func (f *fleet) Terminate(instanceID string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.running, instanceID)
}

func (f *fleet) instance(instanceID string) (awscloud.Instance, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	i, ok := f.running[instanceID]
	return i, ok
}

func (f *fleet) SetPublicIP(instanceID, publicIP string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ips == nil {
		f.ips = map[string]string{}
	}
	f.ips[instanceID] = publicIP
}

func (f *fleet) SetNATGatewayIP(instanceID, publicIP string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.nats == nil {
		f.nats = map[string]string{}
	}
	f.nats[instanceID] = publicIP
}

func (f *fleet) Healthy(instanceID string, port int, healthPath string, proxyProtocol bool) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked = append(f.asked, strings.TrimSpace(fmt.Sprintf("%d%s %s", port, healthPath, map[bool]string{true: "proxy"}[proxyProtocol])))
	return f.healthy[instanceID]
}

func (f *fleet) ip(instanceID string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.ips[instanceID]
}
