// Package assignertest is a world for functions that give Auto Scaling instances their Elastic IPs: EC2's addresses and
// instances, one group with its hooks and warm pool, EventBridge and Lambda, in virtual time. The rules are
// those of packages elasticip and lifecycle, which the sandbox plays too; this package adds time, latencies and faults.
//
// A Schedule is all that decides how a world goes: Play runs one from its beginning until everything
// has settled, and returns what promises were broken. Generate makes the schedule of a seed, and its text replays
// exactly. A World is driven by hand where a test has one fault in mind. A Contest, or Race, has many
// instances launch at once and counts; it needs no test.
//
//	tally := assignertest.Race(100, func(ctx context.Context, c assignertest.Clients, payload json.RawMessage) error {
//		… an assigner of c.EC2, c.AutoScaling and c.Clock handles payload …
//	})
//	tally.AssociatePerLaunch()
//
// Everything in a world happens on one goroutine at a time, one thing after the other; a function must do its calls on
// the goroutine that it is called on and take its time from Clients.Clock. (Not testing/synctest: that wants
// a *testing.T, which a benchmark's program has not, and leaves open what of one instant happens first.)
package assignertest
