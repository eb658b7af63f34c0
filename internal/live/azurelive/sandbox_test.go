package azurelive_test

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/clients"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/live"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/live/azurelive"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/live/livetest"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/azure"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/fault"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/waiter"
)

// publicIP is the address that this machine has before the sandbox's data plane.
const publicIP = "198.51.100.77"

// sandbox is an emulated Azure, and how the suite reaches it.
type sandbox struct {
	*azure.Cloud
	options azurelive.Options
	inputs  map[string]string
}

func newSandbox(t *testing.T) *sandbox {
	t.Helper()
	c, err := azure.New(t.Context(), azure.Options{
		Dir: t.TempDir(), OperationTime: 20 * time.Millisecond, Propagation: 50 * time.Millisecond,
		PublicIP: func(net.Addr) (string, bool) { return publicIP, true },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	s := &sandbox{Cloud: c, inputs: map[string]string{}}
	trust := &tls.Config{RootCAs: c.CAPool(), MinVersion: tls.VersionTLS12}
	toData := func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, c.DataPlaneAddr())
	}
	connect := func(context.Context) (*clients.Azure, error) { return livetest.Azure(c) }
	s.options = azurelive.Options{
		Connect:   connect,
		ConnectAs: func(ctx context.Context, _, _ string) (*clients.Azure, error) { return connect(ctx) },
		Data:      &http.Client{Transport: &http.Transport{TLSClientConfig: trust, DialContext: toData}},
		Getenv:    func(name string) string { return s.inputs[name] },
	}
	return s
}

// everything sets all inputs: a subnet's account is seeded for it.
func (s *sandbox) everything(t *testing.T) *sandbox {
	t.Helper()
	id, err := s.SeedAccount(azure.Account{ResourceGroup: "theirs", Name: "theirs", Subdomain: "theirs"})
	if err != nil {
		t.Fatal(err)
	}
	s.inputs = map[string]string{
		"CROSSCLOUDLINK_LIVE_PUBLIC_IP":                 publicIP,
		"CROSSCLOUDLINK_LIVE_AZURE_MODEL":               "gpt-4o:2024-11-20:GlobalStandard",
		"CROSSCLOUDLINK_LIVE_AZURE_SUBNET_ACCOUNT_ID":   id,
		"CROSSCLOUDLINK_LIVE_AZURE_GROUP_CLIENT_ID":     "somebody",
		"CROSSCLOUDLINK_LIVE_AZURE_GROUP_CLIENT_SECRET": "secret",
	}
	return s
}

// ask puts the questions with these ids, or all, to the sandbox, and checks that nothing is left.
func (s *sandbox) ask(t *testing.T, ids ...string) map[string]live.Result {
	t.Helper()
	before := s.LeftOvers()
	results := livetest.Ask(t, azurelive.Suite(s.options), s.options.Getenv, ids...)
	if left := s.LeftOvers(); !slices.Equal(left, before) {
		t.Errorf("the suite left something: before there were %v, now %v", before, left)
	}
	return results
}

func TestAnswersOfTheSandbox(t *testing.T) {
	s := newSandbox(t).everything(t)
	// The one service principal of the sandbox may do everything: the right is taken from its one question.
	s.Faults.Add(fault.Rule{Path: regexp.MustCompile(`checkDomainAvailability`), Skip: 1, Status: http.StatusForbidden, Code: "AuthorizationFailed", Message: "no"})
	results := s.ask(t)
	livetest.Want(t, results, map[string]string{
		"azure-if-match":             "agrees: refused with 412",
		"azure-patch-replaces-list":  "agrees: replaced",
		"azure-patch-keeps-fields":   "seen: kept",
		"azure-put-keeps-rules":      "seen: reset",
		"azure-host-prefix":          "agrees: refused",
		"azure-unaligned-range":      "seen: refused",
		"azure-duplicate-rule":       "seen: refused",
		"azure-rule-limit":           "agrees: 100 taken, 101 refused",
		"azure-deployment-etag":      "seen: stays",
		"azure-busy-code":            "agrees: nothing but 409 RequestConflict",
		"azure-foreign-subnet-rules": "undecided: ",
		"azure-unauthenticated":      "agrees: 401",
		"azure-deleted-name":         "agrees: kept, and said so",
		"azure-group-rights":         "agrees: refused with 403",
		"azure-propagation":          "*",
	})
	if got := results["azure-propagation"]; got.Status != live.Seen || !strings.HasPrefix(got.Answer, "in after ") {
		t.Errorf("azure-propagation: %s", got.Text())
	}
}

