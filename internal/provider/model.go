package provider

import (
	"context"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-framework/types/basetypes"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/clients"
)

type configModel struct {
	Owner      types.String `tfsdk:"owner"`
	AWS        types.Object `tfsdk:"aws"`
	Azure      types.Object `tfsdk:"azure"`
	Databricks types.Object `tfsdk:"databricks"`
}

type awsModel struct {
	Region                    types.String `tfsdk:"region"`
	Profile                   types.String `tfsdk:"profile"`
	SharedConfigFiles         types.List   `tfsdk:"shared_config_files"`
	SharedCredentialsFiles    types.List   `tfsdk:"shared_credentials_files"`
	AccessKey                 types.String `tfsdk:"access_key"`
	SecretKey                 types.String `tfsdk:"secret_key"`
	Token                     types.String `tfsdk:"token"`
	CustomCABundle            types.String `tfsdk:"custom_ca_bundle"`
	AllowedAccountIDs         types.List   `tfsdk:"allowed_account_ids"`
	MaxRetries                types.Int64  `tfsdk:"max_retries"`
	DefaultTags               types.Map    `tfsdk:"default_tags"`
	EndpointURL               types.String `tfsdk:"endpoint_url"`
	Endpoints                 types.Map    `tfsdk:"endpoints"`
	AssumeRole                types.List   `tfsdk:"assume_role"`
	AssumeRoleWithWebIdentity types.Object `tfsdk:"assume_role_with_web_identity"`
}

type assumeRoleModel struct {
	RoleARN     types.String `tfsdk:"role_arn"`
	ExternalID  types.String `tfsdk:"external_id"`
	SessionName types.String `tfsdk:"session_name"`
	Duration    types.Int64  `tfsdk:"duration"`
	Policy      types.String `tfsdk:"policy"`
}

type webIdentityModel struct {
	RoleARN              types.String `tfsdk:"role_arn"`
	SessionName          types.String `tfsdk:"session_name"`
	WebIdentityToken     types.String `tfsdk:"web_identity_token"`
	WebIdentityTokenFile types.String `tfsdk:"web_identity_token_file"`
}

type azureModel struct {
	SubscriptionID          types.String `tfsdk:"subscription_id"`
	TenantID                types.String `tfsdk:"tenant_id"`
	ClientID                types.String `tfsdk:"client_id"`
	ClientSecret            types.String `tfsdk:"client_secret"`
	OIDCToken               types.String `tfsdk:"oidc_token"`
	OIDCTokenFilePath       types.String `tfsdk:"oidc_token_file_path"`
	UseMSI                  types.Bool   `tfsdk:"use_msi"`
	UseCLI                  types.Bool   `tfsdk:"use_cli"`
	Environment             types.String `tfsdk:"environment"`
	MetadataHost            types.String `tfsdk:"metadata_host"`
	ResourceManagerEndpoint types.String `tfsdk:"resource_manager_endpoint"`
	ResourceManagerAudience types.String `tfsdk:"resource_manager_audience"`
	AuthorityHost           types.String `tfsdk:"authority_host"`
}

type databricksModel struct {
	Account types.Object `tfsdk:"account"`
}

type databricksAccountModel struct {
	Host         types.String `tfsdk:"host"`
	AccountID    types.String `tfsdk:"account_id"`
	ClientID     types.String `tfsdk:"client_id"`
	ClientSecret types.String `tfsdk:"client_secret"`
	Profile      types.String `tfsdk:"profile"`
	AuthType     types.String `tfsdk:"auth_type"`
}

// toConfig translates the model. A block with an unknown part is marked as such and
// left out otherwise: a plan that does not use that cloud must not fail.
func (m configModel) toConfig(ctx context.Context, getenv func(string) string) (clients.Config, diag.Diagnostics) {
	config := clients.Config{Owner: m.Owner.ValueString(), Getenv: getenv}
	if config.Owner == "" {
		config.Owner = getenv("CROSSCLOUDLINK_OWNER")
	}
	var diags diag.Diagnostics
	if !m.AWS.IsNull() {
		config.AWS.Unknown = hasUnknown(m.AWS)
		if !config.AWS.Unknown {
			diags.Append(m.awsConfig(ctx, &config.AWS)...)
		}
	}
	if !m.Azure.IsNull() {
		config.Azure.Unknown = hasUnknown(m.Azure)
		if !config.Azure.Unknown {
			diags.Append(m.azureConfig(ctx, &config.Azure)...)
		}
	}
	if !m.Databricks.IsNull() {
		config.Databricks.Account.Unknown = hasUnknown(m.Databricks)
		if !config.Databricks.Account.Unknown {
			diags.Append(m.databricksConfig(ctx, &config.Databricks)...)
		}
	}
	return config, diags
}

