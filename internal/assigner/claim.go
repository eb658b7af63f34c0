package assigner

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/smithy-go"
)

// standing is what is known of the traffic of an instance that wants an address.
type standing int

const (
	// standingUnknown: a fresh event is all there is. Nothing is taken from the instance.
	standingUnknown standing = iota
	// standingLaunching: it does not serve yet. It goes on with exactly one sound address.
	standingLaunching
	// standingServing: it serves. Nothing is taken from it but a second address.
	standingServing
)

// verdict is what one attempt to give an instance its address found.
type verdict int

const (
	// waiting: nothing is wrong that time may not mend.
	waiting verdict = iota
	// held: the instance has exactly one address of the pool, read back.
	held
	// gone: the instance is shutting down or terminated.
	gone
	// refused: the instance must not serve, and waiting does not help.
	refused
	// unclear: more must be known of the instance before anything is done.
	unclear
)

// attempt is the outcome of one try.
type attempt struct {
	verdict verdict
	address address
	// reason says in a sentence why the instance does not have its address.
	reason string
	// instance is the zero value when EC2 did not show it.
	instance instance
	// denied: IAM refused a call. short: the pool has no free address.
	denied, short bool
}

// failed is the attempt that err ended.
func failed(i instance, err error) attempt {
	return attempt{instance: i, reason: err.Error(), denied: classify(err) == faultDenied}
}

// try makes one attempt to give an instance its address.
func (r *run) try(ctx context.Context, instanceID string, stands standing) attempt {
	instances, err := r.describeInstances(ctx, instanceID)
	if err != nil {
		return failed(instance{}, err)
	}
	i, shown := instances[instanceID]
	switch {
	case !shown:
		return attempt{reason: fmt.Sprintf("EC2 does not show instance %s", instanceID)}
	case i.leaving():
		return attempt{verdict: gone, instance: i, reason: fmt.Sprintf("instance %s is %s", instanceID, i.state)}
	case i.state != "running" || i.primary == "":
		return attempt{instance: i, reason: fmt.Sprintf("instance %s is %s and has the primary interface %q", instanceID, i.state, i.primary)}
	}
	pool, err := r.describePool(ctx)
	if err != nil {
		return failed(i, err)
	}
	if got, decided := r.keep(ctx, i, own(pool, i), stands); decided {
		return got
	}
	if ip := i.pooledAddress(pool); ip != "" {
		// One of the two listings is stale. Claiming now could swap the address of a live proxy.
		return attempt{instance: i, reason: fmt.Sprintf("EC2 shows %s on interface %s and not in the pool's listing", ip, i.primary)}
	}
	if ip := i.foreignAddress(pool); ip != "" {
		return attempt{verdict: refused, instance: i, reason: fmt.Sprintf("interface %s has the Elastic IP %s, which is not of pool %s; a foreign address is never swapped", i.primary, ip, r.Config.PoolName)}
	}
	return r.claim(ctx, i, pool)
}

// keep decides what becomes of the addresses that i holds. decided is false when it holds none, or
// none any more.
func (r *run) keep(ctx context.Context, i instance, owned []address, stands standing) (got attempt, decided bool) {
	sound := func(a address) bool { return a.leads(i) && a.servable() }
	switch {
	case len(owned) == 0:
		return attempt{}, false
	case len(owned) == 1 && sound(owned[0]):
		return attempt{verdict: held, instance: i, address: owned[0]}, true
	case stands == standingUnknown:
		return attempt{verdict: unclear, instance: i, reason: fmt.Sprintf("%s holds %d addresses, the first of them %s", i.id, len(owned), owned[0].allocationID)}, true
	}
	var kept *address
	tidied := true
	for _, candidate := range owned {
		switch {
		case kept == nil && (stands == standingServing || sound(candidate)):
			kept = &candidate
		case kept == nil:
			tidied = r.disassociate(ctx, candidate, i.zone, fmt.Sprintf("released by %s: it may not serve from the address", i.id)) && tidied
		default:
			tidied = r.disassociate(ctx, candidate, i.zone, fmt.Sprintf("released by %s: it also holds %s", i.id, kept.publicIP)) && tidied
		}
	}
	switch {
	case !tidied:
		return attempt{instance: i, reason: fmt.Sprintf("not all addresses that %s must give back are released", i.id)}, true
	case kept == nil:
		return attempt{}, false
	}
	return attempt{verdict: held, instance: i, address: *kept}, true
}

