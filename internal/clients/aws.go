package clients

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/servicequotas"
	awsbase "github.com/hashicorp/aws-sdk-go-base/v2"
	basediag "github.com/hashicorp/aws-sdk-go-base/v2/diag"
	"github.com/hashicorp/terraform-plugin-framework/diag"
)

// awsMaxRetries is the number of tries that the stock AWS provider allows a call.
const awsMaxRetries = 25

// AWSConfig is the provider's `aws` block. What is empty comes from where the stock
// AWS provider takes it: environment, shared files, web identity, container, instance.
type AWSConfig struct {
	// Unknown says that a part of the block is not known yet.
	Unknown bool

	Region                    string
	Profile                   string
	AccessKey                 string
	SecretKey                 string
	Token                     string
	SharedConfigFiles         []string
	SharedCredentialsFiles    []string
	CustomCABundle            string
	AllowedAccountIDs         []string
	AssumeRole                []AWSAssumeRole
	AssumeRoleWithWebIdentity *AWSWebIdentity
	// EndpointURL replaces the endpoint of every service; Endpoints that of single
	// ones, by the names of awsEndpointServices.
	EndpointURL string
	Endpoints   map[string]string
	// DefaultTags are put on everything that the provider makes in AWS.
	DefaultTags map[string]string
	// MaxRetries bounds the tries of a call; 0 takes the stock provider's 25.
	MaxRetries int
}

// AWSAssumeRole is one hop of a chain of roles.
type AWSAssumeRole struct {
	RoleARN     string
	ExternalID  string
	SessionName string
	Duration    time.Duration
	Policy      string
}

// AWSWebIdentity is a role taken with an OpenID Connect token.
type AWSWebIdentity struct {
	RoleARN              string
	SessionName          string
	WebIdentityToken     string
	WebIdentityTokenFile string
}

// AWSEndpointServices are the services whose endpoint can be replaced, by the names
// that the stock AWS provider gives them in its `endpoints` block.
var AWSEndpointServices = []string{"autoscaling", "ec2", "elbv2", "events", "iam", "lambda", "logs", "servicequotas", "sts"}

// AWS holds what the resources use of AWS: one region, one account.
type AWS struct {
	Config    aws.Config
	AccountID string
	Region    string
	// Partition is "aws", "aws-us-gov" or "aws-cn".
	Partition   string
	DefaultTags map[string]string

	AutoScaling *autoscaling.Client
	EC2         *ec2.Client
	ELB         *elasticloadbalancingv2.Client
	Events      *eventbridge.Client
	IAM         *iam.Client
	Lambda      *lambda.Client
	Logs        *cloudwatchlogs.Client
	Quotas      *servicequotas.Client
}

// KnownAWS reports whether the `aws` block has no unknown part, so that a plan may use AWS.
func (c *Clients) KnownAWS() bool { return !c.config.AWS.Unknown }

// AWS returns the clients of the provider's `aws` block.
func (c *Clients) AWS(ctx context.Context) (*AWS, diag.Diagnostics) {
	return c.aws.get(ctx, c.newAWS)
}

func (c *Clients) newAWS(ctx context.Context) (*AWS, diag.Diagnostics) {
	var diags diag.Diagnostics
	if c.config.AWS.Unknown {
		return nil, append(diags, unknownError("aws"))
	}
	base := c.awsBaseConfig()
	// Asking who we are below validates the credentials too: one call to STS, not two.
	base.SkipCredsValidation = true
	_, config, baseDiags := awsbase.GetAwsConfig(ctx, base)
	base.SkipCredsValidation = false
	if baseDiags.HasError() {
		return nil, append(diags, awsCredentialError(c.config.AWS, baseDiags))
	}
	if config.Region == "" {
		diags.AddError("No AWS region", "No region is set for AWS. Set `region` in the provider's `aws` block, or AWS_REGION, or a region in the profile of the shared configuration file.")
		return nil, diags
	}
	if url := c.config.AWS.EndpointURL; url != "" {
		config.BaseEndpoint = aws.String(url)
	}
	accountID, partition, baseDiags := awsbase.GetAwsAccountIDAndPartition(ctx, config, base)
	if baseDiags.HasError() {
		return nil, append(diags, awsCredentialError(c.config.AWS, baseDiags))
	}
	if err := base.VerifyAccountIDAllowed(accountID); err != nil {
		diags.AddError("AWS account not allowed", fmt.Sprintf("The credentials belong to account %s, which `allowed_account_ids` in the provider's `aws` block does not list. Use the credentials of an account on that list.", accountID))
		return nil, diags
	}
	endpoint := func(service string) *string {
		if url := c.config.AWS.Endpoints[service]; url != "" {
			return aws.String(url)
		}
		return config.BaseEndpoint
	}
	return &AWS{
		Config: config, AccountID: accountID, Region: config.Region, Partition: partition, DefaultTags: c.config.AWS.DefaultTags,

		AutoScaling: autoscaling.NewFromConfig(config, func(o *autoscaling.Options) { o.BaseEndpoint = endpoint("autoscaling") }),
		EC2:         ec2.NewFromConfig(config, func(o *ec2.Options) { o.BaseEndpoint = endpoint("ec2") }),
		ELB:         elasticloadbalancingv2.NewFromConfig(config, func(o *elasticloadbalancingv2.Options) { o.BaseEndpoint = endpoint("elbv2") }),
		Events:      eventbridge.NewFromConfig(config, func(o *eventbridge.Options) { o.BaseEndpoint = endpoint("events") }),
		IAM:         iam.NewFromConfig(config, func(o *iam.Options) { o.BaseEndpoint = endpoint("iam") }),
		Lambda:      lambda.NewFromConfig(config, func(o *lambda.Options) { o.BaseEndpoint = endpoint("lambda") }),
		Logs:        cloudwatchlogs.NewFromConfig(config, func(o *cloudwatchlogs.Options) { o.BaseEndpoint = endpoint("logs") }),
		Quotas:      servicequotas.NewFromConfig(config, func(o *servicequotas.Options) { o.BaseEndpoint = endpoint("servicequotas") }),
	}, nil
}

