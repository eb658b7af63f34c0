// Package livetest puts the suites of live questions to emulated clouds, in tests.
package livetest

import (
	"slices"
	"testing"
	"time"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/live"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/waiter"
)

// Ask puts the questions with these ids, or all if none is named, as live.Run does, and returns the
// results by id. What cannot be removed in the end fails the test.
func Ask(t *testing.T, suite live.Suite, getenv func(string) string, ids ...string) map[string]live.Result {
	t.Helper()
	results, err := AskWith(t, waiter.Waiter{Min: 5 * time.Millisecond, Max: 50 * time.Millisecond}, suite, getenv, ids...)
	if err != nil {
		t.Error(err)
	}
	return results
}

// AskWith is Ask with a way of waiting. Its error says what could not be removed in the end.
func AskWith(t *testing.T, w waiter.Waiter, suite live.Suite, getenv func(string) string, ids ...string) (map[string]live.Result, error) {
	t.Helper()
	session, err := live.NewSession(live.Options{Getenv: getenv, Log: func(line string) { t.Log(line) }, Waiter: w})
	if err != nil {
		t.Fatal(err)
	}
	results := map[string]live.Result{}
	for _, q := range suite.Questions {
		if len(ids) == 0 || slices.Contains(ids, q.ID) {
			results[q.ID] = session.Ask(t.Context(), q)
		}
	}
	for _, id := range ids {
		if _, ok := results[id]; !ok {
			t.Errorf("the suite has no question %s", id)
		}
	}
	_, err = session.Close(t.Context(), suite.Cloud)
	return results, err
}

// Want checks that these and no other questions were asked, and what came of each: "agrees: refused with
// 412" is a status and an answer, "*" anything.
func Want(t *testing.T, results map[string]live.Result, want map[string]string) {
	t.Helper()
	for id, result := range results {
		wanted, ok := want[id]
		if got := string(result.Status) + ": " + result.Answer; !ok || wanted != "*" && got != wanted {
			t.Errorf("%s: got %q, want %q\n%s", id, got, wanted, result.Text())
		}
	}
	for id := range want {
		if _, ok := results[id]; !ok {
			t.Errorf("%s was not asked", id)
		}
	}
}
