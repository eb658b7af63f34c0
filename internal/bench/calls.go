package bench

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// CallCounts are how often each operation was asked for.
type CallCounts map[string]int

// Total is how many calls there were.
func (c CallCounts) Total() (n int) {
	for _, times := range c {
		n += times
	}
	return n
}

// String lists the operations in the order of their names.
func (c CallCounts) String() string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(c)) {
		parts = append(parts, fmt.Sprintf("%s ×%d", name, c[name]))
	}
	return strings.Join(parts, ", ")
}
