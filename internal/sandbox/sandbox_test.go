package sandbox

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/tools"
)

var buildDir = filepath.Join("..", "..", ".build")

func start(t *testing.T, opts Options) *Sandbox {
	t.Helper()
	opts.BuildDir = buildDir
	s, err := Start(t.Context(), opts)
	if errors.Is(err, tools.ErrUnavailable) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestFreshSandbox(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})

	left, err := s.AWS().LeftOvers(t.Context())
	if err != nil || len(left) != 0 {
		t.Errorf("a fresh account holds %v (%v)", left, err)
	}
	ec2c := ec2.NewFromConfig(s.AWS().Config)
	out, err := ec2c.AllocateAddress(t.Context(), &ec2.AllocateAddressInput{})
	if err != nil {
		t.Fatal(err)
	}
	left, err = s.AWS().LeftOvers(t.Context())
	if err != nil || !slices.Equal(left["Elastic IPs"], []string{aws.ToString(out.AllocationId)}) || len(left) != 1 {
		t.Errorf("with one address the account holds %v (%v)", left, err)
	}

	state, ok := s.Azure().State(s.World.AzureAccountID)
	if !ok || !slices.Equal(state.IPRules, s.World.ForeignIPRules) || state.DefaultAction != "Deny" {
		t.Errorf("the Azure account is %+v", state)
	}
	ncc, policy, ok := s.Databricks().WorkspaceNetwork(s.World.WorkspaceID)
	if !ok || ncc != s.World.NetworkConnectivityConfigID || policy != s.World.NetworkPolicyID {
		t.Errorf("the workspace is bound to %q and %q", ncc, policy)
	}
}

// TestDialNamesTheReason looks at the way through a VPC endpoint before anything is there.
func TestDialNamesTheReason(t *testing.T) {
	t.Parallel()
	s := start(t, Options{Seed: SeedNothing})
	if s.ProxyProblem() != nil {
		t.Skip(s.ProxyProblem())
	}
	_, err := s.dial(t.Context(), "vpce-0123456789abcdef0")
	if err == nil || !strings.Contains(err.Error(), "there is no VPC endpoint vpce-0123456789abcdef0") {
		t.Errorf("got %v", err)
	}
}

func TestSandboxWithoutProxies(t *testing.T) {
	t.Parallel()
	s := start(t, Options{NoProxies: true})
	if s.Proxy() != "none" || s.ProxyProblem() == nil {
		t.Errorf("proxy %q, problem %v", s.Proxy(), s.ProxyProblem())
	}
	if _, err := s.dial(t.Context(), "vpce-1"); !errors.Is(err, s.ProxyProblem()) {
		t.Errorf("got %v, want why there is no proxy", err)
	}
}

func TestEnvironKeepsRealCloudsOut(t *testing.T) {
	t.Parallel()
	s := start(t, Options{NoProxies: true})
	got := s.Environ([]string{
		"PATH=/bin", "AWS_PROFILE=production", "AWS_ENDPOINT_URL_EC2=https://ec2.example", "ARM_USE_CLI=true", "AZURE_TENANT_ID=x",
		"DATABRICKS_TOKEN=dapi", "TF_CLI_CONFIG_FILE=/missing", "TF_VAR_name=mine", "AWSUME=kept",
	})
	for _, variable := range []string{"AWS_PROFILE", "AWS_ENDPOINT_URL_EC2", "ARM_USE_CLI", "AZURE_TENANT_ID", "DATABRICKS_TOKEN", "TF_CLI_CONFIG_FILE"} {
		if slices.ContainsFunc(got, func(v string) bool { return strings.HasPrefix(v, variable+"=") }) {
			t.Errorf("%s of the caller remains", variable)
		}
	}
	for _, want := range []string{"PATH=/bin", "TF_VAR_name=mine", "AWSUME=kept", "AWS_ENDPOINT_URL=" + s.AWSCloud().URL, "TF_VAR_azure_openai_account_id=" + s.World.AzureAccountID} {
		if !slices.Contains(got, want) {
			t.Errorf("%s is missing", want)
		}
	}
	names := map[string]bool{}
	for _, v := range s.Env() {
		name, value, _ := strings.Cut(v, "=")
		if names[name] || value == "" {
			t.Errorf("%s is there twice, or empty", name)
		}
		names[name] = true
	}
}

// TestTrust lets a program that knows nothing but SSL_CERT_FILE ask the sandbox's Azure.
func TestTrust(t *testing.T) {
	t.Parallel()
	s := start(t, Options{NoProxies: true})
	i := slices.IndexFunc(s.Env(), func(v string) bool { return strings.HasPrefix(v, "SSL_CERT_FILE=") })
	pem, err := os.ReadFile(strings.TrimPrefix(s.Env()[i], "SSL_CERT_FILE="))
	if err != nil {
		t.Fatal(err)
	}
	trusted := x509.NewCertPool()
	if !trusted.AppendCertsFromPEM(pem) {
		t.Fatal("no certificate in the file")
	}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: trusted}, DisableKeepAlives: true}} //nolint:gosec // the default version will do
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.Azure().URL()+"/metadata/endpoints?api-version=2022-09-01", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Errorf("the metadata endpoint answers %s", resp.Status)
	}
}

func TestStartCanceled(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if s, err := Start(ctx, Options{BuildDir: buildDir}); err == nil {
		t.Error("it started")
		_ = s.Close()
	}
}

func TestCloseTwice(t *testing.T) {
	t.Parallel()
	s := start(t, Options{NoProxies: true})
	for range 2 {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}
