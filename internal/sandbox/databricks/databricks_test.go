package databricks

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	dbsdk "github.com/databricks/databricks-sdk-go"
	"github.com/databricks/databricks-sdk-go/apierr"
	"github.com/databricks/databricks-sdk-go/service/iam"
	"github.com/databricks/databricks-sdk-go/service/provisioning"
	"github.com/databricks/databricks-sdk-go/service/serving"
	"github.com/databricks/databricks-sdk-go/service/settings"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/azure"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/fault"
)

const (
	workspaceID = int64(1234567890123456)
	service     = "com.amazonaws.vpce.us-east-1.vpce-svc-0123456789abcdef0"
	govService  = "com.amazonaws.vpce.us-gov-west-1.vpce-svc-0123456789abcdef1"
	domain      = "acme.openai.azure.com"
)

// fakeAWS is the AWS side: one service, whose owner accepts and rejects by hand.
type fakeAWS struct {
	mu        sync.Mutex
	endpoints map[string]string // state by id
	principal string            // of the last request
	wildcard  bool              // lets everybody in, and nobody by name
	deleted   []string
}

func (f *fakeAWS) AllowsByName(serviceName, _ string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return !f.wildcard && (serviceName == service || serviceName == govService)
}

func (f *fakeAWS) CreateVPCEndpoint(serviceName, principalARN, ownerAccount string) (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if serviceName != service && serviceName != govService {
		return "", errors.New("InvalidServiceName: " + serviceName)
	}
	f.principal = principalARN + " of " + ownerAccount
	id := fmt.Sprintf("vpce-%017x", len(f.endpoints)+1)
	f.endpoints[id] = "pendingAcceptance"
	return id, nil
}

func (f *fakeAWS) VPCEndpointState(id string) (string, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	state, ok := f.endpoints[id]
	return state, ok
}

func (f *fakeAWS) DeleteVPCEndpoint(id string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.endpoints, id)
	f.deleted = append(f.deleted, id)
}

func (f *fakeAWS) set(id, state string) { f.mu.Lock(); defer f.mu.Unlock(); f.endpoints[id] = state }

func (f *fakeAWS) gone(id string) bool {
	_, ok := f.VPCEndpointState(id)
	return !ok
}

// clock is a clock that moves by hand, beside the real one.
type clock struct {
	mu     sync.Mutex
	offset time.Duration
}

func (c *clock) now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return time.Now().Add(c.offset) }

func (c *clock) advance(d time.Duration) { c.mu.Lock(); defer c.mu.Unlock(); c.offset += d }

// harness is a sandbox Databricks, and a sandbox Azure behind its private endpoints.
type harness struct {
	t     *testing.T
	cloud *Cloud
	azure *azure.Cloud
	aws   *fakeAWS
	clock *clock
	ncc   string
	aoai  string // the Azure OpenAI account's id

	mu      sync.Mutex
	dialled []string
	source  string // the public address that Azure sees
	dead    bool   // nothing behind the endpoint
}

func (h *harness) dial(ctx context.Context, vpcEndpointID string) (net.Conn, error) {
	h.mu.Lock()
	h.dialled = append(h.dialled, vpcEndpointID)
	dead := h.dead
	h.mu.Unlock()
	if dead {
		return nil, errors.New("no healthy target")
	}
	return (&net.Dialer{}).DialContext(ctx, "tcp", h.azure.DataPlaneAddr())
}

func (h *harness) publicIP(net.Addr) (string, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.source, true
}

func start(t *testing.T, change func(*Options)) *harness {
	t.Helper()
	h := &harness{t: t, aws: &fakeAWS{endpoints: map[string]string{}}, clock: &clock{}, source: "52.1.2.3"}
	var err error
	if h.azure, err = azure.New(t.Context(), azure.Options{Dir: t.TempDir(), PublicIP: h.publicIP, Propagation: -1}); err != nil {
		t.Fatal(err)
	}
	h.aoai, err = h.azure.SeedAccount(azure.Account{ResourceGroup: "rg", Name: "acme", Subdomain: "acme", IPRules: []string{"52.1.2.3"}, Deployments: map[string]string{"chat": "gpt-4o"}, Key: "key"})
	if err != nil {
		t.Fatal(err)
	}
	options := Options{
		AWS: h.aws, Dial: h.dial, RootCAs: h.azure.CAPool(), Now: h.clock.now, WorkspaceToken: "dapi-test",
		ProvisionTime: 20 * time.Millisecond, EstablishTime: 20 * time.Millisecond, PollInterval: 2 * time.Millisecond, PageSize: 2,
	}
	if change != nil {
		change(&options)
	}
	if h.cloud, err = New(t.Context(), options); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(h.cloud.Close(), h.azure.Close()); err != nil {
			t.Error(err)
		}
	})
	if h.ncc, err = h.cloud.SeedNCC("team-ncc", ""); err != nil {
		t.Fatal(err)
	}
	if err := h.cloud.SeedPolicy("locked", domain); err != nil {
		t.Fatal(err)
	}
	if err := h.cloud.SeedWorkspace(Workspace{ID: workspaceID, Name: "team", NCCID: h.ncc, PolicyID: "locked"}); err != nil {
		t.Fatal(err)
	}
	h.cloud.AddServicePrincipal("app-asker", "asker-secret", false)
	h.cloud.AddServicePrincipal("app-stranger", "stranger-secret", false)
	if _, err = h.cloud.SeedServingEndpoint(ServingEndpoint{
		WorkspaceID: workspaceID, Name: "azure-openai", Model: "gpt-4o", APIBase: "https://" + domain + "/", APIVersion: "2024-10-21",
		Deployment: "chat", Key: "key", CanQuery: []string{"app-asker"},
	}); err != nil {
		t.Fatal(err)
	}
	return h
}

