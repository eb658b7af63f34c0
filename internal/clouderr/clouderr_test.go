package clouderr

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/aws/smithy-go"
	"github.com/databricks/databricks-sdk-go/apierr"
	"github.com/databricks/databricks-sdk-go/common"
	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/waiter"
)

func azureError(status int, body string) error {
	return runtime.NewResponseError(&http.Response{
		StatusCode: status,
		Status:     http.StatusText(status),
		Header:     http.Header{"X-Ms-Request-Id": {"req-7"}},
		Body:       io.NopCloser(strings.NewReader(body)),
		Request:    &http.Request{Method: http.MethodPatch, URL: &url.URL{Scheme: "https", Host: "management.azure.com"}},
	})
}

func TestDetailHoldsTheCloudsOwnWords(t *testing.T) {
	tests := map[string]struct {
		err  error
		want []string
	}{
		"aws": {
			err:  fmt.Errorf("operation error EC2: %w", &smithy.GenericAPIError{Code: "UnauthorizedOperation", Message: "You are not authorized"}),
			want: []string{"AWS answered UnauthorizedOperation: You are not authorized", "`aws` block"},
		},
		"azure": {
			err:  azureError(http.StatusForbidden, `{"error":{"code":"AuthorizationFailed","message":"The client does not have authorization"}}`),
			want: []string{"Azure answered 403 AuthorizationFailed: The client does not have authorization", "request id req-7", "Cognitive Services Contributor"},
		},
		"databricks": {
			err:  &apierr.APIError{StatusCode: 400, ErrorCode: "INVALID_STATE", Message: "the rule is deactivated"},
			want: []string{"Databricks answered 400 INVALID_STATE: the rule is deactivated"},
		},
		"wait": {
			err:  &waiter.Error{What: "rule r-1", LastState: "PENDING", Cause: errors.Join(context.DeadlineExceeded, &smithy.GenericAPIError{Code: "Throttling", Message: "Rate exceeded"})},
			want: []string{"waiting for rule r-1", `"PENDING"`, "AWS answered Throttling: Rate exceeded"},
		},
		"other": {err: errors.New("connection refused"), want: []string{"connection refused"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var diags diag.Diagnostics
			Add(&diags, "Cannot do it", test.err, "while doing it to thing-1")
			if len(diags) != 1 || diags[0].Summary() != "Cannot do it" {
				t.Fatalf("diagnostics %v", diags)
			}
			for _, want := range append(test.want, "while doing it to thing-1") {
				if !strings.Contains(diags[0].Detail(), want) {
					t.Errorf("the detail lacks %q:\n%s", want, diags[0].Detail())
				}
			}
		})
	}
}

func TestDescribingAnAzureErrorLeavesItsBody(t *testing.T) {
	err := azureError(http.StatusConflict, `{"error":{"code":"RequestConflict","message":"busy"}}`)
	first, second := Detail(err, ""), Detail(err, "")
	if first != second || !strings.Contains(second, "busy") {
		t.Errorf("read once %q, read again %q", first, second)
	}
}

func TestKinds(t *testing.T) {
	if !IsAWS(&smithy.GenericAPIError{Code: "A"}, "B", "A") || IsAWS(errors.New("A"), "A") || IsAWS(errors.New("x"), "") {
		t.Error("IsAWS does not go by code")
	}
	if !IsAzureNotFound(azureError(http.StatusNotFound, `{}`)) || IsAzureNotFound(errors.New("404")) {
		t.Error("IsAzureNotFound does not go by status")
	}
	if !DatabricksNotFound(fmt.Errorf("x: %w", apierr.ErrNotFound)) {
		t.Error("DatabricksNotFound does not see a wrapped error")
	}
}

func TestDatabricksPasses(t *testing.T) {
	for status, want := range map[int]bool{400: false, 403: false, 404: false, 409: false, 429: true, 500: true, 501: false, 502: true, 503: true, 504: true} {
		if got := DatabricksPasses(fmt.Errorf("reading: %w", &apierr.APIError{StatusCode: status})); got != want {
			t.Errorf("%d: %t, want %t", status, got, want)
		}
	}
	if DatabricksPasses(nil) || DatabricksPasses(errors.New("no answer")) {
		t.Error("what Databricks has not answered passes")
	}
}

func TestDeniedAction(t *testing.T) {
	azureDenied := func(method, path string) error {
		return runtime.NewResponseError(&http.Response{
			StatusCode: http.StatusForbidden, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(`{"error":{"code":"AuthorizationFailed","message":"no"}}`)),
			Request: &http.Request{Method: method, URL: &url.URL{Scheme: "https", Host: "management.azure.com", Path: path}},
		})
	}
	awsDenied := func(service, operation, code string) error {
		return &smithy.OperationError{ServiceID: service, OperationName: operation, Err: &smithy.GenericAPIError{Code: code, Message: "no"}}
	}
	const account = "/subscriptions/s/resourceGroups/g/providers/Microsoft.CognitiveServices/accounts/a"
	for want, err := range map[string]error{
		"ec2:AcceptVpcEndpointConnections":                           awsDenied("EC2", "AcceptVpcEndpointConnections", "UnauthorizedOperation"),
		"autoscaling:PutLifecycleHook":                               fmt.Errorf("x: %w", awsDenied("Auto Scaling", "PutLifecycleHook", "AccessDenied")),
		"logs:CreateLogGroup":                                        awsDenied("CloudWatch Logs", "CreateLogGroup", "AccessDeniedException"),
		"Microsoft.CognitiveServices/accounts/read":                  azureDenied(http.MethodGet, account),
		"Microsoft.CognitiveServices/accounts/write":                 azureDenied(http.MethodPatch, account),
		"Microsoft.CognitiveServices/accounts/deployments/delete":    azureDenied(http.MethodDelete, account+"/deployments/d"),
		"Microsoft.CognitiveServices/accounts/deployments/read":      azureDenied(http.MethodGet, account+"/deployments"),
		"Microsoft.CognitiveServices/checkDomainAvailability/action": azureDenied(http.MethodPost, "/subscriptions/s/providers/Microsoft.CognitiveServices/checkDomainAvailability"),
		"PATCH /api/2.0/accounts/1/workspaces/2": &apierr.APIError{
			StatusCode: 403, ErrorCode: "PERMISSION_DENIED",
			ResponseWrapper: &common.ResponseWrapper{Response: &http.Response{Request: &http.Request{Method: http.MethodPatch, URL: &url.URL{Path: "/api/2.0/accounts/1/workspaces/2"}}}},
		},
	} {
		if got := DeniedAction(err); got != want {
			t.Errorf("%v: got %q, want %q", err, got, want)
		}
		if detail := Detail(err, "", "Ask somebody."); !strings.Contains(detail, "Refused for want of a right: "+want) {
			t.Errorf("the detail does not name %s:\n%s", want, detail)
		}
	}
	for _, err := range []error{nil, errors.New("no"), awsDenied("EC2", "RunInstances", "RequestLimitExceeded"), azureError(http.StatusConflict, `{"error":{"code":"RequestConflict"}}`), azureError(http.StatusForbidden, `{"error":{"code":"ScopeLocked"}}`)} {
		if got := DeniedAction(err); got != "" {
			t.Errorf("%v: got %q", err, got)
		}
	}
}
