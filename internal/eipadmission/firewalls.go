package eipadmission

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/eippool"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/ipfirewall"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/tfvalue"
)

// Attributes of a firewall.
const (
	attrFirewalls = "firewalls"
	attrAdmitted  = "admitted_public_ips"
	attrEffective = "effective_ip_rules"
	attrOnDestroy = "on_destroy"
)

// listing is what one firewall lists.
type listing struct {
	// name is the firewall's key in `firewalls`.
	name string
	// admitted are the public IPs that the firewall lists as its owner's, effective those that it lists at all as far as
	// that is told.
	admitted, effective map[string]bool
}

// lists reports whether the firewall lists a public IP as anybody's.
func (l listing) lists(ip string) bool { return l.admitted[ip] || l.effective[ip] }

// firewall is one element of the map `firewalls`.
type firewall struct {
	admitted, effective types.Set
	onDestroy           types.String
}

func firewallOf(element attr.Value) firewall {
	var f firewall
	if object, ok := element.(types.Object); ok {
		attributes := object.Attributes()
		f.admitted, _ = attributes[attrAdmitted].(types.Set)
		f.effective, _ = attributes[attrEffective].(types.Set)
		f.onDestroy, _ = attributes[attrOnDestroy].(types.String)
	}
	return f
}

// names are the keys of `firewalls`, sorted.
func (m model) names() []string { return slices.Sorted(maps.Keys(m.Firewalls.Elements())) }

// listings are what the firewalls list, by name, as far as it is known.
func (m model) listings() []listing {
	var all []listing
	for _, name := range m.names() {
		f := firewallOf(m.Firewalls.Elements()[name])
		all = append(all, listing{name: name, admitted: hosts(tfvalue.Strings(f.admitted.Elements())), effective: hosts(tfvalue.Strings(f.effective.Elements()))})
	}
	return all
}

// keepers are the firewalls that keep their entries when they are destroyed, as far as it is known. What is neither
// value of on_destroy, which only an apply can come by, counts as keeping.
func (m model) keepers() []string {
	return slices.DeleteFunc(m.names(), func(name string) bool {
		onDestroy := firewallOf(m.Firewalls.Elements()[name]).onDestroy
		return onDestroy.IsNull() || onDestroy.IsUnknown() || onDestroy.ValueString() == ipfirewall.OnDestroyRemove
	})
}

// refuseUntold reports firewalls of which an apply does not learn what they list. A plan that knew less has let them pass.
func (m model) refuseUntold(diags *diag.Diagnostics) bool {
	at := path.Root(attrFirewalls)
	if len(m.Firewalls.Elements()) == 0 {
		diags.AddAttributeError(at, "No firewall", fmt.Sprintf("%s is empty, so that nobody says which addresses of pool %q are admitted. Name at least one firewall. Nothing was changed.", attrFirewalls, m.PoolName.ValueString()))
		return true
	}
	untold := false
	for _, name := range m.names() {
		if firewallOf(m.Firewalls.Elements()[name]).admitted.IsNull() {
			untold = true
			diags.AddAttributeError(at.AtMapKey(name), "A firewall does not say what it lists",
				fmt.Sprintf("%s of %s is null. Write an empty set for a firewall that lists no address of the pool. Nothing was changed.", attrAdmitted, quoted(name)))
		}
	}
	return untold
}

// refuseKeepers reports firewalls that would list addresses for good which their pool gives back to AWS. Only addresses
// that their user has brought are never given back; of a pool without addresses that is not known.
func (m model) refuseKeepers(ours []eippool.Address, diags *diag.Diagnostics) bool {
	keepers := m.keepers()
	released := eippool.Keep(ours, func(a eippool.Address) bool { return !a.Existing() })
	if len(keepers) == 0 || len(ours) > 0 && len(released) == 0 {
		return false
	}
	releases := "releases addresses when it shrinks, rotates or is destroyed: " + eippool.Names(released)
	if len(ours) == 0 {
		releases = "has no addresses yet, so that it may come to release some"
	}
	for _, name := range keepers {
		// Terraform 1.11 shows a path into an element of the map by the resource's header alone.
		diags.AddAttributeError(path.Root(attrFirewalls).AtMapKey(name), "A firewall would keep addresses that go back to AWS",
			fmt.Sprintf("%s keeps its entries when it is destroyed, and pool %q %s. Whoever gets such an address from AWS next would be let in. Nothing was changed.\n\n"+
				"Set on_destroy = %q on that crosscloudlink_aoai_ip_firewall, the default, and apply. "+
				"To keep the entries, let the pool have no addresses but your own (existing_allocation_ids, as many as size): those are never released. Apply the pool first, and on_destroy = %q after that.",
				quoted(name), m.PoolName.ValueString(), releases, ipfirewall.OnDestroyRemove, ipfirewall.OnDestroyKeep))
	}
	return true
}

// quoted writes firewalls as a configuration does.
func quoted(names ...string) string {
	out := make([]string, 0, len(names))
	for _, name := range names {
		out = append(out, fmt.Sprintf("%s[%q]", attrFirewalls, name))
	}
	return strings.Join(out, ", ")
}