func (h *harness) config(id, secret string) *dbsdk.Config {
	return &dbsdk.Config{Host: h.cloud.URL(), AccountID: h.cloud.AccountID(), ClientID: id, ClientSecret: secret, AuthType: "oauth-m2m", RetryTimeoutSeconds: 5}
}

func (h *harness) account() *dbsdk.AccountClient {
	h.t.Helper()
	a, err := dbsdk.NewAccountClient(h.config(h.cloud.ClientID(), h.cloud.ClientSecret()))
	if err != nil {
		h.t.Fatal(err)
	}
	return a
}

func (h *harness) workspace(id, secret string) *dbsdk.WorkspaceClient {
	h.t.Helper()
	w, err := dbsdk.NewWorkspaceClient(h.config(id, secret))
	if err != nil {
		h.t.Fatal(err)
	}
	return w
}

func (h *harness) adminWorkspace() *dbsdk.WorkspaceClient {
	return h.workspace(h.cloud.ClientID(), h.cloud.ClientSecret())
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	tick := time.NewTicker(3 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("never: %s", what)
		}
	}
}

func wantError(t *testing.T, err error, status int, code, contains string) {
	t.Helper()
	var api *apierr.APIError
	if !errors.As(err, &api) || api.StatusCode != status || api.ErrorCode != code || !strings.Contains(api.Message, contains) {
		t.Errorf("got %v (%+v), want %d %s with %q", err, api, status, code, contains)
	}
}

// createRule makes a rule through the API and waits until it is in the given state.
func (h *harness) createRule(a *dbsdk.AccountClient, endpointService, state string) *settings.NccPrivateEndpointRule {
	h.t.Helper()
	r, err := a.NetworkConnectivity.CreatePrivateEndpointRule(h.t.Context(), settings.CreatePrivateEndpointRuleRequest{
		NetworkConnectivityConfigId: h.ncc,
		PrivateEndpointRule:         settings.CreatePrivateEndpointRule{EndpointService: endpointService, DomainNames: []string{domain}},
	})
	if err != nil {
		h.t.Fatal(err)
	}
	if r.ConnectionState != stateCreating || r.VpcEndpointId != "" {
		h.t.Errorf("a new rule is %+v", r)
	}
	return h.awaitRule(a, r.RuleId, state)
}

func (h *harness) awaitRule(a *dbsdk.AccountClient, id, state string) *settings.NccPrivateEndpointRule {
	h.t.Helper()
	var r *settings.NccPrivateEndpointRule
	eventually(h.t, "rule "+id+" is "+state, func() bool {
		var err error
		r, err = a.NetworkConnectivity.GetPrivateEndpointRule(h.t.Context(), settings.GetPrivateEndpointRuleRequest{NetworkConnectivityConfigId: h.ncc, PrivateEndpointRuleId: id})
		if err != nil {
			h.t.Fatal(err)
		}
		return string(r.ConnectionState) == state
	})
	return r
}

func (h *harness) establish(a *dbsdk.AccountClient) *settings.NccPrivateEndpointRule {
	h.t.Helper()
	r := h.createRule(a, service, statePending)
	h.aws.set(r.VpcEndpointId, "available")
	return h.awaitRule(a, r.RuleId, stateEstablished)
}

func (h *harness) deleteRule(a *dbsdk.AccountClient, id string) *settings.NccPrivateEndpointRule {
	h.t.Helper()
	r, err := a.NetworkConnectivity.DeletePrivateEndpointRule(h.t.Context(), settings.DeletePrivateEndpointRuleRequest{NetworkConnectivityConfigId: h.ncc, PrivateEndpointRuleId: id})
	if err != nil {
		h.t.Fatal(err)
	}
	return r
}

