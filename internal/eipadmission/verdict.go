package eipadmission

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/eippool"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/eiptag"
)

// verdict is what the lists of all firewalls together mean for the addresses of a pool.
type verdict struct {
	// Admit and Withdraw are the addresses whose tag does not say what the firewalls list.
	Admit, Withdraw []eippool.Address
	// Release are the retired addresses that all firewalls have forgotten and nothing uses, Held those that something
	// still uses. Awaited are those that some firewall lists as its owner's, who will let them go, and Lingering those
	// that are listed only as entries that are nobody's.
	Release, Held, Awaited, Lingering []eippool.Address
	// Admitted are the addresses that every firewall lists, Pending those active or draining ones that not every one does.
	Admitted, Pending []eippool.Address
	// Lacking are the names of the firewalls that do not list an address, by its public IP; Listing those that list a
	// retired one, whoever's the entry is.
	Lacking, Listing map[string][]string
	// Foreign are listed public IPs that are not of the pool.
	Foreign []string
	// Ungated says that no address of the pool asks for an admission.
	Ungated bool
}

// judge compares a pool's addresses with what firewalls list: admitted is what all of them list, forgotten what none does.
// Without any firewall nothing is admitted.
func judge(ours []eippool.Address, firewalls []listing) verdict {
	v := verdict{Ungated: true, Lacking: map[string][]string{}, Listing: map[string][]string{}}
	foreign := map[string]bool{}
	for _, f := range firewalls {
		maps.Copy(foreign, f.admitted)
	}
	for _, a := range ours {
		delete(foreign, a.PublicIP)
		tag, gated := a.Tags[eiptag.Admission]
		if gated {
			v.Ungated = false
		}
		lacking := namesOf(firewalls, func(f listing) bool { return !f.admitted[a.PublicIP] })
		listers := namesOf(firewalls, func(f listing) bool { return f.lists(a.PublicIP) })
		if len(listers) > 0 && !a.Listed() {
			v.Listing[a.PublicIP] = listers
		}
		if len(lacking) == 0 && len(firewalls) > 0 {
			v.Admitted = append(v.Admitted, a)
			if tag != eiptag.AdmissionAdmitted {
				v.Admit = append(v.Admit, a)
			}
			continue
		}
		v.Lacking[a.PublicIP] = lacking
		if tag != eiptag.AdmissionRequired {
			v.Withdraw = append(v.Withdraw, a)
		}
		switch {
		case a.Listed():
			v.Pending = append(v.Pending, a)
		case a.Existing(): // the user's own: the pool lets go of it, nobody releases it
		case len(lacking) < len(firewalls):
			v.Awaited = append(v.Awaited, a)
		case len(listers) > 0:
			v.Lingering = append(v.Lingering, a)
		case a.InUse():
			v.Held = append(v.Held, a)
		default:
			v.Release = append(v.Release, a)
		}
	}
	v.Foreign = slices.Sorted(maps.Keys(foreign))
	return v
}

// namesOf are the names of the firewalls that something holds for.
func namesOf(firewalls []listing, holds func(listing) bool) []string {
	var names []string
	for _, f := range firewalls {
		if holds(f) {
			names = append(names, f.name)
		}
	}
	return names
}

// unsettled are the allocation ids for which there is something to do, or to wait for. For one that is awaited there is
// nothing before a firewall's list changes.
func (v verdict) unsettled() []string {
	ids := eippool.IDs(slices.Concat(v.Admit, v.Withdraw, v.Release, v.Held, v.Lingering))
	slices.Sort(ids)
	return slices.Compact(ids)
}

// lacking are the names of the firewalls that lack any of these addresses, sorted.
func (v verdict) lacking(addresses []eippool.Address) []string {
	names := map[string]bool{}
	for _, a := range addresses {
		for _, name := range v.Lacking[a.PublicIP] {
			names[name] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// unlisted are the public IPs that a firewall has yet to list, by its name.
func (v verdict) unlisted() map[string][]string { return byFirewall(v.Pending, v.Lacking) }

// lingering are the public IPs of retired addresses that a firewall still lists, by its name.
func (v verdict) lingering(ours []eippool.Address) map[string][]string {
	return byFirewall(ours, v.Listing)
}

func byFirewall(addresses []eippool.Address, firewalls map[string][]string) map[string][]string {
	out := map[string][]string{}
	for _, a := range addresses {
		for _, name := range firewalls[a.PublicIP] {
			out[name] = append(out[name], a.PublicIP)
		}
	}
	return out
}

// host reads one entry of a firewall's list: an IPv4 address, or a range of only that address.
func host(entry string) (string, error) {
	if prefix, err := netip.ParsePrefix(entry); err == nil && prefix.IsSingleIP() {
		entry = prefix.Addr().String()
	}
	ip, err := netip.ParseAddr(entry)
	if err != nil || !ip.Is4() {
		return "", fmt.Errorf("%q is not an IPv4 address. Write the addresses that the firewall lists one by one, such as 52.1.2.3; crosscloudlink_aoai_ip_firewall has them as admitted_public_ips", entry)
	}
	return ip.String(), nil
}

// hosts reads a firewall's list; entries that are no single address count for nothing.
func hosts(entries []string) map[string]bool {
	listed := make(map[string]bool, len(entries))
	for _, entry := range entries {
		if ip, err := host(entry); err == nil {
			listed[ip] = true
		}
	}
	return listed
}

// membersOf returns the addresses of the pool that belong to owner, and those of others.
func membersOf(found []eippool.Address, owner string) (ours, others []eippool.Address) {
	for _, a := range found {
		if a.Tags[eiptag.Owner] == owner {
			ours = append(ours, a)
		} else {
			others = append(others, a)
		}
	}
	return ours, others
}

// admitted returns the addresses that are tagged as admitted.
func admitted(addresses []eippool.Address) []eippool.Address {
	return eippool.Keep(addresses, func(a eippool.Address) bool { return a.Tags[eiptag.Admission] == eiptag.AdmissionAdmitted })
}

func inUse(addresses []eippool.Address) []eippool.Address {
	return eippool.Keep(addresses, eippool.Address.InUse)
}
