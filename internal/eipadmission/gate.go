package eipadmission

import (
	"context"
	"fmt"
	"maps"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/clouderr"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/eippool"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/eiptag"
)

// settleLimit bounds the wait for EC2's listing to show the tags that were written.
const settleLimit = 2 * time.Minute

// gate changes the admission of one pool's addresses, and keeps them in step with each write.
type gate struct {
	backend
	key, name string
	ours      []eippool.Address
	diags     *diag.Diagnostics
}

// look lists the pool, waiting a moment for one that was just made.
func (g *gate) look(ctx context.Context, m model) bool {
	found, _, err := g.region.AwaitPool(ctx, g.key, g.name, fmt.Sprintf("EC2 to list pool %q", g.name), appearLimit, func(found []eippool.Address) (string, bool) {
		return fmt.Sprintf("%d addresses listed", len(found)), len(found) > 0
	})
	if err != nil {
		clouderr.Add(g.diags, "Cannot list the pool", err, fmt.Sprintf("The addresses of pool %q cannot be listed (ec2:DescribeAddresses); no admission was changed.", g.name))
		return false
	}
	ours, others := membersOf(found, g.owner)
	if refuseOthers(m, g.owner, ours, others, g.diags) {
		return false
	}
	if len(ours) == 0 {
		detail := fmt.Sprintf("No Elastic IP in this account and Region carries the tag %s = %q. Take pool_name (and tag_key) from the crosscloudlink_eip_pool, as in pool_name = crosscloudlink_eip_pool.egress.name.", g.key, g.name)
		if hint := g.region.CaseHint(ctx, g.key, g.name); hint != "" {
			detail += "\n\n" + hint
		}
		g.diags.AddAttributeError(path.Root("pool_name"), "No such pool", detail)
		return false
	}
	g.ours = ours
	return true
}

// follow carries a verdict out: what must not serve any more first, what may serve then, and last what may go.
func (g *gate) follow(ctx context.Context, v verdict) (released []eippool.Address, ok bool) {
	if !g.withdraw(ctx, v.Withdraw, "not listed any more by "+quoted(v.lacking(v.Withdraw)...)) {
		return nil, false
	}
	if err := g.tag(ctx, v.Admit, eiptag.AdmissionAdmitted); err != nil {
		clouderr.Add(g.diags, "Cannot admit addresses", err, fmt.Sprintf("Pool %q: all firewalls list %s, but they could not be tagged as admitted, so nobody may claim them yet.", g.name, eippool.Names(v.Admit)))
		return nil, false
	}
	for _, a := range g.region.Named(ctx, v.Held) {
		g.stillUsed(a, a.User())
	}
	for _, a := range v.Lingering {
		g.diags.AddWarning("A firewall still lists a retired address",
			fmt.Sprintf("Pool %q: %s is retired, and %s lists it as an entry that no resource of this configuration manages (unmanaged_ip_rules): an apply that was killed has left it, or somebody else relies on it. It was not released: whoever gets it next would be let in.\n\n"+
				"Remove the entry from the account's firewall, or let its crosscloudlink_aoai_ip_firewall take it over (terraform import with ACCOUNT_ID#OWNER#%s,… and all other entries of that resource), and apply. The next plan shows an update until it is gone.", g.name, a, quoted(v.Listing[a.PublicIP]...), a.PublicIP))
	}
	for _, a := range v.Release {
		switch err := g.region.Release(ctx, a); {
		case err == nil:
			released = append(released, a)
			g.drop(a)
		case eippool.IsInUse(err):
			g.stillUsed(a, "something that has just claimed it")
		default:
			clouderr.AddWarning(g.diags, "A retired address could not be released", err, fmt.Sprintf("Pool %q: the firewalls have forgotten %s, but AWS did not take it back. The next plan shows an update.", g.name, a))
		}
	}
	return released, true
}

// withdraw closes the gate for addresses, in use or not: an instance on one of them no longer
// gets through every firewall anyhow, and must not be taken for one that serves.
func (g *gate) withdraw(ctx context.Context, addresses []eippool.Address, because string) bool {
	if err := g.tag(ctx, addresses, eiptag.AdmissionRequired); err != nil {
		clouderr.Add(g.diags, "Cannot withdraw admissions", err, fmt.Sprintf("Pool %q: %s are to be admitted no longer (%s), but their tags could not be changed.", g.name, eippool.Names(addresses), because))
		return false
	}
	if used := inUse(addresses); len(used) > 0 {
		g.diags.AddWarning("Addresses lost their admission while in use",
			fmt.Sprintf("Pool %q: these addresses may not be claimed again (%s), and what they serve may be refused at the other end:\n%s\n\nIf this was not meant, put the addresses back into the firewalls' rules and apply.", g.name, because, eippool.InUseLines(g.region.Named(ctx, used))))
	}
	return true
}

func (g *gate) stillUsed(a eippool.Address, user string) {
	g.diags.AddWarning("A retired address is still in use",
		fmt.Sprintf("Pool %q: the firewalls have forgotten %s, but it is used by %s, so it was not released. The next plan shows an update until it is.", g.name, a, user))
}

func (g *gate) tag(ctx context.Context, addresses []eippool.Address, admission string) error {
	tags := map[string]string{eiptag.Admission: admission}
	if err := g.region.Tag(ctx, eippool.IDs(addresses), tags); err != nil {
		return err
	}
	for _, changed := range addresses {
		for i, a := range g.ours {
			if a.AllocationID == changed.AllocationID {
				g.ours[i].Tags = maps.Clone(a.Tags)
				g.ours[i].Tags[eiptag.Admission] = admission
			}
		}
	}
	return nil
}

func (g *gate) drop(gone eippool.Address) {
	g.ours = eippool.Keep(g.ours, func(a eippool.Address) bool { return a.AllocationID != gone.AllocationID })
}

// settle waits until EC2's listing shows the tags that were written: whoever claims an address goes by that listing.
// The writes are done, so that a cancellation does not cut this last look short.
func (g *gate) settle(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleLimit)
	defer cancel()
	expected := make(map[string]string, len(g.ours))
	for _, a := range g.ours {
		expected[a.AllocationID] = a.Tags[eiptag.Admission]
	}
	_, seen, err := g.region.AwaitPool(ctx, g.key, g.name, fmt.Sprintf("EC2 to show the admission of pool %q", g.name), settleLimit, func(found []eippool.Address) (string, bool) {
		shown := 0
		for _, a := range found {
			if want, ok := expected[a.AllocationID]; ok && a.Tags[eiptag.Admission] == want {
				shown++
			}
		}
		return fmt.Sprintf("%d of %d addresses as written", shown, len(expected)), shown == len(expected)
	})
	if err != nil || !seen {
		clouderr.AddWarning(g.diags, "The admission is written but not seen yet", err, fmt.Sprintf("All tags of pool %q were accepted; EC2 does not show all of them yet.", g.name), "The next plan looks again.")
	}
}
