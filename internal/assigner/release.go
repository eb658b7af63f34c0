package assigner

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
)

// release takes back every address of the pool that an instance holds; true when none is left.
// It fails only for now: the next run, or the end of the interface, frees the address.
func (r *run) release(ctx context.Context, instanceID, reason string) bool {
	return r.releaseIf(ctx, instanceID, reason, func(instance, bool) bool { return true })
}

// releaseEnded is release for an instance that EC2 shows as ending or not at all; what another
// one holds stays, and the answer is true then too.
func (r *run) releaseEnded(ctx context.Context, instanceID, reason string) bool {
	return r.releaseIf(ctx, instanceID, reason, func(i instance, shown bool) bool { return !shown || i.leaving() })
}

func (r *run) releaseIf(ctx context.Context, instanceID, reason string, may func(i instance, shown bool) bool) bool {
	instances, err := r.describeInstances(ctx, instanceID)
	if err != nil {
		r.Log.WarnContext(ctx, "addresses not released yet", "instance_id", instanceID, "error", err.Error())
		return false
	}
	i, shown := instances[instanceID]
	if !may(i, shown) {
		return true
	}
	if !shown {
		i = instance{id: instanceID}
	}
	pool, err := r.describePool(ctx)
	if err != nil {
		r.Log.WarnContext(ctx, "addresses not released yet", "instance_id", instanceID, "error", err.Error())
		return false
	}
	free := true
	for _, held := range own(pool, i) {
		free = r.disassociate(ctx, held, i.zone, fmt.Sprintf("released by %s: %s", instanceID, reason)) && free
	}
	return free
}

// disassociate undoes one association, as read just before. An association id names that one
// association, so a newer holder of the address is never touched. zone is the holder's.
func (r *run) disassociate(ctx context.Context, held address, zone, reason string) bool {
	_, err := r.EC2.DisassociateAddress(ctx, &ec2.DisassociateAddressInput{AssociationId: aws.String(held.associationID)})
	switch {
	case err == nil:
		r.tally.releases++
		r.Log.InfoContext(ctx, "address released", "allocation_id", held.allocationID, "public_ip", held.publicIP, "reason", reason)
		r.note(ctx, held.allocationID, reason, zone)
		return true
	case alreadyReleased(err):
		// Somebody else's release: the note is theirs, and the address may have a new holder.
		return true
	}
	r.saw(err)
	r.Log.WarnContext(ctx, "address not released yet", "allocation_id", held.allocationID, "association_id", held.associationID, "error", err.Error())
	return false
}
