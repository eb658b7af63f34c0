package assigner

import (
	"context"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/eiptag"
)

// maxTagValue is the longest tag value that EC2 takes, in characters.
const maxTagValue = 256

// noteValue is the value of a tag that says when something happened and why.
func noteValue(at time.Time, reason string) string {
	value := []rune(at.UTC().Format(time.RFC3339) + " " + reason)
	return string(value[:min(len(value), maxTagValue)])
}

// parseNote splits what noteValue joined; since is zero when the value is not ours to read.
func parseNote(value string) (since time.Time, reason string) {
	stamp, reason, _ := strings.Cut(value, " ")
	since, err := time.Parse(time.RFC3339, stamp)
	if err != nil {
		return time.Time{}, value
	}
	return since, reason
}

// note records on an address why its holder changed, and the zone of the holder that it had, so
// that an instance of the same zone is the next; an empty zone leaves the tag as it is.
func (r *run) note(ctx context.Context, allocationID, reason, zone string) {
	tags := []types.Tag{{Key: aws.String(eiptag.LastReason), Value: aws.String(noteValue(r.now(), reason))}}
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
