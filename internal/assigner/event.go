package assigner

import (
	"encoding/json"
	"fmt"
	"regexp"
	"time"
)

// event is every shape the function is invoked with: EventBridge's envelope, or a
// direct invocation's request.
type event struct {
	DetailType string `json:"detail-type"`
	Source     string `json:"source"`
	// Time is text here: a lifecycle event is served even if its time cannot be read.
	Time   string `json:"time"`
	Detail struct {
		Group       string `json:"AutoScalingGroupName"`
		Hook        string `json:"LifecycleHookName"`
		InstanceID  string `json:"EC2InstanceId"`
		Token       string `json:"LifecycleActionToken"`
		Transition  string `json:"LifecycleTransition"`
		Destination string `json:"Destination"`
	} `json:"detail"`
	// Notification is Auto Scaling's own field, outside EventBridge's envelope.
	Notification string `json:"Event"`
	Reconcile    bool   `json:"reconcile"`
	Report       bool   `json:"report"`
}

// Sources, transitions and kinds of the events that the function knows.
const (
	sourceAutoScaling   = "aws.autoscaling"
	detailTypeScheduled = "Scheduled Event"
	launching           = "autoscaling:EC2_INSTANCE_LAUNCHING"
	terminating         = "autoscaling:EC2_INSTANCE_TERMINATING"
	testNotification    = "autoscaling:TEST_NOTIFICATION"
)

// maxPayload is the size in bytes of the largest payload that is read. A lifecycle event has some 1.5 KiB, of which
// its NotificationMetadata are at most 1,023 characters.
const maxPayload = 64 << 10

// instanceID is the form of the ids that EC2 gives.
var instanceID = regexp.MustCompile(`^i-[0-9a-z-]{1,64}$`)

// decode reads a payload. The error says why it never can be one for this function.
func decode(payload json.RawMessage) (event, error) {
	var e event
	if len(payload) > maxPayload {
		return e, fmt.Errorf("the payload has %d bytes, more than the %d that an event can have", len(payload), maxPayload)
	}
	if err := json.Unmarshal(payload, &e); err != nil {
		return e, fmt.Errorf("the payload is not understood: %w", err)
	}
	return e, nil
}

// kind is what an event asks for.
type kind int

const (
	kindForeign kind = iota
	kindReport
	kindReconcile
	kindLaunch
	kindTerminate
)

// kindOf says what e asks of the function that c is for and, if nothing, why.
func (c Config) kindOf(e event) (k kind, reason string) {
	switch d := e.Detail; {
	case e.Report:
		return kindReport, ""
	case e.Reconcile || e.DetailType == detailTypeScheduled:
		return kindReconcile, ""
	case e.Notification == testNotification || d.Transition == testNotification:
		return kindForeign, "a test notification, which Auto Scaling sends when a notification target is added"
	case e.Source != sourceAutoScaling || d.Group != c.Group:
		return kindForeign, fmt.Sprintf("the event (%s from %s, group %s) is not for this function", quote(e.DetailType), quote(e.Source), quote(d.Group))
	case d.InstanceID == "":
		return kindForeign, "the event names no instance"
	case !instanceID.MatchString(d.InstanceID):
		return kindForeign, fmt.Sprintf("%s is not an instance's id", quote(d.InstanceID))
	case d.Transition == launching && d.Hook == c.LaunchHook:
		return kindLaunch, ""
	case d.Transition == terminating && d.Hook == c.TerminateHook:
		return kindTerminate, ""
	}
	return kindForeign, fmt.Sprintf("hook %s with transition %s is not ours", quote(e.Detail.Hook), quote(e.Detail.Transition))
}

// quote is text of others as it may stand in a reason: short, and without control characters.
func quote(text string) string {
	const most = 80
	if runes := []rune(text); len(runes) > most {
		text = string(runes[:most]) + "…"
	}
	return fmt.Sprintf("%q", text)
}

// action is the lifecycle action that e is about.
func (e event) action() action {
	act := action{instanceID: e.Detail.InstanceID, hook: e.Detail.Hook, token: e.Detail.Token, destination: e.Detail.Destination}
	if at, err := time.Parse(time.RFC3339, e.Time); err == nil {
		act.time = at
	}
	return act
}
