package eippool

import (
	"context"
	"fmt"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
)

// Almost returns the addresses whose tag would make them members of the pool name, if upper and lower
// case made no difference; to AWS they do, in keys and in values.
func Almost(all []Address, key, name string) []Address {
	return Keep(all, func(a Address) bool { _, _, almost := a.almost(key, name); return almost })
}

func (a Address) almost(key, name string) (itsKey, itsName string, almost bool) {
	if a.Tags[key] == name {
		return "", "", false
	}
	for _, k := range sortedKeys(a.Tags) {
		if strings.EqualFold(k, key) && strings.EqualFold(a.Tags[k], name) {
			return k, a.Tags[k], true
		}
	}
	return "", "", false
}

// AlmostLines names what Almost returned with the tags that they have, one address a line.
func AlmostLines(almost []Address, key, name string) string {
	lines := make([]string, 0, len(almost))
	for _, a := range almost {
		itsKey, itsName, _ := a.almost(key, name)
		lines = append(lines, fmt.Sprintf("  - %s has the tag %s = %q", a, itsKey, itsName))
	}
	return strings.Join(lines, "\n")
}

// CaseHint looks for a pool that only differs in case from one that has no addresses, and says so for
// a message; "" if there is none, or if EC2 does not tell.
func (r Region) CaseHint(ctx context.Context, key, name string) string {
	all, err := r.All(ctx)
	if err != nil {
		return ""
	}
	almost := Almost(all, key, name)
	if len(almost) == 0 {
		return ""
	}
	return "Upper and lower case make a difference in tags. Almost of this name are:\n" + AlmostLines(almost, key, name)
}

// warnAlmost reports addresses that nobody takes for members of the pool, though somebody may have meant them to be.
func (s Spec) warnAlmost(all []Address, diags *diag.Diagnostics) {
	almost := Almost(all, s.TagKey, s.Name)
	if len(almost) == 0 {
		return
	}
	diags.AddAttributeWarning(path.Root("name"), "Addresses carry the pool's name in another case",
		fmt.Sprintf("Upper and lower case make a difference in tags, so these are not of pool %q (tag %s), and no instance of it claims them:\n%s\n\nIf they were meant to be, correct their tag. If another pool has that name, choose names that differ in more than case.",
			s.Name, s.TagKey, AlmostLines(almost, s.TagKey, s.Name)))
}

// refuseOtherGroup reports addresses of an earlier apply that only instances elsewhere could take.
func (s Spec) refuseOtherGroup(ours []Address, homeGroup string, diags *diag.Diagnostics) {
	group := s.group(homeGroup)
	elsewhere := Keep(ours, func(a Address) bool { return group != "" && a.BorderGroup != "" && a.BorderGroup != group })
	if len(elsewhere) == 0 {
		return
	}
	diags.AddAttributeError(path.Root("network_border_group"), "The pool has addresses in another network border group",
		fmt.Sprintf("Pool %q exists already, and of its addresses %s are of network border group %s; this configuration wants %s. An address cannot leave its group, and only instances of that group can take it. Nothing was changed.\n\nSet network_border_group = %q, or choose another name, or release them by hand if nothing needs them.",
			s.Name, Names(elsewhere), elsewhere[0].BorderGroup, group, elsewhere[0].BorderGroup))
}

// group is the network border group of the pool's addresses.
func (s Spec) group(homeGroup string) string {
	if s.BorderGroup != "" {
		return s.BorderGroup
	}
	return homeGroup
}
