package assigner

import (
	"context"
	"time"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/eiptag"
)

// Report is the pool and the group as they are now, for whoever is on call.
type Report struct {
	Pool      string           `json:"pool"`
	Group     string           `json:"group"`
	Found     bool             `json:"group_found"`
	Addresses []AddressReport  `json:"addresses"`
	Without   []InstanceReport `json:"instances_without_address"`
}

// AddressReport is one address of the pool.
type AddressReport struct {
	AllocationID string `json:"allocation_id"`
	PublicIP     string `json:"public_ip"`
	// State is in_use, free, waiting_for_admission, draining, retired, or foreign: held by
	// what is not a member of the group.
	State          string `json:"state"`
	InstanceID     string `json:"instance_id,omitempty"`
	LifecycleState string `json:"lifecycle_state,omitempty"`
	// Since is when the address last changed hands, as far as the function did it.
	Since      *time.Time `json:"since,omitempty"`
	LastReason string     `json:"last_reason,omitempty"`
}

// InstanceReport is one member that has no address of the pool.
type InstanceReport struct {
	InstanceID     string `json:"instance_id"`
	LifecycleState string `json:"lifecycle_state"`
	Reason         string `json:"reason"`
}

// Report describes every address of the pool and every member without one. It changes nothing.
func (a *Assigner) Report(ctx context.Context) (Report, error) {
	report := Report{Pool: a.Config.PoolName, Group: a.Config.Group, Addresses: []AddressReport{}, Without: []InstanceReport{}}
	v, err := a.look(ctx)
	if err != nil {
		return report, err
	}
	report.Found = v.found
	provided := map[string]bool{}
	for _, held := range v.pool {
		line := AddressReport{AllocationID: held.allocationID, PublicIP: held.publicIP, InstanceID: v.holder(held)}
		lifecycleState, member := v.members[line.InstanceID]
		line.LifecycleState = lifecycleState
		line.State = stateOf(held, member)
		provided[line.InstanceID] = true
		since, reason := parseNote(held.tags[eiptag.LastReason])
		line.LastReason = reason
		if !since.IsZero() {
			line.Since = &since
		}
		report.Addresses = append(report.Addresses, line)
	}
	for _, id := range v.order {
		if provided[id] {
			continue
		}
		reason := "the next run gives it one"
		if len(candidates(v.pool, id)) == 0 {
			reason = a.shortage(v.pool)
		}
		report.Without = append(report.Without, InstanceReport{InstanceID: id, LifecycleState: v.members[id], Reason: reason})
	}
	return report, nil
}

func stateOf(held address, member bool) string {
	switch lifecycle := held.tags[eiptag.Lifecycle]; {
	case !held.free() && !member:
		return "foreign"
	case lifecycle != "":
		return lifecycle
	case !held.servable():
		return "waiting_for_admission"
	case held.free():
		return "free"
	}
	return "in_use"
}
