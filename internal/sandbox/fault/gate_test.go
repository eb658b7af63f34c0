package fault

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

func TestGateHoldsTheNamedRequestOfOneCaller(t *testing.T) {
	for name, before := range map[string]bool{"before the effect": true, "after the effect": false} {
		t.Run(name, func(t *testing.T) {
			s, gate := &Script{}, NewGate()
			wrapped := s.Wrap(http.NotFoundHandler(), func(http.ResponseWriter, *http.Request, int, string, string) {})
			call := func(operation, caller string) {
				req := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/n", nil)
				wrapped.ServeHTTP(httptest.NewRecorder(), Named(req, operation, caller))
			}
			effect := make(chan struct{})
			rule := Rule{Operation: "Take", Caller: "me", Before: gate.Hold, Then: func() { close(effect) }}
			if !before {
				rule.Before, rule.Then = nil, func() { close(effect); gate.Hold() }
			}
			s.Add(rule)
			call("Look", "me")
			call("Take", "you")
			select {
			case <-gate.Held():
				t.Fatal("another's request was held")
			default:
			}
			answered := make(chan struct{})
			go func() { defer close(answered); call("Take", "me") }()
			<-gate.Held()
			select {
			case <-answered:
				t.Fatal("the held request was answered")
			case <-effect:
				if before {
					t.Fatal("the held request had its effect")
				}
			case <-time.After(20 * time.Millisecond):
				if !before {
					t.Fatal("the held request had no effect")
				}
			}
			gate.Open()
			gate.Open()
			<-answered
			if got := len(s.Matching(Rule{Operation: "Take", Caller: "me"})); got != 1 {
				t.Errorf("%d requests logged as mine, want 1", got)
			}
			if got := len(s.Matching(Rule{Operation: "Take"})); got != 2 {
				t.Errorf("%d requests logged, want 2", got)
			}
		})
	}
}
