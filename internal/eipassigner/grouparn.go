package eipassigner

import (
	"fmt"
	"regexp"
)

// groupARN is the ARN of an Auto Scaling group, taken apart. It holds the group's UUID, so
// that a group replaced under the same name is another one.
type groupARN struct {
	text, partition, region, account, uuid, name string
}

var groupARNPattern = regexp.MustCompile(`^arn:(aws[a-z-]*):autoscaling:([a-z0-9-]+):(\d{12}):autoScalingGroup:([0-9a-f-]{36}):autoScalingGroupName/([^,]{1,255})$`)

// parseGroupARN takes an ARN apart. The error says what it should look like.
func parseGroupARN(text string) (groupARN, error) {
	match := groupARNPattern.FindStringSubmatch(text)
	if match == nil {
		return groupARN{}, fmt.Errorf("%q is not the ARN of an Auto Scaling group; write the group's `arn` (aws_autoscaling_group.NAME.arn), which looks like arn:aws:autoscaling:REGION:ACCOUNT:autoScalingGroup:UUID:autoScalingGroupName/NAME, not its name or id", text)
	}
	return groupARN{text: text, partition: match[1], region: match[2], account: match[3], uuid: match[4], name: match[5]}, nil
}

// arn makes the ARN of a regional object of the group's account.
func (g groupARN) arn(service, resource string) string {
	return fmt.Sprintf("arn:%s:%s:%s:%s:%s", g.partition, service, g.region, g.account, resource)
}
