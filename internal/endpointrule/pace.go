package endpointrule

import (
	"time"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/waiter"
)

// Pace has a waiter wait as rules want it: they need minutes, and days if they wait for people.
// The pause grows slowly, so that an end after a minute or two is noticed some seconds later, and
// far, so that ten minutes cost fewer than 60 polls.
func Pace(w waiter.Waiter) waiter.Waiter {
	w.Min, w.Max, w.Growth = time.Second, 30*time.Second, 1.075
	return w
}
