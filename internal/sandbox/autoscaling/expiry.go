package autoscaling

import (
	"fmt"
	"time"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/lifecycle"
)

// Bounds of MaxInstanceLifetime in seconds, by the API reference; zero is none.
const (
	minLifetime = 86400
	maxLifetime = 31536000
)

// expireLocked replaces the instances that are older than the group's maximum instance lifetime, within the limits
// that an instance refresh would keep to. AWS promises no order and spreads replacements over time; here the oldest
// go first, and at once. It returns how many instances above the desired capacity the group needs for that, and when
// to look again at the latest (zero: when something changes).
func (s *Service) expireLocked(g *group, now time.Time) (surge int, wait time.Duration) {
	if g.maxInstanceLifetime == nil || g.activeRefresh() != nil {
		return 0, 0
	}
	lifetime := time.Duration(*g.maxInstanceLifetime) * time.Second
	expired := func(i *instance) bool { return !now.Before(i.launched.Add(lifetime)) }
	next := time.Duration(0)
	for _, i := range g.instances {
		if left := i.launched.Add(lifetime).Sub(now); i.life.State() == lifecycle.InService && left > 0 && (next == 0 || left < next) {
			next = left
		}
	}
	members, wait := g.rolling(expired, func(i *instance) bool { return !expired(i) }, s.warmup(g, nil), now)
	plan := g.replacementLimits().Plan(g.desired, members)
	for _, id := range plan.Terminate {
		s.sendAwayLocked(g.instance(id), departure{cause: fmt.Sprintf("At %s an instance was taken out of service in response to its maximum lifetime.", now.UTC().Format(time.RFC3339))})
	}
	if wait == 0 || next > 0 && next < wait {
		wait = next
	}
	return plan.Surge, wait
}