func (m configModel) awsConfig(ctx context.Context, config *clients.AWSConfig) diag.Diagnostics {
	var model awsModel
	diags := m.AWS.As(ctx, &model, basetypes.ObjectAsOptions{})
	config.Region = model.Region.ValueString()
	config.Profile = model.Profile.ValueString()
	config.AccessKey = model.AccessKey.ValueString()
	config.SecretKey = model.SecretKey.ValueString()
	config.Token = model.Token.ValueString()
	config.CustomCABundle = model.CustomCABundle.ValueString()
	config.MaxRetries = int(model.MaxRetries.ValueInt64())
	config.EndpointURL = model.EndpointURL.ValueString()
	diags.Append(model.SharedConfigFiles.ElementsAs(ctx, &config.SharedConfigFiles, false)...)
	diags.Append(model.SharedCredentialsFiles.ElementsAs(ctx, &config.SharedCredentialsFiles, false)...)
	diags.Append(model.AllowedAccountIDs.ElementsAs(ctx, &config.AllowedAccountIDs, false)...)
	diags.Append(model.DefaultTags.ElementsAs(ctx, &config.DefaultTags, false)...)
	diags.Append(model.Endpoints.ElementsAs(ctx, &config.Endpoints, false)...)
	var roles []assumeRoleModel
	diags.Append(model.AssumeRole.ElementsAs(ctx, &roles, false)...)
	for _, role := range roles {
		config.AssumeRole = append(config.AssumeRole, clients.AWSAssumeRole{
			RoleARN: role.RoleARN.ValueString(), ExternalID: role.ExternalID.ValueString(), SessionName: role.SessionName.ValueString(),
			Duration: time.Duration(role.Duration.ValueInt64()) * time.Second, Policy: role.Policy.ValueString(),
		})
	}
	if !model.AssumeRoleWithWebIdentity.IsNull() {
		var web webIdentityModel
		diags.Append(model.AssumeRoleWithWebIdentity.As(ctx, &web, basetypes.ObjectAsOptions{})...)
		config.AssumeRoleWithWebIdentity = &clients.AWSWebIdentity{
			RoleARN: web.RoleARN.ValueString(), SessionName: web.SessionName.ValueString(),
			WebIdentityToken: web.WebIdentityToken.ValueString(), WebIdentityTokenFile: web.WebIdentityTokenFile.ValueString(),
		}
	}
	return diags
}

func (m configModel) azureConfig(ctx context.Context, config *clients.AzureConfig) diag.Diagnostics {
	var model azureModel
	diags := m.Azure.As(ctx, &model, basetypes.ObjectAsOptions{})
	*config = clients.AzureConfig{
		SubscriptionID: model.SubscriptionID.ValueString(), TenantID: model.TenantID.ValueString(),
		ClientID: model.ClientID.ValueString(), ClientSecret: model.ClientSecret.ValueString(),
		OIDCToken: model.OIDCToken.ValueString(), OIDCTokenFilePath: model.OIDCTokenFilePath.ValueString(),
		UseMSI: model.UseMSI.ValueBoolPointer(), UseCLI: model.UseCLI.ValueBoolPointer(),
		Environment: model.Environment.ValueString(), MetadataHost: model.MetadataHost.ValueString(),
		ResourceManagerEndpoint: model.ResourceManagerEndpoint.ValueString(), ResourceManagerAudience: model.ResourceManagerAudience.ValueString(),
		AuthorityHost: model.AuthorityHost.ValueString(),
	}
	return diags
}

func (m configModel) databricksConfig(ctx context.Context, config *clients.DatabricksConfig) diag.Diagnostics {
	var model databricksModel
	diags := m.Databricks.As(ctx, &model, basetypes.ObjectAsOptions{})
	if model.Account.IsNull() {
		return diags
	}
	var account databricksAccountModel
	diags.Append(model.Account.As(ctx, &account, basetypes.ObjectAsOptions{})...)
	config.Account = clients.DatabricksLevel{
		Host: account.Host.ValueString(), AccountID: account.AccountID.ValueString(),
		ClientID: account.ClientID.ValueString(), ClientSecret: account.ClientSecret.ValueString(),
		Profile: account.Profile.ValueString(), AuthType: account.AuthType.ValueString(),
	}
	return diags
}

// hasUnknown looks for an unknown value at any depth.
func hasUnknown(value attr.Value) bool {
	if value.IsUnknown() {
		return true
	}
	switch v := value.(type) {
	case types.Object:
		for _, child := range v.Attributes() {
			if hasUnknown(child) {
				return true
			}
		}
	case types.List:
		return anyUnknown(v.Elements())
	case types.Map:
		for _, child := range v.Elements() {
			if hasUnknown(child) {
				return true
			}
		}
	}
	return false
}

func anyUnknown(values []attr.Value) bool {
	for _, v := range values {
		if hasUnknown(v) {
			return true
		}
	}
	return false
}
