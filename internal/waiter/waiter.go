// Package waiter is the provider's one way to wait: for a condition, until a
// deadline, visibly and stoppably.
package waiter

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/hashicorp/terraform-plugin-log/tflog"
)

// Defaults of the pause between two polls: its bounds, and the factor by which it grows.
const (
	DefaultMin    = 2 * time.Second
	DefaultMax    = 15 * time.Second
	DefaultGrowth = 1.5
)

// Clock tells the time and when some of it has passed.
type Clock interface {
	Now() time.Time
	After(d time.Duration) <-chan time.Time
}

// SystemClock is the machine's clock.
type SystemClock struct{}

// Now returns the current time.
func (SystemClock) Now() time.Time { return time.Now() }

// After fires once d has passed.
func (SystemClock) After(d time.Duration) <-chan time.Time { return time.After(d) }

// Waiter polls a condition. The zero value polls every 2 s at first and every 15 s
// in the end, with jitter, by the system's clock.
type Waiter struct {
	Clock Clock
	// Min and Max bound the pause between two polls.
	Min, Max time.Duration
	// Growth is the factor by which the pause grows from one poll to the next; what is less
	// than 1 means DefaultGrowth. A small one notices the end soon after it came, at the price of more polls.
	Growth float64
	// Steady lets the pause go on growing when the state changes. Without it the pause starts
	// over, since one change often follows another.
	Steady bool
	// Jitter spreads a pause so that parallel waits do not poll in step; nil takes
	// a random 75 to 125 %.
	Jitter func(time.Duration) time.Duration
}

// Error says what was awaited, for how long, and the last state seen. Cause is the
// context's error (deadline or cancellation), or the last retryable one joined to it.
type Error struct {
	What      string
	Waited    time.Duration
	LastState string
	Cause     error
}

func (e *Error) Error() string {
	state := "no state was seen"
	if e.LastState != "" {
		state = fmt.Sprintf("the last state seen was %q", e.LastState)
	}
	return fmt.Sprintf("waiting for %s: stopped after %s, %s: %s", e.What, e.Waited.Round(time.Second), state, e.Cause)
}

func (e *Error) Unwrap() error { return e.Cause }

type retryableError struct{ err error }

func (e *retryableError) Error() string { return e.err.Error() }
func (e *retryableError) Unwrap() error { return e.err }

// Retry marks err as one that a poll may see and go on from; nil stays nil.
func Retry(err error) error {
	if err == nil {
		return nil
	}
	return &retryableError{err}
}

// Until calls poll until it reports done. An error from poll ends the wait and is
// returned as it is, unless Retry marked it. When ctx ends first, the answer is an *Error.
func (w Waiter) Until(ctx context.Context, what string, poll func(context.Context) (state string, done bool, err error)) error {
	w = w.withDefaults()
	start := w.Clock.Now()
	pause := w.Min
	var lastState string
	var lastErr error
	stopped := func() error {
		return &Error{What: what, Waited: w.Clock.Now().Sub(start), LastState: lastState, Cause: errors.Join(ctx.Err(), lastErr)}
	}
	for {
		if ctx.Err() != nil {
			return stopped()
		}
		state, done, err := poll(ctx)
		var retryable *retryableError
		switch {
		case err == nil && done:
			return nil
		case err == nil:
			lastErr = nil
		case errors.As(err, &retryable):
			lastErr = retryable.err
		case ctx.Err() != nil:
			// The poll was cut short by the deadline: report the wait, not the cut.
			return stopped()
		default:
			return err
		}
		if state != "" && state != lastState {
			tflog.Info(ctx, "waiting", map[string]any{"for": what, "state": state, "waited": w.Clock.Now().Sub(start).String()})
			lastState = state
			if !w.Steady {
				pause = w.Min
			}
		}
		select {
		case <-ctx.Done():
			return stopped()
		case <-w.Clock.After(w.Jitter(pause)):
		}
		pause = min(time.Duration(float64(pause)*w.Growth), w.Max)
	}
}

func (w Waiter) withDefaults() Waiter {
	if w.Clock == nil {
		w.Clock = SystemClock{}
	}
	if w.Min <= 0 {
		w.Min = DefaultMin
	}
	if w.Max < w.Min {
		w.Max = max(DefaultMax, w.Min)
	}
	if w.Growth < 1 {
		w.Growth = DefaultGrowth
	}
	if w.Jitter == nil {
		w.Jitter = func(d time.Duration) time.Duration {
			return time.Duration(float64(d) * (0.75 + rand.Float64()/2))
		}
	}
	return w
}
