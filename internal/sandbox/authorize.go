package sandbox

import (
	"net/http"
	"strings"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/awsapi"
)

// accessKeyPrefix begins the access key ids of the sandbox's administrators: the one in
// Env, and any other, for callers that want to be told apart.
const accessKeyPrefix = "AKIASANDBOX"

// authorize refuses the long-lived keys of other accounts, and asks of a function's own
// what its role allows.
func (s *Sandbox) authorize(r *awsapi.Request) *awsapi.Error {
	if !strings.HasPrefix(r.AccessKey, "AKIA") || strings.HasPrefix(r.AccessKey, accessKeyPrefix) {
		return s.functions.Authorize(r)
	}
	// Each protocol family has its own code for the same refusal.
	switch {
	case r.Service == "ec2":
		return awsapi.Errorf(http.StatusUnauthorized, "AuthFailure", "AWS was not able to validate the provided access credentials")
	case r.Form != nil:
		return awsapi.Errorf(http.StatusForbidden, "InvalidClientTokenId", "The security token included in the request is invalid.")
	default:
		return awsapi.Errorf(http.StatusForbidden, "UnrecognizedClientException", "The security token included in the request is invalid.")
	}
}
