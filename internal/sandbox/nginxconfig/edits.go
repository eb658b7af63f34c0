package nginxconfig

import (
	"slices"
	"strings"
)

// edits are changes to a text: pieces of it and what comes in their place.
type edits struct{ list []edit }

type edit struct {
	span

	text string
}

func (e *edits) replace(at span, text string) { e.list = append(e.list, edit{at, text}) }

func (e *edits) insert(at int, text string) { e.replace(span{at, at}, text) }

// apply returns text with the changes made, which do not overlap.
func (e *edits) apply(text string) string {
	slices.SortStableFunc(e.list, func(a, b edit) int { return a.from - b.from })
	var out strings.Builder
	end := 0
	for _, change := range e.list {
		out.WriteString(text[end:change.from])
		out.WriteString(change.text)
		end = change.to
	}
	out.WriteString(text[end:])
	return out.String()
}