// maxConflicts ends an attempt that lost so many addresses to others: what it reads is stale then, and
// time mends that better than more calls.
const maxConflicts = 8

// claim asks for free addresses until one is i's, verified. The first is that of i's own order, which costs no
// call; after a conflict everybody who waits is matched with everything that is free.
func (r *run) claim(ctx context.Context, i instance, pool []address) attempt {
	lost := map[string]bool{}
	options := candidates(r.free(pool, lost), i.claimant())
	got := attempt{instance: i, reason: r.shortage(pool), short: len(options) == 0}
	for len(options) > 0 && len(lost) < maxConflicts {
		wanted := options[0]
		_, err := r.EC2.AssociateAddress(ctx, &ec2.AssociateAddressInput{
			AllocationId:       aws.String(wanted.allocationID),
			NetworkInterfaceId: aws.String(i.primary),
			// Sent even though it is false: EC2's default in a VPC is to take the
			// address away from whoever has it.
			AllowReassociation: aws.Bool(false),
		})
		if err == nil {
			confirmed, reason := r.confirm(ctx, i, wanted)
			if confirmed != nil {
				return attempt{verdict: held, instance: i, address: *confirmed}
			}
			// Time has passed: the interface may have got another address, so look at it again.
			r.doubtful[wanted.allocationID] = true
			return attempt{instance: i, reason: reason}
		}
		err = fmt.Errorf("associating %s (%s) with %s of %s: %w", wanted.allocationID, wanted.publicIP, i.primary, i.id, err)
		r.saw(err)
		r.Log.InfoContext(ctx, "address not claimed", "instance_id", i.id, "allocation_id", wanted.allocationID, "error", err.Error())
		got = failed(i, err)
		switch classify(err) {
		case faultTaken:
			r.tally.conflicts++
			if names(err, i.primary) {
				// It is the interface that has one: another run's, or a foreign one. The next look tells.
				return got
			}
		case faultAddress:
		case faultTransient, faultDenied, faultInactive:
			return got
		}
		if r.closing() {
			return got
		}
		lost[wanted.allocationID] = true
		if pool, err = r.describePool(ctx); err != nil {
			return failed(i, err)
		}
		if found, decided := r.keep(ctx, i, own(pool, i), standingUnknown); decided {
			return found
		}
		options = r.options(ctx, i, pool, lost)
	}
	return got
}

// free lists the addresses that may be claimed: not those in lost, and the doubtful ones only if there are no others.
func (r *run) free(pool []address, lost map[string]bool) []address {
	all := free(pool, lost)
	if sound := free(all, r.doubtful); len(sound) > 0 {
		return sound
	}
	return all
}

// names reports whether AWS's message is about id.
func names(err error, id string) bool {
	var api smithy.APIError
	return errors.As(err, &api) && strings.Contains(api.ErrorMessage(), id)
}

// options lists what i may try after a conflict, best first.
func (r *run) options(ctx context.Context, i instance, pool []address, lost map[string]bool) []address {
	addresses := r.free(pool, lost)
	if len(addresses) == 0 {
		return nil
	}
	alone := candidates(addresses, i.claimant())
	claimants, err := r.waiting(ctx, pool)
	if err != nil {
		r.Log.InfoContext(ctx, "claiming without regard to others who wait", "instance_id", i.id, "error", err.Error())
		return alone
	}
	if matched, ok := match(claimants, addresses)[i.id]; ok {
		return []address{matched}
	}
	// The group does not show i yet, or there are too few addresses. Who has none of the match may still be the
	// quicker one.
	return alone
}

// waiting lists the group's members that wait for an address.
func (r *run) waiting(ctx context.Context, pool []address) ([]claimant, error) {
	out, err := r.AutoScaling.DescribeAutoScalingGroups(ctx, &autoscaling.DescribeAutoScalingGroupsInput{AutoScalingGroupNames: []string{r.Config.Group}})
	if err != nil {
		r.saw(err)
		return nil, fmt.Errorf("reading group %s: %w", r.Config.Group, err)
	}
	provided := map[string]bool{}
	for _, a := range pool {
		provided[a.instanceID] = true
	}
	var claimants []claimant
	for _, group := range out.AutoScalingGroups {
		for _, member := range group.Instances {
			id := aws.ToString(member.InstanceId)
			if string(member.LifecycleState) == statePendingWait && !provided[id] {
				claimants = append(claimants, claimant{id, aws.ToString(member.AvailabilityZone)})
			}
		}
	}
	return claimants, nil
}
