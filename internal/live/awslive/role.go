package awslive

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/clients"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/clouderr"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/live"
)

// rightsBound is how long the assigner's function retries refusals of a new role.
const rightsBound = 5 * time.Minute

// rolePolicy is the name of the role's only policy.
const rolePolicy = "move-by-tags"

// role is a role that may move addresses with poolTag to interfaces with poolTag, as its own identity.
type role struct {
	ec2 *ec2.Client
	// worksAfter is how long after the policy was attached its first call was allowed.
	worksAfter time.Duration
}

// roleQuestions are about what a least-privilege policy limits.
func (s *suite) roleQuestions() []live.Question {
	calls := []string{
		"CreateRole, PutRolePolicy: ec2:AssociateAddress on elastic-ip/* and network-interface/*, both with aws:ResourceTag", "AssumeRole",
	}
	return []live.Question{
		{
			ID: "aws-associate-by-tags", Text: "Can ec2:AssociateAddress be limited by tags of the address and of the interface, both at once?",
			Calls:   append(calls, "AssociateAddress (DryRun) with the tag at both ends, at the interface alone, at the address alone"),
			Assumed: []string{"limited at both ends"}, Reliance: live.ReliedOn, Ask: s.askByTags,
		},
		{
			ID: "aws-new-role-delay", Text: "Does a new role work within five minutes?",
			Calls:   append(calls, "AssociateAddress (DryRun) until it is allowed"),
			Assumed: []string{"within " + rightsBound.String()}, Reliance: live.Guarded, Ask: s.askRoleDelay,
		},
	}
}

// mover makes the role, and waits until it may do what its policy allows.
func (s *suite) mover(ctx context.Context, session *live.Session) (*role, error) {
	return s.role.Get(func() (*role, error) {
		addresses, interfaces, err := s.holding(ctx, session)
		if err != nil {
			return nil, err
		}
		cloud, err := s.cloud(ctx)
		if err != nil {
			return nil, err
		}
		name := session.Name("role")
		if _, err := session.Making("the role "+name, func(ctx context.Context) error { return removeRole(ctx, cloud, name) }); err != nil {
			return nil, err
		}
		arn, err := makeRole(ctx, cloud, session, name)
		if err != nil {
			return nil, err
		}
		made, start := &role{}, time.Now()
		err = session.Waiter.Until(ctx, "the new role to work", func(ctx context.Context) (string, bool, error) {
			if made.ec2 == nil {
				if made.ec2, err = assume(ctx, cloud, arn); err != nil {
					made.ec2 = nil
					return clouderr.AWSCode(err), false, retryRefusal(err)
				}
			}
			allowed, err := made.may(ctx, addresses[0].allocationID, interfaces[0])
			return fmt.Sprint(allowed), allowed, err
		})
		made.worksAfter = time.Since(start)
		return made, err
	})
}

// retryRefusal lets a poll go on from a refusal by AWS, and from nothing else.
func retryRefusal(err error) error {
	if clouderr.AWSCode(err) != "" {
		return nil
	}
	return err
}

func makeRole(ctx context.Context, cloud *clients.AWS, session *live.Session, name string) (arn string, _ error) {
	type object = map[string]any
	trust, err := json.Marshal(object{"Version": "2012-10-17", "Statement": []any{object{
		"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": object{"AWS": fmt.Sprintf("arn:%s:iam::%s:root", cloud.Partition, cloud.AccountID)},
	}}})
	if err != nil {
		return "", err
	}
	onTagged := func(kind string) object {
		return object{
			"Effect": "Allow", "Action": "ec2:AssociateAddress", "Resource": fmt.Sprintf("arn:%s:ec2:%s:%s:%s/*", cloud.Partition, cloud.Region, cloud.AccountID, kind),
			"Condition": object{"StringEquals": object{"aws:ResourceTag/" + poolTag: session.ID}},
		}
	}
	policy, err := json.Marshal(object{"Version": "2012-10-17", "Statement": []any{onTagged("elastic-ip"), onTagged("network-interface")}})
	if err != nil {
		return "", err
	}
	made, err := cloud.IAM.CreateRole(ctx, &iam.CreateRoleInput{
		RoleName: &name, AssumeRolePolicyDocument: aws.String(string(trust)), Tags: []iamtypes.Tag{{Key: aws.String(live.Tag), Value: &session.ID}},
	})
	if err != nil {
		return "", fmt.Errorf("making a role: %w", err)
	}
	if _, err := cloud.IAM.PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: &name, PolicyName: aws.String(rolePolicy), PolicyDocument: aws.String(string(policy))}); err != nil {
		return "", fmt.Errorf("giving the role its policy: %w", err)
	}
	return aws.ToString(made.Role.Arn), nil
}

