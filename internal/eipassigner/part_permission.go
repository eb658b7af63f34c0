package eipassigner

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/clouderr"
)

// permissionPart lets each rule, and no other, invoke the function.
type permissionPart struct {
	*cloud
	spec spec
}

const eventsPrincipal = "events.amazonaws.com"

func (p permissionPart) name() *string { return aws.String(p.spec.functionName()) }

// granted maps the statements of the function's policy to the rule that each lets in.
func (p permissionPart) granted(ctx context.Context) (map[string]string, error) {
	out, err := p.lambda.GetPolicy(ctx, &lambda.GetPolicyInput{FunctionName: p.name()})
	if clouderr.IsAWS(err, resourceNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the permissions of function %s: %w", p.spec.functionName(), err)
	}
	granted, err := parseGrants(aws.ToString(out.Policy))
	if err != nil {
		return nil, fmt.Errorf("reading the permissions of function %s: %w", p.spec.functionName(), err)
	}
	return granted, nil
}

// parseGrants reads the source ARN of each statement that is as AddPermission writes it; one
// that is not has the source "".
func parseGrants(policy string) (map[string]string, error) {
	var document struct {
		Statement []struct {
			Sid       string
			Effect    string
			Action    string
			Principal struct{ Service string }
			Condition map[string]map[string]string
		}
	}
	if err := json.Unmarshal([]byte(policy), &document); err != nil {
		return nil, fmt.Errorf("the policy is not as Lambda writes it: %w", err)
	}
	granted := map[string]string{}
	for _, s := range document.Statement {
		granted[s.Sid] = ""
		if s.Effect == "Allow" && s.Action == "lambda:InvokeFunction" && s.Principal.Service == eventsPrincipal {
			for key, source := range s.Condition["ArnLike"] {
				if key == "AWS:SourceArn" || key == "aws:SourceArn" {
					granted[s.Sid] = source
				}
			}
		}
	}
	return granted, nil
}

func (p permissionPart) look(ctx context.Context) ([]finding, error) {
	granted, err := p.granted(ctx)
	if err != nil {
		return nil, err
	}
	var all []finding
	for _, kind := range ruleKinds {
		source, exists := granted[p.spec.statementID(kind)]
		all = append(all, finding{name: kind + "_permission", exists: exists, drifted: source != p.spec.ruleARN(kind)})
	}
	return all, nil
}

func (p permissionPart) put(ctx context.Context, found []finding, _ *undo) error {
	for n, kind := range ruleKinds {
		if found[n].sound() {
			continue
		}
		err := write(ctx, func(ctx context.Context) error {
			if found[n].exists {
				if err := p.revoke(ctx, kind); err != nil {
					return err
				}
			}
			_, err := p.lambda.AddPermission(ctx, &lambda.AddPermissionInput{
				FunctionName: p.name(), StatementId: aws.String(p.spec.statementID(kind)), Action: aws.String("lambda:InvokeFunction"),
				Principal: aws.String(eventsPrincipal), SourceArn: aws.String(p.spec.ruleARN(kind)),
			})
			return unless(err, "ResourceConflictException")
		})
		if err != nil {
			return fmt.Errorf("permitting rule %s to invoke function %s: %w", p.spec.ruleName(kind), p.spec.functionName(), err)
		}
	}
	return nil
}

func (p permissionPart) revoke(ctx context.Context, kind string) error {
	_, err := p.lambda.RemovePermission(ctx, &lambda.RemovePermissionInput{FunctionName: p.name(), StatementId: aws.String(p.spec.statementID(kind))})
	if clouderr.IsAWS(err, resourceNotFound) {
		return nil
	}
	return err
}

// remove has nothing to do: the permissions end with the function.
func (p permissionPart) remove(context.Context) error { return nil }
