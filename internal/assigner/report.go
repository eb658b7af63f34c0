package assigner

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/eiptag"
)

// Report is the pool and the group as they are now, for whoever is on call.
type Report struct {
	Pool  string `json:"pool"`
	Group string `json:"group"`
	Found bool   `json:"group_found"`
	// Counts is the number of addresses by state; members_<lifecycle state> the number of members.
	Counts    map[string]int   `json:"counts"`
	Addresses []AddressReport  `json:"addresses"`
	Without   []InstanceReport `json:"instances_without_address"`
	// Abandoned are the launches that were abandoned lately, newest first: as long as EC2 shows the
	// terminated instances, which is about an hour.
	Abandoned []AbandonReport `json:"abandoned_launches"`
}

// AddressReport is one address of the pool.
type AddressReport struct {
	AllocationID string `json:"allocation_id"`
	PublicIP     string `json:"public_ip"`
	// State is in_use, free, waiting_for_admission, draining, retired, stray (held by an instance of the fleet that
	// is not to serve, and about to be released) or foreign (held by what is neither, and left alone).
	State          string `json:"state"`
	InstanceID     string `json:"instance_id,omitempty"`
	LifecycleState string `json:"lifecycle_state,omitempty"`
	// Zone is the holder's availability zone or, for a free address, the last holder's.
	Zone string `json:"zone,omitempty"`
	// Since is when the address last changed hands, as far as that is known: the later of the
	// function's last note and the holder's launch.
	Since *time.Time `json:"since,omitempty"`
	// LastReason is why: the note's, or "claimed by" the holder if it was launched after the note.
	LastReason string `json:"last_reason,omitempty"`
}

// InstanceReport is one member that has no address of the pool.
type InstanceReport struct {
	InstanceID     string `json:"instance_id"`
	LifecycleState string `json:"lifecycle_state"`
	Zone           string `json:"zone,omitempty"`
	Reason         string `json:"reason"`
}

// AbandonReport is one launch that was abandoned.
type AbandonReport struct {
	InstanceID string     `json:"instance_id"`
	Zone       string     `json:"zone,omitempty"`
	At         *time.Time `json:"at,omitempty"`
	Reason     string     `json:"reason"`
}

// Report describes every address of the pool, every member without one, and the launches that were
// abandoned lately. It changes nothing.
func (a *Assigner) Report(ctx context.Context) (Report, error) {
	r := a.begin(ctx)
	report := Report{
		Pool: a.Config.PoolName, Group: a.Config.Group, Counts: map[string]int{},
		Addresses: []AddressReport{}, Without: []InstanceReport{}, Abandoned: []AbandonReport{},
	}
	v, err := r.look(ctx)
	if err != nil {
		return report, err
	}
	report.Found = v.found
	provided := map[string]bool{}
	for _, held := range v.pool {
		line := r.addressReport(v, held)
		provided[line.InstanceID] = true
		report.Counts[line.State]++
		report.Addresses = append(report.Addresses, line)
	}
	for _, id := range v.order {
		state := v.members[id]
		report.Counts["members_"+state]++
		if provided[id] || phaseOf(state) == phaseWarm {
			continue
		}
		reason := "the next run gives it one"
		if phaseOf(state) == phaseLeaving {
			reason = "it is leaving"
		} else if len(free(v.pool, nil)) == 0 {
			reason = a.shortage(v.pool)
		}
		report.Without = append(report.Without, InstanceReport{InstanceID: id, LifecycleState: state, Zone: v.instances[id].zone, Reason: reason})
	}
	report.Abandoned, err = r.abandoned(ctx)
	return report, err
}

func (r *run) addressReport(v view, held address) AddressReport {
	line := AddressReport{AllocationID: held.allocationID, PublicIP: held.publicIP, InstanceID: v.holder(held), Zone: held.tags[eiptag.LastZone]}
	line.LifecycleState = v.members[line.InstanceID]
	line.State = stateOf(held, v.standing(held, r.Config.PoolName))
	since, reason := eiptag.ParseNote(held.tags[eiptag.LastReason])
	if i, shown := v.instances[line.InstanceID]; shown && line.InstanceID != "" {
		line.Zone = i.zone
		if i.launched.After(since) {
			// A claim leaves no note: one written before the holder was launched is about who had it before.
			since, reason = i.launched, "claimed by "+i.id
		}
	}
	line.LastReason = reason
	if !since.IsZero() {
		line.Since = &since
	}
	return line
}

func stateOf(held address, how holding) string {
	switch lifecycle := held.tags[eiptag.Lifecycle]; {
	case how == holdingStray, how == holdingEnded:
		return "stray"
	case how == holdingForeign, how == holdingUnseen:
		return "foreign"
	case lifecycle != "":
		return lifecycle
	case !held.servable():
		return "waiting_for_admission"
	case how == holdingNone:
		return "free"
	}
	return "in_use"
}

// abandoned lists the fleet's instances whose launch was abandoned, newest first.
func (r *run) abandoned(ctx context.Context) ([]AbandonReport, error) {
	out := []AbandonReport{}
	err := r.eachInstance(ctx, func(i instance) {
		at, reason := eiptag.ParseNote(i.tags[eiptag.Abandoned])
		line := AbandonReport{InstanceID: i.id, Zone: i.zone, Reason: reason}
		if !at.IsZero() {
			line.At = &at
		}
		out = append(out, line)
	}, types.Filter{Name: aws.String("tag-key"), Values: []string{eiptag.Abandoned}},
		types.Filter{Name: aws.String("tag:" + eiptag.DefaultPoolKey), Values: []string{r.Config.PoolName}})
	if err != nil {
		return out, fmt.Errorf("reading the instances whose launch was abandoned: %w", err)
	}
	slices.SortFunc(out, func(x, y AbandonReport) int {
		return cmp.Or(-compareTimes(x.At, y.At), cmp.Compare(x.InstanceID, y.InstanceID))
	})
	return out, nil
}

func compareTimes(x, y *time.Time) int {
	return aws.ToTime(x).Compare(aws.ToTime(y))
}
