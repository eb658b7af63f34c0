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
	"github.com/databricks/databricks-sdk-go/service/serving"
	"github.com/databricks/databricks-sdk-go/service/settings"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/eiptag"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/azure"
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
	workspace   *databricks.WorkspaceClient
	login       *config.Config // of a principal that may query the serving endpoint
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
	workspace, err := databricks.NewWorkspaceClient(&databricks.Config{
		Host: env["DATABRICKS_HOST"], WorkspaceID: strconv.FormatInt(sb.World.WorkspaceID, 10), AuthType: "oauth-m2m",
		ClientID: env["DATABRICKS_CLIENT_ID"], ClientSecret: env["DATABRICKS_CLIENT_SECRET"],
	})
	if err != nil {
		return nil, fmt.Errorf("setting up the Databricks workspace client: %w", err)
	}
	return &clouds{
		sandbox: sb, account: account, workspace: workspace,
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

// azureAccount is the one Azure OpenAI account there is.
func (c *clouds) azureAccount() (azure.AccountState, error) {
	accounts := c.sandbox.Azure().Accounts()
	if len(accounts) != 1 {
		return azure.AccountState{}, fmt.Errorf("there should be one Azure OpenAI account, and there are %d: %v", len(accounts), accounts)
	}
	state, ok := c.sandbox.Azure().State(accounts[0])
	if !ok {
		return azure.AccountState{}, errors.New("the Azure OpenAI account is gone")
	}
	return state, nil
}

// firewallRules returns the entries of the account's firewall, sorted.
func (c *clouds) firewallRules() ([]string, error) {
	state, err := c.azureAccount()
	slices.Sort(state.IPRules)
	return state.IPRules, err
}

// removeRule is somebody in the Azure portal.
func (c *clouds) removeRule(ip string) error {
	state, err := c.azureAccount()
	if err != nil {
		return err
	}
	return c.sandbox.Azure().RemoveRule(state.ID, ip)
}

// addRule is the Databricks administrator in the account console. It returns the rule's id.
func (c *clouds) addRule(ctx context.Context, service string) (string, error) {
	rule, err := c.account.NetworkConnectivity.CreatePrivateEndpointRule(ctx, settings.CreatePrivateEndpointRuleRequest{
		NetworkConnectivityConfigId: c.sandbox.World.NetworkConnectivityConfigID,
		PrivateEndpointRule:         settings.CreatePrivateEndpointRule{EndpointService: service, DomainNames: []string{c.sandbox.World.AzureHostname}},
	})
	if err != nil {
		return "", fmt.Errorf("adding the private endpoint rule: %w", err)
	}
	return rule.RuleId, nil
}

// removeRuleOf is the administrator again, who finds the connection closed and deletes the
// rule. It returns the state that the rule was in.
func (c *clouds) removeRuleOf(ctx context.Context, ruleID string) (string, error) {
	rule, err := c.account.NetworkConnectivity.GetPrivateEndpointRule(ctx, settings.GetPrivateEndpointRuleRequest{
		NetworkConnectivityConfigId: c.sandbox.World.NetworkConnectivityConfigID, PrivateEndpointRuleId: ruleID,
	})
	if err != nil {
		return "", fmt.Errorf("reading the administrator's rule: %w", err)
	}
	if rule.ConnectionState == settings.NccPrivateEndpointRulePrivateLinkConnectionStateEstablished {
		return "", fmt.Errorf("rule %s is still %s", rule.RuleId, rule.ConnectionState)
	}
	if _, err := c.account.NetworkConnectivity.DeletePrivateEndpointRule(ctx, settings.DeletePrivateEndpointRuleRequest{
		NetworkConnectivityConfigId: c.sandbox.World.NetworkConnectivityConfigID, PrivateEndpointRuleId: ruleID,
	}); err != nil {
		return "", fmt.Errorf("deleting the administrator's rule: %w", err)
	}
	return string(rule.ConnectionState), nil
}

// addServingEndpoint is a data team that has got the account's key, and lets one service
// principal query.
func (c *clouds) addServingEndpoint(ctx context.Context) error {
	account, err := c.azureAccount()
	if err != nil {
		return err
	}
	world := c.sandbox.World
	wait, err := c.workspace.ServingEndpoints.Create(ctx, serving.CreateServingEndpoint{
		Name: world.ServingEndpoint,
		Config: &serving.EndpointCoreConfigInput{ServedEntities: []serving.ServedEntityInput{{
			Name: world.Deployment,
			ExternalModel: &serving.ExternalModel{Name: "gpt-4o", Provider: serving.ExternalModelProviderOpenai, Task: "llm/v1/chat", OpenaiConfig: &serving.OpenAiConfig{
				OpenaiApiType: "azure", OpenaiApiBase: "https://" + world.AzureHostname, OpenaiApiVersion: "2024-10-21",
				OpenaiDeploymentName: world.Deployment, OpenaiApiKeyPlaintext: account.Keys[0],
			}},
		}}},
	})
	if err != nil {
		return fmt.Errorf("creating the serving endpoint: %w", err)
	}
	endpoint, err := wait.GetWithTimeout(settleTimeout)
	if err != nil {
		return fmt.Errorf("waiting for the serving endpoint: %w", err)
	}
	_, err = c.workspace.ServingEndpoints.UpdatePermissions(ctx, serving.ServingEndpointPermissionsRequest{
		ServingEndpointId: endpoint.Id,
		AccessControlList: []serving.ServingEndpointAccessControlRequest{{ServicePrincipalName: world.QueryClientID, PermissionLevel: serving.ServingEndpointPermissionLevelCanQuery}},
	})
	if err != nil {
		return fmt.Errorf("letting a service principal query the serving endpoint: %w", err)
	}
	return nil
}

// databricksState describes what is in the Databricks account: configurations and
// policies, and what each workspace is bound to. A nil part is not looked at by databricksIs.
type databricksState struct {
	objects, workspaces []string
}

func (c *clouds) databricksState(ctx context.Context) (databricksState, error) {
	var state databricksState
	configs, err := c.account.NetworkConnectivity.ListNetworkConnectivityConfigurationsAll(ctx, settings.ListNetworkConnectivityConfigurationsRequest{})
	if err != nil {
		return state, err
	}
	for _, ncc := range configs {
		state.objects = append(state.objects, "configuration "+ncc.NetworkConnectivityConfigId)
	}
	policies, err := c.account.NetworkPolicies.ListNetworkPoliciesRpcAll(ctx, settings.ListNetworkPoliciesRequest{})
	if err != nil {
		return state, err
	}
	for _, policy := range policies {
		state.objects = append(state.objects, "policy "+policy.NetworkPolicyId)
	}
	workspaces, err := c.account.Workspaces.List(ctx)
	if err != nil {
		return state, err
	}
	for _, w := range workspaces {
		option, err := c.account.WorkspaceNetworkConfiguration.GetWorkspaceNetworkOptionRpc(ctx, settings.GetWorkspaceNetworkOptionRequest{WorkspaceId: w.WorkspaceId})
		if err != nil {
			return state, err
		}
		state.workspaces = append(state.workspaces, fmt.Sprintf("workspace %d (%s): configuration %s, policy %s", w.WorkspaceId, w.WorkspaceStatus, w.NetworkConnectivityConfigId, option.NetworkPolicyId))
	}
	slices.Sort(state.objects)
	slices.Sort(state.workspaces)
	return state, nil
}

// databricksIs checks that the Databricks account is as it was.
func (c *clouds) databricksIs(ctx context.Context, before databricksState) error {
	now, err := c.databricksState(ctx)
	if err != nil {
		return err
	}
	if before.objects != nil && !slices.Equal(now.objects, before.objects) {
		err = fmt.Errorf("the account of Databricks has %v, and had %v before", now.objects, before.objects)
	}
	if before.workspaces != nil && !slices.Equal(now.workspaces, before.workspaces) {
		err = errors.Join(err, fmt.Errorf("the workspaces of Databricks are %v, and were %v before", now.workspaces, before.workspaces))
	}
	return err
}
