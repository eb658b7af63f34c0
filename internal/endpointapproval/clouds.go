package endpointapproval

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/databricks/databricks-sdk-go/service/settings"
	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/clients"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/waiter"
)

// ec2API is what this package uses of EC2.
type ec2API interface {
	DescribeVpcEndpointConnections(context.Context, *ec2.DescribeVpcEndpointConnectionsInput, ...func(*ec2.Options)) (*ec2.DescribeVpcEndpointConnectionsOutput, error)
	DescribeVpcEndpointServiceConfigurations(context.Context, *ec2.DescribeVpcEndpointServiceConfigurationsInput, ...func(*ec2.Options)) (*ec2.DescribeVpcEndpointServiceConfigurationsOutput, error)
	AcceptVpcEndpointConnections(context.Context, *ec2.AcceptVpcEndpointConnectionsInput, ...func(*ec2.Options)) (*ec2.AcceptVpcEndpointConnectionsOutput, error)
	RejectVpcEndpointConnections(context.Context, *ec2.RejectVpcEndpointConnectionsInput, ...func(*ec2.Options)) (*ec2.RejectVpcEndpointConnectionsOutput, error)
}

// databricksAPI is what this package uses of the Databricks account API.
type databricksAPI interface {
	GetNetworkConnectivityConfiguration(context.Context, settings.GetNetworkConnectivityConfigurationRequest) (*settings.NetworkConnectivityConfiguration, error)
	GetPrivateEndpointRule(context.Context, settings.GetPrivateEndpointRuleRequest) (*settings.NccPrivateEndpointRule, error)
	ListPrivateEndpointRulesAll(context.Context, settings.ListPrivateEndpointRulesRequest) ([]settings.NccPrivateEndpointRule, error)
}

// clouds is both ends of the connection, and how to wait for them.
type clouds struct {
	ec2 ec2API
	// databricks is nil when the endpoint is given and Databricks is not asked.
	databricks databricksAPI
	region     string
	partition  string
	waiter     waiter.Waiter
}

// connector hands out the clouds; known says whether that can succeed at plan time,
// when parts of the provider's configuration may not be known.
type connector interface {
	known(withDatabricks bool) bool
	connect(ctx context.Context, withDatabricks bool) (*clouds, diag.Diagnostics)
}

// providerConnector connects by the provider's configuration.
type providerConnector struct{ clients *clients.Clients }

func (c providerConnector) known(withDatabricks bool) bool {
	return c.clients.KnownAWS() && (!withDatabricks || c.clients.KnownDatabricksAccount())
}

func (c providerConnector) connect(ctx context.Context, withDatabricks bool) (*clouds, diag.Diagnostics) {
	aws, diags := c.clients.AWS(ctx)
	if diags.HasError() {
		return nil, diags
	}
	both := &clouds{ec2: aws.EC2, region: aws.Region, partition: aws.Partition, waiter: c.clients.Waiter()}
	if withDatabricks {
		account, more := c.clients.DatabricksAccount(ctx)
		diags.Append(more...)
		if diags.HasError() {
			return nil, diags
		}
		both.databricks = account.NetworkConnectivity
	}
	return both, diags
}
