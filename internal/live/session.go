package live

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/waiter"
)

// cleanupTimeout bounds the removal of one thing; a load balancer or a group takes some minutes.
const cleanupTimeout = 15 * time.Minute

// Options are what a session needs of its surroundings.
type Options struct {
	// Getenv reads the inputs.
	Getenv func(string) string
	// Log gets a line for each thing made or removed, and what questions tell on their way.
	Log func(line string)
	// Journal is the file that lists what exists at each moment, so that a run that was killed can
	// be cleaned up after; empty keeps none.
	Journal string
	// Waiter is how questions wait; the zero value is the provider's.
	Waiter waiter.Waiter
}

// Session is one run of a suite: what it made, and what it was told.
type Session struct {
	// ID is in the name and the tag of everything that the session makes.
	ID string
	// Waiter is how questions wait.
	Waiter waiter.Waiter

	options Options
	journal *journal
	started time.Time

	mu      sync.Mutex
	things  []*Thing // oldest first
	results []Result
}

// NewSession begins a session. Close ends it.
func NewSession(options Options) (*Session, error) {
	var random [4]byte
	_, _ = rand.Read(random[:])
	j, err := openJournal(options.Journal)
	if err != nil {
		return nil, err
	}
	s := &Session{ID: hex.EncodeToString(random[:]), Waiter: options.Waiter, options: options, journal: j, started: time.Now()}
	for _, line := range j.lines {
		s.Log("an earlier run ended before it could remove %s: look for it, and then delete %s", line, options.Journal)
	}
	return s, nil
}

// Name is the name of something that the session makes: at most 30 characters for a suffix of 13.
func (s *Session) Name(suffix string) string { return Prefix + s.ID + "-" + suffix }

// Getenv reads an input.
func (s *Session) Getenv(name string) string { return s.options.Getenv(name) }

// Log tells something on the way to an answer.
func (s *Session) Log(format string, args ...any) { s.options.Log(fmt.Sprintf(format, args...)) }

// Thing is something that the session made in a cloud.
type Thing struct {
	session *Session
	what    string
	undo    func(context.Context) error

	mu   sync.Mutex
	gone bool
}

// Making notes that something is about to be made, and how it is removed: by its name or tag, since the
// call that makes it may never be answered. Removing what is not there must be no error. It stays
// noted until Remove or Close has removed it.
func (s *Session) Making(what string, undo func(context.Context) error) (*Thing, error) {
	t := &Thing{session: s, what: what, undo: undo}
	if err := s.journal.add(what); err != nil {
		return nil, err
	}
	s.mu.Lock()
	s.things = append(s.things, t)
	s.mu.Unlock()
	s.Log("making %s", what)
	return t, nil
}

// Remove removes the thing, unless that was done already.
func (t *Thing) Remove(ctx context.Context) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.gone {
		return nil
	}
	if err := t.undo(ctx); err != nil {
		return fmt.Errorf("removing %s: %w", t.what, err)
	}
	t.gone = true
	t.session.Log("removed %s", t.what)
	return t.session.journal.remove(t.what)
}

// Within waits until poll reports done, and reports false if that has not come about after d.
func (s *Session) Within(ctx context.Context, d time.Duration, what string, poll func(context.Context) (state string, done bool, err error)) (bool, error) {
	clock := s.Waiter.Clock
	if clock == nil {
		clock = waiter.SystemClock{}
	}
	start, came := clock.Now(), false
	err := s.Waiter.Until(ctx, what, func(ctx context.Context) (string, bool, error) {
		state, done, err := poll(ctx)
		came = done && err == nil
		return state, done || err == nil && clock.Now().Sub(start) >= d, err
	})
	return came && err == nil, err
}

// Ask puts a question, unless an input is missing or ctx has ended. The question's own failures, a
// panic among them, are in the result.
func (s *Session) Ask(ctx context.Context, q Question) Result {
	result := resultOf(q)
	start := time.Now()
	switch missing := s.missing(q); {
	case ctx.Err() != nil:
		result.Status, result.Seen = NotAsked, "not asked: the run was interrupted"
	case len(missing) > 0:
		result.Status, result.Seen = NotAsked, "not asked: set "+strings.Join(missing, ", ")
	default:
		answer, err := s.put(ctx, q)
		result.judge(q, answer, err)
	}
	result.Seconds = time.Since(start).Seconds()
	s.mu.Lock()
	s.results = append(s.results, result)
	s.mu.Unlock()
	return result
}

func (s *Session) put(ctx context.Context, q Question) (answer Answer, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the question panicked: %v", p)
		}
	}()
	timeout := q.Timeout
	if timeout == 0 {
		timeout = DefaultTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	return q.Ask(ctx, s)
}

func (s *Session) missing(q Question) []string {
	var missing []string
	for _, name := range q.Needs {
		if s.Getenv(name) == "" {
			missing = append(missing, name)
		}
	}
	return missing
}

// Close removes what is still there, the newest first, even if ctx has been cancelled, and returns the
// report of the session. Its error names what is left.
func (s *Session) Close(ctx context.Context, cloud string) (Report, error) {
	s.mu.Lock()
	things, results := s.things, s.results
	s.mu.Unlock()
	var left []string
	var failed error
	for i := len(things) - 1; i >= 0; i-- {
		if err := removeNow(ctx, things[i]); err != nil {
			left, failed = append(left, things[i].what), errors.Join(failed, err)
		}
	}
	return Report{Cloud: cloud, Session: s.ID, Started: s.started, Finished: time.Now(), Results: results, Left: left}, failed
}

func removeNow(ctx context.Context, t *Thing) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTimeout)
	defer cancel()
	return t.Remove(ctx)
}
