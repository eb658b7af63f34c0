package autoscaling

import (
	"fmt"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/lifecycle"
)

// maxActivities is how many activities of a group are remembered.
const maxActivities = 200

// activity is a scaling activity.
type activity struct {
	id, groupName, groupARN    string
	description, cause, detail string
	// from and to are the move that the activity is about.
	from, to        lifecycle.Place
	start, end      time.Time
	status, message string
	progress        int
}

func (a *activity) finish(now time.Time, status, message string) {
	a.end, a.status, a.message, a.progress = now, status, message, 100
}

func (a *activity) finished() bool { return !a.end.IsZero() }

// details is the activity's Details: a JSON document in a string.
func details(zone, subnet string) string {
	return fmt.Sprintf(`{"Subnet ID":%s,"Availability Zone":%s}`, strconv.Quote(subnet), strconv.Quote(zone))
}

// launching describes the activity of a launch before the instance has an id.
func launching(to lifecycle.Place) string {
	if to == lifecycle.WarmPool {
		return "Launching a new EC2 instance into warm pool"
	}
	return "Launching a new EC2 instance"
}

// moveDescription describes the activity of a move that an instance begins.
func moveDescription(i *lifecycle.Instance) string {
	switch {
	case i.To() == lifecycle.WarmPool:
		return "Returning EC2 instance to warm pool: " + i.ID()
	case i.To() == lifecycle.AutoScalingGroup:
		return "Launching a new EC2 instance from warm pool: " + i.ID()
	case i.From() == lifecycle.WarmPool:
		return "Terminating EC2 instance from warm pool: " + i.ID()
	default:
		return "Terminating EC2 instance: " + i.ID()
	}
}

// startActivityLocked adds an activity to the group: a has description, cause, detail and move.
func (s *Service) startActivityLocked(g *group, a activity) *activity {
	a.id, a.groupName, a.groupARN, a.start, a.status = uuid.NewString(), g.name, g.arn, s.deps.Clock.Now(), "InProgress"
	g.activities = append(g.activities, &a)
	if len(g.activities) > maxActivities {
		g.activities = g.activities[1:]
	}
	return &a
}

// activityEvent is the detail of the launch and terminate events.
type activityEvent struct {
	StatusCode           string
	Description          string
	AutoScalingGroupName string
	ActivityID           string `json:"ActivityId"`
	Details              map[string]string
	RequestID            string `json:"RequestId"`
	StatusMessage        string
	EndTime              string
	EC2InstanceID        string `json:"EC2InstanceId,omitempty"`
	StartTime            string
	Cause                string
	// Origin and Destination are there for groups with a warm pool only.
	Origin      lifecycle.Place `json:",omitempty"`
	Destination lifecycle.Place `json:",omitempty"`
}

// activityEventLocked is the detail of an event about an activity, and the event's
// resources. i is nil when no instance came to be.
func (s *Service) activityEventLocked(g *group, a *activity, i *instance) (detail any, resources []string) {
	status := a.status
	if status == "Successful" {
		// Auto Scaling sends "InProgress" in its success events.
		status = "InProgress"
	}
	d := activityEvent{
		StatusCode: status, Description: a.description, AutoScalingGroupName: a.groupName, ActivityID: a.id,
		RequestID: a.id, StatusMessage: a.message, EndTime: timestamp(a.end), StartTime: timestamp(a.start), Cause: a.cause,
		Details: map[string]string{},
	}
	if g.pool != nil {
		d.Origin, d.Destination = a.from, a.to
	}
	resources = []string{a.groupARN}
	if i == nil {
		return d, resources
	}
	d.EC2InstanceID = i.id
	d.Details["Availability Zone"], d.Details["Subnet ID"] = i.zone, i.subnet
	return d, append(resources, fmt.Sprintf("arn:aws:ec2:%s:%s:instance/%s", s.deps.Region, s.deps.AccountID, i.id))
}
