package assignertest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/aws/smithy-go"
)

// Refusal is an error as AWS answers it.
func Refusal(code, format string, args ...any) error {
	return &smithy.GenericAPIError{Code: code, Message: fmt.Sprintf(format, args...)}
}

// errTransport is a call whose answer did not arrive.
var errTransport = errors.New("read tcp 10.0.0.7:40022->52.46.0.1:443: i/o timeout")

// autoScalingOps are the operations of Auto Scaling; the others are EC2's.
var autoScalingOps = []string{"DescribeAutoScalingGroups", "DescribeAutoScalingInstances", "CompleteLifecycleAction", "RecordLifecycleActionHeartbeat"}

// Refusals of a call for reasons that are not the call's own.
func throttled(op string) error {
	if slices.Contains(autoScalingOps, op) {
		return Refusal("Throttling", "Rate exceeded")
	}
	return Refusal("RequestLimitExceeded", "Request limit exceeded.")
}

func denied(op string) error {
	if slices.Contains(autoScalingOps, op) {
		return Refusal("AccessDenied", "User: arn:aws:sts::111122223333:assumed-role/eip-assigner/f is not authorized to perform: autoscaling:%s because no identity-based policy allows the autoscaling:%s action", op, op)
	}
	return Refusal("UnauthorizedOperation", "You are not authorized to perform this operation.")
}

func broken(n int) error {
	switch n {
	case 0:
		return Refusal("InternalError", "An internal error has occurred")
	case 1:
		return Refusal("ServiceUnavailable", "The service is unavailable. Please try again shortly.")
	}
	return errors.New("read tcp 10.0.0.7:40022->52.46.0.1:443: connection reset by peer")
}

// interfere decides what becomes of a call: the script's word first, then what the schedule's faults do.
func (w *World) interfere(run *process, call Call) Interference {
	var what Interference
	if w.script != nil {
		what = w.script(call)
	}
	if what.Stale == 0 && w.schedule.Stale > 0 {
		what.Stale = upTo(run.rng, w.schedule.Stale)
	}
	for _, f := range w.faultsNow() {
		if !faultKinds[f.Kind] && run.rng.Float64() >= f.Chance {
			continue
		}
		switch f.Kind {
		case "throttle":
			what.Refuse = throttled(call.Op)
		case "deny":
			what.Refuse = denied(call.Op)
		case "error":
			what.Refuse = broken(run.rng.IntN(3))
		case "contend":
			if call.Op == "CompleteLifecycleAction" || call.Op == "RecordLifecycleActionHeartbeat" {
				what.Refuse = Refusal("ResourceContention", "You already have a pending update to an Amazon EC2 Auto Scaling resource (for example, an Auto Scaling group, instance, or load balancer).")
			}
		case "lost":
			what.Lose = errTransport
		case "phantom":
			what.Phantom = what.Phantom || call.Op == "AssociateAddress"
		case "kill":
			after := run.rng.IntN(2) == 1
			what.KillBefore, what.KillAfter = !after, after
		case "stale":
			what.Stale = max(what.Stale, upTo(run.rng, f.Lag))
		case "slow":
			what.Slow = max(what.Slow, upTo(run.rng, f.Lag))
		}
	}
	return what
}

// faultsNow lists the schedule's faults that are at work.
func (w *World) faultsNow() []Fault {
	elapsed := w.line.now.Sub(epoch)
	w.active = w.active[:0]
	for _, f := range w.schedule.Faults {
		if f.From <= elapsed && elapsed < f.From+f.For {
			w.active = append(w.active, f)
		}
	}
	return w.active
}

func upTo(rng *rand.Rand, most time.Duration) time.Duration {
	if most <= 0 {
		return 0
	}
	return time.Duration(rng.Int64N(int64(most)))
}

// String is empty when nothing interferes.
func (i Interference) String() string {
	var words []string
	add := func(does bool, word string) {
		if does {
			words = append(words, word)
		}
	}
	add(i.Phantom, "no effect")
	add(i.Lose != nil, "its answer is lost")
	add(i.KillAfter, "killed after it")
	add(i.Stale > 0, fmt.Sprintf("seen as of %s ago", i.Stale))
	if len(words) == 0 {
		return ""
	}
	return " (" + strings.Join(words, ", ") + ")"
}