func removeRole(ctx context.Context, cloud *clients.AWS, name string) error {
	_, err := cloud.IAM.DeleteRolePolicy(ctx, &iam.DeleteRolePolicyInput{RoleName: &name, PolicyName: aws.String(rolePolicy)})
	if err != nil && !clouderr.IsAWS(err, "NoSuchEntity", "NoSuchEntityException") {
		return err
	}
	_, err = cloud.IAM.DeleteRole(ctx, &iam.DeleteRoleInput{RoleName: &name})
	if clouderr.IsAWS(err, "NoSuchEntity", "NoSuchEntityException") {
		return nil
	}
	return err
}

// assume returns EC2 as the role sees it.
func assume(ctx context.Context, cloud *clients.AWS, arn string) (*ec2.Client, error) {
	out, err := sts.NewFromConfig(cloud.Config).AssumeRole(ctx, &sts.AssumeRoleInput{RoleArn: &arn, RoleSessionName: aws.String(live.Tag)})
	if err != nil {
		return nil, err
	}
	config := cloud.Config.Copy()
	config.Credentials = credentials.NewStaticCredentialsProvider(aws.ToString(out.Credentials.AccessKeyId), aws.ToString(out.Credentials.SecretAccessKey), aws.ToString(out.Credentials.SessionToken))
	return ec2.NewFromConfig(config), nil
}

// may reports whether the role may give an address to an interface; nothing is moved.
func (r *role) may(ctx context.Context, allocationID, interfaceID string) (bool, error) {
	_, err := r.ec2.AssociateAddress(ctx, &ec2.AssociateAddressInput{AllocationId: &allocationID, NetworkInterfaceId: &interfaceID, AllowReassociation: aws.Bool(false), DryRun: aws.Bool(true)})
	switch code := clouderr.AWSCode(err); code {
	case "DryRunOperation":
		return true, nil
	case "UnauthorizedOperation", "AuthFailure":
		return false, nil
	default:
		return false, fmt.Errorf("trying whether the role may move %s to %s: %w", allocationID, interfaceID, err)
	}
}

func (s *suite) askByTags(ctx context.Context, session *live.Session) (live.Answer, error) {
	r, err := s.mover(ctx, session)
	if err != nil {
		return live.Answer{}, err
	}
	addresses, interfaces, err := s.holding(ctx, session)
	if err != nil {
		return live.Answer{}, err
	}
	byInterface, err := r.may(ctx, addresses[1].allocationID, interfaces[0])
	if err != nil {
		return live.Answer{}, err
	}
	byAddress, err := r.may(ctx, addresses[0].allocationID, interfaces[1])
	if err != nil {
		return live.Answer{}, err
	}
	seen := fmt.Sprintf("allowed with the tag at both ends; at the interface alone: %t; at the address alone: %t", byInterface, byAddress)
	switch {
	case byInterface && byAddress:
		return live.Answer{Is: "not limited", Seen: seen}, nil
	case byInterface || byAddress:
		return live.Answer{Is: "limited at one end", Seen: seen}, nil
	default:
		return live.Answer{Is: "limited at both ends", Seen: seen}, nil
	}
}

func (s *suite) askRoleDelay(ctx context.Context, session *live.Session) (live.Answer, error) {
	r, err := s.mover(ctx, session)
	if err != nil {
		return live.Answer{}, err
	}
	is := "later than " + rightsBound.String()
	if r.worksAfter <= rightsBound {
		is = "within " + rightsBound.String()
	}
	return live.Answered(is, "allowed %s after its policy was attached", r.worksAfter.Round(time.Second))
}
