// Package functions is the sandbox's AWS Lambda and Amazon EventBridge, and the part of
// IAM that decides what a running function may do.
//
// A function's zip is unpacked and its bootstrap runs as a process of this machine under
// a Lambda Runtime API; events and schedules reach it only if its resource policy says
// so; and every call that it makes back to the sandbox is checked against its role's
// policies (Authorize). Unlike AWS, an idle process is not frozen between invocations, and
// memory is not limited.
package functions

import (
	"log/slog"
	"time"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/waiter"
)

// Deps are what the service stands on. MotoURL, GatewayURL, Region, AccountID and Dir are required.
type Deps struct {
	// MotoURL is where IAM and CloudWatch Logs are asked directly.
	MotoURL string
	// GatewayURL is what functions get as AWS_ENDPOINT_URL. It is asked for at each start of
	// a process, so it may be known later than New.
	GatewayURL func() string
	Region     string
	AccountID  string
	// Dir holds unpacked functions and their logs; it is created.
	Dir string

	// ResourceTags returns the tags of the resource with this ARN, for the policy
	// conditions aws:ResourceTag/… and ec2:ResourceTag/…; false means unknown, and then
	// such conditions do not hold. nil knows none.
	ResourceTags func(arn string) (map[string]string, bool)
	// GroupARN returns the ARN of an Auto Scaling group; its UUID is in no request. nil
	// or false leaves "*" in the UUID's place, which only a policy with a wildcard there allows.
	GroupARN func(name string) (string, bool)
	// GroupOfInstance names an instance's Auto Scaling group, for the calls that name only
	// the instance. nil or false: such calls are checked against every group ("*").
	GroupOfInstance func(instanceID string) (string, bool)
	// Association returns what an Elastic IP's association joins, for
	// DisassociateAddress. nil or false: the call is checked against elastic-ip/* and
	// network-interface/*.
	Association func(associationID string) (allocationID, networkInterfaceID string, ok bool)

	// Clock drives retries and schedules; nil is the system's.
	Clock waiter.Clock
	// Minute is how long a minute of a schedule (rate(1 minute)) and of the pauses between
	// tries of an asynchronous invocation takes; zero is a real one. Smaller values make
	// the sandbox's reconcilers run sooner. A function's own timeout is always in real seconds.
	Minute time.Duration
	// PropagationDelay is how long a new role cannot be assumed, as IAM's own changes take
	// a while to arrive; zero is at once.
	PropagationDelay time.Duration
	// Logger takes what has no caller to return to, such as an event that a function's
	// policy does not admit; nil discards it.
	Logger *slog.Logger
}

func (d Deps) withDefaults() Deps {
	if d.ResourceTags == nil {
		d.ResourceTags = func(string) (map[string]string, bool) { return nil, false }
	}
	if d.GroupARN == nil {
		d.GroupARN = func(string) (string, bool) { return "", false }
	}
	if d.GroupOfInstance == nil {
		d.GroupOfInstance = func(string) (string, bool) { return "", false }
	}
	if d.Association == nil {
		d.Association = func(string) (string, string, bool) { return "", "", false }
	}
	if d.Clock == nil {
		d.Clock = waiter.SystemClock{}
	}
	if d.Minute == 0 {
		d.Minute = time.Minute
	}
	if d.Logger == nil {
		d.Logger = slog.New(slog.DiscardHandler)
	}
	return d
}
