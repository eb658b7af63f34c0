package eipassigner

import (
	"regexp"

	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/eiptag"
)

// format is what a text must look like, for the resource's attributes and for the arguments
// of the function assigner_policy alike.
type format struct {
	pattern *regexp.Regexp
	// says completes the sentence "the value …".
	says string
}

func (f format) validators() []validator.String {
	return []validator.String{stringvalidator.RegexMatches(f.pattern, f.says)}
}

var (
	nameFormat = format{regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9-]{0,31}$`),
		"must be 1 to 32 letters, digits and hyphens, the first no hyphen: names of a role, a function and rules are made from it"}
	groupARNFormat = format{groupARNPattern, "must be the ARN of an Auto Scaling group, not its name or id: write aws_autoscaling_group.NAME.arn, which looks like " +
		"arn:aws:autoscaling:REGION:ACCOUNT:autoScalingGroup:UUID:autoScalingGroupName/NAME"}
	poolNameFormat           = format{eiptag.ValuePattern, eiptag.ValueRule}
	tagKeyFormat             = format{eiptag.KeyPattern, eiptag.KeyRule}
	ownerFormat              = format{eiptag.ValuePattern, eiptag.ValueRule + ", as the owner in the provider's configuration"}
	kmsKeyFormat             = format{regexp.MustCompile(`^arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key/.+$`), "must be the ARN of a KMS key, not an alias"}
	subnetFormat             = format{regexp.MustCompile(`^subnet-[0-9a-f]+$`), "must be a subnet id, such as subnet-0123456789abcdef0"}
	securityGroupFormat      = format{regexp.MustCompile(`^sg-[0-9a-f]+$`), "must be a security group id, such as sg-0123456789abcdef0"}
	failureDestinationFormat = format{
		regexp.MustCompile(`^arn:aws[a-z-]*:((sqs|sns):[a-z0-9-]+:\d{12}:[A-Za-z0-9_-]+|lambda:[a-z0-9-]+:\d{12}:function:[A-Za-z0-9_:$-]+|events:[a-z0-9-]+:\d{12}:event-bus/.+)$`),
		"must be the ARN of an SQS queue, an SNS topic (neither of them FIFO), a Lambda function or an EventBridge event bus, such as arn:aws:sqs:us-east-1:123456789012:failed-events",
	}
)
