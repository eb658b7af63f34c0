package functions

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/clouderr"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/waiter"
)

// roleLifetime is how long a role's policies are remembered. Short, because whoever
// writes to moto directly is not seen here.
const roleLifetime = time.Second

func motoConfig(motoURL, region string) aws.Config {
	return aws.Config{
		Region: region, BaseEndpoint: aws.String(motoURL),
		Credentials: credentials.NewStaticCredentialsProvider("sandbox", "sandbox", ""),
	}
}

// errNoRole marks a role that does not exist.
var errNoRole = errors.New("the role does not exist")

func errorsIsNoRole(err error) bool { return errors.Is(err, errNoRole) }

// role is what is needed of an IAM role to judge calls made with it.
type role struct {
	name     string
	created  time.Time
	trust    document
	policies []document
	// boundary is nil without a permissions boundary.
	boundary *document
}

// roleReader reads roles from moto and remembers them for roleLifetime.
type roleReader struct {
	iam   *iam.Client
	clock waiter.Clock

	mu    sync.Mutex
	known map[string]knownRole
}

type knownRole struct {
	role  *role
	until time.Time
}

func newRoleReader(cfg aws.Config, clock waiter.Clock) *roleReader {
	return &roleReader{iam: iam.NewFromConfig(cfg), clock: clock, known: map[string]knownRole{}}
}

// forget drops all that is remembered.
func (r *roleReader) forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	clear(r.known)
}

// role returns the role of an ARN, or an error for which errorsIsNoRole holds.
func (r *roleReader) role(ctx context.Context, arn string) (*role, error) {
	r.mu.Lock()
	known, ok := r.known[arn]
	r.mu.Unlock()
	if ok && r.clock.Now().Before(known.until) {
		return known.role, nil
	}
	fresh, err := r.read(ctx, arn)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.known[arn] = knownRole{role: fresh, until: r.clock.Now().Add(roleLifetime)}
	return fresh, nil
}

func (r *roleReader) read(ctx context.Context, arn string) (*role, error) {
	name := arn[strings.LastIndex(arn, "/")+1:]
	out, err := r.iam.GetRole(ctx, &iam.GetRoleInput{RoleName: aws.String(name)})
	if clouderr.IsAWS(err, "NoSuchEntity") || (err == nil && aws.ToString(out.Role.Arn) != arn) {
		return nil, fmt.Errorf("%s: %w", arn, errNoRole)
	}
	if err != nil {
		return nil, fmt.Errorf("reading role %s: %w", name, err)
	}
	found := &role{name: name, created: aws.ToTime(out.Role.CreateDate)}
	if found.trust, err = parseDocument(aws.ToString(out.Role.AssumeRolePolicyDocument)); err != nil {
		return nil, fmt.Errorf("trust policy of role %s: %w", name, err)
	}
	if err := r.inline(ctx, found); err != nil {
		return nil, err
	}
	if err := r.attached(ctx, found); err != nil {
		return nil, err
	}
	if b := out.Role.PermissionsBoundary; b != nil && aws.ToString(b.PermissionsBoundaryArn) != "" {
		boundary, err := r.managed(ctx, aws.ToString(b.PermissionsBoundaryArn))
		if err != nil {
			return nil, err
		}
		found.boundary = &boundary
	}
	return found, nil
}

func (r *roleReader) inline(ctx context.Context, found *role) error {
	pages := iam.NewListRolePoliciesPaginator(r.iam, &iam.ListRolePoliciesInput{RoleName: aws.String(found.name)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return fmt.Errorf("listing the inline policies of role %s: %w", found.name, err)
		}
		for _, policy := range page.PolicyNames {
			out, err := r.iam.GetRolePolicy(ctx, &iam.GetRolePolicyInput{RoleName: aws.String(found.name), PolicyName: aws.String(policy)})
			if err != nil {
				return fmt.Errorf("reading policy %s of role %s: %w", policy, found.name, err)
			}
			d, err := parseDocument(aws.ToString(out.PolicyDocument))
			if err != nil {
				return fmt.Errorf("policy %s of role %s: %w", policy, found.name, err)
			}
			found.policies = append(found.policies, d)
		}
	}
	return nil
}

func (r *roleReader) attached(ctx context.Context, found *role) error {
	pages := iam.NewListAttachedRolePoliciesPaginator(r.iam, &iam.ListAttachedRolePoliciesInput{RoleName: aws.String(found.name)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return fmt.Errorf("listing the attached policies of role %s: %w", found.name, err)
		}
		for _, policy := range page.AttachedPolicies {
			d, err := r.managed(ctx, aws.ToString(policy.PolicyArn))
			if err != nil {
				return err
			}
			found.policies = append(found.policies, d)
		}
	}
	return nil
}

// managed reads the default version of a managed policy.
func (r *roleReader) managed(ctx context.Context, arn string) (document, error) {
	policy, err := r.iam.GetPolicy(ctx, &iam.GetPolicyInput{PolicyArn: aws.String(arn)})
	if err != nil {
		return document{}, fmt.Errorf("reading policy %s: %w", arn, err)
	}
	version, err := r.iam.GetPolicyVersion(ctx, &iam.GetPolicyVersionInput{PolicyArn: aws.String(arn), VersionId: policy.Policy.DefaultVersionId})
	if err != nil {
		return document{}, fmt.Errorf("reading policy %s: %w", arn, err)
	}
	d, err := parseDocument(aws.ToString(version.PolicyVersion.Document))
	if err != nil {
		return document{}, fmt.Errorf("policy %s: %w", arn, err)
	}
	return d, nil
}

// parseDocument reads a policy document; IAM returns them URL-encoded.
func parseDocument(text string) (document, error) {
	if decoded, err := url.PathUnescape(text); err == nil && !strings.HasPrefix(strings.TrimSpace(text), "{") {
		text = decoded
	}
	return decodeDocument([]byte(text))
}
