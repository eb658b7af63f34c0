package provider

import (
	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework-validators/listvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/mapvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/provider/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/clients"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/eiptag"
)

func configSchema() schema.Schema {
	return schema.Schema{
		MarkdownDescription: "Connects Databricks on AWS to Azure OpenAI over a path that is private, pinned and provable: " +
			"the resources that the stock AWS, Azure and Databricks providers lack. Each cloud is set up only when a resource needs it, " +
			"so a configuration that uses AWS alone needs no credentials of the others.",
		Attributes: map[string]schema.Attribute{
			"owner": schema.StringAttribute{
				Optional: true,
				MarkdownDescription: "Names the configuration that the objects made by this provider belong to; written as the tag `crosscloudlink:owner`. " +
					"An object of the same name with another owner is never adopted, changed or deleted. Also `CROSSCLOUDLINK_OWNER`; default `" + clients.DefaultOwner + "`.",
				Validators: []validator.String{stringvalidator.RegexMatches(eiptag.ValuePattern, eiptag.ValueRule+", which an AWS tag may hold (\"#\" parts the owner from the account in import ids)")},
			},
			"aws":        awsSchema(),
			"azure":      azureSchema(),
			"databricks": databricksSchema(),
		},
	}
}

func awsSchema() schema.Attribute {
	return schema.SingleNestedAttribute{
		Optional: true,
		MarkdownDescription: "AWS: one account, one region. What is left out comes from where the stock AWS provider takes it: `AWS_*` environment variables, shared files, " +
			"web identity, container and instance credentials; dynamic credentials of HCP Terraform included.",
		Attributes: map[string]schema.Attribute{
			"region":                   optionalString("Region of everything that the provider makes in AWS. Also `AWS_REGION`, or the profile."),
			"profile":                  optionalString("Profile of the shared configuration and credentials files. Also `AWS_PROFILE`."),
			"shared_config_files":      schema.ListAttribute{Optional: true, ElementType: types.StringType, MarkdownDescription: "Shared configuration files. Also `AWS_CONFIG_FILE`; default `~/.aws/config`."},
			"shared_credentials_files": schema.ListAttribute{Optional: true, ElementType: types.StringType, MarkdownDescription: "Shared credentials files. Also `AWS_SHARED_CREDENTIALS_FILE`; default `~/.aws/credentials`."},
			"access_key": schema.StringAttribute{
				Optional: true, MarkdownDescription: "Access key id. Also `AWS_ACCESS_KEY_ID`.",
				Validators: []validator.String{stringvalidator.AlsoRequires(path.MatchRelative().AtParent().AtName("secret_key"))},
			},
			"secret_key":          schema.StringAttribute{Optional: true, Sensitive: true, MarkdownDescription: "Secret access key. Also `AWS_SECRET_ACCESS_KEY`."},
			"token":               schema.StringAttribute{Optional: true, Sensitive: true, MarkdownDescription: "Session token of temporary credentials. Also `AWS_SESSION_TOKEN`."},
			"custom_ca_bundle":    optionalString("File with the certificate authorities to trust. Also `AWS_CA_BUNDLE`."),
			"allowed_account_ids": schema.ListAttribute{Optional: true, ElementType: types.StringType, MarkdownDescription: "Accounts that the credentials may belong to; any other is refused before anything is done.", Validators: []validator.List{listvalidator.SizeAtLeast(1)}},
			"max_retries":         schema.Int64Attribute{Optional: true, MarkdownDescription: "How often a call is tried when AWS is busy. Default 25.", Validators: []validator.Int64{int64validator.AtLeast(1)}},
			"default_tags":        schema.MapAttribute{Optional: true, ElementType: types.StringType, MarkdownDescription: "Tags for everything that the provider makes in AWS; a resource's own `tags` win."},
			"endpoint_url":        optionalString("Endpoint that replaces every service's. Also `AWS_ENDPOINT_URL`."),
			"endpoints": schema.MapAttribute{
				Optional: true, ElementType: types.StringType,
				MarkdownDescription: "Endpoints of single services, by the names " + codeList(clients.AWSEndpointServices) + ".",
				Validators:          []validator.Map{mapvalidator.KeysAre(stringvalidator.OneOf(clients.AWSEndpointServices...))},
			},
			"assume_role": schema.ListNestedAttribute{
				Optional: true, MarkdownDescription: "Roles to take on, one after the other.",
				NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
					"role_arn":     schema.StringAttribute{Required: true, MarkdownDescription: "ARN of the role."},
					"external_id":  optionalString("External id that the role's trust policy asks for."),
					"session_name": optionalString("Name of the session, seen in CloudTrail."),
					"duration":     schema.Int64Attribute{Optional: true, MarkdownDescription: "Length of the session in seconds, 900 to 43200. Default 3600.", Validators: []validator.Int64{int64validator.Between(900, 43200)}},
					"policy":       optionalString("IAM policy, JSON, that narrows the session's rights."),
				}},
			},
			"assume_role_with_web_identity": schema.SingleNestedAttribute{
				Optional: true, MarkdownDescription: "Role to take on with an OpenID Connect token. Also `AWS_ROLE_ARN` with `AWS_WEB_IDENTITY_TOKEN_FILE`.",
				Attributes: map[string]schema.Attribute{
					"role_arn":                schema.StringAttribute{Required: true, MarkdownDescription: "ARN of the role."},
					"session_name":            optionalString("Name of the session, seen in CloudTrail."),
					"web_identity_token":      schema.StringAttribute{Optional: true, Sensitive: true, MarkdownDescription: "The token."},
					"web_identity_token_file": optionalString("File that holds the token."),
				},
			},
		},
	}
}

