package waiter

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

var epoch = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func steady(d time.Duration) time.Duration { return d }

func TestUntilPollsUntilDone(t *testing.T) {
	clock := NewFakeClock(epoch)
	polls := 0
	err := Waiter{Clock: clock, Min: time.Second, Max: 3 * time.Second, Jitter: steady}.Until(t.Context(), "it", func(context.Context) (string, bool, error) {
		polls++
		return "pending", polls == 5, nil
	})
	if err != nil || polls != 5 {
		t.Fatalf("err %v after %d polls, want nil after 5", err, polls)
	}
	// 1 s, then the pause grows by half, bounded by 3 s: 1 + 1.5 + 2.25 + 3.
	if got, want := clock.Now().Sub(epoch), 7750*time.Millisecond; got != want {
		t.Errorf("waited %s, want %s", got, want)
	}
}

func TestUntilDeadlineSaysWhatWasAwaited(t *testing.T) {
	clock := NewFakeClock(epoch)
	ctx, cancel := context.WithCancel(t.Context())
	clock.OnAfter = func(now time.Time) {
		if now.Sub(epoch) >= 10*time.Second {
			cancel()
		}
	}
	throttled := errors.New("RequestLimitExceeded")
	err := Waiter{Clock: clock, Jitter: steady}.Until(ctx, "rule r-1 to become ESTABLISHED", func(context.Context) (string, bool, error) {
		return "PENDING", false, Retry(throttled)
	})
	var stopped *Error
	if !errors.As(err, &stopped) {
		t.Fatalf("got %v, want *Error", err)
	}
	if !errors.Is(err, context.Canceled) || !errors.Is(err, throttled) {
		t.Errorf("%v does not wrap both the context's error and the last retryable one", err)
	}
	for _, want := range []string{"rule r-1 to become ESTABLISHED", `"PENDING"`, "stopped after"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not say %q", err, want)
		}
	}
}

func TestUntilFatalErrorEndsTheWait(t *testing.T) {
	fatal := errors.New("CREATE_FAILED")
	err := Waiter{Clock: NewFakeClock(epoch)}.Until(t.Context(), "it", func(context.Context) (string, bool, error) {
		return "", false, fatal
	})
	if !errors.Is(err, fatal) {
		t.Fatalf("got %v, want %v", err, fatal)
	}
}

func TestUntilPauseStartsOverWhenTheStateChanges(t *testing.T) {
	clock := NewFakeClock(epoch)
	states := []string{"a", "a", "a", "b", "b"}
	var pauses []time.Duration
	last := epoch
	clock.OnAfter = func(now time.Time) { pauses = append(pauses, now.Sub(last)); last = now }
	i := 0
	err := Waiter{Clock: clock, Min: 2 * time.Second, Max: time.Minute, Jitter: steady}.Until(t.Context(), "it", func(context.Context) (string, bool, error) {
		if i == len(states) {
			return "c", true, nil
		}
		i++
		return states[i-1], false, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []time.Duration{2 * time.Second, 3 * time.Second, 4500 * time.Millisecond, 2 * time.Second, 3 * time.Second}
	if len(pauses) != len(want) {
		t.Fatalf("pauses %v, want %v", pauses, want)
	}
	for i := range want {
		if pauses[i] != want[i] {
			t.Fatalf("pauses %v, want %v", pauses, want)
		}
	}
}
