package eippool

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/clouderr"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/eiptag"
)

// survey is what one listing of the Region's addresses says about a pool.
type survey struct {
	all []Address
	memberships
	decision decision
}

// staleLimit bounds the wait for addresses that state holds and EC2's listing does not: EC2 may not show
// yet what the last apply wrote.
const staleLimit = 30 * time.Second

// survey lists the Region's addresses once and decides. The listing is not filtered by the pool's tag: it has to show
// the user's own addresses, those whose tag was removed by hand, and how much of the quota is used.
func (b Backend) survey(ctx context.Context, s Spec, before model) (found survey, diags diag.Diagnostics) {
	expired := b.Region.expiry(staleLimit)
	err := b.Region.Waiter.Until(ctx, fmt.Sprintf("EC2 to list pool %q", s.Name), func(ctx context.Context) (string, bool, error) {
		all, err := b.Region.All(ctx)
		if err != nil {
			return "", false, err
		}
		found = survey{all: all, memberships: s.sortOut(all, before.known())}
		seen, missing := setOf(IDs(all)), 0
		for _, id := range before.order() {
			if !seen[id] {
				missing++
			}
		}
		return fmt.Sprintf("%d addresses are not listed", missing), missing == 0 || expired(), nil
	})
	if err != nil {
		clouderr.Add(&diags, "Cannot list Elastic IPs", err, fmt.Sprintf("The addresses of pool %q cannot be looked up (ec2:DescribeAddresses).", s.Name))
		return found, diags
	}
	sortByOrder(found.ours, before.order())
	found.decision = decide(s, found.ours, s.brought(found.all, found.ours, b.HomeGroup, &diags), before.slots(), before.returning(s, found.all, found.ours))
	return found, diags
}

// brought finds the user's addresses that are to join, and says which ones cannot.
func (s Spec) brought(all, ours []Address, homeGroup string, diags *diag.Diagnostics) []Address {
	members := setOf(IDs(ours))
	group := s.group(homeGroup)
	var joining []Address
	refuse := func(id, format string, args ...any) {
		diags.AddAttributeError(path.Root("existing_allocation_ids"), "An existing address cannot join the pool",
			fmt.Sprintf("%s %s", id, fmt.Sprintf(format, args...)))
	}
	for _, id := range sortedKeys(s.Existing) {
		if members[id] {
			continue
		}
		i := slices.IndexFunc(all, func(a Address) bool { return a.AllocationID == id })
		if i < 0 {
			if !s.Retire[id] {
				refuse(id, "does not exist in this account and Region. Take it off existing_allocation_ids, or write the allocation id of an Elastic IP of the provider's Region; `aws ec2 describe-addresses` lists them.")
			}
			continue
		}
		a := all[i]
		switch pool, owner := a.Tags[s.TagKey], a.Tags[eiptag.Owner]; {
		case pool != "" && pool != s.Name:
			refuse(id, "(%s) belongs to pool %q (tag %s). Take it out of that pool first.", a.PublicIP, pool, s.TagKey)
		case owner != "" && owner != s.Owner:
			refuse(id, "(%s) belongs to owner %q (tag %s), and this provider's owner is %q. Let that configuration give it up first.", a.PublicIP, owner, eiptag.Owner, s.Owner)
		case a.ServiceManaged != "":
			refuse(id, "(%s) is managed by the AWS service %s, so that no instance can claim it. Bring another address.", a.PublicIP, a.ServiceManaged)
		case group != "" && a.BorderGroup != "" && a.BorderGroup != group:
			refuse(id, "(%s) is of network border group %s, the pool's is %s. An address cannot leave its group: bring another one, or set network_border_group.", a.PublicIP, a.BorderGroup, group)
		default:
			joining = append(joining, a)
		}
	}
	return joining
}