func (c *Clients) awsBaseConfig() *awsbase.Config {
	block := c.config.AWS
	base := &awsbase.Config{
		AccessKey:              block.AccessKey,
		AllowedAccountIds:      block.AllowedAccountIDs,
		APNInfo:                &awsbase.APNInfo{PartnerName: "HashiCorp", Products: []awsbase.UserAgentProduct{{Name: "Terraform", Version: c.config.TerraformVersion}, {Name: "terraform-provider-crosscloudlink", Version: c.config.Version}}},
		CallerDocumentationURL: "https://registry.terraform.io/providers/crosscloudlink/crosscloudlink/latest/docs",
		CallerName:             "crosscloudlink provider",
		CustomCABundle:         block.CustomCABundle,
		IamEndpoint:            cmp.Or(block.Endpoints["iam"], block.EndpointURL),
		MaxRetries:             awsMaxRetries,
		Profile:                block.Profile,
		Region:                 block.Region,
		SecretKey:              block.SecretKey,
		SharedConfigFiles:      block.SharedConfigFiles,
		SharedCredentialsFiles: block.SharedCredentialsFiles,
		StsEndpoint:            cmp.Or(block.Endpoints["sts"], block.EndpointURL),
		Token:                  block.Token,
	}
	if block.MaxRetries > 0 {
		base.MaxRetries = block.MaxRetries
	}
	for _, role := range block.AssumeRole {
		base.AssumeRole = append(base.AssumeRole, awsbase.AssumeRole{RoleARN: role.RoleARN, ExternalID: role.ExternalID, SessionName: role.SessionName, Duration: role.Duration, Policy: role.Policy})
	}
	if web := block.AssumeRoleWithWebIdentity; web != nil {
		base.AssumeRoleWithWebIdentity = &awsbase.AssumeRoleWithWebIdentity{RoleARN: web.RoleARN, SessionName: web.SessionName, WebIdentityToken: web.WebIdentityToken, WebIdentityTokenFile: web.WebIdentityTokenFile}
	}
	return base
}

// awsCredentialError is the one error of a missing or wrong AWS credential.
func awsCredentialError(block AWSConfig, from basediag.Diagnostics) diag.Diagnostic {
	var said []string
	for _, d := range from {
		if text := strings.TrimSpace(d.Detail()); text != "" {
			said = append(said, text)
		} else {
			said = append(said, d.Summary())
		}
	}
	tried := "`access_key` and `secret_key` of the block"
	if block.AccessKey == "" {
		profile := "the default profile"
		if block.Profile != "" {
			profile = fmt.Sprintf("profile %q", block.Profile)
		}
		tried = "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; AWS_WEB_IDENTITY_TOKEN_FILE with AWS_ROLE_ARN; " + profile + " of the shared configuration and credentials files; container credentials; the EC2 instance profile"
	}
	if len(block.AssumeRole) > 0 {
		tried += "; then `assume_role` to " + block.AssumeRole[len(block.AssumeRole)-1].RoleARN
	}
	return diag.NewErrorDiagnostic("No usable AWS credentials for the provider's `aws` block",
		fmt.Sprintf("Tried, in this order: %s.\n\nWhat came back: %s\n\nSet one of these, the same way as for the stock AWS provider; in HCP Terraform turn on dynamic credentials for AWS. `aws sts get-caller-identity` tells which identity they give.",
			tried, strings.Join(said, "\n")))
}
