package eipassigner

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/clouderr"
)

// rolePart is the function's role and its only policy.
type rolePart struct {
	*cloud
	spec spec
}

const noSuchEntity = "NoSuchEntity"

func (p rolePart) look(ctx context.Context) ([]finding, error) {
	role, policy := finding{name: "role"}, finding{name: "role_policy"}
	out, err := p.iam.GetRole(ctx, &iam.GetRoleInput{RoleName: aws.String(p.spec.roleName())})
	if clouderr.IsAWS(err, noSuchEntity) {
		return []finding{role, policy}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading role %s: %w", p.spec.roleName(), err)
	}
	tags := roleTags(out.Role.Tags)
	role.exists = true
	role.foreign = foreignTo(p.spec.owner, "role", p.spec.roleName(), tags)
	role.drifted = lacks(tags, p.spec.tags) || boundaryOf(out.Role) != p.spec.boundary ||
		!sameJSON(trustPolicy(), aws.ToString(out.Role.AssumeRolePolicyDocument))
	inline, err := p.iam.GetRolePolicy(ctx, &iam.GetRolePolicyInput{RoleName: aws.String(p.spec.roleName()), PolicyName: aws.String(inlinePolicy)})
	if clouderr.IsAWS(err, noSuchEntity) {
		return []finding{role, policy}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the policy of role %s: %w", p.spec.roleName(), err)
	}
	policy.exists = true
	policy.drifted = !sameJSON(p.spec.policy(), aws.ToString(inline.PolicyDocument))
	return []finding{role, policy}, nil
}

func boundaryOf(role *types.Role) string {
	if role.PermissionsBoundary == nil {
		return ""
	}
	return aws.ToString(role.PermissionsBoundary.PermissionsBoundaryArn)
}

func roleTags(tags []types.Tag) map[string]string {
	out := map[string]string{}
	for _, tag := range tags {
		out[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
	}
	return out
}

func toRoleTags(tags map[string]string) []types.Tag {
	var out []types.Tag
	for key, value := range tags {
		out = append(out, types.Tag{Key: aws.String(key), Value: aws.String(value)})
	}
	return out
}

func (p rolePart) put(ctx context.Context, found []finding, u *undo) error {
	role, policy := found[0], found[1]
	name := aws.String(p.spec.roleName())
	switch {
	case !role.exists:
		in := &iam.CreateRoleInput{
			RoleName: name, Path: aws.String(p.spec.rolePath), AssumeRolePolicyDocument: aws.String(trustPolicy()), Tags: toRoleTags(p.spec.tags),
			Description: aws.String("Gives instances of " + p.spec.group.name + " their Elastic IPs"),
		}
		if p.spec.boundary != "" {
			in.PermissionsBoundary = aws.String(p.spec.boundary)
		}
		err := write(ctx, func(ctx context.Context) error {
			_, err := p.iam.CreateRole(ctx, in)
			return unless(err, "EntityAlreadyExists")
		})
		if err != nil {
			return fmt.Errorf("creating role %s: %w", p.spec.roleName(), err)
		}
		u.add(p.remove)
	case role.drifted:
		if err := write(ctx, p.repair); err != nil {
			return fmt.Errorf("repairing role %s: %w", p.spec.roleName(), err)
		}
	}
	if policy.sound() {
		return nil
	}
	err := write(ctx, func(ctx context.Context) error {
		_, err := p.iam.PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: name, PolicyName: aws.String(inlinePolicy), PolicyDocument: aws.String(p.spec.policy())})
		return err
	})
	if err != nil {
		return fmt.Errorf("writing the policy of role %s: %w", p.spec.roleName(), err)
	}
	return nil
}

func (p rolePart) repair(ctx context.Context) error {
	name := aws.String(p.spec.roleName())
	if _, err := p.iam.UpdateAssumeRolePolicy(ctx, &iam.UpdateAssumeRolePolicyInput{RoleName: name, PolicyDocument: aws.String(trustPolicy())}); err != nil {
		return err
	}
	if _, err := p.iam.TagRole(ctx, &iam.TagRoleInput{RoleName: name, Tags: toRoleTags(p.spec.tags)}); err != nil {
		return err
	}
	if p.spec.boundary != "" {
		_, err := p.iam.PutRolePermissionsBoundary(ctx, &iam.PutRolePermissionsBoundaryInput{RoleName: name, PermissionsBoundary: aws.String(p.spec.boundary)})
		return err
	}
	_, err := p.iam.DeleteRolePermissionsBoundary(ctx, &iam.DeleteRolePermissionsBoundaryInput{RoleName: name})
	if clouderr.IsAWS(err, noSuchEntity) {
		return nil
	}
	return err
}

func (p rolePart) untag(ctx context.Context, keys []string) error {
	_, err := p.iam.UntagRole(ctx, &iam.UntagRoleInput{RoleName: aws.String(p.spec.roleName()), TagKeys: keys})
	return err
}

func (p rolePart) remove(ctx context.Context) error {
	name := aws.String(p.spec.roleName())
	out, err := p.iam.GetRole(ctx, &iam.GetRoleInput{RoleName: name})
	if clouderr.IsAWS(err, noSuchEntity) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading role %s: %w", p.spec.roleName(), err)
	}
	if foreignTo(p.spec.owner, "role", p.spec.roleName(), roleTags(out.Role.Tags)) != "" {
		return nil
	}
	_, err = p.iam.DeleteRolePolicy(ctx, &iam.DeleteRolePolicyInput{RoleName: name, PolicyName: aws.String(inlinePolicy)})
	if err != nil && !clouderr.IsAWS(err, noSuchEntity) {
		return fmt.Errorf("deleting the policy of role %s: %w", p.spec.roleName(), err)
	}
	_, err = p.iam.DeleteRole(ctx, &iam.DeleteRoleInput{RoleName: name})
	if err != nil && !clouderr.IsAWS(err, noSuchEntity) {
		return fmt.Errorf("deleting role %s: %w", p.spec.roleName(), err)
	}
	return nil
}
