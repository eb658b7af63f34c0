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

var idPattern = regexp.MustCompile(`(?i)^/subscriptions/([^/]+)/resourceGroups/([^/]+)/providers/Microsoft\.CognitiveServices/accounts/([^/]+)$`)

// ParseID reads an ARM id; as in ARM, case does not matter. The error says what to
// write instead.
func ParseID(s string) (ID, error) {
	parts := idPattern.FindStringSubmatch(s)
	switch {
	case parts != nil:
		return ID{SubscriptionID: parts[1], ResourceGroup: parts[2], Name: parts[3]}, nil
	case strings.Contains(strings.ToLower(s), ".openai.azure.com"), strings.HasPrefix(s, "https://"):
		return ID{}, fmt.Errorf("%q is an endpoint. Write the account's ARM id, %s: the \"id\" attribute of azurerm_cognitive_account", s, IDExample)
	default:
		return ID{}, fmt.Errorf("%q is not the ARM id of a Cognitive Services account. Write it as %s: the \"id\" attribute of azurerm_cognitive_account", s, IDExample)
	}
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
