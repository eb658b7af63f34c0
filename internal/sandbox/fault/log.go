package fault

import (
	"context"
	"net/http"
	"slices"
	"time"
)

// Entry is one request that a Script saw.
type Entry struct {
	// Time is when the request arrived.
	Time time.Time
	// Method, Path and Query (raw, without "?") are the request's own.
	Method, Path, Query string
	// Operation is the cloud's name for what was asked ("Accounts_Update"); empty
	// when no handler knew the request.
	Operation string
	// Caller is who asked, where Named said so.
	Caller string
	// Status is the HTTP status answered; 0 when the request had no effect and no answer.
	Status int
	// Faulted tells that a rule applied.
	Faulted bool
	// Cut tells that the client got no answer.
	Cut bool
}

type operationKey struct{}

type nameKey struct{}

type name struct{ operation, caller string }

// Named tells a Script, before req reaches it, what req asks for and who asks. It is for
// clouds whose URLs do not tell operations apart.
func Named(req *http.Request, operation, caller string) *http.Request {
	return req.WithContext(context.WithValue(req.Context(), nameKey{}, name{operation, caller}))
}

func nameOf(req *http.Request) name {
	known, _ := req.Context().Value(nameKey{}).(name)
	return known
}

// SetOperation names what req asks for, for the log. It does nothing when req did not
// come through a Script.
func SetOperation(req *http.Request, name string) {
	if p, ok := req.Context().Value(operationKey{}).(*string); ok {
		*p = name
	}
}

func (s *Script) record(e Entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log = append(s.log, e)
}

// Log returns the requests seen since the start or the last ClearLog, in the order in
// which they were answered.
func (s *Script) Log() []Entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.log)
}

// ClearLog forgets the requests seen.
func (s *Script) ClearLog() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log = nil
}

// Counts returns how often each operation was asked for, faulted requests included:
// a client's calls are what is counted, not their success. A faulted request that never
// reached its handler counts as METHOD.
func (s *Script) Counts() map[string]int {
	out := map[string]int{}
	for _, e := range s.Log() {
		name := e.Operation
		if name == "" {
			name = e.Method
		}
		out[name]++
	}
	return out
}

// Matching returns the entries of the log that a rule's Method, Path, Operation and Caller match.
func (s *Script) Matching(r Rule) []Entry {
	return slices.DeleteFunc(s.Log(), func(e Entry) bool {
		return r.Method != "" && r.Method != e.Method || r.Path != nil && !r.Path.MatchString(e.Path) ||
			r.Operation != "" && r.Operation != e.Operation || r.Caller != "" && r.Caller != e.Caller
	})
}
