// Package provider holds the provider's configuration and its list of resources.
package provider

import (
	"context"
	"os"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/function"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/resource"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/accountavailability"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/clients"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/eipadmission"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/eipassigner"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/eippool"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/eippooldata"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/endpointapproval"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/endpointrule"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/ipfirewall"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/workspace"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/workspacenetwork"
)

var _ provider.ProviderWithFunctions = (*Provider)(nil)

// Provider is the crosscloudlink provider.
type Provider struct {
	version string
	getenv  func(string) string
}

// New returns a factory of the provider in a version ("1.2.3", or "dev").
func New(version string) func() provider.Provider {
	return func() provider.Provider { return &Provider{version: version, getenv: os.Getenv} }
}

// Metadata gives the provider's name, the prefix of its resources' types.
func (p *Provider) Metadata(_ context.Context, _ provider.MetadataRequest, resp *provider.MetadataResponse) {
	resp.TypeName = "crosscloudlink"
	resp.Version = p.version
}

// Schema describes the provider's configuration.
func (p *Provider) Schema(_ context.Context, _ provider.SchemaRequest, resp *provider.SchemaResponse) {
	resp.Schema = configSchema()
}

// Configure reads the configuration and reaches no cloud: each is set up when a
// resource first needs it.
func (p *Provider) Configure(ctx context.Context, req provider.ConfigureRequest, resp *provider.ConfigureResponse) {
	var model configModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &model)...)
	if resp.Diagnostics.HasError() {
		return
	}
	if model.Owner.IsUnknown() {
		resp.Diagnostics.AddAttributeError(path.Root("owner"), "Unknown owner",
			"`owner` decides which existing objects are this configuration's, so a plan cannot be made without it. Write it directly, or leave it out and set CROSSCLOUDLINK_OWNER.")
		return
	}
	config, diags := model.toConfig(ctx, p.getenv)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	config.Version, config.TerraformVersion = p.version, req.TerraformVersion
	c := clients.New(config)
	resp.ResourceData, resp.DataSourceData = c, c
}

// Resources lists the provider's resources.
func (p *Provider) Resources(context.Context) []func() resource.Resource {
	return []func() resource.Resource{
		eipadmission.NewResource,
		eipassigner.NewResource,
		eippool.NewResource,
		endpointapproval.NewResource,
		ipfirewall.NewResource,
		workspacenetwork.NewResource,
	}
}

// DataSources lists the provider's data sources.
func (p *Provider) DataSources(context.Context) []func() datasource.DataSource {
	return []func() datasource.DataSource{
		accountavailability.NewDataSource,
		eippooldata.NewDataSource,
		endpointrule.NewDataSource,
		workspace.NewDataSource,
	}
}

// Functions lists the provider's functions.
func (p *Provider) Functions(context.Context) []func() function.Function {
	return []func() function.Function{eipassigner.NewPolicyFunction}
}
