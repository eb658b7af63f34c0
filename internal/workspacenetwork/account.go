package workspacenetwork

import (
	"context"
	"time"

	"github.com/databricks/databricks-sdk-go/service/provisioning"
	"github.com/databricks/databricks-sdk-go/service/settings"
	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/clients"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/waiter"
)

// lastWriteTimeout bounds what is still finished after a cancellation: one write and
// its reading back.
const lastWriteTimeout = 2 * time.Minute

// workspacesAPI is what this package uses of the account's workspaces.
type workspacesAPI interface {
	Get(context.Context, provisioning.GetWorkspaceRequest) (*provisioning.Workspace, error)
	List(context.Context) ([]provisioning.Workspace, error)
	Update(context.Context, provisioning.UpdateWorkspaceRequest) (*provisioning.WaitGetWorkspaceRunning[provisioning.Workspace], error)
}

// optionsAPI is how a workspace's network policy is read and set.
type optionsAPI interface {
	GetWorkspaceNetworkOptionRpc(context.Context, settings.GetWorkspaceNetworkOptionRequest) (*settings.WorkspaceNetworkOption, error)
	UpdateWorkspaceNetworkOptionRpc(context.Context, settings.UpdateWorkspaceNetworkOptionRequest) (*settings.WorkspaceNetworkOption, error)
}

// connectivityAPI is what this package uses of network connectivity configurations.
type connectivityAPI interface {
	GetNetworkConnectivityConfiguration(context.Context, settings.GetNetworkConnectivityConfigurationRequest) (*settings.NetworkConnectivityConfiguration, error)
	ListPrivateEndpointRulesAll(context.Context, settings.ListPrivateEndpointRulesRequest) ([]settings.NccPrivateEndpointRule, error)
}

// policiesAPI is what this package uses of network policies.
type policiesAPI interface {
	GetNetworkPolicyRpc(context.Context, settings.GetNetworkPolicyRequest) (*settings.AccountNetworkPolicy, error)
}

// account is the Databricks account, and how to wait for it.
type account struct {
	workspaces   workspacesAPI
	options      optionsAPI
	connectivity connectivityAPI
	policies     policiesAPI
	waiter       waiter.Waiter
}

// connector hands out the account; known says whether that can succeed at plan time,
// when parts of the provider's configuration may not be known.
type connector interface {
	known() bool
	connect(ctx context.Context) (*account, diag.Diagnostics)
}

// providerConnector connects by the provider's configuration.
type providerConnector struct{ clients *clients.Clients }

func (c providerConnector) known() bool { return c.clients.KnownDatabricksAccount() }

func (c providerConnector) connect(ctx context.Context) (*account, diag.Diagnostics) {
	client, diags := c.clients.DatabricksAccount(ctx)
	if diags.HasError() {
		return nil, diags
	}
	return &account{
		workspaces: client.Workspaces, options: client.WorkspaceNetworkConfiguration,
		connectivity: client.NetworkConnectivity, policies: client.NetworkPolicies,
		waiter: c.clients.Waiter(),
	}, diags
}
