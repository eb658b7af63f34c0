package main

import (
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/smithy-go"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/assigner"
)

// environment sets what Lambda and the resource give the function.
func environment(t *testing.T, endpoint string) {
	t.Helper()
	settings := assigner.Config{PoolTagKey: "k", PoolName: "egress", Group: "proxies", LaunchHook: "in", TerminateHook: "out", HeartbeatTimeout: 5 * time.Minute}
	for name, value := range settings.Environment() {
		t.Setenv(name, value)
	}
	for name, value := range map[string]string{
		"AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_SESSION_TOKEN": "token",
		"AWS_ENDPOINT_URL": endpoint, "AWS_PROFILE": "",
	} {
		t.Setenv(name, value)
	}
}

func TestRetriesFitTheHandOver(t *testing.T) {
	if longest := maxAttempts*attemptTimeout + (maxAttempts-1)*maxBackoff; longest > assigner.HandOverMargin {
		t.Errorf("one call may take %s, and a wait ends %s before the deadline", longest, assigner.HandOverMargin)
	}
	for attempt := range 10 {
		if pause, err := newRetryer().RetryDelay(attempt+1, errors.New("any")); err != nil || pause > maxBackoff {
			t.Errorf("pause %d is %s, %v", attempt, pause, err)
		}
	}
}

func TestThrottledCallsAreRetriedAFewTimes(t *testing.T) {
	var calls atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		calls.Add(1)
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = w.Write([]byte(`<Response><Errors><Error><Code>RequestLimitExceeded</Code><Message>Request limit exceeded.</Message></Error></Errors></Response>`))
	}))
	defer server.Close()
	environment(t, server.URL)
	handler, err := newHandler(t.Context(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	_, err = handler.EC2.DescribeAddresses(t.Context(), nil)
	var api smithy.APIError
	if !errors.As(err, &api) || api.ErrorCode() != "RequestLimitExceeded" || calls.Load() != maxAttempts {
		t.Errorf("%d calls, %v", calls.Load(), err)
	}
}

func TestAFunctionWithoutItsEnvironmentSaysWhatIsMissing(t *testing.T) {
	environment(t, "http://127.0.0.1:1")
	t.Setenv("POOL_NAME", "")
	if _, err := newHandler(t.Context(), slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), "POOL_NAME") {
		t.Errorf("got %v", err)
	}
}
