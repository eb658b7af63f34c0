package assigner

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/eiptag"
)

const (
	// strayGrace is how long a stray is left alone after it was marked: longer than any listing lags, and
	// long enough for whoever moved the instance to see why its address is about to go.
	strayGrace = 2 * time.Minute
	// strayMark is how long a mark counts. An older one may be from another time.
	strayMark = 15 * time.Minute
)

// stray deals with an address on an instance of the fleet that runs and is not to serve: it left the group without
// ending, or it is in the warm pool. The first run that sees it marks the address, a later one takes it back.
func (r *run) stray(ctx context.Context, v view, held address) (Result, bool) {
	holder := v.holder(held)
	where := "not in group " + r.Config.Group
	if state := v.members[holder]; state != "" {
		where = state
	}
	marked := fmt.Sprintf("stray on %s,", holder)
	since, reason := eiptag.ParseNote(held.tags[eiptag.LastReason])
	age := r.now().Sub(since)
	switch {
	case !strings.HasPrefix(reason, marked) || age > strayMark:
		reason = fmt.Sprintf("%s which is %s: released in %s unless that changes", marked, where, strayGrace)
		r.note(ctx, held.allocationID, reason, "")
		return Result{InstanceID: holder, Outcome: OutcomeMarked, AllocationID: held.allocationID, PublicIP: held.publicIP, Reason: reason}, true
	case age < strayGrace:
		return Result{}, false
	}
	return r.takeBack(ctx, v, held, "the instance is "+where)
}

// takeBack releases one address from whoever has it.
func (r *run) takeBack(ctx context.Context, v view, held address, why string) (Result, bool) {
	holder := v.holder(held)
	reason := fmt.Sprintf("released by %s: %s", holder, why)
	if !r.disassociate(ctx, held, v.instances[holder].zone, reason) {
		return Result{}, false
	}
	return Result{InstanceID: holder, Outcome: OutcomeReleased, AllocationID: held.allocationID, PublicIP: held.publicIP, Reason: reason}, true
}
