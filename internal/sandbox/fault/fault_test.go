package fault

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// counter is a cloud with one number: POST adds one, GET reads it.
type counter struct{ n atomic.Int64 }

func (c *counter) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	SetOperation(r, "Counter_"+r.Method)
	if r.Method == http.MethodPost {
		body, _ := io.ReadAll(r.Body)
		c.n.Add(int64(len(body)))
	}
	_, _ = fmt.Fprint(w, c.n.Load())
}

func start(t *testing.T) (*counter, *Script, func(method, body string) (int, string, http.Header, error)) {
	t.Helper()
	c, s := &counter{}, &Script{}
	server := httptest.NewServer(s.Wrap(c, func(w http.ResponseWriter, _ *http.Request, status int, code, message string) {
		http.Error(w, code+"|"+message, status)
	}))
	t.Cleanup(server.Close)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	return c, s, func(method, body string) (int, string, http.Header, error) {
		req, err := http.NewRequestWithContext(context.Background(), method, server.URL+"/n", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := client.Do(req)
		if err != nil {
			return 0, "", nil, err
		}
		defer func() { _ = resp.Body.Close() }()
		got, err := io.ReadAll(resp.Body)
		return resp.StatusCode, strings.TrimSpace(string(got)), resp.Header, err
	}
}

func TestStatusIsUsedUpAndCounted(t *testing.T) {
	c, s, call := start(t)
	s.Add(Rule{Method: "POST", Path: regexp.MustCompile(`^/n$`), Skip: 1, Times: 2, Status: 429, Code: "Slow", Message: "down", Header: http.Header{"retry-after": {"7"}}})
	var statuses []int
	for range 4 {
		status, body, header, err := call("POST", "x")
		if err != nil {
			t.Fatal(err)
		}
		if status == 429 && (body != "Slow|down" || header.Get("Retry-After") != "7") {
			t.Errorf("fault answered %q with headers %v", body, header)
		}
		statuses = append(statuses, status)
	}
	if fmt.Sprint(statuses) != "[200 429 429 200]" || c.n.Load() != 2 {
		t.Errorf("statuses %v, effects %d", statuses, c.n.Load())
	}
	if s.Unused() != 0 {
		t.Errorf("%d rules unused", s.Unused())
	}
	if got := s.Counts(); got["Counter_POST"] != 2 || got["POST"] != 2 {
		t.Errorf("counts %v", got)
	}
}

func TestLostRequestAndLostAnswer(t *testing.T) {
	c, s, call := start(t)
	// The body is not replayable for net/http (POST), so its own retry does not hide the cut.
	s.Add(Rule{Method: "POST", LoseRequest: true}, Rule{Method: "POST", LoseAnswer: true})
	for i, want := range []int64{0, 1} {
		if _, _, _, err := call("POST", "x"); err == nil {
			t.Fatalf("call %d was answered", i)
		}
		if c.n.Load() != want {
			t.Errorf("after call %d: %d effects, want %d", i, c.n.Load(), want)
		}
	}
	log := s.Log()
	if len(log) != 2 || !log[0].Cut || log[0].Status != 0 || !log[1].Cut || log[1].Status != 200 {
		t.Errorf("log %+v", log)
	}
}

func TestRepeatStaleAndForeignWriter(t *testing.T) {
	c, s, call := start(t)
	s.Add(Rule{Method: "POST", Repeat: true})
	if _, body, _, _ := call("POST", "x"); body != "2" {
		t.Errorf("repeated request answered %q", body)
	}
	s.Add(Rule{Method: "GET", Then: func() { c.n.Add(10) }})
	if _, body, _, _ := call("GET", ""); body != "2" {
		t.Errorf("read answered %q, want the value before the foreign writer", body)
	}
	s.Add(Rule{Method: "GET", Stale: true})
	if _, body, _, _ := call("GET", ""); body != "2" {
		t.Errorf("stale read answered %q", body)
	}
	if _, body, _, _ := call("GET", ""); body != "12" {
		t.Errorf("true read answered %q", body)
	}
}

func TestDelayEndsWithTheRequest(t *testing.T) {
	_, s, call := start(t)
	s.Add(Rule{Method: "GET", Delay: 30 * time.Millisecond})
	started := time.Now()
	if status, _, _, err := call("GET", ""); err != nil || status != 200 || time.Since(started) < 30*time.Millisecond {
		t.Errorf("status %d, err %v after %v", status, err, time.Since(started))
	}
}
