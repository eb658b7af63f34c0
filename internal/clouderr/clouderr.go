// Package clouderr turns the errors of three clouds into diagnostics, and tells
// their kinds apart by code, never by text.
package clouderr

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
	"github.com/databricks/databricks-sdk-go/apierr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
)

// AWSCode returns the code of an AWS API error ("InvalidAllocationID.NotFound"), or "".
func AWSCode(err error) string {
	var apiErr smithy.APIError
	if errors.As(err, &apiErr) {
		return apiErr.ErrorCode()
	}
	return ""
}

// AWSMessage returns the text of an AWS API error, or "".
func AWSMessage(err error) string {
	var apiErr smithy.APIError
	if errors.As(err, &apiErr) {
		return apiErr.ErrorMessage()
	}
	return ""
}

// IsAWS reports whether err is an AWS API error with one of the codes.
func IsAWS(err error, codes ...string) bool {
	return slices.Contains(codes, AWSCode(err)) && AWSCode(err) != ""
}

// AzureCode returns the HTTP status and the code of an Azure error, or 0 and "".
func AzureCode(err error) (status int, code string) {
	var responseErr *azcore.ResponseError
	if errors.As(err, &responseErr) {
		return responseErr.StatusCode, responseErr.ErrorCode
	}
	return 0, ""
}

// IsAzureNotFound reports whether Azure answered 404.
func IsAzureNotFound(err error) bool {
	status, _ := AzureCode(err)
	return status == http.StatusNotFound
}

// DatabricksNotFound reports whether Databricks answered that the object does not exist.
func DatabricksNotFound(err error) bool { return errors.Is(err, apierr.ErrNotFound) }

// DatabricksPasses reports whether a call that failed so may succeed if it is repeated: what
// the Databricks SDK gives up on although it passes. It retries 429 and 503 for some
// minutes, and 500, 502 and 504 never.
func DatabricksPasses(err error) bool {
	var apiErr *apierr.APIError
	return errors.As(err, &apiErr) &&
		(apiErr.StatusCode == http.StatusTooManyRequests || apiErr.StatusCode >= http.StatusInternalServerError && apiErr.StatusCode != http.StatusNotImplemented)
}

// Add appends an error: a short and stable summary, and a detail of what was being
// done, the cloud's own words, and what to do next.
func Add(diags *diag.Diagnostics, summary string, err error, context string, next ...string) {
	diags.AddError(summary, Detail(err, context, next...))
}

// AddAttribute appends an error that belongs to an attribute; see Add.
func AddAttribute(diags *diag.Diagnostics, at path.Path, summary string, err error, context string, next ...string) {
	diags.AddAttributeError(at, summary, Detail(err, context, next...))
}

// AddWarning appends a warning; see Add.
func AddWarning(diags *diag.Diagnostics, summary string, err error, context string, next ...string) {
	diags.AddWarning(summary, Detail(err, context, next...))
}

// Detail is the text that Add gives as a diagnostic's detail.
func Detail(err error, context string, next ...string) string {
	parts := make([]string, 0, 2+len(next))
	if context != "" {
		parts = append(parts, context)
	}
	if err != nil {
		parts = append(parts, describe(err))
	}
	if action := DeniedAction(err); action != "" {
		parts = append(parts, "Refused for want of a right: "+action)
	}
	if hint := hintFor(err); hint != "" && len(next) == 0 {
		next = []string{hint}
	}
	return strings.Join(append(parts, next...), "\n\n")
}

// describe gives code, text and request id, in the cloud's own words.
func describe(err error) string {
	var awsErr smithy.APIError
	var azureErr *azcore.ResponseError
	var databricksErr *apierr.APIError
	switch {
	case errors.As(err, &awsErr):
		text := fmt.Sprintf("AWS answered %s: %s", awsErr.ErrorCode(), awsErr.ErrorMessage())
		var response *awshttp.ResponseError
		if errors.As(err, &response) && response.ServiceRequestID() != "" {
			text += fmt.Sprintf(" (request id %s)", response.ServiceRequestID())
		}
		return withWait(err, text)
	case errors.As(err, &azureErr):
		return withWait(err, describeAzure(azureErr))
	case errors.As(err, &databricksErr):
		text := fmt.Sprintf("Databricks answered %d %s: %s", databricksErr.StatusCode, databricksErr.ErrorCode, databricksErr.Message)
		if info := databricksErr.ErrorDetails().RequestInfo; info != nil && info.RequestID != "" {
			text += fmt.Sprintf(" (request id %s)", info.RequestID)
		}
		return withWait(err, text)
	default:
		return err.Error()
	}
}

// withWait keeps the words of a wait that ended with a cloud's error in it.
func withWait(err error, text string) string {
	if whole := err.Error(); strings.HasPrefix(whole, "waiting for ") {
		line, _, _ := strings.Cut(whole, "\n")
		return line + "\n" + text
	}
	return text
}

func describeAzure(err *azcore.ResponseError) string {
	text := fmt.Sprintf("Azure answered %d %s", err.StatusCode, err.ErrorCode)
	if message := azureMessage(err); message != "" {
		text += ": " + message
	}
	if err.RawResponse != nil {
		if id := err.RawResponse.Header.Get("X-Ms-Request-Id"); id != "" {
			text += fmt.Sprintf(" (request id %s)", id)
		}
	}
	return text
}

func hintFor(err error) string {
	status, code := AzureCode(err)
	switch {
	case IsAWS(err, "UnauthorizedOperation", "AccessDenied", "AccessDeniedException"):
		return "The AWS credentials in use lack this right. Add it to their policy, or give the provider's `aws` block a role that has it."
	case IsAWS(err, "ExpiredToken", "ExpiredTokenException", "RequestExpired", "InvalidClientTokenId", "AuthFailure"):
		return "The AWS credentials in use are not valid (any more). Renew them; the provider's `aws` block reads them in the order of the stock AWS provider."
	case status == http.StatusForbidden && code == "AuthorizationFailed":
		return "The Azure identity in use lacks this right on this scope. Grant it a role that has it, for example \"Cognitive Services Contributor\" on the account."
	case errors.Is(err, apierr.ErrPermissionDenied):
		return "The Databricks identity in use lacks this right. Account calls need a service principal with the account admin role."
	default:
		return ""
	}
}
