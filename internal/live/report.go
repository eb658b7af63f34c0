package live

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Status is what came of a question.
type Status string

// All that can come of a question.
const (
	// Agrees: the answer is one that the provider assumes.
	Agrees Status = "agrees"
	// Differs: it is another.
	Differs Status = "differs"
	// Seen: there is an answer, and the provider assumes none.
	Seen Status = "seen"
	// Undecidable: the cloud answered, and the answer settles nothing.
	Undecidable Status = "undecided"
	// NotAsked: an input is missing, or the run was interrupted.
	NotAsked Status = "not asked"
	// Failed: the question could not be put.
	Failed Status = "failed"
)

// Result is a question with its answer, as the JSON report has it.
type Result struct {
	ID       string   `json:"id"`
	Question string   `json:"question"`
	Calls    []string `json:"calls"`
	Assumed  []string `json:"assumed"`
	Reliance Reliance `json:"reliance"`
	// Guide is the assumption's row, relative to the repository's root.
	Guide  string `json:"guide"`
	Status Status `json:"status"`
	// Answer is in the words of Assumed; Seen is what it was read from, or why there is none.
	Answer  string  `json:"answer"`
	Seen    string  `json:"seen"`
	Seconds float64 `json:"seconds"`
}

func resultOf(q Question) Result {
	return Result{ID: q.ID, Question: q.Text, Calls: q.Calls, Assumed: append([]string{}, q.Assumed...), Reliance: q.Reliance, Guide: Guide + "#" + q.ID}
}

func (r *Result) judge(q Question, answer Answer, err error) {
	r.Answer, r.Seen = answer.Is, answer.Seen
	switch {
	case undecided(err):
		r.Status, r.Seen = Undecidable, err.Error()
	case err != nil:
		r.Status, r.Seen = Failed, err.Error()
	case len(q.Assumed) == 0:
		r.Status = Seen
	case slices.Contains(q.Assumed, answer.Is):
		r.Status = Agrees
	default:
		r.Status = Differs
	}
}

// Broken reports whether the answer is a defect of the provider: it differs from what is relied on.
func (r Result) Broken() bool { return r.Status == Differs && r.Reliance == ReliedOn }

// Text is the whole result for a reader.
func (r Result) Text() string {
	assumed := "no answer"
	if len(r.Assumed) > 0 {
		assumed = strings.Join(r.Assumed, ", or ")
	}
	lines := []string{
		r.Question,
		"asked by: " + strings.Join(r.Calls, "; "),
		fmt.Sprintf("assumed:  %s (%s; %s)", assumed, r.Reliance, r.Guide),
	}
	if r.Answer != "" {
		lines = append(lines, "answer:   "+r.Answer)
	}
	if r.Seen != "" {
		lines = append(lines, "seen:     "+r.Seen)
	}
	return strings.Join(append(lines, "result:   "+string(r.Status)), "\n")
}

// Report is a session's results, as .build/live/<cloud>.json has them.
type Report struct {
	Cloud    string    `json:"cloud"`
	Session  string    `json:"session"`
	Started  time.Time `json:"started"`
	Finished time.Time `json:"finished"`
	Results  []Result  `json:"results"`
	// Left is what the session made and could not remove.
	Left []string `json:"left"`
}

// maxCell bounds a cell of the table; the JSON has all of it.
const maxCell = 60

// WriteTable writes a line a question under a head.
func (r Report) WriteTable(out io.Writer) {
	cells := [][]string{{"id", "result", "answer", "assumed", "reliance"}}
	for _, result := range r.Results {
		answer := result.Answer
		if answer == "" {
			answer = result.Seen
		}
		cells = append(cells, []string{result.ID, string(result.Status), answer, strings.Join(result.Assumed, ", or "), string(result.Reliance)})
	}
	widths := make([]int, len(cells[0]))
	for _, line := range cells {
		for i := range line {
			line[i] = short(line[i])
			widths[i] = max(widths[i], utf8.RuneCountInString(line[i]))
		}
	}
	for _, line := range cells {
		for i := range line {
			line[i] += strings.Repeat(" ", widths[i]-utf8.RuneCountInString(line[i]))
		}
		fmt.Fprintln(out, strings.TrimRight(strings.Join(line, " | "), " "))
	}
	for _, what := range r.Left {
		fmt.Fprintf(out, "LEFT BEHIND: %s\n", what)
	}
}

func short(text string) string {
	text, _, _ = strings.Cut(text, "\n")
	if runes := []rune(text); len(runes) > maxCell {
		return string(runes[:maxCell-1]) + "…"
	}
	return text
}

// WriteJSON writes the report to <dir>/<cloud>.json, and returns the file's path.
func (r Report) WriteJSON(dir string) (string, error) {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("writing the report: %w", err)
	}
	path := filepath.Join(dir, r.Cloud+".json")
	return path, replaceFile(path, append(text, '\n'))
}
