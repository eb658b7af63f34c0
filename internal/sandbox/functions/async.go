package functions

import (
	"net/http"
	"time"

	"github.com/google/uuid"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/awsapi"
)

// Lambda's pauses between the tries of an asynchronous invocation, in minutes, and the
// number of retries and age of an event when the function does not say.
var retryMinutes = []time.Duration{1, 2}

const (
	defaultRetries  = 2
	defaultEventAge = 6 * time.Hour
)

// queuedEvent is one event on its way to a function, asynchronously.
type queuedEvent struct {
	function, requestID string
	payload             []byte
	born                time.Time
	// invoked counts the tries that ran the function; last is how the latest of them ended.
	invoked int
	last    result
	// throttled is the latest pause after a try that did not run the function.
	throttled time.Duration
}

// eventLimits is what a function says about its events.
type eventLimits struct {
	retries int
	// age is in real units, not the sandbox's.
	age time.Duration
	// onFailure is the ARN of the destination, "" for none.
	onFailure string
	// stopped: a reserved concurrency of 0 gives up every event at once.
	stopped bool
	who     session
}

// invokeAsync queues an event: tried again when the function fails, after one and two
// minutes, and when it is throttled, for as long as the event may age.
func (s *Service) invokeAsync(name string, payload []byte) {
	e := &queuedEvent{function: name, requestID: uuid.NewString(), payload: payload, born: s.deps.Clock.Now()}
	s.background(func() { s.runAsync(e) })
}

func (s *Service) runAsync(e *queuedEvent) {
	for {
		out, _, err := s.invokeOnce(s.ctx, e.function, e.requestID, e.payload)
		if s.ctx.Err() != nil {
			return
		}
		if err == nil {
			e.invoked, e.last = e.invoked+1, out
			if out.functionError == "" {
				return
			}
		}
		limits, exists := s.eventLimits(e.function)
		if !exists || err != nil && err.Status == http.StatusNotImplemented {
			s.deps.Logger.Error("an asynchronous invocation was dropped", "function", e.function, "request", e.requestID, "error", err)
			return
		}
		pause, condition := s.next(e, limits, err)
		if condition == "" {
			condition = s.sleep(e, pause, limits)
		}
		if s.ctx.Err() != nil {
			return
		}
		if condition != "" {
			s.giveUp(e, limits, condition)
			return
		}
	}
}

// next decides after a try that failed: the pause before another one, or the condition
// under which the event is given up.
func (s *Service) next(e *queuedEvent, limits eventLimits, err *awsapi.Error) (pause time.Duration, condition string) {
	switch {
	case err != nil && limits.stopped:
		// "Lambda sends any new events directly to the configured … on-failure event
		// destination, without any retries."
		return 0, zeroConcurrency
	case err != nil:
		// "…returns the event to the queue and attempts to run the function again for up
		// to 6 hours. The retry interval increases exponentially from 1 second … to 5 minutes."
		e.throttled = min(max(2*e.throttled, s.deps.Minute/60), 5*s.deps.Minute)
		return e.throttled, ""
	case e.invoked > limits.retries:
		return 0, retriesExhausted
	}
	return s.deps.Minute * retryMinutes[min(e.invoked-1, len(retryMinutes)-1)], "" //nolint:durationcheck // a number of the sandbox's minutes
}

// sleep waits for the next try, and returns why there is none if the event grows too old
// meanwhile.
func (s *Service) sleep(e *queuedEvent, pause time.Duration, limits eventLimits) (condition string) {
	if left := s.scaled(limits.age) - s.deps.Clock.Now().Sub(e.born); left <= pause {
		pause, condition = max(left, 0), eventAgeExceeded
	}
	select {
	case <-s.deps.Clock.After(pause):
	case <-s.ctx.Done():
	}
	return condition
}

func (s *Service) giveUp(e *queuedEvent, limits eventLimits, condition string) {
	s.deps.Logger.Error("an asynchronous invocation was given up", "function", e.function, "request", e.requestID,
		"condition", condition, "tries", e.invoked, "error", string(e.last.payload))
	if limits.onFailure != "" {
		s.deliverRecord(limits.who, limits.onFailure, s.newRecord(e, condition))
	}
}

// eventLimits reads what the function says now; false when there is no such function any more.
func (s *Service) eventLimits(name string) (eventLimits, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	limits := eventLimits{retries: defaultRetries, age: defaultEventAge}
	f, ok := s.functions[name]
	if !ok {
		return limits, false
	}
	limits.who = session{function: name, role: f.config.Role}
	limits.stopped = f.reserved != nil && *f.reserved == 0
	config := f.asynchronous
	if config == nil {
		return limits, true
	}
	set(&limits.retries, config.MaximumRetryAttempts)
	if config.MaximumEventAgeInSeconds != nil {
		limits.age = time.Duration(*config.MaximumEventAgeInSeconds) * time.Second
	}
	limits.onFailure = config.onFailure
	return limits, true
}

// scaled is a real duration at the sandbox's pace.
func (s *Service) scaled(d time.Duration) time.Duration {
	return time.Duration(float64(d) * float64(s.deps.Minute) / float64(time.Minute))
}
