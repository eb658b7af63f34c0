// Package fault makes an emulated cloud misbehave by script, and remembers what
// it was asked. One Script stands in front of one HTTP handler.
package fault

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"regexp"
	"sync"
	"time"
)

// Rule says which requests go wrong, and how. The zero value of a field leaves
// that aspect alone, so a Rule may only delay, only run a function, or both.
type Rule struct {
	// Method matches the whole HTTP method; empty matches each.
	Method string
	// Path matches anywhere in the URL path; nil matches each.
	Path *regexp.Regexp
	// Operation matches the whole name that Named gave the request; empty matches each.
	Operation string
	// Caller matches the whole caller that Named gave the request; empty matches each.
	Caller string
	// Skip is how many matching requests pass untouched first.
	Skip int
	// Times is how many matching requests the rule then applies to; 0 means one, a
	// negative number means all.
	Times int

	// Delay is how long the request is held before anything else happens.
	Delay time.Duration
	// Status, when set, is answered in the cloud's own error format with Code and
	// Message, and the request has no effect.
	Status int
	// Code is the cloud's error code that goes with Status.
	Code string
	// Message is the error text that goes with Status.
	Message string
	// Header is added to the answer, for example a Retry-After.
	Header http.Header

	// LoseRequest cuts the connection before the request has any effect.
	LoseRequest bool
	// LoseAnswer applies the request and then cuts the connection.
	LoseAnswer bool
	// Repeat applies the request twice, as a retrying hop between client and server
	// does; the second answer is the one returned.
	Repeat bool
	// Stale answers with what the same URL answered to the GET before; a URL that was
	// never asked is answered truly.
	Stale bool

	// Before runs before the request has its effect.
	Before func()
	// Then runs after the request had its effect and before its answer leaves: a
	// foreign writer who strikes between a client's read and its write.
	Then func()
}

func (r *Rule) matches(req *http.Request) bool {
	if r.Method != "" && r.Method != req.Method {
		return false
	}
	known := nameOf(req)
	if r.Operation != "" && r.Operation != known.operation || r.Caller != "" && r.Caller != known.caller {
		return false
	}
	return r.Path == nil || r.Path.MatchString(req.URL.Path)
}

// Script is a list of rules that are used up in order, with a log of the requests
// that passed. The zero value is an empty script, ready to use. It is safe for
// concurrent use.
type Script struct {
	mu    sync.Mutex
	rules []*Rule
	last  map[string]*answer
	log   []Entry
}

// Add appends rules. Of several that match a request, the first with something left
// applies, alone.
func (s *Script) Add(rules ...Rule) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range rules {
		if r.Times == 0 {
			r.Times = 1
		}
		s.rules = append(s.rules, &r)
	}
}

// Clear drops all rules; the log stays.
func (s *Script) Clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rules = nil
}

// Unused returns how many rules with a bounded number of uses have not applied to
// all the requests they wait for: a test that scripted a fault asserts zero.
func (s *Script) Unused() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, r := range s.rules {
		if r.Times > 0 {
			n++
		}
	}
	return n
}

// take returns the rule that applies to req, using it up once, or nil.
func (s *Script) take(req *http.Request) *Rule {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.rules {
		if r.Times == 0 || !r.matches(req) {
			continue
		}
		if r.Skip > 0 {
			r.Skip--
			continue
		}
		if r.Times > 0 {
			r.Times--
		}
		used := *r
		return &used
	}
	return nil
}

// ErrorWriter writes an error in a cloud's own format.
type ErrorWriter func(w http.ResponseWriter, r *http.Request, status int, code, message string)

// Wrap puts the script in front of next. A request's answer is held back until the
// whole of it is there, so that faults never show half of one.
func (s *Script) Wrap(next http.Handler, writeError ErrorWriter) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		started := time.Now()
		rule := s.take(req)
		known := nameOf(req)
		operation := known.operation
		req = req.WithContext(context.WithValue(req.Context(), operationKey{}, &operation))
		got, cut := s.answer(next, writeError, req, rule)
		entry := Entry{Time: started, Method: req.Method, Path: req.URL.Path, Query: req.URL.RawQuery, Operation: operation, Caller: known.caller, Faulted: rule != nil, Cut: cut}
		if got != nil {
			entry.Status = got.status
		}
		s.record(entry)
		if cut {
			// The one way of net/http to cut a connection without an answer, HTTP/2 included.
			panic(http.ErrAbortHandler)
		}
		got.writeTo(w)
	})
}

// answer runs the request under rule and returns what it was answered. A cut answer
// may be nil: then the request never had an effect.
func (s *Script) answer(next http.Handler, writeError ErrorWriter, req *http.Request, rule *Rule) (got *answer, cut bool) {
	if rule == nil {
		got = run(next, req)
		s.remember(req, got)
		return got, false
	}
	if rule.Delay > 0 {
		timer := time.NewTimer(rule.Delay)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-req.Context().Done():
			return nil, true
		}
	}
	if rule.LoseRequest {
		return nil, true
	}
	if rule.Before != nil {
		rule.Before()
	}
	switch stale := s.recall(req); {
	case rule.Status != 0:
		got = &answer{header: http.Header{}, status: http.StatusOK}
		writeError(got, req, rule.Status, rule.Code, rule.Message)
	case rule.Stale && stale != nil:
		got = stale.clone()
	case rule.Repeat:
		body, err := io.ReadAll(req.Body)
		if err != nil {
			return nil, true
		}
		req.Body = io.NopCloser(bytes.NewReader(body))
		run(next, req)
		req.Body = io.NopCloser(bytes.NewReader(body))
		got = run(next, req)
	default:
		got = run(next, req)
		s.remember(req, got)
	}
	if rule.Then != nil {
		rule.Then()
	}
	for name, values := range rule.Header {
		got.header[http.CanonicalHeaderKey(name)] = values
	}
	return got, rule.LoseAnswer
}

func (s *Script) remember(req *http.Request, a *answer) {
	if req.Method != http.MethodGet || a.status != http.StatusOK {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.last == nil {
		s.last = map[string]*answer{}
	}
	s.last[req.URL.String()] = a.clone()
}

func (s *Script) recall(req *http.Request) *answer {
	if req.Method != http.MethodGet {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last[req.URL.String()]
}

// answer is a whole HTTP answer, held in memory.
type answer struct {
	header http.Header
	status int
	wrote  bool
	body   bytes.Buffer
}

func run(h http.Handler, req *http.Request) *answer {
	a := &answer{header: http.Header{}, status: http.StatusOK}
	h.ServeHTTP(a, req)
	return a
}

// Header returns the answer's headers.
func (a *answer) Header() http.Header { return a.header }

// WriteHeader keeps the first status.
func (a *answer) WriteHeader(status int) {
	if !a.wrote {
		a.status, a.wrote = status, true
	}
}

// Write appends to the body.
func (a *answer) Write(b []byte) (int, error) {
	a.wrote = true
	return a.body.Write(b)
}

func (a *answer) clone() *answer {
	c := &answer{header: a.header.Clone(), status: a.status, wrote: a.wrote}
	c.body.Write(a.body.Bytes())
	return c
}

func (a *answer) writeTo(w http.ResponseWriter) {
	for name, values := range a.header {
		w.Header()[name] = values
	}
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body.Bytes())
}
