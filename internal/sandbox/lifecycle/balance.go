package lifecycle

import "time"

// Census is what a group has and wants.
type Census struct {
	Desired, Max int
	// Live is the number of instances whose State counts as Capacity, and of launches into
	// the group that have no instance yet.
	Live int
	// Surge is how many instances above Desired an instance refresh asks for.
	Surge int
	// Pool is the warm pool, nil for none; Warm the number of instances whose State is Warm
	// and of launches into the pool that have no instance yet; Resting those that can be started.
	Pool          *Pool
	Warm, Resting int
	// LaunchSuspended and TerminateSuspended are the group's suspended processes.
	LaunchSuspended, TerminateSuspended bool
	// NotBefore is the end of the pause after failing launches; see Backoff.
	NotBefore time.Time
}

// Decision is what a group does next; all of it at once.
type Decision struct {
	// Start is how many resting instances move from the warm pool into the group, Launch how
	// many new instances are launched into it, Terminate how many leave it.
	Start, Launch, Terminate int
	// Warm is how many instances are launched into the warm pool, Cool how many leave it for good.
	Warm, Cool int
	// Wait is how long to wait before deciding again, zero for "until something changes".
	Wait time.Duration
}

// Missing is how many instances the group lacks; less than zero, how many it has too many.
func (c Census) Missing() int { return c.Desired + c.Surge - c.Live }

// Balance decides how a group comes nearer to its desired capacity, and its warm pool to its size.
func Balance(c Census, now time.Time) Decision {
	var d Decision
	missing := c.Missing()
	mayLaunch := !c.LaunchSuspended
	if wait := c.NotBefore.Sub(now); mayLaunch && wait > 0 && (missing > 0 || c.poolLacks(0) > 0) {
		mayLaunch, d.Wait = false, wait
	}
	switch {
	case missing > 0 && mayLaunch:
		d.Start = min(missing, c.Resting)
		d.Launch = missing - d.Start
	case missing < 0 && !c.TerminateSuspended:
		d.Terminate = -missing
	}
	lacks := c.poolLacks(d.Start)
	if c.Pool.Reuses() {
		// Who leaves the group returns to the pool: it need not be filled otherwise.
		lacks -= d.Terminate
	}
	switch {
	case lacks > 0 && mayLaunch:
		d.Warm = lacks
	case lacks < 0 && !c.TerminateSuspended && d.Terminate == 0:
		// What the group will need once it may launch stays.
		d.Cool = max(0, -lacks-max(0, missing-d.Start-d.Launch))
	}
	return d
}

// poolLacks is how many instances the warm pool lacks after some of it were started.
func (c Census) poolLacks(started int) int {
	if c.Pool == nil {
		return 0
	}
	return c.Pool.Size(c.Desired, c.Max) - (c.Warm - started)
}

// Backoff is the growing pause between launches of a group whose launches keep failing:
// AWS "limits the rate at which it allows instances to launch if the lifecycle hooks are
// failing consistently", without numbers.
type Backoff struct {
	// First is the pause after the first failure; each further one in a row doubles it, up to Max.
	First, Max time.Duration

	failures int
	until    time.Time
}

// Failed notes a failed launch.
func (b *Backoff) Failed(now time.Time) {
	pause := b.Max
	if b.failures < 20 {
		pause = min(pause, b.First<<b.failures)
	}
	b.failures++
	b.until = now.Add(pause)
}

// Succeeded notes an instance in service: the next failure is a first one. A pause that
// has begun goes on.
func (b *Backoff) Succeeded() { b.failures = 0 }

// Until is the end of the pause; zero before the first failure.
func (b *Backoff) Until() time.Time { return b.until }
