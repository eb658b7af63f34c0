package ipfirewall

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
)

func azureError(status int, code, message string) error {
	return runtime.NewResponseError(&http.Response{
		StatusCode: status, Status: http.StatusText(status), Header: http.Header{},
		Body:    io.NopCloser(strings.NewReader(fmt.Sprintf(`{"error":{"code":%q,"message":%q}}`, code, message))),
		Request: &http.Request{Method: http.MethodPatch, URL: &url.URL{Scheme: "https", Host: "management.azure.com"}},
	})
}

func TestPassing(t *testing.T) {
	tests := []struct {
		err  error
		want bool
	}{
		{azureError(409, "RequestConflict", "Another operation is being performed on the parent resource"), true},
		{azureError(409, "TransientError", "Etag conflict"), true},
		{azureError(200, "TransientError", "an operation that ended so"), true},
		{azureError(200, "IfMatchPreconditionFailed", "an operation that ended so"), true},
		{azureError(412, "IfMatchPreconditionFailed", ""), true},
		{azureError(412, "PreconditionFailed", ""), true},
		{azureError(400, "AccountProvisioningStateInvalid", ""), true},
		{azureError(400, "BadRequest", "Account a in state Accepted"), true},
		{azureError(409, "Conflict", "Resource entity provisioning state is not terminal"), true},
		{azureError(429, "TooManyRequests", ""), true},
		{azureError(503, "ServerBusy", ""), true},
		{azureError(409, "FlagMustBeSetForRestore", ""), false},
		{azureError(409, "MissingSubscriptionRegistration", ""), false},
		{azureError(409, "ScopeLocked", ""), false},
		{azureError(400, "BadRequest", "Invalid IP address or range"), false},
		{azureError(403, "AuthorizationFailed", "in state Accepted"), false},
		{azureError(404, "ResourceNotFound", ""), false},
		{errors.New("connection refused"), false},
		{context.DeadlineExceeded, false},
	}
	for _, test := range tests {
		if got := passing(test.err); got != test.want {
			t.Errorf("passing = %t for %v", got, test.err)
		}
	}
}

func TestHints(t *testing.T) {
	for code, want := range map[string]string{
		"AuthorizationFailed":       "Cognitive Services Contributor",
		"LinkedAuthorizationFailed": "joinViaServiceEndpoint",
		"ScopeLocked":               "management lock",
		"RequestDisallowedByPolicy": "Azure Policy",
	} {
		if got := strings.Join(hintsFor(azureError(403, code, "")), " "); !strings.Contains(got, want) {
			t.Errorf("%s: %q lacks %q", code, got, want)
		}
	}
	if got := hintsFor(azureError(400, "BadRequest", "")); got != nil {
		t.Errorf("a hint for anything: %q", got)
	}
}

func responseOf(t *testing.T, err error) *http.Response {
	t.Helper()
	var azureErr *azcore.ResponseError
	if !errors.As(err, &azureErr) {
		t.Fatalf("%v is no answer of Azure's", err)
	}
	return azureErr.RawResponse
}
