package eiptag

import (
	"strings"
	"time"
)

// maxValue is the longest tag value that EC2 takes, in characters.
const maxValue = 256

// Note is the value of a tag that says when something happened and why: an RFC 3339 time, a space,
// the reason, which loses its end where there is no room for it.
func Note(at time.Time, reason string) string {
	value := []rune(at.UTC().Format(time.RFC3339) + " " + reason)
	return string(value[:min(len(value), maxValue)])
}

// ParseNote splits what Note joined; at is zero when the value is not ours to read.
func ParseNote(value string) (at time.Time, reason string) {
	stamp, reason, _ := strings.Cut(value, " ")
	at, err := time.Parse(time.RFC3339, stamp)
	if err != nil {
		return time.Time{}, value
	}
	return at, reason
}
