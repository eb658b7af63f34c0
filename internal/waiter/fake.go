package waiter

import (
	"sync"
	"time"
)

// FakeClock is a clock for tests: every After fires at once and moves the clock.
type FakeClock struct {
	mu  sync.Mutex
	now time.Time
	// OnAfter, if set, is called with the new time on every After, before it fires:
	// the place for a second actor of a test.
	OnAfter func(now time.Time)
}

// NewFakeClock returns a clock that shows start.
func NewFakeClock(start time.Time) *FakeClock { return &FakeClock{now: start} }

// Now returns the clock's time.
func (c *FakeClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// After moves the clock by d and fires.
func (c *FakeClock) After(d time.Duration) <-chan time.Time {
	c.mu.Lock()
	c.now = c.now.Add(d)
	now := c.now
	c.mu.Unlock()
	if c.OnAfter != nil {
		c.OnAfter(now)
	}
	fired := make(chan time.Time, 1)
	fired <- now
	return fired
}
