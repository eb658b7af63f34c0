package ipfirewall

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/azureaccount"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/clouderr"
)

// Codes with which Azure says "not now": another operation on the account is in flight,
// or somebody else changed it since it was read. All of them pass.
var passingCodes = []string{
	"RequestConflict", "TransientError", "IfMatchPreconditionFailed", "AccountProvisioningStateInvalid",
	"AnotherOperationInProgress", "TooManyRequests",
}

// passingStatuses pass by themselves, whatever the code.
var passingStatuses = []int{
	http.StatusRequestTimeout, http.StatusPreconditionFailed, http.StatusTooManyRequests,
	http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout,
}

// passing reports whether the same request, made again from a fresh read, may succeed.
func passing(err error) bool {
	var azureErr *azcore.ResponseError
	if !errors.As(err, &azureErr) {
		return false
	}
	if slices.Contains(passingStatuses, azureErr.StatusCode) || slices.Contains(passingCodes, azureErr.ErrorCode) {
		return true
	}
	if azureErr.StatusCode != http.StatusBadRequest && azureErr.StatusCode != http.StatusConflict {
		return false
	}
	// Two resource providers behind ARM give this answer with codes of their own, so the
	// text is all there is to go by.
	text := strings.ToLower(azureErr.Error())
	return strings.Contains(text, "in state accepted") || strings.Contains(text, "provisioning state is not terminal")
}

// retryAfter is how long Azure asks to wait before the call is made again; 0 if it does not ask.
func retryAfter(err error, now time.Time) time.Duration {
	var azureErr *azcore.ResponseError
	if !errors.As(err, &azureErr) || azureErr.RawResponse == nil {
		return 0
	}
	return azureaccount.RetryAfter(azureErr.RawResponse.Header, now)
}

// hintsFor says what to do about an error that will not pass.
func hintsFor(err error) []string {
	switch _, code := clouderr.AzureCode(err); code {
	case "AuthorizationFailed":
		return []string{"The Azure identity in use needs Microsoft.CognitiveServices/accounts/read and /write on this account: " +
			"for example the role \"Cognitive Services Contributor\" on it. A role given just now takes some minutes to work."}
	case "LinkedAuthorizationFailed":
		return []string{"The account's firewall also lists subnets of other teams, and ARM asks for a right on them from whoever writes the firewall, " +
			"even where they stay as they are. Grant the identity Microsoft.Network/virtualNetworks/subnets/joinViaServiceEndpoint/action on the subnets that the message names."}
	case "ScopeLocked":
		return []string{"A management lock on the account, its group or its subscription forbids Microsoft.CognitiveServices/accounts/write. Have the lock removed, or apply while it is off."}
	case "RequestDisallowedByPolicy":
		return []string{"An Azure Policy forbids Microsoft.CognitiveServices/accounts/write with these network settings; the message names the assignment. Ask its owner for an exemption, " +
			"or write in default_action, bypass or public_network_access what it demands."}
	default:
		return nil
	}
}
