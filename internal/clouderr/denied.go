package clouderr

import (
	"errors"
	"net/http"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/aws/smithy-go"
	"github.com/databricks/databricks-sdk-go/apierr"
)

// actionPrefixes are the prefixes of IAM actions by the service's name in the AWS SDK, where
// that name in lower case is not the prefix itself.
var actionPrefixes = map[string]string{
	"Auto Scaling":              "autoscaling",
	"CloudWatch Logs":           "logs",
	"Elastic Load Balancing v2": "elasticloadbalancing",
	"EventBridge":               "events",
	"Service Quotas":            "servicequotas",
}

// DeniedAction returns the action that a cloud refused for want of a right, in that cloud's
// own terms: "ec2:AcceptVpcEndpointConnections" (IAM), "Microsoft.CognitiveServices/accounts/write"
// (Azure role-based access control), or method and path of a call to Databricks, which has
// no finer terms. "" if err is no such refusal, or does not tell.
func DeniedAction(err error) string {
	switch {
	case IsAWS(err, "UnauthorizedOperation", "AccessDenied", "AccessDeniedException"):
		return awsAction(err)
	case isAzureDenied(err):
		return azureAction(err)
	case errors.Is(err, apierr.ErrPermissionDenied):
		return databricksCall(err)
	default:
		return ""
	}
}

func awsAction(err error) string {
	var operation *smithy.OperationError
	if !errors.As(err, &operation) {
		return ""
	}
	prefix, ok := actionPrefixes[operation.ServiceID]
	if !ok {
		prefix = strings.ToLower(operation.ServiceID)
	}
	return prefix + ":" + operation.OperationName
}

func isAzureDenied(err error) bool {
	status, code := AzureCode(err)
	return status == http.StatusForbidden && code == "AuthorizationFailed"
}

// azureAction reads the action off the request: the types along the resource's path, and
// what the method does to it.
func azureAction(err error) string {
	var response *azcore.ResponseError
	if !errors.As(err, &response) || response.RawResponse == nil || response.RawResponse.Request == nil || response.RawResponse.Request.URL == nil {
		return ""
	}
	request := response.RawResponse.Request
	_, provider, ok := cutLast(request.URL.Path, "/providers/")
	if !ok {
		return ""
	}
	segments := strings.Split(strings.Trim(provider, "/"), "/")
	// Namespace, then type and name in turn; a name is missing behind a list and an operation.
	action := segments[0]
	for i := 1; i < len(segments); i += 2 {
		action += "/" + segments[i]
	}
	switch request.Method {
	case http.MethodGet, http.MethodHead:
		return action + "/read"
	case http.MethodPut, http.MethodPatch:
		return action + "/write"
	case http.MethodDelete:
		return action + "/delete"
	default:
		return action + "/action"
	}
}

func cutLast(text, separator string) (before, after string, found bool) {
	i := strings.LastIndex(text, separator)
	if i < 0 {
		return text, "", false
	}
	return text[:i], text[i+len(separator):], true
}

func databricksCall(err error) string {
	var apiErr *apierr.APIError
	if !errors.As(err, &apiErr) || apiErr.ResponseWrapper == nil || apiErr.ResponseWrapper.Response == nil {
		return ""
	}
	request := apiErr.ResponseWrapper.Response.Request
	if request == nil || request.URL == nil {
		return ""
	}
	return request.Method + " " + request.URL.Path
}
