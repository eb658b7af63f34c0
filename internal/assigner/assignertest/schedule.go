package assignertest

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Schedule is all that decides how a world goes: its shape, what happens to it and when, which
// faults are at work and how long, and the seed of every latency and chance. The same schedule and
// the same function give the same run, call by call. String writes it as text that
// ParseSchedule reads.
type Schedule struct {
	// Seed decides latencies, boot times, which call meets a fault, and ids.
	Seed uint64
	// Addresses is the size of the pool, Desired the group's first desired capacity, over
	// Zones availability zones.
	Addresses, Desired, Zones int
	// Warm is the least number of stopped instances in the group's warm pool; Reuse returns instances to it on
	// scale-in. Zero is no warm pool.
	Warm  int
	Reuse bool
	// Lenient has EC2 swap a target's address even where the caller forbids reassociation of
	// the new one: AWS does not say that it refuses.
	Lenient bool
	// Retain keeps an instance whose terminate action is abandoned in Terminating:Retained.
	Retain bool
	// Asked runs the terminate hook for an instance whose launch was abandoned: AWS does not say whether it does.
	Asked bool
	// Automatic launches instances with a public address of Amazon's own.
	Automatic bool
	// Stale is how far any read may lag at any time.
	Stale time.Duration
	// Active is how long steps and faults go on; then the world is left in peace.
	Active time.Duration
	Steps  []Step
	Faults []Fault
}

// Step is something that happens to the world once.
type Step struct {
	// At counts from the beginning.
	At time.Duration
	// Verb says what happens; Args are its numbers. A number that picks an instance or
	// an address counts round: any number is good.
	Verb string
	Args []int
}

// verbs names every Step and how many numbers it takes.
var verbs = map[string]int{
	"desired":   1, // the group's desired capacity becomes a number
	"refresh":   1, // an instance refresh, with a maximum healthy percentage
	"end":       1, // EC2 ends a member without Auto Scaling's doing: by hand, or a spot interruption
	"unhealthy": 1, // a member fails its health check
	"abandon":   1, // somebody else completes a waiting member's action with ABANDON
	"detach":    1, // a member leaves the group and goes on running
	"take":      1, // an address is disassociated by hand
	"give":      2, // a free address is associated with a member by hand, as a second one if it has one
	"lend":      1, // a free address is given to a NAT Gateway
	"return":    1, // the NAT Gateway gives it up
	"foreign":   1, // a launching member's interface gets an Elastic IP that is not the pool's
	"release":   1, // an address is released to Amazon by hand
	"add":       0, // the pool grows by an address that waits for admission
	"admit":     1, // the firewall admits an address
	"revoke":    1, // the firewall no longer admits a free address
	"retire":    1, // an address leaves the pool: draining while it is in use, retired otherwise
	"untag":     1, // somebody removes the pool's tag from a free address
}

// Fault is something that goes wrong for a while.
type Fault struct {
	From, For time.Duration
	Kind      string
	// Chance is how likely each call, event or run meets it, from 0 to 1; Lag is the longest
	// delay, for the kinds that are one.
	Chance float64
	Lag    time.Duration
}

// faultKinds names every Fault, and whether its measure is a duration.
var faultKinds = map[string]bool{
	"throttle": false, // a call is refused: RequestLimitExceeded, or Throttling
	"error":    false, // a call fails on AWS's side, without effect
	"lost":     false, // a call takes effect and its answer is lost
	"deny":     false, // IAM refuses a call
	"contend":  false, // Auto Scaling is busy with an update of its own
	"phantom":  false, // an association is answered with success and never comes to be
	"kill":     false, // the function is killed, before or after a call's effect
	"lose":     false, // an event is never delivered
	"double":   false, // an event is delivered again
	"miss":     false, // a scheduled run does not take place
	"stale":    true,  // reads lag
	"slow":     true,  // calls take longer
	"late":     true,  // events are delivered late, and so in another order
}

// String writes the schedule as text, one line a thing.
func (s Schedule) String() string {
	var b strings.Builder
	for _, f := range s.fields() {
		if text := f.format(); text != "" {
			fmt.Fprintf(&b, "%s %s\n", f.name, text)
		}
	}
	for _, step := range s.Steps {
		fmt.Fprintf(&b, "at %s %s", step.At, step.Verb)
		for _, arg := range step.Args {
			fmt.Fprintf(&b, " %d", arg)
		}
		b.WriteByte('\n')
	}
	for _, f := range s.Faults {
		measure := strconv.FormatFloat(f.Chance, 'g', -1, 64)
		if faultKinds[f.Kind] {
			measure = f.Lag.String()
		}
		fmt.Fprintf(&b, "from %s for %s %s %s\n", f.From, f.For, f.Kind, measure)
	}
	return b.String()
}