func TestHostTypes(t *testing.T) {
	for _, hostType := range []string{"unified", "account", "workspace"} {
		t.Run(hostType, func(t *testing.T) {
			h := start(t, func(o *Options) { o.HostType = hostType })
			_, err := h.account().Workspaces.List(t.Context())
			if hostType == "workspace" {
				wantError(t, err, 401, codeUnauthenticated, "unsupported type")
			} else if err != nil {
				t.Error(err)
			}
			if _, err := h.adminWorkspace().ServingEndpoints.ListAll(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestLogin(t *testing.T) {
	h := start(t, nil)
	pat, err := dbsdk.NewAccountClient(&dbsdk.Config{Host: h.cloud.URL(), AccountID: h.cloud.AccountID(), Token: "dapi-test", AuthType: "pat"})
	if err != nil {
		t.Fatal(err)
	}
	_, err = pat.Workspaces.List(t.Context())
	wantError(t, err, 401, codeUnauthenticated, "unsupported type")
	w, err := dbsdk.NewWorkspaceClient(&dbsdk.Config{Host: h.cloud.URL(), Token: "dapi-test", AuthType: "pat"})
	if err != nil {
		t.Fatal(err)
	}
	if me, err := w.CurrentUser.Me(t.Context(), iam.MeRequest{}); err != nil || me.UserName != h.cloud.ClientID() {
		t.Errorf("me: %+v, %v", me, err)
	}

	wrong, err := dbsdk.NewAccountClient(h.config(h.cloud.ClientID(), "wrong"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err = wrong.Workspaces.List(t.Context()); err == nil || !strings.Contains(err.Error(), "invalid_client") {
		t.Errorf("wrong secret: %v", err)
	}
	other := h.config(h.cloud.ClientID(), h.cloud.ClientSecret())
	other.AccountID = newID()
	elsewhere, err := dbsdk.NewAccountClient(other)
	if err != nil {
		t.Fatal(err)
	}
	_, err = elsewhere.Workspaces.List(t.Context())
	wantError(t, err, 403, codeDenied, "not valid for account")
	stranger, err := dbsdk.NewAccountClient(h.config("app-stranger", "stranger-secret"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = stranger.Workspaces.List(t.Context())
	wantError(t, err, 403, codeDenied, "not an administrator")
	_, err = h.account().Metastores.ListAll(t.Context())
	wantError(t, err, 501, codeNotImplemented, "/metastores")
}

func TestNCCLifeAndPaging(t *testing.T) {
	h := start(t, nil)
	a := h.account()
	for i := range 4 {
		if _, err := a.NetworkConnectivity.CreateNetworkConnectivityConfiguration(t.Context(), settings.CreateNetworkConnectivityConfigRequest{
			NetworkConnectivityConfig: settings.CreateNetworkConnectivityConfiguration{Name: fmt.Sprintf("ncc-%d", i), Region: "us-east-1"},
		}); err != nil {
			t.Fatal(err)
		}
	}
	all, err := a.NetworkConnectivity.ListNetworkConnectivityConfigurationsAll(t.Context(), settings.ListNetworkConnectivityConfigurationsRequest{})
	if err != nil || len(all) != 5 || all[4].Name != "ncc-3" {
		t.Fatalf("listed %d: %v", len(all), err)
	}
	if got := h.cloud.Faults.Counts()["NetworkConnectivity_List"]; got != 3 {
		t.Errorf("%d pages of two, want 3", got)
	}
	remove := func(id string) error {
		return a.NetworkConnectivity.DeleteNetworkConnectivityConfiguration(t.Context(), settings.DeleteNetworkConnectivityConfigurationRequest{NetworkConnectivityConfigId: id})
	}
	wantError(t, remove(h.ncc), 400, codeInvalidState, "attached to one or more workspaces")
	r := h.createRule(a, service, statePending)
	wantError(t, remove(h.ncc), 400, codeInvalidState, "one or more private endpoint rules")
	got, err := a.NetworkConnectivity.GetNetworkConnectivityConfiguration(t.Context(), settings.GetNetworkConnectivityConfigurationRequest{NetworkConnectivityConfigId: h.ncc})
	if err != nil || len(got.EgressConfig.TargetRules.AwsPrivateEndpointRules) != 1 || got.EgressConfig.TargetRules.AwsPrivateEndpointRules[0].RuleId != r.RuleId {
		t.Errorf("embedded rules %+v, %v", got, err)
	}
	if err := remove(all[4].NetworkConnectivityConfigId); err != nil {
		t.Error(err)
	}
	wantError(t, remove(all[4].NetworkConnectivityConfigId), 404, codeNotFound, "does not exist")
}

func TestRuleStates(t *testing.T) {
	h := start(t, nil)
	a := h.account()

	r := h.establish(a)
	if want := "arn:aws:iam::565502421330:role/private-connectivity-role-us-east-1 of 565502421330"; h.aws.principal != want {
		t.Errorf("asked AWS as %q", h.aws.principal)
	}
	h.aws.set(r.VpcEndpointId, "rejected")
	h.awaitRule(a, r.RuleId, stateDisconnected)
	if d := h.deleteRule(a, r.RuleId); !d.Deactivated || d.DeactivatedAt == 0 {
		t.Errorf("a disconnected rule was deleted as %+v", d)
	}
	if h.awaitRule(a, r.RuleId, stateDisconnected); h.aws.gone(r.VpcEndpointId) {
		t.Error("the endpoint of a deactivated rule is gone at once")
	}

	rejected := h.createRule(a, service, statePending)
	h.aws.set(rejected.VpcEndpointId, "rejected")
	h.awaitRule(a, rejected.RuleId, stateRejected)

	failed := h.createRule(a, "com.amazonaws.vpce.us-east-1.vpce-svc-0bad", stateCreateFailed)
	if !strings.HasPrefix(failed.ErrorMessage, "NOT_FOUND") || failed.VpcEndpointId != "" {
		t.Errorf("failed rule %+v", failed)
	}

	pending := h.createRule(a, service, statePending)
	expiring := h.createRule(a, service, statePending)
	if d := h.deleteRule(a, pending.RuleId); d.Deactivated {
		t.Error("a pending rule was deactivated")
	}
	eventually(t, "the endpoint of the deleted rule is deleted", func() bool { return h.aws.gone(pending.VpcEndpointId) })
	_, err := a.NetworkConnectivity.GetPrivateEndpointRule(t.Context(), settings.GetPrivateEndpointRuleRequest{NetworkConnectivityConfigId: h.ncc, PrivateEndpointRuleId: pending.RuleId})
	wantError(t, err, 404, codeNotFound, pending.RuleId)

	h.clock.advance(ruleExpiry + time.Hour)
	a = h.account() // the clock ran past the token's life
	h.awaitRule(a, expiring.RuleId, stateExpired)
	h.awaitRule(a, rejected.RuleId, stateExpired)
	eventually(t, "the deactivated rule is gone", func() bool {
		for _, s := range h.cloud.Rules() {
			if s.ID == r.RuleId {
				return false
			}
		}
		return true
	})
	eventually(t, "the retained endpoint is deleted", func() bool { return h.aws.gone(r.VpcEndpointId) })
}

// A service that lets Databricks in by a wildcard alone gets no endpoint.
func TestRuleToAServiceThatDoesNotNameDatabricks(t *testing.T) {
	h := start(t, nil)
	h.aws.wildcard = true
	failed := h.createRule(h.account(), service, stateCreateFailed)
	if !strings.HasPrefix(failed.ErrorMessage, "NOT_FOUND") || failed.VpcEndpointId != "" || len(h.aws.endpoints) > 0 {
		t.Errorf("failed rule %+v, endpoints %v", failed, h.aws.endpoints)
	}
}

func TestIdentityInGovCloud(t *testing.T) {
	for dod, want := range map[bool]string{
		false: "arn:aws-us-gov:iam::347038500609:role/private-connectivity-role-us-gov-west-1 of 347038500609",
		true:  "arn:aws-us-gov:iam::347034940029:role/private-connectivity-role-us-gov-west-1 of 347034940029",
	} {
		h := start(t, func(o *Options) { o.DoD, o.Region = dod, "us-gov-west-1" })
		h.createRule(h.account(), govService, statePending)
		if h.aws.principal != want {
			t.Errorf("DoD %t: asked AWS as %q, want %q", dod, h.aws.principal, want)
		}
	}
}

func TestRuleUpdateAndBadInput(t *testing.T) {
	h := start(t, nil)
	a := h.account()
	r := h.createRule(a, service, statePending)
	update := func(mask string, body settings.UpdatePrivateEndpointRule) (*settings.NccPrivateEndpointRule, error) {
		return a.NetworkConnectivity.UpdatePrivateEndpointRule(t.Context(), settings.UpdateNccPrivateEndpointRuleRequest{
			NetworkConnectivityConfigId: h.ncc, PrivateEndpointRuleId: r.RuleId, UpdateMask: mask, PrivateEndpointRule: body,
		})
	}
	got, err := update("domain_names", settings.UpdatePrivateEndpointRule{DomainNames: []string{"other.openai.azure.com"}})
	if err != nil || fmt.Sprint(got.DomainNames) != "[other.openai.azure.com]" {
		t.Errorf("%+v, %v", got, err)
	}
	_, err = update("", settings.UpdatePrivateEndpointRule{DomainNames: []string{domain}})
	wantError(t, err, 400, codeInvalidParameter, "Update mask must be specified.")
	_, err = update("enabled", settings.UpdatePrivateEndpointRule{Enabled: true})
	wantError(t, err, 400, codeInvalidParameter, "enabled")

	create := func(service string, domains ...string) error {
		_, err := a.NetworkConnectivity.CreatePrivateEndpointRule(t.Context(), settings.CreatePrivateEndpointRuleRequest{
			NetworkConnectivityConfigId: h.ncc,
			PrivateEndpointRule:         settings.CreatePrivateEndpointRule{EndpointService: service, DomainNames: domains},
		})
		return err
	}
	wantError(t, create("vpce-svc-0123", domain), 400, codeInvalidParameter, "full AWS endpoint service name")
	wantError(t, create("com.amazonaws.vpce.eu-west-1.vpce-svc-0123", domain), 400, codeInvalidParameter, "region")
	wantError(t, create(service), 400, codeInvalidParameter, "domain names")
	wantError(t, create(service, "*.openai.azure.com"), 400, codeInvalidParameter, "not a valid hostname")
	wantError(t, create("com.amazonaws.us-east-1.s3"), 501, codeNotImplemented, "own services")
}

func TestPoliciesAndBinding(t *testing.T) {
	h := start(t, nil)
	a := h.account()
	access := &settings.EgressNetworkPolicyNetworkAccessPolicy{
		RestrictionMode: modeRestricted,
		AllowedInternetDestinations: []settings.EgressNetworkPolicyNetworkAccessPolicyInternetDestination{
			{Destination: domain, InternetDestinationType: destinationByDNS},
		},
	}
	body := settings.AccountNetworkPolicy{
		NetworkPolicyId: "np", Egress: &settings.NetworkPolicyEgress{NetworkAccess: access},
		Ingress: &settings.CustomerFacingIngressNetworkPolicy{PublicAccess: &settings.CustomerFacingIngressNetworkPolicyPublicAccess{RestrictionMode: modeFullAccess}},
	}
	p, err := a.NetworkPolicies.CreateNetworkPolicyRpc(t.Context(), settings.CreateNetworkPolicyRequest{NetworkPolicy: body})
	if err != nil || p.Ingress.PrivateAccess == nil || p.AccountId != h.cloud.AccountID() {
		t.Fatalf("%+v, %v", p, err)
	}
	if p, err = a.NetworkPolicies.UpdateNetworkPolicyRpc(t.Context(), settings.UpdateNetworkPolicyRequest{NetworkPolicyId: "np", NetworkPolicy: settings.AccountNetworkPolicy{Egress: body.Egress}}); err != nil || p.Ingress != nil {
		t.Errorf("PUT kept what was left out: %+v, %v", p, err)
	}
	all, err := a.NetworkPolicies.ListNetworkPoliciesRpcAll(t.Context(), settings.ListNetworkPoliciesRequest{})
	if err != nil || len(all) != 3 {
		t.Errorf("%d policies, %v", len(all), err)
	}
	if _, err := a.WorkspaceNetworkConfiguration.UpdateWorkspaceNetworkOptionRpc(t.Context(), settings.UpdateWorkspaceNetworkOptionRequest{
		WorkspaceId: workspaceID, WorkspaceNetworkOption: settings.WorkspaceNetworkOption{NetworkPolicyId: "np", WorkspaceId: workspaceID},
	}); err != nil {
		t.Fatal(err)
	}
	remove := func(id string) error {
		return a.NetworkPolicies.DeleteNetworkPolicyRpc(t.Context(), settings.DeleteNetworkPolicyRequest{NetworkPolicyId: id})
	}
	wantError(t, remove("np"), 400, codeInvalidState, "attached")
	wantError(t, remove(defaultPolicyID), 400, codeInvalidParameter, "cannot be deleted")
	if err := h.cloud.AttachPolicy(workspaceID, defaultPolicyID); err != nil {
		t.Fatal(err)
	}
	if err := remove("np"); err != nil {
		t.Error(err)
	}

	second, err := h.cloud.SeedNCC("second-ncc", "")
	if err != nil {
		t.Fatal(err)
	}
	far, err := h.cloud.SeedNCC("far-ncc", "eu-west-1")
	if err != nil {
		t.Fatal(err)
	}
	bind := func(id string) (*provisioning.WaitGetWorkspaceRunning[provisioning.Workspace], error) {
		return a.Workspaces.Update(t.Context(), provisioning.UpdateWorkspaceRequest{
			WorkspaceId: workspaceID, UpdateMask: "network_connectivity_config_id",
			CustomerFacingWorkspace: provisioning.Workspace{NetworkConnectivityConfigId: id, ForceSendFields: []string{"NetworkConnectivityConfigId"}},
		})
	}
	_, err = bind("")
	wantError(t, err, 400, codeInvalidParameter, "must not be empty")
	_, err = bind(far)
	wantError(t, err, 400, codeInvalidParameter, "region")
	wait, err := bind(second)
	if err != nil || wait.Response.WorkspaceStatus != provisioning.WorkspaceStatusProvisioning {
		t.Fatalf("%+v, %v", wait, err)
	}
	eventually(t, "the workspace runs", func() bool {
		w, err := a.Workspaces.Get(t.Context(), provisioning.GetWorkspaceRequest{WorkspaceId: workspaceID})
		if err != nil {
			t.Fatal(err)
		}
		return w.WorkspaceStatus == provisioning.WorkspaceStatusRunning && w.NetworkConnectivityConfigId == second
	})
	if ncc, policy, ok := h.cloud.WorkspaceNetwork(workspaceID); !ok || ncc != second || policy != defaultPolicyID {
		t.Errorf("bound to %s, %s", ncc, policy)
	}
}

// TestDryRun: calls to external models are let through only by a dry run of all products.
func TestDryRun(t *testing.T) {
	closed := func(enforcement map[string]any) *policy {
		body := restrictedTo([]string{"other.openai.azure.com"})
		at(body, "egress", "network_access").(map[string]any)["policy_enforcement"] = enforcement
		if err := checkPolicy(body); err != nil {
			t.Fatal(err.message)
		}
		return &policy{body: body}
	}
	products := func(names ...any) map[string]any {
		return map[string]any{"enforcement_mode": enforcementDry, productFilter: names}
	}
	for name, tc := range map[string]struct {
		enforcement map[string]any
		want        bool
	}{
		"enforced":                  {map[string]any{"enforcement_mode": enforcementOn}, false},
		"nothing said":              {nil, false},
		"dry run":                   {map[string]any{"enforcement_mode": enforcementDry}, true},
		"dry run, empty filter":     {products(), true},
		"dry run of serving":        {products(productServing), false},
		"dry run of both":           {products(productSQL, productServing), false},
		"enforced, with the filter": {map[string]any{"enforcement_mode": enforcementOn, productFilter: []any{productServing}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := closed(tc.enforcement).allows(domain); got != tc.want {
				t.Errorf("a host that is not listed is let through: %t, want %t", got, tc.want)
			}
		})
	}
}

func TestPolicyBadInput(t *testing.T) {
	access := func(change func(map[string]any)) map[string]any {
		body := restrictedTo([]string{domain})
		change(at(body, "egress", "network_access").(map[string]any))
		return body
	}
	internet := func(destination, kind string) func(map[string]any) {
		return func(a map[string]any) {
			a["allowed_internet_destinations"] = []any{map[string]any{"destination": destination, "internet_destination_type": kind}}
		}
	}
	storage := func(fields map[string]any) func(map[string]any) {
		return func(a map[string]any) { a["allowed_storage_destinations"] = []any{fields} }
	}
	enforce := func(mode string, products ...any) func(map[string]any) {
		return func(a map[string]any) {
			a["policy_enforcement"] = map[string]any{"enforcement_mode": mode, productFilter: products}
		}
	}
	for name, tc := range map[string]struct {
		change func(map[string]any)
		code   string
		want   string
	}{
		"wildcard":      {internet("*.openai.azure.com", destinationByDNS), codeInvalidParameter, "not a valid hostname"},
		"type":          {internet(domain, "URL"), codeInvalidParameter, "internet_destination_type"},
		"workspace":     {internet("dbc-1.cloud.databricks.com", ""), codeInvalidParameter, "Workspace URL"},
		"mode":          {func(a map[string]any) { a["restriction_mode"] = "OPEN" }, codeInvalidParameter, "restriction_mode"},
		"enforcement":   {enforce("LOG"), codeInvalidParameter, "enforcement_mode"},
		"product":       {enforce(enforcementDry, "APPS"), codeInvalidParameter, "APPS"},
		"bucket":        {storage(map[string]any{"storage_destination_type": storageS3, "region": "us-east-1"}), codeInvalidParameter, "bucket_name"},
		"Azure storage": {storage(map[string]any{"storage_destination_type": "AZURE_STORAGE"}), codeNotImplemented, "AZURE_STORAGE"},
		"too many": {func(a map[string]any) {
			a["allowed_internet_destinations"] = slices.Repeat(list(a["allowed_internet_destinations"]), maxDestinations+1)
		}, codeLimit, "2001"},
	} {
		t.Run(name, func(t *testing.T) {
			if err := checkPolicy(access(tc.change)); err == nil || err.code != tc.code || !strings.Contains(err.message, tc.want) {
				t.Errorf("got %+v, want %s with %q", err, tc.code, tc.want)
			}
		})
	}
}

func (h *harness) query(w *dbsdk.WorkspaceClient, name string) (*serving.QueryEndpointResponse, error) {
	return w.ServingEndpoints.Query(h.t.Context(), serving.QueryEndpointInput{Name: name, Messages: []serving.ChatMessage{{Role: "user", Content: "hello"}}})
}

// upstreamError reads what an external model said out of the message of a query's error.
func upstreamError(t *testing.T, err error) string {
	t.Helper()
	var api *apierr.APIError
	if !errors.As(err, &api) {
		t.Fatalf("not an API error: %v", err)
	}
	var message struct {
		Provider string          `json:"external_model_provider"`
		Error    json.RawMessage `json:"external_model_error"`
	}
	if json.Unmarshal([]byte(api.Message), &message) != nil || message.Provider != "openai" {
		t.Fatalf("no external model in %q", api.Message)
	}
	return string(message.Error)
}

func TestQueryTravels(t *testing.T) {
	h := start(t, nil)
	a := h.account()
	asker := h.workspace("app-asker", "asker-secret")

	_, err := h.query(asker, "azure-openai")
	wantError(t, err, 500, codeInternal, "502 Bad Gateway")
	r := h.establish(a)
	answer, err := h.query(asker, "azure-openai")
	if err != nil || len(answer.Choices) != 1 || answer.Choices[0].Message.Content != "gpt-4o heard: hello" || answer.ServedModelName != "gpt-4o" {
		t.Fatalf("%+v, %v", answer, err)
	}
	if len(h.dialled) != 1 || h.dialled[0] != r.VpcEndpointId {
		t.Errorf("dialled %v", h.dialled)
	}
	if log := h.azure.DataRequests(); len(log) != 1 || log[0].SourceIP != "52.1.2.3" {
		t.Errorf("Azure saw %+v", log)
	}

	if err := h.azure.SetRules(h.aoai, "40.1.1.1"); err != nil {
		t.Fatal(err)
	}
	_, err = h.query(asker, "azure-openai")
	wantError(t, err, 403, codeDenied, "")
	if got := upstreamError(t, err); !strings.Contains(got, `"code":"403"`) || !strings.Contains(got, "Access denied due to Virtual Network/Firewall rules.") {
		t.Errorf("upstream %s", got)
	}
	if err := h.azure.SetRules(h.aoai, "52.1.2.3"); err != nil {
		t.Fatal(err)
	}

	h.cloud.PutSecret("azure-openai", "azure-openai", "stale-key")
	_, err = h.query(asker, "azure-openai")
	wantError(t, err, 401, codeUnauthenticated, "invalid subscription key")
	h.cloud.PutSecret("azure-openai", "azure-openai", "key")

	_, err = h.query(asker, "nope")
	wantError(t, err, 404, codeNotFound, "Endpoint with name 'nope' does not exist.")
	_, err = h.query(h.workspace("app-stranger", "stranger-secret"), "azure-openai")
	wantError(t, err, 403, codeDenied, "User does not have permission 'View' on Endpoint azure-openai")

	if err := h.cloud.SeedPolicy("closed"); err != nil {
		t.Fatal(err)
	}
	if err := h.cloud.AttachPolicy(workspaceID, "closed"); err != nil {
		t.Fatal(err)
	}
	_, err = h.query(asker, "azure-openai")
	wantError(t, err, 403, "CUSTOMER_UNAUTHORIZED", "Access to "+domain+" is denied because of serverless network policy.")
	if err := h.cloud.AttachPolicy(workspaceID, "locked"); err != nil {
		t.Fatal(err)
	}

	h.mu.Lock()
	h.dead = true
	h.mu.Unlock()
	_, err = h.query(asker, "azure-openai")
	wantError(t, err, 500, codeInternal, "no healthy target")
	h.mu.Lock()
	h.dead = false
	h.mu.Unlock()

	h.deleteRule(a, r.RuleId)
	_, err = h.query(asker, "azure-openai")
	wantError(t, err, 500, codeInternal, "no private endpoint rule")
}

func TestServingEndpointLife(t *testing.T) {
	h := start(t, nil)
	h.establish(h.account())
	w := h.adminWorkspace()
	model := serving.ExternalModel{
		Name: "gpt-4o", Provider: serving.ExternalModelProviderOpenai, Task: taskChat,
		OpenaiConfig: &serving.OpenAiConfig{OpenaiApiType: "azure", OpenaiApiBase: "https://" + domain, OpenaiApiVersion: "2024-10-21", OpenaiDeploymentName: "chat", OpenaiApiKeyPlaintext: "key"},
	}
	config := func() []serving.ServedEntityInput {
		return []serving.ServedEntityInput{{Name: "gpt", ExternalModel: &model}}
	}
	created, err := w.ServingEndpoints.Create(t.Context(), serving.CreateServingEndpoint{Name: "mine", Config: &serving.EndpointCoreConfigInput{ServedEntities: config()}})
	if err != nil || created.Response.State.Ready != serving.EndpointStateReadyNotReady {
		t.Fatalf("%+v, %v", created, err)
	}
	if kept := created.Response.Config.ServedEntities[0].ExternalModel.OpenaiConfig; kept.OpenaiApiKeyPlaintext != "" || kept.OpenaiApiKey != "" {
		t.Errorf("a secret came back: %+v", kept)
	}
	awaitReady := func() *serving.ServingEndpointDetailed {
		var e *serving.ServingEndpointDetailed
		eventually(t, "the endpoint is ready", func() bool {
			if e, err = w.ServingEndpoints.GetByName(t.Context(), "mine"); err != nil {
				t.Fatal(err)
			}
			return e.State.Ready == serving.EndpointStateReadyReady && e.State.ConfigUpdate == serving.EndpointStateConfigUpdateNotUpdating
		})
		return e
	}
	e := awaitReady()
	if _, err := h.query(w, "mine"); err != nil {
		t.Error(err)
	}
	stranger := h.workspace("app-stranger", "stranger-secret")
	grant := func(level serving.ServingEndpointPermissionLevel) {
		if _, err := w.ServingEndpoints.UpdatePermissions(t.Context(), serving.ServingEndpointPermissionsRequest{
			ServingEndpointId: e.Id, AccessControlList: []serving.ServingEndpointAccessControlRequest{{ServicePrincipalName: "app-stranger", PermissionLevel: level}},
		}); err != nil {
			t.Fatal(err)
		}
	}
	grant(levelView)
	_, err = h.query(stranger, "mine")
	wantError(t, err, 403, codeDenied, "'Query'")
	grant(levelQuery)
	if _, err = h.query(stranger, "mine"); err != nil {
		t.Error(err)
	}
	if _, err := w.ServingEndpoints.SetPermissions(t.Context(), serving.ServingEndpointPermissionsRequest{ServingEndpointId: e.Id}); err != nil {
		t.Fatal(err)
	}
	acl, err := w.ServingEndpoints.GetPermissions(t.Context(), serving.GetServingEndpointPermissionsRequest{ServingEndpointId: e.Id})
	if err != nil || len(acl.AccessControlList) != 2 {
		t.Errorf("after an empty PUT: %+v, %v", acl, err)
	}

	model.OpenaiConfig.OpenaiDeploymentName = "nope"
	if _, err := w.ServingEndpoints.UpdateConfig(t.Context(), serving.EndpointCoreConfigInput{Name: "mine", ServedEntities: config()}); err != nil {
		t.Fatal(err)
	}
	awaitReady()
	_, err = h.query(w, "mine")
	wantError(t, err, 404, codeNotFound, "DeploymentNotFound")
	if all, err := w.ServingEndpoints.ListAll(t.Context()); err != nil || len(all) != 2 {
		t.Errorf("%d endpoints, %v", len(all), err)
	}
	if err := w.ServingEndpoints.DeleteByName(t.Context(), "mine"); err != nil {
		t.Error(err)
	}
	_, err = w.ServingEndpoints.Create(t.Context(), serving.CreateServingEndpoint{Name: "databricks-x", Config: &serving.EndpointCoreConfigInput{ServedEntities: config()}})
	wantError(t, err, 400, codeInvalidParameter, "databricks-")
}

// TestCreateWhoseAnswerIsLost shows why a client must look before it posts again.
func TestCreateWhoseAnswerIsLost(t *testing.T) {
	h := start(t, nil)
	a := h.account()
	if _, err := a.Workspaces.List(t.Context()); err != nil { // logs in, so that only the POST meets the fault
		t.Fatal(err)
	}
	h.cloud.Faults.Add(fault.Rule{Method: http.MethodPost, Path: regexp.MustCompile("private-endpoint-rules$"), LoseAnswer: true})
	_, err := a.NetworkConnectivity.CreatePrivateEndpointRule(t.Context(), settings.CreatePrivateEndpointRuleRequest{
		NetworkConnectivityConfigId: h.ncc,
		PrivateEndpointRule:         settings.CreatePrivateEndpointRule{EndpointService: service, DomainNames: []string{domain}},
	})
	if h.cloud.Faults.Unused() != 0 {
		t.Error("the fault did not apply")
	}
	if got := len(h.cloud.Rules()); got == 0 {
		t.Errorf("no rule was made (%v)", err)
	}
	h.cloud.Faults.Add(fault.Rule{Path: regexp.MustCompile("/workspaces$"), Times: 2, Status: http.StatusServiceUnavailable, Code: "TEMPORARILY_UNAVAILABLE", Message: "try later"})
	if _, err := a.Workspaces.List(t.Context()); err != nil {
		t.Errorf("the SDK did not retry: %v", err)
	}
}
