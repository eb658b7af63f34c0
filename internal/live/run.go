package live

import (
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/waiter"
)

// Bounds of the pause between two polls: an answer that is a time is the better the sooner polls begin.
const (
	pollSoonest = 500 * time.Millisecond
	pollLatest  = 10 * time.Second
)

// Run is an acceptance test: it asks a suite's questions of the accounts that the environment leads to,
// one subtest a question, if the suite's switch is set, and writes the report to dir. An interrupt ends
// the asking and not the cleaning up; a second one ends that too.
func Run(t *testing.T, suite Suite, dir string) {
	if os.Getenv(suite.Switch) == "" {
		t.Skipf("asks real accounts of %s: set %s=1 to have it do so (see %s)", suite.Cloud, suite.Switch, Guide)
	}
	ctx, stop := signal.NotifyContext(t.Context(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	session, err := NewSession(Options{Getenv: os.Getenv, Log: func(line string) { t.Log(line) }, Journal: filepath.Join(dir, suite.Cloud+".made"), Waiter: waiter.Waiter{Min: pollSoonest, Max: pollLatest}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if ctx.Err() != nil {
			t.Errorf("interrupted: cleaning up; another interrupt leaves what %s.made lists", filepath.Join(dir, suite.Cloud))
			stop()
		}
		finish(t, session, suite, dir)
	}()
	for _, q := range suite.Questions {
		t.Run(q.ID, func(t *testing.T) { tell(t, session.Ask(ctx, q)) })
	}
}

// tell passes a result on to the test of its question.
func tell(t *testing.T, result Result) {
	switch {
	case result.Status == NotAsked:
		t.Skip(result.Seen)
	case result.Status == Failed:
		t.Errorf("the question could not be put.\n%s", result.Text())
	case result.Broken():
		t.Errorf("the provider relies on another answer: please report this.\n%s", result.Text())
	default:
		t.Log("\n" + result.Text())
	}
}

func finish(t *testing.T, session *Session, suite Suite, dir string) {
	report, err := session.Close(t.Context(), suite.Cloud)
	if err != nil {
		t.Errorf("not everything could be removed: %s", err)
	}
	var table strings.Builder
	report.WriteTable(&table)
	t.Log("\n" + table.String())
	path, err := report.WriteJSON(dir)
	if err != nil {
		t.Error(err)
		return
	}
	t.Logf("the whole report is %s", path)
}
