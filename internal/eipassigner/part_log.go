package eipassigner

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/clouderr"
)

// logPart is the function's log group. It is made before the function, which has no right
// to make one itself: else it would have no retention and outlive a destroy.
type logPart struct {
	*cloud
	spec spec
}

const resourceNotFound = "ResourceNotFoundException"

// find returns the log group's retention in days (0: for ever) and its tags.
func (p logPart) find(ctx context.Context) (retention int64, tags map[string]string, exists bool, err error) {
	pages := cloudwatchlogs.NewDescribeLogGroupsPaginator(p.logs, &cloudwatchlogs.DescribeLogGroupsInput{LogGroupNamePrefix: aws.String(p.spec.logGroup())})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return 0, nil, false, fmt.Errorf("reading log group %s: %w", p.spec.logGroup(), err)
		}
		for _, group := range page.LogGroups {
			if aws.ToString(group.LogGroupName) != p.spec.logGroup() {
				continue
			}
			out, err := p.logs.ListTagsForResource(ctx, &cloudwatchlogs.ListTagsForResourceInput{ResourceArn: aws.String(p.spec.logGroupARN())})
			if err != nil {
				return 0, nil, false, fmt.Errorf("reading the tags of log group %s: %w", p.spec.logGroup(), err)
			}
			return int64(aws.ToInt32(group.RetentionInDays)), out.Tags, true, nil
		}
	}
	return 0, nil, false, nil
}

func (p logPart) look(ctx context.Context) ([]finding, error) {
	retention, tags, exists, err := p.find(ctx)
	if err != nil {
		return nil, err
	}
	f := finding{name: "log_group", exists: exists}
	if exists {
		f.foreign = foreignTo(p.spec.owner, "log group", p.spec.logGroup(), tags)
		f.drifted = retention != p.spec.retention || lacks(tags, p.spec.tags)
	}
	return []finding{f}, nil
}

func (p logPart) put(ctx context.Context, found []finding, u *undo) error {
	name := aws.String(p.spec.logGroup())
	if !found[0].exists {
		err := write(ctx, func(ctx context.Context) error {
			_, err := p.logs.CreateLogGroup(ctx, &cloudwatchlogs.CreateLogGroupInput{LogGroupName: name, Tags: p.spec.tags})
			return unless(err, "ResourceAlreadyExistsException")
		})
		if err != nil {
			return fmt.Errorf("creating log group %s: %w", p.spec.logGroup(), err)
		}
		u.add(p.remove)
	} else {
		err := write(ctx, func(ctx context.Context) error {
			_, err := p.logs.TagResource(ctx, &cloudwatchlogs.TagResourceInput{ResourceArn: aws.String(p.spec.logGroupARN()), Tags: p.spec.tags})
			return err
		})
		if err != nil {
			return fmt.Errorf("tagging log group %s: %w", p.spec.logGroup(), err)
		}
	}
	err := write(ctx, func(ctx context.Context) error {
		_, err := p.logs.PutRetentionPolicy(ctx, &cloudwatchlogs.PutRetentionPolicyInput{LogGroupName: name, RetentionInDays: aws.Int32(int32(p.spec.retention))})
		return err
	})
	if err != nil {
		return fmt.Errorf("setting the retention of log group %s: %w", p.spec.logGroup(), err)
	}
	return nil
}

func (p logPart) untag(ctx context.Context, keys []string) error {
	_, err := p.logs.UntagResource(ctx, &cloudwatchlogs.UntagResourceInput{ResourceArn: aws.String(p.spec.logGroupARN()), TagKeys: keys})
	return err
}

func (p logPart) remove(ctx context.Context) error {
	_, tags, exists, err := p.find(ctx)
	if err != nil || !exists || foreignTo(p.spec.owner, "log group", p.spec.logGroup(), tags) != "" {
		return err
	}
	_, err = p.logs.DeleteLogGroup(ctx, &cloudwatchlogs.DeleteLogGroupInput{LogGroupName: aws.String(p.spec.logGroup())})
	if err != nil && !clouderr.IsAWS(err, resourceNotFound) {
		return fmt.Errorf("deleting log group %s: %w", p.spec.logGroup(), err)
	}
	return nil
}
