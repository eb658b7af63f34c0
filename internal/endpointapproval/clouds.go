package endpointapproval

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/databricks/databricks-sdk-go/service/settings"
	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/clients"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/waiter"
)

// EC2API is what this package uses of EC2.
type EC2API interface {
	DescribeVpcEndpointConnections(context.Context, *ec2.DescribeVpcEndpointConnectionsInput, ...func(*ec2.Options)) (*ec2.DescribeVpcEndpointConnectionsOutput, error)
	DescribeVpcEndpointServiceConfigurations(context.Context, *ec2.DescribeVpcEndpointServiceConfigurationsInput, ...func(*ec2.Options)) (*ec2.DescribeVpcEndpointServiceConfigurationsOutput, error)
	DescribeVpcEndpointServicePermissions(context.Context, *ec2.DescribeVpcEndpointServicePermissionsInput, ...func(*ec2.Options)) (*ec2.DescribeVpcEndpointServicePermissionsOutput, error)
	AcceptVpcEndpointConnections(context.Context, *ec2.AcceptVpcEndpointConnectionsInput, ...func(*ec2.Options)) (*ec2.AcceptVpcEndpointConnectionsOutput, error)
	RejectVpcEndpointConnections(context.Context, *ec2.RejectVpcEndpointConnectionsInput, ...func(*ec2.Options)) (*ec2.RejectVpcEndpointConnectionsOutput, error)
}

// DatabricksAPI is what this package uses of the Databricks account API.
type DatabricksAPI interface {
	GetNetworkConnectivityConfiguration(context.Context, settings.GetNetworkConnectivityConfigurationRequest) (*settings.NetworkConnectivityConfiguration, error)
	GetPrivateEndpointRule(context.Context, settings.GetPrivateEndpointRuleRequest) (*settings.NccPrivateEndpointRule, error)
	ListPrivateEndpointRulesAll(context.Context, settings.ListPrivateEndpointRulesRequest) ([]settings.NccPrivateEndpointRule, error)
}

// Clouds is both ends of the connection, and how to wait for them.
type Clouds struct {
	EC2 EC2API
	// Databricks is nil when the endpoint is given and Databricks is not asked.
	Databricks DatabricksAPI
	// Region is that of the endpoint service ("us-east-1"), Partition the AWS partition that it is in ("aws").
	Region    string
	Partition string
	Waiter    waiter.Waiter
}

// connector hands out the clouds; known says whether that can succeed at plan time,
// when parts of the provider's configuration may not be known.
type connector interface {
	known(withDatabricks bool) bool
	connect(ctx context.Context, withDatabricks bool) (*Clouds, diag.Diagnostics)
}

// providerConnector connects by the provider's configuration.
type providerConnector struct{ clients *clients.Clients }

func (c providerConnector) known(withDatabricks bool) bool {
	return c.clients.KnownAWS() && (!withDatabricks || c.clients.KnownDatabricksAccount())
}

func (c providerConnector) connect(ctx context.Context, withDatabricks bool) (*Clouds, diag.Diagnostics) {
	aws, diags := c.clients.AWS(ctx)
	if diags.HasError() {
		return nil, diags
	}
	both := &Clouds{EC2: aws.EC2, Region: aws.Region, Partition: aws.Partition, Waiter: c.clients.Waiter()}
	if withDatabricks {
		account, more := c.clients.DatabricksAccount(ctx)
		diags.Append(more...)
		if diags.HasError() {
			return nil, diags
		}
		both.Databricks = account.NetworkConnectivity
	}
	return both, diags
}
