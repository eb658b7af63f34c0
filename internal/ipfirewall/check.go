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

// warn tells, at plan, what is allowed and yet probably not meant. adds are the
// entries that the plan makes ours.
func (d desired) warn(account *azureaccount.Account, adds []string, diags *diag.Diagnostics) {
	listed := listedIn(account)
	found := slices.DeleteFunc(slices.Clone(adds), func(entry string) bool { return !listed[entry] })
	if len(found) > 0 {
		diags.AddAttributeWarning(path.Root("ip_rules"), "Existing firewall entries will be adopted",
			fmt.Sprintf("%s already lists %s. After an apply that was killed this is what it left, and it is taken up again. "+
				"From this apply on, these entries belong to this resource: it removes them when they leave ip_rules and on destroy. "+
				"If somebody else relies on them too, name them in shared_ip_rules as well, and they are never removed; "+
				"if they are not yours at all, leave them out of ip_rules.", account.ID, strings.Join(found, ", ")))
	}
	access := account.PublicAccess()
	if d.publicNetworkAccess != "" {
		access = d.publicNetworkAccess
	}
	if access != azureaccount.AccessEnabled {
		diags.AddAttributeWarning(path.Root("public_network_access"), "Public access to the account is off",
			fmt.Sprintf("Public network access of %s is %q, so that only private endpoints reach it, whatever its ip rules say. "+
				"Set public_network_access = \"Enabled\" if the addresses in ip_rules are to be let in.", account.ID, access))
	}
	if action := d.mergeInto(account).ACLs.DefaultAction; action != azureaccount.ActionDeny {
		diags.AddAttributeWarning(path.Root("default_action"), "The account admits every address",
			fmt.Sprintf("%s admits every address by default, so that its ip rules keep nobody out. "+
				"Set default_action = \"Deny\", here or where the account is managed, to admit only what is listed.", account.ID))
	}
}
