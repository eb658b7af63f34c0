package assigner

import (
	"context"
	"io"
	"log/slog"
	"time"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/waiter"
)

const (
	// HandOverMargin is the time before the function's deadline at which a waiting claim
	// ends, so that it does so in a known state.
	HandOverMargin = 15 * time.Second
	// settle is how long a read may lag behind a write before we act on what it shows.
	settle = 30 * time.Second
	// visible is how long a new instance may be missing from what AWS shows.
	visible = 2 * time.Minute
	// deniedGrace is how long after an instance's launch a refusal by IAM may be the
	// propagation of a new role.
	deniedGrace = 5 * time.Minute
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
	// Metrics takes one line of CloudWatch's embedded metric format a decision: the function's
	// standard output. Nil writes none.
	Metrics io.Writer
}

func (a *Assigner) now() time.Time {
	if a.Waiter.Clock == nil {
		return waiter.SystemClock{}.Now()
	}
	return a.Waiter.Clock.Now()
}

// run is one invocation of the function.
type run struct {
	*Assigner
	tally tally
	// doubtful are addresses that EC2 accepted an association of, and then did not show it.
	doubtful map[string]bool
	// until is when it must be at its end; zero without a deadline.
	until time.Time
}

func (a *Assigner) begin(ctx context.Context) *run {
	r := &run{Assigner: a, doubtful: map[string]bool{}}
	if deadline, ok := ctx.Deadline(); ok {
		// A function that has less time makes one attempt, and does not wait.
		r.until = deadline.Add(-min(HandOverMargin, deadline.Sub(a.now())))
	}
	return r
}

// closing reports whether the function's deadline is so near that a wait must end.
func (r *run) closing() bool {
	return !r.until.IsZero() && r.now().After(r.until)
}

// saw counts a call's error.
func (r *run) saw(err error) {
	if classify(err) == faultDenied {
		r.tally.denied++
	}
}
