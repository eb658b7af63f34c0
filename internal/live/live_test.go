package live_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/live"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/waiter"
)

func newSession(t *testing.T, journal string, inputs map[string]string) (*live.Session, *[]string) {
	t.Helper()
	lines := &[]string{}
	session, err := live.NewSession(live.Options{
		Getenv: func(name string) string { return inputs[name] }, Journal: journal,
		Log: func(line string) { *lines = append(*lines, line) },
	})
	if err != nil {
		t.Fatal(err)
	}
	return session, lines
}

// answering is a question with a fixed answer.
func answering(q live.Question, is string, err error) live.Question {
	q.ID = "q"
	q.Ask = func(context.Context, *live.Session) (live.Answer, error) {
		return live.Answer{Is: is, Seen: "so it was"}, err
	}
	return q
}

func TestWhatBecomesOfAQuestion(t *testing.T) {
	_, undecided := live.Undecided("it was busy")
	relied, guarded := live.Question{Assumed: []string{"yes", "aye"}, Reliance: live.ReliedOn}, live.Question{Assumed: []string{"yes"}, Reliance: live.Guarded}
	tests := map[string]struct {
		question live.Question
		status   live.Status
		broken   bool
		text     string
	}{
		"as assumed":               {answering(relied, "aye", nil), live.Agrees, false, "assumed:  yes, or aye (relied on; " + live.Guide + "#q)"},
		"otherwise, and relied on": {answering(relied, "no", nil), live.Differs, true, "answer:   no"},
		"otherwise, and guarded":   {answering(guarded, "no", nil), live.Differs, false, "seen:     so it was"},
		"nothing assumed":          {answering(live.Question{Reliance: live.Guarded}, "no", nil), live.Seen, false, "assumed:  no answer"},
		"settles nothing":          {answering(relied, "", undecided), live.Undecidable, false, "it was busy"},
		"cannot be put":            {answering(relied, "", errors.New("no network")), live.Failed, false, "no network"},
		"an input is missing":      {answering(live.Question{Needs: []string{"GIVEN", "MISSING"}}, "yes", nil), live.NotAsked, false, "not asked: set MISSING"},
		"it panics":                {live.Question{Ask: func(context.Context, *live.Session) (live.Answer, error) { panic("oh") }}, live.Failed, false, "panicked: oh"},
		"it takes longer than allowed": {live.Question{Timeout: time.Millisecond, Ask: func(ctx context.Context, _ *live.Session) (live.Answer, error) {
			<-ctx.Done()
			return live.Answer{}, ctx.Err()
		}}, live.Failed, false, "deadline exceeded"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			session, _ := newSession(t, "", map[string]string{"GIVEN": "x"})
			got := session.Ask(t.Context(), test.question)
			if got.Status != test.status || got.Broken() != test.broken || !strings.Contains(got.Text(), test.text) {
				t.Errorf("got status %s, broken %t, want %s, %t and %q:\n%s", got.Status, got.Broken(), test.status, test.broken, test.text, got.Text())
			}
		})
	}
}

func TestEverythingIsRemovedWhateverHappens(t *testing.T) {
	journal := filepath.Join(t.TempDir(), "live", "cloud.made")
	session, _ := newSession(t, journal, nil)
	ctx, interrupt := context.WithCancel(t.Context())
	var removed []string
	remove := func(what string, err error) func(context.Context) error {
		return func(ctx context.Context) error {
			removed = append(removed, what)
			return errors.Join(err, ctx.Err())
		}
	}
	result := session.Ask(ctx, live.Question{ID: "q", Ask: func(context.Context, *live.Session) (live.Answer, error) {
		for _, what := range []string{"network", "address"} {
			if _, err := session.Making(what, remove(what, nil)); err != nil {
				t.Error(err)
			}
		}
		early, err := session.Making("instance", remove("instance", nil))
		if err != nil || early.Remove(ctx) != nil || early.Remove(ctx) != nil {
			t.Error("the instance cannot be removed early")
		}
		if _, err := session.Making("stubborn", remove("stubborn", errors.New("in use"))); err != nil {
			t.Error(err)
		}
		if text, err := os.ReadFile(journal); err != nil || string(text) != "network\naddress\nstubborn\n" {
			t.Errorf("the journal is %q (%v)", text, err)
		}
		interrupt()
		return live.Answer{}, ctx.Err()
	}})
	if result.Status != live.Failed {
		t.Errorf("status %s", result.Status)
	}
	if later := session.Ask(ctx, answering(live.Question{}, "yes", nil)); later.Status != live.NotAsked || !strings.Contains(later.Seen, "interrupted") {
		t.Errorf("asked after the interrupt: %s", later.Text())
	}
	report, err := session.Close(ctx, "cloud")
	if want := []string{"instance", "stubborn", "address", "network"}; !slices.Equal(removed, want) {
		t.Errorf("removed %v, want %v: the newest first, and each once", removed, want)
	}
	if err == nil || !strings.Contains(err.Error(), "removing stubborn: in use") || !slices.Equal(report.Left, []string{"stubborn"}) {
		t.Errorf("what is left is not told: %v, %v", err, report.Left)
	}
	_, said := newSession(t, journal, nil)
	if len(*said) != 1 || !strings.Contains((*said)[0], "stubborn") {
		t.Errorf("the next session says %v of what is left", *said)
	}
}

func TestReport(t *testing.T) {
	session, _ := newSession(t, "", nil)
	session.Ask(t.Context(), answering(live.Question{Text: "Is it?", Calls: []string{"GET"}, Assumed: []string{"yes"}, Reliance: live.Guarded}, "no", nil))
	report, err := session.Close(t.Context(), "cloud")
	if err != nil {
		t.Fatal(err)
	}
	var table strings.Builder
	report.Left = []string{"a thing"}
	report.WriteTable(&table)
	if want := "id | result  | answer | assumed | reliance\nq  | differs | no     | yes     | guarded\nLEFT BEHIND: a thing\n"; table.String() != want {
		t.Errorf("table\n%swant\n%s", table.String(), want)
	}
	path, err := report.WriteJSON(filepath.Join(t.TempDir(), "live"))
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	for _, want := range []string{`"id": "q"`, `"question": "Is it?"`, `"status": "differs"`, `"answer": "no"`, `"guide": "` + live.Guide + `#q"`, `"assumed": [`, `"reliance": "guarded"`} {
		if err != nil || !strings.Contains(string(text), want) {
			t.Errorf("the JSON lacks %s: %v\n%s", want, err, text)
		}
	}
}

func TestWithin(t *testing.T) {
	session, _ := newSession(t, "", nil)
	session.Waiter = waiter.Waiter{Clock: waiter.NewFakeClock(time.Now())}
	never := func(context.Context) (string, bool, error) { return "", false, nil }
	if came, err := session.Within(t.Context(), time.Hour, "never", never); came || err != nil {
		t.Errorf("what never comes about: %t, %v", came, err)
	}
	if came, err := session.Within(t.Context(), time.Hour, "now", func(context.Context) (string, bool, error) { return "", true, nil }); !came || err != nil {
		t.Errorf("what comes about: %t, %v", came, err)
	}
	if came, err := session.Within(t.Context(), time.Hour, "trouble", func(context.Context) (string, bool, error) { return "", true, errors.New("no") }); came || err == nil {
		t.Errorf("what fails: %t, %v", came, err)
	}
}
