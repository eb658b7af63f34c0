// Package databrickslive asks Databricks what its documentation leaves open about private endpoint rules,
// network connectivity configurations and external models.
package databrickslive

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/databricks/databricks-sdk-go"
	"github.com/databricks/databricks-sdk-go/config"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/clients"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/live"
)

// Variables that the suite reads.
const (
	inputService       = "CROSSCLOUDLINK_LIVE_ENDPOINT_SERVICE_ID"
	inputWildcard      = "CROSSCLOUDLINK_LIVE_WILDCARD_ENDPOINT_SERVICE_ID"
	inputTestWorkspace = "CROSSCLOUDLINK_LIVE_DATABRICKS_TEST_WORKSPACE_ID"
	inputHost          = "CROSSCLOUDLINK_LIVE_DATABRICKS_WORKSPACE_HOST"
	inputWorkspace     = "CROSSCLOUDLINK_LIVE_DATABRICKS_WORKSPACE_ID"
	inputServing       = "CROSSCLOUDLINK_LIVE_SERVING_ENDPOINT"
	inputRefused       = "CROSSCLOUDLINK_LIVE_REFUSED_SERVING_ENDPOINT"
	inputEntra         = "CROSSCLOUDLINK_LIVE_ENTRA_SERVING_ENDPOINT"
	inputRule          = "CROSSCLOUDLINK_LIVE_DATABRICKS_RULE"
	inputAccount       = "CROSSCLOUDLINK_LIVE_AZURE_OPENAI_ACCOUNT_ID"
	inputAddresses     = "CROSSCLOUDLINK_LIVE_POOL_ADDRESSES"
)

// Options are how the suite reaches the clouds.
type Options struct {
	// Account returns the client of the Databricks account, AWS those of the account and the region
	// of the endpoint service, Azure the one that may read the Azure OpenAI account.
	Account func(context.Context) (*databricks.AccountClient, error)
	AWS     func(context.Context) (*clients.AWS, error)
	Azure   func(context.Context) (*clients.Azure, error)
	// Workspace returns the client of the workspace of a host.
	Workspace func(ctx context.Context, host string) (*databricks.WorkspaceClient, error)
}

// Live reaches the clouds that the environment leads to, as the provider does.
func Live(getenv func(string) string) Options {
	all := clients.New(clients.Config{Getenv: getenv})
	return Options{
		Account: func(ctx context.Context) (*databricks.AccountClient, error) {
			account, diags := all.DatabricksAccount(ctx)
			return account, live.Refusal(diags)
		},
		AWS: func(ctx context.Context) (*clients.AWS, error) {
			aws, diags := all.AWS(ctx)
			return aws, live.Refusal(diags)
		},
		Azure: func(ctx context.Context) (*clients.Azure, error) {
			azure, diags := all.Azure(ctx)
			return azure, live.Refusal(diags)
		},
		Workspace: func(_ context.Context, host string) (*databricks.WorkspaceClient, error) {
			return databricks.NewWorkspaceClient((*databricks.Config)(&config.Config{
				Host: host, ClientID: getenv("DATABRICKS_CLIENT_ID"), ClientSecret: getenv("DATABRICKS_CLIENT_SECRET"), AuthType: getenv("DATABRICKS_AUTH_TYPE"),
			}))
		},
	}
}

// suite is what the questions share.
type suite struct {
	options Options

	connected live.Once[*databricks.AccountClient]
	aws       live.Once[*clients.AWS]
	spare     live.Once[*ncc]
	linked    live.Once[*link]
	turned    live.Once[string]
	deleted   live.Once[string]
}

// Suite returns the questions, in the order in which they are asked.
func Suite(options Options) live.Suite {
	s := &suite{options: options}
	questions := s.queries()[:1]
	questions = append(questions, s.rules()...)
	questions = append(questions, s.queries()[1:]...)
	return live.Suite{
		Cloud: "databricks", Switch: "TF_ACC_DATABRICKS",
		Inputs: []live.Input{
			{Name: inputService, Meaning: "the id (vpce-svc-…) of an endpoint service of yours, in the AWS account and region of AWS's own variables, that requires acceptance and allows Databricks' role; rules to it are made and connections of these accepted and rejected"},
			{Name: inputWildcard, Meaning: "the id of one that allows * and not Databricks' role by name"},
			{Name: inputTestWorkspace, Meaning: "the number of a workspace for tests alone, bound to a network connectivity configuration: it is bound anew"},
			{Name: inputHost, Meaning: "the host (https://…cloud.databricks.com) of a workspace with serving endpoints that the service principal of DATABRICKS_CLIENT_ID may query"},
			{Name: inputWorkspace, Meaning: "that workspace's number"},
			{Name: inputServing, Meaning: "the name of a serving endpoint there for a chat model of Azure OpenAI, reached by a private endpoint rule; each query costs a few tokens"},
			{Name: inputRefused, Meaning: "the name of one whose Azure account's firewall lists none of the addresses"},
			{Name: inputEntra, Meaning: "the name of one with Microsoft Entra credentials"},
			{Name: inputRule, Meaning: "the rule that leads to the account, as NCC/RULE"},
			{Name: inputAccount, Meaning: "the ARM id of the Azure OpenAI account behind the serving endpoint; it is read"},
			{Name: inputAddresses, Meaning: "the addresses of the pool, with commas between"},
		},
		Questions: questions,
	}
}

// account logs in to Databricks, once.
func (s *suite) account(ctx context.Context) (*databricks.AccountClient, error) {
	return s.connected.Get(func() (*databricks.AccountClient, error) { return s.options.Account(ctx) })
}

// cloud logs in to AWS, once.
func (s *suite) cloud(ctx context.Context) (*clients.AWS, error) {
	return s.aws.Get(func() (*clients.AWS, error) { return s.options.AWS(ctx) })
}

// connectionState is the state that AWS gives the connection of a VPC endpoint to a service, or "" where it
// shows none, in lower case: the SDK's constants and the wire disagree about capitals.
func (s *suite) connectionState(ctx context.Context, serviceID, endpointID string) (state, owner string, err error) {
	cloud, err := s.cloud(ctx)
	if err != nil {
		return "", "", err
	}
	pages := ec2.NewDescribeVpcEndpointConnectionsPaginator(cloud.EC2, &ec2.DescribeVpcEndpointConnectionsInput{Filters: serviceFilter(serviceID)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return "", "", fmt.Errorf("listing the connections of %s: %w", serviceID, err)
		}
		for _, c := range page.VpcEndpointConnections {
			if aws.ToString(c.VpcEndpointId) == endpointID {
				return strings.ToLower(string(c.VpcEndpointState)), aws.ToString(c.VpcEndpointOwner), nil
			}
		}
	}
	return "", "", nil
}
