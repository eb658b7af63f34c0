package eipassigner

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/clouderr"
)

// rulePart is the three rules on the default event bus, each with the function as its target.
type rulePart struct {
	*cloud
	spec spec
}

// targetID is the id of our target within each rule.
const targetID = "eip-assigner"

func (p rulePart) look(ctx context.Context) ([]finding, error) {
	var all []finding
	for _, kind := range ruleKinds {
		one, err := p.lookAt(ctx, kind)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, nil
}

func (p rulePart) lookAt(ctx context.Context, kind string) (finding, error) {
	f := finding{name: kind + "_rule"}
	name := p.spec.ruleName(kind)
	rule, err := p.events.DescribeRule(ctx, &eventbridge.DescribeRuleInput{Name: aws.String(name)})
	if clouderr.IsAWS(err, resourceNotFound) {
		return f, nil
	}
	if err != nil {
		return f, fmt.Errorf("reading rule %s: %w", name, err)
	}
	tags, err := p.tags(ctx, kind)
	if err != nil {
		return f, err
	}
	targets, err := p.events.ListTargetsByRule(ctx, &eventbridge.ListTargetsByRuleInput{Rule: aws.String(name)})
	if err != nil {
		return f, fmt.Errorf("reading the targets of rule %s: %w", name, err)
	}
	f.exists = true
	f.foreign = foreignTo(p.spec.owner, "rule", name, tags)
	f.drifted = lacks(tags, p.spec.tags) || rule.State != types.RuleStateEnabled ||
		aws.ToString(rule.ScheduleExpression) != p.spec.scheduleOf(kind) || !sameJSON(p.spec.pattern(kind), aws.ToString(rule.EventPattern)) ||
		!p.targeted(kind, targets.Targets)
	return f, nil
}

func (p rulePart) targeted(kind string, targets []types.Target) bool {
	for _, target := range targets {
		if aws.ToString(target.Id) == targetID {
			return aws.ToString(target.Arn) == p.spec.functionARN() && aws.ToString(target.Input) == p.spec.targetInput(kind)
		}
	}
	return false
}

func (p rulePart) tags(ctx context.Context, kind string) (map[string]string, error) {
	out, err := p.events.ListTagsForResource(ctx, &eventbridge.ListTagsForResourceInput{ResourceARN: aws.String(p.spec.ruleARN(kind))})
	if err != nil {
		return nil, fmt.Errorf("reading the tags of rule %s: %w", p.spec.ruleName(kind), err)
	}
	tags := map[string]string{}
	for _, tag := range out.Tags {
		tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
	}
	return tags, nil
}

func (p rulePart) put(ctx context.Context, found []finding, u *undo) error {
	for n, kind := range ruleKinds {
		if found[n].sound() {
			continue
		}
		if !found[n].exists {
			// Before it is made: the rule may be there and its target refused.
			u.add(func(ctx context.Context) error { return p.removeOne(ctx, kind) })
		}
		if err := p.putOne(ctx, kind, found[n].exists); err != nil {
			return err
		}
	}
	return nil
}

func (p rulePart) putOne(ctx context.Context, kind string, exists bool) error {
	name := p.spec.ruleName(kind)
	var tags []types.Tag
	for key, value := range p.spec.tags {
		tags = append(tags, types.Tag{Key: aws.String(key), Value: aws.String(value)})
	}
	in := &eventbridge.PutRuleInput{Name: aws.String(name), State: types.RuleStateEnabled, Description: aws.String("Runs " + p.spec.functionName())}
	if pattern := p.spec.pattern(kind); pattern != "" {
		in.EventPattern = aws.String(pattern)
	}
	if schedule := p.spec.scheduleOf(kind); schedule != "" {
		in.ScheduleExpression = aws.String(schedule)
	}
	if !exists {
		// PutRule takes tags for a new rule only.
		in.Tags = tags
	}
	target := types.Target{Id: aws.String(targetID), Arn: aws.String(p.spec.functionARN())}
	if input := p.spec.targetInput(kind); input != "" {
		target.Input = aws.String(input)
	}
	err := write(ctx, func(ctx context.Context) error {
		if _, err := p.events.PutRule(ctx, in); err != nil {
			return err
		}
		if exists {
			if _, err := p.events.TagResource(ctx, &eventbridge.TagResourceInput{ResourceARN: aws.String(p.spec.ruleARN(kind)), Tags: tags}); err != nil {
				return err
			}
		}
		out, err := p.events.PutTargets(ctx, &eventbridge.PutTargetsInput{Rule: aws.String(name), Targets: []types.Target{target}})
		if err == nil && out.FailedEntryCount > 0 {
			err = fmt.Errorf("target refused: %s: %s", aws.ToString(out.FailedEntries[0].ErrorCode), aws.ToString(out.FailedEntries[0].ErrorMessage))
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("writing rule %s: %w", name, err)
	}
	return nil
}

func (p rulePart) untag(ctx context.Context, keys []string) error {
	for _, kind := range ruleKinds {
		if _, err := p.events.UntagResource(ctx, &eventbridge.UntagResourceInput{ResourceARN: aws.String(p.spec.ruleARN(kind)), TagKeys: keys}); err != nil {
			return err
		}
	}
	return nil
}

func (p rulePart) remove(ctx context.Context) error {
	for _, kind := range ruleKinds {
		if err := p.removeOne(ctx, kind); err != nil {
			return err
		}
	}
	return nil
}

func (p rulePart) removeOne(ctx context.Context, kind string) error {
	name := p.spec.ruleName(kind)
	f, err := p.lookAt(ctx, kind)
	if err != nil || !f.exists || f.foreign != "" {
		return err
	}
	_, err = p.events.RemoveTargets(ctx, &eventbridge.RemoveTargetsInput{Rule: aws.String(name), Ids: []string{targetID}})
	if err != nil && !clouderr.IsAWS(err, resourceNotFound) {
		return fmt.Errorf("removing the target of rule %s: %w", name, err)
	}
	_, err = p.events.DeleteRule(ctx, &eventbridge.DeleteRuleInput{Name: aws.String(name)})
	if err != nil && !clouderr.IsAWS(err, resourceNotFound) {
		return fmt.Errorf("deleting rule %s: %w", name, err)
	}
	return nil
}