// TestOtherAnswers has the sandbox answer otherwise, question by question.
func TestOtherAnswers(t *testing.T) {
	patch := fault.Rule{Method: http.MethodPatch, Path: regexp.MustCompile(`/accounts/`)}
	with := func(change func(*fault.Rule)) fault.Rule {
		rule := patch
		change(&rule)
		return rule
	}
	tests := map[string]struct {
		id      string
		prepare func(*sandbox)
		want    string
	}{
		"an If-Match that is ignored": {"azure-if-match", func(s *sandbox) { s.IgnoreIfMatch(true) }, "differs: ignored"},
		"a list that is merged": {"azure-patch-replaces-list", func(s *sandbox) {
			s.Faults.Add(with(func(r *fault.Rule) { r.Skip = 1; r.Then = func() { addRule(s, "9.9.9.20") } }))
		}, "differs: merged"},
		"an outdated If-Match refused otherwise": {"azure-if-match", func(s *sandbox) {
			s.Faults.Add(with(func(r *fault.Rule) {
				r.Skip, r.Status, r.Code, r.Message = 2, http.StatusConflict, "RequestConflict", "busy"
			}))
		}, "differs: refused otherwise"},
		"a limit that is lower": {"azure-rule-limit", func(s *sandbox) {
			s.Faults.Add(with(func(r *fault.Rule) { r.Status, r.Code, r.Message = http.StatusBadRequest, "BadRequest", "too many" }))
		}, "differs: 100 refused, 101 refused"},
		"another code while busy": {"azure-busy-code", func(s *sandbox) {
			s.Faults.Add(with(func(r *fault.Rule) {
				r.Skip, r.Status, r.Code, r.Message = 1, http.StatusConflict, "TransientError", "again"
			}))
		}, "differs: other codes too"},
		"an identity that may ask": {"azure-group-rights", func(*sandbox) {}, "differs: answered"},
		"a name that is free at once": {"azure-deleted-name", func(s *sandbox) {
			s.Faults.Add(fault.Rule{Method: http.MethodGet, Path: regexp.MustCompile(`deletedAccounts`), Status: http.StatusNotFound, Code: "ResourceNotFound", Message: "none"})
		}, "differs: not kept, but the subdomain is taken"},
		"a right on subnets": {"azure-foreign-subnet-rules", func(s *sandbox) {
			s.withSubnet(t)
			s.Faults.Add(with(func(r *fault.Rule) {
				r.Status, r.Code, r.Message = http.StatusForbidden, "LinkedAuthorizationFailed", "no right on the subnet"
			}))
		}, "seen: needs a right"},
		"no right on subnets": {"azure-foreign-subnet-rules", func(s *sandbox) { s.withSubnet(t) }, "seen: needs none"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := newSandbox(t).everything(t)
			test.prepare(s)
			livetest.Want(t, s.ask(t, test.id), map[string]string{test.id: test.want})
		})
	}
}

// addRule adds an entry to the suite's account by another's hand.
func addRule(s *sandbox, rule string) {
	for _, id := range s.Accounts() {
		if strings.Contains(id, live.Prefix) {
			_ = s.AddRule(id, rule)
		}
	}
}

// withSubnet lets the account of other people list a subnet.
func (s *sandbox) withSubnet(t *testing.T) {
	t.Helper()
	client, err := s.options.Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	req, err := runtime.NewRequest(t.Context(), http.MethodPatch, client.Endpoint+s.inputs["CROSSCLOUDLINK_LIVE_AZURE_SUBNET_ACCOUNT_ID"]+"?api-version=2025-06-01")
	if err == nil {
		err = runtime.MarshalAsJSON(req, map[string]any{"properties": map[string]any{"networkAcls": map[string]any{
			"defaultAction": "Deny", "virtualNetworkRules": []any{map[string]any{"id": "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/v/subnets/theirs"}},
		}}})
	}
	if err != nil {
		t.Fatal(err)
	}
	resp, err := client.Pipeline.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != http.StatusAccepted {
		t.Fatal(runtime.NewResponseError(resp))
	}
	_ = resp.Body.Close()
	err = waiter.Waiter{Min: 5 * time.Millisecond, Max: 5 * time.Millisecond}.Until(t.Context(), "the account to be at rest", func(context.Context) (string, bool, error) {
		account, _ := s.State(s.inputs["CROSSCLOUDLINK_LIVE_AZURE_SUBNET_ACCOUNT_ID"])
		return account.ProvisioningState, account.ProvisioningState == "Succeeded", nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
