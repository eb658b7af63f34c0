package databrickslive_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	dbsdk "github.com/databricks/databricks-sdk-go"
	"github.com/databricks/databricks-sdk-go/config"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/clients"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/live/databrickslive"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/live/livetest"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/azure"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/databricks"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/fault"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/waiter"
)

// poolAddress is the address of the pool, which the account's firewall admits.
const poolAddress = "198.51.100.80"

// chat is a workspace with a serving endpoint for a model behind a firewall, and a rule that leads there. What
// leaves by the rule reaches Azure from address.
type chat struct {
	azure      *azure.Cloud
	databricks *databricks.Cloud
	options    databrickslive.Options
	inputs     map[string]string
	address    atomic.Value
}

// instantAWS has every endpoint available at once.
type instantAWS struct{}

func (instantAWS) AllowsByName(string, string) bool { return true }
func (instantAWS) CreateVPCEndpoint(string, string, string) (string, error) {
	return "vpce-0123456789abcdef0", nil
}
func (instantAWS) VPCEndpointState(string) (string, bool) { return "available", true }
func (instantAWS) DeleteVPCEndpoint(string)               {}

func newChat(t *testing.T) *chat {
	t.Helper()
	c := &chat{}
	c.address.Store(poolAddress)
	var err error
	c.azure, err = azure.New(t.Context(), azure.Options{Dir: t.TempDir(), OperationTime: -1, Propagation: -1,
		PublicIP: func(net.Addr) (string, bool) { return c.address.Load().(string), true }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.azure.Close() })
	c.databricks, err = databricks.New(t.Context(), databricks.Options{
		AWS: instantAWS{}, RootCAs: c.azure.CAPool(), ProvisionTime: -1, EstablishTime: -1,
		Dial: func(ctx context.Context, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", c.azure.DataPlaneAddr())
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.databricks.Close() })
	c.seed(t)
	login := func(host, accountID string) *dbsdk.Config {
		return (*dbsdk.Config)(&config.Config{Host: host, AccountID: accountID, ClientID: c.databricks.ClientID(), ClientSecret: c.databricks.ClientSecret(), AuthType: "oauth-m2m"})
	}
	c.options = databrickslive.Options{
		Account: func(context.Context) (*dbsdk.AccountClient, error) {
			return dbsdk.NewAccountClient(login(c.databricks.URL(), c.databricks.AccountID()))
		},
		Azure: func(context.Context) (*clients.Azure, error) { return livetest.Azure(c.azure) },
		Workspace: func(_ context.Context, host string) (*dbsdk.WorkspaceClient, error) {
			return dbsdk.NewWorkspaceClient(login(host, ""))
		},
	}
	return c
}

// seed makes the account, the workspace with its rule and its policy, and the serving endpoints.
func (c *chat) seed(t *testing.T) {
	t.Helper()
	const host = "acme.openai.azure.com"
	accountID, err := c.azure.SeedAccount(azure.Account{
		ResourceGroup: "models", Name: "acme", Subdomain: "acme", IPRules: []string{poolAddress}, DefaultAction: "Deny", Deployments: map[string]string{"chat": "gpt-4o"},
	})
	if err != nil {
		t.Fatal(err)
	}
	state, _ := c.azure.State(accountID)
	nccID, err := c.databricks.SeedNCC("acme", "")
	if err != nil {
		t.Fatal(err)
	}
	ruleID, err := c.databricks.CreateRule(nccID, "com.amazonaws.vpce.us-east-1.vpce-svc-0123456789abcdef0", host)
	if err != nil {
		t.Fatal(err)
	}
	for policy, hosts := range map[string][]string{"lists-it": {host}, "lists-others": {"example.com"}} {
		if err := c.databricks.SeedPolicy(policy, hosts...); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.databricks.SeedWorkspace(databricks.Workspace{ID: workspaceID, Name: "acme", NCCID: nccID}); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"chat", "refused", "entra"} {
		_, err := c.databricks.SeedServingEndpoint(databricks.ServingEndpoint{
			WorkspaceID: workspaceID, Name: name, Model: "gpt-4o", APIBase: "https://" + host, APIVersion: "2024-10-21", Deployment: "chat", Key: state.Keys[0],
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	must(t, waiter.Waiter{Min: 5 * time.Millisecond, Max: 5 * time.Millisecond}.Until(t.Context(), "the rule", func(context.Context) (string, bool, error) {
		state := c.databricks.Rules()[0].ConnectionState
		return state, state == "ESTABLISHED", nil
	}))
	c.inputs = map[string]string{
		"CROSSCLOUDLINK_LIVE_DATABRICKS_WORKSPACE_HOST": c.databricks.URL(),
		"CROSSCLOUDLINK_LIVE_DATABRICKS_WORKSPACE_ID":   fmt.Sprint(workspaceID),
		"CROSSCLOUDLINK_LIVE_SERVING_ENDPOINT":          "chat",
		"CROSSCLOUDLINK_LIVE_REFUSED_SERVING_ENDPOINT":  "refused",
		"CROSSCLOUDLINK_LIVE_ENTRA_SERVING_ENDPOINT":    "entra",
		"CROSSCLOUDLINK_LIVE_DATABRICKS_RULE":           nccID + "/" + ruleID,
		"CROSSCLOUDLINK_LIVE_AZURE_OPENAI_ACCOUNT_ID":   accountID,
		"CROSSCLOUDLINK_LIVE_POOL_ADDRESSES":            poolAddress + ", 198.51.100.81",
	}
}

func (c *chat) attach(t *testing.T, policy string) {
	t.Helper()
	if err := c.databricks.AttachPolicy(workspaceID, policy); err != nil {
		t.Fatal(err)
	}
}

// refuseQueries has Databricks itself refuse the next query with a code.
func (c *chat) refuseQueries(n int, status int, code, message string) {
	c.databricks.Faults.Add(fault.Rule{Method: http.MethodPost, Path: regexp.MustCompile(`/invocations$`), Times: n, Status: status, Code: code, Message: message})
}

func TestAnswersToQueries(t *testing.T) {
	const uses, delay, refusal, names, entra = "databricks-external-model-uses-ncc", "databricks-traffic-delay", "databricks-firewall-refusal", "databricks-policy-names", "databricks-entra-egress"
	tests := map[string]struct {
		id      string
		prepare func(*testing.T, *chat)
		want    string
		seen    string
	}{
		"by the rule":     {uses, func(*testing.T, *chat) {}, "agrees: taken", ""},
		"past the rule":   {uses, func(_ *testing.T, c *chat) { c.address.Store("203.0.113.9") }, "differs: not taken", "Firewall rules"},
		"an open account": {uses, func(t *testing.T, c *chat) { must(t, c.azure.AddRule(c.account(), "203.0.113.0/24")) }, "undecided: ", "203.0.113.0/24"},
		"another refusal": {uses, func(_ *testing.T, c *chat) {
			c.refuseQueries(1, http.StatusNotFound, "RESOURCE_DOES_NOT_EXIST", "no endpoint")
		}, "undecided: ", "no endpoint"},
		"traffic at once": {delay, func(*testing.T, *chat) {}, "seen: at once", ""},
		"traffic after a time": {delay, func(_ *testing.T, c *chat) {
			c.refuseQueries(2, http.StatusInternalServerError, "INTERNAL_ERROR", "502 Bad Gateway")
		}, "*", "query 3 was the first"},
		"a firewall": {refusal, func(_ *testing.T, c *chat) { c.address.Store("203.0.113.9") }, "agrees: 403 with Azure's text", "external_model_provider"},
		"a firewall in other words": {refusal, func(_ *testing.T, c *chat) {
			c.refuseQueries(1, http.StatusBadRequest, "BAD_REQUEST", "Access denied due to Virtual Network/Firewall rules.")
		}, "differs: 400 with Azure's text", ""},
		"no firewall":               {refusal, func(*testing.T, *chat) {}, "undecided: ", "admits"},
		"a policy without the name": {names, func(t *testing.T, c *chat) { c.attach(t, "lists-others") }, "seen: must", "403"},
		"a policy with the name":    {names, func(t *testing.T, c *chat) { c.attach(t, "lists-it") }, "undecided: ", "take it out"},
		"no policy":                 {names, func(*testing.T, *chat) {}, "undecided: ", "restricts nothing"},
		"Entra past the policy":     {entra, func(t *testing.T, c *chat) { c.attach(t, "lists-it") }, "seen: does not obey", ""},
		"Entra refused by the policy": {entra, func(t *testing.T, c *chat) {
			c.attach(t, "lists-it")
			c.refuseQueries(1, http.StatusForbidden, "CUSTOMER_UNAUTHORIZED", "CUSTOMER_UNAUTHORIZED: Access to login.microsoftonline.com is denied")
		}, "seen: obeys", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c := newChat(t)
			test.prepare(t, c)
			results := livetest.Ask(t, databrickslive.Suite(c.options), func(name string) string { return c.inputs[name] }, test.id)
			livetest.Want(t, results, map[string]string{test.id: test.want})
			if got := results[test.id]; !strings.Contains(got.Seen, test.seen) {
				t.Errorf("what was seen lacks %q:\n%s", test.seen, got.Text())
			}
		})
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (c *chat) account() string { return c.inputs["CROSSCLOUDLINK_LIVE_AZURE_OPENAI_ACCOUNT_ID"] }
