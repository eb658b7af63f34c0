package eipassigner

import (
	"fmt"
	"slices"
	"strings"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/eiptag"
)

// Values of the attribute status.
const (
	// statusInService: the group has all its instances in service, each with its address.
	statusInService = "in_service"
	// statusWaitingForInstances: the group has fewer instances than it wants, or they still start or stop.
	statusWaitingForInstances = "waiting_for_instances"
	// statusWaitingForAddresses: instances wait for an address, or serve without one.
	statusWaitingForAddresses = "waiting_for_addresses"
	// statusIncomplete: parts of the assigner are missing, the apply was interrupted.
	statusIncomplete = "incomplete"
	// statusGroupNotFound: the group with this ARN does not exist any more.
	statusGroupNotFound = "group_not_found"
)

// Lifecycle states of a group's instance.
const (
	stateInService   = "InService"
	statePendingWait = "Pending:Wait"
)

// size is what a group is told to be.
type size struct{ min, max, desired int64 }

// member is one instance of the group and its address of the pool, "" if it has none.
type member struct{ id, state, address string }

// fleet is the group and the pool as one look saw them.
type fleet struct {
	found bool
	size
	surge   surge
	members []member
	// active counts the pool's addresses that are neither draining nor retired; unadmitted those
	// among them that no firewall has admitted yet; others those held by what is not of the group.
	active, unadmitted, others int
}

// inService counts the members that serve with an address of the pool.
func (f fleet) inService() int64 {
	var n int64
	for _, m := range f.members {
		if m.state == stateInService && m.address != "" {
			n++
		}
	}
	return n
}

// status says how far the fleet is, and in a sentence why it is not further.
func (f fleet) status(group, pool string) (status, reason string) {
	if !f.found {
		return statusGroupNotFound, fmt.Sprintf("Auto Scaling group %s does not exist (any more).", group)
	}
	var without, moving []string
	for _, m := range f.members {
		switch {
		case m.address == "" && (m.state == stateInService || m.state == statePendingWait):
			without = append(without, m.id+" ("+m.state+")")
		case m.state == statePendingWait:
			moving = append(moving, m.id+" ("+m.state+", with an address: another lifecycle hook holds it)")
		case m.state != stateInService:
			moving = append(moving, m.id+" ("+m.state+")")
		}
	}
	switch {
	case len(without) > 0:
		return statusWaitingForAddresses, fmt.Sprintf("Without an address: %s. %s", strings.Join(without, ", "), f.describePool(pool))
	case len(moving) > 0:
		return statusWaitingForInstances, fmt.Sprintf("On their way: %s.", strings.Join(moving, ", "))
	case int64(len(f.members)) != f.desired:
		return statusWaitingForInstances, fmt.Sprintf("Group %s has %d of %d instances; its activity history tells why one does not start.", group, len(f.members), f.desired)
	}
	return statusInService, ""
}

func (f fleet) describePool(pool string) string {
	return fmt.Sprintf("Pool %s has %d active addresses; %d of them wait for the firewall's admission, %d are held outside of the group.", pool, f.active, f.unadmitted, f.others)
}

// resize is the size that the group should get, and whether it is not so already. The desired
// capacity is ours only at first, when the group is still empty by intent; later it is
// whatever scaling made of it, within the bounds.
func (f fleet) resize(minimum, maximum, initial int64) (size, bool) {
	want := size{min: minimum, max: maximum, desired: min(max(f.desired, minimum), maximum)}
	if f.max == 0 {
		want.desired = initial
	}
	return want, want != f.size
}

// poolMember is one Elastic IP as the fleet's status needs it.
type poolMember struct {
	publicIP, instanceID, interfaceID string
	held                              bool
	tags                              map[string]string
}

// newFleet joins members, their interfaces and the pool.
func newFleet(f fleet, interfaces map[string][]string, pool []poolMember) fleet {
	for _, a := range pool {
		if a.tags[eiptag.Lifecycle] == "" {
			f.active++
			if !eiptag.Claimable(a.tags) {
				f.unadmitted++
			}
		}
		if !a.held {
			continue
		}
		at := slices.IndexFunc(f.members, func(m member) bool {
			return m.id == a.instanceID || a.interfaceID != "" && slices.Contains(interfaces[m.id], a.interfaceID)
		})
		if at < 0 {
			f.others++
			continue
		}
		f.members[at].address = a.publicIP
	}
	return f
}
