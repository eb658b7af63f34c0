package assigner

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/eiptag"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/waiter"
)

const (
	// handOverMargin is the time before the function's deadline at which a waiting claim
	// ends, so that it does so in a known state.
	handOverMargin = 15 * time.Second
	// settle is how long a read may lag behind a write before we act on what it shows.
	settle = 30 * time.Second
	// visible is how long a new instance may be missing from what AWS shows.
	visible = 2 * time.Minute
	// deniedGrace is how long after an instance's launch a refusal by IAM may be the
	// propagation of a new role.
	deniedGrace = 5 * time.Minute
	// maxTagValue is the longest tag value that EC2 takes, in characters.
	maxTagValue = 256
)

// Assigner claims, releases and reconciles the addresses of one pool for one group.
type Assigner struct {
	Config      Config
	EC2         EC2
	AutoScaling AutoScaling
	// Waiter polls while an address, or a consistent read, is awaited; its clock is
	// the assigner's clock.
	Waiter waiter.Waiter
	Log    *slog.Logger
}

func (a *Assigner) now() time.Time {
	if a.Waiter.Clock == nil {
		return waiter.SystemClock{}.Now()
	}
	return a.Waiter.Clock.Now()
}

// closing reports whether the function's deadline is so near that a wait must end.
func (a *Assigner) closing(ctx context.Context) bool {
	deadline, ok := ctx.Deadline()
	return ok && a.now().After(deadline.Add(-handOverMargin))
}

// note records on an address why its holder changed. A reason that cannot be
// written is logged and changes nothing else.
func (a *Assigner) note(ctx context.Context, allocationID, reason string) {
	value := []rune(a.now().UTC().Format(time.RFC3339) + " " + reason)
	_, err := a.EC2.CreateTags(ctx, &ec2.CreateTagsInput{
		Resources: []string{allocationID},
		Tags:      []types.Tag{{Key: aws.String(eiptag.LastReason), Value: aws.String(string(value[:min(len(value), maxTagValue)]))}},
	})
	if err != nil {
		a.Log.WarnContext(ctx, "reason not recorded on the address", "allocation_id", allocationID, "reason", reason, "error", err.Error())
	}
}

// parseNote splits the value of eiptag.LastReason; since is zero when it is not ours to read.
func parseNote(value string) (since time.Time, reason string) {
	stamp, reason, _ := strings.Cut(value, " ")
	since, err := time.Parse(time.RFC3339, stamp)
	if err != nil {
		return time.Time{}, value
	}
	return since, reason
}

// HandOverError ends a function call whose instance still waits, in time and with its hook
// kept alive: EventBridge's retry, or the next scheduled run, goes on.
type HandOverError struct {
	InstanceID string
	Reason     string
}

func (e *HandOverError) Error() string {
	return fmt.Sprintf("instance %s still waits for its address, the next run goes on: %s", e.InstanceID, e.Reason)
}
