package live_test

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/live"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/live/awslive"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/live/azurelive"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/live/databrickslive"
)

// guideTemplate is what live.Guide is generated from.
const guideTemplate = "../../templates/guides/assumptions.md"

var (
	// settledBy is how the last cell of a row begins that a question settles.
	settledBy = regexp.MustCompile("^<a id=\"([a-z0-9-]+)\"></a>`([a-z0-9-]+)`\\. ")
	// mentioned is a question that the guide names.
	mentioned = regexp.MustCompile("`((?:aws|azure|databricks)-[a-z0-9-]+)`")
	// idPattern is the form of an id: it is a name in `go test -run` and a fragment of the guide's address.
	idPattern = regexp.MustCompile(`^[a-z]+(-[a-z0-9]+)+$`)
)

func suites() []live.Suite {
	return []live.Suite{awslive.Suite(awslive.Options{}), azurelive.Suite(azurelive.Options{}), databrickslive.Suite(databrickslive.Options{})}
}

// assumptions are the rows of the guide's tables of facts.
func assumptions(t *testing.T, text string) [][]string {
	t.Helper()
	var rows [][]string
	facts := false
	for line := range strings.SplitSeq(text, "\n") {
		switch {
		case strings.HasPrefix(line, "| fact |"):
			facts = true
		case !strings.HasPrefix(line, "|"):
			facts = false
		case facts && !strings.HasPrefix(line, "| ---"):
			cells := strings.Split(strings.TrimSuffix(strings.TrimPrefix(line, "| "), " |"), " | ")
			if len(cells) != 4 {
				t.Fatalf("a row of %d cells: %s", len(cells), line)
			}
			rows = append(rows, cells)
		}
	}
	return rows
}

func readGuide(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(guideTemplate)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestEachAssumptionNamesTheQuestionThatSettlesIt(t *testing.T) {
	guide := readGuide(t)
	questions, settled := map[string]live.Question{}, map[string]bool{}
	for _, suite := range suites() {
		for _, q := range suite.Questions {
			if !idPattern.MatchString(q.ID) || !strings.HasPrefix(q.ID, suite.Cloud+"-") {
				t.Errorf("%q is no id of suite %s", q.ID, suite.Cloud)
			}
			if _, twice := questions[q.ID]; twice {
				t.Errorf("there are two questions %s", q.ID)
			}
			questions[q.ID] = q
		}
	}
	for _, row := range assumptions(t, guide) {
		fact, behaves, last := row[0], row[2], row[3]
		if reason, none := strings.CutPrefix(last, "None: "); none && reason != "" {
			continue
		}
		match := settledBy.FindStringSubmatch(last)
		if match == nil || match[1] != match[2] {
			t.Errorf("the last cell of %q begins neither with a question nor with None: %q", fact, last)
			continue
		}
		q, ok := questions[match[1]]
		if !ok {
			t.Errorf("%q is to be settled by %s, which no suite has", fact, match[1])
			continue
		}
		if settled[q.ID] {
			t.Errorf("%s settles two rows: the report can lead to one alone", q.ID)
		}
		settled[q.ID] = true
		if strings.HasPrefix(behaves, "Relied on") != (q.Reliance == live.ReliedOn) {
			t.Errorf("%s is %q in its suite, and in the guide %q", q.ID, q.Reliance, behaves)
		}
	}
	for id := range questions {
		if !settled[id] {
			t.Errorf("no assumption of the guide is settled by %s", id)
		}
	}
	for _, match := range mentioned.FindAllStringSubmatch(guide, -1) {
		if _, ok := questions[match[1]]; !ok {
			t.Errorf("the guide names %s, which no suite has", match[1])
		}
	}
}

func TestTheGuideListsTheInputs(t *testing.T) {
	guide := readGuide(t)
	var table strings.Builder
	for _, suite := range suites() {
		var known []string
		for _, input := range suite.Inputs {
			known = append(known, input.Name)
			fmt.Fprintf(&table, "| `%s` | %s | %s |\n", input.Name, input.Meaning, suite.Cloud)
		}
		for _, q := range suite.Questions {
			for _, name := range q.Needs {
				if !slices.Contains(known, name) {
					t.Errorf("%s needs %s, which is no input of its suite", q.ID, name)
				}
			}
		}
	}
	if !strings.Contains(guide, table.String()) {
		t.Errorf("the table of inputs in %s is not\n%s", guideTemplate, table.String())
	}
}

func TestEachQuestionIsWhole(t *testing.T) {
	for _, suite := range suites() {
		for _, q := range suite.Questions {
			if q.Text == "" || !strings.HasSuffix(q.Text, "?") || len(q.Calls) == 0 || q.Ask == nil || q.Reliance == "" {
				t.Errorf("%s lacks something: %+v", q.ID, q)
			}
			if q.Reliance == live.ReliedOn && len(q.Assumed) == 0 {
				t.Errorf("%s is relied on, and no answer is assumed", q.ID)
			}
		}
	}
}
