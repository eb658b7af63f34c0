package assignertest

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"
)

// functionTimeout is the function's longest run: Lambda's own limit.
const functionTimeout = 15 * time.Minute

// retryAfter is how long Lambda waits before it tries an asynchronous event again: twice, then it gives up.
var retryAfter = []time.Duration{time.Minute, 2 * time.Minute}

// emit gives an event to EventBridge, which delivers at least once, usually.
func (w *World) emit(payload json.RawMessage) {
	w.emitted++
	if w.silent {
		return
	}
	rng := w.rng(streamEvent, w.emitted)
	copies, delay := 1, time.Duration(rng.Int64N(int64(500*time.Millisecond)))
	for _, f := range w.faultsNow() {
		switch f.Kind {
		case "lose":
			if rng.Float64() < f.Chance {
				w.trace("an event is lost: %s", payload)
				copies = 0
			}
		case "double":
			if rng.Float64() < f.Chance {
				copies *= 2
			}
		case "late":
			delay += upTo(rng, f.Lag)
		}
	}
	for n := range copies {
		if n > 0 {
			// A copy may come at the same time, or much later.
			delay += time.Duration(rng.ExpFloat64() * float64(20*time.Second))
		}
		w.line.after(delay, func() { w.invokeAsync(payload, 0) })
	}
}

// invokeAsync runs the function as Lambda does for an event: after an error again, a bounded number of times.
func (w *World) invokeAsync(payload json.RawMessage, try int) {
	w.invoke(payload, functionTimeout, func(err error) {
		switch {
		case err == nil:
		case try < len(retryAfter):
			w.line.after(retryAfter[try], func() { w.invokeAsync(payload, try+1) })
		default:
			w.GivenUp = append(w.GivenUp, payload)
			w.trace("Lambda gives the event up: %s", payload)
		}
	})
}

// invoke runs the function once. The world goes on meanwhile; ended learns the outcome.
func (w *World) invoke(payload json.RawMessage, timeout time.Duration, ended func(error)) {
	w.runs++
	p := &process{ordinal: w.runs, rng: w.rng(streamRun, w.runs), deadline: w.line.now.Add(timeout)}
	w.trace("run %d begins: %s", p.ordinal, payload)
	clients := Clients{
		EC2: client{w, p}, AutoScaling: client{w, p}, Clock: p,
		Jitter: func(d time.Duration) time.Duration { return time.Duration(float64(d) * (0.75 + p.rng.Float64()/2)) },
	}
	body := func(*process) error {
		return w.function(runContext{w.context, p.deadline}, clients, slices.Clone(payload))
	}
	w.line.start(p, body, func(err error) {
		w.trace("run %d ends: %v", p.ordinal, err)
		if err != nil {
			w.failed++
		}
		var crash *crashError
		if errors.As(err, &crash) {
			w.violate("%s", crash)
		}
		ended(err)
	})
}

// scheduled is EventBridge's event for a rule with a rate.
func (w *World) scheduled() json.RawMessage {
	return fmt.Appendf(nil, `{"version":"0","id":%q,"detail-type":"Scheduled Event","source":"aws.events","account":%q,"time":%q,"region":"us-east-1","resources":["arn:aws:events:us-east-1:%s:rule/reconcile"],"detail":{}}`,
		w.newID("event"), accountID, w.line.now.Format(time.RFC3339), accountID)
}

// tick runs the function on its schedule, every minute.
func (w *World) tick() {
	w.line.after(time.Minute, w.tick)
	if w.unscheduled {
		return
	}
	rng := w.rng(streamTick, int(w.line.now.Sub(epoch)/time.Minute))
	for _, f := range w.faultsNow() {
		if f.Kind == "miss" && rng.Float64() < f.Chance {
			return
		}
	}
	w.invokeAsync(w.scheduled(), 0)
}

// Streams of chance. Each thing has one of its own, so that leaving a step out of a schedule
// changes little else.
const (
	streamEvent = iota + 1
	streamRun
	streamTick
	streamMachine
	streamID
	streamStep
)

func (w *World) rng(stream, n int) *rand.Rand {
	return rand.New(rand.NewPCG(w.schedule.Seed, uint64(stream)<<32|uint64(n))) //nolint:gosec // small counts
}
