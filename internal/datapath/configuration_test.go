//go:build linux

package datapath

import (
	"strings"
	"testing"
	"time"
)

// TestRetimeChangesNumbersAlone compares a configuration word by word with itself retimed.
func TestRetimeChangesNumbersAlone(t *testing.T) {
	t.Parallel()
	before := render(t, inputs(map[string]any{"status_port": 8405}))
	after, err := before.Retime(map[string]time.Duration{"hold timeout": 1500 * time.Millisecond, "timeout tunnel": time.Second, "inter": time.Second})
	if err != nil {
		t.Fatal(err)
	}
	old, retimed := strings.Split(before.Files[ConfigPath], "\n"), strings.Split(after.Files[ConfigPath], "\n")
	if len(old) != len(retimed) {
		t.Fatalf("%d lines became %d", len(old), len(retimed))
	}
	changes := map[string]string{}
	for i := range old {
		words, now := strings.Fields(old[i]), strings.Fields(retimed[i])
		if len(words) != len(now) {
			t.Fatalf("%q became %q", old[i], retimed[i])
		}
		for n := range words {
			if words[n] != now[n] {
				changes[words[n-1]] = now[n]
			}
		}
	}
	want := map[string]string{"timeout": "1500ms", "tunnel": "1000ms", "inter": "1000ms"}
	if len(changes) != len(want) {
		t.Errorf("changed %v, want %v", changes, want)
	}
	for word, value := range want {
		if changes[word] != value {
			t.Errorf("after %q stands %q, want %q", word, changes[word], value)
		}
	}
	if _, err := before.Retime(map[string]time.Duration{"timeout nonsense": time.Second}); err == nil {
		t.Error("a keyword that is not there is no error")
	}
}

// TestUsage watches what a proxy uses over traffic and a reload.
func TestUsage(t *testing.T) {
	t.Parallel()
	l := newLink(t, setup{})
	usage := func() Usage {
		t.Helper()
		u, err := l.Usage()
		if err != nil {
			t.Fatal(err)
		}
		return u
	}
	start := usage()
	if start.RSS < 1<<20 {
		t.Errorf("%d bytes resident", start.RSS)
	}
	l.await("processor time to be counted", func() bool {
		conn := l.dial(openaiName)
		l.wantEcho(conn)
		_ = conn.Close()
		return usage().CPU > start.CPU
	})
	before := usage()
	if err := l.reload(); err != nil {
		t.Fatal(err)
	}
	l.await("the old worker to be gone", func() bool {
		workers, err := l.Workers()
		return err == nil && len(workers) == 1
	})
	if after := usage(); after.CPU < before.CPU {
		t.Errorf("processor time fell from %s to %s when the old worker ended", before.CPU, after.CPU)
	}
}
