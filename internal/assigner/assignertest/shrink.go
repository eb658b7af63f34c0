package assignertest

import "slices"

// Shrink leaves out of a failing schedule what its failing does not need: it drops steps and
// faults, in halves at first and one by one in the end, as long as failing still says so.
// tries bounds how often failing is asked.
func Shrink(s Schedule, tries int, failing func(Schedule) bool) Schedule {
	ask := func(candidate Schedule) bool {
		tries--
		return tries >= 0 && failing(candidate)
	}
	s.Steps = shrinkList(s.Steps, func(steps []Step) bool {
		candidate := s
		candidate.Steps = steps
		return ask(candidate)
	})
	s.Faults = shrinkList(s.Faults, func(faults []Fault) bool {
		candidate := s
		candidate.Faults = faults
		return ask(candidate)
	})
	for _, plain := range []func(*Schedule){
		func(c *Schedule) { c.Warm, c.Reuse = 0, false },
		func(c *Schedule) { c.Retain = false },
		func(c *Schedule) { c.Asked = false },
		func(c *Schedule) { c.Automatic = false },
		func(c *Schedule) { c.Lenient = false },
		func(c *Schedule) { c.Zones = 1 },
		func(c *Schedule) { c.Stale = 0 },
	} {
		candidate := s
		if plain(&candidate); ask(candidate) {
			s = candidate
		}
	}
	return s
}

func shrinkList[T any](list []T, failing func([]T) bool) []T {
	for chunk := len(list); chunk > 0; chunk /= 2 {
		for start := 0; start < len(list); {
			shorter := slices.Delete(slices.Clone(list), start, min(start+chunk, len(list)))
			if failing(shorter) {
				list = shorter
				continue
			}
			start += chunk
		}
	}
	return list
}
