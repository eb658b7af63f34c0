package elasticip

import (
	"slices"
	"time"
)

// version is an address from a moment on.
type version struct {
	since   time.Time
	address Address
	gone    bool // it was released then
}

// ListAsOf returns the addresses as they were at a moment, oldest first: what a stale read shows. A
// moment before all that the Book remembers (see Options.Remember) stands for the earliest that it does.
func (b *Book) ListAsOf(t time.Time) []Address {
	if b.options.Remember <= 0 {
		return b.List()
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if earliest := b.earliest(); t.Before(earliest) {
		t = earliest
	}
	out := make([]Address, 0, len(b.entries))
	for _, e := range b.entries {
		for _, v := range slices.Backward(e.versions) {
			if !v.since.After(t) {
				if !v.gone {
					out = append(out, v.address)
				}
				break
			}
		}
	}
	return out
}

func (b *Book) earliest() time.Time { return b.options.Now().Add(-b.options.Remember) }

// remember notes an address's new state, and drops of its past what ListAsOf cannot reach any more.
func (b *Book) remember(e *entry) {
	if b.options.Remember > 0 {
		e.note(version{since: b.options.Now(), address: e.now}, b.earliest())
	}
}

func (e *entry) note(v version, earliest time.Time) {
	reachable := 0
	for i, old := range e.versions {
		if !old.since.After(earliest) {
			reachable = i
		}
	}
	e.versions = append(slices.Delete(e.versions, 0, reachable), v)
}

// forgetEntry drops an address that was released, and those before it whose past cannot be reached any more.
func (b *Book) forgetEntry(released *entry) {
	if b.options.Remember > 0 {
		released.note(version{since: b.options.Now(), gone: true}, b.earliest())
	}
	earliest := b.earliest()
	b.entries = slices.DeleteFunc(b.entries, func(e *entry) bool {
		if b.options.Remember <= 0 {
			return e == released
		}
		last := e.versions[len(e.versions)-1]
		return last.gone && !last.since.After(earliest)
	})
}
