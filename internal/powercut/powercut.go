// Package powercut ends a run of a resource in the middle, between any two calls of its cloud,
// as a SIGKILL or a power cut does: what was written stays, and nothing is written after.
package powercut

import "errors"

// ErrDead is the answer to every call after the cut: none of them happens.
var ErrDead = errors.New("the run was cut off")

// Cut is one run that is cut off at its At-th call. Before and After are the hooks of a played
// cloud: the one is asked ahead of a call's effect, the other after it.
type Cut struct {
	// At counts from 1; 0 cuts nothing off.
	At int
	// Effect says that the At-th call still has its effect, only that nobody hears of it.
	Effect bool

	calls int
	dead  bool
}

// Dead reports whether the run was cut off. One that made fewer than At calls was not.
func (c *Cut) Dead() bool { return c.dead }

// Calls is how many calls the run has made, the one that cut it off included.
func (c *Cut) Calls() int { return c.calls }

// Before lets a call through or, from the cut on, not.
func (c *Cut) Before(string, int) error {
	if c.dead {
		return ErrDead
	}
	c.calls++
	if c.At > 0 && (c.calls > c.At || c.calls == c.At && !c.Effect) {
		c.dead = true
		return ErrDead
	}
	return nil
}

// After cuts off behind the effect of the At-th call.
func (c *Cut) After(string, int) error {
	if c.At > 0 && c.calls == c.At {
		c.dead = true
		return ErrDead
	}
	return nil
}