func azureSchema() schema.Attribute {
	return schema.SingleNestedAttribute{
		Optional: true,
		MarkdownDescription: "Azure Resource Manager. What is left out comes from the `ARM_*` environment variables that azurerm and azapi read. " +
			"Tried in this order: client secret, OIDC token, managed identity, and, when none of these has its inputs, the Azure CLI.",
		Attributes: map[string]schema.Attribute{
			"subscription_id":           optionalString("Subscription. Resources go by full resource ids, so it is seldom needed. Also `ARM_SUBSCRIPTION_ID`."),
			"tenant_id":                 optionalString("Tenant of the identity. Also `ARM_TENANT_ID`."),
			"client_id":                 optionalString("Client (application) id of the service principal or managed identity. Also `ARM_CLIENT_ID`."),
			"client_secret":             schema.StringAttribute{Optional: true, Sensitive: true, MarkdownDescription: "Client secret of the service principal. Also `ARM_CLIENT_SECRET`."},
			"oidc_token":                schema.StringAttribute{Optional: true, Sensitive: true, MarkdownDescription: "OpenID Connect token for workload identity federation. Also `ARM_OIDC_TOKEN`."},
			"oidc_token_file_path":      optionalString("File that holds such a token; read again when it is renewed. Also `ARM_OIDC_TOKEN_FILE_PATH`, `AZURE_FEDERATED_TOKEN_FILE`."),
			"use_msi":                   schema.BoolAttribute{Optional: true, MarkdownDescription: "Whether to use a managed identity. Also `ARM_USE_MSI`; default `false`."},
			"use_cli":                   schema.BoolAttribute{Optional: true, MarkdownDescription: "Whether the Azure CLI's log-in may be used. Also `ARM_USE_CLI`; default `true`."},
			"environment":               schema.StringAttribute{Optional: true, MarkdownDescription: "Azure cloud: `public`, `usgovernment` or `china`. Also `ARM_ENVIRONMENT`; default `public`.", Validators: []validator.String{stringvalidator.OneOf("public", "usgovernment", "china")}},
			"metadata_host":             optionalString("Host (and port) of an Azure metadata endpoint, from which all other endpoints are read over TLS. Also `ARM_METADATA_HOSTNAME`."),
			"resource_manager_endpoint": optionalString("Base URL of Azure Resource Manager in a cloud of one's own. Also `ARM_RESOURCE_MANAGER_ENDPOINT`."),
			"resource_manager_audience": optionalString("Audience of tokens for Azure Resource Manager. Also `ARM_RESOURCE_MANAGER_AUDIENCE`."),
			"authority_host":            optionalString("Base URL of Microsoft Entra ID. Also `ARM_ACTIVE_DIRECTORY_AUTHORITY_HOST`."),
		},
	}
}

func databricksSchema() schema.Attribute {
	return schema.SingleNestedAttribute{
		Optional:            true,
		MarkdownDescription: "Databricks. A team without rights on the Databricks account leaves it out and approves by `vpc_endpoint_id`.",
		Attributes: map[string]schema.Attribute{
			"account": schema.SingleNestedAttribute{
				Optional:            true,
				MarkdownDescription: "The account level, whose API takes OAuth only. What is left out comes from the `DATABRICKS_*` environment variables.",
				Attributes: map[string]schema.Attribute{
					"host": optionalString("URL of the account console. Also `DATABRICKS_HOST`; default `https://accounts.cloud.databricks.com`."),
					"account_id": schema.StringAttribute{
						Optional: true, MarkdownDescription: "Account id, a UUID, as the account console shows it. Also `DATABRICKS_ACCOUNT_ID`.",
						Validators: []validator.String{notBlank("Write the id that the Databricks account console shows beside your user name, or leave `account_id` out and set DATABRICKS_ACCOUNT_ID.")},
					},
					"client_id":     optionalString("Client id of a service principal with the account admin role. Also `DATABRICKS_CLIENT_ID`."),
					"client_secret": schema.StringAttribute{Optional: true, Sensitive: true, MarkdownDescription: "OAuth secret of the service principal. Also `DATABRICKS_CLIENT_SECRET`."},
					"profile":       optionalString("Profile of `~/.databrickscfg`. Also `DATABRICKS_CONFIG_PROFILE`."),
					"auth_type":     optionalString("One way of authentication: `oauth-m2m`, `env-oidc`, `file-oidc`, `github-oidc`, `databricks-cli`, … Also `DATABRICKS_AUTH_TYPE`; default `oauth-m2m` where client id and secret are set, else the SDK's chain."),
				},
			},
		},
	}
}

// optionalString is an optional attribute that, where given, is not empty: an empty
// string is most often a variable that was forgotten.
func optionalString(description string) schema.StringAttribute {
	return schema.StringAttribute{
		Optional: true, MarkdownDescription: description,
		Validators: []validator.String{notBlank("Leave the attribute out (or set it to null) to use the environment.")},
	}
}

func codeList(names []string) string {
	list := ""
	for i, name := range names {
		if i > 0 {
			list += ", "
		}
		list += "`" + name + "`"
	}
	return list
}