// refuseForeign reports addresses that carry the pool's tag and are not ours. A new pool must not begin
// among them: instances find addresses by that tag alone.
func (s Spec) refuseForeign(m memberships, diags *diag.Diagnostics) {
	if len(m.others) > 0 {
		diags.AddAttributeError(path.Root("name"), "The pool belongs to another owner",
			fmt.Sprintf("Addresses with the tag %s = %q exist and belong to owner %q, while this provider's owner is %q: %s.\n\nChoose another name. If the pool is this configuration's, set the provider's `owner` to that owner.",
				s.TagKey, s.Name, m.others[0].Tags[eiptag.Owner], s.Owner, Names(m.others)))
	}
	if len(m.unowned) > 0 {
		diags.AddAttributeError(path.Root("existing_allocation_ids"), "Addresses carry the pool's tag by hand",
			fmt.Sprintf("Addresses with the tag %s = %q exist that have no owner tag, so this provider did not make them, but instances would claim them: %s.\n\nWrite their allocation ids into existing_allocation_ids, or remove the tag from them.",
				s.TagKey, s.Name, Names(m.unowned)))
	}
}

// warnForeign is refuseForeign for a pool that exists.
func (s Spec) warnForeign(m memberships, diags *diag.Diagnostics) {
	if foreign := slices.Concat(m.others, m.unowned); len(foreign) > 0 {
		diags.AddWarning("Foreign addresses carry the pool's tag",
			fmt.Sprintf("Addresses that are not of this pool carry its tag %s = %q, so that instances may claim them, though no firewall is told of them: %s. Nothing is changed on them. Remove the tag, or write their allocation ids into existing_allocation_ids.",
				s.TagKey, s.Name, Names(foreign)))
	}
}

// refuse reports what would have to leave and is in use, and slots without an address.
func (b Backend) refuse(ctx context.Context, s Spec, d decision, diags *diag.Diagnostics) {
	if d.Short == 0 && len(d.Unserved) == 0 {
		return
	}
	d.Blocked, d.Stay = b.Region.Named(ctx, d.Blocked), b.Region.Named(ctx, d.Stay)
	s.refuseBlocked(d, diags)
	s.refuseUnserved(d, diags)
}

// refuseBlocked reports what would have to leave and is in use.
func (s Spec) refuseBlocked(d decision, diags *diag.Diagnostics) {
	if d.Short == 0 {
		return
	}
	at := path.Root("size")
	if slices.ContainsFunc(d.Blocked, Address.Existing) {
		at = path.Root("existing_allocation_ids")
	}
	diags.AddAttributeError(at, "Addresses that would have to leave the pool are in use",
		fmt.Sprintf("For size %d, pool %q has %d too few addresses that nothing uses. In use are:\n%s\n\nNothing was released. Let the fleet shrink first, or name addresses in retire beside the smaller size: they leave as their instances do.%s",
			s.Size, s.Name, d.Short, InUseLines(d.Blocked), s.forceHint()))
}

func (s Spec) forceHint() string {
	if s.RequireAdmission || s.ForceRelease {
		return ""
	}
	return " force_release = true takes them from their users."
}

// adoptionWarning says what a create will take over.
func adoptionWarning(s Spec, ours []Address, diags *diag.Diagnostics) {
	if len(ours) == 0 {
		return
	}
	var extra []string
	if n := len(idsIn(ours, eiptag.LifecycleDraining)); n > 0 {
		extra = append(extra, fmt.Sprintf("%d draining", n))
	}
	if n := len(idsIn(ours, eiptag.LifecycleRetired)); n > 0 {
		extra = append(extra, fmt.Sprintf("%d retired", n))
	}
	detail := ""
	if len(extra) > 0 {
		detail = ", of these " + strings.Join(extra, " and ")
	}
	diags.AddWarning(fmt.Sprintf("%d addresses of this name exist and will be adopted", len(ours)),
		fmt.Sprintf("Pool %q of owner %q has addresses already%s: %s. An apply that was interrupted leaves them so. If they belong to another configuration that still runs, choose another name.",
			s.Name, s.Owner, detail, Names(ours)))
}
