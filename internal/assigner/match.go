package assigner

import (
	"cmp"
	"hash/fnv"
	"slices"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/eiptag"
)

// claimant is an instance that wants an address, and its availability zone, "" if unknown.
type claimant struct{ id, zone string }

// free lists the addresses that may be claimed, without those in except.
func free(pool []address, except map[string]bool) []address {
	var out []address
	for _, a := range pool {
		if a.free() && eiptag.Claimable(a.tags) && !except[a.allocationID] {
			out = append(out, a)
		}
	}
	return out
}

// preference is how well an address suits a claimant: the less, the better. All
// preferences are different, so that every claimer orders them alike.
type preference struct {
	zone   int
	weight uint64
	claimant,
	address int
}

// prefer rates the pair of claimants[c] and addresses[a].
func prefer(claimants []claimant, addresses []address, c, a int) preference {
	return preference{
		zone:   zoneRank(claimants[c].zone, addresses[a].tags[eiptag.LastZone]),
		weight: weight(claimants[c].id, addresses[a].allocationID), claimant: c, address: a,
	}
}

// compare orders by zone, then by the greater weight, then by the order of the inputs.
func (p preference) compare(q preference) int {
	return cmp.Or(cmp.Compare(p.zone, q.zone), cmp.Compare(q.weight, p.weight), cmp.Compare(p.claimant, q.claimant), cmp.Compare(p.address, q.address))
}

// zoneRank puts an address that an instance of the same zone had last before one that
// nobody had, and that before one that belongs to another zone's instances.
func zoneRank(zone, last string) int {
	switch last {
	case "":
		return 1
	case zone:
		return 0
	}
	return 2
}

// candidates lists addresses in the order in which who, knowing of no other claimant, tries them. Claimants
// begin at different addresses, and one always at the same: a rendezvous hash.
func candidates(addresses []address, who claimant) []address {
	ordered := make([]preference, 0, len(addresses))
	for a := range addresses {
		ordered = append(ordered, prefer([]claimant{who}, addresses, 0, a))
	}
	slices.SortFunc(ordered, preference.compare)
	out := make([]address, 0, len(addresses))
	for _, p := range ordered {
		out = append(out, addresses[p.address])
	}
	return out
}

// match gives each claimant one of the addresses, as far as they go round, and no two the same: the best pair
// of all first, then the best of what is left, and so on. So whoever sees the same claimants and addresses, in whatever
// order, finds the same pairs; and once a pair has come together, those who no longer see it find
// the same pairs for the rest. The result is by claimant's id.
func match(claimants []claimant, addresses []address) map[string]address {
	claimants = slices.SortedFunc(slices.Values(claimants), func(x, y claimant) int { return cmp.Compare(x.id, y.id) })
	addresses = slices.SortedFunc(slices.Values(addresses), func(x, y address) int { return cmp.Compare(x.allocationID, y.allocationID) })
	rated := make([][]preference, len(claimants))
	for c := range claimants {
		for a := range addresses {
			rated[c] = append(rated[c], prefer(claimants, addresses, c, a))
		}
	}
	taken := make([]bool, len(addresses))
	// favourites are, for each claimant that has none yet, the best address that was not taken when it last
	// looked: at worst better than what is left, so the first of all is the best pair once it is not taken.
	favourites := make([]preference, 0, len(claimants))
	for c := range claimants {
		if p, ok := favourite(rated[c], taken); ok {
			favourites = append(favourites, p)
		}
	}
	matched := make(map[string]address, min(len(claimants), len(addresses)))
	for len(favourites) > 0 {
		first := 0
		for n := range favourites {
			if favourites[n].compare(favourites[first]) < 0 {
				first = n
			}
		}
		p, ok := favourites[first], false
		if taken[p.address] {
			favourites[first], ok = favourite(rated[p.claimant], taken)
		} else {
			matched[claimants[p.claimant].id], taken[p.address] = addresses[p.address], true
		}
		if !ok {
			favourites = slices.Delete(favourites, first, first+1)
		}
	}
	return matched
}

// favourite is the best of a claimant's preferences whose address is not taken; false if none is left.
func favourite(rated []preference, taken []bool) (preference, bool) {
	best := -1
	for n, p := range rated {
		if !taken[p.address] && (best < 0 || p.compare(rated[best]) < 0) {
			best = n
		}
	}
	if best < 0 {
		return preference{}, false
	}
	return rated[best], true
}

// weight is the rendezvous weight of an address for an instance. FNV alone mixes the
// last bytes poorly, hence the finishing multiplications (those of MurmurHash3).
func weight(instanceID, allocationID string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(instanceID + "\x00" + allocationID))
	x := h.Sum64()
	x = (x ^ x>>33) * 0xff51afd7ed558ccd
	x = (x ^ x>>33) * 0xc4ceb9fe1a85ec53
	return x ^ x>>33
}
