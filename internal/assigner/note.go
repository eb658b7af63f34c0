package assigner

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/eiptag"
)

// note records on an address why its holder changed, and the zone of the holder that it had, so
// that an instance of the same zone is the next; an empty zone leaves the tag as it is.
func (r *run) note(ctx context.Context, allocationID, reason, zone string) {
	tags := []types.Tag{{Key: aws.String(eiptag.LastReason), Value: aws.String(eiptag.Note(r.now(), reason))}}
	if zone != "" {
		tags = append(tags, types.Tag{Key: aws.String(eiptag.LastZone), Value: aws.String(zone)})
	}
	r.tag(ctx, allocationID, tags)
}

// tag writes tags that are for people to read: one that cannot be written is logged and
// changes nothing else.
func (r *run) tag(ctx context.Context, id string, tags []types.Tag) bool {
	_, err := r.EC2.CreateTags(ctx, &ec2.CreateTagsInput{Resources: []string{id}, Tags: tags})
	if err != nil {
		r.saw(err)
		r.Log.WarnContext(ctx, "tags not written", "resource", id, "reason", aws.ToString(tags[0].Value), "error", err.Error())
	}
	return err == nil
}
