package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	autoscalingtypes "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/databricks/databricks-sdk-go"
	"github.com/databricks/databricks-sdk-go/config"
	"github.com/databricks/databricks-sdk-go/service/settings"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/eiptag"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox"
)

// firewallText is what Azure writes into a refusal by its firewall.
const firewallText = "Access denied due to Virtual Network/Firewall rules."

// clouds asks the sandbox's clouds as people do: by their public APIs, with the
// credentials of the environment; and it has the hands of those other people.
type clouds struct {
	sandbox     *sandbox.Sandbox
	ec2         *ec2.Client
	autoScaling *autoscaling.Client
	account     *databricks.AccountClient
	login       *config.Config // of a principal that may query the serving endpoint
	ruleID      string
}

func newClouds(sb *sandbox.Sandbox) (*clouds, error) {
	env := map[string]string{}
	for _, variable := range sb.Env() {
		name, value, _ := strings.Cut(variable, "=")
		env[name] = value
	}
	account, err := databricks.NewAccountClient(&databricks.Config{
		Host: env["DATABRICKS_HOST"], AccountID: env["DATABRICKS_ACCOUNT_ID"], AuthType: "oauth-m2m",
		ClientID: env["DATABRICKS_CLIENT_ID"], ClientSecret: env["DATABRICKS_CLIENT_SECRET"],
	})
	if err != nil {
		return nil, fmt.Errorf("setting up the Databricks account client: %w", err)
	}
	return &clouds{
		sandbox: sb, account: account,
		login: &config.Config{
			Host: env["DATABRICKS_HOST"], WorkspaceID: strconv.FormatInt(sb.World.WorkspaceID, 10), AuthType: "oauth-m2m",
			ClientID: sb.World.QueryClientID, ClientSecret: sb.World.QueryClientSecret,
		},
		ec2:         ec2.NewFromConfig(sb.AWS().Config),
		autoScaling: autoscaling.NewFromConfig(sb.AWS().Config),
	}, nil
}

// answer is what came back from a query of the serving endpoint.
type answer struct {
	status int
	// source is the address from which the query reached Azure, by Azure's own log; empty when
	// it did not.
	source string
	// azureFirewall says that the refusal is that of Azure's firewall, in Azure's words.
	azureFirewall bool
	body          string
}

func (a answer) String() string {
	source := a.source
	if source == "" {
		source = "nowhere"
	}
	if a.status == http.StatusOK {
		return "200 from " + source
	}
	return fmt.Sprintf("%d from %s (%s)", a.status, source, a.body)
}

