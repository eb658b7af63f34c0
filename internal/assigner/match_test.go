package assigner

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/eiptag"
)

// randomPairs makes some claimants and addresses, of up to four zones or none.
func randomPairs(rng *rand.Rand) ([]claimant, []address) {
	zone := func() string { return []string{"", "a", "b", "c", "d"}[rng.IntN(5)] }
	var claimants []claimant
	var addresses []address
	for n := range rng.IntN(12) {
		claimants = append(claimants, claimant{fmt.Sprintf("i-%x%02d", rng.Uint32(), n), zone()})
	}
	for n := range rng.IntN(12) {
		addresses = append(addresses, address{allocationID: fmt.Sprintf("eipalloc-%x%02d", rng.Uint32(), n), tags: map[string]string{eiptag.LastZone: zone()}})
	}
	return claimants, addresses
}

// pairs is a match by allocation id, which compares.
func pairs(m map[string]address) map[string]string {
	out := map[string]string{}
	for id, a := range m {
		out[id] = a.allocationID
	}
	return out
}

func TestMatch(t *testing.T) {
	for seed := range uint64(2000) {
		rng := rand.New(rand.NewPCG(seed, 0))
		claimants, addresses := randomPairs(rng)
		got := pairs(match(claimants, addresses))
		if len(got) != min(len(claimants), len(addresses)) {
			t.Fatalf("seed %d: %d claimants and %d addresses, %d pairs", seed, len(claimants), len(addresses), len(got))
		}
		given := map[string]string{}
		for id, a := range got {
			if other, twice := given[a]; twice {
				t.Fatalf("seed %d: %s goes to %s and %s", seed, a, id, other)
			}
			given[a] = id
		}
		shuffledClaimants, shuffledAddresses := slices.Clone(claimants), slices.Clone(addresses)
		rng.Shuffle(len(shuffledClaimants), func(x, y int) {
			shuffledClaimants[x], shuffledClaimants[y] = shuffledClaimants[y], shuffledClaimants[x]
		})
		rng.Shuffle(len(shuffledAddresses), func(x, y int) {
			shuffledAddresses[x], shuffledAddresses[y] = shuffledAddresses[y], shuffledAddresses[x]
		})
		if again := pairs(match(shuffledClaimants, shuffledAddresses)); !maps.Equal(got, again) {
			t.Fatalf("seed %d: in another order %v, not %v", seed, again, got)
		}
		// Whoever has come to his address no longer waits, and the others' pairs stay.
		for id, a := range got {
			if rng.IntN(2) == 0 {
				continue
			}
			claimants = slices.DeleteFunc(claimants, func(c claimant) bool { return c.id == id })
			addresses = slices.DeleteFunc(addresses, func(x address) bool { return x.allocationID == a })
			delete(got, id)
		}
		if rest := pairs(match(claimants, addresses)); !maps.Equal(got, rest) {
			t.Fatalf("seed %d: the rest is matched as %v, not %v", seed, rest, got)
		}
	}
}

func TestMatchPutsZonesFirst(t *testing.T) {
	for seed := range uint64(500) {
		rng := rand.New(rand.NewPCG(seed, 1))
		claimants, addresses := randomPairs(rng)
		got := match(claimants, addresses)
		zones := map[string]string{}
		for _, c := range claimants {
			zones[c.id] = c.zone
		}
		// No claimant of a zone goes without while one of another zone has that zone's address.
		for _, c := range claimants {
			if c.zone == "" || got[c.id].tags[eiptag.LastZone] == c.zone {
				continue
			}
			for id, a := range got {
				if a.tags[eiptag.LastZone] == c.zone && zones[id] != c.zone {
					t.Fatalf("seed %d: %s of zone %q has %s of zone %s, and %s of that zone has not", seed, id, zones[id], a.allocationID, c.zone, c.id)
				}
			}
		}
	}
}

func TestCandidatesPutTheSameZoneFirst(t *testing.T) {
	var pool []address
	for n, zone := range []string{"b", "", "a", "b", "", "a"} {
		pool = append(pool, address{allocationID: fmt.Sprintf("eipalloc-%02d", n), tags: map[string]string{eiptag.LastZone: zone}})
	}
	for n := range 50 {
		var got string
		for _, a := range candidates(pool, claimant{fmt.Sprintf("i-%02d", n), "a"}) {
			got += "[" + a.tags[eiptag.LastZone] + "]"
		}
		if got != "[a][a][][][b][b]" {
			t.Fatalf("zones in the order %s", got)
		}
	}
}
