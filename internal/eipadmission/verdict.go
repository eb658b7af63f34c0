package eipadmission

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/eippool"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/eiptag"
)

// verdict is what a firewall's list means for the addresses of a pool.
type verdict struct {
	// Admit and Withdraw are the addresses whose tag does not say what the firewall lists.
	Admit, Withdraw []eippool.Address
	// Release are the retired addresses that the firewall has forgotten and nothing uses; Held those that something still
	// uses, and Lingering those that the firewall lists as an entry that is nobody's.
	Release, Held, Lingering []eippool.Address
	// Admitted are all that the firewall lists, Pending those active or draining ones that it does not.
	Admitted, Pending []eippool.Address
	// Foreign are listed public IPs that are not of the pool.
	Foreign []string
	// Ungated says that no address of the pool asks for an admission.
	Ungated bool
}

// judge compares a pool's addresses with the public IPs that the firewall lists as its owner's, and with effective,
// those that it lists at all as far as that is told.
func judge(ours []eippool.Address, listed, effective map[string]bool) verdict {
	v := verdict{Ungated: true}
	foreign := maps.Clone(listed)
	for _, a := range ours {
		delete(foreign, a.PublicIP)
		tag, gated := a.Tags[eiptag.Admission]
		if gated {
			v.Ungated = false
		}
		if listed[a.PublicIP] {
			v.Admitted = append(v.Admitted, a)
			if tag != eiptag.AdmissionAdmitted {
				v.Admit = append(v.Admit, a)
			}
			continue
		}
		if tag != eiptag.AdmissionRequired {
			v.Withdraw = append(v.Withdraw, a)
		}
		switch {
		case a.Listed():
			v.Pending = append(v.Pending, a)
		case a.Existing(): // the user's own: the pool lets go of it, nobody releases it
		case a.InUse():
			v.Held = append(v.Held, a)
		case effective[a.PublicIP]:
			v.Lingering = append(v.Lingering, a)
		default:
			v.Release = append(v.Release, a)
		}
	}
	v.Foreign = slices.Sorted(maps.Keys(foreign))
	return v
}

// unsettled are the allocation ids for which there is something to do, or to wait for.
func (v verdict) unsettled() []string {
	ids := eippool.IDs(slices.Concat(v.Admit, v.Withdraw, v.Release, v.Held, v.Lingering))
	slices.Sort(ids)
	return slices.Compact(ids)
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
