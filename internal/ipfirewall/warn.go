package ipfirewall

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/azureaccount"
)

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
	switch access {
	case azureaccount.AccessEnabled:
	case azureaccount.AccessSecuredByPerimeter:
		diags.AddAttributeWarning(path.Root("public_network_access"), "The account is secured by its perimeter",
			fmt.Sprintf("Public network access of %s is %q: the access rules of its network security perimeter say who reaches it, whatever its ip rules say. "+
				"Have the addresses in ip_rules added to an inbound access rule of the perimeter if they are to be let in.", account.ID, access))
	default:
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

// warnOfPerimeters tells of network security perimeters that decide in place of the
// account's rules.
func warnOfPerimeters(accountID string, perimeters []azureaccount.Perimeter, diags *diag.Diagnostics) {
	for _, perimeter := range perimeters {
		if !perimeter.Enforced() {
			continue
		}
		diags.AddAttributeWarning(path.Root("ip_rules"), "A network security perimeter overrides the ip rules",
			fmt.Sprintf("%s is associated with the network security perimeter %s (association %q) in enforced mode: "+
				"the perimeter's access rules say who reaches it over public addresses, whatever its ip rules say. "+
				"Have the addresses in ip_rules added to an inbound access rule of the perimeter if they are to be let in.",
				accountID, perimeter.ID, perimeter.Association))
	}
}

// warnOfAdoptedDrop tells which of the entries that a plan takes out of the account stood
// there before the resource did.
func warnOfAdoptedDrop(accountID string, drop []string, known provenance, diags *diag.Diagnostics) {
	if adopted := both(drop, known.Adopted); len(adopted) > 0 {
		diags.AddAttributeWarning(path.Root("ip_rules"), "Adopted firewall entries will be removed",
			adoptedDrop(accountID, adopted)+"apply once with them in shared_ip_rules before they leave ip_rules. A shared entry is never removed.")
	}
}

func adoptedDrop(accountID string, adopted []string) string {
	return fmt.Sprintf("%s listed %s before this resource first wrote its entries, and this plan removes them from it. "+
		"If an apply that was killed had listed them, this is as it should be. If somebody else relies on them, keep them: ", accountID, strings.Join(adopted, ", "))
}

// warnOfDestroy tells what a destruction leaves in the account, or takes out of it that
// stood there before the resource did.
func (m model) warnOfDestroy(known provenance, diags *diag.Diagnostics) {
	accountID := m.AccountID.ValueString()
	if m.OnDestroy.ValueString() == OnDestroyKeep {
		if left := entriesOf(m.IPRules); len(left) > 0 {
			diags.AddWarning("Firewall entries will stay",
				fmt.Sprintf("on_destroy is %q, so %s goes on listing %s, and no state knows of them any more. Whoever has one of these addresses later is let in. "+
					"To have them removed, apply once with on_destroy = %q before the destroy.", OnDestroyKeep, accountID, strings.Join(left, ", "), OnDestroyRemove))
		}
		return
	}
	if adopted := both(m.removable(), known.Adopted); len(adopted) > 0 {
		diags.AddWarning("Adopted firewall entries will be removed",
			adoptedDrop(accountID, adopted)+fmt.Sprintf("apply once with them in shared_ip_rules before the destroy, or with on_destroy = %q to leave all entries.", OnDestroyKeep))
	}
}
