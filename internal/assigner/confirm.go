package assigner

import (
	"context"
	"fmt"
)

// confirm reads the pool until it shows exactly one sound address at i, or until the time that reads may
// lag is over. A read that shows another holder of what was claimed proves nothing: it may be
// the holder of before.
func (r *run) confirm(ctx context.Context, i instance, claimed address) (*address, string) {
	deadline := r.now().Add(settle)
	var confirmed *address
	reason := fmt.Sprintf("EC2 accepted %s for %s but does not show the association", claimed.allocationID, i.id)
	err := r.Waiter.Until(ctx, fmt.Sprintf("%s to show %s", claimed.allocationID, i.primary), func(ctx context.Context) (string, bool, error) {
		late := r.now().After(deadline) || r.closing()
		pool, err := r.describePool(ctx)
		if err != nil {
			reason = err.Error()
			return "unreadable", late, nil //nolint:nilerr // a later look may succeed; reason keeps what was wrong
		}
		owned := own(pool, i)
		switch {
		case len(owned) == 1 && owned[0].leads(i) && owned[0].servable():
			confirmed = &owned[0]
			return "confirmed", true, nil
		case len(owned) > 0:
			reason = fmt.Sprintf("%s holds %d addresses, the first of them %s, and keeps one that it may serve from", i.id, len(owned), owned[0].allocationID)
			return "to be tidied", true, nil
		}
		return "not visible", late, nil
	})
	if err != nil {
		reason = err.Error()
	}
	return confirmed, reason
}
