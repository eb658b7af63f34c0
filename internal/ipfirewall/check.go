package ipfirewall

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/azureaccount"
)

// maxIPRules is how many ip rules an account takes (Microsoft's documentation of
// virtual networks for Foundry Tools: "up to 100 IP network rules").
const maxIPRules = 100

// bypassKinds are the kinds of account that accept a bypass for trusted services; for
// others Azure answers 400 NetworkAclsBypassNotSupported.
var bypassKinds = []string{"OpenAI", "AIServices", "TextAnalytics"}

// refusal is a change that is not made, and the attribute to mend.
type refusal struct {
	at              path.Path
	summary, detail string
}

func (r *refusal) Error() string { return r.summary + ": " + r.detail }

func (r *refusal) addTo(diags *diag.Diagnostics) { diags.AddAttributeError(r.at, r.summary, r.detail) }

// refusals lists what stands against bringing the account to what is desired.
func (d desired) refusals(account *azureaccount.Account) []*refusal {
	var found []*refusal
	if account.CustomSubDomain == "" {
		found = append(found, &refusal{path.Root("account_id"), "The account has no custom subdomain",
			fmt.Sprintf("%s is an account without custom subdomain: Azure applies network rules only to accounts that have one. "+
				"Set custom_subdomain_name on the account (azurerm_cognitive_account); it can be set once and not be changed afterwards.", account.ID)})
	}
	if d.bypass == azureaccount.BypassAzureServices && account.Kind != "" && !slices.Contains(bypassKinds, account.Kind) {
		found = append(found, &refusal{path.Root("bypass"), "The account's kind has no bypass",
			fmt.Sprintf("%s is of kind %s; Azure lets trusted services bypass the firewall only for the kinds %s. Remove bypass.",
				account.ID, account.Kind, strings.Join(bypassKinds, ", "))})
	}
	if d.heldBy(account) {
		return found
	}
	merged := d.mergeInto(account).ACLs
	if count := len(merged.IPRules); count > maxIPRules && count > len(account.ACLs.IPRules) {
		found = append(found, &refusal{path.Root("ip_rules"), "Too many ip rules",
			fmt.Sprintf("%s lists %d ip rules, and with those of ip_rules it would list %d; Azure takes %d. "+
				"Write neighbouring addresses as one range, or have entries removed that are no longer used.",
				account.ID, len(account.ACLs.IPRules), count, maxIPRules)})
	}
	if !d.allowLockout && closed(merged, account) {
		found = append(found, &refusal{path.Root("ip_rules"), "Nobody could reach the account",
			fmt.Sprintf("%s would deny by default with no ip rule, no virtual network rule and no approved private endpoint left. "+
				"Name at least one address in ip_rules, or set allow_lockout = true if this is meant.", account.ID)})
	}
	return found
}

// closed reports whether such settings of the account admit no caller at all.
func closed(acls azureaccount.NetworkACLs, account *azureaccount.Account) bool {
	return acls.DefaultAction == azureaccount.ActionDeny && len(acls.IPRules) == 0 && len(acls.VirtualNetworkRules) == 0 &&
		account.ApprovedPrivateEndpoints == 0
}
