// Package azureaccount reads and changes the network settings of Azure AI accounts
// (Microsoft.CognitiveServices/accounts) over an azcore pipeline. It decodes only what
// it needs and hands back verbatim what it does not understand, so that a field that
// Azure adds or reshapes can break neither a read nor another team's settings.
package azureaccount

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
)

// ID is the ARM id of an account. Its parts keep the spelling they were given in.
type ID struct{ SubscriptionID, ResourceGroup, Name string }

// IDExample shows the form of an ID, for messages.
const IDExample = "/subscriptions/<subscription id>/resourceGroups/<group>/providers/Microsoft.CognitiveServices/accounts/<account>"

var (
	idPattern = regexp.MustCompile(`(?i)^/subscriptions/([^/]+)/resourceGroups/([^/]+)/providers/Microsoft\.CognitiveServices/accounts/([^/]+)$`)
	// partPattern matches an account's id with something behind it.
	partPattern = regexp.MustCompile(`(?i)^(/subscriptions/[^/]+/resourceGroups/[^/]+/providers/Microsoft\.CognitiveServices/accounts/[^/]+)/`)
	// otherPattern matches the id of a resource of any type.
	otherPattern = regexp.MustCompile(`(?i)^/subscriptions/[^/]+/resourceGroups/[^/]+/providers/([^/]+/[^/]+)/[^/]+`)
	// endpointPattern matches what clients of an account's data plane are given.
	endpointPattern = regexp.MustCompile(`(?i)^https?://|\.(openai\.azure|cognitiveservices\.azure|services\.ai\.azure|api\.cognitive\.microsoft)\.(com|us|cn)`)
)

// ParseID reads an ARM id; as in ARM, case does not matter. The error says what to
// write instead.
func ParseID(s string) (ID, error) {
	if parts := idPattern.FindStringSubmatch(s); parts != nil {
		return ID{SubscriptionID: parts[1], ResourceGroup: parts[2], Name: parts[3]}, nil
	}
	const instead = "the \"id\" attribute of azurerm_cognitive_account"
	if endpointPattern.MatchString(s) {
		return ID{}, fmt.Errorf("%q is an endpoint. Write the account's ARM id, %s: %s", s, IDExample, instead)
	}
	if account := partPattern.FindStringSubmatch(s); account != nil {
		return ID{}, fmt.Errorf("%q names a part of an account, or ends with a slash. Write the account's own ARM id: %s", s, account[1])
	}
	if other := otherPattern.FindStringSubmatch(s); other != nil {
		return ID{}, fmt.Errorf("%q is the ARM id of a %s, not of a Cognitive Services account. Write it as %s: %s", s, other[1], IDExample, instead)
	}
	return ID{}, fmt.Errorf("%q is not the ARM id of a Cognitive Services account. Write it as %s: %s", s, IDExample, instead)
}

// String gives the id as ARM spells it.
func (id ID) String() string {
	return fmt.Sprintf("/subscriptions/%s/resourceGroups/%s/providers/Microsoft.CognitiveServices/accounts/%s", id.SubscriptionID, id.ResourceGroup, id.Name)
}

// Key is equal for all spellings of one id.
func (id ID) Key() string { return strings.ToLower(id.String()) }

func (id ID) path() string {
	return fmt.Sprintf("/subscriptions/%s/resourceGroups/%s/providers/Microsoft.CognitiveServices/accounts/%s",
		url.PathEscape(id.SubscriptionID), url.PathEscape(id.ResourceGroup), url.PathEscape(id.Name))
}
