package eippool

import (
	"maps"
	"slices"
	"strings"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/eiptag"
)

// nameTag is the tag that consoles show as an object's name.
const nameTag = "Name"

// Spec is what a configuration wants of a pool.
type Spec struct {
	Name, TagKey, Owner string
	// Size is the number of active addresses.
	Size int
	// Existing are the allocation ids that the user brings; Retire those to rotate out.
	Existing, Retire map[string]bool
	// Slots are the names of places that keep an address each.
	Slots map[string]bool
	// RequireAdmission gates the pool: a firewall must admit an address before it can be claimed,
	// and have forgotten it before it goes back to AWS.
	RequireAdmission bool
	// ForceRelease takes addresses from those who use them.
	ForceRelease          bool
	IPv4Pool, BorderGroup string
	DefaultTags, UserTags map[string]string
}

// newTags are the tags that an address is allocated with; slot "" is none.
func (s Spec) newTags(slot string) map[string]string {
	tags := map[string]string{nameTag: s.Name}
	maps.Copy(tags, s.DefaultTags)
	maps.Copy(tags, s.UserTags)
	maps.Copy(tags, s.controlTags(slot))
	return tags
}

// controlTags are the tags that make an address one of the pool.
func (s Spec) controlTags(slot string) map[string]string {
	tags := map[string]string{s.TagKey: s.Name, eiptag.Owner: s.Owner}
	if slot != "" {
		tags[eiptag.Slot] = slot
	}
	if s.RequireAdmission {
		tags[eiptag.Admission] = eiptag.AdmissionRequired
	}
	return tags
}

// existingTags are the tags that an address of the user's gets: those that the pool's memory
// needs and no others, since the address and its other tags are not ours.
func (s Spec) existingTags(slot string) map[string]string {
	tags := s.controlTags(slot)
	tags[eiptag.Existing] = eiptag.ExistingTrue
	return tags
}

// wantedTags are the tags that an address of the pool should have now. Whether a firewall
// has admitted it is the admission's to say, so that an answer already given stays.
func (s Spec) wantedTags(a Address, slot string) map[string]string {
	tags := s.newTags(slot)
	if s.Existing[a.AllocationID] {
		tags = s.existingTags(slot)
	}
	if s.RequireAdmission && a.Tags[eiptag.Admission] == eiptag.AdmissionAdmitted {
		tags[eiptag.Admission] = eiptag.AdmissionAdmitted
	}
	return tags
}

// tagFix is what it takes to bring the tags of one address in order.
type tagFix struct {
	set, remove map[string]string
}

func (f tagFix) none() bool { return len(f.set) == 0 && len(f.remove) == 0 }

// tagFixFor compares the tags of an address of the pool with the wanted ones. Tags that are
// not ours stay; dropped are the user tags of the last apply that the configuration no longer has.
func (s Spec) tagFixFor(a Address, slot string, dropped map[string]string) tagFix {
	fix := tagFix{set: map[string]string{}, remove: map[string]string{}}
	wanted := s.wantedTags(a, slot)
	for key, value := range wanted {
		if have, ok := a.Tags[key]; !ok || have != value {
			fix.set[key] = value
		}
	}
	for key, value := range dropped {
		if _, stays := wanted[key]; !stays && a.Tags[key] == value {
			fix.remove[key] = value
		}
	}
	if value, gated := a.Tags[eiptag.Admission]; gated && !s.RequireAdmission {
		fix.remove[eiptag.Admission] = value
	}
	if value, kept := a.Tags[eiptag.Slot]; kept && slot == "" {
		fix.remove[eiptag.Slot] = value
	}
	return fix
}

// ownTags returns those of an address's tags that the pool put there, with their values:
// what is taken off an address of the user's when it leaves.
func (s Spec) ownTags(a Address) map[string]string {
	own := map[string]string{}
	for _, key := range []string{s.TagKey, eiptag.Owner, eiptag.Existing, eiptag.Admission, eiptag.Lifecycle, eiptag.Slot} {
		if value, ok := a.Tags[key]; ok {
			own[key] = value
		}
	}
	return own
}

// drifted returns the allocation ids of addresses whose tags are not the wanted ones.
func (s Spec) drifted(ours []Address, slots slotMap) []string {
	var ids []string
	for _, a := range ours {
		if a.Existing() && !s.Existing[a.AllocationID] || !s.tagFixFor(a, slots.wantedSlot(a, false), nil).none() {
			ids = append(ids, a.AllocationID)
		}
	}
	return ids
}

// memberships sorts addresses that carry the pool's tag by whose they are.
type memberships struct {
	ours []Address
	// others belong to another owner, unowned to nobody: tagged by hand.
	others, unowned []Address
}

// sortOut finds the pool's addresses among all. An address without owner is ours only
// if known says that it was before (its tag was removed by hand), or if the user brings it.
func (s Spec) sortOut(all []Address, known map[string]bool) memberships {
	var m memberships
	for _, a := range all {
		if a.Tags[s.TagKey] != s.Name {
			continue
		}
		switch owner := a.Tags[eiptag.Owner]; {
		case owner == s.Owner, owner == "" && (known[a.AllocationID] || s.Existing[a.AllocationID]):
			m.ours = append(m.ours, a)
		case owner == "":
			m.unowned = append(m.unowned, a)
		default:
			m.others = append(m.others, a)
		}
	}
	return m
}

// reservedKey reports whether a tag key is not the user's to set on a pool's addresses.
func reservedKey(key string) bool {
	return strings.HasPrefix(strings.ToLower(key), "aws:") || strings.HasPrefix(key, "crosscloudlink:")
}

func setOf(ids []string) map[string]bool {
	set := make(map[string]bool, len(ids))
	for _, id := range ids {
		set[id] = true
	}
	return set
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