// ParseSchedule reads what String wrote. Empty lines and those that begin with # are skipped. An error
// names each line that is not understood.
func ParseSchedule(text string) (Schedule, error) {
	var s Schedule
	var errs []error
	for n, line := range strings.Split(text, "\n") {
		words := strings.Fields(line)
		if len(words) == 0 || strings.HasPrefix(words[0], "#") {
			continue
		}
		if err := s.read(words); err != nil {
			errs = append(errs, fmt.Errorf("line %d, %q: %w", n+1, line, err))
		}
	}
	if len(errs) > 0 {
		return Schedule{}, errors.Join(errs...)
	}
	slices.SortStableFunc(s.Steps, func(x, y Step) int { return cmp.Compare(x.At, y.At) })
	return s, nil
}

func (s *Schedule) read(words []string) error {
	switch {
	case words[0] == "at" && len(words) >= 3:
		return s.readStep(words[1], words[2], words[3:])
	case words[0] == "from" && len(words) == 6 && words[2] == "for":
		return s.readFault(words[1], words[3], words[4], words[5])
	}
	for _, f := range s.fields() {
		if f.name == words[0] && len(words) == 2 {
			return f.parse(words[1])
		}
	}
	return errors.New("neither a setting, nor `at <time> <step> <numbers>`, nor `from <time> for <time> <fault> <measure>`")
}

func (s *Schedule) readStep(at, verb string, args []string) error {
	want, known := verbs[verb]
	when, err := time.ParseDuration(at)
	switch {
	case !known:
		return fmt.Errorf("no step is called %q", verb)
	case err != nil:
		return err
	case len(args) != want:
		return fmt.Errorf("%s takes %d numbers", verb, want)
	}
	step := Step{At: when, Verb: verb}
	for _, arg := range args {
		n, err := strconv.Atoi(arg)
		if err != nil || n < 0 {
			return fmt.Errorf("%q is not a number from 0", arg)
		}
		step.Args = append(step.Args, n)
	}
	s.Steps = append(s.Steps, step)
	return nil
}

func (s *Schedule) readFault(from, length, kind, measure string) error {
	lag, known := faultKinds[kind]
	if !known {
		return fmt.Errorf("no fault is called %q", kind)
	}
	f := Fault{Kind: kind}
	var err error
	if lag {
		f.Lag, err = time.ParseDuration(measure)
	} else {
		f.Chance, err = strconv.ParseFloat(measure, 64)
	}
	if err != nil {
		return err
	}
	if f.From, err = time.ParseDuration(from); err != nil {
		return err
	}
	if f.For, err = time.ParseDuration(length); err != nil {
		return err
	}
	s.Faults = append(s.Faults, f)
	return nil
}

// field is one setting of the text form; format gives "" for what goes without saying.
type field struct {
	name   string
	format func() string
	parse  func(string) error
}

func (s *Schedule) fields() []field {
	return []field{
		{"seed", func() string { return strconv.FormatUint(s.Seed, 10) }, func(text string) (err error) {
			s.Seed, err = strconv.ParseUint(text, 10, 64)
			return err
		}},
		number("addresses", &s.Addresses), number("desired", &s.Desired), number("zones", &s.Zones), number("warm", &s.Warm),
		flag("reuse", &s.Reuse), flag("lenient", &s.Lenient), flag("retain", &s.Retain), flag("asked", &s.Asked), flag("automatic", &s.Automatic),
		duration("stale", &s.Stale), duration("active", &s.Active),
	}
}

func number(name string, at *int) field {
	return field{name, func() string { return strconv.Itoa(*at) }, func(text string) (err error) {
		*at, err = strconv.Atoi(text)
		return err
	}}
}

func flag(name string, at *bool) field {
	format := func() string {
		if *at {
			return "true"
		}
		return ""
	}
	return field{name, format, func(text string) (err error) {
		*at, err = strconv.ParseBool(text)
		return err
	}}
}

func duration(name string, at *time.Duration) field {
	return field{name, func() string { return at.String() }, func(text string) (err error) {
		*at, err = time.ParseDuration(text)
		return err
	}}
}