// query asks the serving endpoint one question.
func (c *clouds) query(ctx context.Context) (answer, error) {
	before := len(c.sandbox.Azure().DataRequests())
	const question = `{"messages":[{"role":"user","content":"Why train a model on domain specific data?"}],"max_tokens":128}`
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.login.Host+"/serving-endpoints/"+c.sandbox.World.ServingEndpoint+"/invocations", strings.NewReader(question))
	if err != nil {
		return answer{}, err
	}
	request.Header.Set("Content-Type", "application/json")
	if err := c.login.Authenticate(request); err != nil {
		return answer{}, fmt.Errorf("logging in to the workspace: %w", err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return answer{}, fmt.Errorf("querying the serving endpoint: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return answer{}, fmt.Errorf("reading the serving endpoint's answer: %w", err)
	}
	got := answer{status: response.StatusCode, body: string(body), azureFirewall: refusedByFirewall(body)}
	if log := c.sandbox.Azure().DataRequests(); len(log) > before {
		got.source = log[len(log)-1].SourceIP
	}
	return got, nil
}

// refusedByFirewall looks for Azure's own error inside of Databricks', where it is JSON
// within a JSON string.
func refusedByFirewall(body []byte) bool {
	var outer struct {
		ErrorCode string `json:"error_code"`
		Message   string `json:"message"`
	}
	var inner struct {
		ExternalModelError struct {
			Error struct {
				Message string `json:"message"`
			} `json:"error"`
		} `json:"external_model_error"`
	}
	return json.Unmarshal(body, &outer) == nil && outer.ErrorCode == "PERMISSION_DENIED" &&
		json.Unmarshal([]byte(outer.Message), &inner) == nil && inner.ExternalModelError.Error.Message == firewallText
}

// poolAddresses returns the addresses of all pools, by allocation id.
func (c *clouds) poolAddresses(ctx context.Context) (map[string]ec2types.Address, error) {
	out, err := c.ec2.DescribeAddresses(ctx, &ec2.DescribeAddressesInput{Filters: []ec2types.Filter{{Name: aws.String("tag-key"), Values: []string{eiptag.DefaultPoolKey}}}})
	if err != nil {
		return nil, err
	}
	addresses := map[string]ec2types.Address{}
	for _, a := range out.Addresses {
		addresses[aws.ToString(a.AllocationId)] = a
	}
	return addresses, nil
}

// instances returns the Auto Scaling instances by their lifecycle state.
func (c *clouds) instances(ctx context.Context) (map[autoscalingtypes.LifecycleState][]string, error) {
	out, err := c.autoScaling.DescribeAutoScalingGroups(ctx, &autoscaling.DescribeAutoScalingGroupsInput{})
	if err != nil {
		return nil, err
	}
	found := map[autoscalingtypes.LifecycleState][]string{}
	for _, group := range out.AutoScalingGroups {
		for _, instance := range group.Instances {
			found[instance.LifecycleState] = append(found[instance.LifecycleState], aws.ToString(instance.InstanceId))
		}
	}
	return found, nil
}

// inServiceAddresses returns the public addresses of the proxies in service, sorted.
func (c *clouds) inServiceAddresses(ctx context.Context) ([]string, error) {
	instances, err := c.instances(ctx)
	if err != nil {
		return nil, err
	}
	pool, err := c.poolAddresses(ctx)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, a := range pool {
		if slices.Contains(instances[autoscalingtypes.LifecycleStateInService], aws.ToString(a.InstanceId)) {
			out = append(out, aws.ToString(a.PublicIp))
		}
	}
	slices.Sort(out)
	return out, nil
}

// nothingLostOrDoubled checks that there are size addresses, each on one proxy in service,
// and each once in the firewall beside the entries of others.
func (c *clouds) nothingLostOrDoubled(ctx context.Context, size int, foreign []string) error {
	pool, err := c.poolAddresses(ctx)
	if err != nil {
		return err
	}
	serving, err := c.inServiceAddresses(ctx)
	if err != nil {
		return err
	}
	instances, err := c.instances(ctx)
	if err != nil {
		return err
	}
	listed, err := c.firewallRules()
	if err != nil {
		return err
	}
	want := slices.Clone(foreign)
	for _, a := range pool {
		want = append(want, aws.ToString(a.PublicIp))
	}
	slices.Sort(want)
	var errs []error
	if len(pool) != size {
		errs = append(errs, fmt.Errorf("the account has %d addresses of the pool, not %d: %v", len(pool), size, slices.Sorted(maps.Keys(pool))))
	}
	if inService := len(instances[autoscalingtypes.LifecycleStateInService]); len(serving) != size || inService != size {
		errs = append(errs, fmt.Errorf("%d proxies are in service, on %d addresses of the pool; both should be %d", inService, len(serving), size))
	}
	if !slices.Equal(listed, want) {
		errs = append(errs, fmt.Errorf("the firewall lists %v instead of %v", listed, want))
	}
	return errors.Join(errs...)
}

// awsIsEmpty asks every service for what is left.
func (c *clouds) awsIsEmpty(ctx context.Context) (string, error) {
	left, err := c.sandbox.AWS().LeftOvers(ctx)
	if err == nil && len(left) > 0 {
		err = fmt.Errorf("AWS still has %v", left)
	}
	return fmt.Sprintf("nothing is left, of %d kinds of resources", len(c.sandbox.AWS().Kinds())), err
}

// firewallRules returns the entries of the account's firewall, sorted.
func (c *clouds) firewallRules() ([]string, error) {
	state, ok := c.sandbox.Azure().State(c.sandbox.World.AzureAccountID)
	if !ok {
		return nil, errors.New("the Azure OpenAI account is gone")
	}
	slices.Sort(state.IPRules)
	return state.IPRules, nil
}

// removeRule is somebody in the Azure portal.
func (c *clouds) removeRule(ip string) error {
	return c.sandbox.Azure().RemoveRule(c.sandbox.World.AzureAccountID, ip)
}

// addRule is the Databricks administrator in the account console.
func (c *clouds) addRule(ctx context.Context, service string) error {
	rule, err := c.account.NetworkConnectivity.CreatePrivateEndpointRule(ctx, settings.CreatePrivateEndpointRuleRequest{
		NetworkConnectivityConfigId: c.sandbox.World.NetworkConnectivityConfigID,
		PrivateEndpointRule:         settings.CreatePrivateEndpointRule{EndpointService: service, DomainNames: []string{c.sandbox.World.AzureHostname}},
	})
	if err != nil {
		return fmt.Errorf("adding the private endpoint rule: %w", err)
	}
	c.ruleID = rule.RuleId
	return nil
}

// databricksState describes what others have in Databricks: configurations, policies, and
// what each workspace is bound to.
func (c *clouds) databricksState(ctx context.Context) ([]string, error) {
	var state []string
	configs, err := c.account.NetworkConnectivity.ListNetworkConnectivityConfigurationsAll(ctx, settings.ListNetworkConnectivityConfigurationsRequest{})
	if err != nil {
		return nil, err
	}
	for _, ncc := range configs {
		state = append(state, "configuration "+ncc.NetworkConnectivityConfigId)
	}
	policies, err := c.account.NetworkPolicies.ListNetworkPoliciesRpcAll(ctx, settings.ListNetworkPoliciesRequest{})
	if err != nil {
		return nil, err
	}
	for _, policy := range policies {
		state = append(state, "policy "+policy.NetworkPolicyId)
	}
	workspaces, err := c.account.Workspaces.List(ctx)
	if err != nil {
		return nil, err
	}
	for _, w := range workspaces {
		option, err := c.account.WorkspaceNetworkConfiguration.GetWorkspaceNetworkOptionRpc(ctx, settings.GetWorkspaceNetworkOptionRequest{WorkspaceId: w.WorkspaceId})
		if err != nil {
			return nil, err
		}
		state = append(state, fmt.Sprintf("workspace %d: configuration %s, policy %s", w.WorkspaceId, w.NetworkConnectivityConfigId, option.NetworkPolicyId))
	}
	slices.Sort(state)
	return state, nil
}

// databricksIsBack checks that the connection is closed and all else is as before, and
// lets the administrator delete the rule.
func (c *clouds) databricksIsBack(ctx context.Context, before []string) (string, error) {
	rule, err := c.account.NetworkConnectivity.GetPrivateEndpointRule(ctx, settings.GetPrivateEndpointRuleRequest{
		NetworkConnectivityConfigId: c.sandbox.World.NetworkConnectivityConfigID, PrivateEndpointRuleId: c.ruleID,
	})
	if err != nil {
		return "", fmt.Errorf("reading the administrator's rule: %w", err)
	}
	if rule.ConnectionState == settings.NccPrivateEndpointRulePrivateLinkConnectionStateEstablished {
		return "", fmt.Errorf("rule %s is still %s", rule.RuleId, rule.ConnectionState)
	}
	now, err := c.databricksState(ctx)
	if err != nil {
		return "", err
	}
	if !slices.Equal(now, before) {
		return "", fmt.Errorf("the account of Databricks has %v, and had %v before", now, before)
	}
	if _, err := c.account.NetworkConnectivity.DeletePrivateEndpointRule(ctx, settings.DeletePrivateEndpointRuleRequest{
		NetworkConnectivityConfigId: c.sandbox.World.NetworkConnectivityConfigID, PrivateEndpointRuleId: c.ruleID,
	}); err != nil {
		return "", fmt.Errorf("deleting the administrator's rule: %w", err)
	}
	return fmt.Sprintf("the rule of the administrator is %s; workspace, configuration and policy are as before", rule.ConnectionState), nil
}
