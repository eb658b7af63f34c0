package datapathbench

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// The load under which a proxy is disturbed: far below what it can do, so that what fails fails because of
// the disturbance.
const (
	visitors    = 12                   // open a connection, ask now and then, close it, and so on
	residents   = 4                    // keep one connection for as long as they can
	visitAsks   = 5                    // questions of a visit
	askInterval = 5 * time.Millisecond // between two questions
	retryAfter  = 20 * time.Millisecond
)

// toll is what became of the connections of a load.
type toll struct {
	// opened is how many there were, refused how many could not be opened, and cut how many ended while they were in use.
	opened, refused, cut int
	// first is why the first one failed.
	first error
}

func (t toll) failed() int { return t.refused + t.cut }

func (t toll) String() string {
	text := fmt.Sprintf("%d connections, %d refused, %d cut", t.opened+t.refused, t.refused, t.cut)
	if t.first != nil {
		text += ", the first: " + t.first.Error()
	}
	return text
}

// crowd is a running load.
type crowd struct {
	client client
	leave  context.CancelFunc
	all    sync.WaitGroup

	mu   sync.Mutex
	toll toll
}

// gather starts a load, which goes on until it is dismissed.
func gather(ctx context.Context, c client) *crowd {
	ctx, leave := context.WithCancel(ctx)
	crowd := &crowd{client: c, leave: leave}
	for range visitors {
		crowd.all.Go(func() { crowd.visit(ctx, visitAsks) })
	}
	for range residents {
		crowd.all.Go(func() { crowd.visit(ctx, -1) })
	}
	return crowd
}

// dismiss ends the load after the questions that are asked, and returns what became of it.
func (c *crowd) dismiss() toll {
	c.leave()
	c.all.Wait()
	return c.look()
}

// look is the toll so far.
func (c *crowd) look() toll {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.toll
}

// count adds what happened to the toll, and why if it is a failure.
func (c *crowd) count(why error, add func(*toll)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	add(&c.toll)
	if c.toll.first == nil {
		c.toll.first = why
	}
}

// visit opens one connection after the other and asks asks questions on each; -1 is without end.
func (c *crowd) visit(ctx context.Context, asks int) {
	for ctx.Err() == nil {
		// What has begun is brought to its end, so that leaving looks like no failure.
		conn, err := c.client.open(context.WithoutCancel(ctx))
		if err != nil {
			c.count(err, func(t *toll) { t.refused++ })
			_ = pause(ctx, retryAfter, nil)
			continue
		}
		c.count(nil, func(t *toll) { t.opened++ })
		conn.want(smallAnswer)
		for left := asks; left != 0 && ctx.Err() == nil; left-- {
			if err := conn.askWithin(patience); err != nil {
				c.count(err, func(t *toll) { t.cut++ })
				break
			}
			_ = pause(ctx, askInterval, nil)
		}
		_ = conn.Close()
	}
}
