package ipfirewall

import (
	"slices"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/azureaccount"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/iprange"
)

// desired is what one write makes true of an account's firewall. What it does not
// name stays as it is: other entries above all.
type desired struct {
	// list are the canonical entries to be there, drop those to be gone; no entry is in both.
	list, drop []string
	// Empty settings are left untouched.
	defaultAction, bypass, publicNetworkAccess string
	allowLockout                               bool
}

// heldBy reports whether the account is as desired, so that nothing is to be written.
func (d desired) heldBy(account *azureaccount.Account) bool {
	listed := listedIn(account)
	for _, entry := range d.list {
		if !listed[entry] {
			return false
		}
	}
	if slices.ContainsFunc(account.ACLs.Values(), d.drops) {
		return false
	}
	return unlessSet(d.defaultAction, account.DefaultAction()) &&
		unlessSet(d.bypass, account.ACLs.Bypass) &&
		unlessSet(d.publicNetworkAccess, account.PublicAccess())
}

// drops reports whether a rule of the account goes: one that names an address more than is
// dropped, such as another's /31, stays.
func (d desired) drops(rule string) bool { return containsAll(d.drop, iprange.Entries(rule)) }

func unlessSet(want, have string) bool { return want == "" || want == have }

// mergeInto gives the change that brings the account there: all four fields of
// networkAcls, since it is not known whether Azure merges them, each as it was but for
// what is desired. It is idempotent, and entries that are not named come out as they
// went in, in their order.
func (d desired) mergeInto(account *azureaccount.Account) azureaccount.NetworkChange {
	acls := azureaccount.NetworkACLs{
		Bypass:              account.ACLs.Bypass,
		DefaultAction:       account.ACLs.DefaultAction,
		VirtualNetworkRules: account.ACLs.VirtualNetworkRules,
	}
	for _, rule := range account.ACLs.IPRules {
		if !d.drops(rule.Value) {
			acls.IPRules = append(acls.IPRules, rule)
		}
	}
	listed := listedIn(account)
	for _, entry := range d.list {
		if !listed[entry] {
			acls.IPRules = append(acls.IPRules, azureaccount.IPRule{Value: entry})
		}
	}
	if d.defaultAction != "" {
		acls.DefaultAction = d.defaultAction
	}
	if d.bypass != "" {
		acls.Bypass = d.bypass
	}
	return azureaccount.NetworkChange{ACLs: acls, PublicNetworkAccess: d.publicNetworkAccess}
}

// listedIn gives the account's entries in canonical form.
func listedIn(account *azureaccount.Account) map[string]bool {
	listed := map[string]bool{}
	for _, entry := range iprange.AllEntries(account.ACLs.Values()) {
		listed[entry] = true
	}
	return listed
}

// listsAny reports whether the account lists one of the canonical entries.
func listsAny(account *azureaccount.Account, entries []string) bool {
	listed := listedIn(account)
	return slices.ContainsFunc(entries, func(entry string) bool { return listed[entry] })
}

func containsAll(set, entries []string) bool {
	for _, entry := range entries {
		if !slices.Contains(set, entry) {
			return false
		}
	}
	return true
}

// without gives the entries of a that are not in b.
func without(a, b []string) []string {
	return slices.DeleteFunc(slices.Clone(a), func(entry string) bool { return slices.Contains(b, entry) })
}

// allIn reports whether a set of canonical entries has all of a rule's.
func allIn(set map[string]bool, rule string) bool {
	for _, entry := range iprange.Entries(rule) {
		if !set[entry] {
			return false
		}
	}
	return true
}
