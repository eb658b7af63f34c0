package eiptag

import (
	"strings"
	"testing"
	"time"
)

func TestNotesAreReadBack(t *testing.T) {
	since, reason := ParseNote("2026-01-02T03:04:05Z claimed by i-00")
	if !since.Equal(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)) || reason != "claimed by i-00" {
		t.Errorf("got %s, %q", since, reason)
	}
	if since, reason := ParseNote("by hand"); !since.IsZero() || reason != "by hand" {
		t.Errorf("got %s, %q", since, reason)
	}
	if at, reason := ParseNote(Note(time.Unix(1, 0), strings.Repeat("ä", 300))); at.Unix() != 1 || len([]rune(Note(at, reason))) != maxValue {
		t.Errorf("got %s, %q", at, reason)
	}
}
