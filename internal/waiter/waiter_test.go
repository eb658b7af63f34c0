package waiter

import (
	"context"
	"errors"
	"slices"
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

// The pause grows by the waiter's own factor, up to its bound, and starts over when the state changes, unless it is steady.
func TestUntilPauses(t *testing.T) {
	changing := []string{"a", "a", "a", "b", "b"}
	cases := map[string]struct {
		waiter Waiter
		want   []int64 // in milliseconds
	}{
		"by default":            {Waiter{}, []int64{2000, 3000, 4500, 2000, 3000}},
		"slower growth":         {Waiter{Growth: 1.1}, []int64{2000, 2200, 2420, 2000, 2200}},
		"no growth":             {Waiter{Growth: 1}, []int64{2000, 2000, 2000, 2000, 2000}},
		"bounded":               {Waiter{Growth: 2, Max: 5 * time.Second}, []int64{2000, 4000, 5000, 2000, 4000}},
		"steady":                {Waiter{Growth: 2, Steady: true}, []int64{2000, 4000, 8000, 15000, 15000}},
		"a factor that shrinks": {Waiter{Growth: 0.5}, []int64{2000, 3000, 4500, 2000, 3000}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			clock := NewFakeClock(epoch)
			var pauses []int64
			last := epoch
			clock.OnAfter = func(now time.Time) { pauses = append(pauses, now.Sub(last).Milliseconds()); last = now }
			c.waiter.Clock, c.waiter.Jitter = clock, steady
			polls := 0
			err := c.waiter.Until(t.Context(), "it", func(context.Context) (string, bool, error) {
				if polls == len(changing) {
					return "c", true, nil
				}
				polls++
				return changing[polls-1], false, nil
			})
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(pauses, c.want) {
				t.Errorf("pauses %d, want %d", pauses, c.want)
			}
		})
	}
}
